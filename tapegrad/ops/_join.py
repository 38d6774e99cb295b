"""Ops that put several arrays together, or zeros around one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .._dispatch import refusal
from .._errors import ShapeError, at_line, describe
from .._tape import AnyOp, Array, Op, Operand
from .._typing import Args, Casting, DType, Flags, Out, Params, Value
from .._values import array, dtype_of, real_dtype, shape_of
from ._define import Variadic, normal, primitive
from ._shape import converted, everywhere, fit, line


def _piece(i: int, g: Value, out: Value, *args: Value, axis: int) -> Value:
    start = sum(shape_of(arg)[axis] for arg in args[:i])
    stop = start + shape_of(args[i])[axis]
    return fit(g[(*(slice(None),) * axis, slice(start, stop))], args[i])


def _layer(i: int, g: Value, out: Value, *args: Value, axis: int) -> Value:
    return fit(g[(*(slice(None),) * axis, i)], args[i])


def _alone(i: int, t: Value, out: Value, args: Sequence[Value]) -> list[Value]:
    """The tangent of one operand among zeros for the others."""
    zeros: list[Value] = [np.zeros(shape_of(arg), dtype_of(out)) for arg in args]
    return [*zeros[:i], t, *zeros[i + 1 :]]


def _batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    return op.bind(*map(everywhere, [size] * len(args), batched, args), axis=p["axis"] + 1)


def _operands(op: AnyOp, arrays: Sequence[Operand]) -> list[Value]:
    """The arrays of a sequence of them."""
    if not hasattr(arrays, "__getitem__"):  # it could be read once only
        raise TypeError(f"{op.name} needs a list of arrays, got {describe(arrays)}{at_line()}")
    operands = [array(a) for a in arrays]
    if not operands:
        raise ShapeError(f"{op.name} needs at least one array")
    return operands


def _joined(
    op: Op[..., Out],
    operands: Sequence[Value],
    axis: int,
    dtype: DType,
    casting: Casting,
    new_axes: int = 0,
) -> Out:
    """The op on arrays, its axis counted among those of the result."""
    along = normalize_axis_index(axis, len(shape_of(operands[0])) + new_axes)
    if dtype is not None or casting != "same_kind":
        wanted = np.result_type(*map(dtype_of, operands)) if dtype is None else real_dtype(dtype)
        operands = [_cast(op, x, wanted, casting) for x in operands]
    return op.bind(*operands, axis=along)


def _cast(op: AnyOp, x: Value, wanted: np.dtype[Any], casting: Casting) -> Value:
    if not np.can_cast(dtype_of(x), wanted, casting):
        raise TypeError(
            f"{op.name}: {dtype_of(x)} does not become {wanted} by casting={casting!r}{at_line()}"
        )
    return x if dtype_of(x) == wanted else converted(x, wanted)


@primitive(
    np.concatenate,
    run=lambda *args, axis: np.concatenate(args, axis=axis),
    vjp=Variadic(rest=_piece),
    jvp=Variadic(
        rest=lambda i, t, out, *args, axis: concatenate.bind(*_alone(i, t, out, args), axis=axis)
    ),
    batch=_batch,
    kind="layout",
    samples=(
        normal((2,), (3,), (1,), axis=0),
        normal((2,), (0,), axis=0),
        normal((2, 1), (2, 3), axis=1),
        normal((2, 3), axis=0),
    ),
    parametric=True,
)
def concatenate(
    arrays: Sequence[Operand],
    /,
    axis: int | None = 0,
    out: None = None,
    *,
    dtype: DType = None,
    casting: Casting = "same_kind",
) -> Array:
    """Arrays one after another along an axis; as vectors where axis is None.

    dtype: of the result; TypeError, where an array does not become it by ``casting``.

    >>> concatenate([np.array([1.0]), np.array([2.0, 3.0])])
    array([1., 2., 3.])
    """
    if out is not None:
        raise refusal(np.concatenate, out=out)
    operands = _operands(concatenate, arrays)
    if axis is None:
        operands, axis = [line(x, None)[0] for x in operands], 0
    return _joined(concatenate, operands, axis, dtype, casting)


@primitive(
    np.stack,
    run=lambda *args, axis: np.stack(args, axis=axis),
    vjp=Variadic(rest=_layer),
    jvp=Variadic(
        rest=lambda i, t, out, *args, axis: stack.bind(*_alone(i, t, out, args), axis=axis)
    ),
    batch=_batch,
    kind="layout",
    samples=(normal((3,), (3,), axis=0), normal((2, 3), (2, 3), axis=2), normal((), (), axis=0)),
    parametric=True,
)
def stack(
    arrays: Sequence[Operand],
    axis: int = 0,
    out: None = None,
    *,
    dtype: DType = None,
    casting: Casting = "same_kind",
) -> Array:
    """Arrays or numbers of one shape, side by side along a new axis.

    dtype: of the result; TypeError, where an array does not become it by ``casting``.

    >>> stack([1.0, 2.0])
    array([1., 2.])
    """
    if out is not None:
        raise refusal(np.stack, out=out)
    return _joined(stack, _operands(stack, arrays), axis, dtype, casting, new_axes=1)


def _inside(shape: Sequence[int], widths: Sequence[tuple[int, int]]) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for n, (before, _) in zip(shape, widths))


@primitive(
    run=lambda x, widths: np.pad(x, widths) if widths else x,
    vjp=(lambda g, out, x, widths: g[_inside(shape_of(x), widths)] if widths else g,),
    batch=lambda op, size, batched, args, p: op.bind(*args, widths=((0, 0), *p["widths"])),
    kind="layout",
    samples=(
        normal((3,), widths=((1, 2),)),
        normal((2, 3), widths=((0, 1), (2, 0))),
        normal((0,), widths=((1, 1),)),
        normal((), widths=()),
    ),
)
def pad_zeros(x: Operand, *, widths: Sequence[tuple[int, int]]) -> Array:
    """The array with zeros around it."""
