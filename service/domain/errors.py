"""Why a document or a job failed: a closed list of codes, each with a sentence that tells the client what to do."""

from collections.abc import Mapping
from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable codes. A new one extends the HTTP contract and needs a sentence in `SENTENCES`."""

    NOTHING_TO_DOWNLOAD = "nothing_to_download"
    DOCUMENT_NOT_FOUND = "document_not_found"
    DOCUMENT_ACCESS_DENIED = "document_access_denied"
    PORTAL_ERROR = "portal_error"
    PORTAL_UNAVAILABLE = "portal_unavailable"
    PORTAL_PAGE = "portal_page"
    PORTAL_ANSWER_INVALID = "portal_answer_invalid"
    ADDRESS_REFUSED = "address_refused"
    REDIRECTED = "redirected"
    TRUNCATED = "truncated"
    EMPTY_DOCUMENT = "empty_document"
    CONTENT_MISMATCH = "content_mismatch"
    ENCODING_REFUSED = "encoding_refused"
    SIZE_MISMATCH = "size_mismatch"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    STORAGE_REFUSED = "storage_refused"
    PROCESS_NOT_FOUND = "process_not_found"
    PROCESS_ACCESS_DENIED = "process_access_denied"
    JOB_EXPIRED = "job_expired"
    INTERNAL_ERROR = "internal_error"


SENTENCES: Mapping[ErrorCode, str] = {
    ErrorCode.NOTHING_TO_DOWNLOAD: (
        "The portal lists this document without an address. Ask again with force_refresh=true once the court "
        "has published it."
    ),
    ErrorCode.DOCUMENT_NOT_FOUND: (
        "The portal lists this document but answers that it does not exist. Ask again with force_refresh=true."
    ),
    ErrorCode.DOCUMENT_ACCESS_DENIED: (
        "The portal denies this document to the credentials in use. It may be sealed: ask the court for access."
    ),
    ErrorCode.PORTAL_ERROR: (
        "The portal failed to produce this document. It often keeps failing for the same one: try again later, "
        "or ask the court's registry for it."
    ),
    ErrorCode.PORTAL_UNAVAILABLE: "The portal did not answer in time or is down. Try again later.",
    ErrorCode.PORTAL_PAGE: (
        "A web page of the portal, or of a system in front of it, came in place of the document. Try again later."
    ),
    ErrorCode.PORTAL_ANSWER_INVALID: ("The portal answered with something that is not the document. Try again later."),
    ErrorCode.ADDRESS_REFUSED: (
        "The portal gives an address outside of itself for this document; it is not followed. "
        "Fetch this document from the portal by hand."
    ),
    ErrorCode.REDIRECTED: (
        "The portal redirects this document elsewhere; redirects are not followed. "
        "Fetch this document from the portal by hand."
    ),
    ErrorCode.TRUNCATED: "The document was cut short on the way, every time. Try again later.",
    ErrorCode.EMPTY_DOCUMENT: "The portal sent no bytes for this document. Try again later.",
    ErrorCode.CONTENT_MISMATCH: (
        "What the portal sends is not of the kind that it lists, and nothing shows that it is the document. "
        "Compare with the portal."
    ),
    ErrorCode.ENCODING_REFUSED: (
        "The portal sent the document compressed in a way that this service cannot read. Try again later."
    ),
    ErrorCode.SIZE_MISMATCH: (
        "What the portal sends differs in size from what it lists, and differs each time. Try again later."
    ),
    ErrorCode.TOO_LARGE: "The document is larger than this service accepts. Ask its operator to raise the limit.",
    ErrorCode.TOO_SLOW: "The portal sent the document too slowly to be finished. Try again later.",
    ErrorCode.STORAGE_REFUSED: (
        "The object store of this service refuses this document, and takes others. Ask its operator: the log says why."
    ),
    ErrorCode.PROCESS_NOT_FOUND: "The portal does not know this case.",
    ErrorCode.PROCESS_ACCESS_DENIED: "The portal denies this case to the credentials in use.",
    ErrorCode.JOB_EXPIRED: (
        "For three days nothing could be downloaded for this case: the portal, its token or the store failed. "
        "Request it again."
    ),
    ErrorCode.INTERNAL_ERROR: "This service failed, not the portal. Ask its operator: the log says why.",
}
