"""Indexing: taking elements, and its transpose, adding into zeros.

An index is normalised once (`normalise`): a tuple of ints, slices, None, Ellipsis and, in place of
each index array, the mark ARRAY; the arrays themselves follow as operands, since vmap may give
each example an index of its own. Boolean masks have become the positions of their true elements.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from .._errors import ConversionError, at_line, describe
from .._tape import AnyOp, Array, Operand
from .._texts import TO_INDEX
from .._typing import Args, Flags, Params, Sample, Shape, Value
from .._values import (
    MASK,
    Traced,
    array,
    dtype_of,
    is_floating,
    is_truth,
    is_whole,
    look,
    operand,
    shape_of,
)
from ._define import Variadic, drawn, normal, primitive
from ._join import stack
from ._shape import axis_moved, broadcast_to, everywhere, line


class _Mark(enum.Enum):
    ARRAY = "array"

    def __repr__(self) -> str:
        return "ARRAY"


ARRAY = _Mark.ARRAY
_HALF = "\nThe whole part of a quotient is n // 2, not n / 2."
Index: TypeAlias = tuple[Any, ...]


def normalise(index: Any, shape: Shape) -> tuple[Index, tuple[Value, ...]]:
    """What a user wrote in x[...], x of this shape, as the static part and the index arrays."""
    items = index if isinstance(index, tuple) else (index,)
    static: list[Any] = []
    arrays: list[Value] = []
    masks: list[tuple[int, Shape]] = []  # where each begins in static, and its shape
    for item in items:
        if item is None or item is Ellipsis or isinstance(item, slice):
            static.append(_plain_slice(item) if isinstance(item, slice) else item)
        elif isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool)):
            static.append(int(item))
        else:
            positions, mask = _positions(item)
            if mask is not None:
                masks.append((len(static), mask))
            static += [ARRAY] * len(positions)
            arrays += positions
    for place, mask in masks:
        _check_mask(mask, place, static, shape)
    return tuple(static), tuple(arrays)


def _check_mask(mask: Shape, place: int, static: Sequence[Any], shape: Shape) -> None:
    """Whether a mask has the lengths of the axes that it covers, or 0 for some, which NumPy takes
    for any; IndexError, as NumPy, if not.
    """
    before, after = (
        sum(item is not None and item is not Ellipsis for item in part)
        for part in (static[:place], static[place:])
    )
    dots = any(item is Ellipsis for item in static[:place])
    first = len(shape) - after if dots else before
    covered = shape[first : first + len(mask)]
    if len(covered) < len(mask) or any(n not in (0, axis) for n, axis in zip(mask, covered)):
        raise IndexError(
            f"a mask of shape {mask} does not fit the axes of lengths {covered} that it covers, of "
            f"an array of shape {shape}{at_line()}"
        )


def _plain_slice(item: slice) -> slice:
    """A slice whose bounds are ints: a traced integer gives its value."""
    return slice(*map(_bound, (item.start, item.stop, item.step)))


def _bound(value: Any) -> int | None:
    try:
        return None if value is None else operator.index(value)
    except ConversionError:  # a traced value has its own words
        raise
    except TypeError:
        text = f"the bounds of a slice are integers or None, got {describe(value)}{at_line()}"
        raise TypeError(f"{text}{_HALF if isinstance(value, float) else ''}") from None


def _positions(item: Any) -> tuple[Sequence[Value], Shape | None]:
    """An index array; or the positions of a mask, one array for each of its axes, and its shape."""
    if isinstance(item, Traced):
        if is_whole(item):
            return (item,), None
        if is_floating(item):
            raise ConversionError(TO_INDEX.format(what=describe(item), where=at_line()))
        item = look(item, np.asarray, MASK)  # how many are true would differ between examples
    try:
        found = np.asarray(operand(item) if isinstance(item, np.ndarray) else item)
    except ValueError:  # lists of different lengths
        raise _no_index(item) from None
    if found.size == 0 and not isinstance(item, (np.ndarray, np.generic)):
        found = found.astype(np.intp)  # x[[]]
    if is_truth(found) and found.ndim:
        return np.nonzero(found), found.shape
    if not is_whole(found):
        raise _no_index(item)
    return (found,), None


def _no_index(item: Any) -> IndexError:
    return IndexError(
        f"an index is an int, a slice, None, ... or an array of integers or of booleans; "
        f"got {describe(item)}{at_line()}"
    )


def fill(index: Index, arrays: Sequence[Any]) -> Index:
    """The index as NumPy takes it: each mark replaced by its array."""
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple(next(rest) if item is ARRAY else item for item in index)


def _zeros_added(x: Value, *arrays: Any, index: Index, shape: Shape) -> Value:
    zeros = np.zeros(shape, dtype_of(x))
    if arrays:
        np.add.at(zeros, fill(index, arrays), x)
    else:
        zeros[index] = x
    return zeros


# Batching ----------------------------------------------------------------------------------------
def one_by_one(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    """An op on each example in turn: right for every op, for those that NumPy cannot batch."""
    if size == 0:  # one that is made up has the shape that they would have
        zeros = (np.zeros(shape_of(a)[1:], dtype_of(a)) if b else a for a, b in zip(args, batched))
        example = op.bind(*zeros, **p)
        return np.zeros((0, *shape_of(example)), dtype_of(example))
    examples = [
        op.bind(*(getitem.bind(a, index=(i,)) if b else a for a, b in zip(args, batched)), **p)
        for i in range(size)
    ]
    return stack.bind(*examples, axis=0)


def advanced_apart(index: Index) -> bool:
    """Whether NumPy puts the axes of the index arrays first: they do not stand side by side.

    Beside an array, an int counts as one.
    """
    if ARRAY not in index:
        return False
    places = [i for i, item in enumerate(index) if item is ARRAY or isinstance(item, int)]
    return places != list(range(places[0], places[-1] + 1))


def _getitem_batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    x, *arrays = args
    index: Index = p["index"]
    if any(batched[1:]):
        return one_by_one(op, size, batched, args, p)
    taken = op.bind(x, *arrays, index=(slice(None), *index))
    if advanced_apart(index):
        taken = axis_moved(taken, max(len(shape_of(a)) for a in arrays), 0)
    return taken


def _scatter_batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    g, *arrays = args
    index: Index = p["index"]
    if any(batched[1:]):
        return one_by_one(op, size, batched, args, p)
    if advanced_apart(index):
        g = axis_moved(g, 0, max(len(shape_of(a)) for a in arrays))
    return op.bind(g, *arrays, index=(slice(None), *index), shape=(size, *p["shape"]))


# Taking and adding -------------------------------------------------------------------------------
# One rule for any number of index arrays: none of them has a derivative.
def _sample(index: Index, *arrays: Any) -> Sample:
    return drawn(lambda rng: (rng.normal(size=(3, 4)), *arrays), index=index)


_SAMPLES = (
    _sample((1,)),
    _sample((-1, 2)),
    _sample((slice(1, None),)),
    _sample((slice(None, None, -1), 1)),
    _sample((None, Ellipsis, 1)),
    _sample((slice(2, 2),)),
    _sample((ARRAY,), np.array([0, 2, 0])),
    _sample((ARRAY, ARRAY), np.array([[0], [2]]), np.array([1, 1])),
    _sample((ARRAY, None, 1), np.array([2, 2])),
    _sample((Ellipsis, ARRAY), np.zeros(0, dtype=int)),
    normal((), index=()),
    normal((), index=(None,)),
)


@primitive(
    operator.getitem,
    run=lambda x, *arrays, index: (x if hasattr(x, "shape") else np.asarray(x))[
        fill(index, arrays)
    ],
    vjp=Variadic(
        lambda g, out, x, *arrays, index: scatter_add.bind(
            g, *arrays, index=index, shape=shape_of(x)
        )
    ),
    batch=_getitem_batch,
    kind="layout",
    samples=_SAMPLES,
    parametric=True,
)
def getitem(x: Any, index: Any) -> Array:
    """``x[index]`` for every kind of index that NumPy has.

    >>> float(getitem(np.array([1.0, 2.0]), -1))
    2.0
    """
    static, arrays = normalise(index, shape_of(x))
    return getitem.bind(x, *arrays, index=static)


@primitive(
    run=_zeros_added,
    vjp=Variadic(lambda g, out, x, *arrays, index, shape: getitem.bind(g, *arrays, index=index)),
    batch=_scatter_batch,
    samples=(
        normal((4,), index=(1,), shape=(3, 4)),
        normal((2,), index=(slice(None, 2),), shape=(3,)),
        drawn(lambda rng: (rng.normal(size=3), np.array([0, 2, 0])), index=(ARRAY,), shape=(3,)),
    ),
)
def scatter_add(x: Operand, *arrays: Operand, index: Index, shape: Shape) -> Array:
    """Zeros of a shape with x added to the elements at an index."""


def flipped(x: Value, axis: int) -> Value:
    """The elements along an axis in reverse order."""
    return getitem.bind(x, index=(*(slice(None),) * axis, slice(None, None, -1)))


# Along an axis -----------------------------------------------------------------------------------
def _along_batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    params = {**p, "axis": p["axis"] + 1}
    if "shape" in p:
        params["shape"] = (size, *p["shape"])
    return op.bind(*(everywhere(size, b, a) for a, b in zip(args, batched)), **params)


def _add_along(g: Value, indices: Any, axis: int, shape: Shape) -> Value:
    zeros = np.zeros(shape, dtype=g.dtype)
    grid: list[Any] = list(np.ix_(*(np.arange(n) for n in indices.shape)))
    grid[axis] = indices
    np.add.at(zeros, tuple(grid), g)
    return zeros


@primitive(
    np.take_along_axis,
    run=lambda x, indices, axis: np.take_along_axis(x, indices, axis),
    vjp=(
        lambda g, out, x, indices, axis: add_along_axis.bind(
            g, indices, axis=axis, shape=shape_of(x)
        ),
        None,
    ),
    batch=_along_batch,
    kind="layout",
    samples=(
        drawn(lambda rng: (rng.normal(size=4), np.array([3, 0, 0])), axis=0),
        drawn(lambda rng: (rng.normal(size=(2, 3)), np.array([[2], [0]])), axis=1),
    ),
    parametric=True,
)
def take_along_axis(arr: Operand, indices: Any, axis: int | None = -1) -> Array:
    """For each line along an axis the elements at its own integer positions.

    Where axis is None, of the elements as a vector.

    >>> take_along_axis(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1], [0]]), 1)
    array([[2.],
           [3.]])
    """
    x, along = line(array(arr), axis, of_number=False)
    positions = array(indices)
    if len(shape_of(x)) == len(shape_of(positions)):
        x, positions = _but_for(along, x, positions)
    return take_along_axis.bind(x, positions, axis=along)


def _but_for(axis: int, x: Value, y: Value) -> tuple[Value, Value]:
    """Two arrays broadcast against each other along all axes but one."""
    a, b = list(shape_of(x)), list(shape_of(y))
    a[axis] = b[axis] = 1
    try:
        common = list(np.broadcast_shapes(tuple(a), tuple(b)))
    except ValueError as error:
        raise IndexError(f"take_along_axis: {error}{at_line()}") from None
    alike = []
    for each in (x, y):
        common[axis] = shape_of(each)[axis]
        same = shape_of(each) == tuple(common)
        alike.append(each if same else broadcast_to.bind(each, shape=tuple(common)))
    return alike[0], alike[1]


@primitive(
    run=_add_along,
    vjp=(
        lambda g, out, x, indices, axis, shape: take_along_axis.bind(g, indices, axis=axis),
        None,
    ),
    batch=_along_batch,
    samples=(
        drawn(lambda rng: (rng.normal(size=3), np.array([3, 0, 0])), axis=0, shape=(4,)),
        drawn(lambda rng: (rng.normal(size=(2, 1)), np.array([[2], [0]])), axis=1, shape=(2, 3)),
    ),
)
def add_along_axis(x: Operand, indices: Any, *, axis: int, shape: Shape) -> Array:
    """Zeros of a shape with x added at the positions of `take_along_axis`."""
