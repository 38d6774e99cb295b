"""The walk that one reads (`adjoints`) says what the fast one (`backward`) gives, to the bit.

`backward` has four ways through a node, and three lists; what they have to give is fifteen lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest
import truth
from hypothesis import given, reject, settings, strategies as st
from programs import Case, cases, quietly
from programs._author import floating
from programs._worlds import PLAIN

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad._node import Binary
from tapegrad._tape import Array, Operand, Tape, Var
from tapegrad._values import is_floating, plain_of, shape_of
from tapegrad.numpy import TABLE
from tapegrad.ops._elementwise import elementwise
from tapegrad.transforms._adjoint import adjoints
from tapegrad.transforms._record import RecordingTape
from tapegrad.transforms._replay import backward

RNG = np.random.default_rng(41)

# The cotangents of the first nodes, from those of some nodes.
Walk: TypeAlias = Callable[[Any, Any, int], list[Any]]
# A tape on which a function is run.
Make: TypeAlias = Callable[[Any], Tape]


def oracle(nodes: Any, seeds: Any, inputs: int) -> list[Any]:
    return adjoints(nodes, seeds)[:inputs]


def consuming(nodes: Any, seeds: Any, inputs: int) -> list[Any]:
    rest = list(nodes)
    found = backward(rest, seeds, inputs, consume=True)
    assert len(rest) <= inputs  # what was used is gone
    return found


FAST: list[Walk] = [backward, consuming]


def bare(f: Any) -> Tape:
    return Tape(TABLE, "grad", f)


TAPES = [pytest.param(bare, id="bare"), pytest.param(RecordingTape, id="recording")]


def run(make: Make, f: Callable[..., Any], args: Sequence[Any]) -> tuple[Any, list[Any]]:
    """f on a tape: the nodes, and the leaves of its output that are on it."""
    with make(f) as tape:
        nodes = tape.nodes
        out = f(*[tape.input(x) for x in args])
        leaves = [x for x in tg.tree.leaves(out) if isinstance(x, Var) and x._trace is tape]
    return nodes, leaves


def seeded(leaves: Sequence[Any], weights: np.random.Generator) -> dict[int, Any]:
    """A random cotangent for each output; one that is there twice has the sum."""
    seeds: dict[int, Any] = {}
    for leaf in leaves:
        plain = plain_of(leaf)
        g: Any = weights.normal(size=shape_of(leaf))
        if isinstance(plain, (np.ndarray, np.generic)):
            g = np.asarray(g, plain.dtype)[()] if isinstance(plain, np.generic) else g
            g = np.asarray(g, plain.dtype) if isinstance(plain, np.ndarray) else g
        else:
            g = float(g)
        seeds[leaf._index] = seeds[leaf._index] + g if leaf._index in seeds else g
    return seeds


def assert_to_the_bit(found: Sequence[Any], expected: Sequence[Any]) -> None:
    """Of the same dtypes and shapes, and equal: -0.0 is not 0.0, a NaN is a NaN.

    A number may be a float in one, a NumPy scalar or an array without axes in the other: g * 1.0
    makes of the last what g is not. Transforms hand out what the argument is.
    """
    assert len(found) == len(expected)
    for x, y in zip(map(plain_of, found), map(plain_of, expected), strict=True):
        assert (x is None) == (y is None)
        if y is not None:
            a, b = np.asarray(x), np.asarray(y)
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            assert np.array_equal(a, b, equal_nan=True)
            real = ~np.isnan(b)
            assert np.array_equal(np.signbit(a)[real], np.signbit(b)[real])


def agree(make: Make, f: Callable[..., Any], args: Sequence[Any]) -> list[Any]:
    """The cotangents of f's arguments, by all walks; AssertionError if they differ."""
    nodes, leaves = run(make, f, args)
    seeds = seeded(leaves, np.random.default_rng(0))
    expected = oracle(nodes, seeds, len(args))
    for walk in FAST:
        assert_to_the_bit(walk(nodes, dict(seeds), len(args)), expected)
    return expected


def twice(make: Make, walk: Walk, f: Callable[..., Any], args: Sequence[Any]) -> list[Any]:
    """Second derivatives: a walk over what the same walk did on an outer tape."""

    def gradients(*xs: Any) -> Any:
        nodes, leaves = run(make, f, xs)
        found = walk(nodes, seeded(leaves, np.random.default_rng(0)), len(xs))
        return [g * 0.7 for g in found if g is not None]

    nodes, leaves = run(make, gradients, args)
    return walk(nodes, seeded(leaves, np.random.default_rng(1)), len(args))


def agree_nested(make: Make, f: Callable[..., Any], args: Sequence[Any]) -> list[Any]:
    """The same for values that an outer tape traces."""
    expected = twice(make, oracle, f, args)
    for walk in FAST:
        assert_to_the_bit(twice(make, walk, f, args), expected)
    return expected


# Functions ---------------------------------------------------------------------------------------


def branches(x: Any, y: Any) -> Any:
    total = 0.0
    for k in range(4):
        total = total + x * y if k % 2 or x > y else total - x / y
    return total * total


def micrograd(a: Any, b: Any) -> Any:
    """The example of Karpathy's micrograd: scalars, reused over and over."""
    c = a + b
    d = a * b + b**3
    c = c + c + 1.0
    c = c + 1.0 + c + (-a)
    d = d + d * 2.0 + np.maximum(b + a, 0.0)
    d = d + 3.0 * d + np.maximum(b - a, 0.0)
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


@elementwise(None, lambda out, x, n: n, None, run=lambda x, n: x * n)
def times(x: Operand, n: Operand, /) -> Array:  # type: ignore[empty-body]
    """x n, of which n has no gradient."""


SCALARS: dict[str, Callable[..., Any]] = {
    "the argument": lambda x, y: x,
    "nothing": lambda x, y: 3.0,
    "one unused": lambda x, y: x * x,
    "operators": lambda x, y: (x + y) * (x - y) / (x * y) - x**2.0 + 2.0**y - (-x),
    "swapped": lambda x, y: 1.0 + x - (2.0 - y) * (3.0 / x),
    "integers": lambda x, y: 2 * x - 3 + y / 2 + x**3 + 2**y,
    "truths": lambda x, y: x * True + (x > y) * y + (x < y) * x,
    "powers": lambda x, y: x**y + y**0.5 + x**-1.5 + x**0.0 + x**1.0,
    "the same twice": lambda x, y: x * x + y / y + (x - x) + x**x,
    "functions": lambda x, y: np.sin(x) * np.exp(-y) + np.hypot(x, y) + np.logaddexp(x, y),
    "kinks": lambda x, y: np.maximum(x, x) + np.abs(y - y) + np.minimum(x, y) + tg.nn.relu(x - x),
    "where": lambda x, y: tnp.where(x > y, x * y, x / y),
    "steps": lambda x, y: np.floor(x) * y + np.sign(y) * x,
    "no partial derivative": lambda x, y: times(x, y) * y + times(y, x) + times(2.0, y),
    "stopped": lambda x, y: x * tg.stop_gradient(x) * y,
    "labelled": lambda x, y: tg.label(x * y, "product") * x,
    "branches": branches,
    "micrograd": micrograd,
    "an array of them": lambda x, y: (np.stack([x, y, x * y]) ** 2).sum(),
    "repeated outputs": lambda x, y: (x * y, y, x * 2.0, x, x),
    "an output that others use": lambda x, y: [z := x * y, z * x, z],
}


@tg.custom_vjp
def own_sine(x: Any) -> Any:
    """sin, with its own pullback."""
    return tnp.sin(x), lambda g: (g * tnp.cos(x),)


@tg.custom_vjp
def own_product(x: Any, y: Any) -> Any:
    """Two arguments, two outputs."""
    return (x * y, x + y), lambda g: (g[0] * y + g[1], g[0] * x + g[1])


def written(x: Any, y: Any) -> Any:
    x = tg.at(x)[0].set(y * 2.0)
    x = tg.at(x)[[0, 0, 1]].add(0.5 * y)
    return tg.at(x)[[1, 1]].set(np.stack([y, -y]))


ARRAYS: dict[str, Callable[..., Any]] = {
    "the argument": lambda x, y: x,
    "one unused": lambda x, y: np.exp(y),
    "operators": lambda x, y: (x + y) * (x - y) / (3.0 + y) ** 2.0 - -x,
    "swapped": lambda x, y: 1.0 - x + 2.0 / (3.0 + y) - np.ones(3) * y - np.ones((2, 1)) ** x,
    "integers": lambda x, y: 2 * x - y**3 + np.arange(3) * y + x / 2,
    "broadcasting": lambda x, y: x[:, :1] * y + y[None, None] * x.T[..., None] + x.sum() * y,
    "to a number": lambda x, y: x[0, 0] * y[1] + float(2) * x[1, 2] / y[0] + x[0, 0] ** 2,
    "reductions": lambda x, y: x.sum(axis=0) * x.mean() + x.max(axis=1).sum() + y.prod() + y.var(),
    "ties": lambda x, y: np.max(np.stack([x, x])) + np.maximum(y, y).sum(),
    "indices": lambda x, y: (
        x[1] * y[::-1] + x[[0, 0, 1], [2, 2, 0]] + x[x > 0.0][1] + x[..., 1].sum()
    ),
    "products": lambda x, y: (x @ y, y @ y, x.T @ x, np.einsum("ij,kj->ik", x, x), np.outer(y, y)),
    "constants in products": lambda x, y: np.ones((4, 2)) @ x @ np.eye(3) + np.ones(2) @ x,
    "set": written,
    "joined": lambda x, y: np.concatenate([x, y[None], x]) * np.stack([y] * 5),
    "layout": lambda x, y: np.pad(x, 1).T.reshape(-1)[::3].sum() + np.tile(y, 2) + np.repeat(y, 2),
    "sorted": lambda x, y: np.sort(x, axis=1) * np.cumsum(y),
    "softmax": lambda x, y: tg.nn.softmax(x, axis=-1) * tg.special.logsumexp(y),
    "slogdet": lambda x, y: np.linalg.slogdet(x @ x.T + np.eye(2))[1] * y,
    "both of slogdet": lambda x, y: tnp.linalg.slogdet(x @ x.T + np.outer(y[:2], y[:2])),
    "slogdet's sign": lambda x, y: np.linalg.slogdet(x @ x.T)[0] * y,
    "slogdet's sign, and more": lambda x, y: np.linalg.slogdet(m := x @ x.T)[0] * m.sum() * y,
    "solve": lambda x, y: np.linalg.solve(x.T @ x + 3.0 * np.eye(3), y),
    "custom": lambda x, y: own_sine(x * own_sine(y)) * y,
    "custom, two outputs": lambda x, y: own_product(x[0], y)[0] * own_product(y, y)[1],
    "custom, one output": lambda x, y: own_product(x[1], y)[0],
    "inner gradient": lambda x, y: tg.grad(lambda z: (np.sin(z * x) * y).sum())(x),
    "inner batch": lambda x, y: tg.vmap(lambda row: row @ y * x.sum())(x),
    "float32": lambda x, y: x.astype(np.float32) * y + (x.astype(np.float32) * 0.1).sum(),
    "repeated outputs": lambda x, y: (x * y, y, y, x),
}


def array_arguments() -> tuple[Any, Any]:
    return np.array([[0.3, -1.2, 0.7], [1.9, 0.4, -0.6]]), np.array([0.8, -0.5, 1.1])


@pytest.mark.parametrize("make", TAPES)
@pytest.mark.parametrize("name", SCALARS)
def test_of_numbers(name: str, make: Make) -> None:
    """Python floats, where partial derivatives are multiplied without a rule."""
    for args in ((1.3, 0.6), (0.6, 1.3), (2.0, 2.0)):
        agree(make, SCALARS[name], args)
        agree_nested(make, SCALARS[name], args)


@pytest.mark.parametrize("make", TAPES)
@pytest.mark.parametrize("name", SCALARS)
def test_of_zero_dimensional_arrays(name: str, make: Make) -> None:
    """NumPy's scalars and arrays without axes go by the rules."""
    agree(make, SCALARS[name], (np.array(1.3), np.array(0.6)))
    agree(make, SCALARS[name], (np.array(1.3), 0.6))
    agree_nested(make, SCALARS[name], (np.float64(1.3), 0.6))


@pytest.mark.parametrize("make", TAPES)
@pytest.mark.parametrize("name", ARRAYS)
def test_of_arrays(name: str, make: Make) -> None:
    """By the rules, in float64 and float32, once and twice."""
    x, y = array_arguments()
    agree(make, ARRAYS[name], (x, y))
    agree(make, ARRAYS[name], (x.astype(np.float32), y.astype(np.float32)))
    agree_nested(make, ARRAYS[name], (x, y))


def test_the_tapes_are_of_both_kinds() -> None:
    """A bare tape has Binary records, which `backward` treats apart; a recording has none."""
    nodes, _ = run(bare, micrograd, (1.0, 2.0))
    assert sum(type(node) is Binary for node in nodes) > 10
    nodes, _ = run(RecordingTape, micrograd, (1.0, 2.0))
    assert not any(type(node) is Binary for node in nodes)


def test_the_oracle_is_right() -> None:
    """Its cotangents are the derivatives: differences of fourth order, by each argument."""
    for f in (SCALARS["operators"], SCALARS["powers"], micrograd):
        nodes, (out,) = run(bare, f, (1.3, 0.6))
        by_x, by_y = oracle(nodes, {out._index: 1.0}, 2)
        expected = [truth.gradient(f, 1.3, 0.6, argnum=i) for i in (0, 1)]
        np.testing.assert_allclose([by_x, by_y], expected, rtol=1e-8)
    x, y = array_arguments()
    for name in ("operators", "reductions", "products", "solve", "softmax", "slogdet"):
        f = ARRAYS[name]
        nodes, leaves = run(bare, f, (x, y))
        seeds = seeded(leaves, np.random.default_rng(0))
        found = oracle(nodes, seeds, 2)

        def loss(x: Any, y: Any, f: Any = f, leaves: Any = leaves, seeds: Any = seeds) -> Any:
            pairs = zip(tg.tree.leaves(f(x, y)), leaves, strict=True)
            return sum((np.asarray(out) * seeds[leaf._index]).sum() for out, leaf in pairs)

        expected = [truth.gradient(loss, x, y, argnum=i) for i in (0, 1)]
        truth.assert_close(found, expected, rtol=1e-6, atol=1e-7)


# IEEE --------------------------------------------------------------------------------------------

AT_THE_EDGE: dict[str, tuple[Callable[..., Any], tuple[float, float], list[Any]]] = {
    # The derivatives, from mathematics, with IEEE's infinities.
    "the root of zero": (lambda x, y: x**0.5 * y, (0.0, 3.0), [math.inf, 0.0]),
    "the square root of zero": (lambda x, y: np.sqrt(x) * y, (0.0, 2.0), [math.inf, 0.0]),
    "overflow": (lambda x, y: x**-1.0 * y, (1e-200, 1.0), [-math.inf, 1e200]),
    "overflow, twice": (lambda x, y: x**-1.0 - x**-1.0 + y, (1e-200, 1.0), [math.nan, 1.0]),
    "a large power": (lambda x, y: x**308.0 * y, (10.0, 1e-300), [math.inf, 1e308]),
    "zero to zero": (lambda x, y: x**y, (0.0, 0.0), [0.0, 0.0]),
    "a product with infinity": (lambda x, y: x * y, (math.inf, 0.0), [0.0, math.inf]),
    "infinity less itself": (lambda x, y: x * y - x * y, (math.inf, 2.0), [0.0, math.nan]),
    "negative zero": (lambda x, y: -(x * y) - y, (0.0, -0.0), [0.0, -1.0]),
}


@pytest.mark.parametrize("make", TAPES)
@pytest.mark.parametrize("name", AT_THE_EDGE)
def test_at_the_edge(name: str, make: Make) -> None:
    """Python's floats raise for 1 / 0 and for large powers; derivatives follow IEEE in both."""
    f, args, expected = AT_THE_EDGE[name]
    with np.errstate(all="ignore"):
        nodes, (out,) = run(make, f, args)
        for walk in (oracle, *FAST):
            found = walk(nodes, {out._index: 1.0}, 2)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        agree(make, f, args)
        agree_nested(make, f, args)


# Intermediate cotangents -------------------------------------------------------------------------


@pytest.mark.parametrize("make", TAPES)
def test_every_cotangent_of_a_chain(make: Make) -> None:
    """sin(x² y) + y, at x = 2, y = 3, node by node and by hand."""

    def f(x: Any, y: Any) -> Any:
        np.exp(x)  # of no use
        return np.sin(x * x * y) + y

    nodes, (out,) = run(make, f, (2.0, 3.0))
    names = [node.op.name for node in nodes]
    assert names == ["input", "input", "exp", "multiply", "multiply", "sin", "add"]
    found = adjoints(nodes, {out._index: 1.0})
    c = math.cos(12.0)
    expected = [c * 12.0, c * 4.0 + 1.0, None, c * 3.0, c, 1.0, 1.0]
    assert len(found) == len(nodes)
    for g, value in zip(found, expected, strict=True):
        assert (g is None) == (value is None)
        assert value is None or g == pytest.approx(value, rel=1e-14)


def test_where_nothing_flows() -> None:
    """None: before what nothing depends on, through what has no derivative, after the seeds."""

    def f(x: Any, y: Any) -> Any:
        step = np.floor(x)
        kept = step * y
        return kept, kept * y

    nodes, (kept, _) = run(bare, f, (2.5, 3.0))
    assert [node.op.name for node in nodes][2:] == ["floor", "multiply", "multiply"]
    assert adjoints(nodes, {kept._index: 1.0}) == [None, 2.0, 3.0, 1.0, None]
    assert adjoints(nodes, {}) == [None] * 5
    for walk in FAST:
        assert walk(nodes, {kept._index: 1.0}, 2) == [None, 2.0]
        assert walk(nodes, {}, 2) == [None, None]
        assert walk(nodes, {1: 4.0}, 2) == [None, 4.0]  # an input that is the output


def test_seeds_are_not_written_into() -> None:
    """Neither the mapping nor the arrays in it: a pullback may be given them again."""
    x = np.array([1.0, 2.0])
    nodes, leaves = run(bare, lambda x: (x, x + 1.0, x * x), (x,))
    seeds = {leaf._index: np.full(2, 1.0 + k) for k, leaf in enumerate(leaves)}
    before = {place: g.copy() for place, g in seeds.items()}
    for walk in (oracle, *FAST):
        (found,) = walk(nodes, seeds, 1)
        np.testing.assert_array_equal(found, 1.0 + 2.0 + 3.0 * 2.0 * x)
        truth.assert_same(seeds, before)


def test_the_cotangents_of_a_bundle() -> None:
    """A node of several values gets a bundle: None for the part that no one used."""
    a = np.array([[2.0, 1.0], [0.0, 3.0]])
    nodes, (out,) = run(bare, lambda a: np.linalg.slogdet(a)[1] * 5.0, (a,))
    names = [node.op.name for node in nodes]
    assert names == ["input", "slogdet", "part", "part", "multiply"]
    by_a, bundle, sign, log, _ = adjoints(nodes, {out._index: 1.0})
    assert bundle is not None
    assert by_a is not None
    assert (bundle.parts[0], sign) == (None, None)
    assert (bundle.parts[1], log) == (5.0, 5.0)
    np.testing.assert_allclose(by_a, 5.0 * np.linalg.inv(a).T, rtol=1e-14)


# Random programs ---------------------------------------------------------------------------------


@settings(max_examples=150, derandomize=True)
@given(cases(), st.booleans())
def test_of_random_programs(case: Case, recording: bool) -> None:
    """Any operations on any earlier values, any of them returned, some more than once."""
    with quietly():
        values = case.code.values(PLAIN)
    names = [name for name, value in values.items() if floating(value)]
    _, g = case.by_leaves(names)

    def f(*xs: Any) -> list[Any]:
        return [x for x in tg.tree.leaves(g(*xs)) if is_floating(x)]

    args = [values[name] for name in names]
    make: Make = RecordingTape if recording else bare
    with quietly():
        try:
            tg.vjp(f, *args)
        except (tg.TapegradError, TypeError, ValueError, ArithmeticError, IndexError):
            reject()  # what raises is tested elsewhere (test_programs.py)
        agree(make, f, args)
        agree_nested(make, f, args)
