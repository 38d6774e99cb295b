"""Losses: how wrong predictions are, as the mean over all examples; and accuracy.

Shapes must match exactly. NumPy would broadcast scores of shape (n, 1) against labels of shape (n,)
to (n, n), and the mean of that is a number, only a wrong one. Labels that a loss cannot mean
(0 and 1 for `hinge`) are refused too. A loss has the dtype of the predictions.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import numpy as tnp
from .._errors import ShapeError, where
from .._tape import Array, Var, dtype_of, plain_of, shape_of
from .._typing import Shape
from ._activations import log_softmax, relu, softplus

# Labels and targets: floats, integers or booleans; traced ones too.
Targets: TypeAlias = Array | NDArray[np.integer[Any]] | NDArray[np.bool]

_PAIRWISE = """\
{name} expected {first} and {second} of one shape, got {a} and {b}.{where}
They would broadcast to {broadcast}, which compares examples with one another's {second}."""
_UNEQUAL = """\
{name} expected {first} and {second} of one shape, got {a} and {b}.{where}"""
_ONE_LOGIT = """\
cross_entropy needs the logits of at least two classes, got shape {shape}.{where}
For one logit for each example, use binary_cross_entropy(logits[..., 0], labels)."""
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
        np.abs(_plain(labels)) == 1,
        "From labels 0 and 1, use 2 * labels - 1.",
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
    plain = _plain(labels)
    _check_labels(
        "binary_cross_entropy expected labels between 0 and 1",
        labels,
        (plain >= 0) & (plain <= 1),
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
    logits, labels = _floating(_array(logits)), _array(labels)
    shape = shape_of(logits)
    if len(shape) < 1 or shape[-1] < 2:
        raise ShapeError(_ONE_LOGIT.format(shape=shape, where=where()))
    if shape_of(labels) == shape:
        probabilities = _in_dtype_of(logits, labels)
        _check_probabilities(probabilities)
    else:
        _check_classes("cross_entropy", labels, shape)
        probabilities = _in_dtype_of(logits, labels[..., None] == np.arange(shape[-1]))
    _check_any("cross_entropy", shape)
    # A class that cannot be (logit -inf) costs nothing where its probability is 0: not 0 * -inf.
    likelihoods = tnp.where(probabilities > 0, log_softmax(logits, axis=-1), 0.0)
    return -tnp.mean(tnp.sum(probabilities * likelihoods, axis=-1))


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
    scores, labels = _array(scores), _array(labels)
    shape, given = shape_of(scores), shape_of(labels)
    if len(shape) == len(given) + 1 and shape[-1] > 1:
        _check_classes("accuracy", labels, shape)
        _check_any("accuracy", given)
        return tnp.mean(tnp.argmax(scores, axis=-1) == labels)
    if shape == given and len(shape) > 1 and shape[-1] > 1:
        raise ShapeError(_ONE_HOT.format(shape=shape, expected=shape[:-1], where=where()))
    _check_same("accuracy", scores, "scores", labels, "labels")
    plain = _plain(labels)
    two = np.abs(plain) == 1 if np.any(plain < 0) else (plain == 0) | (plain == 1)
    _check_labels("accuracy expected labels -1 and 1, or 0 and 1", labels, two)
    return tnp.mean((scores > 0) == (labels > 0))


def _array(x: Any) -> Any:
    """The argument itself if traced, else as an array (numbers and lists are welcome)."""
    return x if isinstance(x, Var) else np.asarray(x)


def _plain(x: Any) -> NDArray[Any]:
    """The plain values behind a traced or plain array, only for looking at."""
    return np.asarray(plain_of(x))


def _floating(x: Any) -> Any:
    """Predictions with digits: integers would wrap around, or round the labels."""
    return x if np.issubdtype(dtype_of(x), np.floating) else x.astype(np.float64)


def _in_dtype_of(predictions: Any, labels: Any) -> Any:
    """Labels in the dtype of the predictions, so that float32 stays float32."""
    dtype = dtype_of(predictions)
    return labels if dtype_of(labels) == dtype else labels.astype(dtype)


def _pair(name: str, a: Any, first: str, b: Any, second: str) -> tuple[Any, Any]:
    """Predictions and labels, checked to be of one shape, the labels in the other's dtype."""
    a, b = _floating(_array(a)), _array(b)
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
    raise ShapeError(text.format(**names, broadcast=broadcast, where=where()) + remedy)


def _check_any(name: str, shape: Shape) -> None:
    if 0 in shape:
        raise ShapeError(f"{name} of no examples (shape {shape}) is not defined.{where()}")


def _check_labels(expected: str, labels: Any, right: NDArray[np.bool], remedy: str = "") -> None:
    """Raise for the first label that is not right, with its index."""
    if np.all(right):
        return
    wrong = tuple(int(i) for i in np.argwhere(~right)[0])
    got = _plain(labels)[wrong].item()
    place = f"labels[{', '.join(map(str, wrong))}]" if wrong else "the label"
    raise ValueError("\n".join(filter(None, (f"{expected}, got {got!r} at {place}.", remedy))))


def _check_classes(name: str, labels: Any, shape: Shape) -> None:
    """Class numbers: integers, one for each row of scores, from 0 to the number of classes - 1."""
    if shape_of(labels) != shape[:-1]:
        raise ShapeError(
            f"{name} of shape {shape} expected class numbers of shape {shape[:-1]} "
            f"or probabilities of shape {shape}, got labels of shape {shape_of(labels)}{where()}"
        )
    if not np.issubdtype(dtype_of(labels), np.integer):
        raise TypeError(
            f"{name} expected integers as class numbers, got {dtype_of(labels)}; "
            "use labels.astype(int)"
        )
    plain, classes = _plain(labels), shape[-1]
    _check_labels(
        f"{name} expected class numbers from 0 to {classes - 1}",
        labels,
        (plain >= 0) & (plain < classes),
    )


def _check_probabilities(probabilities: Any) -> None:
    plain = _plain(probabilities)
    _check_labels(
        "cross_entropy expected probabilities between 0 and 1",
        probabilities,
        (plain >= 0) & (plain <= 1),
    )
    total = plain.sum(axis=-1)
    wrong = np.abs(total - 1.0) > 1e-5
    if np.any(wrong):
        raise ValueError(
            "cross_entropy expected probabilities that sum to 1 along the last axis, "
            f"got the sum {float(total[wrong].flat[0])!r}"
        )
