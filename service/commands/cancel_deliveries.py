"""`autos deliveries cancel`: stop one delivery, or everything that is open for a user or a receiver."""

from collections.abc import Sequence
from uuid import UUID

import click

from service.actions import deliveries as actions
from service.actions.deliveries import DeliveryEnded, UnknownDelivery
from service.commands.database import ask
from service.commands.perform import perform
from service.commands.users import Name, find_user
from service.database.connection import Connection
from service.database.deliveries import cancelled_deliveries
from service.database.deliveries.cancelled_deliveries import CANCELLED_AT_ONCE, CancelFilter


@click.command()
@click.argument("delivery_ids", nargs=-1, type=click.UUID, metavar="[DELIVERY]...")
@click.option("--user", type=Name(), help="Everything that is open for this user, a name or an id.")
@click.option("--url", help="Everything that is open for this URL, as `show` prints it.")
@click.option("--host", help="Everything that is open for this host, as `list` prints it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def cancel(delivery_ids: tuple[UUID, ...], user: str | None, url: str | None, host: str | None, *, yes: bool) -> None:
    """Stop deliveries: no attempt follows, and no alert is raised. An attempt under way is not cut off.

    `recover` skips them. `resend` makes one attempt of a cancelled delivery.
    """
    chosen = any((user, url, host))
    if bool(delivery_ids) == chosen:
        raise click.UsageError("Name deliveries, or choose them with --user, --url or --host.")
    if delivery_ids:
        _cancel_each(delivery_ids)
        return
    wanted = ask(lambda connection: _filter(connection, user, url, host))
    if not yes:
        click.confirm("Everything that matches and was not sent yet is cancelled. Go on?", abort=True)
    click.echo(f"{_cancel_all(wanted)} deliveries are cancelled")


def _cancel_each(delivery_ids: Sequence[UUID]) -> None:
    left_alone = []
    for delivery_id in dict.fromkeys(delivery_ids):
        if _cancel_one(delivery_id):
            click.echo(f"{delivery_id} is cancelled")
        else:
            left_alone.append(str(delivery_id))
    if left_alone:
        raise click.ClickException(f"not there, or nothing was to be sent any more: {', '.join(left_alone)}")


def _cancel_one(delivery_id: UUID) -> bool:
    """Cancel a delivery. False: there is none, or nothing was to be sent any more."""
    try:
        cancelled = perform(lambda database, _: actions.cancel(database, delivery_id, owner=None))
    except (UnknownDelivery, DeliveryEnded):
        return False
    return cancelled.was_open


async def _filter(connection: Connection, user: str | None, url: str | None, host: str | None) -> CancelFilter:
    user_id = None if user is None else (await find_user(connection, user)).id
    return CancelFilter(user_id, url, host)


def _cancel_all(wanted: CancelFilter) -> int:
    """Cancel in batches, each in a transaction of its own: if the command is interrupted, it may be run again."""
    done = batch = ask(lambda connection: cancelled_deliveries.cancel_many(connection, wanted))
    while batch == CANCELLED_AT_ONCE:
        batch = ask(lambda connection: cancelled_deliveries.cancel_many(connection, wanted))
        done += batch
    return done
