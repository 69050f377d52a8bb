"""Objects to JSON that looks like an error, or whose kind is not promised."""

from service.domain.errors import ErrorCode
from worker.downloads.inspection.check import Check, Objection
from worker.downloads.inspection.kinds import HTML, is_textual
from worker.downloads.inspection.markup import error_likeness
from worker.downloads.inspection.sample import Sample


class JsonError(Check):
    """JSON that is not promised is only a doubt if its size fits."""

    order = 40

    def finish(self, sample: Sample) -> Objection | None:
        if sample.syntax is None or sample.is_listed_text:
            return None
        likeness = error_likeness(sample.text, whole=sample.is_whole, header=sample.header)
        if likeness is None or (likeness == "none" and _may_be_json(sample)):
            return None
        is_of_the_size = likeness == "none" and sample.size_fits
        is_final = likeness == "sure" or not (_may_be_json(sample) or is_of_the_size)
        return Objection(ErrorCode.PORTAL_ANSWER_INVALID, "an error in JSON came", is_final)


def _may_be_json(sample: Sample) -> bool:
    promised = sample.promised
    return promised is not None and promised != HTML and is_textual(promised)
