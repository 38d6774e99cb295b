"""Whoever decides by the plain value of a traced one tells its trace; and how traces end.

A recorded program is right only for arguments that decide the same: no look may go unnoticed.
"""

from __future__ import annotations

import contextlib
import io
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import _texts, nn
from tapegrad._tape import Tape, Trace, Var
from tapegrad._values import BRANCH, CHECK, ELEMENTS, MASK, NUMBER, VALUE, Look, look
from tapegrad.numpy import TABLE
from tapegrad.transforms._batch import Batch
from tapegrad.transforms._record import RecordingTape


class Watching(Tape):
    """A tape that notes who looks, why, and at what."""

    __slots__ = ("looks",)

    def __init__(self) -> None:
        """Nobody has looked yet."""
        super().__init__(TABLE, "record", None)
        self.looks: list[tuple[Look, Any]] = []

    def look(self, var: Any, read: Callable[[Any], Any], why: Look) -> Any:
        """What is read, noted."""
        assert isinstance(var, Var)
        assert var._trace is self
        found = super().look(var, read, why)
        self.looks.append((why, found))
        return found


def assert_looks(found: list[tuple[Look, Any]], expected: list[tuple[Look, Any]]) -> None:
    """The same reasons and outcomes in the same order; outcomes of the same type."""
    assert [why for why, _ in found] == [why for why, _ in expected]
    for (_, x), (_, y) in zip(found, expected, strict=True):
        assert type(x) is type(y)
        assert np.array_equal(x, y)


def counted_down(x: Any) -> Any:
    while x > 0.5:
        x = x - 1.0
    return x


def halved(n: Any) -> list[int]:
    return [k * k for k in range(n)]


NUMBERS = np.array([5.0, 6.0, 7.0, 8.0])
WHOLE = np.array([2, 0, 1])
TRUE = np.array([True, False, True, True])

# What is done with a traced value, the value, and what its trace is told.
LOOKS: dict[str, tuple[Callable[[Any], Any], Any, list[tuple[Look, Any]]]] = {
    "bool": (bool, 3.0, [(BRANCH, True)]),
    "bool of zero": (bool, 0.0, [(BRANCH, False)]),
    "not": (operator.not_, np.array([0.0]), [(BRANCH, False)]),
    "if": (lambda x: x * 2.0 if x > 1.0 else x, 3.0, [(BRANCH, True)]),
    "if not": (lambda x: x * 2.0 if x > 5.0 else x, 3.0, [(BRANCH, False)]),
    "and": (lambda x: x > 1.0 and x < 2.0, 3.0, [(BRANCH, True)]),
    "between": (lambda x: 1.0 < x < 2.0, 0.5, [(BRANCH, False)]),
    "while": (counted_down, 2.0, [(BRANCH, True), (BRANCH, True), (BRANCH, False)]),
    "in": (lambda x: x in [1.0, 3.0, 4.0], 3.0, [(BRANCH, False), (BRANCH, True)]),
    "max": (lambda x: max(x, 1.0), 3.0, [(BRANCH, False)]),
    "any": (
        lambda x: any(row > 0.5 for row in x),
        np.arange(3.0),
        [(BRANCH, False), (BRANCH, True)],
    ),
    "int": (int, np.int64(3), [(NUMBER, 3)]),
    "float": (float, np.int64(3), [(NUMBER, 3.0)]),
    "int of a truth": (int, np.bool(True), [(NUMBER, 1)]),
    "math.sqrt": (math.sqrt, np.int64(4), [(NUMBER, 4.0)]),
    "index": (operator.index, np.int64(3), [(NUMBER, 3)]),
    "index of a 0-d array": (operator.index, np.array(3), [(NUMBER, 3)]),
    "range": (halved, np.int64(3), [(NUMBER, 3)]),
    "of a list": (lambda n: [1, 2, 3][n], np.int64(1), [(NUMBER, 1)]),
    "repetition of a list": (lambda n: operator.mul([0.0], int(n)), np.int64(2), [(NUMBER, 2)]),
    "slice": (lambda n: (NUMBERS * 1.0)[n:], np.int64(1), [(NUMBER, 1)]),
    "value": (lambda x: x.value, 3.0, [(VALUE, 3.0)]),
    "value of an array": (lambda x: x.value, NUMBERS, [(VALUE, NUMBERS)]),
    "value twice": (lambda x: (x.value, x.value), 3.0, [(VALUE, 3.0)] * 2),
    "asarray": (np.asarray, WHOLE, [(ELEMENTS, WHOLE)]),
    "array": (np.array, TRUE, [(ELEMENTS, TRUE)]),
    "array with a dtype": (lambda x: np.asarray(x, float), WHOLE, [(ELEMENTS, WHOLE)]),
    "of a plain array": (lambda i: NUMBERS[i], WHOLE, [(ELEMENTS, WHOLE)]),
    "repeats": (lambda n: np.repeat(NUMBERS[:3], n), WHOLE, [(ELEMENTS, WHOLE)]),
    "mask": (lambda m: tnp.take_along_axis(NUMBERS, WHOLE, 0)[m[:3]], TRUE, [(ELEMENTS, TRUE[:3])]),
}


def of_traced(f: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """f(numbers, x), the numbers traced by the trace that traces x."""

    def g(x: Any) -> Any:
        numbers = NUMBERS + 0.0 * tnp.sum(x)
        assert isinstance(numbers, Var)
        return f(numbers, x)

    return g


LOOKS |= {
    "x[mask]": (of_traced(lambda x, m: x[m]), TRUE, [(MASK, TRUE)]),
    "x[mask], a condition": (lambda x: x[x > 5.5], NUMBERS, [(MASK, NUMBERS > 5.5)]),
    "at(x)[mask]": (of_traced(lambda x, m: tg.at(x)[m].set(0.0)), TRUE, [(MASK, TRUE)]),
    "at(x)[mask].add": (of_traced(lambda x, m: tg.at(x)[m].add(1.0)), TRUE, [(MASK, TRUE)]),
    "a shape": (of_traced(lambda x, n: x.reshape((n, 2))), np.int64(2), [(NUMBER, 2)]),
    "x[n:]": (of_traced(lambda x, n: x[n:]), np.int64(1), [(NUMBER, 1)]),
    "x[n:m:k]": (
        of_traced(lambda x, n: x[n[0] : n[1] : n[2]]),
        np.array([0, 3, 2]),
        [(NUMBER, 0), (NUMBER, 3), (NUMBER, 2)],
    ),
}

# Labels that losses refuse, and those that they take.
SCORES = np.array([0.5, -1.0])
LOGITS = np.array([[0.5, -1.0, 2.0], [0.1, 0.2, 0.3]])
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
SIGNS = np.array([1.0, -1.0])
CLASSES = np.array([2, 0])

CHECKS: dict[str, tuple[Callable[[Any], Any], Any, int]] = {
    "hinge": (lambda y: nn.hinge(SCORES, y), SIGNS, 1),
    "hinge of integers": (lambda y: nn.hinge(SCORES, y), SIGNS.astype(int), 1),
    "hinge of what the labels decide": (lambda y: nn.hinge(SCORES * y, y), SIGNS, 1),
    "binary_cross_entropy": (lambda y: nn.binary_cross_entropy(SCORES, y), np.array([0.3, 1.0]), 1),
    "binary_cross_entropy of truths": (
        lambda y: nn.binary_cross_entropy(SCORES, y),
        np.array([True, False]),
        1,
    ),
    "cross_entropy of classes": (lambda y: nn.cross_entropy(LOGITS, y), CLASSES, 1),
    "cross_entropy": (lambda y: nn.cross_entropy(LOGITS, y), PROBABILITIES, 2),
    "cross_entropy in float32": (
        lambda y: nn.cross_entropy(LOGITS.astype(np.float32), y),
        PROBABILITIES,
        2,
    ),
    "accuracy of classes": (lambda y: nn.accuracy(LOGITS, y), CLASSES, 1),
    "accuracy of signs": (lambda y: nn.accuracy(SCORES, y), SIGNS, 1),
    "accuracy of truths": (lambda y: nn.accuracy(SCORES, y), np.array([1, 0]), 1),
}
WRONG: dict[str, tuple[Callable[[Any], Any], Any, list[bool]]] = {
    "hinge": (lambda y: nn.hinge(SCORES, y), np.array([1.0, 0.0]), [False]),
    "binary_cross_entropy": (
        lambda y: nn.binary_cross_entropy(SCORES, y),
        np.array([1.0, 1.1]),
        [False],
    ),
    "cross_entropy of classes": (lambda y: nn.cross_entropy(LOGITS, y), np.array([3, 0]), [False]),
    "cross_entropy": (lambda y: nn.cross_entropy(LOGITS, y), PROBABILITIES - 0.5, [False]),
    "cross_entropy, the sum": (
        lambda y: nn.cross_entropy(LOGITS, y),
        0.9 * PROBABILITIES,
        [True, False],
    ),
    "accuracy of classes": (lambda y: nn.accuracy(LOGITS, y), np.array([-1, 0]), [False]),
    "accuracy of signs": (lambda y: nn.accuracy(SCORES, y), np.array([1.0, 2.0]), [False]),
}

ALL = LOOKS | {
    name: (f, value, [(CHECK, True)] * count) for name, (f, value, count) in CHECKS.items()
}


@pytest.mark.parametrize("name", ALL)
def test_a_look_is_noted(name: str) -> None:
    """Once, with its reason and its outcome."""
    f, value, expected = ALL[name]
    with Watching() as tape:
        f(tape.input(value))
    assert_looks(tape.looks, expected)


@pytest.mark.parametrize("name", ALL)
def test_every_trace_is_told(name: str) -> None:
    """A value traced three deep: each trace is told the same."""
    f, value, expected = ALL[name]
    with Watching() as first, Watching() as second, Watching() as third:
        f(third.input(second.input(first.input(value))))
    for tape in (first, second, third):
        assert_looks(tape.looks, expected)


@pytest.mark.parametrize("name", ALL)
def test_a_recording_tells_the_traces_behind_it(name: str) -> None:
    """Another tape, which hears the same; a batch, which may refuse."""
    f, value, expected = ALL[name]
    with Watching() as outer, RecordingTape(f) as tape:
        f(tape.input(outer.input(value)))
    assert_looks(outer.looks, expected)
    assert_looks([(guard.why, guard.found) for guard in tape.guards], expected)
    if expected[0][0] is not CHECK:
        with Batch(3, f) as batch, RecordingTape(f) as tape, pytest.raises(tg.ShapeError):
            f(tape.input(batch.hold(np.stack([value] * 3))))
        assert tape.guards == []


def test_only_the_traces_of_the_value_are_told() -> None:
    """A look at an outer value is nothing to an inner trace, which took it for a constant."""
    with Watching() as outer, Watching() as inner:
        x, y = outer.input(2.0), inner.input(3.0)
        bool(x > 1.0)
        assert (len(outer.looks), len(inner.looks)) == (1, 0)
        bool(y > 1.0)
        assert (len(outer.looks), len(inner.looks)) == (1, 1)
        bool(x * y > 1.0)
        assert (len(outer.looks), len(inner.looks)) == (2, 2)


@pytest.mark.parametrize("name", ALL)
def test_a_recording_keeps_what_was_seen(name: str) -> None:
    """The guards of a program are the looks."""
    f, value, expected = ALL[name]
    with RecordingTape(f) as tape:
        nodes = tape.nodes
        f(tape.input(value))
    assert_looks([(guard.why, guard.found) for guard in tape.guards], expected)
    assert all(guard.holds(nodes[guard.position].value) for guard in tape.guards)


@pytest.mark.parametrize("name", WRONG)
def test_a_check_that_fails_is_noted(name: str) -> None:
    """The text is that of plain labels."""
    f, value, outcomes = WRONG[name]
    with pytest.raises(ValueError, match="expected") as plain:
        f(value)
    with Watching() as tape, pytest.raises(ValueError, match="expected") as traced:
        f(tape.input(value))
    assert_looks(tape.looks, [(CHECK, outcome) for outcome in outcomes])
    assert str(traced.value) == str(plain.value)


def test_predictions_are_not_looked_at() -> None:
    """Only labels are checked: the losses themselves decide nothing."""
    with Watching() as tape:
        scores, logits = tape.input(SCORES), tape.input(LOGITS)
        nn.mean_squared_error(scores, SIGNS)
        nn.hinge(scores, SIGNS)
        nn.binary_cross_entropy(scores, np.array([0, 1]))
        nn.cross_entropy(logits, CLASSES)
        nn.cross_entropy(logits, PROBABILITIES)
        nn.accuracy(logits, CLASSES)
        nn.accuracy(scores, SIGNS)
    assert tape.looks == []


NOT_LOOKS: dict[str, Callable[[Any], Any]] = {
    "print": print,
    "repr": repr,
    "str": str,
    "format": lambda x: f"{x} {x!r} {x!s:>10}",
    "shape": lambda x: (x.shape, x.ndim, x.size, x.dtype, len(x)),
    "iteration": lambda x: [row * 2.0 for row in x],
    "identity": lambda x: x is None or isinstance(x, Var),
    "comparison": lambda x: (x > 1.0, x == x, (x > 0.0) & (x < 2.0), ~(x > 0.0)),  # noqa: PLR0124
    "where": lambda x: tnp.where(x > 1.0, x, 0.0),
    "isnan": lambda x: np.isnan(x).any(),
    "integer arrays": lambda x: x[np.argsort(x)] + np.take(x, np.argmax(x)) + x[x.argmin()],
    "sort": np.sort,
    "floor": lambda x: (np.floor(x), round(x), x // 1.0, x % 1.0),
    "astype": lambda x: x.astype(int),
    "copies": lambda x: (x.copy(), +x),
    "gradient": lambda x: tg.grad(lambda y: (y * y * x).sum())(x),
    "batch": lambda x: tg.vmap(lambda y: tnp.where(y > 1.0, y, 0.0))(x),
    "sums": lambda x: (sum(x), np.linalg.norm(x), np.var(x), np.prod(x)),
    "linear algebra": lambda x: np.linalg.slogdet(np.outer(x, x) + np.eye(4)),
}


@pytest.mark.parametrize("name", NOT_LOOKS)
def test_what_is_not_a_look(name: str) -> None:
    """To show a value, to compute with it, to ask for its shape: nothing is decided."""
    with Watching() as tape, contextlib.redirect_stdout(io.StringIO()):
        NOT_LOOKS[name](tape.input(NUMBERS))
    assert tape.looks == []


def test_a_format_of_one_number() -> None:
    """As that of the number."""
    with Watching() as tape:
        x = tape.input(3.14159)
        assert (f"{x:.2f}", f"{x}") == ("3.14", "3.14159")
        assert repr(x) == str(x) == "Var(3.14159)"
    assert tape.looks == []


def test_a_plain_value_is_just_read() -> None:
    """There is no one to tell."""
    assert look(3, float, NUMBER) == 3.0
    assert look(NUMBERS, np.sum, BRANCH) == 26.0


def test_what_cannot_be_read_is_not_noted() -> None:
    """The truth of several values: NumPy's error, and nothing that was decided."""
    with Watching() as tape:
        x = tape.input(NUMBERS)
        with pytest.raises(ValueError, match="ambiguous"):
            bool(x)
        with pytest.raises(tg.ConversionError):
            int(x[0])
        with pytest.raises(tg.ConversionError):
            operator.index(x[0])
        with pytest.raises(tg.ConversionError):
            np.asarray(x)
    assert tape.looks == []


@pytest.mark.parametrize("f", [np.tile, np.reshape, np.broadcast_to, lambda x, n: x.reshape(n)])
def test_one_length_that_is_traced(f: Callable[[Any, Any], Any]) -> None:
    """It is looked at, as one in a tuple is."""
    with Watching() as tape:
        x, n = tape.input(np.ones(1)), tape.input(np.int64(1))
        assert f(x, n).shape == (1,)
    assert_looks(tape.looks, [(NUMBER, 1)])


def test_an_error_is_not_a_look() -> None:
    """Its text shows the value, and the function may go on: nothing was decided by it."""
    with Watching() as tape:
        x = tape.input(NUMBERS)
        with pytest.raises(tg.OutputError, match="needs a function with a scalar output"):
            tg.grad(lambda y: y * 2.0)(x)
    assert tape.looks == []


def test_an_error_under_vmap_is_that_error() -> None:
    """What it says of a batched value does not make it another."""
    with pytest.raises(tg.OutputError, match="needs a function with a scalar output"):
        tg.vmap(tg.grad(lambda y: y * 2.0))(np.ones((2, 3)))


# Under vmap --------------------------------------------------------------------------------------

REFUSALS = {
    BRANCH: _texts.BATCHED_BOOL,
    NUMBER: _texts.BATCHED_INT,
    ELEMENTS: _texts.BATCHED_INDEX,
    MASK: _texts.BATCHED_MASK,
    VALUE: _texts.BATCHED_VALUE,
}


def test_each_reason_has_its_text() -> None:
    """Its own; only a check is answered."""
    assert len(set(REFUSALS.values())) == len(REFUSALS)
    assert {why: why.refusal for why in REFUSALS} == REFUSALS
    assert CHECK.refusal is None


@pytest.mark.parametrize("name", LOOKS)
def test_a_batch_refuses(name: str) -> None:
    """It has many values: the error says which question it was, where, and what to write."""
    f, value, expected = LOOKS[name]
    with Watching() as outer:
        for examples in (np.stack([value] * 3), outer.input(np.stack([value] * 3))):
            with pytest.raises(tg.ShapeError) as caught, Batch(3, f) as batch:
                f(batch.hold(examples))
            before, after = REFUSALS[expected[0][0]].split("{where}")
            text = str(caught.value)
            assert text.startswith(before)
            assert text.endswith(after)
            assert "test_looking.py" in text
    assert outer.looks == []


@pytest.mark.parametrize("name", LOOKS)
def test_a_trace_over_a_batch_refuses(name: str) -> None:
    """A tape within a batch: the batch behind it decides, and the tape notes nothing."""
    f, value, expected = LOOKS[name]
    with Batch(3, f) as batch, Watching() as inner:
        x = inner.input(batch.hold(np.stack([value] * 3)))
        refusal = REFUSALS[expected[0][0]].partition("{where}")[0]
        with pytest.raises(tg.ShapeError) as caught:
            f(x)
    assert str(caught.value).startswith(refusal)
    assert inner.looks == []


@pytest.mark.parametrize("name", CHECKS)
def test_a_batch_answers_a_check(name: str) -> None:
    """Labels are valid if all are: one question to the whole batch, which an outer trace hears."""
    f, value, count = CHECKS[name]
    with Watching() as outer, Batch(3, f) as batch, Watching() as inner:
        f(inner.input(batch.hold(outer.input(np.stack([value] * 3)))))
    for tape in (outer, inner):
        assert_looks(tape.looks, [(CHECK, True)] * count)
    found = tg.vmap(f)(np.stack([value, value]))
    np.testing.assert_allclose(found, [float(f(value))] * 2, rtol=1e-6)


@pytest.mark.parametrize("name", WRONG)
def test_one_wrong_label_in_a_batch(name: str) -> None:
    """Is found, whichever example it is of."""
    f, wrong, _ = WRONG[name]
    right = next(v for key, (_, v, _) in CHECKS.items() if key == name.partition(",")[0])
    with pytest.raises(ValueError, match="expected"):
        tg.vmap(f)(np.stack([right, right, wrong]))


# Traces ------------------------------------------------------------------------------------------


def test_tape_and_batch_are_siblings() -> None:
    """What is asked of every trace is in Trace; a batch keeps no nodes and takes no inputs."""
    assert Tape.__bases__ == Batch.__bases__ == (Trace,)
    batch = Batch(3, None)
    assert not hasattr(batch, "nodes")
    assert not hasattr(batch, "input")
    assert not hasattr(batch, "append")
    assert not hasattr(batch.hold(NUMBERS), "_index")
    tape = Tape(TABLE, "grad", None)
    assert not hasattr(tape, "hold")
    assert not hasattr(tape, "__dict__")
    assert not hasattr(batch, "__dict__")


def test_later_traces_have_higher_numbers() -> None:
    """That is all that nesting needs."""
    traces: list[Trace] = [Tape(TABLE, "grad", None), Batch(2, None), Watching(), Batch(2, None)]
    numbers = [trace.number for trace in traces]
    assert numbers == sorted(set(numbers))


def test_a_bare_trace_does_nothing() -> None:
    """How to apply an op is what makes a kind of trace."""
    with pytest.raises(NotImplementedError):
        Trace(TABLE, "trace", None).apply(tnp.exp, (1.0,), {})


def a_tape() -> tuple[Trace, Any]:
    tape = Tape(TABLE, "grad", None)
    return tape, tape.input(2.0)


def a_recording() -> tuple[Trace, Any]:
    tape = RecordingTape(None)
    return tape, tape.input(2.0)


def a_batch() -> tuple[Trace, Any]:
    batch = Batch(3, None)
    return batch, batch.hold(np.ones(3))


@pytest.mark.parametrize("make", [a_tape, a_recording, a_batch])
def test_a_trace_ends_with_its_context(make: Callable[[], tuple[Trace, Any]]) -> None:
    """From then on, to use one of its values is an error; to show it is not."""
    trace, x = make()
    with trace as entered:
        assert entered is trace
        assert not trace.closed
        y = x * 2.0
    assert trace.closed
    for use in (lambda: x * 2.0, lambda: np.exp(y), lambda: x + y, lambda: 3.0 - x):
        with pytest.raises(tg.EscapedError):
            use()
    assert repr(x).startswith("Var(")


@pytest.mark.parametrize("make", [a_tape, a_recording, a_batch])
def test_a_trace_ends_with_an_error(make: Callable[[], tuple[Trace, Any]]) -> None:
    """The same where the function raised, and the error goes on."""
    trace, x = make()
    with pytest.raises(KeyError, match="mine"), trace:  # noqa: PT012
        x * 2.0
        raise KeyError("mine")
    assert trace.closed
    with pytest.raises(tg.EscapedError):
        np.exp(x)


@pytest.mark.parametrize(
    "transform",
    [
        tg.grad,
        tg.value_and_grad,
        tg.jacrev,
        tg.jacfwd,
        tg.hessian,
        tg.vmap,
        lambda f: lambda x: tg.record(f, x),
        lambda f: lambda x: tg.vjp(f, x),
        lambda f: lambda x: tg.jvp(f, (x,), (x,)),
        lambda f: lambda x: tg.hvp(f, (x,), (x,)),
    ],
)
def test_every_transform_ends_its_traces(transform: Any) -> None:
    """All that it made, also where the function raises."""
    seen = []

    def f(x: Any) -> Any:
        while isinstance(x, Var):
            seen.append(x._trace)
            x = x._value
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        transform(f)(np.ones(3))
    assert seen
    assert all(trace.closed for trace in seen)


def test_the_nodes_outlive_the_tape() -> None:
    """Who wants them keeps the list; the tape lets go of it and takes no more."""
    with Tape(TABLE, "grad", None) as tape:
        nodes = tape.nodes
        x = tape.input(2.0)
        x * 3.0
    assert [node.op.name for node in nodes] == ["input", "multiply"]
    assert len(tape.nodes) == 0
    with pytest.raises(tg.EscapedError):
        x * 3.0
    assert len(nodes) == 2
