"""What handlers work with: opened in the lifespan, typed, read as `request.state["..."]`."""

from typing import NotRequired, TypedDict

import msgspec
from starlette.requests import Request

from service.database.connection import Database
from service.object_store import ObjectStore
from service.portal.client import PortalClient
from service.queue import Bell
from service.webhooks.address_policy import AddressPolicy
from service.webhooks.name_resolver import NameResolver


class Options(msgspec.Struct, frozen=True):
    """The numbers that the settings give to the handlers."""

    webhook_max_documents: int


class State(TypedDict):
    """The dependencies of every handler."""

    database: Database
    portal: PortalClient
    store: ObjectStore
    bell: Bell
    webhook_policy: AddressPolicy
    resolver: NameResolver
    portal_credential: str  #: to ask whether the portal refuses it; never sent anywhere
    options: Options
    request_id: NotRequired[str]  #: set by the middleware, for each request


ApiRequest = Request[State]
