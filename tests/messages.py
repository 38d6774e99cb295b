"""What an error says, and the code in it: a line that is indented by four."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

import tapegrad


def said(run: Callable[..., object], kind: type[Exception] = Exception) -> str:
    """What the error says that a program meets."""
    with pytest.raises(kind) as caught:
        run()
    return str(caught.value)


def code_of(text: str) -> list[str]:
    """The lines of code in a message."""
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]


def run(code: str, /, **names: Any) -> Any:
    """The value of the last of some lines of code, or what it assigns."""
    known = {"numpy": np, "tapegrad": tapegrad, "functools": functools, "attrs": attrs, **names}
    *lines, last = code.splitlines()
    exec("\n".join(lines), known)  # noqa: S102  # the package's own hints
    return eval(re.sub(r"^\w+ = ", "", last), known)  # noqa: S307
