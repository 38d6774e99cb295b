"""Every error that tapegrad itself raises: the classes, the longer texts, and the user's line."""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType

import attrs

# As frames write it: not resolved, not a Path.
PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep  # noqa: PTH100, PTH120


class TapegradError(Exception):
    """The base of tapegrad's own errors; each is also the built-in kind that it refines.

    >>> import tapegrad as tg
    >>> issubclass(tg.ShapeError, TapegradError) and issubclass(tg.ShapeError, ValueError)
    True
    """


class ShapeError(TapegradError, ValueError):
    """Operands whose shapes (or whose parameters) the operation cannot take together."""


class LeafError(TapegradError, TypeError):
    """A leaf of a tree that cannot be differentiated, named by its path."""


class OutputError(TapegradError, TypeError):
    """A function whose output cannot be differentiated as asked: not a scalar, not a float."""


class EscapedError(TapegradError, RuntimeError):
    """A traced value that is used after the transform that made it has ended."""


class MutationError(TapegradError, TypeError):
    """An assignment into a traced value; values are immutable."""


class DomainError(TapegradError, ValueError):
    """A number where the operation has no real value."""


class ConversionError(TapegradError, TypeError):
    """A traced value where a plain number or array is needed: its gradient would be lost."""


class MissingRuleError(TapegradError, TypeError, NotImplementedError):
    """A NumPy function that tapegrad has no derivative rule for."""


NOT_SCALAR = """\
{transform} needs a function with a scalar output, but {function} returned {got}.
Reduce it to one number, for example with .sum() or .mean(); or ask for every derivative with \
tapegrad.jacrev({function}), or for one combination of them with tapegrad.vjp."""

NOT_A_NUMBER = """\
{transform} needs a function that returns {expected}, but {function} returned {got}."""

NO_RETURN = """
Is its return statement missing?"""

KEEP_BESIDE = """
To keep something beside the value, return (value, it) and say has_aux=True."""

ESCAPED = """\
A traced value ({what}) is used after {owner} has ended, and its tape is gone.
It escaped from the function: it was kept in a global, an attribute, a list or an iterator.
Return it instead (tapegrad.grad(f, has_aux=True) gives it back as a plain value), or keep \
x.value."""

ASSIGNMENT = """\
Traced values are immutable: x[i] = v cannot be differentiated.{where}
Write  x = tapegrad.at(x)[i].set(v)  instead, or  x = tapegrad.at(x)[i].add(v)  for x[i] += v."""

TO_NUMBER = """\
{call} of a traced value ({what}) would lose its gradient.{where}
For mathematics, use NumPy's functions (numpy.exp, not math.exp); in place of array[i] = x write \
tapegrad.at(array)[i].set(x); for a plain number to print or to compare, use x.value."""

TO_INDEX = """\
A traced value ({what}) cannot be an index: an index is an integer.{where}
If it holds whole numbers that need no gradient, use x.value.astype(int)."""

TO_ARRAY = """\
A traced value ({what}) cannot become a plain NumPy array: its gradient would be lost.{where}
To put traced values together use numpy.stack([x, y]), not numpy.array([x, y]); in place of \
array[i] = x write tapegrad.at(array)[i].set(x); for the plain numbers, use x.value."""

MISSING_RULE = """\
{function} has no derivative rule in tapegrad.{where}
{nearest}
Write it with operations that have one, or give it a rule with tapegrad.custom_vjp."""

OUT_ARGUMENT = """\
{function} was asked to write into an array, by out= or by an operator such as a += x.{where}
A traced value is immutable, and a plain array cannot hold one. Make a new array instead: \
y = {function}(...) without out=, a = a + x in place of a += x."""

WRITER = """\
{function} writes into an array.{where}
A traced value is immutable, and a plain array cannot hold one. Make a new array instead: \
a = tapegrad.at(a)[i].set(x), or .add(x)."""

OPTION = """\
{function} of a traced value cannot be called like this: {why}.{where}
{remedy}"""

# What to write in place of functions that have no rule, where it is a line.
INSTEAD = {
    "numpy.add.accumulate": "numpy.cumsum",
    "numpy.add.reduce": "numpy.sum",
    "numpy.allclose": "numpy.allclose(x.value, y.value)",
    "numpy.append": "numpy.concatenate",
    "numpy.array_equal": "numpy.array_equal(x.value, y.value)",
    "numpy.array_split": "slices, x[:k] and x[k:]",
    "numpy.atleast_1d": "numpy.reshape(x, (-1,)), or x[None] for a number",
    "numpy.average": "(w * x).sum() / w.sum()",
    "numpy.column_stack": "numpy.stack(vectors, axis=1)",
    "numpy.count_nonzero": "(x != 0).sum()",
    "numpy.cross": "numpy.stack of the three differences of products",
    "numpy.cumprod": "numpy.exp(numpy.cumsum(numpy.log(x))) for positive x",
    "numpy.deg2rad": "x * (numpy.pi / 180)",
    "numpy.diff": "x[1:] - x[:-1]",
    "numpy.dstack": "numpy.stack(arrays, axis=2)",
    "numpy.fabs": "numpy.abs",
    "numpy.float_power": "numpy.power",
    "numpy.fmax": "numpy.maximum",
    "numpy.fmin": "numpy.minimum",
    "numpy.hstack": "numpy.concatenate(arrays, axis=1); axis=0 for vectors",
    "numpy.isclose": "numpy.isclose(x.value, y.value)",
    "numpy.kron": 'numpy.einsum("ij,kl->ikjl", x, y).reshape(...)',
    "numpy.linalg.lstsq": "numpy.linalg.solve(a.T @ a, a.T @ b) where a has full column rank",
    "numpy.maximum.reduce": "numpy.max",
    "numpy.minimum.reduce": "numpy.min",
    "numpy.median": "x = numpy.sort(x); x[n // 2], or the mean of the two in the middle for even n",
    "numpy.multiply.outer": "x[:, None] * y[None, :]",
    "numpy.multiply.reduce": "numpy.prod",
    "numpy.nan_to_num": "numpy.where(numpy.isnan(x), 0.0, x)",
    "numpy.nansum": "numpy.where(numpy.isnan(x), 0.0, x).sum()",
    "scipy.special.expit": "tapegrad.nn.sigmoid(x)",
    "scipy.special.erf": "tapegrad.special.erf(x)",
    "numpy.nonzero": "numpy.nonzero(x.value)",
    "numpy.ptp": "x.max() - x.min()",
    "numpy.rad2deg": "x * (180 / numpy.pi)",
    "numpy.roll": "numpy.concatenate([x[-k:], x[:-k]]) for the first axis",
    "numpy.searchsorted": "numpy.searchsorted(a, x.value)",
    "numpy.sinc": "numpy.sin(numpy.pi * x) / (numpy.pi * x)",
    "numpy.split": "slices, x[:k] and x[k:]",
    "numpy.trapezoid": "((y[1:] + y[:-1]) * dx).sum() / 2",
    "numpy.vdot": "numpy.dot",
    "numpy.vstack": "numpy.concatenate(arrays, axis=0); numpy.stack for vectors",
}

INTEGER_LEAF = """\
{path} is {got}: integers and booleans have no gradient.
Make it floating point ({remedy}), or do not differentiate with respect to it \
(close over it, pass it as another argument, or choose argnums)."""

COMPLEX_LEAF = """\
{path} is {got}: only real numbers can be differentiated.
Pass its real and imaginary parts as two parameters."""

COMPLEX_VALUE = """\
A complex value would become real again, and what came through its imaginary part would be lost: \
only real numbers can be differentiated.{where}
Compute with the real and imaginary parts as two real values."""

UNKNOWN_LEAF = """\
{path} is {got}, which is not a number, an array or a tree of them.
Parameters are floats and floating-point arrays in dicts, lists, tuples, NamedTuples, dataclasses \
and attrs classes. What is not a parameter can be passed as another argument, be closed over, or \
be marked static in its class: attrs.field(metadata={{"static": True}})."""

NOT_LIKE_ARRAYS = """\
{got} does not compute as other arrays do, and has no derivative rules.{where}
Give a plain array: numpy.asarray(a) of a matrix; of a masked array a.filled(0.0), or
tapegrad.numpy.where(mask, 0.0, x)."""

OF_THE_VALUE = """\
a traced value has no attribute {name!r}; the plain value has, a constant to every gradient: \
x.value.{name}"""

IN_PLACE = """\
a traced value has no attribute {name!r}: it cannot be changed in place. Functions return new \
arrays: numpy.sort(x), tapegrad.at(x)[i].set(v)"""

BATCHED_BOOL = """\
The truth of a batched value differs from example to example, so vmap cannot take one branch.{where}
Write tapegrad.numpy.where(condition, a, b) instead of if condition."""

BATCHED_MASK = """\
x[mask] with a batched mask would differ in length from example to example, so vmap cannot stack \
the results.{where}
Write tapegrad.numpy.where(mask, x, 0.0) instead of x[mask]."""

BATCHED_INT = """\
A batched integer differs from example to example, so vmap cannot make it one Python int.{where}
As an index it can stay as it is: tapegrad.numpy.take(x, i); in place of a slice, use an array of \
indices."""

BATCHED_VALUE = """\
A batched value differs from example to example, so that under vmap x.value is not one value.{where}
print(x) shows the whole batch. To compute with it, use x itself; to stop its gradient, \
tapegrad.stop_gradient(x)."""

BATCHED_INDEX = """\
A batched value differs from example to example, so vmap cannot make it one plain NumPy \
array.{where}
To index a plain array with it, write tapegrad.numpy.take(array, i) instead of array[i]."""

CUSTOM_CLOSURE = """\
tapegrad.custom_vjp: {function} uses a traced value that is not one of its arguments, so the \
pullback has no place for its gradient.
Pass that value as an argument, and let the pullback return its cotangent; or use x.value if it is \
a constant."""


# Arrays that NumPy has besides its own, and that tapegrad does not take.
SUBCLASSES = ("MaskedArray", "matrix")


@attrs.frozen
class Place:
    """A line of the user's code."""

    file: str
    line: int
    function: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}, in {self.function}"
        return f"{place}: {self.text}" if self.text else place


# What stands between the user's line and ours: NumPy and what calls it, decorators.
_BETWEEN = ("numpy.", "scipy.", "sklearn.", "optree.", "contextlib")


def user_line() -> Place | None:
    """The innermost line outside this package and the libraries between; None if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        module = frame.f_globals.get("__name__", "")
        ours = name.startswith((PACKAGE, "<__array_function__"))
        if not ours and not module.startswith(_BETWEEN):
            text = linecache.getline(name, frame.f_lineno, frame.f_globals).strip()
            return Place(name, frame.f_lineno, frame.f_code.co_name, text)
        frame = frame.f_back
    return None


def where() -> str:
    """The user's line as the tail of a message; empty where there is none."""
    found = user_line()
    return f"\n  at {found}" if found else ""


def describe(value: object) -> str:
    """A value in words: "float64[3, 2]", "float", "str 'a'"."""
    shape = getattr(value, "shape", None)
    dtype = getattr(value, "dtype", None)
    if dtype is not None and isinstance(shape, tuple):
        kind = f"{type(value).__name__} " if type(value).__name__ in SUBCLASSES else ""
        number = getattr(value, "value", value)
        if shape or getattr(number, "shape", ()):
            return f"{kind}{dtype}[{', '.join(map(str, shape))}]"
        return f"{kind}{dtype} {number}"
    if value is None:
        return "None"
    if isinstance(value, (float, int, complex)):
        return f"{type(value).__name__} {value!r}"
    text = repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"{type(value).__name__} {text}"


def reason(error: ValueError) -> str:
    """What NumPy says of shapes that do not fit, in words, and without the shapes.

    They are said beside it; and those that NumPy sees may have an axis that vmap put there.
    """
    text = str(error)
    if text.startswith("operands could not be broadcast together"):
        return "counted from the last, axes must be of the same length, or one of them of length 1"
    if "mismatch in its core dimension" in text:
        return (
            "the last axis of the first must be as long as the last but one of the second "
            "(or its only one)"
        )
    if "does not have enough dimensions" in text:
        return "a number has no axis to sum over; use * for numbers"
    return text


def name_of(function: object) -> str:
    """A function's name for a message."""
    return str(getattr(function, "__name__", None) or repr(function))
