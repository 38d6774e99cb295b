"""What `tapegrad.numpy.linalg` has."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import ops
from .._errors import MissingRuleError, ShapeError
from .._tape import Array, Operand, dtype_of, shape_of
from .._typing import Axis
from ._reduce import _operand, axes_of, max as max_along, min as min_along, sum as sum_along
from ._shape import diagonal as first_diagonal, moveaxis


class SlogdetResult(NamedTuple):
    """What slogdet returns: det = sign * exp(logabsdet)."""

    sign: Array
    logabsdet: Array


def solve(a: Operand, b: Operand) -> Array:
    """The x of a @ x = b, shape of b; a: (..., n, n), b: (n,) or (..., n, k).

    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
    array([1. , 0.5])
    """
    result: Array = ops.solve(_operand(a), _operand(b))
    return result


def inv(a: Operand) -> Array:
    """The inverse of a, (..., n, n).

    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    result: Array = ops.inv(_operand(a))
    return result


def det(a: Operand) -> Array:
    """The determinant of a, (..., n, n); its first derivative exists for singular a too.

    >>> float(det(np.array([[0.0, 1.0], [1.0, 0.0]])))
    -1.0
    """
    result: Array = ops.det(_operand(a))
    return result


def slogdet(a: Operand) -> SlogdetResult:
    """The determinant's sign, a constant, and the logarithm of its absolute value.

    >>> sign, logabsdet = slogdet(np.eye(2))
    >>> float(sign), float(logabsdet)
    (1.0, 0.0)
    """
    matrix = _operand(a)
    return SlogdetResult(ops.signdet(matrix), ops.logabsdet(matrix))


def cholesky(a: Operand) -> Array:
    """The lower triangular L with L @ L.T = a, for symmetric positive definite a, (..., n, n).

    As in NumPy, only the lower triangle of a is read. The gradient is symmetric, that of the
    symmetric part: what is above the diagonal gets half of it, though the value does not see it.

    >>> cholesky(np.array([[4.0, 0.0], [0.0, 9.0]]))
    array([[2., 0.],
           [0., 3.]])
    """
    result: Array = ops.cholesky(_operand(a))
    return result


def trace(a: Operand) -> Array:
    """The sum of the diagonal of each matrix of a, (..., n, n).

    >>> float(trace(np.eye(3)))
    3.0
    """
    result: Array = ops.trace_of(_operand(a))
    return result


def diagonal(a: Operand, offset: int = 0) -> Array:
    """The diagonal of each matrix of a, (..., m, n); with an offset, one to the right of it.

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    return first_diagonal(moveaxis(a, (-2, -1), (0, 1)), offset)


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
    x = _operand(x)
    if axis is None and ord is None:
        return _euclidean(x, axes_of(x, None), keepdims)
    axes = axes_of(x, axis) if not isinstance(axis, tuple) else axis
    if len(axes) == 1:
        return _vector_norm(x, 2 if ord is None else ord, axes, keepdims)
    if len(axes) != 2:
        raise ShapeError(f"norm: a vector or a matrix was expected, got axes {axes}")
    if ord is None or ord == "fro":
        return _euclidean(x, axes_of(x, axes), keepdims)
    return _matrix_norm(x, ord, (axes[0], axes[1]), keepdims)


def _euclidean(x: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    # At 0 the square root has no derivative; choosing before and after it makes it 0.
    total = ops.sum_(ops.square(x), axes=axes, keepdims=keepdims)
    zero = ops.equal(total, 0.0)
    result: Array = ops.where(zero, 0.0, ops.sqrt(ops.where(zero, 1.0, total)))
    return result


def _vector_norm(x: Any, ord: float | str, axes: tuple[int, ...], keepdims: bool) -> Array:
    if isinstance(ord, str):
        raise ValueError(f"norm: ord {ord!r} is for matrices, this is a vector")
    if ord == 2:
        return _euclidean(x, axes, keepdims)
    sizes: Any = ops.absolute(x)
    if ord == np.inf:
        return max_along(sizes, axes, keepdims)
    if ord == -np.inf:
        return min_along(sizes, axes, keepdims)
    if ord == 0:
        dtype = dtype_of(x) if dtype_of(x).kind == "f" else np.dtype(np.float64)
        return sum_along(ops.truncate(ops.not_equal(x, 0.0), dtype=dtype), axes, keepdims)
    if ord == 1:
        return sum_along(sizes, axes, keepdims)
    total: Any = sum_along(ops.power(sizes, float(ord)), axes, keepdims)
    result: Array = total ** (1.0 / ord)
    return result


def _matrix_norm(x: Any, ord: float | str, axes: tuple[int, int], keepdims: bool) -> Array:
    if ord not in (1, -1, np.inf, -np.inf):
        raise MissingRuleError(
            f"norm: the matrix norm {ord!r} has no derivative rule; use None, 'fro', 1, -1, inf or "
            "-inf"
        )
    rows, columns = axes
    summed, taken = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = sum_along(ops.absolute(x), summed, keepdims=True)
    best = (max_along if ord in (1, np.inf) else min_along)(sums, taken, keepdims=True)
    if keepdims:
        return best
    result: Array = ops.reshape(
        best,
        shape=tuple(n for i, n in enumerate(shape_of(x)) if i not in axes_of(x, axes)),
    )
    return result
