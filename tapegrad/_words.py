"""Words that others have for what tapegrad has: NumPy's arrays, PyTorch, JAX, and the classes of
those who wrote an engine themselves. Where such a word is looked for, the error says what to write.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

import numpy as np

from ._hints import INSTEAD, indented, shown

# On a traced value x: by its use, what to write. Tests run each.
_FUNCTIONS = """
    absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil cos cosh exp exp2 expm1
    floor isfinite isinf isnan log log10 log1p log2 logical_not negative positive reciprocal
    rint sign sin sinh sqrt square tan tanh trunc
""".split()  # noqa: SIM905  # a list of words
_OTHER_NAMES = {
    "abs": "absolute",
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atanh": "arctanh",
    "neg": "negative",
}
_OPERATORS = {
    "add": "+",
    "bmm": "@",
    "div": "/",
    "divide": "/",
    "eq": "==",
    "ge": ">=",
    "gt": ">",
    "le": "<=",
    "lt": "<",
    "matmul": "@",
    "mm": "@",
    "mul": "*",
    "multiply": "*",
    "mv": "@",
    "ne": "!=",
    "pow": "**",
    "remainder": "%",
    "sub": "-",
    "subtract": "-",
    "true_divide": "/",
}
_NEW = {
    **{f"{name}()": f"numpy.{name}(x)" for name in _FUNCTIONS},
    **{f"{name}()": f"numpy.{function}(x)" for name, function in _OTHER_NAMES.items()},
    **{f"{name}(y)": f"x {sign} y" for name, sign in _OPERATORS.items()},
    "clamp(min, max)": "numpy.clip(x, min, max)",
    "fill(value)": "numpy.full_like(x, value)",
    "masked_fill(mask, value)": "tapegrad.numpy.where(mask, value, x)",
    "relu()": "tapegrad.nn.relu(x)",
    "sigmoid()": "tapegrad.nn.sigmoid(x)",
    "softplus()": "tapegrad.nn.softplus(x)",
    "t()": "x.T",
    "tril()": "numpy.tril(x)",
    "triu()": "numpy.triu(x)",
    "unsqueeze(dim)": "numpy.expand_dims(x, dim)",
}
USES: Mapping[str, str] = {
    **_NEW,
    **{use.replace("(", "_("): f"x = {code}" for use, code in _NEW.items()},
    "arctan2(y)": "numpy.arctan2(x, y)",
    "atan2(y)": "numpy.arctan2(x, y)",
    "broadcast_to(shape)": "numpy.broadcast_to(x, shape)",
    "clip_(min, max)": "x = numpy.clip(x, min, max)",
    "clone()": "x.copy()",
    "compress(condition, axis=None)": "numpy.take(x, numpy.flatnonzero(condition), axis)",
    "contiguous()": "x",
    "copy_(y)": "x = y",
    "cpu()": "x",
    "cuda()": "x",
    "data": "x.value",
    "det()": "numpy.linalg.det(x)",
    "detach()": "tapegrad.stop_gradient(x)",
    "diag()": "numpy.diag(x)",
    "dim()": "x.ndim",
    "double()": "x.astype(numpy.float64)",
    "erf()": "tapegrad.special.erf(x)",
    "expand(*shape)": "numpy.broadcast_to(x, shape)",
    "fill(value)": "x = numpy.full_like(x, value)",
    "flat": "x.ravel()",
    "flip(dims)": "numpy.flip(x, dims)",
    "float()": "x.astype(numpy.float32)",
    "half()": "x.astype(numpy.float16)",
    "imag": "numpy.zeros_like(x)",
    "int()": "numpy.asarray(x.value, int)",
    "inverse()": "numpy.linalg.inv(x)",
    "log_softmax(dim)": "tapegrad.nn.log_softmax(x, dim)",
    "logsumexp(dim)": "tapegrad.special.logsumexp(x, dim)",
    "long()": "numpy.asarray(x.value, int)",
    "maximum(y)": "numpy.maximum(x, y)",
    "minimum(y)": "numpy.minimum(x, y)",
    "movedim(source, destination)": "numpy.moveaxis(x, source, destination)",
    "nonzero()": "numpy.nonzero(x.value)",
    "norm()": "numpy.linalg.norm(x)",
    "numel()": "x.size",
    "numpy()": "x.value",
    "outer(y)": "numpy.outer(x, y)",
    "permute(*axes)": "x.transpose(*axes)",
    "put(indices, values)": (
        "x = tapegrad.at(x)[numpy.unravel_index(indices, x.shape)].set(values)"
    ),
    "round_()": "x = x.round()",
    "searchsorted(v)": "numpy.searchsorted(x.value, v)",
    "slogdet()": "numpy.linalg.slogdet(x)",
    "softmax(dim)": "tapegrad.nn.softmax(x, dim)",
    "sort(axis=-1)": "x = numpy.sort(x, axis)",
    "squeeze_()": "x = x.squeeze()",
    "swapaxes_(axis1, axis2)": "x = x.swapaxes(axis1, axis2)",
    "to(dtype)": "x.astype(dtype)",
    "type(dtype)": "x.astype(dtype)",
    "view(*shape)": "x.reshape(*shape)",
    "zero_()": "x = numpy.zeros_like(x)",
}
# The words of tapes that hang on values: why there is none, and what to write.
_GRADIENT = ("a function of the arguments of f returns its gradients", "tapegrad.grad(f)(x)")
_CHOSEN = ("f is differentiated by the argument that is chosen", "tapegrad.grad(f, argnums=0)(x)")
_TAPE = ("what f did is a list", "tapegrad.record(f, x)")
REASONS: Mapping[str, tuple[str, str]] = {
    "backward": _GRADIENT,
    "grad": _GRADIENT,
    "grad_fn": _TAPE,
    "is_leaf": _TAPE,
    "label": ("a function gives a value a name", "tapegrad.label(x, name)"),
    "requires_grad": _CHOSEN,
    "requires_grad_": _CHOSEN,
    "retain_grad": _TAPE,
    "zero_grad": ("gradients are returned anew, not added up", "tapegrad.grad(f)(x)"),
}


class Absent:
    """An attribute that is not there, and says what is in its place.

    A __getattr__ would say it too, and would make each use of any other attribute slow
    (bench/NOTES.md).
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __get__(self, instance: object, owner: object = None) -> NoReturn:
        raise AttributeError(self.text)


def present(instance: object, /) -> list[str]:
    """The names that ``dir`` shows: not those that are absent."""
    return _without_absent(type(instance), object.__dir__(instance))


class HidesAbsent(type):
    """What a class is of whose absent attributes ``help`` is silent."""

    def __dir__(cls) -> list[str]:
        return _without_absent(cls, super().__dir__())


def _without_absent(kind: type, names: Iterable[str]) -> list[str]:
    return [name for name in names if not isinstance(inspect.getattr_static(kind, name), Absent)]


_NO_ATTRIBUTE = "a traced value has no attribute {name!r}"
ATTRIBUTES: Mapping[str, Absent] = {
    name: Absent(_NO_ATTRIBUTE.format(name=name) + text)
    for name, text in (
        *(
            (use.partition("(")[0], f"; in place of x.{use} write{indented(code)}")
            for use, code in USES.items()
        ),
        *((name, f": {why}{indented(code)}") for name, (why, code) in REASONS.items()),
    )
}

# Of the modules: by the word, what there is instead.
_PLAIN = ("plain numbers, arrays and trees of them are differentiated", "tapegrad.grad(f)(x)")
_NETWORK = (
    "a network is a function of its parameters",
    "tapegrad.nn.mlp(tapegrad.nn.init_mlp(numpy.random.default_rng(0), (2, 16, 1)), x)",
)
_OUTSIDE = ("outside of a transform nothing is recorded, and within", "tapegrad.stop_gradient(x)")
_AS_IT_IS = ("a function is called as it is", "f(x)")
_RANDOM = ("random numbers are NumPy's", "numpy.random.default_rng(0)")
WORDS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("gradient", "derivative", "backward", "GradientTape", "autograd"), _GRADIENT),
    **dict.fromkeys(("Value", "Tensor", "tensor", "Variable", "Parameter", "as_tensor"), _PLAIN),
    **dict.fromkeys(("Neuron", "Layer", "MLP", "Module", "Sequential", "Dense"), _NETWORK),
    **dict.fromkeys(("no_grad", "enable_grad", "inference_mode", "detach"), _OUTSIDE),
    **dict.fromkeys(("jit", "compile", "function"), _AS_IT_IS),
    **dict.fromkeys(("random", "rand", "randn", "manual_seed"), _RANDOM),
    "BCEWithLogitsLoss": ("it is a function", "tapegrad.nn.binary_cross_entropy"),
    "CosineAnnealingLR": ("it is a function", "tapegrad.optim.cosine_decay"),
    "CrossEntropyLoss": ("it is a function", "tapegrad.nn.cross_entropy"),
    "ExponentialLR": ("it is a function", "tapegrad.optim.exponential_decay"),
    "MSELoss": ("it is a function", "tapegrad.nn.mean_squared_error"),
    "Tanh": ("it is a function", "tapegrad.numpy.tanh"),
    "cat": ("it is NumPy's", "numpy.concatenate"),
    "checkpoint": _AS_IT_IS,
    "custom_gradient": ("a function may return its pullback", "tapegrad.custom_vjp"),
    "custom_jvp": ("forward mode follows from the pullback", "tapegrad.custom_vjp"),
    "elementwise_grad": ("it is made of two", "tapegrad.vmap(tapegrad.grad(f))"),
    "jacobian": ("in reverse mode, or in forward mode", "tapegrad.jacrev(f)\ntapegrad.jacfwd(f)"),
    "kaiming_normal": ("it is a function", "tapegrad.nn.he_normal"),
    "make_jaxpr": _TAPE,
    "mse_loss": ("it is a function", "tapegrad.nn.mean_squared_error"),
    "step": ("new parameters are returned", "tapegrad.optim.apply_updates(params, updates)"),
    "tree_map": ("trees have a module", "tapegrad.tree.map"),
    "weight_decay": ("it is a transformation of gradients", "tapegrad.optim.add_l2"),
    "xavier_uniform": ("it is a function", "tapegrad.nn.glorot_uniform"),
    "zero_grad": ("gradients are returned anew, not added up", "tapegrad.grad(f)(x)"),
}
# Where else a name is looked for: before NumPy, and after it.
_NUMPYS = ("numpy", "numpy.linalg", "special")
_OTHERS = ("", "nn", "optim", "tree", "data", "testing")


def absent(module: str, name: str) -> AttributeError:
    """The error for a name that one of tapegrad's modules has not, with what is in its place."""
    text = f"module {module!r} has no attribute {name!r}"
    return AttributeError(text if name.startswith("_") else text + _in_place(module, name))


def absent_from(module: str) -> Callable[[str], NoReturn]:
    """The ``__getattr__`` of a module."""

    def get(name: str) -> NoReturn:
        raise absent(module, name)

    return get


def _in_place(module: str, name: str) -> str:
    if name in WORDS:
        why, code = WORDS[name]
        return f": {why}{indented(code)}"
    numpys, others = _named(_NUMPYS), _named(_OTHERS)
    if place := _same(name, numpys) or (_same(name, others) if name not in dir(np) else None):
        return f": it is{indented(place)}"
    if (call := f"numpy.{name}") in INSTEAD:
        return f": {call} has no derivative rule.\n{shown(INSTEAD[call])}"
    if name in dir(np):
        return f": it has no derivative, and is NumPy's{indented(call)}"
    everywhere = numpys | others
    here = {path: n for path, n in everywhere.items() if path.rpartition(".")[0] == module}
    place = _near(name, here) or _near(name, everywhere)
    return f": the nearest is{indented(place)}" if place else ""


def _same(name: str, known: Mapping[str, str]) -> str | None:
    return next((path for path, n in known.items() if _plain(n) == _plain(name)), None)


def _near(name: str, known: Mapping[str, str]) -> str | None:
    near = difflib.get_close_matches(_plain(name), map(_plain, known.values()), n=1, cutoff=0.7)
    return _same(near[0], known) if near else None


def _named(modules: Iterable[str]) -> dict[str, str]:
    """The public names of some of tapegrad's modules, by their places."""
    known = [f"tapegrad.{module}".rstrip(".") for module in modules]
    return {f"{m}.{n}": n for m in known for n in dir(importlib.import_module(m)) if n[0] != "_"}


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
