"""What pickles and is copied: everything that a transform returns, where the user's function does.

A copy that comes back must do what the original does, in another process, too.
"""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
import truth

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import ops, optim
from tapegrad._program import Guard
from tapegrad._tape import CONSTANT, INPUT, AnyOp, Tape
from tapegrad.numpy import TABLE
from tapegrad.ops._elementwise import elementwise
from tapegrad.transforms._opaque import opaque

X = np.array([0.5, -1.0, 2.0])
GRAD: Any = tg.grad


def sent(thing: Any) -> Any:
    """What another process would get."""
    return pickle.loads(pickle.dumps(thing))


COPIES = [pytest.param(sent, id="pickle"), pytest.param(copy.deepcopy, id="deepcopy")]
each_copy = pytest.mark.parametrize("copied", COPIES)


@attrs.frozen
class Layer:
    """A node with a setting."""

    w: Any
    act: Callable[[Any], Any] = attrs.field(default=tnp.tanh, metadata={"static": True})


class Pair(NamedTuple):
    """A node."""

    a: Any
    b: Any


def as_any(f: Callable[..., Any]) -> Any:
    """custom_vjp without its types."""
    return tg.custom_vjp(f)


@as_any
def cubed(x: Any) -> Any:
    """x³, decorated: found by its name."""
    return x**3, lambda g: (3.0 * g * x**2,)


def _squared(x: Any) -> Any:
    return x * x, lambda g: (2.0 * g * x,)


squared = as_any(_squared)


def network(p: Any) -> Any:
    """Layers, a choice, an index, a function with its own pullback."""
    h = p["layer"].act(p["layer"].w * X)
    h = np.where(h > 0.0, h, 0.1 * h)[np.array([0, 2, 1])]
    return Pair(cubed(h).sum() + squared(h)[1:].sum(), np.stack([h, p["b"] * h]))


PARAMS = {"layer": Layer(np.array([1.0, 2.0, -0.5])), "b": 3.0}


def branching(x: Any) -> Any:
    """Each kind of decision: truth, number, elements, value, mask, and a check of labels."""
    labels = np.argsort(x)
    y = x[x > 0.0].sum() * getattr(x, "value", x)[0] + X[labels].sum()
    y = y + tg.nn.cross_entropy(np.stack([x, x, x]), labels) + x[: int(labels[0])].sum()
    return y * 2.0 if y > 0.0 else y


# Pullbacks ---------------------------------------------------------------------------------------


@each_copy
def test_a_pullback(copied: Callable[[Any], Any]) -> None:
    """Of trees, with ops of every kind; the function need not pickle, since it has been run."""
    out, pull = tg.vjp(lambda p: network(p), PARAMS)
    cotangent = Pair(2.0, np.ones_like(out.b))
    truth.assert_same(copied(pull)(cotangent), pull(cotangent))
    truth.assert_same(copied(copied(pull))(cotangent), pull(cotangent))


@each_copy
def test_a_pullback_of_a_pullback(copied: Callable[[Any], Any]) -> None:
    """The pullback of a function's own pullback is on this tape."""
    _, pull = tg.vjp(tg.grad(lambda x: (cubed(squared(x)) * X).sum()), X)
    truth.assert_same(copied(pull)(X), pull(X))
    _, pull = tg.vjp(lambda g: tg.vjp(squared, X)[1](g)[0], X)
    truth.assert_same(copied(pull)(X), pull(X))


# Recordings and programs -------------------------------------------------------------------------


@each_copy
def test_a_recording(copied: Callable[[Any], Any]) -> None:
    """Its nodes, value, labels, lines; and its program, asked for before or after."""
    recording = tg.record(network, PARAMS)
    for _ in range(2):
        other = copied(recording)
        assert str(other) == str(recording)
        truth.assert_same(other.value, recording.value)
        assert [n.op.name for n in other.tape] == [n.op.name for n in recording.tape]
        assert str(other.program) == str(recording.program)
        truth.assert_same(other.program(PARAMS), network(PARAMS))
        with pytest.raises(TypeError):
            other.tape[0].params["label"] = "another"


@each_copy
def test_a_program(copied: Callable[[Any], Any]) -> None:
    """It runs, keeps its guards, and its steps equal those that it was copied from."""
    program = tg.record(branching, X).program
    other = copied(program)
    assert str(other) == str(program)
    for ours, theirs in zip(other.steps, program.steps, strict=True):
        if ours.op is not CONSTANT:  # arrays are compared by identity
            assert ours == theirs
            assert hash(ours) == hash(theirs)
    truth.assert_same(other(X), branching(X))
    for x in (-X, X[::-1].copy()):
        with pytest.raises(tg.GuardError) as caught:
            other(x)
        with pytest.raises(tg.GuardError) as expected:
            program(x)
        assert str(caught.value) == str(expected.value)
    with pytest.raises(tg.ShapeError, match="expected a leaf at args"):
        other([X])


def test_every_reason_to_look_pickles() -> None:
    """What was asked of values, whoever asked: a program keeps it."""

    def asks(x: Any) -> Any:
        labels = np.argsort(x)
        probabilities = tnp.stack([x * 0.0 + 0.5, x * 0.0 + 0.5], axis=1)
        logits = tnp.stack([x, -x], axis=1)
        sides = np.sign(x)
        return (
            tg.nn.hinge(x, sides)
            + tg.nn.binary_cross_entropy(x, sides * 0.5 + 0.5)
            + tg.nn.cross_entropy(logits, probabilities)
            + tg.nn.cross_entropy(logits, labels * 0)
            + tg.nn.accuracy(x, sides)
            + (float(labels[0]) + complex(labels[0]).real + [1.0, 2.0, 3.0][labels[0]])
            + np.asarray(labels).sum()
        )

    guards = tg.record(asks, X).guards
    assert len(guards) >= 10
    for guard in guards:
        other = sent(guard)
        assert isinstance(other, Guard)
        assert other.why == guard.why
        assert type(other.found) is type(guard.found)


@each_copy
def test_a_program_of_a_gradient(copied: Callable[[Any], Any]) -> None:
    """With functions that bring their pullback, in both modes."""

    def loss(x: Any) -> Any:
        return (cubed(squared(x)) * X).sum()

    for f in (tg.grad(loss), tg.grad(lambda x: tg.grad(loss)(x).sum())):
        program = tg.record(f, X).program
        truth.assert_close(copied(program)(2.0 * X), f(2.0 * X), rtol=1e-13)
    program = tg.record(lambda x: tg.jvp(loss, (x,), (X,))[1], X).program
    assert copied(program)(2.0 * X) == pytest.approx(program(2.0 * X))


IN_ANOTHER_PROCESS = """\
import pickle, sys
recording, program, pull, unravel, structure = pickle.load(sys.stdin.buffer)
import numpy as np
import tapegrad as tg
import test_pickle as here
assert str(recording.program) == str(program)
assert float(program(here.PARAMS).a) == float(here.network(here.PARAMS).a)
assert float(recording.value.a) == float(program(here.PARAMS).a)
(gradient,) = pull(here.Pair(1.0, np.zeros((2, 3))))
assert isinstance(gradient["layer"], here.Layer), gradient
assert gradient["layer"].act is tg.numpy.tanh
assert isinstance(unravel(np.arange(4.0))["layer"], here.Layer)
assert structure == tg.tree.flatten(here.PARAMS)[1]
"""


def test_in_another_process() -> None:
    """Which has seen none of the classes before."""
    recording = tg.record(network, PARAMS)
    _, pull = tg.vjp(network, PARAMS)
    _, unravel = tg.tree.ravel(PARAMS)
    things = recording, recording.program, pull, unravel, tg.tree.flatten(PARAMS)[1]
    # This module has another name there, if it is run on its own.
    data = pickle.dumps(things)
    here = Path(__file__).parent
    subprocess.run(
        [sys.executable, "-W", "error", "-c", IN_ANOTHER_PROCESS],
        input=data,
        check=True,
        cwd=here,
        env={"PYTHONPATH": f"{here}:{here.parent}"},
    )


# Parts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "op", [*ops.ALL, INPUT, CONSTANT, opaque, cubed.op, squared.op], ids=lambda op: op.name
)
def test_every_op_is_found_by_its_name(op: AnyOp) -> None:
    """There is one of each, in each process."""
    assert copy.deepcopy(op) is op
    found: Any = sent(op)
    assert found is op or (op is squared.op and found.run.__self__.function is _squared)


def test_an_op_of_a_custom_function_stays_one() -> None:
    """Two nodes of one op, of a function that is not found by a name of its own."""
    recording = sent(tg.record(lambda x: squared(squared(x)), 2.0))
    first, second = (node.op for node in recording.tape if node.op.name == "_squared")
    assert first is second
    assert recording.program(3.0) == 81.0


@pytest.mark.parametrize(
    "tree", [PARAMS, [1.0, None, (2.0, {})], Pair(1.0, [Layer(2.0)]), None, 1.0], ids=repr
)
@each_copy
def test_a_structure(tree: Any, copied: Callable[[Any], Any]) -> None:
    """Of every kind of node."""
    structure = tg.tree.flatten(tree)[1]
    assert copied(structure) == structure
    assert hash(copied(structure)) == hash(structure)
    assert repr(copied(structure)) == repr(structure)


@pytest.mark.parametrize(
    "wrap", [tg.grad, tg.value_and_grad, tg.jacfwd, tg.jacrev, tg.hessian, tg.vmap]
)
@each_copy
def test_what_transforms_return(wrap: Any, copied: Callable[[Any], Any]) -> None:
    """Where the function pickles, or is an op."""
    for f in (tnp.sin, cubed):
        x = np.array([1.0, 2.0]) if wrap is tg.vmap else 1.0
        truth.assert_same(copied(wrap(f))(x), wrap(f)(x))


OPTIMIZERS: dict[str, Callable[[], optim.Transformation[Any]]] = {
    "sgd": lambda: optim.sgd(0.1),
    "all": lambda: optim.sgd(0.1, momentum=0.9, nesterov=True, l2=0.01),
    "constant": lambda: optim.sgd(optim.constant(0.1)),
    "linear": lambda: optim.sgd(optim.linear_decay(1.0, 0.1, 3)),
    "exponential": lambda: optim.sgd(optim.exponential_decay(1.0, 0.5, 2)),
    "cosine": lambda: optim.scale(optim.cosine_decay(1.0, 0.1, 3)),
    "l2": lambda: optim.add_l2(0.5),
    "momentum": lambda: optim.momentum(0.5),
    "chain": lambda: optim.chain(optim.chain(), optim.momentum(0.5), optim.scale(0.1)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@each_copy
def test_an_optimiser(name: str, copied: Callable[[Any], Any]) -> None:
    """With its schedule and its state: the copy goes on where the original was."""
    optimizer = OPTIMIZERS[name]()
    params = {"w": X, "b": 1.0}
    state = optimizer.init(params)
    for _ in range(3):
        other = copied(optimizer)
        updates, after = other.update(params, copied(state), params)
        expected, state = optimizer.update(params, state, params)
        truth.assert_same(updates, expected)
        truth.assert_same(after, state)
        truth.assert_same(other.init(params), optimizer.init(params))


# What does not -----------------------------------------------------------------------------------


def pickles(x: Any) -> Any:
    """A function that sends its argument elsewhere."""
    return pickle.dumps(x)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_traced_value_does_not(protocol: int) -> None:
    """It says why, and what does; within other things, too."""
    with pytest.raises(tg.ConversionError) as caught:
        GRAD(pickles)(2.0)
    first, where, remedy = str(caught.value).splitlines()
    assert first == (
        "A traced value (float 2.0) cannot be pickled: it is part of a call that runs here and now."
    )
    assert where.endswith("in pickles: return pickle.dumps(x)")
    assert remedy == (
        "Pickle x.value, a constant to every gradient; or return it, and pickle what the transform "
        "gives."
    )
    for run in (
        lambda x: pickle.dumps([{"a": x}], protocol),
        lambda x: pickle.dumps(tg.vjp(lambda y: x * y, 2.0)[1], protocol),
        lambda x: pickle.dumps(tg.record(lambda y: x * y, 2.0), protocol),
        lambda x: tg.vmap(lambda y: pickle.dumps(x * y, protocol))(np.ones(2)),
    ):
        with pytest.raises(tg.ConversionError, match="cannot be pickled"):
            GRAD(run)(2.0)


def test_a_traced_value_is_copied_as_it_is() -> None:
    """It is immutable."""
    assert tg.grad(lambda x: copy.deepcopy([x])[0] * copy.copy(x))(3.0) == 6.0


def test_what_is_found_by_no_name_says_so() -> None:
    """Python's own words, with the name: of a lambda, and of an op that is made in a function."""

    @elementwise(np.deg2rad, lambda out, x: np.pi / 180.0)
    def local(x: Any, /) -> Any:
        """An op."""

    with pytest.raises((pickle.PicklingError, AttributeError), match="local"):
        pickle.dumps(tg.record(local, 90.0))
    inner = as_any(lambda x: (x, lambda g: (g,)))
    for thing in (GRAD(lambda x: x), tg.record(inner, 2.0)):
        with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
            pickle.dumps(thing)


def test_a_tape_that_no_one_reads() -> None:
    """Its small records, too."""
    with Tape(TABLE, "grad", None) as tape:
        nodes = tape.nodes
        x = tape.input(2.0, "x")
        _ = np.sin(x * 3.0) ** 2
    for node, other in zip(nodes, sent(nodes), strict=True):
        assert type(other) is type(node)
        assert (other.op, other.inputs, other.value) == (node.op, node.inputs, node.value)
        assert dict(other.params) == dict(node.params)
        assert hash(other) != hash(node)
