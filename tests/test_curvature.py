"""Jacobians, Hessians and Hessian-vector products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
import truth

import tapegrad as tg
import tapegrad.numpy as tnp

RNG = np.random.default_rng(11)
JACOBIANS = [tg.jacfwd, tg.jacrev]
each_mode = pytest.mark.parametrize("jacobian", JACOBIANS, ids=["jacfwd", "jacrev"])

MAPS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "vector to vector": (lambda x: np.sin(x) * x[::-1], (4,)),
    "vector to scalar": (lambda x: (x**3).sum(), (3,)),
    "scalar to vector": (lambda x: x * np.array([1.0, 2.0]) + x**2, ()),
    "scalar to scalar": (lambda x: np.tanh(x), ()),
    "matrix to matrix": (lambda x: x @ x, (2, 2)),
    "matrix to scalar": (lambda x: np.linalg.det(x), (3, 3)),
    "matrix to vector": (lambda x: x.max(axis=0) * x[0], (2, 3)),
    "to a cube": (lambda x: np.einsum("i,j,k->ijk", x, x, np.exp(x)), (2,)),
    "of length one": (lambda x: x.reshape(1, 1) * 2.0, (1,)),
    "to nothing": (lambda x: x[:0] * 3.0, (3,)),
    "from nothing": (lambda x: x.sum() + np.ones(2), (0,)),
}


@each_mode
@pytest.mark.parametrize("name", MAPS)
def test_jacobian_by_differences(jacobian: Any, name: str) -> None:
    """The shape of the output followed by that of the input."""
    f, shape = MAPS[name]
    x = RNG.normal(size=shape)
    point: Any = np.asarray(x) if shape else float(x)
    found = jacobian(f)(point)
    truth.assert_close(np.asarray(found), truth.jacobian(lambda y: f(y[()]), point), atol=1e-7)


@each_mode
def test_kinds(jacobian: Any) -> None:
    """A number by a number is in the kind of the parameter; the rest are arrays."""
    assert type(jacobian(np.sin)(1.0)) is float
    assert type(jacobian(lambda x: x * x)(1)) is float
    assert type(jacobian(np.sin)(np.float32(1.0))) is np.float32
    assert type(jacobian(np.sin)(np.array(1.0))) is np.ndarray
    assert jacobian(lambda x: x * 2)(np.ones(2, np.float32)).dtype == np.float32
    assert jacobian(lambda x: np.ones(2) * x)(1.0).shape == (2,)


@each_mode
def test_dtypes_are_the_parameters(jacobian: Any) -> None:
    """Whatever f computes in: of a tree of both dtypes, and where the result is differentiated."""

    def f(p: Any) -> Any:
        return p["a"].astype(np.float32) * p["b"]

    p = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0], np.float32)}
    found = jacobian(f)(p)
    truth.assert_same(found["a"], np.diag([3.0, 4.0]))
    truth.assert_same(found["b"], np.diag([1.0, 2.0]).astype(np.float32))
    by_number = jacobian(lambda x: x * np.ones(2, np.float32))(0.5)
    truth.assert_same(by_number, np.ones(2))
    # The sum of both Jacobians is a.sum() + b.sum(): its slopes are ones, in the dtypes of a and b.
    total = tg.grad(lambda p: sum(np.sum(block) for block in jacobian(f)(p).values()) * 1.0)(p)
    truth.assert_same(total, {"a": np.ones(2), "b": np.ones(2, np.float32)})


@each_mode
def test_a_jacobian_is_the_callers_own(jacobian: Any) -> None:
    """Writable, and in memory of its own."""
    for f, shape in MAPS.values():
        if shape:
            found = jacobian(f)(RNG.normal(size=shape))
            if found.ndim:
                assert found.flags.writeable
                assert found.flags.owndata


class Weights(NamedTuple):
    """A tree of parameters."""

    w: Any
    b: Any


@each_mode
def test_trees(jacobian: Any) -> None:
    """For each leaf of the output a tree of the argument's structure."""
    p = Weights(RNG.normal(size=(2, 3)), {"c": 0.5})

    def f(p: Any) -> Any:
        return {"y": p.w @ np.ones(3) * p.b["c"], "z": [p.b["c"] ** 3]}

    found = jacobian(f)(p)
    y_by_w = np.einsum("ik,j->ikj", np.eye(2), np.ones(3)) * 0.5
    expected = {
        "y": Weights(y_by_w, {"c": p.w.sum(axis=1)}),
        "z": [Weights(np.zeros((2, 3)), {"c": 0.75})],
    }
    truth.assert_close(found, expected, rtol=1e-13)
    assert type(found["z"][0].b["c"]) is float


@each_mode
def test_argnums(jacobian: Any) -> None:
    """An int, negative or not; a tuple gives a tuple in each place of the output."""

    def f(x: Any, y: Any, *, by: float = 1.0) -> Any:
        return by * x * y

    x, y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    np.testing.assert_array_equal(jacobian(f, 0)(x, y), np.diag(y))
    np.testing.assert_array_equal(jacobian(f, argnums=-1)(x, y), np.diag(x))
    np.testing.assert_array_equal(jacobian(f, 1)(x, y, by=2.0), 2.0 * np.diag(x))
    by_both = jacobian(f, (1, 0))(x, y)
    assert type(by_both) is tuple
    truth.assert_same(by_both, (np.diag(x), np.diag(y)))


HESSIANS: dict[str, Callable[[Any], Any]] = {
    "hessian": tg.hessian,
    "jacfwd of jacrev": lambda f: tg.jacfwd(tg.jacrev(f)),
    "jacrev of jacrev": lambda f: tg.jacrev(tg.jacrev(f)),
    "jacrev of jacfwd": lambda f: tg.jacrev(tg.jacfwd(f)),
    "jacfwd of jacfwd": lambda f: tg.jacfwd(tg.jacfwd(f)),
    "jacrev of grad": lambda f: tg.jacrev(tg.grad(f)),
    "jacfwd of grad": lambda f: tg.jacfwd(tg.grad(f)),
}

SCALAR_MAPS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "rosenbrock": (lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(), (4,)),
    "logsumexp": (lambda x: tg.special.logsumexp(x * x), (3,)),
    "quadratic form": (lambda x: x @ np.array([[2.0, 1.0], [0.0, 3.0]]) @ x, (2,)),
    "log determinant": (lambda x: np.linalg.slogdet(x @ x.T + np.eye(2))[1], (2, 2)),
    "softplus": (lambda x: tg.nn.softplus(x).prod(), (3,)),
    "of one number": (lambda x: np.sin(x) * np.exp(x), ()),
}


@pytest.mark.parametrize("way", HESSIANS)
@pytest.mark.parametrize("name", SCALAR_MAPS)
def test_hessian_by_differences_of_differences(name: str, way: str) -> None:
    """All seven ways to a Hessian agree with differences of the function's own values."""
    f, shape = SCALAR_MAPS[name]
    x = np.random.default_rng(1).normal(size=shape)
    found = np.asarray(HESSIANS[way](f)(x))
    np.testing.assert_allclose(found, truth.hessian(lambda y: f(y[()]), x), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("way", HESSIANS)
@pytest.mark.parametrize("name", SCALAR_MAPS)
def test_all_ways_to_a_hessian_agree(name: str, way: str) -> None:
    """To rounding, which differences cannot see; and the Hessian is symmetric."""
    f, shape = SCALAR_MAPS[name]
    x = np.random.default_rng(2).normal(size=shape)
    found = np.asarray(HESSIANS[way](f)(x))
    np.testing.assert_allclose(found, np.asarray(tg.hessian(f)(x)), rtol=1e-10, atol=1e-11)
    square = found.reshape(x.size, x.size)
    np.testing.assert_allclose(square, square.T, rtol=1e-10, atol=1e-11)


def test_hessian_of_a_float_is_a_float() -> None:
    """As the gradient is."""
    assert tg.hessian(lambda x: x**3)(2.0) == 12.0
    assert type(tg.hessian(lambda x: x**3)(2.0)) is float


def test_hessian_of_a_tree_is_a_tree_of_trees() -> None:
    """Block by block: d²f/dw dc stands at [w][c]."""

    def f(p: Any) -> Any:
        return (p["w"] ** 2).sum() * p["c"] + p["c"] ** 3

    w, c = np.array([1.0, 2.0]), 3.0
    found = tg.hessian(f)({"w": w, "c": c})
    truth.assert_close(
        found,
        {"w": {"w": 2 * c * np.eye(2), "c": 2 * w}, "c": {"w": 2 * w, "c": 6 * c}},
        rtol=1e-13,
    )
    assert type(found["c"]["c"]) is float


def test_hessian_by_several_arguments() -> None:
    """argnums of a tuple: a tuple of tuples."""
    found = tg.hessian(lambda x, y: x**2 * y**3, argnums=(0, 1))(2.0, 3.0)
    assert found == ((54.0, 108.0), (108.0, 72.0))


def test_hessian_of_a_linear_function_is_zero() -> None:
    """Zeros of the full shape, not None and not a number."""
    found = tg.hessian(lambda x: x.sum())(np.ones((2, 3)))
    truth.assert_same(found, np.zeros((2, 3, 2, 3)))


def test_third_derivatives() -> None:
    """jacfwd of hessian: the tensor of third derivatives, by hand for a cubic."""
    found = tg.jacfwd(tg.hessian(lambda x: x[0] ** 2 * x[1]))(np.array([2.0, 5.0]))
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 1] = expected[0, 1, 0] = expected[1, 0, 0] = 2.0
    np.testing.assert_array_equal(found, expected)


@attrs.frozen
class Model:
    """A tree of parameters."""

    w: Any
    b: Any


def test_hvp_is_the_hessian_times_the_tangent() -> None:
    """Of an array, against the whole Hessian by differences."""
    f, _ = SCALAR_MAPS["rosenbrock"]
    x, t = RNG.normal(size=(2, 4))
    expected = truth.hessian(f, x) @ t
    np.testing.assert_allclose(tg.hvp(f, (x,), (t,)), expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(tg.hvp(f, (x,), (t,)), tg.hessian(f)(x) @ t, rtol=1e-12)


def test_hvp_of_trees_and_of_several_arguments() -> None:
    """The result has the structure of the parameters: for one argument itself, else a tuple."""

    def f(p: Any, s: Any) -> Any:
        return (p.w**3).sum() * s + p.b**2 * s**2

    p, s = Model(np.array([1.0, 2.0]), 3.0), 2.0
    t, u = Model(np.array([1.0, 0.0]), 1.0), 10.0
    found = tg.hvp(f, (p, s), (t, u))
    w, b = p.w, p.b
    expected = (
        Model(6 * w * s * t.w + 3 * w**2 * u, 2 * s**2 * t.b + 4 * b * s * u),
        float((3 * w**2 * t.w).sum() + 4 * b * s * t.b + 2 * b**2 * u),
    )
    truth.assert_close(found, expected, rtol=1e-13)
    assert type(found[0]) is Model
    assert type(found[0].b) is float
    assert type(found[1]) is float
    alone = tg.hvp(lambda p: f(p, s), (p,), (t,))
    assert type(alone) is Model
    np.testing.assert_allclose(alone.w, 6 * w * s * t.w)


def test_hvp_inside_a_gradient() -> None:
    """d/dx of (H t) for f = x⁴ is 24 x t, whichever way around."""
    found = tg.grad(lambda x: tg.hvp(lambda y: y**4, (x,), (2.0,)))(3.0)
    assert found == pytest.approx(144.0, rel=1e-14)
    by_tangent = tg.grad(lambda t: tg.hvp(lambda y: y**4, (3.0,), (t,)))(2.0)
    assert by_tangent == pytest.approx(108.0, rel=1e-14)


def test_newton_steps_with_the_hessian() -> None:
    """A use: Newton's method on a convex function converges in a few steps."""

    def f(x: Any) -> Any:
        return tg.special.logsumexp(x) + 0.5 * (x**2).sum() - x[0]

    x = np.zeros(3)
    for _ in range(6):
        x = x - np.linalg.solve(tg.hessian(f)(x), tg.grad(f)(x))
    np.testing.assert_allclose(tg.grad(f)(x), 0.0, atol=1e-14)


def test_gradient_of_a_norm_of_a_jacobian() -> None:
    """A Jacobian inside a loss: the derivative of ‖J‖² by differences."""
    x = RNG.normal(size=2)

    def loss(x: Any) -> Any:
        return (tg.jacfwd(lambda y: np.sin(y) * y[::-1])(x) ** 2).sum()

    def plain(x: Any) -> Any:
        return (truth.jacobian(lambda y: np.sin(y) * y[::-1], x) ** 2).sum()

    truth.assert_close(tg.grad(loss)(x), truth.jacobian(plain, x), rtol=1e-5)
    np.testing.assert_allclose(
        tg.grad(loss)(x),
        tg.grad(lambda x: (tg.jacrev(lambda y: tnp.sin(y) * y[::-1])(x) ** 2).sum())(x),
        rtol=1e-12,
    )


def test_the_first_argument_unless_another_is_asked_for() -> None:
    """d/dx of x² y at (3, 5) is 30, d²/dx² is 10; so for every transform that takes argnums."""

    def f(x: Any, y: Any) -> Any:
        return x * x * y

    assert tg.grad(f)(3.0, 5.0) == tg.value_and_grad(f)(3.0, 5.0)[1] == 30.0
    assert tg.jacfwd(f)(3.0, 5.0) == tg.jacrev(f)(3.0, 5.0) == 30.0
    assert tg.hessian(f)(3.0, 5.0) == 10.0
