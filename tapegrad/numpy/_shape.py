"""Functions that arrange elements, made of ops, under NumPy's names, typed.

They compute nothing: each element of the result is one of the operand's (or a given constant), and
its gradient goes back to where it came from. Shapes that do not fit raise ShapeError.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .._errors import ShapeError
from .._tape import Array, Operand
from .._typing import Axis, Shape
from .._values import Traced, array, dtype_of, is_truth, operand, real_dtype, shape_of
from ..ops._arithmetic import multiply
from ..ops._define import answers
from ..ops._index import ARRAY, getitem, scatter_add
from ..ops._join import pad_zeros
from ..ops._select import maximum, minimum, rint, where
from ..ops._shape import astype, broadcast_to, lengths_of, reshape, transpose, truncate


@answers(np.shape)
def shape(x: Operand) -> Shape:
    """The lengths of the axes.

    >>> shape(np.zeros((2, 3)))
    (2, 3)
    """
    return shape_of(array(x))


@answers(np.ndim)
def ndim(x: Operand) -> int:
    """The number of axes.

    >>> ndim(np.zeros((2, 3)))
    2
    """
    return len(shape(x))


@answers(np.size)
def size(x: Operand) -> int:
    """The number of elements.

    >>> size(np.zeros((2, 3)))
    6
    """
    return math.prod(shape(x))


@answers(np.ravel)
def ravel(x: Operand) -> Array:
    """All elements in one vector, in C order.

    >>> ravel(np.array([[1.0, 2.0]]))
    array([1., 2.])
    """
    return reshape(x, (size(x),))


@answers(np.moveaxis)
def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """Axes moved to other places, the rest in their order.

    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = array(x)
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
def swapaxes(x: Operand, axis1: int, axis2: int) -> Array:
    """Two axes exchanged.

    >>> swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = array(x)
    order = np.empty(tuple(range(len(shape_of(x)))))  # an axis of each length: its shape tells
    return transpose(x, np.swapaxes(order, axis1, axis2).shape)


@answers(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Operand) -> Array:
    """The last two axes exchanged.

    >>> matrix_transpose(np.zeros((4, 2, 3))).shape
    (4, 3, 2)
    """
    return swapaxes(x, -1, -2)


@answers(np.expand_dims)
def expand_dims(x: Operand, axis: int | tuple[int, ...]) -> Array:
    """New axes of length one, at these places of the result.

    >>> expand_dims(np.zeros(3), 0).shape
    (1, 3)
    """
    x = array(x)
    return reshape(x, np.expand_dims(np.broadcast_to(0.0, shape_of(x)), axis).shape)


@answers(np.squeeze)
def squeeze(x: Operand, axis: Axis = None) -> Array:
    """Without the axes of length one, or without those named, which must be of length one.

    >>> squeeze(np.zeros((1, 3, 1))).shape
    (3,)
    """
    x = array(x)
    lengths = shape_of(x)
    if axis is None:
        return reshape(x, [n for n in lengths if n != 1])
    axes = normalize_axis_tuple(axis, len(lengths))
    if any(lengths[i] != 1 for i in axes):
        raise ShapeError(f"squeeze: axes {axes} of shape {lengths} are not all of length one")
    return reshape(x, [n for i, n in enumerate(lengths) if i not in axes])


@answers(np.tile)
def tile(x: Operand, reps: int | Sequence[int]) -> Array:
    """The whole array repeated along each axis.

    >>> tile(np.array([1.0, 2.0]), 2)
    array([1., 2., 1., 2.])
    """
    x = array(x)
    times = lengths_of(reps)
    rank = max(len(times), len(shape_of(x)))
    times = (1,) * (rank - len(times)) + times
    lengths = (1,) * (rank - len(shape_of(x))) + shape_of(x)
    spaced = reshape(x, [m for n in lengths for m in (1, n)])
    repeated = broadcast_to(spaced, [m for pair in zip(times, lengths) for m in pair])
    return reshape(repeated, [t * n for t, n in zip(times, lengths)])


@answers(np.repeat)
def repeat(x: Operand, repeats: int | Sequence[int], axis: int | None = None) -> Array:
    """Each element repeated, along an axis or, where axis is None, of the array as a vector.

    >>> repeat(np.array([1.0, 2.0]), 2)
    array([1., 1., 2., 2.])
    """
    x = array(x)
    if axis is None:
        x, axis = ravel(x), 0
    along = normalize_axis_index(axis, len(shape_of(x)))
    return take(x, np.repeat(np.arange(shape_of(x)[along]), repeats), along)


@answers(np.flip)
def flip(x: Operand, axis: Axis = None) -> Array:
    """The elements in reverse order along axes.

    >>> flip(np.array([1.0, 2.0]))
    array([2., 1.])
    """
    x = array(x)
    rank = len(shape_of(x))
    axes = range(rank) if axis is None else normalize_axis_tuple(axis, rank)
    return getitem.bind(
        x, index=tuple(slice(None, None, -1 if i in axes else None) for i in range(rank))
    )


@answers(np.pad)
def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: float = 0.0) -> Array:
    """The array with more elements around it: a constant, or its own for the other modes.

    mode: "constant", "edge", "reflect", "symmetric" or "wrap", as numpy.pad; ValueError for others.

    >>> pad(np.array([1.0, 2.0]), 1)
    array([0., 1., 2., 0.])
    """
    x = array(x)
    rank = len(shape_of(x))
    pairs = np.broadcast_to(np.asarray(pad_width, dtype=int), (rank, 2))
    widths = tuple((int(before), int(after)) for before, after in pairs)
    if mode == "constant":
        padded: Array = pad_zeros.bind(x, widths=widths)
        if constant_values:
            outside = np.pad(np.zeros(shape_of(x), bool), widths, constant_values=True)
            padded = where.bind(outside, float(constant_values), padded)
        return padded
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise ValueError(
            f"pad: mode {mode!r} has no derivative rule; "
            "use 'constant', 'edge', 'reflect', 'symmetric' or 'wrap'"
        )
    result: Any = x
    for axis, width in enumerate(widths):
        positions: Any = np.pad(np.arange(shape_of(x)[axis]), width, mode=mode)  # type: ignore[call-overload]
        result = take(result, positions, axis)
    return result  # type: ignore[no-any-return]


@answers(np.take)
def take(x: Operand, indices: Any, axis: int | None = None) -> Array:
    """The elements at integer positions along an axis; of the vector where axis is None.

    Raises IndexError for a position that is not there. Booleans are the positions 0 and 1.

    >>> take(np.array([1.0, 2.0, 3.0]), [2, 0])
    array([3., 1.])
    """
    x = array(x)
    if axis is None:
        x, axis = ravel(x), 0
    along = normalize_axis_index(axis, len(shape_of(x)))
    before = (slice(None),) * along
    if is_truth(found := array(indices)):
        indices = truncate.bind(found, dtype=np.dtype(np.intp))
    return getitem(x, (*before, indices))


@answers(np.diagonal)
def diagonal(x: Operand, offset: int = 0) -> Array:
    """The diagonal of a matrix, or of each of a stack over its first two axes as NumPy takes them.

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    x, offset = array(x), operator.index(offset)
    if len(shape_of(x)) < 2:
        raise ShapeError(f"diagonal needs at least two axes, got shape {shape_of(x)}")
    rows, columns = shape_of(x)[:2]
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    steps = np.arange(length)
    taken = getitem(x, (steps - min(offset, 0), steps + max(offset, 0)))
    return moveaxis(taken, 0, -1)


@answers(np.diag)
def diag(x: Operand, k: int = 0) -> Array:
    """The diagonal of a matrix; or of a vector the matrix with it on the diagonal.

    >>> diag(np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    x = array(x)
    rank = len(shape_of(x))
    if rank == 2:
        return diagonal(x, k)
    if rank != 1:
        raise ShapeError(f"diag needs a vector or a matrix, got shape {shape_of(x)}")
    n = shape_of(x)[0]
    steps = np.arange(n)
    place = (steps - min(k, 0), steps + max(k, 0))
    return scatter_add.bind(x, *place, index=(ARRAY, ARRAY), shape=(n + abs(k), n + abs(k)))


@answers(np.tril)
def tril(x: Operand, k: int = 0) -> Array:
    """The lower triangle of each matrix, zeros elsewhere.

    >>> tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    x, k = array(x), operator.index(k)
    n = shape_of(x)[-2:]
    mask = np.tri(n[0], n[-1], k, dtype=bool)
    return where.bind(mask, x, 0.0)


@answers(np.triu)
def triu(x: Operand, k: int = 0) -> Array:
    """The upper triangle of each matrix, zeros elsewhere.

    >>> triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    x, k = array(x), operator.index(k)
    n = shape_of(x)[-2:]
    mask = ~np.tri(n[0], n[-1], k - 1, dtype=bool)
    return where.bind(mask, x, 0.0)


@answers(np.clip)
def clip(
    x: Operand,
    a_min: Operand | None = None,
    a_max: Operand | None = None,
    *,
    min: Operand | None = None,
    max: Operand | None = None,
) -> Array:
    """x kept between two bounds, of which either may be None; at a bound the gradient is halved.

    NumPy has two names for each bound, min and a_min, max and a_max.

    >>> clip(np.array([-1.0, 0.5, 2.0]), 0.0, 1.0)
    array([0. , 0.5, 1. ])
    """
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise TypeError("clip: a bound was given twice, as a_min and min, or as a_max and max")
    low = a_min if min is None else min
    high = a_max if max is None else max
    result: Any = x
    if low is not None:
        result = maximum(result, low)
    if high is not None:
        result = minimum(result, high)
    return result  # type: ignore[no-any-return]


@answers(np.round, np.around)
def round(x: Operand, decimals: int = 0) -> Array:
    """x rounded to this number of decimals; no gradient.

    >>> float(round(1.25, 1))
    1.2
    """
    scale = 10.0**decimals
    return rint(multiply(x, scale)) / scale if decimals else rint(x)


@answers(np.zeros_like)
def zeros_like(x: Operand, dtype: Any = None) -> Array:
    """Zeros in the shape and dtype of x: constants.

    >>> zeros_like(np.ones(2))
    array([0., 0.])
    """
    return full_like(x, 0.0, dtype)


@answers(np.ones_like)
def ones_like(x: Operand, dtype: Any = None) -> Array:
    """Ones in the shape and dtype of x: constants.

    >>> ones_like(np.zeros(2))
    array([1., 1.])
    """
    return full_like(x, 1.0, dtype)


@answers(np.full_like)
def full_like(x: Operand, fill_value: Operand, dtype: Any = None) -> Array:
    """One value in the shape and dtype of x; the gradient of that value is the sum of theirs.

    >>> full_like(np.zeros(2), 3.0)
    array([3., 3.])
    """
    x = array(x)
    wanted = real_dtype(dtype) if dtype is not None else dtype_of(x)
    if isinstance(fill_value, Traced):
        return broadcast_to(astype(fill_value, wanted), shape_of(x))
    return np.full(shape_of(x), operand(fill_value), wanted)
