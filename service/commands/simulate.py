"""`autos simulate`: what happens at the simulated portal of `autos up`."""

import asyncio
from pathlib import Path

import click

from service.commands.console import line
from service.commands.local import data_option
from service.domain.process_number import InvalidProcessNumber, ProcessNumber
from service.local.errors import LocalStackError
from service.local.filing import Filing, file, running_stack_in
from service.local.simulator import Kind


def _not_blank(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise click.BadParameter("it is blank")
    return text


@click.group()
def simulate() -> None:
    """Let something happen at the simulated portal of `autos up`."""


@simulate.command("file")
@click.argument("number")
@click.option(
    "--name", callback=_not_blank, help="Of the document; without it and without a movement, a petition is filed."
)
@click.option("--type", "type_name", default="Petição", show_default=True, help="Of the document.")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), default=Kind.PDF.value, show_default=True)
@click.option("--size", type=click.IntRange(1_000, 100_000_000), default=24_000, show_default=True, help="Bytes.")
@click.option("--movement", callback=_not_blank, help="File a movement with this text.")
@data_option
def file_command(
    *, number: str, name: str | None, type_name: str, kind: str, size: int, movement: str | None, data: Path
) -> None:
    """File a document or a movement in a case, and say when the service asks for it again.

    It stays until `autos up` ends.
    """
    document = {"name": name or f"Petição de exemplo.{kind}", "type": type_name, "kind": kind, "size": size}
    wants_document = name is not None or movement is None
    try:
        filing = Filing(ProcessNumber.parse(number), document if wants_document else None, movement)
        lines = asyncio.run(file(running_stack_in(data), filing))
    except (InvalidProcessNumber, LocalStackError) as error:
        raise click.ClickException(str(error)) from None
    for each in lines:
        click.echo(line(each))
