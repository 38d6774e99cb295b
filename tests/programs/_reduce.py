"""A failing program made shorter: what Hypothesis leaves, since it sees choices, and not lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import attrs

from ._author import Case
from ._checks import Failure, Run, check
from ._code import Code

Checks = Mapping[str, Callable[[Run], None]]


def reduced(failure: Failure, checks: Checks) -> Failure:
    """The failure of the shortest program that fails in the same way, line by line."""
    best = failure
    improved = True
    while improved:
        improved = False
        for code in _shorter(best.case.code):
            if len(str(code)) >= len(str(best.case.code)):
                continue
            found = _failing(attrs.evolve(best.case, code=code), best.check, checks)
            if found is not None:
                best, improved = found, True
                break
    return best


def _failing(case: Case, check_name: str, checks: Checks) -> Failure | None:
    if check_name in ("refusal", "accepted"):
        case = attrs.evolve(case, refused=case.code.body)
        checks = {"refusal": checks["refusal"]}
    try:
        check(case, checks=checks)
    except Failure as failure:
        return failure if failure.check == check_name else None
    except Exception:  # noqa: BLE001  # no program any more
        return None
    return None


def _shorter(code: Code) -> Iterator[Code]:
    flat = tuple(code.leaves)
    if code.parameters != flat:
        header = sum(line.partition(" = ")[0] in flat for line in code.body)
        yield attrs.evolve(code, parameters=flat, arguments=_tuple(flat), body=code.body[header:])
    for name in code.leaves:
        if code.parameters == flat and len(flat) > 1:
            kept = tuple(n for n in flat if n != name)
            lines = tuple(line for line in code.inputs if not line.startswith(name + " ="))
            yield attrs.evolve(
                code, inputs=lines, arguments=_tuple(kept), parameters=kept, leaves=kept
            )
    for number in reversed(range(len(code.body) - 1)):
        yield code.without(number)
    for number in reversed(range(len(code.body) - 1)):
        name = code.body[number].partition(" = ")[0]
        if name.isidentifier():
            yield attrs.evolve(code, body=(*code.body[: number + 1], f"return {name}"))


def _tuple(names: tuple[str, ...]) -> str:
    return "(" + "".join(f"{name}, " for name in names) + ")"
