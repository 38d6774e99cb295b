"""Misuse of every kind: the error was written for the user, says what came and where, and is of a
class that users know. What comes from inside (a name of ours, an attribute with __) is no answer.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import importlib
import itertools
import math
import operator
import pkgutil
import re
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import numpy as np
import pytest
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.spatial
import scipy.special
import scipy.stats
import truth

import tapegrad
import tapegrad.numpy as tnp

tg: Any = tapegrad  # misuse is what is tested here: type checkers would refuse it

OPERATOR: Any = operator
X = np.array([0.5, 1.5, 2.5])
M = np.array([[2.0, 1.0], [0.5, 3.0]])

MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(tapegrad.__path__, "tapegrad.")
]


def classes(public: bool) -> set[str]:
    """The names of the package's classes; or of those that users find."""
    return {
        thing.__name__
        for module in (tapegrad, *MODULES)
        for name, thing in vars(module).items()
        if isinstance(thing, type) and thing.__module__.startswith("tapegrad")
        if not public or not any(part[0] == "_" for part in (*module.__name__.split("."), name))
    }


# What no message has but where it quotes the user: names of our own, and what Python says of None.
OURS = classes(public=False) - classes(public=True) - {"Traced"}  # which begins sentences, too
INSIDE = re.compile(
    r"NoneType|__|mappingproxy|<locals>| at 0x|PyTreeSpec|_operator|optree|not subscriptable|"
    rf"object has no attribute|\b({'|'.join(OURS)})\b"
)
LINE = re.compile(r"\n  at \S*test_inside\.py:\d+, in .*")
PUBLIC = (tg.TapegradError, TypeError, ValueError, IndexError, AttributeError)


def custom_vjp(f: Callable[..., Any]) -> Any:
    """tapegrad.custom_vjp without its types."""
    return tg.custom_vjp(f)


def refused(run: Callable[[], Any], text: str, kind: type[Exception], *, line: bool) -> None:
    """An error of this kind that has this text, was written for the user, and names a line."""
    with pytest.raises(kind, match=text) as caught:
        run()
    error = str(caught.value)
    assert isinstance(caught.value, PUBLIC)
    assert not INSIDE.search(LINE.sub("", error)), error
    assert not line or LINE.search(error), error


# Values ------------------------------------------------------------------------------------------
# Functions of a number, a vector or a matrix, which a transform runs.
INDEX = "an index is an int, a slice, None, ... or an array of integers or of booleans; got"
BOUND = "the bounds of a slice are integers or None, got"
NO_RULE = "{} has no derivative rule in tapegrad.\n"
TO_NUMBER = r"{}\(\) of a traced value \({}.*\) would lose its gradient."
TO_ARRAY = r"A traced value \(.*\) cannot become a plain NumPy array: its gradient would be lost."
TO_INDEX = "cannot be an index: an index is an integer."

ROWS: dict[str, tuple[Any, Callable[[Any], Any], str, type[Exception]]] = {
    "half a length": (X, lambda x: x[: len(x) / 2].sum(), f"{BOUND} float 1.5", TypeError),
    "a text as a bound": (X, lambda x: x["a":], f"{BOUND} str 'a'", TypeError),
    "an array as a bound": (X, lambda x: x[: np.array([1, 2])], rf"{BOUND} int64\[2\]", TypeError),
    "a float as a step": (X, lambda x: x[::0.5], f"{BOUND} float 0.5", TypeError),
    "half a length, at": (X, lambda x: tg.at(x)[: len(x) / 2].set(0.0), BOUND, TypeError),
    "a traced bound": (X, lambda x: x[: x[0]], TO_INDEX, tg.ConversionError),
    "a text as an index": (X, lambda x: x["a"], f"{INDEX} str 'a'", IndexError),
    "a float as an index": (X, lambda x: x[1.0], f"{INDEX} float 1.0", IndexError),
    "floats as an index": (X, lambda x: x[np.array([0.0])], rf"{INDEX} float64\[1\]", IndexError),
    "a dict as an index": (X, lambda x: x[{}], rf"{INDEX} dict \{{\}}", IndexError),
    "texts as an index": (X, lambda x: x[["a"]], rf"{INDEX} list \['a'\]", IndexError),
    "a ragged index": (X, lambda x: x[[[1], [1, 2]]], rf"{INDEX} list \[\[1\]", IndexError),
    "a generator": (X, lambda x: x[(i for i in [1])], f"{INDEX} generator <genexpr>", IndexError),
    "a function as an index": (X, lambda x: x[len], INDEX, IndexError),
    "an object as an index": (X, lambda x: x[object()], f"{INDEX} object", IndexError),
    "too many indices": (X, lambda x: x[0, 0], "too many indices", IndexError),
    "out of bounds": (X, lambda x: x[3], "out of bounds", IndexError),
    "two ellipses": (X, lambda x: x[..., ...], "single ellipsis", IndexError),
    "a step of zero": (X, lambda x: x[::0], "step cannot be zero", tg.ShapeError),
    "an option that methods lack": (
        X,
        lambda x: x.std(correction=1),
        r"^Var\.std\(\) got an unexpected keyword argument 'correction'",
        TypeError,
    ),
    "a short mask": (X, lambda x: x[np.array([True])], r"a mask of shape \(1,\)", IndexError),
    "a modulus": (
        2.0,
        lambda x: pow(x, 2, 5),
        "of a traced value has no modulus, got 5",
        TypeError,
    ),
    "a modulus on the right": (2.0, lambda x: pow(2, x, 5), "pow", TypeError),
    "float": (2.0, float, TO_NUMBER.format("float", "float 2.0"), tg.ConversionError),
    "float of a vector": (X, float, TO_NUMBER.format("float", "float64"), tg.ConversionError),
    "int": (2.0, int, TO_NUMBER.format("int", "float 2.0"), tg.ConversionError),
    "complex": (2.0, complex, TO_NUMBER.format("complex", "float 2.0"), tg.ConversionError),
    "%f": (2.0, lambda x: "%f" % x, TO_NUMBER.format("float", ""), tg.ConversionError),  # noqa: UP031
    "math.exp": (2.0, math.exp, "use NumPy's functions", tg.ConversionError),
    "math.exp of a vector": (X, math.exp, "use NumPy's functions", tg.ConversionError),
    "math.pow": (2.0, lambda x: math.pow(x, 2), "use NumPy's functions", tg.ConversionError),
    "math.floor": (2.0, math.floor, "use NumPy's functions", tg.ConversionError),
    "math.trunc": (2.0, math.trunc, "use NumPy's functions", tg.ConversionError),
    "math.isnan": (2.0, math.isnan, "use NumPy's functions", tg.ConversionError),
    "math.fsum": (X, math.fsum, "use NumPy's functions", tg.ConversionError),
    "math.dist": (X, lambda x: math.dist(x, x), "use NumPy's functions", tg.ConversionError),
    "operator.index": (2.0, operator.index, TO_INDEX, tg.ConversionError),
    "range": (2.0, lambda x: list(range(x)), TO_INDEX, tg.ConversionError),
    "a list's index": (2.0, lambda x: [1, 2][x], TO_INDEX, tg.ConversionError),
    "so many texts": (2.0, lambda x: "a" * x, "got str 'a'", tg.OperandError),
    "chr": (2.0, chr, TO_INDEX, tg.ConversionError),
    "numpy.eye": (2.0, np.eye, TO_INDEX, tg.ConversionError),
    "numpy.float64": (2.0, np.float64, TO_ARRAY, tg.ConversionError),
    "numpy.float32": (2.0, np.float32, TO_ARRAY, tg.ConversionError),
    "numpy.int64": (2.0, np.int64, TO_ARRAY, tg.ConversionError),
    "numpy.float64 of a vector": (X, np.float64, TO_ARRAY, tg.ConversionError),
    "numpy.array": (2.0, lambda x: np.array([x, x]), TO_ARRAY, tg.ConversionError),
    "numpy.array of vectors": (X, lambda x: np.array([x, x]), TO_ARRAY, tg.ConversionError),
    "an array of objects": (2.0, lambda x: np.array([x], object), TO_ARRAY, tg.ConversionError),
    "numpy.asarray": (X, np.asarray, TO_ARRAY, tg.ConversionError),
    "numpy.arange": (2.0, np.arange, TO_ARRAY, tg.ConversionError),
    "a vector into an array": (
        X,
        lambda x: OPERATOR.setitem(np.zeros(3), slice(3), x),
        TO_ARRAY,
        tg.ConversionError,
    ),
    "a random number": (2.0, np.random.default_rng(0).normal, TO_ARRAY, tg.ConversionError),
    "a format of a vector": (
        X,
        lambda x: f"{x:.3f}",
        r"The format '.3f' is for one number, not for float64\[3\].",
        TypeError,
    ),
    "a hash": (2.0, hash, "A traced value is unhashable, as an array is", TypeError),
    "a key": (2.0, lambda x: {x: 1.0}, "no key of a dict", TypeError),
    "a set": (X, lambda x: {x}, "no element of a set", TypeError),
    "an argument of a cache": (2.0, functools.cache(lambda x: x), "unhashable", TypeError),
    "the length of a number": (2.0, len, r"len\(\) of a traced value without axes", TypeError),
    "the elements of a number": (2.0, list, "iteration over a traced value without", TypeError),
    "the sum of a number": (2.0, sum, "iteration over a traced value without axes", TypeError),
    "an unpacked number": (2.0, lambda x: [*x], "iteration over a traced value", TypeError),
    "a number, reversed": (2.0, lambda x: list(reversed(x)), "without axes", TypeError),
    "a matrix product": (X, lambda x: x @ 2.0, r"use \* for numbers", tg.ShapeError),
    "a product of numbers": (2.0, lambda x: x @ x, r"use \* for numbers", tg.ShapeError),
    "bits": (2.0, lambda x: x & 1, r"&, \| and ~ combine truth values", TypeError),
    "inverted bits": (2.0, lambda x: ~x, r"&, \| and ~ combine truth values", TypeError),
    "an assignment": (X, lambda x: OPERATOR.setitem(x, 0, 1.0), "immutable", tg.MutationError),
    "a deletion": (X, lambda x: OPERATOR.delitem(x, 0), r"del x\[i\]", tg.MutationError),
    "an operator in place": (
        X,
        lambda x: OPERATOR.iadd(np.zeros(3), x),
        "numpy.add was asked to write into an array",
        tg.MutationError,
    ),
}
# Functions of libraries, by the name under which the user knows them.
LIBRARIES: dict[str, tuple[Any, Callable[[Any], Any], str]] = {
    "scipy.special.logsumexp": (
        X,
        scipy.special.logsumexp,
        "tapegrad.special.logsumexp(a, axis, keepdims=keepdims)",
    ),
    "scipy.special.softmax": (X, scipy.special.softmax, "tapegrad.nn.softmax(x, axis)"),
    "scipy.special.log_softmax": (X, scipy.special.log_softmax, "tapegrad.nn.log_softmax"),
    "scipy.special.erf": (2.0, scipy.special.erf, "tapegrad.special.erf(x)"),
    "scipy.special.gammaln": (2.0, scipy.special.gammaln, ""),
    "scipy.special.comb": (2.0, lambda x: scipy.special.comb(x, 2), ""),
    "scipy.linalg.solve": (M, lambda x: scipy.linalg.solve(x, X[:2]), "numpy.linalg.solve"),
    "scipy.linalg.inv": (M, scipy.linalg.inv, "numpy.linalg.inv"),
    "scipy.linalg.det": (M, scipy.linalg.det, "numpy.linalg.det"),
    "scipy.linalg.norm": (X, scipy.linalg.norm, "numpy.linalg.norm"),
    "scipy.linalg.expm": (M, scipy.linalg.expm, ""),
    "scipy.linalg.cholesky": (M, scipy.linalg.cholesky, ""),
    "scipy.linalg.svd": (M, scipy.linalg.svd, ""),
    "scipy.stats.rv_continuous.pdf": (2.0, scipy.stats.norm.pdf, ""),
    "scipy.signal.convolve": (X, lambda x: scipy.signal.convolve(x, X), ""),
    "scipy.spatial.distance.cdist": (M, lambda x: scipy.spatial.distance.cdist(x, x), ""),
    "scipy.ndimage.gaussian_filter": (X, lambda x: scipy.ndimage.gaussian_filter(x, 1.0), ""),
    "scipy.integrate.quad": (2.0, lambda x: scipy.integrate.quad(lambda t: t * x, 0, 1), ""),
    "scipy.integrate.solve_ivp": (
        2.0,
        lambda x: scipy.integrate.solve_ivp(lambda t, y: -x * y, (0, 1), [1.0]),
        "",
    ),
    "scipy.optimize.root": (2.0, lambda x: scipy.optimize.root(lambda y: y - x, 1.0), ""),
    "scipy.interpolate.interp1d": (X, lambda x: scipy.interpolate.interp1d(X, X)(x), ""),
    "numpy.full": (2.0, lambda x: np.full(3, x), "numpy.broadcast_to(fill_value, shape)"),
    "numpy.vectorize": (X, np.vectorize(lambda v: v * 2.0), ""),
    "numpy.poly1d": (2.0, lambda x: np.poly1d([1.0, 2.0])(x), ""),
    "numpy.ndenumerate": (X, lambda x: list(np.ndenumerate(x)), ""),
    "numpy.ma.MaskedArray": (X, np.ma.MaskedArray, ""),
    "numpy.testing.assert_allclose": (X, lambda x: np.testing.assert_allclose(x, X), ""),
    "numpy.linspace": (2.0, lambda x: np.linspace(0.0, x, 3), ""),
    "twice (vectorized)": (X, np.frompyfunc(lambda twice: twice * 2.0, 1, 1), ""),
}

WAYS: dict[str, Callable[[Callable[[Any], Any], Any], Any]] = {
    "grad": lambda f, x: tg.grad(f)(x),
    "jvp": lambda f, x: tg.jvp(f, (x,), (x,)),
    "record": lambda f, x: tg.record(f, x),
    "grad of grad": lambda f, x: tg.grad(lambda x: tg.grad(f)(x).sum())(x),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ROWS)
def test_misuse_of_a_traced_value(name: str, way: str) -> None:
    """By its class, its text, and the user's line."""
    x, f, text, kind = ROWS[name]
    pythons_own = name in {"a modulus on the right", "an option that methods lack"}
    refused(lambda: WAYS[way](f, x), text, kind, line=not pythons_own)


@pytest.mark.parametrize("way", ["grad", "record"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_functions_of_libraries(name: str, way: str) -> None:
    """The one that the user's line calls is named, whatever it does with the value."""
    x, f, hint = LIBRARIES[name]
    known = "<lambda> (vectorized)" if name.startswith("twice") else name
    text = "^" + re.escape(NO_RULE.format(known)) + "(.|\n)*" + re.escape(hint)
    refused(lambda: WAYS[way](f, x), text, tg.MissingRuleError, line=True)


def test_what_a_library_makes_of_the_error() -> None:
    """SciPy and NumPy put an error of their own before ours, and ours names them."""
    for f, name in (
        (lambda x: scipy.optimize.minimize(lambda y: (y[0] - x) ** 2, [1.0]), "scipy.optimize."),
        (lambda x: scipy.integrate.odeint(lambda y, t: -x * y, 1.0, [0.0, 1.0]), "scipy."),
        (lambda x: OPERATOR.setitem(np.zeros(2), 0, x), r"float\(\) of a traced value"),
        (lambda x: np.fromiter([x], float), r"float\(\) of a traced value"),
    ):
        with pytest.raises((ValueError, TypeError)) as caught:
            tg.grad(f)(2.0)
        errors = [caught.value, caught.value.__cause__, caught.value.__context__]
        assert any(re.match(name, str(error)) for error in errors), errors


def test_a_users_function_within_a_librarys() -> None:
    """What the user's own line calls is what has no rule."""

    def objective(y: Any) -> Any:
        return tg.grad(lambda z: np.linalg.eigvals(np.outer(z, z)).sum())(y).sum()

    with pytest.raises(tg.MissingRuleError, match=r"^numpy.linalg.eigvals has no derivative rule"):
        scipy.optimize.minimize(objective, np.ones(2))


def test_without_a_gradient_to_lose_nothing_is_refused() -> None:
    """Integers and truths become plain; a library gets them."""

    def f(x: Any) -> Any:
        i: Any = np.argmax(x)
        assert (int(i), float(i), complex(i), math.trunc(i), math.sqrt(i + 2)) == (2, 2, 2, 2, 2)
        assert scipy.special.comb(i, 1) == 2.0
        assert (np.array([i, i]) == 2).all()
        return x[i] * np.float64(i)

    np.testing.assert_array_equal(tg.grad(f)(X), [0.0, 0.0, 2.0])


WORKS: dict[str, tuple[Any, Callable[[Any], Any], Any]] = {
    "divmod": (7.0, lambda x: divmod(x, 2.0)[0] + 10.0 * divmod(x, 2.0)[1], 10.0),
    "divmod on the right": (7.0, lambda x: divmod(2.0, x)[1] * x, 2.0),
    "the quotient of it": (7.0, lambda x: divmod(20.0, x)[0] * x, 2.0),
    "round": (2.4, lambda x: round(x) * x, 2.0),
    "round to digits": (2.46, lambda x: round(x, 1) * x, 2.5),
    "sum of a list": (2.0, lambda x: sum([x, x], x), 3.0),
    "sum of nothing": (2.0, lambda x: sum([]) * x, 0.0),
    "sum of a vector": (X, sum, [1.0, 1.0, 1.0]),
    "largest": (2.0, lambda x: max(x, 1.0), 1.0),
    "largest element": (X, max, [0.0, 0.0, 1.0]),
    "sorted": (X, lambda x: sorted(x)[1], [0.0, 1.0, 0.0]),
    "in a list": (2.0, lambda x: x if x in [1.0, 2.0] else 3.0 * x, 1.0),
    "contained": (X, lambda x: x.sum() * (1.5 in x), [1.0, 1.0, 1.0]),
    "unpacked": (X, lambda x: math.prod([*x]), [3.75, 1.25, 0.75]),
    "starred": (X, lambda x: [*x][1] ** 2, [0.0, 3.0, 0.0]),
    "reversed": (X, lambda x: next(reversed(x)), [0.0, 0.0, 1.0]),
    "rows": (M, lambda x: sum(row @ row for row in x), 2.0 * M),
    "zip": (X, lambda x: sum(a * b for a, b in zip(x, X, strict=True)), X),
    "enumerate": (X, lambda x: sum(i * v for i, v in enumerate(x)), [0.0, 1.0, 2.0]),
    "reduce": (X, lambda x: functools.reduce(operator.mul, x), [3.75, 1.25, 0.75]),
    "accumulate": (X, lambda x: list(itertools.accumulate(x))[-1], [1.0, 1.0, 1.0]),
    "math.prod": (2.0, lambda x: math.prod([x, x]), 4.0),
    "a format": (2.0, lambda x: x * len(f"{x:6.2f}"), 6.0),
    "an index of range": (X, lambda x: x[range(2)].sum(), [1.0, 1.0, 0.0]),
    "an array as a bound": (X, lambda x: x[: np.array(2)].sum(), [1.0, 1.0, 0.0]),
    "a whole quotient": (X, lambda x: x[: len(x) // 2].sum(), [1.0, 0.0, 0.0]),
}


@pytest.mark.parametrize("name", WORKS)
def test_what_works_as_it_does_without_a_trace(name: str) -> None:
    """Python's own functions on traced values: values, and gradients by differences."""
    x, f, expected = WORKS[name]
    value, gradient = tg.value_and_grad(f)(x)
    np.testing.assert_allclose(value, f(x), rtol=1e-15)
    np.testing.assert_allclose(gradient, expected, rtol=1e-14)


BATCHED: dict[str, tuple[Callable[[Any], Any], str, type[Exception]]] = {
    "iteration": (lambda x: [*x[0]], "iteration over a traced value without axes", TypeError),
    "length": (lambda x: len(x[0]), r"len\(\) of a traced value without axes", TypeError),
    "largest": (lambda x: max(x[0], x[1]), "The truth of a batched value", tg.ShapeError),
    "sorted": (sorted, "The truth of a batched value", tg.ShapeError),
    "contained": (lambda x: 1.0 in x, "The truth of a batched value", tg.ShapeError),
    "key": (lambda x: {x[0]: 1.0}, "unhashable", TypeError),
    "float": (lambda x: float(x[0]), "would lose its gradient", tg.ConversionError),
    "value": (lambda x: x.value, "x.value is not one value", tg.ShapeError),
    "array": (np.asarray, TO_ARRAY, tg.ConversionError),
    "whole": (lambda x: int(np.argmax(x)), "cannot make it one Python int", tg.ShapeError),
    "bound": (lambda x: x[: len(x) / 2], BOUND, TypeError),
    "format": (lambda x: f"{x:.2f}", "The format '.2f' is for one number", TypeError),
}


@pytest.mark.parametrize("name", BATCHED)
def test_misuse_of_a_batched_value(name: str) -> None:
    """The same, or what differs from example to example."""
    f, text, kind = BATCHED[name]
    refused(lambda: tg.vmap(f)(M), text, kind, line=True)


def test_a_batched_value_in_pieces() -> None:
    """Rows are examples: what is unpacked is the one that the function sees."""
    np.testing.assert_array_equal(tg.vmap(lambda x: math.prod([*x]))(M), [2.0, 1.5])
    np.testing.assert_array_equal(tg.vmap(sum)(M), [3.0, 3.5])
    texts: list[str] = []

    def noted(x: Any) -> Any:
        texts.append(f"{x[0]:.2f}")
        return x

    tg.vmap(noted)(M)
    assert texts == ["[2.00 0.50]"]


# Transforms --------------------------------------------------------------------------------------


def loss(x: Any) -> Any:
    """A function with a name."""
    return x * 1.0


A_FUNCTION = "expected a function to transform, got float 3.0"
PAIRS = "is a tuple with one entry for each argument, got"
AXES = "is an int, None, or a tree of those, got"
ARGNUMS = r"grad\(loss\): argnums is an int or a tuple of ints, got"
LEAF = "which is not a plain number, a plain array or a tree of them."
OUTPUT = "needs a function that returns"

CALLS: dict[str, tuple[Callable[[], Any], str, type[Exception]]] = {
    **{
        f"{name} of a number": (functools.partial(getattr(tg, name), 3.0), A_FUNCTION, TypeError)
        for name in ("grad", "value_and_grad", "jacfwd", "jacrev", "hessian", "vmap", "custom_vjp")
    },
    "vjp of a number": (lambda: tg.vjp(3.0, 1.0), A_FUNCTION, TypeError),
    "jvp of a number": (lambda: tg.jvp(3.0, (1.0,), (1.0,)), A_FUNCTION, TypeError),
    "hvp of a number": (lambda: tg.hvp(3.0, (1.0,), (1.0,)), A_FUNCTION, TypeError),
    "record of a number": (lambda: tg.record(3.0, 1.0), A_FUNCTION, TypeError),
    "hvp without tuples": (
        lambda: tg.hvp(loss, 2.0, 1.0),
        f"hvp: primals {PAIRS} float",
        TypeError,
    ),
    "hvp, one tuple": (lambda: tg.hvp(loss, (2.0,), 1.0), f"hvp: tangents {PAIRS}", TypeError),
    "hvp of dicts": (
        lambda: tg.hvp(loss, {"a": 1.0}, {"a": 1.0}),
        f"hvp: primals {PAIRS}",
        TypeError,
    ),
    "hvp, counts": (
        lambda: tg.hvp(loss, (2.0,), (1.0, 1.0)),
        "hvp: 1 primals, but 2 tangents",
        TypeError,
    ),
    "jvp without tuples": (lambda: tg.jvp(loss, 2.0, 1.0), f"jvp: primals {PAIRS}", TypeError),
    "jvp of texts": (lambda: tg.jvp(loss, "a", "b"), f"jvp: primals {PAIRS} str 'a'", TypeError),
    "jvp, another key": (
        lambda: tg.jvp(loss, ({"a": 1.0},), ({"b": 1.0},)),
        r"expected a dict of 'a' at tangents\[0\], got a dict of 'b'",
        tg.ShapeError,
    ),
    "jvp, no tangent": (
        lambda: tg.jvp(loss, (1.0,), (None,)),
        r"expected a leaf at tangents\[0\], got None",
        tg.ShapeError,
    ),
    "jvp, a longer list": (
        lambda: tg.jvp(lambda x: x[0], ([1.0, [2.0]],), ([1.0, [2.0, 3.0]],)),
        r"expected a list of 1 at tangents\[0\]\[1\], got a list of 2",
        tg.ShapeError,
    ),
    "a cotangent's list": (
        lambda: tg.vjp(loss, 1.0)[1]([1.0]),
        "expected a leaf at cotangent, got a list of 1",
        tg.ShapeError,
    ),
    "no cotangent": (lambda: tg.vjp(loss, 1.0)[1](None), "a leaf at cotangent", tg.ShapeError),
    "in_axes, text": (lambda: tg.vmap(loss, in_axes="a"), f"in_axes {AXES} str 'a'", TypeError),
    "in_axes, float": (lambda: tg.vmap(loss, in_axes=1.5), f"in_axes {AXES} float 1.5", TypeError),
    "in_axes, truth": (lambda: tg.vmap(loss, in_axes=True), f"in_axes {AXES} bool True", TypeError),
    "in_axes, set": (lambda: tg.vmap(loss, in_axes={0}), f"in_axes {AXES} set", TypeError),
    "in_axes, array": (lambda: tg.vmap(loss, in_axes=X), f"in_axes {AXES} float64", TypeError),
    "in_axes, nested": (
        lambda: tg.vmap(loss, in_axes=({"a": [0, "x"]},)),
        rf"in_axes {AXES} str 'x' at in_axes\[0\]\['a'\]\[1\]",
        TypeError,
    ),
    "out_axes, text": (lambda: tg.vmap(loss, out_axes="a"), f"out_axes {AXES} str 'a'", TypeError),
    "out_axes, truth": (
        lambda: tg.vmap(loss, out_axes=[False]),
        f"out_axes {AXES} bool",
        TypeError,
    ),
    "in_axes, another key": (
        lambda: tg.vmap(loss, in_axes=({"b": 0},))({"a": X}),
        r"in_axes\[0\] does not fit .*: expected a dict of 'a' at in_axes\[0\], got a dict of 'b'",
        tg.ShapeError,
    ),
    "in_axes, too deep": (
        lambda: tg.vmap(loss, in_axes=({"a": [0]},))({"a": X}),
        r"expected a leaf at in_axes\[0\]\['a'\], got a list of 1",
        tg.ShapeError,
    ),
    "in_axes, a dict for all": (
        lambda: tg.vmap(loss, in_axes={"a": 0})({"a": X}),
        "expected a tuple of 1 at in_axes, got a dict of 'a'",
        tg.ShapeError,
    ),
    "in_axes, too few": (
        lambda: tg.vmap(lambda x, y: x, in_axes=(0,))(X, X),
        "in_axes has 1 entries, the call 2 arguments",
        tg.ShapeError,
    ),
    "out_axes, too many": (
        lambda: tg.vmap(loss, out_axes=(0, 1))(X),
        "out_axes does not fit .*: expected a leaf at out_axes, got a tuple of 2",
        tg.ShapeError,
    ),
    "out_axes, no such place": (
        lambda: tg.vmap(lambda x: {"y": x}, out_axes=2)(M),
        r"the output\['y'\] has the shape \(2,\) for one example and no place 2",
        tg.ShapeError,
    ),
    "vmap of a text": (lambda: tg.vmap(loss)("abc"), "which has no axis 0 to map", tg.ShapeError),
    "vmap of nothing": (lambda: tg.vmap(loss)(None), "no argument has an axis", tg.ShapeError),
    "vmap, a generator": (
        lambda: tg.vmap(lambda x: (i for i in [x]))(X),
        (
            f"tapegrad.vmap {OUTPUT} numbers or arrays, or a tree of them, but <lambda> returned "
            "generator <genexpr>.$"
        ),
        tg.OutputError,
    ),
    "argnums, text": (lambda: tg.grad(loss, "a")(1.0), f"{ARGNUMS} 'a'", TypeError),
    "argnums, float": (lambda: tg.grad(loss, 0.5)(1.0), f"{ARGNUMS} 0.5", TypeError),
    "argnums, None": (lambda: tg.grad(loss, None)(1.0), f"{ARGNUMS} None", TypeError),
    "argnums, truth": (lambda: tg.grad(loss, False)(1.0), f"{ARGNUMS} False", TypeError),
    "argnums, dict": (lambda: tg.grad(loss, {"a": 0})(1.0), f"{ARGNUMS} {{'a': 0}}", TypeError),
    "argnums, nested": (lambda: tg.grad(loss, ((0,),))(1.0), rf"{ARGNUMS} \(0,\)", TypeError),
    "by keyword": (
        lambda: tg.grad(loss)(x=1.0),
        "given by keyword are not differentiated",
        TypeError,
    ),
    "no argument": (lambda: tg.grad(loss)(), "asks for positional argument 0", TypeError),
    "a generator": (
        lambda: tg.grad(loss)(i for i in [1.0]),
        f"^params is generator <genexpr>, {LEAF}",
        tg.LeafError,
    ),
    "a set": (lambda: tg.grad(loss)({1.0}), f"^params is set {{1.0}}, {LEAF}", tg.LeafError),
    "a text": (lambda: tg.grad(loss)("a"), f"^params is str 'a', {LEAF}", tg.LeafError),
    "a function": (
        lambda: tg.grad(loss)([loss]),
        rf"^params\[0\] is function loss, {LEAF}",
        tg.LeafError,
    ),
    "a class": (lambda: tg.grad(loss)({"a": dict}), LEAF, tg.LeafError),
    "a range": (lambda: tg.grad(loss)(range(3)), LEAF, tg.LeafError),
    "an array of objects": (lambda: tg.grad(loss)(np.array([None])), LEAF, tg.LeafError),
    "a kind of dict": (
        lambda: tg.grad(loss)(type("Own", (dict,), {})(a=1.0)),
        rf"^params is Own {{'a': 1.0}}, {LEAF}",
        tg.LeafError,
    ),
    "returns a generator": (
        lambda: tg.grad(lambda x: (i for i in [x]))(1.0),
        OUTPUT,
        tg.OutputError,
    ),
    "returns a text": (lambda: tg.grad(lambda x: "a")(1.0), f"{OUTPUT} .* str 'a'", tg.OutputError),
    "returns nothing": (
        lambda: tg.grad(lambda x: None)(1.0),
        "returned None.\nIs its return statement missing?",
        tg.OutputError,
    ),
    "returns a dict": (
        lambda: tg.grad(lambda x: {1: x})(1.0),
        rf"{OUTPUT} .* dict",
        tg.OutputError,
    ),
    "vjp of a text": (lambda: tg.vjp(lambda x: [x, "a"], 1.0), f"{OUTPUT} .* 'a'", tg.OutputError),
    "jacfwd of a set": (lambda: tg.jacfwd(lambda x: {1})(1.0), f"{OUTPUT} .* set", tg.OutputError),
    "a label": (
        lambda: tg.grad(lambda x: tg.label(x, 3))(1.0),
        "the name is a str, got 3",
        TypeError,
    ),
    "unflatten of a tree": (
        lambda: tg.tree.unflatten({"a": 1.0}, [1.0]),
        "expected a structure, as flatten returns one, got dict",
        TypeError,
    ),
    "unflatten, too many": (
        lambda: tg.tree.unflatten(tg.tree.flatten([1.0])[1], [1.0, 2.0]),
        "a tree of this structure has 1 leaves, got 2",
        tg.ShapeError,
    ),
    "from_paths of a number": (
        lambda: tg.tree.from_paths({"a": 1.0}, 3),
        "expected a mapping from paths to leaves, got int 3",
        TypeError,
    ),
    "ravel of a text": (
        lambda: tg.tree.ravel({"a": ["x"]}),
        r"tree\['a'\]\[0\] must be a real number or a plain array of them, got str 'x'",
        tg.LeafError,
    ),
    "size of a function": (lambda: tg.tree.size([len]), "must be a real number", tg.LeafError),
    "a short program": (
        lambda: tg.record(lambda x, y: x * y, 1.0, 2.0).program(1.0),
        "the program was recorded for other arguments: expected 2, got 1",
        tg.ShapeError,
    ),
    "a program by keyword": (
        lambda: tg.record(loss, 1.0).program(x=1.0),
        "loss: a program takes its arguments in order, .* got x by keyword",
        TypeError,
    ),
    "a program of nothing": (
        lambda: tg.record(loss, 1.0).program(None),
        r"recorded for other arguments: expected a leaf at args\[0\], got None",
        tg.ShapeError,
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_misuse_of_a_transform(name: str) -> None:
    """By its class and its text; the line is that of the call, which is on top of the traceback."""
    run, text, kind = CALLS[name]
    refused(run, text, kind, line=False)


def test_numpys_integers_are_axes() -> None:
    """An int is an int."""
    axis = np.int64(1)
    found = tg.vmap(lambda x: x * 2.0, in_axes=(axis,), out_axes=axis)(M)
    np.testing.assert_array_equal(found, 2.0 * M)


def test_keyword_arguments_may_be_traced() -> None:
    """They are constants to this transform, not to the one that traced them."""
    inner = tg.grad(lambda x, k: x * k**2)
    assert tg.grad(lambda k: inner(1.0, k=k))(3.0) == 6.0
    assert tg.grad(lambda k: tg.record(lambda x, k: x * k, 2.0, k=k).value)(3.0) == 2.0
    np.testing.assert_array_equal(
        tg.grad(lambda k: tg.vmap(lambda x, k: x * k)(X, k=k).sum())(3.0), X.sum()
    )
    np.testing.assert_array_equal(tg.grad(lambda a: np.clip(X, a, None).sum())(1.0), 1.0)


# Trees -------------------------------------------------------------------------------------------

T = TypeVar("T")


@dataclasses.dataclass
class Cached:
    """A dataclass with a field that __init__ does not set."""

    w: Any
    cache: Any = dataclasses.field(init=False)
    note: Any = dataclasses.field(init=False, metadata={"static": True})


@dataclasses.dataclass(slots=True)
class Tight:
    """The same with slots, where the second field is set afterwards."""

    w: Any
    twice: Any = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.twice = 2.0 * self.w


@attrs.define
class Made:
    """An attrs class with a field that a hook sets, and one that no one sets."""

    w: Any
    twice: Any = attrs.field(init=False)
    unset: Any = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.twice = 2.0 * self.w


@attrs.frozen
class Generic1(Generic[T]):
    """A generic class with a factory and a setting that is an array."""

    w: T
    mask: Any = attrs.field(factory=lambda: np.array([1.0, 0.0, 1.0]), metadata={"static": True})
    n: int = attrs.field(default=1, metadata={"static": True})
    made: int = attrs.field(default=1, init=False, metadata={"static": True})


@dataclasses.dataclass
class Masked:
    """A dataclass whose setting is an array."""

    w: Any
    mask: Any = dataclasses.field(default=None, metadata={"static": True})


@dataclasses.dataclass
class Own(dict):  # type: ignore[type-arg]
    """A dataclass that is a dict as well."""

    w: Any = 1.0


class Pair(NamedTuple):
    """A NamedTuple."""

    a: Any
    b: Any


def test_fields_that_are_not_set() -> None:
    """They are not set in the gradient either; those that a hook has set are children."""
    for model in (Cached(X), Made(X)):
        gradient = tg.grad(lambda m: (m.w**2).sum())(model)
        np.testing.assert_array_equal(gradient.w, 2.0 * X)
        assert not hasattr(gradient, "cache" if isinstance(model, Cached) else "unset")
    for made in (Tight(X), Made(X)):
        gradient = tg.grad(lambda m: (m.w * m.twice).sum())(made)
        np.testing.assert_array_equal(gradient.w, made.twice)
        np.testing.assert_array_equal(gradient.twice, X)
    cached = Cached(1.0)
    cached.cache, cached.note = 2.0, "n"
    assert tg.tree.paths(cached, "m") == {"m.w": 1.0, "m.cache": 2.0}
    gradient = tg.grad(lambda m: m.w * m.cache)(cached)
    assert (gradient.w, gradient.cache, gradient.note) == (2.0, 1.0, "n")
    with pytest.raises(
        tg.ShapeError, match=r"expected Cached of w, cache at the top, got Cached of w$"
    ):
        tg.tree.map(lambda a, b: a, cached, Cached(1.0))


def test_what_does_not_print_is_named() -> None:
    """The repr of a dataclass reads every field, also one that is not set."""
    refused(
        lambda: tg.grad(lambda x: Cached(x))(1.0),  # it is the output
        "but <lambda> returned Cached.\n",
        tg.OutputError,
        line=False,
    )


def test_settings_that_are_arrays() -> None:
    """Equal arrays are one setting, whichever object each is; others are another."""
    model = Generic1(X)
    gradient = tg.grad(lambda m: (m.w * m.mask).sum())(model)
    np.testing.assert_array_equal(gradient.w, model.mask)
    moved = tg.tree.map(lambda a, b: a + b, model, Generic1(X))
    np.testing.assert_array_equal(moved.w, 2.0 * X)
    out, tangent = tg.jvp(lambda m: (m.w * m.mask).sum(), (model,), (Generic1(np.ones(3)),))
    assert (out, tangent) == (3.0, 2.0)
    program = tg.record(lambda m: m.w * m.mask, model).program
    np.testing.assert_array_equal(program(Generic1(2.0 * X)), 2.0 * X * model.mask)
    with pytest.raises(
        tg.ShapeError, match=r"expected float64\[3\] at \.mask, got another float64"
    ):
        tg.tree.map(lambda a, b: a, model, Generic1(X, np.zeros(3)))


SETTINGS: list[Any] = [
    1,
    1.0,
    True,
    "a",
    None,
    (1, 2),
    [1, [2]],
    {"a": np.ones(2)},
    {"b": np.ones(2)},
    np.ones(2),
    np.ones(2, np.float32),
    np.ones((2, 1)),
    np.array([1.0, 2.0]),
    np.array([1, "a", None], object),
    np.array([1, "b", None], object),
    (np.ones(2), "a"),
    [np.ones(2), "a"],
    np.tanh,
    math.tanh,
    Pair(np.ones(2), 1.0),
    frozenset({1}),
]


def again(setting: Any) -> Any:
    """An equal setting that is another object, where there is one."""
    if isinstance(setting, np.ndarray):
        return setting.copy()
    if isinstance(setting, Pair):
        return Pair(*map(again, setting))
    if isinstance(setting, (list, tuple)):
        return type(setting)(map(again, setting))
    if isinstance(setting, dict):
        return {key: again(value) for key, value in setting.items()}
    return setting


@pytest.mark.parametrize(("i", "j"), list(itertools.product(range(len(SETTINGS)), repeat=2)))
def test_which_settings_are_the_same(i: int, j: int) -> None:
    """By what they are, whatever == makes of them."""
    a, b = (tg.tree.flatten(Masked(1.0, s))[1] for s in (SETTINGS[i], again(SETTINGS[j])))
    assert (a == b) is (i == j)
    assert i != j or hash(a) == hash(b)
    if i != j:
        with pytest.raises(tg.ShapeError, match=r"expected .* at \.mask, got "):
            tg.tree.map(lambda x, y: x, Masked(1.0, SETTINGS[i]), Masked(1.0, SETTINGS[j]))


def test_a_setting_whose_comparison_fails() -> None:
    """It is the same as itself, and as nothing else."""

    class Odd:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("mine")

        __hash__ = None  # type: ignore[assignment]

    odd = Odd()
    assert tg.tree.map(lambda a, b: a + b, Masked(1.0, odd), Masked(2.0, odd)).w == 3.0
    with pytest.raises(tg.ShapeError, match=r"expected Odd at \.mask, got another Odd"):
        tg.tree.map(lambda a, b: a, Masked(1.0, odd), Masked(2.0, Odd()))


def test_a_setting_that_is_traced() -> None:
    """It is closed over, and has a gradient where it was traced; it is not looked at."""

    def f(w: Any) -> Any:
        return tg.grad(lambda m: m.w * m.mask)(Masked(1.0, w)).w

    assert tg.grad(f)(3.0) == 1.0
    other = tg.grad(lambda w: tg.tree.map(lambda a, b: a + b, Masked(w, w), Masked(w, w)).w)
    assert other(3.0) == 2.0


def itself() -> list[Any]:
    """A list that contains itself."""
    found: list[Any] = [1.0]
    found.append(found)
    return found


def in_itself() -> dict[str, Any]:
    """A dict within a list within itself."""
    found: dict[str, Any] = {}
    found["a"] = [found]
    return found


def deep() -> Any:
    """A list within a list, many times."""
    found: Any = 1.0
    for _ in range(5000):
        found = [found]
    return found


@pytest.mark.parametrize("make", [itself, in_itself, deep])
@pytest.mark.parametrize(
    "use",
    [
        lambda t: tg.grad(loss)(t),
        lambda t: tg.vjp(lambda x: t, 1.0),
        lambda t: tg.vmap(loss)(t),
        lambda t: tg.record(loss, t),
        lambda t: tg.tree.leaves(t),
        lambda t: tg.grad(lambda x: (x, t), has_aux=True)(1.0),
        lambda t: tg.tree.map(lambda a, b: a, {"a": 1.0}, t),
    ],
)
def test_a_tree_without_an_end(use: Callable[[Any], Any], make: Callable[[], Any]) -> None:
    """No recursion to its limit, no crash."""
    text = "a tree that contains itself, or is nested too deeply, has no structure"
    refused(lambda: use(make()), text, tg.ShapeError, line=True)


def test_a_class_that_holds_more_than_its_fields() -> None:
    """What inherits from dict would lose its items: it is no node."""
    refused(lambda: tg.grad(loss)(Own(2.0)), f"^params is Own .*{LEAF}", tg.LeafError, line=False)


def test_keys_of_every_kind() -> None:
    """Keys that cannot be sorted together, and that are no texts."""
    for p in ({1: 2.0, "a": 3.0}, {(1, 2): 2.0, None: 3.0}, {True: 2.0, 1.5: 3.0, "b": 1.0}):
        first = next(iter(p))
        gradient = tg.grad(lambda p, first=first: p[first] ** 2)(p)
        assert gradient == {key: 4.0 if key == first else 0.0 for key in p}
        with pytest.raises(tg.ShapeError, match="expected a dict of"):
            tg.tree.map(lambda a, b: a, p, {first: 1.0})


def test_none_is_a_tree_without_leaves() -> None:
    """In arguments, in outputs, and as the whole of either."""
    assert tg.grad(lambda p: p["a"] ** 2)({"a": 3.0, "b": None}) == {"a": 6.0, "b": None}
    assert tg.grad(lambda p: 1.0)(None) is None
    out, pull = tg.vjp(lambda x: {"a": x, "b": None}, 2.0)
    assert (out, pull({"a": 3.0, "b": None})) == ({"a": 2.0, "b": None}, (3.0,))
    assert tg.vmap(lambda x: None)(X) is None


DIFFERENT: list[tuple[Any, Any, str]] = [
    ({"a": 1.0}, {"a": 1.0, "b": 2.0}, "expected a dict of 'a' at p, got a dict of 'a', 'b'"),
    ({"a": [1.0, 2.0]}, {"a": [1.0]}, r"expected a list of 2 at p['a'], got a list of 1"),
    ({"a": {}}, {"a": 1.0}, "expected an empty dict at p['a'], got float 1.0"),
    ([(1.0,), 2.0], [[1.0], 2.0], "expected a tuple of 1 at p[0], got a list of 1"),
    ([1.0, Pair(1.0, 2.0)], [1.0, (1.0, 2.0)], "expected Pair at p[1], got a tuple of 2"),
    (Pair(1.0, [2.0]), Pair(1.0, X), "expected a list of 1 at p.b, got float64[3]"),
    ([1.0, None], [1.0, 2.0], "expected None at p[1], got float 2.0"),
    ([1.0, 2.0], [1.0, None], "expected a leaf at p[1], got None"),
    (Masked([1.0]), Masked(1.0), "expected a list of 1 at p.w, got float 1.0"),
    (Masked(1.0), Tight(1.0), "expected Masked of w at p, got Tight of w, twice"),
    (
        collections.defaultdict(float, a=1.0),
        collections.defaultdict(int, a=1.0),
        "expected a defaultdict of 'a' at p, got another defaultdict",
    ),
    ([Generic1(1.0, n=2)], [Generic1(1.0, n=3)], "expected int 2 at p[0].n, got int 3"),
    ([[1.0, 2.0], Masked(1.0, 1)], [[1.0, 2.0], Masked(1.0, 2)], "int 1 at p[1].mask, got int 2"),
]


@pytest.mark.parametrize(("wanted", "given", "text"), DIFFERENT)
def test_where_two_structures_differ(wanted: Any, given: Any, text: str) -> None:
    """The path, and what is there on each side; in every function that compares two."""
    runs: list[tuple[str, Callable[[], Any]]] = [
        ("tangents[0]", lambda: tg.jvp(lambda p: 1.0, (wanted,), (given,))),
        ("cotangent", lambda: tg.vjp(lambda: wanted)[1](given)),
        ("args[0]", lambda: tg.record(lambda p: 1.0, wanted).program(given)),
        ("", lambda: tg.tree.map(lambda a, b: a, wanted, given)),
    ]
    for name, run in runs:
        path = text.replace(" p", f" {name}") if name else text.replace(" p,", " the top,")
        path = path if name else re.sub(r" p(?=[.\[])", " ", path)
        refused(run, re.escape(path), tg.ShapeError, line=False)


def test_two_classes_of_one_name() -> None:
    """They print alike, and differ."""

    def make() -> Any:
        return attrs.make_class("Local", ["a"])

    first, second = make(), make()
    with pytest.raises(tg.ShapeError, match=r"expected Local of a at the top, got another Local$"):
        tg.tree.map(lambda a, b: a, first(1.0), second(1.0))


def test_the_text_of_a_structure() -> None:
    """As the tree prints, with a star for each leaf."""
    structure = tg.tree.flatten({"a": [1.0, None], "b": Pair(X, ())})[1]
    assert repr(structure) == "Structure({'a': [*, None], 'b': Pair(a=*, b=())})"
    assert structure != "another thing"


# Functions with a pullback of their own ----------------------------------------------------------


class Scaler:
    """Methods of every kind."""

    factor = 3.0

    @custom_vjp
    def scaled(self, x: Any) -> Any:
        """Factor times x."""
        return self.factor * x, lambda g: (None, self.factor * g)

    @classmethod
    @custom_vjp
    def of_class(cls, x: Any) -> Any:
        """The same."""
        return cls.factor * x, lambda g: (None, cls.factor * g)

    @staticmethod
    @custom_vjp
    def static(x: Any) -> Any:
        """The same."""
        return 3.0 * x, lambda g: (3.0 * g,)

    object_of = tg.custom_vjp(np.vectorize)  # a class: not bound


@attrs.frozen
class Weighted:
    """A node with a method: its leaves have cotangents."""

    w: Any

    @custom_vjp
    def times(self, x: Any) -> Any:
        """W x."""
        return self.w * x, lambda g: (Weighted((g * x).sum()), g * self.w)


class Callable1:
    """An object that is called."""

    def __call__(self, x: Any) -> Any:
        """(3 x, pullback)."""
        return 3.0 * x, lambda g: (3.0 * g,)

    def method(self, x: Any) -> Any:
        """The same, bound."""
        return 3.0 * x, lambda g: (3.0 * g,)


def factor_times(factor: float, x: Any) -> Any:
    """(factor x, pullback) by both."""
    return factor * x, lambda g: (factor * g,)


BOUND_METHODS: dict[str, Callable[[Any], Any]] = {
    "method": Scaler().scaled,
    "method of the class": lambda x: Scaler.scaled(Scaler(), x),
    "class method": Scaler.of_class,
    "class method of an object": Scaler().of_class,
    "static method": Scaler.static,
    "static method of an object": Scaler().static,
    "partial": tg.custom_vjp(functools.partial(factor_times, 3.0)),
    "callable": tg.custom_vjp(Callable1()),
    "bound": tg.custom_vjp(Callable1().method),
    "held by a class": type("Holder", (), {"f": tg.custom_vjp(Callable1().method)})().f,
    "a callable held by a class": type("Holder", (), {"f": tg.custom_vjp(Callable1())})().f,
}


@pytest.mark.parametrize("name", BOUND_METHODS)
def test_a_pullback_of_a_method(name: str) -> None:
    """As an attribute it is bound where its function would be; self is its first argument."""
    f = BOUND_METHODS[name]
    assert f(2.0) == 6.0
    assert tg.grad(f)(2.0) == 3.0
    assert tg.jvp(f, (2.0,), (1.0,)) == (6.0, 3.0)
    np.testing.assert_array_equal(tg.vmap(tg.grad(lambda x: f(x) ** 2))(X), 18.0 * X)


def test_a_pullback_of_a_method_of_a_node() -> None:
    """The leaves of self are operands."""
    model = Weighted(2.0)
    found = tg.grad(lambda m, x: m.times(x).sum(), (0, 1))(model, X)
    truth.assert_close(found, (Weighted(X.sum()), np.full(3, 2.0)))
    assert model.times(3.0) == 6.0


def test_what_is_bound_too_early() -> None:
    """A decorator takes the function; the text says in which order they stand."""
    kinds: list[Any] = [classmethod, staticmethod]
    for kind in kinds:
        name = kind.__name__
        text = f"custom_vjp takes the function of a {name}, got the {name}; put @{name} above @tape"
        refused(functools.partial(tg.custom_vjp, kind(loss)), text, TypeError, line=False)


@custom_vjp
def powered(x: Any, n: Any = 2, *, k: Any = 1) -> Any:
    """A number to a power, by keyword or not."""
    return x**n * k, lambda g: (g * n * x ** (n - 1), None)


def test_arguments_by_keyword() -> None:
    """They are put in order; what has no place in it is refused."""
    assert tg.grad(lambda x: powered(x, n=3))(2.0) == 12.0
    assert tg.grad(lambda x: powered(n=3, x=x))(2.0) == 12.0
    assert powered(2.0) == 4.0
    text = r"powered \(custom_vjp\) takes its arguments in order, .*; give k by position"
    refused(lambda: powered(2.0, k=3), text, TypeError, line=True)
    refused(lambda: powered(2.0, m=3), "powered: got an unexpected keyword", TypeError, line=True)
    refused(lambda: powered(n=3), "powered: missing a required argument", TypeError, line=True)


def returning(out: Any, cotangent: Any) -> Any:
    """A function whose output and cotangent are these."""

    @custom_vjp
    def given(p: Any) -> Any:
        return out, lambda g: (cotangent,)

    return given


CUSTOM: dict[str, tuple[Any, Any, Any, str, type[Exception]]] = {
    "a text": (
        "a",
        1.0,
        2.0,
        "an output of real numbers, but given returned str 'a'",
        tg.OutputError,
    ),
    "complex": (1j, 1.0, 2.0, "but given returned complex 1j", tg.OutputError),
    "a text among numbers": ([1.0, "a"], 1.0, 2.0, "given returned str 'a'", tg.OutputError),
    "objects": (np.array([None]), 1.0, 2.0, r"given returned object\[1\]", tg.OutputError),
    "a cotangent of text": (
        1.0,
        "a",
        2.0,
        r"a real cotangent of shape \(\), .* str 'a'",
        tg.ShapeError,
    ),
    "a complex one": (1.0, 1j, 2.0, "a real cotangent of shape", tg.ShapeError),
    "one of objects": (1.0, np.array([None, None]), X[:2], "a real cotangent of", tg.ShapeError),
    "a list for an array": (
        1.0,
        [1.0, 2.0],
        X[:2],
        r"of its structure: expected a leaf at args\[0\], got a list of 2",
        tg.ShapeError,
    ),
    "another key": (
        1.0,
        {"b": 1.0},
        {"a": 1.0},
        r"expected a dict of 'a' at args\[0\], got a dict of 'b'",
        tg.ShapeError,
    ),
    "a list in another order": (
        1.0,
        [1.0, 2.0],
        {"b": 1.0, "a": 2.0},
        r"expected a dict of 'a', 'b' at args\[0\], got a list of 2",
        tg.ShapeError,
    ),
    "a number for a tree": (
        1.0,
        1.0,
        {"a": 1.0},
        r"expected a dict of 'a' at args\[0\], got float 1.0",
        tg.ShapeError,
    ),
    "none for a part": (1.0, {"a": None}, {"a": {"b": 1.0}}, "cotangent of shape", tg.ShapeError),
}


@pytest.mark.parametrize("way", ["grad", "jacfwd"])
@pytest.mark.parametrize("name", CUSTOM)
def test_misuse_of_custom_vjp(name: str, way: str) -> None:
    """What the function and its pullback return, in both modes."""
    out, cotangent, at, text, kind = CUSTOM[name]
    refused(lambda: getattr(tg, way)(returning(out, cotangent))(at), text, kind, line=False)


def test_a_text_under_vmap() -> None:
    """The name is that of the user's function."""
    f = returning("a", 1.0)
    text = "tapegrad.vmap needs a function that returns .* but given returned str 'a'"
    refused(lambda: tg.vmap(f)(X), text, tg.OutputError, line=False)


def test_cotangents_in_the_dtype_of_the_argument() -> None:
    """Whole numbers and truths count as floats, double counts as single for single."""
    for cotangent in (3, True, np.int8(3), np.float32(3.0), np.array(3)):
        expected = 1.0 if cotangent is True else 3.0
        found = tg.grad(returning(1.0, cotangent))(2.0)
        assert (type(found), found) == (float, expected)
    found = tg.grad(returning(1.0, np.ones(2)))(np.ones(2, np.float32))
    assert found.dtype == np.float32
    assert tg.grad(lambda i: returning(1.0, None)(tnp.argmax(i * X)) * i)(2.0) == 1.0
