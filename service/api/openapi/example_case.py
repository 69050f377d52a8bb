"""One invented case as each response and webhook shows it, for the examples of the document."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from service.api.jobs import JobDetails
from service.api.openapi.example_facts import EXAMPLE_MOVEMENT, FACTS, FILED, NUMBER, PROCESS
from service.api.presenters.documents import DocumentView
from service.api.presenters.jobs import JobView
from service.api.presenters.processes import ProcessSummary, ProcessView, StatusView
from service.domain.case_facts import unlisted
from service.domain.errors import SENTENCES, ErrorCode
from service.domain.events import UPDATED
from service.domain.statuses import DeliveryStatus, DocumentStatus, JobStatus, ProcessStatus
from service.webhooks.payload import WebhookAddedDocument, WebhookBody, WebhookDocument

WEBHOOK_URL = "https://hooks.example.com/autos"
DOCUMENT_ID = UUID("fbf95da0-97c1-5f22-9086-6618cdb591ff")
JOB_ID = UUID("71a158dc-5460-463c-bbfd-4c6d8ab040e9")
DELIVERY_ID = UUID("5d8b5f9e-32c4-4c0e-8c61-4fd6e2b5a0f7")
ENDPOINT_ID = UUID("b1946ac9-2f6b-4a4e-9a51-8d7e4c0f6a12")
USER_ID = UUID("0f9b6f6e-5d0c-4b57-9a53-3f5d4a1c7e21")
KEY_ID = UUID("c1d2a9be-7f44-4d0b-8a5e-6a1b1f0e9d35")

MESSAGE_ID = f"msg_{DELIVERY_ID.hex}"
_SHA256 = "ff5c2c8e5d22d9f4dc64b1485ee127670b492ace5f5b34e02264a133f1661662"
_LINK = "https://bucket.example.com/processes/00001230620234036100/fbf95da0?X-Amz-Signature=..."
_PROCESS_URL = f"https://autos.example.com/api/v1/processes/{NUMBER}"
NO_CONNECTION = "The host did not accept the connection."
ASKED = datetime(2026, 1, 31, 11, 59, 55, tzinfo=UTC)
_STARTED = datetime(2026, 1, 31, 11, 59, 56, tzinfo=UTC)
COMPLETED_AT = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
_EXPIRES = datetime(2026, 1, 31, 13, 0, 0, tzinfo=UTC)
_CASE: dict[str, Any] = {
    "process_number": NUMBER,
    "court": "TRF3",
    "court_class": "Procedimento do Juizado Especial Cível",
    "subject": "Auxílio-Acidente (Art. 86)",
    "filed_at": FILED,
    "secrecy_level": 0,
    "has_documents": True,
    "total_documents": 2,
}
_STORED: dict[str, Any] = {
    "id": DOCUMENT_ID,
    "uuid": "0f5b3f1e-3c6e-5a52-9a4b-6a0d6f1b2c33",
    "name": "Petição inicial.pdf",
    "type": "Petição inicial",
    "status": DocumentStatus.AVAILABLE,
    "size": 278911,
    "mime_type": "application/pdf",
    "sha256": _SHA256,
    "charset": None,
    "content_flags": [],
    "listed_size": 278911,
    "listed_mime_type": "application/pdf",
    "download_url": _LINK,
    "download_url_expires_at": _EXPIRES,
    "content_url": f"{_PROCESS_URL}/documents/{DOCUMENT_ID}/content",
    "error_code": None,
    "error_message": None,
}
_FAILED: dict[str, Any] = {
    "id": UUID("0a4f7f0e-6a3b-5c0c-9f5e-9d3f6f0f2d11"),
    "uuid": "3f0c7a52-1f8c-5d52-8f0e-6a0d6f1b2c33",
    "name": "Certidão.html",
    "type": "Certidão",
    "status": DocumentStatus.FAILED,
    "size": None,
    "mime_type": None,
    "sha256": None,
    "charset": None,
    "content_flags": [],
    "listed_size": None,
    "listed_mime_type": None,
    "download_url": None,
    "download_url_expires_at": None,
    "content_url": None,
    "error_code": ErrorCode.PORTAL_ERROR,
    "error_message": SENTENCES[ErrorCode.PORTAL_ERROR],
}
_FACTS: dict[str, Any] = {
    "secrecy": "PUBLICO",
    "instance": "PRIMEIRO_GRAU",
    "filed_at": FILED,
    "size_mismatch": False,
    "started_at": _STARTED,
}
AVAILABLE = DocumentView(**_STORED, **_FACTS, sequence=1, page_count=12, attempts=1, completed_at=COMPLETED_AT)
GIVEN_UP = DocumentView(**_FAILED, **_FACTS, sequence=2, page_count=None, attempts=3, completed_at=COMPLETED_AT)
_UNDER_WAY = msgspec.structs.replace(
    GIVEN_UP,
    status=DocumentStatus.PROCESSING,
    error_code=None,
    error_message=None,
    attempts=0,
    completed_at=None,
)
EXAMPLE_CASE = ProcessView(
    **FACTS,
    has_documents=True,
    total_documents=2,
    status=ProcessStatus.PROCESSING,
    job_id=JOB_ID,
    webhook_url=WEBHOOK_URL,
    webhook_status=DeliveryStatus.WAITING,
    documents=[AVAILABLE, _UNDER_WAY],
)
KEPT_CASE = ProcessView(
    **msgspec.structs.asdict(unlisted(NUMBER)),
    has_documents=False,
    total_documents=0,
    status=ProcessStatus.PENDING,
    job_id=JOB_ID,
    webhook_url=WEBHOOK_URL,
    webhook_status=DeliveryStatus.WAITING,
    documents=[],
)
STATUS = StatusView(
    process_number=NUMBER,
    status=ProcessStatus.FAILED,
    total_documents=2,
    completed_documents=1,
    failed_documents=1,
    progress_percentage=100.0,
    documents=[AVAILABLE, GIVEN_UP],
    job_id=JOB_ID,
    error_code=None,
    error_message=None,
    webhook_url=WEBHOOK_URL,
    webhook_sent=True,
    webhook_sent_at=COMPLETED_AT,
    webhook_attempts=1,
    webhook_last_error=None,
    created_at=ASKED,
    started_at=_STARTED,
    completed_at=COMPLETED_AT,
)
SUMMARY = ProcessSummary(**_CASE, status=ProcessStatus.PROCESSING, job_id=JOB_ID, created_at=ASKED, updated_at=_STARTED)
JOB = JobView(
    id=JOB_ID,
    process_number=NUMBER,
    status=JobStatus.PROCESSING,
    total_documents=2,
    completed_documents=1,
    failed_documents=0,
    error_code=None,
    error_message=None,
    waiting_for=None,
    tried_again_at=None,
    created_at=ASKED,
    started_at=_STARTED,
    completed_at=None,
)
POSTPONED_JOB = msgspec.structs.replace(
    JOB,
    status=JobStatus.PENDING,
    total_documents=0,
    completed_documents=0,
    waiting_for="no listing: the portal answered 503",
    tried_again_at=COMPLETED_AT,
    started_at=None,
)
WAITING_JOB = JobDetails(**msgspec.structs.asdict(POSTPONED_JOB), position=3)
UNLISTED_JOB = msgspec.structs.replace(
    JOB,
    status=JobStatus.FAILED,
    total_documents=0,
    completed_documents=0,
    error_code=ErrorCode.PROCESS_NOT_FOUND,
    error_message=SENTENCES[ErrorCode.PROCESS_NOT_FOUND],
    completed_at=COMPLETED_AT,
)
JOB_DETAILS = JobDetails(**msgspec.structs.asdict(UNLISTED_JOB), position=None)
UNLISTED = msgspec.structs.replace(
    STATUS,
    error_code=UNLISTED_JOB.error_code,
    error_message=UNLISTED_JOB.error_message,
    webhook_last_error=NO_CONNECTION,
)
COMPLETED_EVENT = WebhookBody(
    type="process.completed",
    timestamp=COMPLETED_AT,
    process_number=NUMBER,
    job_id=JOB_ID,
    status=ProcessStatus.COMPLETED,
    total_documents=1,
    completed_documents=1,
    failed_documents=0,
    completed_at=COMPLETED_AT,
    process=PROCESS,
    documents=[WebhookDocument(**_STORED)],
    documents_truncated=False,
    status_url=f"{_PROCESS_URL}/status",
)
FAILED_EVENT = msgspec.structs.replace(
    COMPLETED_EVENT,
    type="process.failed",
    status=ProcessStatus.FAILED,
    total_documents=2,
    failed_documents=1,
    documents=[*COMPLETED_EVENT.documents, WebhookDocument(**_FAILED)],
)
UPDATED_EVENT = msgspec.structs.replace(
    COMPLETED_EVENT,
    type=UPDATED,
    job_id=None,
    documents=[],
    documents_added=[
        WebhookAddedDocument(**_STORED, replaced=False),
        WebhookAddedDocument(**_FAILED, replaced=True),
    ],
    movements_added=(EXAMPLE_MOVEMENT,),
    movements_truncated=False,
    checked_at=ASKED,
)
