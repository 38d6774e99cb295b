"""What to write in place of what writes into arrays, and of options that a rule has not. A hint is
code: tests/test_messages.py runs each, and holds it against NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping

from ._hints import Hint, by_name, shown, takes

# By the call of a function that writes into its first argument, as in _hints.
_WRITES: dict[str, dict[str, str]] = {
    "numpy.copyto(dst, src, where=True)": {
        "": "dst = tapegrad.numpy.where(where, tapegrad.numpy.astype(src, dst.dtype), dst)"
    },
    "numpy.fill_diagonal(a, val)": {
        "for a number val": "a = tapegrad.at(a)[numpy.diag_indices(min(a.shape), a.ndim)].set(val)"
    },
    "numpy.place(arr, mask, vals)": {
        "for one value": "arr = tapegrad.numpy.where(mask, vals, arr)"
    },
    "numpy.put(a, ind, v)": {
        "for one value, or one for each place": (
            "a = tapegrad.at(a)[numpy.unravel_index(ind, a.shape)].set(v)"
        )
    },
    "numpy.put_along_axis(arr, indices, values, axis)": {
        "along the last axis of a matrix": (
            "arr = tapegrad.at(arr)[numpy.arange(len(arr))[:, None], indices].set(values)"
        )
    },
    "numpy.putmask(a, mask, values)": {
        "for one value, or an array of the shape of a": (
            "a = tapegrad.numpy.where(mask, values, a)"
        )
    },
    "numpy.add.at(a, indices, b)": {"": "a = tapegrad.at(a)[indices].add(b)"},
    "numpy.subtract.at(a, indices, b)": {"": "a = tapegrad.at(a)[indices].add(-b)"},
}

_CHOSEN = "tapegrad.numpy.where(where, a, {})"
_DTYPE = "a, axis=None, dtype=None, *, keepdims=False"
_NO_DTYPE = "a, axis=None, *, keepdims=False"


def _total(name: str, sign: str, nothing: int) -> dict[str, str]:
    """Of numpy.sum and numpy.prod: what is left out changes nothing."""
    chosen = _CHOSEN.format(nothing)
    of_all, of_some = (f"numpy.{name}({a}, axis, dtype, keepdims=keepdims)" for a in ("a", chosen))
    return {
        f"numpy.{name}({_DTYPE}, where=True)": of_some,
        f"numpy.{name}({_DTYPE}, initial={nothing})": f"{of_all} {sign} initial",
        f"numpy.{name}({_DTYPE}, initial={nothing}, where=True)": f"{of_some} {sign} initial",
    }


def _extreme(name: str, of_two: str) -> dict[str, str]:
    """Of numpy.max and numpy.min, which need an initial value with where=."""
    of_all, of_some = (
        f"numpy.{of_two}(numpy.{name}({a}, axis, keepdims=keepdims), initial)"
        for a in ("a", _CHOSEN.format("initial"))
    )
    return {
        f"numpy.{name}({_NO_DTYPE}, initial)": of_all,
        f"numpy.{name}({_NO_DTYPE}, initial, where=True)": of_some,
    }


# By the call, with all that NumPy's function takes beside these options.
_REDUCTIONS: dict[str, str] = {
    **_total("sum", "+", 0),
    **_total("prod", "*", 1),
    f"numpy.mean({_DTYPE}, where=True)": (
        f"numpy.sum({_CHOSEN.format(0)}, axis, dtype, keepdims=keepdims) / numpy.sum("
        "tapegrad.numpy.where(where, numpy.ones_like(a), 0), axis, dtype, keepdims=keepdims)"
    ),
    **_extreme("max", "maximum"),
    **_extreme("min", "minimum"),
    **{
        f"numpy.{name}({_NO_DTYPE}, where=True)": (
            f"numpy.{name}({_CHOSEN.format(nothing)}, axis, keepdims=keepdims)"
        )
        for name, nothing in (("all", True), ("any", False))
    },
}
# The same of any ufunc, {name}({x}), by the one option.
_UFUNCS: dict[str, dict[str, str]] = {
    "dtype": {"": "{name}({x})"},
    "where": {
        "where the rest is `other`, and {name} has a slope at `safe`": (
            "tapegrad.numpy.where(where, {name}({x}), other)"
        )
    },
}
_CASTS = {
    "dtype": "{0}.astype(dtype)",
    "where": "tapegrad.numpy.where(where, {0}, safe)",
}

WRITES: Mapping[str, Hint] = by_name(_WRITES)
OPTIONS: tuple[Hint, ...] = tuple(
    (call, {"unless dtype= is of integers" if "numpy.mean" in call else "": code})
    for call, code in _REDUCTIONS.items()
)
SET: Hint = ("a[i] = x", {"": "a = tapegrad.at(a)[i].set(x)"})


def without(name: str, given: Mapping[str, object], operands: int) -> str:
    """What to write in place of options that a rule has not; empty if unknown.

    given:    those options; the hint has to have a place for each, and has one for all else
    operands: how many a ufunc has; 0 for another function, of which only what is known counts
    """
    for hint in OPTIONS:
        if hint[0].startswith(f"{name}(") and {*given} <= takes(hint):
            return shown(hint)
    if not operands or len(given) != 1 or not {*given} <= {*_UFUNCS}:
        return ""
    (option,) = given
    x = [_CASTS[option].format(x) for x in (["x"], ["x1", "x2"])[operands - 1]]
    ((case, code),) = _UFUNCS[option].items()
    said = {"name": name, "x": ", ".join(x)}
    return shown((f"{option}=", {case.format(**said): code.format(**said)}))
