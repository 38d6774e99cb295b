"""What `tapegrad.numpy.linalg` has that is made of ops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._errors import MissingRuleError, ShapeError
from .._tape import Array, Operand
from .._typing import Axis
from .._values import array, dtype_of, is_floating, shape_of
from ..ops._define import answers
from ..ops._norms import euclidean, power_norm
from ..ops._reduce import axes_of, max, min, sum
from ..ops._select import absolute, not_equal
from ..ops._shape import reshape, truncate
from ._shape import diagonal as first_diagonal, moveaxis


@answers(np.linalg.diagonal)
def diagonal(a: Operand, offset: int = 0) -> Array:
    """The diagonal of each matrix of a, (..., m, n); with an offset, one to the right of it.

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    return first_diagonal(moveaxis(a, (-2, -1), (0, 1)), offset)


@answers(np.linalg.norm)
def norm(
    x: Operand, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False
) -> Array:
    """The norm of a vector or a matrix, or of those along an axis or a pair of axes.

    ord: for vectors None or 2, 1, inf, -inf, 0 or any p; for matrices None or "fro", 1, -1, inf,
    -inf. The Euclidean norm has derivative 0 at 0. Raises MissingRuleError for the matrix norms 2,
    -2 and "nuc", which need singular values.

    >>> float(norm(np.array([3.0, 4.0])))
    5.0
    """
    x = array(x)
    if axis is None and ord is None:
        flat = reshape.bind(x, shape=(math.prod(shape_of(x)),))
        length = euclidean.bind(flat, axes=(0,), keepdims=False, dot=True)
        return reshape.bind(length, shape=(1,) * len(shape_of(x))) if keepdims else length
    axes = axes_of(x, axis) if not isinstance(axis, tuple) else axis
    if len(axes) == 1:
        return _vector_norm(x, 2 if ord is None else ord, axes, keepdims)
    if len(axes) != 2:
        raise ShapeError(f"norm: a vector or a matrix was expected, got axes {axes}")
    if ord is None or ord == "fro":
        return euclidean.bind(x, axes=axes_of(x, axes), keepdims=bool(keepdims))
    return _matrix_norm(x, ord, (axes[0], axes[1]), keepdims)


def _vector_norm(x: Any, ord: float | str, axes: tuple[int, ...], keepdims: bool) -> Array:
    if isinstance(ord, str):
        raise ValueError(f"norm: ord {ord!r} is for matrices, this is a vector")
    if ord == 2:
        return euclidean.bind(x, axes=axes_of(x, axes), keepdims=bool(keepdims))
    sizes: Any = absolute(x)
    if ord == np.inf:
        return max(sizes, axes, keepdims)
    if ord == -np.inf:
        return min(sizes, axes, keepdims)
    if ord == 0:
        dtype = dtype_of(x) if is_floating(x) else np.dtype(np.float64)
        return sum(truncate.bind(not_equal(x, 0.0), dtype=dtype), axes, keepdims)
    if ord == 1:
        return sum(sizes, axes, keepdims)
    return power_norm.bind(x, axes=axes_of(x, axes), keepdims=bool(keepdims), ord=float(ord))


def _matrix_norm(x: Any, ord: float | str, axes: tuple[int, int], keepdims: bool) -> Array:
    if ord not in (1, -1, np.inf, -np.inf):
        raise MissingRuleError(
            f"norm: the matrix norm {ord!r} has no derivative rule; use None, 'fro', 1, -1, inf or "
            "-inf"
        )
    rows, columns = axes
    summed, taken = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = sum(absolute(x), summed, keepdims=True)
    best = (max if ord in (1, np.inf) else min)(sums, taken, keepdims=True)
    if keepdims:
        return best
    kept = tuple(n for i, n in enumerate(shape_of(x)) if i not in axes_of(x, axes))
    return reshape.bind(best, shape=kept)
