"""Inspects one download while its bytes stream through."""

import hashlib
import zlib
from collections.abc import AsyncIterator, Collection

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from service.portal.errors import Refused, Unavailable
from worker.downloads.inspection.checks import CHECKS, Objection, kind_of
from worker.downloads.inspection.endings import TAIL_LENGTH, shows_end
from worker.downloads.inspection.kinds import HTML
from worker.downloads.inspection.rendition import Opinion, Rendition
from worker.downloads.inspection.sample import Doubted, Expected, Received, Sample

HEAD_LENGTH = 32 * 1024  # bytes that show the kind; the form of a login page comes after its scripts


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
    ) -> None:
        """`before`: what earlier attempts received and `Doubted`, from any address of the document.

        `text`: the document's text, requested since then.
        """
        self._expected = expected
        self._max_bytes = max_bytes
        self._address = address
        self._before = before
        self._text = text
        self._doubts: list[Objection] = []
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
        """Yield the chunks unchanged and keep what the checks need. Raises `Refused` beyond `max_bytes`."""
        async for chunk in chunks:
            self.size += len(chunk)
            if self.size > self._max_bytes:
                raise Refused(ErrorCode.TOO_LARGE, "the document is larger than the limit")
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
        sample = self._sample(content_type, content_length)
        objections = [objection for check in CHECKS if (objection := check(sample))]
        for objection in objections:
            if objection.is_final:
                raise Unavailable(objection.code, objection.sentence)
        self._doubts = objections
        kind = kind_of(sample)
        self._is_page = kind == HTML and not self._expected.is_text
        return kind

    def check_complete(self, content_length: int | None, *, is_framed: bool) -> tuple[ContentFlag, ...]:
        """Return how the bytes differ from the listing. Raises `Doubted` if nothing confirms doubtful ones.

        `is_framed`: HTTP states where the body ends, by its length or by its chunks.
        """
        sample = self._sample("", content_length)
        expected = None if self._expected.is_text else self._expected.size
        differs = expected is not None and expected != self.size
        doubts = [*self._doubts]
        if differs:
            doubts.append(Objection(ErrorCode.SIZE_MISMATCH, f"{self.size} bytes came, which is not the promised size"))
        elif expected is None and not _is_proven(sample, content_length, is_framed=is_framed):
            doubts.insert(0, Objection(ErrorCode.TRUNCATED, "nothing shows that all of the document came"))
        received = self._received(sample, is_framed=is_framed)
        opinion = self._opinion(sample) if doubts else Opinion.NONE
        if opinion is Opinion.CONTRADICTS:
            raise Doubted(ErrorCode.PORTAL_PAGE, "the document's text is not that of this page", received)
        is_known = self._is_known(received)
        is_made_anew = not is_known and self._is_made_anew(received, doubts, is_affirmed=opinion is Opinion.AFFIRMS)
        if doubts and not is_known and not is_made_anew:
            raise Doubted(doubts[0].code, doubts[0].sentence, received)
        flags = {
            ContentFlag.SIZE_MISMATCH: differs,
            ContentFlag.TYPE_MISMATCH: any(doubt.code is ErrorCode.CONTENT_MISMATCH for doubt in doubts),
            ContentFlag.EMPTY: self.size == 0,
            ContentFlag.CHANGES_EACH_TIME: is_made_anew,
        }
        return tuple(flag for flag, is_true in flags.items() if is_true)

    def _sample(self, content_type: str, content_length: int | None) -> Sample:
        return Sample(
            self._expected,
            head=self._head,
            tail=self._tail,
            size=self.size,
            header=content_type,
            length=content_length,
        )

    def _received(self, sample: Sample, *, is_framed: bool) -> Received:
        is_whole = is_framed and sample.container is not None and bool(shows_end(sample))
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


def _is_proven(sample: Sample, content_length: int | None, *, is_framed: bool) -> bool:
    """Whether the whole document came. A gateway that loses the portal may still send the last chunk, so chunks are
    no proof for a binary file that lacks the end of its kind.
    """
    if content_length is not None:
        return True
    ending = shows_end(sample)
    return bool(ending) or (is_framed and (ending is None or sample.container is None))
