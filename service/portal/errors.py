"""What can go wrong with the portal.

PortalError
    Unavailable      temporary: down, slow, its own page, an answer that is not one
        Busy         the portal asked everybody to slow down
            Blocked  a firewall turns every request away
        NotReady     the portal is preparing the answer
        Outage       says nothing about what was asked for: the work pauses
            Unauthorized     the token died, or it is doubted
            TokenUnavailable there is no token, because the token endpoint fails
    Refused          permanent: asking again gives the same
        NotFound
        AccessDenied
            PresumedDenied   not in so many words
        AddressRefused
"""

from typing import ClassVar

from service.domain.errors import ErrorCode

#: Of these the portal is to blame, or the way there.
FAILURES = frozenset(
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
    """A call to the portal failed. `code` says how to a client; the sentence is for the log."""

    outcome: ClassVar[str]  #: the word in the metrics
    blames_portal: bool | None = None  #: True: it says that the portal fails; False: that it works; None: neither

    def __init__(self, code: ErrorCode, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_after = retry_after  #: seconds, where the portal said so


class Unavailable(PortalError):
    """Temporary: worth another try later."""

    outcome = "unavailable"

    def __init__(self, code: ErrorCode, sentence: str, *, retry_after: float | None = None) -> None:
        """`code` is one of `FAILURES` if the portal itself fails, and no more than the document does."""
        super().__init__(code, sentence, retry_after=retry_after)
        self.blames_portal = True if code in FAILURES else None


class Busy(Unavailable):
    """The portal asked everybody to slow down (429). Says nothing of the document that was asked for."""

    outcome = "busy"


class Blocked(Busy):
    """A firewall answers in the portal's place, whatever is asked for."""

    outcome = "blocked"


class NotReady(Unavailable):
    """The portal accepted the request and prepares its answer (202). Says nothing of the document either."""

    outcome = "not_ready"

    def __init__(self, code: ErrorCode, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(code, sentence, retry_after=retry_after)
        self.blames_portal = None


class Outage(Unavailable):
    """Not an error of what was asked for. Pauses the work and fails nothing."""

    outcome = "outage"


class Unauthorized(Outage):
    """The access token is not accepted.

    With `token_works` the portal accepts it for something else: then it denies only what was asked for.
    """

    outcome = "unauthorized"

    def __init__(self, *, token_works: bool = False) -> None:
        super().__init__(ErrorCode.PORTAL_UNAVAILABLE, "the portal does not accept the token")
        self.token_works = token_works
        self.blames_portal = not token_works


class TokenUnavailable(Outage):
    """There is no access token to ask with: the endpoint that renews it does not answer."""

    outcome = "no_token"


class Refused(PortalError):
    """Permanent."""

    outcome = "refused"


class NotFound(Refused):
    """The portal does not know the case or the document."""

    blames_portal = False

    outcome = "not_found"


class AccessDenied(Refused):
    """The token is good, but not for this case or document."""

    blames_portal = False

    outcome = "access_denied"


class PresumedDenied(AccessDenied):
    """The portal refuses this document without a word, and accepts the token elsewhere."""


class AddressRefused(Refused):
    """An address that leaves the portal, to which the token must not go."""
