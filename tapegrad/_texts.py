"""The longer messages: what came, what is wrong with it, and what to write instead.

A line indented by four is code: it is run by the tests, and gives what was meant. What to write in
place of NumPy's functions is in `_hints.py`, in place of other libraries' words in `_words.py`.
"""

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
Write in its place, and in place of x[i] += v:
    x = tapegrad.at(x)[i].set(v)
    x = tapegrad.at(x)[i].set(x[i] + v)"""

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
For mathematics, use NumPy's functions: numpy.exp, not math.exp. For a plain number to print or to \
compare, use x.value. In place of array[i] = x write
    array = tapegrad.at(array)[i].set(x)"""

TO_INDEX = """\
A traced value ({what}) cannot be an index: an index is an integer.{where}
If it holds whole numbers that need no gradient, the index is, of a number or of an array,
    int(x.value)
    x.value.astype(int)"""

TO_ARRAY = """\
A traced value ({what}) cannot become a plain NumPy array: its gradient would be lost.{where}
For the plain numbers, use x.value. In place of numpy.array([x, y]), of numpy.array([[x, y], \
[z, w]]) and of array[i] = x write
    numpy.stack([x, y])
    numpy.stack([numpy.stack([x, y]), numpy.stack([z, w])])
    array = tapegrad.at(array)[i].set(x)"""

TO_LIBRARY = """
Where no gradient goes through it, give it x.value, a constant."""

TO_PICKLE = """\
A traced value ({what}) cannot be pickled: it is part of a call that runs here and now.{where}
Pickle x.value, a constant to every gradient; or return it, and pickle what the transform gives."""

MISSING_RULE = """\
{function} has no derivative rule in tapegrad.{where}
{remedy}"""

OF_A_LIST = """\
{function} has no derivative rule for lists of traced values, only for arrays.{where}
In place of {instead} write
    {code}"""

OURS = """\
{function} does not see that an argument is traced, and tapegrad's own does.{where}
In place of {instead} write
    {code}"""

MASKED = """\
numpy.ma computes with masks. Give NumPy's own functions a plain array: of a masked array \
a.filled(0.0), or tapegrad.numpy.where(a.mask, 0.0, a.data)."""

SIMILAR = """\
Of those that have one, these have a similar name: {names}.
"""

NO_HINT = """\
Write it with operations that have one, or give it a rule with tapegrad.custom_vjp."""

OUT_ARGUMENT = """\
{function} was asked to write into an array, by out= or by an operator such as a += x.{where}
A traced value is immutable, and a plain array cannot hold one. Make a new array instead: \
y = {function}(...) without out=."""

IN_PLACE_OPERATOR = """\
{function} was asked to write into an array, by out= or by a {sign}= x.{where}
A traced value is immutable, and a plain array cannot hold one. Make a new array instead: \
y = {function}(...) without out=, and in place of a {sign}= x
    a = a {sign} x"""

WRITER = """\
{function} writes into an array.{where}
A traced value is immutable, and a plain array cannot hold one. Make a new array instead.
{remedy}"""

OPTION = """\
{function} of a traced value cannot be called like this: {why}.{where}
{remedy}"""

NO_REMEDY = """\
Write it with the arguments that tapegrad.numpy has for it."""

# What follows where a leaf may be a field of a class.
STATIC = """
A setting that is a field of a class is marked static there:
    dataclasses.field(metadata={{"static": True}})
    attrs.field(metadata={{"static": True}})"""

INTEGER_LEAF = (
    """\
{path} is {got}: integers have no gradient.
If it is a parameter, make it floating point: {path}.astype(float). If not, do not differentiate \
with respect to it: close over it, pass it as another argument, or choose argnums."""
    + STATIC
)

SETTING_LEAF = (
    """\
{path} is {got}, which has no gradient: it is not a parameter.
Do not differentiate with respect to it: close over it, or pass it as another argument."""
    + STATIC
)

COMPLEX_LEAF = """\
{path} is {got}: only real numbers can be differentiated.
Pass its real and imaginary parts as two parameters."""

COMPLEX_OPERAND = """\
{got} is complex: only real numbers can be computed with.{where}
Compute with the real and imaginary parts as two real values."""

OBJECTS_TRACED = """\
{got} holds traced values as Python objects, where NumPy would lose part of their gradients.{where}
In place of numpy.array([x, y]) and of array[i] = x write
    numpy.stack([x, y])
    array = tapegrad.at(array)[i].set(x)"""

OBJECTS = """\
{got} holds Python objects, even if they are numbers.{where}
Of numbers, make them an array of numbers:
    a.astype(float)"""

NO_OPERAND = """\
Expected a real number or an array of real numbers, got {got}.{where}"""

NOT_NUMBERS = """\
{path} must be a real number or a plain array of them, got {got}"""

NO_DTYPE = """\
Expected the dtype of real numbers (floating point, integers or bool), got {got}.{where}"""

UNKNOWN_LEAF = (
    """\
{path} is {got}, which is not a plain number, a plain array or a tree of them.
Parameters are floats and floating-point arrays in dicts, lists, tuples, NamedTuples, dataclasses \
and attrs classes. What is not a parameter is passed as another argument, or closed over."""
    + STATIC
)

NO_FIELD = (
    """\
{name} is {got}, but no field of {cls}: only fields are carried, and what is made of them would be \
without it.{where}
Make it a field of {cls}; what is computed of fields may be a functools.cached_property."""
    + STATIC
)

NOT_FLOATING = (
    """\
{path} is {got}: the numbers of a vector have fractions, integers and truths have none.
If it is a parameter, make it floating point. If not, leave it out of the tree."""
    + STATIC
)

NOT_LIKE_ARRAYS = """\
{got} does not compute as other arrays do, and has no derivative rules.{where}
Give a plain array: numpy.asarray(a) of a matrix, or of an array with units; of a masked array \
a.filled(0.0), or tapegrad.numpy.where(a.mask, 0.0, a.data)."""

NOT_LIKE_NUMBERS = """\
{got} does not compute as other numbers do, and has no derivative rules.{where}
Give a plain number: float(x) or int(x)."""

UNCHANGED = """\
it cannot be changed in place. Functions return new arrays: numpy.sort(x), \
tapegrad.at(x)[i].set(v)"""

BATCHED_BOOL = """\
The truth of a batched value differs from example to example, so vmap cannot take one branch.{where}
In place of a if condition else b write
    tapegrad.numpy.where(condition, a, b)"""

BATCHED_MASK = """\
x[mask] with a batched mask would differ in length from example to example, so vmap cannot stack \
the results.{where}
In place of x[mask].sum(), of x[mask].mean(), and of tapegrad.at(x)[mask].set(v) of one number v, \
write
    tapegrad.numpy.where(mask, x, 0.0).sum()
    tapegrad.numpy.where(mask, x, 0.0).sum() / mask.sum()
    tapegrad.numpy.where(mask, v, x)"""

BATCHED_INT = """\
A batched integer differs from example to example, so vmap cannot make it one Python int.{where}
As an index it can stay as it is. In place of x[i], of x[:, i], and of x[:i].sum() for i that is \
not negative, write
    tapegrad.numpy.take(x, i, axis=0)
    tapegrad.numpy.take(x, i, axis=1)
    tapegrad.numpy.where(numpy.arange(len(x)) < i, x, 0.0).sum()"""

BATCHED_NUMBER = """\
{call} of a traced value ({what}) would lose its gradient, and under vmap it is many numbers.{where}
For mathematics, use NumPy's functions: numpy.exp, not math.exp. In place of math.floor(x), of \
math.ceil(x), of int(x) and of array[i] = x write
    numpy.floor(x)
    numpy.ceil(x)
    numpy.trunc(x)
    array = tapegrad.at(array)[i].set(x)"""

BATCHED_VALUE = """\
A batched value differs from example to example, so that under vmap x.value is not one value.{where}
print(x) shows the whole batch. To compute with it, use x itself; without its gradient, write
    tapegrad.stop_gradient(x)"""

BATCHED_INDEX = """\
A batched value differs from example to example, so vmap cannot make it one plain NumPy \
array.{where}
In place of array[i], of array[:, i] and of numpy.take(array, i) of a plain array write
    tapegrad.numpy.take(array, i, axis=0)
    tapegrad.numpy.take(array, i, axis=1)
    tapegrad.numpy.take(array, i)"""

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
