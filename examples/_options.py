"""What the examples share: options whose bad values give one line of error and exit status 2."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Help that shows each default, where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and whose help shows every default."""

    def __init__(self, description: str) -> None:
        super().__init__(
            description=description,
            formatter_class=Formatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, in one line on stderr, and exit with status 2."""
        self.exit(2, f"{self.prog}: error: {message} (--help explains the options)\n")


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """A type for argparse: a whole number from ``low``, to ``high`` if given."""
    expected = f"a whole number of at least {low}"
    if high is not None:
        expected = f"a whole number from {low} to {high}"

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < low or (high is not None and number > high):
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
        return number

    return parse


def nonnegative(text: str) -> float:
    """A type for argparse: a finite number that is not negative."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0.0):
        raise argparse.ArgumentTypeError(f"expected a finite number of at least 0, got {text!r}")
    return number


def number(low: float, high: float) -> Callable[[str], float]:
    """A type for argparse: a number from ``low`` to ``high``."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"expected a number from {low} to {high}, got {text!r}"
            )
        return value

    return parse


def writable(*suffixes: str) -> Callable[[str], Path]:
    """A type for argparse: a file to write, with one of these suffixes; makes its folder."""

    def parse(text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() not in suffixes:
            expected = " or ".join(suffixes)
            raise argparse.ArgumentTypeError(f"expected a file name in {expected}, got {text!r}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise argparse.ArgumentTypeError(f"cannot make {path.parent}: {error}") from error
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise argparse.ArgumentTypeError(f"cannot write {text!r}")
        return path

    return parse


PICTURE = writable(".png", ".svg", ".pdf")


def run(main: Callable[[], int]) -> NoReturn:
    """Run a main function as a program: an interrupted pipe or a Ctrl-C is no traceback."""
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # as in: python examples/moons.py | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
