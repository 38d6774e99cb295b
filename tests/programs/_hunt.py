"""Looking for programs that fail: round after round, each failure once, made short."""

from __future__ import annotations

import re
import traceback
from collections import Counter
from collections.abc import Mapping, Set as AbstractSet
from typing import Any

import attrs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from ._cases import Case, cases
from ._checks import CHECKS, check
from ._reduce import Checks, reduced
from ._run import Failure
from ._show import shown

CALM = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    print_blob=False,
)
PATIENCE = 400  # programs that Hypothesis may try to make a failing one shorter
_ANYWHERE = {"Subscript", "np.array", "np.zeros", "np.broadcast_to"}


@attrs.frozen
class Sign:
    """What a failure is known by: its check, and its error, or what its program is made of."""

    check: str
    error: str
    calls: frozenset[str]

    @classmethod
    def of(cls, failure: Failure) -> Sign:
        """The sign of a failure whose program is short."""
        calls = failure.case.code.calls
        error = failure.error
        return cls(failure.check, error, frozenset() if error else (calls - _ANYWHERE) or calls)

    def covers(self, failure: Failure) -> bool:
        """Whether another failure is taken for this one."""
        same = (self.check, self.error) == (failure.check, failure.error)
        return same and self.calls <= failure.case.code.calls

    def __str__(self) -> str:
        words = re.sub(r"[^a-z0-9]+", "-", " ".join([self.error, *sorted(self.calls)]).lower())
        return f"{self.check.replace(' ', '-')}-{words.strip('-')[:60]}"


@attrs.define(eq=False)
class Hunt:
    """Rounds of programs, each of a few functions.

    size:       statements of a program, at most
    programs:   of a round, at most
    known:      signs of failures that are not looked for again
    only_wrong: whether errors are passed over
    """

    checks: Checks
    size: int = 8
    programs: int = 150
    only_wrong: bool = False
    known: AbstractSet[Sign] = frozenset()
    stats: Counter[str] = attrs.field(factory=Counter)

    def round(self, number: int) -> Failure | None:
        """The failure that the programs of this number have, if any, made short."""
        failing: dict[Case, Failure] = {}
        tries = 0

        def test(case: Case) -> None:
            nonlocal tries
            if case in failing:
                raise failing[case]
            if not failing:
                failure = self._tried(case)
            elif tries > PATIENCE:
                return
            else:
                tries += 1
                failure = self._again(case, next(iter(failing.values())))
            if failure is not None:
                failing[case] = failure
                raise failure

        self.stats["rounds"] += 1
        try:
            tried = settings(CALM, max_examples=self.programs)
            seed(number)(tried(given(cases(self.size, number))(test)))()
        except Failure as failure:
            return reduced(failure, self.checks)
        except Flaky:
            return next(iter(failing.values()))
        return None

    def _again(self, case: Case, first: Failure) -> Failure | None:
        """Whether a shorter program fails in the same way."""
        try:
            check(case, {first.by: self.checks[first.by]})
        except Failure as failure:
            return failure if failure.check == first.check else None
        return None

    def _tried(self, case: Case) -> Failure | None:
        """What is wrong with one program, if it is new."""
        self.stats["programs"] += 1
        self.stats["lines"] += len(case.code.body)
        self.stats.update(f"call {name}" for name in case.code.calls)
        try:
            check(case, self.checks, lambda what: self.stats.update([what]))
        except Failure as failure:
            if self.only_wrong and not failure.is_wrong:
                self.stats[f"passed over: {failure.check}"] += 1
            elif any(sign.covers(failure) for sign in self.known):
                self.stats[f"known: {failure.check}"] += 1
            else:
                return failure
        return None


@attrs.frozen
class Found:
    """What one round gave: how many programs of what kind; a failure's sign, and its program."""

    stats: Counter[str]
    sign: Sign | None = None
    text: str = ""


def one_round(number: int, options: Mapping[str, Any], known: frozenset[Sign]) -> Found:
    """In a process of its own."""
    checks = dict(CHECKS)
    if options["jax"]:
        from ._jax import against_jax

        checks["jax"] = against_jax
    hunt = Hunt(checks, options["size"], options["programs"], options["numbers"], known)
    try:
        failure = hunt.round(number)
    except Exception:  # noqa: BLE001  # of the programs' own
        hunt.stats["rounds that crashed"] += 1
        text = f"# Round {number} crashed.\n{traceback.format_exc()[-2000:]}"
        return Found(hunt.stats, Sign("crash", str(number), frozenset()), text)
    if failure is None:
        return Found(hunt.stats)
    return Found(hunt.stats, Sign.of(failure), shown(failure))
