"""Reverse mode: grad, value_and_grad, vjp; nesting; threads; and what a call leaves behind."""

from __future__ import annotations

import gc
import math
import pickle
import sys
import tracemalloc
import weakref
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import numpy as np
import pytest
import truth

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad._node import Binary
from tapegrad.testing import check_grads

RNG = np.random.default_rng(3)


def cube(x: Any) -> Any:
    """x³: a function that pickles."""
    return x**3


def scaled(x: Any, y: Any, *, by: float = 1.0) -> Any:
    """by x² y."""
    return by * x**2 * y


# Arguments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [
        (0, 12.0),
        (1, 4.0),
        (-1, 4.0),
        (-2, 12.0),
        ((0,), (12.0,)),
        ((0, 1), (12.0, 4.0)),
        ((1, 0), (4.0, 12.0)),
        ((-1, 0), (4.0, 12.0)),
        ((), ()),
    ],
)
def test_argnums(argnums: Any, expected: Any) -> None:
    """An int gives a gradient, a tuple of any order a tuple in that order."""
    assert tg.grad(scaled, argnums)(2.0, 3.0) == expected
    assert tg.value_and_grad(scaled, argnums)(2.0, 3.0) == (12.0, expected)


def test_keyword_arguments_are_passed_on_and_not_differentiated() -> None:
    """Everything after the positional arguments reaches the function as it is."""
    assert tg.grad(scaled)(2.0, 3.0, by=5.0) == 60.0
    assert tg.grad(scaled)(2.0, y=3.0, by=5.0) == 60.0
    seen: list[Any] = []

    def f(x: Any, *, note: object) -> Any:
        seen.append(note)
        return x * 1.0

    marker = object()
    assert tg.grad(f)(1.0, note=marker) == 1.0
    assert seen == [marker]


def test_other_arguments_are_untouched() -> None:
    """An argument that is not differentiated may be anything, and arrives as the same object."""
    seen: list[Any] = []

    def f(x: Any, other: Any) -> Any:
        seen.append(other)
        return x * 2.0

    for other in (None, "text", np.arange(3), {"a": 1}, object()):
        assert tg.grad(f)(1.0, other) == 2.0
        assert seen[-1] is other


def test_has_aux() -> None:
    """Aux comes back as plain values, in its structure; only the value is differentiated."""

    def f(x: Any) -> Any:
        y = x * x
        return y.sum(), {"y": y, "note": "kept", "pair": (y[0], None)}

    x = np.array([1.0, 2.0])
    gradient, aux = tg.grad(f, has_aux=True)(x)
    np.testing.assert_array_equal(gradient, [2.0, 4.0])
    assert type(aux["y"]) is np.ndarray
    np.testing.assert_array_equal(aux["y"], [1.0, 4.0])
    assert aux["note"] == "kept"
    assert aux["pair"] == (1.0, None)
    (value, aux), gradient = tg.value_and_grad(f, has_aux=True)(x)
    assert value == 5.0
    assert aux["note"] == "kept"
    np.testing.assert_array_equal(gradient, [2.0, 4.0])


def test_aux_of_an_inner_gradient_stays_traced_outside() -> None:
    """What the inner gradient hands out is a value of the outer one, differentiated there."""

    def inner(y: Any) -> Any:
        return y**2, y**3

    def outer(x: Any) -> Any:
        gradient, aux = tg.grad(inner, has_aux=True)(x)
        return gradient + aux  # 2x + x³

    assert tg.value_and_grad(outer)(2.0) == (12.0, 14.0)


def test_value_has_the_kind_of_the_function() -> None:
    """The value is what f would have returned on plain numbers."""
    assert type(tg.value_and_grad(cube)(2.0)[0]) is float
    assert type(tg.value_and_grad(lambda x: np.sum(x))(np.ones(2))[0]) is np.float64
    assert type(tg.value_and_grad(lambda x: np.sum(x))(np.ones(2, np.float32))[0]) is np.float32
    assert tg.value_and_grad(lambda x: 7.0)(2.0) == (7.0, 0.0)
    assert tg.value_and_grad(lambda x: 7)(2.0) == (7, 0.0)


def test_whole_numbers_that_comparisons_make() -> None:
    """Truths of a Python float count as ints where they are added: as an index, not as a value."""
    table = np.array([1.0, 10.0, 100.0])

    def f(x: Any) -> Any:
        return x * table[(x > 0.0) + (x > 1.0)]

    assert [tg.grad(f)(x) for x in (-1.0, 0.5, 3.0)] == [1.0, 10.0, 100.0]
    assert tg.grad(lambda x: x * int((x > 0.0) + (x > 1.0)))(3.0) == 2.0
    assert tg.value_and_grad(lambda x: x * ((x > 0.0) + (x > 1.0)))(3.0) == (6.0, 2.0)
    assert tg.value_and_grad(lambda x: x * -(x > 0.0))(3.0) == (-3.0, -1.0)
    for whole in (lambda x: (x > 0.0) + (x > 1.0), lambda x: -(x > 0.0)):
        with pytest.raises(tg.OutputError, match="one floating-point number"):
            tg.grad(whole)(3.0)
        with pytest.raises(tg.OutputError):
            tg.jvp(whole, (3.0,), (1.0,))


def test_the_plain_value_is_read_only() -> None:
    """Writing into it would change the caller's array, and the tape."""
    z = np.array([3.0, 1.0, 2.0])

    def f(x: Any) -> Any:
        with pytest.raises(ValueError, match="read-only"):
            x.value.fill(7.0)
        with pytest.raises(ValueError, match="read-only"):
            x.value.sort()
        y = x * 1.0
        with pytest.raises(ValueError, match="read-only"):
            y.value[0] = 7.0
        return (y * y).sum()

    np.testing.assert_array_equal(tg.grad(f)(z), [6.0, 2.0, 4.0])
    np.testing.assert_array_equal(z, [3.0, 1.0, 2.0])
    gradient, kept = tg.grad(lambda x: ((x * x).sum(), x.value), has_aux=True)(z)
    kept[:] = 0.0  # what comes out is the caller's own
    np.testing.assert_array_equal(gradient, [6.0, 2.0, 4.0])
    np.testing.assert_array_equal(z, [3.0, 1.0, 2.0])


def test_an_independent_parameter_gets_zeros() -> None:
    """Never None, and in the parameter's own shape and kind."""
    params = {"used": 2.0, "unused": np.ones((2, 3), np.float32), "number": 5.0}
    found = tg.grad(lambda p: p["used"] ** 2)(params)
    truth.assert_same(found, {"used": 4.0, "unused": np.zeros((2, 3), np.float32), "number": 0.0})


def test_a_parameter_reached_only_through_a_constant_gets_zeros() -> None:
    """Rounding, comparing and stop_gradient have no derivative; zeros, not None, not NaN."""
    x = np.array([0.3, 1.7])
    for f in (
        lambda x: np.round(x).sum(),
        lambda x: tnp.where(x > 1.0, 1.0, 2.0).sum(),
        lambda x: tg.stop_gradient(x).sum(),
        lambda x: np.sign(x).sum(),
    ):
        truth.assert_same(tg.grad(f)(x), np.zeros(2))


def test_the_same_array_twice_is_two_parameters() -> None:
    """Leaves are told apart by their place, not by their identity."""
    x = np.array([2.0, 3.0])
    a, b = tg.grad(lambda p: (p[0] * p[1] ** 2).sum())((x, x))
    np.testing.assert_array_equal(a, x**2)
    np.testing.assert_array_equal(b, 2 * x**2)


# Values ------------------------------------------------------------------------------------------


def test_python_control_flow_is_followed() -> None:
    """if, while, for and recursion see concrete values."""

    def collatz_like(x: Any) -> Any:
        steps = 0
        while abs(x) > 1.0 and steps < 50:
            x = x / 2.0 if x > 0 else -x * 0.7
            steps += 1
        return x

    for point in (37.0, -11.3, 0.4):
        expected = truth.slope(collatz_like, point, step=1e-7)
        assert tg.grad(collatz_like)(point) == pytest.approx(expected, rel=1e-6)


def test_newton_iteration_is_differentiated_through() -> None:
    """√a by Newton's method: its derivative is 1/(2√a)."""

    def root(a: Any) -> Any:
        x = a
        for _ in range(30):
            x = 0.5 * (x + a / x)
        return x

    assert tg.grad(root)(9.0) == pytest.approx(1.0 / 6.0, rel=1e-14)
    assert tg.grad(tg.grad(root))(9.0) == pytest.approx(-1.0 / 108.0, rel=1e-12)


# Pullbacks ---------------------------------------------------------------------------------------


def test_vjp_is_the_transposed_jacobian() -> None:
    """Over the standard basis of cotangents, the rows of the Jacobian."""
    x = RNG.normal(size=(2, 2))

    def f(x: Any) -> Any:
        return np.sin(x) @ np.array([1.0, 2.0])

    expected = truth.jacobian(f, x)
    out, pullback = tg.vjp(f, x)
    np.testing.assert_allclose(out, f(x))
    for i, g in enumerate(np.eye(2)):
        truth.assert_close(pullback(g), (expected[i],))


def test_vjp_of_trees() -> None:
    """Any tree in, any tree out; the cotangents of inputs that are not used are zeros."""

    def f(p: Any, q: Any) -> Any:
        return {"a": p["w"] * q, "b": [q * q, p["w"].sum()]}

    p, q = {"w": np.array([1.0, 2.0]), "unused": 3.0}, 4.0
    out, pullback = tg.vjp(f, p, q)
    truth.assert_same(out, {"a": np.array([4.0, 8.0]), "b": [16.0, np.float64(3.0)]})
    found = pullback({"a": np.array([1.0, 10.0]), "b": [100.0, 1000.0]})
    expected_w = np.array([1.0, 10.0]) * 4.0 + 1000.0
    truth.assert_same(found, ({"w": expected_w, "unused": 0.0}, 21.0 + 800.0))


def test_a_pullback_can_be_called_again() -> None:
    """It keeps nothing of an earlier call, and does not change the cotangent."""
    _, pullback = tg.vjp(lambda x: x * x, np.array([1.0, 2.0]))
    g = np.array([1.0, 1.0])
    first, second = pullback(g)[0], pullback(g)[0]
    np.testing.assert_array_equal(first, second)
    assert first is not second
    np.testing.assert_array_equal(g, 1.0)


def test_vjp_where_one_input_is_the_output_twice() -> None:
    """The cotangents of an output that appears twice are added."""
    out, pullback = tg.vjp(lambda x: (x, x), 3.0)
    assert out == (3.0, 3.0)
    assert pullback((2.0, 5.0)) == (7.0,)


def test_vjp_of_a_constant_output() -> None:
    """An output that depends on nothing gives zeros, whatever its cotangent."""
    out, pullback = tg.vjp(lambda x: (2.0, x * 0.0 + 1.0), np.ones(2))
    assert out[0] == 2.0
    truth.assert_same(pullback((5.0, np.ones(2))), (np.zeros(2),))


def test_a_pullback_is_linear() -> None:
    """Jᵀ(ag + bh) = a Jᵀg + b Jᵀh."""
    x = RNG.normal(size=3)
    _, pullback = tg.vjp(lambda x: np.exp(x) * x.sum(), x)
    g, h = RNG.normal(size=(2, 3))
    truth.assert_close(
        pullback(2.0 * g - 3.0 * h)[0], 2.0 * pullback(g)[0] - 3.0 * pullback(h)[0], rtol=1e-12
    )


def test_a_pullback_inside_a_gradient() -> None:
    """vjp in a function that is differentiated: d/dx of (x³)' by its pullback is 6x."""
    assert tg.grad(lambda x: tg.vjp(cube, x)[1](1.0)[0])(2.0) == pytest.approx(12.0)
    assert tg.grad(lambda g: tg.vjp(cube, 2.0)[1](g)[0])(1.0) == pytest.approx(12.0)


# Nesting -----------------------------------------------------------------------------------------


def test_grad_of_grad_of_grad() -> None:
    """The third, fourth and fifth derivatives of sin, of a power and of an exponential."""
    derivative: Callable[[Any], Any] = np.sin
    for expected in (math.cos, lambda x: -math.sin(x), lambda x: -math.cos(x), math.sin, math.cos):
        derivative = tg.grad(derivative)
        assert derivative(0.7) == pytest.approx(expected(0.7), rel=1e-12)
    assert tg.grad(tg.grad(tg.grad(lambda x: x**5)))(2.0) == pytest.approx(60.0 * 4.0)
    assert tg.grad(tg.grad(tg.grad(lambda x: tnp.exp(2.0 * x))))(0.5) == pytest.approx(8.0 * math.e)


def test_third_derivative_by_three_arguments() -> None:
    """∂³/∂x∂y∂z of sin(xyz), against the formula worked out by hand."""

    def f(x: Any, y: Any, z: Any) -> Any:
        return np.sin(x * y * z)

    x, y, z = 0.7, -1.3, 0.4
    p = x * y * z
    expected = (1.0 - p * p) * math.cos(p) - 3.0 * p * math.sin(p)
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        g: Callable[..., Any] = f
        for i in order:
            g = tg.grad(g, argnums=i)
        assert g(x, y, z) == pytest.approx(expected, rel=1e-12)


def test_second_derivatives_of_array_functions_by_differences() -> None:
    """Forward, reverse and second order agree with differences for a mixed bag of operations."""
    x, y = RNG.normal(size=(3, 3)) + 3 * np.eye(3), RNG.normal(size=3)
    check_grads(lambda a, b: np.linalg.solve(a, b).sum() * np.linalg.det(a), (x, y))
    check_grads(lambda a, b: np.einsum("ij,j->i", np.exp(0.1 * a), b), (x, y))
    check_grads(lambda a: np.sort(a, axis=0)[1:, [0, 0, 2]] ** 2, (x,))
    check_grads(lambda b: tnp.concatenate([b, np.tanh(b)]).std(), (y,))


# Pearlmutter and Siskind, "Lazy multivariate higher-order forward-mode AD" (POPL 2007) and
# Siskind and Pearlmutter, "Perturbation confusion and referential transparency" (IFL 2005):
# whoever mixes up the two derivatives gets another number.


def d_reverse(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative by reverse mode."""
    return tg.grad(f)


def d_forward(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative by forward mode."""
    return lambda x: tg.jvp(f, (x,), (1.0,))[1]


def d_jacfwd(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative as a Jacobian."""
    return tg.jacfwd(f)


def d_jacrev(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative as a Jacobian."""
    return tg.jacrev(f)


MODES = [d_reverse, d_forward, d_jacfwd, d_jacrev]
each_pair = pytest.mark.parametrize(
    ("outer", "inner"), [(a, b) for a in MODES for b in MODES], ids=lambda d: d.__name__
)


@each_pair
def test_perturbations_of_a_sum_are_told_apart(outer: Any, inner: Any) -> None:
    """d/dx (x · d/dy (x + y) at y = 1) at x = 1 is 1; with confusion it is 2."""
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0


@each_pair
def test_perturbations_of_a_product_are_told_apart(outer: Any, inner: Any) -> None:
    """d/dx (x · d/dy (x y) at y) = d/dx x² = 2x, at whatever y."""
    for y in (1.0, -2.0):
        assert outer(lambda x, y=y: x * inner(lambda z: x * z)(y))(3.0) == 6.0


@each_pair
def test_the_inner_derivative_at_the_outer_point(outer: Any, inner: Any) -> None:
    """d/dx (x · d/dy (x y²) at y = x) = d/dx 2x³ = 6x²."""
    found = outer(lambda x: x * inner(lambda y: x * y * y)(x))(2.0)
    assert found == pytest.approx(24.0, rel=1e-14)


@each_pair
def test_a_function_that_ignores_its_argument(outer: Any, inner: Any) -> None:
    """d/dy x = 0 although x is being perturbed outside."""
    assert outer(lambda x: x * x + inner(lambda y: x)(5.0))(3.0) == 6.0


@each_pair
def test_a_derivative_that_returns_a_closure(outer: Any, inner: Any) -> None:
    """f(x)(y) = x y in curried form: the outer derivative of the inner one is 1."""

    def curried(x: Any) -> Callable[[Any], Any]:
        return lambda y: x * y

    assert outer(lambda x: inner(curried(x))(7.0))(2.0) == 1.0


@each_pair
def test_the_shift_operator(outer: Any, inner: Any) -> None:
    """The amazing bug: D (x ↦ D (y ↦ f(y + x)) (3)) (0) = f''(3), for f = exp, also composed."""

    def shifted(offset: Any) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
        return lambda f: lambda x: f(x + offset)

    found = outer(lambda u: inner(shifted(u)(tnp.exp))(3.0))(0.0)
    assert found == pytest.approx(math.exp(3.0), rel=1e-14)


@each_pair
def test_three_levels(outer: Any, inner: Any) -> None:
    """d/dx (x d/dy (y d/dz (x y z²) at z = x)) at y = x is d/dx (x · 2x² · 2x) = 16x³."""

    def f(x: Any) -> Any:
        def g(y: Any) -> Any:
            return y * outer(lambda z: x * y * z * z)(x)

        return x * inner(g)(x)

    # inner: y · (2 x² y) → 4 x² y, at y = x: 4x³; times x: 4x⁴; derivative 16x³
    assert outer(f)(1.5) == pytest.approx(16.0 * 1.5**3, rel=1e-13)


def test_gradients_with_respect_to_a_closed_over_value() -> None:
    """grad inside grad by the same variable, with arrays and a mutable accumulator of closures."""
    w = np.array([1.0, -2.0])

    def outer(w: Any) -> Any:
        total = 0.0
        for k in range(3):
            total = total + (tg.grad(lambda v, k=k: (v**2 * w).sum() * k)(w) * w).sum()
        return total  # sum over k of 2 k w³

    np.testing.assert_allclose(tg.grad(outer)(w), 18.0 * w**2)


def test_threads_never_meet() -> None:
    """10,000 nested gradients in 8 threads, each with its own numbers: none is wrong."""

    def second(k: int) -> bool:
        x = 0.5 + (k % 97) / 50.0
        found = tg.grad(lambda x: x * tg.grad(lambda y: x * y**3 + tnp.sin(y))(x))(x)
        # x (3x³ + cos x) = 3x⁴ + x cos x
        expected = 12.0 * x**3 + math.cos(x) - x * math.sin(x)
        return bool(abs(found - expected) <= 1e-12 * abs(expected))

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(second, range(10_000), chunksize=50))
    assert sum(not right for right in results) == 0


def test_threads_and_first_sight_of_a_class() -> None:
    """Eight threads meet a new class of parameters at once: each gets its gradient."""

    @attrs.frozen
    class Fresh:
        a: Any

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: tg.grad(lambda p: p.a**2)(Fresh(float(k))), range(64)))
    assert found == [Fresh(2.0 * k) for k in range(64)]


# What is left behind -----------------------------------------------------------------------------


@pytest.mark.parametrize("x", [1.0, -1.0])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, ValueError])
def test_after_an_interruption(error: type[BaseException], x: float) -> None:
    """Whatever stops a function, forward or in its derivative: the next call is as good as any."""

    @tg.custom_vjp
    def stopping(x: Any) -> Any:
        def pull(g: Any) -> Any:
            raise error

        return np.sin(x), pull

    def stopped(x: Any) -> Any:
        if x > 0.0:
            raise error
        return stopping(x)

    with pytest.raises(error):
        tg.grad(lambda y: y * tg.grad(stopped)(x * y))(1.0)
    assert tg.grad(tg.grad(lambda x: x**3))(2.0) == 12.0


class Marked:
    """Something that a weak reference can watch."""


@pytest.fixture
def _no_collector() -> Any:
    """Without the cycle collector, only what has no reference cycle goes away."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> tuple[int, ...]:
    """How many tapes, records and traced values are alive."""
    kinds = Counter(map(type, gc.get_objects()))
    return tuple(kinds[kind] for kind in (tg.Tape, tg.Node, Binary, tg.Var))


RUNS: dict[str, Callable[[Callable[[Any], Any]], object]] = {
    "grad": lambda f: tg.grad(f)(2.0),
    "value_and_grad": lambda f: tg.value_and_grad(f)(2.0),
    "vjp": lambda f: tg.vjp(f, 2.0)[1](1.0),
    "jvp": lambda f: tg.jvp(f, (2.0,), (1.0,)),
    "jacrev": lambda f: tg.jacrev(f)(2.0),
    "jacfwd": lambda f: tg.jacfwd(f)(2.0),
    "hessian": lambda f: tg.hessian(f)(2.0),
    "hvp": lambda f: tg.hvp(f, (2.0,), (1.0,)),
    "vmap": lambda f: tg.vmap(f)(np.arange(3.0)),
    "vmap of grad": lambda f: tg.vmap(tg.grad(f))(np.arange(3.0)),
    "grad of vmap": lambda f: tg.grad(lambda x: tg.vmap(f)(x).sum())(np.arange(3.0)),
    "grad of grad": lambda f: tg.grad(tg.grad(f))(2.0),
    "record": lambda f: tg.record(f, 2.0).value,
    "custom_vjp": lambda f: tg.grad(tg.custom_vjp(lambda x: (f(x), lambda g: (g,))))(2.0),
}


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("name", RUNS)
def test_a_finished_call_leaves_nothing_behind(name: str) -> None:
    """Reference counting alone frees the tape and all that the function made."""
    watched: list[weakref.ref[Marked]] = []

    def f(x: Any) -> Any:
        marker = Marked()
        watched.append(weakref.ref(marker))

        def square(y: Any) -> Any:
            assert marker is not None
            return tnp.exp(y) * y

        return square(x)

    before = alive()
    RUNS[name](f)
    assert watched
    assert all(reference() is None for reference in watched)
    assert alive() == before


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("name", RUNS)
def test_an_exception_leaves_nothing_behind(name: str) -> None:
    """What f raises comes out as it is; afterwards no tape, no node and no local is alive."""
    watched: list[weakref.ref[Marked]] = []

    class OwnError(Exception):
        pass

    def f(x: Any) -> Any:
        marker = Marked()
        watched.append(weakref.ref(marker))
        y = tnp.exp(x) * x
        raise OwnError(y)

    before = alive()

    def attempt() -> None:
        with pytest.raises(OwnError):
            RUNS[name](f)

    attempt()
    assert watched
    assert all(reference() is None for reference in watched)
    assert alive() == before
    assert tg.grad(cube)(2.0) == 12.0  # and nothing is upset


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + np.ones(3),
        lambda x: x.sum() + tg.grad(lambda y: (y + np.ones(3)).sum())(x),
        lambda x: tg.vmap(lambda y: y @ np.ones(3))(x),
        lambda x: x,
        lambda x: "text",
        lambda x: np.linalg.eig(x),
        lambda x: float(x),
    ],
)
def test_an_error_of_tapegrad_leaves_nothing_behind(f: Callable[[Any], Any]) -> None:
    """The same for the errors that tapegrad raises, which hold the tape's values in their words."""
    before = alive()

    def attempt() -> None:
        with pytest.raises((tg.TapegradError, TypeError)):
            tg.grad(f)(np.ones((2, 2)))

    attempt()
    assert alive() == before


def test_one_tape_and_many_threads() -> None:
    """A function may spread over threads: each operation finds its own place on the tape."""

    def chain(x: Any, k: float) -> Any:
        for _ in range(3000):
            x = tnp.sin(x) * k
        return x

    def f(x: Any) -> Any:
        with ThreadPoolExecutor(4) as pool:
            return sum(pool.map(chain, [x] * 4, [1.0, 1.001, 1.002, 1.003]))

    expected = tg.grad(lambda x: sum(chain(x, k) for k in (1.0, 1.001, 1.002, 1.003)))(0.7)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        assert [tg.grad(f)(0.7) for _ in range(3)] == pytest.approx([expected] * 3, rel=1e-9)
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize(
    ("f", "slope"),
    [(lambda x: x * 3.0, 3.0), (lambda x: 3.0 - x, -1.0), (np.exp, math.exp(0.5))],
    ids=["multiply", "swapped", "exp"],
)
def test_an_operation_that_comes_between(f: Callable[[Any], Any], slope: float) -> None:
    """Wherever Python switches threads, and under a debugger that is anywhere: another operation
    that is appended while one is about to be takes no one's place.
    """

    def interrupted(x: Any) -> Any:
        nodes, others = x._trace.nodes, []

        class Nodes:
            def append(self, node: Any) -> None:
                x._trace.nodes = nodes
                others.append(x * 7.0)
                nodes.append(node)

            __len__, __getitem__ = nodes.__len__, nodes.__getitem__

        x._trace.nodes = Nodes()
        return f(x) + 5.0 * others[0]

    assert tg.grad(interrupted)(0.5) == pytest.approx(slope + 35.0, rel=1e-15)


@pytest.mark.usefixtures("_no_collector")
def test_a_pullback_lets_go_of_its_tape() -> None:
    """A pullback holds the nodes that it needs, and no longer than it lives."""
    before = alive()
    _, pullback = tg.vjp(lambda x: np.exp(x * x), 2.0)
    assert all(now > then for now, then in zip(alive()[1:3], before[1:3], strict=True))
    del pullback, _
    assert alive() == before


def test_operands_are_released_while_the_replay_goes_on() -> None:
    """A replay drops what it has used: the peak is that of the recording, not twice as much."""
    length, width = 200, 10_000

    def f(x: Any) -> Any:
        for _ in range(length):
            x = np.sin(x)
        return x.sum()

    x = np.ones(width)
    tracemalloc.start()
    tg.record(f, x)
    recorded = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    tg.grad(f)(x)
    replayed = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert replayed < 1.2 * recorded


def test_a_replay_frees_what_it_has_used() -> None:
    """When the first operation's pullback is asked, the values of all later ones are gone."""
    later: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def watching(x: Any) -> Any:
        def pullback(g: Any) -> Any:
            alive.append(sum(reference() is not None for reference in later))
            return (g,)

        return x * 1.0, pullback

    first: Callable[..., Any] = tg.custom_vjp(watching)

    def f(x: Any) -> Any:
        y = first(x)
        for _ in range(5):
            y = np.sin(y)
            later.append(weakref.ref(y.value))
        return y.sum()

    tg.grad(f)(np.ones(3))
    assert alive == [0]


# Length ------------------------------------------------------------------------------------------


def chain(length: int) -> Callable[[Any], Any]:
    """x ↦ x + length · 0.001, one operation at a time."""

    def f(x: Any) -> Any:
        for _ in range(length):
            x = x + 0.001
        return x

    return f


def test_a_chain_of_a_million_operations() -> None:
    """No recursion: neither the replay nor what follows when its values die."""
    length = 1_000_000

    def f(x: Any) -> Any:
        y = x
        for _ in range(length // 2):
            y = y * 0.999999 + x
        return y

    q = 0.999999
    n = length // 2
    expected = q**n + (1.0 - q**n) / (1.0 - q)
    assert tg.grad(f)(1.0) == pytest.approx(expected, rel=1e-9)


def test_a_long_chain_in_forward_mode_and_nested() -> None:
    """Forward mode and second order do not recurse either."""
    n = 20_000

    def f(x: Any) -> Any:
        y = x
        for _ in range(n):
            y = y * 0.9999 + x * x
        return y

    q = 0.9999
    squares = (1.0 - q**n) / (1.0 - q)
    assert tg.jvp(f, (2.0,), (1.0,))[1] == pytest.approx(q**n + 4.0 * squares, rel=1e-9)
    assert tg.grad(tg.grad(f))(2.0) == pytest.approx(2.0 * squares, rel=1e-9)


def test_memory_is_linear_in_the_length_of_a_chain() -> None:
    """Bytes for each further operation: the same at 10⁴ and at 10⁵ within 3%, and few."""

    def peak(length: int) -> int:
        tracemalloc.start()
        tg.grad(chain(length))(1.0)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10_000)  # CPython's free lists are filled now
    short = (peak(20_000) - peak(10_000)) / 10_000
    long = (peak(120_000) - peak(80_000)) / 40_000
    assert long == pytest.approx(short, rel=0.03)
    assert long <= 240


# Objects -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [tg.grad, tg.value_and_grad, tg.jacrev, tg.jacfwd, tg.hessian, tg.vmap],
    ids=lambda t: t.__name__,
)
def test_a_transformed_function_pickles(make: Callable[..., Any]) -> None:
    """It is an object made of the function, not a closure."""
    function = make(cube)
    copy = pickle.loads(pickle.dumps(function))
    argument = np.array([1.0, 2.0]) if make is tg.vmap else 2.0
    assert np.array_equal(copy(argument), function(argument))


def test_nested_transforms_pickle() -> None:
    """Also with options, also several deep."""
    function = tg.grad(tg.grad(scaled), argnums=1)
    assert pickle.loads(pickle.dumps(function))(2.0, 3.0) == 4.0


def test_a_gradient_is_equal_to_its_like() -> None:
    """Made of the same function in the same way: equal, and of the same hash."""
    assert tg.grad(cube) == tg.grad(cube)
    assert hash(tg.grad(cube)) == hash(tg.grad(cube))
    assert tg.grad(cube) != tg.grad(cube, argnums=1)


def test_names_say_what_was_done() -> None:
    """The name of a transformed function tells the transforms."""
    name = getattr(tg.grad(tg.grad(cube)), "__name__")  # noqa: B009
    assert name == "grad(grad(cube))"
    assert getattr(tg.vmap(tg.jacfwd(cube)), "__name__") == "vmap(jacfwd(cube))"  # noqa: B009


# Marks -------------------------------------------------------------------------------------------


def test_stop_gradient_stops_every_order_and_mode() -> None:
    """In products, in forward mode, in second order, in trees, under vmap."""

    def f(x: Any) -> Any:
        return x * tg.stop_gradient(x) ** 2

    assert tg.grad(f)(3.0) == 9.0
    assert tg.grad(tg.grad(f))(3.0) == 0.0
    assert tg.jvp(f, (3.0,), (1.0,)) == (27.0, 9.0)
    np.testing.assert_array_equal(tg.vmap(tg.grad(f))(np.array([1.0, 2.0])), [1.0, 4.0])
    np.testing.assert_array_equal(tg.hessian(f)(3.0), 0.0)
    tree = {"a": 2.0, "b": np.array([1.0, 2.0])}
    found = tg.grad(lambda t: (tg.stop_gradient(t)["b"] * t["b"] * t["a"]).sum())(tree)
    truth.assert_same(found, {"a": 5.0, "b": np.array([2.0, 4.0])})


def test_stop_gradient_on_plain_values_is_nothing() -> None:
    """Outside a transform the value itself comes back."""
    x = np.ones(2)
    assert tg.stop_gradient(x) is x
    assert tg.stop_gradient({"a": 1.0, "b": None, "c": "s"}) == {"a": 1.0, "b": None, "c": "s"}


def test_stop_gradient_inside_an_inner_gradient_stops_only_what_it_marks() -> None:
    """The outer derivative of stop_gradient(x) is 0; of what is beside it, it is not."""
    found = tg.grad(lambda x: tg.grad(lambda y: y * tg.stop_gradient(x) * x)(1.0))(3.0)
    assert found == 3.0


def test_what_comes_back_is_the_callers_own() -> None:
    """No output, aux or recorded value shares memory with an argument."""
    x = np.array([1.0, 2.0])
    found = [
        tg.vjp(lambda v: v, x)[0],
        tg.vjp(lambda v: v.reshape(2, 1), x)[0],
        tg.jvp(lambda v: v, (x,), (x,))[0],
        tg.grad(lambda v: (v.sum(), v), has_aux=True)(x)[1],
        tg.record(lambda v: v, x).value,
    ]
    assert not any(np.may_share_memory(y, x) for y in found)


def test_a_pullback_does_not_see_later_writes() -> None:
    """Its tape outlives the call, so it keeps the arguments as they were."""
    w = np.array([1.0, 2.0])
    _, pullback = tg.vjp(lambda v: (v**2).sum(), w)
    w += 10.0
    np.testing.assert_array_equal(pullback(1.0)[0], [2.0, 4.0])


def test_a_value_in_place_of_a_function_is_refused() -> None:
    """tg.grad(f(3.0)) is a slip of new users."""
    transforms: list[Any] = [tg.grad, tg.value_and_grad, tg.vmap, tg.jacrev, tg.hessian]
    for transform in transforms:
        with pytest.raises(TypeError, match=r"expected a function to transform, got float 9\.0"):
            transform(9.0)


@pytest.mark.parametrize("f", [np.exp, np.tanh, lambda x: np.exp(x).reshape(1, 2)])
def test_the_output_of_vjp_is_the_callers_own(f: Any) -> None:
    """Written into, it changes no pullback, though the rule uses it."""
    x = np.array([1.0, 2.0])
    out, pullback = tg.vjp(f, x)
    (before,) = pullback(np.ones_like(out))
    out[...] = 99.0
    np.testing.assert_array_equal(pullback(np.ones_like(out))[0], before)
