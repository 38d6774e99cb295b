"""What the names in a program mean: tapegrad, others alone, these in extended precision.

Without tapegrad there is NumPy, and for what tapegrad has beside it, `_plain`. Transforms within a
program are tapegrad's in all of these: of what they give, traced values are compared with plain
ones, and the derivatives of the whole with differences and with JAX's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad.ops._linalg import SlogdetResult

from ._code import CLASSES, World
from ._plain import At, references


@contextmanager
def quietly() -> Iterator[None]:
    """Overflow, invalid values, and means of nothing are part of what is tested."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def value_of(x: Any) -> Any:
    """The plain value of a traced one; a plain one as it is."""
    return getattr(x, "value", x)


def see(x: Any) -> Any:
    """Marks what a program decides by: tests may put in its place what notes it."""
    return x


class Instead:
    """A module with something else under some of its names."""

    def __init__(self, module: Any, **others: Any) -> None:
        self._module = module
        self.__dict__.update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


COMMON: World = {**{kind.__name__: kind for kind in CLASSES}, "see": see, "value_of": value_of}
REAL: World = {**COMMON, "np": np, "tg": tg, "tnp": tnp}
_OTHERS: Any = Instead(
    tg,
    nn=Instead(tg.nn, **references("nn")),
    special=Instead(tg.special, **references("special")),
    at=At,
)
PLAIN: World = {**REAL, "tnp": np, "tg": _OTHERS}


# In extended precision ---------------------------------------------------------------------------
LONG = np.longdouble


def long(value: Any) -> Any:
    """A floating-point value in extended precision, others as they are."""
    if value.__class__ is float:
        return LONG(value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f":
        return value.astype(LONG)
    return value


def _long(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: long(function(*args, **kwargs))


def _eliminated(a: Any, b: Any) -> tuple[Any, Any]:
    """One matrix, upper triangular, and its right-hand sides: Gauss, with partial pivoting."""
    a, b = np.array(a, LONG), np.array(b, LONG)
    sign = LONG(1.0)
    for i in range(len(a)):
        pivot = i + int(np.argmax(np.abs(a[i:, i])))
        if pivot != i:
            a[[i, pivot]], b[[i, pivot]], sign = a[[pivot, i]], b[[pivot, i]], -sign
        for k in range(i + 1, len(a)):
            factor = a[k, i] / a[i, i]
            a[k] -= factor * a[i]
            b[k] -= factor * b[i]
    return np.append(np.diag(a), sign), _substituted(a, b)


def _substituted(a: Any, b: Any) -> Any:
    for i in reversed(range(len(a))):
        b[i] = (b[i] - a[i, i + 1 :] @ b[i + 1 :]) / a[i, i]
    return b


def _on_stacks(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of one matrix on each of a stack."""

    def call(a: Any) -> Any:
        a = np.asarray(a)
        flat = a.reshape(-1, *a.shape[-2:])
        found = np.array([function(each) for each in flat], LONG)
        return found.reshape(a.shape[:-2] + found.shape[1:])[()]

    return call


def _solve(a: Any, b: Any) -> Any:
    b = b[:, None] if (vector := np.ndim(b) == 1) else b
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, lead + a.shape[-2:]), np.broadcast_to(b, lead + b.shape[-2:])
    out = np.empty(b.shape, LONG)
    for place in np.ndindex(lead):
        out[place] = _eliminated(a[place], b[place])[1]
    return out[..., 0] if vector else out


def _cholesky(a: Any) -> Any:
    """Of the symmetric part, whose derivative tapegrad's has."""
    a = 0.5 * (a + a.T)
    out = np.zeros_like(a)
    for i in range(len(a)):
        for j in range(i + 1):
            rest = a[i, j] - out[i, :j] @ out[j, :j]
            out[i, j] = np.sqrt(rest) if i == j else rest / out[j, j]
    return out


def _det(a: Any) -> Any:
    return np.prod(_eliminated(a, np.eye(len(a)))[0])


def _slogdet(a: Any) -> Any:
    det = _on_stacks(_det)(a)
    return SlogdetResult(np.sign(det), np.log(np.abs(det)))


def _erf(x: Any) -> Any:
    """2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!! (Abramowitz and Stegun, 7.1.6)."""
    x = long(np.asarray(x) * 1.0)
    inside = np.clip(x, -7.0, 7.0)
    term = total = inside
    for n in range(1, 200):
        term = term * (2.0 * inside * inside) / (2 * n + 1)
        total = total + term
    return (2.0 / np.sqrt(4 * np.arctan(LONG(1.0))) * np.exp(-inside * inside) * total)[()]


_LINALG: Any = Instead(
    np.linalg,
    solve=_solve,
    inv=_on_stacks(lambda a: _eliminated(a, np.eye(len(a)))[1]),
    det=_on_stacks(_det),
    slogdet=_slogdet,
    cholesky=_on_stacks(_cholesky),
)
_NUMPY: Any = Instead(
    np,
    linalg=_LINALG,
    pi=4 * np.arctan(LONG(1.0)),
    **dict.fromkeys(("float16", "float32", "float64"), LONG),
    **{name: _long(getattr(np, name)) for name in ("array", "zeros", "ones", "arange")},
)
_SPECIAL: Any = Instead(_OTHERS.special, erf=_erf)


def extended(stop: Callable[[Any], Any]) -> World:
    """The world of extended precision, with another stop_gradient."""
    tapegrad = Instead(_OTHERS, special=_SPECIAL, stop_gradient=stop)
    return {**COMMON, "np": _NUMPY, "tnp": _NUMPY, "tg": tapegrad, "value_of": stop}
