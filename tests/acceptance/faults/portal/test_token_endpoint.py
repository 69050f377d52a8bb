"""A token endpoint that takes seconds and then is away for a minute, during constant work."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from service.local.directory import DataDirectory
from service.local.simulator import DocumentSpec, SimulatedPortal, create_portal, running_portal
from service.local.stack import Stack
from service.portal.token import RenewedTokens
from tests.acceptance.faults.conftest import Numbers
from tests.acceptance.operation.test_portal_token import service_with
from tests.conftest import create_database
from tests.support.database.workload import Place
from tests.support.portal import Portal
from tests.support.servers.keycloak import Keycloak, serving
from tests.support.servers.subscriber import Subscriber

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(420)]

LIFE = 30.0  # seconds of a token
SLOWLY = 7.0  # seconds that the endpoint takes
AWAY = 60.0  # seconds for which it answers 503
RENEWALS = 2  # that are seen before it goes away, the first and one of a token in use
EVERY = 2.0  # seconds between two requests of clients
WORKERS = 2


@dataclass(kw_only=True)
class Realm(Keycloak):
    """A realm whose access tokens the portal accepts until they expire. A reused refresh token ends the session."""

    portal: SimulatedPortal
    mortal: dict[str, float] = field(default_factory=dict)

    def exchange(self, refresh_token: str) -> RenewedTokens | None:
        """Rotate, and let the portal accept the new token."""
        renewed = super().exchange(refresh_token)
        if renewed is not None and renewed.access_token is not None:
            self.mortal[renewed.access_token] = time.time() + renewed.expires_in
            self.portal.configure({"mortal_tokens": self.mortal})
        return renewed

    async def renewed(self, times: int) -> None:
        """Wait until `times` renewals have started."""
        while len(self.given) <= times:
            self.has_rotated.clear()
            await self.has_rotated.wait()


@dataclass(frozen=True)
class Scene:
    """The service, its portal and the endpoint."""

    place: Place
    realm: Realm
    simulated: SimulatedPortal


@pytest.fixture
async def scene(
    servers: Stack, session: aiohttp.ClientSession, subscriber: Subscriber, tmp_path: Path
) -> AsyncIterator[Scene]:
    app = create_portal("nobody-has-this-one", ())
    simulated: SimulatedPortal = app.state.portal
    realm = Realm(rotation="reuse kills", expires_in=LIFE, latency=SLOWLY, portal=simulated)
    async with running_portal(app) as origin, serving(realm) as token_url:
        portal, database_url = Portal(session, origin), await create_database(servers)
        credentials = {"PDPJ_REFRESH_TOKEN": "r0", "PDPJ_TOKEN_URL": token_url}
        async with service_with(
            servers, portal, tmp_path / "logs", database_url=database_url, **credentials
        ) as service:
            await asyncio.gather(*(service.add_worker() for _ in range(WORKERS)))
            objects = DataDirectory(servers.data_dir).objects
            yield Scene(Place(service, portal, subscriber, objects), realm, simulated)


async def ask(scene: Scene, numbers: Numbers, enough: asyncio.Event) -> list[str]:
    """Request one case after the other until `enough`, and return their numbers."""
    asked: list[str] = []
    async with asyncio.TaskGroup() as requests:
        while not enough.is_set():
            asked += numbers.take(1)
            await scene.place.put_cases(asked[-1:], DocumentSpec(count=3))
            requests.create_task(scene.place.request(asked[-1:]))
            await asyncio.sleep(EVERY)
    return asked


async def test_an_endpoint_that_is_slow_and_then_away_for_a_minute_fails_nothing(
    scene: Scene, numbers: Numbers, note: Callable[[str], None]
) -> None:
    enough = asyncio.Event()
    asking = asyncio.create_task(ask(scene, numbers, enough))

    await scene.realm.renewed(RENEWALS)
    scene.realm.is_down = True
    await asyncio.sleep(AWAY)
    # The last token has expired meanwhile, and jobs wait for the next one.
    (waiting,) = await scene.place.service.fetch(
        "SELECT count(*) FROM jobs WHERE postponed_reason LIKE 'the token could not be renewed: status 503'"
    )
    scene.realm.is_down = False
    await scene.realm.renewed(RENEWALS + 1)
    enough.set()
    asked = await asking

    assert waiting["count"] > 0
    await scene.place.ended(asked, timeout=180)
    figures = await scene.place.expect_all_done_once(asked)
    # Each refresh token was used once, in order: none was lost, and no new login is needed.
    assert scene.realm.is_usable
    refused = [each for each in scene.simulated.journal.entries if each.status == 401]
    note(f"{dict(figures)}, {len(scene.realm.given) - 1} renewals, {waiting['count']} jobs waited for the endpoint")
    assert refused == []
