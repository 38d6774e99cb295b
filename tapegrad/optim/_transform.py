"""Gradient transformations: what an optimiser does to a gradient, as a pair of pure functions.

    state = transformation.init(params)
    updates, state = transformation.update(grads, state, params)
    params = apply_updates(params, updates)

The state is a tree like any other: it is passed in and handed back, never changed in place. So a
step can be repeated, differentiated, or saved with the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import attrs
import numpy as np

from .. import tree
from .._errors import LeafError, ShapeError, describe
from .._structure import difference
from .._texts import NOT_NUMBERS
from .._typing import Value
from .._values import copied, dtype_of, is_floating, is_operand, like, shape_of

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

    An update is taken in the dtype of its parameter, which stays what it is.

    Raises ShapeError if the trees differ in structure, or a parameter and its update in shape.

    >>> apply_updates({"w": 1.0}, {"w": -0.25})
    {'w': 0.75}
    """
    before, moves, structure, _ = matched(
        params, updates, "update", "apply_updates(params, updates)"
    )
    after: P = tree.unflatten(structure, [p + u for p, u in zip(before, moves)])
    return after


def chain(*transformations: Transformation[Any]) -> Transformation[tuple[Any, ...]]:
    """One transformation that applies several, the first to the gradients, each to the last's.

    The state is the tuple of their states. The update raises TypeError for another state, and for
    parameters that are None; ShapeError for gradients that do not match the parameters.

    >>> from tapegrad.optim import add_l2, scale
    >>> step = chain(add_l2(0.5), scale(0.1))
    >>> step.update({"w": 1.0}, step.init({"w": 3.0}), {"w": 3.0})[0]  # -0.1 * (1 + 2 * 0.5 * 3)
    {'w': -0.4}
    """
    updates, sound = [], True  # sound: what the next part is given matches the parameters
    for i, each in enumerate(transformations):
        if not (hasattr(each, "init") and hasattr(each, "update")):
            raise TypeError(
                f"chain expected transformations, one after the other, got a "
                f"{type(each).__name__} as number {i + 1}; of a list of them write chain(*parts)"
            )
        update: Any = each.update
        ours = isinstance(update, Checked)  # what a user wrote may return anything
        updates.append(attrs.evolve(update, trusts=True) if ours and sound else update)
        sound = ours and update.sound

    step, size = partial(_in_turn, updates), len(updates)
    expected = f"a tuple of {size}, one for each of its parts"
    return Transformation(
        partial(_first_states, [each.init for each in transformations]),
        Checked("chain", step, (tuple, list), size, expected, sound),
    )


def _first_states(inits: Sequence[Callable[[Any], Any]], params: object) -> tuple[Any, ...]:
    return tuple(init(params) for init in inits)


def _in_turn(
    updates: Sequence[Update[Any]], grads: P, state: tuple[Any, ...], params: P
) -> tuple[P, tuple[Any, ...]]:
    states = []
    for update, before in zip(updates, state):
        grads, after = update(grads, before, params)
        states.append(after)
    return grads if updates else owned(grads), tuple(states)


@attrs.frozen(eq=False)
class Checked(Generic[S]):
    """An update of our own: a step after its checks, which a chain makes once for its parts."""

    name: str
    step: Update[S]
    kind: Any  # of the state, for isinstance
    size: int  # of the state
    expected: str  # the two in words
    sound: bool = True  # where gradients match the parameters, updates do
    trusts: bool = False  # that gradients match: a chain has checked them
    __name__ = "update"  # what messages call it

    def __call__(self, grads: P, state: Any, params: Any = None) -> tuple[P, S]:
        if not (isinstance(state, self.kind) and len(state) == self.size):
            raise TypeError(
                f"the state of {self.name} is {self.expected}, but got {describe(state)}.\n"
                f"{_ORDER}; state is what init or the last update of the same optimiser returned."
            )
        if not self.trusts:
            if params is None and grads is not None:
                raise TypeError(f"{self.name}'s update got no params.\n{_ORDER}.")
            _, found, structure, recast = matched(
                params, grads, "gradient", "update(grads, state, params)"
            )
            if recast:
                grads = tree.unflatten(structure, found)
        return self.step(grads, state, params)


def owned(updates: P) -> P:
    """Updates in arrays of their own, where they would be the state's or the gradients'."""
    leaves, structure = tree.flatten(updates)
    fresh: P = tree.unflatten(structure, copied(leaves))
    return fresh


_ORDER = "Call it as update(grads, state, params), the state second and the parameters third"


def matched(
    params: object, other: object, what: str, call: str
) -> tuple[list[Value], list[Value], tree.Structure, bool]:
    """The leaves of two trees, those of the other in the dtypes of the parameters, where these are
    floating point; their structure; and whether a leaf had another dtype.

    Raises ShapeError unless the other tree has the structure and shapes of the parameters,
    LeafError for what is no number or plain array.
    """
    wanted, structure = tree.flatten(params)
    found, got = tree.flatten(other)
    if got != structure:
        raise ShapeError(_difference(params, other, what, call))
    recast = False
    for k, (p, g) in enumerate(zip(wanted, found)):
        alike = p.__class__ is np.ndarray is g.__class__ and p.shape == g.shape
        if alike and p.dtype.kind == "f" and p.dtype == g.dtype:  # as mostly
            continue
        if not (is_operand(p) and is_operand(g)):
            name, leaf = ("params", p) if not is_operand(p) else (f"the {what}s", g)
            path = structure.paths(name)[k]
            raise LeafError(NOT_NUMBERS.format(path=path, got=describe(leaf)))
        if shape_of(g) != shape_of(p):
            path = structure.paths("params")[k]
            raise ShapeError(
                f"{path} has shape {shape_of(p)} and its {what} {shape_of(g)}; "
                f"the {what} of a parameter must have the parameter's shape.\n"
                f"Pass to {call} what belongs together: the {_SOURCE[what]} the same params."
            )
        if is_floating(p) and (dtype_of(g) != dtype_of(p) or g.__class__ is not p.__class__):
            found[k], recast = like(g, p), True
    return wanted, found, structure, recast


_SOURCE = {
    "gradient": "gradient that tapegrad.grad returned for",
    "update": "updates that an optimiser's update returned for",
    "velocity": "state that init or the last update returned for",
}


def _difference(params: object, other: object, what: str, call: str) -> str:
    """How two trees differ: by the paths of one that the other lacks, or else by their types."""
    wanted, found = tree.paths(params, "params"), tree.paths(other, "params")
    missing = [f"{path}, shape {shape_of(wanted[path])}" for path in wanted if path not in found]
    extra = [f"{path}, shape {shape_of(found[path])}" for path in found if path not in wanted]
    if missing or extra:
        lines = [f"no {what} for {each}" for each in missing[:1]]
        article = "an" if what == "update" else "a"
        lines += [f"{article} {what} for {each}, which is no parameter" for each in extra[:1]]
        detail = "; ".join(lines)
    else:
        detail = difference(tree.flatten(params)[1], other, what)
    return (
        f"the params and their {what}s differ in structure: {detail}.\n"
        f"Pass to {call} what belongs together: the {_SOURCE[what]} the same params."
    )
