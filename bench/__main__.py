"""`python -m bench`: run the workloads, print one table, write RESULTS.md and the plot."""

import argparse
import datetime as dt
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from . import _peers, _report
from ._harness import DisagreementError, Row, Settings, Workload, measure
from .workloads import ALL

HERE = Path(__file__).parent


def options(arguments: list[str]) -> argparse.Namespace:
    """The command line, parsed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Time tapegrad side by side with its peers: one thread, float64, values and "
        "gradients compared before anything is timed. A run of everything writes RESULTS.md and "
        "results.png beside this program; a part is only printed, unless --output says where to "
        "write it.",
    )
    parser.add_argument(
        "--only",
        choices=[workload.name for workload in ALL],
        action="append",
        help="run one workload; may be repeated",
    )
    parser.add_argument(
        "--repeat", type=_positive, default=15, metavar="N", help="rounds of timing (default 15)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="few rounds and no large cases: three or four minutes"
    )
    parser.add_argument("--list", action="store_true", help="list the workloads and stop")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write RESULTS.md and results.png there"
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"must be a whole number, at least 1, not {text!r}")
    return int(text)


def run(workloads: list[Workload], settings: Settings) -> list[Row]:
    """All rows, with a line of progress on the terminal's error stream."""
    rows: list[Row] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        for workload in workloads:
            progress.update(task, description=f"{workload.name}: {workload.title}")
            for row in measure(workload, settings):
                rows.append(row)
                time = _report.duration(row.seconds)
                progress.console.print(f"{row.workload}, {row.case}: {row.peer} {time} {row.note}")
    return rows


def write(directory: Path, workloads: list[Workload], rows: list[Row]) -> None:
    """RESULTS.md and results.png."""
    text = _report.markdown(workloads, rows, _report.versions(), dt.datetime.now(dt.UTC).date())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "RESULTS.md").write_text(text, encoding="utf-8")
    _report.plot(rows, directory / "results.png")


def main(arguments: list[str]) -> int:
    """Run what was asked for; status 1 when two peers disagree, or the work's data is missing."""
    asked = options(arguments)
    if asked.list:
        for workload in ALL:
            print(f"{workload.name:14}{workload.title}")
        return 0
    chosen = [w for w in ALL if not asked.only or w.name in asked.only]
    _peers.one_thread("bench")
    settings = Settings(min(asked.repeat, 5), 1.0, True) if asked.quick else Settings(asked.repeat)
    try:
        rows = run(chosen, settings)
    except (DisagreementError, _peers.MissingError) as error:
        print(f"bench: stopped: {error}", file=sys.stderr)
        return 1
    console = _report.console()
    console.print(_report.table(chosen, rows))
    directory = asked.output or (None if asked.only or asked.quick else HERE)
    if directory is not None:
        write(directory, chosen, rows)
        console.print(f"written: {directory / 'RESULTS.md'}, {directory / 'results.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
