"""Removes the names of parties that became sealed from what earlier listings left: events and hidden movements.

The caller holds the lock of the process, and has not written the parties of the new listing yet.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from service.database.connection import Connection, as_json
from service.domain.case_data import Party
from service.domain.process_number import ProcessNumber

STAND_IN_OF_NAMES = "[sigiloso]"  # as the texts of a listing have it
_TEXTS = frozenset({"name", "description", "value", "role"})  # members with words of the court
_NEWLY_SEALED = """
SELECT DISTINCT name FROM parties WHERE process_number = :number AND name IS NOT NULL AND NOT name = ANY(:names)
AND :sealed > (SELECT count(*) FROM parties WHERE process_number = :number AND is_sealed)
"""
_EVENTS = "SELECT id, body FROM events WHERE process_number = :number AND CAST(body AS text) ~* :pattern"
_MOVEMENTS = """
SELECT id, jsonb_build_object('description', description, 'complements', complements) AS body FROM movements
WHERE process_number = :number AND (description ~* :pattern OR CAST(complements AS text) ~* :pattern)
"""
_WRITE_EVENT = "UPDATE events SET body = CAST(:body AS jsonb) WHERE id = :id"
_WRITE_MOVEMENT = """
UPDATE movements SET description = CAST(:body AS jsonb) ->> 'description',
    complements = CAST(:body AS jsonb) -> 'complements' WHERE id = :id
"""


async def forget_newly_sealed(connection: Connection, number: ProcessNumber, parties: Sequence[Party]) -> None:
    """Remove the names that open parties had and no open party has now, if more parties are sealed than before."""
    sealed = sum(party.is_sealed for party in parties)
    if not sealed:
        return
    open_names = [party.name for party in parties if party.name is not None]
    values = {"number": number.digits, "names": open_names, "sealed": sealed}
    names = [row["name"] for row in await connection.fetch_all(_NEWLY_SEALED, values)]
    words = [found for name in names if (found := re.findall(r"\w+", name))]
    if not words:
        return
    past = _Past(frozenset(names), words)
    for query, write in ((_EVENTS, _WRITE_EVENT), (_MOVEMENTS, _WRITE_MOVEMENT)):
        for row in await connection.fetch_all(query, {"number": number.digits, "pattern": past.sql_pattern}):
            body = msgspec.json.decode(row["body"])
            past.forget(body)
            await connection.execute(write, {"id": row["id"], "body": as_json(body)})


class _Past:
    """Finds names in what is stored, whatever their case and what stands between their words."""

    def __init__(self, names: frozenset[str], words: list[list[str]]) -> None:
        self._names = names
        self._pattern = re.compile("|".join(rf"\b{_joined(each, '[^a-zA-Z0-9]+')}\b" for each in words), re.IGNORECASE)
        # It only chooses rows, so it may match too much: JSON escapes some characters between words.
        self.sql_pattern = "|".join(_joined(each, ".{1,20}") for each in words)

    def forget(self, body: Any) -> None:
        """Remove the names from the texts of a JSON value, in place. A party with such a name is sealed."""
        pending = [body]
        while pending:
            node = pending.pop()
            if isinstance(node, dict):
                self._forget_in(node)
            inner = node.values() if isinstance(node, dict) else node
            pending += [each for each in inner if isinstance(each, dict | list)]

    def _forget_in(self, node: dict[str, Any]) -> None:
        if "is_sealed" in node and node.get("name") in self._names:
            node |= {"name": None, "is_sealed": True, "representatives": []}
        for member in _TEXTS.intersection(node):
            if isinstance(node[member], str):
                node[member] = self._pattern.sub(STAND_IN_OF_NAMES, node[member])


def _joined(words: list[str], between: str) -> str:
    return between.join(map(re.escape, words))
