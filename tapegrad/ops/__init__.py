"""Every primitive operation, each one statement in the file of its family; `ALL` lists them, and
`table` says what answers for which of NumPy's functions, both read off the modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from .._tape import Op

# fmt: off
from . import (
    _along, _arithmetic, _bundle, _circular, _elementary, _index, _join, _linalg, _norms,
    _products, _reduce, _select, _set, _shape, _softmax,
)
from ._define import Parametric

FAMILIES = (
    _shape, _select, _circular, _elementary, _arithmetic, _index, _set, _join, _reduce, _softmax,
    _along, _norms, _products, _bundle, _linalg,
)
# fmt: on


def made_in(modules: Iterable[ModuleType]) -> list[Any]:
    """The ops and the functions that were made in these modules, in their order."""
    return [
        thing
        for module in modules
        for thing in dict.fromkeys(filter(callable, vars(module).values()))
        if getattr(thing, "__module__", None) == module.__name__
    ]


def table(modules: Iterable[ModuleType]) -> dict[Callable[..., Any], Callable[..., Any]]:
    """What of these modules answers for which of NumPy's functions."""
    found: dict[Callable[..., Any], Callable[..., Any]] = {}
    for thing in made_in(modules):
        # A parametric op is asked through its function: one frame less.
        answer: Any = thing.function if isinstance(thing, Parametric) else thing
        for function in getattr(thing, "answers", ()):
            found[function] = answer
    return found


ALL: tuple[Op[..., Any], ...] = tuple(x for x in made_in(FAMILIES) if isinstance(x, Op))
