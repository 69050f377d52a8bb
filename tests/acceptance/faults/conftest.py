"""Separate servers for the tests that stop, kill, empty and freeze them."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import aiohttp
import pytest

from service.local.directory import DataDirectory
from service.local.endpoints import Endpoints
from service.local.stack import Stack, running_stack
from service.storage.store_settings import StoreSettings
from tests.conftest import create_database
from tests.support.buckets import Bucket, open_bucket
from tests.support.database.workload import Place
from tests.support.numbers import process_numbers
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber
from tests.support.servers.tcp_proxy import TcpProxy, running_tcp_proxy
from tests.support.service import Service, running_service


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for these tests. A test that stops one of its servers starts it again."""
    with running_stack(tmp_path_factory.mktemp("faults")) as running:
        yield running


@dataclass(frozen=True)
class Wires:
    """The proxies between the service and its servers."""

    postgres: TcpProxy
    valkey: TcpProxy
    s3: TcpProxy
    endpoints: Endpoints  #: through the proxies


@pytest.fixture
async def wires(servers: Stack) -> AsyncIterator[Wires]:
    """Proxies that a test may cut."""
    straight = servers.endpoints
    async with AsyncExitStack() as stack:
        postgres, database_url = await stack.enter_async_context(running_tcp_proxy(straight.database_url))
        valkey, redis_url = await stack.enter_async_context(running_tcp_proxy(straight.redis_url))
        s3, s3_url = await stack.enter_async_context(running_tcp_proxy(straight.s3_endpoint_url))
        endpoints = Endpoints(
            database_url=database_url,
            redis_url=redis_url,
            s3_endpoint_url=s3_url,
            s3_access_key_id=straight.s3_access_key_id,
            s3_secret_access_key=straight.s3_secret_access_key,
            s3_region=straight.s3_region,
            portal_url=straight.portal_url,
            portal_token=straight.portal_token,
        )
        yield Wires(postgres, valkey, s3, endpoints)


@pytest.fixture
async def service(
    servers: Stack, wires: Wires, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[Service]:
    """An API process without a worker, on an empty database, behind the proxies."""
    straight = await create_database(servers)
    name = straight.rpartition("/")[2]
    environment = wires.endpoints.environment(bucket="") | {
        "DATABASE_URL": wires.endpoints.database_url.rpartition("/")[0] + f"/{name}",
        "S3_PUBLIC_ENDPOINT_URL": servers.endpoints.s3_endpoint_url,
    }
    async with running_service(session, environment, tmp_path, database_url=straight) as running:
        yield running


@pytest.fixture
async def place(
    servers: Stack, service: Service, session: aiohttp.ClientSession, subscriber: Subscriber
) -> AsyncIterator[Place]:
    """The service with its portal and a subscriber."""
    portal = Portal(session, (servers.endpoints.portal_url or "").removesuffix("/api/v2"))
    yield Place(service, portal, subscriber, DataDirectory(servers.data_dir).objects)
    await portal.reset()


@pytest.fixture
async def bucket(service: Service, servers: Stack) -> AsyncIterator[Bucket]:
    """The bucket of the service, without a proxy."""
    straight = servers.endpoints
    settings = StoreSettings(
        bucket=service.environment["S3_BUCKET"],
        endpoint_url=straight.s3_endpoint_url,
        public_endpoint_url=None,
        region=straight.s3_region,
        access_key_id=straight.s3_access_key_id,
        secret_access_key=straight.s3_secret_access_key,
        link_ttl=60,
    )
    async with open_bucket(settings, create=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def _case_numbers() -> Iterator[str]:
    # Of another court than the other tests' numbers, which use the same subscriber.
    return process_numbers("519")


class Numbers:
    """Case numbers that no other test uses."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source

    def take(self, count: int) -> list[str]:
        """`count` new numbers."""
        return list(islice(self._source, count))


@pytest.fixture
def numbers(_case_numbers: Iterator[str]) -> Numbers:
    """A supply of case numbers."""
    return Numbers(_case_numbers)


_FIGURE = "figure"


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keep a figure. All figures are printed at the end of the run."""

    def keep(line: str) -> None:
        # They are sent with the report, also from the processes of a parallel run.
        request.node.user_properties.append((_FIGURE, line))

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures."""
    reports = [report for outcome in terminalreporter.stats.values() for report in outcome]
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {value}"
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == _FIGURE
    ]
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)
