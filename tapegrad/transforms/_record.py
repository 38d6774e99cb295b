"""Recording a function to look at it, and the marks that a function can put on its values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Generic, cast

import attrs
import numpy as np
from numpy.typing import NDArray

from .. import tree
from .._errors import GuardError, name_of, user_line
from .._listing import expression, listing, place, short
from .._node import Node, node
from .._program import Guard, Program, Rewriter, spec_of
from .._tape import INPUT, AnyOp, Tape, Var
from .._texts import CAUGHT
from .._typing import Args, Out, Params, Rest, T, Value, settled
from .._values import Look, Traced, Whole, copied, read_only
from .._warnings import watched
from ..numpy import TABLE
from ..ops._shape import identity, stop_gradient as stopped
from ._boundary import check_function, parameters, positions, stripped


class RecordingTape(Tape):
    """A tape to be read: it also notes the user's line of each node, and what was decided by it."""

    __slots__ = ("_copies", "error", "guards")
    constant: ClassVar[Any] = staticmethod(lambda x: x if x.__class__ is bool else Whole(x))

    def __init__(self, function: object) -> None:
        super().__init__(TABLE, "record", function)
        self.guards: list[Guard] = []
        self.error: Exception | None = None
        self._copies: dict[int, tuple[Any, NDArray[Any]]] = {}

    def apply(self, op: AnyOp, args: Args, params: Params) -> Var:
        """Compute op and append it; an error that it meets is noted, since f may catch it."""
        try:
            return super().apply(op, args, params)
        except Exception as error:
            self.error = self.error or error
            raise

    def forgive(self, error: BaseException | None) -> None:
        """Of an error that a derivative rule met, and for which it has an answer."""
        if self.error is error:
            self.error = None

    def append(self, op: AnyOp, inputs: tuple[Value, ...], params: Params, value: Value) -> Var:
        """Append what has been computed, and where; of arrays, what they hold now."""
        line = None if op is INPUT else user_line()
        inputs = tuple(self._kept(x) if isinstance(x, np.ndarray) else x for x in inputs)
        return self._push(node(op, inputs, settled(params), read_only(value), line))

    def _kept(self, constant: NDArray[Any]) -> NDArray[Any]:
        """A copy, the same one for an array that has not changed since."""
        _, known = self._copies.get(id(constant), (None, None))
        if known is None or known.tobytes() != constant.tobytes():
            known = read_only(constant.copy())
            self._copies[id(constant)] = (constant, known)  # with it, since an id is one for life
        return known

    def look(self, var: Traced, read: Callable[[Value], Any], why: Look) -> Any:
        """What ``read`` makes of the plain value, which a program now takes for granted."""
        found = super().look(var, read, why)
        self.guards.append(Guard(var._index, read, found, why))
        return found


@attrs.frozen(eq=False, slots=False)  # the program is made once, when it is asked for
class Recording(Generic[Out]):
    """What a function did, as a list: its value, every operation in order, and what is what.

    value:   the output, in its structure
    tape:    the nodes in order; an int among a node's inputs is a position in this tuple
    inputs:  the positions of the leaves of the arguments
    outputs: the positions of the leaves of the output; None for one that no argument decides
    name, constants, guards, arguments, error: what the program needs beside these

    >>> import tapegrad as tg
    >>> recording = tg.record(lambda x: x * x, 3.0)
    >>> recording.value, recording.inputs, recording.outputs, len(recording)
    (9.0, (0,), (1,), 2)
    >>> recording.program(4.0)
    16.0
    """

    value: Out
    tape: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int | None, ...]
    name: str
    constants: tuple[Value, ...]  # what the outputs are that no argument decides
    guards: tuple[Guard, ...]
    arguments: tree.Structure
    error: Exception | None  # that the function met and caught

    @cached_property
    def program(self) -> Program:
        """The recording without its values: labels on what they name, equal steps once."""
        if self.error is not None:
            raise GuardError(CAUGHT.format(name=self.name, error=self.error)) from self.error
        written = Rewriter()
        labels = {x.inputs[0]: x.label for x in self.tape if x.op is identity}
        places: list[int] = []
        for position, each in enumerate(self.tape):
            spec, label = spec_of(each.value), each.label or labels.get(position)
            if each.op is INPUT:
                places.append(written.input(spec, label))
                continue
            inputs = [places[x] if x.__class__ is int else written.constant(x) for x in each.inputs]
            if each.op is not identity:
                inputs = [written.emit(each.op, inputs, each.params, spec, each.line, label)]
            places.append(inputs[0])
        rest = map(written.constant, self.constants)
        outputs = tuple(next(rest) if p is None else places[p] for p in self.outputs)
        return Program(
            steps=tuple(written.steps),
            inputs=tuple(places[i] for i in self.inputs),
            outputs=outputs,
            arguments=self.arguments,
            result=tree.flatten(self.value)[1],
            guards=tuple(attrs.evolve(g, position=places[g.position]) for g in self.guards),
            name=self.name,
        )

    def __len__(self) -> int:
        return len(self.tape)

    def __str__(self) -> str:
        tape = self.tape
        rows = []
        for each in tape:
            names = [
                (tape[x].label or f"%{x}") if x.__class__ is int else short(x) for x in each.inputs
            ]
            what = expression(each.op, names, each.params)
            rows.append((each.label or "", what, short(each.value), place(each.line)))
        return listing(self.name, "node", rows, self.outputs)

    __repr__ = __str__


def record(f: Callable[Rest, Out], *args: Rest.args, **kwargs: Rest.kwargs) -> Recording[Out]:
    """Run f and keep its tape. Each argument's leaves are real numbers or arrays (LeafError).

    Arguments given by keyword are constants to the tape.

    >>> import tapegrad as tg
    >>> recording = tg.record(lambda a, b: a * b + 10.0, 2.0, -3.0)
    >>> recording.value
    4.0
    >>> [node.op.name for node in recording.tape]
    ['input', 'input', 'multiply', 'add']
    """
    check_function(f, "Write tapegrad.record(f, x), not tapegrad.record(f(x)).")
    names = _names(f, len(args))
    trees = [parameters(x, name, differentiable=False) for x, name in zip(args, names)]
    with RecordingTape(f) as tape:
        nodes = tape.nodes
        arguments = []
        for arg, name, (leaves, structure) in zip(args, names, trees):
            labels = tree.paths(arg, name)
            traced = [tape.input(leaf, label) for leaf, label in zip(copied(leaves), labels)]
            arguments.append(tree.unflatten(structure, traced))
        out = _called(f, arguments, kwargs)
        found, result = tree.flatten(out)
        outputs = tuple(positions(tape, found))
        value = tree.unflatten(result, copied(stripped(tape, found)))
    return Recording(
        value=value,
        tape=cast("tuple[Node, ...]", tuple(nodes)),  # a RecordingTape keeps them in full
        inputs=tuple(range(sum(len(leaves) for leaves, _ in trees))),
        outputs=outputs,
        constants=tuple(copied([x for x, p in zip(found, outputs) if p is None])),
        name=name_of(f),
        guards=tuple(tape.guards),
        arguments=tree.flatten(args)[1],
        error=tape.error,
    )


@watched
def _called(f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return f(*args, **kwargs)


def _names(f: Callable[..., Any], count: int) -> Sequence[str]:
    """What f calls its positional arguments."""
    try:
        kinds = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        kinds = []  # type: ignore[assignment]
    names = [p.name for p in kinds if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names[:count] + [f"args[{i}]" for i in range(len(names), count)]


def label(x: T, name: str) -> T:
    """x, with a name on the tape for those who read it. A plain number is returned as it is.

    >>> import tapegrad as tg
    >>> tg.label(3.0, "x")
    3.0
    """
    if not isinstance(name, str):
        raise TypeError(f"label: the name is a str, got {name!r}")
    return _marked(x, lambda leaf: identity.bind(leaf, label=name))


def stop_gradient(x: T) -> T:
    """x as a constant: no derivative, of any order, goes through it. x may be a tree.

    >>> import tapegrad as tg
    >>> tg.grad(lambda x: x * tg.stop_gradient(x))(3.0)
    3.0
    """
    return _marked(x, stopped)


def _marked(x: T, mark: Callable[[Value], Value]) -> T:
    marked: T = tree.map(lambda leaf: mark(leaf) if isinstance(leaf, Var) else leaf, x)
    return marked
