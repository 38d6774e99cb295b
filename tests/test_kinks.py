"""What the derivative is where there is none: the table of kinks in docs/architecture.md."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import nn

KINDS: list[Callable[[float], Any]] = [
    float,
    np.float64,
    np.float32,
    np.array,
    lambda v: np.array([v]),
]
each_kind = pytest.mark.parametrize(
    "kind", KINDS, ids=["float", "float64", "float32", "0-d", "vector"]
)


def derivatives(f: Callable[[Any], Any], x: Any) -> list[float]:
    """The derivative at a point by both modes, also through a batch."""
    t = np.ones_like(x) if np.ndim(x) else 1.0
    found = [
        tg.grad(lambda x: np.sum(f(x)))(x),
        tg.jvp(f, (x,), (t,))[1],
        tg.vmap(tg.grad(lambda x: np.sum(f(x))))(np.asarray([x, x]))[1],
    ]
    return [float(np.asarray(g).reshape(-1)[0]) for g in found]


def nearby(f: Callable[[Any], Any], x: float, step: float = 1e-6) -> tuple[float, float]:
    """The slopes beside a point: what the kink stands between."""
    left = (float(f(x)) - float(f(x - step))) / step
    right = (float(f(x + step)) - float(f(x))) / step
    return left, right


@each_kind
@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (nn.relu, 0.0, 0.0),
        (np.abs, 0.0, 0.0),
        (abs, 0.0, 0.0),
        (np.abs, -0.0, 0.0),
        (lambda x: np.hypot(x, 0.0), 0.0, 0.0),
        (lambda x: np.hypot(0.0, x), 0.0, 0.0),
        (lambda x: np.maximum(x, 0.0), 0.0, 0.5),
        (lambda x: np.maximum(0.0, x), 0.0, 0.5),
        (lambda x: np.minimum(x, 0.0), 0.0, 0.5),
        (lambda x: np.maximum(x, -x), 0.0, 0.0),
        (lambda x: np.maximum(x, x), 0.3, 1.0),
        (lambda x: np.minimum(x, x), 0.3, 1.0),
        (lambda x: np.clip(x, 0.0, 1.0), 0.0, 0.5),
        (lambda x: np.clip(x, 0.0, 1.0), 1.0, 0.5),
        (lambda x: np.clip(x, 0.0, None), 0.0, 0.5),
        (lambda x: np.clip(x, 0.0, 1.0), 0.5, 1.0),
        (lambda x: np.clip(x, 0.0, 1.0), 2.0, 0.0),
        (np.sign, 0.0, 0.0),
        (np.sign, 2.0, 0.0),
        (np.floor, 1.0, 0.0),
        (np.ceil, 1.0, 0.0),
        (np.trunc, 1.0, 0.0),
        (np.rint, 0.5, 0.0),
        (np.round, 0.5, 0.0),
        (lambda x: x // 1.0, 1.0, 0.0),
        (lambda x: x % 1.0, 1.0, 1.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: x**0.0, 0.0, 0.0),
        (lambda x: x**1, 0.0, 1.0),
        (lambda x: x**2, 0.0, 0.0),
        (lambda x: np.power(x, np.array(0.0)), 0.0, 0.0),
        (lambda x: np.power(x, np.array(1.0)), 0.0, 1.0),
        (lambda x: np.power(0.0, x), 2.0, 0.0),
        (lambda x: 0.0**x, 2.0, 0.0),
        (lambda x: np.power(x, x), 1.0, 1.0),
        (lambda x: tnp.where(x > 0.0, x, 0.0), 0.0, 0.0),
        (lambda x: tnp.where(x >= 0.0, x, 0.0), 0.0, 1.0),
        (nn.softplus, 0.0, 0.5),
        (lambda x: np.logaddexp(x, 0.0), 0.0, 0.5),
    ],
)
def test_derivative_at_a_kink(
    f: Callable[[Any], Any], at: float, expected: float, kind: Callable[[float], Any]
) -> None:
    """The documented choice, for every kind of number and in both modes."""
    for found in derivatives(f, kind(at)):
        assert found == expected


@pytest.mark.parametrize("f", [nn.relu, np.abs, lambda x: np.maximum(x, 0.0), np.hypot])
def test_a_choice_lies_between_the_slopes_beside_it(f: Callable[..., Any]) -> None:
    """Every choice is a subgradient: between the slope on the left and that on the right."""

    def g(x: Any) -> Any:
        return f(x, 0.0) if f is np.hypot else f(x)

    left, right = nearby(g, 0.0)
    assert left <= tg.grad(g)(0.0) <= right


def test_norms_at_zero() -> None:
    """The Euclidean norm is the length of a vector: 0 at 0, as abs, whole or along an axis."""
    for f in (
        np.linalg.norm,
        lambda x: np.linalg.norm(x, axis=0).sum(),
        lambda x: np.linalg.norm(x, axis=-1, keepdims=True).sum(),
        lambda x: np.linalg.norm(x, 2, axis=0).sum(),
        lambda x: np.linalg.norm(x, 1, axis=0).sum(),
        lambda x: np.linalg.norm(x, "fro"),
    ):
        np.testing.assert_array_equal(tg.grad(f)(np.zeros((2, 3))), np.zeros((2, 3)))
    mixed = np.array([[0.0, 0.0], [3.0, 4.0]])
    found = tg.grad(lambda x: np.linalg.norm(x, axis=1).sum())(mixed)
    np.testing.assert_allclose(found, [[0.0, 0.0], [0.6, 0.8]], rtol=1e-15)
    assert np.isfinite(tg.hessian(np.linalg.norm)(np.zeros(2))).all()


def test_norms_with_ties_at_zero() -> None:
    """The largest and the smallest of equal lengths share, and each has slope 0 at 0."""
    for order in (np.inf, -np.inf, 1):
        found = tg.grad(lambda x, order=order: np.linalg.norm(x, order))(np.zeros(3))
        np.testing.assert_array_equal(found, np.zeros(3))


@pytest.mark.parametrize("reduce", [np.max, np.min, tnp.max, tnp.min])
def test_ties_share_equally(reduce: Callable[..., Any]) -> None:
    """Of k that tie each gets one k-th; along an axis, among several axes, of all."""
    sign = 1.0 if reduce in (np.max, tnp.max) else -1.0
    x = sign * np.array([[1.0, 3.0, 3.0], [3.0, 0.0, 3.0]])
    found = tg.grad(lambda x: reduce(x))(x)
    np.testing.assert_array_equal(found, np.array([[0, 1, 1], [1, 0, 1]]) / 4.0)
    found = tg.grad(lambda x: reduce(x, axis=0).sum())(x)
    np.testing.assert_array_equal(found, [[0.0, 1.0, 0.5], [1.0, 0.0, 0.5]])
    found = tg.grad(lambda x: reduce(x, axis=1, keepdims=True).sum())(x)
    np.testing.assert_array_equal(found, [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5]])
    cube = np.zeros((2, 2, 2))
    found = tg.grad(lambda x: reduce(x, axis=(0, 2)).sum())(cube)
    np.testing.assert_array_equal(found, np.full((2, 2, 2), 0.25))
    tangent = tg.jvp(lambda x: reduce(x, axis=0), (x,), (np.arange(6.0).reshape(2, 3),))[1]
    np.testing.assert_array_equal(tangent, [3.0, 1.0, 3.5])


def test_two_traced_operands_that_tie_share_equally() -> None:
    """maximum(x, y) and minimum(x, y) where x = y, also by broadcasting."""
    for f in (np.maximum, np.minimum):
        assert tg.grad(f, (0, 1))(2.0, 2.0) == (0.5, 0.5)
        by_x, by_y = tg.grad(lambda x, y, f=f: f(x, y).sum(), (0, 1))(np.ones(3), 1.0)
        np.testing.assert_array_equal(by_x, [0.5] * 3)
        assert by_y == 1.5
        assert tg.jvp(f, (2.0, 2.0), (1.0, 3.0))[1] == 2.0


def test_clip_with_traced_bounds() -> None:
    """At a bound the value and the bound share; outside, the bound has it all."""

    def f(x: Any, low: Any, high: Any) -> Any:
        return np.clip(x, low, high)

    assert tg.grad(f, (0, 1, 2))(0.0, 0.0, 1.0) == (0.5, 0.5, 0.0)
    assert tg.grad(f, (0, 1, 2))(-3.0, 0.0, 1.0) == (0.0, 1.0, 0.0)
    assert tg.grad(f, (0, 1, 2))(3.0, 0.0, 1.0) == (0.0, 0.0, 1.0)
    assert tg.grad(f, (0, 1, 2))(0.5, 0.0, 1.0) == (1.0, 0.0, 0.0)


def test_sorting_ties() -> None:
    """Equal elements keep their order, and each one's gradient goes where it came from."""
    x = np.array([2.0, 1.0, 2.0, 1.0])
    found = tg.grad(lambda x: (np.sort(x) * np.arange(4.0)).sum())(x)
    np.testing.assert_array_equal(found, [2.0, 0.0, 3.0, 1.0])


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0]),
        ([0.0, 3.0, 4.0], [12.0, 0.0, 0.0]),
        ([0.0, 0.0, 4.0], [0.0, 0.0, 0.0]),
        ([0.0], [1.0]),
        ([], []),
    ],
)
def test_products_with_zeros(x: list[float], expected: list[float]) -> None:
    """The product of the others, which no division by an element gives."""
    np.testing.assert_array_equal(tg.grad(lambda x: np.prod(x))(np.array(x)), expected)
    along = tg.grad(lambda x: np.prod(x, axis=1).sum())(np.array([x, x]))
    np.testing.assert_array_equal(along, [expected, expected])


def test_second_derivative_of_a_product_with_zeros() -> None:
    """∂²(xyz)/∂x∂y = z, at points with one and two zeros."""
    for x, y, z in ((0.0, 2.0, 3.0), (0.0, 0.0, 3.0), (0.0, 0.0, 0.0)):
        found = tg.hessian(lambda x: np.prod(x))(np.array([x, y, z]))
        np.testing.assert_array_equal(found, [[0.0, z, y], [z, 0.0, x], [y, x, 0.0]])


# Infinite derivatives ----------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        (np.sqrt, 0.0, math.inf),
        (np.cbrt, 0.0, math.inf),
        (lambda x: x**0.5, 0.0, math.inf),
        (lambda x: np.power(x, np.array(0.5)), 0.0, math.inf),
        (np.arcsin, 1.0, math.inf),
        (np.arccos, 1.0, -math.inf),
        (np.arccosh, 1.0, math.inf),
    ],
)
def test_infinite_slopes(
    f: Callable[[Any], Any], at: float, expected: float, kind: Callable[[float], Any]
) -> None:
    """Infinite where the slope is, as IEEE has it: also for Python's floats."""
    with np.errstate(divide="ignore"):
        for found in derivatives(f, kind(at)):
            assert found == expected


def test_numpy_warns_of_an_infinite_slope_as_of_any_division() -> None:
    """Nothing is hidden: 1/0 in the derivative warns as 1/0 elsewhere."""
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert tg.grad(np.sqrt)(0.0) == math.inf


@pytest.mark.parametrize("f", [np.log, np.log2, np.log10])
def test_logarithms_at_zero(f: Callable[[Any], Any]) -> None:
    """-inf with slope +inf, both with NumPy's own warning."""
    with np.errstate(divide="ignore"):
        value, slope = tg.value_and_grad(f)(0.0)
    assert (value, slope) == (-math.inf, math.inf)


def test_division_by_zero_is_that_of_the_numbers() -> None:
    """Python's floats raise, NumPy's give infinity: in f as without a trace."""
    functions: list[Callable[[Any], Any]] = [
        lambda x: 1.0 / x,
        lambda x: x / 0.0,
        lambda x: x**-1.0,
    ]
    for f in functions:
        for point in (0.0, 0):
            with pytest.raises(ZeroDivisionError):
                f(point)
            with pytest.raises(ZeroDivisionError):
                tg.grad(f)(point)
            with pytest.raises(ZeroDivisionError):
                tg.jvp(f, (point,), (1.0,))
    with np.errstate(divide="ignore", over="ignore"):
        assert tg.value_and_grad(lambda x: 1.0 / x)(np.float64(0.0)) == (math.inf, -math.inf)
        for x in (np.zeros(()), np.zeros(2)):
            value, slope = tg.vjp(lambda x: 1.0 / x, x)
            np.testing.assert_array_equal(value, np.full(x.shape, math.inf))
            np.testing.assert_array_equal(slope(np.ones(x.shape))[0], np.full(x.shape, -math.inf))


def test_overflow_is_that_of_the_numbers() -> None:
    """A Python float's power raises OverflowError in f; in the derivative it is infinite."""
    with pytest.raises(OverflowError):
        tg.grad(lambda x: x**400.0)(1e10)
    with np.errstate(over="ignore"):
        assert tg.grad(lambda x: x**3.0)(1e-120) == pytest.approx(3e-240)
        assert tg.grad(lambda x: 1.0 / x)(1e-300) == -math.inf
        assert tg.grad(lambda x: x**-0.5)(1e-220) == -math.inf  # x**-1.5 is what overflows
        assert tg.jvp(lambda x: x**-0.5, (1e-220,), (1.0,))[1] == -math.inf
        assert tg.grad(lambda x: np.exp(x))(1000.0) == math.inf


# Values that are not numbers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * x,
        lambda x: np.exp(x),
        lambda x: np.sqrt(x),
        lambda x: np.tanh(x),
        lambda x: np.abs(x) * x,
        lambda x: x**3,
        lambda x: x / 2.0 * x,
    ],
)
def test_nan_in_one_element_stays_there(f: Callable[[Any], Any]) -> None:
    """The gradient is NaN where the value is, and right elsewhere."""
    x = np.array([1.0, math.nan, 2.0])
    found = tg.grad(lambda x: f(x).sum())(x)
    expected = tg.grad(lambda x: f(x).sum())(x[[0, 2]])
    assert np.isnan(found[1])
    np.testing.assert_array_equal(found[[0, 2]], expected)


def test_nan_goes_through_choices() -> None:
    """What is chosen is NaN where an operand is; what is not chosen gets nothing."""
    x = np.array([1.0, math.nan])
    value = tg.record(lambda x: nn.relu(x), x).value
    assert np.isnan(value[1])
    assert math.isnan(tg.record(nn.relu, math.nan).value)
    found = tg.grad(lambda x: tnp.where(np.isnan(x), 0.0, x * 2.0).sum())(x)
    np.testing.assert_array_equal(found, [2.0, 0.0])


def test_the_branch_not_taken_does_not_count() -> None:
    """where does not turn the infinity of the other branch into NaN, in its own derivative."""
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        other = np.log(x)
    found = tg.grad(lambda y: tnp.where(x > 0.0, other, y).sum())(x)
    np.testing.assert_array_equal(found, [1.0, 0.0])
    found = tg.grad(lambda y: tnp.where(x > 0.0, y, math.inf)[1])(x)
    np.testing.assert_array_equal(found, [0.0, 1.0])

    def safe(x: Any) -> Any:  # the way to write it: choose before and after
        inside = tnp.where(x > 0.0, x, 1.0)
        return tnp.where(x > 0.0, np.log(inside), 0.0).sum()

    np.testing.assert_array_equal(tg.grad(safe)(x), [0.0, 0.25])


def test_infinities_in_reductions() -> None:
    """logsumexp, softmax and max of infinities: finite where mathematics is."""
    x = np.array([-math.inf, 0.0, 1.0])
    weights = np.exp(x - np.log(np.exp(x).sum()))
    found = tg.grad(lambda x: tg.special.logsumexp(x))(x)
    np.testing.assert_allclose(found, weights, rtol=1e-15)
    found = tg.grad(lambda x: nn.softmax(x)[2])(x)
    np.testing.assert_allclose(found, weights[2] * (np.eye(3)[2] - weights), rtol=1e-14)
    np.testing.assert_array_equal(
        tg.grad(lambda x: np.max(x))(np.array([math.inf, 1.0])), [1.0, 0.0]
    )
    np.testing.assert_array_equal(
        tg.grad(lambda x: np.logaddexp(x, 1.0).sum())(np.array([-math.inf, 1000.0])), [0.0, 1.0]
    )


def test_no_overflow_on_the_way() -> None:
    """sigmoid, softplus, logaddexp, hypot and logsumexp far out: values and slopes finite."""
    x = np.array([-1000.0, -50.0, 50.0, 1000.0])
    for f, slopes in (
        (nn.sigmoid, np.exp(-np.abs(x)) / (1.0 + np.exp(-np.abs(x))) ** 2),
        (nn.softplus, np.where(x > 0, 1.0, np.exp(-np.abs(x)))),
        (lambda x: np.logaddexp(x, 0.0), np.where(x > 0, 1.0, np.exp(-np.abs(x)))),
    ):
        found = tg.grad(lambda x, f=f: f(x).sum())(x)
        np.testing.assert_allclose(found, slopes, rtol=1e-13, atol=1e-16)
    assert tg.grad(np.hypot, (0, 1))(3e200, 4e200) == pytest.approx((0.6, 0.8))
    assert tg.grad(tg.special.logsumexp)(np.array([1000.0, 1000.0])) == pytest.approx([0.5, 0.5])


def test_arctan2_on_the_axes() -> None:
    """Right on all four half-axes; at the origin, where there is no angle, NaN as 0/0."""
    for y, x in ((0.0, 2.0), (2.0, 0.0), (0.0, -2.0), (-2.0, 0.0)):
        by_y, by_x = tg.grad(tnp.arctan2, (0, 1))(y, x)
        r2 = x * x + y * y
        assert (by_y, by_x) == (x / r2, -y / r2)
    with np.errstate(invalid="ignore"):
        assert all(map(math.isnan, tg.grad(tnp.arctan2, (0, 1))(0.0, 0.0)))


def test_standard_deviation_of_equal_elements() -> None:
    """The root of zero: 0 · inf, which IEEE calls NaN, as documented."""
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan(tg.grad(lambda x: np.std(x))(np.ones(3))).all()
    np.testing.assert_array_equal(tg.grad(lambda x: np.var(x))(np.ones(3)), np.zeros(3))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x > 1.0) ** 0.5 * x,
        lambda x: np.sqrt(x > 1.0) * x,
        lambda x: np.arctan2(x > 1.0, x > 1.0) * x,
        lambda x: np.power(x > 1.0, np.float64(0.5)) * x,
        lambda x: tg.nn.sigmoid(x > 1.0) * x,
    ],
)
@pytest.mark.parametrize("x", [0.5, np.float64(0.5), np.array([0.5, 1.5])])
def test_a_mask_has_no_slope(f: Any, x: Any) -> None:
    """What an operation's derivative by it would be is not asked for: that may be infinite."""
    for g in (tg.grad(lambda x: np.sum(f(x))), tg.jacfwd(lambda x: np.sum(f(x)))):
        expected = np.array([f(each + 1e-4) - f(each - 1e-4) for each in np.ravel(x)]) / 2e-4
        np.testing.assert_allclose(np.ravel(g(x)), expected, atol=1e-9)


@pytest.mark.parametrize("x", [2.675, 0.15, 1.115, 2.5, 15, -1.25, np.float64(2.675)])
@pytest.mark.parametrize("digits", [0, 1, 2, -1, 400])
def test_python_rounds_its_own_numbers(x: Any, digits: int) -> None:
    """To the nearest decimal number of what a float is, as without a trace; NumPy's to its own."""
    if isinstance(x, np.float64) and digits == 400:
        return  # NaN
    assert tg.record(lambda x: round(x, digits), x).value == round(x, digits)
    assert tg.record(lambda x: np.round(x, digits % 3), x).value == np.round(x, digits % 3)
    assert tg.grad(lambda x: round(x, digits) * x)(float(x)) == round(float(x), digits)
