"""Deletes endpoints of accounts. `owner`: the user whose endpoint may be named; None: those of all users."""

from uuid import UUID

from service.database.access import DatabaseAccess
from service.database.deliveries import cancelled_deliveries, endpoint_list
from service.database.deliveries.cancelled_deliveries import CANCELLED_AT_ONCE, CancelFilter


class UnknownEndpoint(Exception):
    """There is no such endpoint of this owner."""


async def delete(database: DatabaseAccess, endpoint_id: UUID | None, *, owner: UUID | None) -> None:
    """Delete an endpoint and its secrets, and cancel what only it was to get. Raises `UnknownEndpoint`.

    A process that dies in between leaves deliveries open: each is cancelled at its next attempt.
    """
    if endpoint_id is None:
        raise UnknownEndpoint
    wanted = CancelFilter(endpoint_id=endpoint_id)
    if not await database.run(lambda connection: endpoint_list.delete(connection, endpoint_id, user_id=owner)):
        raise UnknownEndpoint
    cancelled = CANCELLED_AT_ONCE
    while cancelled == CANCELLED_AT_ONCE:
        cancelled = await database.run(lambda connection: cancelled_deliveries.cancel_many(connection, wanted))
