"""Ops that move elements without changing them, and the two functions that undo broadcasting.

`fit` gives a cotangent the shape and dtype of the operand that it belongs to, `spread` gives a
tangent those of the output. No rule elsewhere needs to know how operands were broadcast.

What tells nothing of values is taken as NumPy takes it, and changes nothing: ``copy`` and the
``order`` of a copy, since values are immutable, ``subok``, since operands are of no other class.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .._dispatch import refusal
from .._errors import ShapeError, at_line
from .._tape import AnyOp, Array, Operand
from .._typing import Args, DType, Flags, Layout, Order, Params, Shape, Value
from .._values import (
    array as as_array,
    dtype_of,
    has_gradients,
    operand,
    plain_of,
    real_dtype,
    shape_of,
)
from ._define import answers, drawn, normal, on_stacks, primitive


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
def broadcast_to(array: Operand, shape: int | Sequence[int], subok: bool = False) -> Array:
    """The elements repeated to a larger shape, as operators do.

    >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    return broadcast_to.bind(as_array(array), shape=lengths_of(shape))


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
def astype(
    x: Operand, dtype: DType, /, *, copy: bool = True, device: Literal["cpu"] | None = None
) -> Array:
    """The values in another dtype; converted to integers or booleans they have no gradient.

    >>> astype(np.array([1.5]), np.float32)
    array([1.5], dtype=float32)
    """
    if device is not None:
        np.empty(0, device=device)  # a ValueError, if it is another
    result: Array = converted(as_array(x), real_dtype(dtype))
    return result


def converted(x: Value, dtype: np.dtype[Any]) -> Value:
    """The values in another dtype: with a gradient if that is floating point."""
    convert: Any = astype if has_gradients(dtype) else truncate
    return convert.bind(x, dtype=dtype)


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
def reshape(
    a: Operand,
    /,
    shape: int | Sequence[int],
    order: Order = "C",
    *,
    copy: Literal[True] | None = None,
) -> Array:
    """The same elements in another shape; one length may be -1, and is then worked out.

    order: "C" for the last axis as the quickest, in both shapes, "F" for the first.

    >>> reshape(np.array([1.0, 2.0]), (2, 1))
    array([[1.],
           [2.]])
    """
    x = as_array(a)
    wanted = lengths_of(shape)
    if copy is not None and not copy:
        raise refusal(np.reshape, copy=copy)
    if order != "C" and first_is_quickest(np.reshape, order):
        return transpose(reshape(transpose(x), wanted[::-1]))
    total = math.prod(shape_of(x))
    if wanted.count(-1) == 1:
        known = math.prod(n for n in wanted if n != -1)
        if known and total % known == 0:
            wanted = tuple(total // known if n == -1 else n for n in wanted)
    return reshape.bind(x, shape=wanted)


def first_is_quickest(function: Any, order: str | None) -> bool:
    """Whether an order is "F"; refuses those that ask how an array lies in memory."""
    function(np.empty(1), *[1] * (function is np.reshape), order=order)  # NumPy's error, if any
    if order is not None and order.upper() not in ("C", "F"):
        raise refusal(function, order=order)
    return order is not None and order.upper() == "F"


@primitive(
    np.transpose,
    run=lambda x, axes: x.transpose(axes) if axes else x if hasattr(x, "shape") else np.asarray(x),
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
def transpose(a: Operand, axes: Sequence[int] | None = None) -> Array:
    """The axes in another order, or in reverse.

    >>> transpose(np.zeros((2, 3))).shape
    (3, 2)
    """
    x = as_array(a)
    rank = len(shape_of(x))
    order = tuple(range(rank))[::-1] if axes is None else tuple(normalize_axis_tuple(axes, rank))
    if len(order) != rank:
        raise ShapeError(f"transpose: axes {order} of an array of shape {shape_of(x)}{at_line()}")
    return transpose.bind(x, axes=order)


def inverse(axes: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes ``axes``."""
    return tuple(int(i) for i in np.argsort(axes))


def line(x: Value, axis: int | None, *, of_number: bool = True) -> tuple[Value, int]:
    """An array and an axis of it, not negative; the array as a vector where axis is None, and a
    number as one, if the function lets it have an axis.
    """
    shape = shape_of(x)
    along = 0 if axis is None else normalize_axis_index(axis, len(shape) or int(of_number))
    if axis is None or not shape:
        x = reshape.bind(x, shape=(math.prod(shape),))
    return x, along


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
    run=lambda x, label=None: x,
    vjp=(lambda g, out, x, label=None: g,),
    batch=on_stacks,
    kind="elementwise",
    samples=(normal((2,)), normal((), label="x")),
)
def identity(x: Operand, /, *, label: str | None = None) -> Array:
    """The value itself, perhaps with a name for those who read the tape."""


@primitive(
    np.copy,
    run=np.asarray,
    plain=np.array,
    vjp=(lambda g, out, x: g,),
    batch=on_stacks,
    kind="elementwise",
    samples=(normal((2,)), normal(())),
    parametric=True,
)
def copy(a: Operand, order: Layout = "K", subok: bool = False) -> Array:
    """The values in an array of their own; a traced one, which is immutable, needs none.

    >>> copy(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    if order != "K":
        np.copy(np.empty(0), order)  # a ValueError, if it is none
    return copy.bind(operand(a))


@answers(np.real)
def real(val: Operand) -> Array:
    """The values themselves: they are real.

    >>> real(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    x = operand(val)
    return identity.bind(x * 1 if plain_of(x).__class__ is bool else x)  # True.real is 1


@primitive(
    run=lambda x: x,
    vjp=(None,),
    batch=on_stacks,
    kind="elementwise",
    samples=(normal((2,)),),
)
def stop_gradient(x: Operand, /) -> Array:
    """The value itself, a constant to every gradient."""
