"""`autos documents`: the documents of a case, as stored and as the portal lists them."""

import click

from service.commands.console import json_option, print_json, print_table
from service.commands.database import ask
from service.commands.jobs import CaseNumber
from service.database.cases import documents
from service.domain.documents import Document
from service.domain.process_number import ProcessNumber

_COLUMNS = ("name", "status", "size", "listed size", "type", "listed type", "flags", "reason")


@click.command(name="documents")
@click.argument("number", metavar="CASE", type=CaseNumber())
@click.option("--flagged", is_flag=True, help="Only those whose bytes differ from what is listed.")
@json_option
def list_documents(number: ProcessNumber, *, flagged: bool, as_json: bool) -> None:
    """The documents of a case, in the order of the case file."""
    found = ask(lambda connection: documents.of_process(connection, number))
    if not found:
        raise click.ClickException("no documents of this case are known")
    wanted = [each for each in found if each.content_flags or not flagged]
    if as_json:
        print_json(wanted)
        return
    print_table(_COLUMNS, [_row(each) for each in wanted])


def _row(document: Document) -> tuple[object, ...]:
    return (
        document.name,
        document.status,
        document.size,
        document.declared_size,
        document.mime_type,
        document.declared_mime_type,
        ", ".join(document.content_flags) or None,
        document.error_code,
    )
