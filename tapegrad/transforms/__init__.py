"""Functions of functions: gradients, derivatives along directions, Jacobians, batching, recording."""

from ._batch import vmap as vmap
from ._curvature import hessian as hessian
from ._curvature import hvp as hvp
from ._curvature import jacfwd as jacfwd
from ._curvature import jacrev as jacrev
from ._custom import custom_vjp as custom_vjp
from ._forward import jvp as jvp
from ._record import Recording as Recording
from ._record import label as label
from ._record import record as record
from ._record import stop_gradient as stop_gradient
from ._reverse import grad as grad
from ._reverse import value_and_grad as value_and_grad
from ._reverse import vjp as vjp
