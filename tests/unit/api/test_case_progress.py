"""The events of a case after each poll."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from service.api.progress.changes import CaseProgress, Change, end_name
from service.database.cases.processes import LastJob, Overview, Process
from service.domain.documents import Document
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DocumentStatus, JobStatus

NUMBER = ProcessNumber.parse("0000123-06.2023.4.03.6100")
MOMENT = datetime(2024, 5, 6, tzinfo=UTC)
JOB = uuid4()


def overview(status: JobStatus | None = JobStatus.PROCESSING, **changes: Any) -> Overview:
    process: dict[str, Any] = dict.fromkeys(Process.__struct_fields__)
    job: dict[str, Any] = dict.fromkeys(LastJob.__struct_fields__)
    job |= {"status": status, "id": JOB, "refresh": False, "progress_floor": 0.0, "created_at": MOMENT}
    return Overview(
        Process(**process | {"listed_at": MOMENT, "created_at": MOMENT}), LastJob(**job | changes) if status else None
    )


def document(status: DocumentStatus = DocumentStatus.PENDING, **changes: Any) -> Document:
    nothing: dict[str, Any] = dict.fromkeys(Document.__struct_fields__)
    texts = {"uuid": "u", "instance": "PRIMEIRO_GRAU", "name": "Petição", "type": "Petição", "secrecy": "PUBLICO"}
    return Document(**nothing | texts | {"id": uuid4(), "status": status, "attempts": 0} | changes)


class Looks:
    """A case as the database shows it, poll after poll."""

    def __init__(self, *documents: Document) -> None:
        self.progress = CaseProgress(NUMBER)
        self.rows: dict[UUID, tuple[int, Document]] = {each.id: (1, each) for each in documents}

    def write(self, each: Document, **changes: Any) -> Document:
        """Write a row, even if it does not change."""
        version, before = self.rows.get(each.id, (0, each))
        after = msgspec.structs.replace(before, **changes)
        self.rows[each.id] = (version + 1, after)
        return after

    def look(self, seen: Overview) -> Change:
        versions = {each: version for each, (version, _) in self.rows.items()}
        rewritten = self.progress.rewritten(versions)
        return self.progress.update(seen, versions, {each: self.rows[each][1] for each in rewritten})


def test_only_what_differs_is_told_and_in_the_order_of_the_file() -> None:
    first, second, third = (document() for _ in range(3))
    looks = Looks(first, second, third)
    assert looks.look(overview()).documents == (first, second, third)

    third = looks.write(third, status=DocumentStatus.PROCESSING)
    first = looks.write(first, status=DocumentStatus.PROCESSING)
    change = looks.look(overview())

    assert change.documents == (first, third)
    assert change.progress is None


def test_a_row_that_was_written_again_as_it_was_is_not_told() -> None:
    only = document()
    looks = Looks(only)
    looks.look(overview())

    looks.write(only)

    assert looks.look(overview()) == Change((), None, None)


def test_several_writes_between_two_looks_are_the_last_of_them() -> None:
    only = document()
    looks = Looks(only)
    looks.look(overview())

    looks.write(only, status=DocumentStatus.PROCESSING)
    last = looks.write(only, status=DocumentStatus.AVAILABLE)
    change = looks.look(overview())

    assert change.documents == (last,)
    assert change.progress is not None
    assert (change.progress.completed_documents, change.progress.progress_percentage) == (1, 100.0)


def test_a_document_that_joins_is_told() -> None:
    looks = Looks(document(DocumentStatus.AVAILABLE))
    looks.look(overview())

    joined = looks.write(document())
    change = looks.look(overview(progress_floor=100.0))

    assert change.documents == (joined,)
    assert change.progress is not None
    assert (change.progress.total_documents, change.progress.progress_percentage) == (2, 100.0)


def test_documents_are_looked_at_while_a_worker_is_busy_or_something_else_was_written() -> None:
    looks = Looks(document())
    waiting = overview(JobStatus.PENDING)
    assert looks.progress.may_have_changed(waiting)
    looks.look(waiting)

    assert not looks.progress.may_have_changed(waiting)
    assert looks.progress.may_have_changed(overview(JobStatus.PENDING, created_at=datetime.now(UTC)))
    assert looks.progress.may_have_changed(overview(JobStatus.PENDING, id=uuid4()))
    busy = overview(JobStatus.PROCESSING)
    looks.look(busy)
    assert looks.progress.may_have_changed(busy)


@pytest.mark.parametrize(
    ("job", "documents", "end"),
    [
        (JobStatus.PROCESSING, [DocumentStatus.AVAILABLE], None),
        (JobStatus.PENDING, [], None),
        (None, [DocumentStatus.PENDING], None),
        (None, [], "completed"),
        (JobStatus.COMPLETED, [DocumentStatus.AVAILABLE], "completed"),
        (JobStatus.FAILED, [DocumentStatus.AVAILABLE, DocumentStatus.FAILED], "failed"),
        (JobStatus.CANCELLED, [DocumentStatus.PENDING], "cancelled"),
        # Documents that the last job was not made for make the case pending, although the job has ended.
        (JobStatus.COMPLETED, [DocumentStatus.AVAILABLE, DocumentStatus.PENDING], "updated"),
        (JobStatus.FAILED, [DocumentStatus.PENDING], "failed"),
    ],
)
def test_the_end_is_that_of_the_work(job: JobStatus | None, documents: list[DocumentStatus], end: str | None) -> None:
    change = Looks(*(document(status) for status in documents)).look(overview(job))

    assert (None if change.end is None else end_name(change.end)) == end
