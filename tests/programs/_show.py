"""A failure as a program to paste."""

from __future__ import annotations

import ast
import textwrap

from ._checks import Failure
from ._code import unseen

PREAMBLE = """\
import numpy as np
import tapegrad as tg
import tapegrad.numpy as tnp
"""

CLASSES = {
    "Pair": "class Pair(typing.NamedTuple):\n    first: typing.Any\n    second: typing.Any\n",
    "Point": "@dataclasses.dataclass\nclass Point:\n    x: typing.Any\n    y: typing.Any\n",
    "Layer": "@attrs.frozen(eq=False)\nclass Layer:\n    weight: typing.Any\n    bias: typing.Any = None\n",
    "value_of": "def value_of(x):\n    return getattr(x, 'value', x)\n",
}


def shown(failure: Failure) -> str:
    """The program, what it shows, what came and what should have."""
    code = failure.case.code
    body = "\n".join((*code.inputs, code.function))
    lines = failure.lines
    if "args" in lines:
        body += f"\nargs = {code.arguments}"
    text = unseen(body)
    more = "".join(definition for name, definition in CLASSES.items() if name + "(" in text)
    imports = "".join(f"import {name}\n" for name in ("attrs", "dataclasses", "typing") if name + "." in more)
    *before, last = lines.split("\n")
    came = textwrap.indent(failure.came, "#   ")
    expected = textwrap.indent(failure.expected, "#   ")
    show = "\n".join([*before, f"print({last.split('  #')[0]})" + ("  #" + last.split("  #")[1] if "  #" in last else "")])
    return f"# {failure.check}\n{imports}{PREAMBLE}\n{more}\n{text}\n\n{show}\n# came:\n{came}\n# expected:\n{expected}\n"
