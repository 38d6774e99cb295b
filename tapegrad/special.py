"""Special functions under SciPy's names, typed; SciPy itself is not needed."""

from __future__ import annotations

from ._words import absent_from as _absent_from
from .ops._elementary import erf as erf
from .ops._softmax import logsumexp as logsumexp

# What other libraries call what is here. Type checkers see no such function, and miss nothing.
globals()["__getattr__"] = _absent_from(__name__)
