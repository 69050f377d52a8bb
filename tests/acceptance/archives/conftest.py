"""An API whose bucket was filled without it, and another one behind a proxy to that bucket that can fail."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from service.domain.documents import StoredFile
from service.local.directory import DataDirectory
from service.local.stack import Stack
from tests.support.http.api import Api
from tests.support.http.archives import lay_down, lay_down_zeros
from tests.support.processes import Process, free_port, start_api
from tests.support.servers.tcp_proxy import TcpProxy, running_tcp_proxy
from tests.support.service import Service, running_service

SMALL_FILES = 5000
PATIENCE = 60  # seconds for another process


@dataclass(frozen=True)
class Shelf:
    """The files in the bucket."""

    small: list[StoredFile]  #: each with a content of its own
    large: StoredFile  #: 256 MiB
    huge: Path  #: where a test may lay down what only it needs, in one of the directories `a` and `b`


@pytest.fixture(scope="package")
async def service(
    session: aiohttp.ClientSession,
    stack: Stack,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Service]:
    """An API with its own bucket, whose directories the server has not read yet."""
    bucket = f"archives-{secrets.token_hex(6)}"
    for each in ("small", "zeros", "huge/a", "huge/b"):
        # Before the API probes the bucket: the server then lists the bucket.
        (DataDirectory(stack.data_dir).objects / bucket / each).mkdir(parents=True)
    logs = tmp_path_factory.mktemp("archives")
    async with running_service(session, environment, logs, bucket=bucket) as running:
        yield running


@pytest.fixture(scope="package")
def shelf(stack: Stack, service: Service) -> Shelf:
    """Files in the bucket, written without the server. It lists a directory at the first request for a file in it."""
    bucket = DataDirectory(stack.data_dir).objects / service.environment["S3_BUCKET"]
    numbers = range(1, SMALL_FILES + 1)
    return Shelf(
        small=[lay_down(bucket, f"small/{number}.pdf", b"%PDF-1.7 " + b"%d" % number * 300) for number in numbers],
        large=lay_down_zeros(bucket, "zeros/large.pdf", 256),
        huge=bucket / "huge",
    )


@dataclass(frozen=True)
class Wired:
    """An API process with a proxy to its bucket."""

    api: Api
    process: Process
    wire: TcpProxy
    environment: dict[str, str]

    async def said(self, word: str) -> str:
        """Wait for the first line of the log with a word."""
        async with asyncio.timeout(PATIENCE):
            while not self.process.has_said(word):  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.05)
        return next(line for line in self.process.said.splitlines() if word in line)


@pytest.fixture
async def wired(stack: Stack, service: Service, shelf: Shelf, tmp_path: Path) -> AsyncIterator[Wired]:
    """An API with two connections to the database and a slow proxy to its bucket."""
    async with running_tcp_proxy(stack.endpoints.s3_endpoint_url) as (wire, url):
        port = str(free_port())
        environment = {**service.environment, "S3_ENDPOINT_URL": url, "PORT": port, "DATABASE_POOL_SIZE": "2"}
        process = await start_api(environment, tmp_path / "api.log")
        api = Api(service.api.session, f"http://127.0.0.1:{port}", service.api.api_key)
        yield Wired(api, process, wire, environment)
        await process.stop()
