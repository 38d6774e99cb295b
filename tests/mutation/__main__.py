"""Draws mutants, lets the tests meet them, and says which survive."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

from ._mutants import PARTS, Mutant, drawn
from ._trials import Notes, Verdict, copies, tried

ROOT = Path(__file__).parent.parent.parent
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
DEMANDED = 0.95


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser("python -m tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="mutants, of all parts together")
    parser.add_argument("--seed", type=int, default=0, help="other mutants")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS][:3])
    parser.add_argument("--only", default="", help="those whose three lines contain this")
    return parser.parse_args()


def equivalents() -> dict[str, str]:
    """Why a mutant is no other program, by its three lines."""
    text = EQUIVALENT.read_text(encoding="utf-8")
    blocks = [block.split("\n") for block in text.strip().split("\n\n")[1:]]
    return {"\n".join(block[:3]): " ".join(block[3:]) for block in blocks}


def sample(package: Path, options: argparse.Namespace) -> Iterator[Mutant]:
    """As many of each part."""
    each = -(-options.sample // len(options.parts))
    for part in options.parts:
        mutants = drawn(package, part, options.seed)
        yield from islice((mutant for mutant in mutants if options.only in str(mutant)), each)


def verdicts(options: argparse.Namespace) -> Iterator[tuple[Mutant, Verdict]]:
    """Each mutant of the sample that is not known to be equivalent, and what became of it."""
    known = equivalents()
    places = copies(ROOT, ROOT / "build" / "mutate", options.processes)
    notes = Notes.read(places)
    mutants = list(sample(places[0] / "tapegrad", options))
    free: SimpleQueue[Path] = SimpleQueue()
    for place in places:
        free.put(place)

    def meet(mutant: Mutant) -> tuple[Mutant, Verdict]:
        if str(mutant) in known:
            return mutant, Verdict("equivalent")
        place = free.get()
        try:
            return mutant, tried(place, mutant, notes)
        finally:
            free.put(place)

    with ThreadPoolExecutor(options.processes) as pool:
        yield from pool.map(meet, mutants)


def main() -> int:
    """1 if too many survive, or what is said to be equivalent is no longer there."""
    options = parsed()
    begun = time.monotonic()
    counts: Counter[str] = Counter()
    survivors = []
    for mutant, verdict in verdicts(options):
        counts[verdict.word] += 1
        minutes = (time.monotonic() - begun) / 60.0
        change = f"{mutant.was} -> {mutant.now}"
        print(f"{minutes:5.1f}  {verdict.word:10}  {mutant.file}:{mutant.line}  {change}", end="")
        print(f"  by {verdict.test}" if verdict.test else "", flush=True)
        if verdict.word == "survived":
            survivors.append(mutant)
    print("", *survivors, sep="\n\n", end="\n\n")
    killed = counts["killed"] + counts["endless"]
    share = killed / max(killed + len(survivors), 1)
    print(", ".join(f"{count} {word}" for word, count in counts.most_common()), end=": ")
    print(f"{100.0 * share:.1f} % of what is not equivalent are killed (seed {options.seed})")
    lost = [key for key in equivalents() if not _there(key)]
    print(*(f"{EQUIVALENT.name}: no longer there: {key}" for key in lost), sep="\n")
    return int(share < DEMANDED or bool(lost))


def _there(key: str) -> bool:
    """Whether the line that a mutant changes is in its file."""
    where, was, _ = key.split("\n")
    text = (ROOT / "tapegrad" / where.split()[0]).read_text(encoding="utf-8")
    return " ".join(was[2:].split()) in " ".join(text.split())


if __name__ == "__main__":
    raise SystemExit(main())
