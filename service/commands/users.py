"""`autos users`: the users of the service, and their API keys."""

from datetime import datetime
from uuid import UUID

import click
import msgspec

from service.commands.console import json_option, line, print_fields, print_json, print_table
from service.commands.database import ask
from service.database.connection import Connection
from service.database.users import api_keys, users
from service.database.users.api_keys import KEYS_MAX, KeyRow, LastAdmin, TooManyKeys
from service.database.users.users import NameTaken, UserRow
from service.domain.api_keys import new_api_key
from service.domain.described.words import in_words
from service.domain.users import KeyLabel, Role, UserName
from service.webhooks.signature import new_secret

SHOWN_ONCE = "The key is shown this once: only a hash of it is stored."


class Name(click.ParamType[str]):
    """The name of a user."""

    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read what was typed."""
        try:
            str(value).encode()
            return msgspec.convert(value, UserName)
        except (msgspec.ValidationError, UnicodeEncodeError):
            self.fail(f"It must be {in_words(UserName)}.", param, ctx)


class Label(click.ParamType[str]):
    """The label of a key."""

    name = "label"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read what was typed."""
        try:
            str(value).encode()
            return msgspec.convert(value, KeyLabel)
        except (msgspec.ValidationError, UnicodeEncodeError):
            self.fail(f"It must be {in_words(KeyLabel)}.", param, ctx)


class NewUser(msgspec.Struct, frozen=True):
    """A new user, with the first key."""

    id: UUID
    name: str
    role: Role
    created_at: datetime
    api_key: str


class NewKey(msgspec.Struct, frozen=True):
    """A new key."""

    id: UUID
    label: str | None
    created_at: datetime
    api_key: str


limit_option = click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
user_argument = click.argument("user", type=Name(), metavar="USER")


@click.group(name="users")
def users_group() -> None:
    """Manage users and their API keys. USER is a name or an id."""


@users_group.command(name="list")
@limit_option
@json_option
def list_users(limit: int, *, as_json: bool) -> None:
    """The users, the newest first."""
    found = ask(lambda connection: users.page(connection, after=None, limit=limit))
    if as_json:
        print_json(found)
        return
    print_table(
        ("user", "name", "role", "created"), [(each.id, each.name, each.role, each.created_at) for each in found]
    )


@users_group.command()
@click.argument("name", type=Name())
@click.option("--role", default="user", show_default=True, type=click.Choice(["admin", "user"]))
@click.option("--key-label", type=Label(), help="What to call the first key.")
@json_option
def create(name: str, role: Role, key_label: str | None, *, as_json: bool) -> None:
    """Add a user and show the API key, once."""
    api_key = new_api_key()

    async def question(connection: Connection) -> UserRow | None:
        user_id = await users.create(
            connection, name=name, role=role, api_key=api_key, secret=new_secret(), key_label=key_label
        )
        return await users.find(connection, user_id)

    try:
        created = ask(question)
    except NameTaken:
        raise click.ClickException("another user has this name") from None
    if created is None:
        raise click.ClickException("the user was deleted in this moment")
    _show_once(NewUser(created.id, created.name, created.role, created.created_at, api_key), as_json=as_json)


@users_group.command()
@user_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(user: str, *, yes: bool) -> None:
    """Delete a user. The keys and webhooks end at once; jobs go on."""
    found = ask(lambda connection: find_user(connection, user))
    if not yes:
        click.confirm(f"The keys and webhooks of {line(found.name)} end at once. Delete the user?", abort=True)
    try:
        is_deleted = ask(lambda connection: users.delete(connection, found.id))
    except LastAdmin:
        raise click.ClickException("this is the last administrator who has a key") from None
    if not is_deleted:
        raise click.ClickException("there is no such user")
    click.echo("the user is deleted")


@users_group.group(name="keys")
def keys_group() -> None:
    """Show the keys of a user, add and revoke them."""


@keys_group.command(name="list")
@user_argument
@json_option
def list_keys(user: str, *, as_json: bool) -> None:
    """The valid keys, the newest first. Only the end of a key is shown."""

    async def question(connection: Connection) -> list[KeyRow]:
        return await api_keys.page(connection, (await find_user(connection, user)).id, after=None, limit=KEYS_MAX)

    found = ask(question)
    if as_json:
        print_json(found)
        return
    columns = ("key", "ends with", "label", "created", "last used")
    rows = [(each.id, each.hint, each.label, each.created_at, each.last_used_at) for each in found]
    print_table(columns, rows)


@keys_group.command(name="create")
@user_argument
@click.option("--label", type=Label(), help="What to call the key: the program that is to use it, say.")
@json_option
def create_key(user: str, label: str | None, *, as_json: bool) -> None:
    """Add a key to a user's existing keys, and show it, once."""
    api_key = new_api_key()

    async def question(connection: Connection) -> KeyRow | None:
        return await api_keys.add(connection, (await find_user(connection, user)).id, api_key, label=label)

    try:
        added = ask(question)
    except TooManyKeys:
        raise click.ClickException(f"a user has {KEYS_MAX} keys at most: revoke one first") from None
    if added is None:
        raise click.ClickException("there is no such user")
    _show_once(NewKey(added.id, added.label, added.created_at, api_key), as_json=as_json)


@keys_group.command()
@click.argument("key_id", type=click.UUID)
def revoke(key_id: UUID) -> None:
    """Revoke a key, at once in all processes."""
    try:
        is_revoked = ask(lambda connection: api_keys.revoke(connection, key_id))
    except LastAdmin:
        raise click.ClickException("this is the last key of the last administrator") from None
    if not is_revoked:
        raise click.ClickException("there is no such key that lives")
    click.echo("the key is revoked")


async def find_user(connection: Connection, user: str) -> UserRow:
    """Find a user by name or id. If there is none, end the command."""
    try:
        found = await users.find(connection, UUID(user))
    except ValueError:
        found = None
    found = found or await users.find_by_name(connection, user)
    if found is None:
        raise click.ClickException("there is no such user")
    return found


def _show_once(created: NewUser | NewKey, *, as_json: bool) -> None:
    if as_json:
        print_json(created)
        return
    print_fields(created)
    click.echo(SHOWN_ONCE)
