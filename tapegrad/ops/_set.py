"""Setting elements: x with x[i] = v.

Where a place is named twice, the last value stays: the last in the order of the elements of x[i].
NumPy's own order follows the layout of its operands in memory, and so would differ between a value
and its cotangent, or an example and its batch. Here each place is written once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._tape import AnyOp, Array, Operand
from .._typing import Args, Flags, Params, Shape, Value
from .._values import dtype_of, shape_of
from ._define import Variadic, drawn, primitive
from ._index import ARRAY, Index, advanced_apart, fill, getitem, one_by_one
from ._select import where
from ._shape import everywhere, fit, lead


def _writers(shape: Shape, index: Index, arrays: Args) -> tuple[NDArray[np.intp], NDArray[np.bool]]:
    """Of each element of x[i] the place in x, counted row by row, and whether none after it has the
    same.
    """
    places = np.arange(math.prod(shape)).reshape(shape)[fill(index, arrays)]
    flat, count = places.reshape(-1), np.arange(places.size)
    last = np.full(math.prod(shape), -1)
    np.maximum.at(last, flat, count)
    return places, (last[flat] == count).reshape(places.shape)


def _set(x: Value, v: Value, *arrays: Any, index: Index) -> Value:
    written = np.array(x, order="C")
    if not arrays:
        written[index] = v
        return written
    places, stay = _writers(written.shape, index, arrays)
    written.reshape(-1)[places[stay]] = np.broadcast_to(v, places.shape)[stay]
    return written


def _last_writers(*arrays: Any, index: Index, shape: Shape) -> NDArray[np.bool]:
    return _writers(shape, index, arrays)[1]


@primitive(
    run=_last_writers,
    vjp=Variadic(),
    batch=one_by_one,
    samples=(drawn(lambda rng: (np.array([0, 2, 0]),), index=(ARRAY,), shape=(3,)),),
)
def last_writers(*arrays: Operand, index: Index, shape: Shape) -> NDArray[np.bool]:
    """Which elements of v stay in x after x[i] = v: of those to one place, the last."""


def _set_values(g: Value, out: Value, x: Value, v: Value, *arrays: Value, index: Index) -> Value:
    taken = getitem.bind(g, *arrays, index=index)
    if arrays:
        taken = where.bind(last_writers.bind(*arrays, index=index, shape=shape_of(x)), taken, 0.0)
    return fit(taken, v)


def _set_batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    x, v, *arrays = args
    index: Index = p["index"]
    if any(batched[2:]) or advanced_apart(index):
        return one_by_one(op, size, batched, args, p)
    x = everywhere(size, batched[0], x)
    if batched[1]:
        target = shape_of(getitem.bind(x, *arrays, index=(slice(None), *index)))
        v = lead(v, len(target) - 1)
    return op.bind(x, v, *arrays, index=(slice(None), *index))


@primitive(
    run=_set,
    vjp=Variadic(
        lambda g, out, x, v, *arrays, index: fit(index_set.bind(g, 0.0, *arrays, index=index), x),
        _set_values,
    ),
    jvp=Variadic(
        lambda t, out, x, v, *arrays, index: index_set.bind(t, 0.0, *arrays, index=index),
        lambda t, out, x, v, *arrays, index: index_set.bind(
            np.zeros(shape_of(out), dtype_of(out)), t, *arrays, index=index
        ),
    ),
    batch=_set_batch,
    kind="layout",
    samples=(
        drawn(lambda rng: (rng.normal(size=(3, 2)), rng.normal(size=2)), index=(1,)),
        drawn(lambda rng: (rng.normal(size=(3, 2)), rng.normal()), index=(slice(1, None),)),
        drawn(
            lambda rng: (rng.normal(size=4), rng.normal(size=3), np.array([0, 2, 0])),
            index=(ARRAY,),
        ),
    ),
)
def index_set(x: Operand, v: Operand, *arrays: Operand, index: Index) -> Array:
    """x with x[index] = v."""
