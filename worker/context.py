"""The dependencies of the tasks: opened once at startup, passed as an argument."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from service.database.connection import Database
from service.domain.monitoring.check_times import ALL_DAY, CheckHours
from service.health.dependency_notes import DependencyNotes
from service.observability.metrics import WorkerMetrics
from service.portal.client import PortalClient
from service.portal_access.slots import PortalShare
from service.queue.task_queue import TaskQueue
from service.storage.object_store import ObjectStore
from service.webhooks.client import GuardedClient
from worker.loops.alerts import Alerts
from worker.shutdown import Shutdown


@dataclass(frozen=True)
class Limits:
    """The limits that the settings set for the tasks."""

    download_concurrency: int  #: documents of one job at a time
    download_attempts: int  #: for one document
    download_max_bytes: int
    webhook_timeout: timedelta
    webhook_retry_delays: tuple[timedelta, ...]
    webhook_max_documents: int
    checks_at_once: int = 5  #: of watched cases, over all workers
    check_hours: CheckHours = ALL_DAY


@dataclass(frozen=True)
class Context:
    """The dependencies of every task."""

    database: Database
    portal: PortalClient
    share: PortalShare
    store: ObjectStore
    queue: TaskQueue
    subscribers: GuardedClient
    alerts: Alerts
    metrics: WorkerMetrics
    notes: DependencyNotes
    shutdown: Shutdown
    public_url: str
    limits: Limits


def context_of(ctx: dict[str, Any]) -> Context:
    """Return the `Context` from the dictionary that arq passes to each task."""
    context: Context = ctx["autos"]
    return context
