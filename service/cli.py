"""The command `autos`."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

import click

from service.domain.version import VERSION

#: Where each command is. Importing all of them is slow, so only the requested one is imported. The help, which shows a
#: line of each, imports them all.
COMMANDS: Mapping[str, str] = {
    "console": "service.commands.console_link:console",
    "deliveries": "service.commands.deliveries:deliveries_group",
    "demo": "service.commands.local:demo",
    "documents": "service.commands.documents:list_documents",
    "jobs": "service.commands.jobs:jobs_group",
    "migrate": "service.commands.migrate:migrate",
    "openapi": "service.commands.reference:openapi",
    "postman": "service.commands.reference:postman",
    "rescue": "service.commands.rescue:rescue",
    "simulate": "service.commands.simulate:simulate",
    "status": "service.commands.status:status",
    "up": "service.commands.local:up",
    "users": "service.commands.users:users_group",
}
#: The commands for a stack on this machine, with what to run instead, and what they need. The image leaves that out.
LOCAL_COMMANDS: Mapping[str, str] = {"demo": "`make demo`", "simulate": "it", "up": "`make up`"}
LOCAL_MODULES = ("service.local", "psutil")


class LazyGroup(click.Group):
    """The commands of `COMMANDS`, each imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Without those that this installation lacks the modules for."""
        return sorted(COMMANDS.keys() - LOCAL_COMMANDS.keys() if _lacks_local_modules() else COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's signature)
        """Import and return a command; None if there is no command of this name. Raises `ClickException`."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in LOCAL_COMMANDS and (lacking := _lacks_local_modules()):
            raise click.ClickException(
                f"`autos {cmd_name}` needs {' and '.join(lacking)}, which this installation leaves out."
                f" Run {LOCAL_COMMANDS[cmd_name]} in a checkout of the repository."
            )
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. An error that quotes a server, or what was typed, holds nothing that a terminal obeys."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            shown = "".join(each if each.isprintable() or each == "\n" else " " for each in error.message)
            error.message = shown  # type: ignore[misc]  # click has no other door to what it shows
            raise


def _lacks_local_modules() -> list[str]:
    return [name for name in LOCAL_MODULES if find_spec(name) is None]


@click.group(cls=LazyGroup)
@click.version_option(VERSION, prog_name="autos", message="%(prog)s %(version)s")
def main() -> None:
    """Autos: whole court files in your own bucket."""


if __name__ == "__main__":
    main()
