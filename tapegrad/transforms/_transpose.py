"""The transpose of a pullback, and the proof that it has one: that it is linear.

What a user calls a pullback need not be linear: a gradient that is clipped is not, and then no
tangent belongs to it. A function is linear if it is 0 at 0 and its derivative does not depend on
where it is. That is read off two tapes: the inner one has the function's operations, and whatever
of them their rules use is on the outer one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np

from .._errors import OutputError, at_line, describe, user_line
from .._node import Node, node
from .._tape import AnyOp, Itself, Var
from .._texts import NOT_LINEAR
from .._typing import Params, Value
from .._values import CHECK, Look, Traced, is_floating, like, look, shape_of, zero_like
from ..numpy import TABLE
from ..ops import ALL
from ..ops._bundle import Bundle, asked, pack
from ..ops._select import remainder
from ._adjoint import added, operands, ruled
from ._opaque import Transparent

# From the cotangents of some values to those of others.
Pull: TypeAlias = Callable[..., Sequence[Value | None]]

# The ops whose rules tell whether they are linear: all but one that jumps, and has the slope 1.
# What users make is believed where it says so (`Itself`): a rule may be anything.
_KNOWN = set(ALL) - {remainder}


class _Probe(Transparent):
    """A tape for cotangents: it notes lines, and refuses that anything be decided by a value."""

    __slots__ = ()

    def append(self, op: AnyOp, inputs: tuple[Value, ...], params: Params, value: Value) -> Var:
        """Append what has been computed, and where."""
        return self._push(node(op, inputs, params, value, user_line()))

    def look(self, var: Traced, read: Callable[[Value], Any], why: Look) -> NoReturn:
        """No one may look: another cotangent might decide otherwise."""
        raise _not_linear(self.function, f"it decides by {why.why}", at_line())


def transposed(
    name: str, pull: Pull, values: Sequence[Value], which: Sequence[int], moves: Sequence[Value]
) -> list[Value | None]:
    """The tangents of the values, of which ``pull`` takes the cotangents.

    which, moves: the numbers of those whose cotangents it gives, and their tangents

    Raises OutputError if pull is not linear.
    """
    outer, inner = (_Probe(TABLE, "custom_vjp", name) for _ in range(2))
    places = [i for i, y in enumerate(values) if is_floating(y)]
    zeros = [zero_like(y) for y in values]
    given = list(zeros)
    with outer, inner:
        nodes: Any = inner.nodes
        for i in places:
            given[i] = inner.input(outer.input(_somewhere(values[i])))
        with np.errstate(all="ignore"):
            found = pull(*given)
        cotangents: dict[int, Value] = {}
        for i, t in zip(which, moves):
            c = asked(found[i])
            if isinstance(c, Var) and c._trace is inner:
                cotangents[c._index] = added(cotangents.get(c._index), t)
        _walk(name, nodes, cotangents, outer)
    with np.errstate(all="ignore"):
        _check_origin(name, pull(*zeros), which)
    tangents: list[Value | None] = [None] * len(values)
    for position, i in enumerate(places):
        tangents[i] = cotangents.get(position)
    return tangents


def _somewhere(y: Value) -> Value:
    """A cotangent like any other: no two elements are equal, none is whole, no matrix singular."""
    shape = shape_of(y)
    count = np.arange(1.0, 1.0 + math.prod(shape))
    return like((count * 0.6180339887498949 % 1.0).reshape(shape), y)


def _walk(name: str, nodes: Sequence[Node], cotangents: dict[int, Value], outer: _Probe) -> None:
    """Go backward, as `adjoints` does, through nodes of which each has to be linear."""
    for position in reversed(range(len(nodes))):
        at, g = nodes[position], cotangents.get(position)
        if g is None:
            continue
        args = operands(at.inputs, nodes)
        known = at.op in _KNOWN or isinstance(at.op.jvp, Itself)
        for i, p in enumerate(at.inputs):
            if p.__class__ is not int:
                continue
            rule = at.op.vjp[i] if known else None
            part = None if rule is None else ruled(rule, g, at.value, *args, **at.params)
            if (part is None and at.op is not pack) or _on(outer, part):
                line = f"\n  at {at.line}" if at.line else ""
                raise _not_linear(name, f"{at.op.name} is not linear in it", line)
            cotangents[p] = added(cotangents.get(p), part)


def _on(tape: _Probe, value: Value) -> bool:
    """Whether a value, or a part of it, is of this tape."""
    if isinstance(value, Bundle):
        return any(_on(tape, part) for part in value.parts)
    return isinstance(value, Var) and value._trace is tape


def _check_origin(name: str, found: Sequence[Value | None], which: Sequence[int]) -> None:
    for i in which:
        c = asked(found[i])
        if c is not None and look(c, _is_moved, CHECK):
            raise _not_linear(name, f"at the cotangent 0 it is {describe(c)}, not 0", at_line())


def _is_moved(value: Value) -> bool:
    """Whether something is not 0; what is infinite times 0 is not known, and no one's fault."""
    return bool(np.any((value != 0) & ~np.isnan(value)))


def _not_linear(function: object, what: str, where: str) -> OutputError:
    return OutputError(NOT_LINEAR.format(function=function, what=what, where=where))
