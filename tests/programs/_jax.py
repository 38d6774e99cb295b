"""The same programs with jax.numpy in NumPy's place: a second opinion on derivatives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy
import numpy as np

import tapegrad as tg

from ._checks import Run, Skip, _direction, loss_text, near
from ._code import Layer, Pair, Point
from ._worlds import COMMON, PLAIN, REAL

jax.config.update("jax_enable_x64", True)  # noqa: FBT003
jax.tree_util.register_pytree_node(Point, lambda p: ((p.x, p.y), p.name), lambda name, xy: Point(*xy, name))
jax.tree_util.register_pytree_node(Layer, lambda p: ((p.weight, p.bias), None), lambda _, wb: Layer(*wb))


class _Recorded(SimpleNamespace):
    pass


def _record(f: Callable[..., Any], *args: Any) -> Any:
    return _Recorded(value=f(*args), program=f)


def _hvp(f: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    argnums = tuple(range(len(primals))) if len(primals) > 1 else 0
    return jax.jvp(jax.grad(f, argnums), primals, tangents)[1]


class _At:
    def __init__(self, x: Any) -> None:
        self.x = jnp.asarray(x)

    def __getitem__(self, index: Any) -> Any:
        return self.x.at[index]


def _mean_squared(p: Any, t: Any) -> Any:
    return jnp.mean((p - t) ** 2)


def _slogdet(a: Any) -> Any:
    return tuple(jnp.linalg.slogdet(a))


_NN = SimpleNamespace(
    relu=jax.nn.relu, sigmoid=jax.nn.sigmoid, softplus=jax.nn.softplus, softmax=jax.nn.softmax,
    log_softmax=jax.nn.log_softmax, mean_squared_error=_mean_squared,
    hinge=lambda s, y: jnp.mean(jax.nn.relu(1.0 - y * s)),
    binary_cross_entropy=lambda z, y: jnp.mean(y * jax.nn.softplus(-z) + (1.0 - y) * jax.nn.softplus(z)),
    Linear=tg.nn.Linear, linear=tg.nn.linear,
)
_TG = SimpleNamespace(
    grad=jax.grad, value_and_grad=jax.value_and_grad, vjp=jax.vjp, jvp=jax.jvp, jacfwd=jax.jacfwd,
    jacrev=jax.jacrev, hessian=jax.hessian, vmap=jax.vmap, hvp=_hvp, record=_record,
    custom_vjp=lambda f: lambda *args: f(*args)[0],
    stop_gradient=jax.lax.stop_gradient, label=lambda x, name: x, at=_At, nn=_NN,
    special=SimpleNamespace(erf=jax.scipy.special.erf, logsumexp=jax.scipy.special.logsumexp),
    tree=SimpleNamespace(map=jax.tree_util.tree_map), numpy=jnp,
)


class _Numpy(SimpleNamespace):
    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)


def _flat_at_zero(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of which JAX has another derivative where it is 0 (docs/architecture.md)."""

    def chosen(*args: Any, **kwargs: Any) -> Any:
        args = tuple(map(jnp.asarray, args))
        here = function(*args, **kwargs) == 0.0
        moved = [jnp.where(here, 1.0, x) if jnp.ndim(x) == jnp.ndim(here) else x for x in args]
        return jnp.where(here, 0.0, function(*moved, **kwargs))

    return chosen


_NP = _Numpy(absolute=_flat_at_zero(jnp.abs), abs=_flat_at_zero(jnp.abs), hypot=_flat_at_zero(jnp.hypot), sort=lambda a, axis=-1, kind=None: jnp.sort(a, axis=axis, stable=True), argsort=lambda a, axis=-1, kind=None: jnp.argsort(a, axis=axis, stable=True))
JAX: dict[str, Any] = {**COMMON, "np": _NP, "tnp": _NP, "tg": _TG, "value_of": jax.lax.stop_gradient}
FORBIDDEN = ("float32", "float16", "int8", "int32", "f4", "uint64", "bool(")


def against_jax(run: Run) -> None:
    """Gradient and Hessian-vector product, as JAX has them."""
    text = "\n".join((*run.code.inputs, run.code.function))
    if any(word in text for word in FORBIDDEN):
        raise Skip("other dtypes")
    plain = run.code.define(PLAIN)["f"](*run.args())
    lines, names = loss_text(run, plain)
    ours = run.code.define({**REAL, **run.values}, lines)["loss"]
    theirs = run.code.define({**JAX, **{k: _given(v) for k, v in run.values.items()}}, lines)["loss"]
    point = tuple(run.values[n] for n in names)
    tangent = tuple(_direction(k, x) for k, x in enumerate(point))
    argnums = tuple(range(len(names)))
    given = tuple(map(_given, point))
    moved = tuple(map(_given, tangent))
    try:
        base = float(theirs(*given))
        gradient = [np.asarray(g) for g in jax.grad(theirs, argnums)(*given)]
        bent = [np.asarray(g) for g in jax.jvp(jax.grad(theirs, argnums), given, moved)[1]]
    except Exception as error:  # noqa: BLE001
        raise Skip(f"JAX: {type(error).__name__}") from None
    if not near(base, float(ours(*point)), 1e-9):
        raise Skip("another value in JAX")
    ways = {
        "jax": (f"tg.grad(loss, {argnums})", lambda p: tg.grad(ours, argnums)(*p), lambda p: jax.grad(theirs, argnums)(*map(_given, p))),
        "jax second": (f"lambda *p: tg.jvp(tg.grad(loss, {argnums}), p, {tangent})[1]", lambda p: tg.jvp(tg.grad(ours, argnums), p, tangent)[1], lambda p: jax.jvp(jax.grad(theirs, argnums), tuple(map(_given, p)), moved)[1]),
    }
    for name, (how, our_way, their_way) in ways.items():
        with run.doing(name, lines):
            found = our_way(point)
        expected = gradient if name == "jax" else bent
        if agree(found, expected):
            continue
        # Elsewhere nearby, too? Or do they only choose otherwise where there is no derivative?
        near_by = tuple(_moved(k, x) for k, x in enumerate(point))
        if agree(our_way(near_by), [np.asarray(g) for g in their_way(near_by)]):
            if name == "jax second":
                raise Skip("another second derivative at a kink")
            raise run.fail("jax kink", f"{lines}\n({how})({', '.join(names)})", list(found), expected)
        raise run.fail(name, f"{lines}\n({how})({', '.join(names)})", list(found), expected)


def _moved(k: int, x: Any) -> Any:
    step = 1e-3 * np.cos(0.5 + 3.0 * k + 2.0 * np.arange(np.size(x))).reshape(np.shape(x))
    moved = np.asarray(x) * (1.0 + step) + step
    return moved if isinstance(x, np.ndarray) else type(x)(moved)


def agree(found: Any, expected: Any) -> bool:
    """Where JAX has a finite number, it is the same."""
    scale = max((float(np.max(np.abs(g[np.isfinite(g)]), initial=0.0)) for g in expected), default=0.0)
    for a, b in zip(found, expected, strict=True):
        known = np.isfinite(b)
        if not np.allclose(np.asarray(a)[known], b[known], rtol=1e-6, atol=1e-7 * scale + 1e-12):
            return False
    return True


def _given(x: Any) -> Any:
    return jnp.asarray(x) if isinstance(x, (np.ndarray, np.generic)) else x
