"""A watched case, in the steps of its users and of the workers. Each step is a transaction of its own."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec

from service.database.cases import case_requests, news
from service.database.connection import Connection
from service.database.monitors import monitors, watches
from service.database.monitors.watches import Checker, ClaimedWatch
from service.domain.case_data import CaseData, Movement
from service.domain.errors import ErrorCode
from service.domain.listings import ListedDocument, Registered
from service.domain.monitoring.check_times import ALL_DAY
from service.domain.monitoring.monitors import Monitor, MonitorWish
from service.domain.process_number import ProcessNumber
from tests.support.database.case_steps import LIMIT, CaseSteps
from tests.support.deliveries.deliveries import add_user

DAY = timedelta(days=1)
CHECKER = Checker(at_once=100, hours=ALL_DAY)


class WatchedCase(CaseSteps):
    """A case that users watch."""

    async def watch(self, user_id: UUID | None = None, every: timedelta = DAY, **how: Any) -> UUID:
        """Watch the case, as a new user if none is named. Returns the user."""
        user_id = user_id or (await add_user(self.database))[0]
        url = how.pop("url", f"https://host.example/{user_id}")
        wish = MonitorWish(self.number, user_id, every, url)
        assert await self.run(lambda connection: monitors.put(connection, wish, **how)) is not None
        return user_id

    async def claim_check(self) -> ClaimedWatch:
        """Claim the check of this case, as a worker does for which it is the next one."""
        # Earlier than those that other tests have left behind.
        await self.fetch(
            "UPDATE watches SET check_requested_at = timestamptz '1970-01-01' - (clock_timestamp() - '2020-01-01')"
            " WHERE process_number = :number RETURNING 1"
        )
        claimed = await self.run(lambda connection: watches.claim_next(connection, CHECKER))
        assert claimed is not None
        assert claimed.number == self.number
        return claimed

    async def find(
        self, watch: ClaimedWatch, *found: ListedDocument, movements: tuple[Movement, ...] = (), **changes: Any
    ) -> Registered:
        """End a check with what the portal lists."""
        listing = msgspec.structs.replace(self.listing(*found), case=CaseData(movements=movements), **changes)

        async def end(connection: Connection) -> Registered:
            registered = await case_requests.register(connection, listing, event_limit=LIMIT)
            held = await watches.hold(connection, watch)
            await news.download_news(connection, self.number, request_id=str(uuid4()))
            await watches.succeed(connection, watch, held, ALL_DAY)
            return registered

        return await self.run(end)

    async def check(self, *found: ListedDocument, **what: Any) -> Registered:
        """Check the case: the portal lists these documents."""
        return await self.find(await self.claim_check(), *found, **what)

    async def fail_check(self, code: ErrorCode = ErrorCode.PORTAL_UNAVAILABLE) -> bool:
        """Check the case in vain."""
        watch = await self.claim_check()
        return await self.run(lambda connection: watches.fail(connection, watch, code, delay=timedelta(minutes=5)))

    async def settle(self) -> tuple[UUID, ...]:
        """Download what the active job has to download. Returns the deliveries that became due."""
        job = await self.claim()
        await self.work(job)
        ended = await self.finish(job)
        assert ended is not None
        return ended.deliveries

    async def monitor(self, user_id: UUID) -> Monitor:
        """A user's monitor."""
        found = await self.run(lambda connection: monitors.find(connection, self.number, user_id))
        assert found is not None
        return found

    async def told(self, user_id: UUID) -> list[dict[str, Any]]:
        """What a user was told of changes, the oldest first."""
        rows = await self.fetch(
            "SELECT events.id, events.body FROM deliveries JOIN events ON events.id = event_id"
            " WHERE deliveries.process_number = :number AND user_id = :user_id AND type = 'process.updated'"
            " ORDER BY occurred_at",
            user_id=user_id,
        )
        return [msgspec.json.decode(row["body"]) | {"event_id": row["id"]} for row in rows]

    async def names(self, user_id: UUID) -> list[list[str]]:
        """Of each event that a user was told: the origins of its documents, then the descriptions of its movements."""
        return [
            [each["name"].removeprefix("Petição ") for each in body["update"]["documents_added"]]
            + [each["description"] for each in body["update"]["movements_added"]]
            for body in await self.told(user_id)
        ]

    async def active_jobs(self) -> list[UUID]:
        """The job of the case that has not ended, if there is one."""
        rows = await self.fetch(
            "SELECT id FROM jobs WHERE process_number = :number AND status IN ('pending', 'processing')"
        )
        return [row["id"] for row in rows]


def moved(day: int) -> Movement:
    """A movement of this day."""
    return Movement(datetime(2026, 1, day, tzinfo=UTC), f"Ato {day}", "PRIMEIRO_GRAU")


async def add_watches(
    connection: Connection, user_id: UUID, due: Sequence[datetime], *, every: timedelta = DAY
) -> list[ProcessNumber]:
    """Add a watched case for each of these times of the next check. Their first checks have been made."""
    first: int = await connection.fetch_val("SELECT count(*) FROM processes")
    cases = [ProcessNumber(f"{first + serial:07}00202482601{serial % 100:02}") for serial in range(len(due))]
    numbers = [case.digits for case in cases]
    await connection.execute(
        "INSERT INTO processes (number, listing_asked, listed_at)"
        " SELECT number, 0, now() FROM unnest(CAST(:numbers AS text[])) AS number",
        {"numbers": numbers},
    )
    await connection.execute(
        "INSERT INTO monitors (id, process_number, user_id, every, told)"
        " SELECT gen_random_uuid(), number, :user_id, :every, 0 FROM unnest(CAST(:numbers AS text[])) AS number",
        {"numbers": numbers, "user_id": user_id, "every": every},
    )
    await connection.execute(
        "INSERT INTO watches (id, process_number, every, next_check_at, last_checked_at)"
        " SELECT gen_random_uuid(), number, :every, due, now()"
        " FROM unnest(CAST(:numbers AS text[]), CAST(:due AS timestamptz[])) AS each (number, due)",
        {"numbers": numbers, "every": every, "due": list(due)},
    )
    return cases
