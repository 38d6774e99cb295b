"""hello: the square of a number, and its derivative."""

import tapegrad as tg
from tapegrad import Scalar

from ._tool import Function


def square(x: Scalar) -> Scalar:
    """x times x."""
    return x * x


FUNCTIONS = {
    "square": Function(square, float, float),
    "double": Function(tg.grad(square), float, float),
}
