"""What checks are made of: a program and its values, failures, what two results have in common."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

import tapegrad as tg

from ._author import floating
from ._cases import Case
from ._code import PROGRAM, Code
from ._functions import EXACT
from ._values import DTYPES
from ._worlds import PLAIN, REAL, quietly

CONSTANTS = {"np.array", "np.zeros", *(f"np.{name}" for name in DTYPES)}


class Failure(AssertionError):  # noqa: N818  # of a check, not of the program
    """What is wrong with a program.

    check:    the name of what does not hold
    case:     the program
    lines:    lines after it, the last one an expression, that show it
    came:     its value, or the error
    expected: what should have come
    by:       the check of `CHECKS` that found it
    """

    def __init__(self, check: str, case: Case, lines: str, came: object, expected: object) -> None:
        self.check, self.case, self.lines = check, case, lines
        self.came, self.expected = _shown(came), _shown(expected)
        self.by = ""
        super().__init__(f"{check}: {lines}\n came {self.came}\n expected {self.expected}")

    @property
    def error(self) -> str:
        """The first line of the error, without what differs from program to program."""
        if self.is_wrong or self.check == "accepted":
            return ""
        return re.sub(r"[\d.,()-]+", "", self.came.partition("\n")[0])[:60]

    @property
    def is_wrong(self) -> bool:
        """Whether a result is wrong, and not only an error or the lack of one."""
        return "raised" not in self.check and self.check not in ("refusal", "accepted")


def _shown(value: object) -> str:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return value if isinstance(value, str) else repr(value)


class Skip(Exception):  # noqa: N818  # no error
    """A check says nothing of a program: why."""


class Run:
    """A program that is checked."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.code: Code = case.code
        self.values = self.code.values(PLAIN)
        self.f = self.code.define(REAL)["f"]

    def args(self) -> tuple[Any, ...]:
        """The arguments, made anew."""
        return self.case.args()

    @cached_property
    def plain(self) -> Any:
        """What NumPy gives."""
        return self.code.define(PLAIN)["f"](*self.args())

    @cached_property
    def precision(self) -> float:
        """The unit of the last place of the shortest floats in the program."""
        found = {np.dtype(name) for name in ("float16", "float32", "f4") if name in str(self.code)}
        found |= {np.asarray(node.value).dtype for node in self.tape}
        places: list[Any] = [np.finfo(d.name) for d in found if d.kind == "f"]
        return max([2.3e-16, *(float(each.eps) for each in places)])

    @cached_property
    def tape(self) -> tuple[tg.Node, ...]:
        """What is recorded of it; nothing, where that raises."""
        try:
            return tg.record(self.f, *self.args()).tape
        except Exception:  # noqa: BLE001  # a check will say so
            return ()

    @cached_property
    def noise(self) -> float:
        """What rounding leaves of a derivative that is 0: some last places of what is cancelled."""
        values = [node.value for node in self.tape if floating(node.value)]
        sizes = [np.abs(np.asarray(x, float)) for x in values]
        known = [np.max(x, where=np.isfinite(x), initial=1.0) for x in sizes]
        return 1e-13 * float(min(max([1.0, *known]), 1e3))

    @property
    def is_exact(self) -> bool:
        """Whether NumPy computes it in the same steps: sums go another way in other layouts, and
        numbers of Python's are computed with as Python does.
        """
        ordinary = (np.ndarray, np.generic)
        for x in self.values.values():
            if not isinstance(x, ordinary) or (np.ndim(x) and not x.flags.c_contiguous):
                return False
        return all(name in EXACT or "." not in name for name in self.code.calls - CONSTANTS)

    def fail(self, check: str, lines: str, came: object, expected: object) -> Failure:
        """The failure of a check of this program."""
        return Failure(check, self.case, lines, came, expected)

    @contextmanager
    def doing(self, check: str, lines: str) -> Iterator[None]:
        """Errors within become failures, but those that are promised."""
        try:
            yield
        except (Skip, Failure):
            raise
        except Exception as error:
            if why := promised(error):
                raise Skip(why) from None
            raise self.fail(f"{check} raised", lines, error, "a value") from error


# Errors ------------------------------------------------------------------------------------------
REFUSALS = (tg.MissingRuleError, tg.ConversionError, tg.MutationError)
PYTHONS = (ZeroDivisionError, OverflowError, tg.DomainError)
# What tapegrad says that it does not do: a class, and words of its message.
PROMISED: tuple[tuple[type[Exception], str, str], ...] = (
    (tg.OutputError, "not one of its arguments", "custom_vjp closes over a traced value"),
    (tg.OutputError, "closes over", "custom_vjp closes over a traced value"),
    (IndexError, "got bool ", "a truth of no axes is no mask"),
    (tg.GuardError, "on its way", "an error was caught"),
    (TypeError, "combine truth values", "& of integers"),
    (ValueError, "Cannot specify order", "of two wrong options, each says another"),
    (tg.ShapeError, "(out_axes)", "no such place for the examples"),
    (tg.ShapeError, "vmap cannot", "a decision under vmap"),
    (tg.ShapeError, "under vmap", "a decision under vmap"),
    (np.linalg.LinAlgError, "Singular matrix", "slogdet has no slope where a matrix is singular"),
)


def promised(error: Exception) -> str | None:
    """Why an error is no failure, if it is none."""
    said = str(error)
    if isinstance(error, REFUSALS):
        option = "cannot be called like this" in said
        return "an option is refused" if option else f"refused: {said.splitlines()[0][:60]}"
    if isinstance(error, PYTHONS):
        return f"{type(error).__name__} of Python's numbers"
    for kind, words, why in PROMISED:
        if isinstance(error, kind) and words in said:
            return why
    if isinstance(error, TypeError) and "unexpected keyword" in said:
        return "an option is refused" if raised_in(error) == PROGRAM else None
    return None


def raised_in(error: Exception) -> str:
    """The file that raised it: of an error of Python's about a line of the program, that itself."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_code.co_filename


# Results -----------------------------------------------------------------------------------------
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


def same_form(came: Any, expected: Any) -> bool:
    """Whether two values have one dtype and shape."""
    a, b = np.asarray(came), np.asarray(expected)
    return bool(a.dtype == b.dtype and a.shape == b.shape)


def near(came: Any, expected: Any, tolerance: float) -> bool:
    """Whether two values differ by no more than this fraction of the largest."""
    a, b = np.asarray(came), np.asarray(expected)
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    with quietly():
        size = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
        return bool(np.allclose(a, b, tolerance, tolerance * min(size, 1e300), equal_nan=True))


def is_unstable(run: Run) -> bool:
    """Whether NumPy's result changes with the last places of the inputs."""
    expected = tg.tree.leaves(run.plain)
    f = run.code.define(PLAIN)["f"]
    rng = np.random.default_rng(0)
    for _ in range(4):
        moved = {name: _nudged(rng, value) for name, value in run.values.items()}
        try:
            found = tg.tree.leaves(f(*run.code.args(PLAIN, moved)))
        except Exception:  # noqa: BLE001  # it goes another way
            return True
        for a, b in zip(found, expected, strict=True):
            if np.shape(a) != np.shape(b) or not near(a, b, 10.0 * run.precision):
                return True
    return False


def _nudged(rng: np.random.Generator, x: Any) -> Any:
    """A value with its last places changed."""
    if not floating(x):
        return x
    plain = np.asarray(x)
    step = np.finfo(plain.dtype).eps * rng.integers(-2, 3, size=plain.shape)
    return in_kind((plain * (1.0 + step)).astype(plain.dtype), x)


def in_kind(value: Any, like: Any) -> Any:
    """An array as the kind of value that another is."""
    if isinstance(like, np.ndarray):
        return value
    return value[()] if isinstance(like, np.generic) else float(value)
