"""Examples of requests and responses: values of the types themselves, so that they always match.

The first example of a type is shown for the first reply of an operation, the second for the second. Of every member
the document shows the first value that is not null or empty.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args, get_origin

import msgspec

from service.api.bulk_requests import SearchBody, SearchResult, SearchView
from service.api.deliveries import AttemptView, DeliveryView, RecoverBody, RecoveredView
from service.api.docs import RootView
from service.api.downloads import AllBody, OneBody, StartedView
from service.api.framework.pagination import CURSOR_EXAMPLE, Page
from service.api.health import LiveView, ReadyView
from service.api.monitors import MonitorBody, MonitorResult, MonitorsBody, MonitorsView
from service.api.openapi.example_case import (
    ASKED,
    COMPLETED_AT,
    COMPLETED_EVENT,
    DELIVERY_ID,
    ENDPOINT_ID,
    EXAMPLE_CASE,
    FAILED_EVENT,
    JOB,
    JOB_DETAILS,
    JOB_ID,
    KEPT_CASE,
    KEY_ID,
    MESSAGE_ID,
    NO_CONNECTION,
    POSTPONED_JOB,
    STATUS,
    SUMMARY,
    UNLISTED,
    UNLISTED_JOB,
    UPDATED_EVENT,
    USER_ID,
    WAITING_JOB,
    WEBHOOK_URL,
)
from service.api.openapi.example_facts import NUMBER, OTHER_NUMBER
from service.api.presenters.monitors import MonitorView
from service.api.presenters.processes import ProgressView
from service.api.progress.stream import encoded
from service.api.users import (
    KeyBody,
    KeyView,
    LimitsView,
    MeView,
    NewKeyView,
    NewUserView,
    RateView,
    UserBody,
    UserView,
)
from service.api.webhook_endpoints import (
    EndpointBody,
    EndpointSecretView,
    EndpointView,
    NewEndpointBody,
    NewEndpointView,
)
from service.api.webhook_secrets import SecretView
from service.api.webhook_tests import (
    CallBody,
    ConnectivityView,
    ReceivedBody,
    ReceivedView,
    SendTestBody,
    SentView,
    UrlBody,
    ValidityView,
)
from service.database.users.api_keys import KEYS_MAX
from service.domain.deliveries import DisabledReason, EndpointEvent
from service.domain.errors import ErrorCode
from service.domain.monitoring.monitors import MonitorStatus
from service.domain.statuses import DeliveryStatus, ProcessStatus
from service.domain.version import VERSION
from service.http.problems import FieldError, ProblemView
from service.webhooks import test_events

_PUBLIC_URL = "https://autos.example.com"
_API_KEY = "autos_" + "A" * 43
_LABEL = "Case system, production"
_SECRET = "whsec_" + "A" * 43 + "="
_RETRIED = datetime(2026, 1, 31, 12, 0, 3, tzinfo=UTC)
_DUE = datetime(2026, 1, 31, 12, 0, 8, tzinfo=UTC)
_DELIVERY = DeliveryView(
    id=DELIVERY_ID,
    webhook_id=MESSAGE_ID,
    user_id=USER_ID,
    type="process.failed",
    process_number=NUMBER,
    job_id=JOB_ID,
    endpoint_id=ENDPOINT_ID,
    webhook_url=WEBHOOK_URL,
    status=DeliveryStatus.SCHEDULED,
    next_attempt_at=_DUE,
    resend_requested_at=None,
    last_error=NO_CONNECTION,
    created_at=ASKED,
    completed_at=None,
    attempts=[
        AttemptView(1, COMPLETED_AT, 31, "status", 502, "Bad Gateway", "The host answered 502."),
        AttemptView(2, _RETRIED, 12, "connect_failed", None, None, NO_CONNECTION),
    ],
)
_DELIVERED = msgspec.structs.replace(
    _DELIVERY,
    status=DeliveryStatus.DELIVERED,
    next_attempt_at=None,
    resend_requested_at=_DUE,
    last_error=None,
    completed_at=_DUE,
)
_CANCELLED = msgspec.structs.replace(
    _DELIVERY, status=DeliveryStatus.CANCELLED, next_attempt_at=None, completed_at=_DUE
)
_EVENTS = [EndpointEvent.COMPLETED, EndpointEvent.UPDATED]
_ENDPOINT = EndpointView(
    id=ENDPOINT_ID,
    user_id=USER_ID,
    url=WEBHOOK_URL,
    events=_EVENTS,
    description=_LABEL,
    is_enabled=True,
    disabled_reason=None,
    disabled_at=None,
    failing_since=None,
    last_error=None,
    created_at=ASKED,
)
_MONITOR = MonitorView(
    process_number=NUMBER,
    every_seconds=21_600,
    webhook_url=WEBHOOK_URL,
    description="Client 4711",
    status=MonitorStatus.ACTIVE,
    created_at=ASKED,
    last_checked_at=COMPLETED_AT,
    last_changed_at=COMPLETED_AT,
    next_check_at=datetime(2026, 1, 31, 18, 0, 0, tzinfo=UTC),
    consecutive_failures=0,
    last_error_code=None,
)
_NEW_MONITOR = msgspec.structs.replace(_MONITOR, last_checked_at=None, last_changed_at=None, next_check_at=ASKED)
_FAILING_MONITOR = msgspec.structs.replace(
    _MONITOR, status=MonitorStatus.FAILING, consecutive_failures=9, last_error_code=ErrorCode.PORTAL_UNAVAILABLE
)
_BAD_BODY = ProblemView(
    "about:blank",
    "Bad Request",
    400,
    "The body is malformed.",
    "invalid_body",
    (FieldError("since", "It is required."),),
)
_UNKNOWN_CASE = ProblemView("about:blank", "Not Found", 404, "The portal does not know this case.", "process_not_found")

#: What subscribers get, one for each type of event.
EVENTS = (
    COMPLETED_EVENT,
    FAILED_EVENT,
    msgspec.structs.replace(FAILED_EVENT, type="process.cancelled", status=ProcessStatus.CANCELLED),
    UPDATED_EVENT,
    msgspec.structs.replace(
        COMPLETED_EVENT,
        type=test_events.EVENT_TYPE,
        job_id=None,
        total_documents=0,
        completed_documents=0,
        documents=[],
    ),
)

EXAMPLES: Sequence[msgspec.Struct] = (
    *EVENTS,
    EXAMPLE_CASE,
    KEPT_CASE,
    STATUS,
    UNLISTED,
    SUMMARY,
    JOB,
    POSTPONED_JOB,
    UNLISTED_JOB,
    WAITING_JOB,
    JOB_DETAILS,
    _DELIVERY,
    _DELIVERED,
    _CANCELLED,
    _BAD_BODY,
    SearchBody([NUMBER, OTHER_NUMBER], webhook_url=WEBHOOK_URL),
    SearchView([SearchResult(NUMBER, SUMMARY, None), SearchResult(OTHER_NUMBER, None, _UNKNOWN_CASE)]),
    _MONITOR,
    _NEW_MONITOR,
    _FAILING_MONITOR,
    MonitorBody("6h", WEBHOOK_URL, "Client 4711"),
    MonitorsBody([NUMBER, OTHER_NUMBER], "1d", WEBHOOK_URL),
    MonitorsView([MonitorResult(NUMBER, _MONITOR, None), MonitorResult(OTHER_NUMBER, None, _UNKNOWN_CASE)]),
    OneBody(WEBHOOK_URL),
    AllBody(WEBHOOK_URL),
    StartedView(NUMBER, JOB_ID, JOB),
    StartedView(NUMBER, None, None),
    SecretView(_SECRET, [], None),
    SecretView(_SECRET, [_SECRET.replace("A", "B")], COMPLETED_AT),
    NewEndpointBody(WEBHOOK_URL, _EVENTS, _LABEL),
    NewEndpointView(**msgspec.structs.asdict(_ENDPOINT), secret=_SECRET),
    EndpointBody(is_enabled=True),
    EndpointBody(WEBHOOK_URL, _EVENTS, _LABEL),
    _ENDPOINT,
    msgspec.structs.replace(
        _ENDPOINT,
        is_enabled=False,
        disabled_reason=DisabledReason.FAILING,
        disabled_at=COMPLETED_AT,
        failing_since=ASKED,
        last_error=NO_CONNECTION,
    ),
    EndpointSecretView(_SECRET, [], None),
    EndpointSecretView(_SECRET, [_SECRET.replace("A", "B")], COMPLETED_AT),
    RecoverBody(ASKED),
    RecoveredView(3),
    UrlBody(WEBHOOK_URL),
    ValidityView(valid=True, message="Webhooks may be sent to this URL.", code=None),
    ValidityView(valid=False, message="Start the URL with https://.", code="scheme"),
    CallBody(WEBHOOK_URL),
    ConnectivityView(reachable=True, status_code=405, response_time_ms=31, error=None),
    ConnectivityView(reachable=False, status_code=None, response_time_ms=None, error=NO_CONNECTION),
    SendTestBody(WEBHOOK_URL, {"process_number": NUMBER}),
    SentView(True, MESSAGE_ID, 200, 31, "ok", None),
    SentView(False, MESSAGE_ID, None, 5, None, NO_CONNECTION),
    ReceivedBody(NUMBER, 2),
    ReceivedView(True, NUMBER, 2, True, "The signature is valid."),
    LiveView("ok", VERSION),
    RootView(
        "Autos",
        VERSION,
        f"{_PUBLIC_URL}/docs",
        f"{_PUBLIC_URL}/openapi.json",
        f"{_PUBLIC_URL}/health/ready",
    ),
    ReadyView("ok", "ok", "ok", "ok", "ok", "ok"),
    MeView(
        USER_ID,
        "Example Law Firm",
        "user",
        LimitsView(RateView(600, 60), RateView(60, 60), RateView(10_000, 3600), KEYS_MAX),
    ),
    UserView(USER_ID, "Example Law Firm", "user", ASKED),
    NewUserView(USER_ID, "Example Law Firm", "user", ASKED, _API_KEY),
    UserBody("Example Law Firm", key_label=_LABEL),
    KeyBody(_LABEL),
    KeyView(KEY_ID, "AAAA", _LABEL, ASKED, COMPLETED_AT),
    NewKeyView(KEY_ID, "AAAA", _LABEL, ASKED, None, _API_KEY),
    ReadyView("unavailable", "ok", "ok", "gives no answer within 1.5 seconds", "ok", "ok"),
)


_PROGRESS = msgspec.convert(STATUS, ProgressView, from_attributes=True)
_UNDER_WAY = msgspec.structs.replace(
    _PROGRESS, status=ProcessStatus.PROCESSING, failed_documents=0, progress_percentage=50.0, completed_at=None
)

#: A table as a request has it: only the first column is read.
CSV_REQUEST = f"Processo;Cliente\r\n{NUMBER};Maria da Silva\r\n{OTHER_NUMBER};João de Souza\r\n"
#: Examples of responses that are not JSON, by their media type.
TEXTS: Mapping[str, str] = {
    "text/event-stream": (encoded("progress", _UNDER_WAY) + encoded("failed", _PROGRESS)).decode(),
    "text/csv": (
        f"process_number;status;job_id;total_documents;court;court_class;subject;code;message\r\n"
        f"{NUMBER};processing;{JOB_ID};2;TRF3;{SUMMARY.court_class};{SUMMARY.subject};;\r\n"
        f"{OTHER_NUMBER};;;;;;;process_not_found;The portal does not know this case.\r\n"
    ),
}


def examples_of(kind: Any) -> list[Any]:
    """The examples of a type: those in `EXAMPLES`, and values inside of them. A page has one, with one item."""
    if get_origin(kind) is Page:
        return [Page(examples_of(get_args(kind)[0])[:1], CURSOR_EXAMPLE)]
    return [example for example in (*EXAMPLES, *_within(EXAMPLES)) if type(example) is kind]


def _within(value: object) -> Iterator[object]:
    """Every value inside of a value."""
    if isinstance(value, msgspec.Struct):
        value = [getattr(value, name) for name in value.__struct_fields__]
    for each in value if isinstance(value, list | tuple) else ():
        yield each
        yield from _within(each)
