"""Forward mode: how the output moves when the inputs move along a tangent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from .. import tree
from .._errors import name_of
from .._tape import Node, Tape, Var
from .._typing import Out, Ts, Value
from ..numpy import TABLE
from ._leaves import like_leaves, matching, outputs, own, parameters, positions, traced
from ._replay import forward


@attrs.frozen
class Linearised:
    """A function at a point: its output there and its pushforward, callable any number of times."""

    nodes: Sequence[Node]
    structure: tree.Structure
    leaves: Sequence[Value]
    places: Sequence[int | None]

    @property
    def out(self) -> Any:
        """The output at the point."""
        return tree.unflatten(self.structure, list(self.leaves))

    def push(self, tangents: Sequence[Value | None]) -> Any:
        """J times a tangent, given by the leaves of the inputs; in the output's structure."""
        moved = forward(self.nodes, tangents)
        found = [None if place is None else own(moved[place], tangents) for place in self.places]
        return tree.unflatten(self.structure, like_leaves(found, self.leaves))


def linearise(
    f: Callable[..., Any],
    transform: str,
    trees: Sequence[tuple[Sequence[Value], tree.Structure]],
) -> Linearised:
    """f recorded at the arguments with these leaves and structures."""
    tape = Tape(TABLE, transform, f)
    try:
        out = f(*(traced(tape, leaves, structure) for leaves, structure in trees))
        found, structure = outputs(out, f"tapegrad.{transform}", name_of(f))
    finally:
        nodes = tape.close()
    values = [x._value if x.__class__ is Var and x._tape is tape else x for x in found]
    return Linearised(nodes, structure, values, positions(tape, found))


def jvp(f: Callable[[*Ts], Out], primals: tuple[*Ts], tangents: tuple[*Ts]) -> tuple[Out, Out]:
    """f's output at the primals and its directional derivative along the tangents.

    primals, tangents: one per argument of f; a tangent has its primal's structure and shapes
    (ShapeError otherwise). The derivative has the output's structure and kinds.

    >>> import tapegrad as tg
    >>> tg.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    if len(primals) != len(tangents):
        raise TypeError(f"jvp: {len(primals)} primals, but {len(tangents)} tangents")
    given: Sequence[object] = primals
    trees = [parameters(p, f"primals[{i}]") for i, p in enumerate(given)]
    moves: list[Value] = []
    for i, (leaves, structure) in enumerate(trees):
        moves += matching(tangents[i], structure, leaves, f"tangents[{i}]", f"primals[{i}]")
    at = linearise(f, "jvp", trees)
    return at.out, at.push(moves)
