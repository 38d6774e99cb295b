"""tapegrad: typed, functional automatic differentiation on NumPy, with a tape that you can read."""

__version__ = "0.1.0"

import importlib
from typing import TYPE_CHECKING

from . import numpy as numpy, special as special, tree as tree
from ._errors import (
    ConversionError as ConversionError,
    DomainError as DomainError,
    EscapedError as EscapedError,
    GuardError as GuardError,
    LeafError as LeafError,
    MissingRuleError as MissingRuleError,
    MutationError as MutationError,
    OperandError as OperandError,
    OutputError as OutputError,
    ShapeError as ShapeError,
    TapegradError as TapegradError,
    UndecidedError as UndecidedError,
)
from ._node import Node as Node
from ._program import Program as Program
from ._tape import (
    Array as Array,
    Op as Op,
    Scalar as Scalar,
    Tape as Tape,
    Var as Var,
)
from .numpy._at import at as at
from .transforms import (
    Recording as Recording,
    custom_vjp as custom_vjp,
    grad as grad,
    hessian as hessian,
    hvp as hvp,
    jacfwd as jacfwd,
    jacrev as jacrev,
    jvp as jvp,
    label as label,
    record as record,
    stop_gradient as stop_gradient,
    value_and_grad as value_and_grad,
    vjp as vjp,
    vmap as vmap,
)

if TYPE_CHECKING:
    from . import data as data, nn as nn, optim as optim, testing as testing
else:
    from ._words import absent as _absent

    def __getattr__(name: str) -> object:
        """Import ``nn``, ``optim``, ``data`` and ``testing`` when they are first asked for; of
        another name, the error says what is in its place.
        """
        if name in ("data", "nn", "optim", "testing"):
            return importlib.import_module(f".{name}", __name__)
        raise _absent(__name__, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), "data", "nn", "optim", "testing"})
