"""Ops that move elements without changing them, and the two functions that undo broadcasting.

`fit` gives a cotangent the shape and dtype of the operand that it belongs to, `spread` gives a
tangent those of the output. No rule elsewhere needs to know how operands were broadcast.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._tape import AnyOp, Array, Operand
from .._typing import Args, Flags, Params, Shape, Value
from .._values import array, dtype_of, real_dtype, shape_of
from ._define import drawn, normal, on_stacks, primitive


def lengths_of(shape: int | Sequence[int]) -> Shape:
    """A shape as the user gives it, as a tuple of ints."""
    given: Any = shape  # of traced integers, perhaps
    if isinstance(given, Sequence) or shape_of(given):
        return tuple(operator.index(n) for n in given)
    return (operator.index(given),)


def lead(x: Value, rank: int) -> Value:
    """A batched operand whose examples have ``rank`` axes: axes of length one put before them."""
    batch, *shape = shape_of(x)
    missing = rank - len(shape)
    return x if missing <= 0 else reshape.bind(x, shape=(batch, *(1,) * missing, *shape))


def align(batched: Sequence[bool], args: Sequence[Value]) -> list[Value]:
    """Operands that broadcast example by example: every example gets the rank of the largest."""
    rank = max(len(shape_of(a)) - b for a, b in zip(args, batched))
    return [lead(a, rank) if b else a for a, b in zip(args, batched)]


def everywhere(size: int, batched: bool, x: Value) -> Value:
    """An operand with a batch axis: repeated along a new one where it has none."""
    return x if batched else broadcast_to.bind(x, shape=(size, *shape_of(x)))


# Broadcasting ------------------------------------------------------------------------------------
def _unbroadcast(x: Value, shape: Shape) -> Value:
    extra = x.ndim - len(shape)
    stretched = [i + extra for i, n in enumerate(shape) if n == 1 and x.shape[i + extra] != 1]
    summed = np.add.reduce(x, axis=(*range(extra), *stretched))
    return summed if summed.shape == shape else summed.reshape(shape)


def _broadcast(x: Value, shape: Shape) -> Value:
    if shape_of(x) == () and math.prod(shape) <= _SMALL:
        # numpy.broadcast_to takes longer to save memory that is not there (bench/NOTES.md).
        repeated = np.empty(shape, dtype_of(x))
        repeated.fill(x)
        return repeated
    return np.broadcast_to(x, shape)


_SMALL = 10_000  # elements


def _unbroadcast_batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    shape = p["shape"]
    extra = len(shape_of(args[0])) - 1 - len(shape)
    summed = op.bind(args[0], shape=(size, *(1,) * extra, *shape))
    return reshape.bind(summed, shape=(size, *shape))


@primitive(
    np.broadcast_to,
    run=_broadcast,
    vjp=(lambda g, out, x, shape: unbroadcast.bind(g, shape=shape_of(x)),),
    batch=lambda op, size, batched, args, p: op.bind(
        lead(args[0], len(p["shape"])), shape=(size, *p["shape"])
    ),
    kind="layout",
    samples=(
        normal((3,), shape=(2, 3)),
        normal((2, 1), shape=(4, 2, 3)),
        normal((), shape=(2,)),
        normal((1,), shape=(0,)),
    ),
    parametric=True,
)
def broadcast_to(x: Operand, shape: int | Sequence[int]) -> Array:
    """The elements repeated to a larger shape, as operators do.

    >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    return broadcast_to.bind(array(x), shape=lengths_of(shape))


@primitive(
    run=_unbroadcast,
    vjp=(lambda g, out, x, shape: broadcast_to.bind(g, shape=shape_of(x)),),
    batch=_unbroadcast_batch,
    samples=(
        normal((2, 3), shape=(3,)),
        normal((4, 2, 3), shape=(2, 1)),
        normal((2, 3), shape=()),
        normal((0, 3), shape=(3,)),
    ),
)
def unbroadcast(x: Operand, *, shape: Shape) -> Array:
    """The sums of the elements that `broadcast_to` would make of one."""


# Dtype -------------------------------------------------------------------------------------------
def _astype(x: Value, dtype: np.dtype[Any]) -> Value:
    return x.astype(dtype) if hasattr(x, "astype") else dtype.type(x)


@primitive(
    np.astype,
    run=_astype,
    vjp=(lambda g, out, x, dtype: astype.bind(g, dtype=dtype_of(x)),),
    batch=on_stacks,
    kind="elementwise",
    samples=(
        normal((3,), dtype=np.dtype(np.float64)),
        drawn(lambda rng: (rng.normal(),), dtype=np.dtype(np.float64)),
    ),
    parametric=True,
)
def astype(x: Operand, dtype: Any) -> Array:
    """The values in another dtype; converted to integers or booleans they have no gradient.

    >>> astype(np.array([1.5]), np.float32)
    array([1.5], dtype=float32)
    """
    wanted = real_dtype(dtype)
    convert = astype.bind if wanted.kind == "f" else truncate.bind
    return convert(array(x), dtype=wanted)


@primitive(
    run=lambda x, dtype: np.asarray(x).astype(dtype)[()],
    vjp=(None,),
    batch=on_stacks,
    kind="elementwise",
    samples=(normal((3,), dtype=np.dtype(np.int64)),),
)
def truncate(x: Operand, *, dtype: np.dtype[Any]) -> Array:
    """The values in a dtype that has no gradients."""


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
        x = unbroadcast.bind(x, shape=shape)
    dtype = dtype_of(operand)
    return x if dtype_of(x) is dtype else astype.bind(x, dtype=dtype)


def spread(x: Value, out: Value) -> Value:
    """A tangent in the output's shape and dtype: repeated along the axes that were broadcast."""
    if x.__class__ is float and out.__class__ is float:
        return x
    shape = shape_of(out)
    if shape_of(x) != shape:
        x = broadcast_to.bind(x, shape=shape)
    dtype = dtype_of(out)
    return x if dtype_of(x) is dtype else astype.bind(x, dtype=dtype)


# Axes --------------------------------------------------------------------------------------------
@primitive(
    np.reshape,
    run=lambda x, shape: (x if hasattr(x, "reshape") else np.asarray(x)).reshape(shape),
    vjp=(lambda g, out, x, shape: reshape.bind(g, shape=shape_of(x)),),
    batch=lambda op, size, batched, args, p: op.bind(*args, shape=(size, *p["shape"])),
    kind="layout",
    samples=(
        normal((2, 3), shape=(6,)),
        normal((), shape=(1, 1)),
        normal((1, 1), shape=()),
        normal((0, 3), shape=(3, 0)),
    ),
    parametric=True,
)
def reshape(x: Operand, shape: int | Sequence[int]) -> Array:
    """The same elements in another shape; one length may be -1, and is then worked out.

    >>> reshape(np.array([1.0, 2.0]), (2, 1))
    array([[1.],
           [2.]])
    """
    x = array(x)
    wanted = lengths_of(shape)
    total = math.prod(shape_of(x))
    if wanted.count(-1) == 1:
        known = math.prod(n for n in wanted if n != -1)
        if known and total % known == 0:
            wanted = tuple(total // known if n == -1 else n for n in wanted)
    return reshape.bind(x, shape=wanted)


@primitive(
    np.transpose,
    run=lambda x, axes: x.transpose(axes) if axes else x,
    vjp=(lambda g, out, x, axes: transpose.bind(g, axes=inverse(axes)),),
    batch=lambda op, size, batched, args, p: op.bind(
        *args, axes=(0, *(axis + 1 for axis in p["axes"]))
    ),
    kind="layout",
    samples=(
        normal((2, 3), axes=(1, 0)),
        normal((2, 3, 4), axes=(2, 0, 1)),
        normal((0, 3), axes=(1, 0)),
    ),
    parametric=True,
)
def transpose(x: Operand, axes: Sequence[int] | None = None) -> Array:
    """The axes in another order, or in reverse.

    >>> transpose(np.zeros((2, 3))).shape
    (3, 2)
    """
    x = array(x)
    rank = len(shape_of(x))
    order = tuple(range(rank))[::-1] if axes is None else normalize_axis_tuple(axes, rank)
    return transpose.bind(x, axes=tuple(order))


def inverse(axes: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes ``axes``."""
    return tuple(int(i) for i in np.argsort(axes))


def axis_moved(x: Value, source: int, destination: int) -> Value:
    """One axis moved to another place."""
    rank = len(shape_of(x))
    order = [axis for axis in range(rank) if axis != source % rank]
    order.insert(destination % rank, source % rank)
    return x if order == list(range(rank)) else transpose.bind(x, axes=tuple(order))


def transposed(x: Value) -> Value:
    """The last two axes exchanged."""
    rank = len(shape_of(x))
    return transpose.bind(x, axes=(*range(rank - 2), rank - 1, rank - 2))


# Marks -------------------------------------------------------------------------------------------
@primitive(
    np.copy,
    np.real,
    np.conjugate,
    np.positive,
    run=lambda x, label=None: x,
    vjp=(lambda g, out, x, label=None: g,),
    batch=on_stacks,
    kind="elementwise",
    samples=(normal((2,)), normal((), label="x")),
)
def identity(x: Operand, /, *, label: str | None = None) -> Array:
    """The value itself, perhaps with a name for those who read the tape."""


@primitive(
    run=lambda x: x,
    vjp=(None,),
    batch=on_stacks,
    kind="elementwise",
    samples=(normal((2,)),),
)
def stop_gradient(x: Operand, /) -> Array:
    """The value itself, a constant to every gradient."""
