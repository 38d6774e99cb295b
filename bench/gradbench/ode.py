"""ode: a chain of differential equations by Runge-Kutta steps, differentiated through the loop.

y[0]' = x[0] and y[i]' = x[i] y[i-1], y(0) = 0, to t = 2. (The specification's text writes a sum in
front of x[i] y[i-1]; its reference answers, like those of the benchmark that it comes from, are
those of the equations without it.)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar

from ._tool import Function

END = 2.0


def slope(x: Array, y: Array) -> Array:
    """dy/dt: x[0], then x[i] y[i-1]."""
    return x * tnp.concatenate([np.ones(1), y[:-1]])


def solve(x: Array, steps: int) -> Array:
    """y at the end, by the classical fourth-order method; x (n,) gives y (n,)."""
    h = END / steps
    y: Array = np.zeros(len(x))
    for _ in range(steps):
        k1 = slope(x, y)
        k2 = slope(x, y + h / 2 * k1)
        k3 = slope(x, y + h / 2 * k2)
        k4 = slope(x, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def last(x: Array, steps: int) -> Scalar:
    """The last element of the solution."""
    return solve(x, steps)[-1]


gradient = tg.grad(last)


def read(given: Any) -> tuple[NDArray[np.float64], int]:
    """The coefficients and the number of steps."""
    return np.array(given["x"], dtype=np.float64), int(given["s"])


def write(vector: Array) -> Any:
    """A list of numbers."""
    return np.asarray(vector).tolist()


FUNCTIONS = {
    "primal": Function(lambda given: solve(*given), read, write),
    "gradient": Function(lambda given: gradient(*given), read, write),
}
