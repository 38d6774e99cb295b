"""Optimisers as gradient transformations: pure (init, update) pairs, and schedules for them."""

from .._words import absent_from as _absent_from
from ._schedules import (
    Schedule as Schedule,
    constant as constant,
    cosine_decay as cosine_decay,
    exponential_decay as exponential_decay,
    linear_decay as linear_decay,
)
from ._sgd import (
    Steps as Steps,
    Velocity as Velocity,
    add_l2 as add_l2,
    l2_penalty as l2_penalty,
    momentum as momentum,
    scale as scale,
    sgd as sgd,
)
from ._transform import (
    Transformation as Transformation,
    Update as Update,
    apply_updates as apply_updates,
    chain as chain,
)

# What other libraries call what is here. Type checkers see no such function, and miss nothing.
globals()["__getattr__"] = _absent_from(__name__)
