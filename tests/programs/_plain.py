"""What tapegrad has beside NumPy's functions, by SciPy and plain NumPy.

Each is called first as it is in tapegrad, which refuses what it refuses; of traced values, within
a transform, that is all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.special

import tapegrad as tg

Function = Callable[..., Any]


def _digits(x: Any) -> Any:
    """An array of floats: of those that came, if they were some."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(float)


def _in_dtype(function: Function) -> Function:
    """A function in the dtype of its first operand; the labels beside it have that, too."""

    def call(x: Any, *more: Any, **options: Any) -> Any:
        x = _digits(x)
        return np.asarray(function(x, *more, **options)).astype(x.dtype)

    return call


def _loss(function: Function) -> Function:
    return _in_dtype(lambda x, y: function(x, np.asarray(y).astype(x.dtype)))


def _softmax(x: Any, axis: Any = -1) -> Any:
    """Where one is infinite, it is all there is: SciPy has NaN there."""
    far = x == np.inf
    alone = (np.sum(far, axis, keepdims=True) == 1) & ~np.any(np.isnan(x), axis, keepdims=True)
    return np.where(alone, far, scipy.special.softmax(x, axis))


def _logsumexp(x: Any, *args: Any, **options: Any) -> Any:
    """Of a number a number, as all reductions of NumPy's: SciPy has an axis there."""
    out = np.asarray(scipy.special.logsumexp(x, *args, **options))
    return out if np.ndim(x) else out.reshape(())


def _cross_entropy(logits: Any, labels: Any) -> Any:
    logs = scipy.special.log_softmax(logits, -1)
    if np.shape(labels) == logits.shape:
        p = np.asarray(labels).astype(logits.dtype)
        return -np.mean(np.sum(np.where(p == 0.0, 0.0, p * logs), -1, dtype=logits.dtype))
    return -np.mean(np.take_along_axis(logs, np.asarray(labels)[..., None], -1))


def _accuracy(scores: Any, labels: Any) -> Any:
    if np.ndim(scores) > np.ndim(labels):
        return np.mean(np.argmax(scores, -1) == labels)
    return np.mean((np.asarray(scores) > 0.0) == (np.asarray(labels) > 0.0))


def _linear(params: Any, x: Any) -> Any:
    return x @ params.weight + params.bias


def _mlp(params: Any, x: Any, hidden: Function = np.tanh, last: Function | None = None) -> Any:
    for layer in params[:-1]:
        x = hidden(_linear(layer, x))
    x = _linear(params[-1], x)
    return x if last is None else last(x)


REFERENCES: Mapping[str, Mapping[str, Function]] = {
    "nn": {
        "relu": _in_dtype(lambda x: np.maximum(x, 0.0)),
        "sigmoid": _in_dtype(scipy.special.expit),
        "softplus": _in_dtype(lambda x: np.logaddexp(x, 0.0)),
        "softmax": _in_dtype(_softmax),
        "log_softmax": _in_dtype(lambda x, axis=-1: scipy.special.log_softmax(x, axis)),
        "linear": _linear,
        "mlp": _mlp,
        "mean_squared_error": _loss(lambda p, t: np.mean((p - t) ** 2)),
        "hinge": _loss(lambda s, y: np.mean(np.maximum(1.0 - y * s, 0.0))),
        "binary_cross_entropy": _loss(
            lambda z, y: np.mean(
                -y * scipy.special.log_expit(z) - (1.0 - y) * scipy.special.log_expit(-z)
            )
        ),
        "cross_entropy": _in_dtype(_cross_entropy),
        "accuracy": _accuracy,
    },
    "special": {
        "erf": _in_dtype(scipy.special.erf),
        "logsumexp": _in_dtype(_logsumexp),
    },
}


def _like(ours: Any, theirs: Callable[[], Any]) -> Any:
    """Another's value, a Python number where ours is one; ours, where it is traced."""
    if any(isinstance(x, tg.Var) for x in tg.tree.leaves(ours)):
        return ours
    found = theirs()
    return found.item() if type(ours) is float else np.asarray(found)[()]


class _Elements:
    """Some elements of an array, set or added to in a copy."""

    def __init__(self, x: Any, index: Any) -> None:
        self._x, self._index = x, index

    def set(self, values: Any) -> Any:
        ours = tg.at(self._x)[self._index].set(values)
        return _like(ours, lambda: self._changed(values, np.ndarray.__setitem__))

    def add(self, values: Any) -> Any:
        ours = tg.at(self._x)[self._index].add(values)
        return _like(ours, lambda: self._changed(values, np.add.at))

    def _changed(self, values: Any, change: Function) -> Any:
        """Whole numbers become floats where those are set."""
        x, v = np.asarray(self._x), np.asarray(values)
        whole = v.dtype.kind == "f" and x.dtype.kind != "f"
        out = x.astype(np.result_type(x, v) if whole else x.dtype)
        change(out, self._index, v.astype(out.dtype))
        return out


class At:
    """An array, ready to be indexed."""

    def __init__(self, x: Any) -> None:
        self._x = x

    def __getitem__(self, index: Any) -> _Elements:
        return _Elements(self._x, index)


def references(module: str) -> dict[str, Function]:
    """The functions of a module of tapegrad's, each checked by it and computed by another."""

    def checked(ours: Function, theirs: Function) -> Function:
        return lambda *args, **options: _like(
            ours(*args, **options), lambda: theirs(*args, **options)
        )

    own = getattr(tg, module)
    return {name: checked(getattr(own, name), f) for name, f in REFERENCES[module].items()}
