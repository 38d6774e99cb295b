"""Derivatives held against differences, and the search for the operation whose rule is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import tree
from .._errors import TapegradError, UndecidedError, describe, name_of
from .._node import Node
from .._values import is_floating, plain_of
from ..ops._bundle import Bundle, pack, parts
from ..ops._shape import stop_gradient
from ..transforms import jvp, record, vjp
from ..transforms._adjoint import operands
from ._differences import Verdict, judged
from ._function import Point, Probe, doubles, numbers, probes, random, sizes, weights


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    *,
    rtol: float = 1e-6,
    seed: int = 0,
) -> None:
    """Raise AssertionError unless f's derivatives at args are right, up to ``order``.

    Forward mode is held against differences of f, and reverse mode against forward mode; then the
    same for the first derivative along a random direction, as a function, and so on. Each slope by
    itself has to be right to ``rtol``, however small or large: steps of many sizes find out what
    can be seen. Of more than 64 numbers (in args, or in the output), random sums are looked at.
    The error names the operation whose rule is wrong.

    args is a tuple of trees of finite float64 numbers and arrays; float64 is also what f returns,
    and computes in (LeafError, OutputError). Raises UndecidedError where differences cannot tell:
    at a kink, or where f loses too many digits. At a kink the mean of the slopes on its two sides
    passes, and a kink that is nearer than about 1e-11 of a number's size counts as one.

    >>> check_grads(lambda x, y: x * y, (2.0, 3.0))
    >>> check_grads(np.floor, (2.5,))
    """
    if not isinstance(args, (tuple, list)):
        raise TypeError(
            "check_grads: args is a tuple with one entry for each argument, got "
            f"{describe(args)}; for one argument write (x,)"
        )
    if order < 1:
        raise ValueError(f"check_grads: the order is 1 or more, got {order!r}")
    given, rng = tuple(args), np.random.default_rng(seed)
    named = {
        path: x for i, arg in enumerate(given) for path, x in doubles(arg, f"args[{i}]").items()
    }
    point = Point.of(f, given, named)
    _check_value(point)
    if fault := _fault(point, rtol, rng):
        raise AssertionError(f"{point.where} is wrong: {fault}{_culprit(point, rtol, rng)}")
    if order > 1:
        for derivative in _derivatives(point, rng):
            check_grads(derivative, given, order - 1, rtol=rtol, seed=seed + 1)


def _derivatives(point: Point, rng: np.random.Generator) -> Iterator[Callable[..., Any]]:
    """The derivative along a random direction, by either mode, as functions of the arguments."""
    f, name = point.function, name_of(point.function)
    tangents = tree.ravel(point.args)[1](random(sizes(point.named.values()), rng))
    cotangent = tree.ravel(point.linear.out)[1](random(weights(point.out.values()), rng))

    def forward(*args: Any) -> Any:
        return jvp(f, args, tangents)[1]

    def reverse(*args: Any) -> Any:
        return vjp(f, *args)[1](cotangent)

    forward.__name__, reverse.__name__ = f"jvp({name})", f"vjp({name})"
    yield forward
    yield reverse


def _check_value(point: Point) -> None:
    """Raise unless the value is finite, and the same where f is traced."""
    y, traced = point.y, tree.ravel(point.linear.out)[0]
    if not np.isfinite(y).all():
        raise UndecidedError(f"{point.where} cannot be judged: its value is not finite, {y}")
    if traced.shape != y.shape or not (abs(traced - y) <= 1e-9 * point.terms).all():
        raise AssertionError(f"{point.where} is wrong: f gives {y}, but {traced} when it is traced")


# What is wrong -----------------------------------------------------------------------------------
def _fault(point: Point, rtol: float, rng: np.random.Generator) -> str:
    """Which slope is wrong, or nothing. Raises UndecidedError if there is no telling."""
    names, inputs = numbers(point.out), probes(point.named, sizes(point.named.values()), rng)
    verdicts = []
    for probe in inputs:
        given, curve = point.push(probe.vector), point.curve(probe.vector)
        verdict = judged(curve, given, probe.scale, rtol, lambda: point.terms)
        for k in np.flatnonzero(verdict.wrong)[:1]:
            slopes = ("forward mode", given[k]), ("differences", verdict.value[k])
            return _apart(names[k], probe, *slopes)
        verdicts.append(verdict)
    outputs = probes(point.out, weights(point.out.values()), rng)
    fault = _disagreement(point, inputs, outputs, verdicts, rtol) if inputs and outputs else ""
    if fault:
        return fault
    for probe, verdict in zip(inputs, verdicts):
        for k in np.flatnonzero(~verdict.right)[:1]:
            doubt = _doubt(names[k], probe, verdict, k)
            raise UndecidedError(f"{point.where} cannot be judged: {doubt}")
    return ""


def _disagreement(
    point: Point,
    inputs: Sequence[Probe],
    outputs: Sequence[Probe],
    verdicts: Sequence[Verdict],
    rtol: float,
) -> str:
    """Where reverse mode gives something else than forward mode."""
    tangents = np.stack([probe.vector for probe in inputs], axis=-1)
    cotangents = np.stack([probe.vector for probe in outputs])
    pulled = np.stack([point.pull(cotangent) for cotangent in cotangents])
    moved = np.stack([verdict.given for verdict in verdicts], axis=-1)
    with np.errstate(all="ignore"):
        ahead, back = cotangents @ moved, pulled @ tangents
        sums = np.maximum(abs(cotangents) @ abs(moved), abs(pulled) @ abs(tangents))
        apart = np.where(ahead == back, 0.0, abs(ahead - back))
        wrong = ~(apart <= rtol * sums)
        if wrong.any():
            terms = point.terms
            rounding = np.stack([verdict.rounding(terms) for verdict in verdicts], axis=-1)
            wrong = ~(apart <= rtol * sums + abs(cotangents) @ rounding)
    for k, i in np.argwhere(wrong)[:1]:
        slopes = ("reverse mode", back[k, i]), ("forward mode", ahead[k, i])
        return _apart(outputs[k].name, inputs[i], *slopes, outputs[k].size)
    return ""


def _apart(
    of: str, by: Probe, given: tuple[str, Any], known: tuple[str, Any], size: float = 1.0
) -> str:
    """What a slope is by one way and by another."""
    each = (f"{slope / by.size / size:.10g} by {way}" for way, slope in (given, known))
    return f"d {of} / d {by.name} is " + ", and ".join(each)


def _doubt(of: str, by: Probe, verdict: Verdict, k: int) -> str:
    """Why it cannot be said whether a slope is right."""
    given, value, error = (x[k] / by.size for x in (verdict.given, verdict.value, verdict.error))
    text = f"d {of} / d {by.name} is {given:.10g} by forward mode, "
    if verdict.kink[k]:
        return text + f"but there is a kink, at which the mean of both slopes is {value:.10g}"
    if not np.isfinite(error):
        return text + "but there are no finite values around from which to get differences"
    return text + (
        f"and {value:.10g} by differences, give or take {error:.1g}: f loses digits on the way, or "
        "has kinks near by"
    )


# Which operation ---------------------------------------------------------------------------------
def _culprit(point: Point, rtol: float, rng: np.random.Generator) -> str:
    """The operation of which a rule is wrong, and the user's line."""
    tape = record(point.function, *point.args).tape
    for position, node in enumerate(tape):
        alone, chosen = _alone(node, tape)
        try:
            named = tree.paths(chosen, "operand")
            fault = chosen and _fault(Point.of(alone, (chosen,), named), rtol, rng)
        except TapegradError:
            continue  # a comparison, which has no derivative, or a kink
        if fault:
            line = f"\n  at {node.line}" if node.line else ""
            what = f"{node.op.name}, node {position} of tapegrad.record(f, ...)"
            if node.op is stop_gradient:
                return f"\nDifferences know nothing of {what}: check f without it.{line}"
            return f"\nWrong by itself is {what}: {fault}{line}"
    return (
        f"\nEach of the {len(tape)} nodes of tapegrad.record(f, ...) is right by itself: look for "
        "what they do not show, such as x.value or float(x), or for a function that is not pure."
    )


def _alone(node: Node, tape: Sequence[Node]) -> tuple[Callable[..., Any], dict[int, Any]]:
    """A node's op as a function of those operands that may have a derivative; and them."""
    values = operands(node.inputs, tape)
    chosen = {
        i: list(x.parts) if isinstance(x, Bundle) else x
        for i, (x, place) in enumerate(zip(values, node.inputs))
        if place.__class__ is int and all(map(is_floating, tree.leaves(x)))
    }

    def alone(operand: Mapping[int, Any]) -> Any:
        given = (operand.get(i, x) for i, x in enumerate(values))
        packed = (pack.bind(*x) if isinstance(x, list) else x for x in given)
        out = node.op.bind(*packed, **node.params)
        return parts(out) if isinstance(plain_of(out), Bundle) else out

    return alone, chosen
