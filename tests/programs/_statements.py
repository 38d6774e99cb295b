"""The kinds of statement: calls, operators, indices, marks, decisions."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter
from typing import Any

import numpy as np
from hypothesis import strategies as st

import tapegrad.numpy as tnp

from ._author import LARGEST, Author, Missing, Scope, floating
from ._code import Shape, array_text, number
from ._functions import Function, takes_several, takes_values
from ._settings import OPERANDS, SETTINGS


# Calls -------------------------------------------------------------------------------------------
def call(author: Author, scope: Scope) -> None:
    """A function of the table, or of `nn` and `special`."""
    function: Function = author.one_of(*author.functions)
    given = [p for p in function.parameters if _wanted(author, p)]
    sampled = _sampled(author, scope, function)
    plain: list[Any] = []
    texts: dict[str, str] = {}
    for p in filter(takes_values, given):
        texts[p.name] = _operands(author, scope, p, plain, sampled)
    for p in given:
        if p.name not in texts:
            texts[p.name] = SETTINGS[p.name](author.draw, plain)
    arguments = _arguments(author, function, texts)
    own = True
    if function.more and author.once_in(12):
        extra = author.one_of(*function.more)
        arguments.append(f"{extra.name}={SETTINGS[extra.name](author.draw, plain)}")
        own = False
    author.attempt(scope, _written(author, function, arguments, plain, own=own))


def _wanted(author: Author, p: Parameter) -> bool:
    """Whether a parameter is given."""
    required = p.default is p.empty and p.kind is not p.VAR_KEYWORD
    return required or bool(author.one_of(False, True))


def _arguments(author: Author, function: Function, texts: dict[str, str]) -> list[str]:
    """The arguments of a call, by position as long as none is left out, or by name."""
    arguments: list[str] = []
    by_name = False
    for p in function.parameters:
        if p.name not in texts:
            by_name = by_name or p.kind is not p.VAR_POSITIONAL
            continue
        if p.kind is p.VAR_KEYWORD:  # its setting says the name, too
            arguments.append(texts[p.name])
            continue
        required = p.default is p.empty
        named = p.kind is not p.POSITIONAL_ONLY and not required and author.one_of(True, False)
        by_name = by_name or p.kind is p.KEYWORD_ONLY or named
        arguments.append(f"{p.name}={texts[p.name]}" if by_name else texts[p.name])
    return arguments


def _operands(
    author: Author, scope: Scope, p: Parameter, plain: list[Any], sampled: list[str]
) -> str:
    """One operand, or several; their values go to ``plain``."""
    several = takes_several(p)
    texts = sampled[:] if several else sampled[:1]
    del sampled[: len(texts)]
    plain += [author.value(scope, text) for text in texts]
    wanted = len(texts) or (author.one_of(2, 1, 3) if several else 1)
    while len(texts) < wanted:
        text = _operand(author, scope, p, plain)
        plain.append(author.value(scope, text))
        texts.append(text)
    joined = ", ".join(texts)
    return f"[{joined}]" if several and p.kind is not p.VAR_POSITIONAL else joined


def _operand(author: Author, scope: Scope, p: Parameter, plain: Sequence[Any]) -> str:
    if p.name in OPERANDS and author.one_of(True, False):
        text = OPERANDS[p.name](author.draw, plain)
        return text if scope.depth else author.input(scope, text)
    return author.operand(scope, plain[0]) if plain else author.name(scope)


def _sampled(author: Author, scope: Scope, function: Function) -> list[str]:
    """New inputs such as the tests of the op have, now and then."""
    if not function.samples or scope.depth or not author.once_in(3):
        return []
    sample = author.one_of(*function.samples)
    operands = sample.draw(np.random.default_rng(author.draw(st.integers(0, 3))))
    known = (float, np.ndarray, np.generic)
    if not all(isinstance(x, known) and np.size(x) <= LARGEST for x in operands):
        return []
    texts = []
    for x in operands:
        plain = np.round(x, 2) if floating(x) else np.asarray(x)
        flat = plain.reshape(-1).tolist()
        text = array_text(flat, plain.shape, plain.dtype.name) if plain.shape else number(flat[0])
        texts.append(author.input(scope, text) if floating(x) else text)
    return texts


def _written(
    author: Author, function: Function, arguments: list[str], plain: Sequence[Any], *, own: bool
) -> str:
    """A call as users write it: an operator, a method, NumPy's function, tapegrad's."""
    sign, name = function.symbol, function.text.rpartition(".")[2]
    # Of two truths or integers of Python's, & | ~ are others, and ** may not end.
    ordinary = sign not in ("&", "|", "~", "**") or all(hasattr(x, "dtype") for x in plain)
    if sign and ordinary and len(arguments) == len(plain) and author.one_of(True, False):
        return f"{arguments[0]} {sign} {arguments[1]}" if len(plain) == 2 else sign + arguments[0]
    if function.method and arguments[0].isidentifier() and author.once_in(3):
        return f"{arguments[0]}.{name}({', '.join(arguments[1:])})"
    text = function.text
    if own and text.startswith("np.") and hasattr(tnp, name) and author.once_in(8):
        text = "t" + text
    return f"{text}({', '.join(arguments)})"


# Operators, indices ------------------------------------------------------------------------------
SIGNS = ("*", "+", "-", "/", "**", "@", "//", "%", "<", ">", "==", ">=", "<=", "!=")


def arithmetic(author: Author, scope: Scope) -> None:
    """An operator."""
    left = author.name(scope, floating) if author.one_of(True, False) else author.name(scope)
    right = author.operand(scope, scope.names[left])
    if author.once_in(4):
        left, right = right, left
    sign = author.one_of(*SIGNS)
    if sign == "**" and isinstance(power := author.value(scope, right), int) and power > 100:
        raise Missing  # of Python's integers it would not end
    author.attempt(scope, f"{left} {sign} {right}")


def index(author: Author, scope: Scope) -> None:
    """Elements at any kind of index, or some of them written."""
    name = author.name(scope, lambda x: np.ndim(x) > 0)
    shape = np.shape(scope.names[name])
    items = ", ".join(_item(author, scope, shape) for _ in range(author.one_of(1, 1, 2, 3)))
    if author.once_in(3):
        how = author.one_of("set", "add")
        new = author.operand(scope, author.one_of(0.5, scope.names[name]))
        author.attempt(scope, f"tg.at({name})[{items}].{how}({new})")
    else:
        author.attempt(scope, f"{name}[{items}]")


FIXED = ("0", "-1", ":", "1:", "::-1", "...", "None", ":1", "::2", "1", "[0, 0]", "-2:", "[]")


def _item(author: Author, scope: Scope, shape: Shape) -> str:
    kind = author.one_of("fixed", "fixed", "array", "mask", "name")
    if kind == "name":
        name = author.name(scope, lambda x: not floating(x))
        return f"see({name})" if np.asarray(scope.names[name]).dtype.kind == "b" else name
    if kind == "mask":
        truths = author.draw(st.lists(st.booleans(), min_size=shape[0], max_size=shape[0]))
        return f"np.array({truths}, bool)"
    if kind == "array":
        return SETTINGS["indices"](author.draw, [np.zeros(shape)])
    return str(author.one_of(*FIXED))


# Marks and decisions -----------------------------------------------------------------------------
def mark(author: Author, scope: Scope) -> None:
    """A label, or no gradient."""
    name = author.name(scope)
    author.attempt(scope, author.one_of(f"tg.stop_gradient({name})", f"tg.label({name}, 'm')"))


def decision(author: Author, scope: Scope) -> None:
    """A branch, a loop, a mask, a plain value: what goes on by values."""
    kind = author.one_of(_branch, _repeat, _until, _mask, _value)
    kind(author, scope, author.name(scope, floating))


def _branch(author: Author, scope: Scope, name: str) -> None:
    target, above = author.fresh("v"), author.one_of("0.0", "0.5", "-1.0")
    lines = [
        f"if see(np.sum({name}) > {above}):",
        f"    {target} = np.sin({name})",
        "else:",
        f"    {target} = {name} * 2.0",
    ]
    author.attempt(scope, target, lines)


def _repeat(author: Author, scope: Scope, name: str) -> None:
    target = author.fresh("v")
    loop = f"for _ in range(see(int(np.argmax({name})))):"
    author.attempt(scope, target, [f"{target} = {name}", loop, f"    {target} = {target} * 1.5"])


def _until(author: Author, scope: Scope, name: str) -> None:
    target = author.fresh("v")
    size = f"np.sum({target} * {target})"  # which may be infinite: that would not end
    loop = f"while see({size} > 4.0) and see({size} < np.inf):"
    author.attempt(scope, target, [f"{target} = {name}", loop, f"    {target} = {target} * 0.5"])


def _mask(author: Author, scope: Scope, name: str) -> None:
    author.attempt(scope, f"{name}[see({name} > {author.one_of('0.0', '0.5')})]")


def _value(author: Author, scope: Scope, name: str) -> None:
    author.attempt(scope, f"{name} * see(value_of({name}))")
