"""Elementwise ops from their partial derivatives: both modes, broadcasting and batching follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .._tape import AnyOp
from .._typing import Args, Flags, Params, Partial, Rule, Run, Sample, Value
from .._values import floating
from ._define import Maker, primitive
from ._shape import align, fit, spread

Interval: TypeAlias = tuple[float, float]

REAL: Interval = (-2.0, 2.0)
POSITIVE: Interval = (0.3, 2.0)

_SHAPES: dict[int, tuple[tuple[tuple[int, ...] | None, ...], ...]] = {
    1: ((None,), ((),), ((3,),), ((2, 3),), ((0,),)),
    2: (
        (None, None),
        (None, (3,)),
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((2, 1), (1, 3)),
        ((), (2,)),
        ((0, 3), (3,)),
    ),
}


# Partial derivatives that rules and the backward walk know by name, since they save a product.


def one(out: Value, *args: Value) -> Value:
    """1: the operand's cotangent is the output's."""
    return 1.0


def minus_one(out: Value, *args: Value) -> Value:
    """-1."""
    return -1.0


def first(out: Value, x: Value, y: Value) -> Value:
    """The first operand."""
    return x


def second(out: Value, x: Value, y: Value) -> Value:
    """The second operand."""
    return y


def elementwise(
    answers: Callable[..., Any] | None,
    *partials: Partial,
    run: Run | None = None,
    plain: Run | None = None,
    symbol: str = "",
    domain: Interval | tuple[Interval, ...] = REAL,
) -> Maker:
    """The op whose output's derivative by operand i is partials[i](out, *args).

    answers: NumPy's function, which is what is run if nothing else is, and on plain values in any
             case: to Python's operator, the sum of two lists is the one after the other.
    run:     beside answers, Python's operator (see `Operator`)
    domain:  where tests draw each operand: where it is smooth, away from poles.
    """
    count = len(partials)
    intervals: Any = domain if isinstance(domain[0], tuple) else (domain,) * count
    compute: Any = run or answers
    return primitive(
        *([answers] if answers else []),
        run=compute,
        plain=plain or answers or (lambda *args: compute(*map(floating, args))),
        vjp=tuple(_cotangent(i, partial) for i, partial in enumerate(partials)),
        jvp=tuple(_tangent(partial) for partial in partials),
        batch=aligned,
        kind="elementwise",
        partials=partials,
        symbol=symbol,
        operator=bool(answers and run),
        samples=tuple(_sample(shapes, intervals) for shapes in _SHAPES[count]),
    )


def slope(*partials: Partial, run: Run, domain: Interval | tuple[Interval, ...] = REAL) -> Maker:
    """The op that is a derivative of another, with derivatives of its own; only rules call it."""
    return elementwise(None, *partials, run=run, plain=run, domain=domain)


def aligned(op: AnyOp, size: int, batched: Flags, args: Args, params: Params) -> Value:
    """The batch rule of an op whose operands broadcast."""
    return op.bind(*align(batched, args), **params)


def _tangent(partial: Partial) -> Rule | None:
    if partial is None:
        return None
    if partial is one:
        return lambda t, out, *args: spread(t, out)
    if partial is minus_one:
        return lambda t, out, *args: spread(-t, out)
    return lambda t, out, *args: spread(t * partial(out, *args), out)


def _cotangent(i: int, partial: Partial) -> Rule | None:
    if partial is None:
        return None
    if partial is one:
        return lambda g, out, *args: fit(g, args[i])
    if partial is minus_one:
        return lambda g, out, *args: fit(-g, args[i])
    return lambda g, out, *args: fit(g * partial(out, *args), args[i])


def _sample(shapes: tuple[tuple[int, ...] | None, ...], intervals: Sequence[Interval]) -> Sample:
    def draw(rng: np.random.Generator) -> tuple[Value, ...]:
        return tuple(
            rng.uniform(*interval) if shape is None else rng.uniform(*interval, size=shape)
            for shape, interval in zip(shapes, intervals)
        )

    return Sample(draw)
