"""`autos` imports only what its command needs."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from service.cli import COMMANDS, LOCAL_COMMANDS, main

LOADED = """
import sys
import click
from service.cli import main
for name in sys.argv[1:]:
    assert main.get_command(click.Context(main), name)
print(*sys.modules)
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_goes_by_its_own_name(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.name == name


def test_the_commands_are_listed_by_their_names() -> None:
    assert main.list_commands(click.Context(main)) == sorted(COMMANDS)


def test_local_commands_are_hidden_without_what_they_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)

    assert main.list_commands(click.Context(main)) == sorted(COMMANDS.keys() - LOCAL_COMMANDS.keys())
    with pytest.raises(click.ClickException, match=r"^`autos up` needs psutil, .* Run `make up` in a checkout"):
        main.get_command(click.Context(main), "up")
    with pytest.raises(click.ClickException, match="Run it in a checkout"):
        main.get_command(click.Context(main), "simulate")


def test_a_command_that_is_none_is_not_found() -> None:
    assert main.get_command(click.Context(main), "nothing") is None


@pytest.mark.parametrize(
    ("names", "forbidden"),
    [
        ((), {"asyncio", "msgspec"}),
        (("migrate",), {"sqlalchemy", "aiohttp", "redis", "structlog"}),
        (("users",), {"yoyo", "psycopg", "aiohttp", "redis", "botocore", "structlog", "service.api"}),
        (("users", "jobs", "deliveries"), {"yoyo", "psycopg", "botocore", "service.api", "service.local"}),
    ],
)
def test_a_command_imports_nothing_of_the_others(names: tuple[str, ...], forbidden: set[str]) -> None:
    told = subprocess.run([sys.executable, "-c", LOADED, *names], capture_output=True, text=True, check=True).stdout

    assert "service.cli" in told.split()
    assert forbidden.isdisjoint(told.split())


def test_a_terminal_finds_nothing_to_obey_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def fail() -> None:
        raise click.ClickException("the server said:\nno \x1b[2J\x9b2J\x07 \u202ehost")

    monkeypatch.setattr(main, "get_command", lambda _ctx, _name: fail)

    told = CliRunner().invoke(main, ["fail"]).output

    assert told == "Error: the server said:\nno  [2J 2J   host\n"
