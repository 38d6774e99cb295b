"""What a function with its own pullback may close over, and which rule forward mode follows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import ops
from tapegrad._tape import AnyOp
from tapegrad._typing import Sample
from tapegrad.ops._bundle import Bundle
from tapegrad.ops._elementwise import elementwise
from tapegrad.transforms._transpose import transposed

RNG = np.random.default_rng(51)


def as_any(f: Callable[..., Any]) -> Any:
    """custom_vjp without its types."""
    return tg.custom_vjp(f)


# Closures ----------------------------------------------------------------------------------------


def batch(a: Any) -> Any:
    """Two examples, of a traced number, too."""
    return tnp.stack([a, a + 1.0])


# What traces f's argument, or does not; each gives one number.
TRACES: dict[str, Callable[[Callable[[Any], Any], Any], Any]] = {
    "plain": lambda f, a: f(a),
    "grad": lambda f, a: tg.grad(f)(a),
    "vjp": lambda f, a: tg.vjp(f, a)[1](1.0)[0],
    "jvp": lambda f, a: tg.jvp(f, (a,), (1.0,))[1],
    "jacrev": lambda f, a: tg.jacrev(f)(a),
    "jacfwd": lambda f, a: tg.jacfwd(f)(a),
    "hessian": lambda f, a: tg.hessian(f)(a),
    "vmap": lambda f, a: tg.vmap(f)(batch(a)).sum(),
    "record": lambda f, a: tg.record(f, a).value,
    "vmap of grad": lambda f, a: tg.vmap(tg.grad(f))(batch(a)).sum(),
    "grad of grad": lambda f, a: tg.grad(tg.grad(f))(a),
}
DIFFERENTIATING = set(TRACES) - {"plain", "vmap", "record"}


def with_residual(x: Any, z: Any) -> Any:
    residual = z * 2.0
    return x * 1.0, lambda g: (g * residual,)


# Where a function of x uses z.
OF_Z: dict[str, Callable[[Any, Any], Any]] = {
    "output": lambda x, z: (x * z, lambda g: (g,)),
    "output alone": lambda x, z: (z * 1.0, lambda g: (g,)),
    "output as it is": lambda x, z: (z, lambda g: (g,)),
    "one of the outputs": lambda x, z: ([x * 1.0, z], lambda g: (g[0],)),
    "output and pullback": lambda x, z: (x * z, lambda g: (g * z,)),
    "residual": with_residual,
    "pullback": lambda x, z: (x * 1.0, lambda g: (g * z,)),
    "pullback, with x": lambda x, z: (x * 1.0, lambda g: (g * x * z,)),
    "cotangent": lambda x, z: (x * 1.0, lambda g: (z,)),
}
IN_PULLBACK = {"residual", "pullback", "pullback, with x", "cotangent"}


def used(place: str, z: Any, x: Any) -> Any:
    """A function of x that closes over z, called."""
    out = as_any(lambda x: OF_Z[place](x, z))(x)
    return out[0] if isinstance(out, list) else out


CLOSURE = "uses a traced value that is not one of its arguments"


def must_refuse(run: Callable[[], Any], *, forward: bool = False) -> None:
    """The error of a closure; in forward mode, of a constant cotangent, which is not linear."""
    text = f"{CLOSURE}|at the cotangent 0 it is" if forward else CLOSURE
    with pytest.raises(tg.OutputError, match=text) as caught:
        run()
    assert "test_custom_rules.py:" in str(caught.value)


@pytest.mark.parametrize("place", OF_Z)
@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(TRACES, TRACES)))
def test_closing_over_a_traced_value(outer: str, inner: str, place: str) -> None:
    """Whichever of z and x is traced outside of the other, or both by one, or x not at all."""
    ways: list[tuple[str, str, Callable[[], Any]]] = [
        (
            outer,
            inner,
            lambda: TRACES[outer](
                lambda z: TRACES[inner](lambda x: used(place, z, x) * x**4, 2.0), 3.0
            ),
        ),
        (
            inner,
            outer,
            lambda: TRACES[outer](
                lambda x: TRACES[inner](lambda z: used(place, z, x) * z**4, 3.0), 2.0
            ),
        ),
        (outer, outer, lambda: TRACES[outer](lambda x: used(place, x, x) * x**4, 2.0)),
    ]
    for of_z, of_x, run in ways:
        if of_z != "plain" and (place not in IN_PULLBACK or of_x in DIFFERENTIATING):
            must_refuse(run, forward=place == "cotangent")


@pytest.mark.parametrize("place", OF_Z)
def test_closing_over_under_two_traces_of_x(place: str) -> None:
    """x is traced by both, z by the outer one: the pullback is differentiated there."""

    def f(x: Any, z: Any) -> Any:
        return tg.grad(lambda y: used(place, z, x * y) * y)(1.5)

    must_refuse(lambda: tg.grad(f, (0, 1))(2.0, 3.0))
    must_refuse(lambda: tg.vmap(f)(np.ones(2), np.ones(2)))
    must_refuse(lambda: tg.jvp(f, (2.0, 3.0), (1.0, 1.0)))


def test_closing_over_a_traced_value_that_no_number_depends_on() -> None:
    """What decides, or what is printed, has no gradient to lose; x.value is a constant."""

    def f(x: Any, z: Any) -> Any:
        @as_any
        def chosen(x: Any) -> Any:
            factor = 2.0 if z > 0.0 else 3.0
            return factor * x * z.value, lambda g: (g * factor * z.value,)

        return chosen(x)

    assert tg.value_and_grad(f, (0, 1))(5.0, 7.0) == (70.0, (14.0, 0.0))


def test_as_an_argument_it_is_differentiated() -> None:
    """What the error says."""

    @as_any
    def scaled(w: Any, x: Any) -> Any:
        return w * x, lambda g: (g * x, g * w)

    def f(w: Any) -> Any:
        return tg.grad(lambda x: scaled(w, x) ** 2)(3.0)  # 2 w² x

    assert tg.value_and_grad(f)(5.0) == (150.0, 60.0)
    assert tg.grad(lambda w: scaled(w, 3.0))(5.0) == 3.0


def test_the_text_of_a_closure() -> None:
    """The function, the line where it is called, what to do."""

    def f(w: Any, x: Any) -> Any:
        @as_any
        def scaled(x: Any) -> Any:
            return w * x, lambda g: (g * w,)

        return scaled(x)

    with pytest.raises(tg.OutputError) as caught:
        tg.grad(f)(2.0, 3.0)
    first, where, remedy = str(caught.value).splitlines()
    assert first == (
        "tapegrad.custom_vjp: scaled uses a traced value that is not one of its arguments, so the "
        "pullback has no place for its gradient."
    )
    assert where.endswith("in f: return scaled(x)")
    assert remedy == (
        "Pass that value as an argument, and let the pullback return its cotangent; or use "
        "x.value if it is a constant."
    )


# Forward mode ------------------------------------------------------------------------------------

X = RNG.normal(size=3)
T = RNG.normal(size=3)
A = RNG.normal(size=(3, 3)) + 3.0 * np.eye(3)


@as_any
def doubled(x: Any) -> Any:
    """The identity, whose pullback says two."""
    return x * 1.0, lambda g: (2.0 * g,)


def checkpoint(f: Callable[[Any], Any]) -> Any:
    """f, computed again on the way back."""
    return as_any(lambda x: (f(x), lambda g: tg.vjp(f, x)[1](g)))


LINEAR: dict[str, Callable[[Any, Any], Any]] = {
    "scaled": lambda g, x: 2.0 * g * x / (1.0 + x * x),
    "combined": lambda g, x: g + g - 3 * g[::-1] + g.mean(),
    "product": lambda g, x: A @ g,
    "einsum": lambda g, x: np.einsum("ij,j->i", A, g),
    "solved": lambda g, x: np.linalg.solve(A, g),
    "chosen": lambda g, x: np.where(x > 0, g, 0.0),
    "written": lambda g, x: tg.at(np.zeros(3))[[0, 0, 1]].add(g),
    "stacked": lambda g, x: np.stack([g[0], g[1] * x[2], g[2]]),
    "joined": lambda g, x: np.concatenate([g[:1], np.cumsum(g[1:])]),
    "measured": lambda g, x: g * g.size,
    "zero": lambda g, x: np.zeros_like(g),
    "a pullback": lambda g, x: tg.vjp(lambda y: np.sin(y) * y.sum(), x)[1](g)[0],
    "a pullback of a user": lambda g, x: tg.vjp(doubled, x)[1](g)[0],
    "a pushforward": lambda g, x: tg.jvp(lambda y: y * y, (x,), (g,))[1],
    "of each example": lambda g, x: tg.vmap(lambda a, b: a * b)(g, x),
    "pullbacks of examples": lambda g, x: tg.vmap(lambda a, b: tg.vjp(doubled, b)[1](a)[0])(g, x),
    "printed": lambda g, x: g * (len(f"{g}") > 0),
}


@pytest.mark.parametrize("name", LINEAR)
def test_forward_mode_is_the_transpose_of_a_linear_pullback(name: str) -> None:
    """J from the pullback, row by row, and from forward mode; and their derivatives."""
    pull = LINEAR[name]
    f = as_any(lambda x: (x * 1.0, lambda g: (pull(g, x),)))
    rows = np.stack([np.asarray(pull(unit, X)) for unit in np.eye(3)])
    np.testing.assert_allclose(tg.jacrev(f)(X), rows, rtol=1e-13)
    np.testing.assert_allclose(tg.jacfwd(f)(X), rows, rtol=1e-13)
    np.testing.assert_allclose(tg.jvp(f, (X,), (T,))[1], rows @ T, rtol=1e-12)
    moved = tg.vmap(lambda x: tg.jvp(f, (x,), (T,))[1])(np.stack([X, X]))
    np.testing.assert_allclose(moved, np.stack([rows @ T] * 2), rtol=1e-12)
    second = tg.jacrev(tg.jacrev(f))(X)
    for way in (tg.jacfwd(tg.jacfwd(f)), tg.jacfwd(tg.jacrev(f)), tg.jacrev(tg.jacfwd(f))):
        np.testing.assert_allclose(way(X), second, rtol=1e-12, atol=1e-14)


def masked(g: Any) -> Any:
    return tg.at(np.zeros(3))[g > 0.0].add(1.0) * g


@elementwise(np.deg2rad, lambda out, x: 1.0, run=np.round)
def straight(x: Any, /) -> Any:
    """An op of a user's whose rule, a constant, is not that of its value."""


NOT_LINEAR: dict[str, tuple[Callable[[Any], Any], str]] = {
    "clipped": (lambda g: np.clip(g, -1.0, 1.0), "minimum is not linear in it"),
    "squared": (lambda g: g * g, "multiply is not linear in it"),
    "absolute": (np.abs, "absolute is not linear in it"),
    "sign": (np.sign, "sign is not linear in it"),
    "positive": (lambda g: np.where(g > 0.0, g, 0.0), "where is not linear in it"),
    "finite": (lambda g: np.where(np.isfinite(g), g, 0.0), "where is not linear in it"),
    "largest": (lambda g: g * g.max(), "multiply is not linear in it"),
    "where it is largest": (lambda g: g * np.argmax(g), "multiply is not linear in it"),
    "sorted": (np.sort, "sort is not linear in it"),
    "normalised": (lambda g: g / np.linalg.norm(g), "divide is not linear in it"),
    "affine": (lambda g: g + 1.0, r"at the cotangent 0 it is float64\[3\], not 0"),
    "constant": (lambda g: np.ones(3), r"at the cotangent 0 it is float64\[3\], not 0"),
    "into a constant": (lambda g: tg.at(np.ones(3))[0].set(g[0]), "at the cotangent 0 it is"),
    "stopped": (tg.stop_gradient, "stop_gradient is not linear in it"),
    "jumping": (lambda g: g % 10.0, "remainder is not linear in it"),
    "rounded": (np.round, "round is not linear in it"),
    "exponential": (np.expm1, "expm1 is not linear in it"),
    "determinant": (
        lambda g: g * np.linalg.slogdet(g * A)[0],
        "(multiply|slogdet) is not linear in it",
    ),
    "whole": (lambda g: g.astype(int) * 1.0, "truncate is not linear in it"),
    "of a user": (doubled, "doubled is not linear in it"),
    "an op of a user": (straight, "straight is not linear in it"),
    "branch": (lambda g: g if g[0] > 0.0 else 2.0 * g, "it decides by its truth"),
    "number": (lambda g: g * int((g > 0.0).sum()), "it decides by its number"),
    "mask": (masked, "it decides by which are true"),
    "value": (lambda g: g.value if isinstance(g, tg.Var) else g, "it decides by its value"),
    "elements": (lambda g: np.asarray(g > 0.0) * g, "it decides by its elements"),
}


@pytest.mark.parametrize("name", NOT_LINEAR)
def test_forward_mode_refuses_a_pullback_that_is_not_linear(name: str) -> None:
    """What is not linear is named, and the line; reverse mode is the pullback as it is."""
    pull, text = NOT_LINEAR[name]
    f = as_any(lambda x: (x * 1.0, lambda g: (pull(g),)))
    for run in (
        lambda: tg.jvp(f, (X,), (T,)),
        lambda: tg.jacfwd(f)(X),
        lambda: tg.jvp(checkpoint(f), (X,), (T,)),
        lambda: tg.jvp(lambda x: tg.jvp(f, (x,), (T,))[1], (X,), (T,)),
        lambda: tg.hvp(lambda x: (f(x) ** 2).sum(), (X,), (T,)),
    ):
        with pytest.raises(tg.OutputError, match=f"linear in its cotangent; but {text}") as caught:
            run()
        assert "\n  at " in str(caught.value)
        assert "test_custom_rules.py:" in str(caught.value)
    np.testing.assert_array_equal(tg.vjp(f, X)[1](T)[0], np.asarray(pull(T)))


def test_the_text_of_a_refusal() -> None:
    """The function, the operation, its line, and what to do."""

    @as_any
    def clipped(x: Any) -> Any:
        return x, lambda g: (np.clip(g, -1.0, 1.0),)

    with pytest.raises(tg.OutputError) as caught:
        tg.jacfwd(lambda x: 5.0 * clipped(x))(2.0)
    first, where, remedy = str(caught.value).splitlines()
    assert first == (
        "tapegrad.custom_vjp: forward mode needs the transpose of the pullback of clipped, which "
        "has one if it is linear in its cotangent; but minimum is not linear in it."
    )
    assert where.endswith("in <lambda>: return x, lambda g: (np.clip(g, -1.0, 1.0),)")
    assert remedy == (
        "Use reverse mode, which is the pullback as it is (tapegrad.grad, vjp or jacrev; for "
        "second derivatives jacrev(grad(f)) in place of hessian(f)), or write the pullback with "
        "operations that are linear in the cotangent."
    )
    assert tg.jacrev(lambda x: 5.0 * clipped(x))(2.0) == 1.0


def test_second_derivatives_of_a_clipped_gradient() -> None:
    """Where no tangent of the function is needed, forward over reverse is right; else reverse."""

    @as_any
    def clipped(x: Any) -> Any:
        return x * 1.0, lambda g: (np.clip(g, -1.0, 1.0),)

    def constant_slope(x: Any) -> Any:
        return (5.0 * clipped(x)).sum() + (x**3).sum()

    np.testing.assert_allclose(tg.hessian(constant_slope)(X), np.diag(6.0 * X))
    np.testing.assert_allclose(tg.hvp(constant_slope, (X,), (T,)), 6.0 * X * T)

    def square(x: Any) -> Any:  # with the gradient clip(2 x), and the slope clip(2) where |2x| < 1
        return (clipped(x) ** 2).sum()

    x = np.array([0.3, -2.0])
    np.testing.assert_array_equal(tg.grad(square)(x), [0.6, -1.0])
    np.testing.assert_array_equal(tg.jacrev(tg.grad(square))(x), [[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(tg.OutputError, match="minimum is not linear"):
        tg.hessian(square)(x)


def test_what_is_not_needed_is_not_asked() -> None:
    """A value that leads to no output moves nothing; what has no slope needs no tangent."""
    square = as_any(lambda x: (x * x, lambda g: (g * g,)))

    def f(x: Any) -> Any:
        square(x)
        return x * tg.stop_gradient(square(x)) * (square(x) > 0.0)

    assert tg.jvp(f, (3.0,), (1.0,)) == (27.0, 9.0)


def test_an_infinite_factor_is_linear() -> None:
    """0 times infinity is no cotangent at 0 that anyone chose."""
    f = as_any(lambda x: (np.sqrt(x), lambda g: (g * np.array([np.inf, 0.25]),)))
    moved = tg.jvp(f, (np.array([1.0, 4.0]),), (np.ones(2),))[1]
    np.testing.assert_array_equal(moved, [np.inf, 0.25])


def test_several_arguments_and_outputs() -> None:
    """A tangent for some arguments, outputs of which some are whole; float32 stays."""

    @as_any
    def both(x: Any, y: Any, n: Any) -> Any:
        return {"xy": x * y, "n": n, "x": 3.0 * x}, lambda g: (
            (g["xy"] * y).sum() + 3.0 * g["x"],
            g["xy"] * x,
            None,
        )

    x, y = np.float32(2.0), np.array([3.0, 5.0], np.float32)
    _, moved = tg.jvp(lambda x: [both(x, y, 4)[k] for k in ("xy", "x")], (x,), (x,))
    np.testing.assert_array_equal(moved[0], 2.0 * y)
    assert [m.dtype for m in moved] == [np.float32, np.float32]
    assert moved[1] == 6.0
    _, moved = tg.jvp(lambda y: both(x, y, 4)["xy"], (y,), (y,))
    np.testing.assert_array_equal(moved, 2.0 * y)


def test_a_checkpointed_function() -> None:
    """Computed again on the way back, whatever is in it: all derivatives are those of f."""

    def f(x: Any) -> Any:
        return np.sin(doubled(x)) * x.sum() + np.tanh(A @ x)

    once, twice = checkpoint(f), checkpoint(checkpoint(f))
    for way in (tg.jacrev, tg.jacfwd, lambda f: tg.jacfwd(tg.jacrev(f))):
        np.testing.assert_allclose(way(once)(X), way(f)(X), rtol=1e-12)
        np.testing.assert_allclose(way(twice)(X), way(f)(X), rtol=1e-12)
    second = tg.jacfwd(tg.jacfwd(f))(X)
    np.testing.assert_allclose(tg.jacfwd(tg.jacfwd(twice))(X), second, rtol=1e-12)


def test_the_pullback_may_leave_the_tape() -> None:
    """What runs sees plain values, in the pullback too: SciPy's solvers, loops over floats."""

    @as_any
    def cubed(x: Any) -> Any:
        assert type(x) is float
        return math_cube(x), lambda g: (g * 3.0 * float(x) ** 2,)

    def math_cube(x: float) -> float:
        return float(x) ** 3

    assert tg.grad(cubed)(2.0) == 12.0
    program = tg.record(tg.grad(cubed), 2.0).program
    assert [program(2.0), program(3.0)] == [12.0, 27.0]


def test_a_recorded_gradient_is_run_again() -> None:
    """A program of a gradient calls the pullback for its own arguments."""
    f = as_any(lambda x: (x**3, lambda g: (3.0 * g * x**2,)))
    program = tg.record(lambda x: tg.grad(f)(x) * x, 2.0).program
    assert program(5.0) == 375.0
    assert "pullback of <lambda>" in str(program)
    moved = tg.record(lambda x, t: tg.jvp(f, (x,), (t,))[1], 2.0, 1.0).program
    assert moved(5.0, 10.0) == 750.0
    assert "pushforward of <lambda>" in str(moved)


# Whether the rules tell what is linear -----------------------------------------------------------

CASES = [
    pytest.param(op, sample, i, id=f"{op.name}-{k}-{i}")
    for op in ops.ALL
    for k, sample in enumerate(op.samples)
    for i, x in enumerate(sample.draw(np.random.default_rng(0)))
    if not isinstance(x, Bundle) and np.asarray(x).dtype.kind == "f"
]
# Linear in each operand, as their rules have it; a user may ask for the transpose of each.
BY_RULES = {op for op in ops.ALL if type(op.jvp).__name__ == "Itself"}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("op", "sample", "i"), CASES)
def test_what_passes_for_linear_is(op: AnyOp, sample: Sample, i: int) -> None:
    """Of every op, by every operand: what is not refused is additive, at any size."""
    args = list(sample.draw(np.random.default_rng(0)))

    def of(x: Any) -> list[Any]:
        out = op.bind(*args[:i], x, *args[i + 1 :], **sample.params)
        return list(out.parts) if isinstance(out, Bundle) else [out]

    size = len(of(args[i]))

    def pull(x: Any) -> list[Any]:
        if isinstance(x, tg.Var) and size > 1:
            return [ops._bundle.part.bind(b, index=k) for b in [_raw(x)] for k in range(size)]
        return of(x)

    def _raw(x: Any) -> Any:
        return op.bind(*args[:i], x, *args[i + 1 :], **sample.params)

    moves = [np.ones(np.shape(y)) if np.asarray(y).dtype.kind == "f" else None for y in of(args[i])]
    which = [k for k, t in enumerate(moves) if t is not None]
    if not which:
        return
    try:
        transposed(op.name, pull, [args[i]], which, [moves[k] for k in which])
    except (tg.OutputError, ValueError):  # or what is not defined there, and so not linear
        assert op not in BY_RULES or op.vjp[i] is None
        return
    rng = np.random.default_rng(1)
    for scale in (1e-3, 1.0, 37.0, 1e6):
        x, y = (scale * rng.normal(size=(2, *np.shape(args[i]))))[:]
        parts = zip(of(x + y), of(x), of(y), strict=True)
        for both, a, b in (map(np.asarray, each) for each in parts):
            np.testing.assert_allclose(both, a + b, rtol=1e-9, atol=1e-9 * scale)


def test_what_is_refused_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above would see it: believed, % passes for linear, and is not."""
    from tapegrad.transforms import _transpose

    monkeypatch.setattr(_transpose, "_KNOWN", set(ops.ALL))
    pull = partial(_transpose.transposed, "f", lambda g: [g % 10.0], [1.0], [0])
    assert pull([1.0]) == [1.0]
    monkeypatch.undo()
    with pytest.raises(tg.OutputError, match="remainder"):
        pull([1.0])
