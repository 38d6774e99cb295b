"""vmap: every kind of axis, every nesting; the truth is a Python loop over the examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
import truth
from hypothesis import given, strategies as st

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad._tape import Trace

RNG = np.random.default_rng(17)
SIZE = 4


def well(*shape: int) -> Any:
    """Matrices far from singular."""
    return RNG.normal(size=shape) + 3.0 * np.eye(shape[-1])


# Operations --------------------------------------------------------------------------------------

X, Y = RNG.normal(size=(2, SIZE, 3, 3))
V = RNG.normal(size=(SIZE, 3))
A = well(SIZE, 3, 3)
I2, J2 = RNG.integers(0, 3, size=(2, SIZE, 2))
K1 = RNG.integers(0, 3, size=SIZE)

# Each function, and operands of which each has its examples along axis 0.
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "add": (lambda x, y: x + y, (X, V)),
    "add number": (lambda x, y: x * y[0], (X, V)),
    "outer": (lambda x, y: x[:, None] * y, (V, V)),
    "where": (lambda x, y: tnp.where(x > 0.0, x, y), (X, Y)),
    "maximum": (lambda x, y: np.maximum(x, y), (X, V)),
    "power": (lambda x, y: np.abs(x) ** y, (X, V)),
    "matmul 1 1": (lambda x, y: x @ y, (V, V)),
    "matmul 2 1": (lambda x, y: x @ y, (X, V)),
    "matmul 1 2": (lambda x, y: x @ y, (V, X)),
    "matmul 2 2": (lambda x, y: x @ y, (X, Y)),
    "matmul 3 2": (lambda x, y: x @ y, (RNG.normal(size=(SIZE, 2, 3, 3)), X)),
    "matmul 2 3": (lambda x, y: x @ y, (X, RNG.normal(size=(SIZE, 2, 3, 3)))),
    "matmul 3 1": (lambda x, y: x @ y, (RNG.normal(size=(SIZE, 2, 3, 3)), V)),
    "matmul 1 3": (lambda x, y: x @ y, (V, RNG.normal(size=(SIZE, 2, 3, 3)))),
    "matmul 4 3": (
        lambda x, y: x @ y,
        (RNG.normal(size=(SIZE, 5, 1, 2, 3)), RNG.normal(size=(SIZE, 2, 3, 2))),
    ),
    "dot": (lambda x, y: np.dot(x, y), (X, V)),
    "inner": (lambda x, y: np.inner(x, y), (X, V)),
    "tensordot": (lambda x, y: np.tensordot(x, y, ([0], [1])), (X, Y)),
    "einsum": (lambda x, y: np.einsum("ij,kj->ik", x, y), (X, Y)),
    "einsum trace": (lambda x, y: np.einsum("ii,j->j", x, y), (X, V)),
    "einsum ellipsis": (lambda x, y: np.einsum("...i,i->...", x, y), (X, V)),
    "solve vector": (lambda a, b: np.linalg.solve(a, b), (A, V)),
    "solve matrix": (lambda a, b: np.linalg.solve(a, b), (A, X)),
    "inv": (lambda a, x: np.linalg.inv(a) @ x, (A, X)),
    "det": (lambda a, x: np.linalg.det(a) * x, (A, V)),
    "slogdet": (lambda a, x: np.linalg.slogdet(a)[1] * x, (A, V)),
    "cholesky": (lambda a, x: np.linalg.cholesky(a @ a.T + np.eye(3)) @ x, (A, V)),
    "concatenate": (lambda x, y: np.concatenate([x, y[None], y[None]], axis=0), (X, V)),
    "stack": (lambda x, y: np.stack([x, y, x], axis=-1), (V, V)),
    "sum": (lambda x, y: x.sum(axis=-1) * y, (X, V)),
    "prod": (lambda x, y: x.prod(axis=0) * y.prod(), (X, V)),
    "var": (lambda x, y: x.var(axis=(0, 1)) + y.std(), (X, V)),
    "max": (lambda x, y: x.max(axis=1) + y.min(), (X, V)),
    "logsumexp": (lambda x, y: tg.special.logsumexp(x, axis=0) * y, (X, V)),
    "softmax": (lambda x, y: tg.nn.softmax(x, axis=-1) @ y, (X, V)),
    "cumsum": (lambda x, y: np.cumsum(x, axis=1) + np.cumsum(y), (X, V)),
    "sort": (lambda x, y: np.sort(x, axis=0) * np.sort(y), (X, V)),
    "transpose": (lambda x, y: x.T + y, (X, V)),
    "reshape": (lambda x, y: x.reshape(-1)[:3] * y, (X, V)),
    "norm": (lambda x, y: np.linalg.norm(x, axis=1) * np.linalg.norm(y), (X, V)),
    "pad": (lambda x, y: np.pad(x, 1)[0:3, 1:4] + np.pad(y, (1, 2))[:3], (X, V)),
    "tile repeat flip": (lambda x, y: np.tile(np.flip(x, 0), 2)[:, ::2] * np.repeat(y, 1), (X, V)),
    "triangles": (lambda x, y: np.tril(x) + np.triu(x, 1) @ np.diag(y), (X, V)),
    "trace diagonal": (lambda x, y: np.trace(x) * y + np.diag(x), (X, V)),
    "index": (lambda x, y: x[1] * y[-1] + x[:, 0], (X, V)),
    "index arrays": (lambda x, y: x[[0, 2, 2]] * y + x[[0, 1, 2], [2, 2, 0]], (X, V)),
    "index apart": (lambda x, y: x[[0, 2], None, [1, 1]] + y[0], (X, V)),
    "index by batch": (lambda x, i: x[i], (X, I2)),
    "index pairs by batch": (lambda x, i, j: x[i, j], (X, I2, J2)),
    "index one by batch": (lambda x, k: x[k] * x[0, k], (X, K1)),
    "index apart by batch": (lambda x, i: x[i, None, i], (X, I2)),
    "index after slice by batch": (lambda x, i: x[1:, i], (X, I2)),
    "index after int by batch": (lambda x, i: x[1, :, None][i], (X, I2)),
    "take by batch": (lambda x, i: tnp.take(x, i, axis=1), (X, I2)),
    "take_along_axis": (
        lambda x, i: np.take_along_axis(x, i[None, :], axis=1) * 2.0,
        (X, I2),
    ),
    "argmax as index": (lambda x, y: x[np.argmax(y)] * x[np.argmin(y), np.argmax(y)], (X, V)),
    "argsort as index": (lambda x, y: x[np.argsort(y)], (X, V)),
    "set": (lambda x, y: tg.at(x)[1].set(y), (X, V)),
    "set column": (lambda x, y: tg.at(x)[:, 1].set(y), (X, V)),
    "set arrays": (lambda x, y: tg.at(x)[[0, 2, 0]].set(y), (X, V)),
    "set apart": (lambda x, y: tg.at(x)[[0, 2], None, [1, 1]].set(y[0]), (X, V)),
    "set by batch": (lambda x, i: tg.at(x)[i].set(7.0), (X, I2)),
    "set one by batch": (lambda x, k: tg.at(x)[k, k].set(x[0, 0] * 2.0), (X, K1)),
    "add at": (lambda x, y: tg.at(x)[[0, 0, 2], [1, 1, 0]].add(y), (X, V)),
    "add at by batch": (lambda x, i, y: tg.at(x)[i, 1].add(y[:2]), (X, I2, V)),
    "unused": (lambda x, y: x, (X, V)),
    "constant": (lambda x, y: np.arange(3.0), (X, V)),
    "number": (lambda x, y: 5.0, (X, V)),
}


# A plain array cannot be indexed by a traced value: there x is batched, too.
INDEXED = {name for name in CASES if name.startswith("index") and name.endswith("by batch")}
INDEXED |= {name for name in CASES if name.endswith("as index")}


def masks(name: str) -> list[tuple[int | None, ...]]:
    """Every choice of which operands are batched, but none."""
    count = len(CASES[name][1])
    return [
        tuple(0 if mask >> i & 1 else None for i in range(count))
        for mask in range(1, 2**count)
        if mask & 1 or name not in INDEXED
    ]


def some(args: tuple[Any, ...], axes: tuple[int | None, ...]) -> tuple[Any, ...]:
    """The batched operands whole, of the others the first example."""
    return tuple(a if axis == 0 else a[0] for a, axis in zip(args, axes, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_vmap_is_a_loop(name: str) -> None:
    """Whichever operands are batched."""
    f, args = CASES[name]
    for axes in masks(name):
        given_args = some(args, axes)
        found = tg.vmap(f, axes)(*given_args)
        np.testing.assert_allclose(
            found, truth.one_by_one(f, axes, *given_args), rtol=1e-12, atol=1e-12
        )
        assert found.flags.writeable


@pytest.mark.parametrize("name", CASES)
def test_vmap_of_grad_is_a_loop_of_gradients(name: str) -> None:
    """Example by example, against reverse mode without a batch."""
    f, args = CASES[name]

    def loss(*xs: Any) -> Any:
        return (np.sin(f(*xs)) * 1.0).sum()

    gradient = tg.grad(loss)
    for axes in masks(name):
        given_args = some(args, axes)
        found = tg.vmap(gradient, axes)(*given_args)
        expected = truth.one_by_one(gradient, axes, *given_args)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_grad_of_vmap_is_the_gradient_of_a_loop(name: str) -> None:
    """Through the batch, against differences along a random direction."""
    f, args = CASES[name]
    smooth = [i for i, a in enumerate(args) if a.dtype.kind == "f"]
    for axes in masks(name):
        given_args = some(args, axes)
        weights = RNG.normal(size=np.shape(truth.one_by_one(f, axes, *given_args)))
        t = [RNG.normal(size=np.shape(given_args[i])) for i in smooth]

        def moved(h: float, given_args: Any = given_args, t: Any = t) -> Any:
            xs = list(given_args)
            for i, ti in zip(smooth, t, strict=True):
                xs[i] = xs[i] + h * ti
            return xs

        def loss(*xs: Any, axes: Any = axes, weights: Any = weights) -> Any:
            return (tg.vmap(f, axes)(*xs) * weights).sum()

        def truly(h: float, axes: Any = axes, weights: Any = weights, moved: Any = moved) -> Any:
            return (truth.one_by_one(f, axes, *moved(h)) * weights).sum()

        expected = truth.slope(truly, 0.0, step=1e-6)
        gradients = tg.grad(loss, argnums=tuple(smooth))(*given_args)
        found = sum(float((g * ti).sum()) for g, ti in zip(gradients, t, strict=True))
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


# Axes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("place", [0, 1, 2, -1, -2, -3])
def test_in_axes_and_out_axes(axis: int, place: int) -> None:
    """The axis that counts the examples is taken out of the argument and put into the result."""
    x = RNG.normal(size=(2, 3, 4))
    found = tg.vmap(lambda m: m * 2.0, axis, place)(x)
    expected = np.moveaxis(x * 2.0, axis, place)
    truth.assert_same(np.ascontiguousarray(found), np.ascontiguousarray(expected))


@given(st.integers(1, 3), st.integers(1, 3), st.data())
def test_any_axes(rank_x: int, rank_y: int, data: st.DataObject) -> None:
    """Two arguments with an axis each, negative or not, or one with None."""
    size = 3
    axes: list[int | None] = []
    args = []
    for rank in (rank_x, rank_y):
        axis = data.draw(st.integers(-rank, rank - 1) | st.none())
        shape = [2] * rank
        if axis is not None:
            shape[axis] = size
        axes.append(axis)
        args.append(np.random.default_rng(rank).normal(size=shape))
    if axes == [None, None]:
        axes[0] = 0
        args[0] = np.ones((size,) + (2,) * (rank_x - 1))

    def f(x: Any, y: Any) -> Any:
        return x.sum() * y + 1.0

    place = data.draw(st.sampled_from([0, -1]))
    found = tg.vmap(f, tuple(axes), place)(*args)
    expected = truth.one_by_one(f, tuple(axes), *args)
    np.testing.assert_allclose(found, np.moveaxis(expected, 0, place), rtol=1e-14)


class Pair(NamedTuple):
    """A tree."""

    a: Any
    b: Any


@attrs.frozen
class Net:
    """A tree with a setting."""

    w: Any
    b: Any
    kind: str = attrs.field(default="tanh", metadata={"static": True})


def test_axes_of_trees() -> None:
    """One axis for a whole argument, a tree of axes, or a tree whose leaves stand for subtrees."""
    x: dict[str, Any] = {"u": RNG.normal(size=(3, 2)), "v": (RNG.normal(size=(2, 3)), 7.0)}

    def f(t: Any) -> Any:
        return t["u"] * t["v"][0] + t["v"][1]

    expected = x["u"] * x["v"][0].T + 7.0
    np.testing.assert_allclose(tg.vmap(f, ({"u": 0, "v": (1, None)},))(x), expected)
    same = {"u": x["u"], "v": (x["v"][0].T.copy(), np.full(3, 7.0))}
    np.testing.assert_allclose(tg.vmap(f, ({"u": 0, "v": 0},))(same), expected)
    np.testing.assert_allclose(tg.vmap(f)(same), expected)


def test_axes_of_classes() -> None:
    """A NamedTuple or an attrs class of axes for a NamedTuple or an attrs class."""
    pair = Pair(RNG.normal(size=(3, 2)), RNG.normal(size=2))
    np.testing.assert_allclose(
        tg.vmap(lambda p: p.a * p.b, (Pair(0, None),))(pair), pair.a * pair.b
    )
    net = Net(RNG.normal(size=(3, 2)), 5.0)
    np.testing.assert_allclose(
        tg.vmap(lambda n: n.w.sum() + n.b, (Net(0, None),))(net), net.w.sum(axis=1) + 5.0
    )
    found = tg.vmap(lambda n: Net(n.w * 2.0, n.b), (Net(0, None),), Net(1, None))(net)
    assert (type(found), found.kind) == (Net, "tanh")
    np.testing.assert_allclose(found.w, net.w.T * 2.0)
    assert found.b == 5.0


def test_none_in_a_tree_is_no_leaf() -> None:
    """An argument with an absent part needs no axis for it."""
    x = {"w": np.ones((3, 2)), "b": None}
    np.testing.assert_array_equal(tg.vmap(lambda t: t["w"].sum())(x), [2.0] * 3)
    np.testing.assert_array_equal(
        tg.vmap(lambda t: t["w"].sum(), ({"w": 0, "b": None},))(x), [2.0] * 3
    )


def test_out_axes_of_trees() -> None:
    """One place for each output, None for what is the same for all examples."""
    x = RNG.normal(size=(3, 2))
    shared = np.arange(2.0)

    def f(r: Any) -> Any:
        return {"r": r * 2.0, "s": (r.sum(), shared)}

    found = tg.vmap(f, out_axes={"r": 1, "s": (0, None)})(x)
    np.testing.assert_allclose(found["r"], 2.0 * x.T)
    np.testing.assert_allclose(found["s"][0], x.sum(axis=1))
    np.testing.assert_array_equal(found["s"][1], shared)


def test_arguments_that_are_not_arrays() -> None:
    """With None an argument is passed on as it is: a function, a string, an int."""
    seen: list[Any] = []

    def f(x: Any, g: Any, name: Any, k: Any) -> Any:
        seen.append((g, name, k))
        return g(x) + k

    found = tg.vmap(f, (0, None, None, None))(np.arange(3.0), np.sin, "n", 2)
    np.testing.assert_allclose(found, np.sin(np.arange(3.0)) + 2)
    assert seen == [(np.sin, "n", 2)]


def test_values_shown_are_of_one_example() -> None:
    """shape, ndim, size and len are those of one example; T turns one example."""

    def f(x: Any) -> Any:
        assert (x.shape, x.ndim, x.size, len(x)) == ((2, 3), 2, 6, 2)
        assert x.T.shape == (3, 2)
        assert [row.shape for row in x] == [(3,), (3,)]
        return x.sum()

    assert tg.vmap(f)(np.ones((5, 2, 3))).shape == (5,)


def test_integers_and_booleans_can_be_mapped_over() -> None:
    """A batch need not be floating point; neither need the output."""
    i = np.arange(6).reshape(3, 2)
    found = tg.vmap(lambda i: i * 2)(i)
    assert found.dtype == i.dtype
    np.testing.assert_array_equal(found, i * 2)
    truth.assert_same(tg.vmap(lambda i: i.sum() > 4)(i), np.array([False, True, True]))
    truth.assert_same(tg.vmap(lambda x: ~(x > 1.0))(np.arange(3.0)), np.array([True, True, False]))


def test_float32_stays() -> None:
    """A float32 batch of a float32 function is float32, whatever Python numbers take part."""
    x = np.ones((3, 2), np.float32)
    assert tg.vmap(lambda r: r * 2.0 + r.mean())(x).dtype == np.float32
    assert tg.vmap(tg.grad(lambda r: (r * 0.5).sum()))(x).dtype == np.float32


def test_results_are_the_callers_own() -> None:
    """Neither a view of an argument, nor of another result, nor read-only."""
    x = RNG.normal(size=(3, 2))
    out = tg.vmap(lambda r: (r, r, r * 1.0, np.ones(2), r[0]), out_axes=(0, 1, 0, 0, 0))(x)
    for k, a in enumerate(out):
        assert a.flags.writeable
        assert not np.shares_memory(a, x)
        assert not any(np.shares_memory(a, b) for b in out[:k])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, i: x.sum(),
        lambda x, i: x[i],
        lambda x, i: tg.at(x)[i].set(1.0),
        lambda x, i: np.sort(x)[::-1] * 2.0,
        lambda x, i: x @ np.ones((3, 2)),
        lambda x, i: np.ones(2),
    ],
)
def test_a_batch_of_nothing(f: Callable[..., Any]) -> None:
    """No example at all: the result has the shape that it would have, with length 0."""
    x, i = np.ones((0, 3)), np.zeros((0, 2), int)
    expected = np.shape(f(np.ones(3), np.zeros(2, int)))
    assert tg.vmap(f)(x, i).shape == (0, *expected)
    assert tg.vmap(tg.grad(lambda x, i: f(x, i).sum()))(x, i).shape == (0, 3)


# Nesting -----------------------------------------------------------------------------------------


def f2(x: Any, y: Any) -> Any:
    """Something of two vectors of different lengths, giving a matrix."""
    return np.sin(x)[:, None] * y + x.sum() * y.max()


def test_vmap_of_vmap() -> None:
    """Two batch axes, in every order, against two loops."""
    x, y = RNG.normal(size=(4, 2)), RNG.normal(size=(5, 3))
    expected = np.stack([np.stack([f2(a, b) for b in y]) for a in x])
    inner_last = tg.vmap(tg.vmap(f2, (None, 0)), (0, None))(x, y)
    np.testing.assert_allclose(inner_last, expected, rtol=1e-13)
    inner_first = tg.vmap(tg.vmap(f2, (0, None)), (None, 0))(x, y)
    np.testing.assert_allclose(inner_first, expected.swapaxes(0, 1), rtol=1e-13)
    swapped = tg.vmap(tg.vmap(f2, (0, None)), (None, 0), out_axes=1)(x, y)
    np.testing.assert_allclose(swapped, expected, rtol=1e-13)


def test_vmap_with_closures_over_an_outer_batch() -> None:
    """An inner batch uses a value of the outer one that is not its argument."""
    x = RNG.normal(size=(4, 3))
    found = tg.vmap(lambda r: tg.vmap(lambda a: a * r + a)(r))(x)
    expected = x[:, :, None] * x[:, None, :] + x[:, :, None]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_inner_vmap_over_the_outer_examples_rows() -> None:
    """The inner batch's examples are parts of one outer example."""
    x = RNG.normal(size=(4, 3, 2))
    found = tg.vmap(lambda m: tg.vmap(lambda r: r @ m.T)(m))(x)
    np.testing.assert_allclose(found, x @ x.swapaxes(-1, -2), rtol=1e-13)


def quartic(x: Any) -> Any:
    """A scalar function with a full Hessian."""
    return (x**2).sum() ** 2 + np.sin(x).prod()


def test_vmap_of_hessian() -> None:
    """Against a loop of Hessians by differences."""
    x = RNG.normal(size=(3, 2))
    found = tg.vmap(tg.hessian(quartic))(x)
    expected = np.stack([truth.hessian(quartic, r) for r in x])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_vmap_of_vmap_of_hessian() -> None:
    """Two batch axes over second derivatives."""
    x = RNG.normal(size=(2, 3, 2))
    found = tg.vmap(tg.vmap(tg.hessian(quartic)))(x)
    expected = np.stack([np.stack([tg.hessian(quartic)(r) for r in m]) for m in x])
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_hessian_of_vmap() -> None:
    """Examples do not mix: the Hessian of a sum over a batch is block diagonal."""
    x = RNG.normal(size=(2, 2))
    found = tg.hessian(lambda x: tg.vmap(quartic)(x).sum())(x)
    expected = np.zeros((2, 2, 2, 2))
    for k in range(2):
        expected[k, :, k, :] = tg.hessian(quartic)(x[k])
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


def test_every_nesting_of_three_transforms() -> None:
    """vmap, grad and jvp in all orders around a function of numbers: each is a batch of f'''."""

    def derivative(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: tg.jvp(f, (x,), (np.ones(x.shape) if np.shape(x) else 1.0,))[1]

    def gradient(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return tg.grad(lambda x: f(x).sum())

    x = np.array([0.3, -1.2, 2.0])
    expected = -np.cos(x)  # the third derivative of sin
    pointwise: list[Callable[[Callable[[Any], Any]], Callable[[Any], Any]]] = [gradient, derivative]
    for first in pointwise:
        for second in pointwise:
            for third in pointwise:
                for place in range(4):
                    f: Callable[[Any], Any] = np.sin
                    for k, transform in enumerate((first, second, third)):
                        if place == k:
                            f = tg.vmap(f)
                        f = transform(f)
                    if place == 3:
                        f = tg.vmap(f)
                    np.testing.assert_allclose(f(x), expected, rtol=1e-12)


def test_jvp_of_vmap_and_vmap_of_jvp() -> None:
    """The tangent of a batch is the batch of tangents."""
    x, t = RNG.normal(size=(2, 4, 3))

    def f(r: Any) -> Any:
        return np.exp(r) @ np.array([1.0, -2.0, 0.5])

    outside = tg.jvp(tg.vmap(f), (x,), (t,))
    inside = tg.vmap(lambda r, s: tg.jvp(f, (r,), (s,)))(x, t)
    truth.assert_close(outside, inside, rtol=1e-13)
    np.testing.assert_allclose(
        outside[1], truth.slope(lambda h: truth.one_by_one(f, (0,), x + h * t), 0.0), rtol=1e-8
    )


def test_vjp_of_vmap() -> None:
    """Cotangents of a batch go to the examples, and are summed where all share an argument."""
    x, w = RNG.normal(size=(4, 3)), RNG.normal(size=3)
    out, pullback = tg.vjp(lambda x, w: tg.vmap(lambda r: np.tanh(r @ w))(x), x, w)
    g = RNG.normal(size=4)
    s = 1.0 - out**2
    by_x, by_w = pullback(g)
    np.testing.assert_allclose(by_x, (g * s)[:, None] * w, rtol=1e-12)
    np.testing.assert_allclose(by_w, (g * s) @ x, rtol=1e-12)


def test_vmap_of_a_pullback() -> None:
    """A pullback on a batch of cotangents is the Jacobian."""
    x = RNG.normal(size=3)
    _, pullback = tg.vjp(lambda x: np.sin(x) * x[0], x)
    rows = tg.vmap(pullback)(np.eye(3))[0]
    np.testing.assert_allclose(rows, tg.jacrev(lambda x: np.sin(x) * x[0])(x), rtol=1e-13)


def test_vmap_of_jacobians_of_a_shared_function() -> None:
    """vmap of jacfwd and of jacrev, with the parameters of a closure differentiated outside."""
    x, w = RNG.normal(size=(4, 2)), RNG.normal(size=(2, 2))

    def loss(w: Any, jacobian: Any) -> Any:
        jacobians = tg.vmap(jacobian(lambda r: np.tanh(w @ r)))(x)
        return (jacobians**2).sum()

    forward = tg.grad(lambda w: loss(w, tg.jacfwd))(w)
    reverse = tg.grad(lambda w: loss(w, tg.jacrev))(w)
    np.testing.assert_allclose(forward, reverse, rtol=1e-11)

    def plain(w: Any) -> Any:
        total = 0.0
        for r in x:
            slope = 1.0 - np.tanh(w @ r) ** 2
            total += ((slope[:, None] * w) ** 2).sum()
        return total

    np.testing.assert_allclose(forward, truth.jacobian(plain, w), rtol=1e-7)


def test_index_arrays_of_an_outer_transform() -> None:
    """Index arrays that an outer gradient or batch traces, used by an inner batch."""
    x = np.array([3.0, 1.0, 2.0])
    m = RNG.normal(size=(2, 3, 2, 3))

    def f(x: Any) -> Any:
        order = np.argsort(x)
        return tg.vmap(lambda a: (a[order, :, order] * x[:, None]).sum())(m).sum()

    order = np.argsort(x)
    expected = sum(a[order, :, order].sum(axis=1) for a in m)
    np.testing.assert_allclose(tg.grad(f)(x), expected, rtol=1e-12)


def test_per_example_gradients_of_a_loss() -> None:
    """A use: the gradient of each example's loss, whose mean is the gradient of the mean."""
    w, x, y = RNG.normal(size=3), RNG.normal(size=(6, 3)), RNG.normal(size=6)

    def loss(w: Any, x: Any, y: Any) -> Any:
        return (np.tanh(x @ w) - y) ** 2

    each = tg.vmap(tg.grad(loss), (None, 0, 0))(w, x, y)
    assert each.shape == (6, 3)
    whole = tg.grad(lambda w: loss(w, x, y).mean())(w)
    np.testing.assert_allclose(each.mean(axis=0), whole, rtol=1e-12)


# What cannot be batched --------------------------------------------------------------------------


def test_no_branch_on_a_batched_value() -> None:
    """Also where a gradient stands between: its values stand for the batch's."""
    x = np.array([1.0, -1.0])

    def f(x: Any) -> Any:
        return x if x > 0.0 else -x

    for g in (f, tg.grad(f), lambda x: tg.jvp(f, (x,), (1.0,))[1]):
        with pytest.raises(tg.ShapeError, match="differs from example to example"):
            tg.vmap(g)(x)


def test_no_mask_of_a_batched_value() -> None:
    """x[mask] would differ in length; found also through a gradient, where it once gave numbers."""
    x = RNG.normal(size=(2, 2, 2))

    def f(m: Any) -> Any:
        return m[m[:, 0] > 0.0].sum()

    for g in (f, tg.grad(f), tg.grad(tg.grad(f)), lambda m: tg.record(f, m).value):
        with pytest.raises(tg.ShapeError, match=r"x\[mask\] with a batched mask"):
            tg.vmap(g)(x)


def test_no_int_of_a_batched_value() -> None:
    """int(), range() and slices need one number."""
    x = np.ones((3, 2))
    for f in (
        lambda r: int(np.argmax(r)),
        lambda r: list(range(np.argmax(r))),
        lambda r: r[: np.argmax(r)],
        tg.grad(lambda r: r[: np.argmax(r) + 1].sum()),
    ):
        with pytest.raises(tg.ShapeError, match="vmap cannot make it one Python int"):
            tg.vmap(f)(x)


def test_no_plain_array_indexed_by_a_batched_value() -> None:
    """The array cannot know; the message says what to write, and that works."""
    table = np.arange(6.0).reshape(3, 2)
    i = np.array([2, 0, 2, 1])
    with pytest.raises(tg.ShapeError, match=r"tapegrad\.numpy\.take\(array, i, axis=0\)"):
        tg.vmap(lambda i: table[i])(i)
    np.testing.assert_array_equal(tg.vmap(lambda i: tnp.take(table, i, axis=0))(i), table[i])


def test_arithmetic_of_integers_stays_integer() -> None:
    """An index can be computed: argmax + 1 is no float."""
    x = np.array([[1.0, 3.0, 2.0], [5.0, 1.0, 4.0]])

    def after_the_largest(r: Any) -> Any:
        return r[(np.argmax(r) + 1) % 3]

    np.testing.assert_array_equal(tg.vmap(after_the_largest)(x), [2.0, 1.0])
    np.testing.assert_array_equal(tg.grad(after_the_largest)(x[0]), [0.0, 0.0, 1.0])
    found = tg.vmap(tg.grad(after_the_largest))(x)
    np.testing.assert_array_equal(found, [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def test_integers_of_a_gradient_index_plain_arrays() -> None:
    """What has no gradient becomes a plain array without loss: positions and masks."""
    table = np.array([10.0, 20.0, 30.0])

    def f(x: Any) -> Any:
        return (x * table[np.argsort(x)]).sum() + (x[:2] * table[x > 1.5]).sum()

    found = tg.grad(f)(np.array([3.0, 1.0, 2.0]))
    np.testing.assert_array_equal(found, [20.0 + 10.0, 30.0 + 30.0, 10.0])


def test_a_batch_keeps_no_operations() -> None:
    """It computes; what records is the tape around it, if there is one."""
    traces: list[Any] = []

    def f(x: Any) -> Any:
        y = np.exp(np.maximum(-x * 2.0, x).sum())
        traces.append(y._trace)
        assert not hasattr(y, "_index")  # so there is no place to stand at
        return y

    tg.vmap(f)(np.ones((3, 2)))
    assert isinstance(traces[0], Trace)
    assert not isinstance(traces[0], tg.Tape)


def test_a_batch_has_no_single_plain_value() -> None:
    """x.value would be that of all examples at once."""
    with pytest.raises(tg.ShapeError, match=r"under vmap x\.value is not one value"):
        tg.vmap(lambda x: x / np.max(x.value))(np.ones((2, 2)))


def test_keyword_arguments_are_the_same_for_all_examples() -> None:
    """Only positional arguments are mapped over."""

    def f(x: Any, w: Any) -> Any:
        return x * w

    np.testing.assert_array_equal(tg.vmap(f)(np.arange(3.0), w=2.0), [0.0, 2.0, 4.0])
