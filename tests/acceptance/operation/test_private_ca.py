"""A service all of whose servers have certificates of a private authority, and whose portal is behind a proxy."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import aiohttp
import pytest

from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.portal import Portal
from tests.support.servers.forward_proxy import ForwardProxy, running_forward_proxy
from tests.support.servers.private_ca import Authority, make_authority, tls_in_front
from tests.support.servers.subscriber import Subscriber
from tests.support.service import Service, running_service

# Connections by way of TLS take up to half a minute to end.
pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return make_authority(tmp_path)


async def behind_tls(stack: AsyncExitStack, authority: Authority, url: str, scheme: str, parameters: str = "") -> str:
    """The same server by way of TLS."""
    parts = urlsplit(url)
    is_postgres = scheme == "postgresql"
    front = tls_in_front(authority, parts.hostname or "", parts.port or 0, postgres=is_postgres)
    port = await stack.enter_async_context(front)
    credentials, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(scheme=scheme, netloc=f"{credentials}{at}127.0.0.1:{port}", query=parameters))


@pytest.fixture
async def proxy() -> AsyncIterator[ForwardProxy]:
    async with running_forward_proxy() as running:
        yield running


@pytest.fixture
async def secure(
    environment: dict[str, str], stack: Stack, authority: Authority, proxy: ForwardProxy
) -> AsyncIterator[dict[str, str]]:
    """The settings that docs/operating.md names."""
    database_url, ca = await create_database(stack), authority.authorities
    async with AsyncExitStack() as fronts:

        async def tls(url: str, scheme: str = "https", parameters: str = "") -> str:
            return await behind_tls(fronts, authority, url, scheme, parameters)

        yield environment | {
            "DATABASE_URL": await tls(database_url, "postgresql", f"sslmode=verify-full&sslrootcert={ca}"),
            "REDIS_URL": await tls(environment["REDIS_URL"], "rediss", f"ssl_ca_certs={ca}"),
            "S3_ENDPOINT_URL": await tls(environment["S3_ENDPOINT_URL"]),
            "S3_PUBLIC_ENDPOINT_URL": "",
            "AWS_CA_BUNDLE": str(ca),
            "PDPJ_BASE_URL": await tls(environment["PDPJ_BASE_URL"]),
            "PDPJ_PROXY_URL": f"http://127.0.0.1:{proxy.port}",
            "SSL_CERT_FILE": str(ca),
        }


@pytest.fixture
async def service(
    session: aiohttp.ClientSession, secure: dict[str, str], proxy: ForwardProxy, tmp_path: Path
) -> AsyncIterator[Service]:
    async with running_service(session, secure, tmp_path) as running:
        await running.add_worker()
        yield running
    assert {line.partition(" ")[0] for line in proxy.lines} == {"CONNECT"}


async def test_cases_are_downloaded_and_told(
    service: Service, authority: Authority, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    path = f"/{uuid4()}"
    await portal.put_documents(number, DocumentSpec(count=2))
    async with AsyncExitStack() as fronts:
        hook = await behind_tls(fronts, authority, subscriber.url(path), "https")

        asked = await service.api.get(f"/api/v1/processes/{number}", webhook_url=hook)
        async with asyncio.timeout(60):
            while not subscriber.received(path):  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.05)

    assert asked.status == 200
    documents = (await service.api.get(f"/api/v1/processes/{number}/status")).json["documents"]
    links = [each["download_url"] for each in documents]
    trusting = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=authority.authorities), force_close=True)
    async with aiohttp.ClientSession(connector=trusting) as session:
        assert [await size(session, link) for link in links] == [each["size"] for each in documents]
    assert all(link.startswith("https://") for link in links)


async def size(session: aiohttp.ClientSession, link: str) -> int:
    async with session.get(link) as answer:
        assert answer.status == 200
        return len(await answer.read())
