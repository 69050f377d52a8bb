"""The keys of objects: `processos/<case>/documentos/<document>/<job><attempt>-<name>`.

The portal's own answers are in `processos/<case>/listagens/`.

No two attempts write the same key. So an object does not change after a row refers to it, even if a worker goes on
after it lost its lease, or the object store executes a request that the worker has given up.
"""

import re
import secrets
from uuid import UUID

from service.domain.process_number import ProcessNumber

_JOB_DIGITS = 8  # hexadecimal
_KEY = re.compile(
    r"processos/(?P<number>[0-9]{7}-[0-9]{2}\.[0-9]{4}\.[1-9]\.[0-9]{2}\.[0-9]{4})/documentos/"
    r"(?P<document>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(?:(?P<job>[0-9a-f]{8})[0-9a-f]{8}-)?"
)


STORAGE_PREFIX = "processos/"  # of every object that the service writes
PROBES = f"{STORAGE_PREFIX}probes/"  # of the small objects that test the bucket
_PROBE = re.compile(rf"{PROBES}[0-9a-f]{{32}}")


def probe_key() -> str:
    """The key of a new probe, different for each call: two processes may test the bucket at the same time."""
    return f"{PROBES}{secrets.token_hex(16)}"


def is_probe(key: str) -> bool:
    """Whether a key has the form of `probe_key`."""
    return _PROBE.fullmatch(key) is not None


def case_prefix(number: ProcessNumber) -> str:
    """The key prefix of all objects of a case."""
    return f"{STORAGE_PREFIX}{number.masked}/documentos/"


def listing_key(number: ProcessNumber) -> str:
    """The key of a new object with the portal's answer about a case, different for each call."""
    return f"{STORAGE_PREFIX}{number.masked}/listagens/{secrets.token_hex(16)}.json.gz"


def attempt_prefix(number: ProcessNumber, document_id: UUID, job_id: UUID) -> str:
    """The key of a new attempt without the file name, different for each call."""
    return f"{case_prefix(number)}{document_id}/{job_mark(job_id)}{secrets.token_hex(4)}-"


def job_mark(job_id: UUID) -> str:
    """The digits in a key that say which job wrote the object."""
    return job_id.hex[:_JOB_DIGITS]


def case_of(key: str) -> ProcessNumber | None:
    """The case of an object; None if this service did not write the key."""
    match = _KEY.match(key)
    return ProcessNumber(re.sub("[-.]", "", match["number"])) if match else None


def writer_of(key: str) -> tuple[UUID, str] | None:
    """The document of an object and the mark of the job that wrote it.

    None if another program wrote the key, or a version that did not put the job into it.
    """
    match = _KEY.match(key)
    return (UUID(match["document"]), match["job"]) if match and match["job"] else None
