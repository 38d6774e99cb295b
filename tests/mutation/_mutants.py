"""What may be changed in a file, and what is changed."""

from __future__ import annotations

import ast
import difflib
import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

PARTS = {
    "engine": ("_*.py", "tree.py"),
    "ops": ("ops/*.py",),
    "transforms": ("transforms/*.py",),
    "numpy": ("numpy/*.py",),
    "rest": ("nn/*.py", "optim/*.py", "data.py", "testing/*.py"),
}
# cosmic-ray puts each operator in the place of each other one: of most of these a first look is
# enough, and the share that is killed would say little. These are mistakes that one makes.
_OPERATORS = re.compile(
    r"""core/(
        ReplaceBinaryOperator_(Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Div|Mod_FloorDiv|Pow_Mul
            |BitOr_BitAnd|BitAnd_BitOr|BitXor_BitOr|LShift_RShift|RShift_LShift)
        |ReplaceComparisonOperator_(Eq_NotEq|NotEq_Eq|Is_IsNot|IsNot_Is|Lt_LtE|Lt_GtE|LtE_Lt|LtE_Gt
            |Gt_GtE|Gt_LtE|GtE_Gt|GtE_Lt)
        |ReplaceUnaryOperator_Delete_(USub|Not|Invert)
        |AddNot|ReplaceTrueWithFalse|ReplaceFalseWithTrue|ReplaceAndWithOr|ReplaceOrWithAnd
        |ReplaceBreakWithContinue|ReplaceContinueWithBreak
        |ExceptionReplacer|NumberReplacer|ZeroIterationForLoop)""",
    re.VERBOSE,
)
# What the tests draw where: other numbers there make other tests, and no other program.
_SAMPLES = re.compile(
    r"_?samples?|domain|normal|drawn|_einsums|_positive|REAL|POSITIVE|_(SAMPLES|INSIDE|SHAPES|EMPTY|SQUARE|LINES)"
)


@attrs.frozen
class Mutant:
    """A file of the package with one thing changed."""

    file: str
    function: str
    line: int
    was: str
    now: str
    source: str = attrs.field(repr=False)

    def __str__(self) -> str:
        return f"{self.file} {self.function}\n- {self.was}\n+ {self.now}"


@attrs.frozen
class _Place:
    """The occurrence-th thing that an operator would change in a file."""

    file: str
    operator: str
    occurrence: int
    line: int
    function: str


class _Bare(ast.NodeTransformer):
    """What is left of a file without what never runs, types, and what is there for the tests."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        if _SAMPLES.fullmatch(node.name) or "overload" in map(ast.unparse, node.decorator_list):
            return None
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(node.arg)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        # To cosmic-ray the signs / and * are operators; tests/test_signatures.py is about them.
        node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        node.defaults += filter(None, node.kw_defaults)
        node.posonlyargs = node.kwonlyargs = []
        node.kw_defaults = []
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if "TypeAlias" in ast.unparse(node.annotation) or _is_sample(node.target):
            return None
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        hidden = _is_sample(node.targets[0]) or ast.unparse(node.value).startswith("TypeVar(")
        return None if hidden else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST | None:
        return None if _is_sample(node.func) else self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        return None if _SAMPLES.fullmatch(node.arg or "") else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
        return self.generic_visit(node)


def _is_sample(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and _SAMPLES.fullmatch(target.id) is not None


@cache
def parsed(source: str) -> ast.Module:
    """A file as Python reads it."""
    return ast.parse(source)


@cache
def _bare(source: str) -> str | None:
    try:
        return ast.dump(_Bare().visit(ast.parse(source)))
    except SyntaxError:
        return None


def _function(source: str, line: int) -> str:
    """The innermost function or class around a line, its decorators included."""
    found = ""
    for node in ast.walk(parsed(source)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first <= line <= (node.end_lineno or first):
                found = node.name  # ast.walk comes to what is inside later
    return found


def _places(package: Path, file: str) -> Iterator[_Place]:
    source = (package / file).read_text(encoding="utf-8")
    nodes = list(ast_nodes(get_ast(source)))
    for name in filter(_OPERATORS.fullmatch, operator_names()):
        operator = get_operator(name)()
        spans = [span for node in nodes for span in operator.mutation_positions(node)]
        for occurrence, ((line, _), _) in enumerate(spans):
            yield _Place(file, name, occurrence, line, _function(source, line))


def _made(package: Path, place: _Place) -> Mutant | None:
    """None if it is no other program."""
    source = (package / place.file).read_text(encoding="utf-8")
    mutated = mutate_code(source, get_operator(place.operator)(), place.occurrence)
    if _bare(mutated) in {None, _bare(source)}:
        return None
    changed = list(difflib.unified_diff(source.splitlines(), mutated.splitlines(), n=0))[2:]
    was, now = (
        " ".join(line[1:].strip() for line in changed if line.startswith(sign)) for sign in "-+"
    )
    return Mutant(place.file, place.function, place.line, was, now, mutated)


def drawn(package: Path, part: str, seed: int) -> Iterator[Mutant]:
    """All mutants of a part, in the order of a seed."""
    files = sorted({file for pattern in PARTS[part] for file in package.glob(pattern)})
    places = [
        place for file in files for place in _places(package, file.relative_to(package).as_posix())
    ]
    random.Random(seed).shuffle(places)
    yield from filter(None, (_made(package, place) for place in places))
