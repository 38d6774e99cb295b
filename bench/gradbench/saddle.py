"""saddle: the saddle point of a function by gradient descent inside gradient descent.

The point x that minimises max over y of f(x, y) is found by descent on a function that itself
finds its maximum by descent, with gradients of its own: derivatives inside derivatives. Both can
be taken in forward or in reverse mode, which gives the four functions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar

from ._tool import Function

Objective = Callable[[Array], Scalar]
Differentiate = Callable[[Objective], Callable[[Array], Array]]

CLOSE = 1e-5  # descent ends when the gradient or the step is shorter
FIRST_RATE = 1e-5
STEPS_PER_RATE = 10


def saddle_function(x: Array, y: Array) -> Scalar:
    """|x|^2 - |y|^2; x (2,), y (2,)."""
    return tnp.sum(x**2) - tnp.sum(y**2)


def argmin(f: Objective, start: Array, differentiate: Differentiate) -> Array:
    """Where f is smallest, by descent from `start`.

    The rate doubles after ten steps that went down and halves after one that did not. That is the
    benchmark's rule, so that all tools take the same steps. f's result may be traced from outside;
    the comparisons then look at its value.
    """
    slope_of = differentiate(f)
    x, value, slope = start, f(start), slope_of(start)
    rate, accepted = FIRST_RATE, 0
    while _length(slope) > CLOSE:
        if accepted == STEPS_PER_RATE:
            rate, accepted = 2.0 * rate, 0
        candidate = x - rate * slope
        if _length(candidate - x) <= CLOSE:
            break
        candidate_value = f(candidate)
        if candidate_value < value:
            x, value, slope = candidate, candidate_value, slope_of(candidate)
            accepted += 1
        else:
            rate, accepted = rate / 2.0, 0
    return x


def argmax(f: Objective, start: Array, differentiate: Differentiate) -> Array:
    """Where f is largest."""
    return argmin(lambda x: -f(x), start, differentiate)


def _length(vector: Array) -> Scalar:
    return tnp.sqrt(tnp.sum(vector**2))


def saddle_point(start: Array, outer: Differentiate, inner: Differentiate) -> Array:
    """The point x, then the point y, (4,)."""

    def worst(x: Array) -> Scalar:
        y = argmax(lambda y: saddle_function(x, y), start, inner)
        return saddle_function(x, y)

    x = argmin(worst, start, outer)
    y = argmax(lambda y: saddle_function(x, y), start, outer)
    return tnp.concatenate([x, y])


def forward(f: Objective) -> Callable[[Array], Array]:
    """The gradient in forward mode."""
    return tg.jacfwd(f)


def reverse(f: Objective) -> Callable[[Array], Array]:
    """The gradient in reverse mode."""
    return tg.grad(f)


def read(given: Any) -> NDArray[np.float64]:
    """The starting point of all descents."""
    return np.array(given["start"], dtype=np.float64)


def _function(outer: Differentiate, inner: Differentiate) -> Function[Any, Array]:
    return Function(
        lambda start: saddle_point(start, outer, inner), read, lambda p: np.asarray(p).tolist()
    )


FUNCTIONS = {
    "ff": _function(forward, forward),
    "fr": _function(forward, reverse),
    "rf": _function(reverse, forward),
    "rr": _function(reverse, reverse),
}
