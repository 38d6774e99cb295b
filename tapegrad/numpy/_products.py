"""Products of vectors, matrices and tensors made of ops, under NumPy's names, typed.

Shapes that do not fit raise ShapeError where an operand is traced, NumPy's ValueError otherwise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._errors import ShapeError
from .._tape import Array, Operand
from .._values import array, shape_of
from ..ops._arithmetic import multiply
from ..ops._define import answers
from ..ops._products import matmul
from ..ops._reduce import sum
from ..ops._shape import reshape, transpose
from ._shape import diagonal


@answers(np.dot)
def dot(x: Operand, y: Operand) -> Array:
    """The product over x's last axis and y's last but one, or its only one; for numbers x * y.

    >>> float(dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    x, y = array(x), array(y)
    a, b = len(shape_of(x)), len(shape_of(y))
    if not a or not b:
        return multiply(x, y)
    if a <= 2 and b <= 2:
        return matmul(x, y)
    return tensordot(x, y, ([a - 1], [max(b - 2, 0)]))


@answers(np.inner)
def inner(x: Operand, y: Operand) -> Array:
    """The product over the last axes of both; for numbers x * y.

    >>> float(inner(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    x, y = array(x), array(y)
    if not shape_of(x) or not shape_of(y):
        return multiply(x, y)
    return tensordot(x, y, ([-1], [-1]))


@answers(np.outer, np.linalg.outer)
def outer(x: Operand, y: Operand) -> Array:
    """The products of each element of x with each of y, both taken as vectors.

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    x, y = array(x), array(y)
    column = reshape(x, (math.prod(shape_of(x)), 1))
    row = reshape(y, (1, math.prod(shape_of(y))))
    return multiply(column, row)


@answers(np.tensordot, np.linalg.tensordot)
def tensordot(x: Operand, y: Operand, axes: Any = 2) -> Array:
    """The product summed over axes: the last and first n, or those named for each operand.

    >>> float(tensordot(np.ones((2, 3)), np.ones((2, 3))))
    6.0
    """
    x, y = array(x), array(y)
    a, b = shape_of(x), shape_of(y)
    if isinstance(axes, (int, np.integer)):
        ours, theirs = tuple(range(len(a) - int(axes), len(a))), tuple(range(int(axes)))
    else:
        ours = tuple(normalize_axis_tuple(axes[0], len(a)))
        theirs = tuple(normalize_axis_tuple(axes[1], len(b)))
    if [a[i] for i in ours] != [b[i] for i in theirs]:
        raise ShapeError(f"tensordot: shapes {a} and {b} do not fit along axes {ours} and {theirs}")
    rows = [i for i in range(len(a)) if i not in ours]
    columns = [i for i in range(len(b)) if i not in theirs]
    common = math.prod(a[i] for i in ours)
    left = reshape(transpose(x, [*rows, *ours]), (math.prod(a[i] for i in rows), common))
    right = reshape(transpose(y, [*theirs, *columns]), (common, math.prod(b[i] for i in columns)))
    return reshape(matmul(left, right), [a[i] for i in rows] + [b[i] for i in columns])


@answers(np.trace)
def trace(x: Operand, offset: int = 0) -> Array:
    """The sum of the diagonal over the first two axes.

    >>> float(trace(np.eye(3)))
    3.0
    """
    return sum(diagonal(x, offset), axis=-1)
