"""The longer messages: what came, what is wrong with it, and what to write instead."""

from __future__ import annotations

NOT_SCALAR = """\
{transform} needs a function with a scalar output, but {function} returned {got}.
Reduce it to one number, for example with .sum() or .mean(); or ask for every derivative with \
tapegrad.jacrev({function}), or for one combination of them with tapegrad.vjp."""

NOT_A_NUMBER = """\
{transform} needs a function that returns {expected}, but {function} returned {got}."""

NO_RETURN = """
Is its return statement missing?"""

KEEP_BESIDE = """
To keep something beside the value, return (value, it) and say has_aux=True."""

ESCAPED = """\
A traced value ({what}) is used after {owner} has ended, and its tape is gone.
It escaped from the function: it was kept in a global, an attribute, a list or an iterator.
Return it instead (tapegrad.grad(f, has_aux=True) gives it back as a plain value), or keep \
x.value."""

ASSIGNMENT = """\
Traced values are immutable: x[i] = v cannot be differentiated.{where}
Write  x = tapegrad.at(x)[i].set(v)  instead, or  x = tapegrad.at(x)[i].add(v)  for x[i] += v."""

DELETION = """\
Traced values are immutable: del x[i] cannot be differentiated.{where}
Take what is to stay: x[mask], or numpy.concatenate([x[:i], x[i + 1 :]])."""

FORMAT = """\
The format {spec!r} is for one number, not for {what}.{where}
Give it to one element, or print x, which shows all."""

UNHASHABLE = """\
A traced value is unhashable, as an array is: it is no key of a dict and no element of a set.{where}
Use x.value, if it is a number."""

TO_NUMBER = """\
{call} of a traced value ({what}) would lose its gradient.{where}
For mathematics, use NumPy's functions (numpy.exp, not math.exp); in place of array[i] = x write \
tapegrad.at(array)[i].set(x); for a plain number to print or to compare, use x.value."""

TO_INDEX = """\
A traced value ({what}) cannot be an index: an index is an integer.{where}
If it holds whole numbers that need no gradient, use x.value.astype(int)."""

TO_ARRAY = """\
A traced value ({what}) cannot become a plain NumPy array: its gradient would be lost.{where}
To put traced values together use numpy.stack([x, y]), not numpy.array([x, y]); in place of \
array[i] = x write tapegrad.at(array)[i].set(x); for the plain numbers, use x.value."""

TO_LIBRARY = """\
Where no gradient goes through it, give it x.value, a constant."""

TO_PICKLE = """\
A traced value ({what}) cannot be pickled: it is part of a call that runs here and now.{where}
Pickle x.value, a constant to every gradient; or return it, and pickle what the transform gives."""

MISSING_RULE = """\
{function} has no derivative rule in tapegrad.{where}
{nearest}
Write it with operations that have one, or give it a rule with tapegrad.custom_vjp."""

OUT_ARGUMENT = """\
{function} was asked to write into an array, by out= or by an operator such as a += x.{where}
A traced value is immutable, and a plain array cannot hold one. Make a new array instead: \
y = {function}(...) without out=, a = a + x in place of a += x."""

WRITER = """\
{function} writes into an array.{where}
A traced value is immutable, and a plain array cannot hold one. Make a new array instead: \
a = tapegrad.at(a)[i].set(x), or .add(x)."""

OPTION = """\
{function} of a traced value cannot be called like this: {why}.{where}
{remedy}"""

# What to write in place of functions that have no rule, where it is a line.
INSTEAD = {
    "numpy.add.accumulate": "numpy.cumsum",
    "numpy.add.reduce": "numpy.sum",
    "numpy.allclose": "numpy.allclose(x.value, y.value)",
    "numpy.append": "numpy.concatenate",
    "numpy.array_equal": "numpy.array_equal(x.value, y.value)",
    "numpy.array_split": "slices, x[:k] and x[k:]",
    "numpy.atleast_1d": "numpy.reshape(x, (-1,)), or x[None] for a number",
    "numpy.average": "(w * x).sum() / w.sum()",
    "numpy.column_stack": "numpy.stack(vectors, axis=1)",
    "numpy.count_nonzero": "(x != 0).sum()",
    "numpy.cross": "numpy.stack of the three differences of products",
    "numpy.cumprod": "numpy.exp(numpy.cumsum(numpy.log(x))) for positive x",
    "numpy.deg2rad": "x * (numpy.pi / 180)",
    "numpy.diff": "x[1:] - x[:-1]",
    "numpy.dstack": "numpy.stack(arrays, axis=2)",
    "numpy.fabs": "numpy.abs",
    "numpy.float_power": "numpy.power",
    "numpy.fmax": "numpy.maximum",
    "numpy.fmin": "numpy.minimum",
    "numpy.hstack": "numpy.concatenate(arrays, axis=1); axis=0 for vectors",
    "numpy.isclose": "numpy.isclose(x.value, y.value)",
    "numpy.kron": 'numpy.einsum("ij,kl->ikjl", x, y).reshape(...)',
    "numpy.linalg.lstsq": "numpy.linalg.solve(a.T @ a, a.T @ b) where a has full column rank",
    "numpy.maximum.reduce": "numpy.max",
    "numpy.minimum.reduce": "numpy.min",
    "numpy.median": "x = numpy.sort(x); x[n // 2], or the mean of the two in the middle for even n",
    "numpy.multiply.outer": "x[:, None] * y[None, :]",
    "numpy.multiply.reduce": "numpy.prod",
    "numpy.nan_to_num": "numpy.where(numpy.isnan(x), 0.0, x)",
    "numpy.nansum": "numpy.where(numpy.isnan(x), 0.0, x).sum()",
    "scipy.special.expit": "tapegrad.nn.sigmoid(x)",
    "scipy.special.erf": "tapegrad.special.erf(x)",
    "scipy.special.logsumexp": "tapegrad.special.logsumexp(x)",
    "scipy.special.log_softmax": "tapegrad.nn.log_softmax(x, axis=None)",
    "scipy.special.softmax": "tapegrad.nn.softmax(x, axis=None)",
    "scipy.linalg.det": "numpy.linalg.det",
    "scipy.linalg.inv": "numpy.linalg.inv",
    "scipy.linalg.norm": "numpy.linalg.norm",
    "scipy.linalg.solve": "numpy.linalg.solve",
    "numpy.full": "numpy.broadcast_to(fill_value, shape)",
    "numpy.nonzero": "numpy.nonzero(x.value)",
    "numpy.ptp": "x.max() - x.min()",
    "numpy.rad2deg": "x * (180 / numpy.pi)",
    "numpy.roll": "numpy.concatenate([x[-k:], x[:-k]]) for the first axis",
    "numpy.searchsorted": "numpy.searchsorted(a, x.value)",
    "numpy.sinc": "numpy.sin(numpy.pi * x) / (numpy.pi * x)",
    "numpy.split": "slices, x[:k] and x[k:]",
    "numpy.trapezoid": "((y[1:] + y[:-1]) * dx).sum() / 2",
    "numpy.vdot": "numpy.dot",
    "numpy.vstack": "numpy.concatenate(arrays, axis=0); numpy.stack for vectors",
}

INTEGER_LEAF = """\
{path} is {got}: integers and booleans have no gradient.
Make it floating point ({remedy}), or do not differentiate with respect to it \
(close over it, pass it as another argument, or choose argnums)."""

COMPLEX_LEAF = """\
{path} is {got}: only real numbers can be differentiated.
Pass its real and imaginary parts as two parameters."""

COMPLEX_OPERAND = """\
{got} is complex: only real numbers can be computed with.{where}
Compute with the real and imaginary parts as two real values."""

OBJECTS_TRACED = """\
{got} holds traced values as Python objects, where NumPy would lose part of their gradients.{where}
Put traced values together with numpy.stack([x, y]) or numpy.concatenate; in place of \
array[i] = x write tapegrad.at(array)[i].set(x)."""

NO_OPERAND = """\
Expected a real number or an array of real numbers, got {got}.{where}"""

NO_DTYPE = """\
Expected the dtype of real numbers (floating point, integers or bool), got {got}.{where}"""

UNKNOWN_LEAF = """\
{path} is {got}, which is not a number, an array or a tree of them.
Parameters are floats and floating-point arrays in dicts, lists, tuples, NamedTuples, dataclasses \
and attrs classes. What is not a parameter can be passed as another argument, be closed over, or \
be marked static in its class: attrs.field(metadata={{"static": True}})."""

NOT_LIKE_ARRAYS = """\
{got} does not compute as other arrays do, and has no derivative rules.{where}
Give a plain array: numpy.asarray(a) of a matrix, or of an array with units; of a masked array \
a.filled(0.0), or tapegrad.numpy.where(mask, 0.0, x)."""

OF_THE_VALUE = """\
a traced value has no attribute {name!r}; the plain value has, a constant to every gradient: \
x.value.{name}"""

IN_PLACE = """\
a traced value has no attribute {name!r}: it cannot be changed in place. Functions return new \
arrays: numpy.sort(x), tapegrad.at(x)[i].set(v)"""

BATCHED_BOOL = """\
The truth of a batched value differs from example to example, so vmap cannot take one branch.{where}
Write tapegrad.numpy.where(condition, a, b) instead of if condition."""

BATCHED_MASK = """\
x[mask] with a batched mask would differ in length from example to example, so vmap cannot stack \
the results.{where}
Write tapegrad.numpy.where(mask, x, 0.0) instead of x[mask]."""

BATCHED_INT = """\
A batched integer differs from example to example, so vmap cannot make it one Python int.{where}
As an index it can stay as it is: tapegrad.numpy.take(x, i); in place of a slice, use an array of \
indices."""

BATCHED_VALUE = """\
A batched value differs from example to example, so that under vmap x.value is not one value.{where}
print(x) shows the whole batch. To compute with it, use x itself; to stop its gradient, \
tapegrad.stop_gradient(x)."""

BATCHED_INDEX = """\
A batched value differs from example to example, so vmap cannot make it one plain NumPy \
array.{where}
To index a plain array with it, write tapegrad.numpy.take(array, i) instead of array[i]."""

CUSTOM_CLOSURE = """\
tapegrad.custom_vjp: {function} uses a traced value that is not one of its arguments, so the \
pullback has no place for its gradient.{where}
Pass that value as an argument, and let the pullback return its cotangent; or use x.value if it is \
a constant."""

NOT_LINEAR = """\
tapegrad.custom_vjp: forward mode needs the transpose of the pullback of {function}, which has one \
if it is linear in its cotangent; but {what}.{where}
Use reverse mode, which is the pullback as it is (tapegrad.grad, vjp or jacrev; for second \
derivatives jacrev(grad(f)) in place of hessian(f)), or write the pullback with operations that \
are linear in the cotangent."""

OTHER_PATH = """\
{name} goes another way for these arguments: {step} is now {got}, and it decides by {why}.{where}
Record it again with them: tapegrad.record({name}, ...).program."""

CAUGHT = """\
{name} met an error on its way, and went on: {error}
For which arguments it comes again, a program cannot tell. Decide by a condition instead."""

OTHER_ARGUMENTS = """\
{name}: {path} is {got}, but the program was recorded for {wanted}.
Give the same kind, dtype and shape, or record it again with these arguments."""
