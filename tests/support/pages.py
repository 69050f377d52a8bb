"""The pages of the documentation, and their commands in a shell as a reader has one."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.support.processes import REPOSITORY

ADDRESS = "http://127.0.0.1:8000"  # of the API, as the pages show it
_END = "--- end of the block ---"


class Page:
    """One page in Markdown."""

    def __init__(self, name: str) -> None:
        """Read a file of the repository."""
        self.name = name
        self.text = (REPOSITORY / name).read_text()
        #: Language and text of each block of code, in order.
        self.blocks: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)

    @property
    def _prose(self) -> str:
        return re.sub(r"^```.*?^```$", "", self.text, flags=re.MULTILINE | re.DOTALL)

    @property
    def code(self) -> list[str]:
        """The blocks, and the words in backticks."""
        return [text for _, text in self.blocks] + re.findall(r"`([^`]+)`", self._prose)

    def written(self, language: str, *, having: str = "") -> list[str]:
        """The blocks in a language that hold a text."""
        return [text for kind, text in self.blocks if kind == language and having in text]

    def one(self, language: str, *, having: str = "") -> str:
        """The only block in a language that holds a text."""
        [found] = self.written(language, having=having)
        return found

    def after(self, block: str) -> str:
        """The block that follows."""
        return self.blocks[[text for _, text in self.blocks].index(block) + 1][1]

    @property
    def links(self) -> list[tuple[str, str]]:
        """Path and anchor of each link that stays in the repository."""
        found = re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", self.text)
        return [(path, anchor) for path, anchor in found if "://" not in path]

    @property
    def anchors(self) -> set[str]:
        """The anchors of the headings, as a forge makes them."""
        return {self.anchor(heading) for heading in re.findall(r"^#+ (.*)$", self._prose, re.MULTILINE)}

    @staticmethod
    def anchor(heading: str) -> str:
        """The anchor of one heading."""
        return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def pages() -> list[Page]:
    return [Page("README.md"), *(Page(f"docs/{path.name}") for path in sorted((REPOSITORY / "docs").glob("*.md")))]


def assert_shown(shown: str, answer: Any) -> None:
    """An abbreviated response on a page has only members of the whole one, with right values."""
    assert set(re.findall(r'"(\w+)":', shown)) <= _names(answer)
    for name in ("process_number", "total_documents"):
        if f'"{name}":' in shown:
            assert f'"{name}": {msgspec.json.encode(answer[name]).decode()},' in shown


def _names(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_names, value))
    return set(value).union(*map(_names, value.values())) if isinstance(value, dict) else set()


class Shell:
    """A shell into which the blocks of a page are pasted one by one."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def paste(self, block: str) -> str:
        """Run a block, and return its output."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{block}\nprintf '\\n{_END}\\n'\n")
        self._process.stdin.flush()
        written = ""
        while not written.endswith(f"\n{_END}\n"):
            written += self._line()
        return written.removesuffix(f"\n{_END}\n")

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the shell has ended"
        return line


@contextmanager
def running_shell(directory: Path, environment: Mapping[str, str] | None = None) -> Iterator[Shell]:
    """A shell in a directory. It and its processes are killed at the end."""
    with subprocess.Popen(
        ["bash", "-u"],
        cwd=directory,
        env={"PATH": os.environ["PATH"], **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Shell(process)
        finally:
            os.killpg(process.pid, 9)


def like_a_clone(directory: Path, api_key: str, environment: Mapping[str, str]) -> None:
    """The environment of a reader's clone while `make up` runs: programs, key and settings."""
    (directory / ".venv").symlink_to(Path(sys.executable).parent.parent)
    up = directory / ".autos" / "up"
    up.mkdir(parents=True)
    (up / "api-key").write_text(f"{api_key}\n")
    (up / "environment").write_text("".join(f"export {name}='{value}'\n" for name, value in environment.items()))
