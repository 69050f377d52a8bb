"""What handlers work with: opened in the lifespan, typed, read as `request.state["..."]`."""

from collections.abc import Callable
from datetime import timedelta
from typing import NotRequired

import msgspec
from starlette.requests import Request

from service.api.action_state import ActionState
from service.api.document_links import DocumentLinks
from service.api.drain import Drain
from service.api.key_uses import KeyUses
from service.api.progress_watcher import ProgressWatcher
from service.api.rate_limits import RateLimiter, Rates
from service.api.slices import Slices
from service.metrics import ApiMetrics
from service.object_store import ObjectStore
from service.readiness import Readiness
from service.webhooks.address_policy import AddressPolicy
from service.webhooks.guarded_client import GuardedClient
from service.webhooks.name_resolver import NameResolver


class Options(msgspec.Struct, frozen=True):
    """The numbers that the settings give to the handlers."""

    webhook_secret_grace: timedelta
    public_url: str  #: of this service, without a slash at the end
    shows_metrics: bool  #: on the port of the API


class State(ActionState):
    """The dependencies of every handler."""

    drain: Drain
    metrics: ApiMetrics
    store: ObjectStore
    links: DocumentLinks
    readiness: Readiness
    watcher: ProgressWatcher  #: for those who follow a case
    webhook_policy: AddressPolicy
    resolver: NameResolver
    subscribers: GuardedClient  #: for tests of webhooks; deliveries are the worker's
    key_uses: KeyUses
    limiter: RateLimiter
    rates: Rates
    portal_credential: str  #: to ask whether the portal refuses it; never sent anywhere
    slices: Slices  #: of the work on large answers
    options: Options
    openapi: Callable[[], bytes]  #: the document of the API, made when somebody asks for it: that takes a while
    rate_headers: NotRequired[dict[str, str]]  #: of the answer to this request, from what it has spent
    request_id: NotRequired[str]  #: set by the middleware, for each request


ApiRequest = Request[State]
