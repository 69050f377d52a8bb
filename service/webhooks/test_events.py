"""`webhook.test`: a message with the same fields as a real one, to test a receiver."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import UNSET

from service.domain.case_facts import unlisted
from service.domain.statuses import ProcessStatus
from service.webhooks.payload import WebhookBody

EVENT_TYPE = "webhook.test"
_PREFIX = "msg_test_"
_ID_CHARACTERS = 32


def new_test_id(user_id: UUID) -> str:
    """A `webhook-id` that holds the user's id, so that `webhook-test-receiver` knows whose secret signed the test."""
    return f"{_PREFIX}{user_id.hex}_{uuid4().hex}"


def user_of_test(webhook_id: str) -> UUID | None:
    """The user who requested a test. None if `webhook_id` is not that of a test."""
    if not webhook_id.startswith(_PREFIX):
        return None
    return _uuid(webhook_id.removeprefix(_PREFIX)[:_ID_CHARACTERS])


def delivery_of(webhook_id: str) -> UUID | None:
    """The delivery that a `webhook-id` names. None if it names none."""
    return _uuid(webhook_id.removeprefix("msg_")) if webhook_id.startswith("msg_") else None


def render_test(moment: datetime, payload: Mapping[str, Any], *, public_url: str) -> bytes:
    """The body of a test. Members of `payload` replace the invented values, except `type` and `timestamp`."""
    number = "0000001-00.2000.0.00.0000"
    body = WebhookBody(
        type=EVENT_TYPE,
        timestamp=moment,
        process_number=number,
        job_id=None,
        status=ProcessStatus.COMPLETED,
        total_documents=0,
        completed_documents=0,
        failed_documents=0,
        completed_at=moment,
        process=unlisted(number),
        documents=[],
        documents_truncated=False,
        status_url=f"{public_url}/api/v1/processes/{number}/status",
    )
    values = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    return msgspec.json.encode({**values, **payload, "type": EVENT_TYPE, "timestamp": moment})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(hex=text) if len(text) == _ID_CHARACTERS else None
    except ValueError:
        return None
