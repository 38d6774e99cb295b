"""What type checkers say of users' code: nothing where it is right, the right thing where not.

tests/typing/accepted.py must pass; in tests/typing/rejected.py each message stands below the line
that it is about, and must be given word for word. Both checkers run in strict mode.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parent.parent
TYPING = ROOT / "tests" / "typing"

Lines: TypeAlias = dict[int, list[str]]  # the messages of each line of a file
# Long types by their short names, the longest first; two where NumPy's stubs have two.
SHORT = {
    "Var | ndarray[tuple[Any, ...], dtype[Any]] | float | number[Any, int | float | complex] | "
    "numpy.bool[builtins.bool]": "Operand",  # up to NumPy 2.4
    "Var | ndarray[tuple[Any, ...], dtype[Any]] | float | number[Any, Any] | "
    "numpy.bool[builtins.bool]": "Operand",
    "Var | ndarray[tuple[Any, ...], dtype[floating[Any]]] | float | floating[Any]": "Scalar",
    "Var | ndarray[tuple[Any, ...], dtype[floating[Any]]]": "Array",
    "ndarray[tuple[Any, ...], dtype[float64]]": "Floats",
}


def output(*command: str) -> str:
    """What a checker prints; its status does not matter."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def mypy() -> Iterator[tuple[str, int, str]]:
    """(file, line, message [rule]) for each error, by mypy."""
    files = [str(file.relative_to(ROOT)) for file in sorted(TYPING.glob("*.py"))]
    printed = output("mypy", "--no-pretty", "--no-error-summary", *files)
    for line in printed.splitlines():
        found = re.fullmatch(r"(.*?):(\d+): error: (.*?)  (\[[\w-]+\])", line)
        if found:
            yield Path(found[1]).name, int(found[2]), f"{found[3]} {found[4]}"
        else:
            assert ": note: " in line, line


def pyright() -> Iterator[tuple[str, int, str]]:
    """The same by pyright: the first line of each message."""
    printed = output(
        "pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(TYPING)
    )
    for found in json.loads(printed)["generalDiagnostics"]:
        message = found["message"].splitlines()[0]
        line = found["range"]["start"]["line"] + 1
        yield Path(found["file"]).name, line, f"{message} [{found['rule']}]"


CHECKERS = {"mypy": mypy, "pyright": pyright}


@pytest.fixture(scope="module")
def said() -> Mapping[str, Mapping[str, Lines]]:
    """What each checker says, by file and line: one run of each."""
    everything = {}
    for name, checker in CHECKERS.items():
        files: dict[str, Lines] = defaultdict(lambda: defaultdict(list))
        for file, line, message in checker():
            for long, short in SHORT.items():
                message = message.replace(long, short)  # noqa: PLW2901
            files[file][line].append(message)
        everything[name] = files
    return everything


def expected(checker: str) -> Lines:
    """The messages that stand in rejected.py."""
    messages: Lines = defaultdict(list)
    about = 0
    for number, line in enumerate((TYPING / "rejected.py").read_text().splitlines(), start=1):
        found = re.fullmatch(r" *# (mypy|pyright) says: (.*)", line)
        if not found:
            about = number
        elif found[1] == checker:
            messages[about].append(found[2])
    return messages


@pytest.mark.parametrize("checker", CHECKERS)
def test_what_users_write_is_accepted(
    checker: str, said: Mapping[str, Mapping[str, Lines]]
) -> None:
    """No message at all for accepted.py."""
    assert dict(said[checker].get("accepted.py", {})) == {}


@pytest.mark.parametrize("checker", CHECKERS)
def test_misuse_is_rejected(checker: str, said: Mapping[str, Mapping[str, Lines]]) -> None:
    """Each message of rejected.py, and no other."""
    assert dict(said[checker]["rejected.py"]) == dict(expected(checker))


def test_the_accepted_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The types that accepted.py asserts are those of the values that it gets."""
    runpy.run_path(str(TYPING / "accepted.py"), run_name="__main__")
    assert "loss" in capsys.readouterr().out
