"""What errors tell users to write is code, too: what a message says is run, and held to NumPy.

A line of a message that is indented by four is code. `TESTED` names the messages that have some.
"""

from __future__ import annotations

import dataclasses
import decimal
import fractions
import functools
import inspect
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pytest
import scipy.linalg
import truth

import tapegrad
from tapegrad import _texts
from tapegrad._hints import takes
from tapegrad._options import OPTIONS, WRITES

tg: Any = tapegrad
M = np.array([[0.5, -1.0, 2.0, 3.5], [1.5, -0.25, 4.0, -2.0], [0.75, 5.0, -3.0, 1.0]])
V = np.array([0.3, -1.2, 2.5, 0.9, -0.4])


def said(run: Callable[..., object], kind: type[Exception] = Exception) -> str:
    """What the error says that a program meets."""
    with pytest.raises(kind) as caught:
        run()
    return str(caught.value)


def code_of(text: str) -> list[str]:
    """The lines of code in a message."""
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]


def run(code: str, **names: Any) -> dict[str, Any]:
    """What the names are after a line of code; the value of an expression is called _."""
    known = {"numpy": np, "tapegrad": tapegrad, "functools": functools, "attrs": attrs, **names}
    statement = re.match(r"\w+ = ", code)
    exec(code if statement else f"_ = {code}", known)  # noqa: S102  # the package's own hints
    return known


def same(got: Any, wanted: Any) -> None:
    np.testing.assert_allclose(np.asarray(got), np.asarray(wanted), rtol=1e-14)
    assert np.shape(got) == np.shape(wanted)


TESTED = {
    "ASSIGNMENT", "TO_NUMBER", "TO_INDEX", "TO_ARRAY", "IN_PLACE_OPERATOR", "STATIC",
    "INTEGER_LEAF", "SETTING_LEAF", "UNKNOWN_LEAF", "BATCHED_BOOL", "BATCHED_MASK", "BATCHED_INT",
    "BATCHED_VALUE", "BATCHED_INDEX", "OBJECTS_TRACED", "NO_FIELD", "NOT_FLOATING",
    "BATCHED_NUMBER", "OBJECTS", "OF_A_LIST", "OURS",
}  # fmt: skip


def test_every_message_with_code_is_tested() -> None:
    """Whoever writes code into a message writes its test here."""
    texts = {name: text for name, text in vars(_texts).items() if isinstance(text, str)}
    with_code = {name for name, text in texts.items() if code_of(text) and name != "__doc__"}
    assert with_code == TESTED


# Writing into arrays -----------------------------------------------------------------------------

INDICES: list[Any] = [1, -2, slice(1, 4), [0, 0, 2], np.array([3, 1, 3]), V > 0.0, ..., (None, 2)]


@pytest.mark.parametrize("i", INDICES, ids=repr)
def test_assignment(i: Any) -> None:
    """x[i] = v and x[i] += v, places named twice included."""

    def assigns(x: Any) -> Any:
        x[i] = 5.0
        return x.sum()

    by_set, by_add = code_of(said(lambda: tg.grad(assigns)(V), tg.MutationError))
    v = 0.5 + np.arange(np.size(V[i])).reshape(np.shape(V[i]))
    changed, added = V.copy(), V.copy()
    changed[i] = v
    added[i] += v
    for code, wanted in ((by_set, changed), (by_add, added)):
        same(run(code, x=V.copy(), i=i, v=v)["x"], wanted)
        same(tg.record(lambda x, c=code: run(c, x=x, i=i, v=v)["x"], V).value, wanted)
    kept = np.ones(5)
    kept[i] = 0.0
    same(tg.grad(lambda x: run(by_set, x=x, i=i, v=v)["x"].sum())(V), kept)
    same(tg.grad(lambda x: run(by_add, x=x, i=i, v=v)["x"].sum())(V), np.ones(5))


def test_a_traced_value_into_an_array() -> None:
    """array[i] = x, by a number and by an array."""

    def number(x: Any) -> Any:
        array = np.zeros(3)
        array[1] = x
        return array.sum()

    def row(x: Any) -> Any:
        array = np.zeros((2, 5))
        array[1] = x
        return array.sum()

    with pytest.raises(ValueError, match="setting an array element") as caught:
        tg.grad(number)(2.0)
    (code,) = code_of(str(caught.value.__cause__))
    array, wanted = np.arange(3.0), np.array([0.0, 2.0, 2.0])
    same(tg.record(lambda x: run(code, array=array, i=1, x=x)["array"], 2.0).value, wanted)
    same(tg.grad(lambda x: run(code, array=array, i=1, x=x)["array"] @ wanted)(2.0), 2.0)
    code = code_of(said(lambda: tg.grad(row)(V), tg.ConversionError))[-1]
    wanted = np.stack([np.zeros(5), V])
    got = tg.record(lambda x: run(code, array=np.zeros((2, 5)), i=1, x=x)["array"], V).value
    same(got, wanted)


def test_traced_values_put_together() -> None:
    """In place of numpy.array, of numbers in a list and in lists of lists."""
    text = said(lambda: tg.grad(lambda x: np.array([x, x]).sum())(2.0), tg.ConversionError)
    vector, matrix, _ = code_of(text)
    values = (0.5, 1.5, 2.5, 3.5)

    def together(code: str, *given: Any) -> Any:
        return run(code, **dict(zip("xyzw", given)))["_"]

    same(tg.record(functools.partial(together, vector), *values[:2]).value, [0.5, 1.5])
    same(tg.record(functools.partial(together, matrix), *values).value, [[0.5, 1.5], [2.5, 3.5]])
    both = tg.grad(lambda x, y: together(vector, x, y) @ np.array([2.0, 3.0]), (0, 1))(0.5, 1.5)
    assert both == (2.0, 3.0)


@pytest.mark.parametrize(
    ("sign", "change"),
    [
        ("+", lambda a, x: a.__iadd__(x)),
        ("-", lambda a, x: a.__isub__(x)),
        ("*", lambda a, x: a.__imul__(x)),
        ("/", lambda a, x: a.__itruediv__(x)),
        ("//", lambda a, x: a.__ifloordiv__(x)),
        ("%", lambda a, x: a.__imod__(x)),
        ("**", lambda a, x: a.__ipow__(x)),
        ("@", lambda a, x: a.__imatmul__(x)),
    ],
)
def test_augmented_assignments(sign: str, change: Callable[[Any, Any], Any]) -> None:
    """The operator that was written is the one that is suggested."""
    a, x = np.array([[2.0, 3.0], [0.5, 1.0]]), np.array([[0.5, 2.0], [3.0, 4.0]])
    text = said(lambda: tg.grad(lambda x: change(a.copy(), x).sum())(x), tg.MutationError)
    assert f" by a {sign}= x." in text
    (code,) = code_of(text)
    assert code == f"a = a {sign} x"
    wanted = change(a.copy(), x)
    same(tg.record(lambda x: run(code, a=a, x=x)["a"], x).value, wanted)


WRITTEN: dict[str, list[dict[str, Any]]] = {
    "numpy.copyto": [
        {"dst": M, "src": V[:4], "where": True},
        {"dst": M, "src": 2.0, "where": M > 0},
        {"dst": M.astype(np.float32), "src": M * 3, "where": True},
    ],
    "numpy.fill_diagonal": [
        {"a": M, "val": 7.0}, {"a": M.T, "val": 7.0}, {"a": M[:3, :3], "val": 1},
    ],
    "numpy.place": [{"arr": M, "mask": M > 0, "vals": 2.5}],
    "numpy.put": [
        {"a": M, "ind": [0, 5, 11], "v": [1.0, 2.0, 3.0]}, {"a": V, "ind": [1, 1], "v": 4},
    ],
    "numpy.put_along_axis": [
        {"arr": M, "indices": np.array([[1], [0], [3]]), "values": 9.0, "axis": 1},
        {"arr": M, "indices": np.argsort(M, -1), "values": np.arange(4.0), "axis": -1},
    ],
    "numpy.putmask": [
        {"a": M, "mask": M > 0, "values": 2.5}, {"a": M, "mask": M > 0, "values": M * 2},
    ],
    "numpy.add.at": [
        {"a": V, "indices": [0, 0, 2], "b": [1.0, 2.0, 3.0]}, {"a": M, "indices": 1, "b": 2.0},
    ],
    "numpy.subtract.at": [{"a": V, "indices": [0, 0, 2], "b": np.array([1.0, 2.0, 3.0])}],
}  # fmt: skip


def numpys(name: str) -> Any:
    return functools.reduce(getattr, name.split(".")[1:], np)


def write(name: str, given: Mapping[str, Any]) -> None:
    """NumPy's function, on arguments of which some are positional only."""
    options = {key: x for key, x in given.items() if key == "where"}
    numpys(name)(*[x for key, x in given.items() if key != "where"], **options)


def test_every_writer_is_tested() -> None:
    """Each has one hint."""
    assert list(WRITTEN) == list(WRITES)
    assert all(len(cases) == 1 for _, cases in WRITES.values())


@pytest.mark.parametrize("name", WRITTEN)
def test_functions_that_write(name: str) -> None:
    """The array that they would have written into, as a new one."""
    for given in WRITTEN[name]:
        first = next(iter(given))
        changed = {**given, first: given[first].copy()}
        write(name, changed)

        def writes(x: Any, given: Any = given, first: str = first) -> Any:
            write(name, {**given, first: x})
            return x

        text = said(lambda w=writes, x=given[first]: tg.grad(w)(x), tg.MutationError)
        (code,) = code_of(text)
        same(run(code, **given)[first], changed[first])
        assert run(code, **given)[first].dtype == changed[first].dtype

        def new(x: Any, given: Any = given, first: str = first, code: str = code) -> Any:
            return run(code, **{**given, first: x})[first]

        same(tg.record(new, given[first]).value, changed[first])


def test_another_writer() -> None:
    """Of ufuncs' at that are no addition, the element is named."""
    text = said(lambda: tg.grad(lambda x: np.multiply.at(np.ones(3), 0, x))(2.0), tg.MutationError)
    assert code_of(text) == ["a = tapegrad.at(a)[i].set(x)"]


def test_objects_that_are_numbers() -> None:
    """As pandas gives them."""
    x = np.array([1.0, 2.0, 4.0])
    boxed = x.astype(object)
    for f in (lambda x: x * boxed, lambda x: boxed * x, lambda x: np.dot(x, boxed)):
        (code,) = code_of(said(lambda f=f: tg.record(f, x), tg.OperandError))
        same(run(code, a=boxed)["_"], x)
        assert run(code, a=boxed)["_"].dtype == x.dtype


def test_whole_numbers_to_a_negative_power() -> None:
    """It is their dtype that is wrong, not their shapes."""
    whole = np.array([1, 2, 4])
    for f in (lambda x: x**-1, lambda x: np.power(x, -1), lambda x: 2 ** (-x)):
        text = said(lambda f=f: tg.record(f, whole), tg.DomainError)
        assert text.startswith("power (**): Integers to negative integer powers are not allowed.")
        (code,) = code_of(text)
        same(tg.record(lambda x, c=code: run(c, x=x, y=-1)["_"], whole).value, [1.0, 0.5, 0.25])
    with pytest.raises(tg.ShapeError, match=r"power \(\*\*\) cannot take operands of shapes"):
        tg.record(lambda x: x ** np.ones(2), whole)


def test_objects_that_are_traced() -> None:
    """An array of objects that was filled with traced values: stacked, or set."""

    def boxes(x: Any) -> Any:
        box = np.empty(2, object)
        box[0], box[1] = x, x * x
        return np.sum(box * np.stack([x, x]))

    text = said(lambda: tg.grad(boxes)(3.0), tg.OperandError)
    stacked, is_set = code_of(text)

    def by_stack(x: Any) -> Any:
        return run(stacked, x=x, y=x * x)["_"].sum()

    def by_set(x: Any) -> Any:
        return run(is_set, array=np.ones(2), i=1, x=x * x)["array"].sum()

    assert tg.grad(by_stack)(3.0) == 7.0
    assert tg.grad(by_set)(3.0) == 6.0


# Options -----------------------------------------------------------------------------------------

WHERE = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, True]])
# What a reduction has no rule for; numpy.max and numpy.min need an initial value with where=.
REDUCED: list[tuple[Any, dict[str, Any]]] = [
    *((f, {"where": WHERE}) for f in (np.sum, np.prod, np.mean)),
    *((f, {"initial": 1.25}) for f in (np.sum, np.prod, np.max, np.min)),
    *((f, {"initial": 1.25, "where": WHERE}) for f in (np.sum, np.prod, np.max, np.min)),
]
# What else was said has to be in the hint, too.
REST: list[dict[str, Any]] = [
    {}, {"axis": 0}, {"axis": -1}, {"axis": 1, "keepdims": True}, {"axis": (0, 1)},
    {"keepdims": True},
]  # fmt: skip


def hint_for(text: str) -> tuple[str, Mapping[str, Any]]:
    """The code of a hint in a message, and the arguments that it is for, with their defaults."""
    (head,) = re.findall(r"In place of [\w.]+\((.*)\)(?:, .*)?:\n", text)
    (code,) = code_of(text)
    parameters = inspect.signature(eval(f"lambda {head}: None")).parameters.values()  # noqa: S307
    return code, {p.name: p.default for p in parameters if p.default is not p.empty}


@pytest.mark.parametrize("rest", REST, ids=repr)
@pytest.mark.parametrize(("function", "options"), REDUCED)
def test_options_of_reductions(function: Any, options: Any, rest: Any) -> None:
    """where= and initial=, with the axis, dtype= and keepdims=, of functions and of methods."""
    given = {**options, **rest}
    text = said(lambda: tg.grad(lambda a: function(a, **given).sum())(M), tg.MissingRuleError)
    assert said(lambda: tg.grad(lambda a: a.__getattribute__(function.__name__)(**given).sum())(M))
    code, defaults = hint_for(text)
    names = {**defaults, **given}
    same(run(code, a=M, **names)["_"], function(M, **given))
    out, gradient = tg.value_and_grad(lambda a: run(code, a=a, **names)["_"].sum())(M)
    same(out, function(M, **given).sum())
    truth.assert_close(gradient, truth.gradient(lambda a: function(a, **given).sum(), M))
    for dtype in (np.float32, np.float64):
        if function not in (np.max, np.min):
            got = tg.record(lambda a, t=dtype: run(code, a=a, **{**names, "dtype": t})["_"], M)
            assert got.value.dtype == function(M, dtype=dtype, **given).dtype
        got = tg.record(lambda a: run(code, a=a, **names)["_"], M.astype(dtype))
        assert got.value.dtype == function(M.astype(dtype), **given).dtype


def test_methods_refuse_what_functions_refuse() -> None:
    """With the same words, and the line; what no method takes, under its public name."""
    for name, options in (
        ("sum", {"where": M > 0}), ("prod", {"initial": 2.0}), ("mean", {"where": M > 0}),
        ("max", {"initial": 2.0}), ("min", {"initial": 2.0, "where": M > 0}),
        ("var", {"where": M > 0}), ("std", {"where": M > 0}),
        ("all", {"where": M > 0}), ("any", {"where": M > 0}),
    ):  # fmt: skip
        one, other = (
            said(lambda f=f: tg.record(f, M), tg.MissingRuleError)
            for f in (
                lambda x, name=name, options=options: getattr(x, name)(**options),
                lambda x, name=name, options=options: getattr(np, name)(x, **options),
            )
        )
        assert re.sub("  at .*", "", one) == re.sub("  at .*", "", other)
        assert "test_messages.py:" in one
    with pytest.raises(TypeError, match=r"^Var\.sum\(\) got an unexpected keyword argument 'dim'"):
        tg.grad(lambda x: x.sum(dim=0))(V)
    same(tg.grad(lambda x: x.sum(None, None, None, False, None, True))(V), np.ones(5))


@pytest.mark.parametrize("function", [np.all, np.any])
def test_options_of_truths(function: Any) -> None:
    """where= again."""

    def f(x: Any, rest: Any) -> Any:
        return function(x > 0.0, where=WHERE, **rest) * 1.0

    for rest in REST:
        code, defaults = hint_for(
            said(lambda r=rest: tg.record(lambda x: f(x, r), M), tg.MissingRuleError)
        )
        names = {**defaults, "where": WHERE, **rest}
        got = tg.record(lambda x, c=code, n=names: run(c, a=x > 0.0, **n)["_"], M).value
        same(got, function(M > 0.0, where=WHERE, **rest))


def test_where_of_ufuncs() -> None:
    """It keeps the slopes of what is left out."""
    x = np.array([0.0, 1.0, 4.0])
    where = x > 0.0
    text = said(lambda: tg.grad(lambda x: np.log(x, where=where).sum())(x), tg.MissingRuleError)
    (code,) = code_of(text)
    names = {"where": where, "safe": 1.0, "other": 0.0}
    same(run(code, x=x, **names)["_"], [0.0, *np.log([1.0, 4.0])])
    same(tg.grad(lambda x: run(code, x=x, **names)["_"].sum())(x), [0.0, 1.0, 0.25])


UFUNCS: list[Any] = [function for function in tg.numpy.TABLE if isinstance(function, np.ufunc)]
DTYPES = (np.float64, np.float32, np.float16, np.int64, np.int32, np.bool_)


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
@np.errstate(all="ignore")
def test_dtype_of_ufuncs(ufunc: Any) -> None:
    """What NumPy computes, or its refusal to cast; no hint where it is not of the operands."""
    code = ""
    for given in DTYPES[:2] + DTYPES[3:4] + DTYPES[5:]:
        operands = [np.array([1.5, 0.25, 2.0]).astype(given)] * ufunc.nin
        for dtype in DTYPES:

            def numpys(dtype: Any = dtype, operands: Any = operands) -> Any:
                return ufunc(*operands, dtype=dtype)

            def ours(x: Any, dtype: Any = dtype) -> Any:
                return ufunc(*[x] * ufunc.nin, dtype=dtype)

            try:
                wanted = numpys()
            except TypeError:
                assert not code_of(said(lambda f=ours, x=operands: tg.record(f, x[0]), TypeError))
                continue
            text = said(lambda f=ours, x=operands: tg.record(f, x[0]), tg.MissingRuleError)
            for code in code_of(text):
                names = dict(zip(("x1", "x2"), operands)) | {"x": operands[0], "dtype": dtype}
                got = run(code, **names)["_"]
                np.testing.assert_array_equal(got, wanted)
                assert got.dtype == wanted.dtype
    assert code or ufunc(*[1.0] * ufunc.nin).dtype == bool


def test_every_option_is_tested() -> None:
    """Those of the table; where one is another's rule now, its line goes."""
    tested = {(f"numpy.{f.__name__}".replace(".a", "."), *options) for f, options in REDUCED}
    tested |= {("numpy.all", "where"), ("numpy.any", "where")}
    usual = {"a", "axis", "dtype", "keepdims"}
    hints = {(h[0].partition("(")[0], *sorted(takes(h) - usual)) for h in OPTIONS}
    assert hints == tested
    for f in (
        lambda x: np.ravel(x, "K").sum(),
        lambda x: np.var(x, where=x > 0.0),
        lambda x: np.exp(x, dtype=float, casting="unsafe").sum(),  # one would forget the other
    ):
        text = said(lambda f=f: tg.grad(f)(M), tg.MissingRuleError)
        assert text.endswith("Write it with the arguments that tapegrad.numpy has for it.")


# Numbers and truths ------------------------------------------------------------------------------


def test_an_index() -> None:
    """A number and an array of whole numbers."""
    code, _ = code_of(said(lambda: tg.grad(lambda x: [1, 2][x])(1.0), tg.ConversionError))
    assert tg.grad(lambda x: x * [3.0, 4.0][run(code, x=x)["_"]])(1.0) == 4.0
    text = said(lambda: tg.grad(lambda x: x[x].sum())(np.ones(2)), tg.ConversionError)
    _, code = code_of(text)
    x = np.array([2.0, 0.0])
    same(tg.grad(lambda x: (x * V[run(code, x=x)["_"]]).sum())(x), V[[2, 0]])


def batched(f: Callable[..., Any], x: Any) -> list[str]:
    return code_of(said(lambda: tg.vmap(f)(x), tg.ShapeError))


def test_what_differs_from_example_to_example() -> None:
    """Branches, masks, integers, indices, values."""
    (code,) = batched(lambda x: x if x > 0.0 else -2.0 * x, V)
    got = tg.vmap(lambda x: run(code, condition=x > 0.0, a=x, b=-2.0 * x)["_"])(V)
    same(got, [x if x > 0.0 else -2.0 * x for x in V])
    for f in (lambda x: x[x > 0.0].sum(), lambda x: tg.at(x)[x > 0.0].set(7.0)):
        total, mean, is_set = batched(f, M)
        same(
            tg.vmap(lambda x, c=total: run(c, x=x, mask=x > 0.0)["_"])(M),
            [x[x > 0].sum() for x in M],
        )
        same(
            tg.vmap(lambda x, c=mean: run(c, x=x, mask=x > 0.0)["_"])(M),
            [x[x > 0].mean() for x in M],
        )
        got = tg.vmap(lambda x, c=is_set: run(c, x=x, mask=x > 0.0, v=7.0)["_"])(M)
        same(got, np.where(M > 0, 7.0, M))
    element, column, part = batched(lambda x: x[: np.argmax(x)].sum(), M)
    stack = np.stack([M, M * 2.0, M - 1.0])
    which = np.array([0, 2, -1])
    got = tg.vmap(lambda x, i: run(element, x=x, i=i)["_"])(stack, which)
    same(got, [x[i] for x, i in zip(stack, which)])
    got = tg.vmap(lambda x, i: run(column, x=x, i=i)["_"])(stack, which)
    same(got, [x[:, i] for x, i in zip(stack, which)])
    got = tg.vmap(lambda x: run(part, x=x, i=np.argmax(x))["_"])(M)
    same(got, [x[: np.argmax(x)].sum() for x in M])
    for plain in (
        lambda i: M[i], lambda i: M[:, i], lambda i: np.take(M, i), lambda i: M.take(i),
        lambda i: M[i[None]], lambda i: M[:, i[None]],
    ):  # fmt: skip
        meant: list[Callable[[Any], Any]] = [
            lambda i: M[i], lambda i: M[:, i], lambda i: np.take(M, i),
        ]  # fmt: skip
        for code, numpys in zip(batched(plain, which), meant, strict=True):
            got = tg.vmap(lambda i, c=code: run(c, array=M, i=i)["_"])(which)
            same(got, [numpys(i) for i in which])
    (code,) = batched(lambda x: x * x.value, V)
    same(tg.vmap(tg.grad(lambda x: x * run(code, x=x)["_"]))(V), V)


def test_numbers_of_examples() -> None:
    """Under vmap, where x.value is no number either, also within a gradient."""
    functions: tuple[Callable[[Any], Any], ...] = (math.floor, int, float, tg.grad(int))
    for f in functions:
        text = said(lambda f=f: tg.vmap(f)(V), tg.ConversionError)
        assert "x.value" not in text
        floor, ceil, whole, is_set = code_of(text)
        same(tg.vmap(lambda x, c=floor: run(c, x=x)["_"])(V), [math.floor(x) for x in V])
        same(tg.vmap(lambda x, c=ceil: run(c, x=x)["_"])(V), [math.ceil(x) for x in V])
        same(tg.vmap(lambda x, c=whole: run(c, x=x)["_"])(V), [int(x) for x in V])
        got = tg.vmap(lambda x, c=is_set: run(c, x=x, i=1, array=np.ones(3))["array"])(V)
        same(got[:, 1], V)
    text = said(lambda: tg.vmap(lambda x: scipy.linalg.inv(np.eye(2) * x))(V), tg.MissingRuleError)
    assert "x.value" not in text


# Leaves ------------------------------------------------------------------------------------------


def test_leaves_that_are_whole_numbers() -> None:
    """As floating point."""
    for given in (np.array([1, 2]), np.int32(3)):
        text = said(lambda g=given: tg.grad(lambda p: (p["n"] ** 2).sum())({"n": g}), tg.LeafError)
        found = re.search(r"make it floating point: (.*\.astype\(float\))\. If not", text)
        assert found
        params = {"n": run(found[1], params={"n": given})["_"]}
        same(tg.grad(lambda p: (p["n"] ** 2).sum())(params)["n"], 2.0 * given)


@pytest.mark.parametrize("setting", [True, np.True_, np.array([True]), "relu", np.int64(3), {1}])
def test_settings_that_are_fields(setting: Any) -> None:
    """Static, in dataclasses and in attrs classes; no gradient trains them, nor does a penalty."""
    text = said(lambda: tg.grad(lambda p: 0.0)({"nonlin": setting}), tg.LeafError)
    assert text.startswith("params['nonlin'] is ")
    assert ("astype" in text) == isinstance(setting, np.int64)
    of_dataclasses, of_attrs = code_of(text)
    namespace = {"dataclasses": dataclasses, "attrs": attrs, "setting": setting}
    with_dataclass = dataclasses.make_dataclass(
        "Layer", [("w", float), ("nonlin", Any, run(of_dataclasses, **namespace)["_"])]
    )
    with_attrs = attrs.make_class("Layer", {"w": attrs.field(), "nonlin": run(of_attrs)["_"]})
    for kind in (with_dataclass, with_attrs):
        params: Any = kind(2.0, setting)
        gradient = tg.grad(lambda p: p.w**2 + tg.optim.l2_penalty(p, 1.0))(params)
        assert gradient.w == 8.0
        assert gradient.nonlin is setting


class Train:
    """A class attribute, which an instance may shadow."""

    mode = "train"


def test_settings_that_are_no_fields() -> None:
    """As a static field it is carried: the slope of 3w, not of w²."""

    def f(p: Any) -> Any:
        return p.w**2 if p.mode == "train" else 3.0 * p.w

    shadowed = dataclasses.make_dataclass("Moded", [("w", float)], bases=(Train,))(2.0)
    shadowed.mode = "eval"
    of_dataclasses, of_attrs = code_of(said(lambda: tg.grad(f)(shadowed), tg.LeafError))
    mode: Any = run(of_dataclasses, dataclasses=dataclasses)["_"]
    kinds: list[Any] = [
        dataclasses.make_dataclass("Moded", [("w", float), ("mode", str, mode)]),
        attrs.make_class("Moded", {"w": attrs.field(), "mode": run(of_attrs)["_"]}),
    ]
    for kind in kinds:
        gradient = tg.grad(f)(kind(2.0, "eval"))
        assert (gradient.w, gradient.mode) == (3.0, "eval")


def test_whole_numbers_in_a_vector() -> None:
    """As floating point, or as a setting, or not in the tree."""
    n = np.array([1, 2])
    text = said(lambda: tg.tree.ravel({"w": 2.0, "n": n}), tg.LeafError)
    _, of_attrs = code_of(text)
    kind: Any = attrs.make_class("P", {"w": attrs.field(), "n": run(of_attrs)["_"]}, eq=False)
    for given, wanted in (
        ({"w": 2.0, "n": n.astype(float)}, [1.0, 2.0, 2.0]),
        (kind(2.0, n), [2.0]),
    ):
        vector, unravel = tg.tree.ravel(given)
        same(vector, wanted)
        same(tg.tree.ravel(unravel(vector + 0.5))[0], np.add(wanted, 0.5))


# Losses, powers, other arrays --------------------------------------------------------------------


def used(text: str) -> str:
    """The code of a sentence: "use labels + 1."."""
    found = re.search(r"[Uu]se (.+?)\.?$", text)
    assert found, text
    return found[1]


def test_labels() -> None:
    """Of another kind, of another shape, of another convention."""
    scores, ones = np.array([0.5, -2.0, 1.0]), np.array([1, 0, 1])
    for labels in (ones, ones.astype(np.uint8), ones.astype(bool), ones * 1.0):
        code = used(said(lambda y=labels: tg.nn.hinge(scores, y), ValueError))
        same(run(code, labels=labels)["_"], [1.0, -1.0, 1.0])
    for labels in (2 * ones - 1, (2 * ones - 1).astype(np.int8), 2.0 * ones - 1.0):
        code = used(said(lambda y=labels: tg.nn.binary_cross_entropy(scores, y), ValueError))
        same(run(code, labels=labels)["_"], [1.0, 0.0, 1.0])
    logits = np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 3.0]])
    for given in (ones * 1.0, [1.0, 0.0, 1.0]):
        code = used(said(lambda y=given: tg.nn.cross_entropy(logits, y), TypeError))
        same(
            tg.nn.cross_entropy(logits, run(code, labels=given)["_"]),
            tg.nn.cross_entropy(logits, ones),
        )
    code = used(said(lambda: tg.nn.accuracy(logits, np.eye(2)[ones]), tg.ShapeError))
    same(run(code, labels=np.eye(2)[ones])["_"], ones)
    code = used(said(lambda: tg.nn.hinge(scores[:, None], 2 * ones - 1), tg.ShapeError))
    got = run(code, scores=scores[:, None], labels=ones)["_"]
    same(got, scores)


def test_one_logit() -> None:
    """With an axis for it, and without."""
    for logits, labels in (
        (np.array([[0.5], [-1.0]]), np.array([1, 0])),
        (np.array(0.5), np.array(1)),
    ):
        text = said(lambda x=logits, y=labels: tg.nn.cross_entropy(x, y), tg.ShapeError)
        code = used(text)
        got = run(f"tapegrad.nn.{code}", logits=logits, labels=labels)["_"]
        margins = np.where(labels, 1, -1) * logits.reshape(labels.shape)
        same(got, np.mean(np.log1p(np.exp(-margins))))


def test_a_power_that_is_not_real() -> None:
    """The real root, and the power of the magnitude."""
    text = said(lambda: tg.grad(lambda x: x ** (1.0 / 3.0))(-8.0), tg.DomainError)
    root, magnitude = re.findall(r"is (numpy\S+);|is (abs.*)\.$", text)
    x, y = -8.0, 1.0 / 3.0
    same(tg.grad(lambda x: run(root[0], x=x)["_"])(x), 1.0 / 12.0)
    same(run(root[0], x=x)["_"], -2.0)
    same(run(magnitude[1], x=x, y=y)["_"], 8.0**y)


def test_arrays_that_do_not_compute_as_others() -> None:
    """A matrix as an array; a masked array with zeros where it is masked."""
    masked: Any = np.ma.masked_array(V, [False, True, False, False, True])
    matrix: Any = np.array([[1.0, 2.0]]).view(np.matrix)
    text = said(lambda: tg.grad(lambda x: (x * masked).sum())(V), TypeError)
    calls = r"(?:\w+\.)+\w+\([^()]*\)"
    of_matrix, filled, chosen = re.findall(calls, " ".join(text.splitlines()[-2:]))
    assert type(run(of_matrix, a=matrix)["_"]) is np.ndarray
    for code in (filled, chosen):
        got = run(code, a=masked)["_"]
        assert type(got) is np.ndarray
        assert got.sum() == masked.sum()


class Knows:
    """A number of another library's, which knows what to do with a traced one."""

    def __rmul__(self, x: Any) -> Any:
        return x * 3.0

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Text(str):
    """A text of a class of its own."""

    __slots__ = ()


@pytest.mark.parametrize(
    "other", ["a", b"a", None, decimal.Decimal(1), fractions.Fraction(1, 2), {}]
)
@pytest.mark.parametrize("x", [2.0, V])
def test_what_no_operator_takes(x: Any, other: Any) -> None:
    """It is refused by name, on either side, with the line; whoever knows of us is asked."""
    for f in (
        lambda x: x * other, lambda x: other * x, lambda x: x + other, lambda x: other - x,
        lambda x: x**other, lambda x: x % other, lambda x: x < other, lambda x: x @ other,
    ):  # fmt: skip
        for run_it in (lambda f=f: tg.record(f, x), lambda f=f: tg.vmap(f)(V)):
            text = said(run_it, tg.OperandError)
            assert text.startswith("Expected a real number or an array of real numbers, got ")
            assert "test_messages.py:" in text
    same(tg.grad(lambda x: (x * Knows()).sum())(x), 3.0 * np.ones(np.shape(x)))
    with pytest.raises(TypeError, match="unsupported operand"):
        tg.record(lambda x: x * object.__new__(type("Else", (), {})), x)
    same(tg.record(lambda x: x + range(5), V).value, V + np.arange(5))


@pytest.mark.parametrize("other", [None, "a", Text("a")])
def test_nothing_is_equal_to_a_text(other: Any) -> None:
    """Nor to None: as NumPy has it, an array of truths; in a batch, one for each element."""
    for x in (V, M, np.float64(2.0), 2.0):
        functions: tuple[Callable[[Any], Any], ...] = (
            lambda x: x == other, lambda x: other == x, lambda x: x != other,
        )  # fmt: skip
        for f in functions:
            got: Any = tg.record(f, x).value
            same(got, f(np.asarray(x)))
            assert got.dtype == bool
    same(tg.vmap(lambda x: np.where(x == other, 1.0, 2.0))(M), np.full(M.shape, 2.0))
    assert tg.grad(lambda x: x * 2.0 if x != other else x)(3.0) == 2.0
    assert tg.record(lambda x: 1.0 if x == Knows() else 0.0, 3.0).value == 1.0
