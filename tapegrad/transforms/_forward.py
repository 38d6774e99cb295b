"""Forward mode: how the output moves when the inputs move along a tangent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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
    check_pairs("jvp", primals, tangents)
    return along(f, "jvp", primals, tangents)


def check_pairs(transform: str, primals: Any, tangents: Any) -> None:
    """Raise TypeError unless both are tuples with one entry for each argument."""
    for name, values in (("primals", primals), ("tangents", tangents)):
        if not isinstance(values, (tuple, list)):
            raise TypeError(
                f"{transform}: {name} is a tuple with one entry for each argument, got "
                f"{describe(values)}; for one argument write (x,)"
            )
    counts = len(primals), len(tangents)
    if counts[0] != counts[1]:
        raise TypeError(f"{transform}: {counts[0]} primals, but {counts[1]} tangents")


def along(
    f: Callable[..., Any], transform: str, primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """f's output and its derivative along the tangents, for a transform of this name."""
    given: Sequence[object] = primals
    trees = [parameters(p, f"primals[{i}]") for i, p in enumerate(given)]
    moves: list[Value] = []
    for i, (leaves, structure) in enumerate(trees):
        moves += matching(tangents[i], structure, leaves, f"tangents[{i}]", f"primals[{i}]")
    at = linearise(f, transform, trees)
    return at.out, at.push(moves)
