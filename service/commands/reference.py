"""`autos openapi` and `autos postman`: the reference of the API as files. They need no settings and no server."""

import click
import msgspec

from service.api.openapi.document import document
from service.api.openapi.postman import collection
from service.api.routes import ROUTES


@click.command()
@click.option("--server", default="/", show_default=True, help="Where clients reach the API.")
def openapi(server: str) -> None:
    """Print the OpenAPI document."""
    _print(document(ROUTES, server=server))


@click.command()
def postman() -> None:
    """Print a Postman collection with every operation, and with flows to run."""
    _print(collection(msgspec.to_builtins(document(ROUTES, server="/"))))


def _print(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))
