"""Doubts a document that may have been cut off."""

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from worker.downloads.inspection.check import Check, Extent, Objection
from worker.downloads.inspection.endings import Boxes, shows_end
from worker.downloads.inspection.kinds import BOXES, SVG, XML
from worker.downloads.inspection.sample import Expected, Sample


class Truncated(Check):
    """Doubts what neither the listed size, nor HTTP, nor its own last bytes show to be complete."""

    order = 10
    extent = Extent.ALL

    def __init__(self, expected: Expected, *, max_bytes: int) -> None:
        super().__init__(expected, max_bytes=max_bytes)
        self._boxes = Boxes()

    def feed(self, chunk: bytes) -> None:
        self._boxes.feed(chunk)

    def finish(self, sample: Sample) -> Objection | None:
        if sample.promised_size is not None or not sample.size:
            return None
        ending = self._boxes.shows_end if sample.container == BOXES else shows_end(sample)
        if ending is False and (sample.container or sample.syntax in {XML, SVG}):
            # Whatever HTTP says: a gateway that loses the portal may still send the last chunk, or count what it has.
            sentence = "the document lacks the end of its kind"
            return Objection(ErrorCode.TRUNCATED, sentence, is_final=False, flag=ContentFlag.NO_END)
        if ending or sample.length is not None or sample.is_framed:
            return None
        return Objection(ErrorCode.TRUNCATED, "nothing shows that all of the document came", is_final=False)
