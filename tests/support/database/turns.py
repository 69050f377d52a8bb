"""Jobs of many users, and workers that claim them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec

from service.database.cases import processes
from service.database.connection import Database
from service.database.jobs import job_users, jobs, turns
from service.database.jobs.turns import Claimer
from service.database.portal import portal_slots
from service.domain.jobs import ClaimedJob, Lane
from service.domain.process_number import ProcessNumber
from tests.support.deliveries.deliveries import add_user

TOTAL = 10
PER_JOB = 5


class Turns:
    """A database with users and their jobs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def users(self, count: int) -> list[UUID]:
        return [(await add_user(self.database))[0] for _ in range(count)]

    async def add(self, number: str, user_id: UUID, *, lane: Lane = Lane.SINGLE) -> UUID:
        case = ProcessNumber.parse(number)
        async with self.database.transaction() as connection:
            await processes.add_unlisted(connection, case)
            return await jobs.create(connection, case, refresh=False, user_id=user_id, request_id="r", lane=lane)

    async def join(self, job_id: UUID, user_id: UUID, lane: Lane = Lane.SINGLE) -> None:
        """Let another user join the job."""
        async with self.database.transaction() as connection:
            await job_users.grant_access(connection, job_id, user_id)
            await jobs.hasten(connection, job_id, lane)

    async def worker(self, *, wanted: int = 0, singles: int = 0, users: Sequence[UUID] = ()) -> UUID:
        """A worker that reported how many slots each of its users needs, and `singles` of them outside batches."""
        worker_id = uuid4()
        async with self.database.connection() as connection:
            needs, of_singles = dict.fromkeys(users, wanted), dict.fromkeys(users, singles)
            await portal_slots.renew(connection, worker_id, [], wanted=needs, singles=of_singles, in_use={})
        return worker_id

    async def claim(self, worker_id: UUID | None = None, **changes: Any) -> ClaimedJob | None:
        """Claim a job, as a worker does."""
        claimer = Claimer(worker_id or uuid4(), TOTAL, PER_JOB, wants_more=False)
        async with self.database.connection() as connection:
            return await turns.claim_next(connection, msgspec.structs.replace(claimer, **changes))

    async def claimed(self, count: int) -> list[UUID | None]:
        """Claim with one worker after the other, and return the users of the jobs."""
        found = [await self.claim() for _ in range(count)]
        return [job.user_id if job is not None else None for job in found]

    async def tidy(self) -> None:
        """Tidy the turns, as the sweep does."""
        async with self.database.connection() as connection:
            await turns.tidy(connection)

    async def fetch(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch_all(query, values)]

    async def queue_is_right(self) -> bool:
        """The queue has every pending job once for each of its users, and nothing else; all of them are in turns."""
        wrong = await self.fetch(
            "WITH expected AS (SELECT jobs.id AS job_id, job_users.user_id, lane FROM jobs"
            " JOIN job_users ON job_id = jobs.id WHERE status = 'pending'),"
            " found AS (SELECT job_id, user_id, lane FROM job_queue)"
            " (TABLE expected EXCEPT TABLE found) UNION ALL (TABLE found EXCEPT TABLE expected)"
            " UNION ALL SELECT job_id, user_id, lane FROM job_queue WHERE user_id NOT IN (SELECT user_id FROM turns)"
        )
        return not wrong
