"""Who writes a program: statement by statement, each tried on plain values as it is written.

What NumPy refuses is left out; one such statement is kept beside, as the program's `refused`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
from hypothesis import strategies as st

import tapegrad as tg
import tapegrad.numpy as tnp

from . import _values as values
from ._code import Code, Layer, Pair, Point, number, tree_text
from ._functions import FUNCTIONS, Function, takes_values
from ._settings import SETTINGS
from ._values import Draw
from ._worlds import PLAIN, quietly

ORDINARY = (ValueError, TypeError, IndexError, ArithmeticError, AttributeError, NotImplementedError)
LARGEST = 40


class Missing(Exception):  # noqa: N818  # no error: the rule does not apply
    """There is no value that a statement could take."""


@attrs.define
class Scope:
    """The names that a function sees, with their plain values, and its lines so far."""

    names: dict[str, Any]
    lines: list[str] = attrs.field(factory=list)
    own: list[str] = attrs.field(factory=list)
    depth: int = 0
    closed: bool = False  # nothing from outside

    def keep(self, name: str, value: Any) -> None:
        self.names[name] = value
        self.own.append(name)


def usable(value: Any) -> bool:
    """Whether a value can be computed with."""
    if not isinstance(value, (float, int, np.ndarray, np.generic)):
        return False
    return np.asarray(value).dtype.kind in "fiub" and np.size(value) <= LARGEST


def floating(value: Any) -> bool:
    return usable(value) and np.asarray(value).dtype.kind == "f"


def indented(lines: Sequence[str]) -> list[str]:
    return ["    " + line for line in lines]


@attrs.define(eq=False)
class Author:
    """Writes one program."""

    draw: Draw
    functions: Sequence[Function] = FUNCTIONS
    rules: Sequence[Callable[[Author, Scope], None]] = ()
    inputs: list[str] = attrs.field(factory=list)
    leaves: list[str] = attrs.field(factory=list)
    scopes: list[Scope] = attrs.field(factory=list)
    refused: tuple[str, ...] | None = None
    left_out: Counter[str] = attrs.field(factory=Counter)
    count: int = 0

    # Choosing -------------------------------------------------------------------------------------
    def one_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def odds(self, one_in: int) -> bool:
        """True once in so many times."""
        return bool(self.draw(st.integers(0, one_in - 1)) == one_in - 1)

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def name(self, scope: Scope, fits: Callable[[Any], bool] = usable) -> str:
        """A name whose value fits, the latest first."""
        found = [name for name, value in scope.names.items() if usable(value) and fits(value)]
        if not found:
            raise Missing
        return str(self.draw(st.sampled_from(found[::-1])))

    def input(self, scope: Scope, text: str | None = None) -> str:
        """A new leaf of the arguments."""
        if scope.closed or any(s.closed for s in self.scopes):
            raise Missing
        name = self.fresh("x")
        arrays = [k for k in self.leaves if isinstance(scope.names.get(k), np.ndarray)]
        if text is None and arrays and self.odds(6):
            base = self.one_of(*arrays)
            text = base + self.one_of("", "[::-1]", ".T", "[..., :1]", "[:]") if np.ndim(scope.names[base]) else base
        text = values.leaf(self.draw) if text is None else text
        space = {**PLAIN, **{k: scope.names[k] for k in self.leaves}}
        with quietly():
            exec(f"{name} = {text}", space)
        self.inputs.append(f"{name} = {text}")
        self.leaves.append(name)
        for each in [scope, *self.scopes]:
            each.names[name] = space[name]
        return name

    def operand(self, scope: Scope, like: Any = None) -> str:
        """A value to compute with."""
        kind = self.one_of("name", "name", "name", "name", "same", "constant", "input")
        if kind == "constant":
            return values.beside(self.draw, like if like is not None else np.zeros(2))
        if kind == "input" and not scope.closed and scope.depth == 0:
            text = None if like is None or self.odds(2) else values.like(self.draw, like)
            return self.input(scope, text)
        if kind == "same" and like is not None:
            shape = np.shape(like)
            return self.name(scope, lambda x: np.shape(x) == shape)
        return self.name(scope)

    # Trying ---------------------------------------------------------------------------------------
    def value(self, scope: Scope, text: str) -> Any:
        """Of an expression on plain values."""
        with quietly():
            return eval(text, {**PLAIN, **scope.names})

    def attempt(self, scope: Scope, text: str, before: Sequence[str] = ()) -> bool:
        """Append ``name = text``, after other lines, if it can be done, and gives what is usable."""
        space = {**PLAIN, **scope.names}
        try:
            with quietly():
                exec("\n".join(before), space)
                value = eval(text, space)
        except ORDINARY as error:
            self.left_out[f"{type(error).__name__}"] += 1
            if self.refused is None and scope.depth == 0:
                self.refused = (*scope.lines, *before, f"refused = {text}")
            return False
        if usable(value):
            name = self.fresh("v")
            scope.lines += [*before, f"{name} = {text}"]
            scope.keep(name, value)
            return True
        if isinstance(value, (tuple, list, dict, Pair, Point, Layer)):
            return self.taken_apart(scope, text, before, value)
        self.left_out["unusable"] += 1
        return False

    def taken_apart(self, scope: Scope, text: str, before: Sequence[str], value: Any) -> bool:
        """A tree, and a name for each of its leaves."""
        tree = self.fresh("r")
        found = tg.tree.paths(value, tree)
        if not found or not all(map(usable, found.values())):
            self.left_out["unusable"] += 1
            return False
        scope.lines += [*before, f"{tree} = {text}"]
        for path, leaf in found.items():
            name = self.fresh("v")
            scope.lines.append(f"{name} = {path}")
            scope.keep(name, leaf)
        return True

    # Calls ----------------------------------------------------------------------------------------
    def call(self, scope: Scope) -> None:
        """A function of the table, or of `nn` and `special`."""
        function: Function = self.one_of(*self.functions)
        sampled = bool(function.samples) and not scope.closed and scope.depth == 0 and self.odds(3)
        operands = self.from_sample(scope, function) if sampled else []
        positional: list[str] = []
        keywords: list[str] = []
        plain: list[Any] = []
        later: list[tuple[int, Any]] = []
        gap = False
        for p in function.parameters:
            required = p.default is p.empty
            if takes_values(p):
                if not required and self.one_of(True, False):
                    gap = True
                    continue
                texts = self.operands_for(scope, p, plain, operands)
                text = f"[{', '.join(texts)}]" if "Sequence" in str(p.annotation) else ", ".join(texts)
                plain += [self.value(scope, t) for t in texts]
                if gap or p.kind is p.KEYWORD_ONLY:
                    keywords.append(f"{p.name}={text}")
                else:
                    positional.append(text)
            elif required or self.one_of(False, True):
                later.append((len(positional), p))
                if p.kind is not p.KEYWORD_ONLY and not gap and (required or self.odds(2)):
                    positional.append("")
                else:
                    keywords.append(p.name + "=")
                    gap = True
            else:
                gap = True
        for place, p in later:
            text = SETTINGS[p.name](self.draw, plain)
            if f"{p.name}=" in keywords:
                keywords[keywords.index(f"{p.name}=")] = f"{p.name}={text}"
            else:
                positional[place] = text
        if function.more and self.odds(12):
            p = self.one_of(*function.more)
            keywords.append(f"{p.name}={SETTINGS[p.name](self.draw, plain)}")
            function = attrs.evolve(function, own=False)
        self.attempt(scope, self.written(function, positional, keywords, plain))

    def operands_for(
        self, scope: Scope, p: Any, plain: Sequence[Any], sampled: list[str]
    ) -> list[str]:
        several = "Sequence" in str(p.annotation) or p.kind is p.VAR_POSITIONAL
        count = self.one_of(2, 1, 3) if several else 1
        found = []
        for _ in range(count):
            if sampled:
                found.append(sampled.pop(0))
            else:
                like = plain[0] if plain else self.value(scope, found[0]) if found else None
                text = self.operand(scope, like) if plain or found else self.name(scope)
                found.append(text)
        if several and sampled:
            found += sampled
            sampled.clear()
        return found

    def from_sample(self, scope: Scope, function: Function) -> list[str]:
        """New inputs such as the tests of the op have."""
        sample = self.one_of(*function.samples)
        operands = sample.draw(np.random.default_rng(self.draw(st.integers(0, 3))))
        if not all(isinstance(x, (float, np.ndarray, np.generic)) for x in operands):
            return []
        texts = []
        for x in operands:
            plain = np.asarray(x)
            if plain.size > LARGEST:
                return []
            rounded = np.round(plain, 2) if plain.dtype.kind == "f" else plain
            dtype = plain.dtype.name
            flat = rounded.reshape(-1).tolist()
            text = values.array_text(flat, plain.shape, dtype) if plain.shape else number(flat[0])
            texts.append(self.input(scope, text) if plain.dtype.kind == "f" else text)
        return texts

    def written(
        self, function: Function, positional: list[str], keywords: list[str], plain: list[Any]
    ) -> str:
        """A call as a user writes it: an operator, a method, a function."""
        sign, count = function.symbol, len(function.operands)
        if sign in ("~", "&", "|") and not all(hasattr(x, "dtype") for x in plain):
            sign = ""
        if sign and not keywords and len(positional) == count == len(function.parameters):
            if self.one_of(True, False):
                left = positional[0]
                return f"{left} {sign} {positional[1]}" if count == 2 else f"{sign}{left}"
        if function.method and positional and self.odds(3):
            name = function.text.rpartition(".")[2]
            rest = ", ".join([*positional[1:], *keywords])
            if positional[0].isidentifier():
                return f"{positional[0]}.{name}({rest})"
        text = function.text
        if text.startswith("np.") and function.own and self.odds(8) and _has(tnp, text[3:]):
            text = "t" + text
        return f"{text}({', '.join([*positional, *keywords])})"

    # Other statements -----------------------------------------------------------------------------
    def arithmetic(self, scope: Scope) -> None:
        """An operator."""
        left = self.name(scope, floating) if self.one_of(True, False) else self.name(scope)
        right = self.operand(scope, scope.names[left])
        if self.odds(4):
            left, right = right, left
        sign = self.one_of("*", "+", "-", "/", "**", "@", "//", "%", "<", ">", "==", ">=", "<=", "!=")
        self.attempt(scope, f"{left} {sign} {right}")

    def index(self, scope: Scope) -> None:
        """Elements, by every kind of index; or some of them written."""
        name = self.name(scope, lambda x: np.ndim(x) > 0)
        shape = np.shape(scope.names[name])
        items = [self.item(scope, shape) for _ in range(self.one_of(1, 1, 2, 3))]
        text = ", ".join(items)
        if self.odds(3):
            how = self.one_of("set", "add")
            written = self.operand(scope, self.one_of(0.5, scope.names[name]))
            self.attempt(scope, f"tg.at({name})[{text}].{how}({written})")
        else:
            self.attempt(scope, f"{name}[{text}]")

    def item(self, scope: Scope, shape: tuple[int, ...]) -> str:
        kind = self.one_of("fixed", "fixed", "array", "mask", "name")
        if kind == "name":
            return self.name(scope, lambda x: np.asarray(x).dtype.kind in "iub")
        if kind == "mask":
            count = shape[0]
            truths = self.draw(st.lists(st.booleans(), min_size=count, max_size=count))
            return f"np.array({truths}, bool)"
        if kind == "array":
            return SETTINGS["indices"](self.draw, [np.zeros(shape)])
        return str(self.one_of("0", "-1", ":", "1:", "::-1", "...", "None", ":1", "::2", "1", "[0, 0]", "-2:"))

    def mark(self, scope: Scope) -> None:
        name = self.name(scope)
        self.attempt(scope, self.one_of(f"tg.stop_gradient({name})", f"tg.label({name}, 'm')"))

    def decision(self, scope: Scope) -> None:
        """A branch, a loop, a mask, a plain value: what goes on by values."""
        name = self.name(scope, floating)
        target = self.fresh("v")
        above = self.one_of("0.0", "0.5", "-1.0")
        kind = self.one_of("if", "for", "mask", "value", "while")
        if kind == "mask":
            self.attempt(scope, f"{name}[see({name} > {above})]")
            return
        if kind == "value":
            self.attempt(scope, f"{name} * see(value_of({name}))")
            return
        lines = {
            "if": [
                f"if see(np.sum({name}) > {above}):",
                f"    {target} = np.sin({name})",
                "else:",
                f"    {target} = {name} * 2.0",
            ],
            "for": [
                f"{target} = {name}",
                f"for _ in range(see(int(np.argmax({name})))):",
                f"    {target} = {target} * 1.5",
            ],
            "while": [
                f"{target} = {name}",
                f"while see(np.sum({target} * {target}) > 4.0):",
                f"    {target} = {target} * 0.5",
            ],
        }[kind]
        if kind == "while" and not np.all(np.isfinite(scope.names[name])):
            raise Missing
        self.attempt(scope, target, lines)

    # Transforms -----------------------------------------------------------------------------------
    def transform(self, scope: Scope) -> None:
        """A derivative, a batch, a recording, of a function of its own."""
        if scope.depth >= 3:
            raise Missing
        kind = self.one_of(
            "grad", "vmap", "vmap", "jvp", "vjp", "hessian", "jacrev", "jacfwd", "hvp", "custom", "record", "value_and_grad", "program",
        )
        if kind == "vmap":
            self.batch(scope)
            return
        names = [self.name(scope, lambda x: floating(x) and np.size(x) <= 9)]
        if self.odds(3):
            names.append(self.name(scope, lambda x: floating(x) and np.size(x) <= 9))
        arguments, trees = self.arguments(names)
        scalar = kind in ("grad", "hessian", "hvp", "value_and_grad")
        closed = kind == "custom"
        aux = kind in ("grad", "value_and_grad") and self.odds(4)
        given = [self.value(scope, text) for text in arguments]
        inner, before = self.inner(scope, given, scalar=scalar, closed=closed, aux=aux)
        joined = ", ".join(arguments)
        self.attempt(scope, *self.applied(kind, inner, arguments, joined, aux, before))

    def applied(
        self, kind: str, g: str, arguments: list[str], joined: str, aux: bool, before: list[str]
    ) -> tuple[str, list[str]]:
        count = len(arguments)
        one = "," if count == 1 else ""
        if kind in ("grad", "value_and_grad", "jacrev", "jacfwd", "hessian"):
            options = ["", "", ", argnums=0", ", argnums=(0,)"]
            options += [", argnums=1", ", argnums=(0, 1)", ", argnums=-1"] if count == 2 else []
            extra = self.one_of(*options) + (", has_aux=True" if aux else "")
            return f"tg.{kind}({g}{extra})({joined})", before
        if kind in ("jvp", "hvp"):
            tangents = ", ".join(self.tangent(text) for text in arguments)
            return f"tg.{kind}({g}, ({joined}{one}), ({tangents}{one}))", before
        if kind == "vjp":
            out, pull = self.fresh("r"), self.fresh("pull")
            line = f"{out}, {pull} = tg.vjp({g}, {joined})"
            return f"({out}, {pull}({self.tangent(out)}))", [*before, line]
        if kind == "custom":
            own = self.fresh("g")
            line = f"{own} = tg.custom_vjp(lambda *args: tg.vjp({g}, *args))"
            return f"{own}({joined})", [*before, line]
        if kind == "record":
            return f"tg.record({g}, {joined}).value", before
        return f"tg.record({g}, {joined}).program({joined})", before

    def tangent(self, text: str) -> str:
        """Something in the form of a value."""
        return str(self.one_of(text, f"tg.tree.map(np.cos, {text})", f"tg.tree.map(np.ones_like, {text})"))

    def arguments(self, names: list[str]) -> tuple[list[str], list[Any]]:
        """The arguments of an inner function: values, or trees of them."""
        if self.odds(4):
            forms: list[Any] = [{"p": names[0], "q": names[-1]}, [names[0]], Pair(names[0], names[-1]), Point(names[0], names[-1])]
            tree = self.one_of(*forms)
            return [tree_text(tree)], [tree]
        return list(names), list(names)

    def inner(
        self, scope: Scope, given: list[Any], *, scalar: bool, closed: bool = False, aux: bool = False
    ) -> tuple[str, list[str]]:
        """A function of these values that also sees what is around it: its name and lines."""
        g = self.fresh("g")
        parameters = [self.fresh("y") for _ in given]
        inside = Scope({} if closed else dict(scope.names), depth=scope.depth + 1, closed=closed or scope.closed)
        self.scopes.append(inside)
        for name, value in zip(parameters, given, strict=True):
            if usable(value):
                inside.keep(name, value)
                continue
            for path, leaf in tg.tree.paths(value, name).items():
                own = self.fresh("v")
                inside.lines.append(f"{own} = {path}")
                inside.keep(own, leaf)
        for _ in range(self.one_of(1, 2, 3, 0)):
            self.statement(inside)
        self.scopes.pop()
        own = [name for name in inside.own if floating(inside.names[name])]
        result = self.draw(st.sampled_from(own[::-1]))
        if scalar and np.shape(inside.names[result]):
            result = f"np.sum({result})"
        if aux:
            result = f"{result}, {self.draw(st.sampled_from(inside.own[::-1]))}"
        lines = [f"def {g}({', '.join(parameters)}):", *indented([*inside.lines, f"return {result}"])]
        return g, lines

    def batch(self, scope: Scope) -> None:
        """A function on each example of a batch."""
        name = self.name(scope, lambda x: np.ndim(x) > 0)
        shape = np.shape(scope.names[name])
        axis = self.draw(st.integers(-len(shape), len(shape) - 1))
        size = shape[axis]
        names, axes = [name], [axis]
        if self.one_of(False, True):
            other = self.name(scope)
            lengths = np.shape(scope.names[other])
            fitting = [i for i, n in enumerate(lengths) if n == size]
            names.append(other)
            axes.append(self.one_of(None, *fitting))
        given = []
        for each, where in zip(names, axes, strict=True):
            value = scope.names[each]
            if where is not None:
                value = np.zeros_like(value, shape=np.delete(np.shape(value), where)) if not size else np.take(value, 0, where)
            given.append(value)
        if not any(map(floating, given)):
            raise Missing
        g, before = self.inner(scope, given, scalar=False)
        axes_text = repr(axes[0]) if len(axes) == 1 and self.odds(2) else repr(tuple(axes))
        out = self.one_of("", "", ", out_axes=-1", ", out_axes=0", ", out_axes=1")
        self.attempt(scope, f"tg.vmap({g}, in_axes={axes_text}{out})({', '.join(names)})", before)

    # Together -------------------------------------------------------------------------------------
    def statement(self, scope: Scope) -> None:
        """One more, if the rule that is drawn finds what it needs."""
        rule = self.one_of(*self.rules or RULES)
        try:
            rule(self, scope)
        except Missing:
            self.left_out["nothing fits"] += 1

    def tree(self, names: list[str]) -> Any:
        """The leaves in a tree of any kind."""
        if len(names) == 1 and self.one_of(True, True, False):
            return names[0]
        cut = len(names) // 2
        first, rest = names[:1], names[1:]
        kind = self.one_of("tuple", "dict", "list", "Pair", "Point", "Layer", "None", "empty", "deep")
        a = self.tree(first) if kind == "deep" and first else (first[0] if first else None)
        b = (self.tree(rest[:cut] or rest) if kind == "deep" else None) if rest else None
        used = rest[:cut] or rest if kind == "deep" else []
        left = [n for n in rest if n not in used]
        others = [*([b] if b is not None else []), *left]
        forms: dict[str, Any] = {
            "tuple": (a, *others),
            "list": [a, *others],
            "dict": {"b": a, **{f"a{i}": x for i, x in enumerate(others)}},
            "Pair": Pair(a, others[0] if len(others) == 1 else list(others)),
            "Point": Point(a, others[0] if len(others) == 1 else tuple(others)),
            "Layer": Layer(a, others[0] if len(others) == 1 else (tuple(others) or None)),
            "None": [a, None, *others],
            "empty": {"b": a, "c": (), "d": [*others]},
            "deep": ({"w": a}, *others),
        }
        return forms[kind]

    def finished(self, scope: Scope) -> Code:
        """The program: its leaves in arguments of some form, and what it returns."""
        names = list(self.leaves)
        trees: list[Any] = []
        while names:
            count = self.one_of(1, 1, 2, 3, len(names))
            trees.append(self.tree(names[:count]) if count > 1 or self.odds(3) else names[0])
            del names[:count]
        parameters = tuple(t if isinstance(t, str) else f"a{i}" for i, t in enumerate(trees))
        header = []
        for parameter, tree in zip(parameters, trees, strict=True):
            if tree != parameter:
                header += [f"{name} = {path}" for path, name in tg.tree.paths(tree, parameter).items()]
        own = [n for n in scope.own if n in scope.names]
        results: list[str] = own[::-1] or self.leaves[::-1]
        floats = [n for n in results if floating(scope.names[n])] or results
        result: Any = self.draw(st.sampled_from(floats))
        if self.odds(3):
            more = [self.draw(st.sampled_from(results)) for _ in range(self.one_of(1, 2))]
            result = self.tree([result, *more])
        return Code(
            inputs=tuple(self.inputs),
            arguments="(" + "".join(f"{tree_text(t)}, " for t in trees) + ")",
            parameters=parameters,
            body=(*header, *scope.lines, f"return {tree_text(result)}"),
            leaves=tuple(self.leaves),
        )


def _has(module: Any, path: str) -> bool:
    for part in path.split("."):
        module = getattr(module, part, None)
    return module is not None


RULES: list[Callable[[Author, Scope], None]] = [
    *[Author.call] * 8,
    *[Author.arithmetic] * 4,
    *[Author.index] * 2,
    *[Author.transform] * 3,
    Author.decision,
    Author.mark,
]


@attrs.frozen
class Case:
    """A program; a line that NumPy refuses, with those before it; other leaves for it."""

    code: Code
    refused: tuple[str, ...] | None
    left_out: Counter[str] = attrs.field(eq=False, repr=False)
    others: tuple[dict[str, str], ...] = ()

    def __repr__(self) -> str:
        return "\n".join(["", *self.code.inputs, self.code.function, f"f(*{self.code.arguments})"])


@st.composite
def cases(draw: Draw, size: int = 8, swarm: int | None = None) -> Case:
    """A program of up to so many statements, and inputs for it.

    swarm: a number that says which functions and rules it is made of; None for all. A program of
    few functions has more of each, and Hypothesis' own choices are far from even (Groce et al.,
    "Swarm testing", ISSTA 2012).
    """
    chosen: dict[str, Any] = {}
    if swarm is not None:
        rng = random.Random(swarm)
        chosen["functions"] = rng.sample(FUNCTIONS, 16)
        chosen["rules"] = [Author.call, Author.arithmetic, *rng.choices(RULES, k=6)]
    author = Author(draw, **chosen)
    scope = Scope({})
    for _ in range(author.one_of(1, 2, 3)):
        author.input(scope)
    for _ in range(draw(st.integers(1, size))):
        author.statement(scope)
    code = author.finished(scope)
    refused = None
    if author.refused:
        header = code.body[: len(code.body) - len(scope.lines) - 1]
        refused = (*header, *author.refused, "return refused")
    others = tuple(
        {n: values.like(draw, scope.names[n]) for n in author.leaves} for _ in range(2)
    )
    return Case(code, refused, author.left_out, others)
