"""Functions that arrange elements, made of ops, under NumPy's names, typed.

They compute nothing: each element of the result is one of the operand's (or zero), and its gradient
goes back to where it came from. Shapes that do not fit raise ShapeError.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._dispatch import refusal
from .._errors import ShapeError, at_line, describe
from .._tape import Array, Operand
from .._typing import Axis, Order, Shape
from .._values import Traced, array as as_array, dtype_of, is_floating, shape_of
from ..ops._define import answers
from ..ops._index import ARRAY, getitem, scatter_add
from ..ops._select import maximum, minimum, remainder
from ..ops._shape import (
    broadcast_to,
    first_is_quickest,
    lengths_of,
    line,
    reshape,
    transpose,
    truncate,
)


@answers(np.shape)
def shape(a: Operand) -> Shape:
    """The lengths of the axes.

    >>> shape(np.zeros((2, 3)))
    (2, 3)
    """
    return shape_of(as_array(a))


@answers(np.ndim)
def ndim(a: Operand) -> int:
    """The number of axes.

    >>> ndim(np.zeros((2, 3)))
    2
    """
    return len(shape(a))


@answers(np.size)
def size(a: Operand, axis: Axis = None) -> int:
    """The number of elements, or that along some axes.

    >>> size(np.zeros((2, 3)))
    6
    """
    lengths = shape(a)
    if axis is None:
        return math.prod(lengths)
    return math.prod(lengths[i] for i in normalize_axis_tuple(axis, len(lengths)))


@answers(np.ravel)
def ravel(a: Operand, order: Order = "C") -> Array:
    """All elements in one vector; in the order "C" the last axis is the quickest, in "F" the first.

    >>> ravel(np.array([[1.0, 2.0]]))
    array([1., 2.])
    """
    if order != "C" and first_is_quickest(np.ravel, order):
        a = transpose(a)
    return reshape(a, -1)


@answers(np.moveaxis)
def moveaxis(a: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """Axes moved to other places, the rest in their order.

    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = as_array(a)
    rank = len(shape_of(x))
    here = normalize_axis_tuple(source, rank)
    there = normalize_axis_tuple(destination, rank)
    if len(here) != len(there):
        raise ShapeError(f"moveaxis: {len(here)} source axes, {len(there)} destinations")
    order = [axis for axis in range(rank) if axis not in here]
    for place, axis in sorted(zip(there, here)):
        order.insert(place, axis)
    return transpose(x, order)


@answers(np.swapaxes)
def swapaxes(a: Operand, axis1: int, axis2: int) -> Array:
    """Two axes exchanged.

    >>> swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = as_array(a)
    order = np.empty(tuple(range(len(shape_of(x)))))  # an axis of each length: its shape tells
    return transpose(x, np.swapaxes(order, axis1, axis2).shape)


@answers(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Operand, /) -> Array:
    """The last two axes exchanged.

    >>> matrix_transpose(np.zeros((4, 2, 3))).shape
    (4, 3, 2)
    """
    return swapaxes(x, -1, -2)


@answers(np.expand_dims)
def expand_dims(a: Operand, axis: int | tuple[int, ...]) -> Array:
    """New axes of length one, at these places of the result.

    >>> expand_dims(np.zeros(3), 0).shape
    (1, 3)
    """
    x = as_array(a)
    return reshape(x, np.expand_dims(np.broadcast_to(0.0, shape_of(x)), axis).shape)


@answers(np.squeeze)
def squeeze(a: Operand, axis: Axis = None) -> Array:
    """Without the axes of length one, or without those named, which must be of length one.

    >>> squeeze(np.zeros((1, 3, 1))).shape
    (3,)
    """
    x = as_array(a)
    lengths = shape_of(x)
    if axis is None or (not lengths and axis in (0, -1)):  # of a number, NumPy lets it be
        return reshape(x, [n for n in lengths if n != 1])
    axes = normalize_axis_tuple(axis if isinstance(axis, tuple) else (axis,), len(lengths))
    if any(lengths[i] != 1 for i in axes):
        raise ShapeError(f"squeeze: axes {axes} of shape {lengths} are not all of length one")
    return reshape(x, [n for i, n in enumerate(lengths) if i not in axes])


@answers(np.tile)
def tile(A: Operand, reps: int | Sequence[int]) -> Array:
    """The whole array repeated along each axis.

    >>> tile(np.array([1.0, 2.0]), 2)
    array([1., 2., 1., 2.])
    """
    x = as_array(A)
    times = lengths_of(reps)
    rank = max(len(times), len(shape_of(x)))
    times = (1,) * (rank - len(times)) + times
    lengths = (1,) * (rank - len(shape_of(x))) + shape_of(x)
    spaced = reshape(x, [m for n in lengths for m in (1, n)])
    repeated = broadcast_to(spaced, [m for pair in zip(times, lengths) for m in pair])
    return reshape(repeated, [t * n for t, n in zip(times, lengths)])


@answers(np.repeat)
def repeat(a: Operand, repeats: int | Sequence[int], axis: int | None = None) -> Array:
    """Each element repeated, along an axis or, where axis is None, of the array as a vector.

    >>> repeat(np.array([1.0, 2.0]), 2)
    array([1., 1., 2., 2.])
    """
    x, along = line(as_array(a), axis)
    return take(x, np.repeat(np.arange(shape_of(x)[along]), repeats), along)


@answers(np.flip)
def flip(m: Operand, axis: Axis = None) -> Array:
    """The elements in reverse order along axes.

    >>> flip(np.array([1.0, 2.0]))
    array([2., 1.])
    """
    x = as_array(m)
    rank = len(shape_of(x))
    axes = range(rank) if axis is None else normalize_axis_tuple(axis, rank)
    return getitem.bind(
        x, index=tuple(slice(None, None, -1 if i in axes else None) for i in range(rank))
    )


@answers(np.take)
def take(
    a: Operand,
    indices: Any,
    axis: int | None = None,
    out: None = None,
    mode: Literal["raise", "wrap", "clip"] = "raise",
) -> Array:
    """The elements at integer positions along an axis; of the vector where axis is None.

    Raises IndexError for a position that is not there, unless mode says "wrap" (it is counted
    around) or "clip" (it is the nearest). Booleans are the positions 0 and 1.

    >>> take(np.array([1.0, 2.0, 3.0]), [2, 0])
    array([3., 1.])
    """
    if out is not None:
        raise refusal(np.take, out=out)
    x, along = line(as_array(a), axis)
    found = as_array(indices)
    if not isinstance(indices, (np.ndarray, np.generic, Traced)) and not found.size:
        found = found.astype(np.intp)  # x[[]]
    if is_floating(found):
        raise TypeError(f"take: indices are integers, got {describe(indices)}{at_line()}")
    if dtype_of(found) != np.intp:
        found = truncate.bind(found, dtype=np.dtype(np.intp))
    if mode == "raise" and 0 in shape_of(x):
        mode = "wrap"  # where nothing is taken, NumPy does not look where
    if mode != "raise":
        found = _within(found, shape_of(x)[along], mode)
    return getitem(x, (*(slice(None),) * along, found))


def _within(positions: Any, count: int, mode: str) -> Any:
    """Positions as those that there are."""
    np.take(np.zeros(1), 0, mode=mode)  # type: ignore[call-overload]  # its error, if it is none
    if mode not in ("wrap", "clip"):
        raise refusal(np.take, mode=mode)
    if not count:
        return positions
    if mode == "wrap":
        return remainder.bind(positions, count)
    return minimum.bind(maximum.bind(positions, 0), count - 1)


@answers(np.diagonal)
def diagonal(a: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The diagonal of a matrix, or of each of a stack, as the last axis.

    offset: of one to the right of it; axis1, axis2: of the matrix with these axes

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    x = as_array(a)
    offset, first, second = (operator.index(number) for number in (offset, axis1, axis2))
    if len(shape_of(x)) < 2:
        raise ShapeError(f"a diagonal needs at least two axes, got shape {shape_of(x)}{at_line()}")
    x = moveaxis(x, (first, second), (0, 1))
    rows, columns = shape_of(x)[:2]
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    steps = np.arange(length)
    taken = getitem(x, (steps - min(offset, 0), steps + max(offset, 0)))
    return moveaxis(taken, 0, -1)


@answers(np.diag)
def diag(v: Operand, k: int = 0) -> Array:
    """The diagonal of a matrix; or of a vector the matrix with it on the diagonal.

    >>> diag(np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    x = as_array(v)
    rank = len(shape_of(x))
    if rank == 2:
        return diagonal(x, k)
    if rank != 1:
        raise ShapeError(f"diag needs a vector or a matrix, got shape {shape_of(x)}")
    n, k = shape_of(x)[0], operator.index(k)
    steps = np.arange(n)
    place = (steps - min(k, 0), steps + max(k, 0))
    return scatter_add.bind(x, *place, index=(ARRAY, ARRAY), shape=(n + abs(k), n + abs(k)))
