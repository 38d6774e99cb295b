"""Special functions under SciPy's names, typed; SciPy itself is not needed."""

from __future__ import annotations

from .ops._elementary import erf as erf
from .ops._reduce import logsumexp as logsumexp
