"""Finds what changed in a case since the last poll. No database, no links: comparisons only."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from service.api.presenters.processes import ProgressView, progress_view
from service.database.cases.processes import Overview
from service.domain.documents import Document
from service.domain.events import count
from service.domain.process_number import ProcessNumber
from service.domain.statuses import ACTIVE_JOB, FINAL_STATUSES, JobStatus, ProcessStatus


class Change(msgspec.Struct, frozen=True):
    """What one poll found for the listeners."""

    documents: tuple[Document, ...]  #: those in which clients see a change, in the order of the file
    progress: ProgressView | None  #: None if it did not change
    end: ProgressView | None  #: set if the work has ended; its status names the event


class CaseProgress:
    """A case as of the last poll. Of each document it keeps only what shows a change, because cases can be large."""

    def __init__(self, number: ProcessNumber) -> None:
        self._number = number
        self._overview: Overview | None = None
        self._documents: dict[UUID, _Known] = {}
        self._progress: ProgressView | None = None

    def may_have_changed(self, overview: Overview) -> bool:
        """Whether to read the documents: a worker processes them, or the case or its job was written."""
        job = overview.last_job
        return (job is not None and job.status is JobStatus.PROCESSING) or overview != self._overview

    def rewritten(self, versions: Mapping[UUID, int]) -> list[UUID]:
        """The documents to load: new ones, and those that were written since the last poll."""
        known = self._documents
        return [each for each, version in versions.items() if each not in known or known[each].version != version]

    def update(self, overview: Overview, versions: Mapping[UUID, int], loaded: Mapping[UUID, Document]) -> Change:
        """Keep what a poll read, and return what changed.

        `versions`: all documents, in the order of the file. `loaded`: at least the ones that `rewritten` returned.
        """
        before = self._documents
        self._documents = {
            each: _known(loaded[each], version) if each in loaded else before[each]
            for each, version in versions.items()
        }
        changed = tuple(
            loaded[each]
            for each, known in self._documents.items()
            if each in loaded and (each not in before or before[each].content != known.content)
        )
        progress = progress_view(self._number, overview, count(self._documents.values()))
        is_new = progress != self._progress
        self._overview, self._progress = overview, progress
        return Change(changed, progress if is_new else None, ending(progress, overview))


def ending(progress: ProgressView, overview: Overview) -> ProgressView | None:
    """How the work on a case ended. None while it goes on, or if no download was requested.

    If documents are left that the last job was not made for, the case is pending again: the work has ended then too,
    but the case is not complete.
    """
    if progress.status in FINAL_STATUSES:
        return progress
    job = overview.last_job
    if job is None or job.status in ACTIVE_JOB:
        return None
    if job.status is JobStatus.COMPLETED:
        return progress
    return msgspec.structs.replace(progress, status=ProcessStatus(job.status))


def end_name(end: ProgressView) -> str:
    """The name of the last event of a stream."""
    return "updated" if end.status is ProcessStatus.PENDING else end.status


class _Known(msgspec.Struct, frozen=True, gc=False):
    version: int
    content: int  #: a hash: a row can be written again without a change
    settled: bool
    failed: bool


def _known(document: Document, version: int) -> _Known:
    return _Known(version, hash(document), document.settled, document.failed)
