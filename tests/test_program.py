"""Programs: what was recorded, without its values, runs again and can be rewritten."""

from __future__ import annotations

import gc
import itertools
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import event, given, reject, settings
from programs import Case, Pair, bits, cases, exactly, quietly

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad._errors import Line
from tapegrad._program import Rewriter, Step, spec_of
from tapegrad._tape import CONSTANT
from tapegrad.testing import check_grads


def outcome(f: Any, *args: Any) -> Any:
    """What a call gives, to the bit; or the type of what it raises."""
    with quietly():
        try:
            return exactly(f(*args))
        except (ValueError, TypeError, IndexError, ArithmeticError) as error:
            return type(error)


def contiguous(tree: Any) -> Any:
    """A tree with its arrays in C order, as `record` keeps them: sums go another way in others."""
    return tg.tree.map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, tree)


def recorded(f: Any, args: Any) -> tg.Program:
    """The program of f; a case of no use, where it has none."""
    with quietly():
        try:
            return tg.record(f, *args).program
        except (tg.TapegradError, TypeError, ValueError, IndexError, ArithmeticError):
            reject()  # what raises is tested elsewhere (test_programs.py)


@tg.custom_vjp
def doubled(x: Any) -> Any:
    """A function with a pullback of its own, and two outputs."""
    return {"twice": x * 2.0, "sine": np.sin(x)}, lambda g: (
        2.0 * g["twice"] + np.cos(x) * g["sine"],
    )


@settings(max_examples=150, derandomize=True)
@given(cases())
def test_a_program_replays_to_the_bit(case: Case) -> None:
    """On the same inputs, and on others, what eager gives; GuardError where eager turns off."""
    decided: list[Any] = []
    f = case.noting(lambda x: decided.append(bits(x)))

    def eagerly(*args: Any) -> Any:
        decided.clear()
        return tg.record(f, *args).value

    args = contiguous(case.args())
    program = recorded(f, args)
    decided.clear()
    assert outcome(program, *args) == outcome(eagerly, *args)
    before = list(decided)
    for k in range(3):
        args = case.args(case.others(k))
        eager, found = outcome(eagerly, *args), outcome(program, *args)
        if isinstance(eager, type):
            event("an error")
            assert found in (tg.GuardError, eager)
        elif decided == before:
            event("the same way")
            assert found == eager
        else:  # what a function with its own pullback decides, it decides anew
            event("another way")
            assert found is tg.GuardError or found == eager


# What was wrong with recordings -------------------------------------------------------------------


def test_a_whole_constant_stays_whole() -> None:
    """Beside an integer, 1 is not 1.0: argmax + 1 is an integer again."""
    recording = tg.record(lambda x: np.argmax(x) + 1, np.array([0.0, 5.0, 1.0]))
    program = recording.program
    assert exactly(recording.value) == exactly(np.int64(2))
    assert exactly(program(np.array([0.0, 1.0, 5.0]))) == exactly(np.int64(3))
    (one,) = [step.params["value"] for step in program.steps if step.op.name == "constant"]
    assert exactly(one) == exactly(1)


def test_a_whole_factor_of_truths_stays_whole() -> None:
    """(x > 0) * 2 is of integers."""
    program = tg.record(lambda x: (x > 0) * 2, np.ones(2)).program
    assert exactly(program(np.array([-1.0, 1.0]))) == exactly(np.array([0, 2]))


def test_a_large_whole_constant_keeps_its_value() -> None:
    """2**53 + 1 is no float64."""
    program = tg.record(lambda x: np.argmax(x) + (2**53 + 1), np.ones(2)).program
    assert program(np.array([0.0, 1.0])) == 2**53 + 2


def test_a_truth_is_no_number() -> None:
    """True is not 1: beside truths it leaves them what they are."""
    program = tg.record(lambda x: [np.maximum(x > 0, True), x * True], np.float32(1.0)).program
    assert exactly(program(np.float32(3.0))) == exactly([np.True_, np.float32(3.0)])


@pytest.mark.parametrize("number", [3, True], ids=["int", "bool"])
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.bool])
def test_a_whole_constant_stays_whole_where_the_result_is_not(number: Any, dtype: Any) -> None:
    """With small integers NumPy computes in float16 or float32, with a float in float64."""
    x = np.ones(2, dtype)
    program = tg.record(lambda x: np.hypot(x, number), x).program
    assert exactly(program(x)) == exactly(np.hypot(x, number))


def test_every_parameter_hashes() -> None:
    """Slices, which hash from Python 3.12 on, dtypes, tuples, marks: a step is a key."""

    def f(x: Any, i: Any) -> Any:
        y = x[1:, ::2].astype(np.float32).sum(axis=0, keepdims=True) + x[i, None, :].max()
        return tg.at(y)[..., 0].set(np.einsum("ij->", x)), doubled(x), np.linalg.slogdet(x)

    program = tg.record(f, np.eye(3), np.array([0, 1])).program
    assert len({hash(step) for step in program.steps}) > len(program) // 2
    assert len(set(program.steps)) == len(program) > 15


def test_labels_do_not_make_steps_differ() -> None:
    """What is computed is the same under two names; it keeps the first."""
    program = tg.record(lambda x: tg.label(x * 2.0, "a") + tg.label(x * 2.0, "b"), 1.0).program
    assert [step.op.name for step in program.steps] == [
        "input",
        "constant",
        "multiply",
        "add",
    ]
    assert [step.label for step in program.steps] == ["x", None, "a", None]
    assert all("label" not in step.params for step in program.steps)
    assert program(3.0) == 12.0


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "bool", "float16", "float32"])
@pytest.mark.parametrize("shape", [(), (2,), (0, 3)], ids=str)
def test_leaves_of_every_dtype(dtype: str, shape: tuple[int, ...]) -> None:
    """Integers and truths are recorded, and replayed as what they are."""
    x = np.ones(shape, dtype)
    zeros = np.zeros(shape, dtype)
    for leaf, new in ((x, zeros), (x.dtype.type(1), x.dtype.type(0))):
        program = tg.record(lambda x: [x, x == 1, x.sum()], leaf).program
        assert exactly(program(new)) == exactly([new, new == 1, np.sum(new)])
        assert program.steps[0].spec.dtype == dtype


def test_integers_as_indices_are_inputs() -> None:
    """Recorded with some positions, a program looks up others."""
    program = tg.record(lambda table, i: table[i], np.arange(4.0), np.array([0, 1])).program
    np.testing.assert_array_equal(program(np.arange(4.0) * 10, np.array([3, 0])), [30.0, 0.0])
    single = tg.record(lambda table, i: table[i], np.arange(4.0), np.int64(0)).program
    assert single(np.arange(4.0), np.int64(2)) == 2.0


def test_traced_is_not_differentiable() -> None:
    """What can be recorded and what has a gradient are two questions."""
    x = np.array([1, 2])
    assert tg.record(lambda x: x * 2, x).value.tolist() == [2, 4]
    with pytest.raises(tg.LeafError, match="integers have no gradient"):
        tg.grad(lambda x: (x * 2.0).sum())(x)


def test_slogdet_is_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result of two values is computed once for each call, and each of the two is a step."""

    def f(a: Any) -> Any:
        sign, log = tnp.linalg.slogdet(a)
        return sign * log + log

    program = tg.record(f, np.eye(2)).program
    assert [step.op.name for step in program.steps].count("slogdet") == 1
    assert [step.op.name for step in program.steps].count("part") == 2
    calls: list[Any] = []
    original = np.linalg.slogdet

    def counted(a: Any) -> Any:
        calls.append(a)
        return original(a)

    monkeypatch.setattr(np.linalg, "slogdet", counted)
    assert program(np.diag([1.0, -3.0])) == 0.0
    assert len(calls) == 1
    assert program(np.diag([1.0, 3.0])) == pytest.approx(2 * np.log(3.0), rel=1e-15)
    assert len(calls) == 2


# Specs and steps ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.5, "float"),
        (1, "int"),
        (True, "bool"),
        (np.float64(1.5), "float64"),
        (np.int8(1), "int8"),
        (np.True_, "bool"),
        (np.array(1.5), "float64[]"),
        (np.ones((2, 3), np.float32), "float32[2, 3]"),
        (np.ones((0,), bool), "bool[0]"),
    ],
    ids=repr,
)
def test_the_text_of_a_spec(value: Any, text: str) -> None:
    """A Python number by its type, a NumPy scalar by its dtype, an array with its lengths, too."""
    assert str(spec_of(value)) == text
    kind = text if text in ("float", "int") else None
    assert spec_of(value).kind == (
        "array" if "[" in text else "number" if kind or value is True else "scalar"
    )


def test_the_kind_of_a_step() -> None:
    """Number, scalar and array of one dtype are three specs; a bundle has no text."""
    specs = {spec_of(1.0), spec_of(np.float64(1.0)), spec_of(np.array(1.0))}
    assert len(specs) == 3
    program = tg.record(lambda a: np.linalg.slogdet(a).logabsdet, np.eye(2)).program
    (bundle,) = [step.spec for step in program.steps if step.op.name == "slogdet"]
    assert (bundle.kind, str(bundle)) == ("other", "")


def constant(value: Any) -> Step:
    return Step(CONSTANT, (), {"value": value}, spec_of(value))


def test_equal_constants() -> None:
    """1, 1.0 and True differ, 0.0 and -0.0 too; NaN is NaN; an array is only itself."""
    array = np.ones(2)
    values = [1, 1.0, True, 0, 0.0, -0.0, False, np.nan, np.float64(1.0), np.float32(1.0)]
    values += [np.int64(1), np.True_, 2**53, 2**53 + 1, float(2**53), array, array.copy()]
    steps = [constant(value) for value in values]
    assert len(set(steps)) == len(steps)
    again = [constant(value) for value in values]
    assert steps == again
    assert list(map(hash, steps)) == list(map(hash, again))
    assert constant(np.nan) == constant(-np.float64(np.nan).item())
    for one, two in itertools.combinations(steps, 2):
        assert one != two


def test_equal_steps() -> None:
    """Op, inputs, parameters and spec count; line and label do not, nor does what holds them."""
    spec = spec_of(np.ones(2))
    line = Line("f.py", 1, "f", "x[1:]")
    get = tnp.take.__globals__["getitem"]

    def step(index: Any, **others: Any) -> Step:
        return Step(get, (0,), {"index": index}, spec, **others)

    assert step((slice(1, None),)) == step((slice(1, None),), line=line, label="y")
    assert hash(step((slice(1, None),))) == hash(step((slice(1, None),), line=line, label="y"))
    different = [
        step((slice(1, None),)),
        step((slice(1, 2),)),
        step((slice(None, 1),)),
        step((slice(1, None, 1),)),
        step((1, None)),
        step((1,)),
        step((True,)),
        step([1]),
        step((...,)),
        attrs.evolve(step((1,)), inputs=(1,)),
        attrs.evolve(step((1,)), op=CONSTANT),
        attrs.evolve(step((1,)), spec=spec_of(np.ones(3))),
    ]
    assert len(set(different)) == len(different)
    proxy = MappingProxyType({"b": 1, "a": (2.0, slice(0))})
    plain = {"a": (2.0, slice(0)), "b": 1}
    assert Step(get, (), proxy, spec) == Step(get, (), plain, spec)
    assert hash(Step(get, (), proxy, spec)) == hash(Step(get, (), plain, spec))


def test_constants_are_steps() -> None:
    """Every input of a step is a position, and what is no input of the program is a constant."""
    weights = np.arange(2.0)
    program = tg.record(lambda x: (np.argmax(x @ weights) + 1) * 1.0, np.ones((3, 2))).program
    assert [step.op.name for step in program.steps] == [
        "input",
        "constant",
        "matmul",
        "reshape",
        "argmax",
        "constant",
        "add",
        "constant",
        "multiply",
    ]
    inputs = [(), (), (0, 1), (2,), (3,), (), (4, 5), (), (6, 7)]
    assert [step.inputs for step in program.steps] == inputs
    np.testing.assert_array_equal(program.steps[1].params["value"], weights)
    assert program.steps[1].params["value"] is not weights  # which the caller may write into
    kinds = [type(program.steps[i].params["value"]) for i in (5, 7)]
    assert kinds == [int, float]
    for position, step in enumerate(program.steps):
        assert all(type(i) is int and i < position for i in step.inputs)


def test_equal_steps_stand_once() -> None:
    """The same on the same operands is one step; an input is no other's equal."""

    def f(x: Any, y: Any) -> Any:
        return np.sin(x) * 2.0, np.sin(x) * 2.0, np.sin(y) * 2.0

    recording = tg.record(f, 1.0, 1.0)
    program = recording.program
    names = [step.op.name for step in program.steps]
    assert (names.count("input"), names.count("sin"), names.count("multiply")) == (2, 2, 2)
    assert names.count("constant") == 1
    assert len(recording) == 8
    assert program.outputs[0] == program.outputs[1]
    assert program(0.0, np.pi / 2) == (0.0, 0.0, 2.0)


def test_a_nested_program_has_its_place() -> None:
    """A gradient within is flat, too: forward and backward steps of one program."""
    program = tg.record(tg.grad(lambda x: np.sin(x) * 2.0), 0.5).program
    assert "cos" in [step.op.name for step in program.steps]
    assert program(0.0) == 2.0


# Rewriting ----------------------------------------------------------------------------------------


def finished(
    program: tg.Program, written: Rewriter, places: Sequence[int] | Mapping[int, int]
) -> tg.Program:
    """The program of what was written, where places[i] has what was step i."""
    return attrs.evolve(
        program,
        steps=tuple(written.steps),
        inputs=tuple(places[i] for i in program.inputs),
        outputs=tuple(places[i] for i in program.outputs),
        guards=tuple(attrs.evolve(g, position=places[g.position]) for g in program.guards),
    )


def rewritten(program: tg.Program, instead: Callable[[Rewriter, Step], int | None]) -> tg.Program:
    """A pass: each step again, or another position in its place."""
    written = Rewriter()
    places: list[int] = []
    for step in program.steps:
        inputs = tuple(places[i] for i in step.inputs)
        here = attrs.evolve(step, inputs=inputs)
        place = instead(written, here)
        if place is None:
            place = written.emit(step.op, inputs, step.params, step.spec, step.line, step.label)
        places.append(place)
    return finished(program, written, places)


def without_ones(program: tg.Program) -> tg.Program:
    """x for x * 1.0."""

    def instead(written: Rewriter, step: Step) -> int | None:
        if step.op.name != "multiply":
            return None
        x, factor = step.inputs
        value = written.steps[factor].params.get("value")
        return x if value == 1.0 and written.steps[x].spec == step.spec else None

    return rewritten(program, instead)


def without_dead_steps(program: tg.Program) -> tg.Program:
    """Only what the outputs and the guards need, and the inputs."""
    needed = {*program.inputs, *program.outputs, *(g.position for g in program.guards)}
    for position in reversed(range(len(program))):
        if position in needed:
            needed.update(program.steps[position].inputs)
    written = Rewriter()
    places: dict[int, int] = {}
    for position, step in enumerate(program.steps):
        if position in needed:
            inputs = [places[i] for i in step.inputs]
            places[position] = written.emit(
                step.op, inputs, step.params, step.spec, step.line, step.label
            )
    return finished(program, written, places)


def test_a_pass() -> None:
    """Products with 1.0 and what no one needs are dropped; the rest computes the same."""

    def f(x: Any, y: Any) -> Any:
        np.exp(y)  # no one needs it
        kept = np.sin(x * 1.0)
        return kept * 2.0 + np.sin(x) if y.sum() > 0 else kept

    args = (np.array([0.5, 2.0]), np.ones(3))
    program = tg.record(f, *args).program
    shorter = without_dead_steps(without_ones(program))
    names = [step.op.name for step in shorter.steps]
    assert "exp" not in names
    assert (names.count("sin"), names.count("multiply")) == (1, 1)
    assert len(shorter) < len(program)
    other = (np.array([-0.5, 0.0]), np.full(3, 2.0))
    expected = np.sin(other[0]) * 2.0 + np.sin(other[0])
    np.testing.assert_array_equal(shorter(*other), expected)
    with pytest.raises(tg.GuardError):
        shorter(other[0], -other[1])
    assert [step.op.name for step in program.steps].count("sin") == 2


def test_emitting_twice() -> None:
    """The position of the first; what is given is not changed, and cannot change what is there."""
    written = Rewriter()
    spec = spec_of(1.0)
    params = {"value": 1.0}
    line = Line("f.py", 1, "f", "1.0")
    first = written.emit(CONSTANT, [], params, spec, line, "one")
    assert written.emit(CONSTANT, (), {"value": 1.0}, spec) == first == 0
    assert written.emit(CONSTANT, (), {"value": 1}, spec_of(1)) == 1
    params["value"] = 2.0
    assert written.steps[0] == constant(1.0)
    assert (written.steps[0].line, written.steps[0].label) == (line, "one")


@settings(max_examples=40, derandomize=True)
@given(cases())
def test_a_pass_that_changes_nothing(case: Case) -> None:
    """Each step emitted again is the program again; without dead steps it gives the same."""
    program = recorded(case.noting(lambda found: None), case.args())
    again = rewritten(program, lambda written, step: None)
    assert again.steps == program.steps
    assert (again.inputs, again.outputs) == (program.inputs, program.outputs)
    living = without_dead_steps(program)
    assert len(living) <= len(program)
    for args in (case.args(), *(case.args(case.others(k)) for k in range(2))):
        expected = outcome(program, *args)
        if not isinstance(expected, type):
            assert outcome(living, *args) == expected


def test_everything_is_frozen() -> None:
    """A program, its steps, their specs and their parameters cannot be changed."""
    program = tg.record(lambda x: x.sum(axis=0) if x[0] > 0 else x, np.ones(2)).program
    thing: Any
    for thing, name in (
        (program, "steps"),
        (program.steps[0], "inputs"),
        (program.steps[0].spec, "dtype"),
        (program.guards[0], "found"),
    ):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(thing, name, None)
    params: Any = program.steps[-1].params
    with pytest.raises(TypeError):
        params["axes"] = ()
    for thing in (program.steps, program.inputs, program.outputs, program.guards):
        assert isinstance(thing, tuple)


def test_a_program_holds_no_values() -> None:
    """What was recorded can be freed: only constants stay."""
    x = np.ones(1000)
    recording = tg.record(lambda x: np.sin(x) * 2.0, x)
    intermediate = weakref.ref(recording.tape[1].value)
    program = recording.program
    del recording
    gc.collect()
    assert intermediate() is None
    assert len(program) == 4


# Calling ------------------------------------------------------------------------------------------


def test_the_result_has_its_structure() -> None:
    """Trees in, trees out; constants among the outputs as they were."""

    def f(p: Any, x: Any) -> Any:
        return {"y": (p["w"] * x[0], Pair(x[1], 7)), "none": None, "mask": p["w"] > 0}

    program = tg.record(f, {"w": np.ones(2), "b": 1.0}, [2.0, np.int8(3)]).program
    found = program({"b": 0.0, "w": np.array([1.0, -1.0])}, [4.0, np.int8(5)])
    expected = {
        "y": (np.array([4.0, -4.0]), Pair(np.int8(5), 7)),
        "none": None,
        "mask": np.array([True, False]),
    }
    assert exactly(found) == exactly(expected)
    assert tg.record(lambda: 3).program() == 3


def test_outputs_are_the_callers_own() -> None:
    """Writing into one changes no input, no constant, no other output, and no later call."""
    constant = np.ones(2)

    def f(x: Any) -> Any:
        y = x * 2.0
        return [x, x[:1], x.T, constant, np.broadcast_to(x, (2, 2)), y, y[::-1], constant + x - x]

    x = np.array([3.0, 4.0])
    program = tg.record(f, np.zeros(2)).program
    expected = exactly(program(x))
    found = program(x)
    for i, leaf in enumerate(found):
        rest = exactly(found[i + 1 :])
        leaf[...] = 99.0
        assert exactly(found[i + 1 :]) == rest
    np.testing.assert_array_equal(x, [3.0, 4.0])
    np.testing.assert_array_equal(constant, [1.0, 1.0])
    assert exactly(program(x)) == expected


def test_outputs_are_not_what_a_function_of_the_user_keeps() -> None:
    """An array that a function with its own pullback returns every time stays as it is."""
    kept = np.ones(2)

    @tg.custom_vjp
    def f(x: Any) -> Any:
        return kept, lambda g: (None,)

    program = tg.record(f, 1.0).program
    program(2.0)[...] = 7.0
    np.testing.assert_array_equal(kept, [1.0, 1.0])


def test_a_program_is_not_changed_through_the_recordings_value() -> None:
    """An output that no argument decides is the caller's own, and the program's is another."""
    recording = tg.record(lambda x: (x, np.ones(2)), 1.0)
    program = recording.program
    recording.value[1][...] = 7.0
    assert exactly(program(2.0)) == exactly((2.0, np.ones(2)))
    assert exactly(recording.program(2.0)) == exactly((2.0, np.ones(2)))


def test_the_recordings_inputs_are_its_own() -> None:
    """An argument written into later changes no program, and no guard."""
    x = np.ones(2)

    def f(x: Any) -> Any:
        return x * x.value

    recording = tg.record(f, x)
    x[...] = 5.0
    np.testing.assert_array_equal(recording.program(np.ones(2)), [1.0, 1.0])


REFUSALS = [
    pytest.param(1.0, np.float32(1.0), "x is float32 1.0", "float", id="scalar for a number"),
    pytest.param(1.0, True, "x is bool True", "float", id="bool for a number"),
    pytest.param(1.0, "one", "x is str 'one'", "float", id="text"),
    pytest.param(np.float64(1), 1.0, "x is float 1.0", "float64", id="number for a scalar"),
    pytest.param(np.ones(2), np.ones(3), "x is float64[3]", "float64[2]", id="shape"),
    pytest.param(np.ones(2), np.ones(2, int), "x is int64[2]", "float64[2]", id="dtype"),
    pytest.param(np.ones(2), 1.0, "x is float 1.0", "float64[2]", id="number for an array"),
    pytest.param(np.ones((), int), 1, "x is int 1", "int64[]", id="number for a 0-d array"),
    pytest.param(np.ones(2), [1.0, 1.0], None, "", id="structure"),
]


@pytest.mark.parametrize(("recorded", "given", "got", "wanted"), REFUSALS)
def test_other_arguments(recorded: Any, given: Any, got: str | None, wanted: str) -> None:
    """ShapeError says which leaf, what it is, what was recorded, and what to do."""

    def f(p: Any, y: Any) -> Any:
        return p["x"] * y

    program = tg.record(f, {"x": recorded}, 1.0).program
    with pytest.raises(tg.ShapeError) as caught:
        program({"x": given}, 1.0)
    if got is None:
        assert str(caught.value).startswith("f: the program was recorded for other arguments: ")
        return
    assert str(caught.value) == (
        f"f: args[0]['x'] is {got.removeprefix('x is ')}, but the program was recorded for "
        f"{wanted}.\nGive the same kind, dtype and shape, or record it again with these arguments."
    )


def test_a_scalar_is_told_from_an_array_without_axes() -> None:
    """The message does not name both by the same words."""
    program = tg.record(np.sin, np.float64(1.0)).program
    with pytest.raises(tg.ShapeError) as caught:
        program(np.array(1.0))
    first = str(caught.value).splitlines()[0]
    assert "[]" in first or "array" in first


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("kind", [np.asmatrix, np.ma.masked_array], ids=["matrix", "masked"])
def test_what_cannot_be_recorded_cannot_be_given(kind: Any) -> None:
    """A matrix and a masked array compute otherwise; no program was recorded for them."""
    program = tg.record(lambda x: x * x, np.eye(2)).program
    with pytest.raises(tg.TapegradError):
        program(kind(np.eye(2)))


def test_the_number_of_arguments() -> None:
    """Too few and too many are another structure."""
    program = tg.record(lambda x, y: x * y, 1.0, 2.0).program
    for args in [(1.0,), (1.0, 2.0, 3.0), ((1.0, 2.0),)]:
        with pytest.raises(tg.ShapeError, match=r"expected (2, got \d|a leaf)"):
            program(*args)


def test_an_int_counts_as_a_float() -> None:
    """As it does where it is recorded."""
    program = tg.record(lambda x: x / 2, 3).program
    assert exactly(program(5)) == exactly(2.5)
    program = tg.record(lambda x: x * 3, 0.5).program
    assert exactly(program(2)) == exactly(6.0)
    assert exactly(tg.grad(program)(2)) == exactly(3.0)


def test_a_program_has_the_name_of_the_function() -> None:
    """In messages of transforms, and where it is recorded again; it looks as it prints."""
    program = tg.record(branch, 3.0).program
    assert tg.record(program, 3.0).name == "branch"
    assert repr(program) == str(program)
    vector = tg.record(lambda x: x, np.ones(2)).program
    with pytest.raises(tg.OutputError, match=r"scalar output, but <lambda> returned float64\[2\]"):
        tg.grad(vector)(np.ones(2))


# Guards -------------------------------------------------------------------------------------------


def branch(x: Any) -> Any:
    return x * 2.0 if x > 1.0 else -x


def test_the_text_of_a_guard() -> None:
    """Which function, by what value it decides, at which step, and what to do."""
    program = tg.record(branch, 3.0).program
    assert program(2.0) == 4.0
    with pytest.raises(tg.GuardError) as caught:
        program(0.5)
    first, at, last = str(caught.value).splitlines()
    assert first == (
        "branch goes another way for these arguments: step 2 (x > 1.0) is now bool False, and it "
        "decides by its truth."
    )
    assert re.fullmatch(r"  at .*test_program\.py:\d+, in branch: .*if x > 1\.0.*", at)
    assert last == "Record it again with them: tapegrad.record(branch, ...).program."
    assert isinstance(caught.value, tg.TapegradError)


def times(x: Any, n: Any) -> Any:
    for _ in range(n):
        x = x * 2.0
    return x


DECIDED = [
    pytest.param(lambda x: x + 1 if x.any() else x, [1, 2], [0, 5], [0, 0], id="bool"),
    pytest.param(lambda x: times(x, x[0]), [1, 2], [1, 7], [2, 2], id="range"),
    pytest.param(lambda x: x * int(x[0]), [1, 2], [1, 7], [2, 2], id="int"),
    pytest.param(lambda x: x * float(x[0]), [1, 2], [1, 7], [2, 2], id="float"),
    pytest.param(lambda x: x * x[0].value, [1, 2], [1, 7], [2, 2], id="value"),
    pytest.param(lambda x: x * x.value, [1, 2], [1, 2], [1, 3], id="values"),
    pytest.param(lambda x: x[x > 1], [1, 2], [0, 7], [2, 2], id="mask"),
    pytest.param(lambda x: x[: x[0]], [1, 2], [1, 7], [2, 2], id="slice"),
    pytest.param(lambda x: x * np.arange(3)[x], [1, 2], [1, 2], [2, 2], id="plain array"),
    pytest.param(lambda x: [y for y in x if y > 1], [1, 2], [0, 7], [2, 2], id="loop"),
]


@pytest.mark.parametrize(("f", "recorded", "same", "other"), DECIDED)
def test_what_a_function_decides_by(f: Any, recorded: Any, same: Any, other: Any) -> None:
    """Where it would decide otherwise the program refuses; where not, it is the function."""
    program = tg.record(f, np.array(recorded)).program
    assert program.guards
    expected = tg.record(f, np.array(same)).value
    assert exactly(program(np.array(same))) == exactly(expected)
    with pytest.raises(tg.GuardError):
        program(np.array(other))


def test_no_guard_without_a_decision() -> None:
    """Shapes, dtypes, lengths, printing and where decide nothing by values."""

    def f(x: Any) -> Any:
        assert f"{x}" != repr(x)
        assert len(x) == x.shape[0] == x.size
        return np.where(x > 0, x, 0.0).sum() + x[np.argmax(x)] + sum(x)

    program = tg.record(f, np.array([1.0, -1.0])).program
    assert program.guards == ()
    assert program(np.array([-1.0, 3.0])) == 8.0


@pytest.mark.parametrize("kind", [float, np.float64, lambda x: np.array([x])], ids="fsa")
def test_the_sign_of_zero_is_a_value(kind: Any) -> None:
    """What was decided by 0.0 is not right for -0.0; NaN is as it was."""

    def f(x: Any) -> Any:
        return x + np.copysign(1.0, x.value)

    program = tg.record(f, kind(0.0)).program
    assert exactly(program(kind(0.0))) == exactly(kind(0.0) + np.float64(1.0))
    with pytest.raises(tg.GuardError):
        program(kind(-0.0))
    program = tg.record(lambda x: x * x.value, kind(np.nan)).program
    assert np.isnan(program(kind(np.nan))).all()
    with pytest.raises(tg.GuardError):
        program(kind(1.0))


def test_a_check_is_a_predicate() -> None:
    """Labels of a loss are checked, not looked at: other valid ones replay, invalid ones do not."""
    scores = np.array([2.0, 0.5, -1.0])
    program = tg.record(tg.nn.hinge, scores, np.array([1, -1, 1])).program
    assert program(scores, np.array([-1, 1, -1])) == (3.0 + 0.5 + 0.0) / 3.0
    with pytest.raises(tg.GuardError):
        program(scores, np.array([1, 0, 1]))
    classes = tg.record(tg.nn.cross_entropy, np.eye(3), np.array([0, 1, 2])).program
    expected = np.log(np.e + 2.0)
    np.testing.assert_allclose(classes(np.eye(3), np.array([1, 2, 0])), expected, rtol=1e-15)
    with pytest.raises(tg.GuardError):
        classes(np.eye(3), np.array([0, 1, 3]))


def test_guards_within_a_gradient() -> None:
    """A branch inside of a differentiated function is a branch of the program."""
    program = tg.record(tg.grad(branch), 3.0).program
    assert program(2.0) == 2.0
    with pytest.raises(tg.GuardError):
        program(0.5)
    assert tg.record(tg.grad(branch), 0.5).program(-1.0) == -1.0


def test_the_first_guard_that_fails_ends_the_call() -> None:
    """What comes after, and may not be defined there, is not computed."""

    def f(x: Any) -> Any:
        return 1.0 / x if x != 0.0 else x

    program = tg.record(f, 2.0).program
    assert program(4.0) == 0.25
    with pytest.raises(tg.GuardError):
        program(0.0)


def test_errors_are_the_functions_own() -> None:
    """Where the function has no value, nor has the program."""
    factor = tg.record(np.linalg.cholesky, np.eye(2)).program
    with pytest.raises(np.linalg.LinAlgError):
        factor(-np.eye(2))


@pytest.mark.parametrize("f", [lambda x: 1.0 / x, tg.grad(lambda x: x**0.5)], ids=["f", "rule"])
def test_where_pythons_floats_refuse(f: Any) -> None:
    """A rule that divides by zero goes on as NumPy does, a function does not: to record it again
    tells, a program that was recorded elsewhere cannot.
    """
    with pytest.raises(tg.GuardError, match="goes another way for these arguments") as caught:
        tg.record(f, 4.0).program(0.0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_error_that_was_caught() -> None:
    """Whether it comes again, no guard could tell: there is no program; the recording stands."""

    def f(x: Any) -> Any:
        try:
            return 1.0 / x
        except ZeroDivisionError:
            return x * 0.0

    recording = tg.record(f, 0.0)
    assert recording.value == 0.0
    assert isinstance(recording.error, ZeroDivisionError)
    with pytest.raises(tg.GuardError) as caught:
        recording.program  # noqa: B018
    assert str(caught.value) == (
        f"f met an error on its way, and went on: {caught.value.__cause__}\nFor which arguments it "
        "comes again, a program cannot tell. Decide by a condition instead."
    )
    assert tg.record(f, 2.0).program(4.0) == 0.25


def test_a_python_int_is_recorded_as_it_is() -> None:
    """It divides, counts and grows as one; differentiated, it counts as a float."""
    assert exactly(tg.record(lambda n: n * 2, 7).value) == exactly(14)
    assert exactly(tg.record(lambda n: n, 1).program(2**53 + 1)) == exactly(2**53 + 1)
    assert tg.record(lambda x, n: sum(x for _ in range(n)), 1.5, 3).program(2.0, 3) == 6.0
    assert exactly(tg.record(tg.grad(lambda x: x**2), 3).value) == exactly(6.0)
    assert exactly(tg.record(lambda x, b: x if b else -x, 2.0, True).program(3.0, True)) == exactly(
        3.0
    )


# Within transforms --------------------------------------------------------------------------------


def model(w: Any, x: Any) -> Any:
    """Of everything a little: constants of all kinds, integers, several outputs of one op."""
    h = np.tanh(x @ w + 1) * np.array([1.0, 2.0])
    best = np.argmax(h) + 1
    sign, log = np.linalg.slogdet(w)
    y = np.where(h > 0, h, 2 * h)[::-1] * best
    return doubled(y)["sine"].sum() * 2 + sign * log


W = np.array([[1.0, 0.5], [-0.25, 2.0]])
X = np.array([0.5, -1.0])
MODEL = tg.record(model, np.eye(2), np.ones(2)).program


def test_a_program_under_grad() -> None:
    """The derivative of the program is that of the function, in both arguments and modes."""
    found = tg.value_and_grad(MODEL, argnums=(0, 1))(W, X)
    expected = tg.value_and_grad(model, argnums=(0, 1))(W, X)
    tg.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-14), found, expected)
    check_grads(MODEL, (W, X), 2, rtol=1e-5)


def test_a_program_under_jvp() -> None:
    """The tangent is the slope of the function along the direction."""
    direction = (np.ones((2, 2)), np.array([1.0, -1.0]))
    value, slope = tg.jvp(MODEL, (W, X), direction)
    assert value == model(W, X)
    h = 1e-6
    moved = [model(W + s * h * direction[0], X + s * h * direction[1]) for s in (1, -1)]
    np.testing.assert_allclose(slope, (moved[0] - moved[1]) / (2 * h), rtol=1e-7)


def test_a_program_under_vmap() -> None:
    """On a batch it is the function on each example."""
    batch = np.random.default_rng(0).normal(size=(5, 2))
    expected = [model(W, x) for x in batch]
    np.testing.assert_allclose(tg.vmap(MODEL, (None, 0))(W, batch), expected, rtol=1e-13)
    gradients = tg.vmap(tg.grad(MODEL, argnums=1), (None, 0))(W, batch)
    expected = [tg.grad(model, argnums=1)(W, x) for x in batch]
    np.testing.assert_allclose(gradients, expected, rtol=1e-12)
    numbers = tg.record(lambda x: x * 2 + 1, 3.0).program
    np.testing.assert_array_equal(tg.vmap(numbers)(np.array([1.0, 2.0])), [3.0, 5.0])


def test_a_program_under_record() -> None:
    """Recorded again it is the same program, guards and all."""
    again = tg.record(MODEL, W, X).program
    assert [(s.op.name, s.inputs, s.spec) for s in again.steps] == [
        (s.op.name, s.inputs, s.spec) for s in MODEL.steps
    ]
    assert exactly(again(W, -X)) == exactly(tg.record(model, W, -X).value)
    guarded = tg.record(branch, 3.0).program
    twice = tg.record(lambda x: guarded(x) + 1.0, 2.0).program
    assert twice(4.0) == 9.0
    with pytest.raises(tg.GuardError):
        twice(0.5)


def test_guards_under_transforms() -> None:
    """They are asked of the plain value; of a batch there is none, and vmap says so."""
    program = tg.record(branch, 3.0).program
    assert tg.grad(program)(2.0) == 2.0
    with pytest.raises(tg.GuardError):
        tg.grad(program)(0.5)
    with pytest.raises(tg.ShapeError, match="vmap cannot take one branch"):
        tg.vmap(program)(np.array([2.0, 3.0]))
    losses = tg.record(tg.nn.hinge, np.ones(2), np.array([1, 1])).program
    labels = np.array([[1, -1], [-1, -1]])
    np.testing.assert_array_equal(tg.vmap(losses)(np.zeros((2, 2)), labels), [1.0, 1.0])


def test_a_program_of_a_gradient_under_grad() -> None:
    """The derivative of a recorded derivative is the second."""
    program = tg.record(tg.grad(lambda x: np.sin(x) * x), 1.0).program
    x = 0.7
    np.testing.assert_allclose(program(x), np.cos(x) * x + np.sin(x), rtol=1e-15)
    np.testing.assert_allclose(tg.grad(program)(x), 2 * np.cos(x) - x * np.sin(x), rtol=1e-14)


# Text ---------------------------------------------------------------------------------------------


def test_the_text_of_a_program() -> None:
    """A line for each step: label, what is done, what comes out, where; arrows at the outputs."""
    weights = np.ones((3, 2))

    def f(p: Any, x: Any) -> Any:
        h = tg.label(np.maximum(x @ weights + p["b"], 0.0), "h")
        best = np.argmax(h, axis=0) + 1
        return {"loss": -h[1:].sum() * p["scale"], "best": best, "seven": 7}

    program = tg.record(f, {"b": np.float32(1.0), "scale": 0.5}, np.ones(3, np.float32)).program
    n = f.__code__.co_firstlineno
    first, second, third = (f"test_program.py:{n + i}" for i in (1, 2, 3))
    expected = f"""\
f: 16 steps
   0  p['b']      input                                      float32
   1  p['scale']  input                                      float
   2  x           input                                      float32[3]
   3              constant                                   float64[3, 2]
   4              x @ %3                                     float64[2]     {first}
   5              %4 + p['b']                                float64[2]     {first}
   6              constant 0.0                               float
   7  h           maximum(%5, 0.0)                           float64[2]     {first}
   8              argmax(h, axis=0)                          int64          {second}
   9              constant 1                                 int
→ 10              %8 + 1                                     int64          {second}
  11              getitem(h, index=(slice(1, None, None),))  float64[1]     {third}
  12              sum(%11, axes=(0,))                        float64        {third}
  13              -%12                                       float64        {third}
→ 14              %13 * p['scale']                           float64        {third}
→ 15              constant 7                                 int"""
    assert str(program) == expected
    assert str(tg.record(lambda: 2).program) == "<lambda>: 1 step\n→ 0    constant 2  int"
