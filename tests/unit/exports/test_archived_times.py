"""The time of a file in an archive, for every time that the database can store."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from service.domain.case_facts import unlisted
from service.domain.documents import Document
from service.domain.statuses import DocumentStatus
from service.exports.movements_file import MovementsFile
from service.exports.zip_contents import archive_of

NUMBER = "0000001-39.2024.8.26.0100"


def document(filed_at: datetime | None) -> Document:
    given = dict.fromkeys(Document.__struct_fields__) | {
        "id": UUID(int=1),
        "name": "Sentença.pdf",
        "status": DocumentStatus.AVAILABLE,
        "storage_key": "k",
        "size": 1,
        "sha256": "0" * 64,
        "mime_type": "application/pdf",
        "filed_at": filed_at,
    }
    return Document(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("filed_at", "year"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), 1969),
        (datetime(1900, 1, 1, tzinfo=UTC), 1969),
        (datetime(2024, 5, 1, tzinfo=UTC), 2024),
        (datetime.max.replace(tzinfo=UTC), 9999),
        (None, 1969),
    ],
)
def test_no_date_spoils_the_archive(filed_at: datetime | None, year: int) -> None:
    movements = MovementsFile()
    movements.end()

    archive = archive_of(unlisted(NUMBER), movements, [document(filed_at)])

    ((entry, _),) = archive.files
    assert (entry.modified_at.year, archive.size > 0) == (year, True)
