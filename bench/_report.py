"""The results: a table for the terminal, bench/RESULTS.md, and a plot."""

import datetime as dt
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ._harness import SUBJECT, Row, Workload
from ._peers import MissingError, library

COLUMNS = ("case", "peer", "median", "ratio", "first call", "memory", "remarks")
NONE = "-"  # where there is no figure
_NARROWEST = 150  # columns that the table wants where there is no terminal to ask
_METHOD = """\
Float64, one thread, one core, all peers of a case timed in turn in one process; before that, every
value and gradient was found equal to tapegrad's to 1e-9 (optima to 1e-3): the largest difference of
any entry, relative to the largest entry, and absolutely where that is below 1. *median* is the
median time, *ratio* the peer's time over tapegrad's: above 1, tapegrad is faster. The time includes
collecting the garbage that the calls leave behind. *first call* includes tracing and compiling;
PyTorch's compiler starts with an empty cache on disk. Memory is the exact count of bytes that
Python's allocators gave, NumPy's arrays included. Two kinds of figure are the growth of the process
instead, given where it is above 1 MiB: those of PyTorch and JAX, and the peaks, not the bytes per
node, of all peers on chains of 100,000 operations and more."""
LIBRARIES = (
    "tapegrad",
    "numpy",
    "scipy",
    "numba",
    "autograd",
    "mygrad",
    "micrograd",
    "torch",
    "jax",
    "jaxlib",
)


def duration(seconds: float | None) -> str:
    """Three digits and a unit: 43.1 µs."""
    if seconds is None:
        return NONE
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 0.9995:
            return f"{_three_digits(seconds * factor)} {unit}"
    return f"{_three_digits(seconds * 1e9)} ns"


def size(row: Row) -> str:
    """The bytes of a row and what they are of: 688 B per node, 12.3 MiB peak."""
    if row.bytes is None:
        return NONE
    for unit, factor in (("MiB", 2.0**20), ("KiB", 2.0**10)):
        if row.bytes >= factor and row.bytes_of != "per node":
            return f"{_three_digits(row.bytes / factor)} {unit} {row.bytes_of}"
    return f"{row.bytes:.0f} B {row.bytes_of}"


def _three_digits(number: float) -> str:
    decimals = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:.{decimals}f}"


def ratios(rows: Sequence[Row]) -> dict[tuple[str, str, str], float]:
    """Each row's time over tapegrad's in the same case: above 1, tapegrad is faster."""
    ours = {(r.workload, r.case): r.seconds for r in rows if r.peer == SUBJECT}
    found: dict[tuple[str, str, str], float] = {}
    for row in rows:
        own = ours.get((row.workload, row.case))
        if own and row.seconds is not None:
            found[row.workload, row.case, row.peer] = row.seconds / own
    return found


def cells(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """The text of each row, in the order of COLUMNS; a case is named in its first row only."""
    ratio = ratios(rows)
    before = None
    for row in rows:
        case = (row.workload, row.case)
        over = ratio.get((*case, row.peer))
        per = " per op" if row.operations > 1 and row.seconds is not None else ""
        yield (
            row.case if case != before else "",
            row.peer,
            duration(row.seconds) + per,
            NONE if over is None else f"{over:.2f}",
            duration(row.first),
            size(row),
            row.note,
        )
        before = case


def table(workloads: Sequence[Workload], rows: Sequence[Row]) -> Table:
    """One table of everything, a section per workload."""
    printed = Table(caption="ratio: the peer's time over tapegrad's; above 1, tapegrad is faster")
    for name in ("workload", *COLUMNS):
        right = name in COLUMNS[2:6]
        printed.add_column(name, justify="right" if right else "left", no_wrap=name != "remarks")
    for workload in workloads:
        printed.add_section()
        title = workload.name
        for line in cells([row for row in rows if row.workload == workload.name]):
            style = "bold" if line[1] == SUBJECT else None
            printed.add_row(title, *(escape(text) for text in line), style=style)
            title = ""
    return printed


def console() -> Console:
    """The terminal, or a page wide enough for the table where the output is no terminal."""
    found = Console()
    return found if found.is_terminal else Console(width=max(found.width, _NARROWEST))


def versions() -> dict[str, str]:
    """The version of each library that is installed."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def processor() -> str:
    """The processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def markdown(
    workloads: Sequence[Workload],
    rows: Sequence[Row],
    installed: Mapping[str, str],
    date: dt.date,
) -> str:
    """The text of RESULTS.md."""
    machine = (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )
    listed = ", ".join(f"{name} {version}" for name, version in installed.items())
    lines = [
        "# Side by side with the peers",
        "",
        f"Written by `make bench` on {date.isoformat()}. {machine}; {listed}.",
        "",
        _METHOD,
        "",
        "![times of the peers relative to tapegrad](results.png)",
    ]
    for workload in workloads:
        own = [row for row in rows if row.workload == workload.name]
        if own:
            title = workload.title[0].upper() + workload.title[1:]
            lines += ["", f"## {workload.name}", "", f"{title}.", ""]
            lines += ["| " + " | ".join(COLUMNS) + " |", "|-|-|-:|-:|-:|-:|-|"]
            lines += ["| " + " | ".join(_escaped(line)) + " |" for line in cells(own)]
    return "\n".join(lines) + "\n"


def _escaped(line: Sequence[str]) -> Iterator[str]:
    for text in line:
        bold = text if text != SUBJECT else f"**{text}**"
        yield "" if text == NONE else bold.replace("|", "\\|")


def plot(rows: Sequence[Row], path: Path) -> None:
    """A picture: time over tapegrad's per case on the left, cost per operation on the right."""
    try:
        library("matplotlib").use("Agg")
        pyplot = library("matplotlib.pyplot")
    except MissingError as reason:
        raise MissingError(f"the plot needs matplotlib: {reason}") from reason
    colours = _colours(rows, pyplot)
    cases = {(row.workload, row.case) for row in rows}
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(13, max(6, 0.7 * len(cases))), width_ratios=(3, 2), layout="constrained"
    )
    _plot_ratios(left, rows, colours)
    if any(row.operations > 1 for row in rows):
        _plot_chain(right, rows, colours)
    else:
        right.remove()
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _colours(rows: Sequence[Row], pyplot: Any) -> dict[str, Any]:
    palette = pyplot.get_cmap("tab20").colors
    names = dict.fromkeys(row.peer for row in rows)
    names.pop(SUBJECT, None)
    return {SUBJECT: "black"} | {name: palette[i % len(palette)] for i, name in enumerate(names)}


def _plot_ratios(axes: Any, rows: Sequence[Row], colours: Mapping[str, Any]) -> None:
    ratio = ratios(rows)
    height = _heights(ratio)
    for peer, colour in colours.items():
        points = [(over, height[w, c, p]) for (w, c, p), over in ratio.items() if p == peer]
        if points:
            marker = "D" if peer == SUBJECT else "o"
            across, up = zip(*points, strict=True)
            axes.scatter(across, up, color=colour, marker=marker, s=25, label=peer, zorder=3)
    cases = list(dict.fromkeys((workload, case) for workload, case, _ in ratio))
    for band in range(0, len(cases), 2):
        axes.axhspan(-band - 0.5, -band + 0.5, color="black", alpha=0.05, linewidth=0)
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks([-i for i in range(len(cases))], [f"{w}: {c}" for w, c in cases])
    axes.set_ylim(0.5 - len(cases), 0.5)
    axes.grid(alpha=0.3, axis="x")
    axes.set_xlabel("time over tapegrad's (right of the line, tapegrad is faster)")


def _heights(keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], float]:
    """A case is a band around 0, -1, -2 …; its peers stand below each other, and none hidden."""
    bands: dict[tuple[str, str], list[str]] = {}
    for workload, case, peer in keys:
        bands.setdefault((workload, case), []).append(peer)
    return {
        (*case, peer): 0.4 - 0.8 * (i + 0.5) / len(peers) - band
        for band, (case, peers) in enumerate(bands.items())
        for i, peer in enumerate(peers)
    }


def _plot_chain(axes: Any, rows: Sequence[Row], colours: Mapping[str, Any]) -> None:
    for peer, colour in colours.items():
        points = [
            (r.operations, r.seconds * 1e6)
            for r in rows
            if r.peer == peer and r.operations > 1 and r.seconds is not None
        ]
        if points:
            across, up = zip(*points, strict=True)
            axes.plot(across, up, "o-", color=colour)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.set_xlabel("operations in the chain")
    axes.set_ylabel("µs per operation, forward and backward")
