"""How an op is made from its mathematics: the kinds of op, and where tests sample them.

linear:       the op is linear in one operand; only its transpose is written
multilinear:  linear in each operand alone; only the transposes are written
(elementwise: in _elementwise.py, since undoing a broadcast is itself made of linear ops)

In each, forward mode follows from the kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .._tape import Op, Sample
from .._typing import Params, Rule, Rules, Value

Run: TypeAlias = Callable[..., Value]
Batch: TypeAlias = Callable[[int, Sequence[bool], Sequence[Value], Params], Value]


class Variadic(Rules):
    """The rules of an op of any number of operands: those of the first ones, then one for each of
    the rest, which is told which operand, or None.
    """

    def __init__(self, *leading: Rule | None, rest: Rule | None = None) -> None:
        self._leading = leading
        self._rest = rest

    def __getitem__(self, operand: int, /) -> Rule | None:
        if operand < len(self._leading):
            return self._leading[operand]
        rest = self._rest
        if rest is None:
            return None
        return lambda g, out, *args, **params: rest(operand, g, out, *args, **params)


def linear(
    name: str,
    run: Run,
    transpose: Rule,
    *,
    batch: Batch,
    samples: tuple[Sample, ...],
    static: int = 0,
) -> Op:
    """An op linear in its first operand; the ``static`` operands that follow have no derivative.

    transpose(g, out, x, *rest, **params) is the cotangent of x. The tangent of the output is the
    op itself on the tangent of x.
    """

    def jvp(t: Value, out: Value, x: Value, *rest: Value, **params: Any) -> Value:
        return op(t, *rest, **params)

    none: tuple[Rule | None, ...] = (None,) * static
    op: Op = Op(
        name=name,
        run=run,
        jvp=(jvp, *none),
        vjp=(transpose, *none),
        batch=batch,
        samples=samples,
    )
    return op


def multilinear(
    name: str,
    run: Run,
    *transposes: Rule,
    batch: Batch,
    samples: tuple[Sample, ...],
    symbol: str = "",
) -> Op:
    """An op linear in each operand alone.

    transposes[i](g, out, *args, **params) is the cotangent of operand i. The tangent of the output
    for operand i is the op itself with the tangent in place i.
    """

    def jvp(i: int) -> Rule:
        def rule(t: Value, out: Value, *args: Value, **params: Any) -> Value:
            return op(*args[:i], t, *args[i + 1 :], **params)

        return rule

    op: Op = Op(
        name=name,
        run=run,
        jvp=tuple(jvp(i) for i in range(len(transposes))),
        vjp=transposes,
        batch=batch,
        symbol=symbol,
        samples=samples,
    )
    return op


def constant_op(
    name: str, run: Run, *, batch: Batch, samples: tuple[Sample, ...], operands: int = 1
) -> Op:
    """An op whose derivative is zero wherever it has one: rounding, comparing, finding."""
    none: tuple[Rule | None, ...] = (None,) * operands
    return Op(name=name, run=run, jvp=none, vjp=none, batch=batch, samples=samples)


def normal(*shapes: tuple[int, ...], **params: Any) -> Sample:
    """Operands of these shapes, normally distributed."""
    return Sample(lambda rng: tuple(rng.normal(size=shape) for shape in shapes), params)


def drawn(draw: Callable[[np.random.Generator], tuple[Value, ...]], **params: Any) -> Sample:
    """Operands as ``draw`` makes them."""
    return Sample(draw, params)
