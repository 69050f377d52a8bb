"""Reads the Dockerfile, and follows it without an engine."""

import json
import shlex
import shutil
from fnmatch import fnmatch
from pathlib import Path

from tests.support.processes import REPOSITORY

Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """The instructions of the Dockerfile and their arguments; it has no continuation lines."""
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    parted = [line.partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return [(name, rest) for name, _, rest in parted]


def arguments(name: str) -> list[str]:
    """The arguments of every instruction of a name, in order."""
    return [rest for each, rest in instructions() if each == name]


def exec_form(name: str) -> list[str]:
    """The only instruction of a name as a list of words. Fails if it is a shell line."""
    [rest] = arguments(name)
    words: list[str] = json.loads(rest)
    return words


def copies() -> list[tuple[str, str]]:
    """Source and destination of every COPY."""
    return [(source, destination) for source, destination in map(shlex.split, arguments("COPY"))]


def is_ignored(path: str) -> bool:
    """True if `.dockerignore` excludes a path: the last line that matches it or a parent decides."""
    parents = [path, *(str(parent) for parent in Path(path).parents)]
    ignored = False
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not line.startswith("#") and any(_matches(each, pattern) for each in parents):
            ignored = not line.startswith("!")
    return ignored


def _matches(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(Path(path).name, pattern.removeprefix("**/"))
    # A star stops at a slash.
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)


def copy_files(root: Path) -> Path:
    """Copy the files of the image below `root`, and return the working directory."""
    [workdir] = arguments("WORKDIR")
    home = root / workdir.lstrip("/")
    home.mkdir(parents=True)
    for source, destination in copies():
        to = (root / destination.lstrip("/")) if destination.startswith("/") else home / destination
        if (REPOSITORY / source).is_dir():
            shutil.copytree(REPOSITORY / source, to, ignore=_ignored_names, dirs_exist_ok=True)
        else:
            shutil.copy(REPOSITORY / source, to / Path(source).name if to.is_dir() else to)
    return home


def _ignored_names(directory: str, names: list[str]) -> set[str]:
    folder = Path(directory).relative_to(REPOSITORY)
    return {name for name in names if is_ignored(str(folder / name))}
