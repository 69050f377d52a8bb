"""`/metrics` for operators, in the format of Prometheus.

It has what this process counted, and what the database knows at the time of the request, which is the same in all API
processes. A worker shows what it counted on a port of its own.
"""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.responses import Response

from service.api.framework.operations import Reply, Tag, public
from service.api.framework.state import ApiRequest
from service.database import dependencies, workload
from service.database.access import DatabaseAccess
from service.database.connection import UNREACHABLE
from service.database.portal import portal_slots, portal_state
from service.database.workload import OpenChecks, OpenDeliveries, OpenJobs
from service.domain.dependencies import Dependency, Health
from service.health.readiness import OK, Readiness
from service.http.problems import Problem
from service.observability.metrics import ApiMetrics

DATABASE_TIMEOUT = 4.0  # seconds for the database; a scrape is given up after 10


@public("metrics_show", Tag.OPERATIONS, Reply(200, "The metrics.", media_type="text/plain"), problems=("not_found",))
async def show(request: ApiRequest) -> Response:
    """The metrics, in the format of Prometheus.

    404 if they are switched off or served on another port.
    """
    state = request.state
    if not state["options"].shows_metrics:
        raise Problem("not_found", "The metrics are not shown here.")
    body = await exposition(state["metrics"], state["database"], state["readiness"], state["portal_credential"])
    return Response(body, media_type=CONTENT_TYPE_LATEST)


async def exposition(metrics: ApiMetrics, database: DatabaseAccess, readiness: Readiness, credential: str) -> bytes:
    """The text of all metrics. Without the database `autos_database_up` is 0, and what it knows is absent."""
    registry = CollectorRegistry()
    found, _ = await asyncio.gather(readiness.look(), _show_database(registry, database, credential))
    Gauge("autos_redis_up", "Whether Redis answered this question.", registry=registry).set(found.redis == OK)
    Gauge("autos_bucket_up", "Whether the bucket answered this question.", registry=registry).set(found.is_bucket_there)
    return metrics.render() + generate_latest(registry)


async def _show_database(registry: CollectorRegistry, database: DatabaseAccess, credential: str) -> None:
    is_up = Gauge("autos_database_up", "Whether the database answered this question.", registry=registry)
    try:
        async with asyncio.timeout(DATABASE_TIMEOUT), database.connection() as connection:
            jobs = await workload.open_jobs(connection)
            deliveries = await workload.open_deliveries(connection)
            checks = await workload.open_checks(connection)
            refused_since = await portal_state.refused_since(connection, credential)
            health = await dependencies.look(connection)
            workers = await portal_slots.count_workers(connection)
    except UNREACHABLE:
        is_up.set(0)
    else:
        is_up.set(1)
        _show_work(registry, jobs, deliveries)
        _show_checks(registry, checks)
        refused = Gauge("autos_portal_token_refused", "Whether the portal refuses the token.", registry=registry)
        refused.set(refused_since is not None)
        _show_health(registry, health)
        Gauge("autos_workers", "Workers that live.", registry=registry).set(workers)


def _show_health(registry: CollectorRegistry, health: dict[Dependency, Health]) -> None:
    failing = Gauge(
        "autos_dependency_failing_seconds",
        "From the first to the last failure without a success between, by what all processes met; 0 where it works.",
        ["dependency"],
        registry=registry,
    )
    for name, each in health.items():
        failing.labels(name).set(each.failing_seconds)


def _show_work(registry: CollectorRegistry, jobs: OpenJobs, deliveries: OpenDeliveries) -> None:
    by_status = Gauge("autos_jobs", "Jobs that have not ended, by status.", ["status"], registry=registry)
    by_status.labels("pending").set(jobs.pending)
    by_status.labels("processing").set(jobs.processing)
    Gauge("autos_oldest_waiting_job_seconds", "Since the request of the oldest pending job.", registry=registry).set(
        jobs.oldest_waiting
    )
    by_status = Gauge(
        "autos_deliveries", "Deliveries that have not succeeded, by status.", ["status"], registry=registry
    )
    by_status.labels("waiting").set(deliveries.waiting)
    by_status.labels("scheduled").set(deliveries.scheduled)
    by_status.labels("failed").set(deliveries.failed)
    Gauge("autos_oldest_due_delivery_seconds", "How late the most overdue delivery is.", registry=registry).set(
        deliveries.oldest_due
    )


def _show_checks(registry: CollectorRegistry, checks: OpenChecks) -> None:
    by_state = Gauge(
        "autos_watches", "Watched cases whose check is due, or has failed for days.", ["state"], registry=registry
    )
    by_state.labels("due").set(checks.due)
    by_state.labels("failing").set(checks.failing)
    Gauge("autos_oldest_due_check_seconds", "How late the most overdue check is.", registry=registry).set(
        checks.oldest_due
    )
