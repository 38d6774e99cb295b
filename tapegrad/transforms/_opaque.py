"""A Python function of values as one operation, which sees plain values, whatever is traced.

So a function with a pullback of its own may compute with whatever it likes; and whatever traced
value comes out of it has been closed over, since none went in.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import attrs

from .._errors import EscapedError, OutputError, at_line
from .._tape import AnyOp, Op, Tape, Var
from .._texts import CUSTOM_CLOSURE
from .._typing import Args, Flags, Out_co, Params, Rest, Value
from .._values import Traced, is_floating, plain_of
from ..numpy import TABLE
from ..ops._bundle import Bundle, Refused, pack, part, parts
from ..ops._define import primitive
from ._adjoint import seeded
from ._batch import Batched
from ._boundary import positions
from ._replay import backward, forward


class Named(Protocol):
    """A function of values; None among its values is zero, `Refused` one that cannot be had.

    name: what the user calls it
    """

    @property
    def name(self) -> str: ...

    def __call__(self, *operands: Value) -> Sequence[Value | None]: ...


class Owned(Op[Rest, Out_co]):
    """An op that an object has as its ``op``, and whose rules are that object's methods."""

    def __reduce__(self) -> tuple[Any, ...]:
        return operator.attrgetter("op"), (self.run.__self__,)  # type: ignore[attr-defined]  # a method


class Transparent(Tape):
    """A tape that wants to know what functions do: they are not one operation on it."""

    __slots__ = ()


def results(function: Named, operands: Sequence[Value]) -> list[Value | None]:
    """What the function gives, as one operation on the traces of its operands."""
    if not any(isinstance(x, Traced) for x in operands):
        return list(_run(Bundle(tuple(operands)), function).parts)
    if any(map(_seen_through, operands)):
        return list(function(*operands))
    out = opaque.bind(pack.bind(*operands), function=function)
    return [
        known if known is None or isinstance(known, Refused) else part.bind(out, index=i)
        for i, known in enumerate(plain_of(out).parts)
    ]


def _seen_through(x: Value) -> bool:
    while isinstance(x, Var):
        if isinstance(x._trace, Transparent):
            return True
        x = x._value
    return False


@contextlib.contextmanager
def closed(name: str) -> Iterator[None]:
    """Where a function runs on plain values; what it closes over may be of a trace that has ended.

    Raises OutputError then.
    """
    try:
        yield
    except EscapedError as error:
        raise _closure(name) from error


def plain(values: Sequence[Value], name: str) -> Sequence[Value]:
    """The values that a function made of plain ones: plain, unless it closes over others."""
    if any(isinstance(value, Traced) for value in values):
        raise _closure(name)
    return values


def _closure(name: str) -> OutputError:
    return OutputError(CUSTOM_CLOSURE.format(function=name, where=at_line()))


def _run(operands: Bundle, function: Named) -> Bundle:
    with closed(function.name):
        found = function(*operands.parts)
    return Bundle(tuple(plain(found, function.name)))


def _on_examples(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    (operands,) = args
    function = Mapped(p["function"], operands.batched)
    return op.bind(pack.bind(*operands.parts), function=function)


@primitive(
    run=_run,
    vjp=(lambda g, out, operands, function: _of_some(Transposed, function, g, operands),),
    jvp=(lambda t, out, operands, function: _of_some(Moved, function, t, operands),),
    batch=_on_examples,
)
def opaque(operands: Any, *, function: Named) -> Any:
    """The values of a function of the parts of a bundle."""


def _of_some(
    derivative: type[Transposed | Moved], function: Named, moves: Bundle, operands: Value
) -> Bundle:
    """A derivative of a function, for those cotangents or tangents that there are."""
    which = tuple(i for i, move in enumerate(moves.parts) if move is not None)
    given = [moves.parts[i] for i in which]
    return Bundle(tuple(results(derivative(function, which), [*given, *parts(operands)])))


@attrs.frozen
class Mapped:
    """A function on all examples of those operands that are flagged, and on the others."""

    function: Named
    flags: tuple[bool, ...]

    @property
    def name(self) -> str:
        """The function's."""
        return self.function.name

    def __call__(self, *operands: Value) -> Sequence[Value | None]:
        """The values for every example."""
        axes = tuple(0 if flag else None for flag in self.flags)
        found: list[Value | None] = Batched(self._values, axes, 0)(*operands)
        return found

    def _values(self, *operands: Value) -> list[Value | None]:
        return list(self.function(*operands))


@attrs.frozen
class _Derivative:
    """A derivative of a function: of the cotangents or tangents that there are, then its operands.

    which: the numbers of the values, or of the operands, that these belong to
    """

    function: Named
    which: tuple[int, ...]

    @property
    def name(self) -> str:
        """The function's."""
        return self.function.name


class Transposed(_Derivative):
    """The cotangents of a function's operands, from those of its values."""

    def __call__(self, *given: Value) -> list[Value | None]:
        """Run it on a tape, and go backward."""
        count = len(self.which)
        operands = given[count:]
        places = [i for i, x in enumerate(operands) if is_floating(x)]
        with Tape(TABLE, "custom_vjp", self) as tape:
            nodes = tape.nodes
            inputs = list(operands)
            for i in places:
                inputs[i] = tape.input(operands[i])
            out = self.function(*inputs)
        seeds = seeded(positions(tape, [out[i] for i in self.which]), given[:count])
        found: list[Value | None] = [None] * len(operands)
        for i, g in zip(places, backward(nodes, seeds, len(places))):
            found[i] = g
        return found


class Moved(_Derivative):
    """The tangents of a function's values, from those of some operands."""

    def __call__(self, *given: Value) -> list[Value | None]:
        """Run it on a tape, and go forward."""
        count = len(self.which)
        inputs = list(given[count:])
        with Tape(TABLE, "custom_vjp", self) as tape:
            nodes = tape.nodes
            for i in self.which:
                inputs[i] = tape.input(inputs[i])
            out = self.function(*inputs)
        places = positions(tape, out)
        moved = forward(nodes, given[:count], [p for p in places if p is not None])
        return [None if p is None else moved[p] for p in places]
