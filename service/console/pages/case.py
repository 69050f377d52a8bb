"""One case with its documents."""

from collections.abc import Sequence

import msgspec

from service.actions.cases import NotRequested
from service.console.case_requests import case_path, number_of
from service.console.framework.declarations import page
from service.console.framework.refusal import Refusal
from service.console.framework.visits import Visit
from service.console.views.case_heads import CaseFacts, CaseHead, case_head, reason_key
from service.console.views.lists import Pages, pages_of
from service.database.cases import case_data, document_windows, processes
from service.database.cases.document_windows import DocumentLine
from service.database.connection import Connection
from service.database.monitors import monitors
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DocumentStatus

DOCUMENTS_SHOWN = 100  # on a page
ONLY_FAILED = "failed"


class DocumentRow(msgspec.Struct, frozen=True):
    """A document, and what can be done with it."""

    line: DocumentLine
    status: str  #: of the texts `status.document`
    path: str
    reason_key: str | None  #: of the sentence that says why it failed

    @property
    def is_settled(self) -> bool:
        """No job works on it."""
        return self.line.status in {DocumentStatus.AVAILABLE, DocumentStatus.FAILED}


class CaseView(msgspec.Struct, frozen=True):
    """A case with one page of its documents."""

    head: CaseHead
    documents: Sequence[DocumentRow]
    pages: Pages
    only_failed: bool


@page("case.html")
async def show(visit: Visit) -> CaseView:
    """A case and its documents."""
    number, only_failed = number_of(visit), visit.query("only") == ONLY_FAILED
    async with visit.state["database"].connection() as connection:
        facts = await read_facts(connection, visit, number)
        counts = facts.tally.counts
        pages = pages_of(
            case_path(number),
            visit.query("page"),
            rows=counts.failed if only_failed else counts.total,
            size=DOCUMENTS_SHOWN,
            only=ONLY_FAILED if only_failed else None,
        )
        lines = await document_windows.window(
            connection, number, skipped=pages.skipped, limit=DOCUMENTS_SHOWN, only_failed=only_failed
        )
    rows = [document_row(line, case_path(number, f"/documents/{line.id}")) for line in lines]
    return CaseView(case_head(facts, "documents"), rows, pages, only_failed)


async def read_facts(connection: Connection, visit: Visit, number: ProcessNumber) -> CaseFacts:
    """Read what the head of a case shows, by four statements. Raises `Refusal` (404) if it was never requested."""
    overview = await processes.overview(connection, number, visit.user.id)
    if overview is None:
        raise not_requested()
    return CaseFacts(
        number,
        overview,
        await document_windows.tally(connection, number),
        await case_data.find(connection, number),
        await monitors.find(connection, number, visit.user.id),
    )


def not_requested() -> Refusal:
    """The problem for a case that was never requested."""
    return Refusal("process_not_found", str(NotRequested.__doc__), advice="case.not_requested")


def document_row(line: DocumentLine, path: str) -> DocumentRow:
    """A document with the path that opens it."""
    is_outdated = line.status is DocumentStatus.AVAILABLE and line.error_code is not None
    return DocumentRow(
        line=line,
        status="outdated" if is_outdated else line.status,
        path=path,
        reason_key=None if line.error_code is None else reason_key(line.error_code),
    )
