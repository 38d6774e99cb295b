"""Recordings: what was computed, in order, readable and frozen."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad._node import Binary
from tapegrad.numpy import TABLE


def neuron(w: Any, x: Any, b: Any) -> Any:
    """Three operations."""
    return np.tanh(w * x + b)


def test_the_tape_is_the_computation_in_order() -> None:
    """Inputs first, then each operation with the positions of its operands."""
    recording = tg.record(neuron, 0.5, 2.0, -1.0)
    assert [node.op.name for node in recording.tape] == [
        "input",
        "input",
        "input",
        "multiply",
        "add",
        "tanh",
    ]
    assert [node.inputs for node in recording.tape] == [(), (), (), (0, 1), (3, 2), (4,)]
    assert [node.value for node in recording.tape] == [0.5, 2.0, -1.0, 1.0, 0.0, 0.0]
    assert recording.value == 0.0
    assert recording.inputs == (0, 1, 2)
    assert recording.outputs == (5,)
    assert recording.name == "neuron"
    assert len(recording) == 6


def test_each_operand_stands_before_its_operation() -> None:
    """Topological order, for a program that jumps back and forth."""

    def f(x: Any) -> Any:
        values = [x[i] for i in range(4)]
        for k in range(30):
            values.append(values[(7 * k) % len(values)] * values[(3 * k) % len(values)] + 1.0)
        return sum(values)

    for position, node in enumerate(tg.record(f, np.full(4, 0.1)).tape):
        assert all(p < position for p in node.inputs if type(p) is int)


def test_a_recording_can_be_computed_again() -> None:
    """Each node's value is its op on its operands' values: the tape is a program."""
    rng = np.random.default_rng(0)

    def f(w: Any, x: Any) -> Any:
        h = np.maximum(x @ w, 0.0)
        return tg.special.logsumexp(h, axis=1).sum() + tg.at(w)[[0, 0], 1].set(2.0).mean()

    recording = tg.record(f, rng.normal(size=(3, 2)), rng.normal(size=(4, 3)))
    for node in recording.tape[len(recording.inputs) :]:
        operands = [recording.tape[p].value if type(p) is int else p for p in node.inputs]
        np.testing.assert_array_equal(node.op.run(*operands, **node.params), node.value)


def test_everything_is_frozen() -> None:
    """The recording, its nodes and their ops cannot be changed."""
    recording = tg.record(neuron, 0.5, 2.0, -1.0)
    thing: Any
    for thing, name in (
        (recording, "value"),
        (recording.tape[3], "value"),
        (recording.tape[3].op, "name"),
    ):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(thing, name, None)
    with pytest.raises(TypeError):
        recording.tape[0] = None  # type: ignore[index]
    assert isinstance(recording.tape, tuple)
    params: Any = tg.record(lambda x: x.sum(axis=0), np.ones((2, 2))).tape[1].params
    assert params["axes"] == (0,)


@pytest.mark.parametrize("x", [1.5, np.array([0.5, 2.0])], ids=["number", "array"])
def test_a_tape_that_no_one_reads_keeps_the_same_facts(x: Any) -> None:
    """It keeps arithmetic in a smaller record: the same under the same names, and as frozen."""

    def f(x: Any) -> Any:
        y = (x + x) * 2.0 - x / 4.0
        y = 3.0 / y + (1.0 - y) ** 2.0 + 2.0**x
        return tg.label(-y, "y").sum() if isinstance(x.value, np.ndarray) else np.tanh(y)

    tape = tg.Tape(TABLE, "grad", f)
    f(tape.input(x))
    read = tg.record(f, x).tape
    assert len(tape.nodes) == len(read) > 10
    for found, full in zip(tape.nodes, read, strict=True):
        assert (found.op, found.inputs, found.params) == (
            full.op,
            full.inputs,
            {} if full.op.name == "input" else full.params,
        )
        np.testing.assert_array_equal(found.value, full.value)
        assert (found.line, found.label) == (None, None if full.op.name == "input" else full.label)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            found.value = 0.0  # type: ignore[misc]
    assert {type(node) for node in tape.nodes} == {tg.Node, Binary}
    assert {type(node) for node in read} == {tg.Node}


def test_inputs_are_named_as_the_function_names_them() -> None:
    """By parameter and path; where the function has no names, by position."""

    def f(p: Any, x: Any) -> Any:
        return p["layers"][0] * x + p["b"]

    recording = tg.record(f, {"layers": [1.0], "b": 2.0}, 3.0)
    assert [node.label for node in recording.tape[:3]] == ["p['b']", "p['layers'][0]", "x"]
    assert recording.inputs == (0, 1, 2)
    starred = tg.record(lambda *xs: xs[0] + xs[1], 1.0, 2.0)
    assert [node.label for node in starred.tape[:2]] == ["args[0]", "args[1]"]
    builtin = tg.record(np.add, 1.0, 2.0)
    assert builtin.value == 3.0


def test_outputs_of_trees() -> None:
    """A position for each leaf of the output, in order; None for a constant; the same twice."""

    def f(x: Any) -> Any:
        y = x * 2.0
        return {"a": (y, y), "b": 5.0, "c": x}

    recording = tg.record(f, 3.0)
    assert recording.value == {"a": (6.0, 6.0), "b": 5.0, "c": 3.0}
    assert recording.outputs == (1, 1, None, 0)


def test_the_value_is_plain() -> None:
    """Nothing traced comes out."""
    recording = tg.record(lambda x: [np.sin(x), x > 0.0], np.ones(2))
    assert all(isinstance(leaf, np.ndarray) for leaf in tg.tree.leaves(recording.value))


def test_a_node_knows_the_users_line() -> None:
    """File, line and function of each operation; none for an input."""

    def f(x: Any) -> Any:
        y = tnp.exp(x)
        return y + 1.0

    recording = tg.record(f, 1.0)
    first = f.__code__.co_firstlineno
    assert recording.tape[0].line is None
    line = recording.tape[1].line
    assert line is not None
    assert f"test_record.py:{first + 1}, in f: y = tnp.exp(x)" in str(line)
    line = recording.tape[2].line
    assert line is not None
    assert f"test_record.py:{first + 2}, in f: return y + 1.0" in str(line)


def test_the_printed_table() -> None:
    """One line for each node, operands by their names; the arrow marks the output."""

    def f(a: Any, b: Any) -> Any:
        e = tg.label(a * b, "e")
        return e + 10.0

    text = str(tg.record(f, 2.0, -3.0))
    first = f.__code__.co_firstlineno
    lines = text.splitlines()
    assert lines[0] == "f: 5 nodes"
    assert lines[1].split() == ["0", "a", "input", "2.0"]
    assert lines[2].split() == ["1", "b", "input", "-3.0"]
    assert lines[3].split()[:5] == ["2", "a", "*", "b", "-6.0"]
    assert lines[3].endswith(f"test_record.py:{first + 1}")
    assert lines[4].split()[:2] == ["3", "e"]
    assert lines[5].split()[:6] == ["→", "4", "e", "+", "10.0", "4.0"]
    assert f"test_record.py:{first + 2}" in lines[5]
    assert repr(tg.record(f, 2.0, -3.0)) == text


def test_the_table_of_arrays() -> None:
    """Arrays by dtype and shape, parameters by name, what has no name by its position."""
    text = str(tg.record(lambda x: -x.sum(axis=0)[1:], np.ones((2, 3), np.float32)))
    assert "float32[2, 3]" in text
    assert "sum(x, axes=(0,))" in text
    assert "-%2" in text
    constant = str(tg.record(lambda x: x * np.ones(3), np.ones(3)))
    assert "x * float64[3]" in constant
    assert "x * 2.0 " in str(tg.record(lambda x: x * np.array(2.0), 1.0))


def test_the_table_of_a_shape() -> None:
    """The length that was to be worked out, worked out."""
    text = str(tg.record(lambda x: np.reshape(x, (2, -1)), np.ones(6)))
    assert "reshape(x, shape=(2, 3))" in text


def test_the_table_of_nothing() -> None:
    """A function of no arguments, and one that computes nothing."""
    assert str(tg.record(lambda: 1.0)).startswith("<lambda>: 0 nodes")
    assert "→ 0  x  input  1.0" in str(tg.record(lambda x: x, 1.0))


def test_label() -> None:
    """A label is a node of its own, changes nothing, and is not seen by any derivative."""

    def f(x: Any) -> Any:
        return tg.label(x * 2.0, "twice") ** 2

    assert tg.value_and_grad(f)(3.0) == (36.0, 24.0)
    assert tg.grad(tg.grad(f))(3.0) == 8.0
    assert tg.jvp(f, (3.0,), (1.0,)) == (36.0, 24.0)
    np.testing.assert_array_equal(tg.vmap(tg.grad(f))(np.array([1.0, 2.0])), [8.0, 16.0])
    labels = [node.label for node in tg.record(f, 3.0).tape]
    assert labels == ["x", None, "twice", None]


def test_label_of_trees_and_of_plain_values() -> None:
    """Every traced leaf of a tree is labelled; plain values are returned as they are."""
    x = np.ones(2)
    assert tg.label(x, "x") is x
    assert tg.label({"a": "text"}, "t") == {"a": "text"}
    recording = tg.record(lambda p: tg.label(p, "both")["a"], {"a": 1.0, "b": 2.0})
    assert [node.label for node in recording.tape] == ["p['a']", "p['b']", "both", "both"]


def test_recording_a_gradient_shows_forward_and_backward() -> None:
    """Rules are made of operations: the record of a gradient is one flat tape of them."""
    recording = tg.record(tg.grad(lambda x: np.sin(x) * 2.0), 0.5)
    assert recording.value == 2.0 * np.cos(0.5)
    names = [node.op.name for node in recording.tape]
    assert names[0] == "input"
    assert "cos" in names
    assert recording.outputs == (len(names) - 1,)


def test_recording_inside_a_transform() -> None:
    """A recording made inside a gradient holds the outer transform's values."""

    def f(x: Any) -> Any:
        return tg.record(lambda y: y * y, x).value

    assert tg.grad(f)(3.0) == 6.0
    np.testing.assert_array_equal(tg.vmap(f)(np.array([1.0, 2.0])), [1.0, 4.0])


def test_bad_arguments_are_named() -> None:
    """The path is that of the function's own parameter."""
    with pytest.raises(
        tg.LeafError, match=r"^p\['n'\] is str 'three', which is not a plain number"
    ):
        tg.record(lambda p: p["x"], {"x": 1.0, "n": "three"})
    with pytest.raises(tg.LeafError, match=r"^p\['n'\] is complex128\[3\]: only real numbers"):
        tg.record(lambda p: p["x"], {"x": 1.0, "n": np.ones(3, complex)})
