"""What is known of a download while it passes, and what was seen of earlier ones."""

from functools import cached_property

import msgspec

from service.domain.errors import ErrorCode
from service.domain.file_names import kind_of_name
from service.portal.errors import Unavailable
from worker.downloads.inspection.kinds import TEXT, canonical, is_textual
from worker.downloads.inspection.markup import syntax_of, without_mark
from worker.downloads.inspection.signatures import container_of


class Expected(msgspec.Struct, frozen=True):
    """What the listing says of a document's bytes; None where it says nothing."""

    size: int | None
    mime_type: str | None
    name: str = ""  #: its ending is a promise too, where the listing has no type
    is_text: bool = False  #: the text rendition is fetched, to which size, kind and name do not apply

    @property
    def listed(self) -> str | None:
        """The kind that the listing names."""
        return TEXT if self.is_text else canonical(self.mime_type)

    @property
    def promised(self) -> str | None:
        """The kind that the listing or the name promises."""
        return self.listed or kind_of_name(self.name)


class Received(msgspec.Struct, frozen=True):
    """What an attempt got that was doubted."""

    size: int
    sha256: str
    address: str = ""
    is_whole: bool = False  #: by HTTP's word and by an end that pages and errors do not have
    is_page: bool = False  #: it is a web page, of which the document's text may say more


class Doubted(Unavailable):
    """What came may be the document, but nothing proves it. The same bytes again are what the portal really has."""

    def __init__(self, code: ErrorCode, sentence: str, received: Received) -> None:
        super().__init__(code, sentence)
        self.received = received


class Sample:
    """The first and last bytes of a download, and what was said of it."""

    def __init__(
        self, expected: Expected, *, head: bytes, tail: bytes, size: int, header: str, length: int | None
    ) -> None:
        """`size`: bytes so far. `header` and `length`: what the portal's answer says of its body."""
        self.expected = expected
        self.head = head
        self.tail = tail
        self.size = size
        self.length = length
        self.header = canonical(header)
        self.promised = expected.promised
        #: Bytes of the promised number are what the court listed, however odd they look.
        self.size_fits = not expected.is_text and expected.size == (size if length is None else length)

    @property
    def may_be_empty(self) -> bool:
        """Whether there are no bytes, the answer says so, and the listing does not promise any."""
        is_said = self.size == self.length == 0
        return is_said and self.expected.size is None and not self.expected.is_text

    @property
    def is_whole(self) -> bool:
        """Whether `head` is all there is so far."""
        return self.size == len(self.head)

    @cached_property
    def text(self) -> bytes:
        """The first bytes without byte order mark and leading space, in UTF-8 or a superset of ASCII."""
        return without_mark(self.head)

    @cached_property
    def container(self) -> str | None:
        """What the first bytes show, by magic numbers."""
        return container_of(self.head, self.text, self.promised)

    @cached_property
    def syntax(self) -> str | None:
        """The kind of text that came; None where none did."""
        return None if self.container or not self.head else syntax_of(self.text)

    @property
    def is_listed_text(self) -> bool:
        """Whether the size fits and no other kind than text is promised."""
        return self.size_fits and (self.promised is None or is_textual(self.promised))
