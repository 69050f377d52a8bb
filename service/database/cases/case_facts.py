"""Reads a case as clients see it, without its documents: its row, and what the listings say beside the documents."""

from typing import Any

import msgspec

from service.database.cases import case_data
from service.database.cases.case_data import StoredCase
from service.database.cases.processes import Process
from service.database.connection import Connection, as_optional
from service.domain.case_facts import CaseFacts, LastMovement
from service.domain.process_number import ProcessNumber

_ROW = f"SELECT {', '.join(Process.__struct_fields__)} FROM processes WHERE number = :number"
_OF_PROCESS = ("court", "court_class", "subject", "filed_at", "secrecy_level", "listed_at")
_OF_DATA = (
    "value",
    "judging_body",
    "instances",
    "parties",
    "parties_total",
    "movements_total",
    "related_processes",
)
_NO_DATA = StoredCase(None, None, (), (), 0, 0, None, (), None)


async def find(connection: Connection, number: ProcessNumber) -> CaseFacts | None:
    """Return what is known of a case. None: it was never requested."""
    process = as_optional(await connection.fetch_one(_ROW, {"number": number.digits}), Process)
    if process is None:
        return None
    return facts_of(number, process, await case_data.find(connection, number))


def facts_of(number: ProcessNumber, process: Process, data: StoredCase | None) -> CaseFacts:
    """Put a case together. `data` is None until a listing of this version of the service brought any."""
    data = data or _NO_DATA
    last = data.last_movement
    members: dict[str, Any] = {name: getattr(process, name) for name in _OF_PROCESS}
    members |= {name: getattr(data, name) for name in _OF_DATA}
    return CaseFacts(
        process_number=number.masked,
        **members,
        last_movement=None if last is None else msgspec.convert(last, LastMovement, from_attributes=True),
    )
