"""Copies of the tree, and what the tests there say of a mutant."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path

import attrs
from coverage import CoverageData

from ._mutants import Mutant, parsed

# Not of what the package does: style, type checkers, benchmarks, programs that take long.
_OTHER = ("layout", "typing", "bench", "examples")
_PYTEST = [sys.executable, "-m", "pytest", "-p", "tests.mutation._plugin", "-q"]
_PYTEST += ["-p", "no:cacheprovider", "--hypothesis-seed=0"]
_PYTEST += [f"--ignore=tests/test_{name}.py" for name in _OTHER]
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.*)", re.MULTILINE)
_OTHERS = 60.0  # seconds of tests that run nothing near what is changed
_AT_IMPORT = ""  # coverage's context of what runs between the tests


@attrs.frozen
class Verdict:
    """What became of a mutant: "killed", "endless" (killed by the clock) or "survived"."""

    word: str
    test: str = ""


def copies(root: Path, build: Path, count: int) -> list[Path]:
    """As many copies of the files that git knows or would take; as they were if nothing changed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    out = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout
    files = sorted({name for name in out.split("\0") if name and (root / name).is_file()})
    digest = hashlib.sha256(str(count).encode())
    for name in files:
        digest.update(name.encode() + (root / name).read_bytes())
    mark = build / "state"
    if not mark.exists() or mark.read_text(encoding="utf-8") != digest.hexdigest():
        shutil.rmtree(build, ignore_errors=True)
        for i in range(count):
            for name in files:
                (build / str(i) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, build / str(i) / name)
        _record(build, count)
        mark.write_text(digest.hexdigest(), encoding="utf-8")
    return [build / str(i) for i in range(count)]


def _record(build: Path, count: int) -> None:
    """A share of the tests in each copy, without a mutant.

    What fails (coverage switches threads where CPython does not) is told, and left out.
    """

    def share(i: int) -> None:
        done = _pytest(build / str(i), {"share": [i, count]}, [])
        if done.returncode not in {0, 1}:
            raise RuntimeError(f"the tests do not run:\n{done.stdout[-4000:]}")
        for name in re.findall(_FAILED, done.stdout):
            print("left out, since it fails without a mutant:", name, flush=True)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(share, range(count)))


def _pytest(copy: Path, job: object, files: list[str]) -> subprocess.CompletedProcess[str]:
    path = copy.with_suffix(".job")
    path.write_text(json.dumps(job), encoding="utf-8")
    env = {**os.environ, "JOB": str(path), "PYTHONPATH": ".", "PYTHONHASHSEED": "0"}
    env |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    if files:
        env["PYTHONDONTWRITEBYTECODE"] = "1"  # a mutant has the size of the code, and its second
    process = subprocess.Popen(
        [*_PYTEST, *(["-x", *files] if files else [])],
        cwd=copy,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    out, _ = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out)


@attrs.frozen
class Notes:
    """Which test runs which line of which file, and how long each takes."""

    seconds: dict[str, float]
    coverage: list[CoverageData]
    lines: dict[str, dict[int, set[str]]] = attrs.field(factory=dict)

    @classmethod
    def read(cls, copies: list[Path]) -> Notes:
        """The notes of all copies."""
        seconds: dict[str, float] = {}
        coverage = []
        for copy in copies:
            seconds |= json.loads(copy.with_suffix(".job.seconds").read_text(encoding="utf-8"))
            coverage.append(CoverageData(str(copy.with_suffix(".job.coverage"))))
            coverage[-1].read()
        return cls(seconds, coverage)

    def of(self, file: str) -> dict[int, set[str]]:
        """The tests that run each line of a file."""
        if file not in self.lines:
            found: dict[int, set[str]] = {}
            for data in self.coverage:
                for path in data.measured_files():
                    if path.endswith(f"/tapegrad/{file}"):
                        for line, names in data.contexts_by_lineno(path).items():
                            found.setdefault(line, set()).update(names)
            self.lines[file] = found
        return self.lines[file]

    def tests(self, mutant: Mutant, source: str) -> dict[str, float]:
        """The tests that may tell a mutant from the code, the likely and the quick ones first."""
        lines = self.of(mutant.file)
        order: list[str] = []
        for first, last in _around(source, mutant.line):
            names = set().union(*(lines.get(line, set()) for line in range(first, last + 1)))
            order += self._quick(names - {*order})
            if order and _AT_IMPORT not in names:
                break
        else:
            others = self._quick(self.seconds.keys() - {*order})
            taken = accumulate(self.seconds[name] for name in others)
            order += [name for name, total in zip(others, taken, strict=True) if total < _OTHERS]
        return {name: self.seconds[name] for name in order}

    def _quick(self, names: set[str]) -> list[str]:
        return sorted(names & self.seconds.keys(), key=lambda name: (self.seconds[name], name))


def _around(source: str, line: int) -> list[tuple[int, int]]:
    """A line, and the statements around it, from the inside to the outside."""
    found = {(line, line)}
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.stmt):
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(each.lineno for each in decorators)])
            last = node.end_lineno or first
            if first <= line <= last:
                found.add((first, last))
    return sorted(found, key=lambda span: span[1] - span[0])


def tried(copy: Path, mutant: Mutant, notes: Notes) -> Verdict:
    """What the tests in a copy say of a mutant; the copy is afterwards as it was."""
    path = copy / "tapegrad" / mutant.file
    source, stat = path.read_text(encoding="utf-8"), path.stat()
    tests = notes.tests(mutant, source)
    path.write_text(mutant.source, encoding="utf-8")
    try:
        done = _pytest(copy, {"tests": tests}, sorted({name.split("::")[0] for name in tests}))
    finally:
        path.write_text(source, encoding="utf-8")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # so that its bytecode holds
    copy.with_suffix(".out").write_text(done.stdout, encoding="utf-8")
    if done.returncode == -signal.SIGALRM:
        return Verdict("endless")
    if done.returncode in {0, 5}:
        return Verdict("survived")
    found = re.findall(_FAILED, done.stdout)
    return Verdict("killed", found[0] if found else f"pytest ended with {done.returncode}")
