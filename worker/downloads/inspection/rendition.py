"""Compares a web page that came as a document with the portal's text of this document.

An unknown page, of a size that is not listed, may come twice with the same bytes and still be from a firewall or
a proxy. Such a page does not have the words of the document; the portal's text of the document has them.
"""

from enum import Enum, auto

from service.domain.errors import ErrorCode
from service.portal.pages import is_complete_page, shown_words
from worker.downloads.inspection.markup import without_mark

WORDS_MIN = 3  # different words; a text with fewer proves nothing
WORDS_MAX = 60  # different words to look for; the first bytes do not hold the rest of a long text
WORDS_SHARE = 0.5  # of the words of the text: what its document shows at least; broken accents hide some
SHARE_OF_OTHERS = 0.25  # of the words of the text: another page shows fewer


class Opinion(Enum):
    """What the document's text says about a page."""

    AFFIRMS = auto()  #: the page is the document
    CONTRADICTS = auto()  #: a firewall or a proxy sent the page
    NONE = auto()


class Rendition:
    """The first bytes that came as the text of a document."""

    def __init__(self, head: bytes, refusal: ErrorCode | None) -> None:
        """`refusal`: why the bytes cannot be the text; None if nothing shows that."""
        text = without_mark(head)
        self._words = list(dict.fromkeys(shown_words(text)))[:WORDS_MAX]
        self._is_page = is_complete_page(text)
        self._refusal = refusal

    def opinion(self, page: bytes, *, is_whole: bool) -> Opinion:
        """Compare the text with `page`, the first bytes of the document. `is_whole`: there are no more.

        A fragment is never contradicted: courts file fragments, and firewalls and proxies send complete pages.
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
            # The same page came for the document and for its text. A different page says nothing about the document.
            return Opinion.CONTRADICTS if share >= WORDS_SHARE else Opinion.NONE
        if share >= WORDS_SHARE:
            return Opinion.AFFIRMS
        return Opinion.CONTRADICTS if share < SHARE_OF_OTHERS else Opinion.NONE
