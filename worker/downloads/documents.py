"""Downloads the documents of a job: tries each address, repeats attempts, writes each result to PostgreSQL."""

import asyncio
from collections.abc import Iterator
from typing import Any

import structlog

from service.database.cases import documents
from service.database.connection import Connection
from service.database.leases import LeaseLost
from service.domain.dependencies import Dependency
from service.domain.documents import StoredFile, Task, Written
from service.domain.errors import ErrorCode
from service.domain.jobs import ClaimedJob
from service.domain.storage_keys import attempt_prefix
from service.observability.metrics import WorkerMetrics
from service.portal.errors import Busy, Outage, PortalError, PresumedDenied, Refused, Unauthorized
from service.storage.bucket_probe import refuses_alone
from service.storage.store_errors import StorageError
from worker.context import Context
from worker.downloads.inspection import Doubted, Expected, Inspection, Received, Rendition
from worker.downloads.second_opinion import ask_for_text
from worker.downloads.transfer import transfer
from worker.downloads.tries import SHARED, Tries
from worker.postponement import IDLE_JOB_LIFETIME


class Source:
    """The addresses of one document, and what earlier attempts received from them."""

    def __init__(self, task: Task) -> None:
        binaries = [copy.binary_href for copy in task.copies if copy.binary_href]
        texts = [copy.text_href for copy in task.copies if copy.text_href]
        # Use the text only if the portal lists no binary, never because the binary fails.
        self.hrefs = binaries or texts
        self.expected = Expected(task.declared_size, task.declared_mime_type, task.name, is_text=not binaries)
        # From all addresses: two may send different bytes, but each sends the same bytes again.
        self.doubted: list[Received] = []
        self.texts = texts if binaries else []
        self.text: Rendition | None = None  # the document's text, requested after the last doubted page


async def download_documents(context: Context, job: ClaimedJob, tasks: list[Task]) -> None:
    """Download these documents, `download_concurrency` of them at a time.

    Raises groups of `LeaseLost`, `StorageError` and `Outage`. None of them fails a document.
    """
    waiting = iter(tasks)
    async with asyncio.TaskGroup() as lanes:
        for _ in range(min(context.limits.download_concurrency, len(tasks))):
            lanes.create_task(_download_one_by_one(context, job, waiting))


async def _download_one_by_one(context: Context, job: ClaimedJob, waiting: Iterator[Task]) -> None:
    """Download the next document that waits until there is none. Other lanes take theirs from `waiting` too."""
    if (first := next(waiting, None)) is None:
        return
    if not await context.database.ask(lambda connection: documents.start(connection, first.id, job.lease)):
        raise LeaseLost
    task: Task | None = first
    written: asyncio.Task[None] | None = None
    async with asyncio.TaskGroup() as writes:
        while task is not None:
            outcome, attempts = await _attempt(context, job, task)
            following = next(waiting, None)
            if written is not None:
                await written
            # Written while the next document is downloaded: a commit waits for the disk of PostgreSQL.
            write = _write(context, job, task, outcome, attempts=attempts, following=following)
            written = writes.create_task(write)
            task = following


async def _write(
    context: Context,
    job: ClaimedJob,
    task: Task,
    outcome: StoredFile | ErrorCode,
    *,
    attempts: int,
    following: Task | None,
) -> None:
    """Write one result. Nothing is written if the document was superseded, or on `LeaseLost`, which this raises."""
    following_id = following.id if following else None
    rest: Any = {"revision": task.revision, "attempts": attempts, "following": following_id}

    async def mark(connection: Connection) -> Written:
        if isinstance(outcome, StoredFile):
            return await documents.mark_available(connection, task.id, job.lease, outcome, **rest)
        return await documents.mark_failed(connection, task.id, job.lease, outcome, **rest)

    written = await context.database.ask(mark)
    if written is not Written.YES and isinstance(outcome, StoredFile):
        # Shielded: losing the lease cancels this task too, and only this task knows the key.
        await asyncio.shield(asyncio.ensure_future(context.store.discard(outcome.key)))
    if written is Written.LEASE_LOST:
        raise LeaseLost
    if written is Written.SUPERSEDED:
        structlog.get_logger().info("document_superseded", document_id=str(task.id))
        return
    _tell(context.metrics, task, outcome, attempts)


def _tell(metrics: WorkerMetrics, task: Task, outcome: StoredFile | ErrorCode, attempts: int) -> None:
    log = structlog.get_logger().bind(document_id=str(task.id), attempts=attempts)
    if isinstance(outcome, StoredFile):
        metrics.documents.labels("available", "").inc()
        log.info("document_available", size=outcome.size, content_flags=outcome.content_flags)
    else:
        metrics.documents.labels("failed", outcome).inc()
        log.warning("document_failed", error_code=outcome)


async def _attempt(context: Context, job: ClaimedJob, task: Task) -> tuple[StoredFile | ErrorCode, int]:
    source = Source(task)
    if not source.hrefs:
        return ErrorCode.NOTHING_TO_DOWNLOAD, 0
    tries = Tries(context.limits.download_attempts)
    while True:
        asked_at = asyncio.get_running_loop().time()
        result = await _from_any_address(context, job, task, source)
        if isinstance(result, StoredFile):
            return result, tries.count + 1
        if isinstance(result, Busy) and job.age > IDLE_JOB_LIFETIME:
            raise Outage(result.code, str(result), retry_after=result.retry_after)
        delay = tries.delay(result)
        if result.code in SHARED and tries.is_nearly_over:
            await _require_portal(context, job, since=asked_at)
        if delay is None:
            return result.code, tries.count
        await asyncio.sleep(delay)


async def _require_portal(context: Context, job: ClaimedJob, *, since: float) -> None:
    """Raise `Outage` unless the portal works otherwise: an outage of the whole portal must not fail a document."""
    if not await context.portal.answers(job.number, since=since):
        raise Outage(ErrorCode.PORTAL_UNAVAILABLE, "the portal does not answer")


async def _from_any_address(context: Context, job: ClaimedJob, task: Task, source: Source) -> StoredFile | PortalError:
    """Try each address once. Return a permanent error only if all addresses gave one.

    Raises `Outage` and `StorageError`.
    """
    failures: list[PortalError] = []
    for href in list(source.hrefs):
        try:
            return await _from(context, job, task, source, href)
        except Unauthorized as error:
            if not error.token_works:
                raise
            failures.append(PresumedDenied(ErrorCode.DOCUMENT_ACCESS_DENIED, "refused, although the token works"))
        except Outage:
            raise
        except Busy as error:
            return error
        except PortalError as error:
            failures.append(error)
        structlog.get_logger().debug("document_try_failed", document_id=str(task.id), error_code=failures[-1].code)
    temporary = [failure for failure in failures if not isinstance(failure, Refused)]
    return (temporary or failures)[0]


async def _from(context: Context, job: ClaimedJob, task: Task, source: Source, href: str) -> StoredFile:
    limit = context.limits.download_max_bytes
    inspection = Inspection(source.expected, max_bytes=limit, address=href, before=source.doubted, text=source.text)
    fate = "discarded"
    try:
        async with context.portal.open_document(href) as download:
            stored = await transfer(
                download,
                inspection,
                context.store,
                prefix=attempt_prefix(job.number, task.id, job.id),
                name=task.name,
            )
        fate = "stored"
        context.notes.succeeded(Dependency.BUCKET)
    except Doubted as error:
        # Request the text first: if that raises `Busy` or `Outage`, this page is not remembered as seen either.
        source.text = await _text(context, source) if error.received.is_page else source.text
        source.doubted.append(error.received)
        raise
    except StorageError as error:
        if not await refuses_alone(context.store, error):
            context.notes.failed(Dependency.BUCKET, str(error))
            raise
        structlog.get_logger().warning("object_refused", document_id=str(task.id), reason=str(error))
        raise Refused(ErrorCode.STORAGE_REFUSED, str(error)) from error
    finally:
        context.metrics.transferred_bytes.labels(fate).inc(inspection.size)
    return stored


async def _text(context: Context, source: Source) -> Rendition | None:
    """Request the document's text; None if no address has one now. Raises `Busy` and `Outage`."""
    for href in source.texts:
        rendition = await ask_for_text(context.portal, href)
        if rendition is not None:
            return rendition
    return None
