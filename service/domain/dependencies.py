"""Dependencies that a cheap probe cannot test. The processes that use them report whether they work."""

from datetime import datetime
from enum import StrEnum

import msgspec

LASTING_FAILURE = 60.0  # seconds of failures without a success, after which a dependency counts as failing


class Dependency(StrEnum):
    """The keys of the table `dependencies`."""

    PORTAL = "portal"  #: listings and documents
    BUCKET = "bucket"  #: the objects that workers write


class Health(msgspec.Struct, frozen=True):
    """The health of one dependency, from the reports of all processes."""

    succeeded_at: datetime | None
    failed_at: datetime | None
    failing_since: datetime | None  #: the first failure since the last success; None if it works or was not used lately
    reason: str | None  #: of the last failure
    failing_seconds: float  #: from the first to the last failure since the last success; 0 if it works

    @property
    def is_failing(self) -> bool:
        """Whether failures have lasted for `LASTING_FAILURE` seconds."""
        return self.failing_seconds >= LASTING_FAILURE

    @property
    def trouble(self) -> str | None:
        """Since when it fails, and why. None if it works, or if the last failure is too old to say anything."""
        if self.failing_since is None:
            return None
        return f"fails since {self.failing_since:%Y-%m-%dT%H:%M:%SZ}: {self.reason}"
