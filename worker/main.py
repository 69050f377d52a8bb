"""The worker process: `arq worker.main.WorkerSettings`.

One process claims jobs in the order that PostgreSQL decides, and serves three queues: messages that a job waits, first
attempts of deliveries, and later attempts, which must not delay the first ones.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

import click
import structlog
from arq.worker import func

from service.database.connection import Database
from service.domain.environment.startup import StartupError
from service.domain.monitoring.check_times import parse_hours
from service.health.dependency_notes import DependencyNotes
from service.observability.metrics import WorkerMetrics
from service.observability.metrics_server import serving_metrics
from service.portal.gate import HANG_UP, Gate
from service.portal_access.life_lock import LifeLock
from service.portal_access.slots import PortalShare
from service.queue.task_queue import (
    DOWNLOAD_PROCESS,
    DOWNLOAD_QUEUE,
    RetryUntilShutdown,
    TaskQueue,
    decode_message,
    encode_message,
    redis_pool,
)
from service.settings import Settings, SettingsError, load_settings
from service.startup.database import connected_database, open_database
from service.startup.process_logs import configure_process_logs, warn_of_ignored_settings
from service.startup.wiring import address_policy, open_bucket, open_portal, watch_pool
from service.webhooks.addresses.resolver import DnsResolver
from service.webhooks.client import GuardedClient
from worker.context import Context, Limits
from worker.loops.alerts import Alerts, alert_for_ever
from worker.loops.health import Unhealthy, arq_health_key, check_health, leave, stay_healthy
from worker.loops.life_lock import hold_for_ever
from worker.loops.rescue import sweep_for_ever
from worker.loops.retention import remove_for_ever
from worker.loops.tidying import tidy_for_ever
from worker.queues import SERVED_QUEUES, UNLIMITED, arq_worker
from worker.shutdown import SHUTDOWN_TIMEOUT, Shutdown, end
from worker.tasks.checking import CheckLoop
from worker.tasks.claiming import ClaimLoop
from worker.tasks.download_process import CLAIM_LOOP, claim_and_run, download_process

# A message taken by a worker that died is skipped for this long and 10 seconds; workers look for jobs every second.
WAKING_TIMEOUT = timedelta(seconds=5)


def __getattr__(name: str) -> Any:
    """Make `WorkerSettings` when arq asks for it, so that importing this module needs no environment."""
    if name != "WorkerSettings":
        raise AttributeError(name)
    try:
        settings = load_settings()
    except SettingsError as error:
        raise SystemExit(f"autos: {error}") from None
    context = click.get_current_context(silent=True)
    if context is not None and context.params.get("check"):
        _check_and_exit(settings)
    return worker_settings(settings)


def _check_and_exit(settings: Settings) -> NoReturn:
    """Replaces arq's own check, which reads REDIS_URL in another way than the worker and prints tracebacks."""
    try:
        click.echo(f"autos: {asyncio.run(check_health(settings.redis_url, settings.worker_name))}")
    except Unhealthy as error:
        raise SystemExit(f"autos: {error}") from None
    raise SystemExit(0)


def worker_settings(settings: Settings) -> type:
    """Return the class that arq reads. arq ignores inherited attributes."""
    configure_process_logs(settings)
    retry = RetryUntilShutdown()
    attributes: dict[str, Any] = _common(settings.redis_url, retry) | {
        "functions": [func(download_process, name=DOWNLOAD_PROCESS, timeout=WAKING_TIMEOUT, max_tries=UNLIMITED)],
        "queue_name": DOWNLOAD_QUEUE,
        "health_check_key": arq_health_key(settings.worker_name),
        "on_startup": _startup,
        "on_shutdown": _shutdown,
        "ctx": {"settings": settings, "redis_retry": retry},
    }
    return type("WorkerSettings", (), attributes)


def _common(redis_url: str, retry: RetryUntilShutdown) -> dict[str, Any]:
    return {
        "redis_pool": redis_pool(redis_url, retry=retry),
        # As long as arq keeps a result, it refuses a message with the same id.
        "keep_result": 0,
        # On average the queue delays a request by half of this.
        "poll_delay": 0.1,
        "queue_read_limit": 1000,
        "health_check_interval": 10,
        "job_serializer": encode_message,
        "job_deserializer": decode_message,
        # `Shutdown` handles them.
        "handle_signals": False,
    }


async def _startup(ctx: dict[str, Any]) -> None:
    settings: Settings = ctx["settings"]
    # Again: arq's command line has configured its own logging since.
    configure_process_logs(settings)
    warn_of_ignored_settings()
    stack = ctx["stack"] = AsyncExitStack()
    try:
        context = await _open(stack, settings, ctx["redis_retry"])
    except StartupError as error:
        await stack.aclose()
        raise SystemExit(f"autos: {error}") from None
    ctx["autos"] = context
    ctx["living"] = asyncio.create_task(hold_for_ever(context.share.life_lock))
    await context.share.agree()
    ctx["sharer"] = asyncio.create_task(context.share.keep_for_ever())
    ctx["health"] = asyncio.create_task(stay_healthy(ctx["redis"], settings.worker_name))
    ctx["sweeper"] = asyncio.create_task(_sweep(context, settings.delivery_days))
    ctx["alerting"] = asyncio.create_task(alert_for_ever(context.database, context.alerts))
    ctx["deliverers"] = [
        arq_worker(queue, context, _common(settings.redis_url, ctx["redis_retry"])) for queue in SERVED_QUEUES
    ]
    ctx[CLAIM_LOOP] = _claim_loop(context)
    if (main := asyncio.current_task()) is not None:
        context.shutdown.install(main, *ctx["deliverers"])
    ctx["delivering"] = [asyncio.create_task(each.async_run()) for each in ctx["deliverers"]]
    claiming = context.shutdown.start(ctx[CLAIM_LOOP].claim_for_ever())
    checking = context.shutdown.start(CheckLoop(context).check_for_ever())
    context.shutdown.watch(ctx["sharer"], ctx["health"], ctx["sweeper"], claiming, checking, *ctx["delivering"])
    structlog.get_logger().info("worker_started")


def _claim_loop(context: Context) -> ClaimLoop:
    run = partial(claim_and_run, context)
    return ClaimLoop(context.share, context.shutdown, run, job_concurrency=context.limits.download_concurrency)


async def _sweep(context: Context, delivery_days: int) -> None:
    async with asyncio.TaskGroup() as loops:
        loops.create_task(sweep_for_ever(context.database, context.queue, context.metrics))
        loops.create_task(tidy_for_ever(context.database, context.store, context.metrics))
        loops.create_task(remove_for_ever(context.database, days=delivery_days))


async def _shutdown(ctx: dict[str, Any]) -> None:
    if "autos" not in ctx:
        return
    await end(ctx["sweeper"])
    await end(ctx["health"])
    await leave(ctx["redis"], ctx["settings"].worker_name)
    await end(ctx["sharer"])
    await end(ctx["living"])
    await end(ctx["alerting"])
    for delivering, deliverer in zip(ctx["delivering"], ctx["deliverers"], strict=True):
        await end(delivering)
        if deliverer.tasks:
            # Tasks that began after the hand-over return their message at once; arq would cancel them in the middle.
            await asyncio.wait(deliverer.tasks.values(), timeout=SHUTDOWN_TIMEOUT)
        await deliverer.close()
    await ctx["stack"].aclose()
    structlog.get_logger().info("worker_stopped")
    if ctx["autos"].shutdown.is_broken:
        raise SystemExit("autos: a part of the worker failed; its log says which")


async def _open(stack: AsyncExitStack, settings: Settings, retry: RetryUntilShutdown) -> Context:
    database = await stack.enter_async_context(
        open_database(settings.database_url, application_name="autos worker", max_size=settings.database_pool_size)
    )
    metrics = await _open_metrics(stack, settings, database)
    redis = redis_pool(settings.redis_url, retry=retry)
    # arq's client does not close a pool that it was given.
    stack.push_async_callback(redis.aclose, close_connection_pool=True)
    notes = DependencyNotes(database)
    stack.push_async_callback(notes.close)
    # Closed until this worker has leased slots.
    gate = Gate(0, hang_up=HANG_UP)
    resolver = DnsResolver()
    stack.push_async_callback(resolver.close)
    return Context(
        database=database,
        portal=await stack.enter_async_context(open_portal(settings, database, gate, metrics, notes)),
        share=await _open_share(stack, settings, database, gate),
        store=await stack.enter_async_context(open_bucket(settings)),
        queue=TaskQueue(redis),
        subscribers=GuardedClient(address_policy(settings), resolver, timeout=settings.webhook_timeout),
        alerts=Alerts(settings.alert_urls),
        metrics=metrics,
        notes=notes,
        shutdown=Shutdown(retry),
        public_url=settings.base_url,
        limits=_limits(settings),
    )


async def _open_share(stack: AsyncExitStack, settings: Settings, database: Database, gate: Gate) -> PortalShare:
    one_more = connected_database(settings.database_url, application_name="autos worker life lock", max_size=1)
    life_lock = LifeLock(await stack.enter_async_context(one_more))
    return PortalShare(database, gate, total=settings.pdpj_max_concurrency, life_lock=life_lock)


async def _open_metrics(stack: AsyncExitStack, settings: Settings, database: Database) -> WorkerMetrics:
    metrics = WorkerMetrics()
    watch_pool(metrics, settings, database)

    async def render() -> bytes:
        return metrics.render()

    port = settings.worker_metrics_port if settings.metrics_enabled else None
    serving = serving_metrics(port, render, setting="WORKER_METRICS_PORT", address=settings.metrics_address)
    await stack.enter_async_context(serving)
    return metrics


def _limits(settings: Settings) -> Limits:
    return Limits(
        download_concurrency=settings.download_concurrency,
        download_attempts=settings.download_attempts,
        download_max_bytes=settings.download_max_bytes,
        webhook_timeout=timedelta(seconds=settings.webhook_timeout),
        webhook_retry_delays=tuple(timedelta(seconds=each) for each in settings.webhook_retry_delays),
        webhook_max_documents=settings.webhook_max_documents,
        checks_at_once=max(1, int(settings.monitor_share * settings.pdpj_max_concurrency)),
        check_hours=parse_hours(settings.monitor_hours),
    )
