"""Optimisers: against recurrences worked out by hand, closed forms, and finite differences."""

from __future__ import annotations

import fractions
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tapegrad as tg
from tapegrad import optim
from tapegrad.optim import Schedule, Transformation, _transform


@attrs.frozen(eq=False)
class Net:
    """Parameters of two kinds."""

    w: tg.Array
    scale: float


class Pair(NamedTuple):
    """Two numbers."""

    a: float
    b: float


rates = st.floats(0.0, 1.0)
values = st.floats(-100.0, 100.0)


def close(got: Any, expected: Any, rtol: float, atol: float = 0.0) -> None:
    """Assert that numbers agree to a relative error, or an absolute one."""
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), rtol=rtol, atol=atol)


def run(
    optimizer: Transformation[Any], grad: Callable[[float], float], start: float, steps: int
) -> list[float]:
    """The values of one number under an optimiser, before each step and after the last."""
    p, state, path = start, optimizer.init(start), [start]
    for _ in range(steps):
        update, state = optimizer.update(grad(p), state, p)
        p = optim.apply_updates(p, update)
        path.append(p)
    return path


# Descent ------------------------------------------------------------------------------------------


def test_sgd_on_a_parabola_follows_its_closed_form() -> None:
    """On p² with rate r each step multiplies p by 1 - 2r."""
    path = run(optim.sgd(0.1), lambda p: 2 * p, 3.0, 20)
    close(path, [3.0 * 0.8**k for k in range(21)], rtol=1e-13)


@given(p=values, g=values, rate=rates)
def test_a_step_is_to_the_bit_what_one_writes_by_hand(p: float, g: float, rate: float) -> None:
    """It is p - rate * g, not something that only rounds to about the same."""
    assert run(optim.sgd(rate), lambda _: g, p, 1)[-1] == p - rate * g


def test_momentum_follows_its_recurrence_by_hand() -> None:
    """With v = v/2 + g and gradients 8, 8, 8 the steps are 8, 12, 14."""
    path = run(optim.sgd(1.0, momentum=0.5), lambda _: 8.0, 100.0, 3)
    assert path == [100.0, 92.0, 80.0, 66.0]


def test_nesterov_is_a_gradient_at_the_point_looked_ahead_to() -> None:
    """In Nesterov's own form v' = μv - r∇f(θ + μv), θ' = θ + v', ours is the point θ + μv."""
    rate, mu, theta, v = 0.05, 0.9, 3.0, 0.0
    expected = []
    for _ in range(30):
        ahead = theta + mu * v
        expected.append(ahead)
        v = mu * v - rate * 2 * ahead
        theta += v
    optimizer = optim.sgd(rate, momentum=mu, nesterov=True)
    close(run(optimizer, lambda p: 2 * p, 3.0, 29), expected, rtol=1e-12)


def test_l2_is_the_gradient_of_the_penalty() -> None:
    """add_l2 adds what finite differences find for l2_penalty."""
    params = {"w": np.array([1.5, -2.0]), "b": 0.7}
    vector, unravel = tg.tree.ravel(params)
    step = 1e-6
    slopes = [
        float(
            optim.l2_penalty(unravel(vector + step * e), 0.3)
            - optim.l2_penalty(unravel(vector - step * e), 0.3)
        )
        / (2 * step)
        for e in np.eye(3)
    ]
    zero = tg.tree.map(lambda p: 0.0 * p, params)
    added, _ = optim.add_l2(0.3).update(zero, (), params)
    close(tg.tree.ravel(added)[0], slopes, rtol=1e-8)
    close(tg.tree.ravel(tg.grad(lambda p: optim.l2_penalty(p, 0.3))(params))[0], slopes, rtol=1e-8)


def test_l2_penalty_by_hand() -> None:
    """0.5 * (1 + 4 + 9) = 7; no parameters cost nothing."""
    assert float(optim.l2_penalty({"w": np.array([1.0, 2.0]), "b": 3.0}, 0.5)) == 7.0
    assert optim.l2_penalty((), 0.5) == 0.0


def test_sgd_with_l2_shrinks_what_has_no_gradient() -> None:
    """With gradient 0 each step multiplies by 1 - 2 * rate * alpha."""
    path = run(optim.sgd(0.5, l2=0.25), lambda _: 0.0, 16.0, 3)
    assert path == [16.0, 12.0, 9.0, 6.75]


def test_l2_goes_through_momentum() -> None:
    """The penalty is part of the gradient: from 16, momentum 1/2, rate 1, l2 1/4, gradient 0."""
    # v: 8, 4 + 4 = 8; p: 16, 8, 0
    path = run(optim.sgd(1.0, momentum=0.5, l2=0.25), lambda _: 0.0, 16.0, 2)
    assert path == [16.0, 8.0, 0.0]


def test_chain_applies_its_parts_in_order() -> None:
    """L2 before and after scaling differ: -(1 + 6) / 2 against -1/2 + 6."""
    before = optim.chain(optim.add_l2(1.0), optim.scale(0.5))
    after = optim.chain(optim.scale(0.5), optim.add_l2(1.0))
    assert before.update(1.0, before.init(3.0), 3.0)[0] == -3.5
    assert after.update(1.0, after.init(3.0), 3.0)[0] == 5.5
    assert optim.chain().update(1.0, (), 3.0) == (1.0, ())


def test_training_is_differentiable_by_its_learning_rate() -> None:
    """After one step on p² from 3 the loss is (3 - 6r)²; its slope by r is -12 (3 - 6r)."""

    def after_one_step(rate: tg.Scalar) -> tg.Scalar:
        optimizer = optim.sgd(rate)
        update, _ = optimizer.update(6.0, optimizer.init(3.0), 3.0)
        return optim.apply_updates(3.0, update) ** 2

    close(tg.grad(after_one_step)(0.1), -12 * (3 - 0.6), rtol=1e-14)


# Trees --------------------------------------------------------------------------------------------

OPTIMIZERS = [
    optim.sgd(0.1),
    optim.sgd(optim.linear_decay(1.0, 0.1, 10)),
    optim.sgd(0.1, momentum=0.9, l2=0.01),
    optim.sgd(0.1, momentum=0.9, nesterov=True),
    optim.sgd(lambda _: np.float64(0.1)),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_keeps_types_shapes_dtypes_and_kinds(
    optimizer: Transformation[Any], dtype: type[np.floating[Any]]
) -> None:
    """A Net stays a Net, float32 stays float32, a Python float stays a Python float."""
    params = {"net": Net(np.ones((2, 3), dtype), 2.0), "pair": [Pair(1.0, 2.0)]}
    state = optimizer.init(params)
    for _ in range(2):
        updates, state = optimizer.update(params, state, params)
        params = optim.apply_updates(params, updates)
    net, pair = params["net"], params["pair"][0]  # type: ignore[index]
    assert type(net) is Net
    assert type(pair) is Pair
    assert (net.w.shape, net.w.dtype) == ((2, 3), np.dtype(dtype))
    assert type(net.scale) is float
    assert type(pair.a) is float


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_changes_nothing_it_was_given(optimizer: Transformation[Any]) -> None:
    """The same step taken twice is the same step, and the old parameters are still there."""
    params, grads = {"w": np.array([1.0, 2.0])}, {"w": np.array([0.5, 0.25])}
    _, state = optimizer.update(grads, optimizer.init(params), params)
    first, after_first = optimizer.update(grads, state, params)
    second, after_second = optimizer.update(grads, state, params)
    assert first["w"].tolist() == second["w"].tolist()
    for one, other in zip(tg.tree.leaves(after_first), tg.tree.leaves(after_second), strict=True):
        assert np.array_equal(one, other)
    assert params["w"].tolist() == [1.0, 2.0]
    assert grads["w"].tolist() == [0.5, 0.25]


def test_updates_of_another_shape_are_refused() -> None:
    """(2,) + (2, 1) would broadcast to (2, 2): the error names the path and both shapes."""
    with pytest.raises(ValueError, match=r"params\['w'\] has shape \(2,\) .* update \(2, 1\)"):
        optim.apply_updates({"w": np.zeros(2)}, {"w": np.zeros((2, 1))})


def test_updates_of_another_structure_are_refused() -> None:
    """A gradient that lacks a parameter is an error, not a parameter that stays."""
    with pytest.raises(ValueError, match="differ in structure"):
        optim.apply_updates({"w": 1.0, "b": 2.0}, {"w": 1.0})
    text = r"differ in structure: expected a tuple of 1 at update\['w'\], got a list of 1\.\n"
    with pytest.raises(ValueError, match=text):
        optim.apply_updates({"w": (1.0,)}, {"w": [1.0]})


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, optim.momentum(0.5), optim.scale(0.1)])
def test_mistakes_in_a_step_are_named(optimizer: Transformation[Any]) -> None:
    """State and gradients swapped, no parameters, gradients of another shape or structure."""
    params = {"w": np.ones(2), "b": 1.0}
    state = optimizer.init(params)
    update: Any = optimizer.update
    order = r"update\(grads, state, params\), the state second"
    with pytest.raises(TypeError, match=rf"the state of \w+ is .* got dict[^\n]*\n.*{order}"):
        update(state, params, params)
    with pytest.raises(TypeError, match=rf"got no params\.\n.*{order}"):
        update(params, state)
    with pytest.raises(
        tg.ShapeError, match=r"params\['w'\] has shape \(2,\) and its gradient \(3,\)"
    ):
        update({"w": np.ones(3), "b": 1.0}, state, params)
    with pytest.raises(tg.ShapeError, match=r"no gradient for params\['w'\], shape \(2,\)"):
        update({"b": 1.0}, state, params)


def test_updates_that_do_not_broadcast_are_refused_by_path() -> None:
    """Before NumPy sees them; what the update was made of decides, not what comes out."""
    for wrong in (np.ones(3), 1.0):
        with pytest.raises(tg.ShapeError, match=r"params\['w'\] has shape \(2,\) and its update"):
            optim.apply_updates({"w": np.ones(2)}, {"w": wrong})
    with pytest.raises(tg.ShapeError, match=r": an update for params\['c'\].* is no parameter"):
        optim.apply_updates({"w": 1.0}, {"w": 1.0, "c": 1.0})


def test_the_velocity_of_other_parameters_is_refused() -> None:
    """A state that was made for another network."""
    optimizer = optim.momentum(0.5)
    with pytest.raises(tg.ShapeError, match=r"params has shape \(2,\) and its velocity \(3,\)"):
        optimizer.update(np.ones(2), optimizer.init(np.ones(3)), np.ones(2))


def user_made(scale: Callable[[Any], Any], calls: list[Any]) -> Transformation[Any]:
    """A transformation of plain functions that notes what its update is given."""

    def update(grads: Any, state: Any, params: Any) -> Any:
        calls.append((grads, state, params))
        return tg.tree.map(scale, grads), state + 1

    return Transformation(lambda params: 0, update)


def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is compared with the parameters from here on, one entry each time."""
    made: list[str] = []
    check = _transform.matched

    def counted(params: object, other: object, what: str, call: str) -> Any:
        made.append(what)
        return check(params, other, what, call)

    monkeypatch.setattr(_transform, "matched", counted)
    return made


@pytest.mark.parametrize(
    ("optimizer", "times"),
    [
        (optim.sgd(0.1, momentum=0.9, l2=1e-4), 1),
        (optim.chain(optim.chain(optim.add_l2(0.1), optim.chain()), optim.sgd(0.1)), 1),
        (optim.add_l2(0.1), 1),
        (optim.momentum(0.5), 1),
        (optim.scale(0.1), 1),
        (optim.chain(optim.chain(), user_made(lambda g: g, []), optim.sgd(0.1, l2=0.1)), 2),
    ],
)
def test_gradients_are_checked_once(
    optimizer: Transformation[Any], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the outer update alone, and once more after a part that a user wrote."""
    params = {"w": np.ones(2)}
    state, made = optimizer.init(params), checks(monkeypatch)
    optimizer.update(params, state, params)
    assert made == ["gradient"] * times


@pytest.mark.parametrize("nest", [lambda part: part, optim.chain])
def test_a_users_part_is_called_through_its_own_update(
    nest: Callable[[Transformation[Any]], Transformation[Any]],
) -> None:
    """With the gradients so far, its state and the parameters; here doubling what L2 made."""
    calls: list[Any] = []
    doubled = nest(user_made(lambda g: 2.0 * g, calls))
    optimizer = optim.chain(optim.add_l2(0.5), doubled, optim.scale(0.25))
    state = optimizer.init(3.0)
    for _ in range(2):
        updates, state = optimizer.update(1.0, state, 3.0)
        assert updates == -0.25 * 2.0 * (1.0 + 2.0 * 0.5 * 3.0)
    assert calls == [(4.0, 0, 3.0), (4.0, 1, 3.0)]


@pytest.mark.parametrize("nest", [lambda part: part, optim.chain])
def test_what_a_users_part_returns_is_checked_by_the_next(
    nest: Callable[[Transformation[Any]], Transformation[Any]],
) -> None:
    """A gradient that it summed up does not go on as one that broadcasts; nor a traced rate's."""
    total = nest(user_made(np.sum, []))
    for last in (optim.scale(0.1), optim.chain(optim.momentum(0.5))):
        optimizer = optim.chain(optim.add_l2(0.1), total, last)
        with pytest.raises(tg.ShapeError, match=r"has shape \(2,\) and its gradient \(\)"):
            optimizer.update(np.ones(2), optimizer.init(np.ones(2)), np.ones(2))

    def widened(rate: tg.Array) -> tg.Scalar:
        optimizer = optim.chain(nest(optim.scale(rate)), optim.add_l2(0.1))
        optimizer.update(1.0, optimizer.init(2.0), 2.0)
        return 0.0

    with pytest.raises(tg.ShapeError, match=r"has shape \(\) and its gradient \(3,\)"):
        tg.grad(widened)(np.full(3, 0.1))


def test_each_part_of_a_chain_knows_its_own_state() -> None:
    """The states of two parts swapped, in a chain of the right length."""
    optimizer = optim.chain(optim.momentum(0.5), optim.scale(0.1))
    first, second = optimizer.init(1.0)
    with pytest.raises(TypeError, match=r"the state of momentum is Velocity\(velocity=\.\.\.\)"):
        optimizer.update(1.0, (second, first), 1.0)
    with pytest.raises(TypeError, match=r"the state of scale is Steps\(taken=\.\.\.\)"):
        optimizer.update(1.0, (first, first), 1.0)
    with pytest.raises(TypeError, match="chain's update got no params"):
        optimizer.update(1.0, (first, second), None)


# Schedules ----------------------------------------------------------------------------------------


def test_linear_decay_is_the_articles_to_the_last_bit() -> None:
    """1.0 - 0.9*k/100, as Python computes it, for all 100 steps."""
    rate = optim.linear_decay(1.0, 0.1, 100)
    assert [rate(k) for k in range(100)] == [1.0 - 0.9 * k / 100 for k in range(100)]


def test_the_schedule_counts_from_zero() -> None:
    """With gradient 1 and rates 4, 2, 1 the number falls by 4, 2 and 1."""
    path = run(optim.sgd(optim.exponential_decay(4.0, 0.5)), lambda _: 1.0, 10.0, 3)
    assert path == [10.0, 6.0, 4.0, 3.0]


@given(
    start=rates, end=rates, steps=st.integers(1, 1000), step=st.integers(0, 2000), data=st.data()
)
def test_decays_go_from_start_to_end_and_stay(
    start: float, end: float, steps: int, step: int, data: st.DataObject
) -> None:
    """At 0 the start, from the last step on the end, in between something in between."""
    decay = data.draw(st.sampled_from([optim.linear_decay, optim.cosine_decay]))
    rate = decay(start, end, steps)
    low, high = min(start, end), max(start, end)
    close(rate(0), start, rtol=1e-15, atol=1e-15)
    assert rate(steps) == rate(steps + 1) == end
    assert low - 1e-15 <= rate(step) <= high + 1e-15


def test_schedules_at_points_worked_out_by_hand() -> None:
    """Half way and a third of the way."""
    assert optim.constant(0.3)(17) == 0.3
    assert optim.linear_decay(3.0, 1.0, 4)(1) == 2.5
    close(optim.cosine_decay(1.0, 0.0, 3)(1), 0.75, rtol=1e-15)  # cos(60°) = 1/2
    close(optim.exponential_decay(1.0, 0.25, 2)(1), 0.5, rtol=1e-15)


# Bad settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.sgd(-0.1), r"learning rate >= 0, got -0\.1"),
        (lambda: optim.sgd(math.nan), "learning rate >= 0, got nan"),
        (lambda: optim.sgd(0.1, momentum=1.0), r"0 <= decay < 1, got 1\.0"),
        (lambda: optim.sgd(0.1, momentum=-0.5), r"0 <= decay < 1, got -0\.5"),
        (lambda: optim.sgd(0.1, nesterov=True), "nesterov=True needs a momentum above 0"),
        (lambda: optim.sgd(0.1, l2=-1.0), r"add_l2 expected a finite alpha >= 0, got -1\.0"),
        (lambda: optim.l2_penalty({}, math.inf), "l2_penalty expected a finite alpha"),
        (lambda: optim.constant(math.nan), "constant expected a finite rate, got nan"),
        (lambda: optim.linear_decay(1.0, math.inf, 3), "linear_decay expected a finite end"),
        (lambda: optim.linear_decay(1.0, 0.1, 0), "steps of at least 1, got 0"),
        (lambda: optim.cosine_decay(1.0, 0.1, -5), "steps of at least 1, got -5"),
        (lambda: optim.exponential_decay(1.0, 1.5), r"0 < factor <= 1, got 1\.5"),
    ],
)
def test_bad_settings_are_refused_when_they_are_given(
    make: Callable[[], object], message: str
) -> None:
    """Not at the first step, and not by a wrong number."""
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["sgd", "scale", "momentum", "add_l2", "constant"])
@pytest.mark.parametrize("wrong", ["a", None, 1j, np.ones(2)])
def test_settings_that_are_no_numbers_are_refused(name: str, wrong: Any) -> None:
    """By what was expected and what came."""
    with pytest.raises(TypeError, match=r"expected .* number.*, got (str|None|complex|float64\[2)"):
        getattr(optim, name)(wrong)


def test_a_bad_rate_from_a_schedule_names_its_step() -> None:
    """A decay written by hand that runs below zero does not turn descent into ascent."""
    falling: Schedule = lambda step: 1.0 - step  # noqa: E731
    with pytest.raises(ValueError, match=r"got -1\.0 from the schedule at step 2"):
        run(optim.sgd(falling), lambda _: 1.0, 0.0, 3)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.array, fractions.Fraction])
def test_settings_change_no_dtype(kind: Any) -> None:
    """Whatever number a setting is: parameters of float32 stay that."""
    half = kind(0.5)
    params = np.ones(2, np.float32)
    transformations: list[Any] = [
        optim.momentum(half),
        optim.add_l2(half),
        optim.scale(half),
        optim.scale(lambda step: half),
        optim.scale(optim.exponential_decay(half, half, 10)),
        optim.scale(optim.linear_decay(half, half, 10)),
        optim.scale(optim.cosine_decay(half, half, 10)),
        optim.sgd(half, momentum=half, l2=half),
    ]
    for each in transformations:
        updates, state = each.update(params, each.init(params), params)
        for leaf in tg.tree.leaves((updates, state, optim.apply_updates(params, updates))):
            assert np.asarray(leaf).dtype.kind == "i" or leaf.dtype == np.float32
    assert np.asarray(optim.l2_penalty(params, half)).dtype == np.float32


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, optim.momentum(0.5), optim.chain()])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("other", [np.float32, np.float64, np.int64])
def test_a_gradient_is_taken_in_the_dtype_of_its_parameter(
    optimizer: Transformation[Any], dtype: Any, other: Any
) -> None:
    """So is an update: parameters, updates and state stay in theirs. A float stays a float."""
    params = {"w": np.full(2, 4.0, dtype), "b": 3.0, "s": dtype(2.0)}
    grads = {"w": np.ones(2, other), "b": other(1.0), "s": other(1.0)}
    state = optimizer.init(params)
    for _ in range(2):
        updates, state = optimizer.update(grads, state, params)
        stepped = optim.apply_updates(params, updates)
        moved = optim.apply_updates(params, grads)
        assert moved["w"].tolist() == [5.0, 5.0]
        for each in (updates, stepped, moved):
            assert each["w"].dtype == dtype
            assert [type(each["b"]), type(each["s"])] == [float, dtype]
        velocities = [x for x in tg.tree.leaves(state) if isinstance(x, np.ndarray)]
        assert [x.dtype for x in velocities] == [dtype] * len(velocities)
    assert grads["w"].dtype == other


def test_traced_updates_are_taken_in_the_dtype_of_their_parameter() -> None:
    """Of a step that is differentiated: the sum of p - r g has slope -2 by r, 1 by p."""
    p, g = np.ones(2, np.float32), np.ones(2)

    def after(rate: Any, p: Any) -> Any:
        optimizer = optim.sgd(rate)
        updates, _ = optimizer.update(g * rate / rate, optimizer.init(p), p)
        stepped = optim.apply_updates(p, updates)
        assert stepped.dtype == np.float32
        return stepped.sum()

    by_rate, by_p = tg.grad(after, (0, 1))(0.5, p)
    close(by_rate, -2.0, rtol=1e-6)
    assert by_p.dtype == np.float32
    assert by_p.tolist() == [1.0, 1.0]


def test_whole_parameters_are_not_cut() -> None:
    """2 + 0.5 is 2.5: nothing makes an integer of it again."""
    assert optim.apply_updates(2, 0.5) == 2.5
    assert optim.apply_updates(np.array([2]), np.array([0.5])).tolist() == [2.5]


@pytest.mark.parametrize("parts", [[optim.sgd(0.1)], (optim.scale(0.1), optim.scale(0.1)), 0.1, {}])
def test_a_chain_of_no_transformation_is_refused(parts: Any) -> None:
    """A list of them, above all."""
    with pytest.raises(
        TypeError,
        match=r"got a (list|tuple|float|dict) as number 2; of a list of them write chain\(\*",
    ):
        optim.chain(optim.sgd(0.1), parts)


def test_a_penalty_is_differentiated_by_its_weight() -> None:
    """Alpha as a hyperparameter: the gradient by it is the sum of squares."""
    params = {"w": np.array([1.0, 2.0])}
    assert tg.grad(lambda alpha: optim.l2_penalty(params, alpha))(0.5) == 5.0
