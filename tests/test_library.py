"""Functions of libraries that want plain numbers: their names, what was given, what to write."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.polynomial.polynomial
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize
import scipy.special
import truth

import tapegrad
from tapegrad._library import Call, library_call

tg: Any = tapegrad
V = np.array([0.3, -1.2, 2.5])
M = np.array([[2.0, 0.5, -1.0], [0.25, 3.0, 1.5], [-0.5, 1.0, 4.0]])
P: Any = np.polynomial.polynomial
MA: Any = np.ma


def said(run: Callable[..., object], kind: type[Exception] = tg.MissingRuleError) -> str:
    """What the error says that a program meets."""
    with pytest.raises(kind) as caught:
        run()
    return str(caught.value)


def code_of(text: str) -> list[str]:
    """The lines of code in a message."""
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]


def run(code: str, **names: Any) -> Any:
    return eval(code, {"numpy": np, "tapegrad": tapegrad, **names})  # noqa: S307  # our own hints


# Names -------------------------------------------------------------------------------------------

NAMES: list[tuple[str, Callable[[Any], Any]]] = [
    ("numpy.polynomial.polynomial.polyval", lambda x: P.polyval(2.0, x)),
    ("numpy.polynomial.polynomial.polyder", P.polyder),
    ("numpy.polynomial.Polynomial", lambda x: np.polynomial.Polynomial([1.0, 2.0])(x)),
    ("numpy.polyval", lambda x: np.polyval([1.0, 2.0], [x, x])),
    ("numpy.polyder", lambda x: np.polyder([x, x])),
    ("numpy.linalg.norm", lambda x: np.linalg.norm([x, x])),
    ("numpy.lib.scimath.sqrt", lambda x: np.emath.sqrt([x, x])),
    ("numpy.ma.dot", lambda x: MA.dot(x, x)),
    ("numpy.ma.max", MA.max),
    ("numpy.ma.where", lambda x: MA.where(x > 1.0, x, x)),
    ("numpy.ma.log", MA.log),
    ("numpy.ma.multiply", lambda x: MA.multiply(x, 2.0)),
    ("numpy.ma.MaskedArray", lambda x: MA.masked_array(V, [True, False, True]) * x),
    ("numpy.vectorize", lambda x: np.vectorize(abs)(x)),
    ("scipy.linalg.inv", scipy.linalg.inv),
    ("scipy.linalg.expm", scipy.linalg.expm),
    ("scipy.integrate.quad", lambda x: scipy.integrate.quad(lambda y: y * x, 0.0, 5.0)),
]


@pytest.mark.parametrize(("name", "f"), NAMES)
def test_a_name_is_the_one_by_which_it_is_reached(name: str, f: Any) -> None:
    """It is not that of a module above, if another function has it there."""
    x = 2.0 if "integrate" in name else M if "linalg" in name else V
    text = said(lambda: tg.record(lambda x: f(x), x))
    assert text.startswith(f"{name} ")
    found: Any = sys.modules[name.partition(".")[0]]
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    assert callable(found)


@pytest.mark.parametrize("f", [f for name, f in NAMES if name.startswith("numpy.ma.")])
def test_masked_arrays(f: Any) -> None:
    """How to do without; the code is tested with that of operands."""
    text = said(lambda: tg.record(lambda x: f(x), V))
    assert "a.filled(0.0), or tapegrad.numpy.where(a.mask, 0.0, a.data)." in text


# Arguments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said_of", "f"),
    [
        ("check_finite=False", lambda x: scipy.linalg.solve(x, V, check_finite=False)),
        ("lower=True and assume_a='pos'",
         lambda x: scipy.linalg.solve(x, V, True, assume_a="pos")),
        ("return_sign=True", lambda x: scipy.special.logsumexp(x, None, None, False, True)),
        ("overwrite_a=True", lambda x: scipy.linalg.inv(x, overwrite_a=True)),
        ("overwrite_a=True", lambda x: scipy.linalg.inv(a=x, overwrite_a=True)),
        ("prepend=0", lambda x: np.diff(x, prepend=0)),
        ("prepend=", lambda x: np.diff(x, prepend=[[0], [1], [2]])),
        ("dtype=", lambda x: np.cumprod(x, dtype=np.float32)),
        ("initial=2.0", lambda x: np.add.reduce(x, initial=2.0)),
        ("where=", lambda x: np.add.reduce(x, where=M > 0.0)),
        ("ddof=0", lambda x: np.cov(x, ddof=0)),
    ],
)  # fmt: skip
def test_what_a_hint_does_not_cover_is_said(said_of: str, f: Any) -> None:
    """By name, and its value where that is short."""
    text = said(lambda: tg.record(lambda x: f(x), M))
    assert f"\nThere is no hint with {said_of}, only without:\nIn place of " in text


@pytest.mark.parametrize(
    "f",
    [
        lambda x: scipy.linalg.solve(x, V, transposed=True),
        lambda x: scipy.linalg.inv(x),
        lambda x: scipy.linalg.inv(a=x),
        lambda x: scipy.linalg.det(x, False),
        lambda x: scipy.linalg.norm(x, 2, 1, keepdims=True),
        lambda x: scipy.special.logsumexp(x, 1, V, keepdims=True),
        lambda x: scipy.special.softmax(x, axis=1),
        lambda x: scipy.special.log_softmax(x),
        lambda x: np.average([x, x], axis=0),
        lambda x: np.median([x, x]),
        lambda x: np.diff(x, 1),
        lambda x: np.multiply.reduce(x, 1, keepdims=True),
        lambda x: np.full(3, x),
        lambda x: np.vstack([x, x], casting="same_kind"),
    ],
)
def test_what_a_hint_covers_is_not_said(f: Any) -> None:
    """Nor what is NumPy's default anyway."""
    assert "There is no hint with" not in said(lambda: tg.record(lambda x: f(x), M))


# Lists, and what NumPy does not look at ----------------------------------------------------------

X, Y = np.array([0.5, -2.0, 1.5]), np.array([1.0, 3.0, -0.5])
LISTS: list[tuple[dict[str, Any], Any, Callable[[Any, Any], Any]]] = [
    ({}, np.sum, lambda x, y: [x, y]),
    ({"axis": 0}, np.sum, lambda x, y: [x, y * y]),
    ({"axis": 1, "keepdims": True}, np.max, lambda x, y: (x, y)),
    ({"axis": 0}, np.mean, lambda x, y: [x, y, Y]),
    ({}, np.mean, lambda x, y: [x[0], 2.0, y[1]]),
    ({"axis": -1, "ddof": 1}, np.var, lambda x, y: [x, y]),
    ({"ord": 1}, np.linalg.norm, lambda x, y: [x[0], y[0]]),
    ({}, np.prod, lambda x, y: [[x[0], x[1]], [y[0], y[1]]]),
    ({"axis": 0}, np.cumsum, lambda x, y: [x, y]),
]


@pytest.mark.parametrize(("given", "function", "make"), LISTS)
def test_a_list_of_traced_values(given: Any, function: Any, make: Any) -> None:
    """It is stacked, and all else that was given stays."""
    text = said(lambda: tg.record(lambda x, y: function(make(x, y), **given), X, Y))
    assert "for lists of traced values, only for arrays.\n  at " in text
    (code,) = code_of(text)

    def f(x: Any, y: Any) -> Any:
        return run(code, **dict.fromkeys("ax", make(x, y)), **given)

    wanted = function(make(X, Y), **given)
    truth.assert_close(tg.record(f, X, Y).value, wanted)
    weights = np.cos(np.arange(np.size(wanted))).reshape(np.shape(wanted))
    gradient = tg.grad(lambda p: (f(*p) * weights).sum())((X, Y))
    truth.assert_close(
        gradient, truth.gradient(lambda p: (function(make(*p), **given) * weights).sum(), (X, Y))
    )


def test_what_numpy_does_not_look_at() -> None:
    """A plain array that is to be filled with a traced value; an index that is traced."""
    text = said(lambda: tg.grad(lambda x: np.full_like(Y, x).sum())(2.0))
    (code,) = code_of(text)
    assert code == "tapegrad.numpy.full_like(a, fill_value)"
    assert tg.grad(lambda x: run(code, a=Y, fill_value=x).sum())(2.0) == 3.0
    text = said(lambda: tg.grad(lambda x: np.full_like(Y, x, np.float32).sum())(2.0))
    (code,) = code_of(text)
    assert run(code, a=Y, fill_value=2.0, dtype=np.float32).dtype == np.float32


# Errors that others hide -------------------------------------------------------------------------


def into_an_array(x: Any) -> Any:
    array = np.zeros(3)
    array[0] = x
    return array.sum()


@pytest.mark.parametrize(
    ("kind", "f", "text"),
    [
        (ValueError, into_an_array, "array = tapegrad.at(array)[i].set(x)"),
        (
            ValueError,
            lambda x: np.fromiter((y for y in (x, x)), float).sum(),
            "array = tapegrad.at(array)[i].set(x)",
        ),
        (
            (SystemError, tg.MissingRuleError),  # Python may see it before SciPy calls on
            lambda x: scipy.optimize.brentq(lambda y: y**2 - x, 0.0, 5.0),
            "scipy.optimize.brentq has no derivative rule in tapegrad.\n  at ",
        ),
    ],
)
@pytest.mark.parametrize("transform", [tg.grad, lambda f: tg.grad(tg.grad(f))])
def test_an_error_of_ours_that_another_stands_for(
    kind: Any, f: Any, text: str, transform: Any
) -> None:
    """NumPy and SciPy replace it; it is in a note, once."""
    with pytest.raises(kind) as caught:
        transform(f)(2.0)
    texts = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert texts.count(text) == 1


def test_errors_that_hide_nothing() -> None:
    """No note."""
    for error in (ValueError("no"), tg.ShapeError("no")):

        def f(x: Any, error: Any = error) -> Any:
            raise error from KeyError("x")

        with pytest.raises(ValueError, match="no") as caught:
            tg.grad(f)(2.0)
        assert not hasattr(caught.value, "__notes__")


# Wrappers ----------------------------------------------------------------------------------------

FAKE = """
import functools

def plain(a, b=1, *rest, c=2, **more):
    return call()

def wraps(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        kwargs.pop("b", None)
        return f and call()
    return wrapper

def with_more(f):
    @functools.wraps(f)
    def wrapper(first, second, third, fourth):
        return f and call()
    return wrapper

@wraps
def wrapped(a, b=1, c=2):
    pass

@with_more
def other(a):
    pass

def hidden():
    def inner():
        return call()
    return inner()

def deleted(a, b=1):
    del b
    return call()
"""


@pytest.fixture
def fake() -> Iterator[Any]:
    """A library's module, that asks who has called."""
    module: Any = types.ModuleType("scipy.fake")
    module.call = library_call
    exec(FAKE, vars(module))  # noqa: S102
    sys.modules["scipy.fake"] = module
    yield module
    del sys.modules["scipy.fake"]


def test_how_functions_are_wrapped(fake: Any) -> None:
    """What is given is known as far as it can be."""
    name = "scipy.fake"
    assert fake.plain(3) == Call(f"{name}.plain", fake.plain, {"a": 3})
    found = fake.plain(3, 4, 5, c="x", d=6)
    assert found.given == {"a": 3, "b": 4, "rest": (5,), "c": "x", "more": {"d": 6}}
    assert fake.wrapped(3, 1, c=4) == Call(f"{name}.wrapped", fake.wrapped, {"a": 3, "c": 4})
    assert fake.wrapped(a=3, b=4) == Call(f"{name}.wrapped", fake.wrapped, {"a": 3})
    assert fake.other(1, 2, 3, 4) == Call(f"{name}.other", fake.other)
    assert fake.deleted(1) == Call(f"{name}.deleted", fake.deleted, {"a": 1})
    assert fake.hidden() == Call(f"{name}.hidden", fake.hidden)
    fake.hidden, hidden = None, fake.hidden
    assert hidden() == Call("a function of scipy")
    assert library_call() is None
