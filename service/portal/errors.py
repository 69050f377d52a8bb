"""The errors of calls to the portal.

PortalError
    Unavailable      temporary: down, slow, an HTML page, an invalid answer
        Busy         the portal asked us to slow down
            Blocked  a firewall refuses every request
        NotReady     the portal is still preparing the answer
        Outage       not about the requested case or document: the work pauses
            Unauthorized     the token was refused
            TokenUnavailable there is no token, because it could not be renewed
    Refused          permanent: the same request will fail again
        NotFound
        AccessDenied
            PresumedDenied   the portal does not say so explicitly
        AddressRefused
"""

from typing import ClassVar

from service.domain.errors import ErrorCode

#: Codes that mean that the portal, or the network on the way to it, fails.
PORTAL_FAILURES = frozenset(
    {
        ErrorCode.PORTAL_UNAVAILABLE,
        ErrorCode.PORTAL_ERROR,
        ErrorCode.PORTAL_PAGE,
        ErrorCode.PORTAL_ANSWER_INVALID,
        ErrorCode.REDIRECTED,
        ErrorCode.TRUNCATED,
        ErrorCode.TOO_SLOW,
    }
)


class PortalError(Exception):
    """A call to the portal failed. API clients see `code`; the sentence is for the log."""

    outcome: ClassVar[str]  #: its label in the metrics
    blames_portal: bool | None = None  #: True: the portal fails; False: it works; None: the error shows neither

    def __init__(self, code: ErrorCode, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_after = retry_after  #: seconds, if the portal said so


class Unavailable(PortalError):
    """Temporary: worth another try later."""

    outcome = "unavailable"

    def __init__(self, code: ErrorCode, sentence: str, *, retry_after: float | None = None) -> None:
        """With a code of `PORTAL_FAILURES` the portal itself is blamed, otherwise only the document."""
        super().__init__(code, sentence, retry_after=retry_after)
        self.blames_portal = True if code in PORTAL_FAILURES else None


class Busy(Unavailable):
    """The portal asked us to slow down (429). Not an error of the requested document."""

    outcome = "busy"


class Blocked(Busy):
    """A firewall answers every request in place of the portal."""

    outcome = "blocked"


class NotReady(Unavailable):
    """The portal is still preparing its answer (202). Not an error of the requested document."""

    outcome = "not_ready"

    def __init__(self, code: ErrorCode, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, sentence, retry_after=retry_after)
        self.blames_portal = None


class Outage(Unavailable):
    """Not an error of the requested case or document. The work pauses; nothing fails because of it."""

    outcome = "outage"


class Unauthorized(Outage):
    """The portal refuses the access token.

    With `token_works` it accepts the token for another request: then it denies only this case or document.
    """

    outcome = "unauthorized"

    def __init__(self, *, token_works: bool = False) -> None:
        super().__init__(ErrorCode.PORTAL_UNAVAILABLE, "the portal does not accept the token")
        self.token_works = token_works
        self.blames_portal = not token_works


class TokenUnavailable(Outage):
    """There is no valid access token, because it could not be renewed yet."""

    outcome = "no_token"


class Refused(PortalError):
    """Permanent: the same request will fail again."""

    outcome = "refused"


class NotFound(Refused):
    """The portal does not know the case or the document."""

    blames_portal = False

    outcome = "not_found"


class AccessDenied(Refused):
    """The token is valid, but has no access to this case or document."""

    blames_portal = False

    outcome = "access_denied"


class PresumedDenied(AccessDenied):
    """The portal refuses this document without a reason, and accepts the token for other requests."""


class AddressRefused(Refused):
    """The address is outside the portal: the token must not be sent there."""
