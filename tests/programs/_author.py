"""Who writes a program: statement by statement, each tried on plain values as it is written.

What NumPy refuses is left out; the first such statement is kept beside, since it is to be refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np
from hypothesis import strategies as st

import tapegrad as tg

from . import _values as values
from ._code import evaluated, executed
from ._functions import FUNCTIONS, Function
from ._values import Draw
from ._worlds import PLAIN, quietly

ORDINARY = (ValueError, TypeError, IndexError, ArithmeticError, AttributeError, NotImplementedError)
LARGEST = 40  # elements


class Missing(Exception):  # noqa: N818  # no error: the rule does not apply
    """There is no value that a statement could take."""


def usable(value: Any) -> bool:
    """Whether a plain value can be computed with: a real number, or a small array of them."""
    if not isinstance(value, (float, int, np.ndarray, np.generic)):
        return False
    return np.asarray(value).dtype.kind in "fiub" and np.size(value) <= LARGEST


def floating(value: Any) -> bool:
    """Whether it is usable and floating point."""
    return usable(value) and np.asarray(value).dtype.kind == "f"


@attrs.define(eq=False)
class Scope:
    """What a function sees.

    names:  each with its plain value; those of the functions around it, too
    own:    those that it made
    lines:  its body so far
    depth:  how many functions are around it
    closed: whether it sees nothing of these
    """

    names: dict[str, Any] = attrs.field(factory=dict)
    own: list[str] = attrs.field(factory=list)
    lines: list[str] = attrs.field(factory=list)
    depth: int = 0
    closed: bool = False

    def keep(self, name: str, value: Any) -> None:
        """One more name."""
        self.names[name] = value
        self.own.append(name)


Statement: TypeAlias = Callable[["Author", Scope], None]


@attrs.define(eq=False)
class Author:
    """Writes one program, of these functions and these kinds of statement.

    inputs:   a line for each leaf of the arguments, so far
    leaves:   their names
    refused:  lines of f whose last one NumPy refuses, if there was one
    doubtful: such lines whose last one is a transform, whose function runs on plain values
    left_out: why statements were not written
    """

    draw: Draw
    statements: Sequence[Statement]
    functions: Sequence[Function] = FUNCTIONS
    inputs: list[str] = attrs.field(factory=list)
    leaves: list[str] = attrs.field(factory=list)
    refused: tuple[str, ...] | None = None
    doubtful: tuple[str, ...] | None = None
    left_out: Counter[str] = attrs.field(factory=Counter)
    count: int = 0

    # Choosing -------------------------------------------------------------------------------------
    def one_of(self, *choices: Any) -> Any:
        """One of these; shorter programs have the first."""
        return self.draw(st.sampled_from(choices))

    def once_in(self, times: int) -> bool:
        """True once in so many times."""
        return bool(self.draw(st.integers(0, times - 1)) == times - 1)

    def fresh(self, letter: str) -> str:
        """A name that is not taken."""
        self.count += 1
        return f"{letter}{self.count}"

    def name(self, scope: Scope, fits: Callable[[Any], bool] = usable) -> str:
        """A name whose value fits, rather a late one; Missing if there is none."""
        found = [name for name, value in scope.names.items() if usable(value) and fits(value)]
        if not found:
            raise Missing
        return str(self.one_of(*found[::-1]))

    def input(self, scope: Scope, text: str | None = None) -> str:
        """A new leaf of the arguments: this one, or any; perhaps one that shares memory."""
        name = self.fresh("x")
        arrays = [n for n in self.leaves if np.ndim(scope.names[n])]
        if text is None and arrays and self.once_in(6):
            text = self.one_of(*arrays) + self.one_of("", "[::-1]", ".T", "[..., :1]", "[:]")
        line = f"{name} = {text or values.leaf(self.draw)}"
        with quietly():
            made = executed(line, {**PLAIN, **{n: scope.names[n] for n in self.leaves}})
        self.inputs.append(line)
        self.leaves.append(name)
        scope.names[name] = made[name]
        return name

    def operand(self, scope: Scope, like: Any = None) -> str:
        """Something to compute with, beside a value: a name, a constant, a new input."""
        kinds = ["name", "name", "name", "constant", "input"]
        kind = self.one_of(*kinds) if like is None else self.one_of(*kinds, "same", "same")
        if kind == "constant":
            return values.beside(self.draw, np.zeros(2) if like is None else like)
        if kind == "input" and scope.depth == 0:
            anything = like is None or self.once_in(2)
            return self.input(scope, None if anything else values.like(self.draw, like))
        if kind == "same":
            shape = np.shape(like)
            return self.name(scope, lambda x: np.shape(x) == shape)
        return self.name(scope)

    # Trying ---------------------------------------------------------------------------------------
    def value(self, scope: Scope, text: str) -> Any:
        """Of an expression, on plain values."""
        with quietly():
            return evaluated(text, {**PLAIN, **scope.names})

    def attempt(self, scope: Scope, text: str, before: Sequence[str] = ()) -> None:
        """Append ``name = text``, after other lines, if it can be done, and is of use."""
        try:
            with quietly():
                space = executed("\n".join(before), {**PLAIN, **scope.names})
                value = evaluated(text, space)
        except ORDINARY as error:
            self.left_out[f"NumPy: {type(error).__name__}"] += 1
            if scope.depth == 0:
                self._aside(scope, (*before, f"refused = {text}", "return refused"))
            return
        if usable(value):
            name = self.fresh("v")
            scope.lines += [*before, f"{name} = {text}"]
            scope.keep(name, value)
        elif isinstance(value, (tuple, list, dict)) or hasattr(value, "__attrs_attrs__"):
            self._taken_apart(scope, text, before, value)
        else:
            self.left_out["of no use"] += 1

    def _aside(self, scope: Scope, lines: Sequence[str]) -> None:
        """Keep what raised: NumPy, or a transform, each the first time."""
        kept = (*scope.lines, *lines)
        if any(line.startswith("def ") for line in lines):
            self.doubtful = self.doubtful or kept
        else:
            self.refused = self.refused or kept

    def _taken_apart(self, scope: Scope, text: str, before: Sequence[str], value: Any) -> None:
        """A tree, and a name for each of its leaves."""
        tree = self.fresh("r")
        found = tg.tree.paths(value, tree)
        if not found or not all(map(usable, found.values())):
            self.left_out["of no use"] += 1
            return
        scope.lines += [*before, f"{tree} = {text}"]
        self.unpack(scope, found)

    def unpack(self, scope: Scope, found: dict[str, Any]) -> None:
        """A name for each leaf of a tree, by its path."""
        for path, leaf in found.items():
            name = self.fresh("v")
            scope.lines.append(f"{name} = {path}")
            scope.keep(name, leaf)

    def statement(self, scope: Scope) -> None:
        """One more statement, if the kind that is drawn finds what it needs."""
        kind: Statement = self.one_of(*self.statements)
        try:
            kind(self, scope)
        except Missing:
            self.left_out["nothing fits"] += 1
