"""Repeated requests while jobs run: nothing is interrupted, no deadlock, everything ends."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from service.local.simulator import DocumentSpec
from tests.acceptance.faults.conftest import Numbers
from tests.support.database.workload import Place, digits, plain
from tests.support.http.api import Answer, Api

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

CASES = 5
DOCUMENTS = 30
CLIENTS = 8
#: 404: the job is of others; 409: it has ended.
ANSWERS = {200, 202, 404, 409}


class Repeats:
    """Clients of several users who request the same few cases, while the court changes documents."""

    def __init__(self, place: Place, cases: list[str], users: list[Api], seed: int) -> None:
        self.place = place
        self.cases = cases
        self.users = users
        self.random = random.Random(seed)  # noqa: S311  (choices, not secrets)
        self.answers: Counter[tuple[str, int]] = Counter()
        self.revision = 1

    async def ask(self, times: int) -> None:
        """Make `times` requests, one after the other."""
        steps = [self.force, self.force, self.one, self.one, self.join, self.refresh, self.register, self.cancel]
        for _ in range(times):
            step = self.random.choice(steps)
            api, case = self.random.choice(self.users), self.random.choice(self.cases)
            answer = await step(api, f"/api/v1/processes/{case}", case)
            if answer is not None:
                self.answers[step.__name__, answer.status] += 1

    async def force(self, api: Api, path: str, _case: str) -> Answer:
        return await api.post(f"{path}/download-all-documents", {"force": True})

    async def one(self, api: Api, path: str, case: str) -> Answer | None:
        rows = await self.place.service.fetch("SELECT id FROM documents WHERE process_number = $1", digits(case))
        if not rows:
            return None
        return await api.post(f"{path}/download-document/{self.random.choice(rows)['id']}")

    async def join(self, api: Api, _path: str, case: str) -> Answer:
        return await api.process(case, webhook_url=self.place.subscriber.url(f"/repeats/{case}"))

    async def refresh(self, api: Api, _path: str, case: str) -> Answer:
        self.revision += 1
        await self.place.put_cases([case], *documents(self.revision))
        return await api.process(case, force_refresh="true")

    async def register(self, api: Api, path: str, _case: str) -> Answer:
        return await api.post(f"{path}/download-documents")

    async def cancel(self, api: Api, _path: str, case: str) -> Answer | None:
        rows = await self.place.service.fetch(
            "SELECT id FROM jobs WHERE process_number = $1 AND completed_at IS NULL", digits(case)
        )
        return await api.post(f"/api/v1/jobs/{rows[0]['id']}/cancel") if rows else None


def documents(revision: int) -> tuple[DocumentSpec, ...]:
    """Some documents that never change, and one that changes in each revision."""
    return (
        DocumentSpec(count=DOCUMENTS - 1, size=3000),
        DocumentSpec(origin_id="changing", size=3000 + revision, revision=revision),
    )


async def new_user(api: Api) -> Api:
    created = await api.post("/api/v1/users", {"name": f"user {uuid4()}", "role": "user"})
    return api.with_key(created.json["api_key"])


@pytest.mark.parametrize("times", [60, pytest.param(1000, marks=pytest.mark.long)])
async def test_forced_repeats_single_downloads_cancels_and_joins_interrupt_nothing(
    place: Place, numbers: Numbers, note: Callable[[str], None], times: int
) -> None:
    cases = numbers.take(CASES)
    await place.put_cases(cases, *documents(1))
    await place.portal.configure(latency_binary_ms=20)
    apis = [place.service.api, await place.service.add_api()]
    await asyncio.gather(*(place.service.add_worker() for _ in range(2)))
    users = [await new_user(api) for api in apis for _ in range(2)]
    await place.request(cases)
    repeats = Repeats(place, cases, [*users, place.service.api], seed=times)

    await asyncio.gather(*(repeats.ask(times // CLIENTS) for _ in range(CLIENTS)))

    assert {status for _step, status in repeats.answers} <= ANSWERS, repeats.answers
    await place.service.until("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE completed_at IS NULL)", timeout=120)
    await expect_true_events(place, cases)
    stored = await expect_true_objects(place, cases)
    await expect_quiet_logs(place)
    note(f"{times} requests on {CASES} running cases, {dict(repeats.answers)}: {stored} objects as their rows say")


async def expect_true_events(place: Place, cases: list[str]) -> None:
    rows = await place.service.fetch(
        "SELECT events.type, body ->> 'status' AS status, CAST(body ->> 'total_documents' AS integer) AS total,"
        " CAST(body ->> 'completed_documents' AS integer) AS completed, jobs.id IS NULL AS is_lost"
        " FROM events LEFT JOIN jobs ON jobs.id = events.job_id WHERE events.process_number = ANY($1)",
        plain(cases),
    )
    assert rows
    for row in rows:
        assert (row["type"] == "process.completed") == (row["status"] == "completed"), row
        assert row["type"] != "process.completed" or row["completed"] == row["total"], row
    without = await place.service.fetch(
        "SELECT id FROM jobs WHERE (SELECT count(*) FROM events WHERE events.job_id = jobs.id) <> 1"
    )
    assert without == []


async def expect_true_objects(place: Place, cases: list[str]) -> int:
    rows = await place.service.fetch(
        "SELECT status, job_id, storage_key, sha256 FROM documents WHERE process_number = ANY($1)", plain(cases)
    )
    assert {row["status"] for row in rows} <= {"available", "pending"}
    stored = [row for row in rows if row["storage_key"]]
    bucket = place.objects / place.service.environment["S3_BUCKET"]

    def wrong() -> list[Any]:
        return [
            row["storage_key"]
            for row in stored
            if hashlib.sha256((bucket / row["storage_key"]).read_bytes()).hexdigest() != row["sha256"]
        ]

    assert await asyncio.to_thread(wrong) == []
    return len(stored)


async def expect_quiet_logs(place: Place) -> None:
    # Sessions report their counts when they end.
    await place.service.stop()
    [deadlocks] = await place.service.fetch("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert deadlocks["deadlocks"] == 0
    for process in [*place.service.apis, *place.service.workers]:
        for word in ("Traceback", "job_interrupted", "deadlock", '"level":"error"', '"level": "error"'):
            assert word not in process.said, process.said
