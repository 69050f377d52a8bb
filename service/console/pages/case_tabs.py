"""The other parts of a case: movements, parties, jobs, webhooks."""

from collections.abc import Sequence

import msgspec

from service.console.case_requests import case_path, number_of
from service.console.framework.declarations import page
from service.console.framework.visits import Visit
from service.console.pages.case import read_facts
from service.console.views.case_heads import CaseHead, case_head
from service.console.views.deliveries import DeliveryLine, delivery_line
from service.console.views.jobs import JobLine, job_line
from service.console.views.lists import query_of, uuid_of
from service.database.cases import case_data
from service.database.cases.case_data import StoredMovement
from service.database.deliveries import delivery_history
from service.database.deliveries.delivery_history import DeliveryFilter
from service.database.jobs import job_history
from service.database.jobs.job_history import JobFilter
from service.domain.case_data import Party

MOVEMENTS_SHOWN = 100  # on a page
PARTIES_SHOWN = 200  # on a page
WORK_SHOWN = 50  # jobs or deliveries of one case, the newest


class MovementsView(msgspec.Struct, frozen=True):
    """A case with its movements, the newest first."""

    head: CaseHead
    movements: Sequence[StoredMovement]
    instance: str
    instances: Sequence[str]
    first_path: str | None  #: None on the first page
    next_path: str | None


class PartiesView(msgspec.Struct, frozen=True):
    """A case with its parties."""

    head: CaseHead
    parties: Sequence[Party]
    next_path: str | None


class CaseJobsView(msgspec.Struct, frozen=True):
    """A case with the jobs that the user may see."""

    head: CaseHead
    jobs: Sequence[JobLine]


class CaseWebhooksView(msgspec.Struct, frozen=True):
    """A case with the deliveries that the user may see."""

    head: CaseHead
    deliveries: Sequence[DeliveryLine]


@page("case_movements.html")
async def movements(visit: Visit) -> MovementsView:
    """The movements."""
    number, instance = number_of(visit), visit.query("instance")
    after = uuid_of(visit.query("after"))
    async with visit.state["database"].connection() as connection:
        facts = await read_facts(connection, visit, number)
        found = await case_data.movements_page(
            connection, number, instance=instance or None, after=after, limit=MOVEMENTS_SHOWN + 1
        )
    rows, path = found[:MOVEMENTS_SHOWN], case_path(number, "/movements")
    has_more = len(found) > MOVEMENTS_SHOWN
    return MovementsView(
        case_head(facts, "movements"),
        rows,
        instance,
        [each.instance for each in facts.data.instances] if facts.data is not None else [],
        query_of(path, instance=instance) if after is not None else None,
        query_of(path, instance=instance, after=str(rows[-1].id)) if has_more else None,
    )


@page("case_parties.html")
async def parties(visit: Visit) -> PartiesView:
    """The parties, in the order of the portal."""
    number, given = number_of(visit), visit.query("after")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 9 else None
    async with visit.state["database"].connection() as connection:
        facts = await read_facts(connection, visit, number)
        found = await case_data.parties_page(connection, number, after=after, limit=PARTIES_SHOWN + 1)
    rows = found[:PARTIES_SHOWN]
    last = str(rows[-1][0]) if len(found) > PARTIES_SHOWN else None
    next_path = None if last is None else query_of(case_path(number, "/parties"), after=last)
    return PartiesView(case_head(facts, "parties"), [party for _position, party in rows], next_path)


@page("case_jobs.html")
async def jobs(visit: Visit) -> CaseJobsView:
    """The jobs, the newest first."""
    number = number_of(visit)
    async with visit.state["database"].connection() as connection:
        facts = await read_facts(connection, visit, number)
        found = await job_history.page(connection, JobFilter(visit.owner, process_number=number), limit=WORK_SHOWN)
    return CaseJobsView(case_head(facts, "jobs"), [job_line(job) for job in found])


@page("case_webhooks.html")
async def webhooks(visit: Visit) -> CaseWebhooksView:
    """The deliveries, the newest first."""
    number = number_of(visit)
    async with visit.state["database"].connection() as connection:
        facts = await read_facts(connection, visit, number)
        wanted = DeliveryFilter(visit.owner, process_number=number.digits)
        found = await delivery_history.page(connection, wanted, after=None, limit=WORK_SHOWN)
    return CaseWebhooksView(case_head(facts, "webhooks"), [delivery_line(row) for row in found])
