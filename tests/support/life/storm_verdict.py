"""What must be true after a storm: nothing is lost, no object is wrong, and no client was told anything false."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from service.local.directory import DataDirectory
from service.local.stack import Stack
from tests.support.life.storm_clients import Told
from tests.support.servers.subscriber import Subscriber
from tests.support.service import Service

#: Written by PostgreSQL itself at the commit of each event: what it said and what was true.
WATCH = (
    "CREATE TABLE false_words (event_id uuid, type text, said jsonb, was jsonb)",
    """CREATE FUNCTION note_false_word() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE was jsonb;
BEGIN
    SELECT jsonb_build_object(
        'total_documents', count(*),
        'completed_documents', count(*) FILTER (WHERE status = 'available' AND error_code IS NULL),
        'failed_documents', count(*) FILTER (WHERE status = 'failed' OR status = 'available' AND error_code IS NOT NULL)
    ) INTO was FROM documents WHERE process_number = NEW.process_number;
    IF NOT NEW.body @> was OR (NEW.type = 'process.completed'
        AND was -> 'total_documents' <> was -> 'completed_documents') THEN
        INSERT INTO false_words VALUES (NEW.id, NEW.type, NEW.body - 'documents', was);
    END IF;
    RETURN NULL;
END
$$""",
    """CREATE CONSTRAINT TRIGGER true_words AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION note_false_word()""",
)
_OPEN = (
    "SELECT 'job' AS kind, id, status, process_number FROM jobs WHERE status IN ('pending', 'processing')"
    " UNION ALL SELECT 'delivery', id, status, process_number FROM deliveries WHERE status IN ('waiting', 'scheduled')"
)
_UNTRUE: dict[str, str] = {
    "false words": "SELECT * FROM false_words",
    "jobs without exactly one event": (
        "SELECT jobs.id, jobs.status, count(events.id) FROM jobs LEFT JOIN events ON events.job_id = jobs.id"
        " GROUP BY jobs.id HAVING count(events.id) <> 1"
    ),
    "deliveries that failed": "SELECT id, url, last_error, attempts FROM deliveries WHERE status = 'failed'",
    "documents that nobody works on": "SELECT id, status FROM documents WHERE status = 'processing'",
    "files that are hidden": (
        "SELECT id, status, job_id FROM documents WHERE storage_key IS NOT NULL AND status = 'failed'"
    ),
}
#: What the storm does to the portal's token has to be told. And asyncpg leaves a future alone where PostgreSQL ends
#: the connection before it is made.
EXPECTED = (
    "portal_token_refused",
    "Future exception was never retrieved\nfuture: <Future finished exception=ConnectionError('unexpected connection_",
)
_EVIL = re.compile(r"Traceback|job_interrupted|\"level\": ?\"(error|critical)\"")

_ERROR = re.compile(r"'exc_type': '(\w+)', 'exc_value': [\"'](.{0,120}?)[\"'],")
_FRAME = re.compile(r"/((?:service|worker)/[\w/]+\.py)', 'lineno': (\d+)")


async def until_all_ended(service: Service, *, timeout: float) -> list[str]:
    """Wait until all jobs and deliveries have ended, and return those that are still open."""
    for _second in range(int(timeout)):
        if not (found := await service.fetch(_OPEN)):
            return []
        await asyncio.sleep(1)
    return [f"still open: {dict(row)}" for row in found]


async def figures(service: Service) -> str:
    """The numbers of jobs, events, deliveries and objects."""
    (row,) = await service.fetch(
        "SELECT (SELECT count(*) FROM jobs) AS jobs, (SELECT count(*) FROM events) AS events,"
        " (SELECT count(*) FROM deliveries) AS deliveries,"
        " (SELECT count(*) FROM documents WHERE storage_key IS NOT NULL) AS objects"
    )
    return ", ".join(f"{count} {name}" for name, count in dict(row).items())


async def everything_wrong(service: Service, servers: Stack, told: Told, subscriber: Subscriber) -> list[str]:
    """One line for each fault, at most some of each kind."""
    bucket = DataDirectory(servers.data_dir).objects / service.environment["S3_BUCKET"]
    said = evil_lines(service.logs).most_common(10)
    kinds = {
        "untrue": await untrue(service),
        "another object than its row says": await wrong_objects(service, bucket),
        "answer": [*told.wrong, *await unknown_jobs(service, told)],
        "event": untold(told, subscriber),
        "PostgreSQL": deadlocks(servers),
        "log": [f"{count} x {line}" for line, count in said],
    }
    return [f"{kind}: {line}" for kind, lines in kinds.items() for line in lines[:10]]


async def unknown_jobs(service: Service, told: Told) -> list[str]:
    """Jobs that a client was told of and that were never committed."""
    known = {str(row["id"]) for row in await service.fetch("SELECT id FROM jobs")}
    return [f"there is no job {job_id}" for job_id in told.jobs - known]


async def untrue(service: Service) -> list[str]:
    """Rows that must not be there."""
    found = {name: await service.fetch(query) for name, query in _UNTRUE.items()}
    return [f"{name}: {dict(row)}" for name, rows in found.items() for row in rows]


async def wrong_objects(service: Service, bucket: Path) -> list[str]:
    """Read all objects that a row names, and return those with wrong bytes."""
    rows = await service.fetch("SELECT storage_key, sha256 FROM documents WHERE storage_key IS NOT NULL")
    found = await asyncio.to_thread(lambda: [_digest(bucket / row["storage_key"]) for row in rows])
    return [row["storage_key"] for row, digest in zip(rows, found, strict=True) if digest != row["sha256"]]


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def deadlocks(servers: Stack) -> list[str]:
    """Deadlocks in PostgreSQL's log: its counters do not survive a crash."""
    log = (servers.data_dir / "logs" / "postgres.log").read_text(errors="replace")
    earlier = servers.data_dir / "logs" / "postgres.previous.log"
    log += earlier.read_text(errors="replace") if earlier.exists() else ""
    return [line for line in log.splitlines() if "deadlock detected" in line]


def evil_lines(logs: Path) -> Counter[str]:
    """Unexpected log lines, without times and ids, and how often each occurs."""
    lines = Counter(_anonymous(line) for log in sorted(logs.glob("*.log")) for line in _evil(log))
    del lines[""]
    return lines


def _evil(log: Path) -> Iterator[str]:
    return (line for line in log.read_text(errors="replace").splitlines() if _EVIL.search(line))


def _anonymous(line: str) -> str:
    try:
        said = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return line[:300]
    if str(said.get("event")).startswith(EXPECTED):
        return ""
    exception = str(said.get("exception", ""))
    errors, places = _ERROR.findall(exception), _FRAME.findall(exception)
    return f"{said.get('event')} {said.get('error', '')} {errors} {places[-4:]}"


def untold(told: Told, subscriber: Subscriber) -> list[str]:
    """Promised events that never came, and events that came under several ids."""
    missing = []
    for job_id, path in sorted(told.subscribed, key=str):
        user = path.split("/")[1]
        came = [each for each in subscriber.received(path) if job_id in {None, each.json["job_id"]}]
        if not came and (user, job_id) not in told.cancelled:
            missing.append(f"{path} was never told of {job_id}")
        if job_id is not None and len({each.headers["webhook-id"] for each in came}) > 1:
            missing.append(f"{path} was told of {job_id} under several ids")
    return missing
