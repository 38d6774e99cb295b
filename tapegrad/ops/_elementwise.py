"""Elementwise ops from their partial derivatives: both modes, broadcasting and batching follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from .._tape import Op, Sample
from .._typing import Params, Partial, Rule, Value
from ._define import Run
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
    name: str,
    run: Run,
    *partials: Partial,
    symbol: str = "",
    domain: Interval | tuple[Interval, ...] = REAL,
) -> Op:
    """The op whose output's derivative by operand i is partials[i](out, *args).

    ``domain`` is where tests draw each operand: where it is smooth, away from poles.
    """

    def batch(size: int, batched: Sequence[bool], args: Sequence[Value], params: Params) -> Value:
        return op(*align(batched, args), **params)

    count = len(partials)
    intervals: Any = domain if isinstance(domain[0], tuple) else (domain,) * count
    op: Op = Op(
        name=name,
        run=run,
        jvp=tuple(_tangent(partial) for partial in partials),
        vjp=tuple(_cotangent(i, partial) for i, partial in enumerate(partials)),
        batch=batch,
        partials=partials,
        symbol=symbol,
        samples=tuple(_sample(shapes, intervals) for shapes in _SHAPES[count]),
    )
    return op


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
