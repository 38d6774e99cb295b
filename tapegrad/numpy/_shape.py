"""Functions that arrange elements, under NumPy's names, typed.

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

from .. import ops
from .._errors import ShapeError
from .._tape import Array, Operand, Var, dtype_of, shape_of
from .._typing import Axis, Shape
from ._reduce import _operand


def shape(x: Operand) -> Shape:
    """The lengths of the axes.

    >>> shape(np.zeros((2, 3)))
    (2, 3)
    """
    return shape_of(_operand(x))


def ndim(x: Operand) -> int:
    """The number of axes.

    >>> ndim(np.zeros((2, 3)))
    2
    """
    return len(shape(x))


def size(x: Operand) -> int:
    """The number of elements.

    >>> size(np.zeros((2, 3)))
    6
    """
    return math.prod(shape(x))


def reshape(x: Operand, shape: int | Sequence[int]) -> Array:
    """The same elements in another shape; one length may be -1, and is then worked out.

    >>> reshape(np.array([1.0, 2.0]), (2, 1))
    array([[1.],
           [2.]])
    """
    x = _operand(x)
    wanted = _lengths(shape)
    total = math.prod(shape_of(x))
    if wanted.count(-1) == 1:
        known = math.prod(n for n in wanted if n != -1)
        if known and total % known == 0:
            wanted = tuple(total // known if n == -1 else n for n in wanted)
    result: Array = ops.reshape(x, shape=wanted)
    return result


def _lengths(shape: int | Sequence[int]) -> Shape:
    if isinstance(shape, (int, np.integer)):
        return (int(shape),)
    return tuple(operator.index(n) for n in shape)


def ravel(x: Operand) -> Array:
    """All elements in one vector, in C order.

    >>> ravel(np.array([[1.0, 2.0]]))
    array([1., 2.])
    """
    return reshape(x, (size(x),))


def transpose(x: Operand, axes: Sequence[int] | None = None) -> Array:
    """The axes in another order, or in reverse.

    >>> transpose(np.zeros((2, 3))).shape
    (3, 2)
    """
    x = _operand(x)
    rank = len(shape_of(x))
    order = tuple(range(rank))[::-1] if axes is None else normalize_axis_tuple(axes, rank)
    result: Array = ops.transpose(x, axes=tuple(order))
    return result


def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """Axes moved to other places, the rest in their order.

    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = _operand(x)
    rank = len(shape_of(x))
    here = normalize_axis_tuple(source, rank)
    there = normalize_axis_tuple(destination, rank)
    if len(here) != len(there):
        raise ShapeError(f"moveaxis: {len(here)} source axes, {len(there)} destinations")
    order = [axis for axis in range(rank) if axis not in here]
    for place, axis in sorted(zip(there, here)):
        order.insert(place, axis)
    return transpose(x, order)


def swapaxes(x: Operand, axis1: int, axis2: int) -> Array:
    """Two axes exchanged.

    >>> swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = _operand(x)
    rank = len(shape_of(x))
    order = list(range(rank))
    i, j = normalize_axis_index(axis1, rank), normalize_axis_index(axis2, rank)
    order[i], order[j] = order[j], order[i]
    return transpose(x, order)


def matrix_transpose(x: Operand) -> Array:
    """The last two axes exchanged.

    >>> matrix_transpose(np.zeros((4, 2, 3))).shape
    (4, 3, 2)
    """
    return swapaxes(x, -1, -2)


def expand_dims(x: Operand, axis: int | tuple[int, ...]) -> Array:
    """New axes of length one, at these places of the result.

    >>> expand_dims(np.zeros(3), 0).shape
    (1, 3)
    """
    x = _operand(x)
    count = 1 if isinstance(axis, (int, np.integer)) else len(axis)
    places = normalize_axis_tuple(axis, len(shape_of(x)) + count)
    lengths = iter(shape_of(x))
    return reshape(
        x, [1 if i in places else next(lengths) for i in range(len(shape_of(x)) + count)]
    )


def squeeze(x: Operand, axis: Axis = None) -> Array:
    """Without the axes of length one, or without those named, which must be of length one.

    >>> squeeze(np.zeros((1, 3, 1))).shape
    (3,)
    """
    x = _operand(x)
    lengths = shape_of(x)
    if axis is None:
        return reshape(x, [n for n in lengths if n != 1])
    axes = normalize_axis_tuple(axis, len(lengths))
    if any(lengths[i] != 1 for i in axes):
        raise ShapeError(f"squeeze: axes {axes} of shape {lengths} are not all of length one")
    return reshape(x, [n for i, n in enumerate(lengths) if i not in axes])


def broadcast_to(x: Operand, shape: int | Sequence[int]) -> Array:
    """The elements repeated to a larger shape, as operators do.

    >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    result: Array = ops.broadcast_to(_operand(x), shape=_lengths(shape))
    return result


def concatenate(arrays: Sequence[Operand], axis: int | None = 0) -> Array:
    """Arrays one after another along an axis; as vectors where axis is None.

    >>> concatenate([np.array([1.0]), np.array([2.0, 3.0])])
    array([1., 2., 3.])
    """
    if axis is None:
        return concatenate([ravel(a) for a in arrays], 0)
    operands = [_operand(a) for a in arrays]
    if not operands:
        raise ShapeError("concatenate needs at least one array")
    along = normalize_axis_index(axis, len(shape_of(operands[0])))
    result: Array = ops.concatenate(*operands, axis=along)
    return result


def stack(arrays: Sequence[Operand], axis: int = 0) -> Array:
    """Arrays or numbers of one shape, side by side along a new axis.

    >>> stack([1.0, 2.0])
    array([1., 2.])
    """
    operands = [_operand(a) for a in arrays]
    if not operands:
        raise ShapeError("stack needs at least one array")
    along = normalize_axis_index(axis, len(shape_of(operands[0])) + 1)
    result: Array = ops.stack(*operands, axis=along)
    return result


def tile(x: Operand, reps: int | Sequence[int]) -> Array:
    """The whole array repeated along each axis.

    >>> tile(np.array([1.0, 2.0]), 2)
    array([1., 2., 1., 2.])
    """
    x = _operand(x)
    times = _lengths(reps)
    rank = max(len(times), len(shape_of(x)))
    times = (1,) * (rank - len(times)) + times
    lengths = (1,) * (rank - len(shape_of(x))) + shape_of(x)
    spaced = reshape(x, [m for n in lengths for m in (1, n)])
    repeated = broadcast_to(spaced, [m for pair in zip(times, lengths) for m in pair])
    return reshape(repeated, [t * n for t, n in zip(times, lengths)])


def repeat(x: Operand, repeats: int | Sequence[int], axis: int | None = None) -> Array:
    """Each element repeated, along an axis or, where axis is None, of the array as a vector.

    >>> repeat(np.array([1.0, 2.0]), 2)
    array([1., 1., 2., 2.])
    """
    x = _operand(x)
    if axis is None:
        x, axis = ravel(x), 0
    along = normalize_axis_index(axis, len(shape_of(x)))
    return take(x, np.repeat(np.arange(shape_of(x)[along]), repeats), along)


def flip(x: Operand, axis: Axis = None) -> Array:
    """The elements in reverse order along axes.

    >>> flip(np.array([1.0, 2.0]))
    array([2., 1.])
    """
    x = _operand(x)
    rank = len(shape_of(x))
    axes = range(rank) if axis is None else normalize_axis_tuple(axis, rank)
    result: Array = ops.getitem(
        x, index=tuple(slice(None, None, -1 if i in axes else None) for i in range(rank))
    )
    return result


def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: float = 0.0) -> Array:
    """The array with more elements around it: a constant, or its own for the other modes.

    mode: "constant", "edge", "reflect", "symmetric" or "wrap", as numpy.pad; ValueError for others.

    >>> pad(np.array([1.0, 2.0]), 1)
    array([0., 1., 2., 0.])
    """
    x = _operand(x)
    rank = len(shape_of(x))
    pairs = np.broadcast_to(np.asarray(pad_width, dtype=int), (rank, 2))
    widths = tuple((int(before), int(after)) for before, after in pairs)
    if mode == "constant":
        padded: Array = ops.pad(x, widths=widths)
        if constant_values:
            outside = np.pad(np.zeros(shape_of(x), bool), widths, constant_values=True)
            padded = ops.where(outside, float(constant_values), padded)
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


def take(x: Operand, indices: Any, axis: int | None = None) -> Array:
    """The elements at integer positions along an axis; of the vector where axis is None.

    Raises IndexError for a position that is not there. Booleans are the positions 0 and 1.

    >>> take(np.array([1.0, 2.0, 3.0]), [2, 0])
    array([3., 1.])
    """
    x = _operand(x)
    if axis is None:
        x, axis = ravel(x), 0
    along = normalize_axis_index(axis, len(shape_of(x)))
    before = (slice(None),) * along
    if (found := _operand(indices)).dtype.kind == "b":
        indices = ops.truncate(found, dtype=np.dtype(np.intp))
    return getitem(x, (*before, indices))


def take_along_axis(x: Operand, indices: Any, axis: int = -1) -> Array:
    """For each line along an axis the elements at its own integer positions.

    >>> take_along_axis(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1], [0]]), 1)
    array([[2.],
           [3.]])
    """
    x = _operand(x)
    positions = _operand(indices)
    along = normalize_axis_index(axis, len(shape_of(x)))
    if len(shape_of(x)) == len(shape_of(positions)):
        x, positions = _alike(x, positions, along)
    result: Array = ops.take_along_axis(x, positions, axis=along)
    return result


def _alike(x: Any, y: Any, axis: int) -> tuple[Any, Any]:
    """Two arrays broadcast against each other along all axes but one."""
    a, b = list(shape_of(x)), list(shape_of(y))
    a[axis] = b[axis] = 1
    common = list(np.broadcast_shapes(tuple(a), tuple(b)))
    alike = []
    for array in (x, y):
        common[axis] = shape_of(array)[axis]
        same = shape_of(array) == tuple(common)
        alike.append(array if same else ops.broadcast_to(array, shape=tuple(common)))
    return alike[0], alike[1]


def getitem(x: Any, index: Any) -> Array:
    """``x[index]`` for every kind of index that NumPy has.

    >>> float(getitem(np.array([1.0, 2.0]), -1))
    2.0
    """
    static, arrays = ops.normalise(index, shape_of(x))
    result: Array = ops.getitem(x, *arrays, index=static)
    return result


def astype(x: Operand, dtype: Any) -> Array:
    """The values in another dtype; converted to integers or booleans they have no gradient.

    >>> astype(np.array([1.5]), np.float32)
    array([1.5], dtype=float32)
    """
    wanted = np.dtype(dtype)
    x = _operand(x)
    op = ops.astype if wanted.kind == "f" else ops.truncate
    result: Array = op(x, dtype=wanted)
    return result


def diagonal(x: Operand, offset: int = 0) -> Array:
    """The diagonal of a matrix, or of each of a stack over its first two axes as NumPy takes them.

    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    x = _operand(x)
    if len(shape_of(x)) < 2:
        raise ShapeError(f"diagonal needs at least two axes, got shape {shape_of(x)}")
    rows, columns = shape_of(x)[:2]
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    steps = np.arange(length)
    taken = getitem(x, (steps - min(offset, 0), steps + max(offset, 0)))
    return moveaxis(taken, 0, -1)


def diag(x: Operand, k: int = 0) -> Array:
    """The diagonal of a matrix; or of a vector the matrix with it on the diagonal.

    >>> diag(np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    x = _operand(x)
    rank = len(shape_of(x))
    if rank == 2:
        return diagonal(x, k)
    if rank != 1:
        raise ShapeError(f"diag needs a vector or a matrix, got shape {shape_of(x)}")
    n = shape_of(x)[0]
    steps = np.arange(n)
    place = (steps - min(k, 0), steps + max(k, 0))
    result: Array = ops.scatter_add(
        x, *place, index=(ops.ARRAY, ops.ARRAY), shape=(n + abs(k), n + abs(k))
    )
    return result


def tril(x: Operand, k: int = 0) -> Array:
    """The lower triangle of each matrix, zeros elsewhere.

    >>> tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    x = _operand(x)
    n = shape_of(x)[-2:]
    mask = np.tri(n[0], n[-1], k, dtype=bool)
    result: Array = ops.where(mask, x, 0.0)
    return result


def triu(x: Operand, k: int = 0) -> Array:
    """The upper triangle of each matrix, zeros elsewhere.

    >>> triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    x = _operand(x)
    n = shape_of(x)[-2:]
    mask = ~np.tri(n[0], n[-1], k - 1, dtype=bool)
    result: Array = ops.where(mask, x, 0.0)
    return result


def where(condition: Operand, x: Operand, y: Operand) -> Array:
    """x where the condition is true, y elsewhere; what is not chosen gets no gradient.

    >>> where(np.array([True, False]), 1.0, 2.0)
    array([1., 2.])
    """
    result: Array = ops.where(condition, x, y)
    return result


def clip(x: Operand, min: Operand | None = None, max: Operand | None = None) -> Array:
    """x kept between two bounds, of which either may be None; at a bound the gradient is halved.

    >>> clip(np.array([-1.0, 0.5, 2.0]), 0.0, 1.0)
    array([0. , 0.5, 1. ])
    """
    result: Any = x
    if min is not None:
        result = ops.maximum(result, min)
    if max is not None:
        result = ops.minimum(result, max)
    return result  # type: ignore[no-any-return]


def zeros_like(x: Operand, dtype: Any = None) -> Array:
    """Zeros in the shape and dtype of x: constants.

    >>> zeros_like(np.ones(2))
    array([0., 0.])
    """
    return full_like(x, 0.0, dtype)


def ones_like(x: Operand, dtype: Any = None) -> Array:
    """Ones in the shape and dtype of x: constants.

    >>> ones_like(np.zeros(2))
    array([1., 1.])
    """
    return full_like(x, 1.0, dtype)


def full_like(x: Operand, fill_value: Operand, dtype: Any = None) -> Array:
    """One value in the shape and dtype of x; the gradient of that value is the sum of theirs.

    >>> full_like(np.zeros(2), 3.0)
    array([3., 3.])
    """
    x = _operand(x)
    wanted = np.dtype(dtype) if dtype is not None else dtype_of(x)
    if isinstance(fill_value, Var):
        return broadcast_to(astype(fill_value, wanted), shape_of(x))
    return np.full(shape_of(x), fill_value, wanted)
