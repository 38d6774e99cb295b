"""Ops that put several arrays together, and padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._tape import Op, dtype_of, shape_of
from .._typing import Params, Value
from ._define import Variadic, linear, normal
from ._shape import everywhere, fit


def _piece(i: int, g: Value, out: Value, *args: Value, axis: int) -> Value:
    start = sum(shape_of(arg)[axis] for arg in args[:i])
    stop = start + shape_of(args[i])[axis]
    return fit(g[(*(slice(None),) * axis, slice(start, stop))], args[i])


def _layer(i: int, g: Value, out: Value, *args: Value, axis: int) -> Value:
    return fit(g[(*(slice(None),) * axis, i)], args[i])


def _in_place(op_of: Any) -> Any:
    """The tangent of one operand put together with zeros for the others."""

    def jvp(i: int, t: Value, out: Value, *args: Value, axis: int) -> Value:
        zeros = [np.zeros(shape_of(arg), dtype_of(out)) for arg in args]
        return op_of()(*zeros[:i], t, *zeros[i + 1 :], axis=axis)

    return jvp


def _variadic(name: str, run: Any, transpose: Any, samples: Any) -> Op:
    def batch(size: int, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
        return op(*map(everywhere, [size] * len(args), batched, args), axis=p["axis"] + 1)

    op: Op = Op(
        name=name,
        run=run,
        jvp=Variadic(rest=_in_place(lambda: op)),
        vjp=Variadic(rest=transpose),
        batch=batch,
        samples=samples,
    )
    return op


concatenate: Op = _variadic(
    "concatenate",
    lambda *args, axis: np.concatenate(args, axis=axis),
    _piece,
    (
        normal((2,), (3,), (1,), axis=0),
        normal((2,), (0,), axis=0),
        normal((2, 1), (2, 3), axis=1),
        normal((2, 3), axis=0),
    ),
)

stack: Op = _variadic(
    "stack",
    lambda *args, axis: np.stack(args, axis=axis),
    _layer,
    (normal((3,), (3,), axis=0), normal((2, 3), (2, 3), axis=2), normal((), (), axis=0)),
)


def _inside(shape: Sequence[int], widths: Sequence[tuple[int, int]]) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for n, (before, _) in zip(shape, widths))


pad: Op = linear(
    "pad",
    lambda x, widths: np.pad(x, widths) if widths else x,
    lambda g, out, x, widths: g[_inside(shape_of(x), widths)] if widths else g,
    batch=lambda size, batched, args, p: pad(args[0], widths=((0, 0), *p["widths"])),
    samples=(
        normal((3,), widths=((1, 2),)),
        normal((2, 3), widths=((0, 1), (2, 0))),
        normal((0,), widths=((1, 1),)),
        normal((), widths=()),
    ),
)

OPS: tuple[Op, ...] = (concatenate, stack, pad)
