"""Reductions made of ops, under NumPy's names, typed."""

from __future__ import annotations

import numpy as np

from .._dispatch import refusal
from .._tape import Array, Operand
from .._typing import Axis, DType
from .._values import array, has_gradients, real_dtype
from ..ops._define import answers
from ..ops._elementary import sqrt
from ..ops._norms import deviation
from ..ops._reduce import var, var_settings


@answers(np.std)
def std(
    a: Operand,
    axis: Axis = None,
    dtype: DType = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    mean: Operand | None = None,
    correction: float | None = None,
) -> Array:
    """The standard deviation along axes, the root of `var`, whose parameters it has.

    The derivative where several elements are all equal is NaN.

    >>> float(std(np.array([1.0, 3.0])))
    1.0
    """
    if out is not None:
        raise refusal(np.std, out=out)
    if dtype is not None and not has_gradients(real_dtype(dtype)):
        raise refusal(np.std, dtype=dtype)
    if mean is not None:
        return sqrt(var(a, axis, dtype, None, ddof, keepdims, mean=mean, correction=correction))
    x, params = var_settings("std", array(a), axis, dtype, ddof, keepdims, correction)
    return deviation.bind(x, **params)
