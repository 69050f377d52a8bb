"""What the work depends on and no probe can try in passing: told by the processes that use it."""

from datetime import datetime
from enum import StrEnum

import msgspec

LASTING = 60.0  # seconds of failures without a success, after which people are told


class Dependency(StrEnum):
    """The keys of the table `dependencies`."""

    PORTAL = "portal"  #: listings and documents
    BUCKET = "bucket"  #: objects that workers write


class Health(msgspec.Struct, frozen=True):
    """How one of them does, by what all processes have met."""

    succeeded_at: datetime | None
    failed_at: datetime | None
    failing_since: datetime | None  #: the first failure since the last success; None if it works
    reason: str | None  #: of the last failure
    failing_seconds: float  #: from the first to the last failure without a success between; 0 if it works

    @property
    def is_failing(self) -> bool:
        """Whether failures have lasted so long that work stands still."""
        return self.failing_seconds >= LASTING

    @property
    def trouble(self) -> str | None:
        """Since when it fails, and why; None if it works, or if nobody has asked it for long."""
        if self.failing_since is None:
            return None
        return f"fails since {self.failing_since:%Y-%m-%dT%H:%M:%SZ}: {self.reason}"
