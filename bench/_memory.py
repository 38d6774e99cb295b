"""Memory of one run, measured in a process of its own (`_probe.py` is that process).

The process of its own is also a safeguard: a peer that overflows the C stack on a long chain
dies there, and is reported, instead of taking the benchmark with it.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import attrs

_ROOT = Path(__file__).parents[1]
MISSING = 3  # exit status of the measuring process when the peer is not installed


@attrs.frozen
class Memory:
    """Bytes held at the end of the forward pass (`graph`) and at the peak of a whole run."""

    graph: float | None
    peak: float | None


class CrashedError(Exception):
    """The measuring process died; the text says how."""


def in_own_process(workload: str, case: str, peer: str) -> Memory:
    """Run one peer once in a fresh interpreter and report its memory; raises CrashedError."""
    command = [sys.executable, "-m", "bench._probe", workload, case, peer]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT)  # noqa: S603
    if done.returncode == 0:
        return Memory(**json.loads(done.stdout.splitlines()[-1]))
    if done.returncode == MISSING:
        return Memory(None, None)  # the parent finds out for itself, with the reason
    if done.returncode < 0:
        raise CrashedError(f"killed by {signal.Signals(-done.returncode).name}")
    lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    raise CrashedError(lines[-1])
