"""Functions of functions: gradients, directional derivatives, Jacobians, batching, recording."""

from ._batch import vmap as vmap
from ._curvature import hessian as hessian, hvp as hvp, jacfwd as jacfwd, jacrev as jacrev
from ._custom import custom_vjp as custom_vjp
from ._forward import jvp as jvp
from ._record import (
    Recording as Recording,
    label as label,
    record as record,
    stop_gradient as stop_gradient,
)
from ._reverse import grad as grad, value_and_grad as value_and_grad, vjp as vjp
