"""What can go wrong with the portal.

PortalError
    Unavailable      temporary: down, slow, its own page, an answer that is not one
        Busy         the portal asked everybody to slow down
        Unauthorized the token died: nothing works until it is renewed
    Refused          permanent: asking again gives the same
        NotFound
        AccessDenied
        AddressRefused
"""

from typing import ClassVar

from service.domain.errors import ErrorCode


class PortalError(Exception):
    """A call to the portal failed. `code` says how to a client; the sentence is for the log."""

    outcome: ClassVar[str]  #: the word in the metrics

    def __init__(self, code: ErrorCode, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_after = retry_after  #: seconds, where the portal said so


class Unavailable(PortalError):
    """Temporary: worth another try later."""

    outcome = "unavailable"


class Busy(Unavailable):
    """The portal asked everybody to slow down (429). Says nothing of the document that was asked for."""

    outcome = "busy"


class Unauthorized(Unavailable):
    """The access token is not accepted any more. Pauses the work and fails nothing."""

    outcome = "unauthorized"

    def __init__(self) -> None:
        super().__init__(ErrorCode.PORTAL_UNAVAILABLE, "the portal does not accept the token")


class Refused(PortalError):
    """Permanent."""

    outcome = "refused"


class NotFound(Refused):
    """The portal does not know the case or the document."""

    outcome = "not_found"


class AccessDenied(Refused):
    """The token is good, but not for this case or document."""

    outcome = "access_denied"


class AddressRefused(Refused):
    """An address that leaves the portal, to which the token must not go."""
