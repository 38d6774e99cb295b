"""Values to compute with, drawn as text: numbers, scalars, arrays of every dtype and layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from ._code import Shape, array_text, number

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

# fmt: off
SHAPES: list[Shape] = [
    (2,), (), (3,), (2, 2), (2, 3), (3, 3), (3, 2), (1, 3), (1,), (3, 1), (0,), (2, 0), (2, 1, 2),
    (2, 2, 2), (4,), (2, 3, 3), (1, 1),
]
# Far from one another, and from where functions have kinks.
TAME = [
    0.7, -1.3, 0.45, 1.9, -0.6, 2.3, 1.15, -0.35, 0.85, -1.7, 0.3, 2.7, -2.2, 1.45, -0.9, 0.55,
    3.1, -0.15, 0.2, 1.65, -2.6, 0.95, -1.1, 2.05, 0.62, 1.28, -0.77, 0.38,
]
SPECIAL = [0.0, 1.0, -1.0, 0.5, -0.0, 2.0, -2.0, 3.0, 0.25]
WILD = [
    np.inf, np.nan, -np.inf, 1e300, 1e-310, 300.0, 1e-3, 1e6, -1e6, 1e-8, -7.0, 1e16, 1e-160, 50.0,
]
INTS = [1, 0, 2, 3, -1, 5, 100, -128, -2]
PYTHON = [2.0, 0.5, 1, 2, -1, 0, 1.5, -0.5, 3, 0.0, -0.0, True, False, -2.5, 1e-3, 2**53 + 1, -3]
DTYPES = [
    "float64", "float32", "float16", "int64", "int8", "uint8", "int32", "bool", "uint64",
]
# fmt: on
MOSTLY = ["float64"] * 6 + DTYPES[1:8]
LAYOUTS = ["transposed", "reversed", "fortran", "strided", "zero-stride", "read-only"]


def numbers(draw: Draw, dtype: str, count: int) -> list[Any]:
    """As many numbers as an array of a dtype holds."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return list(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    if kind != "f":
        whole = st.sampled_from([n for n in INTS if n >= 0 or kind == "i"])
        return list(draw(st.lists(whole, min_size=count, max_size=count)))
    mood = draw(st.sampled_from(["tame"] * 6 + ["special"] * 3 + ["wild"]))
    tame = mood == "tame" and count <= len(TAME)
    real = st.sampled_from(TAME if tame else SPECIAL if mood != "wild" else _ANY)
    return list(draw(st.lists(real, min_size=count, max_size=count, unique=tame)))


_ANY = [*TAME[:6], *SPECIAL, *WILD]


def array(draw: Draw, dtype: str, shape: Shape) -> str:
    """An array in one of many layouts."""
    count = int(np.prod(shape))
    layout = draw(st.sampled_from(["plain"] * 6 + LAYOUTS)) if shape else "plain"
    if layout == "zero-stride" and count:
        return f"np.broadcast_to({scalar(draw, dtype)}, {shape})"
    given = shape[::-1] if layout == "transposed" else shape
    text = array_text(numbers(draw, dtype, count), given, dtype)
    if layout == "strided" and shape[-1]:
        text = f"np.repeat({text}, 2, axis=-1)[..., ::2]"
    return {
        "transposed": f"{text}.T",
        "reversed": f"{text}[::-1]",
        "fortran": f"np.asfortranarray({text})",
        "read-only": f"np.broadcast_to({text}, {shape})",
    }.get(layout, text)


def scalar(draw: Draw, dtype: str) -> str:
    """A scalar of NumPy's."""
    return f"np.{dtype}({number(numbers(draw, dtype, 1)[0])})"


def leaf(draw: Draw) -> str:
    """An input."""
    kind = draw(st.sampled_from(["array", "array", "array", "number", "scalar"]))
    if kind == "number":
        ordinary = draw(st.integers(0, 4)) > 0
        return number(numbers(draw, "float64", 1)[0] if ordinary else draw(_PYTHON))
    dtype = draw(st.sampled_from(MOSTLY))
    if kind == "scalar":
        return scalar(draw, dtype)
    return array(draw, dtype, draw(st.sampled_from(SHAPES)))


_PYTHON = st.sampled_from(PYTHON)


def like(draw: Draw, value: Any) -> str:
    """Another value of the same kind, dtype and shape."""
    if isinstance(value, np.ndarray):
        return array(draw, value.dtype.name, value.shape)
    if isinstance(value, np.generic):
        return scalar(draw, value.dtype.name)
    if isinstance(value, bool):
        return number(draw(st.booleans()))
    return number(numbers(draw, "int64" if isinstance(value, int) else "float64", 1)[0])


def another(rng: np.random.Generator, value: Any) -> Any:
    """Another value of the same kind, dtype and shape, without a draw."""
    dtype = np.asarray(value).dtype
    choice = [*TAME, *SPECIAL] if dtype.kind == "f" else [n for n in INTS if n >= 0]
    made = np.asarray(rng.choice(choice, size=np.shape(value))).astype(dtype)
    if isinstance(value, np.ndarray):
        return made
    return made[()] if isinstance(value, np.generic) else made.item()


def beside(draw: Draw, value: Any) -> str:
    """A constant that goes with a value."""
    kind = draw(st.sampled_from(["number", "number", "scalar", "array"]))
    if kind == "number":
        return number(draw(_PYTHON))
    dtype = draw(st.sampled_from(MOSTLY))
    if kind == "scalar":
        return scalar(draw, dtype)
    shape = np.shape(value)
    return array(draw, dtype, draw(st.sampled_from([shape, shape[-1:], ()])))
