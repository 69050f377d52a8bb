"""What is true of a document, as SQL, and the counts of documents. Cases and jobs use both."""

#: The stored file is the version that the portal lists.
CURRENT = "(documents.status = 'available' AND documents.error_code IS NULL)"
#: A job has to download it, for the first time or again.
LACKING = f"(NOT {CURRENT})"
#: No job works on it or waits for it.
SETTLED = "documents.status IN ('available', 'failed')"
#: For documents that a job has not downloaded: the stored file is the version that the portal lists.
KEEPS_FILE = "(documents.storage_key IS NOT NULL AND documents.is_current)"
#: Of documents; one whose update failed counts as failed, although its older file is available.
COUNTS = (
    f"SELECT count(*) AS total, count(*) FILTER (WHERE {CURRENT}) AS completed,"
    f" count(*) FILTER (WHERE {SETTLED} AND NOT {CURRENT}) AS failed FROM documents"
)
#: The counts after a job has ended without downloading all of them: documents with a current file are completed.
COUNTS_AT_END = COUNTS.replace(f"(WHERE {CURRENT})", f"(WHERE {CURRENT} OR NOT {SETTLED} AND {KEEPS_FILE})")
