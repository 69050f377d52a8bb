"""The problems for what actions refuse."""

import math
from collections.abc import Mapping

from service.actions.cases import NotRequested
from service.actions.deliveries import DeliveryEnded, DeliveryNotDue, EndpointDisabled, UnknownDelivery
from service.actions.downloads import UnknownDocument
from service.actions.endpoints import UnknownEndpoint
from service.actions.jobs import JobEnded, UnknownJob
from service.actions.monitors import MONITORS_MAX, TooManyMonitors, UnknownMonitor, UserGone
from service.actions.shared_listings import Unlisted
from service.database.deliveries.endpoint_list import ENDPOINTS_MAX, EndpointTaken, TooManyEndpoints
from service.http.problems import Problem
from service.portal.errors import AccessDenied, NotFound

RETRY_AFTER = "30"  # seconds
#: The exceptions of actions, besides those of the portal: the code of the problem and its sentence.
_REFUSALS: Mapping[type[Exception], tuple[str, str]] = {
    NotRequested: ("process_not_found", "Nobody has requested this case yet."),
    UnknownDocument: ("document_not_found", "This case has no such document."),
    UnknownJob: ("job_not_found", "There is no such job of yours."),
    JobEnded: ("job_ended", "The job has ended already: there is nothing to cancel."),
    UnknownDelivery: ("delivery_not_found", "There is no such delivery of yours."),
    DeliveryNotDue: ("delivery_not_due", "The job has not ended: there is nothing to send yet."),
    EndpointDisabled: ("endpoint_disabled", "Its endpoint is switched off or was deleted: switch it on first."),
    UnknownEndpoint: ("endpoint_not_found", "There is no such endpoint of yours."),
    EndpointTaken: ("endpoint_exists", "An endpoint with this URL exists already."),
    TooManyEndpoints: ("too_many_endpoints", f"A user has {ENDPOINTS_MAX} endpoints at most: delete one first."),
    UnknownMonitor: ("monitor_not_found", "You do not watch this case."),
    TooManyMonitors: ("too_many_monitors", f"A user may watch {MONITORS_MAX:,} cases at most. End a monitor first."),
    UserGone: ("unauthorized", "The user of this API key was deleted."),
    NotFound: ("process_not_found", "The portal does not know this case."),
    AccessDenied: ("process_access_denied", "The portal denies this case to the credentials in use."),
}
REFUSALS: tuple[type[Exception], ...] = (*_REFUSALS, DeliveryEnded, Unlisted)


def problem_of(error: Exception) -> Problem:
    """The problem for one of `REFUSALS`."""
    if isinstance(error, Unlisted):
        return _unlisted(error)
    if isinstance(error, DeliveryEnded):
        return Problem("delivery_ended", f"The delivery is {error.status} already: there is nothing to cancel.")
    code, sentence = next(known for kind, known in _REFUSALS.items() if isinstance(error, kind))
    return Problem(code, sentence)


def _unlisted(error: Unlisted) -> Problem:
    detail = "The portal does not answer. Ask again, or leave auto_download on to have the request kept."
    retry_after = str(math.ceil(error.retry_after)) if error.retry_after else RETRY_AFTER
    return Problem("portal_unavailable", detail, headers={"Retry-After": retry_after})
