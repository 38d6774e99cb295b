"""Looking for programs that fail: one round after another, each failure once, made short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import attrs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from ._author import Case, cases
from ._checks import Failure, Run, check
from ._reduce import reduced

Checks = Mapping[str, Callable[[Run], None]]
# A failure's check, and the functions and operators of the program that shows it.
Sign = tuple[str, frozenset[str]]

CALM = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    print_blob=False,
)
PATIENCE = 400  # programs tried to make a failing one shorter
_EVERYWHERE = {"Subscript", "np.array", "np.zeros", "np.broadcast_to"}


def sign(failure: Failure) -> Sign:
    """What a failure is known by."""
    calls = failure.case.code.calls
    return failure.check, frozenset(calls - _EVERYWHERE) or calls


@attrs.define(eq=False)
class Hunt:
    """Rounds of programs, each of a few functions.

    known: signs of failures that are not looked for again: a program that fails in the same check
           and is made of the same functions, and others, is taken for the same failure
    """

    checks: Checks
    size: int = 8
    only_wrong: bool = False
    known: set[Sign] = attrs.field(factory=set)
    stats: Counter[str] = attrs.field(factory=Counter)

    def round(self, number: int) -> Failure | None:
        """The failure that one round finds, if any, made short."""
        failing: dict[str, Failure] = {}
        tries = 0

        def test(case: Case) -> None:
            nonlocal tries
            text = repr(case)
            if text in failing:
                raise failing[text]
            if failing:
                tries += 1
                if tries > PATIENCE:
                    return
            checks = self.checks if not failing else self._of(next(iter(failing.values())))
            failure = self.failure(case, checks, count=not failing)
            if failure is not None and (not failing or failure.check == next(iter(failing.values())).check):
                failing[text] = failure
                raise failure

        self.stats["rounds"] += 1
        try:
            seed(number)(CALM(given(cases(self.size, number))(test)))()
        except Failure as failure:
            return reduced(failure, self._of(failure))
        except Flaky:
            return next(iter(failing.values()))
        return None

    def _of(self, failure: Failure) -> Checks:
        return {failure.by: self.checks[failure.by]}

    def failure(self, case: Case, checks: Checks, *, count: bool) -> Failure | None:
        """What is wrong with one program, if it is new."""
        note = self.stats.update if count else lambda what: None
        note(["programs"])
        note({"statements": len(case.code.body)})
        try:
            check(case, lambda text: note([text]), checks)
        except Failure as failure:
            calls = failure.case.code.calls
            if self.only_wrong and not failure.wrong:
                note([f"passed over: {failure.check}"])
            elif any(name == failure.check and needed <= calls for name, needed in self.known):
                note([f"known: {failure.check}"])
            else:
                return failure
        return None
