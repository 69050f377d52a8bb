"""`autos migrate`: the schema of this version."""

import click

from service.commands.console import read_database_url
from service.database import migrations


@click.command()
def migrate() -> None:
    """Bring the database to the schema of this version. Run it before each release."""
    try:
        applied = migrations.apply(read_database_url())
    except migrations.MigrationError as error:
        raise click.ClickException(f"DATABASE_URL: {error}") from None
    click.echo(f"applied {', '.join(applied)}" if applied else "the schema is up to date")
