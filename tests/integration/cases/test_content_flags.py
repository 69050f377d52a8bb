"""Content flags: kept over listings, sent in events, removed with the file."""

from hashlib import sha256
from typing import Any

import msgspec

from service.database.cases import documents
from service.domain.documents import ContentFlag, Document
from tests.support.database.case_steps import CaseSteps, listed

#: The members of events in the version before, in their order.
SAID_BEFORE = (
    *("process_number", "job_id", "status", "total_documents", "completed_documents", "failed_documents"),
    *("documents", "documents_truncated"),
)
OF_A_DOCUMENT_BEFORE = (
    *("id", "uuid", "name", "type", "status", "size", "mime_type", "sha256", "storage_key"),
    *("error_code", "error_message"),
)
FLAGS = (ContentFlag.SIZE_MISMATCH, ContentFlag.TYPE_MISMATCH, ContentFlag.CHANGES_EACH_TIME)
LISTED = listed("a", declared_size=100, declared_mime_type="application/pdf")
FILE: dict[str, Any] = {"size": 7, "mime_type": "text/html", "crc32": 2**32 - 1, "charset": "ISO-8859-1"}


async def stored(steps: CaseSteps, **facts: Any) -> None:
    """A case of one document that was downloaded."""
    await steps.register(LISTED)
    await steps.ask("first")
    job = await steps.claim()
    task = (await steps.tasks(job))["a"]
    await steps.start(job, task)
    await steps.store(job, task, **facts)
    await steps.finish(job)


async def only(steps: CaseSteps) -> Document:
    (found,) = await steps.run(lambda connection: documents.of_process(connection, steps.number))
    return found


def kept(document: Document) -> tuple[object, ...]:
    return tuple(document.content_flags), document.crc32, document.charset, document.status


async def test_a_listing_changes_nothing_of_what_is_known_of_a_file(steps: CaseSteps) -> None:
    await stored(steps, **FILE, content_flags=FLAGS)
    before = kept(await only(steps))
    assert before == (FLAGS, 2**32 - 1, "ISO-8859-1", "available")

    await steps.register(LISTED)
    await steps.register(listed("a", declared_size=None, declared_mime_type=None))

    found = await only(steps)
    assert kept(found) == before
    assert (found.declared_size, found.declared_mime_type, found.size_mismatch) == (100, "application/pdf", True)


async def test_a_listing_that_comes_to_say_what_the_file_is_ends_the_flags_that_say_otherwise(steps: CaseSteps) -> None:
    await stored(steps, **FILE, content_flags=FLAGS)

    await steps.register(listed("a", declared_size=7, declared_mime_type="TEXT/html"))

    found = await only(steps)
    assert kept(found)[0] == (ContentFlag.CHANGES_EACH_TIME,)
    assert (found.status, found.size_mismatch) == ("available", False)


async def test_another_file_has_flags_of_its_own(steps: CaseSteps) -> None:
    await stored(steps, **FILE, content_flags=FLAGS)
    await steps.download("a")
    job = await steps.claim()
    task = (await steps.tasks(job))["a"]
    await steps.start(job, task)

    await steps.store(job, task, size=100, sha256="1" * 64, crc32=3)

    assert kept(await only(steps)) == ((), 3, None, "available")


async def test_an_event_tells_the_flags_beside_what_was_listed(steps: CaseSteps) -> None:
    await stored(steps, **FILE, content_flags=FLAGS)

    (event,) = await steps.events()

    (told,) = event["body"]["documents"]
    assert told["content_flags"] == list(FLAGS)
    assert (told["size"], told["declared_size"]) == (7, 100)
    assert (told["mime_type"], told["declared_mime_type"], told["charset"]) == (
        "text/html",
        "application/pdf",
        "ISO-8859-1",
    )


async def test_an_event_of_the_version_before_is_the_same_where_nothing_is_flagged(steps: CaseSteps) -> None:
    """Otherwise each case would get a new event after an update."""
    await stored(steps, size=100)
    await steps.ask("again")

    event = (await steps.events())[-1]
    body = event["body"]
    said = {name: body[name] for name in SAID_BEFORE}
    said["documents"] = [{name: each[name] for name in OF_A_DOCUMENT_BEFORE} for each in body["documents"]]
    assert event["fingerprint"] == sha256(msgspec.json.encode(said)).digest()
