"""llsq: half the squared distance between the sign function and a polynomial, on a grid."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar

from ._tool import Function


def objective(x: Array, n: int) -> Scalar:
    """x (m,): the coefficients, lowest power first; n: the number of points in [-1, 1]."""
    t = np.linspace(-1.0, 1.0, n)
    powers = np.vander(t, len(x), increasing=True)
    residual = np.sign(t) - powers @ x
    return 0.5 * tnp.sum(residual**2)


gradient = tg.grad(objective)


def read(given: Any) -> tuple[NDArray[np.float64], int]:
    """The coefficients and the number of points."""
    return np.array(given["x"], dtype=np.float64), int(given["n"])


FUNCTIONS = {
    "primal": Function(lambda given: objective(*given), read, float),
    "gradient": Function(lambda given: gradient(*given), read, lambda g: np.asarray(g).tolist()),
}
