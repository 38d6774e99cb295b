"""The words of every error: what was expected, what came, where, and what to do.

In an expected text, ``HERE`` stands for the place of the user's line, whose source follows it.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
import scipy.special

import tapegrad
import tapegrad.numpy as tnp
from tapegrad import _errors
from tapegrad._options import WRITES

tg: Any = tapegrad  # misuse is what is tested here: type checkers would refuse it
PLACE = re.compile(r"  at \S*test_errors\.py:\d+, in (\S+): ")


def said(run: Callable[..., object], kind: type[Exception]) -> str:
    """What an error of this kind says, with the place of the user's line made short."""
    with pytest.raises(kind) as caught:
        run()
    assert type(caught.value) is kind
    return PLACE.sub(r"  at HERE, in \1: ", str(caught.value))


def loss(x: Any) -> Any:
    """A function with a name, whose output is an array."""
    return x * 2.0


# The output --------------------------------------------------------------------------------------


def test_an_array_as_output() -> None:
    """The shape that came, and three ways on."""
    assert said(lambda: tg.grad(loss)(np.ones((2, 3))), tg.OutputError) == (
        "tapegrad.grad needs a function with a scalar output, but loss returned float64[2, 3].\n"
        "Reduce it to one number, for example with .sum() or .mean(); or ask for every derivative "
        "with tapegrad.jacrev(loss), or for one combination of them with tapegrad.vjp."
    )
    text = said(lambda: tg.value_and_grad(loss)(np.ones(1, np.float32)), tg.OutputError)
    assert text.startswith(
        "tapegrad.value_and_grad needs a function with a scalar output, but loss returned "
        "float32[1]."
    )


OUTPUTS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda x: None, "None.\nIs its return statement missing?"),
    (lambda x: "text", "str 'text'.{aux}"),
    (lambda x: True, "bool True.{aux}"),
    (lambda x: x > 0.0, "bool True.{aux}"),
    (lambda x: [x], "list [Var(2.0)].{aux}"),
    (lambda x: (x, x), "tuple (Var(2.0), Var(2.0)).{aux}"),
    (lambda x: {"loss": x}, "dict {{'loss': Var(2.0)}}.{aux}"),
    (lambda x: 1j, "complex 1j.{aux}"),
    (lambda x: np.complex128(2j), "complex128 2j.{aux}"),
    (lambda x: np.int64(3), "int64 3.{aux}"),
    (lambda x: np.argmax(np.stack([x, x])), "int64 0.{aux}"),
    (lambda x: np.arange(3), "int64[3].{aux}"),
    (lambda x: "a" * 58, "str '" + "a" * 58 + "'.{aux}"),
    (lambda x: "a" * 59, "str '" + "a" * 56 + "....{aux}"),
]


@pytest.mark.parametrize(("f", "got"), OUTPUTS)
def test_an_output_that_is_no_floating_point_number(f: Callable[[Any], Any], got: str) -> None:
    """None, text, truth, list, complex, integer: what came is said in words."""
    aux = "\nTo keep something beside the value, return (value, it) and say has_aux=True."
    for transform, name in ((tg.grad, "grad"), (tg.value_and_grad, "value_and_grad")):
        assert said(lambda t=transform: t(f)(2.0), tg.OutputError) == (
            f"tapegrad.{name} needs a function that returns one floating-point number, but "
            "<lambda> returned " + got.format(aux=aux)
        )


def test_aux_that_is_missing() -> None:
    """has_aux=True needs a pair."""
    for f, got in (
        (lambda x: x, "float64 2.0"),
        (lambda x: (x,), "tuple (Var(2.0),)"),
        (lambda x: (x, 1, 2), "tuple (Var(2.0), 1, 2)"),
        (lambda x: [x, 1], "list [Var(2.0), 1]"),
    ):
        assert said(lambda f=f: tg.grad(f, has_aux=True)(2.0), tg.OutputError) == (
            "grad(<lambda>) with has_aux=True needs a function that returns (value, aux), but it "
            f"returned {got}"
        )
    text = said(lambda: tg.grad(lambda x: ("a", x), has_aux=True)(2.0), tg.OutputError)
    assert text == (
        "tapegrad.grad needs a function that returns one floating-point number, but <lambda> "
        "returned str 'a'."
    )


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("vjp", lambda f: tg.vjp(f, 2.0)),
        ("jvp", lambda f: tg.jvp(f, (2.0,), (1.0,))),
        ("jacrev", lambda f: tg.jacrev(f)(2.0)),
        ("jacfwd", lambda f: tg.jacfwd(f)(2.0)),
    ],
)
def test_an_output_tree_with_a_leaf_that_is_no_float(name: str, run: Callable[..., Any]) -> None:
    """The transform that was asked for is the one that is named."""
    assert said(lambda: run(lambda x: {"a": x, "b": "text"}), tg.OutputError) == (
        f"tapegrad.{name} needs a function that returns floating-point numbers or arrays, or a "
        "tree of them, but <lambda> returned str 'text'."
    )
    assert "returned bool True" in said(lambda: run(lambda x: x > 0.0), tg.OutputError)
    assert "returned int64[2]" in said(lambda: run(lambda x: np.arange(2)), tg.OutputError)


def test_an_output_of_vmap_that_is_no_number() -> None:
    """Texts cannot be stacked."""
    assert said(lambda: tg.vmap(lambda x: ("a", x))(np.ones(2)), tg.OutputError) == (
        "tapegrad.vmap needs a function that returns numbers or arrays, or a tree of them, but "
        "<lambda> returned str 'a'."
    )


# The leaves --------------------------------------------------------------------------------------


class Odd:
    """A class that tapegrad knows nothing of."""

    def __repr__(self) -> str:
        return "<odd>"


@attrs.frozen
class Layer:
    """A node."""

    w: Any


class Pair(NamedTuple):
    """A node."""

    a: Any
    b: Any


def nested(leaf: Any) -> Any:
    """A leaf deep in a tree."""
    return {"layers": [Layer(1.0), Layer(Pair(2.0, leaf))]}


PATH = "params['layers'][1].w.b"
STATIC = (
    "\nA setting that is a field of a class is marked static there:\n"
    '    dataclasses.field(metadata={{"static": True}})\n'
    '    attrs.field(metadata={{"static": True}})'
)
INTEGER = (
    "{path} is {got}: integers have no gradient.\n"
    "If it is a parameter, make it floating point: {path}.astype(float). If not, do not "
    "differentiate with respect to it: close over it, pass it as another argument, or choose "
    "argnums." + STATIC
)
SETTING = (
    "{path} is {got}, which has no gradient: it is not a parameter.\n"
    "Do not differentiate with respect to it: close over it, or pass it as another argument."
    + STATIC
)
COMPLEX = (
    "{path} is {got}: only real numbers can be differentiated.\n"
    "Pass its real and imaginary parts as two parameters."
)
UNKNOWN = (
    "{path} is {got}, which is not a plain number, a plain array or a tree of them.\n"
    "Parameters are floats and floating-point arrays in dicts, lists, tuples, NamedTuples, "
    "dataclasses and attrs classes. What is not a parameter is passed as another argument, or "
    "closed over." + STATIC
)
LEAVES: list[tuple[Any, str, str]] = [
    (np.arange(6).reshape(2, 3), INTEGER, "int64[2, 3]"),
    (np.array([True]), SETTING, "bool[1]"),
    (np.int32(5), INTEGER, "int32 5"),
    (np.True_, SETTING, "bool True"),
    (True, SETTING, "bool True"),
    (1j, COMPLEX, "complex 1j"),
    (np.complex64(1j), COMPLEX, "complex64 1j"),
    (np.ones(2, complex), COMPLEX, "complex128[2]"),
    ("text", UNKNOWN, "str 'text'"),
    (b"bytes", UNKNOWN, "bytes b'bytes'"),
    (Odd(), UNKNOWN, "Odd <odd>"),
    ({1.0}, UNKNOWN, "set {1.0}"),
    (np.array([1.0, None]), UNKNOWN, "object[2]"),
    (np.array(["a"]), UNKNOWN, "<U1[1]"),
    (np.ma.masked_array([1.0], [True]), UNKNOWN, "MaskedArray float64[1]"),
]


@pytest.mark.parametrize(("leaf", "text", "got"), LEAVES, ids=lambda v: repr(v)[:20])
def test_a_leaf_that_has_no_gradient(leaf: Any, text: str, got: str) -> None:
    """Integers, booleans, complex numbers and unknown things, with the path to them."""
    expected = text.format(path=PATH, got=got)
    assert said(lambda: tg.grad(lambda p: 1.0)(nested(leaf)), tg.LeafError) == expected


TRANSFORMS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda p: tg.value_and_grad(lambda p: 1.0)(p), "params['n']"),
    (lambda p: tg.grad(lambda x, p: 1.0, 1)(1.0, p), "args[1]['n']"),
    (lambda p: tg.grad(lambda x, p: 1.0, (0, -1))(1.0, p), "args[1]['n']"),
    (lambda p: tg.vjp(lambda x, p: 1.0, 1.0, p), "primals[1]['n']"),
    (lambda p: tg.jvp(lambda p: 1.0, (p,), (p,)), "primals[0]['n']"),
    (lambda p: tg.jacrev(lambda p: 1.0)(p), "params['n']"),
    (lambda p: tg.jacfwd(lambda x, p: 1.0, 1)(1.0, p), "args[1]['n']"),
    (lambda p: tg.jacfwd(lambda x, y, p: 1.0, (0, 2))(1.0, 1.0, p), "args[2]['n']"),
    (lambda p: tg.hessian(lambda p: 1.0)(p), "params['n']"),
    (lambda p: tg.hvp(lambda p: 1.0, (p,), (p,)), "primals[0]['n']"),
]


@pytest.mark.parametrize(("run", "path"), TRANSFORMS)
def test_every_transform_names_the_leaf(run: Callable[[Any], Any], path: str) -> None:
    """By the argument that it is in."""
    got = said(lambda: run({"n": np.arange(3), "x": 1.0}), tg.LeafError)
    assert got.startswith(f"{path} is int64[3]: integers have no gradient.")


def test_a_parameter_that_is_one_leaf_has_no_path() -> None:
    """The name alone."""
    text = said(lambda: tg.grad(loss)(np.arange(3)), tg.LeafError)
    assert text.startswith("params is int64[3]: ")


class OtherArray:
    """An array of another library's, which keeps something under a name of ours."""

    shape, dtype, _value = (), "float32", "private"

    def __repr__(self) -> str:
        return "1.5"


def test_an_array_of_another_library_is_shown_as_it_is() -> None:
    """Not what it keeps within."""
    text = said(lambda: tg.grad(loss)(OtherArray()), tg.LeafError)
    assert text.startswith("params is float32 1.5")


# Escapes -----------------------------------------------------------------------------------------

KEPT: list[Any] = []
ESCAPED = (
    "A traced value ({what}) is used after {owner} has ended, and its tape is gone.\n"
    "It escaped from the function: it was kept in a global, an attribute, a list or an iterator.\n"
    "Return it instead (tapegrad.grad(f, has_aux=True) gives it back as a plain value), or keep "
    "x.value.\n"
    "  at HERE, in {line}"
)


def keeps(x: Any) -> Any:
    """A function that keeps a traced value in a global."""
    KEPT.append(x * 2.0)
    return (x * 1.0).sum()


def use() -> Any:
    """Use what was kept last."""
    return KEPT[-1] + 1.0


def test_a_value_kept_in_a_global() -> None:
    """Whose transform, of which function, and where it is used."""
    tg.grad(keeps)(np.ones(3))
    assert said(use, tg.EscapedError) == ESCAPED.format(
        what="add gave float64[3]", owner="tapegrad.grad(keeps)", line="use: return KEPT[-1] + 1.0"
    )


@pytest.mark.parametrize(
    ("run", "owner"),
    [
        (lambda: tg.value_and_grad(keeps)(np.ones(3)), "tapegrad.value_and_grad(keeps)"),
        (lambda: tg.vjp(keeps, np.ones(3)), "tapegrad.vjp(keeps)"),
        (lambda: tg.jvp(keeps, (np.ones(3),), (np.ones(3),)), "tapegrad.jvp(keeps)"),
        (lambda: tg.jacrev(keeps)(np.ones(3)), "tapegrad.jacrev(keeps)"),
        (lambda: tg.jacfwd(keeps)(np.ones(3)), "tapegrad.jacfwd(keeps)"),
        (lambda: tg.record(keeps, np.ones(3)), "tapegrad.record(keeps)"),
        (lambda: tg.vmap(keeps)(np.ones((2, 3))), "tapegrad.vmap(keeps)"),
    ],
)
def test_an_escape_from_each_transform(run: Callable[[], Any], owner: str) -> None:
    """Also from a batch, which has no tape that could be gone, but is over all the same."""
    run()
    text = said(use, tg.EscapedError)
    assert f"is used after {owner} has ended" in text
    assert text.endswith("at HERE, in use: return KEPT[-1] + 1.0")


def test_an_escape_by_every_kind_of_use() -> None:
    """Operators, functions, methods, indexing, comparisons, in either place."""
    tg.grad(keeps)(np.ones(3))
    dead = KEPT[-1]
    uses: list[Callable[[], Any]] = [
        lambda: dead * dead,
        lambda: 2.0 * dead,
        lambda: dead - np.ones(3),
        lambda: np.ones(3) / dead,
        lambda: dead**2,
        lambda: -dead,
        lambda: dead @ dead,
        lambda: dead[0],
        lambda: dead.sum(),
        lambda: np.exp(dead),
        lambda: np.concatenate([dead, np.ones(2)]),
        lambda: tnp.where(np.ones(3) > 0, dead, 0.0),
        lambda: dead > 0.0,
        lambda: tg.at(dead)[0].set(1.0),
        lambda: tg.grad(lambda x: (x * dead).sum())(np.ones(3)),
        lambda: tg.vmap(lambda x: x * dead[0])(np.ones(3)),
    ]
    for run in uses:
        assert "is used after tapegrad.grad(keeps) has ended" in said(run, tg.EscapedError)


def test_what_can_still_be_done_with_an_escaped_value() -> None:
    """To look at it: value, shape, repr."""
    tg.grad(keeps)(np.ones(3))
    np.testing.assert_array_equal(KEPT[-1].value, [2.0] * 3)
    assert KEPT[-1].shape == (3,)
    assert repr(KEPT[-1]) == "Var(array([2., 2., 2.]))"


def test_an_escaped_value_as_the_output_of_the_next_call() -> None:
    """It would count as a constant, and its gradient as zero."""
    tg.grad(keeps)(2.0)
    for run in (
        lambda: tg.grad(lambda x: KEPT[-1])(3.0),
        lambda: tg.value_and_grad(lambda x: KEPT[-1])(3.0),
        lambda: tg.vjp(lambda x: {"a": KEPT[-1]}, 3.0),
        lambda: tg.jvp(lambda x: KEPT[-1], (3.0,), (1.0,)),
        lambda: tg.jacrev(lambda x: KEPT[-1])(3.0),
        lambda: tg.vmap(lambda x: KEPT[-1])(np.ones(3)),
    ):
        assert "is used after tapegrad.grad(keeps) has ended" in said(run, tg.EscapedError)


def test_a_value_kept_by_a_closure() -> None:
    """A function that is returned beside the value, and used later."""
    hook = tg.grad(lambda x: (x**2, lambda: x * 3.0), has_aux=True)(2.0)[1]
    assert "is used after tapegrad.grad(<lambda>) has ended" in said(hook, tg.EscapedError)


def test_a_value_kept_by_an_attribute() -> None:
    """An object that remembers its last activation."""

    class Model:
        last: Any = None

        def __call__(self, x: Any) -> Any:
            self.last = np.tanh(x)
            return self.last.sum()

    model = Model()
    tg.grad(model)(np.ones(2))
    assert "has ended, and its tape is gone" in said(lambda: model.last * 2.0, tg.EscapedError)


def test_a_value_in_a_generator() -> None:
    """A generator runs when it is asked, and that is too late."""

    def steps(x: Any) -> Iterator[Any]:
        yield x
        yield x * 2.0

    _, kept = tg.grad(lambda x: (x * 1.0, steps(x)), has_aux=True)(2.0)
    next(kept)
    assert "is used after tapegrad.grad(<lambda>) has ended" in said(
        lambda: next(kept), tg.EscapedError
    )
    _, lazy = tg.grad(lambda x: (x * 1.0, map(np.sin, [x])), has_aux=True)(2.0)
    said(lambda: list(lazy), tg.EscapedError)


def test_a_value_of_an_inner_transform_used_in_the_outer_one() -> None:
    """The inner function's value has no place in the outer function."""

    def outer(x: Any) -> Any:
        inner: list[Any] = []

        def keep(y: Any) -> Any:
            inner.append(y)
            return y * x

        tg.grad(keep)(1.0)
        return inner[0] * x

    text = said(lambda: tg.grad(outer)(2.0), tg.EscapedError)
    assert "is used after tapegrad.grad(keep) has ended" in text
    assert text.endswith("in outer: return inner[0] * x")


def test_a_pullback_that_outlives_an_outer_transform() -> None:
    """It computes with values of a transform that is over."""
    kept: list[Any] = []

    def outer(x: Any) -> Any:
        out, pullback = tg.vjp(lambda y: y * x, 2.0)
        kept.append(pullback)
        return out

    tg.grad(outer)(3.0)
    assert "has ended" in said(lambda: kept[0](1.0), tg.EscapedError)


# Assignments -------------------------------------------------------------------------------------

ASSIGNMENT = (
    "Traced values are immutable: x[i] = v cannot be differentiated.\n"
    "  at HERE, in {line}\n"
    "Write in its place, and in place of x[i] += v:\n"
    "    x = tapegrad.at(x)[i].set(v)\n"
    "    x = tapegrad.at(x)[i].set(x[i] + v)"
)


def sets_element(x: Any) -> Any:
    """An assignment."""
    x[0] = 5.0
    return x.sum()


def adds_to_element(x: Any) -> Any:
    """An augmented assignment."""
    x[1:] += 2.0
    return x.sum()


def test_assignment_into_a_traced_value() -> None:
    """The rewrite is in the text, and the user's own line."""
    x = np.ones(3)
    expected = ASSIGNMENT.format(line="sets_element: x[0] = 5.0")
    assert said(lambda: tg.grad(sets_element)(x), tg.MutationError) == expected
    assert said(lambda: tg.vmap(sets_element)(np.ones((2, 3))), tg.MutationError) == expected
    expected = ASSIGNMENT.format(line="adds_to_element: x[1:] += 2.0")
    assert said(lambda: tg.grad(adds_to_element)(x), tg.MutationError) == expected


def stores_number(x: Any) -> Any:
    """A traced number into a plain array."""
    out = np.zeros(3)
    out[1] = x
    return out.sum()


def stores_array(x: Any) -> Any:
    """A traced array into a plain array."""
    out = np.zeros((2, 3))
    out[0] = x
    return out.sum()


def test_assignment_of_a_traced_value_into_a_plain_array() -> None:
    """NumPy asks for a number or an array; the text tells of at(array)[i].set(x)."""
    with pytest.raises(ValueError, match="setting an array element") as caught:
        tg.grad(stores_number)(2.0)
    cause = PLACE.sub(r"  at HERE, in \1: ", str(caught.value.__cause__))
    assert cause == (
        "float() of a traced value (float 2.0) would lose its gradient.\n"
        "  at HERE, in stores_number: out[1] = x\n"
        "For mathematics, use NumPy's functions: numpy.exp, not math.exp. For a plain number to "
        "print or to compare, use x.value. In place of array[i] = x write\n"
        "    array = tapegrad.at(array)[i].set(x)"
    )
    assert said(lambda: tg.grad(stores_array)(np.ones(3)), tg.ConversionError) == (
        "A traced value (float64[3]) cannot become a plain NumPy array: its gradient would be "
        "lost.\n"
        "  at HERE, in stores_array: out[0] = x\n"
        "For the plain numbers, use x.value. In place of numpy.array([x, y]), of "
        "numpy.array([[x, y], [z, w]]) and of array[i] = x write\n"
        "    numpy.stack([x, y])\n"
        "    numpy.stack([numpy.stack([x, y]), numpy.stack([z, w])])\n"
        "    array = tapegrad.at(array)[i].set(x)"
    )


def adds_in_place(x: Any) -> Any:
    """An augmented assignment to a plain array."""
    total = np.zeros(3)
    total += x
    return total.sum()


OUT = (
    "{name} was asked to write into an array, by out= or by a += x.\n"
    "  at HERE, in {line}\n"
    "A traced value is immutable, and a plain array cannot hold one. Make a new array instead: "
    "y = {name}(...) without out=, and in place of a += x\n"
    "    a = a + x"
)
OUT_CALLS: list[tuple[str, Callable[[Any], Any]]] = [
    ("numpy.exp", lambda x: np.exp(x, out=np.zeros(3))),
    ("numpy.add", lambda x: np.add(x, 1.0, out=np.zeros(3))),
    ("numpy.add", lambda x: np.add(np.ones(3), 1.0, out=x)),
    ("numpy.sum", lambda x: np.sum(x, axis=0, out=np.zeros(()))),
    ("numpy.concatenate", lambda x: np.concatenate([x, x], out=np.zeros(6))),
    ("numpy.clip", lambda x: np.clip(x, 0.0, 1.0, out=np.zeros(3))),
]


def test_augmented_assignment_to_a_plain_array() -> None:
    """a += x writes into a; x += a does not, and is allowed."""
    assert said(lambda: tg.grad(adds_in_place)(np.ones(3)), tg.MutationError) == OUT.format(
        name="numpy.add", line="adds_in_place: total += x"
    )

    def allowed(x: Any) -> Any:
        y = x
        y += np.ones(3)
        y *= 2.0
        return y.sum()

    np.testing.assert_array_equal(tg.grad(allowed)(np.ones(3)), [2.0] * 3)


@pytest.mark.parametrize(("name", "f"), OUT_CALLS)
def test_out_arguments(name: str, f: Callable[[Any], Any]) -> None:
    """out= is refused; out=None is no out."""
    text = said(lambda: tg.grad(lambda x: f(x).sum())(np.ones(3)), tg.MutationError)
    assert text.startswith(f"{name} was asked to write into an array, by out=")
    assert f"y = {name}(...) without out=" in text
    assert tg.grad(lambda x: np.sum(np.exp(x, out=None), out=None))(0.0) == 1.0


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("numpy.add.at", lambda x: np.add.at(np.zeros(3), [0], x)),
        ("numpy.copyto", lambda x: np.copyto(np.zeros(3), x)),
        ("numpy.put", lambda x: np.put(np.zeros(3), [0], x)),
        ("numpy.fill_diagonal", lambda x: np.fill_diagonal(np.outer(x, x), 0.0)),
    ],
)
def test_functions_that_write(name: str, f: Callable[[Any], Any]) -> None:
    """Those that exist to write into an array."""

    def g(x: Any) -> Any:
        f(x)
        return x.sum()

    text = said(lambda: tg.grad(g)(np.ones(3)), tg.MutationError)
    ((case, code),) = WRITES[name][1].items()
    remedy = f"{case and ', '}{case}:\n    {code}"
    assert text.startswith(f"{name} writes into an array.\n  at HERE, in <lambda>: ")
    assert text.endswith(
        "A traced value is immutable, and a plain array cannot hold one. Make a new array "
        f"instead.\nIn place of {WRITES[name][0]}{remedy}"
    )


# Functions without a rule ------------------------------------------------------------------------


def uses_eig(x: Any) -> Any:
    """A function that has no rule."""
    return np.linalg.eig(x)[0].sum()


def test_a_function_without_a_rule() -> None:
    """It fails on the way forward, with its name, the line and the nearest that have one."""
    assert said(lambda: tg.grad(uses_eig)(np.eye(2)), tg.MissingRuleError) == (
        "numpy.linalg.eig has no derivative rule in tapegrad.\n"
        "  at HERE, in uses_eig: return np.linalg.eig(x)[0].sum()\n"
        "Write it with operations that have one, or give it a rule with tapegrad.custom_vjp."
    )
    assert uses_eig(np.eye(2)) == 2.0  # without a trace it is NumPy's


@pytest.mark.parametrize(
    ("f", "name", "nearest"),
    [
        (np.sinc, "numpy.sinc", "In place of numpy.sinc(x):\n    y = numpy.pi * x\n    near ="),
        (np.fft.fft, "numpy.fft.fft", "in <lambda>: text = said(lambda: tg.grad(lambda"),
        (
            np.hstack,
            "numpy.hstack",
            (
                "In place of numpy.hstack(tup), for numbers:\n"
                "    numpy.stack(tup)\n"
                "or for vectors:\n"
                "    numpy.concatenate(tup, 0)\n"
                "or for arrays of more axes:\n"
                "    numpy.concatenate(tup, 1)"
            ),
        ),
        (
            np.add.reduce,
            "numpy.add.reduce",
            (
                "In place of numpy.add.reduce(array, axis=0, *, keepdims=False):\n"
                "    numpy.sum(array, axis, keepdims=keepdims)"
            ),
        ),
        (np.logaddexp.accumulate, "numpy.logaddexp.accumulate", "Write it with operations"),
        (
            np.median,
            "numpy.median",
            "of all elements, none of them NaN:\n    numpy.mean(numpy.sort(",
        ),
        (np.linalg.qr, "numpy.linalg.qr", ""),
        (np.unique, "numpy.unique", ""),
        (np.float_power, "numpy.float_power", "numpy.power(tapegrad.numpy.astype(x1, numpy"),
        (np.nanstd, "numpy.nanstd", "these have a similar name: numpy.std.\nWrite it with"),
        (np.sort_complex, "numpy.sort_complex", "a similar name: numpy.sort.\nWrite it with"),
    ],
)
def test_the_nearest_alternative(f: Any, name: str, nearest: str) -> None:
    """What to write in its place where that is known, else the nearest in name."""
    args = (2.0,) if f is np.float_power else ()
    text = said(lambda: tg.grad(lambda x: f(x, *args))(np.ones((2, 2))), tg.MissingRuleError)
    assert text.startswith(f"{name} has no derivative rule in tapegrad.\n  at HERE, in <lambda>: ")
    assert nearest in text


def test_an_option_without_a_rule() -> None:
    """where= and dtype= are refused by name, not ignored."""
    x = np.ones(3)
    calls: list[tuple[Callable[[Any], Any], str, str]] = [
        (lambda x: np.exp(x, where=np.array([True, False, True])), "numpy.exp", "numpy.where("),
        (lambda x: np.add(x, x, dtype=np.float32), "numpy.add", "(x1.astype(dtype), x2.astype("),
        (lambda x: np.sum(x, where=np.array([True, False, True])), "numpy.sum", "numpy.where("),
        (lambda x: np.einsum("i->i", x, dtype="f4"), "numpy.einsum", "numpy.astype("),
        (lambda x: np.max(x, initial=0.0), "numpy.max", "Write it with the arguments"),
        (lambda x: np.max(x, None, None, False, 0.0), "numpy.max", "Write it with the arguments"),
        (lambda x: np.ravel(x, "K"), "numpy.ravel", "Write it with the arguments"),
    ]
    for f, name, remedy in calls:
        text = said(lambda f=f: tg.grad(lambda x: f(x).sum())(x), tg.MissingRuleError)
        assert text.startswith(f"{name} of a traced value cannot be called like this: ")
        assert "  at HERE, in <lambda>: " in text
        assert remedy in text


def test_a_type_error_of_the_users_own_is_not_reworded() -> None:
    """Only a call that does not fit is explained."""

    class Strange:
        shape = ()

        def __array_function__(self, *args: object) -> object:
            raise TypeError("mine")

    strange: Any = Strange()
    with pytest.raises(TypeError):
        tg.grad(lambda x: np.dot(x, strange))(np.ones(3))


# Shapes ------------------------------------------------------------------------------------------

BROADCAST = (
    "counted from the last, axes must be of the same length, or one of them of length 1\n"
    "  at HERE, in {line}"
)
CONTRACT = (
    "the last axis of the first must be as long as the last but one of the second (or its only "
    "one)\n  at HERE, in {line}"
)


def adds(x: Any) -> Any:
    """An operator."""
    y = np.ones(4)
    return (x + y).sum()


def adds_reflected(x: Any) -> Any:
    """An operator with an array on the left."""
    return (np.ones(4) - x).sum()


def multiplies_traced(x: Any) -> Any:
    """An operator on two traced values."""
    return (x * x[:2]).sum()


def uses_numpy(x: Any) -> Any:
    """NumPy's function."""
    return np.maximum(x, np.ones((4, 2))).sum()


def uses_tapegrad(x: Any) -> Any:
    """The typed function of the same name."""
    return tnp.arctan2(tnp.ones_like(x)[:2], x).sum()


def multiplies_matrices(x: Any) -> Any:
    """A matrix product."""
    return (np.ones((2, 4)) @ x).sum()


def divides_in_a_helper(x: Any) -> Any:
    """The line of the helper is the one that is wrong."""
    return helper(x)


def helper(x: Any) -> Any:
    """A helper."""
    return (x / np.ones((3, 4))).sum()


SHAPES: list[tuple[Callable[[Any], Any], str]] = [
    (
        adds,
        "add (+) cannot take operands of shapes (3,) and (4,): "
        + BROADCAST.format(line="adds: return (x + y).sum()"),
    ),
    (
        adds_reflected,
        "subtract (-) cannot take operands of shapes (4,) and (3,): "
        + BROADCAST.format(line="adds_reflected: return (np.ones(4) - x).sum()"),
    ),
    (
        multiplies_traced,
        "multiply (*) cannot take operands of shapes (3,) and (2,): "
        + BROADCAST.format(line="multiplies_traced: return (x * x[:2]).sum()"),
    ),
    (
        uses_numpy,
        "maximum cannot take operands of shapes (3,) and (4, 2): "
        + BROADCAST.format(line="uses_numpy: return np.maximum(x, np.ones((4, 2))).sum()"),
    ),
    (
        uses_tapegrad,
        "arctan2 cannot take operands of shapes (2,) and (3,): "
        + BROADCAST.format(line="uses_tapegrad: return tnp.arctan2(tnp.ones_like(x)[:2], x).sum()"),
    ),
    (
        multiplies_matrices,
        "matmul (@) cannot take operands of shapes (2, 4) and (3,): "
        + CONTRACT.format(line="multiplies_matrices: return (np.ones((2, 4)) @ x).sum()"),
    ),
    (
        divides_in_a_helper,
        "divide (/) cannot take operands of shapes (3,) and (3, 4): "
        + BROADCAST.format(line="helper: return (x / np.ones((3, 4))).sum()"),
    ),
]
WAYS: dict[str, Callable[[Callable[[Any], Any]], object]] = {
    "grad": lambda f: tg.grad(f)(np.ones(3)),
    "jvp": lambda f: tg.jvp(f, (np.ones(3),), (np.ones(3),)),
    "record": lambda f: tg.record(f, np.ones(3)),
    "vmap": lambda f: tg.vmap(f)(np.ones((5, 3))),
    "vmap in a later axis": lambda f: tg.vmap(f, 1)(np.ones((3, 5))),
    "grad of grad": lambda f: tg.grad(lambda x: tg.grad(f)(x).sum())(np.ones(3)),
    "grad of vmap": lambda f: tg.grad(lambda x: tg.vmap(f)(x).sum())(np.ones((5, 3))),
    "vmap of grad": lambda f: tg.vmap(tg.grad(f))(np.ones((5, 3))),
    "vmap of vmap": lambda f: tg.vmap(tg.vmap(f))(np.ones((2, 5, 3))),
    "hessian": lambda f: tg.hessian(f)(np.ones(3)),
    "grad of vmap of grad": lambda f: tg.grad(lambda x: tg.vmap(tg.grad(f))(x).sum())(
        np.ones((5, 3))
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("f", "expected"), SHAPES, ids=lambda v: getattr(v, "__name__", ""))
def test_shapes_that_do_not_fit(f: Callable[[Any], Any], expected: str, way: str) -> None:
    """The operation, both shapes as the function sees them, and its own line, however nested."""
    assert said(lambda: WAYS[way](f), tg.ShapeError) == expected


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (
            lambda x: np.einsum("i,ij->j", x, np.ones((4, 2))),
            "einsum cannot take operands of shapes (3,) and (4, 2): ",
        ),
        (
            lambda x: np.concatenate([x, np.ones((2, 2))]),
            "concatenate cannot take operands of shapes (3,) and (2, 2): ",
        ),
        (lambda x: np.stack([x, np.ones(2)]), "stack cannot take operands of shapes (3,) and (2,)"),
        (lambda x: x.reshape(2, 2), "reshape cannot take an operand of shape (3,): "),
        (
            lambda x: np.linalg.solve(np.eye(2), x),
            "solve cannot take operands of shapes (2, 2) and (3,): ",
        ),
        (lambda x: np.broadcast_to(x, (4,)), "broadcast_to cannot take an operand of shape (3,): "),
        (
            lambda x: tnp.where(np.ones(2) > 0, x, 0.0),
            "where cannot take operands of shapes (2,) and (3,) and (): ",
        ),
        (
            lambda x: tnp.tensordot(x, np.ones((2, 2)), 1),
            "tensordot: shapes (3,) and (2, 2) do not",
        ),
        (lambda x: x @ np.float64(2.0), "matmul (@) cannot take operands of shapes (3,) and (): a"),
        (
            lambda x: 2.0 @ x,
            "matmul (@) cannot take operands of shapes () and (3,): a number has no",
        ),
        (lambda x: tg.at(x)[:2].set(np.ones(3)), "index_set cannot take operands of shapes (3,)"),
        (lambda x: tg.at(x)[:2].add(np.ones(3)), "at(x)[i].add cannot take values of shape (3,): "),
        (lambda x: np.squeeze(x, 0), "squeeze: axes (0,) of shape (3,) are not all of length one"),
        (lambda x: np.diagonal(x), "a diagonal needs at least two axes, got shape (3,)"),
    ],
)
def test_shapes_that_do_not_fit_in_functions(f: Callable[[Any], Any], text: str) -> None:
    """The shapes are said, and NumPy's reason."""
    for run in (
        lambda: tg.grad(lambda x: f(x).sum())(np.ones(3)),
        lambda: tg.grad(lambda x: tg.grad(lambda y: f(y).sum())(x).sum())(np.ones(3)),
    ):
        assert said(run, tg.ShapeError).startswith(text)


@pytest.mark.parametrize("join", [tnp.concatenate, tnp.stack])
def test_what_is_joined(join: Callable[[Any], Any]) -> None:
    """A list of arrays, and not of none; what can be read once only is no list."""
    name = join.__name__
    text = said(lambda: tg.grad(lambda x: join(x * k for k in range(2)))(1.0), TypeError)
    got = "got generator <genexpr>\n  at HERE, in <lambda>: "
    assert text.startswith(f"{name} needs a list of arrays, {got}")
    assert said(lambda: join([]), tg.ShapeError) == f"{name} needs at least one array"


def test_a_shape_that_is_not_given() -> None:
    """NumPy says that reshape takes an argument, we what it is."""
    text = "reshape needs a shape; that of a number is ()"
    assert said(lambda: tg.grad(lambda x: x.reshape())(1.0), TypeError) == text
    assert tg.grad(lambda x: x.reshape(()))(1.0) == 1.0


def test_where_no_line_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a library has called the op on a thread of its own: the rest is said."""
    monkeypatch.setattr(_errors, "_BETWEEN", ("",))
    text = said(lambda: tnp.tanh(1.0, 2.0), TypeError)  # type: ignore[call-arg]
    assert text == "tanh: too many positional arguments"
    text = said(lambda: tg.grad(adds)(np.ones(3)), tg.ShapeError)
    assert re.fullmatch(
        r"add \(\+\) cannot take operands of shapes .* or one of them of length 1", text
    )


def test_a_shape_error_is_a_value_error_that_stands_alone() -> None:
    """Caught by who expects NumPy's; and NumPy's own is not printed above it."""
    with pytest.raises(ValueError, match="cannot take operands") as caught:
        tg.grad(adds)(np.ones(3))
    assert caught.value.__suppress_context__


def test_a_power_that_is_not_real() -> None:
    """Where Python's floats would become complex, as they silently do without a trace."""

    def third_root(x: Any) -> Any:
        return x ** (1.0 / 3.0)

    for run in (
        lambda: tg.grad(third_root)(-8.0),
        lambda: tg.grad(tg.grad(third_root))(-8.0),
        lambda: tg.jvp(third_root, (-8.0,), (1.0,)),
    ):
        assert said(run, tg.DomainError) == (
            "(-8.0) ** 0.3333333333333333 is not a real number: a negative number has real powers "
            "only for whole exponents.\n"
            "  at HERE, in third_root: return x ** (1.0 / 3.0)\n"
            "The real third root is numpy.cbrt(x); of the magnitude, it is abs(x) ** y."
        )
    with pytest.raises(tg.DomainError, match="is not a real number"):  # nothing is traced
        tg.numpy.power(-8.0, 1.0 / 3.0)


# Conversions -------------------------------------------------------------------------------------


def to_float(x: Any) -> Any:
    """A conversion."""
    return float(x)


def by_math(x: Any) -> Any:
    """A function of the standard library."""
    return math.exp(x)


def puts_together(x: Any) -> Any:
    """NumPy's array of traced numbers."""
    return np.array([x, 2.0 * x]).sum()


NUMBER = (
    "{call} of a traced value (float 2.0) would lose its gradient.\n"
    "  at HERE, in {line}\n"
    "For mathematics, use NumPy's functions: numpy.exp, not math.exp. For a plain number to print "
    "or to compare, use x.value. In place of array[i] = x write\n"
    "    array = tapegrad.at(array)[i].set(x)"
)


def test_conversions_to_numbers() -> None:
    """float, int and the math module would cut the tape."""
    assert said(lambda: tg.grad(to_float)(2.0), tg.ConversionError) == NUMBER.format(
        call="float()", line="to_float: return float(x)"
    )
    assert said(lambda: tg.grad(by_math)(2.0), tg.ConversionError) == NUMBER.format(
        call="float()", line="by_math: return math.exp(x)"
    )
    text = said(lambda: tg.grad(lambda x: int(x))(2.0), tg.ConversionError)
    assert text.startswith("int() of a traced value (float 2.0) would lose its gradient.")
    for f in (math.floor, complex, lambda x: "%f" % x, lambda x: math.cos(x)):  # noqa: UP031
        said(lambda f=f: tg.grad(f)(2.0), tg.ConversionError)


def test_conversions_to_arrays() -> None:
    """np.array and np.asarray would make an array of objects, or cut the tape."""
    x = np.ones(3)
    expected = (
        "A traced value (float 2.0) cannot become a plain NumPy array: its gradient would be "
        "lost.\n"
        "  at HERE, in puts_together: return np.array([x, 2.0 * x]).sum()\n"
        "For the plain numbers, use x.value. In place of numpy.array([x, y]), of "
        "numpy.array([[x, y], [z, w]]) and of array[i] = x write\n"
        "    numpy.stack([x, y])\n"
        "    numpy.stack([numpy.stack([x, y]), numpy.stack([z, w])])\n"
        "    array = tapegrad.at(array)[i].set(x)"
    )
    text = said(lambda: tg.grad(puts_together)(2.0), tg.ConversionError)
    assert text == expected
    for f in (
        np.asarray,
        np.array,
        lambda x: np.array([x, x]),
        lambda x: np.asarray(x, dtype=np.float32),
        lambda x: np.ones(3)[x],
        lambda x: np.fromiter((v for v in x), float),
    ):
        with pytest.raises((tg.ConversionError, ValueError, IndexError)) as caught:
            tg.grad(f)(x)
        chain = (caught.value, caught.value.__cause__, caught.value.__context__)
        assert any(isinstance(error, tg.ConversionError) for error in chain)


def test_a_float_as_an_index() -> None:
    """An index is an integer, traced or not."""
    assert said(lambda: tg.grad(lambda x: x[x])(np.ones(3)), tg.ConversionError).startswith(
        "A traced value (float64[3]) cannot be an index: an index is an integer."
    )
    for f in (lambda x: [1, 2][x[0]], lambda x: x[: x[0]], lambda x: list(range(x[0]))):
        text = said(lambda f=f: tg.grad(f)(np.ones(3)), tg.ConversionError)
        assert "cannot be an index: an index is an integer." in text
        assert text.endswith(
            "the index is, of a number or of an array,\n    int(x.value)\n    x.value.astype(int)"
        )


# Truth -------------------------------------------------------------------------------------------


def branches(x: Any) -> Any:
    """A branch."""
    if x > 0.0:
        return x
    return -x


def test_the_truth_of_a_batched_value() -> None:
    """One branch cannot be right for all examples."""
    assert said(lambda: tg.vmap(branches)(np.ones(3)), tg.ShapeError) == (
        "The truth of a batched value differs from example to example, so vmap cannot take one "
        "branch.\n"
        "  at HERE, in branches: if x > 0.0:\n"
        "In place of a if condition else b write\n"
        "    tapegrad.numpy.where(condition, a, b)"
    )
    for f in (
        lambda x: max(x, 0.0),
        lambda x: x and 1.0,
        lambda x: x if x != 1.0 else 2.0,
        lambda x: any([x > 0.0]),
        lambda x: 1.0 if 0.0 < x < 1.0 else 2.0,
    ):
        said(lambda f=f: tg.vmap(f)(np.ones(3)), tg.ShapeError)


def test_a_batched_mask_and_a_batched_int() -> None:
    """Lengths that would differ, and one number for many."""

    def masks(x: Any) -> Any:
        return x[x > 0.0].sum()

    def slices(x: Any) -> Any:
        return x[: np.argmax(x)].sum()

    batch = np.ones((2, 3))
    assert said(lambda: tg.vmap(masks)(batch), tg.ShapeError) == (
        "x[mask] with a batched mask would differ in length from example to example, so vmap "
        "cannot stack the results.\n"
        "  at HERE, in masks: return x[x > 0.0].sum()\n"
        "In place of x[mask].sum(), of x[mask].mean(), and of tapegrad.at(x)[mask].set(v) of one "
        "number v, write\n"
        "    tapegrad.numpy.where(mask, x, 0.0).sum()\n"
        "    tapegrad.numpy.where(mask, x, 0.0).sum() / mask.sum()\n"
        "    tapegrad.numpy.where(mask, v, x)"
    )
    assert said(lambda: tg.vmap(slices)(batch), tg.ShapeError) == (
        "A batched integer differs from example to example, so vmap cannot make it one Python "
        "int.\n"
        "  at HERE, in slices: return x[: np.argmax(x)].sum()\n"
        "As an index it can stay as it is. In place of x[i], of x[:, i], and of x[:i].sum() for i "
        "that is not negative, write\n"
        "    tapegrad.numpy.take(x, i, axis=0)\n"
        "    tapegrad.numpy.take(x, i, axis=1)\n"
        "    tapegrad.numpy.where(numpy.arange(len(x)) < i, x, 0.0).sum()"
    )


def test_the_truth_of_an_array_is_numpys_own_error() -> None:
    """if on an array: the same words as without a trace."""
    with pytest.raises(ValueError, match="truth value of an array") as plain:
        branches(np.ones(3))
    with pytest.raises(ValueError, match="truth value of an array") as traced:
        tg.grad(branches)(np.ones(3))
    assert str(traced.value) == str(plain.value)


def test_truth_of_plain_numbers_is_allowed() -> None:
    """Values are concrete: comparisons of numbers combine as they do without a trace."""

    def f(x: Any) -> Any:
        inside = (x > 0.0) & (x < 1.0)
        return x if inside and x != 0.5 else ~inside * x * 2.0

    assert tg.grad(f)(0.3) == 1.0
    assert tg.grad(f)(3.0) == 2.0


# Arguments of transforms -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argnums", "text"),
    [
        (2, "argnums=2 asks for positional argument 2, but the call has 2"),
        (-3, "argnums=-3 asks for positional argument -3, but the call has 2"),
        ((0, 5), "argnums=(0, 5) asks for positional argument 5, but the call has 2"),
        ((0, 0), "argnums=(0, 0) names an argument twice (the call has 2)"),
        ((0, -2), "argnums=(0, -2) names an argument twice (the call has 2)"),
        ("x", "argnums is an int or a tuple of ints, got 'x'"),
        (1.0, "argnums is an int or a tuple of ints, got 1.0"),
        ((0, "y"), "argnums is an int or a tuple of ints, got 'y'"),
    ],
)
def test_argnums_that_fit_no_argument(argnums: Any, text: str) -> None:
    """Too large, too small, twice, of another kind."""
    for transform in (tg.grad, tg.value_and_grad, tg.jacrev, tg.jacfwd, tg.hessian):
        with pytest.raises(TypeError) as caught:
            transform(lambda x, y: x * y, argnums)(1.0, 2.0)
        assert text in str(caught.value)
    with pytest.raises(TypeError, match="arguments given by keyword are not differentiated"):
        tg.grad(lambda x: x)(x=1.0)


def test_tangents_and_cotangents_that_do_not_fit() -> None:
    """Structure, shape, kind, count; with the path."""
    p = {"w": np.ones(3), "b": 1.0}
    with pytest.raises(TypeError, match="jvp: 2 primals, but 1 tangents"):
        tg.jvp(lambda x, y: x, (1.0, 2.0), (1.0,))
    text = said(lambda: tg.jvp(lambda p: p["b"], (p,), ({"w": np.ones(3)},)), tg.ShapeError)
    assert text.startswith("tangents[0] must have the structure of primals[0]: ")
    text = said(
        lambda: tg.jvp(lambda p: p["b"], (p,), ({"w": np.ones(4), "b": 1.0},)), tg.ShapeError
    )
    assert text == "tangents[0]['w'] must have the shape of primals[0], (3,), got float64[4]"
    _, pullback = tg.vjp(lambda p: {"y": p["w"] * 2.0}, p)
    text = said(lambda: pullback(np.ones(3)), tg.ShapeError)
    assert text.startswith("cotangent must have the structure of the output: ")
    text = said(lambda: pullback({"y": 1.0}), tg.ShapeError)
    assert text == "cotangent['y'] must have the shape of the output, (3,), got float 1.0"
    text = said(lambda: pullback({"y": np.ones(3, complex)}), tg.LeafError)
    assert text == (
        "cotangent['y'] must be a real number or a plain array of them, as the output is, "
        "got complex128[3]"
    )
    text = said(lambda: tg.jvp(lambda x: x, (1.0,), ("a",)), tg.LeafError)
    assert text == (
        "tangents[0] must be a real number or a plain array of them, as primals[0] is, got str 'a'"
    )
    with pytest.raises(tg.ShapeError, match="must have the structure"):
        tg.hvp(lambda p: p["b"] ** 2, (p,), (1.0,))


def test_axes_of_vmap_that_do_not_fit() -> None:
    """Missing axes, different lengths, trees of another structure."""
    x = np.ones((3, 2))

    def f(*args: Any) -> Any:
        return args[0].sum()

    cases: list[tuple[Callable[[], Any], str]] = [
        (
            lambda: tg.vmap(f)(1.0),
            "vmap(f): args[0] is float 1.0, which has no axis 0 to map over;",
        ),
        (lambda: tg.vmap(f, 2)(x), "vmap(f): args[0] is float64[3, 2], which has no axis 2"),
        (lambda: tg.vmap(f, -3)(x), "vmap(f): args[0] is float64[3, 2], which has no axis -3"),
        (lambda: tg.vmap(f, None)(x), "vmap(f): no argument has an axis to map over"),
        (lambda: tg.vmap(f)(), "vmap(f): no argument has an axis to map over"),
        (
            lambda: tg.vmap(f)(x, {"a": np.ones(4)}),
            "vmap(f): the mapped axes differ in length: args[0]: 3, args[1]['a']: 4",
        ),
        (lambda: tg.vmap(f, (0, 0))(x), "vmap(f): in_axes has 2 entries, the call 1 arguments"),
        (lambda: tg.vmap(f, ({"b": 0},))({"a": x}), "vmap: in_axes[0] does not fit the structure"),
        (lambda: tg.vmap(f, out_axes=(0, 0))(x), "vmap: out_axes does not fit the structure"),
        (lambda: tg.vmap(f, out_axes=None)(x), "vmap: out_axes is None for an output that differs"),
    ]
    for run, text in cases:
        assert said(run, tg.ShapeError).startswith(text)
    assert said(lambda: tg.vmap(f, out_axes=1)(x), tg.ShapeError) == (
        "vmap(f): the output has the shape () for one example and no place 1 for the axis of the "
        "examples (out_axes)"
    )


def test_custom_functions_that_do_not_fit() -> None:
    """What the function must return, and what its pullback must."""

    def custom(f: Callable[..., Any]) -> Callable[..., Any]:
        made: Callable[..., Any] = tg.custom_vjp(f)
        return made

    def no_pullback(x: Any) -> Any:
        return x * 2.0

    assert said(lambda: tg.grad(custom(no_pullback))(2.0), tg.OutputError) == (
        "tapegrad.custom_vjp: no_pullback must return (output, pullback), but it returned float 4.0"
    )
    assert said(lambda: custom(no_pullback)(2.0), tg.OutputError).endswith("it returned float 4.0")

    def one(x: Any, y: Any) -> Any:
        return x * y, lambda g: (g * y,)

    assert said(lambda: tg.grad(custom(one))(2.0, 3.0), tg.OutputError).startswith(
        "tapegrad.custom_vjp: the pullback of one must return a tuple with one cotangent for each "
        "of its 2 arguments, but it returned tuple ("
    )

    def bare(x: Any) -> Any:
        return x * 2.0, lambda g: g * 2.0

    assert "must return a tuple with one cotangent" in said(
        lambda: tg.grad(custom(bare))(2.0), tg.OutputError
    )

    def misshapen(p: Any) -> Any:
        return p["w"].sum(), lambda g: ({"w": g},)

    assert said(lambda: tg.grad(custom(misshapen))({"w": np.ones(3)}), tg.ShapeError) == (
        "tapegrad.custom_vjp: the pullback of misshapen must return for args[0]['w'] a cotangent "
        "of shape (3,), but it returned float64 1.0"
    )

    def absent(x: Any, y: Any) -> Any:
        return x * y, lambda g: (g * y, None)

    assert said(lambda: tg.grad(custom(absent), 1)(2.0, 3.0), tg.ShapeError) == (
        "tapegrad.custom_vjp: the pullback of absent must return for args[1] a cotangent of shape "
        "(), but it returned None"
    )


def test_other_misuse_of_values() -> None:
    """len and iteration of a number; & of what is no truth; hashing."""
    with pytest.raises(TypeError, match="without axes"):
        tg.grad(lambda x: len(x))(1.0)
    with pytest.raises(TypeError, match="without axes"):
        tg.grad(lambda x: list(x))(1.0)
    with pytest.raises(TypeError, match=r"&, \| and ~ combine truth values \(x > 0\), got float64"):
        tg.grad(lambda x: (x & True).sum())(np.ones(2))
    with pytest.raises(TypeError, match="unhashable"):
        tg.grad(lambda x: {x: 1.0}[x])(1.0)


def test_attributes_that_arrays_have_and_traced_values_have_not() -> None:
    """The text says where they are; a name that no array has is just not there."""
    for given, name, code in (
        (np.ones(3), "item", "x.value.item()"),
        (2.0, "item", "x.value"),
        (np.ones(3), "tolist", "x.value.tolist()"),
        (2.0, "tolist", "x.value"),
        (np.ones(3), "nbytes", "x.value.nbytes"),
        (2.0, "nbytes", "numpy.asarray(x.value).nbytes"),
    ):
        with pytest.raises(AttributeError) as caught:
            tg.grad(lambda x, name=name: getattr(x, name))(given)
        assert str(caught.value) == (
            f"a traced value has no attribute {name!r}; the plain value has, a constant to every "
            f"gradient\n    {code}"
        )
    for name in ("resize", "partition", "setflags"):
        with pytest.raises(AttributeError) as caught:
            tg.grad(lambda x, name=name: getattr(x, name))(np.ones(3))
        assert str(caught.value) == (
            f"a traced value has no attribute {name!r}: it cannot be changed in place. Functions "
            "return new arrays: numpy.sort(x), tapegrad.at(x)[i].set(v)"
        )
    tg.grad(lambda x: x if {"sum", "value"} <= set(dir(x)) and "sort" not in dir(x) else None)(1.0)
    with pytest.raises(AttributeError, match=r"^'Var' object has no attribute 'nonsense'$"):
        tg.grad(lambda x: x.nonsense)(1.0)
    assert tg.grad(lambda x: x if hasattr(x, "nonsense") else 2.0 * x)(1.0) == 2.0


def test_subscripts_of_einsum() -> None:
    """Strings, and lists of whole numbers, are checked as NumPy checks them."""
    einsum: Any = np.einsum
    wrong: list[tuple[tuple[Any, ...], type[Exception], str]] = [
        (("ij",), TypeError, 'einsum: subscripts are a string such as "ij,j->i" before the'),
        (([0, 1.5],), TypeError, "'float' object cannot be interpreted as an integer"),
        (([0, 52],), ValueError, "einsum: axes are named by 0 to 51, got [0, 52]"),
        ((), ValueError, "einsum needs subscripts and operands, got float64[2, 2]"),
    ]
    for after, kind, text in wrong:
        found = said(
            lambda after=after: tg.grad(lambda x: einsum(x, *after).sum())(np.eye(2)), kind
        )
        assert text in found
    for subscripts in ("ij,j", "ijk->i", "i...->i", "ij->ii", "ij->k"):
        found = said(
            lambda s=subscripts: tg.grad(lambda x: einsum(s, x).sum())(np.eye(2)), ValueError
        )
        assert found.startswith(f"einsum: {subscripts!r} does not fit operands of [2] axes: ")


# The errors themselves ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "base"),
    [
        (tg.ShapeError, ValueError),
        (tg.DomainError, ValueError),
        (tg.LeafError, TypeError),
        (tg.OutputError, TypeError),
        (tg.EscapedError, RuntimeError),
        (tg.MutationError, TypeError),
        (tg.ConversionError, TypeError),
        (tg.MissingRuleError, NotImplementedError),
        (tg.MissingRuleError, TypeError),
    ],
)
def test_each_error_is_also_the_built_in_kind(error: type[Exception], base: type) -> None:
    """Code that knows nothing of tapegrad catches what it expects."""
    assert issubclass(error, tg.TapegradError)
    assert issubclass(error, base)


def test_errors_pickle() -> None:
    """As worker processes need it."""
    with pytest.raises(tg.ShapeError) as caught:
        tg.grad(adds)(np.ones(3))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is tg.ShapeError
    assert str(copy) == str(caught.value)


def test_no_error_of_numpy_is_swallowed() -> None:
    """What NumPy finds by itself comes out as it is."""
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        tg.grad(lambda a: np.linalg.inv(a).sum())(np.zeros((2, 2)))
    with pytest.raises(np.linalg.LinAlgError):
        tg.grad(lambda a: np.linalg.cholesky(a).sum())(-np.eye(2))
    with pytest.raises(IndexError, match="out of bounds"):
        tg.grad(lambda x: x[5])(np.ones(3))
    with pytest.raises(np.exceptions.AxisError):
        tg.grad(lambda x: x.sum(axis=3))(np.ones(3))
    with pytest.raises(ZeroDivisionError):
        tg.grad(lambda x: 1.0 / x)(0.0)


def test_an_index_out_of_bounds_says_where() -> None:
    """The user's line stands beside NumPy's reason; the kind of the error is NumPy's."""
    text = said(lambda: tg.grad(lambda x: x[7])(np.ones(3)), IndexError)
    assert (
        "getitem: index 7 is out of bounds for axis 0 with size 3\n  at HERE, in <lambda>" in text
    )


def test_primals_that_are_no_tuple() -> None:
    """One argument still needs its tuple."""
    jvp: Any = tg.jvp
    text = said(lambda: jvp(np.sin, 1.0, 1.0), TypeError)
    assert "jvp: primals is a tuple with one entry for each argument, got float 1.0" in text


def test_a_function_of_scipys_is_named_as_such() -> None:
    """And what tapegrad has in its place."""
    text = said(lambda: tg.grad(scipy.special.expit)(1.0), tg.MissingRuleError)
    assert text.startswith("scipy.special.expit has no derivative rule in tapegrad.")
    assert "tapegrad.nn.sigmoid(x)" in text
