"""Commands of `autos` as processes, and the shell commands that they print for people to paste."""

import asyncio
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from service.local.supervision.processes import descendants_of, identity_of

REPOSITORY = Path(__file__).resolve().parents[2]
STANDSTILL = REPOSITORY / "tests" / "support" / "sitecustomize" / "standstill"


def autos(*arguments: str) -> list[str]:
    """The command line of `autos` with these arguments."""
    return [sys.executable, "-m", "service.cli", *arguments]


@contextmanager
def running_command(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """`autos` in the background; stopped at the end if it still runs."""
    with subprocess.Popen(
        autos(*arguments),
        cwd=REPOSITORY,
        env=os.environ | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=60)


def read_until(process: subprocess.Popen[str], beginning: str) -> list[str]:
    """The lines of a command's output up to the first one that begins so."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith(beginning):
            return lines
    raise AssertionError(f"no line begins with {beginning!r}: {lines} {process.stderr and process.stderr.read()}")


@dataclass(frozen=True)
class Standing:
    """A command that is stopped after a line of its output. Its child processes are not."""

    process: subprocess.Popen[str]
    lines: list[str]  #: up to that one

    def go_on(self) -> None:
        """Resume it."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def standing_command(beginning: str, *arguments: str) -> Iterator[Standing]:
    """`autos` in the background, frozen after the first line that begins with `beginning`; ended at the end."""
    held = {"PYTHONPATH": str(STANDSTILL), "STOP_AFTER": beginning}
    with running_command(*arguments, environment=held) as process:
        standing = Standing(process, read_until(process, beginning))
        try:
            yield standing
        finally:
            standing.go_on()


@dataclass(frozen=True)
class Tree:
    """The processes that a command started."""

    identities: Mapping[int, str | None]

    def alive(self) -> list[int]:
        """The processes that have not ended."""
        return [pid for pid, identity in self.identities.items() if identity and identity_of(pid) == identity]


def tree_of(process: subprocess.Popen[str]) -> Tree:
    """The processes below a command."""
    return Tree({pid: identity_of(pid) for pid in descendants_of(process.pid)})


def wait_until_listening(port: int, process: "subprocess.Popen[str]", *, timeout: float = 60) -> None:
    """Wait until a process accepts connections on a local port."""
    deadline = time.monotonic() + timeout
    while True:
        assert process.poll() is None, "it has ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.02)
        else:
            return


def run_curl(command: str) -> Any:
    """Do what a `curl` command does, without curl, and return the JSON."""
    words = iter(shlex.split(command))
    assert next(words) == "curl"
    headers: dict[str, str] = {}
    url, method, data = "", None, None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "--request":
            method = next(words)
        elif word == "--data":
            data = next(words).encode()
        elif word == "--silent":
            continue
        else:
            assert not word.startswith("-"), f"curl's option {word} is not known here"
            url = word
    with urlopen(Request(url, headers=headers, method=method, data=data), timeout=30) as answer:  # noqa: S310 - a URL of this machine
        return msgspec.json.decode(answer.read())


async def run_autos(environment: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `autos` to its end, with these settings and no terminal."""
    return await asyncio.to_thread(
        subprocess.run,
        autos(*arguments),
        cwd=REPOSITORY,
        env=os.environ | dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_refused(said: "subprocess.CompletedProcess[str]", sentence: str) -> None:
    """The command failed and printed why, without a traceback."""
    assert said.returncode != 0
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr
