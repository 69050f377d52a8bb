"""The API process: `uvicorn --factory service.app:create_app`. Its exception handlers and lifespan."""

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import timedelta
from functools import cache, partial
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from limits import parse
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from service.actions.shared_listings import SharedListings
from service.api.framework.download_slots import Limited, Limiter, limited
from service.api.framework.key_uses import KeyUses
from service.api.framework.state import Options, State
from service.api.metrics import exposition
from service.api.openapi import document
from service.api.presenters.document_links import DocumentLinks
from service.api.progress.watcher import ProgressWatcher
from service.api.routes import ROUTES
from service.console.framework.errors import crash_problem, page_or, problem_for, routing_problem
from service.console.routes import CONSOLE_ROUTES
from service.database.connection import UNREACHABLE, Database
from service.health.dependency_notes import DependencyNotes
from service.health.readiness import Readiness
from service.http import problems
from service.http.drain import ConnectionMiddleware, Drain
from service.http.problems import Problem
from service.http.rate_limits import RateLimiter, Rates
from service.http.request_bounds import RequestBoundsMiddleware
from service.http.request_id import RequestIdMiddleware
from service.http.security_headers import SecurityHeadersMiddleware, allow_origins
from service.http.slices import Slices
from service.http.startup_errors import OneLineStartupErrors
from service.observability.metrics import ApiMetrics
from service.observability.metrics_server import serving_metrics
from service.portal.gate import HANG_UP, Gate
from service.queue.redis_outage import tell_if_away
from service.queue.task_queue import TaskQueue, redis_pool
from service.settings import Settings, SettingsError, load_settings
from service.startup.database import open_database
from service.startup.first_admin import make_first_admin
from service.startup.process_logs import configure_process_logs, warn_of_ignored_settings
from service.startup.wiring import (
    address_policy,
    open_bucket,
    open_portal,
    portal_credential,
    watch_pool,
)
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError
from service.webhooks.addresses.resolver import DnsResolver
from service.webhooks.client import GuardedClient

LISTING_PART = 5  # an API process has one slot at the portal for listings, per so many slots of the workers
TRIAL_TIMEOUT = 10.0  # seconds of a test webhook; the client waits for its result, and proxies may give up after 30

Closed = TypeVar("Closed", SharedListings, DependencyNotes, ProgressWatcher, DnsResolver, KeyUses)

HANDLERS = {
    Problem: problems.on_problem,
    HTTPException: problems.on_http_exception,
    **dict.fromkeys(UNREACHABLE, problems.on_busy),
    StorageError: problems.on_no_links,
    Exception: problems.on_crash,
}
#: The same with pages below `/console`.
HANDLERS_WITH_PAGES = {
    Problem: page_or(problems.on_problem, problem_for),
    HTTPException: page_or(problems.on_http_exception, routing_problem),
    **dict.fromkeys(UNREACHABLE, page_or(problems.on_busy, problem_for)),
    StorageError: page_or(problems.on_no_links, problem_for),
    Exception: page_or(problems.on_crash, crash_problem),
}


def create_app() -> OneLineStartupErrors:
    """Return the application for uvicorn. Exits with one line if the environment is wrong."""
    try:
        settings = load_settings()
    except SettingsError as error:
        raise SystemExit(f"autos: {error}") from None
    configure_process_logs(settings)
    warn_of_ignored_settings()
    return OneLineStartupErrors(build(settings))


def build(settings: Settings) -> RequestIdMiddleware:
    """Return the application for `settings`."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            _check_alert_urls(settings)
            state = await _open(stack, settings)
            await tell_if_away(state["queue"].ping())
            # After all checks: a start that fails must not use up the key.
            await make_first_admin(state["database"], settings.admin_api_key)
            # Objects made until now stay until the end. Without this, each full collection would scan them all while no
            # request is served; the response for a large case can trigger several.
            gc.collect()
            gc.freeze()
            yield state

    routes, handlers = (
        ([*ROUTES, *CONSOLE_ROUTES], HANDLERS_WITH_PAGES) if settings.console_enabled else (ROUTES, HANDLERS)
    )
    application = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    # Starlette would redirect a path with an extra slash to any host that the client names.
    application.router.redirect_slashes = False
    # Around the application: responses to crashes do not pass through its own middleware.
    bounded = RequestBoundsMiddleware(allow_origins(application, settings.cors_allowed_origins))
    secured = SecurityHeadersMiddleware(bounded, is_https_only=settings.is_production)
    return RequestIdMiddleware(ConnectionMiddleware(secured))


async def _open(stack: AsyncExitStack, settings: Settings) -> State:
    database = await _open_database(stack, settings)
    metrics, queue = _watched(settings, database), _open_queue(stack, settings)
    resolver, slices = _closed_with(stack, DnsResolver()), Slices()
    store = await stack.enter_async_context(open_bucket(settings))
    links = DocumentLinks(store, settings.base_url)
    limiter, in_slots = await _open_limits(stack, settings, database)
    readiness = await _open_readiness(stack, settings, metrics, database, queue=queue, store=store)
    return State(
        drain=stack.enter_context(Drain(seconds_to_drain(settings)).on_sigterm()),
        metrics=metrics,
        database=database,
        listings=await _open_listings(stack, settings, database, metrics, queue=queue, slots=in_slots, store=store),
        store=store,
        readiness=readiness,
        links=links,
        watcher=_closed_with(stack, ProgressWatcher(database, links, slices)),
        queue=queue,
        webhook_policy=address_policy(settings),
        resolver=resolver,
        subscribers=_trial_client(settings, resolver),
        key_uses=_closed_with(stack, KeyUses(database)),
        limiter=limiter,
        limited=in_slots,
        rates=_rates(settings),
        portal_credential=portal_credential(settings),
        slices=slices,
        event_limit=settings.webhook_max_documents,
        options=_options(settings),
        openapi=cache(partial(_document, settings)),
    )


def _watched(settings: Settings, database: Database) -> ApiMetrics:
    metrics = ApiMetrics()
    watch_pool(metrics, settings, database)
    return metrics


def seconds_to_drain(settings: Settings) -> int:
    """Seconds for which a process goes on answering after SIGTERM. By default none in development."""
    return settings.drain_seconds if settings.drain_seconds is not None else 5 * settings.is_production


def _open_queue(stack: AsyncExitStack, settings: Settings) -> TaskQueue:
    redis = redis_pool(settings.redis_url)
    # arq's client does not close a pool that it was given.
    stack.push_async_callback(redis.aclose, close_connection_pool=True)
    return TaskQueue(redis)


def _check_alert_urls(settings: Settings) -> None:
    """Only workers use them, but wrong ones must make a release fail in the API too. Raises `StartupError`."""
    if settings.alert_urls:
        # apprise is slow to import, and most installations have no target.
        from service.observability.alert_targets import open_targets  # noqa: PLC0415  (see above)

        open_targets(settings.alert_urls)


async def _open_limits(stack: AsyncExitStack, settings: Settings, database: Database) -> tuple[Limiter, Limited]:
    limiter = await stack.enter_async_context(aclosing(RateLimiter(settings.redis_url)))
    return limiter, limited(database, limiter, slots=settings.database_pool_size // 2)


def _rates(settings: Settings) -> Rates:
    return Rates(
        requests=parse(settings.rate_limit_requests),
        downloads=parse(settings.rate_limit_downloads),
        numbers=parse(settings.rate_limit_numbers),
    )


async def _open_listings(
    stack: AsyncExitStack,
    settings: Settings,
    database: Database,
    metrics: ApiMetrics,
    *,
    queue: TaskQueue,
    slots: Limited,
    store: ObjectStore,
) -> SharedListings:
    gate = Gate(max(1, settings.pdpj_max_concurrency // LISTING_PART), hang_up=HANG_UP)
    notes = _closed_with(stack, DependencyNotes(database))
    portal = await stack.enter_async_context(open_portal(settings, database, gate, metrics, notes))
    event_limit = settings.webhook_max_documents
    listings = SharedListings(
        database, portal, gate, queue, limited=slots["database"], event_limit=event_limit, store=store
    )
    return _closed_with(stack, listings)


def _trial_client(settings: Settings, resolver: DnsResolver) -> GuardedClient:
    return GuardedClient(address_policy(settings), resolver, timeout=min(settings.webhook_timeout, TRIAL_TIMEOUT))


def _closed_with(stack: AsyncExitStack, opened: Closed) -> Closed:
    stack.push_async_callback(opened.close)
    return opened


async def _open_database(stack: AsyncExitStack, settings: Settings) -> Database:
    return await stack.enter_async_context(
        open_database(settings.database_url, application_name="autos api", max_size=settings.database_pool_size)
    )


async def _open_readiness(
    stack: AsyncExitStack,
    settings: Settings,
    metrics: ApiMetrics,
    database: Database,
    *,
    queue: TaskQueue,
    store: ObjectStore,
) -> Readiness:
    """Also start the server of the metrics, which show the results of the checks."""
    readiness = Readiness(database, queue, store, credential=portal_credential(settings))
    port = settings.metrics_port if settings.metrics_enabled else None
    render = partial(exposition, metrics, database, readiness, portal_credential(settings))
    serving = serving_metrics(port, render, setting="METRICS_PORT", address=settings.metrics_address)
    await stack.enter_async_context(serving)
    return readiness


def _document(settings: Settings) -> bytes:
    return msgspec.json.encode(document.document(ROUTES, server=urlsplit(settings.base_url).path or "/"))


def _options(settings: Settings) -> Options:
    return Options(
        webhook_secret_grace=timedelta(seconds=settings.webhook_secret_grace),
        monitor_min_interval=settings.shortest_monitor,
        public_url=settings.base_url,
        shows_metrics=settings.metrics_enabled and settings.metrics_port is None,
        has_console=settings.console_enabled,
        portal_slots=settings.pdpj_max_concurrency,
        console_read_only=settings.console_read_only,
        is_production=settings.is_production,
    )
