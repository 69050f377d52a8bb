"""`autos console`: an address that opens the console, once."""

import asyncio
from uuid import UUID

import click

from service.commands.console import read_settings
from service.commands.database import ask
from service.commands.users import Name, find_user
from service.console.framework.sessions import link_of, new_token
from service.database.connection import Connection
from service.database.console import sessions
from service.database.users import users
from service.domain.api_keys import key_hash
from service.startup.database import open_database


@click.command()
@click.argument("user", type=Name(), default="admin")
def console(user: str) -> None:
    """Print an address that opens the console as USER, once, within a quarter of an hour.

    USER is a name or an id. The session belongs to the user's newest key, and ends with it.
    """
    settings = read_settings()
    if not settings.console_enabled:
        raise click.ClickException("CONSOLE_ENABLED is false: there is no console")

    async def question(connection: Connection) -> str | None:
        found = await find_user(connection, user)
        key_id = await sessions.newest_key(connection, found.id)
        return None if key_id is None else await _link(connection, key_id, settings.base_url)

    link = ask(question)
    if link is None:
        raise click.ClickException("this user has no valid key: make one with `autos users keys create`")
    click.echo(link)


def link_for_key(database_url: str, api_key: str, base_url: str) -> str:
    """An address that opens the console as the owner of a key. Raises `LookupError` if the key is unknown."""

    async def question(connection: Connection) -> str:
        owner = await users.find_by_key_hash(connection, key_hash(api_key))
        if owner is None:
            raise LookupError("the database does not know this key")
        return await _link(connection, owner.key_id, base_url)

    async def answer() -> str:
        async with open_database(database_url, application_name="autos cli", max_size=2) as database:
            return await database.run(question)

    return asyncio.run(answer())


async def _link(connection: Connection, key_id: UUID, base_url: str) -> str:
    token, digest = new_token()
    await sessions.add_token(connection, digest, key_id)
    return link_of(base_url, token)
