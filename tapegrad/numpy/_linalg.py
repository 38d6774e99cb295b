"""What `tapegrad.numpy.linalg` has that is made of ops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._dispatch import refusal
from .._errors import ShapeError, at_line
from .._tape import Array, Operand
from .._typing import Axis, DType
from .._values import array, dtype_of, floating, shape_of
from ..ops._define import answers
from ..ops._norms import euclidean, power_norm
from ..ops._reduce import axes_of, max, min, sum
from ..ops._select import absolute, not_equal
from ..ops._shape import reshape, truncate
from . import _products, _shape


@answers(np.linalg.diagonal)
def diagonal(x: Operand, /, *, offset: int = 0) -> Array:
    """The diagonal of each matrix of x, (..., m, n); with an offset, one to the right of it.

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    return _shape.diagonal(x, offset, -2, -1)


@answers(np.linalg.trace)
def trace(x: Operand, /, *, offset: int = 0, dtype: DType = None) -> Array:
    """The sum of the diagonal of each matrix of x, (..., m, n); of one to the right of it.

    >>> float(trace(np.eye(3)))
    3.0
    """
    return _products.trace(x, offset, -2, -1, dtype)


@answers(np.linalg.outer)
def outer(x1: Operand, x2: Operand, /) -> Array:
    """The products of each element of one vector with each of another.

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    x, y = array(x1), array(x2)
    if len(shape_of(x)) != 1 or len(shape_of(y)) != 1:
        raise ShapeError(
            f"linalg.outer needs vectors, got shapes {shape_of(x)} and {shape_of(y)}{at_line()}"
        )
    return _products.outer(x, y)


@answers(np.linalg.tensordot)
def tensordot(x1: Operand, x2: Operand, /, *, axes: int | tuple[Any, Any] | list[Any] = 2) -> Array:
    """The product summed over axes: the last and first n, or those named for each operand.

    >>> float(tensordot(np.ones((2, 3)), np.ones((2, 3))))
    6.0
    """
    return _products.tensordot(x1, x2, axes)


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
    x = floating(array(x))
    rank = len(shape_of(x))
    if axis is None and (
        ord is None or (rank == 1 and ord == 2) or (rank == 2 and ord in ("f", "fro"))
    ):
        flat = reshape(x, -1)
        length = euclidean.bind(flat, axes=(0,), keepdims=False, dot=True)
        return reshape(length, (1,) * rank) if keepdims else length
    if axis is None:
        axis = tuple(range(rank))
    axes = axis if isinstance(axis, tuple) else (int(axis),)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes_of(x, axes), keepdims)
    if len(axes) == 2:
        rows, columns = normalize_axis_tuple(axes, rank)
        return _matrix_norm(x, ord, (rows, columns), keepdims)
    raise ShapeError(f"norm: a vector or a matrix was expected, got axes {axes}{at_line()}")


def _euclidean(x: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    return euclidean.bind(x, axes=axes, keepdims=bool(keepdims))


def _vector_norm(x: Any, ord: float | str | None, axes: tuple[int, ...], keepdims: bool) -> Array:
    if isinstance(ord, str):
        raise ValueError(f"norm: ord {ord!r} is for matrices, this is a vector{at_line()}")
    if ord is None or ord == 2:
        return _euclidean(x, axes, keepdims)
    sizes: Any = absolute(x)
    if ord in (np.inf, -np.inf):
        found: Array = _extreme(ord, x)(sizes, axes, keepdims=keepdims)
        return found
    if ord == 0:
        sizes = truncate.bind(not_equal(x, 0.0), dtype=dtype_of(x))
    if ord in (0, 1):
        return sum(sizes, axes, keepdims=keepdims)
    return power_norm.bind(x, axes=axes, keepdims=bool(keepdims), ord=float(ord))


def _extreme(ord: float, x: Any) -> Any:
    """What finds the largest or the smallest; of no elements, the largest is 0."""
    return min if ord < 0 else max if 0 not in shape_of(x) else sum


def _matrix_norm(x: Any, ord: float | str | None, axes: tuple[int, int], keepdims: bool) -> Array:
    if ord in (None, "f", "fro"):
        return _euclidean(x, axes_of(x, axes), keepdims)
    if ord in (2, -2, "nuc"):
        raise refusal(np.linalg.norm, ord=ord)
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError(f"norm: ord {ord!r} is not one of matrices{at_line()}")
    rows, columns = axes
    summed, taken = (rows, columns) if ord in (1, -1) else (columns, rows)
    sums = sum(absolute(x), summed, keepdims=True)
    kept: Array = _extreme(ord, sums)(sums, taken, keepdims=True)
    if keepdims:
        return kept
    return reshape(kept, [n for i, n in enumerate(shape_of(x)) if i not in axes])
