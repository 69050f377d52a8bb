"""The body of a webhook, as it is made from a stored event."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from service.domain.case_data import Party, Pole, RelatedProcess
from service.domain.case_facts import CaseFacts, CaseMovement, unlisted
from service.domain.events import UPDATED, AddedDocument, CaseUpdate, Event, EventBody, EventDocument
from service.domain.statuses import DocumentStatus, ProcessStatus
from service.webhooks.payload import render

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NUMBER = "0000123-06.2023.4.03.6100"
OF_UPDATES = {"documents_added", "movements_added", "movements_truncated", "checked_at"}
STORED: dict[str, Any] = {
    "id": UUID(int=1),
    "uuid": "1",
    "name": "a.pdf",
    "type": "A",
    "status": DocumentStatus.AVAILABLE,
    "size": 1,
    "mime_type": "application/pdf",
    "sha256": "0" * 64,
    "storage_key": "key",
    "error_code": None,
    "error_message": None,
}
MOVEMENT = CaseMovement(UUID(int=2), NOW, "Juntada", "PRIMEIRO_GRAU", 85, None, ())
UPDATE = CaseUpdate((AddedDocument(**STORED, replaced=True),), (MOVEMENT,), False, False, NOW)


class Signer:
    """Signs links to nowhere."""

    async def link_expiry(self) -> datetime:
        """As `ObjectStore.link_expiry`."""
        return NOW

    async def link(self, key: str, name: str, mime_type: str) -> str:
        """As `ObjectStore.link`."""
        return f"https://bucket.example.com/{key}?{name}&{mime_type}"


def plain(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def facts(parties: int = 0) -> CaseFacts:
    listed = tuple(Party(Pole.ACTIVE, name=f"Parte {place}") for place in range(parties))
    related = (RelatedProcess(NUMBER),) if parties else ()
    return msgspec.structs.replace(unlisted(NUMBER), parties=listed, parties_total=parties, related_processes=related)


def body(*documents: EventDocument, **changes: Any) -> EventBody:
    status = ProcessStatus.COMPLETED
    return msgspec.structs.replace(
        EventBody(NUMBER, uuid4(), status, 1, 1, 0, NOW, documents, False, process=facts()), **changes
    )


async def sent(event_type: str, content: EventBody, *, without_documents: bool = False) -> dict[str, Any]:
    """As the receiver decodes it, after the event was stored and read."""
    stored = msgspec.json.decode(msgspec.json.encode(content), type=EventBody)
    rendered = await render(
        Event(event_type, NOW, stored),
        Signer(),
        public_url="https://autos.example.com",
        without_documents=without_documents,
    )
    found: dict[str, Any] = msgspec.json.decode(rendered)
    return found


async def test_an_event_shows_the_case_and_no_member_of_updates() -> None:
    found = await sent("process.completed", body(EventDocument(**STORED), process=facts(parties=2)))

    assert found["process"] == plain(facts(parties=2))
    assert OF_UPDATES.isdisjoint(found)


async def test_an_event_of_a_version_before_has_no_case() -> None:
    old = msgspec.to_builtins(body(EventDocument(**STORED)))
    del old["process"], old["update"]
    event = Event("process.completed", NOW, msgspec.convert(old, EventBody))

    rendered = await render(event, Signer(), public_url="https://autos.example.com", without_documents=False)

    assert msgspec.json.decode(rendered)["process"] is None


async def test_an_update_lists_what_is_new_with_fresh_links() -> None:
    found = await sent(UPDATED, body(job_id=None, update=UPDATE))

    [document] = found["documents_added"]
    assert document["replaced"] is True
    assert document["download_url"] == "https://bucket.example.com/key?a.pdf&application/pdf"
    assert document["content_url"].endswith(f"/{NUMBER}/documents/{UUID(int=1)}/content")
    assert found["movements_added"] == [plain(MOVEMENT)]
    assert (found["documents"], found["checked_at"]) == ([], "2026-01-31T12:00:00Z")
    assert (found["documents_truncated"], found["movements_truncated"]) == (False, False)


async def test_the_end_of_a_job_is_an_update_without_news() -> None:
    found = await sent(UPDATED, body(EventDocument(**STORED), status=ProcessStatus.PENDING))

    assert len(found["documents"]) == 1
    assert {name: found[name] for name in OF_UPDATES} == {
        "documents_added": [],
        "movements_added": [],
        "movements_truncated": False,
        "checked_at": None,
    }


@pytest.mark.parametrize("update", [UPDATE, msgspec.structs.replace(UPDATE, documents_added=(), movements_added=())])
async def test_a_receiver_that_refuses_the_size_gets_no_list_that_grows_with_the_case(update: CaseUpdate) -> None:
    content = body(process=facts(parties=200), update=update)

    found = await sent(UPDATED, content, without_documents=True)

    assert (found["documents_added"], found["movements_added"]) == ([], [])
    assert found["documents_truncated"] is bool(update.documents_added)
    assert found["movements_truncated"] is bool(update.movements_added)
    assert (found["process"]["parties"], found["process"]["parties_total"]) == ([], 200)
    assert found["process"]["related_processes"] == []


async def test_what_was_truncated_when_it_was_stored_stays_so() -> None:
    update = CaseUpdate((), (), True, True, NOW)

    found = await sent(UPDATED, body(update=update))

    assert (found["documents_truncated"], found["movements_truncated"]) == (True, True)
