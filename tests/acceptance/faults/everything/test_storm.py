"""Many clients at once, while servers and processes fail at random. Afterwards nothing is lost or untrue."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable

import pytest

from service.domain.users import Role
from service.local.stack import Stack
from tests.acceptance.faults.conftest import Numbers, Wires
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.life import storm_verdict
from tests.support.life.storm import Member, Wind
from tests.support.life.storm_clients import Client, MoodySubscriber, Told, put_cases, spoil
from tests.support.portal import Portal
from tests.support.processes import free_port, start_api, start_worker
from tests.support.servers.subscriber import running_subscriber
from tests.support.service import Service

#: Duration in seconds. `STORM_SECONDS=45` runs a short storm, `STORM_SEED` repeats one.
SECONDS = int(os.environ.get("STORM_SECONDS", "600"))
SEED = int(os.environ.get("STORM_SEED", "0")) or random.randrange(1_000_000)  # noqa: S311  (moments, not secrets)
CALM = 300  # seconds in which everything that is open must end
CASES = 12
USERS: tuple[tuple[str, Role], ...] = (("first", "user"), ("second", "user"), ("third", "user"), ("admin", "admin"))
PLACES = 6  # at the portal; fewer than what is wanted
LISTINGS = 2 * PLACES  # of two API processes
PATIENT = "0,1,1,1,2,2,2,4,4,4,4,4,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8,8"  # no subscriber is given up

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(SECONDS + CALM + 240)]


@pytest.fixture
async def subscriber() -> AsyncIterator[MoodySubscriber]:
    """A subscriber that often fails, instead of the one of the other tests."""
    moody = MoodySubscriber(random.Random(SEED))  # noqa: S311  (moods, not secrets)
    async with running_subscriber(moody):
        yield moody


@pytest.fixture
async def wind(servers: Stack, wires: Wires, service: Service) -> AsyncIterator[Wind]:
    """Two API processes and three workers, without faults yet."""
    portal = Portal(service.api.session, (servers.endpoints.portal_url or "").removesuffix("/api/v2"))
    chance = random.Random(SEED)  # noqa: S311  (moments, not secrets)
    service.environment = {**service.environment, "WEBHOOK_RETRY_DELAYS": PATIENT, "PDPJ_MAX_CONCURRENCY": str(PLACES)}
    first = service.apis.pop()
    await first.stop()
    for statement in storm_verdict.WATCH:
        await service.fetch(statement)
    wind = Wind(service, servers, portal, wires.postgres, wires.s3, chance)
    wind.members += [await start(service, "api", place) for place in range(2)]
    wind.members += [await start(service, "worker", place) for place in range(3)]
    yield wind
    await portal.reset()


async def start(service: Service, kind: str, place: int) -> Member:
    """Start one of the processes. It can be started again with the same environment and log."""
    environment, log = {**service.environment, "PORT": str(free_port())}, service.logs / f"storm-{kind}-{place}.log"
    if kind == "api":
        service.apis.append(await start_api(environment, log))
    else:
        service.workers.append(await start_worker(environment, log))
    return Member(kind, service.apis[-1] if kind == "api" else service.workers[-1], environment, log)


async def clients(wind: Wind, subscriber: MoodySubscriber, told: Told, cases: list[str]) -> list[Client]:
    """Two clients of each user."""
    async with open_pool(wind.service.database_url) as database:
        keys = {name: (await add_user(database, role=role))[1] for name, role in USERS}
    return [
        Client(wind, subscriber, told, name=name, key=key, cases=cases) for name, key in keys.items() for _ in range(2)
    ]


async def until_it_is_over(wind: Wind, subscriber: MoodySubscriber, told: Told, cases: list[str]) -> None:
    """Faults for a while, then none until everything has ended."""
    everybody = await clients(wind, subscriber, told, cases)
    until = time.monotonic() + SECONDS
    await asyncio.gather(
        wind.blow(until), spoil(wind.portal, wind.random, cases, until), *(each.work(until) for each in everybody)
    )
    await wind.calm()
    subscriber.is_calm = True
    for number in cases:
        await wind.portal.fail_document(number, "*")
        await wind.portal.fail_listing(number)


async def test_nothing_is_lost_and_nothing_untrue_is_told_in_a_storm(
    wind: Wind, subscriber: MoodySubscriber, servers: Stack, numbers: Numbers, note: Callable[[str], None]
) -> None:
    cases, told = numbers.take(CASES), Told()
    await wind.portal.configure(renders=True, latency_binary_ms=60, latency_listing_ms=60)
    await put_cases(wind.portal, wind.random, cases)
    await wind.portal.forget_requests()
    await until_it_is_over(wind, subscriber, told, cases)

    begin = time.monotonic()
    still_open = await storm_verdict.until_all_ended(wind.service, timeout=CALM)
    waited = time.monotonic() - begin

    journal = await wind.portal.journal()
    wrong = await storm_verdict.everything_wrong(wind.service, servers, told, subscriber)
    figures = await storm_verdict.figures(wind.service)
    note(
        f"{SECONDS} s, seed {SEED}: {dict(wind.blown)}; answers {dict(told.answers)}; {figures}; calm after"
        f" {waited:.0f} s; at most {journal['max_documents_in_flight']} documents and {journal['max_in_flight']}"
        " requests at the portal"
    )
    wrong = [*still_open[:5], *wrong]
    assert not wrong, "\n".join([f"seed {SEED}", *wrong])
    assert journal["max_documents_in_flight"] <= PLACES, journal["longest_documents_in_flight"]
    assert journal["max_in_flight"] <= PLACES + LISTINGS
