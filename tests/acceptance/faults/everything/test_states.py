"""Every interleaving of requests, refreshes, cancellations, crashes, retries and deliveries leaves a legal state."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from service.database.connection import Connection, create_database
from service.database.users import users
from service.domain.errors import ErrorCode
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus
from service.local.stack import Stack
from service.webhooks.signature import new_secret
from tests.conftest import create_database as create_empty
from tests.support.life import life_clients, life_deliveries, life_workers
from tests.support.life.life import ENDED, Life, Worker, World
from tests.support.life.life_clients import Asking
from tests.support.life.life_races import race
from tests.support.life.life_truths import Truths
from tests.support.numbers import process_numbers

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

USERS = 3
CONNECTIONS = 4  # two steps at a time, what they wait for, and one to spare
LISTED = st.lists(st.sampled_from(["a:1", "b:1", "c:1", "c:2"]), unique_by=lambda each: each[0], max_size=3)
WEBHOOK = st.sampled_from([None, "first", "second"])
USER = st.integers(0, USERS - 1)
ORIGINS = st.lists(st.sampled_from("abc"), unique=True, min_size=1, max_size=2) | st.none()
FAILURES = st.sampled_from([ErrorCode.PORTAL_ERROR, ErrorCode.NOTHING_TO_DOWNLOAD])
OUTCOME = st.none() | FAILURES
VERDICT = st.sampled_from([DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.SCHEDULED])

Running = Coroutine[Any, Any, object]
Step = Callable[[], Running]  # not begun: what hypothesis gives up while it draws is never run
DISTURBANCES: Mapping[str, Callable[[Life], Running]] = {
    "cancel": life_clients.cancel,
    "retry": life_clients.retry,
    "crash": life_workers.crash,
    "sweep": life_workers.sweep,
    "tidy": life_workers.tidy,
}
LISTING_STEPS: Mapping[str, Callable[[Life, Worker, Sequence[str]], Running]] = {
    "list": life_workers.list_again,
    "look": life_workers.look,
}
WORKER_STEPS: Mapping[str, Callable[[Life, Worker], Running]] = {
    "renew": life_workers.renew,
    "release": life_workers.release,
    "abandon": life_workers.abandon,
    "finish": life_workers.finish,
    "begin": life_workers.begin,
}


@pytest.fixture
async def empty_database(servers: Stack) -> str:
    """A database whose commits do not wait for the disk: its server does not crash."""
    url = await create_empty(servers)
    connection = await asyncpg.connect(url)
    await connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")
    await connection.close()
    return url


@pytest.fixture
def world(empty_database: str) -> Iterator[World]:
    """A world with its own loop: hypothesis calls the steps outside of a loop."""
    loop = asyncio.new_event_loop()
    database = create_database(empty_database, application_name="tests", max_size=CONNECTIONS)
    loop.run_until_complete(database.connect())
    nobody = World(loop, database, ())
    yield World(loop, database, tuple(nobody.run(add_user(nobody)) for _ in range(USERS)))
    loop.run_until_complete(database.close())
    loop.close()


async def add_user(world: World) -> UUID:
    async def create(connection: Connection) -> UUID:
        name = str(uuid4())
        return await users.create(connection, name=name, role="user", api_key=str(uuid4()), secret=new_secret())

    return await world.transact(create)


@pytest.mark.parametrize("examples", [50, pytest.param(400, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_every_interleaving_leaves_a_legal_state_and_comes_to_an_end(world: World, examples: int) -> None:
    numbers = process_numbers("404")

    class Machine(_Machine):
        def __init__(self) -> None:
            super().__init__(Life(world, ProcessNumber.parse(next(numbers))))

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class _Machine(RuleBasedStateMachine):
    """The steps as rules. The database refuses illegal arrows, which fails the example."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self.life = life
        self.truths = Truths(life)
        self.is_exact = True

    def run(self, *steps: Running) -> None:
        for step in steps:
            self.life.world.run(step)

    def asking(self, data: st.DataObject) -> Asking:
        user_id = self.life.world.users[data.draw(USER)]
        return Asking(user_id, data.draw(WEBHOOK), dies=data.draw(st.sampled_from([False] * 7 + [True])))

    def asked(self, data: st.DataObject) -> Step:
        """A request of some client."""
        asking, kind = self.asking(data), data.draw(st.sampled_from(["request", "one", "all", "lacking", "keep"]))
        if kind == "request":
            return partial(
                life_clients.request, self.life, asking, refresh=data.draw(st.booleans()), listed=data.draw(LISTED)
            )
        if kind == "one":
            return partial(life_clients.download, self.life, asking, data.draw(ORIGINS))
        if kind == "all":
            return partial(life_clients.download, self.life, asking, None)
        if kind == "lacking":
            return partial(life_clients.download_lacking, self.life, asking)
        return partial(life_clients.keep, self.life, asking, refresh=data.draw(st.booleans()))

    @initialize(data=st.data(), listed=LISTED)
    def begin(self, data: st.DataObject, listed: list[str]) -> None:
        """One request first: the other rules need one."""
        self.run(life_clients.request(self.life, self.asking(data), refresh=False, listed=listed))

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        self.run(self.asked(data)())

    def disturbed(self, data: st.DataObject) -> Step:
        """Events between a request and its end."""
        kind = data.draw(st.sampled_from(["withdraw", "cancel", "retry", "register", "crash", "sweep", "tidy"]))
        if kind == "withdraw":
            return partial(life_clients.withdraw, self.life, data.draw(USER))
        if kind == "register":
            return partial(life_clients.register, self.life, listed=data.draw(LISTED))
        return partial(DISTURBANCES[kind], self.life)

    @rule(data=st.data())
    def disturb(self, data: st.DataObject) -> None:
        self.run(self.disturbed(data)())

    def worker(self, data: st.DataObject) -> Worker:
        """A worker that believes it holds a lease."""
        return data.draw(st.sampled_from(self.life.workers[-3:]))

    @rule(data=st.data(), steps=st.integers(1, 6), listed=LISTED)
    def work(self, data: st.DataObject, steps: int, listed: list[str]) -> None:
        """A worker continues for some steps, or a new one claims the job."""
        if not self.life.workers or data.draw(st.integers(0, 3)) == 0:
            self.run(life_workers.claim(self.life))
        if self.life.workers:
            self.run(life_workers.go_on(self.life, self.worker(data), listed, steps=steps))

    def worked(self, data: st.DataObject) -> Step:
        """One statement of a worker, in any order."""
        worker, listed = self.worker(data), data.draw(LISTED)
        kinds = ["renew", "release", "list", "look", "abandon"]
        kinds += [] if worker.tasks is None or worker.flights else ["finish"]
        kinds += ["begin", "begin"] if worker.tasks else []
        kinds += ["mark"] * 4 if worker.flights else []
        kind = data.draw(st.sampled_from(kinds))
        if kind == "mark":
            flight, error = data.draw(st.sampled_from(worker.flights)), data.draw(OUTCOME)
            if flight.file is None and data.draw(st.booleans()):
                life_workers.store(self.life, worker, flight)
            # Each is marked once, however its task ends.
            worker.flights.remove(flight)
            return partial(life_workers.mark, self.life, worker, flight, error)
        if kind in LISTING_STEPS:
            return partial(LISTING_STEPS[kind], self.life, worker, listed)
        return partial(WORKER_STEPS[kind], self.life, worker)

    @precondition(lambda self: self.life.workers)
    @rule(data=st.data())
    def stumble(self, data: st.DataObject) -> None:
        self.run(self.worked(data)())

    @precondition(lambda self: self.life.workers)
    @rule(data=st.data())
    def race(self, data: st.DataObject) -> None:
        """A worker's statement and another worker's or client's at the same time."""
        ids = [row["id"] for row in self.life.world.run(self.life.documents())]
        ids += [flight.task.id for worker in self.life.workers for flight in worker.flights] * 2
        if not ids:
            return
        held = ("documents", data.draw(st.sampled_from(ids)))
        other = data.draw(st.sampled_from([self.asked, self.asked, self.worked, self.disturbed]))
        steps = self.worked(data), other(data)
        self.is_exact = False
        self.run(race(self.life, held, *steps))

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        kinds = ["claim", "lose_attempts", "resend", *(["record"] * 3 if self.life.attempts else [])]
        kind = data.draw(st.sampled_from(kinds))
        if kind == "record":
            delivery, status = data.draw(st.sampled_from(self.life.attempts[-3:])), data.draw(VERDICT)
            self.run(life_deliveries.record(self.life, delivery, status))
        else:
            self.run(getattr(life_deliveries, kind)(self.life))

    @invariant()
    def state_is_true(self) -> None:
        self.run(self.truths.check(exact=self.is_exact))
        self.is_exact = True

    def teardown(self) -> None:
        """Workers without faults finish everything: one event per job, every delivery closed."""
        life = self.life
        self.run(life_workers.work_to_the_end(life, ["a:1"]), self.truths.check())
        self.run(life_deliveries.deliver_to_the_end(life), self.truths.check())
        jobs, deliveries = life.world.run(life.jobs()), life.world.run(life.deliveries())
        assert {job["status"] for job in jobs} <= ENDED
        assert {delivery["status"] for delivery in deliveries} <= {"delivered", "failed"}
