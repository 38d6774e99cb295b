"""Functions that bring their own pullback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias, cast

import attrs
import numpy as np
import optree

from .. import tree
from .._errors import OutputError, ShapeError, describe, name_of
from .._tape import AnyOp, Op, Var
from .._texts import CUSTOM_CLOSURE
from .._typing import Args, Flags, FunctionLike, Out, Params, Ts, Value
from .._values import Traced, like, plain_of, shape_of
from ..ops._bundle import Bundle, Refused, asked, pack, parts
from ..ops._reduce import sum
from ._batch import Batched
from ._reverse import vjp

# From the operands to (output, pull): pull takes the output's cotangent to those of the operands.
Pulled: TypeAlias = Callable[..., tuple[Any, Callable[[Any], list[Value]]]]


@attrs.frozen(eq=False, repr=False)
class Arguments:
    """The arguments of one call without the leaves that are traced."""

    structure: tree.Structure
    leaves: tuple[Any, ...]  # as they came, where they are not traced
    places: tuple[int, ...]  # where those that are traced were

    def __repr__(self) -> str:
        return "..."

    def filled(self, operands: Sequence[Value]) -> tuple[Any, ...]:
        """The arguments with these operands."""
        leaves = list(self.leaves)
        for place, value in zip(self.places, operands):
            leaves[place] = value
        return tree.unflatten(self.structure, leaves)  # type: ignore[no-any-return]


@attrs.frozen(eq=False)
class CustomVjp(FunctionLike):
    """What `custom_vjp` returns: an op from a bundle of the traced leaves of the arguments (others
    are in `Arguments`) to one of the leaves of the output.
    """

    function: Callable[..., tuple[Any, Callable[[Any], Sequence[Any]]]]
    op: AnyOp = attrs.field(
        init=False, repr=False, default=attrs.Factory(lambda self: self._as_op(), takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        """Look like the function."""
        self.imitate(self.function)

    def __reduce__(self) -> str | tuple[Any, ...]:
        named: Any = sys.modules.get(str(self.__module__))
        for name in (path := getattr(self.function, "__qualname__", "")).split("."):
            named = getattr(named, name, None)
        return path if named is self else (CustomVjp, (self.function,))

    def _as_op(self) -> AnyOp:
        return Op(
            name=name_of(self.function),
            run=self._run,
            vjp=(self._cotangents,),
            jvp=(self._tangents,),
            batch=_on_examples,
        )

    def __call__(self, *args: Any) -> Any:
        """The output of the function."""
        leaves, structure = tree.flatten(args)
        places = tuple(i for i, leaf in enumerate(leaves) if isinstance(leaf, Traced))
        rest = tuple(None if i in places else leaf for i, leaf in enumerate(leaves))
        packed = pack.bind(*(leaves[i] for i in places))
        out = self.op.bind(packed, arguments=Arguments(structure, rest, places), mapped=())
        self._check_closure(out)
        return tree.unflatten(plain_of(out).residuals[0], parts(out))

    def _check_closure(self, out: Value) -> None:
        """On plain operands the output is plain, unless the function has closed over the trace."""
        traces = []
        while isinstance(out, Var):
            traces.append(out._trace)
            out = out._value
        if any(isinstance(leaf, Var) and leaf._trace in traces for leaf in out.parts):
            raise OutputError(CUSTOM_CLOSURE.format(function=self.op.name))

    def _called(self, x: Value, arguments: Arguments, mapped: tuple[Flags, ...]) -> Any:
        """(output, pull) of the function; or of the function on all examples of batches."""
        call: Pulled = partial(self._on_operands, arguments)
        for flags in mapped:
            call = partial(_on_batch, call, flags)
        return call(*parts(x))

    def _on_operands(self, arguments: Arguments, *operands: Value) -> Any:
        """(output, pull) of the function, after a look at what it returned, and the pullback."""
        args = arguments.filled(operands)
        result = self.function(*args)
        if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
            raise OutputError(
                f"tapegrad.custom_vjp: {self.op.name} must return (output, pullback), but it "
                f"returned {describe(result)}"
            )
        out, pullback = result

        def pull(g: Any) -> list[Value]:
            given = pullback(g)
            if not isinstance(given, (tuple, list)) or len(given) != len(args):
                raise OutputError(
                    f"tapegrad.custom_vjp: the pullback of {self.op.name} must return a tuple with "
                    f"one cotangent for each of its {len(args)} arguments, but it returned "
                    f"{describe(given)}"
                )
            found = [c for pair in zip(given, args) for c in _by_leaf(*pair)]
            return [
                self._checked(found[place], x, args, place)
                for place, x in zip(arguments.places, operands)
            ]

        return out, pull

    def _checked(self, value: Value, x: Value, args: Any, place: int) -> Value:
        """A cotangent that fits its operand; or the error, for those who ask for it."""
        if value is not None and shape_of(value) == shape_of(x):
            # The user's own array must not become a gradient that a caller may write into.
            return value.copy() if isinstance(value, np.ndarray) else value

        def error() -> Exception:
            path = list(tree.paths(args, "args"))[place]
            return ShapeError(
                f"tapegrad.custom_vjp: the pullback of {self.op.name} must return for {path} "
                f"a cotangent of shape {shape_of(x)}, but it returned {describe(value)}"
            )

        return Refused(error)

    def _run(self, x: Value, **call: Any) -> Bundle:
        out, pull = self._called(x, **call)
        leaves, structure = tree.flatten(out)
        return Bundle(tuple(leaves), residuals=(structure, pull))

    def _cotangents(self, g: Bundle, out: Value, x: Value, **call: Any) -> Bundle:
        structure, pull = plain_of(out).residuals
        if not isinstance(out, Bundle):  # the first call knew nothing of the outer trace
            pull = self._called(x, **call)[1]
        filled = [_zero(y) if c is None else c for c, y in zip(g.parts, parts(out))]
        return Bundle(tuple(pull(tree.unflatten(structure, filled))))

    def _tangents(self, t: Bundle, out: Value, x: Value, **call: Any) -> Bundle:
        # The pullback is linear: its own pullback, anywhere, is the pushforward.
        moved = [i for i, tangent in enumerate(t.parts) if tangent is not None]

        def pull(*g: Value) -> list[Value]:
            cotangents = self._cotangents(Bundle(g), out, x, **call)
            return [asked(cotangents, i) for i in moved]

        _, push = vjp(pull, *map(_zero, parts(out)))
        return Bundle(push([t.parts[i] for i in moved]))


def _zero(x: Value) -> Value:
    return like(np.zeros(shape_of(x)), x)


def _by_leaf(cotangent: Any, argument: Any) -> list[Value | None]:
    """The cotangent of each leaf of an argument: None stands for one leaf, or for a whole tree."""
    below: list[Any] = optree.tree_leaves(argument, none_is_leaf=True, namespace="tapegrad")
    known: list[Any] = optree.tree_leaves(cotangent, none_is_leaf=True, namespace="tapegrad")
    if len(known) != len(below):
        known = [None] * len(below)
    return [c for c, leaf in zip(known, below) if leaf is not None]


def _on_examples(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    (x,) = args
    packed = pack.bind(*x.parts)
    return op.bind(packed, arguments=p["arguments"], mapped=(*p["mapped"], x.batched))


def _on_batch(call: Pulled, flags: Flags, *operands: Value) -> Any:
    """(output, pull) on all examples, which those operands have that are flagged.

    The pull calls again: what the first call kept are values of a batch that has ended by then.
    """
    axes = tuple(0 if flag else None for flag in flags)
    out = Batched(lambda *xs: call(*xs)[0], axes, 0)(*operands)

    def pull(g: Any) -> list[Value]:
        each = Batched(lambda g, *xs: call(*xs)[1](g), (0, *axes), 0)(g, *operands)
        # An operand that is the same for all examples has the sum of what each gives.
        return [
            c if flag or isinstance(c, Refused) else sum.bind(c, axes=(0,), keepdims=False)
            for c, flag in zip(each, flags)
        ]

    return out, pull


def custom_vjp(
    f: Callable[[*Ts], tuple[Out, Callable[[Out], Sequence[Any]]]],
) -> Callable[[*Ts], Out]:
    """A function with a pullback of its own: f returns (output, pullback), the result the output.

    pullback(cotangent of the output) returns one cotangent for each argument, None for one that
    needs none. Written with tapegrad's operations it can be differentiated again, and forward mode
    follows from it, since it is linear.

    Raises OutputError and ShapeError for a result or a pullback of another form.

    >>> import tapegrad as tg
    >>> @tg.custom_vjp
    ... def clipped(x):  # the identity, whose gradient is kept between -1 and 1
    ...     return x, lambda g: (np.clip(g, -1.0, 1.0),)
    >>> float(tg.grad(lambda x: 5.0 * clipped(x))(2.0))
    1.0
    """
    return cast("Callable[[*Ts], Out]", CustomVjp(f))
