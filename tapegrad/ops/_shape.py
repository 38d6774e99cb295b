"""Ops that move elements without changing them, and the two functions that undo broadcasting.

`fit` gives a cotangent the shape and dtype of the operand that it belongs to, `spread` gives a
tangent those of the output. No rule elsewhere needs to know how operands were broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import COMPLEX_VALUE, ConversionError, where as user_place
from .._tape import Op, dtype_of, shape_of
from .._typing import Params, Shape, Value
from ._define import constant_op, drawn, linear, normal


def lead(x: Value, rank: int) -> Value:
    """A batched operand whose examples have ``rank`` axes: axes of length one put before them."""
    batch, *shape = shape_of(x)
    missing = rank - len(shape)
    return x if missing <= 0 else reshape(x, shape=(batch, *(1,) * missing, *shape))


def align(batched: Sequence[bool], args: Sequence[Value]) -> list[Value]:
    """Operands that broadcast example by example: every example gets the rank of the largest."""
    rank = max(len(shape_of(a)) - b for a, b in zip(args, batched))
    return [lead(a, rank) if b else a for a, b in zip(args, batched)]


def everywhere(size: int, batched: bool, x: Value) -> Value:
    """An operand with a batch axis: repeated along a new one where it has none."""
    return x if batched else broadcast_to(x, shape=(size, *shape_of(x)))


# Broadcasting ------------------------------------------------------------------------------------


def _unbroadcast(x: Value, shape: Shape) -> Value:
    extra = x.ndim - len(shape)
    stretched = [i + extra for i, n in enumerate(shape) if n == 1 and x.shape[i + extra] != 1]
    summed = np.add.reduce(x, axis=(*range(extra), *stretched))
    return summed if summed.shape == shape else summed.reshape(shape)


def _broadcast(x: Value, shape: Shape) -> Value:
    if shape_of(x) == () and math.prod(shape) <= _SMALL:
        # A fifth of the time of numpy.broadcast_to, whose view saves memory that is not there.
        repeated = np.empty(shape, dtype_of(x))
        repeated.fill(x)
        return repeated
    return np.broadcast_to(x, shape)


_SMALL = 10_000  # elements


def _broadcast_batch(size: int, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
    return broadcast_to(lead(args[0], len(p["shape"])), shape=(size, *p["shape"]))


def _unbroadcast_batch(
    size: int, batched: Sequence[bool], args: Sequence[Value], p: Params
) -> Value:
    shape = p["shape"]
    extra = len(shape_of(args[0])) - 1 - len(shape)
    summed = unbroadcast(args[0], shape=(size, *(1,) * extra, *shape))
    return reshape(summed, shape=(size, *shape))


broadcast_to: Op = linear(
    "broadcast_to",
    _broadcast,
    lambda g, out, x, shape: unbroadcast(g, shape=shape_of(x)),
    batch=_broadcast_batch,
    samples=(
        normal((3,), shape=(2, 3)),
        normal((2, 1), shape=(4, 2, 3)),
        normal((), shape=(2,)),
        normal((1,), shape=(0,)),
    ),
)

unbroadcast: Op = linear(
    "unbroadcast",
    _unbroadcast,
    lambda g, out, x, shape: broadcast_to(g, shape=shape_of(x)),
    batch=_unbroadcast_batch,
    samples=(
        normal((2, 3), shape=(3,)),
        normal((4, 2, 3), shape=(2, 1)),
        normal((2, 3), shape=()),
        normal((0, 3), shape=(3,)),
    ),
)

# Dtype -------------------------------------------------------------------------------------------


def _astype(x: Value, dtype: np.dtype[Any]) -> Value:
    if dtype_of(x).kind == "c" and dtype.kind == "f":
        raise ConversionError(COMPLEX_VALUE.format(where=user_place()))
    return x.astype(dtype) if hasattr(x, "astype") else dtype.type(x)


astype: Op = linear(
    "astype",
    _astype,
    lambda g, out, x, dtype: astype(g, dtype=dtype_of(x)),
    batch=lambda size, batched, args, p: astype(args[0], **p),
    samples=(
        normal((3,), dtype=np.dtype(np.float64)),
        drawn(lambda rng: (rng.normal(),), dtype=np.dtype(np.float64)),
    ),
)

truncate: Op = constant_op(
    "truncate",
    lambda x, dtype: np.asarray(x).astype(dtype)[()],
    batch=lambda size, batched, args, p: truncate(args[0], **p),
    samples=(normal((3,), dtype=np.dtype(np.int64)),),
)


_DOUBLES = {float, np.float64}


def fit(x: Value, operand: Value) -> Value:
    """A cotangent in the operand's shape and dtype: summed over the axes that were broadcast."""
    kind, other = x.__class__, operand.__class__  # in the common cases there is nothing to do
    if kind is np.ndarray and kind is other:
        if x.shape == operand.shape and x.dtype is operand.dtype:
            return x
    elif kind in _DOUBLES and other in _DOUBLES:
        return x
    shape = shape_of(operand)
    if shape_of(x) != shape:
        x = unbroadcast(x, shape=shape)
    dtype = dtype_of(operand)
    return x if dtype_of(x) is dtype else astype(x, dtype=dtype)


def spread(x: Value, out: Value) -> Value:
    """A tangent in the output's shape and dtype: repeated along the axes that were broadcast."""
    if x.__class__ is float and out.__class__ is float:
        return x
    shape = shape_of(out)
    if shape_of(x) != shape:
        x = broadcast_to(x, shape=shape)
    dtype = dtype_of(out)
    return x if dtype_of(x) is dtype else astype(x, dtype=dtype)


# Axes --------------------------------------------------------------------------------------------


def _shape_batch(size: int, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
    return reshape(args[0], shape=(size, *p["shape"]))


reshape: Op = linear(
    "reshape",
    lambda x, shape: (x if hasattr(x, "reshape") else np.asarray(x)).reshape(shape),
    lambda g, out, x, shape: reshape(g, shape=shape_of(x)),
    batch=_shape_batch,
    samples=(
        normal((2, 3), shape=(6,)),
        normal((), shape=(1, 1)),
        normal((1, 1), shape=()),
        normal((0, 3), shape=(3, 0)),
    ),
)

transpose: Op = linear(
    "transpose",
    lambda x, axes: x.transpose(axes) if axes else x,
    lambda g, out, x, axes: transpose(g, axes=inverse(axes)),
    batch=lambda size, batched, args, p: transpose(
        args[0], axes=(0, *(axis + 1 for axis in p["axes"]))
    ),
    samples=(
        normal((2, 3), axes=(1, 0)),
        normal((2, 3, 4), axes=(2, 0, 1)),
        normal((0, 3), axes=(1, 0)),
    ),
)


def inverse(axes: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes ``axes``."""
    return tuple(int(i) for i in np.argsort(axes))


def moveaxis(x: Value, source: int, destination: int) -> Value:
    """One axis moved to another place."""
    rank = len(shape_of(x))
    order = [axis for axis in range(rank) if axis != source % rank]
    order.insert(destination % rank, source % rank)
    return x if order == list(range(rank)) else transpose(x, axes=tuple(order))


def matrix_transpose(x: Value) -> Value:
    """The last two axes exchanged."""
    rank = len(shape_of(x))
    return transpose(x, axes=(*range(rank - 2), rank - 1, rank - 2))


# Marks -------------------------------------------------------------------------------------------


identity: Op = linear(
    "identity",
    lambda x, label=None: x,
    lambda g, out, x, label=None: g,
    batch=lambda size, batched, args, p: identity(args[0], **p),
    samples=(normal((2,)), normal((), label="x")),
)

stop_gradient: Op = constant_op(
    "stop_gradient",
    lambda x: x,
    batch=lambda size, batched, args, p: stop_gradient(args[0]),
    samples=(normal((2,)),),
)

OPS: tuple[Op, ...] = (
    broadcast_to,
    unbroadcast,
    astype,
    truncate,
    reshape,
    transpose,
    identity,
    stop_gradient,
)
