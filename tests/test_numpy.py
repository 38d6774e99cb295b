"""The functions of tapegrad.numpy: NumPy's values, derivatives by differences, both ways in."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import nn
from tapegrad.numpy import TABLE
from tapegrad.testing import check_grads

RNG = np.random.default_rng(7)
V = RNG.normal(size=3)
W = RNG.normal(size=4)
M = RNG.normal(size=(2, 3))
C = RNG.normal(size=(2, 3, 4))
S = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
D = S @ S.T

# What is called, under the name that both NumPy and tapegrad.numpy have, and with which operands.
CASES: list[tuple[str, Callable[[Any], Callable[..., Any]], tuple[Any, ...]]] = [
    ("sum", lambda m: lambda x: m.sum(x), (M,)),
    ("sum axis", lambda m: lambda x: m.sum(x, axis=-1), (C,)),
    ("sum axes", lambda m: lambda x: m.sum(x, axis=(0, -1), keepdims=True), (C,)),
    ("mean", lambda m: lambda x: m.mean(x, axis=0), (M,)),
    ("mean axes", lambda m: lambda x: m.mean(x, (0, 2)), (C,)),
    ("prod", lambda m: lambda x: m.prod(x, axis=(0, 2)), (C,)),
    ("max", lambda m: lambda x: m.max(x, axis=1), (M,)),
    ("max all", lambda m: lambda x: m.max(x), (M,)),
    ("min", lambda m: lambda x: m.min(x, axis=-2, keepdims=True), (M,)),
    ("var", lambda m: lambda x: m.var(x, axis=0, ddof=1), (C,)),
    ("std", lambda m: lambda x: m.std(x), (C,)),
    ("cumsum", lambda m: lambda x: m.cumsum(x, axis=-1), (M,)),
    ("cumsum all", lambda m: lambda x: m.cumsum(x), (M,)),
    ("sort", lambda m: lambda x: m.sort(x), (M,)),
    ("sort 0", lambda m: lambda x: m.sort(x, axis=0), (C,)),
    ("sort all", lambda m: lambda x: m.sort(x, axis=None), (M,)),
    ("reshape", lambda m: lambda x: m.reshape(x, (3, -1)), (M,)),
    ("reshape int", lambda m: lambda x: m.reshape(x, -1), (M,)),
    ("ravel", lambda m: lambda x: m.ravel(x), (C,)),
    ("transpose", lambda m: lambda x: m.transpose(x), (C,)),
    ("transpose axes", lambda m: lambda x: m.transpose(x, (1, -1, 0)), (C,)),
    ("moveaxis", lambda m: lambda x: m.moveaxis(x, 0, -1), (C,)),
    ("moveaxis several", lambda m: lambda x: m.moveaxis(x, (0, 1), (-1, 0)), (C,)),
    ("swapaxes", lambda m: lambda x: m.swapaxes(x, 0, -1), (C,)),
    ("matrix_transpose", lambda m: lambda x: m.matrix_transpose(x), (C,)),
    ("expand_dims", lambda m: lambda x: m.expand_dims(x, (0, -1)), (M,)),
    ("squeeze", lambda m: lambda x: m.squeeze(x), (M[:, None],)),
    ("squeeze axis", lambda m: lambda x: m.squeeze(x, axis=1), (M[:, None],)),
    ("broadcast_to", lambda m: lambda x: m.broadcast_to(x, (4, 2, 3)), (M,)),
    ("concatenate", lambda m: lambda x, y: m.concatenate([x, y, x], axis=-1), (M, M[:, :1])),
    ("concatenate all", lambda m: lambda x, y: m.concatenate((x, y), axis=None), (M, V)),
    ("stack", lambda m: lambda x, y: m.stack([x, y], axis=-1), (M, M + 1)),
    ("tile", lambda m: lambda x: m.tile(x, 2), (M,)),
    ("tile more", lambda m: lambda x: m.tile(x, (2, 1, 3)), (M,)),
    ("repeat", lambda m: lambda x: m.repeat(x, 2), (M,)),
    ("repeat axis", lambda m: lambda x: m.repeat(x, [1, 0, 2], axis=1), (M,)),
    ("flip", lambda m: lambda x: m.flip(x), (M,)),
    ("flip axis", lambda m: lambda x: m.flip(x, axis=-1), (C,)),
    ("pad", lambda m: lambda x: m.pad(x, 2), (M,)),
    ("pad pairs", lambda m: lambda x: m.pad(x, ((1, 0), (2, 1)), constant_values=5.0), (M,)),
    ("pad edge", lambda m: lambda x: m.pad(x, 1, mode="edge"), (M,)),
    ("pad reflect", lambda m: lambda x: m.pad(x, 2, mode="reflect"), (S,)),
    ("pad wrap", lambda m: lambda x: m.pad(x, (1, 2), mode="wrap"), (V,)),
    ("take", lambda m: lambda x: m.take(x, [2, 0, 0], axis=1), (M,)),
    ("take all", lambda m: lambda x: m.take(x, [[5, -1]]), (M,)),
    (
        "take_along_axis",
        lambda m: lambda x: m.take_along_axis(x, np.array([[0, 0], [2, 1]]), axis=1),
        (M,),
    ),
    ("diag", lambda m: lambda x: m.diag(x), (V,)),
    ("diag k", lambda m: lambda x: m.diag(x, -1), (V,)),
    ("diag of", lambda m: lambda x: m.diag(x, 1), (M,)),
    ("diagonal", lambda m: lambda x: m.diagonal(x, -1), (C,)),
    ("tril", lambda m: lambda x: m.tril(x, -1), (C,)),
    ("triu", lambda m: lambda x: m.triu(x), (M,)),
    ("trace", lambda m: lambda x: m.trace(x, 1), (M,)),
    ("where", lambda m: lambda x, y: m.where(M > 0, x, y), (M, V)),
    ("clip", lambda m: lambda x: m.clip(x, -0.5, 0.5), (M,)),
    ("clip one", lambda m: lambda x, y: m.clip(x, y, None), (M, V)),
    ("zeros_like", lambda m: lambda x: x * m.zeros_like(x), (M,)),
    ("ones_like", lambda m: lambda x: x * m.ones_like(x), (M,)),
    ("full_like", lambda m: lambda x: x * m.full_like(x, 2.0), (M,)),
    ("astype", lambda m: lambda x: m.astype(x, np.float64), (M,)),
    ("dot 1", lambda m: lambda x, y: m.dot(x, y), (V, V + 1)),
    ("dot 2", lambda m: lambda x, y: m.dot(x, y), (M, S)),
    ("dot number", lambda m: lambda x, y: m.dot(x, y), (2.5, S)),
    ("dot n", lambda m: lambda x, y: m.dot(x, y), (C, RNG.normal(size=(2, 4, 3)))),
    ("dot n 1", lambda m: lambda x, y: m.dot(x, y), (C, W)),
    ("matmul", lambda m: lambda x, y: m.matmul(x, y), (M, C)),
    ("inner", lambda m: lambda x, y: m.inner(x, y), (M, S)),
    ("inner number", lambda m: lambda x, y: m.inner(x, y), (M, 2.0)),
    ("outer", lambda m: lambda x, y: m.outer(x, y), (M, V)),
    ("tensordot", lambda m: lambda x, y: m.tensordot(x, y), (C, RNG.normal(size=(3, 4, 2)))),
    ("tensordot 0", lambda m: lambda x, y: m.tensordot(x, y, 0), (V, W)),
    ("tensordot axes", lambda m: lambda x, y: m.tensordot(x, y, ([0, -1], [1, 0])), (M, M.T)),
    ("tensordot axis", lambda m: lambda x, y: m.tensordot(x, y, (1, 0)), (M, S)),
    ("einsum", lambda m: lambda x, y: m.einsum("ij,jk", x, y), (M, S)),
    ("einsum rest", lambda m: lambda x, y: m.einsum("...i,...i->...", x, y), (M, V)),
    ("einsum trace", lambda m: lambda x: m.einsum("ii", x), (S,)),
    ("einsum best", lambda m: lambda x, y: m.einsum("ij,kj->ik", x, y, optimize=True), (M, S)),
    ("norm", lambda m: lambda x: m.linalg.norm(x), (C,)),
    ("norm axis", lambda m: lambda x: m.linalg.norm(x, axis=-1, keepdims=True), (C,)),
    ("norm 1", lambda m: lambda x: m.linalg.norm(x, 1, axis=0), (M,)),
    ("norm 3", lambda m: lambda x: m.linalg.norm(x, 3), (V,)),
    ("norm inf", lambda m: lambda x: m.linalg.norm(x, np.inf), (V,)),
    ("norm -inf", lambda m: lambda x: m.linalg.norm(x, -np.inf, axis=1), (M,)),
    ("norm 0", lambda m: lambda x: x * m.linalg.norm(x, 0), (V,)),
    ("norm matrix 1", lambda m: lambda x: m.linalg.norm(x, 1), (M,)),
    ("norm matrix -1", lambda m: lambda x: m.linalg.norm(x, -1, axis=(1, 2)), (C,)),
    ("norm matrix inf", lambda m: lambda x: m.linalg.norm(x, np.inf, keepdims=True), (M,)),
    ("norm fro", lambda m: lambda x: m.linalg.norm(x, "fro", axis=(0, 2)), (C,)),
    ("solve", lambda m: lambda a, b: m.linalg.solve(a, b), (S, V)),
    ("inv", lambda m: lambda a: m.linalg.inv(a), (S,)),
    ("det", lambda m: lambda a: m.linalg.det(a), (S,)),
    ("slogdet", lambda m: lambda a: m.linalg.slogdet(a)[1], (-S,)),
    ("cholesky", lambda m: lambda a: m.linalg.cholesky(m.einsum("ij,kj->ik", a, a)), (S,)),
    ("solve stack", lambda m: lambda a, b: m.linalg.solve(a, b), (np.stack([S] * 4), V)),
    ("solve stack n", lambda m: lambda a, b: m.linalg.solve(a, b), (np.stack([S, -S, S.T]), V)),
    ("linalg.trace", lambda m: lambda a: m.linalg.trace(a), (C[:, :, :3],)),
]


@pytest.mark.parametrize(("make", "args"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_values_and_derivatives(
    make: Callable[[Any], Callable[..., Any]], args: tuple[Any, ...]
) -> None:
    """tapegrad.numpy agrees with NumPy; NumPy's function on traced values is the same function."""
    ours, theirs = make(tnp), make(np)
    expected = theirs(*args)
    np.testing.assert_allclose(ours(*args), expected, rtol=1e-12, atol=1e-12)
    assert np.shape(ours(*args)) == np.shape(expected)
    for f in (ours, theirs):
        out, _ = tg.vjp(f, *args)
        np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)
    check_grads(theirs, args, rtol=1e-5)


METHODS: list[Callable[[Any], Any]] = [
    lambda x: x.sum(axis=0),
    lambda x: x.mean(1, keepdims=True),
    lambda x: x.prod(),
    lambda x: x.max(axis=-1),
    lambda x: x.min(),
    lambda x: x.var(axis=0),
    lambda x: x.std(),
    lambda x: x.cumsum(axis=1),
    lambda x: x.clip(-0.5, 0.5),
    lambda x: x.reshape(3, 2),
    lambda x: x.reshape((6,)),
    lambda x: x.ravel(),
    lambda x: x.flatten(),
    lambda x: x.transpose(),
    lambda x: x.transpose(1, 0),
    lambda x: x.T,
    lambda x: x.mT,
    lambda x: x.swapaxes(0, 1),
    lambda x: x[None].squeeze(),
    lambda x: x.repeat(2, axis=0),
    lambda x: x.take([0, 1], axis=1),
    lambda x: x.dot(S),
    lambda x: x.trace(),
    lambda x: x.diagonal(1),
    lambda x: x.astype(np.float64),
    lambda x: x.conj(),
    lambda x: x * x.argmax() + x.argmin(),
    lambda x: x * x.argsort(axis=0),
    lambda x: x + x.round(1),
    lambda x: x * (x > 0).any() + x * (x > 0).all(axis=0),
]


@pytest.mark.parametrize("method", METHODS)
def test_methods(method: Callable[[Any], Any]) -> None:
    """A traced value has the array's methods."""
    out, _ = tg.vjp(method, M)
    np.testing.assert_allclose(out, method(M), rtol=1e-12)
    check_grads(method, (M,), rtol=1e-5)


INDEXES: list[Any] = [
    0,
    -1,
    np.int64(1),
    slice(1, None),
    slice(None, None, -2),
    Ellipsis,
    None,
    (0, 1),
    (slice(None), 2),
    (Ellipsis, 1),
    (None, 1, Ellipsis, None),
    [0, 0, 1],
    np.array([[1, 0], [0, 0]]),
    ([0, 1, 1], [2, 2, 0]),
    (slice(None), [0, 2]),
    ([1, 1], slice(None), [0, 3]),
    (0, slice(None), [0, 3]),
    (np.array([True, False]),),
    M > 0,
    (slice(None), V > 0),
    [],
    (1, 2, 3),
]


@pytest.mark.parametrize("index", INDEXES, ids=repr)
def test_indexing(index: Any) -> None:
    """Every kind of index that NumPy has, repeated ones among them."""

    def pick(x: Any) -> Any:
        return x[index]

    out, _ = tg.vjp(pick, C)
    np.testing.assert_array_equal(out, C[index])
    check_grads(lambda x: pick(x) * pick(x), (C,), rtol=1e-5)
    found = tg.vmap(pick)(np.stack([C, 2 * C]))
    np.testing.assert_array_equal(found, np.stack([C[index], 2 * C[index]]))


@pytest.mark.parametrize("function", TABLE, ids=lambda f: f.__name__)
def test_every_function_of_the_table_is_public(function: Callable[..., Any]) -> None:
    """What NumPy's names reach is there under the same name with types, and documented."""
    name = function.__name__
    if name in ("getitem", "conjugate", "positive", "real", "copy", "round", "around"):
        return  # an operator, or nothing to compute for real numbers
    if name in ("amax", "amin"):
        return  # old names
    module = getattr(function, "__module__", None) or ""  # ufuncs of NumPy 2.0 have none
    home = tnp.linalg if "linalg" in module else tnp
    assert getattr(home, name).__doc__


OPERATORS: list[Callable[[Any, Any], Any]] = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / y,
    lambda x, y: x**y,
    lambda x, y: x % y,
]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("other", [2, 2.5, np.float64(1.5), V + 3, [1.0, 2.0, 4.0]])
@pytest.mark.parametrize("x", [1.3, V + 4, M + 4])
def test_operators_with_constants_on_either_side(
    operator: Callable[[Any, Any], Any], other: Any, x: Any
) -> None:
    """Python and NumPy numbers, arrays and lists stand on both sides, as NumPy has them."""
    if isinstance(other, list) and isinstance(x, float):
        return  # Python cannot do that without the tape either
    sides: list[Callable[[Any], Any]] = [
        lambda v: operator(v, other),
        lambda v: operator(other, v),
    ]
    for f in sides:
        out, _ = tg.vjp(f, x)
        np.testing.assert_allclose(out, f(x), rtol=1e-12)
        check_grads(f, (x,), rtol=1e-5)


def test_python_numbers_do_not_decide_the_dtype() -> None:
    """float32 stays float32 beside Python numbers, as NumPy has it."""
    x = np.ones(3, np.float32)
    functions: list[Callable[[Any], Any]] = [
        lambda v: 2 * v + 1,
        lambda v: v**2 / 3.0,
        lambda v: 1.5 - v,
    ]
    for f in functions:
        out, pullback = tg.vjp(f, x)
        assert out.dtype == f(x).dtype == np.float32
        assert pullback(np.ones_like(out))[0].dtype == np.float32


def test_truth_values_combine() -> None:
    """& | ~ work on comparisons; on numbers they are refused."""
    x = np.array([-1.0, 0.5, 2.0])
    g = tg.grad(lambda v: tnp.sum(tnp.where((v > 0) & ~(v > 1) | (v < -2), v, 0.0)))(x)
    np.testing.assert_array_equal(g, [0.0, 1.0, 0.0])
    with pytest.raises(TypeError, match="combine truth values"):
        tg.grad(lambda v: (v & v).sum())(x)


def test_lists_are_arrays_where_nothing_is_traced() -> None:
    """The functions that run as Python's operators do with lists what NumPy does."""
    x, y = [1.0, 2.0], [3.0, 2.0]
    for name in (
        *("add", "subtract", "multiply", "divide", "power"),
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    ):
        ours, theirs = getattr(tnp, name), getattr(np, name)
        for operands in ((x, y), (x, 2.0), (2.0, y), (tuple(x), y), (np.array(x), y), (3, 2)):
            found, expected = ours(*operands), theirs(*operands)
            np.testing.assert_array_equal(found, expected)
            assert np.shape(found) == np.shape(expected)
    a: Any = [2.0, 4.0]
    np.testing.assert_array_equal(tnp.negative(a), [-2.0, -4.0])
    np.testing.assert_array_equal(tnp.reciprocal(a), [0.5, 0.25])


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        (np.array([True, False]), (3,)),
        (np.array([True, False, True, False]), (3,)),
        ([True], (3,)),
        ((slice(None), np.array([True, False])), (2, 3)),
        ((Ellipsis, np.array([True, False])), (2, 2, 3)),
        ((Ellipsis, np.array([True, False]), None, slice(None)), (2, 3, 2)),
        (np.ones((3, 2), bool), (2, 3)),
        (np.ones((2, 3), bool), (2,)),
    ],
)
def test_a_mask_of_the_wrong_length_is_refused(index: Any, shape: tuple[int, ...]) -> None:
    """As NumPy refuses it, in taking and in setting."""
    x = np.ones(shape)
    with pytest.raises(IndexError):
        x[index]
    functions: list[Callable[[Any], Any]] = [
        lambda v: v[index].sum(),
        lambda v: tg.at(v)[index].set(0.0).sum(),
    ]
    for f in functions:
        with pytest.raises(IndexError, match="mask"):
            tg.grad(f)(x)
    with pytest.raises(IndexError, match="mask"):
        tg.at(x)[index].add(1.0)
    with pytest.raises(IndexError, match="mask"):
        tg.vmap(lambda v: v[index])(np.stack([x, x]))


def test_a_mask_after_dots_covers_the_last_axes() -> None:
    """Axes are counted from the end there, and one that is new does not count."""
    mask = np.array([True, False, True])
    indexes: list[Any] = [(Ellipsis, mask, slice(None)), (Ellipsis, None, mask, 0), (None, 0, mask)]
    for index in indexes:
        expected = C[index]
        found, _ = tg.vjp(itemgetter(index), C)
        np.testing.assert_array_equal(found, expected)


def test_take_reads_booleans_as_positions() -> None:
    """numpy.take makes integers of them; they are no mask."""
    kinds: list[Any] = [[True, False], np.array([True, True, False, True]), True]
    for indices in kinds:
        expected = np.take(V, indices)
        np.testing.assert_array_equal(tnp.take(V, indices), expected)
        found, _ = tg.vjp(functools.partial(np.take, indices=indices), V)
        np.testing.assert_array_equal(found, expected)
    traced = tg.vmap(lambda x: np.take(x, x > 0.0))(np.stack([V, -V]))
    np.testing.assert_array_equal(traced, [np.take(v, v > 0.0) for v in (V, -V)])


@pytest.mark.parametrize("mode", ["wrap", "clip"])
def test_take_from_nothing(mode: Any) -> None:
    """An axis of no length has no position to put in place of one: the user's is named."""
    nothing: Any = np.empty((2, 0))
    none = nothing[0].astype(int)
    found, pullback = tg.vjp(lambda x: np.take(x, none, axis=1, mode=mode), nothing)
    assert found.shape == pullback(nothing)[0].shape == (2, 0)
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 1 with size 0"):
        tg.grad(lambda x: np.take(x, [3], axis=1, mode=mode).sum())(nothing)


def test_take_in_modes_by_number() -> None:
    """NumPy's numbers for its modes are refused, on traced values, rather than read as others."""
    assert np.take(V, 5, mode=1) == V[2]  # type: ignore[call-overload]
    with pytest.raises(tg.MissingRuleError, match="there is no mode=1 in its derivative rule"):
        tg.grad(lambda x: np.take(x, 5, mode=1))(V)  # type: ignore[call-overload]


def test_integers_and_lists_in_special_functions() -> None:
    """Integers count as floating point; lists are arrays."""
    expected = [math.erf(1.0), math.erf(2.0)]
    total = [np.logaddexp(1.0, 2.0)]
    kinds: list[Any] = [[1, 2], np.array([1, 2]), [1.0, 2.0], (1, 2)]
    functions: list[Callable[[Any], Any]] = [
        *(nn.relu, nn.sigmoid, nn.softplus, nn.softmax, nn.log_softmax),
    ]
    for x in kinds:
        np.testing.assert_allclose(np.asarray(tg.special.erf(x)), expected, rtol=1e-15)
        np.testing.assert_allclose(np.asarray(tg.special.logsumexp(x)), total, rtol=1e-15)
        for f in functions:
            np.testing.assert_allclose(f(x), f(np.array([1.0, 2.0])), rtol=1e-15)
    assert tg.special.erf(1) == math.erf(1.0)
    assert tg.special.logsumexp(1) == 1.0


def test_linalg_diagonal_takes_the_last_axes() -> None:
    """As numpy.linalg has it; numpy.diagonal takes the first two."""
    for offset in (0, 1, -1):
        expected = np.linalg.diagonal(C, offset=offset)
        np.testing.assert_array_equal(tnp.linalg.diagonal(C, offset=offset), expected)
        found, _ = tg.vjp(functools.partial(np.linalg.diagonal, offset=offset), C)
        np.testing.assert_array_equal(found, expected)
    check_grads(lambda x: np.linalg.diagonal(x, offset=1), (C,), rtol=1e-5)


def test_linalg_has_only_its_functions() -> None:
    """No helper leaks from the module; what is there is explained and shown."""
    for name, value in vars(tnp.linalg).items():
        if name.startswith("_") or name == "annotations":
            continue
        assert hasattr(np.linalg, name) or name == "SlogdetResult"
        assert isinstance(value, type) or ">>> " in (value.__doc__ or "")


NUMBER_FUNCTIONS: list[Callable[[Any], Any]] = [
    np.mean,
    np.var,
    np.std,
    np.sum,
    np.prod,
    np.max,
    np.min,
    np.flip,
    np.copy,
    np.ravel,
    np.transpose,
    np.squeeze,
    np.cumsum,
    np.linalg.norm,
    lambda x: np.sort(x, axis=None),
    lambda x: np.stack([x, x]),
    lambda x: np.tile(x, 2),
    lambda x: np.repeat(x, 2),
    lambda x: np.pad(x, 2),
    lambda x: np.take(x, 0),
    lambda x: np.clip(x, 0.0, 3.0),
    lambda x: np.round(x, 1),
    lambda x: np.broadcast_to(x, (2,)),
    lambda x: np.expand_dims(x, 0),
    lambda x: np.reshape(x, (1, 1)),
    lambda x: np.concatenate([x, x], axis=None),
    lambda x: np.where(np.array([True, False]), x, 0.0),
    lambda x: np.astype(x, np.float32),
    lambda x: np.dot(x, 2.0),
    lambda x: np.inner(x, x),
    lambda x: np.outer(x, x),
    lambda x: np.einsum(",->", x, x),
    lambda x: np.zeros_like(x) * x,
    lambda x: tg.special.logsumexp(x),
    lambda x: tg.special.erf(x),
]


@pytest.mark.parametrize("f", NUMBER_FUNCTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # std of one value
def test_a_traced_python_float(f: Callable[[Any], Any]) -> None:
    """A float does as well as an array without axes: value, gradient, tangent and batch."""
    boxed = np.asarray(1.7)
    out, pullback = tg.vjp(f, 1.7)
    expected, pull = tg.vjp(f, boxed)
    np.testing.assert_array_equal(out, expected)
    assert np.shape(out) == np.shape(expected)
    g = np.ones_like(np.asarray(expected))[()]
    (found,) = pullback(g)
    assert isinstance(found, float)
    np.testing.assert_array_equal(found, pull(g)[0])
    np.testing.assert_array_equal(
        tg.jvp(f, (1.7,), (1.0,))[1], tg.jvp(f, (boxed,), (np.asarray(1.0),))[1]
    )


REDUCTIONS: list[Callable[[Any], Any]] = [
    np.max,
    np.min,
    np.prod,
    np.mean,
    np.var,
    np.linalg.norm,
    tg.special.logsumexp,
    lambda x: np.linalg.norm(x, np.inf),
]


@pytest.mark.parametrize("f", REDUCTIONS)
def test_float32_is_kept_by_every_transform(f: Callable[[Any], Any]) -> None:
    """What a rule computes within does not show: no float64 for float32."""
    x = np.array([1.0, 3.0, 2.0], np.float32)
    assert tg.jacrev(f)(x).dtype == np.float32
    assert tg.jacfwd(f)(x).dtype == np.float32
    assert tg.hessian(f)(x).dtype == np.float32
    assert tg.vmap(tg.grad(f))(np.stack([x, x])).dtype == np.float32


def test_einsum_broadcasts_axes_of_length_one() -> None:
    """NumPy lets an operand have length one along a letter; its gradient is summed there."""
    x, y = np.ones((2, 3)), np.array([[2.0], [5.0]])
    found = tg.grad(lambda x: np.einsum("ij,ij->", x, y))(x)
    np.testing.assert_array_equal(found, np.broadcast_to(y, (2, 3)))
    found = tg.grad(lambda y: np.einsum("ij,ij->", x, y))(y)
    np.testing.assert_array_equal(found, [[3.0], [3.0]])
    check_grads(lambda x, y: np.einsum("ij,ij->ij", x, y), (x, y))


def test_cholesky_reads_the_lower_triangle() -> None:
    """The value is NumPy's also for what is not symmetric; the gradient is symmetric."""
    a = D + np.triu(np.ones((3, 3)), 1)
    for f in (np.linalg.cholesky, tnp.linalg.cholesky):
        np.testing.assert_array_equal(tg.vjp(f, a)[0], np.linalg.cholesky(a))
    g = tg.grad(lambda a: np.linalg.cholesky(a).sum())(D)
    np.testing.assert_allclose(g, g.T, rtol=1e-12)


def test_digits_are_kept_where_differences_cancel() -> None:
    """Beside the end of a domain, far out, and near zero."""
    d = 2.0**-40
    assert tg.grad(np.arcsin)(1.0 - d) == pytest.approx((d * (2.0 - d)) ** -0.5, rel=1e-14)
    assert tg.grad(np.arccos)(1.0 - d) == pytest.approx(-((d * (2.0 - d)) ** -0.5), rel=1e-14)
    assert tg.grad(np.arctanh)(1.0 - d) == pytest.approx(1.0 / (d * (2.0 - d)), rel=1e-14)
    assert tg.grad(np.arccosh)(1.0 + d) == pytest.approx((d * (2.0 + d)) ** -0.5, rel=1e-14)
    for scale in (1e200, 1e-200):
        gy, gx = tg.grad(np.arctan2, argnums=(0, 1))(3.0 * scale, 4.0 * scale)
        assert gy == pytest.approx(0.16 / scale, rel=1e-14)
        assert gx == pytest.approx(-0.12 / scale, rel=1e-14)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.std, np.ones(3)),
        (lambda x: np.linalg.norm(x, 3), np.zeros(2)),
        (lambda x: np.arctan2(x[0], x[1]), np.zeros(2)),
        (tg.special.logsumexp, np.full(2, -np.inf)),
    ],
)
def test_kinks_without_a_choice(f: Callable[[Any], Any], x: Any) -> None:
    """Where the table says NaN."""
    assert np.isnan(tg.grad(f)(x)).all()


def test_norm_0_is_a_float() -> None:
    """A count, in the dtype of the elements, as in NumPy."""
    for x in (V, V.astype(np.float32), np.array([1, 0, 2])):
        expected = np.linalg.norm(x, 0)
        found = tnp.linalg.norm(x, 0)
        assert found == expected
        assert found.dtype == expected.dtype


# Python's numbers --------------------------------------------------------------------------------
TWO: list[Callable[[Any, Any], Any]] = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv),
    *(operator.mod, operator.pow),
    *(operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne),
    *(np.add, np.subtract, np.multiply, np.divide, np.floor_divide, np.remainder, np.power),
    *(np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal),
]
ONE: list[Callable[[Any], Any]] = [operator.neg, operator.abs, np.negative, np.absolute]
NUMBERS = [2.5, -3.0, 0.0, 2, -1, True, np.float64(1.5), np.float32(0.7), np.int64(3)]


def outcome(run: Callable[[], Any]) -> tuple[Any, ...]:
    """The type and the value; or the class of the error."""
    try:
        with np.errstate(all="ignore"):
            value = run()
    except Exception as error:  # noqa: BLE001
        kinds = ZeroDivisionError, ValueError, TypeError
        return tuple(kind for kind in kinds if isinstance(error, kind))
    # NumPy has two powers, one for arrays and one for its scalars, that differ in the last place.
    return type(value), f"{value:.{6 if isinstance(value, np.float32) else 14}g}"


@pytest.mark.parametrize("f", TWO)
def test_two_numbers(f: Callable[[Any, Any], Any]) -> None:
    """Operators compute with Python's numbers as Python does, functions as NumPy does."""
    for x, y in itertools.product(NUMBERS, NUMBERS):
        expected = outcome(partial(f, x, y))
        if expected[0] is complex:
            expected = (ValueError,)
        for traced in (
            outcome(lambda: tg.record(f, x, y).value),  # noqa: B023  # called at once
            outcome(lambda: tg.record(lambda x: f(x, y), x).value),  # noqa: B023
            outcome(lambda: tg.record(lambda y: f(x, y), y).value),  # noqa: B023
        ):
            assert traced == expected, (f, x, y)


@pytest.mark.parametrize("f", ONE)
def test_one_number(f: Callable[[Any], Any]) -> None:
    """The same for one operand."""
    for x in NUMBERS:
        traced = outcome(lambda: tg.record(f, x).value)  # noqa: B023  # called at once
        assert traced == outcome(partial(f, x)), (f, x)


@pytest.mark.parametrize("f", [np.divide, np.multiply, np.subtract, np.power, np.add])
def test_a_gradient_by_a_number_is_one(f: Any) -> None:
    """The conversion has its derivative, and the gradient is a Python float for one."""
    functions: list[Callable[[Any], Any]] = [lambda x: f(x, 3.0) * x, lambda x: f(3.0, x) * x]
    for g in functions:
        found = tg.grad(g)(1.5)
        assert type(found) is float
        expected = (g(1.5 + 1e-6) - g(1.5 - 1e-6)) / 2e-6
        assert abs(found - expected) < 1e-7 * abs(expected) + 1e-8
