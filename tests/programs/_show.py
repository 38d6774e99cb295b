"""A failure as a program to paste: imports, inputs, the function, the call, what came."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

from ._code import CLASSES, unseen
from ._run import Failure
from ._worlds import value_of

HEAD = """\
import numpy as np
import tapegrad as tg
import tapegrad.numpy as tnp
"""
_DEFINED: tuple[Any, ...] = (*CLASSES, value_of)
_IMPORTS = {
    "attrs.": "import attrs",
    "dataclasses.": "import dataclasses",
    "NamedTuple": "from typing import NamedTuple",
    "Any": "from typing import Any",
}


def shown(failure: Failure) -> str:
    """The program, which prints what came; below it, as comments, that and what is right."""
    code = failure.case.code
    *before, last = failure.lines.split("\n")
    lines = [*code.inputs, code.function, *before]
    if "args" in last:
        lines.append(f"args = {code.arguments}")
    text = unseen("\n".join([*lines, f"print({last.partition('  #')[0]})"]))
    used = [inspect.getsource(thing) for thing in _DEFINED if f"{thing.__name__}(" in text]
    classes = "\n\n".join(used)
    imports = "\n".join(line for word, line in _IMPORTS.items() if word in classes)
    parts = (imports, HEAD, classes, text)
    program = "\n\n".join(part.strip("\n") for part in parts if part)
    came, expected = (textwrap.indent(x, "#     ") for x in (failure.came, failure.expected))
    return f"# {failure.check}\n{program}\n# came:\n{came}\n# expected:\n{expected}\n"
