"""Reads the case as data: what the portal's listings say about a case beside its documents."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.database.connection import Connection, Record
from service.domain.case_data import Complement, Instance, Party, RelatedProcess
from service.domain.case_facts import PARTIES_SHOWN
from service.domain.process_number import ProcessNumber


class StoredMovement(msgspec.Struct, frozen=True):
    """A movement as clients see it. Its id is the same in every listing."""

    id: UUID
    occurred_at: datetime | None
    description: str
    instance: str
    type_code: int | None
    judging_body: str | None
    complements: tuple[Complement, ...]


class KeptListing(msgspec.Struct, frozen=True):
    """The portal's answer in the bucket, compressed with gzip. It may be older than the data of the case."""

    key: str
    sha256: str  #: of the uncompressed bytes, lower-case hexadecimal
    size: int  #: bytes before compression
    charset: str | None  #: None: UTF-8
    is_redacted: bool  #: names of sealed parties were removed
    taken_at: datetime


class StoredCase(msgspec.Struct, frozen=True):
    """A case as data, as it was listed last, with at most `PARTIES_SHOWN` parties."""

    value: float | None  #: in reais
    judging_body: str | None
    instances: tuple[Instance, ...]
    parties: tuple[Party, ...]
    parties_total: int
    movements_total: int
    last_movement: StoredMovement | None
    related_processes: tuple[RelatedProcess, ...]
    listing: KeptListing | None


#: The columns of `StoredMovement`.
MOVEMENT = (
    "movements.id, movements.occurred_at, movements.description, movements.instance, movements.type_code,"
    " movements.judging_body, movements.complements"
)
_TIME = "coalesce(occurred_at, '-infinity')"  # as in the index: movements without a time are last
NEWEST_FIRST = f"{_TIME} DESC, place DESC, id DESC"
_PARTY = (
    "jsonb_build_object('pole', pole, 'role', role, 'name', name, 'kind', kind, 'is_sealed', is_sealed,"
    " 'representatives', representatives)"
)
_PARTIES = msgspec.json.Decoder(tuple[Party, ...])
_MOVEMENT = msgspec.json.Decoder(StoredMovement | None)
_COMPLEMENTS = msgspec.json.Decoder(tuple[Complement, ...])
_FIND = f"""
SELECT value, judging_body, instances, related_processes, parties_total, movements_total,
    listing_key, listing_sha256, listing_size, listing_charset, listing_is_redacted, listing_taken_at,
    (SELECT coalesce(jsonb_agg(party ORDER BY position), '[]') FROM (
        SELECT {_PARTY} AS party, position FROM parties WHERE process_number = :number
        ORDER BY position LIMIT {PARTIES_SHOWN}) AS shown) AS parties,
    (SELECT coalesce(jsonb_agg(last), 'null') FROM (
        SELECT {MOVEMENT} FROM movements WHERE process_number = :number AND is_listed
        ORDER BY {NEWEST_FIRST} LIMIT 1) AS last) -> 0 AS last_movement
FROM case_data WHERE process_number = :number
"""


async def find(connection: Connection, number: ProcessNumber) -> StoredCase | None:
    """Return the case as data; None if no listing of this version of the service had any."""
    row = await connection.fetch_one(_FIND, {"number": number.digits})
    return None if row is None else _case(row)


def _case(row: Record) -> StoredCase:
    return StoredCase(
        value=row["value"],
        judging_body=row["judging_body"],
        instances=msgspec.json.decode(row["instances"], type=tuple[Instance, ...]),
        parties=_PARTIES.decode(row["parties"]),
        parties_total=row["parties_total"],
        movements_total=row["movements_total"],
        last_movement=_MOVEMENT.decode(row["last_movement"] or "null"),
        related_processes=msgspec.json.decode(row["related_processes"], type=tuple[RelatedProcess, ...]),
        listing=kept_listing(row),
    )


def kept_listing(row: Record) -> KeptListing | None:
    """Convert the columns `listing_...` of `case_data`."""
    if row["listing_key"] is None:
        return None
    return KeptListing(**{name: row[f"listing_{name}"] for name in KeptListing.__struct_fields__})


async def parties_page(
    connection: Connection, number: ProcessNumber, *, after: int | None = None, limit: int
) -> list[tuple[int, Party]]:
    """Return a page of the parties in the portal's order, each with its position. `after`: the last position seen."""
    rows = await connection.fetch_all(
        "SELECT position, pole, role, name, kind, is_sealed, representatives FROM parties"
        " WHERE process_number = :number AND position > :after ORDER BY position LIMIT :limit",
        {"number": number.digits, "after": -1 if after is None else after, "limit": limit},
    )
    return [(row["position"], _party(row)) for row in rows]


def _party(row: Record) -> Party:
    values = dict(row) | {"representatives": msgspec.json.decode(row["representatives"])}
    return msgspec.convert(values, Party)


_AFTER = (
    f" AND ({_TIME}, place, id) < (SELECT {_TIME}, place, id FROM movements"
    " WHERE id = :after AND process_number = :number)"
)


async def movements_page(
    connection: Connection,
    number: ProcessNumber,
    *,
    instance: str | None = None,
    since: datetime | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[StoredMovement]:
    """Return a page of the movements, newest first.

    `since`: those that occurred then or later. `after`: the last movement of the page before; it is found though the
    portal does not list it any more. An unknown `after` gives an empty page.
    """
    values: dict[str, Any] = {"number": number.digits, "limit": limit}
    conditions = ""
    if instance is not None:
        conditions += " AND instance = :instance"
        values["instance"] = instance
    if since is not None:
        conditions += f" AND {_TIME} >= :since"
        values["since"] = since
    if after is not None:
        conditions += _AFTER
        values["after"] = after
    rows = await connection.fetch_all(
        f"SELECT {MOVEMENT} FROM movements WHERE process_number = :number AND is_listed{conditions}"
        f" ORDER BY {NEWEST_FIRST} LIMIT :limit",
        values,
    )
    return [movement(row) for row in rows]


def movement(row: Record) -> StoredMovement:
    """Convert the columns of `MOVEMENT`."""
    values = {name: row[name] for name in StoredMovement.__struct_fields__}
    return StoredMovement(**values | {"complements": _COMPLEMENTS.decode(row["complements"])})
