"""Doubts a document that may have been cut off."""

from service.domain.errors import ErrorCode
from worker.downloads.inspection.check import Check, Extent, Objection
from worker.downloads.inspection.endings import shows_end
from worker.downloads.inspection.sample import Sample


class Truncated(Check):
    """Doubts what neither the listed size, nor HTTP, nor its own last bytes show to be complete."""

    order = 10
    extent = Extent.ALL

    def finish(self, sample: Sample) -> Objection | None:
        if sample.promised_size is not None or _is_proven(sample):
            return None
        return Objection(ErrorCode.TRUNCATED, "nothing shows that all of the document came", is_final=False)


def _is_proven(sample: Sample) -> bool:
    """Whether the whole document came. A gateway that loses the portal may still send the last chunk, so chunks are
    no proof for a binary file that lacks the end of its kind.
    """
    if sample.length is not None:
        return True
    ending = shows_end(sample)
    return bool(ending) or (sample.is_framed and (ending is None or sample.container is None))
