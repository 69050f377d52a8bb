"""Each private door into a library stands in the table of `docs/architecture.md`, with a test that sees it close."""

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
OWN = ("service", "worker")
#: What begins with an underscore and is documented, or is no library's.
OPEN = {
    "_exit": "of os, documented",
    "_replace": "of named tuples, documented",
    "_value_": "of enumerations, documented",
    "_gate": "of another `PortalClient`, set by a method of this class",
}
#: What has no underscore and is no front door either.
FRAGILE = frozenset({"getcoroutinelocals", "getsource", "_getframe", "__self__", "__globals__", "__closure__"})
REACHING = frozenset({"getattr", "setattr", "hasattr", "delattr"})


class Door(NamedTuple):
    """A row of the table."""

    library: str
    pin: str
    path: str
    names: frozenset[str]
    tests: tuple[str, ...]


@cache
def doors() -> tuple[Door, ...]:
    section = (REPOSITORY / "docs/architecture.md").read_text().split("## Doors into libraries\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "`" in line]
    return tuple(each for row in rows for each in doors_of([cell.strip() for cell in row.strip("|").split(" | ")]))


def doors_of(cells: list[str]) -> Iterator[Door]:
    library, pin, paths, used, _why, tests = cells
    for path in quoted(paths):
        yield Door(library, pin.strip("`"), path, frozenset(quoted(used)), tuple(quoted(tests)))


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def is_private(name: str) -> bool:
    return (name.startswith("_") and not name.startswith("__") and name not in OPEN) or name in FRAGILE


def names_in(tree: ast.AST) -> Iterator[str]:
    """The private names that a piece of code takes from something other than itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
        ):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            yield from [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REACHING:
            yield from [
                each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]


def inherited_in(path: str, tree: ast.Module) -> set[str]:
    """The private names of a library that the classes of a file override, or use as their own."""
    module = importlib.import_module(path.removesuffix("/__init__.py").removesuffix(".py").replace("/", "."))
    kinds = [(node, vars(module)[node.name]) for node in tree.body if isinstance(node, ast.ClassDef)]
    return {name for node, kind in kinds for name in own_names(node) for base in kind.__mro__ if has(base, name)}


def own_names(node: ast.ClassDef) -> set[str]:
    """The private names that a class gives to its methods, or looks up."""
    found = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    found |= {each.name for each in ast.walk(node) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in found if is_private(name)}


def has(base: type, name: str) -> bool:
    """Whether a class of a library has this member, or sets it on itself, as far as its module shows."""
    package = base.__module__.partition(".")[0]
    is_library = package not in OWN and package not in sys.stdlib_module_names and package != "msgspec"
    return is_library and (name in vars(base) or f"self.{name} = " in text_of(base.__module__))


@cache
def text_of(module: str) -> str:
    file = Path(sys.modules[module].__file__ or "")
    return file.read_text() if file.suffix == ".py" else ""


@cache
def found() -> frozenset[tuple[str, str]]:
    """Each private name that is used, with its file."""
    names: set[tuple[str, str]] = set()
    for file in (file for own in OWN for file in (REPOSITORY / own).rglob("*.py")):
        path, tree = file.relative_to(REPOSITORY).as_posix(), ast.parse(file.read_text())
        names |= {(path, name) for name in {*names_in(tree), *inherited_in(path, tree)} if is_private(name)}
    return frozenset(names)


def test_each_private_door_stands_in_the_table() -> None:
    told = {(door.path, name) for door in doors() for name in door.names}

    assert sorted(found() - told) == []


@pytest.mark.parametrize("door", doors(), ids=lambda door: f"{door.library}-{Path(door.path).stem}")
def test_each_row_names_what_is_there(door: Door) -> None:
    source = (REPOSITORY / door.path).read_text()

    assert [name for name in sorted(door.names) if name not in source] == []
    assert door.pin == pins()[door.library]
    assert door.tests
    assert [test for test in door.tests if not is_there(test)] == []


def is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    file = REPOSITORY / "tests" / path
    return file.is_file() and f"def {name}(" in file.read_text()


@cache
def pins() -> dict[str, str]:
    """The versions of each dependency that may be installed."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    split = re.compile(r"([a-z0-9-]+)(?:\[[a-z,]+\])?(.*)")
    return {match[1]: match[2] for each in project["dependencies"] if (match := split.fullmatch(each))}


@pytest.mark.parametrize(
    "code",
    [
        "client._endpoint.send()",
        "from arq._worker import run",
        "from arq.worker import _run",
        "import redis._parsers",
        "getattr(handler, '__self__', None)",
        "setattr(pool, '_holders', [])",
        "inspect.getcoroutinelocals(coroutine)",
        "super()._start(app)",
    ],
)
def test_a_private_door_is_seen(code: str) -> None:
    assert any(is_private(name) for name in names_in(ast.parse(code)))


@pytest.mark.parametrize("code", ["self._own()", "cls._own", "os._exit(1)", "row._replace(x=1)", "x.__name__", "a.b"])
def test_what_is_no_private_door_is_not(code: str) -> None:
    assert not any(is_private(name) for name in names_in(ast.parse(code)))
