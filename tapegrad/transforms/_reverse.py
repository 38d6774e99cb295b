"""Reverse mode: gradients, and the pullback that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Literal, TypeVar, overload

import attrs

from .. import tree
from .._errors import OutputError, describe, name_of
from .._hints import indented
from .._tape import Scalar, Tape, Var
from .._texts import KEEP_BESIDE, NO_RETURN, NOT_SCALAR
from .._typing import Aux, Function, Out, P, Q, Rest, Ts
from .._values import copied, like, like_leaves, own, shape_of
from .._warnings import FAULTS, blame, watched
from .._words import Absent, present
from ..numpy import TABLE
from ._boundary import (
    a_function,
    check_alive,
    chosen,
    is_differentiable,
    not_a_number,
    parameters,
    stripped,
    traced,
)
from ._linear import linearise
from ._replay import backward
from ._written import written_at

S = TypeVar("S", bound=Scalar)


@attrs.frozen
class Gradient:
    """What `grad` and `value_and_grad` return: a function of the same arguments.

    It holds nothing but what it was made of, so it pickles where the function does.
    """

    function: Callable[..., Any] = attrs.field(validator=a_function)
    argnums: int | tuple[int, ...]
    has_aux: bool
    with_value: bool

    backward = step = zero_grad = Absent(
        "what tapegrad.grad and tapegrad.value_and_grad return is a function, whose call returns "
        "the gradients" + indented("tapegrad.grad(f)(x)")
    )

    @property
    def transform(self) -> str:
        """The name of the transform that made it."""
        return "value_and_grad" if self.with_value else "grad"

    @property
    def __name__(self) -> str:
        return f"{self.transform}({name_of(self.function)})"

    def __dir__(self) -> list[str]:
        return present(self)

    @watched
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The gradient at these arguments, with the value or aux where asked for."""
        places = chosen(self.argnums, len(args), self.__name__)
        names = ["params" if len(args) == 1 else f"args[{i}]" for i in places]
        trees = [parameters(args[i], name) for i, name in zip(places, names)]
        arguments = list(args)
        everything = [leaf for leaves, _ in trees for leaf in leaves]
        with Tape(TABLE, self.transform, self.function) as tape:
            nodes = tape.nodes
            for i, parts in zip(places, trees):
                arguments[i] = traced(tape, parts)
            out, aux = self._split(self.function(*arguments, **kwargs))
            out = self._scalar(out)
            if self.has_aux:
                found, structure = tree.flatten(aux)
                aux = tree.unflatten(structure, own(stripped(tape, found), everything))
        seeds = {}
        if out.__class__ is Var and out._trace is tape:
            seeds[out._index] = like(1.0, out)
            out = out._value
        try:
            raw = backward(nodes, seeds, len(everything), consume=True)
        except FAULTS as error:  # at the node that was taken last
            again = len(nodes), self.function, arguments, kwargs, dict(zip(places, trees))
            blame(error, lambda node: written_at(node.op, *again))
            raise
        found = like_leaves(raw, everything)
        gradients = tree.unflatten_all([structure for _, structure in trees], found)
        gradient = tuple(gradients) if isinstance(self.argnums, (tuple, list)) else gradients[0]
        if self.with_value:
            (out,) = own([out], everything)
            return ((out, aux) if self.has_aux else out), gradient
        return (gradient, aux) if self.has_aux else gradient

    def _split(self, result: Any) -> tuple[Any, Any]:
        """The output and aux."""
        if not self.has_aux:
            return result, None
        if not isinstance(result, tuple) or len(result) != 2:
            raise OutputError(
                f"{self.__name__} with has_aux=True needs a function that returns (value, aux), "
                f"but it returned {describe(result)}"
            )
        return result

    def _scalar(self, out: Any) -> Any:
        """The output, checked: one floating-point number."""
        check_alive(out)
        function = name_of(self.function)
        if not is_differentiable(out):
            remedy = NO_RETURN if out is None else "" if self.has_aux else KEEP_BESIDE
            raise not_a_number(self.transform, function, "one floating-point number", out, remedy)
        if shape_of(out) != ():
            raise OutputError(
                NOT_SCALAR.format(
                    transform=f"tapegrad.{self.transform}", function=function, got=describe(out)
                )
            )
        return out


@overload
def grad(
    f: Callable[Concatenate[P, Rest], Scalar],
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
) -> Function[Concatenate[P, Rest], P]: ...
@overload
def grad(
    f: Callable[Concatenate[P, Rest], tuple[Scalar, Aux]],
    argnums: Literal[0] = 0,
    *,
    has_aux: Literal[True],
) -> Function[Concatenate[P, Rest], tuple[P, Aux]]: ...
@overload
def grad(
    f: Callable[Concatenate[P, Q, Rest], Scalar],
    argnums: Literal[1],
    has_aux: Literal[False] = False,
) -> Function[Concatenate[P, Q, Rest], Q]: ...
@overload
def grad(
    f: Callable[Concatenate[P, Q, Rest], tuple[Scalar, Aux]],
    argnums: Literal[1],
    *,
    has_aux: Literal[True],
) -> Function[Concatenate[P, Q, Rest], tuple[Q, Aux]]: ...
@overload
def grad(
    f: Callable[Concatenate[P, Q, Rest], Scalar],
    argnums: tuple[Literal[0], Literal[1]],
    has_aux: Literal[False] = False,
) -> Function[Concatenate[P, Q, Rest], tuple[P, Q]]: ...
@overload
def grad(
    f: Callable[Concatenate[P, Q, Rest], tuple[Scalar, Aux]],
    argnums: tuple[Literal[0], Literal[1]],
    *,
    has_aux: Literal[True],
) -> Function[Concatenate[P, Q, Rest], tuple[tuple[P, Q], Aux]]: ...
@overload
def grad(
    f: Callable[Concatenate[P, Rest], Scalar],
    argnums: int | tuple[int, ...],
    has_aux: Literal[False] = False,
) -> Function[Concatenate[P, Rest], Any]: ...
@overload
def grad(
    f: Callable[Concatenate[P, Rest], tuple[Scalar, Aux]],
    argnums: int | tuple[int, ...],
    *,
    has_aux: Literal[True],
) -> Function[Concatenate[P, Rest], tuple[Any, Aux]]: ...
def grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The gradient of a function with a scalar output, as a function of the same arguments.

    The gradient by the argument at position ``argnums`` (several: a tuple of gradients) has that
    argument's structure: each leaf keeps its shape, dtype and kind (a float gives a float; an int
    counts as one). With ``has_aux``, f returns (value, aux) and the result is (gradient, aux).

    Raises LeafError for parameters that are not floating point, OutputError if f does not return
    one floating-point number. f must be pure: an array that it overwrites while it runs gives a
    wrong gradient, since the tape keeps arrays, not copies.

    >>> import tapegrad as tg
    >>> tg.grad(lambda x: 3 * x**2 - 4 * x + 5)(3.0)
    14.0
    >>> tg.grad(lambda p: p["a"] * p["b"])({"a": 2.0, "b": -3.0})
    {'a': -3.0, 'b': 2.0}
    """
    return Gradient(f, argnums, has_aux, with_value=False)


@overload
def value_and_grad(
    f: Callable[Concatenate[P, Rest], S],
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
) -> Function[Concatenate[P, Rest], tuple[S, P]]: ...
@overload
def value_and_grad(
    f: Callable[Concatenate[P, Rest], tuple[S, Aux]],
    argnums: Literal[0] = 0,
    *,
    has_aux: Literal[True],
) -> Function[Concatenate[P, Rest], tuple[tuple[S, Aux], P]]: ...
@overload
def value_and_grad(
    f: Callable[Concatenate[P, Q, Rest], S],
    argnums: Literal[1],
    has_aux: Literal[False] = False,
) -> Function[Concatenate[P, Q, Rest], tuple[S, Q]]: ...
@overload
def value_and_grad(
    f: Callable[Concatenate[P, Q, Rest], tuple[S, Aux]],
    argnums: Literal[1],
    *,
    has_aux: Literal[True],
) -> Function[Concatenate[P, Q, Rest], tuple[tuple[S, Aux], Q]]: ...
@overload
def value_and_grad(
    f: Callable[Concatenate[P, Q, Rest], S],
    argnums: tuple[Literal[0], Literal[1]],
    has_aux: Literal[False] = False,
) -> Function[Concatenate[P, Q, Rest], tuple[S, tuple[P, Q]]]: ...
@overload
def value_and_grad(
    f: Callable[Concatenate[P, Q, Rest], tuple[S, Aux]],
    argnums: tuple[Literal[0], Literal[1]],
    *,
    has_aux: Literal[True],
) -> Function[Concatenate[P, Q, Rest], tuple[tuple[S, Aux], tuple[P, Q]]]: ...
@overload
def value_and_grad(
    f: Callable[Concatenate[P, Rest], S],
    argnums: int | tuple[int, ...],
    has_aux: Literal[False] = False,
) -> Function[Concatenate[P, Rest], tuple[S, Any]]: ...
@overload
def value_and_grad(
    f: Callable[Concatenate[P, Rest], tuple[S, Aux]],
    argnums: int | tuple[int, ...],
    *,
    has_aux: Literal[True],
) -> Function[Concatenate[P, Rest], tuple[tuple[S, Aux], Any]]: ...
def value_and_grad(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """As `grad`, but the value comes along: (value, gradient), or ((value, aux), gradient).

    >>> import tapegrad as tg
    >>> tg.value_and_grad(lambda x: 3 * x**2 - 4 * x + 5)(3.0)
    (20.0, 14.0)
    """
    return Gradient(f, argnums, has_aux, with_value=True)


def vjp(f: Callable[[*Ts], Out], *primals: *Ts) -> tuple[Out, Callable[[Out], tuple[*Ts]]]:
    """f's output at the primals, and its pullback there: cotangent -> one cotangent per primal.

    The output may be any tree of floating-point numbers and arrays. Raises LeafError and
    OutputError for leaves that are not floating point.

    >>> import tapegrad as tg
    >>> out, pullback = tg.vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> out, pullback(1.0)
    (6.0, (3.0, 2.0))
    """
    given: Sequence[object] = primals
    trees = [parameters(primal, f"primals[{i}]") for i, primal in enumerate(given)]
    at = linearise(f, "vjp", [(copied(leaves), structure) for leaves, structure in trees])
    return at.out, at.pull
