"""Programs at random for some time: what they are, and what fails, each failure once."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import multiprocessing
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tapegrad import ops

from ._functions import FUNCTIONS
from ._hunt import Found, Sign, one_round

TOGETHER = 1_000_000  # rounds of one seed


def results(options: argparse.Namespace, known: set[Sign]) -> Iterator[Found]:
    """What the rounds give, as they end, for as long as was asked for."""
    end = time.monotonic() + 60.0 * options.minutes
    numbers = iter(range(options.seed * TOGETHER, (options.seed + 1) * TOGETHER))
    while time.monotonic() < end:
        with contextlib.suppress(BrokenProcessPool):  # XLA may divide by zero, and end the process
            yield from _rounds(options, known, numbers, end)


def _rounds(
    options: argparse.Namespace, known: set[Sign], numbers: Iterator[int], end: float
) -> Iterator[Found]:
    """The same, until a process dies."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.processes, context, max_tasks_per_child=25) as pool:
        running: set[Future[Found]] = set()
        while running or time.monotonic() < end:
            while len(running) < options.processes and time.monotonic() < end:
                running.add(pool.submit(one_round, next(numbers), vars(options), frozenset(known)))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


def report(stats: Counter[str], minutes: float) -> str:
    """How many programs, of what size, what was checked of them, and what was not."""
    programs = max(stats["programs"], 1)
    calls = {name[5:]: n for name, n in stats.items() if name.startswith("call ")}
    nested = sum(n for name, n in calls.items() if name.startswith("tg.") and name.count(".") == 1)
    size = f"{stats['lines'] / programs:.1f} lines, {nested / programs:.2f} transforms and marks"
    lines = [f"-- {minutes:.0f} min: {stats['programs']} programs, each of {size}"]
    known = ("programs", "rounds", "lines")
    for name, n in stats.most_common():
        if name not in known and not name.startswith(("call ", "op ")):
            lines.append(f"   {n:9d} {name}")
    return "\n".join(lines)


def unseen(stats: Counter[str]) -> str:
    """Which functions no program called, and which ops no tape had."""
    functions = [f.text for f in FUNCTIONS if not stats[f"call {f.text}"]]
    missing = [op.name for op in ops.ALL if not stats[f"op {op.name}"]]
    return f"functions never called: {functions}\nops never recorded: {missing}"


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser("python -m tests.programs", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0, help="other programs")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--size", type=int, default=10, help="statements of a program, at most")
    parser.add_argument("--programs", type=int, default=150, help="of a round, at most")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), help="a file each failure")
    parser.add_argument("--every", type=float, default=3.0, help="minutes between reports")
    parser.add_argument("--numbers", action="store_true", help="pass over errors")
    parser.add_argument("--no-jax", dest="jax", action="store_false", help="without JAX")
    return parser.parse_args()


def main() -> int:
    """1 if a program failed, 0 if none did."""
    options = parsed()
    if options.jax and importlib.util.find_spec("jax") is None:
        print("JAX is not here: there is no second opinion on derivatives")
        options.jax = False
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    begun = said = time.monotonic()
    known: set[Sign] = set()
    stats: Counter[str] = Counter()
    for found in results(options, known):
        stats.update(found.stats)
        if found.sign is not None and found.sign not in known:
            known.add(found.sign)
            (options.out / f"{found.sign}.py").write_text(found.text, encoding="utf-8")
            print("=" * 80, found.text, sep="\n", flush=True)
        if time.monotonic() - said > 60.0 * options.every:
            said = time.monotonic()
            print(report(stats, (said - begun) / 60.0), flush=True)
    print(report(stats, (time.monotonic() - begun) / 60.0), unseen(stats), sep="\n")
    print(f"{len(known)} failures, in {options.out}" if known else "no failure")
    return 1 if known else 0


if __name__ == "__main__":
    raise SystemExit(main())
