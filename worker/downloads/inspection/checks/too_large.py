"""Refuses a document beyond the size limit, at once."""

from service.domain.errors import ErrorCode
from service.portal.errors import Refused
from worker.downloads.inspection.check import Check, Extent
from worker.downloads.inspection.sample import Expected, Sample


class TooLarge(Check):
    """Counts the bytes: the listing and Content-Length may be wrong."""

    order = 0
    extent = Extent.ALL

    def __init__(self, expected: Expected, *, max_bytes: int) -> None:
        super().__init__(expected, max_bytes=max_bytes)
        self._left = max_bytes

    def feed(self, chunk: bytes) -> None:
        """Raises `Refused` beyond the limit."""
        self._left -= len(chunk)
        if self._left < 0:
            raise Refused(ErrorCode.TOO_LARGE, "the document is larger than the limit")

    def finish(self, sample: Sample) -> None:
        """Everything is decided in `feed`."""
