"""The dependencies of handlers: opened in the lifespan, typed, read as `request.state["..."]`."""

from collections.abc import Callable
from datetime import timedelta
from typing import NotRequired

import msgspec
from starlette.requests import Request

from service.actions.state import ActionState
from service.api.framework.download_slots import Limited, Limiter
from service.api.framework.key_uses import KeyUses
from service.api.presenters.document_links import DocumentLinks
from service.api.progress.watcher import ProgressWatcher
from service.health.readiness import Readiness
from service.http.drain import Drain
from service.http.rate_limits import Rates
from service.http.slices import Slices
from service.observability.metrics import ApiMetrics
from service.storage.object_store import ObjectStore
from service.webhooks.addresses.policy import AddressPolicy
from service.webhooks.addresses.resolver import NameResolver
from service.webhooks.client import GuardedClient


class Options(msgspec.Struct, frozen=True):
    """The settings that handlers need."""

    webhook_secret_grace: timedelta
    monitor_min_interval: timedelta
    public_url: str  #: of this service, without a slash at the end
    shows_metrics: bool  #: on the port of the API
    has_console: bool
    portal_slots: int  #: of all workers together
    console_read_only: bool  #: whether the console refuses every form but those of the log-in
    is_production: bool


class State(ActionState):
    """The dependencies of every handler."""

    drain: Drain
    metrics: ApiMetrics
    store: ObjectStore
    links: DocumentLinks
    readiness: Readiness
    watcher: ProgressWatcher  #: for event streams
    webhook_policy: AddressPolicy
    resolver: NameResolver
    subscribers: GuardedClient  #: for webhook tests; deliveries are sent by workers
    key_uses: KeyUses
    limiter: Limiter
    limited: Limited  #: replaces the database and the limiter in limited operations
    rates: Rates
    portal_credential: str  #: to look up whether the portal refuses it; handlers never send it
    slices: Slices  #: of the work on large responses
    options: Options
    openapi: Callable[[], bytes]  #: the document of the API, made at the first request because it takes a while
    rate_headers: NotRequired[dict[str, str]]  #: the RateLimit headers of this response
    request_id: NotRequired[str]  #: set by the middleware, for each request


ApiRequest = Request[State]
