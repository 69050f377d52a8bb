"""Doubts a document of another size than the listed one."""

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from worker.downloads.inspection.check import Check, Extent, Objection
from worker.downloads.inspection.sample import Sample


class SizeMismatch(Check):
    """The listing may be wrong, or bytes are missing."""

    order = 80
    extent = Extent.ALL

    def finish(self, sample: Sample) -> Objection | None:
        if sample.promised_size in {None, sample.size}:
            return None
        sentence = f"{sample.promised_size} bytes were promised, {sample.size} came"
        return Objection(ErrorCode.SIZE_MISMATCH, sentence, is_final=False, flag=ContentFlag.SIZE_MISMATCH)
