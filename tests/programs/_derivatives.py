"""Derivatives of programs: forward, reverse and differences, to second order; kinds and memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

import tapegrad as tg

from ._author import floating
from ._code import literal
from ._run import Run, Skip, exactly, in_kind, near, same_form
from ._truth import Estimate, slope_and_curvature
from ._worlds import LONG, PLAIN, REAL, extended, long

TOO_LARGE = 1e15  # where the floats lie too far apart for differences
TOO_SMALL = 1e-100  # where the second power is no float any more
DOUBLE = 1e-10  # a precision that only double has


@attrs.frozen(eq=False)
class Loss:
    """A weighted sum of what a program returns, as a function of its floating-point leaves.

    text:    its lines
    f:       the function
    names:   its parameters
    point:   where it is looked at
    tangent: along which direction
    value:   there
    size:    of its value, and of the terms of its derivative: what rounding errors are measured by
    """

    run: Run
    text: str
    f: Callable[..., Any]
    names: tuple[str, ...]
    point: tuple[Any, ...]
    tangent: tuple[Any, ...]
    value: float
    size: float = 0.0

    @classmethod
    def of(cls, run: Run) -> Loss:
        """The loss of a program; Skip if there is none."""
        names = tuple(name for name in run.code.leaves if floating(run.values[name]))
        outputs = tg.tree.paths(run.plain, "out")
        terms = [_term(k, path, leaf) for k, (path, leaf) in enumerate(outputs.items())]
        found = " + ".join(filter(None, terms))
        if not names or not found:
            raise Skip("nothing to differentiate")
        head = f"def loss({', '.join(names)}):"
        text = f"{head}\n    out = f(*{run.code.arguments})\n    return {found}"
        f = run.code.define({**REAL, **run.values}, text)["loss"]
        point = tuple(run.values[name] for name in names)
        with run.doing("plain", f"{text}\nloss({', '.join(names)})"):
            value = float(f(*point))
        tangent = tuple(direction(k, x) for k, x in enumerate(point))
        return cls(run, text, f, names, point, tangent, value)

    @property
    def argnums(self) -> tuple[int, ...]:
        """All of them."""
        return tuple(range(len(self.names)))

    @property
    def at(self) -> str:
        """The point, as text."""
        return f"({', '.join(self.names)},)"

    @property
    def along(self) -> str:
        """The tangent, as text."""
        return f"({', '.join(map(literal, self.tangent))},)"

    @property
    def gradient(self) -> str:
        """The lines that show the gradient."""
        return f"{self.text}\ntg.grad(loss, {self.argnums})(*{self.at})"

    # Truth ----------------------------------------------------------------------------------------
    def differences(self) -> tuple[Estimate, Estimate]:
        """The slope and the curvature along the tangent, in extended precision."""
        constants = _Constants()
        values = {name: long(value) for name, value in self.run.values.items()}
        loss = self.run.code.define({**extended(constants), **values}, self.text)["loss"]
        point = [values[name] for name in self.names]
        tangent = [long(t) for t in self.tangent]

        def along(h: Any) -> Any:
            with constants:
                moved = (_moved(x, h * t) for x, t in zip(point, tangent, strict=True))
                return loss(*moved)

        plain = self.run.code.define({**PLAIN, **self.run.values}, self.text)["loss"]
        try:
            same = near(float(along(LONG(0.0))), float(plain(*self.point)), 1e-6)
            found = slope_and_curvature(along)
        except Skip:
            raise
        except Exception as error:  # noqa: BLE001
            raise Skip(f"no differences: {type(error).__name__}") from None
        if not same:
            raise Skip("another value in extended precision")
        return found

    def irregular(self) -> str | None:
        """The first operation that has a kink or an infinite slope where it is: what is agreed upon
        as its derivative is no limit of differences of the whole.
        """
        tape = tg.record(self.f, *self.point).tape
        for node in tape:
            values = [tape[x].value if x.__class__ is int else x for x in node.inputs]
            if not np.size(node.value) and node.op.kind == "elementwise":  # what one element has
                values = [x if np.size(x) else np.ones((), np.asarray(x).dtype) for x in values]
            for place, x in enumerate(values):
                if floating(x) and not _smooth(node, values, place):
                    return f"no slope on the way: {node.op.name}"
        return None

    # Verdicts -------------------------------------------------------------------------------------
    def agree(self, check: str, lines: str, came: float, expected: float) -> None:
        """Two ways to one number."""
        low = self.run.precision > DOUBLE
        finite = bool(np.isfinite(came)), bool(np.isfinite(expected))
        if not any(finite) or (low and not all(finite)):
            return
        tolerance = self.run.precision * (300.0 if low else 1e6)
        if (
            not abs(came - expected)
            <= tolerance * max(abs(came), abs(expected), self.size) + self.run.noise
        ):
            if not all(finite) and (why := self.irregular()):
                raise Skip(why)
            raise self.run.fail(check, f"{self.text}\n{lines}", came, expected)

    def hold(self, check: str, lines: str, came: float, truth: Estimate) -> bool:
        """A number against an estimate; False if the estimate says nothing."""
        size = max(abs(truth.value), self.size)
        if not truth.known or truth.error > 1e-5 * max(size, 1.0):
            return False
        if not abs(came - truth.value) <= 10.0 * truth.error + 1e-7 * size + self.run.noise:
            if why := self.irregular():
                raise Skip(why)
            expected = f"{truth.value!r}, known to {truth.error:.0e}"
            raise self.run.fail(check, f"{self.text}\n{lines}", came, expected)
        return True


def _term(k: int, path: str, leaf: Any) -> str | None:
    """A weighted sum of one output, as text."""
    if not floating(leaf):
        return None
    shape = np.shape(leaf)
    if not shape:
        return path if k == 0 else f"{np.cos(k):.2f} * {path}"
    steps = f"np.arange({np.size(leaf)}.0)" + (f".reshape({shape})" if len(shape) > 1 else "")
    return f"np.sum(np.cos({steps}{f' + {k}.0' if k else ''}) * {path})"


class _Constants:
    """In place of stop_gradient: within the first run it keeps what it is given, and gives that
    back in all later ones, where the inputs have moved.
    """

    def __init__(self) -> None:
        self._kept: list[Any] = []
        self._first, self._place = True, 0

    def __enter__(self) -> None:
        self._place = 0

    def __exit__(self, *exception: object) -> None:
        self._first = False

    def __call__(self, x: Any) -> Any:
        if isinstance(x, tg.Var):
            raise Skip("no differences: a constant within a transform")
        if self._first:
            self._kept.append(x)
        self._place += 1
        return self._kept[self._place - 1]


def _smooth(node: tg.Node, values: list[Any], place: int) -> bool:
    """Whether one operation has a slope by one operand, as far as differences tell.

    What chooses between its other operands shows it only where these differ.
    """
    here = [long(x) for x in values]
    apart = [x + LONG(k + 1) if floating(x) else x for k, x in enumerate(here)]
    step = long(np.asarray(direction(place, values[place])) * 1.0)

    def slope(others: list[Any]) -> bool:
        def along(h: Any) -> Any:
            moved = [*others[:place], here[place] + h * step, *others[place + 1 :]]
            out = long(np.asarray(node.op.run(*moved, **node.params)) * 1.0)
            return np.sum(out * np.cos(np.arange(out.size)).reshape(out.shape))

        try:
            return slope_and_curvature(along)[0].known
        except Exception:  # noqa: BLE001  # not every op knows extended precision
            return True

    return slope(here) and (node.op.vjp[place] is not None or slope(apart))


def _moved(x: Any, step: Any) -> Any:
    """x + step, where x is finite."""
    return x + step if np.all(np.isfinite(x)) else np.where(np.isfinite(x), x + step, x)[()]


def direction(k: int, x: Any) -> Any:
    """A tangent of a leaf, of two digits, about as large as it."""
    plain = np.asarray(x, float)
    wave = np.cos(1.0 + k + np.arange(plain.size)).reshape(plain.shape)
    size = np.abs(np.where(np.isfinite(plain) & (plain != 0.0), plain, 1.0))
    digits = np.floor(np.log10(np.maximum(size, 1e-300)))
    flat = [float(f"{w:.2f}e{int(d)}") for w, d in zip(wave.flat, digits.flat, strict=True)]
    return in_kind(np.array(flat, np.asarray(x).dtype).reshape(plain.shape), x)


# The checks --------------------------------------------------------------------------------------
def derivatives(run: Run) -> None:
    """Both modes, both orders, against each other and against differences."""
    loss = Loss.of(run)
    if not np.isfinite(loss.value):
        raise Skip("not finite")
    gradient = _gradient(loss)
    reverse, terms = dotted(gradient, loss.tangent)
    loss = attrs.evolve(loss, size=max(abs(loss.value), terms))
    pushed = f"tg.jvp(loss, {loss.at}, {loss.along})[1]"
    with run.doing("jvp", f"{loss.text}\n{pushed}"):
        forward = float(tg.jvp(loss.f, loss.point, loss.tangent)[1])
    summed = f"sum(np.sum(g * t) for g, t in zip({loss.gradient.splitlines()[-1]}, {loss.along}))"
    loss.agree("modes", f"({pushed}, {summed})", forward, reverse)
    _pullback(loss)
    if run.precision > DOUBLE:
        raise Skip("low precision")
    if any(np.any(_extreme(np.abs(x))) for x in loss.point):
        raise Skip("too large or small for differences")
    slope, curvature = loss.differences()
    known = [
        loss.hold("slope", pushed, forward, slope),
        loss.hold("slope", summed, reverse, slope),
        *second(loss, curvature),
    ]
    if not all(known):
        raise Skip("no slope by differences" if not known[0] else "no curvature by differences")


def _extreme(size: Any) -> Any:
    return ((size > TOO_LARGE) & (size < np.inf)) | ((size < TOO_SMALL) & (size > 0.0))


def _gradient(loss: Loss) -> Any:
    """The gradient: in the kinds, dtypes and shapes of the leaves, and the caller's own."""
    run = loss.run
    with run.doing("grad", loss.gradient):
        gradient = tg.grad(loss.f, loss.argnums)(*loss.point)
    for g, x in zip(gradient, loss.point, strict=True):
        if type(g) is not type(x) or not same_form(g, x):
            raise run.fail("kind", loss.gradient, g, f"{type(x).__name__} as {x!r} is")
        if isinstance(g, np.ndarray) and (not g.flags.writeable or np.shares_memory(g, x)):
            raise run.fail("shared", loss.gradient, "an array in another's memory", "its own")
    return gradient


def _pullback(loss: Loss) -> None:
    """A pullback gives the same again, whatever is written into what came and what it was given."""
    run = loss.run
    lines = f"{loss.text}\nout, pull = tg.vjp(loss, *{loss.at})\npull(1.0)  # again"
    with run.doing("vjp", lines):
        out, pull = tg.vjp(loss.f, *(np.array(x) if np.ndim(x) else x for x in loss.point))
        cotangent = np.ones_like(np.asarray(out))
        first = pull(cotangent)
        expected = exactly(first)
        for leaf in (*first, cotangent, out):
            if isinstance(leaf, np.ndarray):
                leaf[...] = 0.0
        again = pull(np.ones_like(cotangent))
    if exactly(again) != expected:
        raise run.fail("pullback", lines, again, "what came at first")


def second(loss: Loss, truth: Estimate) -> list[bool]:
    """The second derivative along the tangent, by four nestings of modes; whether it is known."""
    f, p, t, nums = loss.f, loss.point, loss.tangent, loss.argnums
    single = len(p) == 1
    pushed = f"tg.jvp(loss, p, {loss.along})[1]"
    dot = f"sum(np.sum(g * t) for g, t in zip({{}}, {loss.along}))"
    pulled = dot.format(f"tg.grad(loss, {nums})(*p)")
    ways: dict[str, Callable[[], Any]] = {
        f"tg.hvp(loss, {loss.at}, {loss.along})": lambda: (
            (tg.hvp(f, p, t),) if single else tg.hvp(f, p, t)
        ),
        f"tg.grad(lambda *p: {pushed}, {nums})(*{loss.at})": lambda: tg.grad(
            lambda *p: tg.jvp(f, p, t)[1], nums
        )(*p),
        f"tg.grad(lambda *p: {pulled}, {nums})(*{loss.at})": lambda: tg.grad(
            lambda *p: _dot(tg.grad(f, nums)(*p), t), nums
        )(*p),
        f"tg.jvp(lambda *p: {pushed}, {loss.at}, {loss.along})[1]": lambda: tg.jvp(
            lambda *p: tg.jvp(f, p, t)[1], p, t
        )[1],
    }
    found = {}
    for lines, way in ways.items():
        with loss.run.doing("second", f"{loss.text}\n{lines}"):
            came = way()
        found[lines] = dotted(came, t) if isinstance(came, tuple) else (float(came), 0.0)
    loss = attrs.evolve(loss, size=max(loss.size, *(terms for _, terms in found.values())))
    (first, (expected, _)), *rest = found.items()
    for lines, (number, _) in rest:
        loss.agree("second modes", f"({first}, {lines})", number, expected)
    return [loss.hold("curvature", lines, n, truth) for lines, (n, _) in found.items()]


def _dot(gradient: Any, tangent: Any) -> Any:
    return sum(np.sum(g * t) for g, t in zip(gradient, tangent, strict=True))


def dotted(gradient: Any, tangent: Any) -> tuple[float, float]:
    """The product with a direction, and the sum of the sizes of its terms."""
    terms = [
        np.ravel(np.asarray(g, float) * np.asarray(t, float))
        for g, t in zip(gradient, tangent, strict=True)
    ]
    flat = np.concatenate(terms)
    return float(np.sum(flat)), float(np.sum(np.abs(flat)))
