"""A monitor: a user's wish to be told what changes in a case."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.domain.described.enums import DescribedEnum
from service.domain.process_number import ProcessNumber


class MonitorStatus(DescribedEnum):
    """The status of a monitor."""

    ACTIVE = "active", "its case is checked"
    FAILING = "failing", "every check of the last three days has failed; the checks go on"


class MonitorWish(msgspec.Struct, frozen=True):
    """What a user asks for."""

    number: ProcessNumber
    user_id: UUID
    every: timedelta
    webhook_url: str | None = None
    description: str | None = None


class Monitor(msgspec.Struct, frozen=True):
    """A monitor with the state of its case's checks."""

    id: UUID
    process_number: str  #: 20 digits
    user_id: UUID
    every: timedelta
    webhook_url: str | None
    description: str | None
    created_at: datetime
    last_checked_at: datetime | None  #: None until the first check of this monitor has succeeded
    last_changed_at: datetime | None  #: when this user was told of a change last
    next_check_at: datetime
    consecutive_failures: int
    last_error_code: str | None
    is_failing: bool

    @property
    def status(self) -> MonitorStatus:
        """The status as clients see it."""
        return MonitorStatus.FAILING if self.is_failing else MonitorStatus.ACTIVE
