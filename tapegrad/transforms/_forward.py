"""Forward mode: how the output moves when the inputs move along a tangent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._errors import describe
from .._typing import Out, Ts, Value
from ._boundary import matching, parameters
from ._linear import linearise


def jvp(f: Callable[[*Ts], Out], primals: tuple[*Ts], tangents: tuple[*Ts]) -> tuple[Out, Out]:
    """f's output at the primals and its directional derivative along the tangents.

    primals, tangents: one per argument of f; a tangent has its primal's structure and shapes
    (ShapeError otherwise). The derivative has the output's structure and kinds.

    >>> import tapegrad as tg
    >>> tg.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)
    """
    for name, values in (("primals", primals), ("tangents", tangents)):
        if not isinstance(values, (tuple, list)):
            raise TypeError(
                f"jvp: {name} is a tuple with one entry for each argument, got "
                f"{describe(values)}; for one argument write (x,)"
            )
    if len(primals) != len(tangents):
        raise TypeError(f"jvp: {len(primals)} primals, but {len(tangents)} tangents")
    given: Sequence[object] = primals
    trees = [parameters(p, f"primals[{i}]") for i, p in enumerate(given)]
    moves: list[Value] = []
    for i, (leaves, structure) in enumerate(trees):
        moves += matching(tangents[i], structure, leaves, f"tangents[{i}]", f"primals[{i}]")
    at = linearise(f, "jvp", trees)
    return at.out, at.push(moves)
