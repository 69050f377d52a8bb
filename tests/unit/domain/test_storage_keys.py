"""Keys of objects: found by case, and never the same for two attempts."""

from uuid import UUID

from service.domain.process_number import ProcessNumber
from service.domain.storage_keys import attempt_prefix, case_prefix, job_mark

NUMBER = ProcessNumber.parse("0000001-39.2024.8.26.0100")
DOCUMENT, JOB = UUID(int=7), UUID("12345678-9abc-4def-8000-000000000000")


def test_a_key_says_the_case_the_document_and_the_job() -> None:
    prefix = attempt_prefix(NUMBER, DOCUMENT, JOB)

    assert case_prefix(NUMBER) == "processos/0000001-39.2024.8.26.0100/documentos/"
    assert prefix.startswith(f"{case_prefix(NUMBER)}{DOCUMENT}/{job_mark(JOB)}")
    assert (job_mark(JOB), prefix[-1]) == ("12345678", "-")


def test_no_attempt_has_the_key_of_another_one() -> None:
    assert len({attempt_prefix(NUMBER, DOCUMENT, JOB) for _ in range(1000)}) == 1000
