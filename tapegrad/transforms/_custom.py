"""Functions that bring their own pullback."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import MethodType
from typing import Any, TypeAlias, cast

import attrs
import numpy as np

from .. import tree
from .._dispatch import unbound
from .._errors import OutputError, ShapeError, at_line, describe, name_of
from .._structure import spread
from .._tape import AnyOp
from .._typing import Args, Flags, FunctionLike, Out, Params, Ts, Value
from .._values import Traced, is_floating, is_operand, operand, plain_of, shape_of, zero_like
from ..ops._bundle import Bundle, Refused, pack, parts
from ..ops._reduce import sum
from ..ops._shape import fit
from ._batch import Batched
from ._boundary import a_function, not_a_number
from ._opaque import Owned, closed, plain, results
from ._transpose import transposed

# From the output's cotangent to those of the operands.
Pull: TypeAlias = Callable[[Any], list[Value | None]]
# From the operands to (output, pull).
Pulled: TypeAlias = Callable[..., tuple[Any, Pull]]


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
        return tree.unflatten(self.structure, leaves)


def _a_function(custom: object, field: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, (classmethod, staticmethod)):
        kind = type(value).__name__
        raise TypeError(
            f"custom_vjp takes the function of a {kind}, got the {kind}; put @{kind} above "
            "@tapegrad.custom_vjp"
        )
    a_function(custom, field, value)


@attrs.frozen(eq=False)
class CustomVjp(FunctionLike):
    """What `custom_vjp` returns: an op from a bundle of the traced leaves of the arguments (others
    are in `Arguments`) to one of the leaves of the output.
    """

    function: Callable[..., tuple[Any, Callable[[Any], Sequence[Any]]]] = attrs.field(
        validator=_a_function
    )
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

    def __deepcopy__(self, memo: object) -> CustomVjp:  # as a function is copied
        return self

    def _as_op(self) -> AnyOp:
        return Owned(
            name=name_of(self.function),
            run=self._run,
            vjp=(self._cotangents,),
            jvp=(self._tangents,),
            batch=_on_examples,
        )

    def __get__(self, instance: object, owner: object = None) -> Any:
        """As an attribute of a class, a method where its function would be one."""
        bind = getattr(type(self.function), "__get__", None)
        if instance is None or bind is None:
            return self
        bound = bind(self.function, instance, owner)
        return self if bound is self.function else MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The output of the function."""
        if kwargs:
            args = self._by_position(args, kwargs)
        leaves, structure = tree.flatten(args)
        places = tuple(i for i, leaf in enumerate(leaves) if isinstance(leaf, Traced))
        rest = tuple(None if i in places else leaf for i, leaf in enumerate(leaves))
        packed = pack.bind(*(leaves[i] for i in places))
        out = self.op.bind(packed, arguments=Arguments(structure, rest, places), mapped=())
        return tree.unflatten(plain_of(out).residuals.structure, parts(out))

    def _by_position(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments of a call, in order, as the pullback has their cotangents."""
        name = self.op.name
        if why := unbound(self.function, args, kwargs):
            raise TypeError(f"{name}: {why}{at_line()}")
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        if bound.kwargs:
            raise TypeError(
                f"{name} (custom_vjp) takes its arguments in order, since its pullback returns a "
                f"cotangent for each; give {', '.join(bound.kwargs)} by position{at_line()}"
            )
        return bound.args

    def _run(self, x: Bundle, **call: Any) -> Bundle:
        name = self.op.name
        with closed(name):
            out, pull = self.called(x.parts, **call)
        leaves, structure = tree.flatten(out)
        for leaf in plain(leaves, name):
            if not is_operand(leaf):
                expected = "(output, pullback) with an output of real numbers"
                raise not_a_number("custom_vjp", name, expected, leaf)
        return Bundle(tuple(leaves), residuals=_Kept(structure, pull))

    def called(
        self, operands: Sequence[Value], arguments: Arguments, mapped: tuple[Flags, ...]
    ) -> tuple[Any, Pull]:
        """(output, pull) of the function; or of the function on all examples of batches."""
        call: Pulled = partial(self._on_operands, arguments)
        for flags in mapped:
            call = partial(_on_batch, self.op.name, call, flags)
        return call(*operands)

    def _cotangents(self, g: Bundle, out: Value, x: Value, **call: Any) -> Bundle:
        values = parts(out)
        filled = [zero_like(y) if c is None else c for c, y in zip(g.parts, values)]
        pullback, operands = self._pullback(out, x, call)
        return Bundle(tuple(results(pullback, [*filled, *operands])))

    def _tangents(self, t: Bundle, out: Value, x: Value, **call: Any) -> Bundle:
        which = tuple(i for i, tangent in enumerate(t.parts) if tangent is not None)
        pullback, operands = self._pullback(out, x, call)
        moves = [t.parts[i] for i in which]
        return Bundle(tuple(results(Pushforward(pullback, which), [*moves, *operands])))

    def _pullback(
        self, out: Value, x: Value, call: dict[str, Any]
    ) -> tuple[Pullback, Sequence[Value]]:
        """The pullback, and those of its operands that come after the cotangents."""
        count = len(plain_of(out).parts)
        if isinstance(out, Bundle):  # nothing that it was made of is traced
            return Pullback(self, call, count, out, x), ()
        return Pullback(self, call, count), parts(x)

    def _on_operands(self, arguments: Arguments, *operands: Value) -> tuple[Any, Pull]:
        """(output, pull) of the function, after a look at what it returned, and the pullback."""
        args = arguments.filled(operands)
        result = self.function(*args)
        if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
            raise OutputError(
                f"tapegrad.custom_vjp: {self.op.name} must return (output, pullback), but it "
                f"returned {describe(result)}"
            )
        out, pullback = result

        def pull(g: Any) -> list[Value | None]:
            given = pullback(g)
            if not isinstance(given, (tuple, list)) or len(given) != len(args):
                raise OutputError(
                    f"tapegrad.custom_vjp: the pullback of {self.op.name} must return a tuple with "
                    f"one cotangent for each of its {len(args)} arguments, but it returned "
                    f"{describe(given)}"
                )
            found = [c for i in range(len(args)) for c in self._by_leaf(given[i], args[i], i)]
            return [
                self._checked(found[place], x, arguments.structure, place)
                for place, x in zip(arguments.places, operands)
            ]

        return out, pull

    def _by_leaf(self, cotangent: Any, argument: Any, i: int) -> list[Value | None]:
        """The cotangent of each leaf of an argument; None stands for a leaf, or for a tree."""
        if is_operand(argument) and is_operand(cotangent):  # the common case
            return [cotangent]
        structure = tree.flatten(argument)[1]
        try:
            return spread(cotangent, structure, f"args[{i}]", lambda leaf: leaf is None)
        except ShapeError as error:
            what = (
                f"tapegrad.custom_vjp: the pullback of {self.op.name} must return for args[{i}] a "
                f"cotangent of its structure: {error}"
            )
            return [Refused(lambda: ShapeError(what))] * structure.num_leaves

    def _checked(self, value: Value, x: Value, args: tree.Structure, place: int) -> Value:
        """A cotangent that fits its operand; or the error, for those who ask for it."""
        if not is_floating(x) or isinstance(value, Refused):
            return value if isinstance(value, Refused) else None
        if is_operand(value) and shape_of(value) == shape_of(x):
            # The user's own array must not become a gradient that a caller may write into.
            return fit(value.copy() if isinstance(value, np.ndarray) else operand(value), x)

        def error() -> Exception:
            path = args.paths("args")[place]
            what = "a cotangent" if value is None or is_operand(value) else "a real cotangent"
            return ShapeError(
                f"tapegrad.custom_vjp: the pullback of {self.op.name} must return for {path} "
                f"{what} of shape {shape_of(x)}, but it returned {describe(value)}"
            )

        return Refused(error)


@attrs.frozen
class _Kept:
    """What a call left behind: the structure of its output, and its pull."""

    structure: tree.Structure
    pull: Pull

    def __call__(self, *g: Value) -> list[Value | None]:
        """The cotangents of the operands, from that of each leaf of the output."""
        return self.pull(tree.unflatten(self.structure, list(g)))


@attrs.frozen(eq=False, repr=False)
class Pullback:
    """The pullback of a call: of the cotangents of its outputs, then of its operands.

    out, x: what came of the call and its operands, if these are plain; then there are no others
    """

    custom: CustomVjp
    call: dict[str, Any]
    count: int
    out: Bundle | None = None
    x: Bundle | None = None

    @property
    def name(self) -> str:
        """The function's."""
        return str(self.custom.op.name)

    def __repr__(self) -> str:
        return f"pullback of {self.name}"

    def at(self, *operands: Value) -> tuple[Sequence[Value], Callable[..., list[Value | None]]]:
        """The outputs at the operands, and the pull from the cotangent of each."""
        if self.out is not None and self.out.residuals is not None:
            return self.out.parts, self.out.residuals
        if self.x is not None:
            operands = self.x.parts
        out, pull = self.custom.called(operands, **self.call)
        values, structure = tree.flatten(out)
        return values, _Kept(structure, pull)

    def __call__(self, *given: Value) -> list[Value | None]:
        """The cotangents of the operands."""
        return self.at(*given[self.count :])[1](*given[: self.count])


@attrs.frozen(repr=False)
class Pushforward:
    """The transpose of a pullback: of the tangents of the operands ``which``, then of all."""

    pullback: Pullback
    which: tuple[int, ...]

    @property
    def name(self) -> str:
        """The function's."""
        return self.pullback.name

    def __repr__(self) -> str:
        return f"pushforward of {self.name}"

    def __call__(self, *given: Value) -> list[Value | None]:
        """The tangents of the outputs."""
        count = len(self.which)
        values, pull = self.pullback.at(*given[count:])
        return transposed(self.name, pull, values, self.which, given[:count])


def _on_examples(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    (x,) = args
    packed = pack.bind(*x.parts)
    return op.bind(packed, arguments=p["arguments"], mapped=(*p["mapped"], x.batched))


def _on_batch(name: str, call: Pulled, flags: Flags, *operands: Value) -> tuple[Any, Pull]:
    """(output, pull) on all examples, which those operands have that are flagged.

    The pull calls again: what the first call kept are values of a batch that has ended by then.
    """
    axes = tuple(0 if flag else None for flag in flags)

    def output(*xs: Value) -> Any:
        return call(*xs)[0]

    output.__name__ = name  # in messages
    out = Batched(output, axes, 0)(*operands)

    def pull(g: Any) -> list[Value | None]:
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

    pullback(cotangent of the output) returns one cotangent for each argument, in order, None for
    one that needs none; of a method the first is that of self. Reverse mode is the pullback as it
    is. Forward mode is its transpose, and needs a pullback that is linear in the cotangent. Written
    with tapegrad's operations, f and pullback can be differentiated again.

    f is called with plain values, and may do with them what it likes. A traced value that it or the
    pullback computes with has to be one of its arguments.

    Raises OutputError and ShapeError for a result or a pullback of another form; OutputError for a
    traced value that is no argument, and in forward mode for a pullback that is not linear.

    >>> import tapegrad as tg
    >>> @tg.custom_vjp
    ... def clipped(x):  # the identity, whose gradient is kept between -1 and 1
    ...     return x, lambda g: (np.clip(g, -1.0, 1.0),)
    >>> float(tg.grad(lambda x: 5.0 * clipped(x))(2.0))
    1.0
    """
    return cast("Callable[[*Ts], Out]", CustomVjp(f))
