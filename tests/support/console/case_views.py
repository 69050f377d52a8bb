"""Views of the list of cases and of one case."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from service.console.pages.case import CaseView, DocumentRow
from service.console.pages.case_tabs import CaseJobsView, CaseWebhooksView, MovementsView, PartiesView
from service.console.pages.cases import CaseLine, CasesView
from service.console.pages.shared import InvitationView, SharedView
from service.console.pages.shares import SharesView
from service.console.views.bars import Bar
from service.console.views.case_heads import CaseHead, Reason
from service.console.views.lists import Tab, pages_of
from service.database.cases.case_data import StoredMovement
from service.database.cases.document_windows import DocumentLine
from service.database.console.shares import Share
from service.domain.case_data import Complement, Party, Pole, Representative
from service.domain.process_number import ProcessNumber
from service.domain.statuses import DocumentStatus, ProcessStatus
from tests.support.console.visits import SOMEBODY
from tests.support.console.work_views import delivery_lines, job_lines

MOMENT = datetime(2026, 1, 31, 2, 5, tzinfo=UTC)
NUMBER = ProcessNumber.parse("0000123-06.2023.4.03.6100")
PATH = f"/console/cases/{NUMBER.masked}"
BAR = Bar(total=4, done=2, failed=1, percent=75.0, done_width=50.0, failed_width=25.0)
EMPTY = Bar(total=0, done=0, failed=0, percent=0.0, done_width=0.0, failed_width=0.0)


def movement(text: str) -> StoredMovement:
    """A movement whose every text is `text`."""
    return StoredMovement(SOMEBODY, MOMENT, text, text, 1, text, (Complement(text, text),))


def parties(text: str) -> list[Party]:
    """A party with a representative, one that is sealed, and one without a name."""
    return [
        Party(Pole.ACTIVE, text, text, None, False, (Representative(text, text, text), Representative())),
        Party(Pole.PASSIVE, None, None, None, True),
        Party(Pole.OTHER),
    ]


def head(text: str, **changes: Any) -> CaseHead:
    """The head of a case with everything."""
    whole = CaseHead(
        number=NUMBER.masked,
        path=PATH,
        court=text,
        court_class=text,
        subject=text,
        filed_at=MOMENT,
        secrecy_level=1,
        listed_at=MOMENT,
        status=ProcessStatus.FAILED,
        is_active=False,
        bar=BAR,
        failures=[Reason("reason.too_large", 1)],
        error_key=None,
        lacks_documents=True,
        value=1234.5,
        judging_body=text,
        parties=parties(text),
        parties_total=300,
        last_movement=movement(text),
        every=timedelta(hours=6),
        choices=("6h",),
        tabs=[Tab("case.documents", PATH, is_current=True, count=4), Tab("case.jobs", PATH, is_current=False)],
    )
    return msgspec.structs.replace(whole, **changes)


def unlisted() -> CaseHead:
    """The head of a case that the portal has not listed."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("court", "court_class", "subject", "filed_at", "secrecy_level", "listed_at", "value", "judging_body", "every")
    )
    facts = {"parties": (), "parties_total": 0, "last_movement": None, "failures": (), "lacks_documents": False}
    return head("", is_active=True, status=ProcessStatus.PENDING, bar=EMPTY, **nothing, **facts)


def document(text: str, status: DocumentStatus, *, is_stored: bool = False, reason: str | None = None) -> DocumentRow:
    """A document whose every text is `text`."""
    line = DocumentLine(
        SOMEBODY, text, text + text, text, 1, text, MOMENT, 2, status, 10, text, is_stored, 1, reason, MOMENT
    )
    shown = "outdated" if is_stored and reason else status
    return DocumentRow(line, shown, f"{PATH}/documents/{SOMEBODY}", reason and f"reason.{reason}")


def case_view(text: str, *, only_failed: bool = False) -> CaseView:
    """A case with a document of each kind, on the second of three pages."""
    rows = [
        document(text, DocumentStatus.PENDING),
        document(text, DocumentStatus.PROCESSING),
        document(text, DocumentStatus.AVAILABLE, is_stored=True),
        document(text, DocumentStatus.AVAILABLE, is_stored=True, reason="too_large"),
        document(text, DocumentStatus.FAILED, reason="portal_error"),
    ]
    bare = msgspec.structs.replace(rows[0].line, sequence=None, page_count=None, size=None, filed_at=None, type="")
    rows.append(msgspec.structs.replace(rows[0], line=bare))
    return CaseView(head(text), rows, pages_of(PATH, "2", rows=250, size=100), only_failed)


def cases_view(text: str, **changes: Any) -> CasesView:
    """A list of cases in each state."""
    bars = [BAR, EMPTY, msgspec.structs.replace(EMPTY, percent=100.0)]
    lines = [CaseLine(NUMBER.masked, PATH, text, text, text, ProcessStatus.FAILED, bar, MOMENT) for bar in bars]
    lines.append(CaseLine(NUMBER.masked, PATH, None, None, None, ProcessStatus.COMPLETED, BAR, MOMENT))
    whole = CasesView(
        lines=lines,
        next_path="/console/cases?cursor=x",
        query=text,
        court=text,
        status="failed",
        statuses=list(ProcessStatus),
        is_filtered=True,
        requested=2,
        refused=["0000"],
        refused_more=1,
    )
    return msgspec.structs.replace(whole, **changes)


def share_views(text: str) -> Mapping[str, list[object]]:
    """The views of links to a case."""
    path = f"/console/shared/{SOMEBODY}"
    one = Share(SOMEBODY, NUMBER.digits, SOMEBODY, False, MOMENT, MOMENT, None, None)
    single = msgspec.structs.replace(one, is_single_use=True, opened_at=MOMENT)
    whole, none = case_view(text), pages_of(path, None, rows=0, size=100)
    return {
        "case_shares.html": [
            SharesView(head(text), [one, single], (1, 7), text),
            SharesView(head(text), [], (1,), None),
        ],
        "shared_invitation.html": [InvitationView(text)],
        "shared.html": [
            SharedView(head(text), path, whole.documents, whole.pages, MOMENT),
            SharedView(unlisted(), path, [], none, MOMENT),
        ],
    }


def case_views(text: str) -> Mapping[str, list[object]]:
    """The views of each template, so that every branch of it is rendered. `text` stands wherever somebody may write."""
    none = pages_of(PATH, None, rows=0, size=100)
    empty: dict[str, Any] = {"lines": [], "requested": None, "refused": (), "next_path": None}
    failed = head(text, error_key="reason.process_not_found", listed_at=None)
    more = f"{PATH}/movements?after={SOMEBODY}"
    return {
        "cases.html": [
            cases_view(text),
            cases_view(text, **empty),
            cases_view(text, **empty, is_filtered=False),
        ],
        "case.html": [
            case_view(text),
            case_view(text, only_failed=True),
            CaseView(unlisted(), [], none, only_failed=False),
            CaseView(failed, [], none, only_failed=True),
            CaseView(head(text), [], none, only_failed=False),
        ],
        "case_movements.html": [
            MovementsView(head(text), [movement(text)], text, [text, text], more, more),
            MovementsView(unlisted(), [], "", [], None, None),
        ],
        "case_parties.html": [
            PartiesView(head(text), parties(text), more),
            PartiesView(unlisted(), [], None),
        ],
        "case_jobs.html": [CaseJobsView(head(text), job_lines(text)), CaseJobsView(unlisted(), [])],
        "case_webhooks.html": [CaseWebhooksView(head(text), delivery_lines(text)), CaseWebhooksView(unlisted(), [])],
        **share_views(text),
    }
