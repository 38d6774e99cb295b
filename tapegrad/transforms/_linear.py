"""A function at a point: its tape there, as the linear map that its derivative is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from .. import tree
from .._errors import name_of
from .._node import Record
from .._tape import Tape
from .._typing import Value
from .._values import copied, like_leaves
from .._warnings import watched
from ..numpy import TABLE
from ._adjoint import seeded
from ._boundary import Parts, check_function, matching, outputs, positions, stripped, traced
from ._replay import backward, forward


@attrs.frozen(eq=False)
class Linearised:
    """A function's output at a point, and its derivative there in both directions.

    Both directions may be asked for any number of times.
    """

    nodes: Sequence[Record]
    structure: tree.Structure
    leaves: Sequence[Value]
    places: Sequence[int | None]
    primals: Sequence[Parts]

    @property
    def out(self) -> Any:
        """The output at the point; its arrays are the caller's own."""
        return tree.unflatten(self.structure, copied(self.leaves))

    @watched
    def push(self, tangents: Sequence[Value | None]) -> Any:
        """J times a tangent, given by the leaves of the inputs; in the output's structure."""
        moved = forward(self.nodes, tangents, [place for place in self.places if place is not None])
        found = [None if place is None else moved[place] for place in self.places]
        return tree.unflatten(self.structure, like_leaves(found, self.leaves, tangents))

    @watched
    def pull(self, cotangent: Any) -> tuple[Any, ...]:
        """One cotangent for each primal, in its structure: Jᵀ times the given one.

        Raises ShapeError for a cotangent that has not the output's structure and shapes.
        """
        given = matching(cotangent, self.structure, self.leaves, "cotangent", "the output")
        seeds = seeded(self.places, given)
        leaves = [leaf for group, _ in self.primals for leaf in group]
        found = like_leaves(backward(self.nodes, seeds, len(leaves)), leaves, given)
        return tuple(tree.unflatten_all([structure for _, structure in self.primals], found))


@watched
def linearise(f: Callable[..., Any], transform: str, primals: Sequence[Parts]) -> Linearised:
    """f recorded at the arguments with these leaves and structures."""
    check_function(f, f"Write tapegrad.{transform}(f, ...), not tapegrad.{transform}(f(x), ...).")
    with Tape(TABLE, transform, f) as tape:
        nodes = tape.nodes
        out = f(*(traced(tape, parts) for parts in primals))
        found, structure = outputs(out, transform, name_of(f))
    places = positions(tape, found)
    return Linearised(nodes, structure, stripped(tape, found), places, primals)
