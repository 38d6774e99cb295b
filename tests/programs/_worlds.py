"""What the names in a program mean: tapegrad, NumPy alone, NumPy in extended precision."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

import tapegrad as tg
import tapegrad.numpy as tnp

from ._code import CLASSES


@contextmanager
def quietly() -> Iterator[None]:
    """Overflow, invalid values, and means of nothing are part of what is tested."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def value_of(x: Any) -> Any:
    """The plain value of a traced one."""
    return getattr(x, "value", x)


def _as_it_is(x: Any) -> Any:
    return x


COMMON: dict[str, Any] = {
    **{kind.__name__: kind for kind in CLASSES},
    "see": _as_it_is,
    "value_of": value_of,
}
REAL: dict[str, Any] = {**COMMON, "np": np, "tg": tg, "tnp": tnp}
PLAIN: dict[str, Any] = {**REAL, "tnp": np}


# In extended precision ---------------------------------------------------------------------------
LONG = np.longdouble


def long(value: Any) -> Any:
    """A floating-point value in extended precision, others as they are."""
    if isinstance(value, float) and not isinstance(value, np.floating):
        return LONG(value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f":
        return value.astype(LONG)
    return value


def _through_double(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that knows no extended precision."""

    def short(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(short, value))
        is_long = isinstance(value, (np.ndarray, np.generic)) and value.dtype == LONG
        return value.astype(np.float64) if is_long else value

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        out = function(*map(short, args), **{k: short(v) for k, v in kwargs.items()})
        return type(out)(*map(long, out)) if isinstance(out, tuple) else long(out)

    return call


class _Long(SimpleNamespace):
    """NumPy with its floats in extended precision."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def _array(values: Any, dtype: Any = None) -> Any:
    return long(np.array(values, dtype))


def _cholesky(a: Any) -> Any:
    return np.linalg.cholesky(0.5 * (a + np.swapaxes(a, -1, -2)))  # whose derivative it has


LINALG = SimpleNamespace(
    cholesky=_through_double(_cholesky),
    **{
        name: _through_double(getattr(np.linalg, name))
        for name in ("solve", "inv", "det", "slogdet", "norm")
    },
    **{
        name: getattr(np.linalg, name)
        for name in ("matmul", "trace", "diagonal", "outer", "tensordot", "matrix_transpose")
    },
)
LONG_NP: Any = _Long(
    float16=LONG, float32=LONG, float64=LONG, array=_array, linalg=LINALG, zeros=lambda s, d=float: long(np.zeros(s, d)), ones=lambda s: long(np.ones(s)), arange=lambda n: long(np.arange(n))
)


def extended(stop: Callable[[Any], Any]) -> dict[str, Any]:
    """The world in which programs run in extended precision, with another stop_gradient."""
    fields = {name: getattr(tg, name) for name in dir(tg) if not name.startswith("_")}
    return {
        **COMMON,
        "np": LONG_NP,
        "tnp": LONG_NP,
        "tg": SimpleNamespace(**{**fields, "stop_gradient": stop}),
        "value_of": stop,
    }
