"""How NumPy's functions are called: operands, values of every parameter, and what comes out.

A record is small: a function of operands that gives the arguments. It says what a call needs;
what else there is to give is read off NumPy's signature, and has values by its name.
"""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import attrs
import numpy as np
import pytest

from tapegrad.numpy import TABLE

Shape: TypeAlias = tuple[int, ...]
Function: TypeAlias = Callable[..., Any]
NO_VALUE = np._NoValue

# What functions take was extended until then, and not all of them say it.
OLD = np.lib.NumpyVersion(np.__version__) < "2.4.0"
WITH_SIGNATURES = pytest.mark.skipif(OLD, reason="before NumPy 2.4, not all functions say theirs")

# The functions that something answers for; indexing is no function of NumPy's.
PYTHONS = (operator.getitem, round)  # x[i], round(x): methods of a value
FUNCTIONS: list[Function] = [function for function in TABLE if function not in PYTHONS]


def name_of(function: Any) -> str:
    """A function's name within numpy."""
    module = getattr(function, "__module__", None) or ""  # ufuncs of NumPy 2.0 have none
    return ("linalg." if "linalg" in module else "") + str(function.__name__)


# Operands ----------------------------------------------------------------------------------------
def drawn(shape: Shape, dtype: Any, seed: int = 0) -> Any:
    """Few values, so that there are ties and zeros; of floats, such that sums are rounded."""
    dtype = np.dtype(dtype)
    numbers = np.asarray(np.random.default_rng(seed).integers(-4, 5, shape))
    if dtype.kind == "f":
        return (numbers * 0.3).astype(dtype)
    return (np.abs(numbers) if dtype.kind in "ub" else numbers).astype(dtype)


def definite(shape: Shape, dtype: Any, seed: int = 0) -> Any:
    """Symmetric, positive definite matrices of whole numbers."""
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return drawn(shape, dtype, seed)
    a = np.random.default_rng(seed).integers(0, 3, shape)
    return (a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1], dtype=int)).astype(dtype)


# Records -----------------------------------------------------------------------------------------
@attrs.frozen
class Call:
    """What a call needs.

    args:    the arguments, made of operands
    shape:   of the operands, where options are tried
    options: values of parameters that `PARAMETERS` has not, or has others for
    draw:    how an operand is drawn
    """

    args: Callable[..., tuple[Any, ...]] = lambda x: (x,)
    shape: Shape = (2, 3)
    options: Mapping[str, Sequence[Any]] = attrs.field(factory=dict)
    draw: Callable[[Shape, Any, int], Any] = drawn

    def operands(self, dtype: Any, shape: Shape | None = None) -> tuple[Any, ...]:
        """Operands of a dtype, and of a shape."""
        count = len(inspect.signature(self.args).parameters)
        return tuple(
            self.draw(self.shape if shape is None else shape, dtype, i) for i in range(count)
        )


def _two(x: Any, y: Any) -> tuple[Any, Any]:
    return x, y


_BOUNDS = [None, 1, 0.5, -300, 300]
_AXES = [0, -1, 1, (0, 1), [1, 0], 9, 0.5]
_SQUARE = Call(shape=(3, 3), draw=definite)

# Those without an entry here, and that are no ufuncs, fail: they have to be called somehow.
CALLS: dict[str, Call] = {
    **dict.fromkeys(("sum", "mean", "prod", "max", "amax", "min", "amin", "all", "any"), Call()),
    **dict.fromkeys(("var", "std", "cumsum", "argmax", "argmin", "argsort", "sort"), Call()),
    **dict.fromkeys(("round", "around", "copy", "real", "shape", "ndim", "size", "ravel"), Call()),
    **dict.fromkeys(("flip", "squeeze", "diagonal", "diag", "tril", "triu", "trace"), Call()),
    **dict.fromkeys(("zeros_like", "ones_like", "matrix_transpose"), Call()),
    **dict.fromkeys(("linalg.trace", "linalg.diagonal", "linalg.matrix_transpose"), Call()),
    **dict.fromkeys(("linalg.inv", "linalg.det", "linalg.slogdet", "linalg.cholesky"), _SQUARE),
    **dict.fromkeys(("inner", "outer", "tensordot", "linalg.tensordot"), Call(_two)),
    **dict.fromkeys(("matmul", "linalg.matmul", "dot"), Call(_two, shape=(3, 3))),
    "linalg.outer": Call(_two, shape=(3,)),
    "linalg.solve": Call(_two, shape=(3, 3), draw=definite),
    "linalg.norm": Call(options={"axis": [0, -1, 1, (0, 1), (1, 0), (0, 0), (), 7, 1.0, [0]]}),
    "astype": Call(lambda x: (x, "f4")),
    "broadcast_to": Call(lambda x: (x, (4, 2, 3))),
    "reshape": Call(
        lambda x: (x, (3, 2)), options={"shape": [6, -1, (2, -1), (4, 2), (-1, -1), 2.0, [3, 2]]}
    ),
    "transpose": Call(options={"axes": [(1, 0), (-1, 0), [0, 1], (0,), (0, 0), (), 1, (0, 5)]}),
    "moveaxis": Call(lambda x: (x, 0, -1), options={"source": _AXES, "destination": _AXES}),
    "swapaxes": Call(lambda x: (x, 0, 1)),
    "expand_dims": Call(lambda x: (x, 0), options={"axis": _AXES}),
    "tile": Call(lambda x: (x, 2), options={"reps": [(2, 1), (2, 1, 3), 0, (), -1, 1.5]}),
    "repeat": Call(lambda x: (x, 2), options={"repeats": [0, [2], -1, [1, 2], [1, 0, 2]]}),
    "concatenate": Call(lambda x, y: ([x, y],)),
    "stack": Call(lambda x, y: ([x, y],)),
    "where": Call(lambda x, y: (x > 0, x, y)),
    "einsum": Call(
        lambda x, y: ("ij,ij->i", x, y),
        options={"casting": ["unsafe"], "dtype": [None, "f4"], "order": ["K", "F"]},
    ),
    "take_along_axis": Call(
        lambda x: (x, np.array([[0], [1]]), 1),
        options={
            "axis": [0, 1, -1, None, 5],
            "indices": [
                *(np.array([[2, 0], [-1, 1]]), np.array([[9]]), np.array([1, 0])),
                *(np.array([[0.0], [1.0]]), np.array([[True], [False]])),
            ],
        },
    ),
    "take": Call(
        lambda x: (x, [1, 0]),
        options={
            "indices": [0, -1, [], [[0, 1]], True, [True, False], 99, -99, np.array([1, 0], "u1")],
            "mode": ["wrap", "clip", "raise", "nonsense"],
        },
    ),
    "pad": Call(
        lambda x: (x, 1),
        options={
            "pad_width": [0, (1, 2), ((1, 0), (0, 2)), 1.7, -1, ((1, 2, 3),), {0: 1}, {-1: (2, 1)}],
            "mode": ["edge", "reflect", "symmetric", "wrap", "mean", "empty", "nonsense"],
            "constant_values": [2, 2.5, (1, 2), ((1, 2), (3, 4)), "a"],
            "reflect_type": ["even", "odd"],
        },
    ),
    "clip": Call(
        lambda x: (x, -1, 2),
        options={
            **{name: [*_BOUNDS, [1, 0, 1]] for name in ("a_min", "a_max")},
            "min": _BOUNDS,
            "max": _BOUNDS,
        },
    ),
    "full_like": Call(lambda x: (x, 2.5), options={"fill_value": [1, [1, 2, 3], True]}),
}

MASK = np.array([[True, False, True], [False, True, True]])

# By name: right values, and some that NumPy refuses.
PARAMETERS: dict[str, Sequence[Any]] = {
    "axis": [0, -1, 1, np.int64(0), (0, 1), (), None, 7, 1.5, [0]],
    "axis1": [0, 1, -1, 7, 0.5],
    "axis2": [0, 1, -2, 7, 0.5],
    "axes": [0, 1, 2, ([0], [0]), ([1, 0], [1, 0]), ((0, 0), (0, 0)), (0, 1), 5, 1.5],
    "casting": ["no", "equiv", "safe", "same_kind", "unsafe", "nonsense"],
    "copy": [True, False, None],
    "correction": [NO_VALUE, 0, 1, 7],
    "ddof": [0, 1, 2.5, 7, "a"],
    "decimals": [0, 1, -1, -3, 2.0],
    "descending": [NO_VALUE, True],
    "device": [None, "cpu", "gpu"],
    "dtype": [None, float, "f4", "f2", int, "i1", bool],
    "initial": [NO_VALUE, 1.0],
    "k": [0, 1, -1, 9, 0.5, "a"],
    "keepdims": [NO_VALUE, True, False, 2],
    "kind": ["stable", "quicksort", "heapsort", "mergesort", "nonsense", None],
    "mean": [NO_VALUE, 2.0, np.full((1, 3), 0.5)],
    "offset": [0, 1, -1, 9, 1.0],
    "optimize": [True, "greedy", "optimal"],
    "ord": [None, 0, 1, 2, 3, 0.5, -1, -2, np.inf, -np.inf, "fro", "f", "nuc", "nonsense"],
    "order": ["C", "F", "A", "K", "nonsense", None],
    "out": [None, np.zeros(3)],
    "shape": [4, (2, 2), (), -1],
    "stable": [True, False, None],
    "subok": [True, False],
    "upper": [True, False],
    "where": [NO_VALUE, True, MASK],
}


def call_of(function: Any) -> Call:
    """The record of a function; most ufuncs need none."""
    if name_of(function) in CALLS or not isinstance(function, np.ufunc):
        return CALLS[name_of(function)]
    return Call() if function.nin == 1 else Call(_two)


# Ways of calling ---------------------------------------------------------------------------------
@attrs.frozen
class Way:
    """One way of giving a function its arguments, and which parameter it is about."""

    args: Callable[..., tuple[Any, ...]]
    kwargs: Mapping[str, Any] = attrs.field(factory=dict)
    about: str = ""
    value: Any = None

    def run(self, function: Function, operands: Sequence[Any]) -> Any:
        """The function, called like this."""
        return function(*self.args(*operands), **self.kwargs)

    def __str__(self) -> str:
        return f"{self.about}={self.value!r} by {'name' if self.kwargs else 'position'}"


def ways(function: Any, call: Call, more: Sequence[str] = ()) -> Iterator[Way]:
    """Each parameter that NumPy's function has, by position and by name, with each of its values.

    more: the names of some that its signature does not say
    """
    yield Way(call.args)
    signature = list(inspect.signature(function).parameters.values())
    several = any(p.kind is p.VAR_POSITIONAL for p in signature)
    for place, parameter in enumerate(signature):
        name, kind = parameter.name, parameter.kind
        for value in call.options.get(name, PARAMETERS.get(name, ())):
            if value is NO_VALUE and parameter.default is not NO_VALUE:
                continue
            if kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                args = call.args if several else _first(call, place)
                yield Way(args, {name: value}, name, value)
            if kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                yield Way(_then(call, signature[:place], value), {}, name, value)
    for name in (*more, *(set(call.options) - {p.name for p in signature})):
        for value in call.options.get(name, PARAMETERS.get(name, ())):
            if value is not NO_VALUE:
                yield Way(call.args, {name: value}, name, value)


def _first(call: Call, count: int) -> Callable[..., tuple[Any, ...]]:
    return lambda *operands: call.args(*operands)[:count]


def _then(
    call: Call, before: Sequence[inspect.Parameter], value: Any
) -> Callable[..., tuple[Any, ...]]:
    """What a call needs, the defaults of what follows, and a value in its place."""

    def args(*operands: Any) -> tuple[Any, ...]:
        given = call.args(*operands)[: len(before)]
        return (*given, *(p.default for p in before[len(given) :]), value)

    return args


# What comes out ----------------------------------------------------------------------------------
@contextmanager
def quietly() -> Iterator[None]:
    """Overflow, and means of nothing, are part of what is tested."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def outcome(run: Callable[[], Any]) -> Any:
    """The value, or the error."""
    with quietly():
        try:
            return run()
        except Exception as error:  # noqa: BLE001
            return error


ERRORS = (
    IndexError,
    OverflowError,
    ZeroDivisionError,
    np.linalg.LinAlgError,
    ValueError,
    TypeError,
)


def differs(found: Any, expected: Any, ulps: float = 0.0) -> str:
    """In what an outcome is not the expected one; empty if in nothing.

    Values have the same dtype, shape and bits (a NaN is as another), or are that many units in the
    last place of the largest apart. Errors are of the same built-in kind.
    """
    text = f"{found!r} for {expected!r}"
    if isinstance(expected, Exception):
        kinds = tuple(kind for kind in ERRORS if isinstance(expected, kind))
        return "" if isinstance(found, kinds) else text
    if isinstance(found, Exception):
        return text
    if isinstance(expected, tuple):
        pairs = zip(found, expected, strict=True)
        return next(filter(None, (differs(x, y, ulps) for x, y in pairs)), "")
    x, y = np.asarray(found), np.asarray(expected)
    if (x.dtype, x.shape) != (y.dtype, y.shape):
        return f"{x.dtype}{list(x.shape)} for {y.dtype}{list(y.shape)}"
    equal = x == y
    if x.dtype.kind == "f":
        unknown = np.isnan(x) & np.isnan(y)
        equal = unknown | equal & (np.signbit(x) == np.signbit(y))
        if ulps and y.size:
            with np.errstate(all="ignore"):
                largest = np.max(np.abs(y), where=np.isfinite(y), initial=0.0)
                equal |= np.abs(x - y) <= ulps * np.spacing(largest)
    return "" if np.all(equal) else text
