"""What the portal's text of a document says of a web page that came in the document's place.

A page that is not known, of a size that nothing promises, may come twice the same and still be sent by something in
between. It has no words of the document. The portal's text of the document has them.
"""

from enum import Enum, auto

from service.domain.errors import ErrorCode
from service.portal.pages import is_complete_page, shown_words
from worker.downloads.inspection.markup import without_mark

WORDS_MIN = 3  # different words; a text that has fewer says nothing
WORDS_MAX = 60  # different words that are looked for; the rest of a long text stands in no first bytes
SHARE = 0.5  # of the words of the text that its document has; broken accents cost up to a third of them
SHARE_OF_OTHERS = 0.25  # of the words of a text that a page of something else may have


class Opinion(Enum):
    """What a text says of a page."""

    AFFIRMS = auto()  #: the page is the document
    CONTRADICTS = auto()  #: something in between sent the page
    NONE = auto()


class Rendition:
    """The first bytes of what came as the text of a document."""

    def __init__(self, head: bytes, refusal: ErrorCode | None) -> None:
        """`refusal`: why they cannot be a text, as far as they show it."""
        text = without_mark(head)
        self._words = list(dict.fromkeys(shown_words(text)))[:WORDS_MAX]
        self._is_page = is_complete_page(text)
        self._refusal = refusal

    def opinion(self, page: bytes, *, is_whole: bool) -> Opinion:
        """Compare with the first bytes of what came as the document. `is_whole`: there are no more.

        Nothing speaks against a fragment that came twice: courts file them, and nothing in between sends them.
        """
        opinion = self._compare(page, is_whole=is_whole)
        return Opinion.NONE if opinion is Opinion.CONTRADICTS and not is_complete_page(page) else opinion

    def _compare(self, page: bytes, *, is_whole: bool) -> Opinion:
        if self._refusal is not None:
            return Opinion.CONTRADICTS if self._refusal is ErrorCode.PORTAL_PAGE else Opinion.NONE
        shown = set(shown_words(page))
        if len(self._words) < WORDS_MIN or not (is_whole or len(shown) >= WORDS_MAX):
            return Opinion.NONE
        share = sum(word in shown for word in self._words) / len(self._words)
        if self._is_page:
            # The same page for the document and for its text. Another page tells nothing of the document.
            return Opinion.CONTRADICTS if share >= SHARE else Opinion.NONE
        if share >= SHARE:
            return Opinion.AFFIRMS
        return Opinion.CONTRADICTS if share < SHARE_OF_OTHERS else Opinion.NONE
