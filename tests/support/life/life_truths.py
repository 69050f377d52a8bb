"""What must be true of a case after each step."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from tests.support.life.life import ENDED, LIMIT, Life, Promise

Row = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """All rows of a case."""

    jobs: list[Row]
    documents: list[Row]
    events: list[Row]
    deliveries: list[Row]
    listed: Collection[str]  #: origins in the last listing

    @property
    def active(self) -> set[UUID]:
        """Jobs that have not ended."""
        return {job["id"] for job in self.jobs if job["status"] not in ENDED}


async def facts_of(life: Life) -> Facts:
    """Read the rows; nothing else runs."""
    listed = await life.listed_last()
    return Facts(await life.jobs(), await life.documents(), await life.events(), await life.deliveries(), listed)


@dataclass
class Truths:
    """The rules, with what they need from earlier steps."""

    life: Life
    stored: set[UUID] = field(default_factory=set)
    told: set[UUID] = field(default_factory=set)  #: events that were checked when they were new
    kept: set[UUID] = field(default_factory=set)  #: jobs whose promises were checked when they ended

    async def check(self, *, exact: bool = True) -> None:
        """`exact`: whatever is new in the database was written by one step, and is still as it was at its commit."""
        facts = await facts_of(self.life)
        check_jobs(facts)
        check_deliveries(facts)
        self._check_documents(facts)
        self._check_events(facts, exact=exact)
        self._check_promises(facts, exact=exact)

    def _check_documents(self, facts: Facts) -> None:
        for document in facts.documents:
            check_document(self.life, document, facts)
        # A stored file stays, however later attempts end.
        stored = {document["id"] for document in facts.documents if document["storage_key"]}
        assert self.stored <= stored
        self.stored = stored

    def _check_events(self, facts: Facts, *, exact: bool) -> None:
        for event in facts.events:
            if exact and event["id"] not in self.told:
                check_event(event, facts.documents)
            self.told.add(event["id"])
            named = {each["storage_key"] for each in msgspec.json.decode(event["body"])["documents"]} - {None}
            assert named <= set(self.life.store), f"links of {event} lead nowhere"

    def _check_promises(self, facts: Facts, *, exact: bool) -> None:
        for job in facts.jobs:
            if job["id"] in facts.active or job["id"] in self.kept:
                continue
            self.kept.add(job["id"])
            if exact and job["status"] != "cancelled" and job["error_code"] is None:
                for promise in self.life.promises:
                    check_promise(promise, job, facts)


def check_jobs(facts: Facts) -> None:
    """One at a time, and one event for each that has ended."""
    assert len(facts.active) <= 1
    for job in facts.jobs:
        assert job["events"] == (0 if job["id"] in facts.active else 1), job


def check_deliveries(facts: Facts) -> None:
    """Deliveries wait until their job has ended, and then have its event."""
    events = {event["job_id"]: event["id"] for event in facts.events}
    for delivery in facts.deliveries:
        assert (delivery["status"] == "waiting") == (delivery["job_id"] in facts.active), delivery
        assert delivery["status"] not in {"delivered", "failed"} or delivery["attempts_made"] > 0, delivery
        if delivery["job_id"] is not None:
            assert delivery["event_id"] == events.get(delivery["job_id"]), delivery


def check_document(life: Life, document: Row, facts: Facts) -> None:
    """The status of a document agrees with its file and with the worker that has it."""
    is_at_work = document["job_id"] in facts.active
    assert document["status"] != "processing" or is_at_work, f"nobody downloads {document}"
    if document["storage_key"] is None:
        assert document["status"] != "available", document
        return
    assert document["storage_key"] in life.store, f"the object is gone: {document}"
    content = life.store[document["storage_key"]]
    assert content.sha256 == document["sha256"], f"another object than {document} says"
    is_current = content.listed_as == document["uuid"]
    # Of what is listed no longer there is nothing newer than what was had.
    if document["status"] == "available" and document["error_code"] is None and document["origin_id"] in facts.listed:
        assert is_current, f"an old content passes for the one that is listed: {document}"
    if is_current and not content.is_old and not is_at_work:
        assert document["status"] == "available", f"what was available is not any more: {document}"


def check_event(event: Row, documents: list[Row]) -> None:
    """An event agrees with the database, and is `completed` only if nothing is outstanding."""
    body = msgspec.json.decode(event["body"])
    available = [each for each in documents if each["status"] == "available"]
    outdated = [each for each in available if each["error_code"] is not None]
    failed = [each for each in documents if each["status"] == "failed"]
    assert body["total_documents"] == len(documents), body
    assert body["completed_documents"] == len(available) - len(outdated), body
    assert body["failed_documents"] == len(failed) + len(outdated), body
    if event["type"] == "process.completed":
        assert body["completed_documents"] == len(documents), f"completed, and something is outstanding: {body}"
    names = ("status", "storage_key", "sha256", "error_code")
    if len(documents) <= LIMIT:
        said = {each["id"]: tuple(each[name] for name in names) for each in body["documents"]}
        assert said == {str(each["id"]): tuple(each[name] for name in names) for each in documents}


def check_promise(promise: Promise, job: Row, facts: Facts) -> None:
    """A promised job settled the requested documents, except those that are no longer listed."""
    if promise.job_id != job["id"]:
        return
    for document in facts.documents:
        if document["id"] in promise.documents:
            assert document["status"] in {"available", "failed"}, f"{promise} was not kept: {document}"
        if document["id"] in promise.anew:
            assert document["completed_at"] >= promise.asked_at, f"{promise} was not kept: {document}"
    if promise.url is not None:
        told = {each["url"] for each in facts.deliveries if each["job_id"] == job["id"]}
        assert promise.url in told, f"nobody tells {promise.url}"
