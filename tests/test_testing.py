"""check_grads: wrong slopes of every size are found and named, right ones pass, doubts are said.

The functions here, and their slopes, are of one's own head; nothing is taken from tapegrad.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
import pytest

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import ops
from tapegrad._tape import AnyOp
from tapegrad.numpy import TABLE
from tapegrad.ops._bundle import parts
from tapegrad.testing import check_grads

DIVIDE: Any = TABLE[np.divide]
EXP: Any = TABLE[np.exp]
SIN: Any = TABLE[np.sin]
COS: Any = TABLE[np.cos]
RNG = np.random.default_rng(8)


def given(f: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Any:
    """A function of one number or array, elementwise, with this for its derivative."""

    def pulled(x: Any) -> Any:
        return f(x), lambda g: (g * slope(x),)

    pulled.__name__ = "given"
    return tg.custom_vjp(pulled)


def times(factor: float, slope: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """So many times a slope."""
    return lambda x: factor * slope(x)


def constant(slope: float) -> Callable[[Any], Any]:
    """The same slope everywhere."""
    return lambda x: slope


def faulty(op: Any, mode: str, operand: int, factor: float) -> AnyOp:
    """An op of which one rule gives so many times what it should."""

    class Rules:
        def __getitem__(self, i: int, /) -> Any:
            rule = getattr(op, mode)[i]
            return (lambda *args, **p: factor * rule(*args, **p)) if i == operand else rule

    changes: dict[str, Any] = {mode: Rules()}
    changed: AnyOp = attrs.evolve(op, **changes)
    return changed


# Wrong and right slopes --------------------------------------------------------------------------
SIZES = [1e-300, 1e-30, 1e-9, 1.0, 1e9, 1e30, 1e300]
# Each a function and its derivative, curved, of arguments and values of about 1.
CURVES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "line": (lambda t: 3.0 * t, lambda t: 3.0),
    "cube": (lambda t: t * t * t, lambda t: 3.0 * t * t),
    "exponential": (lambda t: np.exp(t), lambda t: np.exp(t)),
    "wave": (lambda t: np.sin(5.0 * t), lambda t: 5.0 * np.cos(5.0 * t)),
    "pole": (lambda t: 1.0 / (t + 0.5), lambda t: -1.0 / (t + 0.5) ** 2),
}


def pairs() -> list[Any]:
    """Sizes of the argument and of the value between which the slope is a number at all."""
    logs = [(x, y, math.log10(y) - math.log10(x)) for x in SIZES for y in SIZES]
    return [(x, y) for x, y, slope in logs if -299.0 < slope < 299.0]


@pytest.mark.parametrize(("x", "y"), pairs())
@pytest.mark.parametrize("name", CURVES)
def test_of_every_size(name: str, x: float, y: float) -> None:
    """y f(t / x), near t = x: its slope passes; a thousandth more does not, and nothing else."""
    f, slope = CURVES[name]

    def scaled(t: Any) -> Any:
        return y * f(t / x)

    at = 0.7 * x

    def right(t: Any) -> Any:
        return slope(t / x) * (y / x)

    check_grads(given(scaled, right), (at,), 1)
    for factor in (1.001, -1.0, 0.0):
        with pytest.raises(AssertionError, match="is wrong: d out / d args"):
            check_grads(given(scaled, times(factor, right)), (at,), 1)


def test_a_thousandfold_slope_at_1e_9() -> None:
    """What an absolute tolerance of 1e-6 let pass."""
    with pytest.raises(AssertionError, match=r"is 1e-06 by forward mode, and 1e-09 by differences"):
        check_grads(given(lambda x: 1e-9 * x, lambda x: 1e-6), (2.0,), 1)


@pytest.mark.parametrize("size", [1e-150, 1e-9, 1.0, 1e9, 1e150])
@pytest.mark.parametrize("operand", [0, 1])
@pytest.mark.parametrize("mode", ["jvp", "vjp"])
def test_rules_of_an_op(mode: str, operand: int, size: float) -> None:
    """Each rule by itself, in either mode, with one operand large and the other small."""
    bad = faulty(DIVIDE, mode, operand, 1.0001)
    which = "forward mode" if mode == "jvp" else "reverse mode"
    args = (np.array(0.75 * size), np.array(1.25 / math.sqrt(size)))
    check_grads(lambda x, y: x / y, args, 1)
    with pytest.raises(AssertionError, match=which) as caught:
        check_grads(bad.bind, args, 1)
    named = "Wrong by itself is divide, node 2 of tapegrad.record(f, ...): d out / d operand"
    assert f"{named}[{operand}] is" in str(caught.value)


# Functions that are hard to see, each with its slope and a point.
HARD: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], float]] = {
    "a small part of a large value": (lambda x: 1.0 + 1e-9 * x, lambda x: 1e-9, 1.0),
    "a tiny argument beside 1": (lambda x: 1.0 + x, lambda x: 1.0, 1e-20),
    "the tiniest": (lambda x: 1.0 + x, lambda x: 1.0, 1e-300),
    "flat, nearly": (np.cos, lambda x: -np.sin(x), 1e-6),
    "saturated": (np.tanh, lambda x: 1.0 / np.cosh(x) ** 2, 10.0),
    "far out": (lambda x: np.exp(-x * x), lambda x: -2.0 * x * np.exp(-x * x), 25.0),
    "near a pole": (lambda x: 1.0 / x, lambda x: -1.0 / (x * x), 1e-120),
    "near the end of the domain": (np.log, lambda x: 1.0 / x, 1e-200),
    "where the slope is huge": (np.sqrt, lambda x: 0.5 / np.sqrt(x), 1e-300),
    "a fast wave": (lambda x: np.sin(1e5 * x), lambda x: 1e5 * np.cos(1e5 * x), 1.0),
    "steep at 0": (lambda x: np.tanh(1e30 * x), lambda x: 1e30 / np.cosh(1e30 * x) ** 2, 0.0),
    "a high power": (lambda x: x**200, lambda x: 200.0 * x**199, 1.0),
    "noise": (lambda x: x + 1e-10 * np.sin(1e18 * x), lambda x: 1.0, 1.0),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_to_see(name: str) -> None:
    """Right slopes pass; those that are off by one percent do not, nor do constants."""
    f, slope, x = HARD[name]
    check_grads(given(f, slope), (x,), 1)
    for factor in (1.01, 0.0, -1.0):
        with pytest.raises(AssertionError, match="is wrong"):
            check_grads(given(f, times(factor, slope)), (x,), 1)


@pytest.mark.parametrize("beside", [1e4, 1e8, 1e11])
def test_digits_lost_on_the_way(beside: float) -> None:
    """Where small steps do not move a sum, large ones do; what it is a sum of is on the tape."""

    def without(part: Callable[[Any], Any], x: Any) -> Any:
        return (part(x) + beside) - beside

    check_grads(partial(without, np.positive), (0.7,), 1)
    for factor in (0.0, 1.5, 1e-3):
        part = given(lambda x: x * 1.0, constant(factor))
        with pytest.raises(AssertionError, match="is wrong"):
            check_grads(partial(without, part), (0.7,), 1)


# Functions without a slope at the point, or with one that is 0.
FLAT: dict[str, tuple[Callable[[Any], Any], float]] = {
    "a step near by": (np.floor, 2.5),
    "steps that are small beside x": (np.floor, 1e9 + 0.5),
    "a constant": (lambda x: 0.0 * x + 7.0, 3.0),
    "a minimum": (np.cosh, 0.0),
    "a turning point": (lambda x: x * x * x, 0.0),
    "of high order": (lambda x: x**7, 0.0),
    "a part that is 0": (lambda x: np.maximum(x, 5.0), 1.0),
    "as far as there are digits": (np.tanh, 25.0),
    "1 + x * x": (lambda x: 1.0 + x * x, 1e-20),
}


@pytest.mark.parametrize("name", FLAT)
def test_slopes_of_nothing(name: str) -> None:
    """0 passes, and a small number does not."""
    f, x = FLAT[name]
    check_grads(given(f, lambda t: 0.0 * t), (x,), 1)
    with pytest.raises(AssertionError, match="is wrong"):
        check_grads(given(f, lambda t: 0.0 * t + 1e-3), (x,), 1)


def test_a_step_is_not_straight_through() -> None:
    """However small its steps are beside x, a step function has no other slope than 0."""
    for x in (2.5, 1000.5, 1e6 + 0.5):
        with pytest.raises(AssertionError, match="by forward mode, and 0 by differences"):
            check_grads(given(np.floor, lambda t: 1.0), (x,), 1)


# Among many numbers ------------------------------------------------------------------------------
def test_a_small_slope_beside_a_large_one() -> None:
    """Each number is looked at by itself: in one array, in several leaves, in the output."""

    @tg.custom_vjp
    def small(x: Any) -> Any:
        return 1e-9 * x, lambda g: (1.1e-9 * g,)

    with pytest.raises(AssertionError, match=r"d out / d args\[0\]\[1\] is 1.1e-09 by forward"):
        check_grads(lambda x: x[0] + small(x[1]), (np.array([1.0, 2.0]),))
    with pytest.raises(AssertionError, match=r"d out / d args\[0\]\['b'\] is 1.1e-09 by forward"):
        check_grads(lambda p: p["a"] + small(p["b"]), ({"a": 1.0, "b": 2.0},))
    with pytest.raises(AssertionError, match=r"d out\['b'\]\[0\] / d args\[0\]\[0, 1\] is 1.1e-09"):
        check_grads(lambda x: {"a": x, "b": small(x[:, 1])}, (np.array([[1.0, 2.0]]),))


def test_reverse_mode_alone_wrong_and_small() -> None:
    """As above, where forward mode is right."""
    bad = faulty(SIN, "vjp", 0, 1000.0)
    with pytest.raises(
        AssertionError, match=r"d out\[1\] / d args\[0\]\[1\] is .* by reverse mode"
    ):
        check_grads(lambda x: tnp.stack([x[0], 1e-9 * bad.bind(x[1])]), (np.array([1.0, 2.0]),))


def test_of_many_numbers() -> None:
    """Of more than 64, leaf by leaf along random directions; the error says so."""
    x = RNG.normal(size=(5, 20))
    bad = faulty(SIN, "vjp", 0, 1.001)
    check_grads(lambda x, y: np.sin(x) * y, (x, 2.0))
    with pytest.raises(AssertionError) as caught:
        check_grads(lambda x, y: bad.bind(x) * y, (x, 2.0))
    text = str(caught.value)
    assert "d (out along a random direction) / d (args[0] along a random direction) is" in text
    assert "by reverse mode, and" in text
    assert "Wrong by itself is sin, node 2 of" in text


def test_one_wrong_among_many_numbers() -> None:
    """A random sum is off where one of its parts is."""
    bad = np.ones(100)
    bad[37] = 1.01
    f = given(lambda x: 3.0 * x, lambda x: 3.0 * bad)
    with pytest.raises(AssertionError, match=r"\(args\[0\]\[1\] along a random direction\) is"):
        check_grads(lambda p: f(p[1]) + p[0], ([1.0, np.ones(100)],), 1)


def test_of_none() -> None:
    """Nothing to look at: no arguments, no elements, no output."""
    check_grads(lambda: 3.0, ())
    check_grads(lambda x: x * 2.0, (np.ones((0, 3)),))
    check_grads(lambda x: x[:0], (np.ones(3),))
    check_grads(lambda x: [], (2.0,))
    check_grads(lambda x: 5.0, (2.0,))


def test_trees_and_kinds() -> None:
    """Trees in, trees out; Python's numbers, NumPy's, arrays of no axes."""
    args = ({"a": [1, np.float64(2.0)]}, (np.array(3.0), RNG.normal(size=(2, 1))))
    check_grads(lambda p, q: {"sum": p["a"][0] * q[0], "rest": (p["a"][1] * q[1], 1)}, args, 3)


# Kinks -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("apart", [1e-2, 1.6e-5, 1e-7, 1e-8])
@pytest.mark.parametrize("function", [np.sort, np.max, lambda x: np.maximum(x[0], x[1:])])
def test_near_a_tie(function: Any, apart: float) -> None:
    """Two inputs that lie near each other, as near as 1e-8 where no slope needs more digits."""
    x = np.array([1.0 + apart, 1.0, 0.5])
    check_grads(function, (x,), rtol=max(1e-6, 1e-13 / apart))


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-8])
def test_near_a_kink(distance: float) -> None:
    """On either side, the slope of that side passes, and neither the other nor the mean."""

    def check(x: float, slope: float) -> None:
        f = given(lambda t: np.maximum(t, 1.0), constant(slope))
        check_grads(f, (x,), 1, rtol=max(1e-6, 1e-13 / distance))

    for x, right in ((1.0 + distance, 1.0), (1.0 - distance, 0.0)):
        check(x, right)
        for wrong in (0.5, 1.0 - right):
            with pytest.raises(AssertionError, match="is wrong"):
                check(x, wrong)


def test_at_a_kink() -> None:
    """The mean passes, slopes between are undecided, others are wrong."""

    def kinked(slope: float) -> Any:
        return given(lambda t: np.maximum(t, 0.0), constant(slope))

    check_grads(kinked(0.5), (0.0,), 1)
    check_grads(abs, (0.0,), 1)
    for between in (0.0, 0.3, 1.0):
        with pytest.raises(tg.UndecidedError, match="there is a kink, at which the mean of both"):
            check_grads(kinked(between), (0.0,), 1)
    for outside in (-0.5, 1.5):
        with pytest.raises(AssertionError, match="is wrong"):
            check_grads(kinked(outside), (0.0,), 1)


def test_a_kink_of_the_derivative() -> None:
    """relu(x) ** 2 is smooth at 0 to first order only."""
    check_grads(lambda x: tg.nn.relu(x) ** 2, (0.0,), 1)
    with pytest.raises(tg.UndecidedError, match=r"the derivative of jvp\(<lambda>\) at float 0.0"):
        check_grads(lambda x: tg.nn.relu(x) ** 2, (0.0,), 2)


# What cannot be judged ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("f", "x", "text"),
    [
        (np.sqrt, 0.0, "no finite values around"),
        (np.log, 0.0, "its value is not finite"),
        (
            lambda x: np.tanh(1e60 * x),
            0.0,
            "give or take .*: f loses digits on the way, or has kinks",
        ),
        (lambda x: np.sin(1e10 * x), 0.3, "give or take"),
        (given(lambda x: x + 1e-7 * np.sin(1e18 * x), lambda x: 1.0), 1.0, "give or take"),
        (np.sign, 0.0, "give or take"),
    ],
)
def test_no_telling(f: Any, x: float, text: str) -> None:
    """Neither right nor wrong: an error of another kind, never silence."""
    with np.errstate(all="ignore"), pytest.raises(tg.UndecidedError, match=text) as caught:
        check_grads(f, (x,), 1)
    assert not isinstance(caught.value, AssertionError)


def test_what_is_wrong_goes_before_what_is_undecided() -> None:
    """A kink among the arguments hides no fault."""
    bad = faulty(SIN, "vjp", 0, 2.0)
    with pytest.raises(AssertionError, match=r"d out\[1\] / d args\[1\] is .* by reverse mode"):
        check_grads(lambda x, y: tnp.stack([tg.nn.relu(x), bad.bind(y)]), (0.0, 1.0))


# Which operation ---------------------------------------------------------------------------------
def test_names_the_operation_the_node_and_the_line() -> None:
    """The first whose rule is wrong by itself, with both numbers, at the user's line."""
    bad = faulty(EXP, "jvp", 0, 3.0)

    def f(x: Any) -> Any:
        y = np.sin(x) * 2.0
        z = bad.bind(y)  # the line
        return z + y

    with pytest.raises(AssertionError) as caught:
        check_grads(f, (0.5,))
    value = math.exp(2.0 * math.sin(0.5))
    text = str(caught.value)
    assert text.startswith("the derivative of f at float 0.5 is wrong: d out / d args[0] is ")
    assert (
        "\nWrong by itself is exp, node 3 of tapegrad.record(f, ...): d out / d operand[0] is "
        f"{3.0 * value:.10g} by forward mode, and {value:.10g} by differences\n  at " in text
    )
    assert text.endswith("in f: z = bad.bind(y)  # the line")


def test_names_a_function_with_a_pullback_of_its_own() -> None:
    """By the function's name, and which of its arguments."""

    @tg.custom_vjp
    def product(x: Any, y: Any) -> Any:
        return x * y, lambda g: (g * y, g * y)

    with pytest.raises(AssertionError) as caught:
        check_grads(lambda x: product(np.sin(x), np.cos(x)), (0.5,))
    assert (
        "Wrong by itself is product, node 4 of tapegrad.record(f, ...): d out[0] / d operand[0][1] "
        f"is {math.cos(0.5):.10g} by forward mode, and {math.sin(0.5):.10g} by differences"
    ) in str(caught.value)


def test_names_the_rule_that_is_wrong_to_second_order() -> None:
    """Of an op that only the rule of another uses."""
    bad = faulty(COS, "vjp", 0, 1.5)
    sine: AnyOp = attrs.evolve(
        SIN,
        vjp=(lambda g, out, x: g * bad.bind(x),),
        jvp=(lambda t, out, x: t * bad.bind(x),),
    )
    check_grads(sine.bind, (0.5,), 1)
    with pytest.raises(AssertionError) as caught:
        check_grads(lambda x: sine.bind(x), (0.5,), 2)
    assert "the derivative of jvp(<lambda>) at float 0.5 is wrong" in str(caught.value)
    assert "Wrong by itself is cos, node " in str(caught.value)


def test_stop_gradient_is_no_fault() -> None:
    """It is named, and what to do about it."""
    with pytest.raises(AssertionError) as caught:
        check_grads(lambda x: x * tg.stop_gradient(x), (3.0,))
    named = "stop_gradient, node 1 of tapegrad.record(f, ...)"
    assert f"\nDifferences know nothing of {named}: check f without it.\n  at " in str(caught.value)


def test_what_the_tape_does_not_show() -> None:
    """A value that has left the tape: no rule is to blame."""

    def f(x: Any) -> Any:
        return x * float(getattr(x, "value", x))

    with pytest.raises(AssertionError) as caught:
        check_grads(f, (3.0,))
    assert "\nEach of the 2 nodes of tapegrad.record(f, ...) is right by itself: look for" in str(
        caught.value
    )


def test_comparisons_and_kinks_on_the_way_are_passed_over() -> None:
    """In the search, what has no derivative is not to blame, nor is what is undecided."""
    bad = faulty(SIN, "jvp", 0, 2.0)

    def f(x: Any) -> Any:
        zero = tg.nn.relu(x - x)  # at its kink
        return np.where(x > 0.0, bad.bind(x) + zero, x)

    with pytest.raises(AssertionError, match="Wrong by itself is sin, node"):
        check_grads(f, (1.0,))


def test_several_results() -> None:
    """Ops of several values are taken apart."""
    matrix = np.array([[2.0, 1.0], [0.5, 3.0]])
    check_grads(lambda a: np.linalg.slogdet(a)[1], (matrix,))

    def halved(g: Any, out: Any, a: Any) -> Any:
        return 0.5 * primitive.vjp[0](g, out, a)

    primitive: Any = next(op for op in ops.ALL if op.name == "slogdet")
    bad: Any = attrs.evolve(primitive, vjp=(halved,))
    with pytest.raises(AssertionError, match=r"slogdet, node 1 of .*: d out\[1\] / d operand\[0\]"):
        check_grads(lambda a: parts(bad.bind(a))[1], (matrix,))


# What is refused ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("args", "error", "text"),
    [
        (
            2.0,
            TypeError,
            r"args is a tuple with one entry for each argument, got float 2.0; .* \(x,\)",
        ),
        (np.ones(2), TypeError, r"args is a tuple .*, got float64\[2\]"),
        ((np.float32(1.0),), tg.LeafError, r"needs float64, .*, but args\[0\] is float32 1.0"),
        (({"w": np.ones(2, np.float16)},), tg.LeafError, r"args\[0\]\['w'\] is float16\[2\]"),
        ((np.ones(2, np.longdouble),), tg.LeafError, r"needs float64"),
        ((1j,), tg.LeafError, r"args\[0\] is complex 1j"),
        ((np.ones(2, complex),), tg.LeafError, r"args\[0\] is complex128\[2\]"),
        ((np.array([1, 2]),), tg.LeafError, r"args\[0\] is int64\[2\]"),
        ((True,), tg.LeafError, r"args\[0\] is bool True"),
        (("a",), tg.LeafError, r"args\[0\] is str 'a'"),
        ((math.inf,), tg.LeafError, r"takes finite numbers, but args\[0\] is inf"),
        ((1.0, np.array([0.0, math.nan])), tg.LeafError, r"but args\[1\] is \[ 0. nan\]"),
    ],
)
def test_arguments(args: Any, error: type[Exception], text: str) -> None:
    """Where it is, what it is, what is needed."""
    with pytest.raises(error, match=text):
        check_grads(lambda *args: 1.0, args)


def test_traced_arguments() -> None:
    """It is for tests, not for what is traced."""

    def f(x: Any) -> Any:
        check_grads(np.sin, (x,))
        return x

    with pytest.raises(tg.LeafError, match=r"plain numbers and arrays, but args\[0\] is traced"):
        tg.grad(f)(1.0)


@pytest.mark.parametrize("order", [0, -1])
def test_order(order: int) -> None:
    """At least the first."""
    with pytest.raises(ValueError, match=f"the order is 1 or more, got {order}"):
        check_grads(np.sin, (1.0,), order)


@pytest.mark.parametrize(
    ("f", "error", "text"),
    [
        (lambda x: np.floor(x).astype(int), tg.OutputError, r"<lambda> .* int64"),
        (lambda x: x > 0.0, tg.OutputError, "bool"),
        (lambda x: "a", tg.OutputError, "str 'a'"),
        (lambda x: x.astype(np.float32), tg.OutputError, "<lambda> computes in float32"),
        (
            lambda x: x.astype(np.float16).astype(np.float64),
            tg.OutputError,
            "needs float64, for the digits of differences, but <lambda> computes in float16",
        ),
        (lambda x: np.float32(3.0), tg.OutputError, "computes in float32"),
        (lambda x: x / 0.0, tg.UndecidedError, r"its value is not finite, \[inf inf\]"),
    ],
)
def test_outputs(f: Any, error: type[Exception], text: str) -> None:
    """Floating point, in double precision throughout, and finite."""
    with np.errstate(all="ignore"), pytest.raises(error, match=text):
        check_grads(f, (np.ones(2),))


def test_a_function_that_is_not_pure() -> None:
    """Other values from call to call, or where it is traced, are no matter of slopes."""
    rng = np.random.default_rng(0)
    with pytest.raises(AssertionError, match=r"f gives \[.*\], but \[.*\] when it is traced"):
        check_grads(lambda x: x * rng.normal(), (1.0,))
    with pytest.raises(AssertionError, match="when it is traced"):
        check_grads(lambda x: x * (2.0 if isinstance(x, float) else 3.0), (1.0,))
    with pytest.raises(AssertionError, match="when it is traced"):
        check_grads(lambda x: [x] * (2 if isinstance(x, float) else 3), (1.0,))


def test_values_that_are_not_there_everywhere() -> None:
    """Around the point there may be none: an error, another shape, or no number."""

    def guarded(x: Any) -> Any:
        if x < 0.4:
            raise ValueError("too small")
        return np.log(x) if x < 0.6 else tnp.stack([x, x])

    check_grads(guarded, (0.5,))
    check_grads(lambda x: 1.0 / (x - 0.5), (0.5 + 2.0**-9,))


@pytest.mark.parametrize("error", [ValueError, ZeroDivisionError])
def test_values_that_are_there_nearby(error: type[Exception]) -> None:
    """Where the first steps leave it on both sides, smaller ones tell right slopes from wrong."""

    def narrow(x: Any) -> Any:
        if x < 0.5 - 1e-6:
            raise error("too small")
        return np.log(x) if x < 0.5 + 1e-6 else np.array([x, x])

    check_grads(given(narrow, lambda x: 1.0 / x), (0.5,), 1)
    for factor in (1.001, 0.0):
        with pytest.raises(AssertionError):
            check_grads(given(narrow, times(factor, lambda x: 1.0 / x)), (0.5,), 1)


def test_where_the_floats_end() -> None:
    """No step leaves them, however large the others have to be."""

    def f(x: Any) -> Any:
        assert x < math.inf
        return np.sin(x * 1e-306)

    check_grads(f, (1.79e308,))


def test_the_seed_and_rtol() -> None:
    """A slope that is off by 1e-5 passes where 1e-4 is allowed."""
    f = given(lambda x: x * x, lambda x: 2.0 * x * (1.0 + 1e-5))
    check_grads(f, (3.0,), 1, rtol=1e-4, seed=3)
    with pytest.raises(AssertionError):
        check_grads(f, (3.0,), 1)
    exact = given(lambda x: x * x, lambda x: 2.0 * x * (1.0 + 1e-9))
    check_grads(exact, (3.0,), 1)
    with pytest.raises(AssertionError):
        check_grads(exact, (3.0,), 1, rtol=1e-10)
