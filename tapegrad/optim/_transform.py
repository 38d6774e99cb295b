"""Gradient transformations: what an optimiser does to a gradient, as a pair of pure functions.

    state = transformation.init(params)
    updates, state = transformation.update(grads, state, params)
    params = apply_updates(params, updates)

The state is a tree like any other: it is passed in and handed back, never changed in place. So a
step can be repeated, differentiated, or saved with the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from .. import tree
from .._errors import ShapeError
from .._tape import shape_of

P = TypeVar("P")
S = TypeVar("S")


class Update(Protocol[S]):
    """The pure step: gradients in, updates of the parameters' own type out."""

    def __call__(self, grads: P, state: S, params: P) -> tuple[P, S]: ...


class Transformation(NamedTuple, Generic[S]):
    """A pure pair: ``init(params) -> state``, ``update(grads, state, params) -> (updates, state)``.

    grads, params and updates are trees of one structure; updates are added to the parameters.

    >>> def init(params: object) -> tuple[()]:
    ...     return ()
    >>> def update(grads, state, params):
    ...     return tree.map(lambda g: -0.5 * g, grads), state
    >>> halve = Transformation(init, update)
    >>> halve.update({"w": 4.0}, halve.init({"w": 1.0}), {"w": 1.0})
    ({'w': -2.0}, ())
    """

    init: Callable[[Any], S]
    update: Update[S]


def apply_updates(params: P, updates: P) -> P:
    """The parameters after a step: each plus its update, as a new tree of the same type.

    Raises ShapeError if the trees differ in structure, or a parameter and its update in shape.

    >>> apply_updates({"w": 1.0}, {"w": -0.25})
    {'w': 0.75}
    """
    moved = tree.map(lambda p, u: p + u, params, updates)
    old, new = tree.paths(params, "params"), tree.leaves(moved)
    for (path, leaf), result, update in zip(old.items(), new, tree.leaves(updates)):
        if shape_of(result) != shape_of(leaf):
            raise ShapeError(
                f"{path} has shape {shape_of(leaf)} and its update {shape_of(update)}; "
                "the update of a parameter must have the parameter's shape"
            )
    return moved


def chain(*transformations: Transformation[Any]) -> Transformation[tuple[Any, ...]]:
    """One transformation that applies several, the first to the gradients, each to the last's.

    The state is the tuple of their states.

    >>> from tapegrad.optim import add_l2, scale
    >>> step = chain(add_l2(0.5), scale(0.1))
    >>> step.update({"w": 1.0}, step.init({"w": 3.0}), {"w": 3.0})[0]  # -0.1 * (1 + 2 * 0.5 * 3)
    {'w': -0.4}
    """

    def init(params: Any) -> tuple[Any, ...]:
        return tuple(each.init(params) for each in transformations)

    def update(grads: P, state: tuple[Any, ...], params: P) -> tuple[P, tuple[Any, ...]]:
        states = []
        for each, before in zip(transformations, state, strict=True):
            grads, after = each.update(grads, before, params)
            states.append(after)
        return grads, tuple(states)

    return Transformation(init, update)
