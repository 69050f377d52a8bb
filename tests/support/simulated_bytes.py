"""The bytes of a simulated document, as the inspection remembers them."""

from service.local.simulator.cases.cases import CaseDocument, Kind
from service.local.simulator.cases.content import sha256_of
from worker.downloads.inspection import Expected, Received


def seen_before(document: CaseDocument, promise: Expected) -> tuple[Received, ...]:
    """The inspection wants HTML without a listed size twice, because it may be a gateway's page."""
    came = Received(document.size, sha256_of(document))
    return (came,) if document.kind is Kind.HTML and promise.size is None else ()
