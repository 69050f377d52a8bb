"""The faults that the portal can simulate, and the script that says when."""

from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from service.local.simulator.cases.cases import CaseDocument, masked

FOR_EVER = -1
EVERY_DOCUMENT = "*"
Rendition = Literal["binario", "texto"]
_Whole = Annotated[int, msgspec.Meta(ge=0)]


class FaultKind(StrEnum):
    """The sets `ANYWHERE`, `IN_DOCUMENTS` and `IN_LISTINGS` say where each can happen."""

    PORTAL_PAGE = "portal_page"
    FIREWALL_403 = "firewall_403"
    JSON_200 = "json_200"
    EMPTY_BODY = "empty_body"
    CODEX_500 = "codex_500"
    NOT_FOUND_404 = "not_found_404"
    GATEWAY_404 = "gateway_404"
    ACCEPTED_202 = "accepted_202"
    TOO_MANY_429 = "too_many_429"
    UNAVAILABLE_503 = "unavailable_503"
    EXPIRED_401 = "expired_401"
    DENIED_403 = "denied_403"
    REDIRECT_OTHER_HOST = "redirect_other_host"
    HANG = "hang"
    REJECTED_PAGE = "rejected_page"
    OTHER_BODY = "other_body"

    TRUNCATED_WITH_LENGTH = "truncated_with_length"
    TRUNCATED_WITHOUT_LENGTH = "truncated_without_length"
    RESET = "reset"
    LONGER_THAN_DECLARED = "longer_than_declared"
    LONGER_THAN_LENGTH = "longer_than_length"
    UNASKED_GZIP = "unasked_gzip"
    OTHER_SIZE = "other_size"
    HTML_AS_PDF = "html_as_pdf"
    SLOW_DRIP = "slow_drip"
    NO_CONTENT_LENGTH = "no_content_length"
    CLOSE_DELIMITED = "close_delimited"
    MADE_ANEW = "made_anew"

    MALFORMED_JSON = "malformed_json"
    EMPTY_LIST = "empty_list"
    TWO_OBJECTS = "two_objects"
    CONTENT_WRAPPER = "content_wrapper"
    HREF_OTHER_HOST = "href_other_host"
    TRUNCATED = "truncated"
    SLOW = "slow"
    NO_MOVEMENTS = "no_movements"
    FEWER_MOVEMENTS = "fewer_movements"
    SHUFFLED = "shuffled"


_DOCUMENTS_AND_LISTINGS = frozenset({FaultKind.UNASKED_GZIP})
_DOCUMENTS_ONLY = frozenset(
    {
        FaultKind.TRUNCATED_WITH_LENGTH,
        FaultKind.TRUNCATED_WITHOUT_LENGTH,
        FaultKind.RESET,
        FaultKind.LONGER_THAN_DECLARED,
        FaultKind.LONGER_THAN_LENGTH,
        FaultKind.OTHER_SIZE,
        FaultKind.HTML_AS_PDF,
        FaultKind.SLOW_DRIP,
        FaultKind.NO_CONTENT_LENGTH,
        FaultKind.CLOSE_DELIMITED,
        FaultKind.MADE_ANEW,
    }
)
_LISTINGS_ONLY = frozenset(
    {
        FaultKind.MALFORMED_JSON,
        FaultKind.EMPTY_LIST,
        FaultKind.TWO_OBJECTS,
        FaultKind.CONTENT_WRAPPER,
        FaultKind.HREF_OTHER_HOST,
        FaultKind.TRUNCATED,
        FaultKind.SLOW,
        FaultKind.NO_MOVEMENTS,
        FaultKind.FEWER_MOVEMENTS,
        FaultKind.SHUFFLED,
    }
)
ANYWHERE = frozenset(FaultKind) - _DOCUMENTS_AND_LISTINGS - _DOCUMENTS_ONLY - _LISTINGS_ONLY
IN_DOCUMENTS = ANYWHERE | _DOCUMENTS_AND_LISTINGS | _DOCUMENTS_ONLY
IN_LISTINGS = ANYWHERE | _DOCUMENTS_AND_LISTINGS | _LISTINGS_ONLY


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One misbehaviour for the next `times` requests (-1: for ever). The other fields serve some kinds only.

    `rendition`: which address of a document is hit. `status`: instead of the number in the kind's name (502 for
    unavailable_503, 401 for denied_403 or firewall_403). `message`: of denied_403. `retry_after`: seconds, or any
    text; with `retry_after_as_date` the seconds are sent as an HTTP date. `location`: the other origin. `coding`:
    of unasked_gzip. `after_bytes`: sent before a cut (half by default; unasked_gzip is cut if it is given).
    `extra_bytes`: beyond what was promised. `size`: of other_size, in bytes; of
    fewer_movements, how many of each list stay (the oldest half by default). `seconds`: between two bytes of a
    drip, or before a slow listing. `body` and `media_type`: all that other_body answers (Base64 in JSON).
    """

    kind: FaultKind
    times: Annotated[int, msgspec.Meta(ge=FOR_EVER)] = 1
    rendition: Rendition = "binario"
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    message: str = "Usuário de exemplo não possui acesso ao processo"
    retry_after: _Whole | str | None = None
    retry_after_as_date: bool = False
    location: str = "http://other-host.invalid"
    after_bytes: _Whole | None = None
    extra_bytes: _Whole = 1000
    size: _Whole | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    body: bytes = b""
    media_type: str = "text/html"
    coding: Literal["gzip", "x-gzip", "deflate", "br", "zstd"] = "gzip"


class _Queue:
    """Faults in the order given, each until its times are used up."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._waiting = deque((fault, fault.times) for fault in faults if fault.times)

    def take(self) -> Fault | None:
        if not self._waiting:
            return None
        fault, left = self._waiting[0]
        if left == 1:
            self._waiting.popleft()
        elif left != FOR_EVER:
            self._waiting[0] = (fault, left - 1)
        return fault


class Script:
    """Faults still to come. Setting a target's faults again replaces what was left of them."""

    def __init__(self) -> None:
        self._everything = _Queue(())
        self._listings: dict[str, _Queue] = {}
        self._documents: dict[tuple[str, str], tuple[Fault, ...]] = {}
        self._started: dict[tuple[str, str, str, str], _Queue] = {}

    def clear(self) -> None:
        self._everything = _Queue(())
        self._listings.clear()
        self._documents.clear()
        self._started.clear()

    def fail_everything(self, *faults: Fault) -> None:
        """Hits every request, after the check of User-Agent. Raises ValueError for a kind not in `ANYWHERE`."""
        _require(faults, ANYWHERE)
        self._everything = _Queue(faults)

    def fail_listing(self, number: str, *faults: Fault) -> None:
        """Raises ValueError for a malformed number or a kind not in `IN_LISTINGS`."""
        _require(faults, IN_LISTINGS)
        self._listings[masked(number)] = _Queue(faults)

    def fail_document(self, number: str, target: str, *faults: Fault) -> None:
        """`target`: a uuid (that copy only), an idOrigem (all copies), or `*` (each document on its own count).

        The narrower target goes first. Raises ValueError for a malformed number or a kind not in `IN_DOCUMENTS`.
        """
        _require(faults, IN_DOCUMENTS)
        number = masked(number)
        self._documents[number, target] = faults
        self._started = {key: queue for key, queue in self._started.items() if key[:2] != (number, target)}

    def take_everything(self) -> Fault | None:
        return self._everything.take()

    def take_listing(self, number: str) -> Fault | None:
        queue = self._listings.get(number)
        return queue.take() if queue else None

    def take_document(self, document: CaseDocument, address: str, rendition: Rendition) -> Fault | None:
        """The fault for this request of a document at one of its uuids. Each call uses one up."""
        for target in (address, document.origin_id, EVERY_DOCUMENT):
            fault = self._take_targeted(document, target, rendition)
            if fault:
                return fault
        return None

    def _take_targeted(self, document: CaseDocument, target: str, rendition: Rendition) -> Fault | None:
        faults = self._documents.get((document.case_number, target))
        if not faults:
            return None
        key = (document.case_number, target, document.identity, rendition)
        if key not in self._started:
            self._started[key] = _Queue(fault for fault in faults if fault.rendition == rendition)
        return self._started[key].take()


def _require(faults: Iterable[Fault], allowed: frozenset[FaultKind]) -> None:
    unfit = [fault.kind for fault in faults if fault.kind not in allowed]
    if unfit:
        raise ValueError(f"this fault cannot happen here: {', '.join(unfit)}")
