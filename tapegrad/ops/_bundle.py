"""Several values as one: a tape keeps one value for each node, so that where NumPy's function
returns several (slogdet), it keeps a `Bundle`, and each `part` that is used is a node of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from .._tape import AnyOp
from .._typing import Args, Flags, Params, Value
from .._values import plain_of
from ._define import Variadic, drawn, primitive
from ._shape import everywhere


@attrs.frozen(eq=False)
class Bundle:
    """Several values; among cotangents and tangents, which add up, None is zero.

    residuals: what the op that made it keeps for its rules, if it is not lost by pickling
    batched:   under vmap, which parts have examples; None if all have
    """

    parts: tuple[Value | None, ...]
    residuals: Any = None
    batched: tuple[bool, ...] | None = None

    def map(self, function: Callable[[Value], Value]) -> Bundle:
        """The bundle with a function applied to each part."""
        return attrs.evolve(self, parts=tuple(map(function, self.parts)))

    def __reduce__(self) -> tuple[Any, ...]:  # what rules keep, they can make again
        return Bundle, (self.parts, None, self.batched)

    def __add__(self, other: Bundle) -> Bundle:
        pairs = zip(self.parts, other.parts)
        return Bundle(tuple(b if a is None else a if b is None else a + b for a, b in pairs))


@attrs.frozen
class Refused:
    """In place of a part that is not to be had: the error, for those who ask for it. No leaf."""

    error: Callable[[], Exception] = attrs.field(metadata={"static": True})


def asked(value: Value | None) -> Value | None:
    """A part of a bundle, or the error of one that is refused."""
    if isinstance(value, Refused):
        raise value.error()
    return value


def alone(index: int, value: Value, count: int) -> Bundle:
    """A bundle of zeros with one value among them."""
    return Bundle(tuple(value if i == index else None for i in range(count)))


def count(bundle: Value) -> int:
    """The number of parts, of a traced bundle too."""
    return len(plain_of(bundle).parts)


@primitive(
    run=lambda *parts: Bundle(parts),
    vjp=Variadic(rest=lambda i, g, out, *parts: asked(g.parts[i])),
    jvp=Variadic(rest=lambda i, t, out, *parts: alone(i, t, len(parts))),
    batch=lambda op, size, batched, args, p: Bundle(tuple(args), batched=tuple(batched)),
    samples=(drawn(lambda rng: (rng.normal(size=3), rng.normal(size=(2, 2)))),),
)
def pack(*parts: Value) -> Any:
    """The values as a bundle."""


def _part_batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    (bundle,) = args
    flags = bundle.batched if isinstance(bundle, Bundle) else None
    return everywhere(size, flags is None or flags[p["index"]], op.bind(bundle, **p))


@primitive(
    run=lambda bundle, index: bundle.parts[index],
    vjp=(lambda g, out, bundle, index: alone(index, g, count(bundle)),),
    jvp=(lambda t, out, bundle, index: t.parts[index],),
    batch=_part_batch,
    samples=(
        drawn(lambda rng: (Bundle((rng.normal(size=3), rng.normal(size=(2, 2)))),), index=0),
        drawn(lambda rng: (Bundle((np.ones(2), rng.normal(size=(2, 2)))),), index=1),
    ),
)
def part(bundle: Any, *, index: int) -> Any:
    """One value of a bundle."""


def parts(bundle: Value) -> list[Value]:
    """All values of a bundle."""
    return [part.bind(bundle, index=i) for i in range(count(bundle))]
