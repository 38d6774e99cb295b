"""Forward mode: jvp, alone and mixed with the other transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import truth
from hypothesis import given, strategies as st

import tapegrad as tg
import tapegrad.numpy as tnp

RNG = np.random.default_rng(5)


def test_value_and_derivative_along_a_tangent() -> None:
    """The product rule: d(xy) = y dx + x dy; plain floats stay floats."""
    out, tangent = tg.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    assert (out, tangent) == (6.0, 23.0)
    assert type(out) is type(tangent) is float


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "elementwise": lambda x: np.exp(x) / (1.0 + x * x),
    "reduction": lambda x: x.mean(axis=0) * x.max(),
    "matrix": lambda x: np.linalg.inv(x + 4.0 * np.eye(3)) @ x,
    "shape": lambda x: x.T.reshape(-1)[::-2],
    "sort": lambda x: np.sort(x, axis=1),
    "softmax": lambda x: tg.nn.softmax(x, axis=-1),
    "norm": lambda x: np.linalg.norm(x, axis=0),
    "set": lambda x: tg.at(x)[1].set(x[0] * x[2]),
    "cumsum": lambda x: np.cumsum(x) ** 2,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jvp_is_the_jacobian_times_the_tangent(name: str) -> None:
    """Against a difference along the tangent, in the shape of the output."""
    f = FUNCTIONS[name]
    x, t = RNG.normal(size=(2, 3, 3))
    out, tangent = tg.jvp(f, (x,), (t,))
    np.testing.assert_allclose(out, f(x), rtol=1e-14)
    expected = truth.slope(lambda h: f(x + h * t), 0.0)
    truth.assert_close(tangent, expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_forward_and_reverse_are_transposes(name: str) -> None:
    """⟨g, J t⟩ = ⟨Jᵀ g, t⟩ for random g and t."""
    f = FUNCTIONS[name]
    x, t = RNG.normal(size=(2, 3, 3))
    out, tangent = tg.jvp(f, (x,), (t,))
    g = RNG.normal(size=np.shape(out))
    back = tg.vjp(f, x)[1](g)[0]
    assert np.sum(g * tangent) == pytest.approx(np.sum(back * t), rel=1e-11)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2))
def test_jvp_is_linear_in_the_tangent(x: float, s: float, t: float, a: float) -> None:
    """J(s + a t) = J s + a J t."""

    def f(x: Any) -> Any:
        return np.sin(x) * np.exp(x)

    def push(t: float) -> float:
        return float(tg.jvp(f, (x,), (t,))[1])

    assert push(s + a * t) == pytest.approx(push(s) + a * push(t), rel=1e-9, abs=1e-12)


def test_trees_in_and_out() -> None:
    """The tangent has the primal's structure, the derivative the output's."""

    def f(p: Any, s: Any) -> Any:
        return {"a": p["w"] * s, "b": (p["w"].sum(), 3.0)}

    w, dw = np.array([1.0, 2.0]), np.array([10.0, 20.0])
    out, tangent = tg.jvp(f, ({"w": w}, 3.0), ({"w": dw}, 1.0))
    truth.assert_same(out, {"a": 3 * w, "b": (np.float64(3.0), 3.0)})
    truth.assert_same(tangent, {"a": 3 * dw + w, "b": (np.float64(30.0), 0.0)})


def test_an_output_that_does_not_depend_on_the_input_has_a_zero_tangent() -> None:
    """In the output's own shape, dtype and kind."""
    constant = np.ones((2, 2), np.float32)
    _, tangent = tg.jvp(lambda x: (constant, 5.0, np.round(x)), (1.5,), (1.0,))
    truth.assert_same(tangent, (np.zeros((2, 2), np.float32), 0.0, np.float64(0.0)))


def test_integer_tangents_count_as_floats() -> None:
    """jvp(f, (2,), (1,)): Python ints are numbers, as they are for grad."""
    assert tg.jvp(lambda x: x**2, (2,), (1,)) == (4.0, 4.0)
    _, tangent = tg.jvp(lambda x: x**2, (np.array([1.0, 2.0]),), (np.array([0, 1]),))
    truth.assert_same(tangent, np.array([0.0, 4.0]))
    small: Any = np.array([100], np.int8)  # 100 + 100 is not a number of eight bits

    def twice(x: Any) -> Any:
        return x + x

    _, tangent = tg.jvp(twice, (np.ones(1),), (small,))
    truth.assert_same(tangent, np.array([200.0]))
    (cotangent,) = tg.vjp(twice, np.ones(1))[1](small)
    truth.assert_same(cotangent, np.array([200.0]))


def test_float32_is_kept() -> None:
    """A float32 function has a float32 derivative, also where the tangent is a Python number."""
    x = np.ones(3, np.float32)
    out: Any
    tangent: Any
    out, tangent = tg.jvp(lambda x: np.exp(x) * 2.0, (x,), (x,))
    assert (out.dtype, tangent.dtype) == (np.float32, np.float32)
    number: Any = 1.0
    out, tangent = tg.jvp(lambda x: x * 2.0, (np.float32(1.0),), (number,))
    assert (type(out), type(tangent)) == (np.float32, np.float32)


def test_the_tangent_is_not_the_callers_array() -> None:
    """The identity's derivative is a new array: writing into it changes nothing else."""
    x, t = np.ones(2), np.ones(2)
    for f in (lambda x: x, lambda x: x[:], lambda x: x.T, lambda x: (x, x)):
        _, tangent = tg.jvp(f, (x,), (t,))
        for leaf in tg.tree.leaves(tangent):
            assert leaf.flags.writeable
            assert not np.shares_memory(leaf, t)
    a, b = tg.jvp(lambda x: (x, x), (x,), (t,))[1]
    assert not np.shares_memory(a, b)


def derivative(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """d/dx by forward mode."""
    return lambda x: tg.jvp(f, (x,), (1.0,))[1]


def test_forward_over_forward_over_forward() -> None:
    """Derivatives of order one to five of x⁴ eˣ at 0 are 0, 0, 0, 24, 120."""

    def f(x: Any) -> Any:
        return x**4 * tnp.exp(x)

    found = []
    g: Callable[[Any], Any] = f
    for _ in range(5):
        g = derivative(g)
        found.append(g(0.0))
    assert found == pytest.approx([0.0, 0.0, 0.0, 24.0, 120.0], abs=1e-12)


def test_all_orders_of_mixing_the_modes_agree() -> None:
    """Third derivatives by the eight sequences of forward and reverse."""

    def f(x: Any) -> Any:
        return np.log(x) * np.sin(x * x)

    x = 1.3
    found = []
    for mask in range(8):
        g: Callable[[Any], Any] = f
        for k in range(3):
            g = tg.grad(g) if mask >> k & 1 else derivative(g)
        found.append(float(g(x)))
    expected = truth.slope(lambda x: truth.slope(lambda y: float(tg.grad(f)(y)), x), x)
    assert found == pytest.approx([found[0]] * 8, rel=1e-12)
    assert found[0] == pytest.approx(expected, rel=1e-5)


def test_tangents_traced_by_an_outer_transform() -> None:
    """jvp is linear in the tangent, so its gradient by the tangent is the pullback."""
    x = np.array([0.5, -1.0])
    found = tg.grad(lambda t: (tg.jvp(np.sin, (x,), (t,))[1]).sum())(np.ones(2))
    np.testing.assert_allclose(found, np.cos(x), rtol=1e-14)


def test_primals_and_tangents_traced_by_different_transforms() -> None:
    """d²/dx dt of cos(x) t = -sin(x)."""
    found = tg.grad(lambda x: tg.grad(lambda t: tg.jvp(np.sin, (x,), (t,))[1])(2.0))(0.3)
    assert found == pytest.approx(-math.sin(0.3), rel=1e-14)


def test_jvp_of_an_inner_gradient_with_a_closure() -> None:
    """The inner gradient closes over the value that the outer jvp moves."""

    def f(x: Any) -> Any:
        return tg.grad(lambda y: (y * x) ** 2)(1.0)  # 2x²

    assert tg.jvp(f, (3.0,), (1.0,)) == (18.0, 12.0)


def test_a_loop_whose_length_depends_on_the_data() -> None:
    """Python control flow is followed in forward mode too."""

    def f(x: Any) -> Any:
        while x < 100.0:
            x = x * x + 1.0
        return x

    expected = truth.slope(f, 1.5, step=1e-8)
    assert tg.jvp(f, (1.5,), (1.0,))[1] == pytest.approx(expected, rel=1e-6)
