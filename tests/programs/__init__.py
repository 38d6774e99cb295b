"""Programs at random: a Hypothesis strategy of whole programs, and what must hold of each.

A program is text: a function `f`, and lines that make its arguments. `cases` draws one statement by
statement, each tried on plain values, and leaves out what NumPy refuses. What it is made of is read
off the project's records (`_functions`): a new op or function joins by itself. `check` runs it as
it is written, with other meanings of `np` and `tg` (`_worlds`): tapegrad, NumPy alone, NumPy in
extended precision, JAX. `python -m tests.programs` does so for hours (`make fuzz`).
"""

from __future__ import annotations

from ._cases import Case as Case, cases as cases, program as program
from ._checks import CHECKS as CHECKS, check as check, failure_of as failure_of
from ._code import Code as Code, Pair as Pair
from ._run import Failure as Failure, bits as bits, exactly as exactly
from ._show import shown as shown
from ._worlds import quietly as quietly
