"""Derivatives at the edges: at 0, ±1, infinities, huge and tiny numbers, ties, singular matrices.

First a table of truths, from mathematics: limits, and closed forms worked out by hand. Then a sweep
that every elementwise op joins by its record, against differences of NumPy's functions in long
double; and ops of vectors and matrices, where all ways to a derivative have to agree.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import nn, ops
from tapegrad._tape import AnyOp
from tapegrad.special import erf, logsumexp

INF, NAN, TINY = math.inf, math.nan, 5e-324  # TINY: the smallest number there is
ROOT, LOG2 = math.sqrt(0.5), math.log(2.0)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Infinite derivatives come with NumPy's warnings, of which test_kinks.py has the tests."""
    with np.errstate(all="ignore"):
        yield


def same(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    """Equal where infinite, NaN or zero; elsewhere but for rounding, however small."""
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=0.0)


def total(f: Callable[..., Any]) -> Callable[..., Any]:
    """f summed over its elements: of an array too, a function with a gradient."""
    return lambda *args: np.sum(f(*args))


def slopes(f: Callable[[Any], Any], x: Any) -> list[Any]:
    """The derivative of an elementwise function by both modes."""
    one = np.ones_like(x) if np.ndim(x) else 1.0
    return [tg.grad(total(f))(x), tg.jvp(f, (x,), (one,))[1]]


def curvatures(f: Callable[[Any], Any], x: Any) -> list[Any]:
    """The second derivative of an elementwise function: each mode over each."""
    one = np.ones_like(x) if np.ndim(x) else 1.0
    reverse, forward = tg.grad(total(f)), lambda x: tg.jvp(f, (x,), (one,))[1]
    return [d for first in (reverse, forward) for d in slopes(first, x)]


# Numbers -----------------------------------------------------------------------------------------
# f, x, f'(x), f''(x)
Truth = tuple[Callable[[Any], Any], float, float, float]
NUMBERS: list[Truth] = [
    # Limits at a singularity of a root or a logarithm, from where it is defined.
    (np.sqrt, 0.0, INF, -INF),
    (np.sqrt, -0.0, INF, -INF),
    (lambda x: np.sqrt(-x), 0.0, -INF, -INF),
    (np.sqrt, INF, 0.0, 0.0),
    (np.log, 0.0, INF, -INF),
    (np.log, -0.0, INF, -INF),
    (lambda x: np.log(-x), 0.0, -INF, -INF),
    (np.log2, 0.0, INF, -INF),
    (np.log10, -0.0, INF, -INF),
    (np.log, INF, 0.0, 0.0),
    (np.log1p, -1.0, INF, -INF),
    (np.log1p, INF, 0.0, 0.0),
    (np.log1p, 1e-300, 1.0, -1.0),
    (np.cbrt, 0.0, INF, -INF),
    (np.cbrt, INF, 0.0, 0.0),
    (np.cbrt, -INF, 0.0, 0.0),
    (np.cbrt, 1e-300, 1e200 / 3.0, -INF),
    (np.arcsin, 1.0, INF, INF),
    (np.arcsin, -1.0, INF, -INF),
    (np.arccos, 1.0, -INF, -INF),
    (np.arccos, -1.0, -INF, INF),
    (np.arctanh, 1.0, INF, INF),
    (np.arctanh, -1.0, INF, -INF),
    (np.arccosh, 1.0, INF, -INF),
    # 1/√(1-x²) = 1 + x²/2 + ..., 1/(1-x²) = 1 + x² + ...
    (np.arcsin, 1e-200, 1.0, 1e-200),
    (np.arctanh, -1e-200, 1.0, -2e-200),
    # 1/√(x²±1) ~ 1/x, 1/(1+x²) ~ 1/x²
    (np.arcsinh, 1e200, 1e-200, 0.0),
    (np.arcsinh, -1e200, 1e-200, 0.0),
    (np.arcsinh, 1e100, 1e-100, -1e-200),
    (np.arcsinh, -INF, 0.0, 0.0),
    (np.arccosh, 1e200, 1e-200, 0.0),
    (np.arccosh, 1e107, 1e-107, -1e-214),
    (np.arccosh, INF, 0.0, 0.0),
    (np.arctan, 1e100, 1e-200, -2e-300),
    (np.arctan, 1e200, 0.0, 0.0),
    (np.arctan, -INF, 0.0, 0.0),
    # Exponentials: where they are as good as constant, their slope is not 0 but e^x.
    (np.exp, -INF, 0.0, 0.0),
    (np.expm1, -40.0, math.exp(-40.0), math.exp(-40.0)),
    (np.expm1, -INF, 0.0, 0.0),
    (np.tanh, INF, 0.0, 0.0),
    (np.tanh, -1000.0, 0.0, 0.0),
    (nn.sigmoid, 40.0, math.exp(-40.0), -math.exp(-40.0)),
    (nn.sigmoid, -40.0, math.exp(-40.0), math.exp(-40.0)),
    (nn.sigmoid, 1e-200, 0.25, -1.25e-201),  # 1/4 - x²/16
    (nn.sigmoid, INF, 0.0, 0.0),
    (nn.sigmoid, -INF, 0.0, 0.0),
    (nn.softplus, 40.0, 1.0, math.exp(-40.0)),
    (nn.softplus, INF, 1.0, 0.0),
    (nn.softplus, -INF, 0.0, 0.0),
    (erf, INF, 0.0, 0.0),
    (erf, -1e200, 0.0, 0.0),
    (erf, 3.0, 2.0 * math.exp(-9.0) / math.sqrt(math.pi), -12.0 * math.exp(-9) / math.pi**0.5),
    # Powers
    (lambda x: x**0, INF, 0.0, 0.0),
    (lambda x: x**0, -INF, 0.0, 0.0),
    (lambda x: x**0, 0.0, 0.0, 0.0),
    (lambda x: x**0, NAN, 0.0, 0.0),  # 1, whatever x
    (lambda x: np.power(x, np.zeros(1)), NAN, 0.0, NAN),
    (lambda x: np.power(x, np.zeros(1)), INF, 0.0, 0.0),
    (lambda x: np.power(x, np.zeros(1)), 0.0, 0.0, 0.0),
    (lambda x: np.power(x, np.ones(1)), 0.0, 1.0, 0.0),
    (lambda x: x**1, INF, 1.0, 0.0),
    (lambda x: x**1, 0.0, 1.0, 0.0),
    (lambda x: x**1.5, 0.0, 0.0, INF),
    (lambda x: x**INF, 0.5, 0.0, 0.0),
    (lambda x: x**-INF, 2.0, 0.0, 0.0),
    (lambda x: x**0.5, INF, 0.0, 0.0),
    (lambda x: 0.5**x, INF, 0.0, 0.0),
    (lambda x: (2.0 + x) ** x, 0.0, LOG2, LOG2**2 + 1.0),  # (2+t)^t (log(2+t) + t/(2+t))
    (lambda x: np.square(x), 1e200, 2e200, 2.0),
    (lambda x: np.reciprocal(x), INF, 0.0, 0.0),
    (lambda x: np.reciprocal(x), 1e200, 0.0, 0.0),
    (lambda x: 1.0 / x, INF, 0.0, 0.0),
    (lambda x: 1.0 / x, 1e-100, -1e200, 2e300),
    (np.abs, -INF, -1.0, 0.0),
    (np.abs, TINY, 1.0, 0.0),
]


@pytest.mark.parametrize(
    "kind",
    [float, np.float64, np.array, lambda x: np.array([0.25, x])],
    ids=["float", "float64", "0-d", "vector"],
)
@pytest.mark.parametrize("case", range(len(NUMBERS)))
def test_numbers(case: int, kind: Callable[[float], Any]) -> None:
    """First and second derivative, of every kind of number, in every combination of modes."""
    f, x, first, second = NUMBERS[case]
    for found, expected in ((slopes, first), (curvatures, second)):
        for derivative in found(f, kind(x)):
            same(np.ravel(derivative)[-1], expected)


def test_third_derivatives() -> None:
    """The slopes that are ops have rules of their own, too: right to the next order."""

    def third(f: Callable[[Any], Any], x: float) -> Any:
        return tg.grad(tg.grad(tg.grad(f)))(x)

    same(third(np.log, 0.0), INF)
    same(third(np.arctan, 0.0), -2.0)
    same(third(np.arcsin, 0.0), 1.0)
    same(third(np.arctanh, 0.0), 2.0)
    same(third(np.arcsinh, 0.0), -1.0)
    same(third(np.arccosh, 2.0), 9.0 / 3.0**2.5)  # (2x² + 1) / (x² - 1)^(5/2)
    same(third(erf, 0.0), -4.0 / math.sqrt(math.pi))
    same(third(nn.sigmoid, 0.0), -0.125)
    for exponent, expected in ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 6.0), (4.0, 0.0)):
        same(third(partial(lambda n, x: np.power(x, np.array(n)), exponent), 0.0), expected)
        same(third(partial(lambda n, x: x**n, exponent), 0.0), expected)


def test_pythons_floats_in_a_derivative_of_a_derivative() -> None:
    """1/0 is infinite there, too: where a rule's numbers are traced by an outer tape, or read."""
    for f in (np.log, np.log2, np.sqrt, lambda x: x**0.5, lambda x: x**1.5 * 2.0):
        for derivative in (tg.grad(tg.grad(f)), lambda x, f=f: tg.jvp(tg.grad(f), (x,), (1.0,))[1]):
            assert isinstance(derivative(0.0), float)
            assert math.isinf(derivative(0.0))
    assert tg.record(tg.grad(np.log), 0.0).value == INF
    program = tg.record(tg.grad(np.log), 0.0).program
    assert (program(0.0), program(4.0)) == (INF, 0.25)


def test_an_error_that_a_function_caught_is_still_known() -> None:
    """A rule's answer to 1/0 makes a recording forget that error, not one of the function's."""

    def f(x: Any) -> Any:
        with contextlib.suppress(ZeroDivisionError):
            1.0 / (x * 0.0)
        return tg.grad(np.log)(x * 0.0)

    recording = tg.record(f, 1.0)
    assert recording.value == INF
    with pytest.raises(tg.GuardError, match="float division by zero"):
        _ = recording.program


# Pairs -------------------------------------------------------------------------------------------
# f, (x, y), (by x, by y), (by x twice, by x and y, by y twice)
Pair = tuple[Callable[..., Any], tuple[float, float], tuple[float, ...], tuple[float, ...]]
PAIRS: list[Pair] = [
    # y x^(y-1), x^y log(x); y(y-1) x^(y-2), x^(y-1) (1 + y log(x)), x^y log(x)²
    (np.power, (2.0, 0.0), (0.0, LOG2), (0.0, 0.5, LOG2**2)),
    (np.power, (2.0, 1.0), (1.0, 2 * LOG2), (0.0, 1.0 + LOG2, 2 * LOG2**2)),
    (np.power, (0.0, 0.0), (0.0, 0.0), (0.0, INF, 0.0)),
    (np.power, (0.0, 1.0), (1.0, 0.0), (0.0, -INF, 0.0)),
    (np.power, (0.0, 2.0), (0.0, 0.0), (2.0, 0.0, 0.0)),
    (np.power, (0.0, 3.0), (0.0, 0.0), (0.0, 0.0, 0.0)),
    (np.power, (0.0, 0.5), (INF, 0.0), (-INF, -INF, 0.0)),
    (np.power, (1.0, 0.0), (0.0, 0.0), (0.0, 1.0, 0.0)),
    (np.power, (INF, 0.0), (0.0, INF), (0.0, 0.0, INF)),
    (np.power, (INF, -1.0), (0.0, 0.0), (0.0, 0.0, 0.0)),
    (np.power, (INF, 1.0), (1.0, INF), (0.0, INF, INF)),
    (np.power, (0.5, INF), (0.0, 0.0), (0.0, 0.0, 0.0)),
    (np.power, (2.0, -INF), (0.0, 0.0), (0.0, 0.0, 0.0)),
    (np.power, (-2.0, 3.0), (12.0, NAN), (-12.0, NAN, NAN)),
    (np.power, (-700.0, -700.0), (0.0, NAN), (0.0, NAN, NAN)),
    (np.power, (1e-200, 2.0), (2e-200, 0.0), (2.0, 1e-200 * (1 - 400 * math.log(10)), 0.0)),
    # cos θ, sin θ; sin² θ / r, -sin θ cos θ / r, cos² θ / r
    (np.hypot, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0, 0.0)),
    (np.hypot, (3e200, 4e200), (0.6, 0.8), (0.64 / 5e200, -0.48 / 5e200, 0.36 / 5e200)),
    (np.hypot, (3e-200, 4e-200), (0.6, 0.8), (0.64 / 5e-200, -0.48 / 5e-200, 0.36 / 5e-200)),
    (np.hypot, (1e308, 1e308), (ROOT, ROOT), (ROOT * 5e-309, -ROOT * 5e-309, ROOT * 5e-309)),
    (np.hypot, (TINY, TINY), (ROOT, ROOT), (INF, -INF, INF)),
    (np.hypot, (TINY, 0.0), (1.0, 0.0), (0.0, 0.0, INF)),
    (np.hypot, (1.0, 1e-100), (1.0, 1e-100), (1e-200, -1e-100, 1.0)),
    (np.hypot, (INF, 1.0), (1.0, 0.0), (0.0, 0.0, 0.0)),
    (np.hypot, (-INF, INF), (-ROOT, ROOT), (0.0, 0.0, 0.0)),
    # of (y, x): cos θ / r, -sin θ / r; -2 sin θ cos θ / r², (sin² θ - cos² θ) / r²
    (np.arctan2, (1.0, 1.0), (0.5, -0.5), (-0.5, 0.0, 0.5)),
    (np.arctan2, (0.0, 1e-200), (1e200, 0.0), (0.0, -INF, 0.0)),
    (np.arctan2, (1e-200, 1e-200), (5e199, -5e199), (-INF, 0.0, INF)),
    (np.arctan2, (1e200, 1e200), (5e-201, -5e-201), (0.0, 0.0, 0.0)),
    (np.arctan2, (INF, 1.0), (0.0, 0.0), (0.0, 0.0, 0.0)),
    (np.arctan2, (INF, -INF), (0.0, 0.0), (0.0, 0.0, 0.0)),
    (np.arctan2, (0.0, 0.0), (NAN, NAN), (NAN, NAN, NAN)),
    # The sigmoid of x - y.
    (np.logaddexp, (INF, 0.0), (1.0, 0.0), (0.0, 0.0, 0.0)),
    (np.logaddexp, (-INF, 0.0), (0.0, 1.0), (0.0, 0.0, 0.0)),
    (np.logaddexp, (INF, -INF), (1.0, 0.0), (0.0, 0.0, 0.0)),
    (np.logaddexp, (INF, INF), (NAN, NAN), (NAN, NAN, NAN)),
    (np.logaddexp, (-INF, -INF), (NAN, NAN), (NAN, NAN, NAN)),
    (np.logaddexp, (1e15, 1e15), (0.5, 0.5), (0.25, -0.25, 0.25)),
    (
        np.logaddexp,
        (40.0, 0.0),
        (1.0, math.exp(-40)),
        (math.exp(-40), -math.exp(-40), math.exp(-40)),
    ),
    # 1/y, -x/y²; -1/y², 2x/y³
    (np.divide, (1.0, INF), (0.0, 0.0), (0.0, 0.0, 0.0)),
    (np.divide, (0.0, 1e-200), (1e200, 0.0), (0.0, -INF, 0.0)),
    (np.divide, (1e200, 1e100), (1e-100, -1.0), (0.0, -1e-200, 2e-100)),
    (np.divide, (INF, 2.0), (0.5, -INF), (0.0, -0.25, INF)),
    # Of what stays less a multiple, the multiple: 5 = -3 · -2 - 1, 5 = 3 · 1 + 2
    (np.remainder, (5.0, 3.0), (1.0, -1.0), (0.0, 0.0, 0.0)),
    (np.remainder, (5.0, -3.0), (1.0, 2.0), (0.0, 0.0, 0.0)),
    (np.remainder, (5.0, INF), (1.0, 0.0), (0.0, 0.0, 0.0)),
    (np.remainder, (-5.0, INF), (1.0, 1.0), (0.0, 0.0, 0.0)),
    # Equal infinities tie; NaN is not chosen.
    (np.maximum, (INF, INF), (0.5, 0.5), (0.0, 0.0, 0.0)),
    (np.minimum, (INF, 1.0), (0.0, 1.0), (0.0, 0.0, 0.0)),
    (np.maximum, (NAN, 1.0), (0.0, 0.0), (0.0, 0.0, 0.0)),
    (np.minimum, (1.0, NAN), (0.0, 0.0), (0.0, 0.0, 0.0)),
]


@pytest.mark.parametrize(
    "kind",
    [float, np.float64, lambda x: np.array([x, 0.25])],
    ids=["float", "float64", "vector"],
)
@pytest.mark.parametrize("case", range(len(PAIRS)))
def test_pairs(case: int, kind: Callable[[float], Any]) -> None:
    """Gradient and Hessian by each operand, the other constant: 0 · ∞ would be NaN else."""
    f, (a, b), first, (xx, xy, yy) = PAIRS[case]
    x, y = kind(a), kind(b)
    by_x: Callable[..., Any] = tg.grad(total(f), 0)
    by_y: Callable[..., Any] = tg.grad(total(f), 1)
    for i, expected in enumerate(first):
        alone = (lambda x: f(x, y)) if i == 0 else (lambda y: f(x, y))
        for found in (*slopes(alone, (x, y)[i]), tg.grad(total(f), i)(x, y)):
            same(np.ravel(found)[0], expected)
    seconds = (
        (lambda x: by_x(x, y), x, xx),
        (lambda y: by_x(x, y), y, xy),
        (lambda y: by_y(x, y), y, yy),
    )
    for g, at, expected in seconds:
        for found in slopes(g, at):
            same(np.ravel(found)[0], expected)
    # The mixed one in the other order. At 0^0 it is that of what is taken for the derivative.
    if f is not np.power or (a, b) != (0.0, 0.0):
        for found in slopes(lambda x: by_y(x, y), x):
            same(np.ravel(found)[0], xy)


def test_the_hessian_of_a_power_whose_exponent_is_zero() -> None:
    """By both modes over reverse mode, of two numbers in one array."""
    p = np.array([2.0, 0.0])
    expected = [[0.0, 0.5], [0.5, LOG2**2]]
    same(tg.hessian(lambda p: p[0] ** p[1])(p), expected)
    same(tg.jacrev(tg.grad(lambda p: p[0] ** p[1]))(p), expected)


# Vectors -----------------------------------------------------------------------------------------
def derivatives(f: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The gradient and the Hessian of f at a vector, where the two ways to each agree."""
    gradient, hessian = tg.grad(f)(x), tg.jacfwd(tg.grad(f))(x)
    scale = np.max(np.abs(hessian), initial=0.0, where=np.isfinite(hessian))
    same(tg.jacfwd(f)(x), gradient)
    np.testing.assert_allclose(tg.jacrev(tg.grad(f))(x), hessian, rtol=1e-12, atol=1e-14 * scale)
    return gradient, hessian


NORMS: list[Callable[[Any], Any]] = [
    np.linalg.norm,
    lambda x: np.linalg.norm(x, 2, axis=0),
    lambda x: tnp.linalg.norm(x.reshape(3, 1), keepdims=True).sum(),
    lambda x: np.linalg.norm(x.reshape(1, 3), "fro"),
]


@pytest.mark.parametrize("size", [1e200, 1e-200, 1e-160, 3.0, 1e300])
@pytest.mark.parametrize("norm", NORMS)
def test_norms_of_huge_and_tiny_elements(norm: Callable[[Any], Any], size: float) -> None:
    """u = x / ‖x‖ and (I - u uᵀ) / ‖x‖, also where NumPy's own value is infinite, or 0."""
    u = np.array([1.0, 2.0, -2.0]) / 3.0
    gradient, hessian = derivatives(norm, 3.0 * size * u)
    same(gradient, u)
    expected = (np.eye(3) - np.outer(u, u)) / 3.0
    np.testing.assert_allclose(hessian * size, expected, rtol=0.0, atol=1e-15)


@pytest.mark.parametrize("size", [1e200, 1e-200, 2.0])
@pytest.mark.parametrize("order", [3.0, 1.5, 0.5, -1.0])
def test_norms_of_other_orders(order: float, size: float) -> None:
    """(xᵢ / ‖x‖)^(p-1), and (p - 1) (diag(xᵢ^(p-2) / ‖x‖^(p-1)) - g gᵀ / ‖x‖)."""
    x = np.array([1.0, 2.0, 4.0])
    n = np.sum(x**order) ** (1.0 / order)
    expected = (x / n) ** (order - 1.0)
    across = np.diag(x ** (order - 2.0) / n ** (order - 1.0)) - np.outer(expected, expected) / n
    gradient, hessian = derivatives(lambda x: np.linalg.norm(x, order), size * x)
    same(gradient, expected)
    np.testing.assert_allclose(hessian * size, (order - 1.0) * across, rtol=1e-12, atol=1e-15)


def test_norms_at_zero_and_infinity() -> None:
    """0 at 0, to second order; an infinite element decides alone; several do so equally."""
    gradient, hessian = derivatives(np.linalg.norm, np.zeros(3))
    same((gradient, hessian[0], hessian[1]), np.zeros((3, 3)))
    for f in (np.linalg.norm, lambda x: np.linalg.norm(x, 3)):
        gradient, hessian = derivatives(f, np.array([1.0, -INF, 0.0]))
        same(gradient, [0.0, -1.0, 0.0])
        same(hessian, np.zeros((3, 3)))
    same(tg.grad(np.linalg.norm)(np.array([INF, -INF, 1.0])), [ROOT, -ROOT, 0.0])
    assert np.isnan(tg.grad(lambda x: np.linalg.norm(x, 3))(np.zeros(2))).all()
    assert np.isnan(tg.grad(lambda x: np.linalg.norm(x))(np.array([NAN, 1.0]))[0])


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("size", [1e200, 1e-200, 1e-160, 2.0])
def test_standard_deviation_of_huge_and_tiny_differences(size: float, ddof: int) -> None:
    """u / √(n - ddof) for the unit vector u along x - mean(x)."""
    d = np.array([-1.0, 0.0, -1.0, 2.0])
    u = d / math.sqrt(6.0)
    gradient, hessian = derivatives(lambda x: np.std(x, ddof=ddof), size * (d + 1.0))
    np.testing.assert_allclose(gradient, u / math.sqrt(4 - ddof), rtol=1e-12, atol=1e-16)
    expected = (np.eye(4) - 0.25 - np.outer(u, u)) / math.sqrt(6.0 * (4 - ddof))
    np.testing.assert_allclose(hessian * size, expected, rtol=0.0, atol=1e-15)


def test_standard_deviation_of_one_element_and_of_equal_ones() -> None:
    """Of one it is 0, whatever it is. Of several equal ones there is no derivative, of no order,
    also where the mean is rounded, so that the value is not quite 0.
    """
    for value in (3.0, 0.0, -1e300):
        gradient, hessian = derivatives(np.std, np.array([value]))
        same((gradient, hessian[0]), np.zeros((2, 1)))
        assert tg.grad(lambda x: np.std(x))(value) == 0.0
    rows = np.array([[1.0], [2.0]])
    same(tg.grad(lambda x: np.std(x, axis=1).sum())(rows), np.zeros((2, 1)))
    assert np.std(np.full(3, 0.1)) > 0.0
    for equal in (np.ones(3), np.full(3, 0.1), np.zeros(2)):
        gradient, hessian = derivatives(np.std, equal)
        assert np.isnan(gradient).all()
        assert np.isnan(hessian).all()
    mixed = np.array([[1.0, 3.0], [5.0, 5.0]])
    found = tg.grad(lambda x: np.std(x, axis=1).sum())(mixed)
    same(found, [[-0.5, 0.5], [NAN, NAN]])
    with pytest.warns(RuntimeWarning, match="Degrees of freedom"):
        assert np.isnan(tg.grad(lambda x: np.std(x, ddof=2))(np.array([1.0, 2.0]))).all()


def test_sums_of_exponentials_with_masks() -> None:
    """w = softmax(x) and diag(w) - w wᵀ: what is masked by -inf has none, to second order."""
    x = np.array([0.0, -INF, LOG2, -INF])
    w = np.array([1.0, 0.0, 2.0, 0.0]) / 3.0
    gradient, hessian = derivatives(logsumexp, x)
    same(gradient, w)
    np.testing.assert_allclose(hessian, np.diag(w) - np.outer(w, w), rtol=1e-15, atol=1e-16)
    gradient, hessian = derivatives(lambda x: nn.softmax(x)[0], x)
    np.testing.assert_allclose(gradient, w[0] * (np.eye(4)[0] - w), rtol=1e-15, atol=1e-16)
    assert np.isfinite(hessian).all()
    same(hessian[[1, 3]], np.zeros((2, 4)))
    gradient, hessian = derivatives(lambda x: nn.log_softmax(x)[2], x)
    np.testing.assert_allclose(gradient, np.eye(4)[2] - w, rtol=1e-15, atol=1e-16)
    np.testing.assert_allclose(hessian, np.outer(w, w) - np.diag(w), rtol=1e-15, atol=1e-16)
    rows = np.array([[0.0, -INF], [-INF, -INF]])
    found = tg.grad(lambda x: logsumexp(x, axis=1).sum())(rows)
    np.testing.assert_array_equal(found, [[1.0, 0.0], [NAN, NAN]])


def test_sums_of_exponentials_far_out() -> None:
    """No digits are lost to the size of x; one infinite element has it all, of several none."""
    w = np.array([1.0, math.e]) / (1.0 + math.e)
    gradient, hessian = derivatives(logsumexp, np.array([1e15, 1e15 + 1.0]))
    same(gradient, w)
    np.testing.assert_allclose(hessian, np.diag(w) - np.outer(w, w), rtol=1e-14)
    gradient, hessian = derivatives(logsumexp, np.array([5.0, INF, -INF]))
    same(gradient, [0.0, 1.0, 0.0])
    same(hessian, np.zeros((3, 3)))
    assert np.isnan(tg.grad(logsumexp)(np.array([INF, 1.0, INF]))).all()
    rows = np.array([[INF, 0.0], [0.0, 0.0]])
    same(nn.softmax(rows), [[1.0, 0.0], [0.5, 0.5]])


def test_cross_entropy_by_targets_that_are_zero() -> None:
    """-Σ p log q, by p: -log q, also where p is 0, and infinite where q is 0 as well."""
    logits = np.array([[0.0, LOG2, math.log(5.0)]])
    log_q = np.log(np.array([[1.0, 2.0, 5.0]]) / 8.0)
    for targets in ([[1.0, 0.0, 0.0]], [[0.5, 0.5, 0.0]]):
        p = np.array(targets)
        by_logits: Any
        by_logits, by_p = tg.grad(nn.cross_entropy, (0, 1))(logits, p)
        same(by_p, -log_q)
        np.testing.assert_allclose(by_logits, np.exp(log_q) - p, rtol=1e-14, atol=1e-16)
        mixed = tg.jacfwd(lambda p: tg.grad(nn.cross_entropy)(logits, p))(p)[0, :, 0]
        expected = np.exp(log_q).T - np.eye(3)
        np.testing.assert_allclose(mixed, expected, rtol=1e-14, atol=1e-16)
    masked = np.array([[0.0, -INF]])
    by_logits, by_p = tg.grad(nn.cross_entropy, (0, 1))(masked, np.array([[1.0, 0.0]]))
    same(by_logits, [[0.0, 0.0]])
    same(by_p, [[0.0, INF]])
    same(nn.cross_entropy(masked, np.array([0])), 0.0)


def test_products_with_zeros_to_third_order() -> None:
    """∂³(wxyz)/∂x∂y∂z = w, and 0 where an element comes twice."""
    x = np.array([0.0, 0.0, 0.0, 5.0])
    found = tg.jacfwd(tg.hessian(lambda x: np.prod(x)))(x)
    for place in itertools.product(range(4), repeat=3):
        rest = set(range(4)) - set(place)
        same(found[place], x[rest.pop()] if len(rest) == 1 else 0.0)


def test_the_branch_not_taken_to_second_order() -> None:
    """What a choice does not take counts as little in the second derivative as in the first."""
    x = np.array([NAN, INF, -1.0, 0.0, 2.0])

    def f(x: Any) -> Any:
        taken = np.isfinite(x) & (x > 0.0)
        return tnp.where(taken, tnp.where(taken, x, 1.0) ** 1.5, tnp.where(taken, x, 3.0)).sum()

    gradient, hessian = derivatives(f, x)
    same(gradient, [0.0, 0.0, 0.0, 0.0, 1.5 * math.sqrt(2.0)])
    same(hessian, np.diag([0.0, 0.0, 0.0, 0.0, 0.75 * ROOT]))


# Matrices ----------------------------------------------------------------------------------------
def levi_civita(n: int) -> Any:
    """1 for an even permutation of the indices, -1 for an odd one, 0 where one comes twice."""
    symbol = np.zeros((n,) * n)
    for order in itertools.permutations(range(n)):
        symbol[order] = round(np.linalg.det(np.eye(n)[list(order)]))
    return symbol


MATRICES = {
    "zero": np.zeros((3, 3)),
    "rank 1": np.outer([1.0, 2.0, 3.0], [1.0, 0.0, -1.0]),
    "rank 2": np.arange(9.0).reshape(3, 3),
    "nearly rank 1": np.outer([1.0, 2.0, 3.0], [1.0, 0.0, -1.0]) + 1e-13 * np.eye(3)[::-1],
    "nearly rank 2": np.arange(9.0).reshape(3, 3) + 1e-15 * np.eye(3),
    "graded": np.diag([1e8, 1.0, 1e-8]) @ np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 10]]),
    "regular": np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_determinants_to_third_order(name: str) -> None:
    """det a = Σ ε_ikm a_0i a_1k a_2m, of which all derivatives are sums over ε: polynomials, that
    know nothing of singular matrices.
    """
    a = MATRICES[name]
    eps = levi_civita(3)
    # 3! det a = Σ ε_ikm ε_jln a_ij a_kl a_mn
    first = np.einsum("ikm,jln,kl,mn->ij", eps, eps, a, a) / 2.0
    second = np.einsum("ikm,jln,mn->ijkl", eps, eps, a)
    third = np.einsum("ikm,jln->ijklmn", eps, eps)

    def det(a: Any) -> Any:
        return np.linalg.det(a)

    scale = np.abs(a).max()
    for found, expected, size in (
        (tg.grad(det)(a), first, scale**2),
        (tg.hessian(det)(a), second, scale),
        (tg.jacrev(tg.grad(det))(a), second, scale),
        (tg.jacfwd(tg.hessian(det))(a), third, 1.0),
        (tg.vmap(tg.hessian(det))(np.stack([np.eye(3), a]))[1], second, scale),
    ):
        np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-14 * max(size, 1e-13))


@pytest.mark.parametrize("n", [1, 2, 4])
def test_determinants_of_other_sizes(n: int) -> None:
    """The Hessian's entries are minors, with signs; of fewer than two rows it is 0."""
    a = np.ones((n, n)) + np.eye(n, k=1)
    found = tg.hessian(lambda a: np.linalg.det(a))(a)
    expected = np.zeros((n,) * 4)
    for i, j, k, m in itertools.product(range(n), repeat=4):
        if i != k and j != m:
            kept = np.delete(np.delete(a, [i, k], axis=0), [j, m], axis=1)
            sign = (-1) ** (i + j + k + m) * (1 if (i < k) == (j < m) else -1)
            expected[i, j, k, m] = sign * np.linalg.det(kept)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-14)


def test_determinants_do_not_overflow_on_the_way() -> None:
    """The product of the other rows is a number, though that of the large ones is not."""
    large, small = 1e200 * np.eye(2), 1e-200 * np.eye(2)
    a = np.block([[large, np.zeros((2, 2))], [np.zeros((2, 2)), small]])[[0, 2, 1, 3]][
        :, [0, 2, 1, 3]
    ]
    same(np.diag(tg.grad(lambda a: np.linalg.det(a))(a)), [1e-200, 1e200, 1e-200, 1e200])


@pytest.mark.parametrize("size", [1.0, 1e-7, 1e7])
def test_ill_conditioned_matrices(size: float) -> None:
    """Inverses and what is made of them lose the digits that their condition takes, no more."""
    a = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-6]]) * size  # its condition is 4e6
    inverse = np.array([[1.0 + 1e-6, -1.0], [-1.0, 1.0]]) / (1e-6 * size)

    def close(found: Any, expected: Any) -> None:
        np.testing.assert_allclose(found, expected, rtol=1e-8)

    close(tg.grad(lambda a: np.linalg.slogdet(a)[1])(a), inverse.T)
    second = -np.einsum("jk,li->ijkl", inverse, inverse)
    close(tg.hessian(lambda a: np.linalg.slogdet(a)[1])(a), second)
    close(tg.jacrev(lambda a: np.linalg.inv(a))(a), -np.einsum("ik,lj->ijkl", inverse, inverse))
    b = np.array([1.0, 2.0])
    close(tg.jacrev(lambda b: np.linalg.solve(a, b))(b), inverse)
    by_a = -np.einsum("ik,l->ikl", inverse, inverse @ b)
    close(tg.jacfwd(lambda a: np.linalg.solve(a, b))(a), by_a)
    # log det a = 2 Σ log L_ii
    half = tg.grad(lambda a: 2.0 * np.log(np.diagonal(np.linalg.cholesky(a))).sum())(a)
    close(half, inverse)


def test_singular_matrices_raise() -> None:
    """Where there is no inverse, there is an error, not a number."""
    a = np.ones((2, 2))
    for f in (
        lambda a: np.linalg.slogdet(a)[1],
        lambda a: np.linalg.inv(a).sum(),
        lambda a: np.linalg.solve(a, np.ones(2)).sum(),
        lambda a: np.linalg.cholesky(a - 2.0).sum(),
    ):
        with pytest.raises(np.linalg.LinAlgError):
            tg.grad(f)(a)


# Every elementwise op ----------------------------------------------------------------------------
# fmt: off
GRID: tuple[float, ...] = (
    0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, 40.0, -40.0, 1e3, -1e3, 1e8, 1e100, -1e100, 1e200, -1e200,
    1e308, 1e-8, 1e-100, -1e-200, TINY, -TINY, INF, -INF, NAN,
)
# fmt: on
SMOOTH = [op for op in ops.ALL if op.kind == "elementwise" and any(op.partials)]
# Those of users. The others are derivatives of these: theirs are of the next order.
USERS = [op for op in SMOOTH if ">>>" in str(op.__doc__)]


def grid(op: AnyOp) -> list[Any]:
    """Arrays with all tuples of numbers of the grid."""
    return list(np.array(list(itertools.product(GRID, repeat=len(op.vjp)))).T.copy())


def of_one(op: AnyOp, args: list[Any], i: int) -> Callable[[Any], Any]:
    """The op as a function of operand i."""
    return lambda x: op.bind(*args[:i], x, *args[i + 1 :])


def operands(of: list[AnyOp]) -> pytest.MarkDecorator:
    """Each op with each operand that has a derivative."""
    return pytest.mark.parametrize(
        ("op", "i"),
        [
            pytest.param(op, i, id=f"{op.name}-{i}")
            for op in of
            for i, rule in enumerate(op.partials)
            if rule is not None
        ],
    )


def test_the_sweep_is_of_all_ops() -> None:
    """An op that is new is in it."""
    names = {op.name for op in USERS}
    assert {"power", "divide", "sqrt", "arcsin", "sigmoid", "hypot", "maximum"} <= names
    assert len(names) >= 40
    assert {"direction", "times", "power_by_base"} <= {op.name for op in SMOOTH} - names


@operands(SMOOTH)
def test_all_ways_to_a_derivative_agree(op: AnyOp, i: int) -> None:
    """Forward and reverse mode, each over each, at all tuples of the grid."""
    args = grid(op)
    f = of_one(op, args, i)
    forward, reverse = slopes(f, args[i])
    same(forward, reverse, rtol=1e-14)
    one, *others = curvatures(f, args[i]) if op in USERS else [0.0]
    for other in others:
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-16)


@operands(USERS)
def test_numbers_are_as_arrays(op: AnyOp, i: int) -> None:
    """A Python float, NumPy's number and an array have one derivative, where the value is one."""
    args = grid(op)
    f = of_one(op, args, i)
    whole, twice = slopes(f, args[i])[0], curvatures(f, args[i])[0]
    for k in range(0, len(whole), 1 if len(args) == 1 else 7):  # every seventh pair will do
        for kind in (float, np.float64):
            given = [kind(a[k]) for a in args]
            alone = of_one(op, given, i)
            try:
                tg.record(alone, given[i])
            except (ArithmeticError, tg.DomainError):
                continue  # Python's floats refuse the value
            same(tg.grad(alone)(given[i]), whole[k], rtol=1e-14)
            found = tg.grad(tg.grad(alone))(given[i])
            if not np.isnan(given).any():
                np.testing.assert_allclose(found, twice[k], rtol=1e-10, atol=1e-16)


LONG = np.longdouble


def differences(f: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The slopes of a function of long doubles to the left and the right of x, with a small step
    and with one a hundredth of it; and how far off they may be by rounding.
    """
    found, rounding = [], []
    for step in (1e-7, 1e-9):
        h = LONG(step) * np.where(x == 0.0, LONG(1.0), np.abs(x))
        at, left, right = f(x), f(x - h), f(x + h)
        size = np.abs([at, left, right]).max(axis=0)
        found += [(at - left) / h, (right - at) / h]
        rounding.append(8.0 * np.finfo(LONG).eps * size / h)
    return np.array(found), rounding[1]


@operands([op for op in USERS if op.name != "erf"])  # math.erf has no long doubles
def test_differences_say_the_same(op: AnyOp, i: int) -> None:
    """Where all slopes beside a point are finite and alike, the derivative is that number."""
    args = [np.asarray(a, LONG) for a in grid(op)]
    finite = np.isfinite(args[i])
    args = [a[finite] for a in args]
    steep, rounding = differences(lambda x: op.run(*args[:i], x, *args[i + 1 :]), args[i])
    slope, size = steep[3], np.abs(steep).max(axis=0)
    close = 1e-5 * size + rounding
    clear = np.isfinite(steep).all(axis=0) & (np.ptp(steep, axis=0) < close) & (rounding < size)
    clear &= (size > 1e-290) & (size < 1e290)  # those that double precision has
    assert clear.sum() >= 4
    given = [np.asarray(a, float) for a in args]
    found = tg.grad(total(of_one(op, given, i)))(given[i])
    right = np.abs(found - slope) <= close  # of NaN, this is false
    wrong = np.flatnonzero(clear & ~right)
    assert not wrong.size, [(*(a[k] for a in given), found[k], slope[k]) for k in wrong]


# Every other op ----------------------------------------------------------------------------------
def vectors() -> list[Any]:
    """Ops of arrays with one operand that has a derivative, and a sample of theirs."""
    return [
        pytest.param(op, sample, id=f"{op.name}-{k}")
        for op in ops.ALL
        if op.kind == "reduction" or op.name in {"softmax", "cumsum", "sort", "matmul", "einsum"}
        for k, sample in enumerate(op.samples)
        if op.vjp[0] is not None and sample.draw(np.random.default_rng(0))[0].size
    ]


@pytest.mark.parametrize("edge", [0.0, -0.0, 1.0, TINY, 1e200, INF, -INF, NAN])
@pytest.mark.parametrize(("op", "sample"), vectors())
def test_forward_and_reverse_mode_agree(op: AnyOp, sample: Any, edge: float) -> None:
    """Of an operand with an edge among its elements, and of one of nothing else: where both modes
    have a number, it is the same. A unit vector is full of zeros, and 0 · ∞ is NaN.
    """
    x, *rest = sample.draw(np.random.default_rng(0))
    one = np.where(np.arange(x.size) == x.size // 2, edge, x.reshape(-1)).reshape(x.shape)
    for given in (one, np.full(x.shape, edge)):
        shape = np.shape(op.bind(given, *rest, **sample.params))
        weights = np.linspace(1.0, 2.0, math.prod(shape)).reshape(shape)
        f = total(lambda x, w=weights: w * op.bind(x, *rest, **sample.params))
        forward, reverse = tg.jacfwd(f)(given), tg.grad(f)(given)
        second, other = tg.jacfwd(tg.grad(f))(given), tg.jacrev(tg.grad(f))(given)
        for a, b in ((forward, reverse), (second, other)):
            known = np.isfinite(a) & np.isfinite(b)
            scale = np.abs(a[known]).max(initial=0.0)
            np.testing.assert_allclose(a[known], b[known], rtol=1e-10, atol=1e-13 * scale)
        if np.isfinite(given).all() and abs(edge) < 1e100:
            assert np.isfinite(reverse).all() or edge_is_kink(op, given)


def edge_is_kink(op: AnyOp, x: Any) -> bool:
    """Where docs/architecture.md has NaN for a derivative: norms at 0, std of equal elements."""
    return op.name in {"power_norm", "deviation"} and bool(np.any(x == x.flat[0]))


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_det_of_what_is_not_finite(bad: float) -> None:
    """NaN, beside the right derivatives of other matrices of the stack; no error."""
    good = np.array([[1.0, 2.0], [3.0, 5.0]])
    stack = np.stack([good, np.array([[1.0, bad], [0.0, 1.0]]), good])
    found = tg.grad(total(np.linalg.det))(stack)
    of_good = np.array([[5.0, -3.0], [-2.0, 1.0]])
    same(found, np.stack([of_good, np.full((2, 2), NAN), of_good]))
    second = tg.hvp(total(np.linalg.det), (stack,), (np.ones_like(stack),))
    assert np.isnan(second[1]).all()
    same(second[0], np.array([[1.0, -1.0], [-1.0, 1.0]]))
