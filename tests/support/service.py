"""A service for one test: any number of API processes and workers, which the test may kill."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from service.domain.api_keys import new_api_key
from tests.support.http.api import Api
from tests.support.processes import Process, free_port, start_api, start_worker


@dataclass
class Service:
    """The processes, and a connection to the database without a proxy."""

    api: Api
    environment: Mapping[str, str]
    logs: Path
    database_url: str
    workers: list[Process] = field(default_factory=list)
    apis: list[Process] = field(default_factory=list)

    async def add_worker(self, **changes: str) -> Process:
        """Start another worker, with some variables changed."""
        # A new log: workers are started at the same time.
        log = self.logs / f"worker-{secrets.token_hex(4)}.log"
        worker = await start_worker({**self.environment, **changes}, log)
        self.workers.append(worker)
        return worker

    async def add_api(self) -> Api:
        """Start another API process, on a port of its own."""
        port = str(free_port())
        self.apis.append(await start_api({**self.environment, "PORT": port}, self.logs / f"api-{port}.log"))
        return Api(self.api.session, f"http://127.0.0.1:{port}", self.api.api_key)

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        """Query the database without a proxy."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def until(self, query: str, *values: Any, timeout: float = 60) -> list[Any]:
        """Query the database until it returns a row."""
        async with asyncio.timeout(timeout):
            while not (rows := await self.fetch(query, *values)):  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.1)
        return rows

    async def stop(self) -> None:
        """Stop the running processes. A worker that fails at its end fails the test."""
        running = [each for each in self.workers if each.is_running()]
        codes = await asyncio.gather(*(each.stop() for each in running))
        for each in self.apis:
            if each.is_running():
                await each.stop()
        assert set(codes) <= {0}, [each.said for each in running]


@asynccontextmanager
async def running_service(
    session: aiohttp.ClientSession,
    environment: Mapping[str, str],
    logs: Path,
    *,
    database_url: str | None = None,
    bucket: str | None = None,
) -> AsyncIterator[Service]:
    """One API process and no worker. `database_url` is the database's own if the environment has a proxy's."""
    own = {
        "WEBHOOK_ALLOW_PRIVATE_HOSTS": "true",
        "WEBHOOK_RETRY_DELAYS": "0,1,1,2,2,4,4,8,8",
        "LOG_FORMAT": "json",
        "ADMIN_API_KEY": new_api_key(),
        **environment,
        "S3_BUCKET": bucket or f"test-{secrets.token_hex(6)}",
        "PORT": str(free_port()),
    }
    api = Api(session, f"http://127.0.0.1:{own['PORT']}", own["ADMIN_API_KEY"])
    service = Service(api, own, logs, database_url or own["DATABASE_URL"])
    service.apis.append(await start_api(own, logs / "api.log"))
    try:
        yield service
    finally:
        await service.stop()
