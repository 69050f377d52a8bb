"""What is expected of a download, what is known of it so far, and what earlier attempts received."""

from functools import cached_property

import msgspec

from service.domain.errors import ErrorCode
from service.domain.file_names import kind_of_name
from service.portal.errors import Unavailable
from worker.downloads.inspection.kinds import HTML, SVG, TEXT, XML, canonical, is_textual
from worker.downloads.inspection.markup import syntax_of, without_mark
from worker.downloads.inspection.signatures import container_of


class Expected(msgspec.Struct, frozen=True):
    """What the listing says about a document's bytes; None for what it does not say."""

    size: int | None
    mime_type: str | None
    name: str = ""  #: its ending counts if the listing has no type
    is_text: bool = False  #: the text rendition is fetched: the listed size, kind and name do not apply to it

    @property
    def listed(self) -> str | None:
        """The kind that the listing names."""
        return TEXT if self.is_text else canonical(self.mime_type)

    @property
    def promised(self) -> str | None:
        """The kind that the listing or the name promises."""
        return self.listed or kind_of_name(self.name)


class Received(msgspec.Struct, frozen=True):
    """What an attempt received that was doubted."""

    size: int
    sha256: str
    address: str = ""
    is_whole: bool = False  #: complete by HTTP, and by an end that pages and errors do not have
    is_page: bool = False  #: a web page: the document's text may confirm or contradict it


class Doubted(Unavailable):
    """The bytes may be the document, but nothing proves it. If the same bytes come again, they are accepted."""

    def __init__(self, code: ErrorCode, sentence: str, received: Received) -> None:
        super().__init__(code, sentence)
        self.received = received


class Sample:
    """The first and last bytes of a download, and what the listing and the response headers say about it."""

    def __init__(
        self,
        expected: Expected,
        *,
        head: bytes,
        tail: bytes,
        size: int,
        header: str,
        length: int | None,
        is_framed: bool = False,
    ) -> None:
        """`size`: bytes so far. `header` and `length`: Content-Type and Content-Length of the response.

        `is_framed`: HTTP states where the body ends, by its length or by its chunks. It counts after the last byte.
        """
        self.expected = expected
        self.head = head
        self.tail = tail
        self.size = size
        self.length = length
        self.is_framed = is_framed
        self.header = canonical(header)
        self.promised = expected.promised
        self.promised_size = None if expected.is_text else expected.size
        #: If the size is the listed one, these are the listed bytes, however odd they look.
        self.size_fits = not expected.is_text and expected.size == (size if length is None else length)

    @property
    def may_be_empty(self) -> bool:
        """Whether there are no bytes, Content-Length is 0, and the listing has no size."""
        is_said = self.size == self.length == 0
        return is_said and self.expected.size is None and not self.expected.is_text

    @property
    def is_whole(self) -> bool:
        """Whether `head` is all there is so far."""
        return self.size == len(self.head)

    @cached_property
    def text(self) -> bytes:
        """The first bytes without byte order mark and leading whitespace, in UTF-8 or a superset of ASCII."""
        return without_mark(self.head)

    @cached_property
    def container(self) -> str | None:
        """The container that the first bytes show by their signature; None if it is not known."""
        return container_of(self.head, self.text, self.promised)

    @cached_property
    def syntax(self) -> str | None:
        """The kind of text; None for binary bytes, and if there are no bytes."""
        return None if self.container or not self.head else syntax_of(self.text)

    @property
    def is_listed_text(self) -> bool:
        """Whether the size fits and no other kind than text is promised."""
        return self.size_fits and (self.promised is None or is_textual(self.promised))

    @property
    def is_page_for_text(self) -> bool:
        """Whether HTML came for a promised text that never begins like HTML."""
        return self.syntax == HTML and self.promised not in {HTML, TEXT, XML, SVG, "message/rfc822"}
