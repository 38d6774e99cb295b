"""custom_vjp as an op of bundles: one op per function, run once, with arguments left as they came.

What it computes under each transform is in test_custom.py.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import truth

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad._tape import AnyOp, Tape, Var
from tapegrad.transforms import _custom

RNG = np.random.default_rng(43)


def as_any(f: Callable[..., Any]) -> Any:
    """custom_vjp without its types."""
    return tg.custom_vjp(f)


@contextmanager
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[AnyOp], list[AnyOp]]]:
    """(the ops that are made by custom_vjp, those that tapes append), while it lasts."""
    made: list[AnyOp] = []
    appended: list[AnyOp] = []
    make: Any = _custom.Owned  # type: ignore[attr-defined]  # not exported
    append = Tape.append

    def op(*args: Any, **fields: Any) -> Any:
        made.append(make(*args, **fields))
        return made[-1]

    def noting(self: Tape, op: AnyOp, inputs: Any, params: Any, value: Any) -> Var:
        appended.append(op)
        return append(self, op, inputs, params, value)

    with monkeypatch.context() as patch:
        patch.setattr(_custom, "Owned", op)
        patch.setattr(Tape, "append", noting)
        yield made, appended


class Counted:
    """A function with a pullback that counts its calls and those of its pullback."""

    def __init__(self, f: Callable[..., Any], pull: Callable[..., Any]) -> None:
        """f(*args) is the output, pull(g, *args) the cotangents."""
        self.f, self.pull = f, pull
        self.calls = self.pulls = 0
        self.custom = as_any(self.run)

    def run(self, *args: Any) -> Any:
        """(output, pullback), counted."""
        self.calls += 1

        def pullback(g: Any) -> Any:
            self.pulls += 1
            return self.pull(g, *args)

        return self.f(*args), pullback

    def __call__(self, *args: Any) -> Any:
        """What custom_vjp made of it."""
        return self.custom(*args)

    @property
    def counts(self) -> tuple[int, int]:
        """(calls, calls of the pullback) since this was last asked."""
        found = self.calls, self.pulls
        self.calls = self.pulls = 0
        return found


def cubed() -> Counted:
    return Counted(lambda x: x**3, lambda g, x: (3.0 * x**2 * g,))


def product() -> Counted:
    return Counted(lambda x, y: x * y, lambda g, x, y: (g * y, g * x))


class Both(NamedTuple):
    """Two outputs."""

    s: Any
    p: Any


def sum_and_product() -> Counted:
    return Counted(
        lambda x, y: Both(x + y, x * y),
        lambda g, x, y: (g.s + g.p * y, g.s + g.p * x),
    )


# One op ------------------------------------------------------------------------------------------

X = np.array([0.5, -1.0, 2.0])
Y = np.array([1.5, 0.25, -0.75])

WAYS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda f: f(2.0, 3.0),
    "grad": lambda f: tg.grad(f, (0, 1))(2.0, 3.0),
    "twice": lambda f: tg.grad(lambda x, y: f(f(x, y), y))(2.0, 3.0),
    "jvp": lambda f: tg.jvp(f, (2.0, 3.0), (1.0, 1.0)),
    "vmap": lambda f: tg.vmap(f)(X, Y),
    "vmap, one shared": lambda f: tg.vmap(f, (0, None))(X, 3.0),
    "vmap, the other": lambda f: tg.vmap(f, (None, 0))(2.0, Y),
    "vmap of vmap": lambda f: tg.vmap(tg.vmap(f, (None, 0)), (0, None))(X, Y),
    "grad of vmap": lambda f: tg.grad(lambda x: tg.vmap(f, (0, None))(x, 3.0).sum())(X),
    "vmap of grad": lambda f: tg.vmap(tg.grad(f, (0, 1)), (0, None))(X, 3.0),
    "grad of grad": lambda f: tg.grad(tg.grad(f))(2.0, 3.0),
    "hessian": lambda f: tg.hessian(lambda x: f(x, x).sum())(X),
    "jacobians": lambda f: (tg.jacrev(f)(X, Y), tg.jacfwd(f)(X, Y)),
    "record": lambda f: tg.record(f, 2.0, 3.0).program(4.0, 5.0),
}


@pytest.mark.parametrize("way", WAYS)
def test_one_op_for_each_function(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made with the function, not with the calls; every tape has the same."""
    with noted(monkeypatch) as (made, appended):
        f = product()
        assert len(made) == 1
        for _ in range(3):
            WAYS[way](f)
        assert len(made) == 1
        assert made == [f.custom.op]
        assert {op for op in appended if op.name == "run"} <= {f.custom.op}
    truth.assert_close(WAYS[way](f), WAYS[way](lambda x, y: x * y), rtol=1e-13)


@pytest.mark.parametrize("way", ["grad", "twice", "jvp", "grad of vmap", "hessian"])
def test_it_is_on_the_tape(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count above is of something: the op is appended, and neither * nor its rules are."""
    with noted(monkeypatch) as (_, appended):
        f = product()
        WAYS[way](f)
        assert f.custom.op in appended


def test_the_nodes_of_a_call() -> None:
    """A bundle of the operands, the op, a part for each output: in this order, each once."""
    f = sum_and_product()
    recording = tg.record(lambda x, y: f(f(x, y).p, y), 2.0, 3.0)
    ops = [node.op for node in recording.tape]
    names = ["pack", f.custom.op.name, "part", "part"]
    assert [op.name for op in ops] == ["input", "input", *names, *names]
    assert ops[3] is ops[7] is f.custom.op
    assert recording.value == Both(9.0, 18.0)
    assert recording.program(1.0, 5.0) == Both(10.0, 25.0)


def test_two_functions_have_two_ops() -> None:
    """Even if they are made of one."""

    def f(x: Any) -> Any:
        return x, lambda g: (g,)

    assert as_any(f).op is not as_any(f).op
    assert as_any(f).op.name == "f"


# Run once ----------------------------------------------------------------------------------------


def test_once_for_each_gradient() -> None:
    """The function once, its pullback once, whatever the number of arguments and outputs."""
    f = sum_and_product()

    def loss(x: Any, y: Any) -> Any:
        out = f(x, y)
        return (out.s * out.p).sum()

    for x, y in ((2.0, 3.0), (X, Y)):
        expected = tg.grad(lambda x, y: ((x + y) * (x * y)).sum(), (0, 1))(np.array(x), np.array(y))
        found = tg.grad(loss, (0, 1))(np.array(x), np.array(y))
        assert f.counts == (1, 1)
        truth.assert_close(found, expected, rtol=1e-14)
    assert tg.grad(loss)(np.array(2.0), 3.0) == 21.0  # ∂/∂x (x + y) x y = 2xy + y²
    assert f.counts == (1, 1)
    assert tg.grad(loss, 1)(2.0, np.array(3.0)) == 16.0
    assert f.counts == (1, 1)


def test_once_for_each_call() -> None:
    """Three calls in a row, three of each; none of the pullback without a gradient."""
    f = cubed()
    assert f(2.0) == 8.0
    assert f.counts == (1, 0)
    assert tg.grad(lambda x: f(f(f(x))))(1.0) == 27.0
    assert f.counts == (3, 3)
    assert tg.value_and_grad(lambda x: x * 2.0 + f(2.0))(1.0) == (10.0, 2.0)
    assert f.counts == (1, 0)  # of a constant
    assert tg.grad(lambda x: f(x) * 0.0 + tg.stop_gradient(f(x)))(2.0) == 0.0
    assert f.counts == (2, 1)
    out, pullback = tg.vjp(f, 2.0)
    assert (out, f.counts) == (8.0, (1, 0))
    assert [pullback(1.0), pullback(2.0)] == [(12.0,), (24.0,)]
    assert f.counts == (0, 2)


def test_a_batch_runs_once() -> None:
    """All examples at once: the function once more for the pullback, never once per example."""
    f = product()
    x = RNG.normal(size=(50, 3))
    np.testing.assert_allclose(tg.vmap(f, (0, None))(x, Y), x * Y, rtol=1e-15)
    assert f.counts == (1, 0)
    found = tg.grad(lambda x: tg.vmap(f, (0, None))(x, Y).sum())(x)
    np.testing.assert_allclose(found, np.broadcast_to(Y, x.shape), rtol=1e-15)
    assert f.counts == (2, 1)


def test_a_batch_of_batches() -> None:
    """The function sees one example of the innermost, whichever arguments have which batch."""

    def f(x: Any, w: Any) -> Any:
        assert (x.shape, w.shape) == ((3,), (3,))
        return (x * x * w).sum(), lambda g: (2.0 * g * x * w, g * x * x)

    def plain(x: Any, w: Any) -> Any:
        return (x * x * w).sum()

    x, custom = RNG.normal(size=(2, 4, 3)), as_any(f)
    for inner, outer, w in (
        ((0, None), (0, None), Y),
        ((0, 0), (0, None), RNG.normal(size=(4, 3))),
        ((0, None), (0, 0), RNG.normal(size=(2, 3))),
        ((0, 0), (0, 0), RNG.normal(size=(2, 4, 3))),
    ):

        def loss(
            g: Any, x: Any, w: Any, inner: tuple[int | None, ...] = inner, outer: Any = outer
        ) -> Any:
            return np.sin(tg.vmap(tg.vmap(g, inner), outer)(x, w)).sum()

        found = tg.grad(partial(loss, custom), (0, 1))(x, w)
        truth.assert_close(found, tg.grad(partial(loss, plain), (0, 1))(x, w), rtol=1e-12)
        found = tg.vmap(tg.vmap(tg.grad(custom), inner), outer)(x, w)
        expected = tg.vmap(tg.vmap(tg.grad(plain), inner), outer)(x, w)
        truth.assert_close(found, expected, rtol=1e-12)


def test_an_array_under_jacrev_runs_once() -> None:
    """One run of the function, one pullback for all rows: they are a batch."""
    f = cubed()
    np.testing.assert_allclose(tg.jacrev(f)(X), np.diag(3.0 * X**2), rtol=1e-14)
    calls, pulls = f.counts
    assert (calls, pulls) == (1, 1)


# Arguments ---------------------------------------------------------------------------------------


class Options(NamedTuple):
    """Arguments in a tree."""

    steps: int
    name: str
    weight: Any
    flags: dict[str, Any]


def chained(x: Any, options: Options, each: Callable[[Any], Any], none: None, flag: bool) -> Any:
    """x weight^steps, by a loop that needs an int, told what is which by what is no number."""
    assert type(options.steps) is int
    assert type(options.name) is str
    assert options.flags == {"deep": [True, None, "s", 7, 2 + 1j], "shape": (2, 3)}
    assert type(options.flags["deep"][0]) is bool
    assert each is float
    assert none is None
    assert flag is False
    out = x * 1.0
    for _ in range(options.steps):
        out = out * options.weight

    def pullback(g: Any) -> Any:
        n, w = options.steps, options.weight
        by_weight = tnp.sum(g * x * n * w ** (n - 1))
        return g * w**n, Options(0, "", by_weight, FLAGS), None, None, None

    return out, pullback


CHAINED = as_any(chained)
FLAGS: dict[str, Any] = {"deep": [True, None, "s", 7, 2 + 1j], "shape": (2, 3)}


def powered(x: Any, weight: Any) -> Any:
    """CHAINED with all its arguments."""
    return CHAINED(x, Options(3, "name", weight, FLAGS), float, None, False)


def plain_powered(x: Any, weight: Any) -> Any:
    """The same from operations."""
    return x * weight * weight * weight


ARGUMENTS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda f: f(2.0, 3.0),
    "grad": lambda f: tg.grad(f, (0, 1))(2.0, 3.0),
    "grad by one": lambda f: tg.grad(f, 1)(2.0, 3.0),
    "arrays": lambda f: tg.grad(lambda x, w: f(x, w).sum(), (0, 1))(X, 3.0),
    "jvp": lambda f: tg.jvp(f, (2.0, 3.0), (1.0, 10.0)),
    "jvp of one": lambda f: tg.jvp(lambda w: f(2.0, w), (3.0,), (1.0,)),
    "vmap": lambda f: tg.vmap(f)(X, Y),
    "vmap of one": lambda f: tg.vmap(f, (None, 0))(2.0, Y),
    "grad of vmap": lambda f: tg.grad(lambda x, w: tg.vmap(f, (0, None))(x, w).sum(), (0, 1))(
        X, 3.0
    ),
    "vmap of grad": lambda f: tg.vmap(tg.grad(f, (0, 1)), (0, None))(X, 3.0),
    "grad of grad": lambda f: tg.grad(tg.grad(f, 1), 1)(2.0, 3.0),
    "hessian": lambda f: tg.hessian(lambda w: f(w[0], w[1]))(Y[:2]),
    "jacfwd of jacfwd": lambda f: tg.jacfwd(tg.jacfwd(lambda w: f(w[0], w[1])))(Y[:2]),
}


@pytest.mark.parametrize("way", ARGUMENTS)
def test_what_is_no_number_comes_as_it_is(way: str) -> None:
    """Strings, ints, truths, None, complex numbers, functions, in trees, under every transform."""
    found, expected = ARGUMENTS[way](powered), ARGUMENTS[way](plain_powered)
    truth.assert_close(found, expected, rtol=1e-12)


def test_numpys_integers_are_numbers() -> None:
    """An array of integers is an operand without a gradient; None says so."""
    seen = []

    @as_any
    def picked(x: Any, i: Any) -> Any:
        seen.append(type(i))
        return x[i], lambda g: (tg.at(tnp.zeros_like(x))[i].add(g), None)

    places = np.array([2, 0])
    found = tg.grad(lambda x: (picked(x, places) * np.array([1.0, 10.0])).sum())(X)
    np.testing.assert_array_equal(found, [10.0, 0.0, 1.0])
    assert seen == [np.ndarray]


def test_no_operands_at_all() -> None:
    """A function of nothing that could be traced is just called."""

    @as_any
    def counted(n: int, name: str) -> Any:
        return np.arange(float(n)), lambda g: (None, None)

    np.testing.assert_array_equal(counted(3, "n"), [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(tg.grad(lambda x: (x * counted(3, "n")).sum())(X), [0, 1, 2])


def test_arguments_of_an_inner_and_an_outer_trace() -> None:
    """d/dy of d/dx x² y³ at x = 2, y = 3: 4 · 27."""
    f = Counted(lambda x, y: x**2 * y**3, lambda g, x, y: (g * 2 * x * y**3, g * 3 * x**2 * y**2))
    assert tg.grad(lambda y: tg.grad(lambda x: f(x, y))(2.0))(3.0) == pytest.approx(108.0)
    assert tg.grad(lambda y: tg.grad(f)(2.0, y))(3.0) == pytest.approx(108.0)
    found = tg.vmap(lambda y: tg.grad(lambda x: f(x, y))(2.0))(Y)
    np.testing.assert_allclose(found, 4.0 * Y**3, rtol=1e-14)


# Outputs -----------------------------------------------------------------------------------------


def spread_out() -> Counted:
    """A tree of outputs: a number, an array, one that is constant."""
    return Counted(
        lambda x: {"sum": (x * x).sum(), "each": [np.sin(x), (3.0,)]},
        lambda g, x: (2.0 * g["sum"] * x + g["each"][0] * np.cos(x),),
    )


OUTPUTS: dict[str, Callable[[Any], Any]] = {
    "a number": lambda out: out["sum"],
    "an array": lambda out: (out["each"][0] * Y).sum(),
    "both": lambda out: out["sum"] * out["each"][0].sum(),
    "one twice": lambda out: out["sum"] * out["sum"],
    "a constant": lambda out: out["each"][1][0] * out["sum"],
    "only the constant": lambda out: out["each"][1][0] * 1.0,
}


@pytest.mark.parametrize("used", OUTPUTS)
def test_several_outputs(used: str) -> None:
    """The cotangents of those that are not used are zeros; the pullback is called once."""
    f, use = spread_out(), OUTPUTS[used]
    found = tg.grad(lambda x: use(f(x)))(X)
    assert f.counts == (1, 1)
    np.testing.assert_allclose(found, truth.gradient(lambda x: use(f.f(x)), X), rtol=1e-8)
    moved = tg.jvp(lambda x: use(f(x)), (X,), (Y,))[1]
    np.testing.assert_allclose(moved, found @ Y, rtol=1e-13)
    batch = RNG.normal(size=(4, 3))
    grads = tg.vmap(tg.grad(lambda x: use(f(x))))(batch)
    expected = [truth.gradient(lambda x: use(f.f(x)), x) for x in batch]
    np.testing.assert_allclose(grads, expected, rtol=1e-7, atol=1e-9)
    hessian = tg.hessian(lambda x: use(f(x)))(X)
    np.testing.assert_allclose(hessian, truth.hessian(lambda x: use(f.f(x)), X), atol=1e-5)


def test_an_output_that_no_one_uses_costs_no_pullback() -> None:
    """What does not lead to the result is not walked."""
    f = cubed()

    def loss(x: Any) -> Any:
        f(x)
        return x * 2.0

    assert tg.grad(loss)(3.0) == 2.0
    assert f.counts == (1, 0)


# Pickling ----------------------------------------------------------------------------------------


def square_and_pullback(x: Any) -> Any:
    """x², with its pullback."""
    return x * x, lambda g: (2.0 * x * g,)


square: Any = tg.custom_vjp(square_and_pullback)


@as_any
def decorated(x: Any) -> Any:
    """x² by the usual spelling."""
    return x * x, lambda g: (2.0 * x * g,)


@pytest.mark.parametrize(
    "wrap", [lambda f: f, tg.grad, tg.vmap, tg.hessian, lambda f: tg.grad(tg.grad(f))]
)
def test_a_custom_function_pickles(wrap: Callable[[Any], Any]) -> None:
    """A module's own does, alone and within transforms: it is made again of its function."""
    sent = pickle.loads(pickle.dumps(wrap(square)))
    x: Any = np.array([1.0, -3.0]) if wrap in (tg.vmap, tg.hessian) else 3.0
    if wrap is tg.hessian:
        x = 3.0
    np.testing.assert_array_equal(sent(x), wrap(square)(x))
    assert sent.__name__ == wrap(square).__name__


def test_a_decorated_function_pickles() -> None:
    """Under the name of the function stands what custom_vjp made of it."""
    assert pickle.loads(pickle.dumps(decorated)) is decorated


def test_a_custom_function_keeps_its_docstring() -> None:
    """As an op does."""
    assert decorated.__doc__ == "x² by the usual spelling."


# What a pullback may return ----------------------------------------------------------------------


def returning(given: Callable[[Any], Any]) -> Any:
    """x y, whose pullback returns something else."""

    @as_any
    def faulty(x: Any, y: Any) -> Any:
        return x * y, given

    return faulty


WRONG: dict[str, tuple[Callable[[Any], Any], str, type[Exception]]] = {
    "None for one that is traced": (
        lambda g: (None, g),
        r"pullback of faulty must return for args\[0\] a cotangent of shape \(3,\), but .* None$",
        tg.ShapeError,
    ),
    "a number": (
        lambda g: (1.0, g),
        r"for args\[0\] a cotangent of shape \(3,\), but it returned .*1\.0",
        tg.ShapeError,
    ),
    "another shape": (
        lambda g: (g, np.ones(4)),
        r"for args\[1\] a cotangent of shape \(3,\), but it returned float64\[4\]",
        tg.ShapeError,
    ),
    "a shape that would broadcast": (
        lambda g: (g, g[None]),
        r"for args\[1\] a cotangent of shape \(3,\), but it returned float64\[1, 3\]",
        tg.ShapeError,
    ),
    "too few": (
        lambda g: (g,),
        r"must return a tuple with one cotangent for each of its 2 arguments",
        tg.OutputError,
    ),
    "too many": (lambda g: (g, g, g), r"each of its 2 arguments", tg.OutputError),
    "no tuple": (lambda g: g, r"each of its 2 arguments, but it returned", tg.OutputError),
    "nothing": (lambda g: None, r"each of its 2 arguments, but it returned None", tg.OutputError),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_pullback_is_an_error(name: str) -> None:
    """In reverse and in forward mode, with the name of the function and the path."""
    given, text, kind = WRONG[name]
    f = returning(given)
    with pytest.raises(kind, match=text):
        tg.grad(lambda x, y: f(x, y).sum(), (0, 1))(X, Y)
    with pytest.raises(kind, match=text):
        tg.jvp(f, (X, Y), (X, Y))
    with pytest.raises(kind, match=text):
        tg.grad(lambda x: tg.grad(lambda z: f(z, z).sum())(x).sum())(X)


def doubling(other: Any) -> Any:
    """x y, whose pullback returns 2 g for x and something else for y."""
    return returning(lambda g: (2.0 * g, other))


def test_none_for_one_that_is_not_traced() -> None:
    """Says that no one wants it; so does a wrong shape, which no one sees."""
    others: list[Any] = [None, np.ones(7), 0]
    for other in others:
        f = doubling(other)
        of_x = partial(lambda f, x: f(x, Y), f)
        np.testing.assert_array_equal(tg.grad(lambda x: of_x(x).sum())(X), [2.0] * 3)  # noqa: B023
        np.testing.assert_array_equal(tg.jvp(of_x, (X,), (X,))[1], 2.0 * X)
        with pytest.raises(tg.ShapeError, match=r"args\[1\]"):
            tg.grad(lambda y, f=f: f(X, y).sum())(Y)


def test_none_for_a_whole_tree() -> None:
    """Where no leaf of it is traced; or the path of the first that is, is told."""

    @as_any
    def weighted(p: Any, x: Any) -> Any:
        return p["w"] * x + p["b"], lambda g: (None, g * p["w"])

    assert tg.grad(lambda x: weighted({"w": 2.0, "b": 1.0}, x))(5.0) == 2.0
    with pytest.raises(tg.ShapeError, match=r"for args\[0\]\['w'\] a cotangent of shape \(\)"):
        tg.grad(lambda w: weighted({"w": w, "b": 1.0}, 5.0))(2.0)


def test_none_within_a_tree() -> None:
    """For one leaf of an argument that needs none."""

    @as_any
    def weighted(p: Any, x: Any) -> Any:
        return p["w"] * x + p["b"], lambda g: ({"w": g * x, "b": None}, None)

    assert tg.grad(lambda w: weighted({"w": w, "b": 1.0}, 5.0))(2.0) == 5.0


NOT_PAIRS = [3.0, (3.0,), (3.0, 4.0), None, (1.0, len, len)]


@pytest.mark.parametrize("result", NOT_PAIRS, ids=str)
@pytest.mark.parametrize("run", [lambda f: f(1.0), lambda f: tg.grad(f)(1.0)])
def test_what_is_not_a_pair(run: Callable[[Any], Any], result: Any) -> None:
    """(output, pullback), or the error says what came."""
    with pytest.raises(tg.OutputError, match=r"must return \(output, pullback\)"):
        run(as_any(lambda x: result))


# Under vmap --------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", NOT_PAIRS, ids=str)
def test_what_is_not_a_pair_under_vmap(result: Any) -> None:
    """The same error."""
    with pytest.raises(tg.OutputError, match=r"must return \(output, pullback\)"):
        tg.vmap(as_any(lambda x: result))(X)


def test_none_under_vmap() -> None:
    """For an argument that is the same for all examples, and is no one's variable."""
    f = as_any(lambda x, y: (x * y, lambda g: (g * y, None)))
    found = tg.grad(lambda x: tg.vmap(f, (0, None))(x, 2.0).sum())(X)
    np.testing.assert_array_equal(found, [2.0] * 3)


def test_a_wrong_shape_under_vmap() -> None:
    """A cotangent of shape (3,) for a number is an error, not a wrong gradient."""
    f = as_any(lambda x: (x * x, lambda g: (g * 2.0 * x * np.ones(3),)))
    with pytest.raises(tg.ShapeError, match="cotangent of shape"):
        tg.grad(lambda x: tg.vmap(f)(x).sum())(X)


def test_a_wrong_shape_for_a_shared_argument_under_vmap() -> None:
    """A number for each of 3 examples is not the cotangent of a vector of 3."""
    f = as_any(lambda x, w: (x * w.sum(), lambda g: (g * w.sum(), g * x)))
    with pytest.raises(tg.ShapeError, match="cotangent of shape"):
        tg.grad(lambda w: tg.vmap(f, (0, None))(X, w).sum())(Y)


# IEEE --------------------------------------------------------------------------------------------


def test_a_pullback_of_floats_follows_ieee() -> None:
    """1 / 0 in a pullback is infinity, as in the rules of ops."""
    f = as_any(lambda x: (x * 1.0, lambda g: (g / x,)))
    with np.errstate(divide="ignore"):
        assert tg.grad(f)(0.0) == np.inf


# slogdet: another op of bundles ------------------------------------------------------------------

A = RNG.normal(size=(3, 3)) + 2.0 * np.eye(3)
STACK = RNG.normal(size=(4, 3, 3)) + 2.0 * np.eye(3)
INVERSE = np.linalg.inv(A).T


def log_of(a: Any) -> Any:
    return np.linalg.slogdet(a)[1]


def sign_of(a: Any) -> Any:
    return np.linalg.slogdet(a)[0]


def second_of_log(a: Any) -> Any:
    """∂² log|det A| / ∂Aij ∂Akl = -(A⁻¹)jk (A⁻¹)li."""
    inverse = np.linalg.inv(a)
    return -np.einsum("jk,li->ijkl", inverse, inverse)


def test_gradients_of_slogdet() -> None:
    """Of the logarithm A⁻ᵀ, of the sign zero, in both modes and in batches."""
    for jacobian in (tg.grad, tg.jacrev, tg.jacfwd):
        truth.assert_close(jacobian(log_of)(A), INVERSE, rtol=1e-12)
        truth.assert_close(jacobian(sign_of)(A), np.zeros((3, 3)))
    many = np.linalg.inv(STACK).transpose(0, 2, 1)
    for jacobian in (tg.grad, tg.jacrev, tg.jacfwd):
        truth.assert_close(tg.vmap(jacobian(log_of))(STACK), many, rtol=1e-11)
        truth.assert_close(tg.vmap(jacobian(sign_of))(STACK), np.zeros((4, 3, 3)))
    truth.assert_close(tg.grad(lambda a: tg.vmap(log_of)(a).sum())(STACK), many, rtol=1e-11)
    truth.assert_close(tg.grad(lambda a: log_of(a).sum())(STACK), many, rtol=1e-11)
    truth.assert_close(tg.grad(lambda a: tg.vmap(sign_of)(a).sum())(STACK), np.zeros((4, 3, 3)))


def test_hessians_of_slogdet() -> None:
    """By hand, by all four mixtures of modes, of a batch, and of the two parts together."""
    expected = second_of_log(A)
    np.testing.assert_allclose(truth.jacobian(lambda a: np.linalg.inv(a).T, A), expected, atol=1e-8)
    for way in (
        tg.hessian,
        lambda f: tg.jacrev(tg.jacrev(f)),
        lambda f: tg.jacrev(tg.jacfwd(f)),
        lambda f: tg.jacfwd(tg.jacfwd(f)),
    ):
        truth.assert_close(way(log_of)(A), expected, rtol=1e-10, atol=1e-12)
        truth.assert_close(way(sign_of)(A), np.zeros((3, 3, 3, 3)))
        truth.assert_close(
            way(lambda a: sign_of(a) * log_of(a))(A), expected * np.sign(np.linalg.det(A))
        )
    found = tg.vmap(tg.hessian(log_of))(np.stack([A, A + 1.0]))
    truth.assert_close(found[0], expected, rtol=1e-10, atol=1e-12)


def test_both_parts_of_slogdet() -> None:
    """sign e^log is det, whose gradient is det A A⁻ᵀ; the op is on the tape once."""

    def det(a: Any) -> Any:
        sign, log = np.linalg.slogdet(a)
        return sign * np.exp(log)

    flipped = A[::-1]
    for a in (A, flipped):
        value = np.linalg.det(a)
        truth.assert_close(tg.grad(det)(a), value * np.linalg.inv(a).T, rtol=1e-12)
        truth.assert_close(tg.hessian(det)(a), truth.hessian(np.linalg.det, a), atol=1e-4)
    names = [node.op.name for node in tg.record(det, A).tape]
    assert names == ["input", "slogdet", "part", "part", "exp", "multiply"]
    truth.assert_close(tg.vmap(det)(STACK), np.linalg.det(STACK), rtol=1e-12)


def test_slogdet_has_names() -> None:
    """As NumPy's result: sign and logabsdet, of plain and of traced matrices."""
    found = tg.vmap(tnp.linalg.slogdet)(STACK)
    expected = np.linalg.slogdet(STACK)
    assert type(found).__name__ == "SlogdetResult"
    truth.assert_close(found.sign, expected.sign)
    truth.assert_close(found.logabsdet, expected.logabsdet, rtol=1e-14)
    by_log = tg.grad(lambda a: tnp.linalg.slogdet(a).logabsdet)(A)
    truth.assert_close(by_log, INVERSE, rtol=1e-12)
