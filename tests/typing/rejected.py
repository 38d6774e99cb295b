"""What users must not write, each with what mypy --strict and pyright (strict) say about it.

Below a line stands what the two say of it; nothing else in this file gives a message, and nothing
here is ever run. Scalar, Array, Operand and Floats stand for the unions and arrays that they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp

Floats: TypeAlias = NDArray[np.float64]

X: Floats = np.ones((3, 2))
Y: Floats = np.ones(3)


@attrs.frozen
class Net:
    w: tg.Array
    b: tg.Scalar


class Pair(NamedTuple):
    w: tg.Array
    b: tg.Scalar


def loss(net: Net, x: Floats, y: Floats) -> tg.Scalar:
    return tnp.sum(tnp.square(x @ net.w + net.b - y))


def with_aux(pair: Pair, x: Floats) -> tuple[tg.Scalar, tg.Array]:
    return tnp.sum(x @ pair.w), x @ pair.w


def parabola(x: float) -> float:
    return x * x


def product(x: Floats, y: Floats) -> tg.Scalar:
    return tnp.sum(x * y)


def in_words(net: Net) -> str:
    return f"{net.w} {net.b}"


def nothing(net: Net) -> None:
    print(net.b)


def no_arguments() -> float:
    return 1.0


net = Net(np.ones(2), 0.0)
pair = Pair(np.ones(2), 0.0)

# A gradient is called like its function ------------------------------------------------------------

tg.grad(loss)(pair, X, Y)
# mypy says: Argument 1 to "__call__" of "Function" has incompatible type "Pair"; expected "Net" [arg-type]
# pyright says: Argument of type "Pair" cannot be assigned to parameter of type "Net" in function "__call__" [reportArgumentType]
tg.grad(loss)(net, X, "labels")
# mypy says: Argument 3 to "__call__" of "Function" has incompatible type "str"; expected "Floats" [arg-type]
# pyright says: Argument of type "Literal['labels']" cannot be assigned to parameter "y" of type "Floats" in function "__call__" [reportArgumentType]
tg.grad(loss)(net, X)
# mypy says: Missing positional argument "y" in call to "__call__" of "Function" [call-arg]
# pyright says: Argument missing for parameter "y" [reportCallIssue]
tg.grad(loss)(net, X, Y, Y)
# mypy says: Too many arguments for "__call__" of "Function" [call-arg]
# pyright says: Expected 3 positional arguments [reportCallIssue]
tg.grad(loss)(net, X, y=Y, z=Y)
# mypy says: Unexpected keyword argument "z" for "__call__" of "Function" [call-arg]
# pyright says: No parameter named "z" [reportCallIssue]
tg.grad(loss)(net=net, x=X, y=Y)
# mypy says: Unexpected keyword argument "net" for "__call__" of "Function" [call-arg]
# pyright says: Expected 1 more positional argument [reportCallIssue]
tg.grad(parabola)(X)
# mypy says: Argument 1 to "__call__" of "Function" has incompatible type "Floats"; expected "float" [arg-type]
# pyright says: Argument of type "Floats" cannot be assigned to parameter of type "float" in function "__call__" [reportArgumentType]
tg.grad(tg.grad(parabola))("3.0")
# mypy says: Argument 1 to "__call__" of "Function" has incompatible type "str"; expected "float" [arg-type]
# pyright says: Argument of type "Literal['3.0']" cannot be assigned to parameter of type "float" in function "__call__" [reportArgumentType]
tg.value_and_grad(loss)(pair, X, Y)
# mypy says: Argument 1 to "__call__" of "Function" has incompatible type "Pair"; expected "Net" [arg-type]
# pyright says: Argument of type "Pair" cannot be assigned to parameter of type "Net" in function "__call__" [reportArgumentType]

# It has the type of the parameters -----------------------------------------------------------------

tg.grad(loss)(net, X, Y).weights
# mypy says: "Net" has no attribute "weights" [attr-defined]
# pyright says: Type of "weights" is unknown [reportUnknownMemberType]
# pyright says: Cannot access attribute "weights" for class "Net" [reportAttributeAccessIssue]
tg.grad(loss)(net, X, Y)["w"]
# mypy says: Value of type "Net" is not indexable [index]
# pyright says: "__getitem__" method not defined on type "Net" [reportIndexIssue]
wrong_net: Pair = tg.grad(loss)(net, X, Y)
# mypy says: Incompatible types in assignment (expression has type "Net", variable has type "Pair") [assignment]
# pyright says: Type "Net" is not assignable to declared type "Pair" [reportAssignmentType]
wrong_array: Floats = tg.grad(parabola)(3.0)
# mypy says: Incompatible types in assignment (expression has type "float", variable has type "Floats") [assignment]
# pyright says: Type "float" is not assignable to declared type "Floats" [reportAssignmentType]
wrong_order: tuple[Net, tg.Scalar] = tg.value_and_grad(loss)(net, X, Y)
# mypy says: Incompatible types in assignment (expression has type "tuple[Scalar, Net]", variable has type "tuple[Net, Scalar]") [assignment]
# pyright says: Type "tuple[Scalar, Net]" is not assignable to declared type "tuple[Net, Scalar]" [reportAssignmentType]
wrong_count: Floats = tg.grad(product, argnums=(0, 1))(X, X)
# mypy says: Incompatible types in assignment (expression has type "tuple[Floats, Floats]", variable has type "Floats") [assignment]
# pyright says: Type "tuple[Floats, Floats]" is not assignable to declared type "Floats" [reportAssignmentType]
wrong_value: str = tg.value_and_grad(loss)(net, X, Y)[0]
# mypy says: Incompatible types in assignment (expression has type "Scalar", variable has type "str") [assignment]
# pyright says: Type "Scalar" is not assignable to declared type "str" [reportAssignmentType]

# Only functions of parameters to a number have one -------------------------------------------------

tg.grad(in_words)
# mypy says: Argument 1 to "grad" has incompatible type "Callable[[Net], str]"; expected "Callable[[Net], Scalar]" [arg-type]
# pyright says: Argument of type "(net: Net) -> str" cannot be assigned to parameter "f" of type "(P@grad, **Rest@grad) -> Scalar" in function "grad" [reportArgumentType]
tg.grad(nothing)
# mypy says: Argument 1 to "grad" has incompatible type "Callable[[Net], None]"; expected "Callable[[Net], Scalar]" [arg-type]
# pyright says: Argument of type "(net: Net) -> None" cannot be assigned to parameter "f" of type "(P@grad, **Rest@grad) -> Scalar" in function "grad" [reportArgumentType]
tg.grad(no_arguments)
# mypy says: Argument 1 to "grad" has incompatible type "Callable[[], float]"; expected "Callable[[P], Scalar]" [arg-type]
# pyright says: Argument of type "() -> float" cannot be assigned to parameter "f" of type "(P@grad, **Rest@grad) -> Scalar" in function "grad" [reportArgumentType]
tg.grad(3.0)
# mypy says: No overload variant of "grad" matches argument type "float" [call-overload]
# pyright says: Argument of type "float" cannot be assigned to parameter "f" of type "(P@grad, **Rest@grad) -> Scalar" in function "grad" [reportArgumentType]
tg.grad(with_aux)
# mypy says: Argument 1 to "grad" has incompatible type "Callable[[Pair, Floats], tuple[Scalar, Array]]"; expected "Callable[[Pair, Floats], Scalar]" [arg-type]
# pyright says: Argument of type "(pair: Pair, x: Floats) -> tuple[Scalar, Array]" cannot be assigned to parameter "f" of type "(P@grad, **Rest@grad) -> Scalar" in function "grad" [reportArgumentType]
tg.grad(parabola, has_aux=True)
# mypy says: No overload variant of "grad" matches argument types "Callable[[float], float]", "bool" [call-overload]
# pyright says: No overloads for "grad" match the provided arguments [reportCallIssue]
# pyright says: Argument of type "Literal[True]" cannot be assigned to parameter "has_aux" of type "Literal[False]" in function "grad" [reportArgumentType]
tg.grad(parabola, argnums="x")
# mypy says: No overload variant of "grad" matches argument types "Callable[[float], float]", "str" [call-overload]
# pyright says: No overloads for "grad" match the provided arguments [reportCallIssue]
# pyright says: Argument of type "Literal['x']" cannot be assigned to parameter "argnums" of type "int | tuple[int, ...]" in function "grad" [reportArgumentType]
tg.value_and_grad(in_words)
# mypy says: Value of type variable "S" of "value_and_grad" cannot be "str" [type-var]
# pyright says: Argument of type "(net: Net) -> str" cannot be assigned to parameter "f" of type "(P@value_and_grad, **Rest@value_and_grad) -> S@value_and_grad" in function "value_and_grad" [reportArgumentType]
tg.hessian(in_words)
# mypy says: Argument 1 to "hessian" has incompatible type "Callable[[Net], str]"; expected "Callable[[Net], Scalar]" [arg-type]
# pyright says: Argument of type "(net: Net) -> str" cannot be assigned to parameter "f" of type "(P@hessian, **Rest@hessian) -> Scalar" in function "hessian" [reportArgumentType]

# The other transforms ------------------------------------------------------------------------------

tg.vjp(product, X, "x")
# mypy says: Argument 1 to "vjp" has incompatible type "Callable[[Floats, Floats], Scalar]"; expected "Callable[[Floats, str], Scalar]" [arg-type]
# pyright says: Argument of type "tuple[Floats, Literal['x']]" cannot be assigned to parameter "primals" of type "Ts@vjp" in function "vjp" [reportArgumentType]
tg.vjp(product, X)
# mypy says: Argument 1 to "vjp" has incompatible type "Callable[[Floats, Floats], Scalar]"; expected "Callable[[Floats], Scalar]" [arg-type]
# pyright says: Argument of type "tuple[Floats]" cannot be assigned to parameter "primals" of type "Ts@vjp" in function "vjp" [reportArgumentType]
tg.vjp(parabola, 3.0)[1]("g")
# mypy says: Argument 1 has incompatible type "str"; expected "float" [arg-type]
# pyright says: Argument of type "Literal['g']" cannot be assigned to parameter of type "float" [reportArgumentType]
tg.jvp(product, (X, X), (X, "x"))
# mypy says: Argument 1 to "jvp" has incompatible type "Callable[[Floats, Floats], Scalar]"; expected "Callable[[Floats, Collection[Any]], Scalar]" [arg-type]
# pyright says: Argument of type "tuple[Floats, Literal['x']]" cannot be assigned to parameter "tangents" of type "tuple[*Ts@jvp]" in function "jvp" [reportArgumentType]
tg.jvp(product, (X, X), (X,))
# mypy says: Argument 1 to "jvp" has incompatible type "Callable[[Floats, Floats], Scalar]"; expected "def (*Floats) -> Scalar" [arg-type]
# pyright says: Argument of type "tuple[Floats]" cannot be assigned to parameter "tangents" of type "tuple[*Ts@jvp]" in function "jvp" [reportArgumentType]
tg.hvp(in_words, (net,), (net,))
# mypy says: Argument 1 to "hvp" has incompatible type "Callable[[Net], str]"; expected "Callable[[Net], Scalar]" [arg-type]
# pyright says: No overloads for "hvp" match the provided arguments [reportCallIssue]
# pyright says: Argument of type "(net: Net) -> str" cannot be assigned to parameter "f" of type "(*Ts@hvp) -> Scalar" in function "hvp" [reportArgumentType]
tg.vmap(product)(X, "x")
# mypy says: Argument 2 to "__call__" of "Function" has incompatible type "str"; expected "Floats" [arg-type]
# pyright says: Argument of type "Literal['x']" cannot be assigned to parameter "y" of type "Floats" in function "__call__" [reportArgumentType]
tg.record(parabola, "x")
# mypy says: Argument 2 to "record" has incompatible type "str"; expected "float" [arg-type]
# pyright says: Argument of type "Literal['x']" cannot be assigned to parameter "x" of type "float" [reportArgumentType]
tg.record(parabola, 3.0).values
# mypy says: "Recording[float]" has no attribute "values"; maybe "value"? [attr-defined]
# pyright says: Type of "values" is unknown [reportUnknownMemberType]
# pyright says: Cannot access attribute "values" for class "Recording[float]" [reportAttributeAccessIssue]


@tg.custom_vjp
# mypy says: Argument 1 to "custom_vjp" has incompatible type "Callable[[Array], Array]"; expected "Callable[[Array], tuple[Never, Callable[[Never], Sequence[Any]]]]" [arg-type]
# pyright says: Argument of type "(x: Array) -> Array" cannot be assigned to parameter "f" of type "(*Ts@custom_vjp) -> tuple[Out@custom_vjp, (Out@custom_vjp) -> Sequence[Any]]" in function "custom_vjp" [reportArgumentType]
def without_pullback(x: tg.Array) -> tg.Array:
    return x


# Values --------------------------------------------------------------------------------------------


def values(a: tg.Array, v: tg.Var, s: tg.Scalar) -> None:
    tnp.exp("x")
    # mypy says: Argument 1 to "__call__" of "Op" has incompatible type "str"; expected "Operand" [arg-type]
    # pyright says: Argument of type "Literal['x']" cannot be assigned to parameter "x" of type "Operand" in function "__call__" [reportArgumentType]
    tnp.sum(a, axis="rows")
    # mypy says: Argument "axis" to "__call__" of "Op" has incompatible type "str"; expected "int | tuple[int, ...] | None" [arg-type]
    # pyright says: Argument of type "Literal['rows']" cannot be assigned to parameter "axis" of type "Axis" in function "__call__" [reportArgumentType]
    tnp.max(a, 0, X)
    # mypy says: Argument 3 to "__call__" of "Op" has incompatible type "Floats"; expected "None" [arg-type]
    # pyright says: Argument of type "Floats" cannot be assigned to parameter "out" of type "None" in function "__call__" [reportArgumentType]
    v.sum(0, float, X)
    # mypy says: Argument 3 to "sum" of "Methods" has incompatible type "Floats"; expected "None" [arg-type]
    # pyright says: Argument of type "Floats" cannot be assigned to parameter "out" of type "None" in function "sum" [reportArgumentType]
    tnp.ravel(a, "K")
    # mypy says: Argument 2 to "ravel" has incompatible type "Literal['K']"; expected "Literal['C', 'F']" [arg-type]
    # pyright says: Argument of type "Literal['K']" cannot be assigned to parameter "order" of type "Order" in function "ravel" [reportArgumentType]
    tnp.sort(a, kind="bubble")
    # mypy says: Argument "kind" to "__call__" of "Op" has incompatible type "Literal['bubble']"; expected "Literal['quicksort', 'heapsort', 'mergesort', 'stable'] | None" [arg-type]
    # pyright says: Argument of type "Literal['bubble']" cannot be assigned to parameter "kind" of type "Sorting" in function "__call__" [reportArgumentType]
    tnp.clip(a, 0.0)
    # mypy says: No overload variant of "clip" matches argument types "Array", "float" [call-overload]
    # pyright says: No overloads for "clip" match the provided arguments [reportCallIssue]
    tnp.linalg.trace(a, 1)
    # mypy says: Too many positional arguments for "trace" [call-arg]
    # pyright says: Expected 1 positional argument [reportCallIssue]
    tnp.zeros_like(a, device="gpu")
    # mypy says: Argument "device" to "zeros_like" has incompatible type "Literal['gpu']"; expected "Literal['cpu'] | None" [arg-type]
    # pyright says: Argument of type "Literal['gpu']" cannot be assigned to parameter "device" of type "Literal['cpu'] | None" in function "zeros_like" [reportArgumentType]
    tg.special.logsumexp(a, 0, True)
    # mypy says: Too many positional arguments for "__call__" of "Op" [call-arg]
    # pyright says: Expected 2 positional arguments [reportCallIssue]
    print(v + "x")
    # mypy says: Argument 1 has incompatible type "str"; expected "Operand" [arg-type]
    # pyright says: Operator "+" not supported for types "Var" and "Literal['x']" [reportOperatorIssue]
    # pyright says: Argument type is unknown [reportUnknownArgumentType]
    v.shape = (3,)
    # mypy says: Property "shape" defined in "ArrayLike" is read-only [misc]
    # pyright says: Cannot assign to attribute "shape" for class "Var" [reportAttributeAccessIssue]
    v[0] = 1.0
    # mypy says: Unsupported target for indexed assignment ("Var") [index]
    # pyright says: "__setitem__" method not defined on type "Var" [reportIndexIssue]
    v.backward()
    # mypy says: "Var" has no attribute "backward" [attr-defined]
    # pyright says: Type of "backward" is unknown [reportUnknownMemberType]
    # pyright says: Cannot access attribute "backward" for class "Var" [reportAttributeAccessIssue]
    a.grad
    # mypy says: Item "Var" of "Array" has no attribute "grad" [union-attr]
    # mypy says: Item "ndarray[tuple[Any, ...], dtype[floating[Any]]]" of "Array" has no attribute "grad" [union-attr]
    # pyright says: Type of "grad" is unknown [reportUnknownMemberType]
    # pyright says: Cannot access attribute "grad" for class "Var" [reportAttributeAccessIssue]
    # pyright says: Cannot access attribute "grad" for class "NDArray[floating[Any]]" [reportAttributeAccessIssue]
    whole: int = a.ndim + 0.5
    # mypy says: Incompatible types in assignment (expression has type "float", variable has type "int") [assignment]
    # pyright says: Type "float" is not assignable to declared type "int" [reportAssignmentType]
    array: tg.Array = s
    # mypy says: Incompatible types in assignment (expression has type "Scalar", variable has type "Array") [assignment]
    # pyright says: Type "Scalar" is not assignable to declared type "Array" [reportAssignmentType]
    print(whole, array)


# Training ------------------------------------------------------------------------------------------

optimizer = tg.optim.sgd(0.1)
state = optimizer.init(net)
wrong_update: Pair = optimizer.update(net, state, net)[0]
# mypy says: Incompatible types in assignment (expression has type "Net", variable has type "Pair") [assignment]
# pyright says: Type "Net" is not assignable to declared type "Pair" [reportAssignmentType]
wrong_map: Pair = tg.tree.map(lambda x: -x, net)
# mypy says: Incompatible types in assignment (expression has type "Net", variable has type "Pair") [assignment]
# pyright says: Type "Net" is not assignable to declared type "Pair" [reportAssignmentType]
tg.optim.sgd("fast")
# mypy says: Argument 1 to "sgd" has incompatible type "str"; expected "Scalar | Callable[[int], Scalar]" [arg-type]
# pyright says: Argument of type "Literal['fast']" cannot be assigned to parameter "learning_rate" of type "Scalar | Schedule" in function "sgd" [reportArgumentType]
tg.nn.linear(net, X)
# mypy says: Argument 1 to "linear" has incompatible type "Net"; expected "Linear" [arg-type]
# pyright says: Argument of type "Net" cannot be assigned to parameter "params" of type "Linear" in function "linear" [reportArgumentType]
wrong_function: Callable[[float], str] = tg.grad(parabola)
# mypy says: Incompatible types in assignment (expression has type "Function[[float], float]", variable has type "Callable[[float], str]") [assignment]
# pyright says: Type "Function[(float), float]" is not assignable to declared type "(float) -> str" [reportAssignmentType]


# Words of others, which the errors know -----------------------------------------------------------

tg.tanh
# mypy says: Module has no attribute "tanh" [attr-defined]
# pyright says: Type of "tanh" is unknown [reportUnknownMemberType]
# pyright says: "tanh" is not a known attribute of module "tapegrad" [reportAttributeAccessIssue]
tg.nn.ReLU
# mypy says: Module has no attribute "ReLU" [attr-defined]
# pyright says: Type of "ReLU" is unknown [reportUnknownMemberType]
# pyright says: "ReLU" is not a known attribute of module "..nn" [reportAttributeAccessIssue]
tg.numpy.diff
# mypy says: Module has no attribute "diff" [attr-defined]
# pyright says: Type of "diff" is unknown [reportUnknownMemberType]
# pyright says: "diff" is not a known attribute of module "..numpy" [reportAttributeAccessIssue]
tg.grad(parabola).backward
# mypy says: "Function[[float], float]" has no attribute "backward" [attr-defined]
# pyright says: Type of "backward" is unknown [reportUnknownMemberType]
# pyright says: Cannot access attribute "backward" for class "Function[(float), float]" [reportAttributeAccessIssue]
