"""Statements lock documents in one order, and a transaction with a deadlock runs again."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import pytest

from service.database.cases import documents
from service.database.connection import TRANSACTION_CONFLICTS, TRANSACTION_TRIES, UNREACHABLE, Connection
from service.domain.documents import StoredFile
from tests.support.database.case_steps import CaseSteps, listed
from tests.support.database.locks import holding, until_somebody_waits

TWO = [listed("a"), listed("b")]


async def test_statements_that_lock_documents_wait_for_each_other_in_one_order(steps: CaseSteps) -> None:
    """Each document is locked in turn: a statement that waits for one holds none that comes after it."""
    found = [listed(origin) for origin in "abcdefgh"]
    await steps.register(*found)
    await steps.complete()
    await steps.download(*"abcdefgh")
    job = await steps.claim()
    tasks = sorted((await steps.tasks(job)).values(), key=lambda task: task.id)
    for task in tasks:
        await steps.start(job, task)
    ids = [task.id for task in tasks]
    number, last, first = steps.number, tasks[-1], tasks[0]
    file = StoredFile("k", 1, "0" * 64, "text/plain")
    written = {
        "end and begin": lambda connection: documents.mark_available(
            connection, last.id, job.lease, file, revision=last.revision, attempts=1, following=first.id
        ),
        "left over": lambda connection: documents.lock_left_over(connection, job.id),
        "assign": lambda connection: documents.assign(connection, number, ids[::-1], uuid4(), waiting=True),
        "join": lambda connection: documents.join_job(connection, number, uuid4()),
        "lock": lambda connection: documents.lock_all(connection, number),
    }
    for name, statement in written.items():
        assert await held_while_waiting(steps, statement, ids[0]) == [], name


async def held_while_waiting(
    steps: CaseSteps, statement: Callable[[Connection], Awaitable[object]], first: UUID
) -> list[UUID]:
    """The documents that a statement has locked while it waits for the first one."""
    async with holding(steps, lambda connection: lock(connection, [first])):
        waiting = asyncio.create_task(swallow(steps, statement))
        await until_somebody_waits(steps)
        rows = await steps.fetch(
            "SELECT id FROM documents WHERE process_number = :number AND id <> :first"
            " AND id NOT IN (SELECT id FROM documents WHERE process_number = :number FOR UPDATE SKIP LOCKED)",
            first=first,
        )
    await waiting
    return [row["id"] for row in rows]


async def swallow(steps: CaseSteps, statement: Callable[[Connection], Awaitable[object]]) -> None:
    """Ignore the refusal of a job that does not exist: it comes after the locks."""

    class Undone(Exception):
        pass

    async def step(connection: Connection) -> None:
        await statement(connection)
        raise Undone

    with pytest.raises((Undone, asyncpg.ForeignKeyViolationError)):
        await steps.run(step)


async def lock(connection: Connection, ids: list[UUID]) -> None:
    await connection.fetch_all("SELECT 1 FROM documents WHERE id = ANY(:ids) FOR UPDATE", {"ids": ids})


async def test_a_transaction_that_met_a_deadlock_runs_again(steps: CaseSteps) -> None:
    await steps.register(*TWO)
    ids = [row["id"] for row in (await steps.documents()).values()]
    both_have_one = asyncio.Barrier(2)
    tries = 0

    def crossing(order: list[UUID]) -> Callable[[Connection], Awaitable[None]]:
        is_first = True

        async def step(connection: Connection) -> None:
            nonlocal is_first, tries
            tries += 1
            await lock(connection, order[:1])
            if is_first:
                is_first = False
                await both_have_one.wait()
            await lock(connection, order[1:])

        return step

    await asyncio.gather(*(steps.database.run(crossing(order)) for order in (ids, ids[::-1])))

    assert tries == 3


@pytest.mark.parametrize("error", TRANSACTION_CONFLICTS)
async def test_what_never_succeeds_ends_as_a_database_that_is_away(
    steps: CaseSteps, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.database.connection.AGAIN_AFTER", 0.0)
    tries = 0

    async def step(_connection: Connection) -> None:
        nonlocal tries
        tries += 1
        raise error

    with pytest.raises(UNREACHABLE):
        await steps.database.ask(step)

    assert tries == TRANSACTION_TRIES
