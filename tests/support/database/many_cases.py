"""Many cases in the database, made by SQL: the rows of years of use."""

from uuid import UUID

from service.database.connection import Connection
from service.domain.process_number import ProcessNumber
from tests.support.numbers import with_check_digits

#: Completed cases, each with its job, documents, event and delivered webhook. One in twenty failed, and one in twenty
#: has no documents.
_ROWS = (
    (
        "INSERT INTO processes (number, court, listed_at, created_at, updated_at, state, total_documents)"
        " SELECT number, 'TRF' || place % 6 + 1, moment, moment, moment,"
        " CASE WHEN place % 20 = 7 THEN 'failed' ELSE 'completed' END,"
        " CASE WHEN place % 20 = 9 THEN 0 ELSE CAST(:documents AS integer) END FROM places"
    ),
    (
        "INSERT INTO jobs (id, process_number, status, refresh, user_id, request_id, created_at, started_at,"
        " completed_at, total_documents, completed_documents, failed_documents, alerted_at)"
        " SELECT id, number, CASE WHEN place % 20 = 7 THEN 'failed' ELSE 'completed' END, false,"
        " CAST(:user_id AS uuid), 'many', moment, moment, moment, CAST(:documents AS integer),"
        " CAST(:documents AS integer), 0, moment FROM places"
    ),
    ("INSERT INTO job_users (user_id, created_at, job_id) SELECT CAST(:user_id AS uuid), moment, id FROM places"),
    (
        "INSERT INTO documents (id, process_number, instance, origin_id, uuid, position, name, type, secrecy, copies,"
        " status, job_id, attempts, started_at, completed_at, storage_key, size, declared_size, sha256, mime_type)"
        " SELECT gen_random_uuid(), number, 'PRIMEIRO_GRAU', CAST(position AS text),"
        " gen_random_uuid(), position, 'Documento ' || position, 'Documento', 'PUBLICO', '[]', 'available', id, 1,"
        " moment, moment, 'processos/' || place || '/' || position, 1000, 1000, repeat('0', 64), 'application/pdf'"
        " FROM places CROSS JOIN generate_series(1, CAST(:documents AS integer)) AS position WHERE place % 20 <> 9"
    ),
    "INSERT INTO case_data (process_number, parties_total, movements_total) SELECT number, 1, 2 FROM places",
    (
        "INSERT INTO parties (process_number, position, pole, name, is_sealed, representatives)"
        " SELECT number, 0, 'active', 'Parte ' || place, false, '[]' FROM places"
    ),
    (
        "INSERT INTO movements (id, process_number, instance, occurred_at, description, complements, ordinal, place,"
        " first_listed) SELECT gen_random_uuid(), number, 'PRIMEIRO_GRAU', moment, 'Ato ' || ordinal, '[]', 1, ordinal,"
        " place FROM places CROSS JOIN generate_series(1, 2) AS ordinal"
    ),
    (
        "INSERT INTO events (id, process_number, job_id, type, occurred_at, body)"
        " SELECT id, number, id, 'process.completed', moment, '{}' FROM places"
    ),
    (
        "INSERT INTO deliveries (id, process_number, job_id, event_id, user_id, url, status, attempts, created_at,"
        " completed_at) SELECT id, number, id, id, CAST(:user_id AS uuid),"
        " 'https://hooks.example/' || place, 'delivered', 1, moment, moment FROM places"
    ),
    (
        "INSERT INTO watches (id, process_number, every, next_check_at, last_checked_at, created_at)"
        " SELECT id, number, interval '1 day', moment + interval '13 days 21 hours', moment, moment FROM places"
    ),
    (
        "INSERT INTO monitors (id, process_number, user_id, every, created_at, told, last_changed_at, is_failing)"
        " SELECT id, number, CAST(:user_id AS uuid), interval '1 day', moment, place, moment, place % 20 = 7"
        " FROM places"
    ),
)
_PLACES = (
    "CREATE TEMPORARY TABLE places ON COMMIT DROP AS SELECT place, gen_random_uuid() AS id,"
    " now() - interval '1 minute' * place AS moment,"
    # ISO 7064 MOD 97-10, as in CNJ's Resolution 65.
    " lpad(CAST(place AS text), 7, '0')"
    " || lpad(cast(98 - CAST(place || '1988826999900' AS numeric) % 97 AS text), 2, '0')"
    " || '19888269999' AS number FROM generate_series(CAST(:first AS integer),"
    " CAST(:last AS integer)) AS place"
)


def number_of(place: int) -> ProcessNumber:
    """The number of the case at a position from 1 to 9,999,999."""
    return ProcessNumber.parse(with_check_digits(f"{place:07}", "1988", "826", "9999"))


async def add_cases(connection: Connection, user_id: UUID, *, first: int, last: int, documents: int) -> None:
    """Add the cases at these positions, in the caller's transaction. The caller collects the statistics."""
    await connection.execute(_PLACES, {"first": first, "last": last})
    for statement in _ROWS:
        values = {"user_id": user_id, "documents": documents}
        await connection.execute(statement, {name: value for name, value in values.items() if f":{name}" in statement})
