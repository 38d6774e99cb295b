"""Layers, initialisers and losses: against Python loops, mathematics and finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

import tapegrad as tg
from tapegrad import nn

Floats: TypeAlias = NDArray[np.float64]

logits_of = st.floats(-20.0, 20.0)


def close(got: Any, expected: Any, rtol: float, atol: float = 0.0) -> None:
    """Assert that numbers agree to a relative error, or an absolute one."""
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=rtol, atol=atol)


def listed(x: Any) -> Any:
    """An array as lists of numbers."""
    return x.tolist()


def slopes(f: Callable[[Floats], Any], x: Floats, step: float = 1e-6) -> Floats:
    """The gradient of f at x by central differences, element by element."""
    found = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        bump = np.zeros(x.shape)
        bump[i] = step
        found[i] = (float(f(x + bump)) - float(f(x - bump))) / (2 * step)
    return found


# Activations --------------------------------------------------------------------------------------


def test_activations_at_points_worked_out_by_hand() -> None:
    """relu(-2) = 0, sigmoid(log 3) = 3/4, softplus(log 2) = log 3, softmax(0, log 3) = 1/4, 3/4."""
    assert listed(nn.relu(np.array([-2.0, 0.0, 3.0]))) == [0.0, 0.0, 3.0]
    close(nn.sigmoid(math.log(3)), 0.75, rtol=1e-15)
    close(nn.softplus(math.log(2)), math.log(3), rtol=1e-15)
    x = np.array([[0.0, math.log(3)]])
    close(nn.softmax(x), [[0.25, 0.75]], rtol=1e-15)
    close(nn.log_softmax(x), [[math.log(0.25), math.log(0.75)]], rtol=1e-15)
    close(nn.softmax(x.T, axis=0), [[0.25], [0.75]], rtol=1e-15)
    close(nn.softmax(x, axis=None), [[0.25, 0.75]], rtol=1e-15)


def test_activations_do_not_overflow() -> None:
    """Far out they are what their limits say."""
    far = np.array([-1e4, 1e4])
    assert listed(nn.sigmoid(far)) == [0.0, 1.0]
    assert listed(nn.softplus(far)) == [0.0, 1e4]
    assert listed(nn.softmax(far)) == [0.0, 1.0]
    assert listed(nn.log_softmax(far)) == [-2e4, 0.0]


@pytest.mark.parametrize("function", [nn.relu, nn.sigmoid, nn.softplus, nn.softmax, nn.log_softmax])
def test_activations_have_the_slopes_of_finite_differences(
    function: Callable[[tg.Array], tg.Array],
) -> None:
    """Of a weighted sum, so that no direction cancels."""
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))

    def f(x: tg.Array) -> tg.Array:
        return tg.numpy.sum(weights * function(x))

    close(tg.grad(f)(x), slopes(f, x), rtol=1e-7, atol=1e-9)


def test_activations_keep_float32_and_take_numbers_and_lists() -> None:
    """A Python int counts as a float."""
    for function in (nn.relu, nn.sigmoid, nn.softplus, nn.softmax, nn.log_softmax):
        assert function(np.ones(2, np.float32)).dtype == np.float32
        assert function([1, 2]).dtype == np.float64  # type: ignore[arg-type]
    assert nn.relu(3) == 3.0
    assert str(nn.relu(-0.0)) == str(nn.relu(np.array([-0.0]))[0]) == "0.0"
    assert nn.relu(-3) == 0.0


# Initialisers -------------------------------------------------------------------------------------

INITIALIZERS: list[nn.Initializer] = [nn.zeros, nn.uniform, nn.glorot_uniform, nn.he_normal]


@pytest.mark.parametrize("init", INITIALIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_initialisers_give_shape_and_dtype_and_depend_on_the_generator_alone(
    init: nn.Initializer, dtype: type[np.floating[Any]]
) -> None:
    """The same seed, the same numbers."""
    first = init(np.random.default_rng(7), (3, 5), dtype=dtype)
    again = init(np.random.default_rng(7), (3, 5), dtype=dtype)
    assert (first.shape, first.dtype) == ((3, 5), np.dtype(dtype))
    assert np.array_equal(first, again)


def test_initialisers_have_the_variance_of_their_formulas() -> None:
    """Glorot 2 / (n_in + n_out), He 2 / n_in, uniform width² / 12; 1% is over 5 deviations here."""
    rng, shape = np.random.default_rng(1), (400, 2000)
    cases: list[tuple[nn.Initializer, float]] = [
        (nn.glorot_uniform, 2 / 2400),
        (nn.he_normal, 2 / 400),
        (nn.uniform, 4 / 12),
        (partial(nn.uniform, low=0.0, high=0.5), 0.25 / 12),
    ]
    for init, variance in cases:
        close(init(rng, shape).var(), variance, rtol=0.01)
    assert np.abs(nn.glorot_uniform(rng, shape)).max() <= math.sqrt(6 / 2400)
    assert not nn.zeros(rng, shape).any()


@pytest.mark.parametrize("init", INITIALIZERS)
def test_initialisers_refuse_a_seed_and_integer_dtypes(init: nn.Initializer) -> None:
    """The errors say what to write."""
    with pytest.raises(TypeError, match=r"got 1337; make one with numpy\.random\.default_rng"):
        init(1337, (2, 2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"floating-point dtype, got int64; use numpy\.float64"):
        init(np.random.default_rng(0), (2, 2), dtype=np.int64)


def test_initialisers_refuse_shapes_and_bounds_without_meaning() -> None:
    """A bias has no n_out; an interval must not be empty."""
    rng = np.random.default_rng(0)
    for init in (nn.glorot_uniform, nn.he_normal):
        for shape in [(3,), (0, 2), ()]:
            with pytest.raises(ValueError, match="for a bias use zeros or uniform"):
                init(rng, shape)
    for low, high in [(1.0, 1.0), (0.0, math.inf), (math.nan, 1.0)]:
        with pytest.raises(ValueError, match="uniform expected finite low < high"):
            nn.uniform(rng, (2,), low=low, high=high)


# Layers -------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 1000), n=st.integers(1, 4), n_in=st.integers(1, 4))
def test_linear_is_the_sum_that_it_stands_for(seed: int, n: int, n_in: int) -> None:
    """Every output, with Python loops; one example as well as many."""
    rng, n_out = np.random.default_rng(seed), 3
    layer = nn.init_linear(rng, n_in, n_out, bias=nn.uniform)
    x = rng.normal(size=(n, n_in))
    w, b = np.asarray(layer.weight).tolist(), np.asarray(layer.bias).tolist()
    expected = [
        [sum(row[i] * w[i][j] for i in range(n_in)) + b[j] for j in range(n_out)]
        for row in x.tolist()
    ]
    close(nn.linear(layer, x), expected, rtol=1e-13, atol=1e-15)
    close(nn.linear(layer, x[0]), expected[0], rtol=1e-13, atol=1e-15)
    assert nn.linear(layer, x[None, :, None, :]).shape == (1, n, 1, n_out)


def test_mlp_is_its_layers_with_activations_between() -> None:
    """By default tanh between and nothing last; the article's tanh everywhere; relu."""
    layers = nn.init_mlp(np.random.default_rng(0), (3, 4, 2), bias=nn.uniform)
    x = np.random.default_rng(1).normal(size=(5, 3))
    (w1, b1), (w2, b2) = ((np.asarray(layer.weight), np.asarray(layer.bias)) for layer in layers)
    first = np.tanh(x @ w1 + b1)
    close(nn.mlp(layers, x), first @ w2 + b2, rtol=1e-14)
    everywhere = nn.mlp(layers, x, last=tg.numpy.tanh)
    close(everywhere, np.tanh(first @ w2 + b2), rtol=1e-14)
    relu = np.maximum(x @ w1 + b1, 0) @ w2 + b2
    close(nn.mlp(layers, x, hidden=nn.relu), relu, rtol=1e-14)


def test_the_articles_networks_have_337_and_41_parameters() -> None:
    """(2+1)·16 + (16+1)·16 + (16+1)·1 and (3+1)·4 + (4+1)·4 + (4+1)·1."""
    rng = np.random.default_rng(0)
    assert tg.tree.size(nn.init_mlp(rng, (2, 16, 16, 1))) == 337
    assert tg.tree.size(nn.init_mlp(rng, (3, 4, 4, 1))) == 41


@pytest.mark.parametrize("hidden", [tg.numpy.tanh, nn.relu])
def test_the_gradient_of_a_network_is_a_network_with_the_slopes_of_finite_differences(
    hidden: nn.Activation,
) -> None:
    """A tuple of Linear in, a tuple of Linear out."""
    layers = nn.init_mlp(np.random.default_rng(0), (2, 3, 1), bias=nn.uniform)
    x = np.random.default_rng(1).normal(size=(5, 2))

    def loss(layers: tuple[nn.Linear, ...]) -> tg.Array:
        return tg.numpy.sum(tg.numpy.square(nn.mlp(layers, x, hidden)))

    grads = tg.grad(loss)(layers)
    assert [type(layer) for layer in grads] == [nn.Linear, nn.Linear]
    vector, unravel = tg.tree.ravel(layers)
    expected = slopes(lambda v: loss(unravel(v)), vector)
    close(tg.tree.ravel(grads)[0], expected, rtol=1e-6, atol=1e-8)


def test_float32_layers_stay_float32() -> None:
    """Forward and backward."""
    layers = nn.init_mlp(np.random.default_rng(0), (2, 3, 1), dtype=np.float32)
    x = np.ones((4, 2), np.float32)
    assert nn.mlp(layers, x).dtype == np.float32
    grads = tg.grad(lambda p: tg.numpy.sum(nn.mlp(p, x)))(layers)
    assert {leaf.dtype for leaf in tg.tree.leaves(grads)} == {np.dtype(np.float32)}


@attrs.frozen
class Neuron:
    """Plain numbers."""

    weights: list[tg.Scalar]
    bias: tg.Scalar


def test_a_network_of_plain_floats_has_the_gradient_of_the_network_of_arrays() -> None:
    """Neuron by neuron, with Python loops and sum, through the same grad."""
    arrays = nn.init_mlp(np.random.default_rng(3), (2, 3, 1), bias=nn.uniform)
    neurons = [
        [
            Neuron([float(w) for w in np.asarray(layer.weight)[:, j]], float(layer.bias[j]))
            for j in range(np.asarray(layer.bias).size)
        ]
        for layer in arrays
    ]
    point = [0.7, -1.2]

    def one_by_one(layers: list[list[Neuron]]) -> tg.Scalar:
        values: Sequence[tg.Scalar] = point
        for layer in layers[:-1]:
            values = [
                nn.relu(sum((w * x for w, x in zip(n.weights, values)), n.bias)) for n in layer
            ]
        (last,) = layers[-1]
        return sum((w * x for w, x in zip(last.weights, values)), last.bias)

    def at_once(layers: tuple[nn.Linear, ...]) -> tg.Scalar:
        return nn.mlp(layers, np.array(point), hidden=nn.relu)[0]

    plain, stacked = tg.grad(one_by_one)(neurons), tg.grad(at_once)(arrays)
    assert type(plain[0][0]) is Neuron
    assert type(plain[0][0].weights[0]) is float
    for row, layer in zip(plain, stacked, strict=True):
        close(np.array([n.weights for n in row]).T, layer.weight, rtol=1e-13)
        close([n.bias for n in row], layer.bias, rtol=1e-13)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (
            lambda: nn.linear(nn.Linear(np.ones((2, 3)), np.ones(3)), np.ones((5, 4))),
            r"linear expected x of shape \(\.\.\., 2\) .* weight of shape \(2, 3\), got \(5, 4\)",
        ),
        (
            lambda: nn.linear(nn.Linear(np.ones((2, 3)), np.ones((1, 3))), np.ones((5, 2))),
            r"bias of shape \(n_out,\), got \(2, 3\) and \(1, 3\)",
        ),
        (
            lambda: nn.linear(nn.Linear(np.ones(3), np.ones(3)), np.ones((5, 2))),
            r"weight of shape \(n_in, n_out\) .* got \(3,\) and \(3,\)",
        ),
        (lambda: nn.linear(nn.Linear(np.ones((1, 3)), np.ones(3)), np.array(2.0)), r"got \(\)"),
        (lambda: nn.mlp([], np.ones((5, 2))), "mlp expected at least one layer, got none"),
        (lambda: nn.init_mlp(np.random.default_rng(0), (2,)), r"two or more sizes .* got \(2,\)"),
        (
            lambda: nn.init_mlp(np.random.default_rng(0), (2, 0, 1)),
            r"init_mlp expected .* of at least 1, .* got \(2, 0, 1\)",
        ),
        (
            lambda: nn.init_linear(np.random.default_rng(0), 2, -1),
            r"init_linear expected .* got \(2, -1\)",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(run: Callable[[], object], message: str) -> None:
    """The error names the function, what it expected and what came."""
    with pytest.raises(ValueError, match=message):
        run()


@pytest.mark.parametrize("size", [2.5, 2.0, "2", None, True, np.float64(2.0)])
def test_sizes_that_are_no_whole_numbers_are_refused(size: Any) -> None:
    """By the function that was called, before anything is drawn."""
    rng = np.random.default_rng(0)
    with pytest.raises(TypeError, match=r"^init_mlp expected whole numbers as its sizes, got \w+"):
        nn.init_mlp(rng, [2, size])
    with pytest.raises(TypeError, match=r"^init_linear expected whole numbers as its sizes, got"):
        nn.init_linear(rng, size, 2)
    assert rng.random() == np.random.default_rng(0).random()
    assert nn.init_mlp(rng, np.array([2, 1]))[0].weight.shape == (2, 1)  # type: ignore[arg-type]


def test_the_error_names_the_users_line() -> None:
    """Inside a gradient as well as outside."""

    def loss(layer: nn.Linear) -> tg.Array:
        return tg.numpy.sum(nn.linear(layer, np.ones((5, 4))))  # this line

    with pytest.raises(ValueError, match=r"test_nn\.py:\d+, in loss: .*# this line"):
        tg.grad(loss)(nn.Linear(np.ones((2, 3)), np.ones(3)))


# Losses: values -----------------------------------------------------------------------------------


def test_losses_by_hand() -> None:
    """Numbers small enough for a head."""
    assert nn.mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 5.0])) == 4.5
    # margins 2, -0.5, 0 leave 0, 1.5, 1
    close(nn.hinge(np.array([2.0, 0.5, 0.0]), np.array([1, -1, 1])), 2.5 / 3, rtol=1e-15)
    # sigmoid(log 3) = 3/4: -log(3/4) for label 1, -log(1/4) for label 0
    three = math.log(3)
    got = nn.binary_cross_entropy(np.array([three, three]), np.array([1, 0]))
    close(got, -(math.log(0.75) + math.log(0.25)) / 2, rtol=1e-15)
    # softmax(0, log 3) = (1/4, 3/4)
    rows = np.array([[0.0, three], [0.0, three]])
    close(nn.cross_entropy(rows, np.array([0, 1])), got, rtol=1e-15)
    half = np.array([[0.5, 0.5], [0.5, 0.5]])
    close(nn.cross_entropy(rows, half), got, rtol=1e-15)


@given(
    pairs=st.lists(
        st.tuples(logits_of, logits_of, logits_of, st.integers(0, 2)), min_size=1, max_size=6
    )
)
def test_losses_are_the_sums_that_they_stand_for(
    pairs: list[tuple[float, float, float, int]],
) -> None:
    """The textbook formulas in Python loops, where nothing overflows."""
    rows = np.array([pair[:3] for pair in pairs])
    classes = np.array([pair[3] for pair in pairs])
    z, n = rows[:, 0], len(pairs)
    bits = (classes > 0).astype(int)
    squared = [(a - b) ** 2 for a, b, _, _ in pairs]
    close(nn.mean_squared_error(z, rows[:, 1]), math.fsum(squared) / n, rtol=1e-12)
    margins = [max(0.0, 1 - (2 * (c > 0) - 1) * a) for a, _, _, c in pairs]
    close(nn.hinge(z, 2 * bits - 1), math.fsum(margins) / n, rtol=1e-12)
    binary = [-math.log(1 / (1 + math.exp(-a if c > 0 else a))) for a, _, _, c in pairs]
    close(nn.binary_cross_entropy(z, bits), math.fsum(binary) / n, rtol=1e-12, atol=1e-15)
    multi = [math.log(math.fsum(math.exp(v - row[c]) for v in row)) for *row, c in pairs]
    close(nn.cross_entropy(rows, classes), math.fsum(multi) / n, rtol=1e-12, atol=1e-14)


@given(seed=st.integers(0, 1000), shift=st.floats(-1e3, 1e3))
def test_cross_entropy_obeys_its_identities(seed: int, shift: float) -> None:
    """A shift of all logits changes nothing; one-hot is a class number; two classes are one bit."""
    rng = np.random.default_rng(seed)
    logits, classes = rng.normal(size=(4, 3)), rng.integers(0, 3, size=4)
    loss = nn.cross_entropy(logits, classes)
    close(nn.cross_entropy(logits + shift, classes), loss, rtol=1e-11)
    close(nn.cross_entropy(logits, np.eye(3)[classes]), loss, rtol=1e-15)
    close(nn.cross_entropy(logits, np.eye(3, dtype=bool)[classes]), loss, rtol=1e-15)
    bits = classes % 2
    close(
        nn.cross_entropy(logits[:, :2], bits),
        nn.binary_cross_entropy(logits[:, 1] - logits[:, 0], bits),
        rtol=1e-12,
    )


def test_losses_of_extreme_logits_are_finite_and_exact() -> None:
    """Wrong by 1000 costs 1000; right by 50 costs exp(-50), to its last digits."""
    assert nn.binary_cross_entropy(np.array([1000.0, -1000.0]), np.array([0, 1])) == 1000.0
    assert nn.binary_cross_entropy(np.array([1000.0, -1000.0]), np.array([1, 0])) == 0.0
    right = nn.binary_cross_entropy(np.array([50.0, -50.0]), np.array([1, 0]))
    close(right, math.log1p(math.exp(-50)), rtol=1e-14)
    assert nn.cross_entropy(np.array([[1000.0, -1000.0, 0.0]]), np.array([1])) == 2000.0
    assert nn.cross_entropy(np.array([[1000.0, -1000.0, 0.0]]), np.array([0])) == 0.0
    assert nn.hinge(np.array([1e300]), np.array([-1])) == 1e300


def test_a_class_that_cannot_be_costs_nothing_and_has_no_slope() -> None:
    """A logit of -inf is a probability of 0: what is left is the loss of the other classes."""
    logits = np.array([[0.0, -math.inf, math.log(3)]])

    def loss(x: tg.Array) -> tg.Array:
        return nn.cross_entropy(x, np.array([2]))

    value, grads = tg.value_and_grad(loss)(logits)
    close(value, -math.log(0.75), rtol=1e-15)
    close(grads, [[0.25, 0.0, -0.25]], rtol=1e-15)


# Losses: slopes -----------------------------------------------------------------------------------

BITS = np.array([1, 0, 1, 1, 0])
CLASSES = np.array([2, 0, 1, 1, 0])
LOSSES: list[tuple[Callable[[Any, Any], tg.Array], tuple[int, ...], NDArray[Any]]] = [
    (nn.mean_squared_error, (5,), np.array([0.5, -1.0, 2.0, 0.0, 1.0])),
    (nn.mean_squared_error, (2, 3), np.arange(6.0).reshape(2, 3)),
    (nn.hinge, (5,), 2 * BITS - 1),
    (nn.binary_cross_entropy, (5,), BITS),
    (nn.binary_cross_entropy, (5,), np.array([0.1, 0.5, 1.0, 0.0, 0.7])),
    (nn.cross_entropy, (5, 3), CLASSES),
    (nn.cross_entropy, (5, 3), np.full((5, 3), 1 / 3)),
    (nn.cross_entropy, (3,), np.array(1)),
]


@pytest.mark.parametrize(("loss", "shape", "labels"), LOSSES)
def test_losses_have_the_slopes_of_finite_differences(
    loss: Callable[[Any, Any], tg.Array], shape: tuple[int, ...], labels: NDArray[Any]
) -> None:
    """At scores drawn at random, none at a kink."""
    scores = 2 * np.random.default_rng(0).normal(size=shape)
    expected = slopes(lambda s: loss(s, labels), scores)
    close(tg.grad(loss)(scores, labels), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("loss", "shape", "labels"), LOSSES)
def test_losses_keep_float32(
    loss: Callable[[Any, Any], tg.Array], shape: tuple[int, ...], labels: NDArray[Any]
) -> None:
    """Whatever dtype the labels have."""
    scores = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    value, grads = tg.value_and_grad(loss)(scores, labels)
    assert {value.dtype, grads.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("loss", "shape", "labels"), [row for row in LOSSES if row[2].ndim > 0])
def test_the_loss_of_a_batch_is_the_mean_of_its_examples_under_vmap(
    loss: Callable[[Any, Any], tg.Array], shape: tuple[int, ...], labels: NDArray[Any]
) -> None:
    """One example at a time, with traced scores and traced labels."""
    scores = np.random.default_rng(0).normal(size=shape)
    each = tg.vmap(loss)(scores, labels)
    assert each.shape == shape[:1]
    close(tg.numpy.mean(each), loss(scores, labels), rtol=1e-14)


def test_the_slope_of_hinge_at_the_margin_is_zero() -> None:
    """relu'(0) = 0, as documented; outside it is 0, inside -label / n."""
    scores, labels = np.array([1.0, 2.0, 0.5, -0.5]), np.array([1, 1, 1, -1])
    assert listed(tg.grad(nn.hinge)(scores, labels)) == [0.0, 0.0, -0.25, 0.25]


def test_losses_can_be_differentiated_by_their_targets() -> None:
    """Soft targets may be parameters, too: d mean((p - t)²) / dt = -2 (p - t) / n."""
    p, t = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    assert listed(tg.grad(nn.mean_squared_error, argnums=1)(p, t)) == [2.0, 3.0]


# Losses: errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "names"),
    [
        (nn.mean_squared_error, ("predictions", "targets")),
        (nn.hinge, ("scores", "labels")),
        (nn.binary_cross_entropy, ("logits", "labels")),
        (nn.accuracy, ("scores", "labels")),
    ],
)
def test_shapes_that_would_broadcast_by_accident_are_refused(
    loss: Callable[[Any, Any], tg.Array], names: tuple[str, str]
) -> None:
    """(n,) against (n, 1) either way round: both shapes, what would happen, and the remedy."""
    first, second = names
    for a, b in [((4, 1), (4,)), ((4,), (4, 1))]:
        with pytest.raises(ValueError, match="one shape") as caught:
            tg.grad(loss)(np.ones(a), np.ones(b))
        text = str(caught.value)
        assert f"expected {first} and {second} of one shape, got {a} and {b}" in text
        assert "would broadcast to (4, 4)" in text
        assert f"use {first}.reshape({second}.shape)" in text
        assert "test_nn.py" in text
    with pytest.raises(ValueError, match=r"got \(4,\) and \(3,\)") as caught:
        loss(np.ones(4), np.ones(3))
    assert "would broadcast" not in str(caught.value)
    assert "reshape" not in str(caught.value)
    if loss is not nn.accuracy:  # to which this is one example of four classes
        with pytest.raises(ValueError, match=r"got \(4,\) and \(\)"):
            loss(np.ones(4), 1.0)


BAD_LABELS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (
        lambda: nn.hinge(np.zeros(3), np.array([1, -1, 0])),
        ValueError,
        r"hinge expected labels -1 and 1, got 0\.0 at labels\[2\]\.\nFrom labels 0 and 1, use 2",
    ),
    (lambda: nn.hinge(np.zeros(1), np.array([math.nan])), ValueError, "got nan at labels"),
    (lambda: nn.hinge(0.0, 2), ValueError, r"got 2\.0 at the label"),  # type: ignore[arg-type]
    (
        lambda: nn.binary_cross_entropy(np.zeros((1, 2)), np.array([[1, -1]])),
        ValueError,
        r"0 and 1, got -1\.0 at labels\[0, 1\]\.\nFrom labels -1 and 1, use \(labels \+ 1\)",
    ),
    (
        lambda: nn.cross_entropy(np.zeros((3, 2)), np.array([0, 1, 2])),
        ValueError,
        r"class numbers from 0 to 1, got 2 at labels\[2\]",
    ),
    (
        lambda: nn.cross_entropy(np.zeros((2, 2)), np.array([0, -1])),
        ValueError,
        r"class numbers from 0 to 1, got -1 at labels\[1\]",
    ),
    (
        lambda: nn.cross_entropy(np.zeros((2, 2)), np.array([0.0, 1.0])),
        TypeError,
        r"integers as class numbers, got float64; use tapegrad\.numpy\.astype\(labels, int\)",
    ),
    (
        lambda: nn.cross_entropy(np.zeros((3, 2)), np.array([[0], [1], [1]])),
        ValueError,
        r"class numbers of shape \(3,\) or .* of shape \(3, 2\), got labels of shape \(3, 1\)",
    ),
    (
        lambda: nn.cross_entropy(np.zeros((3, 1)), np.array([0, 0, 0])),
        ValueError,
        r"at least two classes, got shape \(3, 1\).*\n(.*\n)*.*use binary_cross_entropy",
    ),
    (
        lambda: nn.cross_entropy(np.zeros((1, 2)), np.array([[1.0, 1.0]])),
        ValueError,
        r"sum to 1 along the last axis, got the sum 2\.0",
    ),
    (
        lambda: nn.cross_entropy(np.zeros((1, 2)), np.array([[1.5, -0.5]])),
        ValueError,
        r"between 0 and 1, got 1\.5 at labels\[0, 0\]",
    ),
    (
        lambda: nn.accuracy(np.zeros((3, 2)), np.eye(3, 2)),
        ValueError,
        r"shape \(3,\), got one label for each.*\n(.*\n)*From one-hot labels, use labels\.argmax",
    ),
    (
        lambda: nn.accuracy(np.zeros(3), np.array([0, 1, 2])),
        ValueError,
        r"labels -1 and 1, or 0 and 1, got 2 at labels\[2\]",
    ),
    (
        lambda: nn.accuracy(np.zeros(3), np.array([0, 1, -1])),
        ValueError,
        r"labels -1 and 1, or 0 and 1, got 0 at labels\[0\]",
    ),
    (lambda: nn.accuracy(np.zeros((2, 2)), np.array([0, 2])), ValueError, "got 2 at labels"),
    (lambda: nn.accuracy(np.zeros((2, 2)), np.array([0.0, 1.0])), TypeError, "astype"),
]


@pytest.mark.parametrize(("run", "kind", "message"), BAD_LABELS)
def test_labels_that_a_loss_cannot_mean_are_refused(
    run: Callable[[], object], kind: type[Exception], message: str
) -> None:
    """The error names the first wrong label, its place, and how to convert."""
    with pytest.raises(kind, match=message):
        run()


@pytest.mark.parametrize(
    "loss", [nn.mean_squared_error, nn.hinge, nn.binary_cross_entropy, nn.accuracy]
)
def test_no_examples_have_no_loss(loss: Callable[[Any, Any], tg.Array]) -> None:
    """An error rather than nan."""
    with pytest.raises(ValueError, match=r"of no examples \(shape \(0,\)\) is not defined"):
        loss(np.zeros(0), np.zeros(0))
    with pytest.raises(ValueError, match="of no examples"):
        nn.cross_entropy(np.zeros((0, 3)), np.zeros(0, int))


# Accuracy -----------------------------------------------------------------------------------------


@given(
    pairs=st.lists(st.tuples(st.floats(-2, 2), st.booleans()), min_size=1),
    low=st.sampled_from([-1, 0]),
)
def test_accuracy_of_two_classes_counts_right_signs(
    pairs: list[tuple[float, bool]], low: int
) -> None:
    """Labels -1 and 1, or 0 and 1."""
    scores = np.array([score for score, _ in pairs])
    labels = np.array([1 if label else low for _, label in pairs])
    right = sum((score > 0) == label for score, label in pairs)
    assert nn.accuracy(scores, labels) == right / len(pairs)


def test_accuracy_of_many_classes_counts_highest_scores() -> None:
    """Three of four rows have their highest score at the label."""
    scores = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [1.0, 2.0, 3.0], [9.0, 0.0, 0.0]])
    assert nn.accuracy(scores, np.array([0, 1, 2, 1])) == 0.75


def test_accuracy_rides_along_with_a_gradient_and_has_none() -> None:
    """As has_aux it comes back as a plain number; as a loss its gradient is zero."""
    labels = np.array([1, -1, -1, 1])
    scores = np.array([0.3, -2.0, 1.0, 4.0])

    def loss(scores: tg.Array) -> tuple[tg.Array, tg.Array]:
        return nn.hinge(scores, labels), nn.accuracy(scores, labels)

    (_, accuracy), _ = tg.value_and_grad(loss, has_aux=True)(scores)
    assert not isinstance(accuracy, tg.Var)
    assert accuracy == 0.75
    assert listed(tg.grad(nn.accuracy)(scores, labels)) == [0.0] * 4
