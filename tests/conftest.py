"""One stack, one API and one worker for the whole run. Each test uses its own case numbers."""

import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import asyncpg
import hypothesis
import msgspec
import pytest

from service.database import migrations
from service.database.connection import create_database as create_pool
from service.database.users import users
from service.domain.api_keys import new_api_key
from service.local.stack import Stack, running_stack
from service.settings import Settings
from service.webhooks.signature import new_secret
from tests.support.http.api import Api
from tests.support.numbers import process_numbers
from tests.support.portal import Portal
from tests.support.processes import Process, free_port, start_api, start_worker
from tests.support.servers.node import install_packages
from tests.support.servers.production import write_real_credentials
from tests.support.servers.subscriber import Subscriber, running_subscriber

TEMPLATE = "migrated"  # the database that the others of its server are copies of
TEMPLATE_LOCK = 1  # of the advisory lock; no other program takes one in the server's own database


def pytest_configure() -> None:
    """Keep a developer's environment variables from tests, and let no test fail because it is slow."""
    hypothesis.settings.register_profile(
        "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("unhurried")
    for field in msgspec.structs.fields(Settings):
        os.environ.pop(field.encode_name, None)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """PostgreSQL, Valkey, S3 and the simulated portal: the servers of this run."""
    data = tmp_path_factory.mktemp("stack")
    write_real_credentials(data)
    with running_stack(data) as running:
        yield running


@pytest.fixture(scope="session")
async def database_url(stack: Stack) -> str:
    """A database with the schema of this version."""
    return await create_database(stack)


async def create_database(stack: Stack, *, migrated: bool = True) -> str:
    """A new database of the stack's server."""
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(stack.endpoints.database_url)
    try:
        if migrated:
            await _make_template(connection, _database_url(stack, TEMPLATE))
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE if migrated else 'template1'}")
    finally:
        await connection.close()
    return _database_url(stack, name)


async def _make_template(connection: asyncpg.Connection, url: str) -> None:
    """Apply the migrations once for each server: copying the result is much faster."""
    await connection.execute("SELECT pg_advisory_lock($1)", TEMPLATE_LOCK)
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", TEMPLATE):
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
        migrations.apply(url)
    await connection.execute("SELECT pg_advisory_unlock($1)", TEMPLATE_LOCK)


def _database_url(stack: Stack, name: str) -> str:
    return f"{stack.endpoints.database_url.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def environment(stack: Stack, database_url: str) -> dict[str, str]:
    """The settings of the processes under test."""
    return stack.endpoints.environment(bucket=f"test-{secrets.token_hex(6)}") | {
        "DATABASE_URL": database_url,
        "ADMIN_API_KEY": new_api_key(),
        "PORT": str(free_port()),
        "WEBHOOK_ALLOW_PRIVATE_HOSTS": "true",
        "WEBHOOK_RETRY_DELAYS": "0,1,1",
        "LOG_FORMAT": "json",
    }


@pytest.fixture(scope="session")
def log_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the logs of the processes under test."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
async def api_process(environment: dict[str, str], log_directory: Path) -> AsyncIterator[Process]:
    """The API."""
    process = await start_api(environment, log_directory / "api.log")
    yield process
    # uvicorn shuts down, and then ends by the signal that it got.
    assert await process.stop() == -signal.SIGTERM


@pytest.fixture(scope="session")
async def worker_process(
    environment: dict[str, str], log_directory: Path, api_process: Process
) -> AsyncIterator[Process]:
    """The worker. It starts after the API, which creates the bucket."""
    process = await start_worker(environment, log_directory / "worker.log")
    yield process
    assert await process.stop() == 0


@pytest.fixture(scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """The HTTP session of the tests."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as opened:
        yield opened


@pytest.fixture(scope="session")
def api(
    session: aiohttp.ClientSession,
    environment: dict[str, str],
    api_process: Process,
    worker_process: Process,
) -> Api:
    """A client with the administrator's key, of a service with a worker behind it."""
    return Api(session, f"http://127.0.0.1:{environment['PORT']}", environment["ADMIN_API_KEY"])


@pytest.fixture(scope="session")
async def other_client(api: Api, database_url: str) -> Api:
    """A client that is not an administrator."""
    api_key = new_api_key()
    connection = create_pool(database_url, application_name="tests", max_size=2)
    await connection.connect()
    async with connection.transaction() as transaction:
        await users.create(transaction, name="other", role="user", api_key=api_key, secret=new_secret())
    await connection.close()
    return Api(api.session, api.base_url, api_key)


@pytest.fixture(scope="session")
def portal(session: aiohttp.ClientSession, stack: Stack) -> Portal:
    """Scripts the simulated portal."""
    return Portal(session, (stack.endpoints.portal_url or "").removesuffix("/api/v2"))


@pytest.fixture(scope="session")
async def subscriber() -> AsyncIterator[Subscriber]:
    """A webhook receiver on this machine."""
    async with running_subscriber() as running:
        yield running


@pytest.fixture(scope="session")
def supply() -> Iterator[str]:
    """Case numbers that no other test uses, for tests that need several."""
    return process_numbers()


@pytest.fixture
def number(supply: Iterator[str]) -> str:
    """A case number that no other test uses."""
    return next(supply)


@pytest.fixture(scope="session")
def node_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the packages for JavaScript."""
    directory = tmp_path_factory.mktemp("node")
    install_packages(directory)
    return directory
