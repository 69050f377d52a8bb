"""Writes what a listing says about a case beside its documents.

The caller holds the lock of the process.
"""

from hashlib import sha256
from typing import Any

import msgspec

from service.database.connection import Connection, as_json
from service.domain.case_data import CaseData, Movement
from service.domain.process_number import ProcessNumber

# The columns of the portal's own answer are those of `kept_listings`.
_REGISTER = """
INSERT INTO case_data AS known (process_number, value, judging_body, instances, related_processes, parties_total,
    movements_total, parties_digest, listing_asked)
VALUES (:number, :value, :judging_body, CAST(:instances AS jsonb), CAST(:related AS jsonb), :parties_total,
    :movements_total, :parties_digest, :asked)
ON CONFLICT (process_number) DO UPDATE SET value = excluded.value, judging_body = excluded.judging_body,
    instances = excluded.instances, related_processes = excluded.related_processes,
    parties_total = CASE WHEN excluded.parties_total = 0 THEN known.parties_total ELSE excluded.parties_total END,
    parties_digest = CASE WHEN excluded.parties_total = 0 THEN known.parties_digest
        ELSE excluded.parties_digest END,
    movements_total = CASE WHEN excluded.movements_total = 0 THEN known.movements_total
        ELSE excluded.movements_total END,
    listing_asked = excluded.listing_asked
"""

_KNOWN = "SELECT parties_digest FROM case_data WHERE process_number = :number"

_DROP_PARTIES = "DELETE FROM parties WHERE process_number = :number"
_ADD_PARTIES = """
INSERT INTO parties (process_number, position, pole, role, name, kind, is_sealed, representatives)
SELECT :number, position - 1, each ->> 'pole', each ->> 'role', each ->> 'name', each ->> 'kind',
    CAST(each ->> 'is_sealed' AS boolean), each -> 'representatives'
FROM jsonb_array_elements(CAST(:parties AS jsonb)) WITH ORDINALITY AS listed (each, position)
"""

# A row that is as listed is not written.
_MOVEMENTS = """
WITH listed AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:movements AS jsonb)) AS listed (id uuid, instance text,
        occurred_at timestamptz, description text, type_code bigint, judging_body text, complements jsonb,
        ordinal integer, place integer)
), hidden AS (
    UPDATE movements SET is_listed = false WHERE process_number = :number AND is_listed
    AND EXISTS (SELECT 1 FROM listed) AND NOT EXISTS (SELECT 1 FROM listed WHERE listed.id = movements.id)
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
    """Write the case as data. Only what changed is written. `asked`: the place of the listing among all of them.

    Empty lists of parties or movements hide nothing: the portal sometimes answers short. Three statements, and two
    more if the parties changed.
    """
    digest = sha256(msgspec.json.encode(case.parties)).hexdigest()
    known = await connection.fetch_val(_KNOWN, {"number": number.digits})
    await connection.execute(
        _REGISTER,
        {
            "number": number.digits,
            "value": case.value,
            "judging_body": case.judging_body,
            "instances": as_json(case.instances),
            "related": as_json(case.related_processes),
            "parties_total": len(case.parties),
            "movements_total": len(case.movements),
            "parties_digest": digest,
            "asked": asked,
        },
    )
    if case.parties and known != digest:
        await connection.execute(_DROP_PARTIES, {"number": number.digits})
        await connection.execute(_ADD_PARTIES, {"number": number.digits, "parties": as_json(case.parties)})
    rows = [_as_row(number, each) for each in case.movements]
    await connection.execute(_MOVEMENTS, {"number": number.digits, "movements": as_json(rows), "asked": asked})


def _as_row(number: ProcessNumber, movement: Movement) -> dict[str, Any]:
    return msgspec.structs.asdict(movement) | {"id": movement.id_in(number)}
