"""Writes what a listing says about a case beside its documents. Only rows that changed are written.

The caller holds the lock of the process.
"""

from typing import Any

import msgspec

from service.database.cases import sealed_past
from service.database.connection import Connection, as_json
from service.domain.case_data import CaseData, Movement, Party
from service.domain.process_number import ProcessNumber

# The portal's own answer, which has columns of the same row, is written by `kept_listings`.
_REGISTER = """
INSERT INTO case_data AS known (process_number, value, judging_body, instances, related_processes, parties_total,
    movements_total, listing_asked)
SELECT :number, :value, :judging_body, CAST(:instances AS jsonb), CAST(:related AS jsonb),
    (SELECT count(*) FROM parties WHERE process_number = :number),
    (SELECT count(*) FROM movements WHERE process_number = :number AND is_listed), :asked
ON CONFLICT (process_number) DO UPDATE SET value = coalesce(excluded.value, known.value),
    judging_body = excluded.judging_body,
    instances = CASE WHEN excluded.instances = '[]' THEN known.instances ELSE excluded.instances END,
    related_processes = CASE WHEN :keeps_related AND excluded.related_processes = '[]' THEN known.related_processes
        ELSE excluded.related_processes END,
    parties_total = excluded.parties_total, movements_total = excluded.movements_total,
    listing_asked = excluded.listing_asked
"""

_PARTIES = """
WITH listed AS MATERIALIZED (
    SELECT CAST(place - 1 AS integer) AS position, each ->> 'pole' AS pole, each ->> 'role' AS role,
        each ->> 'name' AS name, each ->> 'kind' AS kind, CAST(each ->> 'is_sealed' AS boolean) AS is_sealed,
        each -> 'representatives' AS representatives
    FROM jsonb_array_elements(CAST(:parties AS jsonb)) WITH ORDINALITY AS listed (each, place)
), dropped AS (
    DELETE FROM parties WHERE process_number = :number AND position >= (SELECT count(*) FROM listed)
)
INSERT INTO parties AS known (process_number, position, pole, role, name, kind, is_sealed, representatives)
SELECT :number, position, pole, role, name, kind, is_sealed, representatives FROM listed
ON CONFLICT (process_number, position) DO UPDATE SET pole = excluded.pole, role = excluded.role,
    name = excluded.name, kind = excluded.kind, is_sealed = excluded.is_sealed,
    representatives = excluded.representatives
WHERE (known.pole, known.role, known.name, known.kind, known.is_sealed, known.representatives) IS DISTINCT FROM
    (excluded.pole, excluded.role, excluded.name, excluded.kind, excluded.is_sealed, excluded.representatives)
"""

_MOVEMENTS = """
WITH listed AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:movements AS jsonb)) AS listed (id uuid, instance text,
        occurred_at timestamptz, description text, type_code bigint, judging_body text, complements jsonb,
        ordinal integer, place integer)
), hidden AS (
    UPDATE movements SET is_listed = false WHERE process_number = :number AND is_listed AND NOT :keeps
    AND instance IN (SELECT instance FROM listed) AND NOT EXISTS (SELECT 1 FROM listed WHERE listed.id = movements.id)
)
INSERT INTO movements AS known (id, process_number, instance, occurred_at, description, type_code, judging_body,
    complements, ordinal, place, first_listed)
SELECT id, :number, instance, occurred_at, description, type_code, judging_body, complements, ordinal, place, :asked
FROM listed
ON CONFLICT (id) DO UPDATE SET occurred_at = excluded.occurred_at, description = excluded.description,
    type_code = excluded.type_code, judging_body = excluded.judging_body, complements = excluded.complements,
    place = excluded.place, is_listed = true
WHERE (known.occurred_at, known.description, known.type_code, known.judging_body, known.complements, known.place,
    known.is_listed) IS DISTINCT FROM (excluded.occurred_at, excluded.description, excluded.type_code,
    excluded.judging_body, excluded.complements, excluded.place, true)
"""


async def register(connection: Connection, number: ProcessNumber, case: CaseData, *, asked: int) -> None:
    """Write the case as data, in three statements and one more if a party is sealed.

    `asked`: the place of the listing among all of them.

    An empty list of parties, or of the movements of one instance, hides nothing: the portal sometimes answers short.
    Parts that could not be read hide nothing either.
    """
    if case.parties:
        await _write_parties(connection, number, case.parties, keeps="parties" in case.unread)
    if case.movements:
        await _write_movements(connection, number, case, asked=asked)
    await connection.execute(
        _REGISTER,
        {
            "number": number.digits,
            "value": case.value,
            "judging_body": case.judging_body,
            "instances": as_json(case.instances),
            "related": as_json(case.related_processes),
            "keeps_related": "related_processes" in case.unread,
            "asked": asked,
        },
    )


async def _write_parties(
    connection: Connection, number: ProcessNumber, parties: tuple[Party, ...], *, keeps: bool
) -> None:
    if keeps and await connection.fetch_val(
        "SELECT count(*) FROM parties WHERE process_number = :number", {"number": number.digits}
    ):
        return
    await sealed_past.forget_newly_sealed(connection, number, parties)
    await connection.execute(_PARTIES, {"number": number.digits, "parties": as_json(parties)})


async def _write_movements(connection: Connection, number: ProcessNumber, case: CaseData, *, asked: int) -> None:
    rows = [_as_row(number, each) for each in case.movements]
    values = {"number": number.digits, "movements": as_json(rows), "keeps": "movements" in case.unread, "asked": asked}
    await connection.execute(_MOVEMENTS, values)


def _as_row(number: ProcessNumber, movement: Movement) -> dict[str, Any]:
    return msgspec.structs.asdict(movement) | {"id": movement.id_in(number)}
