"""What must hold of every program."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import attrs
import numpy as np

import tapegrad as tg

from ._author import Case, floating
from ._code import Code, exactly, tree_text
from ._truth import Estimate, slope_and_curvature
from ._worlds import LONG, PLAIN, REAL, extended, long, quietly


class Failure(AssertionError):
    """What is wrong with a program: which check, the lines that show it, what came, what should."""

    def __init__(self, check: str, case: Case, lines: str, came: str, expected: str) -> None:
        super().__init__(f"{check}: {came} instead of {expected}")
        self.wrong = not (check.endswith("raised") or check in ("refusal", "accepted"))
        self.by = ""  # the function of CHECKS that found it
        self.check, self.case, self.lines, self.came, self.expected = check, case, lines, came, expected


class Skip(Exception):  # noqa: N818
    """A check says nothing of this program: why."""


REFUSALS = (tg.MissingRuleError, tg.ConversionError, tg.MutationError)
# Python's floats divide and grow as Python's do.
PYTHONS = (ZeroDivisionError, OverflowError, tg.DomainError)
PUBLIC = (tg.TapegradError, ValueError, TypeError, IndexError, ArithmeticError, NotImplementedError)
BUILTIN = (ValueError, TypeError, IndexError, ArithmeticError, AttributeError)


class Run:
    """A case and what the checks know of it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.code = self.case.code
        self.values = self.code.values(PLAIN)
        self.scope = self.code.define(REAL)
        self.f = self.scope["f"]

    def args(self) -> Any:
        return self.code.args(REAL, self.code.values(REAL))

    def fail(self, check: str, lines: str, came: Any, expected: Any) -> Failure:
        return Failure(check, self.case, lines, _text(came), _text(expected))

    @contextmanager
    def doing(self, check: str, lines: str) -> Iterator[None]:
        """Errors become failures, but those that are promised."""
        try:
            yield
        except (Skip, Failure):
            raise
        except Exception as error:
            if why := promised(self, error):
                raise Skip(why) from None
            raise self.fail(check + " raised", lines, error, "a value") from error


def promised(run: Run, error: Exception) -> str | None:
    """Why an error is no failure: what tapegrad says that it does not do."""
    text, said = run.code.function, str(error)
    if isinstance(error, REFUSALS):
        option = "cannot be called like this" in said
        return "an option is refused" if option else f"refused: {said.splitlines()[0][:70]}"
    if isinstance(error, PYTHONS):
        return f"{type(error).__name__} of Python's floats"
    if isinstance(error, tg.OutputError) and "not one of its arguments" in said:
        return "custom_vjp closes over a traced value"
    if isinstance(error, tg.GuardError) and "on its way" in said:
        return "an error was caught"
    if isinstance(error, TypeError) and "combine truth values" in said:
        return "& of integers"
    if isinstance(error, tg.ShapeError) and ("vmap cannot" in said or "under vmap" in said):
        return "a decision under vmap"
    return None


def _text(value: Any) -> str:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return value if isinstance(value, str) else repr(value)


def precision(code: Code) -> float:
    """The unit of the last place of the shortest floats in a program."""
    text = "\n".join((*code.inputs, code.function))
    if "float16" in text:
        return 1e-3
    return 1.2e-7 if "float32" in text or "f4" in text else 2.3e-16


def near(came: Any, expected: Any, tolerance: float) -> bool:
    a, b = np.asarray(came), np.asarray(expected)
    if a.dtype.kind not in "f":
        return bool(np.array_equal(a, b))
    with np.errstate(all="ignore"):
        finite = b[np.isfinite(b)]
        scale = np.max(np.abs(finite)) if finite.size else 0.0
        return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance * min(scale, 1e300), equal_nan=True))


def same_form(came: Any, expected: Any) -> bool:
    return (np.asarray(came).dtype, np.shape(came)) == (np.asarray(expected).dtype, np.shape(expected))


# Values ------------------------------------------------------------------------------------------
def value(run: Run) -> None:
    """What NumPy gives, in its dtype and shape; nothing is changed, and nothing shared."""
    before = exactly(run.args())
    plain_args = run.args()
    expected = run.code.define(PLAIN)["f"](*plain_args)
    args = run.args()
    with run.doing("value", "tg.record(f, *args)"):
        recording = tg.record(run.f, *args)
    compare(run, "value", "tg.record(f, *args).value", recording.value, expected)
    with run.doing("value", "tg.record(f, *args)"):
        again = tg.record(run.f, *args).value
    if exactly(again) != exactly(recording.value):
        raise run.fail("twice", "tg.record(f, *args).value  # twice", again, recording.value)
    with run.doing("plain", "f(*args)"):
        on_plain = run.f(*args)
    compare(run, "plain", "f(*args)", on_plain, expected)
    with run.doing("program", "tg.record(f, *args).program(*args)"):
        program = recording.program
        found = program(*args)
    if exactly(found) != exactly(recording.value):
        raise run.fail("program", "tg.record(f, *args).program(*args)", found, recording.value)
    if exactly(args) != before:
        raise run.fail("changed", "tg.record(f, *args); args", args, "the arguments as they were")
    for lines, tree in (("tg.record(f, *args).value", recording.value), ("tg.record(f, *args).program(*args)", found)):
        check_own(run, lines, tree, args)


def compare(run: Run, check: str, lines: str, came: Any, expected: Any) -> None:
    ours, structure = tg.tree.flatten(came)
    theirs, other = tg.tree.flatten(expected)
    if structure != other:
        raise run.fail(check + " structure", lines, came, expected)
    for a, b in zip(ours, theirs, strict=True):
        if not same_form(a, b):
            raise run.fail(check + " dtype", lines, came, expected)
        if not near(a, b, 50.0 * precision(run.code)):
            if unstable(run):
                raise Skip("unstable value")
            raise run.fail(check, lines, came, expected)


def unstable(run: Run) -> bool:
    """Whether NumPy's value changes much with the last places of the inputs."""
    expected = tg.tree.leaves(run.code.define(PLAIN)["f"](*run.args()))
    rng = np.random.default_rng(0)
    for _ in range(4):
        moved = {k: _nudged(rng, v) for k, v in run.values.items()}
        try:
            found = tg.tree.leaves(run.code.define(PLAIN)["f"](*run.code.args(PLAIN, moved)))
        except Exception:
            return True
        if not all(np.shape(a) == np.shape(b) and near(a, b, 10.0 * precision(run.code)) for a, b in zip(found, expected, strict=True)):
            return True
    return False


def _nudged(rng: np.random.Generator, x: Any) -> Any:
    if not floating(x):
        return x
    plain = np.asarray(x)
    eps = np.finfo(plain.dtype).eps
    moved = (plain * (1.0 + eps * rng.integers(-2, 3, size=plain.shape))).astype(plain.dtype)
    if isinstance(x, np.ndarray):
        return moved
    return moved[()] if isinstance(x, np.generic) else float(moved)


def check_own(run: Run, lines: str, tree: Any, args: Any) -> None:
    """Arrays that come back are the caller's own."""
    arrays = [x for x in tg.tree.leaves(tree) if isinstance(x, np.ndarray)]
    given = [x for x in tg.tree.leaves(args) if isinstance(x, np.ndarray)]
    for i, x in enumerate(arrays):
        if not x.flags.writeable:
            raise run.fail("read-only", lines, x.flags, "a writable array")
        if any(np.shares_memory(x, y) for y in [*given, *arrays[:i]]):
            raise run.fail("shared", lines, "an array that shares memory with an argument or another output", "its own memory")


# Derivatives -------------------------------------------------------------------------------------
def loss_text(run: Run, out: Any) -> tuple[str, list[str]]:
    """A function of the floating leaves: a weighted sum of all floating outputs."""
    names = [name for name in run.code.leaves if floating(run.values[name])]
    terms = []
    for k, (path, leaf) in enumerate(tg.tree.paths(out, "out").items()):
        if not floating(leaf):
            continue
        size, shape = np.size(leaf), np.shape(leaf)
        weights = f"np.cos(np.arange({size}.0) + {k}.0).reshape({shape})" if shape else f"{np.cos(k):.3f}"
        terms.append(f"np.sum({weights} * {path})" if shape else f"{weights} * {path}")
    if not names or not terms:
        raise Skip("nothing to differentiate")
    text = f"def loss({', '.join(names)}):\n    out = f(*{run.code.arguments})\n    return {' + '.join(terms)}"
    return text, names


def derivatives(run: Run) -> None:
    """Both modes, both orders, against each other and against differences."""
    plain = run.code.define(PLAIN)["f"](*run.args())
    text, names = loss_text(run, plain)
    scope = run.code.define({**REAL, **run.values}, text)
    loss = scope["loss"]
    point = tuple(run.values[n] for n in names)
    if any(np.any((np.abs(x) > 1e15) & np.isfinite(x)) for x in point):
        raise Skip("too large for differences")
    at = f"({', '.join(names)},)"
    base = loss(*point)
    if not np.isfinite(base):
        raise Skip("not finite")
    tangent = tuple(_direction(k, x) for k, x in enumerate(point))
    t = "(" + "".join(f"{_literal(x)}, " for x in tangent) + ")"
    argnums = tuple(range(len(names)))
    with run.doing("grad", f"{text}\ntg.grad(loss, {argnums}){at}"):
        gradient = tg.grad(loss, argnums)(*point)
    check_own(run, f"{text}\ntg.grad(loss, {argnums}){at}", gradient, point)
    for g, x, n in zip(gradient, point, names, strict=True):
        if not (type(g) is type(x) or (isinstance(x, float) and type(g) is float)) or not same_form(g, x):
            raise run.fail("kind", f"{text}\ntg.grad(loss, {argnums}){at}", g, f"{type(x).__name__} as {n}: {x!r}")
    with run.doing("jvp", f"{text}\ntg.jvp(loss, {at}, {t})"):
        forward = tg.jvp(loss, point, tangent)[1]
    reverse, scale = dotted(gradient, tangent)
    eps = precision(run.code)
    scale = max(scale, abs(float(base)))
    context = Derivative(run, text, names, point, tangent, scale)
    context.agree("modes", f"{text}\ntg.jvp(loss, {at}, {t})[1]  # and <grad, t> = {reverse!r}", float(forward), float(reverse), scale)
    if eps > 1e-10:
        raise Skip("low precision")
    first, second = context.truth()
    context.hold("slope", f"{text}\ntg.jvp(loss, {at}, {t})[1]", float(forward), first, scale)
    context.hold("slope", f"{text}\ntg.grad(loss, {argnums}){at}  # times {t}", float(reverse), first, scale)
    curvatures(context, loss, argnums, at, t, second)


def curvatures(c: Derivative, loss: Any, argnums: Any, at: str, t: str, second: Estimate) -> None:
    point, tangent = c.point, c.tangent
    ways: dict[str, Callable[[], Any]] = {
        f"tg.hvp(loss, {at}, {t})": lambda: tg.hvp(loss, point, tangent) if len(point) > 1 else (tg.hvp(loss, point, tangent),),
        f"tg.grad(lambda *p: tg.jvp(loss, p, {t})[1], {argnums}){at}": lambda: tg.grad(lambda *p: tg.jvp(loss, p, tangent)[1], argnums)(*point),
        f"tg.grad(lambda *p: sum(np.sum(g * u) for g, u in zip(tg.grad(loss, {argnums})(*p), {t})), {argnums}){at}": lambda: tg.grad(lambda *p: sum(np.sum(g * u) for g, u in zip(tg.grad(loss, argnums)(*p), tangent, strict=True)), argnums)(*point),
    }
    found = {}
    for lines, way in ways.items():
        with c.run.doing("second", f"{c.text}\n{lines}"):
            found[lines] = dotted(way(), tangent)
    twice = f"tg.jvp(lambda *p: tg.jvp(loss, p, {t})[1], {at}, {t})[1]"
    with c.run.doing("second", f"{c.text}\n{twice}"):
        found[twice] = (tg.jvp(lambda *p: tg.jvp(loss, p, tangent)[1], point, tangent)[1], 0.0)
    scale = max(c.scale, *(abs(s) for _, s in found.values()))
    (first, (expected, _)), *rest = found.items()
    for lines, (came, _) in rest:
        c.agree("second modes", f"{c.text}\n{first}  # {expected!r}\n{lines}  # {came!r}", float(came), float(expected), scale)
    for lines, (came, _) in found.items():
        c.hold("curvature", f"{c.text}\n{lines}", float(came), second, scale)


@attrs.define(eq=False)
class Derivative:
    """The loss of a program at a point, along a direction."""

    run: Run
    text: str
    names: list[str]
    point: Any
    tangent: Any
    scale: float = 0.0

    def truth(self) -> tuple[Estimate, Estimate]:
        """The slope and the curvature by differences in extended precision."""
        frozen: list[Any] = []
        state = {"place": 0, "base": True}

        def stop(x: Any) -> Any:
            if isinstance(x, tg.Var):
                raise Skip("no differences: a constant within a transform")
            if state["base"]:
                frozen.append(x)
                return x
            state["place"] += 1
            return frozen[state["place"] - 1]

        world = extended(stop)
        values = {k: long(v) for k, v in self.run.values.items()}
        loss = self.run.code.define({**world, **values}, self.text)["loss"]
        point = [values[n] for n in self.names]
        tangent = [long(t) for t in self.tangent]

        def along(h: Any) -> Any:
            state["place"] = 0
            moved = loss(*(x + h * t if np.all(np.isfinite(x)) else np.where(np.isfinite(x), x + h * t, x)[()] for x, t in zip(point, tangent, strict=True)))
            state["base"] = False
            return moved

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                here = along(LONG(0.0))
                if not near(float(here), float(self.base()), 1e-6):
                    raise Skip("another value in extended precision")
                return slope_and_curvature(along)
        except Skip:
            raise
        except Exception as error:
            raise Skip(f"no differences: {type(error).__name__}: {str(error)[:40]}") from None

    def infinite(self) -> bool:
        """Whether some operation has no finite slope where it is: 0 times it is NaN."""
        scope = self.run.code.define({**REAL, **self.run.values}, self.text)
        tape = tg.record(scope["loss"], *self.point).tape
        for node in tape:
            values = [tape[x].value if x.__class__ is int else x for x in node.inputs]
            for rule in filter(None, node.op.vjp):
                ones = tg.tree.map(np.ones_like, node.value)
                if not np.all(np.isfinite(np.asarray(rule(ones, node.value, *values, **node.params)))):
                    return True
        return False

    def base(self) -> Any:
        scope = self.run.code.define({**PLAIN, **self.run.values}, self.text)
        return scope["loss"](*self.point)

    def agree(self, check: str, lines: str, came: float, expected: float, scale: float) -> None:
        """Two ways to the same number."""
        finite = np.isfinite(came), np.isfinite(expected)
        if not any(finite) or (not all(finite) and precision(self.run.code) > 1e-10):
            return
        tolerance = 1e6 * precision(self.run.code) if precision(self.run.code) < 1e-10 else 300 * precision(self.run.code)
        if not abs(came - expected) <= tolerance * max(abs(came), abs(expected), scale) + 1e-13:
            raise self.run.fail(check, lines, came, expected)

    def hold(self, check: str, lines: str, came: float, truth: Estimate, scale: float) -> None:
        """A number against an estimate."""
        if np.isnan(came) and self.infinite():
            raise Skip("a slope is infinite on the way")
        if not truth.known or truth.error > 1e-4 * max(abs(truth.value), scale, 1.0):
            return
        size = max(abs(truth.value), scale)
        if not abs(came - truth.value) <= 10.0 * truth.error + 1e-7 * size + 1e-13:
            raise self.run.fail(check, lines, came, f"{truth.value!r}, known to {truth.error:.1e}")


def dotted(gradient: Any, tangent: Any) -> tuple[float, float]:
    """The product with a direction, and the sum of the sizes of its terms."""
    terms = [np.sum(np.asarray(g, float) * np.asarray(t, float)) for g, t in zip(gradient, tangent, strict=True)]
    sizes = [np.sum(np.abs(np.asarray(g, float) * np.asarray(t, float))) for g, t in zip(gradient, tangent, strict=True)]
    return float(sum(terms)), float(sum(sizes))


def _direction(k: int, x: Any) -> Any:
    """A direction in the kind of a leaf, as large as it."""
    plain = np.asarray(x, float)
    wave = np.round(np.cos(1.0 + k + np.arange(plain.size)).reshape(plain.shape), 2)
    size = np.abs(np.where(np.isfinite(plain) & (plain != 0.0), plain, 1.0))
    digits = 10.0 ** np.floor(np.log10(np.maximum(size, 1e-300)))
    moved = (wave * digits).astype(np.asarray(x).dtype)
    if isinstance(x, np.ndarray):
        return moved
    return moved[()] if isinstance(x, np.generic) else float(moved)


def _literal(x: Any) -> str:
    from ._code import array_text, number

    if isinstance(x, np.ndarray):
        return array_text(x.reshape(-1).tolist(), x.shape, x.dtype.name)
    return f"np.{x.dtype.name}({number(x.item())})" if isinstance(x, np.generic) else number(x)


# Refusals ----------------------------------------------------------------------------------------
def refusal(run: Run) -> None:
    """What NumPy refuses is refused, by the same kind of error, with a text."""
    if run.case.refused is None:
        raise Skip("nothing refused")
    code = attrs.evolve(run.code, body=run.case.refused)
    try:
        code.define(PLAIN)["f"](*run.args())
    except Exception as error:  # noqa: BLE001
        theirs = error
        if isinstance(error, NameError):
            raise Skip("nothing refused") from None
    else:
        raise Skip("nothing refused")
    f = code.define(REAL)["f"]
    case = attrs.evolve(run.case, code=code, refused=None)
    try:
        came = tg.record(f, *run.args()).value
    except Exception as ours:  # noqa: BLE001
        if promised(run, ours):
            raise Skip("otherwise refused") from None
        kinds = [k for k in BUILTIN if isinstance(theirs, k)]
        good = isinstance(ours, PUBLIC) and str(ours) and (isinstance(ours, (*REFUSALS, *kinds)))
        if not good and AttributeError not in kinds:
            raise Failure("refusal", case, "tg.record(f, *args)", _text(ours), _text(theirs)) from None
    else:
        if not isinstance(theirs, AttributeError):
            raise Failure("accepted", case, "tg.record(f, *args).value", _text(came), _text(theirs))


# Batches -----------------------------------------------------------------------------------------
def batch(run: Run) -> None:
    """vmap is a loop."""
    names = [n for n in run.code.leaves if floating(run.values[n])]
    if not names:
        raise Skip("nothing to batch")
    others = [{**run.values, **{n: eval(o[n], dict(REAL)) for n in names}} for o in run.case.others]
    examples = [{n: run.values[n] for n in run.code.leaves}, *others]
    text = f"def g({', '.join(names)}):\n    return f(*{run.code.arguments})"
    g = run.code.define({**REAL, **run.values}, text)["g"]
    columns = [[np.asarray(e[n])[()] for e in examples] for n in names]
    try:
        loop = [g(*each) for each in zip(*columns, strict=True)]
        flat = [tg.tree.flatten(each) for each in loop]
        if any(s != flat[0][1] for _, s in flat):
            raise Skip("another structure")
        expected = [np.stack(leaves) for leaves in zip(*(leaves for leaves, _ in flat), strict=True)]
    except Skip:
        raise
    except Exception as error:  # noqa: BLE001
        raise Skip(f"the loop raised {type(error).__name__}") from None
    axes = [(k * 7 + len(run.code.body)) % (np.ndim(c[0]) + 1) for k, c in enumerate(columns)]
    stacked = [np.stack(c, axis) for c, axis in zip(columns, axes, strict=True)]
    lines = f"{text}\n" + "\n".join(f"b{i} = {_literal(x)}" for i, x in enumerate(stacked)) + f"\ntg.vmap(g, {tuple(axes)})({', '.join(f'b{i}' for i in range(len(axes)))})"
    with run.doing("vmap", lines):
        found = tg.vmap(g, tuple(axes))(*stacked)
    for a, b in zip(tg.tree.leaves(found), expected, strict=True):
        if not same_form(a, b):
            raise run.fail("vmap dtype", lines, a, b)
        if not near(a, b, 1e3 * precision(run.code)):
            raise run.fail("vmap", lines, a, b)
    check_own(run, lines, found, stacked)


def threads(run: Run) -> None:
    """Calls on two threads give what one gives."""
    plain = run.code.define(PLAIN)["f"](*run.args())
    text, names = loss_text(run, plain)
    loss = run.code.define({**REAL, **run.values}, text)["loss"]
    point = tuple(run.values[n] for n in names)
    gradient = tg.grad(loss, tuple(range(len(names))))

    def quiet() -> Any:
        with quietly():
            return exactly(gradient(*point))

    try:
        expected = quiet()
    except Exception as error:  # noqa: BLE001
        raise Skip("raised") from error
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(quiet) for _ in range(2)]:
            if future.result() != expected:
                raise run.fail("threads", text, future.result(), expected)


CHECKS: dict[str, Callable[[Run], None]] = {
    "value": value,
    "refusal": refusal,
    "derivatives": derivatives,
    "batch": batch,
}


def check(case: Case, note: Callable[[str], None] = lambda text: None, checks: Mapping[str, Callable[[Run], None]] = CHECKS) -> None:
    """All checks of one program; raises Failure."""
    with quietly():
        run = Run(case)
        for name, each in checks.items():
            try:
                each(run)
            except Failure as failure:
                failure.by = name
                raise
            except Skip as skip:
                note(f"{name} skipped: {skip}")
            else:
                note(f"{name}: checked")
