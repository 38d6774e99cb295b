"""The article's smaller figures, each by tapegrad and by plain differences.

The article builds a small scalar autodiff engine, step by step, and prints what it computes; its
training runs are in the tests of the examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from truth import slope

import tapegrad as tg
import tapegrad.numpy as tnp

BIAS = 6.8813735870195432


def parabola(x: Any) -> Any:
    """3x² - 4x + 5."""
    return 3 * x**2 - 4 * x + 5


def test_parabola_at_3_is_20_with_slope_14() -> None:
    """f(3) = 20 and f'(3) = 6 * 3 - 4 = 14, and the article's difference quotient is near."""
    assert tg.value_and_grad(parabola)(3.0) == (20.0, 14.0)
    h = 0.001
    assert (parabola(3.0 + h) - parabola(3.0)) / h == pytest.approx(14.003, abs=1e-9)
    assert slope(parabola, 3.0) == pytest.approx(14.0, abs=1e-9)


def test_parabola_is_flat_at_two_thirds() -> None:
    """6x - 4 = 0 there: to the left it falls, to the right it rises."""
    derivative = tg.grad(parabola)
    assert derivative(2.0 / 3.0) == pytest.approx(0.0, abs=1e-15)
    assert derivative(0.6) < 0.0 < derivative(0.7)


def test_parabola_over_the_plotted_range() -> None:
    """6x - 4 at each of the points of the article's plot."""
    xs = np.arange(-5.0, 5.0, 0.25)
    np.testing.assert_allclose(tg.vmap(tg.grad(parabola))(xs), 6 * xs - 4, rtol=0, atol=1e-14)


def weighted(a: Any, b: Any, c: Any) -> Any:
    """d = a b + c."""
    return a * b + c


@pytest.mark.parametrize(("argnum", "expected"), [(0, -3.0), (1, 2.0), (2, 1.0)])
def test_slopes_of_a_product_and_a_sum(argnum: int, expected: float) -> None:
    """d = a b + c at (2, -3, 10) is 4; its slopes are b, a and 1."""
    point = (2.0, -3.0, 10.0)
    value, found = tg.value_and_grad(weighted, argnums=argnum)(*point)
    assert (value, found) == (4.0, expected)

    def along(x: float) -> float:
        given = [*point]
        given[argnum] = x
        return float(weighted(*given))

    assert slope(along, point[argnum]) == pytest.approx(expected, abs=1e-9)


def at_another(f: Callable[[Any], Any], values: Any, key: Any) -> Callable[[float], float]:
    """f of a list or a dict of values as a function of one of them."""

    def along(x: float) -> float:
        changed = values.copy()
        changed[key] = x
        return float(f(changed))

    return along


def test_gradients_of_a_small_expression() -> None:
    """L = (a b + c) f at (2, -3, 10, -2) is -8, with gradients 6, -4, -2 and 4."""
    leaves = {"a": 2.0, "b": -3.0, "c": 10.0, "f": -2.0}

    def loss(v: dict[str, Any]) -> Any:
        return (v["a"] * v["b"] + v["c"]) * v["f"]

    value, found = tg.value_and_grad(loss)(leaves)
    assert value == -8.0
    assert found == {"a": 6.0, "b": -4.0, "c": -2.0, "f": 4.0}
    for name, expected in found.items():
        quotient = slope(at_another(loss, leaves, name), leaves[name])
        assert quotient == pytest.approx(expected, abs=1e-9)


def test_gradient_of_an_inner_value() -> None:
    """dL/dd = f, dL/de = f: an inner value's gradient is that of a function that starts there."""
    assert tg.grad(lambda d: d * -2.0)(4.0) == -2.0
    assert tg.grad(lambda e: (e + 10.0) * -2.0)(-6.0) == -2.0


def test_one_step_against_the_gradient_raises_the_loss() -> None:
    """The article moves a, b, c and f by 0.01 times their gradients: L goes from -8 to -7.28."""
    leaves = {"a": 2.0, "b": -3.0, "c": 10.0, "f": -2.0}

    def loss(v: dict[str, Any]) -> Any:
        return (v["a"] * v["b"] + v["c"]) * v["f"]

    moved = tg.tree.map(lambda x, g: x + 0.01 * g, leaves, tg.grad(loss)(leaves))
    assert loss(moved) == pytest.approx(-7.286496, abs=1e-12)


def by_tanh(n: Any) -> Any:
    """The squashing function as one operation."""
    return tnp.tanh(n)


def by_numpy(n: Any) -> Any:
    """The same through NumPy's own function."""
    return np.tanh(n)


def by_exponentials(n: Any) -> Any:
    """The same as the article breaks it up."""
    e = tnp.exp(2 * n)
    return (e - 1) / (e + 1)


@pytest.mark.parametrize("squash", [by_tanh, by_numpy, by_exponentials])
def test_the_neuron(squash: Callable[[Any], Any]) -> None:
    """o = 1/√2, and the gradients -1.5, 1, 0.5 and 0 of the two inputs and weights."""
    names = ("x1", "w1", "x2", "w2")
    point = (2.0, -3.0, 0.0, 1.0)

    def neuron(x1: Any, w1: Any, x2: Any, w2: Any) -> Any:
        return squash(x1 * w1 + x2 * w2 + BIAS)

    value, found = tg.value_and_grad(neuron, argnums=(0, 1, 2, 3))(*point)
    assert value == pytest.approx(0.7071067811865476, abs=1e-15)
    assert dict(zip(names, found, strict=True)) == pytest.approx(
        {"x1": -1.5, "w1": 1.0, "x2": 0.5, "w2": 0.0}, abs=1e-14
    )
    for i, expected in enumerate(found):
        quotient = slope(at_another(lambda values: neuron(*values), list(point), i), point[i])
        assert quotient == pytest.approx(expected, abs=1e-9)


def test_the_neuron_is_the_same_in_all_three_forms() -> None:
    """How finely an expression is broken up makes no difference."""
    first, *others = [
        tg.value_and_grad(f)(BIAS - 6.0) for f in (by_tanh, by_numpy, by_exponentials)
    ]
    for other in others:
        assert other == pytest.approx(first, abs=1e-14)
    assert first[1] == pytest.approx(1.0 - math.tanh(BIAS - 6.0) ** 2, abs=1e-15)


def test_a_value_used_twice_counts_twice() -> None:
    """b = a + a has gradient 2, where the article's first engine has 1."""
    assert tg.value_and_grad(lambda a: a + a)(3.0) == (6.0, 2.0)


def test_a_value_used_along_two_paths() -> None:
    """f = (a b)(a + b) at (-2, 3): by hand 2ab + b² = -3 and a² + 2ab = -8."""
    value, found = tg.value_and_grad(lambda a, b: (a * b) * (a + b), argnums=(0, 1))(-2.0, 3.0)
    assert value == -6.0
    assert found == (-3.0, -8.0)


def test_a_second_call_does_not_accumulate() -> None:
    """The article must reset its gradients before each step; here a gradient is a value."""
    derivative = tg.grad(parabola)
    assert [derivative(3.0) for _ in range(3)] == [14.0, 14.0, 14.0]


def test_the_article_arithmetic_of_numbers_and_values() -> None:
    """Numbers on either side of each operator, and a / b as a b⁻¹."""
    cases: list[tuple[Callable[[Any], Any], float]] = [
        (lambda a: a + 1, 1.0),
        (lambda a: 1 + a, 1.0),
        (lambda a: a * 2, 2.0),
        (lambda a: 2 * a, 2.0),
        (lambda a: a - 1, 1.0),
        (lambda a: 1 - a, -1.0),
        (lambda a: a / 4, 0.25),
        (lambda a: 4 / a, -1.0),
        (lambda a: a**3, 12.0),
        (lambda a: 2**a, 4.0 * math.log(2.0)),
        (lambda a: -a, -1.0),
        (lambda a: a * a**-1, 0.0),
        (lambda a: sum([a, a, a]), 3.0),
    ]
    for f, expected in cases:
        assert tg.grad(f)(2.0) == pytest.approx(expected, abs=1e-15)
