"""Any interleaving of requests, refreshes, cancellations, crashes, retries and deliveries leaves a legal state."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from service.database import users
from service.database.connection import Connection, create_database
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus
from service.local.stack import Stack
from service.webhooks.signature import new_secret
from tests.conftest import create_database as create_empty
from tests.support.life import Life, World
from tests.support.numbers import process_numbers

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ENDED = {"completed", "failed", "cancelled"}
LISTED = st.lists(st.sampled_from(["a:1", "b:1", "c:1", "c:2"]), unique_by=lambda each: each[0], max_size=3)
WEBHOOK = st.sampled_from([None, "first", "second"])


@pytest.fixture
async def empty_database(servers: Stack) -> str:
    return await create_empty(servers)


@pytest.fixture
def world(empty_database: str) -> Iterator[World]:
    """In a loop of its own: hypothesis calls the steps from outside of any."""
    loop = asyncio.new_event_loop()
    database = create_database(empty_database, application_name="tests", max_size=2)
    loop.run_until_complete(database.connect())
    user_id = uuid4()

    async def add_user(connection: Connection) -> Any:
        return await users.create(connection, name="states", role="user", api_key=str(uuid4()), secret=new_secret())

    user_id = World(loop, database, user_id).run(add_user)
    yield World(loop, database, user_id)
    loop.run_until_complete(database.close())
    loop.close()


@pytest.mark.parametrize("examples", [15, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(400)])])
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
    """The steps as rules. An arrow that is not legal is an error of the database, and fails the example."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self.life = life
        self.stored: set[Any] = set()

    @rule(webhook=WEBHOOK, refresh=st.booleans(), listed=LISTED)
    def request(self, webhook: str | None, refresh: bool, listed: list[str]) -> None:
        self.life.request(webhook=webhook, refresh=refresh, listed=listed)

    @rule(webhook=WEBHOOK)
    def keep(self, webhook: str | None) -> None:
        self.life.keep(webhook=webhook)

    @rule()
    def cancel(self) -> None:
        self.life.cancel()

    @rule()
    def claim(self) -> None:
        self.life.claim()

    @rule()
    def crash(self) -> None:
        self.life.crash()

    @rule()
    def sweep(self) -> None:
        self.life.sweep()

    @precondition(lambda self: self.life.leases)
    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        """Whoever believes to hold a lease does something with it."""
        job = data.draw(st.sampled_from(self.life.leases[-3:]))
        step = data.draw(st.sampled_from(["renew", "release", "list", "download", "fail", "finish", "abandon"]))
        if step == "list":
            self.life.list_again(job, data.draw(LISTED))
        elif step in {"download", "fail"}:
            self.life.download(job, works=step == "download")
        else:
            {
                "renew": self.life.renew,
                "release": self.life.release,
                "finish": self.life.finish,
                "abandon": self.life.abandon,
            }[step](job)

    @rule()
    def claim_delivery(self) -> None:
        self.life.claim_delivery()

    @rule()
    def lose_attempts(self) -> None:
        self.life.lose_attempts()

    @rule()
    def resend(self) -> None:
        self.life.resend()

    @precondition(lambda self: self.life.attempts)
    @rule(data=st.data())
    def record(self, data: st.DataObject) -> None:
        delivery = data.draw(st.sampled_from(self.life.attempts[-3:]))
        status = data.draw(st.sampled_from([DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.SCHEDULED]))
        self.life.record(delivery, status)

    @invariant()
    def state_is_legal(self) -> None:
        jobs, documents, deliveries = self.life.jobs(), self.life.documents(), self.life.deliveries()
        active = {job["id"] for job in jobs if job["status"] not in ENDED}
        assert len(active) <= 1
        for job in jobs:
            assert job["events"] == (0 if job["id"] in active else 1), job
        for document in documents:
            assert document["status"] != "processing" or document["job_id"] in active, document
            assert document["status"] != "available" or document["storage_key"], document
        # What was stored stays, whatever a later attempt brings.
        stored = {document["id"] for document in documents if document["storage_key"]}
        assert self.stored <= stored
        self.stored = stored
        for delivery in deliveries:
            assert (delivery["status"] == "waiting") == (delivery["job_id"] in active), delivery
            assert delivery["status"] not in {"delivered", "failed"} or delivery["attempts_made"] > 0, delivery

    def teardown(self) -> None:
        """Workers that work bring everything to its end: one event per job, every delivery closed."""
        life = self.life
        life.crash()
        life.leases.clear()
        life.claim()
        for job in life.leases:
            life.list_again(job, ["a:1"])
            while life.download(job, works=True):
                pass
            life.finish(job)
        life.lose_attempts()
        life.attempts.clear()
        while life.claim_delivery():
            life.record(life.attempts[-1], DeliveryStatus.DELIVERED)
            life.lose_attempts()
        assert all(job["status"] in ENDED and job["events"] == 1 for job in life.jobs())
        assert all(delivery["status"] in {"delivered", "failed"} for delivery in life.deliveries())
