"""A failing program made shorter: what Hypothesis leaves, since it sees choices, and not lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from ._cases import Case
from ._checks import Check, check
from ._code import Code, tree_text
from ._run import Failure

Checks = Mapping[str, Check]
NAME = re.compile(r"\b[rvxy]\d+\b")


def reduced(failure: Failure, checks: Checks) -> Failure:
    """The failure of the shortest program that fails in the same way."""
    best = failure
    while shorter := _first_failing(best, checks):
        best = shorter
    return best


def _first_failing(failure: Failure, checks: Checks) -> Failure | None:
    """The first of the programs that are shorter by one step that fails in the same way."""
    code = failure.case.code
    for each in _shorter(code):
        if len(str(each)) < len(str(code)):
            found = _failing(attrs.evolve(failure.case, code=each), failure, checks)
            if found is not None:
                return found
    return None


def _failing(case: Case, failure: Failure, checks: Checks) -> Failure | None:
    if failure.by == "refusals":
        case = attrs.evolve(case, refused=case.code.body)
    if failure.by == "transforms":
        case = attrs.evolve(case, doubtful=case.code.body)
    try:
        check(case, {failure.by: checks[failure.by]})
    except Failure as found:
        same = (found.check, found.error) == (failure.check, failure.error)
        return found if same else None
    except Exception:  # noqa: BLE001  # no program any more
        return None
    return None


def _shorter(code: Code) -> Iterator[Code]:
    """Programs with something less: trees, lines, operations, inputs."""
    flat = code.leaves
    if code.parameters != flat:
        head = sum(line.partition(" = ")[0] in flat for line in code.body)
        body = code.body[head:]
        yield attrs.evolve(code, parameters=flat, arguments=tree_text(flat), body=body)
    last = len(code.body) - 1
    for number in reversed(range(last)):
        yield code.without(number)
    for number in reversed(range(last)):
        yield from _without_operation(code, number)
    for number in reversed(range(last)):
        name = code.body[number].partition(" = ")[0]
        if name.isidentifier():
            yield attrs.evolve(code, body=(*code.body[: number + 1], f"return {name}"))
    for name in flat if code.parameters == flat else ():
        yield from _without_input(code, name)


def _without_operation(code: Code, number: int) -> Iterator[Code]:
    """With one of its operands in place of what a line gives."""
    name, _, expression = code.body[number].strip().partition(" = ")
    if NAME.fullmatch(name):
        for operand in dict.fromkeys(NAME.findall(expression)):
            rest = [re.sub(rf"\b{name}\b", operand, line) for line in code.body[number + 1 :]]
            yield attrs.evolve(code, body=(*code.body[:number], *rest))


def _without_input(code: Code, name: str) -> Iterator[Code]:
    kept = tuple(n for n in code.leaves if n != name)
    lines = tuple(line for line in code.inputs if not line.startswith(f"{name} ="))
    yield attrs.evolve(code, inputs=lines, leaves=kept, parameters=kept, arguments=tree_text(kept))
