"""A worker without a process: its task for one job, on a real database and bucket, with its own portal."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import AsyncMock, Mock
from uuid import UUID, uuid4

from service.database.cases import case_requests
from service.database.cases.case_requests import CaseRequest
from service.database.connection import Database
from service.domain.process_number import ProcessNumber
from service.local.simulator import DocumentSpec, SimulatedPortal, make_case
from service.observability.metrics import WorkerMetrics
from service.portal.token import TokenSource
from tests.support.buckets import Bucket
from tests.support.database.claims import claim_job
from tests.support.deliveries.deliveries import add_user
from tests.support.portal_client import Portal, open_portal_client
from worker.context import Context, Limits
from worker.tasks.download_process import claim_and_run

LIMITS: dict[str, Any] = {
    "download_concurrency": 3,
    "download_attempts": 3,
    "download_max_bytes": 2**24,
    "webhook_timeout": None,
    "webhook_retry_delays": (),
    "webhook_max_documents": 100,
}


@dataclass
class OneWorker:
    """One case and its job."""

    database: Database
    simulated: SimulatedPortal
    portal: Portal
    context: Context
    number: ProcessNumber
    job_id: UUID | None = None

    def put(self, *documents: DocumentSpec) -> None:
        """Add the case to the portal."""
        self.simulated.put_case(make_case(self.number.masked, list(documents)))

    async def ask(self) -> None:
        """Request the case, as if the portal did not respond to the API."""
        user_id, _key = await add_user(self.database)
        wanted = CaseRequest(self.number, user_id, str(uuid4()), None, force_refresh=False)
        async with self.database.transaction() as connection:
            self.job_id = (await case_requests.accept_unlisted(connection, wanted)).job_id

    async def run(self, times: int = 1) -> None:
        """Run the task of the job `times` times."""
        assert self.job_id is not None
        for _ in range(times):
            claimed = asyncio.get_running_loop().create_future()
            await claim_and_run(self.context, partial(claim_job, job_id=self.job_id), claimed)

    async def job(self) -> dict[str, Any]:
        """The row of the job."""
        async with self.database.connection() as connection:
            row = await connection.fetch_one("SELECT * FROM jobs WHERE id = :id", {"id": self.job_id})
        return dict(row or {})

    async def make_older(self, interval: str) -> None:
        """Make the job older."""
        async with self.database.connection() as connection:
            await connection.execute(
                "UPDATE jobs SET created_at = created_at - CAST(CAST(:age AS text) AS interval) WHERE id = :id",
                {"age": interval, "id": self.job_id},
            )

    async def documents(self) -> Sequence[tuple[str, str | None, int]]:
        """Status, error code and attempts of each document, in their order."""
        async with self.database.connection() as connection:
            rows = await connection.fetch_all(
                "SELECT status, error_code, attempts FROM documents WHERE process_number = :number ORDER BY position",
                {"number": self.number.digits},
            )
        return [(row["status"], row["error_code"], row["attempts"]) for row in rows]


@asynccontextmanager
async def open_worker(
    database: Database,
    bucket: Bucket,
    simulated: tuple[SimulatedPortal, str],
    number: ProcessNumber,
    tokens: TokenSource | None = None,
) -> AsyncIterator[OneWorker]:
    """A worker for one case. `simulated` is the portal and its URL."""
    portal, origin = simulated
    async with open_portal_client(f"{origin}/api/v2", portal.configuration.token, tokens=tokens) as client:
        context = Context(
            database=database,
            portal=client.client,
            store=bucket.store,
            metrics=WorkerMetrics(),
            queue=Mock(enqueue_delivery=AsyncMock()),
            share=Mock(job=lambda *_: nullcontext(client.gate.pass_for(uuid4(), 0))),
            **{name: Mock() for name in ("shutdown", "subscribers", "alerts", "notes")},
            public_url="http://127.0.0.1",
            limits=Limits(**LIMITS),
        )
        yield OneWorker(database, portal, client, context, number)
