"""The outcome of one POST, as a value from a closed set."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from types import MappingProxyType

from service.webhooks.addresses.policy import UrlRule

EXCERPT_BYTES = 1024

_DELAY_SECONDS = re.compile(r"[0-9]{1,18}")
_SPACES = frozenset("\t\n\r\x0b\x0c\x85\u2028\u2029")


class OutcomeKind(StrEnum):
    """How a POST ended. The values are stable: they are stored."""

    DELIVERED = "delivered"
    """The status line of a 2xx answer came in time, however slow its body."""
    STATUS = "status"
    """Any other status."""
    REDIRECT = "redirect"
    """A redirect, which is not followed."""
    REFUSED_ADDRESS = "refused_address"
    """The policy does not let webhooks go there; nothing was connected to."""
    NAME_NOT_FOUND = "name_not_found"
    """The host does not exist, has no address, or its own DNS servers give no answer."""
    RESOLVER_UNAVAILABLE = "resolver_unavailable"
    """No DNS server answers this machine: no fault of the receiver."""
    NETWORK_UNAVAILABLE = "network_unavailable"
    """This machine has no route, port or file descriptor for the connection: no fault of the receiver."""
    CONNECT_FAILED = "connect_failed"
    """Every address of the host refused the connection or could not be reached."""
    TLS_FAILED = "tls_failed"
    """No TLS, or a certificate that is not valid for the host."""
    TIMEOUT = "timeout"
    """No connection within its 5 s, or no status line within the deadline."""
    PROTOCOL_ERROR = "protocol_error"
    """The connection broke, or the answer was not HTTP."""
    NOT_MADE = "not_made"
    """There was no request, because its body could not be made: no fault of the receiver."""
    USER_DELETED = "user_deleted"
    """There was no request: the user of the delivery was deleted."""
    ENDPOINT_DELETED = "endpoint_deleted"
    """There was no request: the endpoint of the delivery was deleted."""
    ENDPOINT_DISABLED = "endpoint_disabled"
    """There was no request: the endpoint of the delivery is switched off."""


_SENTENCES: Mapping[OutcomeKind, str] = MappingProxyType(
    {
        OutcomeKind.REFUSED_ADDRESS: "Webhooks are not sent to this URL.",
        OutcomeKind.NAME_NOT_FOUND: "The host name did not resolve to an address.",
        OutcomeKind.RESOLVER_UNAVAILABLE: "The DNS could not be asked; this does not count as an attempt.",
        OutcomeKind.NETWORK_UNAVAILABLE: "The network could not be used; this does not count as an attempt.",
        OutcomeKind.CONNECT_FAILED: "The host did not accept the connection.",
        OutcomeKind.TLS_FAILED: "The TLS connection failed: its certificate must be valid for the host.",
        OutcomeKind.TIMEOUT: "The host did not answer in time.",
        OutcomeKind.NOT_MADE: "The webhook could not be made; this does not count as an attempt.",
        OutcomeKind.USER_DELETED: "The user was deleted.",
        OutcomeKind.ENDPOINT_DELETED: "The endpoint was deleted.",
        OutcomeKind.ENDPOINT_DISABLED: "The endpoint is switched off.",
        OutcomeKind.PROTOCOL_ERROR: "The connection broke before there was a complete HTTP answer.",
    }
)

_LOCAL_FAILURES = frozenset({OutcomeKind.RESOLVER_UNAVAILABLE, OutcomeKind.NETWORK_UNAVAILABLE, OutcomeKind.NOT_MADE})


@dataclass(frozen=True)
class PostOutcome:
    """One POST. The fields from `status_code` to `location_host` are set only if there was a response.

    `rule` is set only if the address was refused.
    """

    kind: OutcomeKind
    status_code: int | None = None
    retry_after_seconds: int | None = None
    excerpt: str = ""
    location_host: str | None = None
    rule: UrlRule | None = None
    duration_ms: int = 0

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver accepted the message."""
        return self.kind is OutcomeKind.DELIVERED

    @property
    def is_local_failure(self) -> bool:
        """Whether this machine is at fault, so that the POST must not use up an attempt."""
        return self.kind in _LOCAL_FAILURES

    @property
    def error(self) -> str | None:
        """One sentence for the receiver's owner, without any address. None if delivered."""
        if self.kind is OutcomeKind.DELIVERED:
            return None
        if self.kind is OutcomeKind.STATUS:
            return f"The host answered {self.status_code}."
        if self.kind is OutcomeKind.REDIRECT:
            target = f" to {self.location_host}" if self.location_host else ""
            return f"The host answered {self.status_code}, a redirect{target}, which is not followed."
        return _SENTENCES[self.kind]


def parse_retry_after(value: str | None, now: datetime) -> int | None:
    """Parse a Retry-After header (RFC 9110, seconds or HTTP date) into seconds from `now`, never below 0.

    Returns None if the header is missing or malformed. There is no upper bound.
    """
    if value is None:
        return None
    if _DELAY_SECONDS.fullmatch(value):
        return int(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    # The parser returns a date with the zone "-0000" without a zone.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, round((moment - now).total_seconds()))


def excerpt_of(body: bytes, content_encoding: str | None) -> str:
    """The start of a response body as one line of at most 1 KiB, without control characters.

    Empty for a compressed body, which is never decompressed.
    """
    if content_encoding is not None and content_encoding.strip().lower() not in {"", "identity"}:
        return ""
    text = clean_text(body[:EXCERPT_BYTES].decode(errors="replace"))
    # A replacement character has more bytes than the byte that it stands for.
    return text.encode()[:EXCERPT_BYTES].decode(errors="ignore")


def clean_text(text: str) -> str:
    """Replace line breaks and tabs with spaces, and drop all other controls, bidi marks and surrogates."""
    spaced = "".join(" " if c in _SPACES else c for c in text)
    return "".join(c for c in spaced if not unicodedata.category(c).startswith("C")).strip()
