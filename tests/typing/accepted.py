# pyright: strict
"""What users write, as mypy --strict and pyright (strict) must take it: no error, and these types.

It is a program, too: what assert_type says of types, the assertions beside it say of values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypedDict, assert_type

import attrs
import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp

Floats: TypeAlias = NDArray[np.float64]

X: Floats = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
Y: Floats = np.array([1.0, 0.0, 2.0])
W: Floats = np.eye(3)


# Parameters of every kind --------------------------------------------------------------------------


@attrs.frozen(eq=False)
class Net:
    """Parameters as an attrs class, with a setting that is none of them."""

    w: tg.Array
    b: tg.Scalar
    depth: int = attrs.field(default=1, metadata={"static": True})


@dataclass(frozen=True)
class Line:
    """Parameters as a dataclass."""

    slope: tg.Scalar
    offset: tg.Scalar


class Pair(NamedTuple):
    """Parameters as a NamedTuple."""

    w: tg.Array
    b: tg.Scalar


class Record(TypedDict):
    """Parameters as a TypedDict."""

    w: tg.Array
    b: tg.Scalar


def predict(net: Net, x: tg.Array) -> tg.Array:
    return tnp.tanh(x @ net.w + net.b)


def loss(net: Net, x: Floats, y: Floats) -> tg.Scalar:
    return tnp.mean((predict(net, x) - y) ** 2)


def line_loss(line: Line, x: Floats, y: Floats) -> tg.Scalar:
    return ((line.slope * x[:, 0] + line.offset - y) ** 2).sum()


def pair_loss(pair: Pair, x: Floats, y: Floats) -> tg.Scalar:
    return tnp.sum(tnp.square(x @ pair.w + pair.b - y))


def record_loss(record: Record, x: Floats, y: Floats) -> tg.Scalar:
    return tnp.sum(tnp.square(x @ record["w"] + record["b"] - y))


def dict_loss(params: dict[str, tg.Array], x: Floats, y: Floats) -> tg.Scalar:
    return tnp.sum(tnp.square(x @ params["w"] + params["b"] - y))


def list_loss(params: list[tg.Array], x: Floats) -> tg.Scalar:
    return sum((tnp.sum(x @ p) for p in params), start=0.0)


def nested_loss(layers: tuple[tuple[Net, Net], dict[str, list[float]]]) -> tg.Scalar:
    (first, second), scales = layers
    return tnp.sum(first.w) * second.b + scales["s"][0]


def gradients_have_the_type_of_the_parameters() -> None:
    net = Net(np.zeros(2), 0.5)
    gradient = assert_type(tg.grad(loss)(net, X, Y), Net)
    assert isinstance(gradient, Net)
    assert gradient.depth == 1
    assert_type(gradient.w, tg.Array)

    line = assert_type(tg.grad(line_loss)(Line(1.0, 2.0), X, Y), Line)
    assert isinstance(line.slope, float)

    pair = assert_type(tg.grad(pair_loss)(Pair(np.zeros(2), 0.0), X, Y), Pair)
    assert isinstance(pair, Pair)

    record = assert_type(tg.grad(record_loss)({"w": np.zeros(2), "b": 0.0}, X, Y), Record)
    assert record.keys() == {"w", "b"}

    by_name = tg.grad(dict_loss)({"w": np.zeros(2), "b": np.zeros(())}, X, Y)
    assert_type(by_name, dict[str, tg.Array])

    assert_type(tg.grad(list_loss)([np.zeros(2), np.ones(2)], X), list[tg.Array])

    nested = tg.grad(nested_loss)(((net, net), {"s": [3.0]}))
    assert_type(nested, tuple[tuple[Net, Net], dict[str, list[float]]])
    assert nested[1] == {"s": [1.0]}


# grad and value_and_grad in all their forms ----------------------------------------------------------


def parabola(x: float) -> float:
    return 3 * x**2 - 4 * x + 5


def scaled(x: float, y: float = 2.0, *, scale: float = 1.0) -> float:
    return x * y * scale


def product(x: Floats, y: Floats) -> tg.Scalar:
    return tnp.sum(x * y)


def with_aux(pair: Pair, x: Floats) -> tuple[tg.Scalar, dict[str, tg.Array]]:
    scores = x @ pair.w + pair.b
    return tnp.sum(scores), {"scores": scores}


class Model:
    """A function may be a method."""

    def loss(self, pair: Pair, x: Floats) -> tg.Scalar:
        return tnp.sum(x @ pair.w) * pair.b


def gradients_of_numbers() -> None:
    slope = assert_type(tg.grad(parabola)(3.0), float)
    assert slope == 14.0
    assert_type(tg.grad(parabola)(3), float)
    assert assert_type(tg.grad(tg.grad(parabola))(3.0), float) == 6.0
    assert assert_type(tg.grad(tg.grad(tg.grad(parabola)))(3.0), float) == 0.0
    assert assert_type(tg.grad(scaled)(3.0, scale=2.0), float) == 4.0
    assert assert_type(tg.grad(scaled)(3.0, 5.0), float) == 5.0
    assert tg.grad(lambda x: x**2)(3.0) == 6.0
    assert tg.grad(lambda x: x[0] * x[1])((2.0, 3.0)) == (3.0, 2.0)


def gradients_by_other_arguments() -> None:
    assert_type(tg.grad(product, argnums=1)(X, X), Floats)
    assert_type(tg.grad(product, 1)(X, X), Floats)
    assert_type(tg.grad(product, argnums=(0, 1))(X, X), tuple[Floats, Floats])
    by_position = 1
    computed: Floats = tg.grad(product, argnums=by_position)(X, X)
    assert computed.shape == X.shape
    last: Any = tg.grad(product, argnums=-1)(X, X)
    assert last.shape == X.shape


def values_and_gradients() -> None:
    pair = Pair(np.ones(2), 0.5)
    value, gradient = tg.value_and_grad(pair_loss)(pair, X, Y)
    assert_type(value, tg.Scalar)
    assert_type(gradient, Pair)
    print(f"loss {value:.3f}, {float(value)}")

    assert assert_type(tg.value_and_grad(parabola)(3.0), tuple[float, float]) == (20.0, 14.0)
    assert_type(tg.value_and_grad(product, argnums=1)(X, X), tuple[tg.Scalar, Floats])

    aux_gradient, aux = tg.grad(with_aux, has_aux=True)(pair, X)
    assert_type(aux_gradient, Pair)
    assert_type(aux, dict[str, tg.Array])

    (total, same_aux), same = tg.value_and_grad(with_aux, has_aux=True)(pair, X)
    assert_type(total, tg.Scalar)
    assert_type(same_aux, dict[str, tg.Array])
    assert_type(same, Pair)

    by_both = tg.grad(with_aux, argnums=(0, 1), has_aux=True)(pair, X)
    assert_type(by_both, tuple[tuple[Pair, Floats], dict[str, tg.Array]])

    assert_type(tg.grad(Model().loss)(pair, X), Pair)


def gradients_go_where_functions_go(f: Callable[[float], float]) -> list[float]:
    derivatives: list[Callable[[float], float]] = [f, tg.grad(f), tg.grad(tg.grad(f))]
    return [derivative(3.0) for derivative in derivatives]


# The other transforms --------------------------------------------------------------------------------


def swing(t: Floats, damping: float) -> Floats:
    position: Floats = np.exp(-damping * t) * np.cos(t)  # to NumPy 2.0 it is Any
    return position


def bend(x: tg.Array) -> tg.Scalar:
    return tnp.sum(x**3)


def paired(x: Floats, y: Floats) -> Pair:
    return Pair(x * y, tnp.sum(y))


@tg.custom_vjp
def clipped(x: tg.Array) -> tuple[tg.Array, Callable[[tg.Array], tuple[tg.Array]]]:
    def pullback(g: tg.Array) -> tuple[tg.Array]:
        return (tnp.clip(g, -1.0, 1.0),)

    return x, pullback


def other_transforms() -> None:
    out, pullback = tg.vjp(swing, Y, 0.5)
    assert_type(out, Floats)
    by_time, by_damping = pullback(np.ones(3))
    assert isinstance(assert_type(by_damping, float), float)
    assert by_time.shape == (3,)

    value, tangent = tg.jvp(swing, (Y, 0.5), (np.ones(3), 0.0))
    assert_type(value, Floats)
    assert_type(tangent, Floats)

    pair = Pair(np.ones(2), 0.5)
    assert_type(tg.hvp(lambda p: p.w.sum() * p.b, (pair,), (pair,)), Pair)

    assert tg.jacfwd(swing)(Y, 0.5).shape == (3, 3)
    assert tg.jacrev(swing, argnums=1)(Y, 0.5).shape == (3,)
    assert tg.hessian(bend)(Y).shape == (3, 3)

    assert_type(tg.vmap(bend)(X), tg.Array)
    assert_type(tg.vmap(parabola)(Y), tg.Array)
    assert_type(tg.vmap(tg.grad(parabola))(Y), tg.Array)
    assert_type(tg.vmap(product, in_axes=(0, None))(X, np.ones(2)), tg.Array)
    assert_type(tg.vmap(paired)(X, np.ones((3, 1))), Pair)

    assert_type(clipped(Y), tg.Array)
    assert assert_type(tg.record(parabola, 3.0).value, float) == 20.0
    print(tg.record(parabola, 3.0))
    assert_type(tg.stop_gradient(pair), Pair)
    assert_type(tg.label(Y, "y"), Floats)
    assert_type(tg.at(X)[0, 1:].set(7.0), tg.Array)
    assert_type(tg.at(X)[[0, 0]].add(np.ones(2)), tg.Array)


# Operators, methods and functions ----------------------------------------------------------------


def operators(a: tg.Array, s: tg.Scalar) -> list[tg.Scalar]:
    half = np.float64(0.5)
    arrays: list[tg.Array] = [
        *(a + 1, 1 + a, a - 1.0, 1.0 - a, a * 2, 2 * a, a / 3.0, 3.0 / a, a**2, 2.0**a),
        *(a + Y, Y + a, a - Y, Y - a, a * Y, Y * a, a / 2, 2 / a, a**Y, Y**a),
        *(half * a, a * half, half + a, a - half, -a, +a, a % 2.0, a // 2.0),
        *(s * a, a * s, a + s, s - a, a * a, a @ W.T @ a, W @ a),
        *(a[0], a[1:], a[:, None], a[a > 1.0], a[..., 0], a[np.array([0, 0])], a.T),
    ]
    for row in a:
        arrays.append(row)
    truths = (
        a > 1,
        1 < a,
        a <= Y,
        a == Y,
        a != 0.0,
        (a > 0) & (a < 5),
        ~(a > 0),
        (a > 0) | (a < 0),
    )
    chosen = [tnp.where(truth, a, 0.0) for truth in truths]
    total = sum(arrays[:3])
    scalars: list[tg.Scalar] = [s + 1, 1 - s, s * s, s / 2, s**2, -s, total, sum([s, s])]
    if s > 0 and len(a) == a.shape[0]:
        scalars.append(s)
    return [*arrays, *chosen, *scalars]


def methods(a: tg.Array) -> tg.Scalar:
    total: tg.Scalar = a.sum() + a.sum(axis=0).mean() + a.mean(axis=(0, 1)) + a.max() - a.min()
    shaped: tg.Array = a.reshape(-1, 2).transpose().reshape((2, -1)).swapaxes(0, 1).ravel()
    spread: tg.Scalar = a.std() + a.var(axis=None, ddof=1) + a.prod() + a.cumsum(axis=0)[-1, 0]
    ends: tg.Scalar = a.clip(0.0, 1.0).sum(axis=-1, keepdims=True).squeeze(axis=1)[0]
    lengths: tuple[int, ...] = a.shape
    assert len(lengths) == a.ndim
    assert a.size == 6
    assert a.dtype == np.float64
    return total + shaped @ shaped + spread + ends


def options(a: tg.Array) -> tg.Scalar:
    sums = tnp.sum(a, 0, np.float32) + tnp.sum(a, axis=0, dtype="f4", keepdims=False)
    means = tnp.mean(a, (0, 1), float, None, True) + a.mean(1, float).sum(keepdims=True)
    spread = tnp.var(a, 0, ddof=1, mean=tnp.mean(a, 0, keepdims=True)) + tnp.std(a, 0, correction=1)
    ends = tnp.max(a, 0, None, True) + a.max(0, keepdims=True) + a.min(0)
    order = tnp.argsort(a, kind="stable")[0] + tnp.argmax(a, 1, keepdims=True)[0] + a.argsort()[0]
    moved = (
        tnp.ravel(a, "F") + a.ravel(order="C") + a.reshape(9, order="F") + tnp.copy(a, "K")[0, 0]
    )
    joined = tnp.concatenate([a, a], dtype=np.float64, casting="safe")[:3] + tnp.stack([a, a])[0]
    taken = tnp.take(a, [5, -1, 0], 1, mode="wrap") + a.take([0, 1, 2], 0)
    bounded = tnp.clip(a, 0.0, None) + tnp.clip(a, min=0.0, max=a) + tnp.clip(a) + a.clip(max=1.0)
    summed = tnp.einsum("ij,j", a, a[0]) + tnp.einsum(a, [0, 1], a[0], [1], [0], optimize=True)
    trace = tnp.trace(a, 1, 0, 1, float) + tnp.linalg.trace(a, offset=1) + a.trace(dtype=float)
    like = tnp.zeros_like(a, shape=(3,)) + tnp.full_like(a, 2.0, np.float64, shape=3)
    padded = tnp.pad(a, ((0, 1), (0, 0)), "edge")[1:] + tnp.pad(a, 1, constant_values=2.0)[1:4, 1:4]
    parts = [means, ends, joined, taken, bounded, padded, sums, spread, order, summed, like]
    return sum((tnp.sum(part) for part in parts), start=0.0) + tnp.sum(moved) + trace


def functions(a: tg.Array) -> tg.Scalar:
    b = tnp.exp(a) + tnp.log(tnp.abs(a) + 1.0) + tnp.maximum(a, 0.0) + tnp.sqrt(tnp.square(a))
    c = tnp.stack([tnp.sum(b, axis=0), tnp.mean(b, axis=0)], axis=1)
    d = tnp.concatenate([c, c], axis=1).reshape(2, 4)
    e = tnp.einsum("ij,kj->ik", d, d) + tnp.linalg.inv(np.eye(2))
    f = tnp.linalg.solve(e, tnp.linalg.norm(d, axis=1))
    sign, logabsdet = tnp.linalg.slogdet(e)
    g = tg.nn.softmax(f) + tg.special.logsumexp(f) + sign * logabsdet
    return tnp.dot(tg.nn.relu(g), tg.special.erf(f))


def operations() -> None:
    assert_type(tnp.exp(X), tg.Array)
    assert_type(tnp.sum(X), tg.Array)
    assert tg.grad(methods)(X).shape == X.shape
    assert tg.grad(functions)(X).shape == X.shape
    assert tg.grad(options)(X @ np.ones((2, 3))).shape == (3, 3)

    def all_operators(a: tg.Array) -> tg.Scalar:
        return sum((tnp.sum(x) for x in operators(a, a[0, 0])), start=0.0)

    square = tg.grad(all_operators)(np.full((3, 3), 1.5))
    assert square.shape == (3, 3)


# Training --------------------------------------------------------------------------------------------


def training() -> None:
    rng = np.random.default_rng(0)
    layers = tg.nn.init_mlp(rng, (2, 4, 1))
    assert_type(layers, tuple[tg.nn.Linear, ...])

    def mlp_loss(layers: tuple[tg.nn.Linear, ...], x: Floats, y: Floats) -> tg.Scalar:
        scores = tg.nn.mlp(layers, x, hidden=tg.nn.relu)[:, 0]
        return tg.nn.mean_squared_error(scores, y) + tg.optim.l2_penalty(layers, 1e-4)

    optimizer = tg.optim.sgd(tg.optim.linear_decay(0.1, 0.01, 10), momentum=0.9)
    state = optimizer.init(layers)
    for _ in range(3):
        x, y = tg.data.batch(rng, (X, Y), 2)
        assert_type(x, Floats)
        value, gradient = tg.value_and_grad(mlp_loss)(layers, x, y)
        updates, state = optimizer.update(gradient, state, layers)
        assert_type(updates, tuple[tg.nn.Linear, ...])
        layers = tg.optim.apply_updates(layers, updates)
        assert float(value) >= 0.0

    halved = tg.tree.map(lambda p: 0.5 * p, layers)
    assert_type(halved, tuple[tg.nn.Linear, ...])
    assert_type(tg.tree.map(lambda p, g: p - 0.1 * g, layers, halved), tuple[tg.nn.Linear, ...])
    vector, unravel = tg.tree.ravel(layers)
    assert_type(unravel(2.0 * vector), tuple[tg.nn.Linear, ...])
    assert_type(tg.tree.from_paths(layers, tg.tree.paths(layers)), tuple[tg.nn.Linear, ...])
    assert tg.tree.size(layers) == 17
    tg.testing.check_grads(parabola, (3.0,))


def main() -> None:
    """Run all of it."""
    gradients_have_the_type_of_the_parameters()
    gradients_of_numbers()
    gradients_by_other_arguments()
    values_and_gradients()
    assert gradients_go_where_functions_go(parabola) == [20.0, 14.0, 6.0]
    other_transforms()
    operations()
    training()


if __name__ == "__main__":
    main()
