"""Products of vectors, matrices and tensors under NumPy's names, typed.

Shapes that do not fit raise ShapeError where an operand is traced, NumPy's ValueError otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import ops
from .._errors import ShapeError, describe
from .._tape import Array, Operand, shape_of
from ._reduce import _operand, sum as sum_along
from ._shape import diagonal, reshape, transpose


def matmul(x: Operand, y: Operand, /) -> Array:
    """x @ y: vectors, matrices, and stacks of matrices that broadcast.

    >>> float(matmul(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    result: Array = ops.matmul(x, y)
    return result


def dot(x: Operand, y: Operand) -> Array:
    """The product over x's last axis and y's last but one, or its only one; for numbers x * y.

    >>> float(dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    x, y = _operand(x), _operand(y)
    a, b = len(shape_of(x)), len(shape_of(y))
    if not a or not b:
        product: Array = ops.multiply(x, y)
        return product
    if a <= 2 and b <= 2:
        return matmul(x, y)
    return tensordot(x, y, ([a - 1], [max(b - 2, 0)]))


def inner(x: Operand, y: Operand) -> Array:
    """The product over the last axes of both; for numbers x * y.

    >>> float(inner(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    x, y = _operand(x), _operand(y)
    if not shape_of(x) or not shape_of(y):
        product: Array = ops.multiply(x, y)
        return product
    return tensordot(x, y, ([-1], [-1]))


def outer(x: Operand, y: Operand) -> Array:
    """The products of each element of x with each of y, both taken as vectors.

    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    x, y = _operand(x), _operand(y)
    column = reshape(x, (math.prod(shape_of(x)), 1))
    row = reshape(y, (1, math.prod(shape_of(y))))
    result: Array = ops.multiply(column, row)
    return result


def tensordot(x: Operand, y: Operand, axes: Any = 2) -> Array:
    """The product summed over axes: the last and first n, or those named for each operand.

    >>> float(tensordot(np.ones((2, 3)), np.ones((2, 3))))
    6.0
    """
    x, y = _operand(x), _operand(y)
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


def trace(x: Operand, offset: int = 0) -> Array:
    """The sum of the diagonal over the first two axes.

    >>> float(trace(np.eye(3)))
    3.0
    """
    return sum_along(diagonal(x, offset), axis=-1)


def einsum(subscripts: str, *operands: Operand, optimize: bool | str = False) -> Array:
    """Einstein's summation, as numpy.einsum takes it: "ij,jk->ik", "ii", "...i,i".

    Raises ValueError for subscripts that do not fit the operands.

    >>> einsum("ij,j->i", np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """
    if not isinstance(subscripts, str):
        raise TypeError(
            f'einsum: subscripts are a string such as "ij,j->i", got {describe(subscripts)}'
        )
    arrays = [_operand(x) for x in operands]
    explicit = _explicit(subscripts, [len(shape_of(x)) for x in arrays])
    result: Array = ops.einsum(*arrays, subscripts=explicit, optimize=optimize)
    return result


def _explicit(subscripts: str, ranks: Sequence[int]) -> str:
    """Subscripts with the output written and letters in place of each ellipsis."""
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum: {len(terms)} terms in {subscripts!r}, {len(ranks)} operands")
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in text]
    extra = [rank - len(t.replace("...", "")) for t, rank in zip(terms, ranks)]
    if any(n < 0 or (n and "..." not in t) for n, t in zip(extra, terms)):
        raise ValueError(f"einsum: {subscripts!r} does not fit operands of {list(ranks)} axes")
    longest = max(extra, default=0)
    letters = "".join(free[:longest])
    terms = [t.replace("...", letters[longest - n :]) for n, t in zip(extra, terms)]
    if arrow:
        return ",".join(terms) + "->" + output.replace("...", letters)
    named = "".join(terms)
    once = sorted(c for c in set(named) if named.count(c) == 1 and c not in letters)
    return ",".join(terms) + "->" + letters + "".join(once)
