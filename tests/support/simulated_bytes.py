"""What a simulated document's bytes are, as the inspection remembers them."""

from service.local.simulator.cases.cases import CaseDocument, Kind
from service.local.simulator.cases.content import sha256_of
from worker.downloads.inspection import Expected, Received


def seen_before(document: CaseDocument, promise: Expected) -> tuple[Received, ...]:
    """HTML of which no size is listed has to come twice, for it may be another's page."""
    came = Received(document.size, sha256_of(document))
    return (came,) if document.kind is Kind.HTML and promise.size is None else ()
