"""The steps of workers, statement by statement. Each may be the last before they are killed or frozen."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from service.database.cases import case_requests, documents, untidy_cases
from service.database.cases.untidy_cases import WrittenObject
from service.database.connection import Connection
from service.database.deliveries import overdue
from service.database.jobs import jobs, turns
from service.database.jobs.turns import Claimer
from service.database.leases import LeaseLost
from service.domain.documents import StoredFile, Written
from service.domain.errors import ErrorCode
from service.domain.jobs import Settlement
from service.domain.storage_keys import attempt_prefix, writer_of
from tests.support.database.claims import renew_job
from tests.support.life.life import ENDED, LIMIT, Content, Flight, Life, Worker

AT_ONCE = 2  # downloads of one worker
NOW = timedelta(0)


async def claim(life: Life) -> Worker | None:
    """Claim the next job. The case has the only open one."""
    claimer = Claimer(uuid4(), total=10, job_concurrency=AT_ONCE, wants_more=True)
    claimed = await life.world.transact(lambda connection: turns.claim_next(connection, claimer))
    if claimed is None:
        return None
    assert claimed.number == life.number
    worker = Worker(claimed)
    life.workers.append(worker)
    return worker


async def crash(life: Life) -> None:
    """The owner is frozen and its lease has ended. It may go on later without knowing."""
    await life.world.transact(
        lambda connection: connection.execute(
            "UPDATE jobs SET lease_expires_at = now() - interval '1 second'"
            " WHERE process_number = :number AND lease_token IS NOT NULL",
            {"number": life.number.digits},
        )
    )


async def renew(life: Life, worker: Worker) -> None:
    """Renew the lease. The worker stops if it is lost."""
    held = await life.world.transact(lambda connection: renew_job(connection, worker.job))
    if not held:
        stop(life, worker)


async def release(life: Life, worker: Worker) -> None:
    await life.world.transact(lambda connection: jobs.release(connection, worker.job, delay=NOW))
    stop(life, worker)


def stop(life: Life, worker: Worker) -> None:
    """Stop work on this job, except for downloads in progress."""
    if worker in life.workers:
        life.workers.remove(worker)


async def list_again(life: Life, worker: Worker, listed: Sequence[str]) -> None:
    """Fetch the listing of the case again."""

    listing = await life.listing(listed)

    async def register(connection: Connection) -> None:
        await case_requests.register(connection, listing)
        await jobs.hold(connection, worker.job)

    try:
        await life.world.transact(register)
    except LeaseLost:
        stop(life, worker)


async def look(life: Life, worker: Worker, listed: Sequence[str]) -> None:
    """The first step of a worker: the listing, if the job needs one, and the documents of its job."""
    if await life.world.transact(lambda connection: jobs.wants_listing(connection, worker.job)):
        await list_again(life, worker, listed)
    worker.tasks = await life.world.transact(lambda connection: documents.tasks_of_job(connection, worker.job.id))


async def begin(life: Life, worker: Worker) -> None:
    """Start the next document of the job."""
    if not worker.tasks:
        return
    task = worker.tasks.pop(0)
    if await life.world.transact(lambda connection: documents.start(connection, task.id, worker.job.lease)):
        worker.flights.append(Flight(task))
    else:
        stop(life, worker)


def store(life: Life, worker: Worker, flight: Flight) -> None:
    """Store a verified document. A frozen worker may do so long after it was replaced."""
    key = f"{attempt_prefix(life.number, flight.task.id, worker.job.id)}a.pdf"
    sha256 = hashlib.sha256(f"{key} {len(life.store)} {id(flight)}".encode()).hexdigest()
    life.store[key] = Content(sha256, flight.task.copies[0].uuid)
    flight.file = StoredFile(key, 100, sha256, "application/pdf")


async def mark(life: Life, worker: Worker, flight: Flight, error: ErrorCode | None = None) -> Written:
    """Write the result of a document and start the next one. An object that no row names is removed."""
    following = worker.tasks.pop(0) if worker.tasks else None
    following_id = None if following is None else following.id
    written = await life.world.transact(
        lambda connection: _mark(connection, flight, worker.job.lease, error, following=following_id)
    )
    if written is not Written.YES and flight.file is not None and error is None:
        life.store.pop(flight.file.key, None)
    if written is Written.LEASE_LOST:
        stop(life, worker)
    elif following is not None:
        worker.flights.append(Flight(following))
    return written


async def _mark(
    connection: Connection, flight: Flight, lease: UUID, error: ErrorCode | None, *, following: UUID | None
) -> Written:
    told: Any = {"revision": flight.task.revision, "attempts": 1, "following": following}
    if error is None and flight.file is not None:
        return await documents.mark_available(connection, flight.task.id, lease, flight.file, **told)
    return await documents.mark_failed(connection, flight.task.id, lease, error or ErrorCode.PORTAL_ERROR, **told)


async def finish(life: Life, worker: Worker) -> None:
    """End the job. If documents were added meanwhile, the worker reads them."""
    await _settle(life, worker, lambda connection: case_requests.finish(connection, worker.job, event_limit=LIMIT))


async def abandon(life: Life, worker: Worker, error: ErrorCode = ErrorCode.PROCESS_NOT_FOUND) -> None:
    """The portal does not know the case. If documents are known, the job goes on with them."""
    await _settle(
        life, worker, lambda connection: case_requests.fail_listing(connection, worker.job, error, event_limit=LIMIT)
    )


async def _settle(life: Life, worker: Worker, step: Callable[[Connection], Awaitable[Settlement | None]]) -> None:
    try:
        is_over = await life.world.transact(step) is not None
    except LeaseLost:
        is_over = True
    if is_over:
        stop(life, worker)
    worker.tasks = None


async def sweep(life: Life) -> None:
    """The steps of the sweep."""

    async def take(connection: Connection) -> None:
        await jobs.release_expired(connection, limit=100)
        await jobs.release_delayed(connection, limit=100)
        await turns.tidy(connection)
        await overdue.take_overdue(connection)

    await life.world.transact(take)


async def tidy(life: Life) -> None:
    """Delete the objects that the last run marked as unused, and mark those that are unused now."""
    for key in life.removable:
        life.store.pop(key, None)
    (row,) = await life.world.ask("SELECT now() - interval '1 second' AS moment")
    objects = [WrittenObject(key, *found, row["moment"]) for key in life.store if (found := writer_of(key))]
    unnamed = await life.world.transact(
        lambda connection: untidy_cases.unnamed(connection, life.number, objects, kept=NOW)
    )
    life.removable = [each.key for each in unnamed if each.is_removable]


async def work_to_the_end(life: Life, listed: Sequence[str], *, steps: int = 200) -> None:
    """A new worker runs the job to its end, without faults."""
    life.workers.clear()
    await crash(life)
    await sweep(life)
    worker = await claim(life)
    assert worker is not None or all(job["status"] in ENDED for job in await life.jobs()), "nobody gets the job"
    while worker is not None and worker in life.workers:
        steps -= 1
        assert steps, "the job does not end, although the portal and the store work"
        await next_step(life, worker, listed)


async def go_on(life: Life, worker: Worker, listed: Sequence[str], *, steps: int) -> None:
    """Some steps without faults."""
    while steps and worker in life.workers:
        steps -= 1
        await next_step(life, worker, listed)


async def next_step(life: Life, worker: Worker, listed: Sequence[str]) -> None:
    """The next step of a worker without faults."""
    if worker.tasks is None:
        await look(life, worker, listed)
    elif worker.tasks and len(worker.flights) < AT_ONCE:
        await begin(life, worker)
    elif worker.flights and worker.flights[0].file is None:
        store(life, worker, worker.flights[0])
    elif worker.flights:
        await mark(life, worker, worker.flights.pop(0))
    else:
        await finish(life, worker)
