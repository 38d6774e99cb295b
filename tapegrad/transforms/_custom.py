"""Functions that bring their own pullback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import attrs
import numpy as np

from .. import ops, tree
from .._errors import CUSTOM_CLOSURE, OutputError, ShapeError, describe, name_of
from .._node import NO_PARAMS
from .._tape import Op, Tape, Var, shape_of
from .._typing import Out, Ts, Value
from ._batch import Batch, Batched
from ._reverse import vjp


@attrs.frozen
class CustomVjp:
    """What `custom_vjp` returns."""

    function: Callable[..., tuple[Any, Callable[[Any], Sequence[Any]]]]

    @property
    def __name__(self) -> str:
        return name_of(self.function)

    def __call__(self, *args: Any) -> Any:
        """The output of the function."""
        leaves, structure = tree.flatten(args)
        tapes = [leaf._tape for leaf in leaves if leaf.__class__ is Var]
        if not tapes:
            return self._run(args)[0]
        tape = max(tapes, key=lambda t: t.number)
        mine = [leaf.__class__ is Var and leaf._tape is tape for leaf in leaves]
        plain = [leaf._value if m else leaf for leaf, m in zip(leaves, mine)]
        arguments = tree.unflatten(structure, plain)
        if isinstance(tape, Batch):
            axes = tree.unflatten(structure, [0 if m else None for m in mine])
            out = CustomVjp(_OfBatch(self.function, axes))(*arguments)
            self._check_closure(tape, out)
            return tree.map(tape.hold, out)
        return self._record(tape, leaves, mine, arguments)

    def _run(self, args: Sequence[Any]) -> tuple[Any, Callable[[Any], Sequence[Any]]]:
        result = self.function(*args)
        if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
            raise OutputError(
                f"tapegrad.custom_vjp: {self.__name__} must return (output, pullback), but it "
                f"returned {describe(result)}"
            )
        return result

    def _record(
        self, tape: Tape, leaves: Sequence[Value], mine: Sequence[bool], args: Sequence[Any]
    ) -> Any:
        """One node: from the traced leaves as a vector to the output as a vector."""
        out, pullback = self._run(args)
        if any(leaf.__class__ is Var for leaf in tree.leaves(args)):
            out = self(*args)  # an outer tape's derivative of the value goes by the rule, too
        self._check_closure(tape, out)
        values, unravel = _ravel(out)
        traced = [leaf for leaf, m in zip(leaves, mine) if m]
        joined, _ = _ravel(traced)
        plain_args = tree.flatten(args)

        def vjp_rule(g: Value, out: Value, x: Value) -> Value:
            cotangents = self._cotangents(pullback(unravel(g)), plain_args, mine)
            return _ravel(cotangents)[0]

        def jvp_rule(t: Value, out: Value, x: Value) -> Value:
            # The pullback is linear: its own pullback, anywhere, is the pushforward.
            zeros = np.zeros(shape_of(out))
            _, push = vjp(lambda g: vjp_rule(g, out, x), zeros)
            return push(t)[0]

        op = Op(name=self.__name__, run=_never, jvp=(jvp_rule,), vjp=(vjp_rule,), batch=_never)
        return unravel(tape.append(op, (joined._index,), NO_PARAMS, values))

    def _check_closure(self, tape: Tape, out: Any) -> None:
        """On plain arguments the output is plain, unless the function has closed over the trace."""
        if any(leaf.__class__ is Var and leaf._tape is tape for leaf in tree.leaves(out)):
            raise OutputError(CUSTOM_CLOSURE.format(function=self.__name__))

    def _cotangents(
        self, given: Any, args: tuple[list[Value], tree.Structure], mine: Sequence[bool]
    ) -> list[Value]:
        """The cotangents of the traced leaves, from what the pullback returned."""
        leaves, structure = args
        arguments = tree.unflatten(structure, leaves)
        if not isinstance(given, (tuple, list)) or len(given) != len(arguments):
            raise OutputError(
                f"tapegrad.custom_vjp: the pullback of {self.__name__} must return a tuple with "
                f"one cotangent for each of its {len(arguments)} arguments, but it returned "
                f"{describe(given)}"
            )
        found: list[Value] = []
        for cotangent, argument in zip(given, arguments):
            below = tree.leaves(argument)
            known = tree.leaves(cotangent)
            found += known if len(known) == len(below) else [None] * len(below)
        chosen = []
        for i, (value, leaf, m) in enumerate(zip(found, leaves, mine)):
            if not m:
                continue
            if value is None or shape_of(value) != shape_of(leaf):
                path = list(tree.paths(arguments, "args"))[i]
                raise ShapeError(
                    f"tapegrad.custom_vjp: the pullback of {self.__name__} must return for {path} "
                    f"a cotangent of shape {shape_of(leaf)}, but it returned {describe(value)}"
                )
            # The user's own array must not become the gradient that a caller may write into.
            chosen.append(value.copy() if isinstance(value, np.ndarray) else value)
        return chosen


def _never(*args: Value, **params: Any) -> Value:
    raise NotImplementedError("a function with a pullback of its own is recorded, never repeated")


def _ravel(out: Any) -> tuple[Value, Callable[[Value], Any]]:
    """The leaves as one vector (a single leaf as it is), and the way back."""
    leaves, structure = tree.flatten(out)
    if len(leaves) == 1:
        return leaves[0], lambda value: tree.unflatten(structure, [value])
    shapes = [shape_of(leaf) for leaf in leaves]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes]).tolist()
    flat = [ops.reshape(leaf, shape=(int(np.prod(shape)),)) for leaf, shape in zip(leaves, shapes)]

    def back(vector: Value) -> Any:
        pieces = [
            ops.reshape(ops.getitem(vector, index=(slice(start, stop),)), shape=shape)
            for start, stop, shape in zip([0, *ends], ends, shapes)
        ]
        return tree.unflatten(structure, pieces)

    return ops.concatenate(*flat, axis=0), back


@attrs.frozen
class _OfBatch:
    """A function with a pullback, on a batch: its pullback runs the function again.

    The first run's pullback holds values of a batch that has ended by the time it is called.
    """

    function: Callable[..., tuple[Any, Callable[[Any], Sequence[Any]]]]
    axes: tuple[Any, ...]

    @property
    def __name__(self) -> str:
        return name_of(self.function)

    def __call__(self, *args: Any) -> tuple[Any, Callable[[Any], Sequence[Any]]]:
        out = Batched(lambda *xs: self.function(*xs)[0], self.axes, 0)(*args)

        def pullback(g: Any) -> Sequence[Any]:
            each = Batched(lambda g, *xs: tuple(self.function(*xs)[1](g)), (0, *self.axes), 0)(
                g, *args
            )
            return tuple(
                tree.map(lambda c, x: _summed(c, x), cotangent, arg)
                for cotangent, arg in zip(each, args)
            )

        return out, pullback


def _summed(cotangent: Value, arg: Value) -> Value:
    """For an argument that is the same for all examples, the sum of its cotangents."""
    if shape_of(cotangent) == shape_of(arg):
        return cotangent
    return ops.sum_(cotangent, axes=(0,), keepdims=False)


def custom_vjp(
    f: Callable[[*Ts], tuple[Out, Callable[[Out], Sequence[Any]]]],
) -> Callable[[*Ts], Out]:
    """A function with a pullback of its own: f returns (output, pullback), the result the output.

    pullback(cotangent of the output) returns one cotangent for each argument, None for one that
    needs none. Written with tapegrad's operations it can be differentiated again, and forward mode
    follows from it, since it is linear.

    Raises OutputError and ShapeError for a result or a pullback of another form.

    >>> import tapegrad as tg
    >>> @tg.custom_vjp
    ... def clipped(x):  # the identity, whose gradient is kept between -1 and 1
    ...     return x, lambda g: (np.clip(g, -1.0, 1.0),)
    >>> float(tg.grad(lambda x: 5.0 * clipped(x))(2.0))
    1.0
    """
    return cast("Callable[[*Ts], Out]", CustomVjp(f))
