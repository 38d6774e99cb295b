"""Every function and every method has NumPy's own parameters: what is bound to which is NumPy's.

First by inspection, then by calling: each parameter by position and by name, with values that NumPy
takes and some that it refuses. What ours has not is refused by an error with its name.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache, partial
from types import FunctionType
from typing import Any

import attrs
import numpy as np
import pytest
from calls import (
    CALLS,
    FUNCTIONS,
    NO_VALUE,
    PARAMETERS,
    WITH_SIGNATURES,
    Call,
    Way,
    call_of,
    differs,
    name_of,
    outcome,
    ways,
)

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad._dispatch import call_function
from tapegrad._methods import Methods
from tapegrad._tape import Var
from tapegrad.numpy import TABLE

pytestmark = WITH_SIGNATURES

P = inspect.Parameter
NAMED = pytest.mark.parametrize("function", FUNCTIONS, ids=name_of)
METHODS = [name for name, value in vars(Methods).items() if isinstance(value, FunctionType)]
METHODS.remove("_call")
# Methods that are another function's, or are called like it.
OF_ANOTHER_NAME = {"conj": "conjugate", "flatten": "ravel"}


# By inspection -----------------------------------------------------------------------------------

# What stands for NumPy's <no value>: it has the same effect.
NOT_GIVEN = (NO_VALUE, None, False)
# Where the one has a default, and the other has not.
REQUIRED = {
    "where": {"x", "y"},  # without them, it is numpy.nonzero
}


def mismatch(theirs: inspect.Signature, ours: inspect.Signature, required: Any = ()) -> str:
    """Where Python would bind an argument of ours to another parameter than NumPy does; or "".

    Ours has the first of NumPy's positional parameters, under their names (those that are
    positional only may have any) and with their defaults. Its others are keyword only.
    """
    known = list(theirs.parameters.values())
    places = [p for p in known if p.kind in (P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD)]
    kinds = {p.kind for p in known}
    for place, own in enumerate(ours.parameters.values()):
        if own.kind in (P.VAR_POSITIONAL, P.VAR_KEYWORD):
            other = next((p for p in known if p.kind is own.kind), None)
        elif own.kind is P.KEYWORD_ONLY:
            other = theirs.parameters.get(own.name)
        else:
            other = places[place] if place < len(places) else None
        by_name = P.VAR_KEYWORD in kinds and own.name in PARAMETERS
        if other is None and (by_name or P.VAR_POSITIONAL in kinds):
            continue
        if other is None or not corresponds(own, other, required):
            return f"{own} for NumPy's {other}"
    return ""


def corresponds(own: P, other: P, required: Any) -> bool:
    """Whether two parameters take the same, or ours less."""
    if own.kind in (P.VAR_POSITIONAL, P.VAR_KEYWORD):
        return True
    kinds = (own.kind, other.kind)
    if own.kind is not other.kind and kinds != (P.KEYWORD_ONLY, P.POSITIONAL_OR_KEYWORD):
        return False
    named = own.kind is P.POSITIONAL_ONLY or own.name == other.name
    return named and (own.name in required or same_default(own.default, other.default))


def same_default(own: Any, other: Any) -> bool:
    """Whether two defaults say the same."""
    if other is NO_VALUE:
        return any(own is x for x in NOT_GIVEN)
    return own.__class__ is other.__class__ and bool(own == other)


@NAMED
def test_a_function_has_numpys_signature(function: Any) -> None:
    """Names, order, kinds and defaults; what it has not, or not yet, comes last."""
    theirs, ours = inspect.signature(function), inspect.signature(TABLE[function])
    assert mismatch(theirs, ours, REQUIRED.get(name_of(function), ())) == ""


def without_self(signature: inspect.Signature) -> inspect.Signature:
    """The signature of a method, as it is called."""
    return signature.replace(parameters=list(signature.parameters.values())[1:])


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_numpys_signature(name: str) -> None:
    """That of ndarray's, which is not always that of the function."""
    theirs, ours = (inspect.signature(getattr(kind, name)) for kind in (np.ndarray, Var))
    assert mismatch(without_self(theirs), without_self(ours)) == ""


def test_signatures_as_one_reads_them() -> None:
    """By hand, some of them."""
    signatures: dict[Any, str] = {
        tnp.exp: "(x: 'Operand', /) -> 'Array'",
        tnp.add: "(x: 'Operand', y: 'Operand', /) -> 'Array'",
        tnp.sum: "(a: 'Operand', axis: 'Axis' = None, dtype: 'DType' = None, out: 'None' = None, "
        "keepdims: 'bool' = False) -> 'Array'",
        tnp.linalg.det: "(a: 'Operand') -> 'Array'",
    }
    for function, text in signatures.items():
        assert str(inspect.signature(function)) == text


def wrong_order(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """As it was: the third was another."""


def wrong_default(a: Any, axis: Any = 0) -> Any:
    """Another axis."""


def wrong_name(x: Any) -> Any:
    """numpy.sum(a=x) would not find it."""


def wrong_kind(a: Any, /) -> Any:
    """The same."""


def too_many(a: Any, *, label: str = "") -> Any:
    """What NumPy has not."""


@pytest.mark.parametrize("function", [wrong_order, wrong_default, wrong_name, wrong_kind, too_many])
def test_a_wrong_signature_would_be_found(function: Callable[..., Any]) -> None:
    """By its name, its place, its kind or its default."""
    assert mismatch(inspect.signature(np.sum), inspect.signature(function)) != ""


# By calling --------------------------------------------------------------------------------------

# What a function may refuse, though NumPy's takes it: parameters, and those of their values.
REFUSED: dict[str, tuple[Any, ...] | None] = {
    "out": None,  # any: values are immutable
    "where": None,
    "initial": None,
    "descending": None,
    "order": ("A", "K"),  # how an array lies in memory
    "copy": (False,),
    "mode": ("mean", "empty"),  # of padding: it would be computed
    "reflect_type": ("odd",),
    "ord": (2, -2, "nuc"),  # of a matrix: they need singular values
}
# More, of single functions.
REFUSED_BY: dict[str, dict[str, tuple[Any, ...] | None]] = {
    "std": {"dtype": (int, "i1", bool)},  # the root is no whole number
    "einsum": {"casting": None, "order": None, "dtype": None},
}
OF_UFUNCS = ("out", "where", "casting", "order", "dtype", "subok", "keepdims", "axis", "axes")


def may_refuse(function: Any, way: Way) -> bool:
    """Whether it is known that ours does not take this value of this parameter."""
    if isinstance(function, np.ufunc):
        return way.about in OF_UFUNCS
    known = REFUSED | REFUSED_BY.get(name_of(function), {})
    if way.about not in known:
        return way.value is NO_VALUE
    values = known[way.about]
    return values is None or any(way.value is value for value in values)


def refuses(error: Any, way: Way, *, binding: bool) -> bool:
    """Whether an error is a refusal that names the parameter, or is Python's, of too many."""
    if not isinstance(error, TypeError):
        return False
    if binding and (way.value is NO_VALUE or "positional arguments" in str(error)):
        return True  # that is a default of NumPy's functions only
    return way.about in str(error)


def judged(found: Any, expected: Any, way: Way, function: Any, *, binding: bool) -> str:
    """In what a call is neither answered as NumPy answers it nor refused; "" if it is."""
    if may_refuse(function, way) and refuses(found, way, binding=binding):
        return ""
    return differs(found, expected)


def recorded(run: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """The value of a function of traced operands."""
    return tg.record(run, *operands).value


@cache
def answers(function: Any) -> list[tuple[Way, Any, Any, Any]]:
    """Each way of calling a function; what NumPy answers, NumPy's of traced values, and ours."""
    operands = call_of(function).operands(float)
    more = OF_UFUNCS if isinstance(function, np.ufunc) else ()
    return [
        (
            way,
            outcome(partial(way.run, function, operands)),
            outcome(partial(recorded, partial(traced, way, function), operands)),
            outcome(partial(way.run, TABLE[function], operands)),
        )
        for way in ways(function, call_of(function), more)
    ]


def traced(way: Way, function: Any, *operands: Any) -> Any:
    """A function, called like this, of operands that are given one by one."""
    return way.run(function, operands)


@NAMED
def test_every_way_of_giving_an_argument(function: Any) -> None:
    """NumPy's function on traced values, and ours on plain ones, do what NumPy's does."""
    wrong = [
        f"{way}: {why}"
        for way, expected, *both in answers(function)
        for found, binding in zip(both, (False, True), strict=True)
        if (why := judged(found, expected, way, function, binding=binding))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", METHODS)
def test_every_way_of_giving_an_argument_to_a_method(name: str) -> None:
    """A traced value's does what the array's does."""
    method: Any = getattr(np.ndarray, name)
    function = getattr(np, OF_ANOTHER_NAME.get(name, name))
    call = CALLS.get(name, Call())
    operands = call.operands(float)
    wrong = []
    for way in ways(method, call, ("keepdims", "initial", "where", "mean")):
        expected = outcome(partial(way.run, method, operands))
        if "return arrays must be of ArrayType" in str(expected):
            continue  # ndarray.all(None, None) does not take its own default
        found = outcome(partial(recorded, partial(traced, way, getattr(Var, name)), operands))
        if why := judged(found, expected, way, function, binding=True):
            wrong.append(f"{way}: {why}")
    assert wrong == []


def test_what_may_be_refused_is_refused() -> None:
    """No line of the lists above is out of date."""
    found = {
        (place, way.about, repr(way.value))
        for function in FUNCTIONS
        for way, _, ours, _ in answers(function)
        if may_refuse(function, way)
        if refuses(ours, way, binding=False)
        for place in ("", name_of(function))
    }
    said = {name for function in FUNCTIONS for name in inspect.signature(function).parameters}
    for place, known in {"": REFUSED, **REFUSED_BY}.items():
        for about, values in known.items():
            if about == "descending" and about not in said:
                continue  # since NumPy 2.5
            some = {value for where, name, value in found if (where, name) == (place, about)}
            assert some if values is None else some >= set(map(repr, values)), (place, about)


UNTYPED: Any = np  # the stubs of some NumPy refuse what it takes
X = np.array([[1.0, 4.0, 2.0], [3.0, 0.5, 8.0]])
ANSWERED: list[Callable[[Any], Any]] = [
    lambda x: np.sum(x, 1, float),
    lambda x: UNTYPED.sum(x, 0, None, None, True),
    lambda x: np.sum(x, 0, out=None, initial=NO_VALUE, where=NO_VALUE),
    lambda x: UNTYPED.max(x, 0, None, True),
    lambda x: np.var(x, 0, None),
    lambda x: np.copy(x, order="C"),
    lambda x: np.clip(x, 0, 1, None),
    lambda x: np.clip(x),
    lambda x: np.exp(x, out=None, where=True, casting="same_kind", order="K", dtype=None),
    lambda x: x.mean(1, float),
    lambda x: x.max(0, None, True),
    lambda x: x.reshape((3, 2), order="F"),
]
NOT_WHOLE: Any = 1.7
NOT_ANSWERED: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (
        lambda x: UNTYPED.max(x, None, X),
        tg.MutationError,
        "numpy.max was asked to write into an array",
    ),
    (lambda x: x.max(None, X), tg.MutationError, "numpy.max was asked to write into an array"),
    (lambda x: np.clip(x, 0, 1, min=2), ValueError, "a_min and a_max, or min and max, not both"),
    (lambda x: np.clip(x, 0), TypeError, "a_min and a_max are given together"),
    (lambda x: np.var(x, ddof=1, correction=1), ValueError, "ddof and correction are one"),
    (lambda x: np.sort(x, kind="stable", stable=True), ValueError, "kind and stable are one"),
    (lambda x: x.argsort(kind="heapsort", stable=False), ValueError, "kind and stable are one"),
    (lambda x: np.pad(x, NOT_WHOLE), TypeError, "`pad_width` must be of integral type"),
    (lambda x: np.einsum("i...->i", x), ValueError, "'i...->i' does not fit operands of"),
    (lambda x: np.sum(x, initial=2.0), tg.MissingRuleError, "there is no initial=2.0 in its"),
    (lambda x: np.exp(x, where=X > 1), tg.MissingRuleError, "there is no where= in its"),
    (lambda x: np.linalg.norm(x, 2), tg.MissingRuleError, "there is no ord=2 in its"),
    (lambda x: UNTYPED.take(x, 99, mode=None), tg.MissingRuleError, "there is no mode= in its"),
    (lambda x: np.where(x > 0), tg.MissingRuleError, "missing a required argument: 'x'"),
]


@pytest.mark.parametrize("f", ANSWERED)
def test_answered_as_numpy_answers(f: Callable[[Any], Any]) -> None:
    """To read: what was taken for another argument, or not taken."""
    assert differs(recorded(f, (X,)), f(X)) == ""


@pytest.mark.parametrize(("f", "kind", "text"), NOT_ANSWERED)
def test_refused_by_name(f: Callable[[Any], Any], kind: type[Exception], text: str) -> None:
    """To read: what is not there, or what NumPy refuses as well."""
    with pytest.raises(kind, match=re.escape(text)):
        recorded(f, (X,))


def test_a_function_that_does_not_say_its_signature() -> None:
    """As many that are written in C, before NumPy 2.4: what does not fit is refused, too."""
    with pytest.raises(tg.MissingRuleError, match=r"max of a traced .*: too many positional arg"):
        call_function({max: lambda x: x}, max, (1.0, 2.0), {})
    with pytest.raises(tg.MissingRuleError, match=r"^builtins.max has no derivative rule"):
        call_function({}, max, (1.0, 2.0), {"key": None})


def test_a_parameter_bound_to_another_would_be_found() -> None:
    """By the value: where ours had keepdims in the place of dtype."""
    way = next(w for w in ways(np.sum, CALLS["sum"]) if w.about == "dtype" and not w.kwargs)

    def as_it_was(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
        return UNTYPED.sum(a, axis, keepdims=bool(keepdims))

    operands = CALLS["sum"].operands(float)
    expected = way.run(np.sum, operands)
    assert judged(expected, expected, way, np.sum, binding=False) == ""
    way = attrs.evolve(way, args=lambda x: (x, None, "f4"))
    assert judged(
        way.run(as_it_was, operands), way.run(np.sum, operands), way, np.sum, binding=False
    )
