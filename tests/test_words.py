"""Words of other libraries, looked for on a traced value, a gradient or a module, are answered."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
import truth
from messages import code_of, run, said

import tapegrad
import tapegrad.numpy as tnp
from tapegrad._hints import INSTEAD, shown
from tapegrad._words import ATTRIBUTES, REASONS, USES, WORDS

tg: Any = tapegrad
M = np.array([[0.4, -1.3, 2.1], [0.3, 0.8, -0.6]])
U = np.array([[0.4, 0.25, 0.15], [0.35, 0.65, 0.75]])  # between 0 and 1
SQUARE = np.array([[2.0, 0.5, 0.25], [-1.0, 3.0, 0.5], [0.75, 0.25, 4.0]])
N = M * 1.5 + 0.125


def unknown(run: Callable[..., object]) -> str:
    """What the AttributeError says."""
    return said(run, AttributeError)


# Traced values -----------------------------------------------------------------------------------
def put(x: Any, indices: Any, values: Any) -> Any:
    changed = x.copy()
    changed.put(indices, values)
    return changed


# By the use: x, the arguments, and what NumPy has for it.
Use = tuple[Any, tuple[Any, ...], Callable[..., Any]]
BINARY: dict[str, Callable[..., Any]] = {
    "add": np.add, "div": np.divide, "divide": np.divide, "true_divide": np.divide,
    "eq": np.equal, "ge": np.greater_equal, "gt": np.greater, "le": np.less_equal,
    "lt": np.less, "mul": np.multiply, "multiply": np.multiply, "ne": np.not_equal,
    "pow": np.power, "remainder": np.remainder, "sub": np.subtract, "subtract": np.subtract,
    "arctan2": np.arctan2, "atan2": np.arctan2, "maximum": np.maximum, "minimum": np.minimum,
    "outer": np.outer,
}  # fmt: skip
TRUTH: dict[str, Use] = {
    **{
        f"{name}()": (U + (name in {"arccosh", "acosh"}), (), getattr(np, function))
        for name, function in {
            "abs": "abs", "absolute": "abs", "acos": "arccos", "arccos": "arccos",
            "acosh": "arccosh", "arccosh": "arccosh", "asin": "arcsin", "arcsin": "arcsin",
            "asinh": "arcsinh", "arcsinh": "arcsinh", "atan": "arctan", "arctan": "arctan",
            "arctanh": "arctanh", "atanh": "arctanh", "cbrt": "cbrt", "ceil": "ceil", "cos": "cos",
            "cosh": "cosh", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "floor": "floor",
            "isfinite": "isfinite", "isinf": "isinf", "isnan": "isnan", "log": "log",
            "log10": "log10", "log1p": "log1p", "log2": "log2", "neg": "negative",
            "negative": "negative", "positive": "positive", "logical_not": "logical_not",
            "reciprocal": "reciprocal", "rint": "rint", "sign": "sign",
            "sin": "sin", "sinh": "sinh", "sqrt": "sqrt", "square": "square", "tan": "tan",
            "tanh": "tanh", "trunc": "trunc", "tril": "tril", "triu": "triu", "t": "transpose",
        }.items()
    },
    **{f"{name}(y)": (U, (N,), function) for name, function in BINARY.items()},
    **{f"{name}(y)": (M, (SQUARE,), np.matmul) for name in ("bmm", "matmul", "mm")},
    "mv(y)": (M, (SQUARE[0],), np.matmul),
    "broadcast_to(shape)": (M, ((4, 2, 3),), np.broadcast_to),
    "clamp(min, max)": (M, (-0.6, 0.6), np.clip),
    "clip_(min, max)": (M, (-0.6, 0.6), np.clip),
    "clone()": (M, (), np.copy),
    "compress(condition, axis=None)": (M, ([False, True], 0), lambda x, c, a: np.compress(c, x, a)),
    "contiguous()": (M, (), np.ascontiguousarray),
    "copy_(y)": (M, (N,), lambda x, y: y),
    "cpu()": (M, (), np.array),
    "cuda()": (M, (), np.array),
    "data": (M, (), np.array),
    "det()": (SQUARE, (), np.linalg.det),
    "detach()": (M, (), np.array),
    "diag()": (SQUARE, (), np.diag),
    "dim()": (M, (), np.ndim),
    "double()": (M.astype(np.float32), (), lambda x: x.astype(np.float64)),
    "erf()": (M, (), scipy.special.erf),
    "expand(*shape)": (M, ((4, 2, 3),), np.broadcast_to),
    "fill(value)": (M, (3.5,), np.full_like),
    "fill_(value)": (M, (3.5,), np.full_like),
    "flat": (M, (), lambda x: np.array(list(x.flat))),
    "flip(dims)": (M, ((0, 1),), np.flip),
    "float()": (M, (), lambda x: x.astype(np.float32)),
    "half()": (M, (), lambda x: x.astype(np.float16)),
    "imag": (M, (), np.imag),
    "int()": (M, (), lambda x: x.astype(int)),
    "inverse()": (SQUARE, (), np.linalg.inv),
    "log_softmax(dim)": (M, (1,), scipy.special.log_softmax),
    "logsumexp(dim)": (M, (1,), scipy.special.logsumexp),
    "long()": (M, (), lambda x: x.astype(int)),
    "masked_fill(mask, value)": (M, (M > 0, 7.0), lambda x, m, v: np.where(m, v, x)),
    "masked_fill_(mask, value)": (M, (M > 0, 7.0), lambda x, m, v: np.where(m, v, x)),
    "movedim(source, destination)": (M, (0, 1), np.moveaxis),
    "nonzero()": (M, (), np.nonzero),
    "norm()": (M, (), lambda x: np.sqrt((x * x).sum())),
    "numel()": (M, (), np.size),
    "numpy()": (M, (), np.array),
    "permute(*axes)": (SQUARE[None], ((2, 0, 1),), np.transpose),
    "put(indices, values)": (M, ([0, 4], [7.0, 8.0]), put),
    "relu()": (M, (), lambda x: np.maximum(x, 0.0)),
    "round_()": (M, (), np.round),
    "searchsorted(v)": (np.array([0.5, 1.0, 2.0]), (1.5,), np.searchsorted),
    "sigmoid()": (M, (), scipy.special.expit),
    "slogdet()": (SQUARE, (), np.linalg.slogdet),
    "softmax(dim)": (M, (0,), scipy.special.softmax),
    "softplus()": (M, (), lambda x: np.log1p(np.exp(x))),
    "sort(axis=-1)": (M, (0,), np.sort),
    "squeeze_()": (M[None], (), np.squeeze),
    "swapaxes_(axis1, axis2)": (M, (0, 1), np.swapaxes),
    "to(dtype)": (M, (np.float32,), lambda x, dtype: x.astype(dtype)),
    "type(dtype)": (M, (np.float32,), lambda x, dtype: x.astype(dtype)),
    "unsqueeze(dim)": (M, (1,), np.expand_dims),
    "unsqueeze_(dim)": (M, (1,), np.expand_dims),
    "view(*shape)": (M, ((3, 2),), np.reshape),
    "zero_()": (M, (), np.zeros_like),
}  # fmt: skip


def expected(use: str) -> Use:
    """What a use gives; of x.exp_(), what x.exp() gives."""
    return TRUTH[use] if use in TRUTH else TRUTH[use.replace("_(", "(")]


def test_every_word_is_tested() -> None:
    """As a use, or as one with _ in place."""
    assert set(TRUTH) <= set(USES)
    for use in USES:
        expected(use)


@pytest.mark.parametrize("use", USES)
def test_a_word_on_a_traced_value(use: str) -> None:
    """The error has the code, and the code gives what the word means, with its gradient."""
    x, args, meant = expected(use)
    head = use.partition("(")[2][:-1]
    names = list(inspect.signature(eval(f"lambda {head}: 0")).parameters)  # noqa: S307
    name = use.partition("(")[0]
    text = unknown(lambda: tg.grad(lambda x: getattr(x, name))(x))
    code = USES[use]
    assert text == (
        f"a traced value has no attribute {name!r}; in place of x.{use} write\n    {code}"
    )
    assert code.startswith("x = ") == (name.endswith("_") or name in {"fill", "put", "sort"})

    def f(x: Any) -> Any:
        return run(code, x=x, **dict(zip(names, args)))

    wanted = meant(x.copy(), *args)
    truth.assert_close(tg.record(f, x).value, wanted, rtol=1e-13, atol=1e-15)
    plain = "value" in code or np.asarray(wanted).dtype != np.float64
    if name not in {"slogdet", "copy_", "detach"} and not plain:
        weights = np.cos(np.arange(np.size(wanted))).reshape(np.shape(wanted))
        slopes = tg.grad(lambda x: (f(x) * weights).sum())(x)
        truth.assert_close(slopes, truth.gradient(lambda x: (meant(x, *args) * weights).sum(), x))


@pytest.mark.parametrize("name", [*ATTRIBUTES, "item", "tolist", "nbytes", "resize"])
def test_a_word_is_no_attribute(name: str) -> None:
    """Not to hasattr, not to dir, on a number, on an array, in a batch, or of the class."""

    def f(x: Any) -> Any:
        assert not hasattr(x, name)
        assert not hasattr(type(x), name)
        assert name not in dir(x)
        return x * 1.0

    tg.grad(f)(2.0)
    tg.record(f, M)
    tg.vmap(f)(M)
    with pytest.raises(AttributeError):
        getattr(tg.Var, name)
    assert name not in dir(tg.Var)


def test_a_method_that_is_a_function_of_numpys() -> None:
    """It has what the function has: a hint that keeps the gradient."""
    for name in ("cumprod", "choose"):
        text = said(lambda name=name: tg.grad(lambda x: getattr(x, name))(M))
        function = f"numpy.{name}"
        assert text == (
            f"a traced value has no attribute {name!r}: {function} has no derivative rule.\n"
            f"{shown(INSTEAD[function])}"
        )
    methods = {name for name in dir(np.ndarray) if name[0] != "_" and not hasattr(tg.Var, name)}
    for name in methods - {*ATTRIBUTES}:
        text = said(lambda name=name: tg.grad(lambda x: getattr(x, name))(M))
        # A constant only where there is no rule and no hint.
        assert ("a constant" in text) <= (f"numpy.{name}" not in INSTEAD)
        assert getattr(np, name, None) not in tnp.TABLE


def test_the_value_itself() -> None:
    """Of real numbers."""
    for f in (lambda x: x.real, lambda x: x.conjugate(), np.real):
        np.testing.assert_array_equal(tg.grad(lambda x, f=f: (f(x) ** 2).sum())(M), 2.0 * M)
    assert tg.record(lambda x: x.conjugate(), 2.0).value == 2.0


def test_help_is_silent_about_words() -> None:
    """It shows what there is."""
    plainly: Any = pydoc
    text = plainly.render_doc(tg.Var, renderer=plainly.plaintext)
    shown = re.findall(r"^ \|  (\w+)", text, re.MULTILINE)
    assert {"sum", "value", "shape"} <= set(shown)
    assert not {*ATTRIBUTES, "item", "resize"} & set(shown)


def test_every_elementwise_function_is_a_word() -> None:
    """What tapegrad.numpy has of one operand is asked for as x.exp(), if it is no method."""
    table: dict[Any, Any] = dict(tnp.TABLE)
    for function, op in table.items():
        if getattr(op, "kind", "") == "elementwise" and len(op.vjp) == 1:
            name = function.__name__
            assert name in ATTRIBUTES or callable(getattr(tg.Var, name)), name


def square(x: Any) -> Any:
    """A function to be differentiated."""
    return (x**2).sum()


@pytest.mark.parametrize("name", REASONS)
def test_a_word_of_another_kind_of_tape(name: str) -> None:
    """There is none on values; the code runs."""
    text = unknown(lambda: tg.grad(lambda x: getattr(x, name))(M))
    assert text.startswith(f"a traced value has no attribute {name!r}: ")
    (code,) = code_of(text)
    got = run(code, f=square, x=M, name="x")
    if code.startswith("tapegrad.grad"):
        np.testing.assert_array_equal(got, 2.0 * M)


def test_words_on_a_gradient() -> None:
    """grad(f).backward(): what grad returns is called."""
    for transform in (tg.grad, tg.value_and_grad):
        gradient = transform(square)
        for name in ("backward", "step", "zero_grad"):
            (code,) = code_of(unknown(lambda name=name, g=gradient: getattr(g, name)))
            np.testing.assert_array_equal(run(code, f=square, x=M), 2.0 * M)
            assert not hasattr(gradient, name)
            assert name not in dir(gradient)
        assert {"function", "argnums", "__call__"} <= set(dir(gradient))


# Modules -----------------------------------------------------------------------------------------

MODULES = [
    "tapegrad",
    "tapegrad.numpy",
    "tapegrad.numpy.linalg",
    "tapegrad.special",
    "tapegrad.nn",
    "tapegrad.optim",
]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_a_module(word: str, module: str) -> None:
    """Why it is not there; and the code runs."""
    found = importlib.import_module(module)
    text = unknown(lambda: getattr(found, word))
    assert text.startswith(f"module {module!r} has no attribute {word!r}: ")
    for code in code_of(text):
        names = {"f": square, "params": {"w": M}, "updates": {"w": N}}
        run(code, x=np.ones((3, 2)), **names)
    assert not hasattr(found, word)
    assert word not in dir(found)


PLACES = [
    ("tapegrad", "tanh", "tapegrad.numpy.tanh"),
    ("tapegrad", "exp", "tapegrad.numpy.exp"),
    ("tapegrad", "relu", "tapegrad.nn.relu"),
    ("tapegrad", "sgd", "tapegrad.optim.sgd"),
    ("tapegrad", "SGD", "tapegrad.optim.sgd"),
    ("tapegrad", "check_grads", "tapegrad.testing.check_grads"),
    ("tapegrad", "logsumexp", "tapegrad.special.logsumexp"),
    ("tapegrad", "det", "tapegrad.numpy.linalg.det"),
    ("tapegrad", "flatten", "tapegrad.tree.flatten"),
    ("tapegrad", "batches", "tapegrad.data.batches"),
    ("tapegrad", "ValueAndGrad", "tapegrad.value_and_grad"),
    ("tapegrad.nn", "ReLU", "tapegrad.nn.relu"),
    ("tapegrad.nn", "LogSoftmax", "tapegrad.nn.log_softmax"),
    ("tapegrad.nn", "tanh", "tapegrad.numpy.tanh"),
    ("tapegrad.nn", "grad", "tapegrad.grad"),
    ("tapegrad.optim", "SGD", "tapegrad.optim.sgd"),
    ("tapegrad.numpy", "grad", "tapegrad.grad"),
    ("tapegrad.numpy", "erf", "tapegrad.special.erf"),
    ("tapegrad.numpy.linalg", "einsum", "tapegrad.numpy.einsum"),
    ("tapegrad.special", "sigmoid", "tapegrad.nn.sigmoid"),
]


@pytest.mark.parametrize(("module", "name", "place"), PLACES)
def test_what_another_module_has(module: str, name: str, place: str) -> None:
    """Its place; capitals and underscores do not count."""
    text = unknown(lambda: getattr(importlib.import_module(module), name))
    assert text == f"module {module!r} has no attribute {name!r}: it is\n    {place}"
    assert callable(run(place))


@pytest.mark.parametrize(
    ("module", "name", "place"),
    [
        ("tapegrad", "value_and_gradient", "tapegrad.value_and_grad"),
        ("tapegrad", "hesian", "tapegrad.hessian"),
        ("tapegrad", "stop_gradients", "tapegrad.stop_gradient"),
        ("tapegrad", "OutputErr", "tapegrad.OutputError"),
        ("tapegrad.nn", "leaky_softmax", "tapegrad.nn.softmax"),
        ("tapegrad.nn", "cross_entropy_loss", "tapegrad.nn.cross_entropy"),
        ("tapegrad.optim", "momentums", "tapegrad.optim.momentum"),
        ("tapegrad.optim", "cosine_decay_schedule", "tapegrad.optim.cosine_decay"),
        ("tapegrad.numpy", "logadd", "tapegrad.numpy.logaddexp"),
        # The module's own, though another has one as near, and comes first.
        ("tapegrad.numpy.linalg", "outers", "tapegrad.numpy.linalg.outer"),
    ],
)
def test_the_nearest_name(module: str, name: str, place: str) -> None:
    """For those who misspell it."""
    text = unknown(lambda: getattr(importlib.import_module(module), name))
    assert text == f"module {module!r} has no attribute {name!r}: the nearest is\n    {place}"
    assert run(place)


def test_names_of_numpys_that_tapegrad_numpy_lacks() -> None:
    """What has a hint, and what makes constants."""
    text = unknown(lambda: tg.numpy.diff)
    assert text.startswith(
        "module 'tapegrad.numpy' has no attribute 'diff': numpy.diff has no derivative rule.\n"
        "In place of numpy.diff(a, n=1, axis=-1), for n=1 along the last axis:\n"
        f"    {INSTEAD['numpy.diff'][1]['for n=1 along the last axis']}\n"
    )
    for module in (tg, tg.numpy):
        for name in ("arange", "zeros", "pi", "float64"):
            text = unknown(lambda m=module, name=name: getattr(m, name))
            assert text.endswith(f": it has no derivative, and is NumPy's\n    numpy.{name}")


def test_names_that_mean_nothing() -> None:
    """The plain text; and for private names no search."""
    for name in ("qqqqqqq", "__path_of__", "_private"):
        for module in MODULES:
            text = unknown(lambda m=module, name=name: getattr(importlib.import_module(m), name))
            assert text == f"module {module!r} has no attribute {name!r}"
    assert unknown(lambda: tg.grad(lambda x: x.qqqqqqq)(1.0)).startswith(
        "'Var' object has no attri"
    )
