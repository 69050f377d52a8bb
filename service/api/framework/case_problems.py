"""The problems for cases and documents that are not there, or that the portal does not list."""

import math

from service.actions.cases import NotRequested
from service.actions.downloads import UnknownDocument
from service.actions.shared_listings import Unlisted
from service.http.problems import Problem
from service.portal.errors import AccessDenied, NotFound

RETRY_AFTER = "30"  # seconds
#: The exceptions that a request for a case may raise.
CASE_REFUSALS = (Unlisted, NotFound, AccessDenied, NotRequested, UnknownDocument)


def case_problem(error: Unlisted | NotFound | AccessDenied | NotRequested | UnknownDocument) -> Problem:
    """The problem for such an exception."""
    if isinstance(error, NotRequested):
        return not_requested()
    if isinstance(error, UnknownDocument):
        return unknown_document()
    if isinstance(error, NotFound):
        return Problem("process_not_found", "The portal does not know this case.")
    if isinstance(error, AccessDenied):
        return Problem("process_access_denied", "The portal denies this case to the credentials in use.")
    detail = "The portal does not answer. Ask again, or leave auto_download on to have the request kept."
    retry_after = str(math.ceil(error.retry_after)) if error.retry_after else RETRY_AFTER
    return Problem("portal_unavailable", detail, headers={"Retry-After": retry_after})


def not_requested() -> Problem:
    """The problem for a case that is not in the database. For operations that do not ask the portal."""
    return Problem("process_not_found", "Nobody has requested this case yet.")


def unknown_document() -> Problem:
    """The problem for a document that the case does not have."""
    return Problem("document_not_found", "This case has no such document.")
