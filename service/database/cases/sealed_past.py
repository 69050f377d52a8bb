"""Removes the names of parties that became sealed from what earlier listings left: events and hidden movements.

The caller holds the lock of the process, and has not written the parties of the new listing yet.
"""

import re
from collections.abc import Sequence

from service.database.connection import Connection
from service.domain.case_data import Party
from service.domain.process_number import ProcessNumber

STAND_IN_OF_NAMES = "[sigiloso]"  # as the texts of a listing have it
_NEWLY_SEALED = """
SELECT DISTINCT name FROM parties WHERE process_number = :number AND name IS NOT NULL AND NOT name = ANY(:names)
AND :sealed > (SELECT count(*) FROM parties WHERE process_number = :number AND is_sealed)
"""
_PARTIES = """
UPDATE events SET body = jsonb_set(body, '{process,parties}', (SELECT jsonb_agg(
        CASE WHEN each ->> 'name' = ANY(:names)
            THEN each || '{"name": null, "is_sealed": true, "representatives": []}' ELSE each END ORDER BY place)
    FROM jsonb_array_elements(body #> '{process,parties}') WITH ORDINALITY AS listed (each, place)))
WHERE process_number = :number AND EXISTS (SELECT 1 FROM jsonb_array_elements(
    CASE WHEN jsonb_typeof(body #> '{process,parties}') = 'array' THEN body #> '{process,parties}' ELSE '[]' END
    ) AS each WHERE each ->> 'name' = ANY(:names))
"""
_TEXTS = """
UPDATE events SET body = CAST(regexp_replace(CAST(body AS text), :pattern, :stand_in, 'gi') AS jsonb)
WHERE process_number = :number AND CAST(body AS text) ~* :pattern
"""
_HIDDEN = """
UPDATE movements SET description = regexp_replace(description, :pattern, :stand_in, 'gi'),
    complements = CAST(regexp_replace(CAST(complements AS text), :pattern, :stand_in, 'gi') AS jsonb)
WHERE process_number = :number AND (description ~* :pattern OR CAST(complements AS text) ~* :pattern)
"""


async def forget_newly_sealed(connection: Connection, number: ProcessNumber, parties: Sequence[Party]) -> None:
    """Remove the names that open parties had and no open party has now, if more parties are sealed than before."""
    sealed = sum(party.is_sealed for party in parties)
    if not sealed:
        return
    open_names = [party.name for party in parties if party.name is not None]
    rows = await connection.fetch_all(_NEWLY_SEALED, {"number": number.digits, "names": open_names, "sealed": sealed})
    names = [row["name"] for row in rows]
    if not names:
        return
    await connection.execute(_PARTIES, {"number": number.digits, "names": names})
    # Letters and digits only: the text of a JSON value has other characters escaped.
    pattern = "|".join(r"[^[:alnum:]]+".join(re.findall(r"\w+", name)) for name in names)
    values = {"number": number.digits, "pattern": rf"\m(?:{pattern})\M", "stand_in": STAND_IN_OF_NAMES}
    await connection.execute(_TEXTS, values)
    await connection.execute(_HIDDEN, values)
