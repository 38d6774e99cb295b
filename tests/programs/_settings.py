"""What the parameters of functions may be, by their names: one line for each name.

NumPy decides which of these it takes: a strategy says what is likely, and now and then what is not.
A name that is not here fails a test (tests/test_programs.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from ._code import Shape, array_text, number
from ._values import Draw

# (draw, the operands) -> text
Setting: TypeAlias = Callable[[Draw, Sequence[Any]], str]


def one_of(*texts: str) -> Setting:
    """One of these."""
    return lambda draw, operands: str(draw(st.sampled_from(texts)))


def _shape(operands: Sequence[Any]) -> Shape:
    return np.shape(operands[0]) if operands else ()


def _axis(draw: Draw, operands: Sequence[Any]) -> str:
    rank = len(_shape(operands))
    choices = [0, -1, None, *range(rank), *range(-rank, 0), (0,), (0, 1), (-1, 0), (), rank]
    return repr(draw(st.sampled_from(choices)))


def _axes(draw: Draw, operands: Sequence[Any]) -> str:
    rank = len(_shape(operands))
    if draw(st.booleans()):
        return repr(tuple(draw(st.permutations(range(rank)))))
    last = rank - 1
    choices = [
        None,
        1,
        0,
        2,
        ([last], [0]),
        (0, 0),
        ([0, 1], [0, 1]),
        (0, 1),
        (-1, 0),
        (1, 0),
        ([0, 1], [1, 0]),
    ]
    return repr(draw(st.sampled_from(choices)))


def _new_shape(draw: Draw, operands: Sequence[Any]) -> str:
    shape = _shape(operands)
    size = int(np.prod(shape))
    choices: list[Any] = [
        -1,
        (size,),
        (*shape, 1),
        (1, *shape),
        (2, *shape),
        shape[::-1],
        (-1, 1),
        (),
        shape,
        (2, -1),
        (3, 2),
        [size],
        (2, 3),
    ]
    return repr(draw(st.sampled_from(choices)))


def _indices(draw: Draw, operands: Sequence[Any]) -> str:
    shape = _shape(operands)
    choices: list[Shape] = [(2,), (), shape, (*shape[:-1], 1), (1,), (1, 2), (0,)]
    chosen = draw(st.sampled_from(choices))
    count = int(np.prod(chosen))
    some = st.lists(st.sampled_from([0, 1, -1, 2]), min_size=count, max_size=count)
    numbers = draw(some)
    if chosen in ((2,), (1,)) and draw(st.booleans()):
        return repr(numbers)
    return number(numbers[0]) if chosen == () else array_text(numbers, chosen, "int64")


def _subscripts(draw: Draw, operands: Sequence[Any]) -> str:
    terms = []
    for operand in operands:
        # Axes of one length may share a letter, those of different lengths not.
        letters = [draw(st.sampled_from(_LETTERS.get(n, "z"))) for n in np.shape(operand)]
        if letters and draw(st.integers(0, 5)) == 0:
            count = draw(st.integers(1, len(letters)))
            letters = ["...", *letters[count:]]
        terms.append("".join(letters))
    text = ",".join(terms)
    if draw(st.booleans()):
        named = sorted(set(text) - set(".,"))
        kept = draw(st.lists(st.sampled_from(named), unique=True)) if named else []
        text += "->" + ("..." if "..." in text else "") + "".join(kept)
    return repr(text)


_LETTERS = {0: "ab", 1: "cdi", 2: "ij", 3: "kl", 4: "m"}


def _pairs(draw: Draw, operands: Sequence[Any]) -> str:
    rank = len(_shape(operands))
    widths = draw(st.lists(st.integers(0, 2), min_size=2 * rank, max_size=2 * rank))
    pairs = tuple(zip(widths[::2], widths[1::2], strict=True))
    return repr(draw(st.sampled_from([1, pairs, (1, 2), 0, ((1, 0),), 2, -1, 1.7, {0: 1}])))


def _repeats(draw: Draw, operands: Sequence[Any]) -> str:
    shape = _shape(operands)
    lengths = [int(np.prod(shape)), *shape]
    count = draw(st.sampled_from(lengths))
    several = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    return repr(draw(st.sampled_from([2, several, 1, 0, [2], -1])))


def _whole(draw: Draw, operands: Sequence[Any]) -> str:
    return repr(draw(st.sampled_from([0, 1, -1, 2, -2, 5, 1.5])))


def _layers(draw: Draw, operands: Sequence[Any]) -> str:
    """A layer, or a list of layers; the first one takes what comes last among the operands."""
    lengths = np.shape(operands[-1])[-1:] or (3,)
    lengths += draw(st.sampled_from([(2,), (2, 3), (1,)]))
    layers = [
        f"tg.nn.Linear(np.cos(np.arange({n * m}.0)).reshape({n}, {m}), np.sin(np.arange({m}.0)))"
        for n, m in pairwise(lengths)
    ]
    return f"[{', '.join(layers)}]" if len(layers) > 1 or draw(st.booleans()) else layers[0]


def _labels(draw: Draw, operands: Sequence[Any]) -> str:
    """What losses and accuracy are given beside scores: class numbers, signs, truths."""
    shape = _shape(operands)
    numbers, given, dtype = draw(
        st.sampled_from(
            [
                (range(shape[-1] if shape else 1), shape[:-1], "int64"),
                ((-1, 1), shape, "int64"),
                ((1.0, -1.0), shape, "float64"),
                ((0.0, 1.0, 0.25), shape, "float64"),
                ((True, False), shape, "bool"),
            ]
        )
    )
    count = int(np.prod(given)) if numbers else 0
    some = st.lists(st.sampled_from([*numbers, 0]), min_size=count, max_size=count)
    text = array_text(draw(some), given if numbers else (0,), dtype)
    classes = dtype == "int64" and numbers != (-1, 1)
    return f"np.eye({len(numbers)})[{text}]" if classes and draw(st.booleans()) else text


_TRUTH = one_of("True", "False")
_NONE = one_of("None")
_DTYPE = one_of(
    "np.float32",
    "np.float64",
    "float",
    "np.float16",
    "np.int64",
    "bool",
    "np.int8",
    "int",
    "None",
    '"float32"',
    "np.dtype('f4')",
)

# Operands that hardly ever fit, unless they are made for it.
OPERANDS: dict[str, Setting] = {"labels": _labels}
SETTINGS: dict[str, Setting] = {
    "axis": _axis,
    "axes": _axes,
    "axis1": _axis,
    "axis2": _axis,
    "source": _axis,
    "destination": _axis,
    "keepdims": _TRUTH,
    "shape": _new_shape,
    "newshape": _new_shape,
    "dtype": _DTYPE,
    "indices": _indices,
    "subscripts": _subscripts,
    "optimize": one_of("False", "True", '"greedy"', '"optimal"'),
    "pad_width": _pairs,
    "options": one_of(
        "constant_values=1.5",
        'reflect_type="odd"',
        "constant_values=(1, 2.0)",
        'reflect_type="even"',
        "constant_values=np.nan",
        "end_values=2.0",
        "stat_length=1",
    ),
    "mode": one_of(
        '"constant"',
        '"edge"',
        '"reflect"',
        '"symmetric"',
        '"wrap"',
        '"raise"',
        '"clip"',
        '"mean"',
        '"linear_ramp"',
    ),
    "reps": one_of("2", "(2, 1)", "1", "(1, 2)", "0", "(2, 1, 2)", "[2]", "()"),
    "repeats": _repeats,
    "offset": _whole,
    "k": _whole,
    "decimals": one_of("0", "1", "2", "-1", "-3", "1.5"),
    "ddof": one_of("0", "1", "2", "0.5", "4", "-1"),
    "ord": one_of(
        "None", "2", "1", "np.inf", "-np.inf", "0", "3", '"fro"', "-1", "1.5", "-2", '"nuc"', "0.5"
    ),
    "order": one_of('"C"', '"F"', '"A"', '"K"', "None"),
    "out": _NONE,
    "where": one_of("True"),  # with others, and no out, what is not chosen is whatever was there
    "initial": one_of("0.0", "1.5", "2", "None", "-1.0"),
    "kind": one_of('"stable"', '"quicksort"', "None", '"heapsort"'),
    "stable": one_of("None", "True", "False"),
    "descending": _TRUTH,
    "casting": one_of('"same_kind"', '"unsafe"', '"no"'),
    "copy": one_of("None", "True", "False"),
    "device": one_of("None", '"cpu"'),
    "subok": _TRUTH,
    "signature": _NONE,
    "correction": one_of("0", "1"),
    "params": _layers,
    "hidden": one_of("np.sin", "tg.nn.relu", "np.tanh"),
    "last": one_of("None", "np.exp", "tg.nn.softmax"),
    "upper": _TRUTH,
}
