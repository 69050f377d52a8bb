"""The keys of objects: `processos/<case>/documentos/<document>/<job><attempt>-<name>`.

No two attempts write the same key. So an object never changes once a row names it, even if a worker that lost its
lease goes on, or the object store executes a request after the worker gave up on it.
"""

import secrets
from uuid import UUID

from service.domain.process_number import ProcessNumber

_JOB_DIGITS = 8  # hexadecimal


def case_prefix(number: ProcessNumber) -> str:
    """Where all objects of a case are."""
    return f"processos/{number.masked}/documentos/"


def attempt_prefix(number: ProcessNumber, document_id: UUID, job_id: UUID) -> str:
    """The key of a new attempt, without the name of the file. Different for each call."""
    return f"{case_prefix(number)}{document_id}/{job_mark(job_id)}{secrets.token_hex(4)}-"


def job_mark(job_id: UUID) -> str:
    """The digits in a key that say which job wrote the object."""
    return job_id.hex[:_JOB_DIGITS]
