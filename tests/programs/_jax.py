"""The same programs with jax.numpy in NumPy's place: a second opinion on derivatives.

JAX is in the bench environment only. What it has not, or means otherwise, is skipped; where it
chooses another derivative at a kink, it is given tapegrad's (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy
import numpy as np

import tapegrad as tg

from ._author import floating
from ._code import Layer, Point, World
from ._derivatives import Loss
from ._run import Run, Skip, in_kind
from ._worlds import COMMON, Instead

jax.config.update("jax_enable_x64", True)
jax.tree_util.register_dataclass(Point, ["x", "y"], ["name"])
jax.tree_util.register_pytree_node(
    Layer, lambda p: ((p.weight, p.bias), None), lambda _, children: Layer(*children)
)


def _hvp(f: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    argnums = tuple(range(len(primals))) if len(primals) > 1 else 0
    return jax.jvp(jax.grad(f, argnums), primals, tangents)[1]


class _At:
    def __init__(self, x: Any) -> None:
        self._x = jnp.asarray(x)

    def __getitem__(self, index: Any) -> Any:
        return self._x.at[index]


def _zero_at_zero(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with derivative 0 where it is 0."""

    def chosen(*args: Any) -> Any:
        args = jnp.broadcast_arrays(*args)
        here = function(*args) == 0.0
        return jnp.where(here, 0.0, function(*(jnp.where(here, 1.0, x) for x in args)))

    return chosen


_NN = SimpleNamespace(
    **{name: getattr(jax.nn, name) for name in ("relu", "sigmoid", "softplus", "softmax")},
    log_softmax=jax.nn.log_softmax,
    mean_squared_error=lambda p, t: jnp.mean((p - t) ** 2),
    hinge=lambda s, y: jnp.mean(jax.nn.relu(1.0 - y * s)),
    binary_cross_entropy=lambda z, y: jnp.mean(
        y * jax.nn.softplus(-z) + (1.0 - y) * jax.nn.softplus(z)
    ),
    Linear=tg.nn.Linear,
    linear=lambda params, x: x @ params.weight + params.bias,
)
_NAMES = ("grad", "value_and_grad", "vjp", "jvp", "jacfwd", "jacrev", "hessian", "vmap")
_TG = SimpleNamespace(
    **{name: getattr(jax, name) for name in _NAMES},
    hvp=_hvp,
    record=lambda f, *args: SimpleNamespace(value=f(*args), program=f),
    custom_vjp=lambda f: lambda *args: f(*args)[0],
    stop_gradient=jax.lax.stop_gradient,
    label=lambda x, name: x,
    at=_At,
    nn=_NN,
    special=SimpleNamespace(erf=jax.scipy.special.erf, logsumexp=jax.scipy.special.logsumexp),
    tree=SimpleNamespace(map=jax.tree_util.tree_map),
)
_NUMPY: Any = Instead(
    jnp,
    absolute=_zero_at_zero(jnp.abs),
    abs=_zero_at_zero(jnp.abs),
    hypot=_zero_at_zero(jnp.hypot),
)
JAX: World = {**COMMON, "np": _NUMPY, "tnp": _NUMPY, "tg": _TG, "value_of": jax.lax.stop_gradient}


def against_jax(run: Run) -> None:
    """The gradient, and how it moves along a direction, are JAX's."""
    if run.case.seed % 4:
        raise Skip("one in four is compared")
    loss = Loss.of(run)
    if not np.isfinite(loss.value):
        raise Skip("not finite")
    theirs = _theirs(loss)
    for name, how, ours in (
        ("jax", "tg.grad(loss, {n})(*p)", _gradient(loss.f, loss)),
        ("jax second", "tg.jvp(tg.grad(loss, {n}), p, {t})[1]", _moved(loss.f, loss)),
    ):
        other = _gradient(theirs, loss) if name == "jax" else _moved(theirs, loss)
        expected = _tried(other, loss.point)
        lines = f"{loss.text}\np = {loss.at}\n{how.format(n=loss.argnums, t=loss.along)}"
        with run.doing(name, lines):
            came = ours(loss.point)
        if _agree(came, expected):
            continue
        nearby = tuple(_beside(k, x) for k, x in enumerate(loss.point))
        if _agree(ours(nearby), _tried(other, nearby)):
            raise Skip(f"{name}: another derivative at a kink")
        raise run.fail(name, lines, list(came), expected)


def _theirs(loss: Loss) -> Callable[..., Any]:
    """The loss in JAX, where it computes the same."""
    run = loss.run
    values = {name: _given(value) for name, value in run.values.items()}
    scope = run.code.define({**JAX, **values}, loss.text)
    plain = tg.tree.leaves(run.plain)
    try:
        out = jax.tree_util.tree_leaves(scope["f"](*run.code.args(JAX, values)))
        pairs = list(zip(out, plain, strict=True))
    except Exception as error:  # noqa: BLE001
        raise Skip(f"JAX: {type(error).__name__}") from None
    for a, b in pairs:
        same = np.asarray(a).dtype == np.asarray(b).dtype and np.shape(a) == np.shape(b)
        if not (same and np.allclose(np.asarray(a), b, rtol=1e-9, atol=1e-12, equal_nan=True)):
            raise Skip("JAX: another value")
    found: Callable[..., Any] = scope["loss"]
    return found


def _given(x: Any) -> Any:
    return jnp.asarray(x) if isinstance(x, (np.ndarray, np.generic)) else x


Derivative = Callable[[Sequence[Any]], list[Any]]


def _gradient(f: Callable[..., Any], loss: Loss) -> Derivative:
    ours = f is loss.f
    grad = (tg.grad if ours else jax.grad)(f, loss.argnums)
    return lambda p: [np.asarray(g) for g in grad(*(p if ours else map(_given, p)))]


def _moved(f: Callable[..., Any], loss: Loss) -> Derivative:
    if f is loss.f:
        grad: Callable[..., Any] = tg.grad(f, loss.argnums)
        return lambda p: [np.asarray(g) for g in tg.jvp(grad, tuple(p), loss.tangent)[1]]
    other, t = jax.grad(f, loss.argnums), tuple(map(_given, loss.tangent))
    return lambda p: [np.asarray(g) for g in jax.jvp(other, tuple(map(_given, p)), t)[1]]


def _tried(derivative: Derivative, point: Sequence[Any]) -> list[Any]:
    try:
        return derivative(point)
    except Exception as error:  # noqa: BLE001
        raise Skip(f"JAX: {type(error).__name__}") from None


def _beside(k: int, x: Any) -> Any:
    """A value nearby, where nothing is special."""
    step = 1e-3 * np.cos(0.5 + 3.0 * k + 2.0 * np.arange(np.size(x))).reshape(np.shape(x))
    return in_kind(np.asarray(x) * (1.0 + step) + step, x) if floating(x) else x


def _agree(came: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Whether, where JAX has finite numbers, they are ours."""
    sizes = [np.max(np.abs(b), where=np.isfinite(b), initial=0.0) for b in expected]
    least = 1e-7 * max(sizes, default=0.0) + 1e-12
    for a, b in zip(came, expected, strict=True):
        known = np.isfinite(b)
        if not np.allclose(a[known], b[known], rtol=1e-6, atol=least):
            return False
    return True
