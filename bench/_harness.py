"""What a workload is, and how it is measured: agreement first, then time, side by side.

A `Workload` states one piece of work, its `Case`s (sizes) and one function per `Peer` that does
the work with that peer. `measure` runs one workload:

1. every peer's value and gradient are compared with the reference peer's; a difference above
   the tolerance raises `DisagreementError`, and nothing is timed;
2. all peers of a case are timed in turn, round after round in one process, so that whatever
   else the machine does falls on all alike; the median over the rounds is reported;
3. a peer that is not installed, cannot express the work or fails is a row with the reason.

The garbage collector stays on while timing, because it is on for users: an engine that makes
many small objects pays for them here as it does in life, and one whose graphs are cycles pays for
having them found, in the time of the calls that left them. It does not pay for the objects of the
other libraries that happen to be loaded.
"""

import contextlib
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from ._memory import Memory, in_own_process
from ._peers import MissingError

Result = TypeVar("Result")

SUBJECT = "tapegrad"
_BATCH_SECONDS = 0.01  # a timing is a batch of calls at least this long
_FEWEST_ROUNDS = 3  # of a peer that has used up its time
_PATIENCE = 20.0  # seconds; a peer whose call takes longer is timed by a single call


class DisagreementError(Exception):
    """Two peers computed different numbers from the same input."""


@attrs.frozen(eq=False)
class Answer:
    """What a peer computed: a value and a gradient (or Hessian …), flattened; a remark on it."""

    value: float
    gradient: NDArray[np.float64]
    remark: str = ""


@attrs.frozen
class Job:
    """One peer's work, ready to run: `run` is what is timed, `read` makes an Answer of its result.

    `graph`, where given, does the forward pass only and returns what keeps its record alive.
    """

    run: Callable[[], Any]
    read: Callable[[Any], Answer]
    graph: Callable[[], object] | None = None

    def answer(self) -> Answer:
        """Run once, and read."""
        return self.read(self.run())


def job(
    run: Callable[[], Result],
    read: Callable[[Result], tuple[Any, Any]],
    graph: Callable[[], object] | None = None,
    remark: Callable[[Result], str] | None = None,
) -> Job:
    """A Job from the work and a function that reads (value, gradient) off its result."""

    def answer(result: Result) -> Answer:
        value, gradient = read(result)
        flat = np.asarray(gradient, dtype=np.float64).ravel()
        return Answer(float(value), flat, remark(result) if remark else "")

    return Job(run, answer, graph)


def _not_here(problem: object) -> Job:
    raise MissingError(f"no way to do {problem} is stated")


@attrs.frozen
class Peer:
    """One library, or one way of using it. `prepare` turns a problem into a Job, untimed.

    native: it allocates outside Python's allocators, so its memory is read off the process.
    absent: when given, why this peer cannot express the work; it is then not run.
    """

    name: str
    prepare: Callable[[Any], Job] = _not_here
    native: bool = False
    absent: str = ""


@attrs.frozen
class Case:
    """One size of a workload.

    operations: how many the work has, where time and bytes are to be given per operation.
    memory: whether the peak memory of one run is measured.
    quick: whether `--quick` runs it.
    """

    label: str
    problem: Callable[[], Any]
    operations: int = 1
    memory: bool = False
    quick: bool = True
    tolerance: float = 1e-9
    without: Mapping[str, str] = {}  # peers left out of this case, each with its reason


@attrs.frozen
class Settings:
    """How thoroughly to measure: rounds of timing, and seconds a peer may take per case."""

    repeat: int = 15
    seconds: float = 4.0
    quick: bool = False


@attrs.frozen
class Row:
    """One line of the table. `seconds` is None where `note` says why there is no time."""

    workload: str
    case: str
    peer: str
    seconds: float | None = None  # median, per operation where `operations` > 1
    first: float | None = None  # the first call: tracing and compiling included
    operations: int = 1
    bytes: float | None = None
    bytes_of: str = ""  # what the bytes are of: "peak", "per node", "installed"
    note: str = ""


@attrs.frozen
class Workload:
    """A piece of work, stated once, with each peer's version of it; the first peer is tapegrad.

    `measure` replaces the usual measurement for work that is not a value and a gradient.
    """

    name: str
    title: str
    cases: tuple[Case, ...] = ()
    peers: tuple[Peer, ...] = ()
    measure: "Callable[[Workload, Settings], Iterator[Row]] | None" = None


def measure(workload: Workload, settings: Settings) -> Iterator[Row]:
    """The rows of one workload, in the order of its cases and peers."""
    if workload.measure is not None:
        yield from workload.measure(workload, settings)
        return
    for case in workload.cases:
        if case.quick or not settings.quick:
            yield from _measure_case(workload, case, settings)


def agree(answers: Mapping[str, Answer], reference: str, tolerance: float, where: str = "") -> None:
    """Compare every answer with the reference's; raise DisagreementError on the first difference.

    Differences count relative to the reference's largest entry, or absolutely below 1.
    """
    expected = answers[reference]
    for name, answer in answers.items():
        pairs = (
            ("value", np.array([answer.value]), np.array([expected.value])),
            ("gradient", answer.gradient, expected.gradient),
        )
        for what, got, want in pairs:
            if got.shape != want.shape:
                raise DisagreementError(
                    f"{where}: the {what} of {name} has {got.size} entries, "
                    f"that of {reference} {want.size}"
                )
            scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
            error = float(np.max(np.abs(got - want), initial=0.0)) / scale
            if not error <= tolerance:  # `not <=` so that a NaN disagrees, too
                raise DisagreementError(
                    f"{where}: the {what} of {name} differs from that of {reference} by "
                    f"{error:.2e}, more than {tolerance:.0e}"
                )


@attrs.define
class _Findings:
    """What is known of the peers of one case, by the peer's name, while it is measured."""

    notes: dict[str, str]
    memory: dict[str, Memory] = attrs.Factory(dict)
    jobs: dict[str, Job] = attrs.Factory(dict)
    first: dict[str, float] = attrs.Factory(dict)
    answers: dict[str, Answer] = attrs.Factory(dict)
    samples: dict[str, list[float]] = attrs.Factory(dict)  # seconds of one call, per batch


def _measure_case(workload: Workload, case: Case, settings: Settings) -> Iterator[Row]:
    """Probe memory, check agreement, time in turn, and give one row per peer."""
    notes = {peer.name: peer.absent for peer in workload.peers if peer.absent}
    found = _Findings(notes | dict(case.without))
    problem = case.problem()
    for peer in workload.peers:
        if peer.name not in found.notes:
            _first_call(workload, case, peer, problem, found)
    agree(found.answers, SUBJECT, case.tolerance, f"{workload.name}, {case.label}")
    for name, answer in found.answers.items():
        found.notes[name] = answer.remark
    with _others_out_of_sight():
        runs = {name: work.run for name, work in found.jobs.items()}
        found.samples = in_turn(runs, settings, found.notes)
    for peer in workload.peers:
        yield _row(workload, case, peer.name, found)


@contextlib.contextmanager
def _others_out_of_sight() -> Iterator[None]:
    """Keep what the imported libraries hold out of the garbage collector's full rounds.

    Else every peer that makes many objects would pay for the collector's walk over the hundreds of
    thousands of objects of PyTorch and JAX, which its users need not have.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _first_call(
    workload: Workload, case: Case, peer: Peer, problem: object, found: _Findings
) -> None:
    """Prepare a peer and let it answer once.

    Its memory comes first: a peer that crashes does so in the other process, not in this one. What
    that process compiled is not found again here, see `_peers.torch`.
    """
    with _noting_failure(peer.name, found.notes):
        if case.memory:
            found.memory[peer.name] = in_own_process(workload.name, case.label, peer.name)
        ready = peer.prepare(problem)
        start = time.perf_counter()
        result = ready.run()
        found.first[peer.name] = time.perf_counter() - start
        found.answers[peer.name] = ready.read(result)
        found.jobs[peer.name] = ready


@contextlib.contextmanager
def _noting_failure(peer: str, notes: dict[str, str]) -> Iterator[None]:
    """A failure becomes a note; tapegrad's own is raised."""
    try:
        yield
    except Exception as error:
        if peer == SUBJECT:
            raise
        reason = " ".join(str(error).split())[:160]
        kind = "missing" if isinstance(error, MissingError) else f"fails: {type(error).__name__}"
        notes[peer] = f"{kind}: {reason}"


def _row(workload: Workload, case: Case, peer: str, found: _Findings) -> Row:
    """One peer's line, from what was found."""
    samples, first = found.samples.get(peer), found.first.get(peer)
    seconds = None if samples is None else statistics.median(samples)
    remarks = [found.notes.get(peer, "")]
    used = found.memory.get(peer)
    size = None
    if used is not None and seconds is not None:
        size = used.graph if case.operations > 1 else used.peak
        if case.operations > 1 and used.peak is not None:
            remarks.append(f"peak {used.peak / 2**20:.1f} MiB")
    if samples is not None and len(samples) == 1:
        remarks.append("timed once")
    return Row(
        workload=workload.name,
        case=case.label,
        peer=peer,
        seconds=None if seconds is None else seconds / case.operations,
        first=first,
        operations=case.operations,
        bytes=None if size is None else size / case.operations,
        bytes_of="per node" if case.operations > 1 else "peak",
        note=", ".join(text for text in remarks if text),
    )


def in_turn(
    runs: Mapping[str, Callable[[], object]], settings: Settings, notes: dict[str, str]
) -> dict[str, list[float]]:
    """Seconds of one call of each, a figure per batch of calls, the batches interleaved.

    Each round starts with another peer, so that none always follows the same neighbour. A peer
    that has used its seconds sits out the later rounds, but takes part in at least three; one that
    fails is left out of the result, and its note says why.
    """
    calls: dict[str, int] = {}
    samples: dict[str, list[float]] = {}
    for name, run in runs.items():
        with _noting_failure(name, notes):
            calls[name], elapsed = _calibrate(run)
            samples[name] = [elapsed / calls[name]]
    names = list(samples)
    for turn in range(settings.repeat):
        shift = turn % max(1, len(names))
        for name in names[shift:] + names[:shift]:
            if name not in samples or _enough(samples[name], calls[name], settings):
                continue
            before = samples.pop(name)  # a peer that fails stays out
            with _noting_failure(name, notes):
                samples[name] = [*before, _batch(runs[name], calls[name]) / calls[name]]
    return samples


def _enough(samples: list[float], calls: int, settings: Settings) -> bool:
    """Whether a peer has used up its time."""
    if samples[0] > _PATIENCE:
        return True
    return len(samples) >= _FEWEST_ROUNDS and calls * sum(samples) > settings.seconds


def _calibrate(run: Callable[[], object]) -> tuple[int, float]:
    """How many calls make a batch, and the seconds that such a batch took."""
    calls = 1
    while (elapsed := _batch(run, calls)) < _BATCH_SECONDS:
        calls = max(calls + 1, int(1.2 * calls * _BATCH_SECONDS / max(elapsed, 1e-7)))
    return calls, elapsed


def _batch(run: Callable[[], object], calls: int) -> float:
    gc.collect()  # garbage of the peer before is not this one's cost
    start = time.perf_counter()
    for _ in range(calls):
        run()
    gc.collect()  # its own garbage is; where it leaves none, this takes 4 µs
    return time.perf_counter() - start
