"""lse: the logarithm of a sum of exponentials, from its elements, and its gradient."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar

from ._tool import Function


def log_sum_exp(x: Array) -> Scalar:
    """x (n,). The largest element is taken out first, so that no exponential overflows."""
    largest = tnp.max(x)
    return largest + tnp.log(tnp.sum(tnp.exp(x - largest)))


def read(given: Any) -> NDArray[np.float64]:
    """The vector x."""
    return np.array(given["x"], dtype=np.float64)


FUNCTIONS = {
    "primal": Function(log_sum_exp, read, float),
    "gradient": Function(tg.grad(log_sum_exp), read, lambda g: np.asarray(g).tolist()),
}
