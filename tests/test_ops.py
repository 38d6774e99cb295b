"""Ops as objects: what answers for what, what is exported, what an op is to Python, what it claims.

What ops compute, and their derivatives, is in test_catalogue.py.
"""

from __future__ import annotations

import ast
import copy
import doctest
import importlib
import inspect
import pickle
import pkgutil
import pydoc
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import attrs
import numpy as np
import pytest
import truth
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import ops
from tapegrad._tape import CONSTANT, INPUT, AnyOp, Array, Operand
from tapegrad._typing import Kind, Sample
from tapegrad._values import shape_of
from tapegrad.numpy import TABLE
from tapegrad.ops._define import Parametric, Variadic, primitive
from tapegrad.ops._elementwise import aligned, elementwise
from tapegrad.testing import check_grads

RNG = np.random.default_rng(31)
OPS = [pytest.param(op, id=op.name) for op in ops.ALL]


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of the package."""
    names = [found.name for found in pkgutil.walk_packages(tg.__path__, "tapegrad.")]
    return tuple(importlib.import_module(name) for name in ["tapegrad", *names])


# Which answers for what --------------------------------------------------------------------------


def claims(places: tuple[ModuleType, ...]) -> dict[Callable[..., Any], list[Any]]:
    """What answers for each function of NumPy's, of all that the modules hold, made there or not.

    Ops and functions that have ``answers``, each counted once, wherever it was imported to.
    """
    things = {id(thing): thing for module in places for thing in vars(module).values()}
    found: dict[Callable[..., Any], list[Any]] = defaultdict(list)
    for thing in things.values():
        if isinstance(thing, (tg.Op, FunctionType)):
            for function in getattr(thing, "answers", ()):
                found[function].append(thing)
    return found


def test_each_function_has_one_answer() -> None:
    """Two ops or functions for one of NumPy's would leave it to the order of the modules."""
    found = claims(modules())
    assert {f: things for f, things in found.items() if len(things) > 1} == {}
    assert set(found) == set(TABLE)
    for function, (thing,) in found.items():
        assert TABLE[function] is (thing.function if isinstance(thing, Parametric) else thing)


def test_a_second_answer_would_be_found() -> None:
    """In a module that nothing else imports, too."""
    other = ModuleType("other")
    vars(other)["mine"] = attrs.evolve(tnp.exp, name="mine")
    assert len(claims((*modules(), other))[np.exp]) == 2


def test_the_answer_is_what_runs() -> None:
    """For each function that an op answers for under its own name, with the op's first sample."""
    checked = 0
    for function, (thing,) in claims(modules()).items():
        if not isinstance(thing, tg.Op) or isinstance(thing, Parametric) or thing.name == "where":
            continue
        args = thing.samples[-1].draw(np.random.default_rng(0))
        traced = tg.record(lambda first, *rest, f=function: f(first, *rest), *args)
        assert traced.tape[-1].op is thing, function
        np.testing.assert_allclose(traced.value, function(*args), rtol=1e-15)
        checked += 1
    assert checked > 50


# Exports -----------------------------------------------------------------------------------------

NAMESPACES: dict[str, tuple[ModuleType, ModuleType]] = {
    "numpy": (np, tnp),
    "numpy.linalg": (np.linalg, tnp.linalg),
}
ALIASES = {
    "numpy.abs": "absolute",  # as in NumPy: one function under two names
}
NOT_FUNCTIONS = {
    "numpy.TABLE",  # what the engine asks
    "numpy.FAMILIES",  # what it is read off
    "numpy.linalg",  # the module
    "numpy.linalg.SlogdetResult",  # the type of slogdet's result
    "numpy.annotations",  # from __future__ import annotations
    "numpy.linalg.annotations",
}


def not_exported() -> set[str]:
    """What answers for a function under that function's name, and is not there."""
    return {
        f"{where}.{name}"
        for function, things in claims(modules()).items()
        for where, (theirs, ours) in NAMESPACES.items()
        if getattr(theirs, name := getattr(function, "__name__", ""), None) is function
        and things[0].__name__ == name
        and getattr(ours, name, None) is not things[0]
    }


def test_what_answers_for_a_function_is_exported_under_its_name() -> None:
    """The typed name that users find is the thing itself, and no line of the list is forgotten."""
    assert not_exported() == set()


@pytest.mark.parametrize("where", ["numpy.exp", "numpy.sum", "numpy.clip", "numpy.linalg.outer"])
def test_a_forgotten_export_would_be_found(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Of an op, a parametric one, a function, and one with a name in both namespaces."""
    module, _, name = where.rpartition(".")
    monkeypatch.delattr(NAMESPACES[module][1], name)
    assert not_exported() == {where}


def test_another_of_the_same_name_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """numpy.linalg.diagonal is not numpy.diagonal."""
    monkeypatch.setattr(tnp.linalg, "diagonal", tnp.diagonal)
    assert not_exported() == {"numpy.linalg.diagonal"}


@pytest.mark.parametrize("where", NAMESPACES)
def test_exports_are_made_here(where: str) -> None:
    """Each is an op or a function of this package, under its name, which is one of NumPy's."""
    theirs, ours = NAMESPACES[where]
    names = {name for name in vars(ours) if not name.startswith("_")}
    names = {name for name in names if f"{where}.{name}" not in NOT_FUNCTIONS}
    assert len(names) > 9
    for name in names:
        thing: Any = getattr(ours, name)
        known: bool = isinstance(thing, (tg.Op, FunctionType))
        assert known, name
        assert thing.__module__.startswith("tapegrad."), name
        assert thing.__name__ == ALIASES.get(f"{where}.{name}", name)
        function = getattr(theirs, name)
        assert TABLE[function] in (thing, getattr(thing, "function", None)), name


# An op is like a function ------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPS)
def test_an_op_looks_like_its_function(op: AnyOp) -> None:
    """Its name, its module, its docstring and its signature are the function's."""
    like: Any = op
    function = op.function
    assert isinstance(function, FunctionType)
    assert inspect.signature(like) == inspect.signature(function)
    assert inspect.unwrap(like) is function
    assert inspect.getdoc(like) == inspect.getdoc(function)
    assert like.__doc__ == function.__doc__
    assert like.__doc__
    assert (like.__name__, like.__qualname__) == (op.name, op.name)
    assert getattr(importlib.import_module(like.__module__), op.name) is op
    assert repr(op) == f"<op {op.name}>"


@pytest.mark.parametrize("op", [tnp.exp, tnp.sum, tnp.linalg.slogdet], ids=lambda op: op.name)
def test_help_says_what_it_does(op: AnyOp) -> None:
    """The text of help() names it, and has its docstring with its example."""
    text = pydoc.plain(pydoc.render_doc(op))
    assert op.name in text
    for line in str(inspect.getdoc(op)).splitlines():
        assert line in text


@pytest.mark.parametrize("op", [tnp.exp, tnp.sum, tnp.linalg.slogdet], ids=lambda op: op.name)
def test_help_says_how_it_is_called(op: AnyOp) -> None:
    """The text of help() has the signature, as that of a function."""
    like: Any = op
    text, signature = pydoc.plain(pydoc.render_doc(op)), str(inspect.signature(like))
    shown = "".join(text.split())  # Python 3.13 puts the parameters of a long one on lines
    wanted = "".join(f"{op.name}{signature}".split())
    # Python 3.14 leaves out the quotes of annotations.
    assert wanted in shown or wanted.replace("'", "") in shown


@pytest.mark.parametrize("op", [*ops.ALL, INPUT, CONSTANT], ids=lambda op: op.name)
def test_an_op_is_one_object(op: AnyOp) -> None:
    """Copies and pickles of it are itself: a tape that was sent elsewhere names the same op."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(op, protocol)) is op
    assert copy.copy(op) is op
    assert copy.deepcopy([op, op]) == [op, op]
    assert {op: 1}[op] == 1
    assert op == op  # noqa: PLR0124  # not elementwise
    assert all(other is op or other != op for other in ops.ALL)


@pytest.mark.parametrize("op", OPS)
def test_an_op_is_frozen(op: AnyOp) -> None:
    """What tapes refer to does not change."""
    for field in attrs.fields(tg.Op):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(op, field.name, getattr(op, field.name))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del op.run


# Kinds -------------------------------------------------------------------------------------------


def floats(value: Any) -> Any:
    """Whether a value is a floating-point number or array."""
    return isinstance(value, float) or getattr(value, "dtype", np.dtype(object)).kind == "f"


def numbers(op: AnyOp, args: Any, sample: Sample) -> NDArray[Any]:
    """The output as an array."""
    out = op.run(*args, **sample.params)
    assert isinstance(out, (float, bool, np.ndarray, np.generic)), "not one array"
    return np.asarray(out)


def changes(op: AnyOp, sample: Sample) -> Iterator[tuple[int, tuple[int, ...], Any, NDArray[Any]]]:
    """(operand, element, output, which elements of it move with that element)."""
    args = list(sample.draw(np.random.default_rng(0)))
    out = numbers(op, args, sample)
    for other in range(1, 4):  # of a step function, one change may be too small
        fresh = sample.draw(np.random.default_rng(other))
        for i, x in enumerate(args):
            for place in np.ndindex(np.shape(x)):
                changed = np.array(x)
                value = np.asarray(fresh[i])[place]
                if changed.dtype.kind != "f":  # a truth, or a position: another that there is
                    rest = np.roll(changed, other)
                    value = ~changed[place] if changed.dtype == bool else rest[place]
                changed[place] = value
                moved = numbers(op, [*args[:i], changed, *args[i + 1 :]], sample)
                assert moved.shape == out.shape
                yield i, place, out, moved != out


def keeps_elementwise(op: AnyOp, sample: Sample) -> None:
    """Raise AssertionError unless an element moves only what it broadcasts to."""
    args = sample.draw(np.random.default_rng(0))
    try:
        shape = np.broadcast_shapes(*map(np.shape, args))
    except ValueError as error:
        raise AssertionError(error) from None
    assert numbers(op, args, sample).shape == shape, "not the shape to which operands broadcast"
    for i, place, _, moved in changes(op, sample):
        mark = np.zeros(np.shape(args[i]), bool)
        mark[place] = True
        assert not np.any(moved & ~np.broadcast_to(mark, shape)), f"operand {i}{place} elsewhere"


def keeps_reduction(op: AnyOp, sample: Sample) -> None:
    """Raise AssertionError unless an element moves only what remains of its place."""
    args = sample.draw(np.random.default_rng(0))
    assert len(args) == 1, "several operands"
    assert {"axes", "keepdims"} <= set(sample.params), "not along axes"
    axes, kept = sample.params["axes"], sample.params["keepdims"]

    def reduced(lengths: tuple[int, ...], at: int) -> tuple[int, ...]:
        """Lengths, or a place, without what is along the axes, or with ``at`` in its stead."""
        all_axes = [at if i in axes else n for i, n in enumerate(lengths)]
        return tuple(n for i, n in enumerate(all_axes) if kept or i not in axes)

    shape = reduced(np.shape(args[0]), 1)
    assert numbers(op, args, sample).shape == shape, "not the shape of a reduction"
    for _, place, _, moved in changes(op, sample):
        elsewhere = np.array(moved)
        elsewhere[reduced(place, 0)] = False
        assert not elsewhere.any(), f"{place} elsewhere"


def keeps_layout(op: AnyOp, sample: Sample) -> None:
    """Raise AssertionError unless each element is one of a floating-point operand, or zero."""
    for seed in range(3):
        args = sample.draw(np.random.default_rng(seed))
        given = [float(v) for x in args if floats(x) for v in np.ravel(x)]
        out = numbers(op, args, sample)
        assert {float(v) for v in np.ravel(out)} <= {*given, 0.0}, "computes"
        assert 0.0 not in given
        assert len(set(given)) == len(given), "the sample cannot tell"


PROMISES: dict[Kind, Callable[[AnyOp, Sample], None]] = {
    "elementwise": keeps_elementwise,
    "reduction": keeps_reduction,
    "layout": keeps_layout,
    "opaque": lambda op, sample: None,
}


def broken(op: AnyOp, kind: Kind) -> str | None:
    """Why an op is not of a kind, by its samples; None if they do not say it."""
    for sample in op.samples:
        try:
            PROMISES[kind](op, sample)
        except AssertionError as error:
            return str(error)
    return None


@pytest.mark.parametrize("op", OPS)
def test_the_kind_is_true(op: AnyOp) -> None:
    """Whoever rewrites programs may trust it: what it says of an op holds where it is run."""
    assert broken(op, op.kind) is None


# What is of another kind, too, or looks so in its samples.
ALSO: dict[Kind, set[str]] = {
    "elementwise": set(),
    "reduction": set(),
    "layout": {
        *("identity", "stop_gradient", "astype", "copy", "positive", "conjugate"),  # a copy
        *("where", "maximum", "minimum", "relu", "max", "min", "sort"),  # a choice
        *("absolute", "truncate"),  # of positive numbers; to zero
        *("isnan", "isinf", "logical_not", "equal"),  # false, which is zero
    },
}


@pytest.mark.parametrize("kind", ["elementwise", "reduction", "layout"])
@pytest.mark.parametrize("op", OPS)
def test_a_wrong_kind_would_be_found(op: AnyOp, kind: Kind) -> None:
    """Of all the kinds that an op might claim, the samples refute the wrong ones."""
    if op.kind != kind:
        assert (broken(op, kind) is None) == (op.name in ALSO[kind]), broken(op, kind)


# Doctests ----------------------------------------------------------------------------------------


def written(module: ModuleType) -> int:
    """The examples in the docstrings of a module's source."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
    return sum(text.count(">>> ") for text in texts if text)


@pytest.mark.parametrize("module", [pytest.param(m, id=m.__name__) for m in modules()])
def test_every_example_is_a_doctest(module: ModuleType) -> None:
    """Decorated functions are objects of other classes: none of their examples falls silent."""
    found = doctest.DocTestFinder(exclude_empty=True).find(module)
    assert sum(len(test.examples) for test in found) == written(module)


def test_there_are_examples() -> None:
    """The count above is not of nothing."""
    assert sum(map(written, modules())) > 150
    assert written(importlib.import_module("tapegrad.ops._elementary")) >= 14


# A new op ----------------------------------------------------------------------------------------


@elementwise(None, lambda out, x: 1.0 / tnp.square(1.0 + abs(x)), run=lambda x: x / (1.0 + abs(x)))
def softsign(x: Operand, /) -> Array:  # type: ignore[empty-body]
    """x / (1 + |x|).

    >>> softsign(1.0)
    0.5
    """


@elementwise(
    None,
    lambda out, x, y: tnp.square(y / (x + y)),
    lambda out, x, y: tnp.square(x / (x + y)),
    run=lambda x, y: x * y / (x + y),
    domain=(0.5, 2.0),
)
def in_parallel(x: Operand, y: Operand, /) -> Array:  # type: ignore[empty-body]
    """1 / (1/x + 1/y): two resistors side by side."""


@elementwise(None, lambda out, x, y: 2.0, lambda out, x, y: 3.0, run=lambda x, y: 2.0 * x + 3.0 * y)
def combined(x: Operand, y: Operand, /) -> Array:  # type: ignore[empty-body]
    """2 x + 3 y, whose partial derivatives have no shape."""


NEW: list[AnyOp] = [softsign, in_parallel, combined]


@pytest.mark.parametrize("op", NEW, ids=lambda op: op.name)
def test_one_statement_is_a_whole_op(op: AnyOp) -> None:
    """From its partial derivatives come both modes, samples, a kind that is true."""
    assert op.kind == "elementwise"
    assert broken(op, "elementwise") is None
    for sample in op.samples:
        check_grads(op, sample.draw(RNG), 3)
        check_grads(op.bind, sample.draw(RNG), 1)
    assert pickle.loads(pickle.dumps(op)) is op


def test_a_new_op_in_every_transform() -> None:
    """Against its derivatives by hand: 1 / (1 + |x|)², and -2 sign(x) / (1 + |x|)³."""
    slope: Callable[[float], float] = tg.grad(softsign)
    x = np.array([-1.5, 0.25, 3.0])
    first = 1.0 / (1.0 + np.abs(x)) ** 2
    second = -2.0 * np.sign(x) / (1.0 + np.abs(x)) ** 3
    assert softsign(3.0) == 0.75
    assert softsign(3) == 0.75  # a whole number counts as a float
    truth.assert_close(softsign([1.0, -3.0]), np.array([0.5, -0.75]))  # type: ignore[arg-type]
    assert slope(3.0) == 1.0 / 16.0
    assert tg.grad(slope)(1.0) == pytest.approx(-0.25, rel=1e-15)
    value, moved = tg.jvp(softsign, (3.0,), (2.0,))
    assert (float(value), float(moved)) == (0.75, 0.125)
    truth.assert_close(tg.jacrev(softsign)(x), np.diag(first), rtol=1e-14)
    truth.assert_close(tg.jacfwd(softsign)(x), np.diag(first), rtol=1e-14)
    truth.assert_close(tg.hessian(lambda x: softsign(x).sum())(x), np.diag(second), rtol=1e-14)
    truth.assert_close(tg.vmap(tg.grad(softsign))(x), first, rtol=1e-14)
    truth.assert_close(tg.grad(lambda x: tg.vmap(softsign)(x).sum())(x), first, rtol=1e-14)


def test_a_new_op_keeps_float32() -> None:
    """Values, cotangents and tangents."""
    x = np.array([1.0, -3.0], np.float32)
    truth.assert_same(softsign(x), np.array([0.5, -0.75], np.float32))
    truth.assert_same(tg.grad(lambda x: softsign(x).sum())(x), np.array([0.25, 0.0625], np.float32))
    truth.assert_same(tg.jvp(softsign, (x,), (x,))[1], np.array([0.25, -0.1875], np.float32))


def test_a_new_op_broadcasts() -> None:
    """A column against a row, and batches of unlike rank against one another."""
    x, y = RNG.uniform(0.5, 2.0, (2, 1)), RNG.uniform(0.5, 2.0, 3)
    by_x, by_y = tg.grad(lambda x, y: in_parallel(x, y).sum(), (0, 1))(x, y)
    truth.assert_close(by_x, ((y / (x + y)) ** 2).sum(axis=1, keepdims=True), rtol=1e-13)
    truth.assert_close(by_y, ((x / (x + y)) ** 2).sum(axis=0), rtol=1e-13)
    by_x, by_y = tg.grad(lambda x, y: combined(x, y).sum(), (0, 1))(x, y)
    truth.assert_close(by_x, np.full((2, 1), 6.0))
    truth.assert_close(by_y, np.full(3, 6.0))
    moved = tg.jvp(lambda y: combined(x, y), (y,), (np.ones(3),))[1]
    truth.assert_close(moved, np.full((2, 3), 3.0))
    batch = RNG.uniform(0.5, 2.0, 4)
    for axes, args in (((0, None), (batch, y)), ((None, 0), (x, batch)), ((0, 0), (batch, batch))):
        found = tg.vmap(in_parallel, axes)(*args)
        truth.assert_close(found, truth.one_by_one(in_parallel, axes, *args), rtol=1e-13)


# Rules are given their op, or are it -------------------------------------------------------------


@pytest.mark.parametrize(
    "op",
    [tnp.exp, tnp.sum, tnp.max, tnp.cumsum, tnp.transpose, tnp.linalg.inv, tnp.linalg.cholesky],
    ids=lambda op: op.name,
)
def test_a_batch_rule_is_given_its_op(op: AnyOp) -> None:
    """One rule serves many ops; one that is evolved is batched as itself."""
    given = []

    def batch(op: AnyOp, size: int, batched: Any, args: Any, params: Any) -> Any:
        given.append((op, size, list(batched), dict(params)))
        return original(op, size, batched, args, params)

    original = op.batch
    sample = op.samples[0]
    args = sample.draw(RNG)
    spied = attrs.evolve(op, batch=batch)
    stacked = [np.stack([np.asarray(x)] * 3) for x in args]
    found = tg.vmap(lambda *xs: spied.bind(*xs, **sample.params))(*stacked)
    np.testing.assert_allclose(found, np.stack([op.run(*args, **sample.params)] * 3), rtol=1e-14)
    assert given == [(spied, 3, [True], dict(sample.params))]


def test_a_batched_op_stays_on_an_outer_tape() -> None:
    """What the batch rule binds is the op that it was given: the tape of a batch has it once."""
    tape = tg.record(tg.vmap(tnp.exp), np.ones(3)).tape
    assert [node.op for node in tape] == [INPUT, tnp.exp]


LINEAR = [op for op in ops.ALL if type(op.jvp).__name__ == "Itself" and op.vjp[0] is not None]


def test_there_are_linear_ops() -> None:
    """Those whose tangent is themselves, by hand."""
    names = {op.name for op in LINEAR}
    assert {"reshape", "transpose", "broadcast_to", "sum", "getitem", "cumsum", "matmul"} <= names
    assert not names & {"exp", "multiply", "prod", "sort", "concatenate", "solve", "inv"}


@pytest.mark.parametrize("op", LINEAR, ids=lambda op: op.name)
def test_without_jvp_an_op_is_linear(op: AnyOp) -> None:
    """Its tangent is itself: f(a x + b t) = a f(x) + b f(t), and jvp gives f(t) to the bit."""
    for sample in op.samples:
        args, moves = sample.draw(np.random.default_rng(0)), sample.draw(np.random.default_rng(1))
        for i, t in enumerate(moves):
            if op.vjp[i] is None:
                continue
            f = in_operand(op, args, i, sample)
            if not floats(t):
                continue
            expected = f(t)
            _, found = tg.jvp(f, (args[i],), (t,))
            assert np.array_equal(found, expected)
            assert shape_of(found) == shape_of(expected)
            both = f(2.0 * args[i] - 3.0 * t)
            np.testing.assert_allclose(both, 2.0 * f(args[i]) - 3.0 * f(t), atol=1e-12)


def test_an_op_as_an_attribute_of_a_class() -> None:
    """It takes what it is given and no self, as NumPy's ufuncs do there."""

    class Layer:
        activation = tnp.tanh

    assert Layer.activation is Layer().activation is tnp.tanh
    assert tg.grad(Layer().activation)(0.0) == 1.0


def test_an_op_of_any_number_of_operands() -> None:
    """It is called like its function, and may give its one rule for all of them."""
    rules = Variadic(rest=lambda i, moved, out, *args: moved)

    @primitive(run=lambda *args: sum(args), vjp=rules, jvp=rules, batch=aligned)
    def total(*args: Any) -> Any:
        """The sum of numbers."""

    assert total(1.0, 2.0, 3.0) == 6.0
    f: Any = lambda x, y: total(x, 2.0, y * x)  # noqa: E731
    assert tg.grad(f, (0, 1))(3.0, 5.0) == (6.0, 3.0)
    assert tg.jvp(f, (3.0, 5.0), (1.0, 1.0)) == (20.0, 9.0)


@pytest.mark.parametrize("op", LINEAR, ids=lambda op: op.name)
def test_there_is_a_tangent_for_each_operand_with_a_cotangent(op: AnyOp) -> None:
    """As many rules in one as in the other, and None where the other has None."""
    count = len(op.vjp)
    assert len(op.jvp) == count
    assert [op.jvp[i] is None for i in range(count)] == [op.vjp[i] is None for i in range(count)]


def in_operand(op: AnyOp, args: Any, i: int, sample: Sample) -> Callable[[Any], Any]:
    """An op as a function of its operand i."""
    return lambda x: op.bind(*args[:i], x, *args[i + 1 :], **sample.params)


def test_what_has_no_vjp_has_no_tangent() -> None:
    """The default jvp of an op without derivatives is None, so that forward mode stops there."""
    for op in (tnp.argmax, tnp.floor, tnp.less):
        assert op.jvp[0] is None
