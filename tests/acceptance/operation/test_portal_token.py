"""The portal's token: an expired one pauses work and fails nothing, and one process renews it for all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from service.domain.api_keys import new_api_key
from service.local.simulator import DocumentSpec, Fault, FaultKind, PortalConfiguration, create_portal, running_portal
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.numbers import with_check_digits
from tests.support.portal import Portal
from tests.support.service import Service, running_service

READY = "/health/ready"


@dataclass
class TokenEndpoint:
    """A Keycloak that renews, rotates, and counts."""

    portal: Portal
    url: str = ""
    refresh_token: str = "refresh-0"
    expires_in: int = 28_800
    is_dead: bool = False
    is_down: bool = False
    asked_with: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        """RFC 6749, section 6."""
        if self.is_down:
            return web.Response(status=503)
        form = await request.post()
        given = str(form["refresh_token"])
        self.asked_with.append(given)
        assert (form["grant_type"], form["client_id"]) == ("refresh_token", "a-client")
        if self.is_dead or given != self.refresh_token:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.refresh_token = f"refresh-{len(self.asked_with)}"
        access_token = f"access-{len(self.asked_with)}"
        await self.portal.configure(token=access_token)
        return web.json_response(
            {"access_token": access_token, "refresh_token": self.refresh_token, "expires_in": self.expires_in}
        )


@asynccontextmanager
async def running_own_portal(session: aiohttp.ClientSession) -> AsyncIterator[Portal]:
    """Run a portal whose token may be changed."""
    async with running_portal(create_portal("token-1", configuration=PortalConfiguration(token="token-1"))) as origin:
        yield Portal(session, origin)


@asynccontextmanager
async def running_token_endpoint(portal: Portal) -> AsyncIterator[TokenEndpoint]:
    """The token endpoint of a portal."""
    endpoint = TokenEndpoint(portal)
    application = web.Application()
    application.router.add_post("/token", endpoint.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    yield endpoint
    await runner.cleanup()


@pytest.fixture
async def own_portal(session: aiohttp.ClientSession) -> AsyncIterator[Portal]:
    """A portal whose token a test may change."""
    async with running_own_portal(session) as portal:
        yield portal


@pytest.fixture
async def tokens(own_portal: Portal) -> AsyncIterator[TokenEndpoint]:
    """Its token endpoint."""
    async with running_token_endpoint(own_portal) as endpoint:
        yield endpoint


@asynccontextmanager
async def service_with(
    stack: Stack, portal: Portal, logs: Path, *, database_url: str, **credentials: str
) -> AsyncIterator[Service]:
    """A service that uses a portal of its own with these credentials."""
    environment = stack.endpoints.environment(bucket="")
    del environment["PDPJ_TOKEN"]
    environment |= {
        "DATABASE_URL": database_url,
        "REDIS_URL": environment["REDIS_URL"].removesuffix("/0") + "/3",
        "PDPJ_BASE_URL": portal.origin + "/api/v2",
        **credentials,
    }
    logs.mkdir()  # noqa: ASYNC240  (a test's own directory)
    async with running_service(portal.client, environment, logs) as running:
        yield running


async def test_a_dead_token_pauses_the_work_until_there_is_a_new_one(
    stack: Stack, own_portal: Portal, number: str, tmp_path: Path
) -> None:
    await own_portal.put_documents(number, DocumentSpec(count=3))
    database_url = await create_database(stack)
    async with service_with(
        stack, own_portal, tmp_path / "old", database_url=database_url, PDPJ_TOKEN="token-1"
    ) as old:
        assert (await old.api.get(READY)).json["portal_token"] == "ok"
        await own_portal.configure(token="token-2")
        kept = await old.api.process(number)
        worker = await old.add_worker()
        await old.until("SELECT 1 FROM jobs WHERE status = 'pending' AND started_at IS NOT NULL")
        ready = await old.api.get(READY)

        assert (kept.status, kept.json["status"]) == (202, "pending")
        assert ready.json["portal_token"].startswith("refused by the portal since ")
        assert await worker.stop() == 0
    async with service_with(
        stack, own_portal, tmp_path / "new", database_url=database_url, PDPJ_TOKEN="token-2"
    ) as new:
        await new.fetch("UPDATE jobs SET ring_at = now()")
        await new.add_worker()
        (row,) = await new.until("SELECT status FROM jobs WHERE completed_at IS NOT NULL")

        assert row["status"] == "completed"
        assert (await new.api.get(READY)).json["portal_token"] == "ok"


async def test_a_token_that_dies_in_the_middle_fails_no_document(
    stack: Stack, own_portal: Portal, number: str, tmp_path: Path
) -> None:
    await own_portal.put_documents(number, DocumentSpec(count=10))
    database_url = await create_database(stack)
    async with service_with(
        stack, own_portal, tmp_path / "logs", database_url=database_url, PDPJ_TOKEN="token-1"
    ) as service:
        await service.api.process(number)
        await own_portal.configure(token="token-2")
        await service.add_worker()
        await service.until("SELECT 1 FROM portal_state WHERE refused_at IS NOT NULL")
        status = await service.api.status(number)

    assert status["failed_documents"] == 0
    assert {document["error_code"] for document in status["documents"]} == {None}


async def test_a_token_is_renewed_once_for_all_processes_and_a_rotated_one_is_kept(
    stack: Stack, own_portal: Portal, tokens: TokenEndpoint, tmp_path: Path
) -> None:
    credentials = {
        "PDPJ_REFRESH_TOKEN": "refresh-0",
        "PDPJ_TOKEN_URL": tokens.url,
        "PDPJ_CLIENT_ID": "a-client",
        # The first service makes the administrator, the second one finds it.
        "ADMIN_API_KEY": new_api_key(),
    }
    database_url = await create_database(stack)
    cases = [with_check_digits(f"{serial:07}", "1990", "826", "0001") for serial in range(6)]
    for case in cases:
        await own_portal.put_documents(case, DocumentSpec(count=4))
    async with service_with(stack, own_portal, tmp_path / "a", database_url=database_url, **credentials) as first:
        await first.add_worker()
        await first.add_worker()
        for case in cases[:5]:
            await first.api.process(case)
        for case in cases[:5]:
            assert (await first.api.ended(case))["status"] == "completed"
        assert tokens.asked_with == ["refresh-0"]
        logs = "".join(path.read_text() for path in first.logs.iterdir())
    # The configured token is no longer valid: only the stored one renews.
    await own_portal.configure(token="another")
    async with service_with(stack, own_portal, tmp_path / "b", database_url=database_url, **credentials) as second:
        await second.api.process(cases[5])
        await second.add_worker()
        await second.fetch("UPDATE jobs SET ring_at = now()")
        assert (await second.api.ended(cases[5]))["status"] == "completed"

    assert tokens.asked_with == ["refresh-0", "refresh-1"]
    assert "refresh-" not in logs
    assert "access-" not in logs


async def test_a_dead_refresh_token_is_told_once_and_not_shown(
    stack: Stack, own_portal: Portal, tokens: TokenEndpoint, number: str, tmp_path: Path
) -> None:
    tokens.is_dead = True
    credentials = {"PDPJ_REFRESH_TOKEN": "refresh-0", "PDPJ_TOKEN_URL": tokens.url, "PDPJ_CLIENT_ID": "a-client"}
    database_url = await create_database(stack)
    async with service_with(stack, own_portal, tmp_path / "logs", database_url=database_url, **credentials) as service:
        kept = [await service.api.process(number) for _ in range(3)]
        ready = await service.api.get(READY)

    assert [answer.status for answer in kept] == [202] * 3
    assert ready.json["portal_token"].startswith("refused by the portal since ")
    assert len(tokens.asked_with) > 1
    assert service.apis[0].said.count("portal_token_refused") == 1
    assert "set a new PDPJ_REFRESH_TOKEN" in service.apis[0].said
    assert "refresh-0" not in service.apis[0].said


async def test_a_denied_case_is_no_dead_token(stack: Stack, own_portal: Portal, number: str, tmp_path: Path) -> None:
    await own_portal.put_documents(number, DocumentSpec())
    await own_portal.fail_listing(number, Fault(kind=FaultKind.DENIED_403, status=401))
    async with service_with(
        stack, own_portal, tmp_path / "logs", database_url=await create_database(stack), PDPJ_TOKEN="token-1"
    ) as service:
        denied = await service.api.process(number)

        assert (denied.status, denied.json["code"]) == (403, "process_access_denied")
        assert (await service.api.get(READY)).json["portal_token"] == "ok"


async def test_a_portal_that_sends_everybody_to_its_login_has_refused_the_token(
    stack: Stack, own_portal: Portal, number: str, tmp_path: Path
) -> None:
    login = "https://sso.invalid/auth/realms/pje/protocol/openid-connect/auth?x="
    await own_portal.put_documents(number, DocumentSpec())
    await own_portal.fail_everything(Fault(kind=FaultKind.REDIRECT_OTHER_HOST, times=-1, location=login))
    async with service_with(
        stack, own_portal, tmp_path / "logs", database_url=await create_database(stack), PDPJ_TOKEN="token-1"
    ) as service:
        kept = await service.api.process(number)
        told = await service.api.get(READY)
        await service.add_worker()
        (waiting,) = await service.until("SELECT postponed_reason FROM jobs WHERE postponed_reason IS NOT NULL")
        await service.fetch("UPDATE jobs SET created_at = now() - interval '3 days', ring_at = now()")
        (ended,) = await service.until("SELECT error_code FROM jobs WHERE status = 'failed'")

    assert (kept.status, kept.json["status"]) == (202, "pending")
    assert told.json["portal_token"].startswith("refused by the portal since ")
    assert waiting["postponed_reason"] == "the portal does not accept the token"
    assert ended["error_code"] == "job_expired"


async def test_the_token_endpoint_may_be_down_for_a_while(
    stack: Stack, own_portal: Portal, tokens: TokenEndpoint, number: str, tmp_path: Path
) -> None:
    tokens.is_down = True
    await own_portal.put_documents(number, DocumentSpec(count=20))
    credentials = {"PDPJ_REFRESH_TOKEN": "refresh-0", "PDPJ_TOKEN_URL": tokens.url, "PDPJ_CLIENT_ID": "a-client"}
    database_url = await create_database(stack)
    async with service_with(stack, own_portal, tmp_path / "logs", database_url=database_url, **credentials) as service:
        kept = await service.api.process(number)
        await service.add_worker()
        await service.until("SELECT 1 FROM jobs WHERE postponed_reason LIKE 'the token could not be renewed%'")
        ready = await service.api.get(READY)
        tokens.is_down = False
        await service.fetch("UPDATE jobs SET ring_at = now()")
        status = await service.api.ended(number)

    assert (kept.status, ready.json["portal_token"]) == (202, "ok")
    assert (status["status"], {each["attempts"] for each in status["documents"]}) == ("completed", {1})
