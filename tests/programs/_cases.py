"""Whole programs, as Hypothesis draws them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from hypothesis import strategies as st

import tapegrad as tg
from tapegrad._values import plain_of

from . import _values as values
from ._author import Author, Scope, Statement, floating
from ._code import Code, Layer, Pair, Point, tree_text
from ._functions import FUNCTIONS
from ._nested import transform
from ._statements import arithmetic, call, decision, index, mark
from ._values import Draw
from ._worlds import PLAIN, REAL, quietly

STATEMENTS: list[Statement] = [
    *[call] * 8,
    *[arithmetic] * 4,
    *[index] * 2,
    *[transform] * 3,
    decision,
    mark,
]


@attrs.frozen
class Case:
    """A program.

    refused:  lines of f whose last one NumPy refuses, if there was one
    doubtful: lines of f whose last one, a transform, raises
    seed:     of the other values that its leaves may have, and whether it has the checks that not
              all have: with 0, as programs by hand, all of them
    left_out: why statements were not written
    """

    code: Code
    refused: tuple[str, ...] | None = None
    doubtful: tuple[str, ...] | None = None
    seed: int = 0
    left_out: Counter[str] = attrs.field(eq=False, factory=Counter)

    def __repr__(self) -> str:
        return f"\n{self.code}\n"

    def others(self, k: int) -> dict[str, Any]:
        """Other values for the leaves, each of the same kind, dtype and shape."""
        rng = np.random.default_rng((self.seed, k))
        with quietly():
            given = self.code.values(PLAIN)
        return {name: values.another(rng, value) for name, value in given.items()}

    def noting(self, note: Callable[[Any], None]) -> Callable[..., Any]:
        """f, which tells what it decides by."""

        def see(x: Any) -> Any:
            note(plain_of(x))
            return x

        f: Callable[..., Any] = self.code.define({**REAL, "see": see})["f"]
        return f

    def by_leaves(self, names: Sequence[str]) -> tuple[str, Callable[..., Any]]:
        """f as a function of some leaves, the others as they are: its text, and it."""
        text = f"def g({', '.join(names)}):\n    return f(*{self.code.arguments})"
        with quietly():
            values = self.code.values(PLAIN)
        g: Callable[..., Any] = self.code.define({**REAL, **values}, text)["g"]
        return text, g

    def args(self, given: Mapping[str, Any] | None = None) -> tuple[Any, ...]:
        """The arguments, made anew; or of other leaves."""
        with quietly():
            leaves = self.code.values(PLAIN) if given is None else given
            return self.code.args(PLAIN, leaves)


def program(inputs: str, body: str) -> Case:
    """A program by its lines; the inputs are its arguments."""
    lines = tuple(inputs.strip().splitlines())
    names = tuple(line.partition(" = ")[0] for line in lines)
    arguments = "(" + "".join(f"{name}, " for name in names) + ")"
    return Case(Code(lines, names, arguments, names, tuple(body.strip().splitlines())))


@st.composite
def cases(draw: Draw, size: int = 8, swarm: int | None = None) -> Case:
    """A program of up to so many statements, and inputs for it.

    swarm: a number that says of which functions and kinds of statement it is made; None for all. A
           program of few functions has more of each (Groce et al., "Swarm testing", ISSTA 2012).
    """
    functions, statements = list(FUNCTIONS), STATEMENTS
    if swarm is not None:
        rng = random.Random(swarm)
        functions = rng.sample(functions, 16)
        statements = [call, arithmetic, *rng.choices(STATEMENTS, k=6)]
    author, scope = Author(draw, statements, functions), Scope()
    for _ in range(author.one_of(1, 2, 3)):
        author.input(scope)
    for _ in range(draw(st.integers(1, size))):
        author.statement(scope)
    parameters, trees, head = _arguments(author)
    result = _result(author, scope)
    code = Code(
        inputs=tuple(author.inputs),
        leaves=tuple(author.leaves),
        arguments=tree_text(tuple(trees)),
        parameters=parameters,
        body=(*head, *scope.lines, f"return {tree_text(result)}"),
    )
    refused = author.refused and (*head, *author.refused)
    doubtful = author.doubtful and (*head, *author.doubtful)
    return Case(code, refused, doubtful, draw(st.integers(0, 99)), author.left_out)


def _arguments(author: Author) -> tuple[tuple[str, ...], list[Any], list[str]]:
    """The leaves as arguments: f's parameters, what is given, and f's first lines."""
    names, parameters, head = list(author.leaves), [], []
    trees: list[Any] = []
    while names:
        some = names[: author.one_of(1, 1, 2, 3)]
        del names[: len(some)]
        tree = some[0] if len(some) == 1 and not author.once_in(3) else _tree(author, some)
        parameter = tree if isinstance(tree, str) else f"a{len(trees)}"
        if tree is not parameter:
            head += [f"{leaf} = {path}" for path, leaf in tg.tree.paths(tree, parameter).items()]
        parameters.append(parameter)
        trees.append(tree)
    return tuple(parameters), trees, head


def _result(author: Author, scope: Scope) -> Any:
    """What f returns: rather the last floating-point value, or a tree of several."""
    names = scope.own[::-1] or author.leaves[::-1]
    first = author.one_of(*[n for n in names if floating(scope.names[n])] or names)
    if not author.once_in(3):
        return first
    return _tree(author, [first, *(author.one_of(*names) for _ in range(author.one_of(1, 2)))])


def _tree(author: Author, names: Sequence[str]) -> Any:
    """Names in a tree of any kind; others among its leaves are None."""
    first, rest = names[0], list(names[1:])
    inner: Any = rest[0] if len(rest) == 1 else tuple(rest)
    return author.one_of(
        [first, *rest],
        (first, *rest),
        {"b": first, **{f"a{i}": name for i, name in enumerate(rest)}},
        Pair(first, inner),
        Point(first, inner),
        Layer(first, inner or None),
        [first, None, rest],
        {"b": (), "a": [{"w": first}, *rest]},
    )
