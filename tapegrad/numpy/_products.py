"""Products of vectors, matrices and tensors made of ops, under NumPy's names, typed.

Shapes that do not fit raise ShapeError where an operand is traced, NumPy's ValueError otherwise.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._dispatch import refusal
from .._errors import ShapeError
from .._tape import Array, Operand
from .._typing import DType, Value
from .._values import array, shape_of
from ..ops._arithmetic import multiply
from ..ops._define import answers
from ..ops._products import matmul
from ..ops._reduce import sum
from ..ops._shape import reshape, transpose
from ._shape import diagonal


@answers(np.dot)
def dot(a: Operand, b: Operand, out: None = None) -> Array:
    """The product over a's last axis and b's last but one, or its only one; for numbers a * b.

    >>> float(dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    if out is not None:
        raise refusal(np.dot, out=out)
    x, y = array(a), array(b)
    rank, other = len(shape_of(x)), len(shape_of(y))
    if not rank or not other:
        return _scaled(x, y)
    if rank <= 2 and other <= 2:
        return matmul(x, y)
    return tensordot(x, y, ([rank - 1], [max(other - 2, 0)]))


def _scaled(x: Value, y: Value) -> Array:
    """The product with a number; of arrays, for a Python float has no dtype of its own."""
    return multiply(reshape(x, shape_of(x)), reshape(y, shape_of(y)))


@answers(np.inner)
def inner(a: Operand, b: Operand, /) -> Array:
    """The product over the last axes of both; for numbers a * b.

    >>> float(inner(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    x, y = array(a), array(b)
    if not shape_of(x) or not shape_of(y):
        return _scaled(x, y)
    return tensordot(x, y, ([-1], [-1]))


@answers(np.outer)
def outer(a: Operand, b: Operand, out: None = None) -> Array:
    """The products of each element of a with each of b, both taken as vectors.

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    if out is not None:
        raise refusal(np.outer, out=out)
    x, y = array(a), array(b)
    column = reshape(x, (math.prod(shape_of(x)), 1))
    row = reshape(y, (1, math.prod(shape_of(y))))
    return multiply(column, row)


def _axes(axes: Any) -> tuple[list[int], list[int]]:
    """The axes of each operand, as the user names them."""
    if not isinstance(axes, Iterable):
        count = operator.index(axes)
        return list(range(-count, 0)), list(range(count))
    first, second = axes
    ours, theirs = (list(x) if isinstance(x, Sequence) else [x] for x in (first, second))
    return [operator.index(axis) for axis in ours], [operator.index(axis) for axis in theirs]


@answers(np.tensordot)
def tensordot(a: Operand, b: Operand, axes: int | tuple[Any, Any] | list[Any] = 2) -> Array:
    """The product summed over axes: the last and first n, or those named for each operand.

    An axis that an operand does not have raises numpy.exceptions.AxisError.

    >>> float(tensordot(np.ones((2, 3)), np.ones((2, 3))))
    6.0
    """
    x, y = array(a), array(b)
    left, right = shape_of(x), shape_of(y)
    first, second = _axes(axes)
    ours = normalize_axis_tuple(first, len(left), "tensordot: axes of a")
    theirs = normalize_axis_tuple(second, len(right), "tensordot: axes of b")
    if [left[i] for i in ours] != [right[i] for i in theirs]:
        raise ShapeError(
            f"tensordot: shapes {left} and {right} do not fit along axes {first} and {second}"
        )
    rows = [i for i in range(len(left)) if i not in ours]
    columns = [i for i in range(len(right)) if i not in theirs]
    common = math.prod(left[i] for i in ours)
    height, width = (math.prod(left[i] for i in rows), math.prod(right[i] for i in columns))
    matrix = reshape(transpose(x, [*rows, *ours]), (height, common))
    other = reshape(transpose(y, [*theirs, *columns]), (common, width))
    return reshape(matmul(matrix, other), [left[i] for i in rows] + [right[i] for i in columns])


@answers(np.trace)
def trace(
    a: Operand,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: DType = None,
    out: None = None,
) -> Array:
    """The sum of the diagonal over two axes; with an offset, of one to the right of it.

    >>> float(trace(np.eye(3)))
    3.0
    """
    if out is not None:
        raise refusal(np.trace, out=out)
    return sum(diagonal(a, offset, axis1, axis2), -1, dtype)
