"""Rules of this repository that no linter knows."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
FILE_LINES = 300
FUNCTION_LINES = 30
TEST_LINES = 60  # a test is one sequence of steps, and is not nested
NESTING = 3
ROOM_FILES = 20


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.split()
    return [REPOSITORY / name for name in listed if (REPOSITORY / name).is_file()]


SOURCES = tracked("*.py")


@cache
def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement to the last, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def depth(node: ast.AST) -> int:
    """How deep blocks stand in one another; an `elif` is no deeper than its `if`."""
    blocks = ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.Match
    deepest = 0
    for child in ast.iter_child_nodes(node):
        is_elif = isinstance(node, ast.If) and child in node.orelse and isinstance(child, ast.If)
        deepest = max(deepest, depth(child) + (isinstance(child, blocks) and not is_elif))
    return deepest


@pytest.mark.skipif(not SOURCES, reason="not a git checkout")
def test_files_are_short() -> None:
    long = {str(path): n for path in SOURCES if (n := len(path.read_text().splitlines())) > FILE_LINES}

    assert long == {}


@pytest.mark.skipif(not SOURCES, reason="not a git checkout")
def test_rooms_are_small_and_say_what_belongs_in_them() -> None:
    rooms = {path.parent for path in SOURCES}
    large = {str(room): n for room in rooms if (n := sum(path.parent == room for path in SOURCES)) > ROOM_FILES}
    products = {path for path in SOURCES if path.name == "__init__.py" and "tests" not in path.parts}

    assert large == {}
    assert [str(path) for path in products if not ast.get_docstring(ast.parse(path.read_text()))] == []


@pytest.mark.skipif(not SOURCES, reason="not a git checkout")
def test_functions_are_short() -> None:
    limits = {path: TEST_LINES if "tests" in path.parts else FUNCTION_LINES for path in SOURCES}
    long = {
        f"{path}:{function.name}": length(function)
        for path, limit in limits.items()
        for function in functions(path)
        if length(function) > limit
    }

    assert long == {}


@pytest.mark.skipif(not SOURCES, reason="not a git checkout")
def test_functions_are_not_nested_deeply() -> None:
    deep = {f"{path}:{f.name}": depth(f) for path in SOURCES for f in functions(path) if depth(f) > NESTING}

    assert deep == {}


@pytest.mark.skipif(not SOURCES, reason="not a git checkout")
def test_no_registry_and_no_path_of_one_machine_is_named() -> None:
    # Put together here, so that this file does not find itself.
    words = ["index" + "-url", "pypi" + ".org", "files.python" + "hosted", "registry.npm" + "js"]
    homes = ["wo" + "rk", "ro" + "ot", "ho" + "me"]
    forbidden = re.compile("|".join([*map(re.escape, words), *(rf"(?<![\w.$}}~-])/{home}/\w" for home in homes)]))
    found = [
        f"{path}:{number}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if forbidden.search(line)
    ]

    assert found == []


@pytest.mark.skipif(not SOURCES, reason="not a git checkout")
def test_broad_excepts_stand_only_where_processes_meet_the_unexpected() -> None:
    broad = re.compile(r"except\s*(BaseException|Exception|\(Exception)?\s*(as \w+)?:")
    allowed = {
        "worker/tasks/check_watch.py",
        "worker/tasks/download_process.py",
        "worker/loops/alerts.py",
        "worker/tasks/deliver_webhook.py",
        "worker/loops/run_forever.py",
        "service/portal_access/slots.py",
        "service/http/request_id.py",
    }
    found = {
        path.relative_to(REPOSITORY).as_posix()
        for path in tracked("service/*.py", "worker/*.py")
        if any(broad.search(line) for line in path.read_text().splitlines())
    }

    assert found == allowed


@pytest.mark.skipif(not SOURCES, reason="not a git checkout")
def test_a_public_constant_has_one_meaning() -> None:
    values: dict[str, dict[str, str]] = {}
    for path in tracked("service/*.py", "worker/*.py"):
        for name, value in constants(path):
            values.setdefault(name, {})[path.relative_to(REPOSITORY).as_posix()] = value

    assert {name: found for name, found in values.items() if len(set(found.values())) > 1} == {}


def constants(path: Path) -> Iterator[tuple[str, str]]:
    """The public constants of a module, each with its value as it is written."""
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name) and re.fullmatch("[A-Z][A-Z0-9_]+", target.id):
                yield target.id, ast.unparse(node.value)
