"""`/processes/{number}/movements` and `/parties`: the case as data, beyond what the main entry shows."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from service.actions.cases import NotRequested
from service.api.framework import pagination
from service.api.framework.operations import Call, Tag, operation
from service.api.framework.pagination import LIMIT_DEFAULT, Limit, Page
from service.api.framework.queries import PRINTABLE
from service.api.presenters.timestamps import Timestamp
from service.database.cases import case_data, processes
from service.domain.case_data import Party
from service.domain.case_facts import CaseMovement
from service.domain.described.words import shape


class MovementsQuery(msgspec.Struct, frozen=True):
    """Which movements."""

    limit: Limit = LIMIT_DEFAULT
    instance: (
        Annotated[
            str,
            shape(
                "a string of up to 100 characters, without control characters",
                pattern=PRINTABLE,
                max_length=100,
                description="Those of one instance, as `instances` of the case names it.",
                examples=["PRIMEIRO_GRAU"],
            ),
        ]
        | None
    ) = None
    since: Annotated[Timestamp, Meta(description="Those that happened at this time or later.")] | None = None

    cursor: (
        Annotated[
            str,
            Meta(
                max_length=400,
                description="The next_cursor of the page before.",
                examples=["IjhjMGEzZjZlLTdiNTItNWQwZS05YTQxLTJmNmYwYzFkN2U4OCI="],
                extra_json_schema={"format": "movement-cursor"},
            ),
        ]
        | None
    ) = None


@operation("case_data_movements", Tag.CASES, problems=("process_not_found",))
async def movements(call: Call[MovementsQuery, None]) -> Page[CaseMovement]:
    """The movements of a case, of all instances, the newest first.

    Movements whose time is not known come last; `since` leaves them out. The `id` of a movement stays the same after
    each refresh. A refresh between two pages repeats and skips none of those that are older than the last one seen.
    """
    query = call.query
    after = pagination.position(query.cursor, UUID)
    async with call.state["database"].connection() as connection:
        found = await case_data.movements_page(
            connection, call.number, instance=query.instance, since=query.since, after=after, limit=query.limit + 1
        )
        if not found and not await processes.exists(connection, call.number):
            raise NotRequested
    rows, cursor = pagination.cut(found, query.limit, lambda row: row.id)
    return Page([msgspec.convert(row, CaseMovement, from_attributes=True) for row in rows], cursor)


class PartiesQuery(msgspec.Struct, frozen=True):
    """Which page of the parties."""

    limit: Limit = LIMIT_DEFAULT
    cursor: (
        Annotated[
            str,
            Meta(
                max_length=400,
                description="The next_cursor of the page before.",
                examples=["WzQ5XQ=="],
                extra_json_schema={"format": "party-cursor"},
            ),
        ]
        | None
    ) = None


class _PartyCursor(msgspec.Struct, frozen=True, array_like=True):
    """The position of the last party of a page."""

    position: Annotated[int, Meta(ge=0, lt=2**31)]


@operation("case_data_parties", Tag.CASES, problems=("process_not_found",))
async def parties(call: Call[PartiesQuery, None]) -> Page[Party]:
    """The parties of a case, in the order of the portal.

    A party that the court seals has no name, nor have its representatives. A refresh that changes the parties moves
    those that follow: begin again if `parties_total` of the case changes between two pages.
    """
    after = pagination.position(call.query.cursor, _PartyCursor)
    async with call.state["database"].connection() as connection:
        found = await case_data.parties_page(
            connection, call.number, after=None if after is None else after.position, limit=call.query.limit + 1
        )
        if not found and not await processes.exists(connection, call.number):
            raise NotRequested
    rows, cursor = pagination.cut(found, call.query.limit, lambda row: _PartyCursor(row[0]))
    return Page([party for _, party in rows], cursor)
