"""Each unit test stands in the room of what it tests."""

import ast
from pathlib import Path

import pytest

from tests.unit.repository.test_house_rules import REPOSITORY, SOURCES, tracked

#: `repository` tests files that stand in no room.
ROOMLESS = "repository"
#: Loose modules, with the room that has their tests.
ROOM_OF = {"service.cli": "commands"}


def imported(path: Path) -> set[str]:
    tree = ast.walk(ast.parse(path.read_text()))
    return {node.module for node in tree if isinstance(node, ast.ImportFrom) and node.module}


def rooms_of(path: Path) -> set[str]:
    """The rooms from which a test imports, by itself or by the helpers that it imports."""
    modules = imported(path)
    for name in [name for name in modules if name.startswith("tests.")]:
        helper = REPOSITORY.joinpath(*name.split(".")).with_suffix(".py")
        modules |= imported(helper) if helper.is_file() else set()
    return {room for name in modules if (room := room_of(name))}


def room_of(module: str) -> str | None:
    package, _, rest = module.partition(".")
    if package == "service":
        return ROOM_OF.get(module, rest.partition(".")[0])
    return "worker" if package == "worker" else None


@pytest.mark.skipif(not SOURCES, reason="not a git checkout")
def test_unit_tests_stand_in_the_room_of_what_they_test() -> None:
    strays = {
        path.relative_to(REPOSITORY).as_posix(): sorted(rooms)
        for path in tracked("tests/unit/*/test_*.py")
        if path.parent.name != ROOMLESS and (rooms := rooms_of(path)) and path.parent.name not in rooms
    }

    assert strays == {}
