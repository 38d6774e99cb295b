"""What it costs to have each library: seconds to import, bytes to install.

Import time is measured inside fresh interpreters, without their own start, the libraries in turn;
the median is reported. The installed size is that of the library's own files and of every
distribution that it requires, byte code not counted.
"""

import importlib.metadata
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

import tapegrad

from .. import _peers
from .._harness import Row, Settings, Workload

_CLOCK = (
    "import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
)


@attrs.frozen
class Library:
    """What is imported, and the distribution that it comes from."""

    peer: str
    module: str
    distribution: str


LIBRARIES = (
    Library("tapegrad", "tapegrad", "tapegrad"),
    Library("NumPy alone", "numpy", "numpy"),
    Library("autograd", "autograd", "autograd"),
    Library("MyGrad", "mygrad", "mygrad"),
    Library("micrograd", "micrograd.engine", "micrograd"),
    Library("PyTorch", "torch", "torch"),
    Library("JAX", "jax", "jax"),
)


def import_seconds(module: str) -> float:
    """Seconds that one import takes in a fresh interpreter; MissingError when it fails."""
    command = [sys.executable, "-c", _CLOCK.format(module=module)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise _peers.MissingError(lines[-1])
    return float(done.stdout.splitlines()[-1])


def distributions(name: str) -> frozenset[str]:
    """The distribution and all that it requires here, without extras; () if not installed."""
    requirement = _peers.library("packaging.requirements").Requirement
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            requires = importlib.metadata.distribution(name).requires or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
        wanted = [requirement(text) for text in requires]
        waiting += [w.name for w in wanted if not w.marker or w.marker.evaluate({"extra": ""})]
    return frozenset(found)


def installed_bytes(name: str) -> int:
    """Bytes of a distribution's own files."""
    if name == "tapegrad":  # often run from a checkout, where no file list exists
        return _total(Path(tapegrad.__file__).parent.rglob("*"))
    files = importlib.metadata.distribution(name).files or []
    return _total(Path(str(file.locate())) for file in files)


def _total(paths: Iterable[Path]) -> int:
    return sum(p.stat().st_size for p in paths if p.suffix != ".pyc" and p.is_file())


def measure(workload: Workload, settings: Settings) -> Iterator[Row]:
    """Import the libraries in turn, then add up what they install."""
    samples: dict[str, list[float]] = {}
    notes: dict[str, str] = {}
    for _ in range(min(settings.repeat, 3 if settings.quick else 11)):
        for library in LIBRARIES:
            if library.peer in notes:
                continue
            try:
                seconds = import_seconds(library.module)
                samples.setdefault(library.peer, []).append(seconds)
            except _peers.MissingError as reason:
                notes[library.peer] = f"missing: {reason}"
    for library in LIBRARIES:
        yield _row(workload.name, library, samples.get(library.peer), notes)


def _row(
    workload: str, library: Library, samples: list[float] | None, notes: dict[str, str]
) -> Row:
    if samples is None:
        return Row(workload, "import", library.peer, note=notes[library.peer])
    needs = distributions(library.distribution) | {library.distribution}
    own = installed_bytes(library.distribution)
    total = sum(installed_bytes(name) for name in needs)
    return Row(
        workload=workload,
        case="import",
        peer=library.peer,
        seconds=statistics.median(samples),
        bytes=float(total),
        bytes_of="installed",
        note=f"its own files {own / 2**20:.1f} MiB, {len(needs)} distributions",
    )


WORKLOAD = Workload(
    name="import",
    title="import time in a fresh interpreter, and installed size with all that it requires",
    measure=measure,
)
