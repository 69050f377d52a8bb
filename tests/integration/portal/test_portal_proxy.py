"""A proxy for the portal and its token endpoint, and for nothing else."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from service.database.connection import Database
from service.domain.process_number import ProcessNumber
from service.local.simulator import create_portal, make_case, running_portal
from service.observability.metrics import Metrics
from service.portal.client import PortalClient
from service.portal.errors import Unavailable
from service.portal.gate import Gate
from service.settings import SettingsError, load_settings
from service.startup.wiring import open_portal
from tests.support.servers.forward_proxy import ForwardProxy, running_forward_proxy

NUMBER = ProcessNumber.parse("7654321-71.2021.8.19.0001")
REQUIRED = {"DATABASE_URL": "postgresql://db/autos", "REDIS_URL": "redis://cache", "S3_BUCKET": "files"}


@pytest.fixture
async def proxy() -> AsyncIterator[ForwardProxy]:
    async with running_forward_proxy() as opened:
        yield opened


@pytest.fixture
async def portal_url() -> AsyncIterator[str]:
    async with running_portal(create_portal("token", [make_case(NUMBER.masked, 1)])) as origin:
        yield f"{origin}/api/v2"


@asynccontextmanager
async def client(database: Database, **variables: str) -> AsyncIterator[PortalClient]:
    settings = load_settings(REQUIRED | {"PDPJ_TOKEN": "token"} | variables, env_file=Path("/nonexistent"))
    async with open_portal(settings, database, Gate(2), Metrics(), Mock()) as opened:
        yield opened


async def test_listings_and_documents_go_through_it_with_its_credentials(
    quiet_database: Database, proxy: ForwardProxy, portal_url: str
) -> None:
    way = f"http://us%40er:p%3Ass@127.0.0.1:{proxy.port}"
    async with client(quiet_database, PDPJ_BASE_URL=portal_url, PDPJ_PROXY_URL=way) as portal:
        listing = await portal.list_process(NUMBER, timeout=30)
        href = listing.documents[0].copies[0].binary_href
        assert href is not None
        async with portal.open_document(href) as document:
            assert [chunk async for chunk in document.chunks()]

    assert len(listing.documents) == 1
    assert [line.split(" ")[1].startswith(portal_url) for line in proxy.lines] == [True, True]
    basic = "Basic " + base64.b64encode(b"us@er:p:ss").decode()
    assert proxy.credentials == [basic, basic]


async def test_https_goes_through_a_tunnel_in_which_the_proxy_reads_nothing(
    quiet_database: Database, proxy: ForwardProxy, portal_url: str
) -> None:
    secure = portal_url.replace("http://", "https://")
    async with client(
        quiet_database, PDPJ_BASE_URL=secure, PDPJ_PROXY_URL=f"http://user:pass@127.0.0.1:{proxy.port}"
    ) as portal:
        # Nothing speaks TLS there.
        with pytest.raises(Unavailable):
            await portal.list_process(NUMBER, timeout=30)

    authority = secure.removeprefix("https://").partition("/")[0]
    assert proxy.lines == [f"CONNECT {authority} HTTP/1.1"]
    assert proxy.credentials == ["Basic " + base64.b64encode(b"user:pass").decode()]


def refusal(status: int) -> bytes:
    """What a proxy answers in place of a tunnel."""
    return f"HTTP/1.1 {status} No\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<html>No</html>".encode()


OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
#: What a proxy answers to CONNECT, and what is told.
TUNNELS = {
    **{str(status): (refusal(status), f"the proxy of PDPJ_PROXY_URL answered {status}") for status in (403, 407, 502)},
    "a login page": (refusal(302), "the proxy of PDPJ_PROXY_URL answered 302"),
    "closed at once": (b"", "the connection was closed"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "an answer that is not HTTP"),
    "a tunnel that is closed": (OPEN, "the connection was closed"),
    # Which of the two depends on what arrives first, the words or the end.
    "a tunnel to something else": (OPEN + b"220 mail.example ESMTP\r\n", ("TLS failed: ", "the connection was closed")),
}


@pytest.mark.parametrize(("answer", "reason"), TUNNELS.values(), ids=TUNNELS.keys())
async def test_a_tunnel_that_cannot_be_had_is_no_fault_of_a_case_or_a_document(
    quiet_database: Database, proxy: ForwardProxy, portal_url: str, answer: bytes, reason: str | tuple[str, ...]
) -> None:
    proxy.answer = answer
    secure = portal_url.replace("http://", "https://")
    errors: list[Unavailable] = []
    async with client(quiet_database, PDPJ_BASE_URL=secure, PDPJ_PROXY_URL=f"http://127.0.0.1:{proxy.port}") as portal:
        with pytest.raises(Unavailable) as of_case:
            await portal.list_process(NUMBER, timeout=30)
        with pytest.raises(Unavailable) as of_document:
            async with portal.open_document(f"/processos/{NUMBER.masked}/documentos/1/binario"):
                pass
        errors = [of_case.value, of_document.value]

    assert [str(each).startswith(reason) for each in errors] == [True, True], errors
    # As the portal's own outage: it is told as one, and no refused token.
    assert [(type(each), each.blames_portal) for each in errors] == [(Unavailable, True)] * 2


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_refuses_is_a_portal_that_fails_and_its_password_is_in_no_error(
    quiet_database: Database, proxy: ForwardProxy, portal_url: str, scheme: str
) -> None:
    proxy.answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    url = portal_url.replace("http://", f"{scheme}://")
    way = f"http://user:hidden@127.0.0.1:{proxy.port}"
    async with client(quiet_database, PDPJ_BASE_URL=url, PDPJ_PROXY_URL=way) as portal:
        with pytest.raises(Unavailable) as error:
            await portal.list_process(NUMBER, timeout=30)

    assert str(error.value) == f"the {'proxy of PDPJ_PROXY_URL' if scheme == 'https' else 'portal'} answered 407"
    assert "hidden" not in repr(error.value) + repr(error.value.__cause__) + str(error.value.__cause__)


async def test_a_proxy_that_is_away_is_named(quiet_database: Database, portal_url: str) -> None:
    async with client(quiet_database, PDPJ_BASE_URL=portal_url, PDPJ_PROXY_URL="http://127.0.0.1:1") as portal:
        with pytest.raises(Unavailable, match=r"^the proxy of PDPJ_PROXY_URL: the connection was refused$"):
            await portal.list_process(NUMBER, timeout=30)


async def test_the_token_is_renewed_through_it(quiet_database: Database, proxy: ForwardProxy, portal_url: str) -> None:
    refreshed = {"PDPJ_REFRESH_TOKEN": "refresh", "PDPJ_TOKEN_URL": portal_url.replace("/api/v2", "/token")}
    way = f"http://127.0.0.1:{proxy.port}"
    async with client(
        quiet_database, PDPJ_TOKEN="", PDPJ_BASE_URL=portal_url, PDPJ_PROXY_URL=way, **refreshed
    ) as portal:
        with pytest.raises(Unavailable):
            await portal.list_process(NUMBER, timeout=30)

    assert proxy.lines[0].startswith(f"POST {refreshed['PDPJ_TOKEN_URL']} ")


async def test_the_variables_of_the_environment_are_not_read(
    quiet_database: Database, proxy: ForwardProxy, portal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    async with client(quiet_database, PDPJ_BASE_URL=portal_url) as portal:
        await portal.list_process(NUMBER, timeout=30)

    assert proxy.lines == []


def test_an_address_that_is_none_is_refused_without_being_repeated() -> None:
    with pytest.raises(SettingsError, match="PDPJ_PROXY_URL is malformed") as error:
        load_settings(
            REQUIRED | {"PDPJ_TOKEN": "token", "PDPJ_PROXY_URL": "socks5://user:hidden@proxy"},
            env_file=Path("/nonexistent"),
        )

    assert "hidden" not in str(error.value)
