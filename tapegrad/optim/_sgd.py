"""Stochastic gradient descent: learning rate, momentum and L2, each a transformation of its own."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple, TypeVar

from .. import numpy as tnp, tree
from .._errors import describe
from .._structure import numbers
from .._tape import Scalar, Var
from .._values import operand, shape_of, zero_like
from ._schedules import Schedule, number
from ._transform import Checked, Transformation, chain, matched, owned

P = TypeVar("P")


class Steps(NamedTuple):
    """The state of `scale`: how many steps have been taken."""

    taken: int


class Velocity(NamedTuple):
    """The state of `momentum`: a tree shaped like the parameters."""

    velocity: Any


def sgd(
    learning_rate: Scalar | Schedule,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    l2: float = 0.0,
) -> Transformation[tuple[Any, ...]]:
    """Gradient descent: the update is -learning_rate times the gradient.

    A chain of three: `add_l2` (l2), `momentum` (momentum, nesterov) and `scale` (learning_rate: a
    number, or a schedule: a function of the step, which counts from 0). Those that are 0 are left
    out. Raises ValueError for settings that those refuse, TypeError for what is no number; the
    update raises TypeError for another optimiser's state, and for parameters that are None, and
    ShapeError for gradients that do not match the parameters.

    >>> from tapegrad.optim import apply_updates
    >>> optimizer = sgd(0.1)
    >>> params = {"w": 3.0}
    >>> state = optimizer.init(params)
    >>> for _ in range(2):
    ...     grads = {"w": 2 * params["w"]}  # of w²
    ...     updates, state = optimizer.update(grads, state, params)
    ...     params = apply_updates(params, updates)
    >>> round(params["w"], 12)  # 3 * 0.8 * 0.8
    1.92
    """
    if nesterov and momentum == 0.0:
        raise ValueError("nesterov=True needs a momentum above 0, got momentum=0.0")
    parts: list[Transformation[Any]] = []
    if l2 != 0.0:
        parts.append(add_l2(l2))
    if momentum != 0.0:
        parts.append(_momentum(momentum, nesterov=nesterov))
    return chain(*parts, scale(learning_rate))


def scale(learning_rate: Scalar | Schedule) -> Transformation[Steps]:
    """Times minus the learning rate, a number or a schedule; what turns gradients into updates.

    The state counts the steps. Raises ValueError for a learning rate that is not finite and >= 0,
    here, or if it comes from a schedule, at that step.

    >>> halve = scale(lambda step: 1.0 if step == 0 else 0.5)
    >>> updates, state = halve.update([8.0], halve.init([0.0]), [0.0])
    >>> halve.update([8.0], state, [0.0])
    ([-4.0], Steps(taken=2))
    """
    if not callable(learning_rate):
        _rate(learning_rate, "")
    # Not sound: a traced rate may have a shape.
    step = partial(_scaled, learning_rate)
    return Transformation(
        _no_steps, Checked("scale", step, Steps, 1, "Steps(taken=...)", sound=False)
    )


def _no_steps(params: object) -> Steps:
    return Steps(0)


def _scaled(learning_rate: Scalar | Schedule, grads: P, state: Steps, params: P) -> tuple[P, Steps]:
    if callable(learning_rate):
        rate = _rate(learning_rate(state.taken), f" from the schedule at step {state.taken}")
    else:
        rate = _rate(learning_rate, "")
    return tree.map(lambda g: -rate * g, grads), Steps(state.taken + 1)


def momentum(decay: float, *, nesterov: bool = False) -> Transformation[Velocity]:
    """The running sum v of gradients, v = decay * v + g; with nesterov, decay * v + g once more.

    Raises ValueError unless 0 <= decay < 1. Source: Sutskever et al., "On the importance of
    initialization and momentum in deep learning", 2013, in the form that adds plain gradients.

    >>> keep_half = momentum(0.5)
    >>> updates, state = keep_half.update([8.0], keep_half.init([0.0]), [0.0])
    >>> keep_half.update([8.0], state, [0.0])
    ([12.0], Velocity(velocity=[12.0]))
    """
    decay = number(f"momentum expected a number as its decay, got {describe(decay)}", decay)
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"momentum expected 0 <= decay < 1, got {decay!r}")
    step, sound = partial(_rolled, decay, nesterov), not shape_of(decay)
    return Transformation(
        _at_rest, Checked("momentum", step, Velocity, 1, "Velocity(velocity=...)", sound)
    )


def _at_rest(params: object) -> Velocity:
    leaves, structure = numbers(params, "params")
    return Velocity(tree.unflatten(structure, [zero_like(p) for p in leaves]))


def _rolled(decay: Any, nesterov: bool, grads: P, state: Velocity, params: P) -> tuple[P, Velocity]:
    def roll(v: Any, g: Any) -> Any:
        return decay * v + g

    matched(params, state.velocity, "velocity", "update(grads, state, params)")
    velocity: P = tree.map(roll, state.velocity, grads)
    updates = tree.map(roll, velocity, grads) if nesterov else owned(velocity)
    return updates, Velocity(velocity)


_momentum = momentum  # sgd has a setting of that name


def add_l2(alpha: float) -> Transformation[tuple[()]]:
    """Adds 2 * alpha * p to the gradient of each parameter p: the gradient of `l2_penalty`.

    (Called weight decay where the step is plain gradient descent.) Raises ValueError unless alpha
    is finite and >= 0.

    >>> add_l2(0.5).update([1.0], (), [3.0])
    ([4.0], ())
    """
    alpha = _alpha("add_l2", alpha)
    step = partial(_penalised, alpha)
    return Transformation(_no_state, Checked("add_l2", step, (tuple, list), 0, "()"))


def _no_state(params: object) -> tuple[()]:
    return ()


def _penalised(alpha: Any, grads: P, state: tuple[()], params: P) -> tuple[P, tuple[()]]:
    return tree.map(lambda g, p: g + 2.0 * alpha * p, grads, params), state


def l2_penalty(params: object, alpha: float) -> Scalar:
    """Alpha times the sum of the squares of all parameters, shape (); to be added to a loss.

    Raises ValueError unless alpha is finite and >= 0.

    >>> import numpy as np
    >>> float(l2_penalty({"w": np.array([1.0, 2.0]), "b": 3.0}, 0.5))
    7.0
    """
    alpha = _alpha("l2_penalty", alpha)
    leaves = map(operand, tree.leaves(params))
    squares = [tnp.sum(p * p) if shape_of(p) else p * p for p in leaves]
    total: Scalar = alpha * sum(squares[1:], start=squares[0]) if squares else 0.0
    return total


def _rate(rate: Any, origin: str) -> Any:
    kind = "expected a learning rate that is a number, or a schedule that returns numbers"
    return _checked(rate, kind, "expected a finite learning rate >= 0", origin)


def _alpha(name: str, alpha: Any) -> Any:
    kind = f"{name} expected a number as its alpha"
    return _checked(alpha, kind, f"{name} expected a finite alpha >= 0", "")


def _checked(setting: Any, kind: str, size: str, origin: str) -> Any:
    """A setting that can be used, finite and not negative where no one differentiates by it."""
    given = number(f"{kind}, got {describe(setting)}{origin}", setting)
    if not isinstance(given, Var) and not (math.isfinite(given) and given >= 0.0):
        raise ValueError(f"{size}, got {setting!r}{origin}")
    return given
