"""`/metrics`: what operators watch, in the format of Prometheus, counted in the database at the moment of the question.

Any API process answers for the whole service, so one of them is enough to scrape.
"""

from collections.abc import Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.responses import Response

from service.api.operations import Reply, public
from service.api.state import ApiRequest
from service.database import delivery_history


@public(Reply(200, "The metrics.", media_type="text/plain"))
async def show(request: ApiRequest) -> Response:
    """Deliveries that wait, are scheduled or were given up, and how late the oldest one is."""
    async with request.state["database"].connection() as connection:
        counts = await delivery_history.open_counts(connection)
        overdue = await delivery_history.oldest_overdue(connection)
    return Response(_render(counts, overdue), media_type=CONTENT_TYPE_LATEST)


def _render(counts: Mapping[str, int], overdue: float) -> bytes:
    registry = CollectorRegistry()
    deliveries = Gauge(
        "autos_deliveries", "Deliveries that have not succeeded, by status.", ["status"], registry=registry
    )
    for status in ("waiting", "scheduled", "failed"):
        deliveries.labels(status).set(counts.get(status, 0))
    oldest = Gauge(
        "autos_oldest_due_delivery_seconds",
        "How late the most overdue delivery is.",
        registry=registry,
    )
    oldest.set(overdue)
    return generate_latest(registry)
