"""Inspects one download while its bytes stream through."""

import hashlib
import zlib
from collections.abc import AsyncIterator, Collection, Sequence

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from service.portal.errors import Unavailable
from worker.downloads.inspection import checks as checks_of_downloads
from worker.downloads.inspection.check import Check, Extent, Objection, checks_in
from worker.downloads.inspection.detected_kind import kind_of
from worker.downloads.inspection.endings import TAIL_LENGTH, shows_end
from worker.downloads.inspection.kinds import HTML
from worker.downloads.inspection.rendition import Opinion, Rendition
from worker.downloads.inspection.sample import Doubted, Expected, Received, Sample

HEAD_LENGTH = 32 * 1024  # bytes that show the kind; the form of a login page comes after its scripts
CHECKS = checks_in(checks_of_downloads)
_LISTED_OTHERWISE = frozenset({ErrorCode.SIZE_MISMATCH, ErrorCode.CONTENT_MISMATCH})


class Inspection:
    """Iterate `watch`; call `detect_kind` after the first bytes and `check_complete` after the last."""

    def __init__(
        self,
        expected: Expected,
        *,
        max_bytes: int,
        address: str = "",
        before: Collection[Received] = (),
        text: Rendition | None = None,
        checks: Sequence[type[Check]] = CHECKS,
    ) -> None:
        """`before`: what earlier attempts received and `Doubted`, from any address of the document.

        `text`: the document's text, requested since then.
        """
        self._expected = expected
        self._checks = [check(expected, max_bytes=max_bytes) for check in checks]
        self._address = address
        self._before = before
        self._text = text
        self._findings: dict[Check, Objection | ContentFlag] = {}
        self._header = ""
        self._is_page = False
        self._digest = hashlib.sha256()
        self.crc32 = 0  #: of all bytes so far
        self._head = b""
        self._tail = b""
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of all bytes so far, in lower-case hexadecimal."""
        return self._digest.hexdigest()

    async def watch(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the chunks unchanged after each check was fed. Raises `Refused` if a check does."""
        feeds = [check.feed for check in self._checks]
        async for chunk in chunks:
            self.size += len(chunk)
            for feed in feeds:
                feed(chunk)
            if len(self._head) < HEAD_LENGTH:
                self._head += chunk[: HEAD_LENGTH - len(self._head)]
            self._tail = (self._tail + chunk[-TAIL_LENGTH:])[-TAIL_LENGTH:]
            self._digest.update(chunk)
            self.crc32 = zlib.crc32(chunk, self.crc32)
            yield chunk

    def detect_kind(self, content_type: str, content_length: int | None) -> str:
        """Return the MIME type, from the bytes so far, the listing, the header and the name.

        Raises `Unavailable` if an objection is final. For doubts `check_complete` raises.
        """
        self._header = content_type
        sample = self._sample(content_length)
        self._finish(Extent.BEGINNING, sample)
        kind = kind_of(sample)
        self._is_page = kind == HTML and not self._expected.is_text
        return kind

    def check_complete(self, content_length: int | None, *, is_framed: bool) -> tuple[ContentFlag, ...]:
        """Return how the bytes differ from the listing. Raises `Doubted` if nothing confirms doubtful ones.

        `is_framed`: HTTP states where the body ends, by its length or by its chunks.
        """
        sample = self._sample(content_length, is_framed=is_framed)
        self._finish(Extent.ALL, sample)
        findings = [self._findings[check] for check in self._checks if check in self._findings]
        doubts = [each for each in findings if isinstance(each, Objection)]
        flags = {each.flag if isinstance(each, Objection) else each for each in findings}
        if doubts and self._accept(sample, doubts):
            flags.add(ContentFlag.CHANGES_EACH_TIME)
        return tuple(flag for flag in ContentFlag if flag in flags)

    def _finish(self, extent: Extent, sample: Sample) -> None:
        """Finish the checks of this extent. Raises `Unavailable` for the first final objection."""
        for check in self._checks:
            finding = check.finish(sample) if check.extent is extent else None
            if isinstance(finding, Objection) and finding.is_final:
                raise Unavailable(finding.code, finding.sentence)
            if finding is not None:
                self._findings[check] = finding

    def _accept(self, sample: Sample, doubts: list[Objection]) -> bool:
        """Return whether the document is made anew for each request. Raises `Doubted` if nothing confirms it."""
        received = self._received(sample)
        opinion = self._opinion(sample)
        if opinion is Opinion.CONTRADICTS:
            raise Doubted(ErrorCode.PORTAL_PAGE, "the document's text is not that of this page", received)
        if self._is_known(received):
            return False
        if not self._is_made_anew(received, doubts, is_affirmed=opinion is Opinion.AFFIRMS):
            raise Doubted(doubts[0].code, doubts[0].sentence, received)
        return True

    def _sample(self, content_length: int | None, *, is_framed: bool = False) -> Sample:
        return Sample(
            self._expected,
            head=self._head,
            tail=self._tail,
            size=self.size,
            header=self._header,
            length=content_length,
            is_framed=is_framed,
        )

    def _received(self, sample: Sample) -> Received:
        is_whole = sample.is_framed and sample.container is not None and bool(shows_end(sample))
        return Received(self.size, self.sha256, self._address, is_whole=is_whole, is_page=self._is_page)

    def _opinion(self, sample: Sample) -> Opinion:
        """What the document's text says about a doubted page."""
        if self._text is None or not self._is_page or sample.size_fits:
            return Opinion.NONE
        return self._text.opinion(sample.text, is_whole=sample.is_whole)

    def _is_known(self, received: Received) -> bool:
        return any((each.size, each.sha256) == (received.size, received.sha256) for each in self._before)

    def _is_made_anew(self, received: Received, doubts: list[Objection], *, is_affirmed: bool) -> bool:
        """Some portals make a document anew for each request, so its bytes differ each time. Accept it if each of two
        is complete by HTTP and by its own end, or is a page and the last one has the words of the document's text.
        """
        codes = {doubt.code for doubt in doubts}
        others = [each for each in self._before if each.address == self._address]
        if is_affirmed:
            return codes <= {ErrorCode.PORTAL_PAGE} and any(each.is_page for each in others)
        differs = bool(codes) and codes <= _LISTED_OTHERWISE
        return differs and received.is_whole and any(each.is_whole for each in others)
