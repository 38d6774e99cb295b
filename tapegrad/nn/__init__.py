"""Neural networks: pure functions of (parameters, input), over any tree of parameters."""

from .._words import absent_from as _absent_from
from ._activations import (
    log_softmax as log_softmax,
    relu as relu,
    sigmoid as sigmoid,
    softmax as softmax,
    softplus as softplus,
)
from ._init import (
    Initializer as Initializer,
    glorot_uniform as glorot_uniform,
    he_normal as he_normal,
    uniform as uniform,
    zeros as zeros,
)
from ._layers import (
    Activation as Activation,
    Linear as Linear,
    init_linear as init_linear,
    init_mlp as init_mlp,
    linear as linear,
    mlp as mlp,
)
from ._losses import (
    Targets as Targets,
    accuracy as accuracy,
    binary_cross_entropy as binary_cross_entropy,
    cross_entropy as cross_entropy,
    hinge as hinge,
    mean_squared_error as mean_squared_error,
)

# What other libraries call what is here. Type checkers see no such function, and miss nothing.
globals()["__getattr__"] = _absent_from(__name__)
