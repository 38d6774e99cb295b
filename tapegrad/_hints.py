"""What to write in place of what tapegrad has no rule for. A hint is code: tests/test_hints.py runs
each, on plain and on traced arguments, and holds it against NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias


def _places(a: str) -> str:
    """The number of each element of an array, in its shape: what moves elements can move these."""
    return f"numpy.arange(numpy.size({a})).reshape(numpy.shape({a}))"


def _split(name: str, axis: str) -> dict[str, str]:
    return {
        "": f"[numpy.take(ary, i, {axis}) for i in "
        f"numpy.{name}(numpy.arange(numpy.shape(ary)[{axis}]), indices_or_sections)]"
    }


def _without_nan(instead: str) -> str:
    return f"numpy.where(numpy.isnan(a), {instead}, a)"


_OUTER = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_CROSS = {
    "for three components along the last axis": (
        "a[..., [1, 2, 0]] * b[..., [2, 0, 1]] - a[..., [2, 0, 1]] * b[..., [1, 2, 0]]"
    )
}
_SINC = """\
y = numpy.pi * x
near = numpy.abs(y) < 0.03
s = numpy.where(near, y, 0.0) ** 2
far = numpy.where(near, 1.0, y)
numpy.where(near, 1 - s / 6 * (1 - s / 20 * (1 - s / 42)), numpy.sin(far) / far)"""
_TRAPEZOID = "numpy.sum((y[..., 1:] + y[..., :-1]) * {0}, -1) / 2"

# By the call, with NumPy's names and defaults: for which arguments ("" for all), the code.
_CALLS: dict[str, dict[str, str]] = {
    "numpy.add.accumulate(array, axis=0)": {"": "numpy.cumsum(array, axis)"},
    "numpy.add.reduce(array, axis=0, *, keepdims=False)": {
        "": "numpy.sum(array, axis, keepdims=keepdims)"
    },
    "numpy.allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False)": {
        "where both are traced": "numpy.allclose(a.value, b.value, rtol, atol, equal_nan)",
        "where only a is": "numpy.allclose(a.value, b, rtol, atol, equal_nan)",
    },
    "numpy.append(arr, values, axis=None)": {
        "for axis=None": "numpy.concatenate([numpy.ravel(arr), numpy.ravel(values)])",
        "along an axis": "numpy.concatenate([arr, values], axis)",
    },
    "numpy.argwhere(a)": {"": "numpy.argwhere(a.value)"},
    "numpy.array_equal(a1, a2, equal_nan=False)": {
        "where both are traced": "numpy.array_equal(a1.value, a2.value, equal_nan)",
        "where only a1 is": "numpy.array_equal(a1.value, a2, equal_nan)",
    },
    "numpy.array_split(ary, indices_or_sections, axis=0)": _split("array_split", "axis"),
    "numpy.atleast_1d(x)": {"": "numpy.reshape(x, numpy.shape(x) or (1,))"},
    "numpy.atleast_2d(x)": {"": "numpy.reshape(x, (1,) * (2 - numpy.ndim(x)) + numpy.shape(x))"},
    "numpy.average(a, axis=None, weights=None)": {
        "without weights": "numpy.mean(a, axis)",
        "for weights of the shape of a": (
            "numpy.sum(a * weights, axis) / numpy.sum(weights, axis)"
        ),
    },
    "numpy.broadcast_arrays(*args)": {
        "": "tuple(numpy.broadcast_to(x, numpy.broadcast_shapes(*map(numpy.shape, args))) "
        "for x in args)"
    },
    "numpy.choose(a, choices)": {
        "for choices of the shape of a": (
            "numpy.take_along_axis(numpy.stack(choices), a[None], 0)[0]"
        )
    },
    "numpy.column_stack(tup)": {
        "": "numpy.concatenate("
        "[numpy.reshape(v, (-1, 1)) if numpy.ndim(v) < 2 else v for v in tup], 1)"
    },
    "numpy.compress(condition, a, axis=None)": {
        "for a plain condition": "numpy.take(a, numpy.flatnonzero(condition), axis)"
    },
    "numpy.count_nonzero(a, axis=None, *, keepdims=False)": {
        "": "numpy.sum(a != 0, axis, keepdims=keepdims)"
    },
    "numpy.cov(m)": {
        "for a matrix, one variable in each row": (
            "(m - numpy.mean(m, 1, keepdims=True)) "
            "@ (m - numpy.mean(m, 1, keepdims=True)).T / (numpy.shape(m)[1] - 1)"
        )
    },
    "numpy.cross(a, b)": _CROSS,
    "numpy.linalg.cross(a, b)": _CROSS,
    "numpy.cumprod(a, axis=None)": {
        "along the last axis": (
            "numpy.prod(numpy.where(numpy.tri(numpy.shape(a)[-1], dtype=bool), "
            "a[..., None, :], 1), axis=-1)"
        )
    },
    "numpy.cumulative_sum(x, *, axis=None)": {"": "numpy.cumsum(x, axis)"},
    "numpy.deg2rad(x)": {"": "x * (numpy.pi / 180)"},
    "numpy.degrees(x)": {"": "x * (180 / numpy.pi)"},
    "numpy.delete(arr, obj, axis=None)": {
        "for axis=None": "numpy.take(arr, numpy.delete(numpy.arange(numpy.size(arr)), obj))",
        "along an axis": (
            "numpy.take(arr, numpy.delete(numpy.arange(numpy.shape(arr)[axis]), obj), axis)"
        ),
    },
    "numpy.diagflat(v, k=0)": {"": "numpy.diag(numpy.ravel(v), k)"},
    "numpy.diff(a, n=1, axis=-1)": {
        "for n=1 along the last axis": "a[..., 1:] - a[..., :-1]",
        "for n=1 along the first axis": "a[1:] - a[:-1]",
    },
    "numpy.digitize(x, bins, right=False)": {
        "for plain bins": "numpy.digitize(x.value, bins, right)"
    },
    "numpy.divmod(x1, x2)": {"": "(x1 // x2, x1 % x2)"},
    "numpy.dsplit(ary, indices_or_sections)": _split("split", "2"),
    "numpy.dstack(tup)": {
        "for vectors": "numpy.stack(tup, 1)[None]",
        "for matrices": "numpy.stack(tup, 2)",
        "for arrays of more axes": "numpy.concatenate(tup, 2)",
    },
    "numpy.ediff1d(ary)": {"": "numpy.ravel(ary)[1:] - numpy.ravel(ary)[:-1]"},
    "numpy.extract(condition, arr)": {"": "numpy.ravel(arr)[numpy.ravel(condition) != 0]"},
    "numpy.fabs(x)": {"for floating-point x": "numpy.abs(x)"},
    "numpy.flatnonzero(a)": {"": "numpy.flatnonzero(a.value)"},
    "numpy.fliplr(m)": {"": "numpy.flip(m, 1)"},
    "numpy.flipud(m)": {"": "numpy.flip(m, 0)"},
    "numpy.float_power(x1, x2)": {"": "numpy.power(tapegrad.numpy.astype(x1, numpy.float64), x2)"},
    "numpy.fmax(x1, x2)": {
        "": "numpy.maximum("
        "numpy.where(numpy.isnan(x1), x2, x1), numpy.where(numpy.isnan(x2), x1, x2))"
    },
    "numpy.fmin(x1, x2)": {
        "": "numpy.minimum("
        "numpy.where(numpy.isnan(x1), x2, x1), numpy.where(numpy.isnan(x2), x1, x2))"
    },
    "numpy.full(shape, fill_value)": {"": "numpy.broadcast_to(fill_value, shape)"},
    "numpy.gradient(f)": {
        "for a vector": (
            "numpy.concatenate([f[1:2] - f[:1], (f[2:] - f[:-2]) / 2, f[-1:] - f[-2:-1]])"
        )
    },
    "numpy.hsplit(ary, indices_or_sections)": {
        "for a vector": _split("split", "0")[""],
        "for arrays of more axes": _split("split", "1")[""],
    },
    "numpy.hstack(tup)": {
        "for numbers": "numpy.stack(tup)",
        "for vectors": "numpy.concatenate(tup, 0)",
        "for arrays of more axes": "numpy.concatenate(tup, 1)",
    },
    "numpy.isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False)": {
        "where both are traced": "numpy.isclose(a.value, b.value, rtol, atol, equal_nan)",
        "where only a is": "numpy.isclose(a.value, b, rtol, atol, equal_nan)",
    },
    "numpy.kron(a, b)": {
        "for vectors": "numpy.ravel(numpy.outer(a, b))",
        "for matrices": (
            "numpy.repeat(numpy.repeat(a, numpy.shape(b)[0], 0), numpy.shape(b)[1], 1) "
            "* numpy.tile(b, numpy.shape(a))"
        ),
    },
    "numpy.linalg.lstsq(a, b)": {
        "its solution, where a has full column rank and is well conditioned": (
            "numpy.linalg.solve(a.T @ a, a.T @ b)"
        )
    },
    "numpy.linalg.matrix_power(a, n)": {
        "for n of at least 1": "functools.reduce(numpy.matmul, [a] * n)"
    },
    "numpy.linalg.multi_dot(arrays)": {"": "functools.reduce(numpy.matmul, arrays)"},
    "numpy.linalg.vector_norm(x, *, axis=None, ord=2)": {
        "along one axis": "numpy.linalg.norm(x, ord, axis)"
    },
    "numpy.logaddexp2(x1, x2)": {
        "": "numpy.logaddexp(x1 * numpy.log(2), x2 * numpy.log(2)) / numpy.log(2)"
    },
    "numpy.logical_xor(x1, x2)": {"": "(x1 != 0) != (x2 != 0)"},
    "numpy.maximum.reduce(array, axis=0, *, keepdims=False)": {
        "": "numpy.max(array, axis, keepdims=keepdims)"
    },
    "numpy.minimum.reduce(array, axis=0, *, keepdims=False)": {
        "": "numpy.min(array, axis, keepdims=keepdims)"
    },
    "numpy.median(a, axis=None)": {
        "of all elements, none of them NaN": (
            "numpy.mean("
            "numpy.sort(numpy.ravel(a))[(numpy.size(a) - 1) // 2 : numpy.size(a) // 2 + 1])"
        ),
        "along the last axis, without NaN": (
            "numpy.mean(numpy.sort(a)[..., "
            "(numpy.shape(a)[-1] - 1) // 2 : numpy.shape(a)[-1] // 2 + 1], -1)"
        ),
    },
    "numpy.modf(x)": {"for finite floating-point x": "(x - numpy.trunc(x), numpy.trunc(x))"},
    "numpy.multiply.accumulate(array, axis=0)": {
        "along the last axis": (
            "numpy.prod(numpy.where(numpy.tri(numpy.shape(array)[-1], dtype=bool), "
            "array[..., None, :], 1), axis=-1)"
        )
    },
    "numpy.multiply.reduce(array, axis=0, *, keepdims=False)": {
        "": "numpy.prod(array, axis, keepdims=keepdims)"
    },
    **{
        f"numpy.{name}.outer(A, B)": {
            "": f"numpy.reshape(A, numpy.shape(A) + (1,) * numpy.ndim(B)) {sign} B"
        }
        for name, sign in _OUTER.items()
    },
    "numpy.nan_to_num(x, *, nan=0.0, posinf=None, neginf=None)": {
        "without posinf and neginf": (
            "numpy.where(numpy.isnan(x), nan, "
            "numpy.clip(x, numpy.finfo(x.dtype).min, numpy.finfo(x.dtype).max))"
        ),
        "with both": (
            "numpy.where(numpy.isnan(x), nan, "
            "numpy.where(numpy.isinf(x), numpy.where(x > 0, posinf, neginf), x))"
        ),
    },
    "numpy.nanmax(a, axis=None)": {
        "where not all are NaN": f"numpy.max({_without_nan('-numpy.inf')}, axis)"
    },
    "numpy.nanmean(a, axis=None)": {
        "where not all are NaN": (
            f"numpy.sum({_without_nan('0')}, axis) / numpy.sum(~numpy.isnan(a), axis)"
        )
    },
    "numpy.nanmin(a, axis=None)": {
        "where not all are NaN": f"numpy.min({_without_nan('numpy.inf')}, axis)"
    },
    "numpy.nanprod(a, axis=None)": {"": f"numpy.prod({_without_nan('1')}, axis)"},
    "numpy.nansum(a, axis=None)": {"": f"numpy.sum({_without_nan('0')}, axis)"},
    "numpy.nonzero(a)": {"": "numpy.nonzero(a.value)"},
    "numpy.polyval(p, x)": {"": "functools.reduce(lambda y, c: y * x + c, p, numpy.zeros_like(x))"},
    "numpy.ptp(a, axis=None)": {"": "numpy.max(a, axis) - numpy.min(a, axis)"},
    "numpy.rad2deg(x)": {"": "x * (180 / numpy.pi)"},
    "numpy.radians(x)": {"": "x * (numpy.pi / 180)"},
    "numpy.resize(a, new_shape)": {
        "where a is not empty": f"numpy.take(a, numpy.resize({_places('a')}, new_shape))"
    },
    "numpy.roll(a, shift, axis=None)": {
        "": f"numpy.take(a, numpy.roll({_places('a')}, shift, axis))"
    },
    "numpy.rot90(m, k=1, axes=(0, 1))": {
        "": f"numpy.take(m, numpy.rot90({_places('m')}, k, axes))"
    },
    "numpy.searchsorted(a, v, side='left')": {
        "where only v is traced": "numpy.searchsorted(a, v.value, side)"
    },
    "numpy.select(condlist, choicelist, default=0)": {
        "": "functools.reduce(lambda y, case: numpy.where(*case, y), "
        "reversed([*zip(condlist, choicelist)]), default)"
    },
    "numpy.sinc(x)": {"": _SINC},
    "numpy.split(ary, indices_or_sections, axis=0)": _split("split", "axis"),
    "numpy.trapezoid(y, x=None, dx=1.0, axis=-1)": {
        "along the last axis, without x": _TRAPEZOID.format("dx"),
        "along the last axis, with x": _TRAPEZOID.format("(x[..., 1:] - x[..., :-1])"),
    },
    "numpy.unstack(x, *, axis=0)": {"": "tuple(numpy.moveaxis(x, axis, 0))"},
    "numpy.vdot(a, b)": {"": "numpy.dot(numpy.ravel(a), numpy.ravel(b))"},
    "numpy.vecdot(x1, x2)": {"": "numpy.sum(x1 * x2, -1)"},
    "numpy.vsplit(ary, indices_or_sections)": _split("split", "0"),
    "numpy.vstack(tup)": {
        "for numbers": "numpy.stack(tup)[:, None]",
        "for vectors": "numpy.stack(tup)",
        "for arrays of more axes": "numpy.concatenate(tup, 0)",
    },
    "numpy.where(condition)": {"": "numpy.nonzero(condition.value)"},
    "scipy.linalg.det(a)": {"": "numpy.linalg.det(a)"},
    "scipy.linalg.inv(a)": {"": "numpy.linalg.inv(a)"},
    "scipy.linalg.norm(a, ord=None, axis=None, keepdims=False)": {
        "": "numpy.linalg.norm(a, ord, axis, keepdims)"
    },
    "scipy.linalg.solve(a, b, *, transposed=False)": {
        "without transposed": "numpy.linalg.solve(a, b)",
        "with transposed=True": "numpy.linalg.solve(a.T, b)",
    },
    "scipy.special.log_softmax(x, axis=None)": {"": "tapegrad.nn.log_softmax(x, axis)"},
    "scipy.special.logsumexp(a, axis=None, b=None, keepdims=False)": {
        "without b": "tapegrad.special.logsumexp(a, axis, keepdims=keepdims)",
        "for positive b": "tapegrad.special.logsumexp(a + numpy.log(b), axis, keepdims=keepdims)",
    },
    "scipy.special.softmax(x, axis=None)": {"": "tapegrad.nn.softmax(x, axis)"},
    "scipy.special.cbrt(x)": {"": "numpy.cbrt(x)"},
    "scipy.special.entr(x)": {"for positive x": "-x * numpy.log(x)"},
    "scipy.special.erf(x)": {"": "tapegrad.special.erf(x)"},
    "scipy.special.exp2(x)": {"": "numpy.exp2(x)"},
    "scipy.special.expit(x)": {"": "tapegrad.nn.sigmoid(x)"},
    "scipy.special.expm1(x)": {"": "numpy.expm1(x)"},
    "scipy.special.log1p(x)": {"": "numpy.log1p(x)"},
    "scipy.special.log_expit(x)": {"": "-tapegrad.nn.softplus(-x)"},
    "scipy.special.logit(x)": {"": "numpy.log(x) - numpy.log1p(-x)"},
}

Hint: TypeAlias = tuple[str, Mapping[str, str]]  # a call, and the code by the case


def by_name(calls: Mapping[str, Mapping[str, str]]) -> dict[str, Hint]:
    """Hints by the function that they are for."""
    return {call.partition("(")[0]: (call, cases) for call, cases in calls.items()}


INSTEAD: Mapping[str, Hint] = by_name(_CALLS)


def indented(code: str) -> str:
    """Lines of code as they stand in a message, indented by four."""
    return "".join(f"\n    {line}" for line in code.splitlines())


def shown(hint: Hint, given: Mapping[str, object] = {}) -> str:
    """A hint in words: in place of which call, for which arguments, what to write.

    given: the arguments of the user's call; those that the hint has not are said
    """
    call, cases = hint
    texts = [f"{case and ' '}{case}:{indented(code)}" for case, code in cases.items()]
    comma = "," if next(iter(cases)) else ""
    text = f"In place of {call}{comma}" + "\nor".join(texts)
    beyond = {name: value for name, value in given.items() if name not in takes(hint)}
    return f"There is no hint with {spelled(beyond)}, only without:\n{text}" if beyond else text


def takes(hint: Hint) -> set[str]:
    """The names of the arguments that a hint has a place for."""
    return set(re.findall(r"[(, *](\w+)(?=[=,)])", hint[0]))


def spelled(given: Mapping[str, object], between: str = " and ") -> str:
    """Arguments as they were given; of arrays, only the names."""
    return between.join(
        f"{name}={value!r}" if isinstance(value, (str, int, float)) else f"{name}="
        for name, value in given.items()
    )
