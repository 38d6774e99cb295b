"""A plugin of pytest, in a copy of the tree: notes which tests run which lines, or runs some tests.

JOB names a file: with {"share": [i, n]}, each n-th test is run and noted; with {"tests": [...]},
these are run, in this order, until one fails. One that takes far longer than it did is ended with
the process, by the signal SIGALRM: a loop without an end.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

_JOB: dict[str, Any] = json.loads(Path(os.environ["JOB"]).read_text(encoding="utf-8"))
_SECONDS: dict[str, float] = _JOB.get("tests", {})
_TAKEN: dict[str, float] = {}
_FAILED: set[str] = set()
_COVERAGE = coverage.Coverage(
    data_file=f"{os.environ['JOB']}.coverage", source=["tapegrad"], config_file=False
)
_COLLECTING = 200.0  # seconds
_MEMORY = 6 << 30


def _alarm(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds)


def pytest_load_initial_conftests() -> None:
    """Before anything of the package is imported."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    if "share" in _JOB:
        _COVERAGE.start()
    else:
        _alarm(_COLLECTING)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this job, in its order."""
    if "share" in _JOB:
        start, step = _JOB["share"]
        items[:] = items[start::step]
    else:
        known = {item.nodeid: item for item in items}
        items[:] = [known[name] for name in _SECONDS if name in known]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """One test, under its name."""
    begun = time.perf_counter()
    if "share" in _JOB:
        _COVERAGE.switch_context(item.nodeid)
    else:
        _alarm(20.0 + 20.0 * _SECONDS[item.nodeid])
    result = yield
    if "share" in _JOB:
        _COVERAGE.switch_context("")
    _TAKEN[item.nodeid] = time.perf_counter() - begun
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What fails without a mutant says nothing of one."""
    if report.failed:
        _FAILED.add(report.nodeid)


def pytest_sessionfinish() -> None:
    """What was noted, beside the job."""
    if "share" in _JOB:
        _COVERAGE.stop()
        _COVERAGE.save()
        Path(f"{os.environ['JOB']}.seconds").write_text(
            json.dumps({name: _TAKEN[name] for name in _TAKEN.keys() - _FAILED}), encoding="utf-8"
        )
