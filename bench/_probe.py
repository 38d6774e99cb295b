"""The measuring process: `python -m bench._probe WORKLOAD CASE PEER` prints one JSON line.

Peers that allocate through Python (NumPy's arrays included) are measured exactly, with
`tracemalloc`. Native ones (PyTorch, JAX), and the peak of very long chains, are read off the growth
of the process, which sees whole pages and only what grew: small figures are then not reported.
"""

import contextlib
import gc
import json
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import attrs

from ._harness import Job
from ._memory import MISSING, Memory
from ._peers import MissingError
from .workloads import ALL

_SMALLEST_GROWTH = 2**20  # growth of a process below this says nothing
# tracemalloc counts the frames on the stack at each allocation: of a backward pass that recurses as
# deep as the chain is long, it takes time in the square of the length. From here on, no longer.
_LARGE = 100_000


def traced(ready: Job) -> Memory:
    """Exact bytes of the Python allocators: the graph alive, then the peak of a run."""
    graph = None if ready.graph is None else _traced(ready.graph, peak=False)
    return Memory(graph, _traced(ready.run, peak=True))


def _traced(run: Callable[[], object], *, peak: bool) -> float:
    gc.collect()
    tracemalloc.start()
    kept = run()
    now, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return float(highest if peak else now)


def resident(ready: Job, *, exact_graph: bool = False) -> Memory:
    """Growth of the process at the peak of a run; what the graph holds, grown or exact.

    Memory that one run gave back is used again by the next, unseen. So the run whose growth is
    read comes first, and the peak is at least the graph.
    """
    _forget_peak()
    before = _resident_now()
    if ready.graph is None:
        ready.run()
        return Memory(None, _grown(before, _resident_peak()))
    if exact_graph:
        ready.run()
        peak = _grown(before, _resident_peak())
        graph: float | None = _traced(ready.graph, peak=False)
    else:
        kept = ready.graph()
        graph = _grown(before, _resident_now())
        del kept
        ready.run()
        peak = _grown(before, _resident_peak())
    return Memory(graph, max((m for m in (graph, peak) if m is not None), default=None))


def _grown(before: float | None, after: float | None) -> float | None:
    if before is None or after is None or after - before < _SMALLEST_GROWTH:
        return None
    return after - before


def _resident_now() -> float | None:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return None
    return float(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _resident_peak() -> float | None:
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
    return float(line.split()[1]) * 1024


def _forget_peak() -> None:
    """Let the system start its high-water mark anew, so that compiling does not count."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main(workload: str, case: str, peer: str) -> int:
    """Measure one peer on one case."""
    work = next(w for w in ALL if w.name == workload)
    sized = next(c for c in work.cases if c.label == case)
    chosen = next(p for p in work.peers if p.name == peer)
    try:  # the smallest case first: caches and late imports are not part of the work
        chosen.prepare(work.cases[0].problem()).run()
        ready = chosen.prepare(sized.problem())
    except MissingError:
        return MISSING
    if chosen.native and ready.graph is None:
        ready.run()  # compiles, where the peer compiles
    if chosen.native:
        memory = resident(ready)
    elif sized.operations >= _LARGE:
        memory = resident(ready, exact_graph=True)
    else:
        memory = traced(ready)
    print(json.dumps(attrs.asdict(memory)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
