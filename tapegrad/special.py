"""Special functions under SciPy's names, typed; SciPy itself is not needed."""

from __future__ import annotations

from typing import Any

from . import ops
from ._tape import Array, Operand, operand
from ._typing import Axis
from .numpy._reduce import _operand, axes_of


def erf(x: Operand, /) -> Array:
    """The error function, 2/√π times the integral of exp(-t²) from 0 to x; any shape.

    >>> float(erf(0.0))
    0.0
    """
    result: Array = ops.erf(operand(x))
    return result


def logsumexp(a: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """log(sum(exp(a))) along axes, without overflow.

    >>> float(logsumexp([1000.0, -1000.0]))
    1000.0
    """
    x: Any = _operand(a)
    result: Array = ops.logsumexp(x, axes=axes_of(x, axis), keepdims=keepdims)
    return result
