"""Losses: how wrong predictions are, as the mean over all examples; and accuracy.

Shapes must match exactly. NumPy would broadcast scores of shape (n, 1) against labels of shape (n,)
to (n, n), and the mean of that is a number, only a wrong one. Labels that a loss cannot mean
(0 and 1 for `hinge`) are refused too. A loss has the dtype of the predictions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import numpy as tnp
from .._errors import ShapeError, at_line
from .._tape import Array
from .._typing import Shape
from .._values import CHECK, array, dtype_of, floating, is_whole, look, plain_of, shape_of
from ..ops._select import times
from ._activations import log_softmax, relu, softplus

# Labels and targets: floats, integers or booleans; traced ones too.
Targets: TypeAlias = Array | NDArray[np.integer[Any]] | NDArray[np.bool]

# Which of the labels are right.
Check: TypeAlias = Callable[[NDArray[Any]], NDArray[np.bool]]

_PAIRWISE = """\
{name} expected {first} and {second} of one shape, got {a} and {b}.{where}
They would broadcast to {broadcast}, which compares examples with one another's {second}."""
_UNEQUAL = """\
{name} expected {first} and {second} of one shape, got {a} and {b}.{where}"""
_ONE_LOGIT = """\
cross_entropy needs the logits of at least two classes, got shape {shape}.{where}
For one logit for each example, use binary_cross_entropy({logit}, labels)."""
_ONE_HOT = """\
accuracy of scores of shape {shape} needs the number of the class of each example, shape \
{expected}, got one label for each score.{where}
From one-hot labels, use labels.argmax(axis=-1)."""


def mean_squared_error(predictions: Array, targets: Targets) -> Array:
    """The mean of (prediction - target)²; both of one shape, the result of shape ().

    Raises ShapeError for two different shapes, or for no examples.

    >>> float(mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 5.0])))
    4.5
    """
    predictions, targets = _pair(
        "mean_squared_error", predictions, "predictions", targets, "targets"
    )
    return tnp.mean(tnp.square(predictions - targets))


def hinge(scores: Array, labels: Targets) -> Array:
    """The max-margin loss: the mean of max(0, 1 - label * score), result of shape ().

    Scores and labels have one shape; labels are -1 or 1. At the margin itself the slope is 0.
    Raises ShapeError for two different shapes or no examples, ValueError for other labels.
    Source: Cortes and Vapnik, "Support-vector networks", 1995.

    >>> float(hinge(np.array([2.0, 0.5]), np.array([1, -1])))
    0.75
    """
    scores, labels = _pair("hinge", scores, "scores", labels, "labels")
    _check_labels(
        "hinge expected labels -1 and 1",
        labels,
        _signs,
        "From labels 0 and 1, use 2.0 * labels - 1.0.",
    )
    return tnp.mean(relu(1.0 - labels * scores))


def binary_cross_entropy(logits: Array, labels: Targets) -> Array:
    """Minus the mean log-likelihood of labels 0 and 1 under sigmoid(logit), result of shape ().

    Logits and labels have one shape; a label may also be a probability in between. Written with
    softplus, so that no logit overflows and the loss of a confident right answer keeps its digits.
    Raises ShapeError for two different shapes or no examples, ValueError for other labels.

    >>> float(binary_cross_entropy(np.array([0.0, 1000.0]), np.array([1, 1])))  # log(2) / 2
    0.34657359027997264
    """
    logits, labels = _pair("binary_cross_entropy", logits, "logits", labels, "labels")
    _check_labels(
        "binary_cross_entropy expected labels between 0 and 1",
        labels,
        _fractions,
        "From labels -1 and 1, use (labels + 1) / 2.",
    )
    return tnp.mean(labels * softplus(-logits) + (1.0 - labels) * softplus(logits))


def cross_entropy(logits: Array, labels: Targets) -> Array:
    """Minus the mean log-likelihood of the classes under softmax(logits), result of shape ().

    Logits have shape (..., k). Labels are class numbers 0 to k-1, integers of shape (...,), or
    one-hot rows or other probabilities, shape (..., k). Raises ShapeError for other shapes or no
    examples, TypeError for class numbers that are not integers, ValueError for labels out of range.

    >>> logits = np.array([[0.0, 0.0], [0.0, 1000.0]])
    >>> float(cross_entropy(logits, np.array([0, 1])))  # log(2) / 2
    0.34657359027997264
    """
    logits, labels = floating(array(logits)), array(labels)
    shape = shape_of(logits)
    if len(shape) < 1 or shape[-1] < 2:
        logit = "logits[..., 0]" if shape else "logits"
        raise ShapeError(_ONE_LOGIT.format(shape=shape, logit=logit, where=at_line()))
    if shape_of(labels) == shape:
        probabilities = _in_dtype_of(logits, labels)
        _check_probabilities(probabilities)
    else:
        _check_classes("cross_entropy", labels, shape)
        probabilities = _in_dtype_of(logits, labels[..., None] == np.arange(shape[-1]))
    _check_any("cross_entropy", shape)
    # A class that cannot be (logit -inf) costs nothing where its probability is 0: not 0 * -inf.
    likelihoods = times.bind(probabilities, log_softmax(logits, axis=-1))
    return -tnp.mean(tnp.sum(likelihoods, axis=-1))


def accuracy(scores: Array, labels: Targets) -> Array:
    """The fraction of right answers, shape (); it has no gradient.

    Two classes: scores and labels of one shape (n,), labels -1 and 1, or 0 and 1; a score above 0
    answers 1. More: scores of shape (..., k), labels the class numbers, integers of shape (...,);
    the highest score answers. Raises ShapeError for other shapes or no examples, TypeError or
    ValueError for other labels.

    >>> float(accuracy(np.array([0.3, -2.0, 1.0, 4.0]), np.array([1, -1, -1, 1])))
    0.75
    >>> float(accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1])))
    0.5
    """
    scores, labels = array(scores), array(labels)
    shape, given = shape_of(scores), shape_of(labels)
    if len(shape) == len(given) + 1 and shape[-1] > 1:
        _check_classes("accuracy", labels, shape)
        _check_any("accuracy", given)
        return tnp.mean(tnp.argmax(scores, axis=-1) == labels)
    if shape == given and len(shape) > 1 and shape[-1] > 1:
        raise ShapeError(_ONE_HOT.format(shape=shape, expected=shape[:-1], where=at_line()))
    _check_same("accuracy", scores, "scores", labels, "labels")
    _check_labels(
        "accuracy expected labels -1 and 1, or 0 and 1",
        labels,
        _sides,
    )
    return tnp.mean((scores > 0) == (labels > 0))


def _in_dtype_of(predictions: Any, labels: Any) -> Any:
    """Labels in the dtype of the predictions, so that float32 stays float32."""
    dtype = dtype_of(predictions)
    return labels if dtype_of(labels) == dtype else labels.astype(dtype)


def _pair(name: str, a: Any, first: str, b: Any, second: str) -> tuple[Any, Any]:
    """Predictions and labels, checked to be of one shape, the labels in the other's dtype."""
    a, b = floating(array(a)), array(b)
    _check_same(name, a, first, b, second)
    return a, _in_dtype_of(a, b)


def _check_same(name: str, a: Any, first: str, b: Any, second: str) -> None:
    one, other = shape_of(a), shape_of(b)
    _check_any(name, one)
    if one == other:
        return
    names = {"name": name, "first": first, "second": second, "a": one, "b": other}
    try:
        text, broadcast = _PAIRWISE, np.broadcast_shapes(one, other)
    except ValueError:
        text, broadcast = _UNEQUAL, ()
    remedy = ""
    if np.prod(one) == np.prod(other):
        remedy = f"\nIf they are in the same order, use {first}.reshape({second}.shape)."
    raise ShapeError(text.format(**names, broadcast=broadcast, where=at_line()) + remedy)


def _check_any(name: str, shape: Shape) -> None:
    if 0 in shape:
        raise ShapeError(f"{name} of no examples (shape {shape}) is not defined.{at_line()}")


# What is asked of labels: functions with names, since a program keeps them, and is pickled.
def _all(right: Check, plain: NDArray[Any]) -> bool:
    return bool(np.all(right(plain)))


def _signs(plain: NDArray[Any]) -> NDArray[np.bool]:
    return np.asarray(np.abs(plain) == 1)


def _sides(plain: NDArray[Any]) -> NDArray[np.bool]:
    return np.asarray((plain == 1) | (plain == (-1 if np.any(plain < 0) else 0)))


def _fractions(plain: NDArray[Any]) -> NDArray[np.bool]:
    return np.asarray((plain >= 0) & (plain <= 1))


def _classes(count: int, plain: NDArray[Any]) -> NDArray[np.bool]:
    return np.asarray((plain >= 0) & (plain < count))


def _check_labels(expected: str, labels: Any, right: Check, remedy: str = "") -> None:
    """Raise for the first label that is not right, with its index."""
    if look(labels, partial(_all, right), CHECK):
        return
    plain = np.asarray(plain_of(labels))
    wrong = tuple(int(i) for i in np.argwhere(~right(plain))[0])
    place = f"labels[{', '.join(map(str, wrong))}]" if wrong else "the label"
    message = f"{expected}, got {plain[wrong].item()!r} at {place}."
    raise ValueError("\n".join(filter(None, (message, remedy))))


def _check_classes(name: str, labels: Any, shape: Shape) -> None:
    """Class numbers: integers, one for each row of scores, from 0 to the number of classes - 1."""
    if shape_of(labels) != shape[:-1]:
        raise ShapeError(
            f"{name} of shape {shape} expected class numbers of shape {shape[:-1]} "
            f"or probabilities of shape {shape}, got labels of shape {shape_of(labels)}{at_line()}"
        )
    if not is_whole(labels):
        raise TypeError(
            f"{name} expected integers as class numbers, got {dtype_of(labels)}; "
            "use tapegrad.numpy.astype(labels, int)"
        )
    classes = shape[-1]
    _check_labels(
        f"{name} expected class numbers from 0 to {classes - 1}",
        labels,
        partial(_classes, classes),
    )


def _check_probabilities(probabilities: Any) -> None:
    _check_labels(
        "cross_entropy expected probabilities between 0 and 1",
        probabilities,
        _fractions,
    )
    if not look(probabilities, partial(_all, _sum_to_one), CHECK):
        plain = plain_of(probabilities)
        total = plain.sum(axis=-1)[~_sum_to_one(plain)].flat[0]
        raise ValueError(
            "cross_entropy expected probabilities that sum to 1 along the last axis, "
            f"got the sum {float(total)!r}"
        )


def _sum_to_one(plain: NDArray[Any]) -> NDArray[np.bool]:
    return np.asarray(~(np.abs(plain.sum(axis=-1) - 1.0) > 1e-5))
