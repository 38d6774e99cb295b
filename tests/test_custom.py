"""custom_vjp: functions that bring their own pullback, under every transform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import truth

import tapegrad as tg
import tapegrad.numpy as tnp

RNG = np.random.default_rng(23)


def as_any(f: Callable[..., Any]) -> Callable[..., Any]:
    """custom_vjp without its types: these functions take numbers, arrays and traced values."""
    return tg.custom_vjp(f)


@as_any
def sine(x: Any) -> Any:
    """sin, with a pullback made of operations: right to any order."""
    return tnp.sin(x), lambda g: (g * tnp.cos(x),)


@as_any
def doubled(x: Any) -> Any:
    """The identity, whose pullback says two: tells whether the pullback was used."""
    return x * 1.0, lambda g: (2.0 * g,)


@as_any
def product(x: Any, y: Any) -> Any:
    """x y of two arguments."""
    return x * y, lambda g: (g * y, g * x)


def test_value_and_gradient() -> None:
    """The value is the function's, the gradient the pullback's."""
    assert tg.value_and_grad(doubled)(3.0) == (3.0, 2.0)
    assert tg.grad(sine)(0.5) == pytest.approx(np.cos(0.5))
    assert tg.grad(product, (0, 1))(2.0, 3.0) == (3.0, 2.0)


def test_on_plain_values_it_is_the_function() -> None:
    """Without a trace the pullback is not asked for, and the kinds are the function's own."""
    assert doubled(3.0) == 3.0
    x = np.ones(2)
    np.testing.assert_array_equal(product(x, 2.0), 2.0 * x)


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_forward_mode_follows(shape: tuple[int, ...]) -> None:
    """The pullback is linear, so its transpose is the pushforward."""
    x, t = RNG.normal(size=(2, *shape))
    found = tg.jvp(lambda x: sine(x) * 2.0, (x,), (t,))
    truth.assert_close(found, (2.0 * np.sin(x), 2.0 * np.cos(x) * t), rtol=1e-13)


def test_forward_mode_of_floats_and_of_float32() -> None:
    """In the kinds that came."""
    out, tangent = tg.jvp(doubled, (3.0,), (1.0,))
    assert (out, tangent) == (3.0, 2.0)
    assert type(tangent) is float
    x = np.ones(2, np.float32)
    out, tangent = tg.jvp(doubled, (x,), (x,))
    assert (out.dtype, tangent.dtype) == (np.float32, np.float32)
    truth.assert_same(tg.grad(lambda x: doubled(x).sum())(x), 2.0 * x)


def test_every_order_and_mode() -> None:
    """Second derivatives through the pullback, in the four mixtures of modes."""
    x = np.array([0.3, -1.0])
    expected = np.diag(-np.sin(x) * 2.0 * np.cos(x) * 0 + 2 * np.cos(2 * x))

    def f(x: Any) -> Any:
        return (sine(x) ** 2).sum()  # second derivative of sin²: 2 cos 2x

    for way in (
        tg.hessian,
        lambda f: tg.jacrev(tg.jacrev(f)),
        lambda f: tg.jacrev(tg.jacfwd(f)),
        lambda f: tg.jacfwd(tg.jacfwd(f)),
    ):
        np.testing.assert_allclose(way(f)(x), expected, rtol=1e-12, atol=1e-14)
    assert tg.grad(tg.grad(tg.grad(sine)))(0.7) == pytest.approx(-np.cos(0.7))


class Pair(NamedTuple):
    """A tree for arguments and outputs."""

    a: Any
    b: Any


@as_any
def mixed(p: Any, q: Any) -> Any:
    """Trees in, trees out: several outputs of different shapes."""
    out = {"s": (p.a * p.b["c"]).sum(), "v": p.a + q}

    def pullback(g: Any) -> Any:
        by_a = g["s"] * p.b["c"] + g["v"]
        by_c = g["s"] * p.a
        return Pair(by_a, {"c": by_c}), g["v"].sum()

    return out, pullback


def plain_mixed(p: Any, q: Any) -> Any:
    """The same without a pullback of its own."""
    return {"s": (p.a * p.b["c"]).sum(), "v": p.a + q}


def test_trees() -> None:
    """Against the same function without a pullback: reverse, forward, by either argument."""
    p, q = Pair(RNG.normal(size=3), {"c": RNG.normal(size=3)}), 2.0

    def loss(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda p, q: np.sin(f(p, q)["s"]) * (f(p, q)["v"] ** 2).sum()

    for argnums in (0, 1, (0, 1)):
        truth.assert_close(
            tg.grad(loss(mixed), argnums)(p, q),
            tg.grad(loss(plain_mixed), argnums)(p, q),
            rtol=1e-12,
        )
    t = (Pair(RNG.normal(size=3), {"c": RNG.normal(size=3)}), 0.7)
    truth.assert_close(tg.jvp(mixed, (p, q), t), tg.jvp(plain_mixed, (p, q), t), rtol=1e-12)
    truth.assert_close(
        tg.hessian(loss(mixed))(p, q), tg.hessian(loss(plain_mixed))(p, q), rtol=1e-10
    )


def test_only_one_of_several_outputs_is_used() -> None:
    """The others' cotangents are zeros of their shapes."""
    p, q = Pair(np.ones(3), {"c": np.arange(3.0)}), 2.0
    found = tg.grad(lambda p: mixed(p, q)["s"])(p)
    truth.assert_close(found, Pair(np.arange(3.0), {"c": np.ones(3)}))


def test_some_arguments_are_traced() -> None:
    """An argument that is not traced needs no cotangent; None says so."""

    @as_any
    def power(x: Any, n: int, name: str, options: Any) -> Any:
        assert name == "n"
        assert options == {"deep": [1, None]}
        return x**n, lambda g: (g * n * x ** (n - 1), None, None, None)

    assert tg.grad(lambda x: power(x, 3, "n", {"deep": [1, None]}))(2.0) == 12.0
    by_hand = tg.vmap(lambda x: power(x, 3, "n", {"deep": [1, None]}))(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(by_hand, [1.0, 8.0])
    assert tg.grad(lambda y: product(2.0, y))(5.0) == 2.0


def test_nested_custom_functions() -> None:
    """One calls another, in the function and in the pullback."""

    @as_any
    def outer(x: Any) -> Any:
        return doubled(x) * 3.0, lambda g: (doubled(g) * 6.0,)

    assert tg.value_and_grad(outer)(1.0) == (3.0, 6.0)
    assert tg.grad(lambda g: tg.vjp(outer, 1.0)[1](g)[0])(1.0) == 12.0  # the pullback's gradient
    assert tg.grad(lambda x: doubled(doubled(x)))(1.0) == 4.0


def test_inside_nested_gradients() -> None:
    """Arguments traced by different transforms at once."""

    def f(x: Any) -> Any:
        return x * tg.grad(lambda y: product(x, y) ** 2)(2.0)  # x · 2 x² y = 4x³ at y = 2

    assert tg.grad(f)(3.0) == pytest.approx(108.0)
    assert tg.jvp(f, (3.0,), (1.0,))[1] == pytest.approx(108.0)


X = RNG.normal(size=(4, 3))
Y = RNG.normal(size=(4, 3))


@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0)])
def test_under_vmap(axes: tuple[int | None, int | None]) -> None:
    """Batched in either argument: value, gradient of the batch, batch of gradients."""
    args = [a if axis == 0 else a[0] for a, axis in zip((X, Y), axes, strict=True)]

    def plain(x: Any, y: Any) -> Any:
        return x * y

    np.testing.assert_allclose(
        tg.vmap(product, axes)(*args), truth.one_by_one(plain, axes, *args), rtol=1e-14
    )

    def loss(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, y: np.sin(tg.vmap(f, axes)(x, y)).sum()

    truth.assert_close(
        tg.grad(loss(product), (0, 1))(*args), tg.grad(loss(plain), (0, 1))(*args), rtol=1e-12
    )

    def gradients(f: Callable[..., Any]) -> Callable[..., Any]:
        return tg.grad(lambda x, y: np.sin(f(x, y)).sum(), (0, 1))

    truth.assert_close(
        tg.vmap(gradients(product), axes)(*args),
        tg.vmap(gradients(plain), axes)(*args),
        rtol=1e-12,
    )
    truth.assert_close(
        tg.jvp(tg.vmap(product, axes), tuple(args), tuple(args)),
        tg.jvp(tg.vmap(plain, axes), tuple(args), tuple(args)),
        rtol=1e-12,
    )


def test_the_pullback_is_used_under_vmap_too() -> None:
    """Not the derivative of the function's body."""
    x = np.arange(3.0)
    np.testing.assert_array_equal(tg.vmap(tg.grad(doubled))(x), [2.0] * 3)
    np.testing.assert_array_equal(tg.grad(lambda x: tg.vmap(doubled)(x).sum())(x), [2.0] * 3)
    np.testing.assert_array_equal(
        tg.grad(lambda x: tg.vmap(tg.vmap(doubled))(x).sum())(np.ones((2, 3))), np.full((2, 3), 2.0)
    )
    np.testing.assert_array_equal(tg.jacrev(doubled)(x), 2.0 * np.eye(3))
    np.testing.assert_array_equal(tg.jacfwd(doubled)(x), 2.0 * np.eye(3))


def test_a_shared_argument_of_the_size_of_the_batch() -> None:
    """The cotangent of an unbatched (4,) under a batch of 4 is summed, not mistaken for a batch."""
    w = RNG.normal(size=4)
    x = RNG.normal(size=(4, 4))

    def loss(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda w: np.sin(tg.vmap(f, (0, None))(x, w)).sum()

    expected = tg.grad(loss(lambda x, w: x * w))(w)
    np.testing.assert_allclose(tg.grad(loss(product))(w), expected, rtol=1e-12)
    number = 0.7
    x1 = RNG.normal(size=4)
    by_number = tg.grad(lambda w: np.sin(tg.vmap(product, (0, None))(x1, w)).sum())(number)
    assert by_number == pytest.approx((np.cos(x1 * number) * x1).sum())


def test_trees_under_vmap() -> None:
    """A batch of trees, one part shared."""
    p = Pair(X, {"c": Y[0]})
    axes = (Pair(0, {"c": None}), None)
    for f in (mixed, plain_mixed):
        out = tg.vmap(f, axes)(p, 2.0)
        np.testing.assert_allclose(out["s"], X @ Y[0], rtol=1e-13)
        np.testing.assert_allclose(out["v"], X + 2.0, rtol=1e-14)

    def loss(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda p: (tg.vmap(f, axes)(p, 2.0)["s"] ** 2).sum()

    truth.assert_close(tg.grad(loss(mixed))(p), tg.grad(loss(plain_mixed))(p), rtol=1e-12)


def test_an_implicit_function() -> None:
    """A use: √a as the solution of y² = a, whose pullback needs no look inside the solver."""

    @as_any
    def root(a: Any) -> Any:
        y = float(a) if not isinstance(a, tg.Var) else a.value
        for _ in range(60):
            y = 0.5 * (y + float(getattr(a, "value", a)) / y)
        return y, lambda g: (g / (2.0 * root(a)),)

    assert tg.value_and_grad(root)(9.0) == pytest.approx((3.0, 1.0 / 6.0), rel=1e-14)
    assert tg.grad(tg.grad(root))(9.0) == pytest.approx(-1.0 / 108.0, rel=1e-12)


def test_a_gradient_that_is_a_constant_of_the_caller_is_copied() -> None:
    """What the pullback hands out, the caller may write into: it must not be the user's array."""
    constant = np.array([1.0, 2.0])

    @as_any
    def tilted(x: Any) -> Any:
        return (x * constant).sum(), lambda g: (constant,)

    found = tg.grad(tilted)(np.ones(2))
    found[0] = 100.0
    np.testing.assert_array_equal(constant, [1.0, 2.0])


def test_the_rule_holds_one_level_up() -> None:
    """The value of an inner transform has, for an outer one, the custom derivative."""

    @tg.custom_vjp
    def straight(x: Any) -> Any:
        return np.round(x), lambda g: (g,)

    def inner_value(y: Any) -> Any:
        return tg.value_and_grad(lambda x: straight(x * y))(2.0)[0]

    assert tg.grad(inner_value)(1.3) == 2.0
    assert tg.jvp(inner_value, (1.3,), (1.0,))[1] == 2.0
    np.testing.assert_array_equal(tg.vmap(tg.grad(inner_value))(np.array([1.3, 0.2])), [2.0, 2.0])
