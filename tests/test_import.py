"""What ``import tapegrad`` brings along, and what it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# attrs is the packages attr and attrs; optree needs typing_extensions.
WANTED = {"attr", "attrs", "numpy", "optree", "tapegrad", "typing_extensions"}


def imported(statement: str) -> set[str]:
    """The modules that a new Python has after a statement, and had not before."""
    program = (
        "import json, sys\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_nothing_else_is_imported() -> None:
    """Three libraries and what they need: no SciPy, scikit-learn, matplotlib or framework."""
    libraries = {name.partition(".")[0] for name in imported("import tapegrad")}
    assert libraries - sys.stdlib_module_names <= WANTED


def test_optional_parts_stay_out() -> None:
    """optree's integrations with frameworks, and the parts of NumPy and Python that are tools."""
    found = imported("import tapegrad")
    assert not [name for name in found if name.startswith("optree.integrations.")]
    assert not {"numpy.testing", "numpy.f2py", "unittest", "doctest", "pdb", "asyncio"} & found


def test_importing_changes_no_state_of_others() -> None:
    """Neither NumPy's nor Python's settings and random numbers are touched."""
    program = (
        "import random, warnings, attrs, numpy as np, optree\n"
        "def state():\n"
        "    return (np.geterr(), np.get_printoptions(), list(warnings.filters),\n"
        "        random.getstate(), str(np.random.get_state()))\n"
        "before = state()\n"
        "import tapegrad\n"
        "assert state() == before"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True)
