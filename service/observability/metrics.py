"""What each process counts, in the format of Prometheus. No label ever holds a case number, an id or a URL.

Counters start at 0 with each process. What the database knows is the same for all processes: `service.api.metrics`
reads it at each scrape.
"""

import math
import time
from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from service.domain.errors import ErrorCode
from service.domain.version import VERSION

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_PORTAL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_QUEUE_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)


class Metrics:
    """The registry of one process, with the metrics that the API and the worker share. Created at the start."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge("autos_build_info", "The version of this process; always 1.", ["version"], registry=registry).labels(
            VERSION
        ).set(1)
        self.portal_calls = Counter(
            "autos_portal_calls",
            "Listings and documents asked of the portal, by what came of it in the end.",
            ["kind", "outcome"],
            registry=registry,
        )
        self.portal_answer_seconds = Histogram(
            "autos_portal_answer_seconds",
            "From a request to the first bytes of the portal's answer, without the wait for a place.",
            ["kind"],
            buckets=_PORTAL_SECONDS,
            registry=registry,
        )
        self._token_remaining = Gauge(
            "autos_portal_token_remaining_seconds",
            "How long the portal's token is still valid by what it says itself; NaN where that is not known.",
            ["source"],
            registry=registry,
        )
        self._connections = Gauge(
            "autos_database_connections", "Connections of this process's pool, by use.", ["state"], registry=registry
        )
        self._connections_limit = Gauge(
            "autos_database_connections_limit", "The most connections that the pool may open.", registry=registry
        )

    def watch_connections(self, *, idle: Callable[[], int], in_use: Callable[[], int], limit: int) -> None:
        """Show the pool's connections. The functions are called at each scrape."""
        self._connections.labels("idle").set_function(idle)
        self._connections.labels("in_use").set_function(in_use)
        self._connections_limit.set(limit)

    def watch_token(self, source: str, expires_at: Callable[[], float | None]) -> None:
        """Show how long the token is valid. `expires_at` is called at each scrape: seconds since the epoch."""
        self._token_remaining.labels(source).set_function(lambda: _remaining(expires_at()))

    def render(self) -> bytes:
        """All metrics in the text format."""
        return generate_latest(self.registry)


def _remaining(moment: float | None) -> float:
    return math.nan if moment is None else moment - time.time()


class ApiMetrics(Metrics):
    """What an API process counts."""

    def __init__(self) -> None:
        super().__init__()
        self.http_requests = Counter(
            "autos_http_requests",
            "Requests answered, by the template of their path.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.http_request_seconds = Histogram(
            "autos_http_request_seconds",
            "From the head of a request to the end of its answer.",
            ["method", "route"],
            buckets=_REQUEST_SECONDS,
            registry=self.registry,
        )


class WorkerMetrics(Metrics):
    """What a worker counts."""

    def __init__(self) -> None:
        super().__init__()
        counter = partial(Counter, registry=self.registry)
        #: `error_code` is empty for documents that are available.
        self.documents = counter("autos_documents", "Documents that were brought to an end.", ["outcome", "error_code"])
        self.transferred_bytes = counter(
            "autos_transferred_bytes",
            "Bytes of documents read from the portal: stored, or discarded because the attempt failed.",
            ["outcome"],
        )
        self.jobs_ended = counter("autos_jobs_ended", "Jobs that this worker ended.", ["status"])
        self.job_queue_seconds = Histogram(
            "autos_job_queue_seconds",
            "From the request to the first worker that took the job.",
            buckets=_QUEUE_SECONDS,
            registry=self.registry,
        )
        self.checks = counter("autos_checks", "Checks of watched cases: `listed`, or a failure's code.", ["outcome"])
        self.leases_lost = counter(
            "autos_leases_lost", "Jobs that were cancelled or taken over while they were worked on."
        )
        self.delivery_attempts = counter(
            "autos_delivery_attempts",
            "Attempts of webhook deliveries: how each ended, and what the delivery has come to.",
            ["outcome", "status"],
        )
        self.endpoints_switched_off = counter("autos_endpoints_switched_off", "Webhook endpoints that failed for days.")
        self.rung_again = counter("autos_rung_again", "Work that was due and that the sweep rang for again.", ["kind"])
        self.uploads_aborted = counter("autos_uploads_aborted", "Uploads that crashes had left open in the bucket.")
        self.objects_removed = counter("autos_objects_removed", "Objects of the bucket that nothing named any more.")
        self._start_at_zero()

    def _start_at_zero(self) -> None:
        # Prometheus' `increase` does not see a first count that creates its series.
        self.documents.labels("available", "")
        self.checks.labels("listed")
        for code in ErrorCode:
            self.documents.labels("failed", code)
