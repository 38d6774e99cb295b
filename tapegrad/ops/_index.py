"""Indexing: taking elements, and its transpose, adding into zeros.

An index is normalised once (`normalise`): a tuple of ints, slices, None, Ellipsis and, in place of
each index array, the mark ARRAY; the arrays themselves follow as operands, since vmap may give
each example an index of its own. Boolean masks have become the positions of their true elements.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._errors import BATCHED_MASK, TO_INDEX, ConversionError, describe, where as user_place
from .._tape import Op, Sample, Var, dtype_of, shape_of, single
from .._typing import Params, Shape, Value
from ._define import Batch, Variadic, drawn, linear, normal
from ._join import stack
from ._select import where
from ._shape import everywhere, fit, lead, moveaxis


class _Mark(enum.Enum):
    ARRAY = "array"

    def __repr__(self) -> str:
        return "ARRAY"


ARRAY = _Mark.ARRAY
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
    """Whether a mask has the lengths of the axes that it covers; IndexError, as NumPy, if not."""
    before, after = (
        sum(item is not None and item is not Ellipsis for item in part)
        for part in (static[:place], static[place:])
    )
    dots = any(item is Ellipsis for item in static[:place])
    first = len(shape) - after if dots else before
    covered = shape[first : first + len(mask)]
    if covered != mask:
        raise IndexError(
            f"a mask of shape {mask} does not fit the axes of lengths {covered} that it covers, of "
            f"an array of shape {shape}{user_place()}"
        )


def _plain_slice(item: slice) -> slice:
    """A slice whose bounds are ints: a traced integer gives its value."""
    bounds = (item.start, item.stop, item.step)
    return slice(*(b if b is None else b.__index__() for b in bounds))


def _positions(item: Any) -> tuple[Sequence[Value], Shape | None]:
    """An index array; or the positions of a mask, one array for each of its axes, and its shape."""
    if isinstance(item, Var):
        if item.dtype.kind in "iu":
            return (item,), None
        if item.dtype.kind == "f":
            raise ConversionError(TO_INDEX.format(what=describe(item), where=user_place()))
        item = single(item, BATCHED_MASK)  # how many are true would differ between examples
    array = np.asarray(item)
    if array.size == 0 and not isinstance(item, (np.ndarray, np.generic)):
        array = array.astype(np.intp)  # x[[]]
    if array.dtype.kind == "b" and array.ndim:
        return np.nonzero(array), array.shape
    if array.dtype.kind not in "iu":
        raise IndexError(
            f"an index is an int, a slice, None, ... or an array of integers or of booleans; "
            f"got {describe(item)}"
        )
    return (array,), None


def fill(index: Index, arrays: Sequence[Any]) -> Index:
    """The index as NumPy takes it: each mark replaced by its array."""
    if not arrays:
        return index
    rest = iter(arrays)
    return tuple(next(rest) if item is ARRAY else item for item in index)


def _zeros_added(x: Value, *arrays: Any, index: Index, shape: Shape) -> Value:
    zeros = np.zeros(shape, dtype=getattr(x, "dtype", float))
    if arrays:
        np.add.at(zeros, fill(index, arrays), x)
    else:
        zeros[index] = x
    return zeros


# Batching ----------------------------------------------------------------------------------------


def one_by_one(op: Op, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
    """An op on each example in turn: right for every op, for those that NumPy cannot batch."""
    size = next(shape_of(arg)[0] for arg, b in zip(args, batched) if b)
    if size == 0:  # one that is made up has the shape that they would have
        zeros = (np.zeros(shape_of(a)[1:], dtype_of(a)) if b else a for a, b in zip(args, batched))
        one = op(*zeros, **p)
        return np.zeros((0, *shape_of(one)), dtype_of(one))
    examples = [
        op(*(getitem(a, index=(i,)) if b else a for a, b in zip(args, batched)), **p)
        for i in range(size)
    ]
    return stack(*examples, axis=0)


def _advanced_apart(index: Index) -> bool:
    """Whether NumPy puts the axes of the index arrays first: they do not stand side by side.

    Beside an array, an int counts as one.
    """
    if ARRAY not in index:
        return False
    places = [i for i, item in enumerate(index) if item is ARRAY or isinstance(item, int)]
    return places != list(range(places[0], places[-1] + 1))


def _getitem_batch(size: int, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
    x, *arrays = args
    index: Index = p["index"]
    if any(batched[1:]):
        return one_by_one(getitem, batched, args, p)
    taken = getitem(x, *arrays, index=(slice(None), *index))
    if _advanced_apart(index):
        taken = moveaxis(taken, max(len(shape_of(a)) for a in arrays), 0)
    return taken


def _scatter_batch(size: int, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
    g, *arrays = args
    index: Index = p["index"]
    if any(batched[1:]):
        return one_by_one(scatter_add, batched, args, p)
    if _advanced_apart(index):
        g = moveaxis(g, 0, max(len(shape_of(a)) for a in arrays))
    return scatter_add(g, *arrays, index=(slice(None), *index), shape=(size, *p["shape"]))


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


def _pick(run: Any, transpose: Any, name: str, batch: Batch, samples: Any) -> Op:
    op: Op = Op(
        name=name,
        run=run,
        jvp=Variadic(lambda t, out, x, *arrays, **p: op(t, *arrays, **p)),
        vjp=Variadic(transpose),
        batch=batch,
        samples=samples,
    )
    return op


getitem: Op = _pick(
    lambda x, *arrays, index: (x if hasattr(x, "shape") else np.asarray(x))[fill(index, arrays)],
    lambda g, out, x, *arrays, index: scatter_add(g, *arrays, index=index, shape=shape_of(x)),
    "getitem",
    _getitem_batch,
    _SAMPLES,
)

scatter_add: Op = _pick(
    _zeros_added,
    lambda g, out, x, *arrays, index, shape: getitem(g, *arrays, index=index),
    "scatter_add",
    _scatter_batch,
    (
        normal((4,), index=(1,), shape=(3, 4)),
        normal((2,), index=(slice(None, 2),), shape=(3,)),
        drawn(lambda rng: (rng.normal(size=3), np.array([0, 2, 0])), index=(ARRAY,), shape=(3,)),
    ),
)


def flip(x: Value, axis: int) -> Value:
    """The elements along an axis in reverse order."""
    return getitem(x, index=(*(slice(None),) * axis, slice(None, None, -1)))


# Setting -----------------------------------------------------------------------------------------


def _set(x: Value, v: Value, *arrays: Any, index: Index) -> Value:
    written = np.array(x)
    written[fill(index, arrays)] = v
    return written


def _last_writers(*arrays: Any, index: Index, shape: Shape) -> NDArray[np.bool]:
    """Which elements of v remain in x after x[i] = v: of those to one place, the last."""
    place = fill(index, arrays)
    owner = np.full(shape, -1)
    count = np.arange(owner[place].size).reshape(owner[place].shape)
    owner[place] = count
    return np.asarray(owner[place] == count)


last_writers: Op = Op(
    name="last_writers",
    run=_last_writers,
    jvp=Variadic(),
    vjp=Variadic(),
    batch=lambda size, batched, args, p: one_by_one(last_writers, batched, args, p),
    samples=(drawn(lambda rng: (np.array([0, 2, 0]),), index=(ARRAY,), shape=(3,)),),
)


def _set_values(g: Value, out: Value, x: Value, v: Value, *arrays: Value, index: Index) -> Value:
    taken = getitem(g, *arrays, index=index)
    if arrays:
        taken = where(last_writers(*arrays, index=index, shape=shape_of(x)), taken, 0.0)
    return fit(taken, v)


def _set_batch(size: int, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
    x, v, *arrays = args
    index: Index = p["index"]
    if any(batched[2:]) or _advanced_apart(index):
        return one_by_one(index_set, batched, args, p)
    x = everywhere(size, batched[0], x)
    if batched[1]:
        target = shape_of(getitem(x, *arrays, index=(slice(None), *index)))
        v = lead(v, len(target) - 1)
    return index_set(x, v, *arrays, index=(slice(None), *index))


index_set: Op = Op(
    name="index_set",
    run=_set,
    jvp=Variadic(
        lambda t, out, x, v, *arrays, index: index_set(t, 0.0, *arrays, index=index),
        lambda t, out, x, v, *arrays, index: index_set(
            np.zeros(shape_of(out), dtype_of(out)), t, *arrays, index=index
        ),
    ),
    vjp=Variadic(
        lambda g, out, x, v, *arrays, index: fit(index_set(g, 0.0, *arrays, index=index), x),
        _set_values,
    ),
    batch=_set_batch,
    samples=(
        drawn(lambda rng: (rng.normal(size=(3, 2)), rng.normal(size=2)), index=(1,)),
        drawn(lambda rng: (rng.normal(size=(3, 2)), rng.normal()), index=(slice(1, None),)),
        drawn(
            lambda rng: (rng.normal(size=4), rng.normal(size=3), np.array([0, 2, 0])),
            index=(ARRAY,),
        ),
    ),
)

# Along an axis -----------------------------------------------------------------------------------


def _along_batch(op_of: Any) -> Batch:
    def batch(size: int, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
        x, indices = (everywhere(size, b, a) for a, b in zip(args, batched))
        params = {**p, "axis": p["axis"] + 1}
        if "shape" in p:
            params["shape"] = (size, *p["shape"])
        return op_of()(x, indices, **params)

    return batch


def _add_along(g: Value, indices: Any, axis: int, shape: Shape) -> Value:
    zeros = np.zeros(shape, dtype=g.dtype)
    grid: list[Any] = list(np.ix_(*(np.arange(n) for n in indices.shape)))
    grid[axis] = indices
    np.add.at(zeros, tuple(grid), g)
    return zeros


take_along_axis: Op = linear(
    "take_along_axis",
    lambda x, indices, axis: np.take_along_axis(x, indices, axis),
    lambda g, out, x, indices, axis: add_along_axis(g, indices, axis=axis, shape=shape_of(x)),
    batch=_along_batch(lambda: take_along_axis),
    samples=(
        drawn(lambda rng: (rng.normal(size=4), np.array([3, 0, 0])), axis=0),
        drawn(lambda rng: (rng.normal(size=(2, 3)), np.array([[2], [0]])), axis=1),
    ),
    static=1,
)

add_along_axis: Op = linear(
    "add_along_axis",
    _add_along,
    lambda g, out, x, indices, axis, shape: take_along_axis(g, indices, axis=axis),
    batch=_along_batch(lambda: add_along_axis),
    samples=(
        drawn(lambda rng: (rng.normal(size=3), np.array([3, 0, 0])), axis=0, shape=(4,)),
        drawn(lambda rng: (rng.normal(size=(2, 1)), np.array([[2], [0]])), axis=1, shape=(2, 3)),
    ),
    static=1,
)

OPS: tuple[Op, ...] = (
    getitem,
    scatter_add,
    last_writers,
    index_set,
    take_along_axis,
    add_along_axis,
)
