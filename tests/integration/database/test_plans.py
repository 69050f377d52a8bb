"""The pages read for a request do not grow with the number of cases: no table is read completely."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from service.database import retention, workload
from service.database.cases import (
    case_data,
    case_facts,
    changed_cases,
    document_windows,
    documents,
    news,
    process_lists,
    processes,
)
from service.database.cases.process_lists import ProcessFilter, ProcessSearch
from service.database.connection import Connection, Database, create_database
from service.database.deliveries import deliveries, delivery_history, endpoint_list, overdue
from service.database.deliveries.delivery_history import DeliveryFilter
from service.database.jobs import idle_jobs, job_alerts, job_history, job_retention, jobs, turns
from service.database.jobs.job_alerts import Topic
from service.database.jobs.job_history import JobFilter
from service.database.jobs.turns import Claimer
from service.database.monitors import monitors, watches
from service.database.monitors.monitors import MonitorFilter
from service.database.users import users
from service.domain.jobs import ClaimedJob
from service.domain.monitoring.monitors import MonitorStatus
from service.domain.positions import Position
from service.domain.statuses import DeliveryStatus, JobStatus, ProcessStatus
from service.local.stack import Stack
from service.webhooks.signature import new_secret
from tests.conftest import create_database as create_empty
from tests.support.database.generic_plans import explained as explained_by
from tests.support.database.many_cases import add_cases, number_of
from tests.support.database.plans import Explained

CASES = 20_000
LIMIT = 20  # rows of a page
ROWS_MAX = 500  # looked at by one statement; a table that is read whole has `CASES` at least
TABLES = {
    *("processes", "jobs", "job_users", "documents", "events", "deliveries"),
    *("case_data", "parties", "movements", "monitors", "watches"),
}
PLACE = 10_000  # in the middle of every list
CLAIMS = {"that was asked for": watches.CLAIM_REQUESTED, "that is due": watches.CLAIM_DUE}
Ask = Callable[[Connection, UUID], Awaitable[object]]


@pytest.fixture(scope="module")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A database with many cases."""
    pool = create_database(await create_empty(stack), application_name="tests", max_size=2)
    await pool.connect()
    async with pool.transaction() as connection:
        owner = await users.create(connection, name="plans", role="user", api_key=str(uuid4()), secret=new_secret())
        await add_cases(connection, owner, first=1, last=CASES, documents=1)
        # The oldest: a list that starts at the newest one has to pass all others.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "UPDATE deliveries SET status = CASE WHEN random() < 0.5 THEN 'failed' ELSE 'cancelled' END"
            " WHERE id IN (SELECT id FROM deliveries ORDER BY created_at LIMIT 100)"
        )
    async with pool.connection() as connection:
        await connection.execute("ANALYZE")
    yield pool
    await pool.close()


def listed(**wanted: Any) -> Ask:
    """A page of the list of cases."""
    return lambda connection, _owner: process_lists.page(connection, ProcessFilter(**wanted), after=None, limit=LIMIT)


def listed_from_the_middle(connection: Connection, _owner: UUID) -> Awaitable[object]:
    """A page in the middle of the list."""
    after = Position(datetime.now(UTC) - timedelta(minutes=PLACE), number_of(PLACE).digits)
    return process_lists.page(connection, ProcessFilter(), after=after, limit=LIMIT)


def searched(**wanted: Any) -> Ask:
    """A page of the cases that a person looks for."""
    return lambda connection, _owner: process_lists.search(connection, ProcessSearch(**wanted), after=None, limit=LIMIT)


def movements_of(**wanted: Any) -> Ask:
    """A page of the movements of a case."""
    return lambda connection, _owner: case_data.movements_page(connection, number_of(PLACE), limit=LIMIT, **wanted)


def jobs_of(*, own: bool = False, **wanted: Any) -> Ask:
    """A page of the list of jobs."""
    return lambda connection, owner: job_history.page(
        connection, JobFilter(user_id=owner if own else None, **wanted), limit=LIMIT
    )


def deliveries_of(*, own: bool = False, **wanted: Any) -> Ask:
    """A page of the list of deliveries."""
    return lambda connection, owner: delivery_history.page(
        connection, DeliveryFilter(user_id=owner if own else None, **wanted), after=None, limit=LIMIT
    )


def untold(topic: Topic) -> Ask:
    """The failures that a target of the alerts did not get yet."""
    recently = datetime.now(UTC) - timedelta(hours=1)
    return lambda connection, _owner: job_alerts.read(
        connection, topic, (recently, UUID(int=0)), limit=job_alerts.ALERT_BATCH
    )


def watched(**wanted: Any) -> Ask:
    """A page of the list of monitors."""
    return lambda connection, owner: monitors.page(connection, owner, MonitorFilter(**wanted), after=None, limit=LIMIT)


JOB = ClaimedJob(
    id=uuid4(),
    number=number_of(PLACE),
    lease=uuid4(),
    refresh=False,
    request_id="r",
    listing_failures=0,
    age=timedelta(0),
    is_first=True,
)


def next_check(claim: str) -> Ask:
    """A claim of a check, within the lock of the pace."""
    values = {"lease": uuid4(), "term": watches.CHECK_LEASE, "at_once": 5}
    return lambda connection, _owner: connection.fetch_one(claim, values)


QUESTIONS: dict[str, Ask] = {
    "status: the case": lambda connection, owner: processes.overview(connection, number_of(PLACE), owner),
    "status: its documents": lambda connection, _owner: documents.of_process(connection, number_of(PLACE)),
    "files": lambda connection, _owner: documents.page(connection, number_of(PLACE), after=(), limit=LIMIT),
    "movements": movements_of(),
    "movements, of an instance": movements_of(instance="PRIMEIRO_GRAU"),
    "movements, since": movements_of(since=datetime.now(UTC) - timedelta(days=1)),
    "movements, the next page": movements_of(after=uuid4()),
    "parties": lambda connection, _owner: case_data.parties_page(connection, number_of(PLACE), limit=LIMIT),
    "parties, the next page": lambda connection, _owner: case_data.parties_page(
        connection, number_of(PLACE), after=10, limit=LIMIT
    ),
    "main entry: the case as data": lambda connection, _owner: case_facts.find(connection, number_of(PLACE)),
    "main entry: is it complete": lambda connection, _owner: processes.completeness(connection, number_of(PLACE)),
    "search": lambda connection, _owner: processes.overviews(connection, [number_of(PLACE), number_of(PLACE + 1)]),
    "worker: its documents": lambda connection, _owner: documents.tasks_of_job(connection, uuid4()),
    "worker: did the job get anywhere": lambda connection, _owner: idle_jobs.got_nowhere(
        connection, JOB, within=timedelta(hours=1)
    ),
    "list": listed(),
    "list, from the middle": listed_from_the_middle,
    "list, of a court": listed(court="TRF3"),
    **{f"list, {status}": listed(status=status) for status in ProcessStatus},
    "list, with documents": listed(has_documents=True),
    "list, without documents": listed(has_documents=False),
    "list, by change": listed(updated_since=datetime.now(UTC) - timedelta(minutes=PLACE)),
    "pages: cases by number": searched(digits=number_of(PLACE).digits[:9]),
    "pages: documents of a window": lambda connection, _owner: document_windows.window(
        connection, number_of(PLACE), skipped=0, limit=LIMIT
    ),
    "pages: counts": lambda connection, _owner: process_lists.counts_of(
        connection, [number_of(PLACE + place) for place in range(LIMIT)]
    ),
    "pages: failed deliveries": lambda connection, owner: deliveries.count_failed(
        connection, since=datetime.now(UTC) - timedelta(days=60), user_id=owner
    ),
    "listeners: what changed": lambda connection, _owner: changed_cases.changed_since(connection, datetime.now(UTC)),
    "listeners: what workers are at": lambda connection, _owner: changed_cases.in_work(connection),
    "jobs": jobs_of(),
    "jobs, one user's": jobs_of(own=True),
    **{f"jobs, {status}": jobs_of(status=status) for status in JobStatus},
    "jobs, of a case": jobs_of(process_number=number_of(PLACE)),
    "deliveries": deliveries_of(),
    "deliveries, one user's": deliveries_of(own=True),
    **{f"deliveries, {status}": deliveries_of(status=status) for status in DeliveryStatus},
    "deliveries, of an endpoint": deliveries_of(endpoint_id=uuid4()),
    "deliveries, one user's, of an endpoint": deliveries_of(own=True, endpoint_id=uuid4()),
    "deliveries, of an endpoint, failed": deliveries_of(endpoint_id=uuid4(), status=DeliveryStatus.FAILED),
    "endpoints": lambda connection, _owner: endpoint_list.page(connection, user_id=None, after=None, limit=LIMIT),
    "endpoints, one user's": lambda connection, owner: endpoint_list.page(
        connection, user_id=owner, after=None, limit=LIMIT
    ),
    **{f"deliveries, one user's, {status}": deliveries_of(own=True, status=status) for status in DeliveryStatus},
    "deliveries, of a job": deliveries_of(job_id=uuid4()),
    "deliveries, of a host": deliveries_of(host="hooks.example"),
    "deliveries, of a host without any": deliveries_of(host="none.example"),
    "deliveries, one user's, of a host without any": deliveries_of(own=True, host="none.example"),
    "deliveries, of a case": deliveries_of(process_number=number_of(PLACE).digits),
    "deliveries, since": deliveries_of(since=datetime.now(UTC) - timedelta(minutes=30)),
    "monitors": watched(),
    **{f"monitors, {status}": watched(status=status) for status in MonitorStatus},
    "monitors, by change": watched(changed_since=datetime.now(UTC) - timedelta(minutes=PLACE)),
    "monitors, failing, by change": watched(
        status=MonitorStatus.FAILING, changed_since=datetime.now(UTC) - timedelta(minutes=PLACE)
    ),
    "monitors: one": lambda connection, owner: monitors.find(connection, number_of(PLACE), owner),
    "sweep: jobs of workers that are gone": lambda connection, _owner: jobs.release_expired(connection, limit=200),
    "sweep: jobs that were put off": lambda connection, _owner: jobs.release_delayed(connection, limit=200),
    "sweep: turns": lambda connection, _owner: turns.tidy(connection),
    "worker: the next job": lambda connection, _owner: turns.claim_next(
        connection, Claimer(uuid4(), 10, 5, wants_more=True)
    ),
    "worker: whether a case is to be checked": lambda connection, _owner: watches.has_work(connection),
    **{f"worker: the next check, {name}": next_check(claim) for name, claim in CLAIMS.items()},
    "sweep: checks of workers that are gone": lambda connection, _owner: watches.release_expired(connection, limit=200),
    "watchers: what is new": lambda connection, _owner: news.tell_watchers(connection, number_of(PLACE), limit=500),
    "watchers: what is to be downloaded": lambda connection, _owner: news.download_news(
        connection, number_of(PLACE), request_id="test"
    ),
    "sweep: deliveries": lambda connection, _owner: overdue.take_overdue(connection),
    **{f"alerts: {topic}": untold(topic) for topic in Topic},
    "retention: deliveries": lambda connection, _owner: retention.remove_deliveries(
        connection, older_than=timedelta(minutes=CASES - LIMIT)
    ),
    "retention: events": lambda connection, _owner: retention.remove_events(
        connection, older_than=timedelta(minutes=CASES - LIMIT), after=None
    ),
    "retention: hosts": lambda connection, _owner: retention.forget_hosts(connection, older_than=timedelta(days=90)),
    "retention: jobs": lambda connection, _owner: job_retention.remove_unneeded(
        connection, [uuid4() for _ in range(LIMIT)], timedelta(days=1)
    ),
    "metrics: jobs": lambda connection, _owner: workload.open_jobs(connection),
    "metrics: deliveries": lambda connection, _owner: workload.open_deliveries(connection),
    "metrics: checks": lambda connection, _owner: workload.open_checks(connection),
}


@pytest.mark.parametrize("is_generic", [False, True], ids=["", "generic plan"])
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
async def test_what_is_read_does_not_grow_with_the_number_of_cases(
    database: Database, question: Ask, is_generic: bool
) -> None:
    async with database.connection() as connection:
        owner = await connection.fetch_val("SELECT id FROM users")
        explained = explained_by(connection, is_generic=is_generic)

        await question(cast(Connection, explained), owner)

    assert explained.plans
    assert [plan.tables_read_whole & TABLES for plan in explained.plans] == [set()] * len(explained.plans)
    assert max(plan.rows for plan in explained.plans) <= ROWS_MAX


async def test_a_table_that_is_read_whole_is_noticed(database: Database) -> None:
    async with database.connection() as connection:
        explained = Explained(connection)

        await explained.fetch_all("SELECT number FROM processes WHERE subject = 'none'")

    assert (explained.plans[0].tables_read_whole, explained.plans[0].rows) == ({"processes"}, CASES)
