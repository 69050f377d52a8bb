"""A delivery as a line of a list."""

from datetime import datetime

import msgspec

from service.console.case_requests import case_path
from service.database.deliveries.delivery_history import DeliveryRow
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DeliveryStatus

WEBHOOKS = "/console/webhooks"


class DeliveryLine(msgspec.Struct, frozen=True):
    """One delivery."""

    path: str
    host: str
    number: str
    case_path: str
    event_type: str | None  #: None until its job has ended
    status: DeliveryStatus
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    completed_at: datetime | None


def delivery_line(row: DeliveryRow) -> DeliveryLine:
    """The line of a delivery. Its URL may hold a secret, so lists show the host."""
    number = ProcessNumber(row.process_number)
    return DeliveryLine(
        path=f"{WEBHOOKS}/deliveries/{row.id}",
        host=row.host,
        number=number.masked,
        case_path=case_path(number),
        event_type=row.event_type,
        status=row.status,
        last_error=row.last_error,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        completed_at=row.completed_at,
    )
