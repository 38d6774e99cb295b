"""Reductions made of ops, under NumPy's names, typed; their arguments are those of `sum`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tape import Array, Operand
from .._typing import Axis
from .._values import array, shape_of
from ..ops._arithmetic import square
from ..ops._define import answers
from ..ops._norms import deviation
from ..ops._reduce import axes_of, mean, sum


@answers(np.var)
def var(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """The variance along axes: the sum of squared deviations over (count - ddof).

    >>> float(var(np.array([1.0, 3.0])))
    1.0
    """
    x = array(x)
    axes = axes_of(x, axis)
    count = math.prod(shape_of(x)[i] for i in axes)
    deviation: Any = x - mean.bind(x, axes=axes, keepdims=True)
    total = sum.bind(square(deviation), axes=axes, keepdims=bool(keepdims))
    result: Array = total / float(count - ddof) if count != ddof else total * math.nan
    return result


@answers(np.std)
def std(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """The standard deviation along axes; the derivative where several are all equal is NaN.

    >>> float(std(np.array([1.0, 3.0])))
    1.0
    """
    x = array(x)
    return deviation.bind(x, axes=axes_of(x, axis), ddof=ddof, keepdims=bool(keepdims))
