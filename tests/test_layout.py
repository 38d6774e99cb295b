"""The order of the house: which file may import which, how long files are, what is explained."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from tapegrad import Op

PACKAGE = Path(__file__).parent.parent / "tapegrad"

# A file may import only what stands before it; a package stands for its __init__.py.
ORDER = """
    _typing _texts _hints _options _words _errors _library _values _classes _structure tree _node
    _warnings _listing _dispatch _methods _arraylike _tape _program
    ops._define ops._shape ops._elementwise ops._select ops._circular ops._elementary
    ops._arithmetic ops._join ops._index ops._set ops._reduce ops._softmax ops._along ops._norms
    ops._products ops._bundle ops._linalg ops
    numpy._reduce numpy._shape numpy._fill numpy._products numpy._linalg numpy.linalg numpy._at
    numpy special
    transforms._boundary transforms._adjoint transforms._replay transforms._linear
    transforms._written transforms._reverse transforms._forward transforms._batch
    transforms._curvature transforms._opaque transforms._transpose transforms._custom
    transforms._record transforms
    nn._activations nn._init nn._losses nn._layers nn
    optim._schedules optim._transform optim._sgd optim
    data testing._differences testing._function testing._check testing
""".split()  # noqa: SIM905  # a picture of the house
DEPENDENCIES = {"attrs", "numpy", "optree"}
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 40  # without its docstring
# Files that are longer, each with the reason.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {
    "_tape._operator": "the operation on numbers, written out: its time is that of scalar programs",
    "_tape.method": "the function within it",
    "transforms._replay.backward": "the same, backward",
}


@cache
def modules() -> dict[str, Path]:
    """Each file of the package by its module's name, the package itself being ""."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = file
    return found


def parsed(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def lines_of(node: ast.stmt) -> int:
    return int(node.end_lineno or node.lineno) - node.lineno + 1


def at_runtime(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under ``if TYPE_CHECKING``; what functions import counts, too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from at_runtime(ast.Module(node.orelse, []))
        else:
            yield node
            yield from at_runtime(node)


def imports(module: str) -> Iterator[tuple[str, int]]:
    """(module imported, line): with a leading dot where it is the package's own."""
    inside = modules()[module].name == "__init__.py"
    here = [*module.split(".")] if module else []
    for node in at_runtime(parsed(module)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module), node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + inside]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                whole = ".".join([*base, alias.name])
                yield "." + (whole if whole in modules() else ".".join(base)), node.lineno


@pytest.mark.parametrize("module", modules(), ids=lambda name: name or "tapegrad")
def test_imports_go_upwards(module: str) -> None:
    """A file imports only files before it, so there are no cycles; and no library but three."""
    allowed = set(ORDER[: ORDER.index(module)] if module else ORDER)
    for name, line in imports(module):
        if name.startswith("."):
            assert name[1:] in allowed, f"{module}:{line} imports {name[1:] or 'tapegrad'}"
        else:
            library = name.partition(".")[0]
            known = library in DEPENDENCIES or library in sys.stdlib_module_names
            assert known, f"{module}:{line} imports {name}"


def test_every_file_has_its_place() -> None:
    """The order names each file once."""
    assert sorted([*ORDER, ""]) == sorted(modules())


def test_a_forbidden_import_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one inside a function, and one of the package itself; not one for types alone."""
    source = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from . import nn
else:
    from ._tape import Op
def late():
    from .transforms import grad
    from . import numpy, Var
    import scipy.special
"""
    monkeypatch.setitem(globals(), "parsed", lambda module: ast.parse(source))
    names = [name for name, _ in imports("tree")]
    assert names == ["typing", "._tape", ".transforms", ".numpy", ".", "scipy.special"]


@pytest.mark.parametrize("module", modules(), ids=lambda name: name or "tapegrad")
def test_files_and_functions_are_short(module: str) -> None:
    """Up to 400 lines a file and 40 a function, or there is a reason."""
    lines = modules()[module].read_text(encoding="utf-8").count("\n")
    assert (lines > LINES_OF_A_FILE) == (module in LONG_FILES), f"{module} has {lines} lines"
    for node in ast.walk(parsed(module)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            explained = ast.get_docstring(node) is not None
            length = lines_of(node) - (lines_of(node.body[0]) if explained else 0)
            long = length > LINES_OF_A_FUNCTION
            assert long == (f"{module}.{node.name}" in LONG_FUNCTIONS), (
                f"{module}.{node.name} has {length} lines"
            )


PUBLIC = [
    name
    for name in modules()
    if not any(part.startswith("_") for part in name.split("."))
    and name.partition(".")[0] not in {"ops", "transforms"}
]


def exported(module: ModuleType) -> dict[str, object]:
    """The public names of a module that are the package's own."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and isinstance(value, (type, FunctionType, Op))
        and value.__module__.startswith("tapegrad")
        and (
            hasattr(module, "__path__")
            or isinstance(value, Op)
            or value.__module__ == module.__name__
        )
    }


@pytest.mark.parametrize("module", PUBLIC, ids=lambda name: name or "tapegrad")
def test_what_is_public_is_explained(module: str) -> None:
    """Functions say what they do and show it; classes and their methods say what they are."""
    found = importlib.import_module(f"tapegrad.{module}".rstrip("."))
    assert found.__doc__
    for name, value in exported(found).items():
        text = inspect.getdoc(value)
        assert text, f"{module}.{name} has no docstring"
        if isinstance(value, (FunctionType, Op)):
            assert ">>> " in text, f"{module}.{name} has no example"
            continue
        assert isinstance(value, type)
        for attribute, member in vars(value).items():
            if not attribute.startswith("_") and isinstance(member, (FunctionType, property)):
                assert member.__doc__, f"{module}.{name}.{attribute} has no docstring"
