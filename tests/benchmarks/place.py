"""The place of the measurements: the servers of one machine, one service, and its requests."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import aiohttp
import asyncpg

from service.database import migrations
from service.local.directory import DataDirectory
from service.local.simulator import PortalControl
from service.local.stack import Stack
from tests.benchmarks.tools.report import Report
from tests.support.numbers import process_numbers
from tests.support.processes import Process
from tests.support.servers.subscriber import Subscriber, running_subscriber
from tests.support.service import Service, running_service


@dataclass(frozen=True)
class Machine:
    """The servers of the bench."""

    stack: Stack
    directory: Path
    report: Report
    numbers: Iterator[str]
    redis_numbers: Iterator[int]

    def new_directory(self) -> Path:
        """A new directory for one section."""
        path = self.directory / secrets.token_hex(4)
        path.mkdir()
        return path


def machine(stack: Stack, directory: Path, report: Report) -> Machine:
    """The servers of a running stack."""
    return Machine(stack, directory, report, process_numbers(), cycle(range(1, 16)))


@dataclass(frozen=True)
class Place:
    """One service with its own database, and the workers that sections add."""

    machine: Machine
    service: Service
    session: aiohttp.ClientSession
    portal: PortalControl
    subscriber: Subscriber

    @property
    def bucket(self) -> str:
        """The bucket of the documents."""
        return self.service.environment["S3_BUCKET"]

    def empty_bucket(self) -> None:
        """Delete the objects of a run, to save disk space."""
        folder = DataDirectory(self.machine.stack.data_dir).objects / self.bucket
        for each in folder.iterdir():
            shutil.rmtree(each)

    async def download(self, numbers: Sequence[str], *, timeout: float = 300) -> float:
        """Download cases, and return the seconds from the start of the first job to the end of the last one."""
        await asyncio.gather(*(self.service.api.process(number) for number in numbers))
        return await self.ended(numbers, timeout=timeout)

    async def ended(self, numbers: Sequence[str], *, timeout: float = 300) -> float:
        """Wait for jobs, and return the seconds from the first start to the last end. All must be completed."""
        digits = ["".join(filter(str.isdigit, number)) for number in numbers]
        connection = await asyncpg.connect(self.service.database_url)
        try:
            async with asyncio.timeout(timeout):
                while not (found := await _ended(connection, digits)):  # noqa: ASYNC110  (another process)
                    await asyncio.sleep(0.2)
        finally:
            await connection.close()
        return found

    async def add_worker(self, **changes: str) -> Process:
        """Start another worker, and wait until its start is over."""
        worker = await self.service.add_worker(**changes)
        await asyncio.sleep(1.5)  # its first sweep and its share of the portal
        return worker

    async def stop_workers(self) -> None:
        """Stop the running workers."""
        await asyncio.gather(*(each.stop() for each in self.service.workers if each.is_running()))


async def _ended(connection: asyncpg.Connection, digits: list[str]) -> float:
    row = await connection.fetchrow(
        "SELECT count(*) FILTER (WHERE completed_at IS NOT NULL) AS ended,"
        " bool_and(status = 'completed') FILTER (WHERE completed_at IS NOT NULL) AS good,"
        " extract(epoch FROM max(completed_at) - min(started_at))::float AS seconds"
        " FROM jobs WHERE process_number = ANY($1)",
        digits,
    )
    if row["ended"] < len(digits):
        return 0.0
    assert row["good"], "a job failed"
    return float(row["seconds"])


@asynccontextmanager
async def open_place(machine: Machine, **changes: str) -> AsyncIterator[Place]:
    """An API process on an empty database, without a worker yet."""
    endpoints = machine.stack.endpoints
    redis_url = f"{endpoints.redis_url.rpartition('/')[0]}/{next(machine.redis_numbers)}"
    database_url = await new_database(machine.stack)
    environment = endpoints.environment(bucket="") | {"DATABASE_URL": database_url, "REDIS_URL": redis_url} | changes
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        running_subscriber() as subscriber,
        running_service(session, environment, machine.new_directory()) as service,
    ):
        portal = PortalControl(session, (endpoints.portal_url or "").removesuffix("/api/v2"))
        yield Place(machine, service, session, portal, subscriber)


async def new_database(stack: Stack) -> str:
    """The URL of a database with the schema of this version."""
    name = f"bench_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(stack.endpoints.database_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    url = f"{stack.endpoints.database_url.rpartition('/')[0]}/{name}"
    await asyncio.to_thread(migrations.apply, url)
    return url
