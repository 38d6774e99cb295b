"""Random programs as data: inputs, operations on what came before, and what is returned.

A program is drawn together with one run of it on plain NumPy values, which says what fits: an
operation that NumPy refuses is left out. It is then interpreted on traced values. What it decides
by values on its way is noted beside the engine, so that a test knows when two runs went one way.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias, TypeVar

import attrs
import numpy as np
from hypothesis import strategies as st

import tapegrad as tg
from tapegrad._values import plain_of

T = TypeVar("T")
Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
Note: TypeAlias = Callable[[Any], None]


class Pair(NamedTuple):
    """A tree of two."""

    first: Any
    second: Any


@attrs.frozen
class Ref:
    """An earlier value, by position: the leaves of the inputs first, then each operation's."""

    position: int


@attrs.frozen
class Const:
    """A value that is no input."""

    value: Any


@attrs.frozen
class Do:
    """One operation: a name of `OPERATIONS` (or `DECISIONS`), operands, settings."""

    name: str
    operands: tuple[Ref | Const, ...]
    settings: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Code:
    """A whole program: operations in order, and the tree of references that it returns."""

    steps: tuple[Do, ...]
    result: Any

    def run(self, args: Sequence[Any], note: Note) -> Any:
        """The output for arguments, plain or traced; each decision is told to ``note``."""
        values = tg.tree.leaves(tuple(args))
        for step in self.steps:
            operands = [
                values[x.position] if isinstance(x, Ref) else x.value for x in step.operands
            ]
            if step.name in DECISIONS:
                values.append(DECISIONS[step.name](note, *operands, **step.settings))
            else:
                values.append(OPERATIONS[step.name](*operands, **step.settings))
        return _filled(self.result, values)

    def exact(self, args: Sequence[Any]) -> bool:
        """Whether NumPy computes it in the same steps, so that no bit may differ.

        What moves elements makes 0-d arrays of Python numbers there, here it leaves them numbers:
        another dtype then adapts to them, or not.
        """
        names = {step.name for step in self.steps}
        numbers = any(isinstance(leaf, float) for leaf in tg.tree.leaves(tuple(args)))
        return not names & OWN_FORMULAS and (not numbers or names <= {*UNARY, *OPERATORS, *BINARY})


def _filled(result: Any, values: Sequence[Any]) -> Any:
    """A tree of references with the values in their places."""
    if isinstance(result, Ref):
        return values[result.position]
    if isinstance(result, Const):
        return result.value
    if isinstance(result, dict):
        return {key: _filled(each, values) for key, each in result.items()}
    if isinstance(result, Pair):
        return Pair(*(_filled(each, values) for each in result))
    return type(result)(_filled(each, values) for each in result)


@contextmanager
def quietly() -> Iterator[None]:
    """Overflow, invalid values, and means of nothing are part of what is tested."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


# What two outputs have in common -----------------------------------------------------------------


def bits(leaf: Any) -> tuple[Any, ...]:
    """All that can be told of a value: its type, dtype, shape, bytes. One NaN is as another."""
    plain = np.array(leaf)
    if plain.dtype.kind == "f":
        plain[np.isnan(plain)] = np.nan
    return type(leaf), plain.dtype, plain.shape, plain.tobytes()


def exactly(tree: Any) -> Any:
    """A tree with the bits of each leaf: two are equal if no one can tell the trees apart."""
    leaves, structure = tg.tree.flatten(tree)
    return structure, [bits(leaf) for leaf in leaves]


# Operations --------------------------------------------------------------------------------------


def _astype(x: Any, dtype: str) -> Any:
    return x.astype(dtype) if hasattr(x, "astype") else np.dtype(dtype).type(x)


def _index(x: Any, *arrays: Any, index: tuple[Any, ...]) -> Any:
    """x[index], each "array" in it one of the arrays."""
    rest = iter(arrays)
    x = x if hasattr(x, "shape") else np.asarray(x)
    return x[tuple(next(rest) if isinstance(i, str) else i for i in index)]


def _at(x: Any, v: Any, index: Any, how: str) -> Any:
    return getattr(tg.at(x)[index], how)(v)


def _matrix(x: Any) -> Any:
    """A well-conditioned symmetric matrix, 2 by 2, made of the first and the last element of x."""
    flat = np.tanh(np.reshape(x, (-1,)))
    v = np.stack([flat[0], flat[-1]])
    return v[:, None] * v[None, :] + 2.0 * np.eye(2)


def _slogdet(x: Any, part: int) -> Any:
    return np.linalg.slogdet(_matrix(x))[part]


def _slogdet_both(x: Any) -> Any:
    sign, log = np.linalg.slogdet(_matrix(x))
    return sign * log


@tg.custom_vjp
def doubled(x: Any) -> Any:
    """A function with a pullback of its own, and two outputs."""
    return {"twice": x * 2.0, "sine": np.sin(x)}, lambda g: (
        2.0 * g["twice"] + np.cos(x) * g["sine"],
    )


@tg.custom_vjp
def scaled(x: Any, by: int) -> Any:
    """One with an argument that is no operand."""
    return x * by, lambda g: (g * by, None)


SMOOTH: dict[str, Callable[[Any, Any], Any]] = {
    "sine": lambda x, c: np.sin(x),
    "square": lambda x, c: x**2,
    "times": lambda x, c: x * c,
    "exp": lambda x, c: np.exp(-(x * x)),
    "root": lambda x, c: np.sqrt(x * x + 1.0),
    "softened": lambda x, c: tg.nn.softplus(x) + 1,
    "kink": lambda x, c: np.maximum(x, 0.25),
    "chosen": lambda x, c: np.where(x > 0.5, x, 2 * x),
    "custom": lambda x, c: doubled(x)["twice"],
}


def _body(x: Any, c: Any, body: Sequence[str], note: Note | None) -> Any:
    for name in body:
        x = SMOOTH[name](x, c)
    total = np.sum(x)
    if note is not None:
        positive = total > 0.0
        note(bool(plain_of(positive)))
        total = total if positive else -total * 3.0
    return total


def _transformed(x: Any, c: Any, kind: str, body: Sequence[str], note: Note | None = None) -> Any:
    """A derivative of a small function, or the function on a batch."""

    def f(x: Any) -> Any:
        return _body(x, c, body, note)

    if kind == "grad":
        return tg.grad(f)(x)
    if kind == "jvp":
        return tg.jvp(f, (x,), (x,))[1]
    if kind == "twice":
        return tg.grad(lambda x: np.sum(tg.grad(f)(x) * 0.5))(x)
    if kind == "vmap":
        return tg.vmap(f)(x)
    return tg.vmap(tg.grad(f))(x)


UNARY = [
    "negative",
    "absolute",
    "sign",
    "square",
    "sqrt",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sin",
    "cos",
    "tanh",
    "arctan",
    "cbrt",
    "floor",
    "ceil",
    "rint",
    "trunc",
    "isnan",
    "isfinite",
    "logical_not",
]
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    ">=": operator.ge,
    "==": operator.eq,
}
BINARY = [
    "maximum",
    "minimum",
    "arctan2",
    "hypot",
    "logaddexp",
    "not_equal",
    "greater",
    "logical_and",
    "logical_or",
]
REDUCTIONS = ["sum", "mean", "prod", "max", "min", "any", "all", "var", "std"]

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in UNARY + BINARY + REDUCTIONS},
    **OPERATORS,
    **{name: getattr(np, name) for name in ("argmax", "argmin", "argsort", "sort", "cumsum")},
    **{name: getattr(np, name) for name in ("reshape", "transpose", "flip", "squeeze", "clip")},
    **{name: getattr(np, name) for name in ("where", "expand_dims", "broadcast_to", "round")},
    "stack": lambda *xs, axis: np.stack(xs, axis=axis),
    "concatenate": lambda *xs, axis: np.concatenate(xs, axis=axis),
    "matmul": operator.matmul,
    "einsum": lambda *xs, subscripts: np.einsum(subscripts, *xs),
    "astype": _astype,
    "index": _index,
    "at": _at,
    "cholesky": lambda x: np.linalg.cholesky(_matrix(x)),
    "solve": lambda x: np.linalg.solve(_matrix(x), np.ones(2)),
    "slogdet": _slogdet,
    "slogdet both": _slogdet_both,
    "label": lambda x, name: tg.label(x, name),
    "stop": tg.stop_gradient,
    "custom": lambda x, part: doubled(x)[part],
    "custom by": lambda x, by: scaled(x, by),
    "transformed": _transformed,
}
# Their last bits, or zeros, are not NumPy's: other formulas.
OWN_FORMULAS = {"var", "std", "round", "clip", "transformed"}


# Decisions ---------------------------------------------------------------------------------------


def _branch(note: Note, x: Any, above: float) -> Any:
    condition = np.sum(x) > above
    note(bool(plain_of(condition)))
    return np.sin(x) if condition else x * 2.0


def _repeated(note: Note, x: Any) -> Any:
    """As many terms as the position of the largest says."""
    count = np.argmax(x)
    note(int(plain_of(count)))
    for _ in range(int(count)):
        x = x + 0.5
    return x


def _masked(note: Note, x: Any, above: float) -> Any:
    mask = x > above
    note(np.asarray(plain_of(mask)).tolist())
    return x[mask]


def _valued(note: Note, x: Any) -> Any:
    note(bits(plain_of(x)))
    return x * x.value if hasattr(x, "value") else x * x


def _whole_valued(note: Note, x: Any) -> Any:
    total = np.sum(np.isfinite(x))
    note(int(plain_of(total)))
    return x * float(total)


DECISIONS: dict[str, Callable[..., Any]] = {
    "branch": _branch,
    "repeated": _repeated,
    "masked": _masked,
    "valued": _valued,
    "whole-valued": _whole_valued,
    "branch within": lambda note, x, c, **settings: _transformed(x, c, note=note, **settings),
}


# Drawing -----------------------------------------------------------------------------------------

SHAPES = [(), (2,), (3,), (2, 2), (2, 3), (3, 2), (1, 3), (1,), (0,), (2, 0), (2, 1, 2)]
FLOATS = [1.0, 0.0, 0.5, -1.5, 2.0, 3.25, -0.0, 0.1, -7.0, 1e-3, 300.0, np.inf, np.nan]
INTS = [1, 0, 2, 3, -1, 5, 100, -128]
DTYPES = ["float64", "float32", "float16", "int64", "int8", "uint8", "bool"]


def _elements(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    if dtype.kind == "f":
        return st.sampled_from(FLOATS)
    if dtype.kind == "b":
        return st.booleans()
    return st.sampled_from([n for n in INTS if n >= 0 or dtype.kind == "i"])


def of_spec(kind: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """Values of one kind, dtype and shape."""
    if kind == "number":
        return st.sampled_from(FLOATS)
    if kind == "scalar":
        return _elements(dtype).map(dtype.type)
    count = int(np.prod(shape))
    elements = st.lists(_elements(dtype), min_size=count, max_size=count)
    return elements.map(lambda given: np.array(given, dtype).reshape(shape))


def spec(value: Any) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    """Kind, dtype and shape of a plain value."""
    kind = "array" if isinstance(value, np.ndarray) else "number"
    kind = "scalar" if isinstance(value, np.generic) else kind
    return kind, np.asarray(value).dtype, np.shape(value)


def fresh(value: Any) -> st.SearchStrategy[Any]:
    """The same value, or another of its kind, dtype and shape."""
    return st.just(value) | of_spec(*spec(value))


@st.composite
def _leaves(draw: Draw) -> Any:
    kind = draw(st.sampled_from(["number", "array", "array", "scalar"]))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    return draw(of_spec(kind, dtype, draw(st.sampled_from(SHAPES)) if kind == "array" else ()))


@st.composite
def _arguments(draw: Draw) -> Any:
    """One to three arguments, each a leaf or a small tree."""
    tree: Any = _leaves()
    forms = st.one_of(
        tree,
        st.tuples(tree, tree),
        st.lists(tree, min_size=1, max_size=2),
        st.builds(Pair, tree, tree),
        st.fixed_dictionaries({"b": tree, "a": tree}),
    )
    return tuple(draw(st.lists(forms, min_size=1, max_size=3)))


_CONSTANTS = [1, 2.0, 0.5, -1, True, False, 3, 2**53 + 1, -0.0, 0, -2.5]


@st.composite
def _constants(draw: Draw, like: Any) -> Any:
    """A Python number, or a NumPy scalar or array that goes with a value."""
    kind = draw(st.sampled_from(["number", "number", "scalar", "array"]))
    if kind == "number":
        return draw(st.sampled_from(_CONSTANTS))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shapes = [(), np.shape(like), np.shape(like)[-1:]]
    return draw(of_spec(kind, dtype, draw(st.sampled_from(shapes)) if kind == "array" else ()))


class Missing(Exception):  # noqa: N818  # no error: the rule does not apply
    """There is no value that an operation could take."""


@attrs.frozen(eq=False)
class Author:
    """Writes one program, step by step, and runs it on plain values as it grows."""

    draw: Draw
    values: list[Any]
    steps: list[Do] = attrs.field(factory=list)

    def one_of(self, *choices: T) -> T:
        """One of these, rather an earlier one."""
        chosen: T = self.draw(st.sampled_from(choices))
        return chosen

    def ref(self, fits: Callable[[Any], bool] = lambda x: True) -> Ref:
        """One of the values that fit, the latest first; raises Missing if there is none."""
        found = [Ref(i) for i, x in enumerate(self.values) if fits(x)]
        if not found:
            raise Missing
        chosen: Ref = self.draw(st.sampled_from(found[::-1]))
        return chosen

    def ref_or(self, value: Any, fits: Callable[[Any], bool]) -> Ref | Const:
        """One of the values that fit, or else a constant."""
        return self.ref(fits) if any(map(fits, self.values)) else Const(value)

    def other(self, like: Any) -> Ref | Const:
        """An operand beside a value: an earlier one or a constant."""
        if self.draw(st.booleans()):
            return Const(self.draw(_constants(like)))
        return self.ref()

    def value(self, operand: Ref | Const) -> Any:
        """Of an operand, in the plain run."""
        return self.values[operand.position] if isinstance(operand, Ref) else operand.value

    def add(self, rule: Callable[[Author], Do]) -> None:
        """Append a step by a rule, if NumPy can do it, and its value is real and small."""
        try:
            step = rule(self)
        except Missing:
            return
        operands = [self.value(x) for x in step.operands]
        try:
            with quietly():
                if step.name in DECISIONS:
                    value = DECISIONS[step.name](lambda found: None, *operands, **step.settings)
                else:
                    value = OPERATIONS[step.name](*operands, **step.settings)
        except (ValueError, TypeError, IndexError, ArithmeticError, tg.TapegradError):
            return
        if np.asarray(value).dtype.kind in "fiub" and np.size(value) <= 24:
            self.values.append(value)
            self.steps.append(step)

    # The rules ------------------------------------------------------------------------------------

    def unary(self) -> Do:
        """A function of NumPy's of one value."""
        ref = self.ref()
        return Do(self.one_of(*UNARY), (ref,))

    def binary(self) -> Do:
        """An operator or a function of two, one of which may be a constant."""
        ref = self.ref()
        pair = [ref, self.other(self.value(ref))]
        if self.draw(st.booleans()):
            pair.reverse()
        return Do(self.one_of(*OPERATORS, *BINARY), tuple(pair))

    def where(self) -> Do:
        """A choice by truths."""
        condition = self.ref(lambda x: np.asarray(x).dtype.kind == "b")
        ref = self.ref()
        return Do("where", (condition, ref, self.other(self.value(ref))))

    def reduction(self) -> Do:
        """Along some axes."""
        ref = self.ref()
        rank = np.ndim(self.value(ref))
        axes: list[Any] = [None, *range(-rank, rank), *([(0, 1)] if rank > 1 else [])]
        settings = {"axis": self.one_of(*axes), "keepdims": self.draw(st.booleans())}
        return Do(self.one_of(*REDUCTIONS), (ref,), settings)

    def order(self) -> Do:
        """What depends on the order of the elements."""
        ref = self.ref(lambda x: np.ndim(x) > 0)
        name = self.one_of("argmax", "sort", "cumsum", "argsort", "argmin")
        axes = range(np.ndim(self.value(ref)))
        axis = self.one_of(*axes, None) if name != "argsort" else self.one_of(*axes, -1)
        return Do(name, (ref,), {"axis": axis})

    def layout(self) -> Do:
        """What moves elements."""
        ref = self.ref()
        shape = np.shape(self.value(ref))
        return self.one_of(
            Do("reshape", (ref,), {"shape": (-1,)}),
            Do("reshape", (ref,), {"shape": (*shape, 1)}),
            Do("transpose", (ref,)),
            Do("flip", (ref,)),
            Do("squeeze", (ref,)),
            Do("expand_dims", (ref,), {"axis": 0}),
            Do("broadcast_to", (ref,), {"shape": (2, *shape)}),
        )

    def cast(self) -> Do:
        """Another dtype."""
        ref = self.ref()
        return Do("astype", (ref,), {"dtype": self.one_of(*DTYPES)})

    def index(self) -> Do:
        """Elements at ints, slices, arrays, masks, traced integers."""
        ref = self.ref(lambda x: np.ndim(x) > 0)
        items: list[Any] = [
            0,
            -1,
            slice(None),
            slice(1, None),
            slice(None, None, -1),
            None,
            ...,
            slice(0, 1),
        ]
        first = self.one_of(*items, "array", "traced", "mask")
        rest = self.draw(st.lists(st.sampled_from(items), max_size=1))
        length = np.shape(self.value(ref))[0]
        if first == "traced":
            chosen = self.ref(lambda x: np.asarray(x).dtype.kind in "iu")
            return Do("index", (ref, chosen), {"index": ("array", *rest)})
        if first == "array":
            picked: list[Any] = [[0, 0], [-1], [[1, 0]], []]
            array = np.array(self.one_of(*picked), np.intp)
            return Do("index", (ref, Const(array)), {"index": ("array", *rest)})
        if first == "mask":
            mask = self.draw(st.lists(st.booleans(), min_size=length, max_size=length))
            return Do("index", (ref, Const(np.array(mask, bool))), {"index": ("array",)})
        return Do("index", (ref,), {"index": (first, *rest)})

    def joined(self) -> Do:
        """Several values in one; numbers with a constant."""
        ref = self.ref()
        shape = np.shape(self.value(ref))
        same = self.ref(lambda x: np.shape(x) == shape)
        parts: list[Ref | Const] = [ref, same]
        if not shape:
            parts.append(Const(self.draw(st.sampled_from(_CONSTANTS))))
        name = self.one_of("stack", "concatenate")
        return Do(name, tuple(parts), {"axis": self.one_of(0, -1)})

    def product(self) -> Do:
        """Of matrices, and by einsum."""
        a = self.ref(lambda x: np.ndim(x) > 0)
        b = self.ref(lambda x: np.ndim(x) > 0)
        if self.draw(st.booleans()):
            return Do("matmul", (a, b))
        left = "ijklmn"[: np.ndim(self.value(a))]
        return self.one_of(
            Do("einsum", (a,), {"subscripts": f"{left}->"}),
            Do("einsum", (a, a), {"subscripts": f"{left},{left}->{left}"}),
            Do("einsum", (a, b), {"subscripts": "i,j->ij"}),
        )

    def bounded(self) -> Do:
        """Clipped or rounded."""
        ref = self.ref()
        return self.one_of(
            Do("clip", (ref, Const(0), Const(1))),
            Do("clip", (ref, Const(-0.5), Const(None))),
            Do("round", (ref,), {"decimals": 0}),
            Do("round", (ref,), {"decimals": 1}),
        )

    def solved(self) -> Do:
        """Linear algebra on a matrix made of the value."""
        ref = self.ref(lambda x: np.size(x) > 0)
        return self.one_of(
            Do("slogdet", (ref,), {"part": 0}),
            Do("slogdet", (ref,), {"part": 1}),
            Do("slogdet both", (ref,)),
            Do("solve", (ref,)),
            Do("cholesky", (ref,)),
        )

    def written(self) -> Do:
        """Some elements set or added to."""
        ref = self.ref(lambda x: np.ndim(x) > 0 and np.shape(x)[0] > 0)
        indices: list[Any] = [0, slice(None), [0, 0], (..., -1), slice(None, None, -1)]
        settings = {"index": self.one_of(*indices), "how": self.one_of("set", "add")}
        v = self.one_of(Const(2.5), Const(1), self.ref_or(0.0, lambda x: np.ndim(x) == 0))
        return Do("at", (ref, v), settings)

    def marked(self) -> Do:
        """A label, or no gradient."""
        ref = self.ref()
        return self.one_of(
            Do("label", (ref,), {"name": "marked"}),
            Do("stop", (ref,)),
        )

    def custom(self) -> Do:
        """A function with a pullback of its own."""
        ref = self.ref(is_floating)
        return self.one_of(
            Do("custom", (ref,), {"part": "twice"}),
            Do("custom", (ref,), {"part": "sine"}),
            Do("custom by", (ref,), {"by": self.one_of(2, 3)}),
        )

    def transformed(self) -> Do:
        """A derivative, or a batch, of a small function of its own."""
        kind = self.one_of("grad", "jvp", "twice", "vmap", "batched grad")
        batched = kind in ("vmap", "batched grad")
        ref = self.ref(lambda x: is_floating(x) and (np.ndim(x) > 0 or not batched))
        beside: Any = (Const(2), Const(0.3), self.ref_or(0.5, lambda x: np.ndim(x) == 0))
        body = self.draw(st.lists(st.sampled_from(list(SMOOTH)), min_size=1, max_size=3))
        name = "transformed" if batched else self.one_of("transformed", "branch within")
        settings = {"kind": kind, "body": tuple(body)}
        return Do(name, (ref, self.one_of(*beside)), settings)

    def decision(self) -> Do:
        """What goes on by a value."""
        ref = self.ref()
        above = {"above": self.one_of(0.0, 1.0)}
        return self.one_of(
            Do("branch", (ref,), above),
            Do("repeated", (ref,)),
            Do("masked" if np.ndim(self.value(ref)) else "branch", (ref,), above),
            Do("whole-valued", (ref,)),
            Do("valued", (ref,)),
        )


def is_floating(x: Any) -> bool:
    return bool(np.asarray(x).dtype.kind == "f")


RULES = [
    Author.unary,
    Author.binary,
    Author.reduction,
    Author.layout,
    Author.binary,
    Author.index,
    Author.cast,
    Author.order,
    Author.where,
    Author.joined,
    Author.product,
    Author.bounded,
    Author.solved,
    Author.written,
    Author.marked,
    Author.custom,
    Author.transformed,
    *[Author.decision] * 3,
]


@attrs.frozen
class Case:
    """A program, the arguments that it was written with, and others of the same specs."""

    code: Code
    args: tuple[Any, ...]
    new: tuple[tuple[Any, ...], ...]


@st.composite
def cases(draw: Draw) -> Case:
    """A program of up to twelve steps, and inputs for it."""
    args = draw(_arguments())
    author = Author(draw, tg.tree.leaves(args))
    for _ in range(draw(st.integers(1, 12))):
        author.add(draw(st.sampled_from(RULES)))
    last = Ref(len(author.values) - 1)
    refs = st.just(last) | st.sampled_from([Ref(i) for i in range(len(author.values))])
    result = draw(
        st.one_of(
            refs,
            st.builds(Pair, refs, refs),
            st.fixed_dictionaries({"out": refs, "all": st.lists(refs, max_size=3)}),
            st.tuples(refs, st.sampled_from([Const(3), Const(np.float32(0.5)), Const(True)])),
        )
    )
    leaves, structure = tg.tree.flatten(args)
    new = tuple(
        tg.tree.unflatten(structure, [draw(fresh(leaf)) for leaf in leaves]) for _ in range(2)
    )
    return Case(Code(tuple(author.steps), result), args, new)
