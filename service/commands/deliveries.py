"""`autos deliveries`: what was sent to subscribers, and how to send it again."""

from datetime import UTC, datetime
from uuid import UUID

import click
import msgspec

from service.actions import deliveries as actions
from service.actions.deliveries import DeliveryNotDue, EndpointDisabled, UnknownDelivery
from service.commands.cancel_deliveries import cancel
from service.commands.console import json_option, print_fields, print_json, print_table
from service.commands.database import ask
from service.commands.perform import delay, perform
from service.database.connection import Connection
from service.database.deliveries import delivery_history
from service.database.deliveries.delivery_history import AttemptRow, DeliveryFilter, DeliveryRow
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus

ATTEMPTS_LISTED = 20


class Timestamp(click.ParamType[datetime]):
    """An ISO 8601 date or time; without a zone it is UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read what was typed."""
        try:
            given = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("It must be a time such as 2026-01-31T12:00:00Z.", param, ctx)


class DeliveryWithAttempts(msgspec.Struct, frozen=True):
    """A delivery and its attempts."""

    delivery: DeliveryRow
    attempts: list[AttemptRow]


@click.group(name="deliveries")
def deliveries_group() -> None:
    """Show webhook deliveries, send them again, stop them."""


@deliveries_group.command(name="list")
@click.option("--status", type=click.Choice([each.value for each in DeliveryStatus]))
@click.option("--job-id", type=click.UUID)
@click.option("--endpoint", "endpoint_id", type=click.UUID, help="To this endpoint of an account.")
@click.option("--since", type=Timestamp(), help="Made at this time or later.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@json_option
def list_deliveries(
    status: str | None,
    job_id: UUID | None,
    endpoint_id: UUID | None,
    since: datetime | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """The last deliveries, the newest first."""
    wanted = DeliveryFilter(None, None if status is None else DeliveryStatus(status), job_id, endpoint_id, since)

    async def question(connection: Connection) -> list[DeliveryWithAttempts]:
        rows = await delivery_history.page(connection, wanted, after=None, limit=limit)
        ids = [row.id for row in rows]
        attempts = await delivery_history.attempts_of(connection, ids, newest=ATTEMPTS_LISTED)
        return [DeliveryWithAttempts(row, attempts[row.id]) for row in rows]

    found = ask(question)
    if as_json:
        print_json([_view(each) for each in found])
        return
    columns = ("delivery", "process", "host", "status", "attempts", "next attempt", "created", "last error")
    print_table(columns, [_row(each) for each in found])


@deliveries_group.command(name="show")
@click.argument("delivery_id", type=click.UUID)
@json_option
def show_delivery(delivery_id: UUID, *, as_json: bool) -> None:
    """One delivery and all its attempts."""

    async def question(connection: Connection) -> DeliveryWithAttempts | None:
        row = await delivery_history.find(connection, delivery_id, user_id=None)
        attempts = await delivery_history.attempts_of(connection, [delivery_id])
        return None if row is None else DeliveryWithAttempts(row, attempts[delivery_id])

    found = ask(question)
    if found is None:
        raise click.ClickException("there is no such delivery")
    if as_json:
        print_json(_view(found))
        return
    number = ProcessNumber(found.delivery.process_number).masked
    print_fields(msgspec.structs.replace(found.delivery, process_number=number))
    click.echo()
    columns = ("attempt", "started", "ms", "outcome", "status", "error", "answer")
    print_table(columns, [_attempt_row(each) for each in found.attempts])


@deliveries_group.command()
@click.argument("delivery_id", type=click.UUID)
def resend(delivery_id: UUID) -> None:
    """Make one more attempt now. The schedule stays as it is, unless this attempt succeeds."""

    try:
        resent = perform(lambda database, queue: actions.resend(database, queue, delivery_id, owner=None))
    except UnknownDelivery:
        raise click.ClickException("there is no such delivery") from None
    except DeliveryNotDue:
        raise click.ClickException("its job has not ended: there is nothing to send yet") from None
    except EndpointDisabled:
        raise click.ClickException("its endpoint is switched off or was deleted") from None
    click.echo("one more attempt is on its way" + delay(is_enqueued=resent.is_enqueued))


@deliveries_group.command()
@click.option("--since", type=Timestamp(), required=True, help="Everything that was given up at this time or later.")
def recover(since: datetime) -> None:
    """Send every delivery again that has failed since a time, with a whole new schedule. It may be repeated."""

    recovered = perform(lambda database, queue: actions.recover(database, queue, since=since, owner=None))
    click.echo(f"{recovered.count} deliveries are on their way{delay(is_enqueued=recovered.is_enqueued)}")


deliveries_group.add_command(cancel)


def _view(found: DeliveryWithAttempts) -> msgspec.Struct:
    """As the API shows it."""
    # A slow import, which only `--json` needs.
    from service.api.deliveries import delivery_view  # noqa: PLC0415  (see above)

    return delivery_view(found.delivery, found.attempts)


def _row(found: DeliveryWithAttempts) -> tuple[object, ...]:
    row = found.delivery
    number = ProcessNumber(row.process_number).masked
    attempts = max((each.number for each in found.attempts), default=0)
    return (row.id, number, row.host, row.status, attempts, row.next_attempt_at, row.created_at, row.last_error)


def _attempt_row(row: AttemptRow) -> tuple[object, ...]:
    return (row.number, row.started_at, row.duration_ms, row.outcome, row.status_code, row.error, row.answer)
