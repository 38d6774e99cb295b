"""Recording a function to look at it, and the marks that a function can put on its values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, cast

import attrs

from .. import ops, tree
from .._errors import name_of
from .._node import Node
from .._tape import RecordingTape, Var
from .._typing import Out, Rest, Value
from ..numpy import TABLE
from ..views import table
from ._leaves import kept, parameters, plain, positions

T = TypeVar("T")


@attrs.frozen(eq=False)
class Recording(Generic[Out]):
    """What a function did, as a list: its value, every operation in order, and what is what.

    value:   the output, in its structure
    tape:    the nodes in order; an int among a node's inputs is a position in this tuple
    inputs:  the positions of the leaves of the arguments
    outputs: the positions of the leaves of the output; None for one that no argument decides
    name:    the function's

    >>> import tapegrad as tg
    >>> recording = tg.record(lambda x: x * x, 3.0)
    >>> recording.value, recording.inputs, recording.outputs, len(recording)
    (9.0, (0,), (1,), 2)
    """

    value: Out
    tape: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int | None, ...]
    name: str

    def __len__(self) -> int:
        return len(self.tape)

    def __str__(self) -> str:
        return table(self.tape, self.outputs, self.name)

    __repr__ = __str__


def record(f: Callable[Rest, Out], *args: Rest.args, **kwargs: Rest.kwargs) -> Recording[Out]:
    """Run f and keep its tape. Each argument's leaves must be floating point (LeafError).

    Arguments given by keyword are constants to the tape.

    >>> import tapegrad as tg
    >>> recording = tg.record(lambda a, b: a * b + 10.0, 2.0, -3.0)
    >>> recording.value
    4.0
    >>> [node.op.name for node in recording.tape]
    ['input', 'input', 'multiply', 'add']
    """
    names = _names(f, len(args))
    trees = [kept(parameters(arg, name)) for arg, name in zip(args, names)]
    tape = RecordingTape(TABLE, "record", f)
    try:
        arguments = []
        for arg, name, (leaves, structure) in zip(args, names, trees):
            labels = tree.paths(arg, name)
            traced = [tape.input(leaf, label) for leaf, label in zip(leaves, labels)]
            arguments.append(tree.unflatten(structure, traced))
        call: Callable[..., Any] = f
        out = call(*arguments, **kwargs)
        found = tree.leaves(out)
        value = plain(tape, out, [leaf for leaves, _ in trees for leaf in leaves])
    finally:
        nodes = cast("list[Node]", tape.close())  # a RecordingTape keeps them in full
    outputs = tuple(positions(tape, found))
    inputs = range(sum(len(leaves) for leaves, _ in trees))
    return Recording(value, tuple(nodes), tuple(inputs), outputs, name_of(f))


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
    return _marked(x, lambda leaf: ops.identity(leaf, label=name))


def stop_gradient(x: T) -> T:
    """x as a constant: no derivative, of any order, goes through it. x may be a tree.

    >>> import tapegrad as tg
    >>> tg.grad(lambda x: x * tg.stop_gradient(x))(3.0)
    3.0
    """
    return _marked(x, ops.stop_gradient)


def _marked(x: T, mark: Callable[[Value], Value]) -> T:
    marked: T = tree.map(lambda leaf: mark(leaf) if isinstance(leaf, Var) else leaf, x)
    return marked
