"""What the portal says of a case, in the service's own words."""

from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from service.domain.process_number import ProcessNumber


class Copy(msgspec.Struct, frozen=True):
    """One address of a document. The portal lists some documents twice, under two uuids."""

    uuid: str
    binary_href: str | None
    text_href: str | None

    @property
    def has_address(self) -> bool:
        """If not, `uuid` is no uuid: the portal says for once, or for good, nothing of where the document is."""
        return bool(self.binary_href or self.text_href)

    @property
    def address(self) -> str:
        """What tells two addresses apart: the uuid in them, or the whole where there is none."""
        href = self.binary_href or self.text_href or ""
        return self.uuid if self.uuid and self.uuid in href.split("/") else href


class ListedDocument(msgspec.Struct, frozen=True):
    """One document of a listing. `instance` and `origin_id` name it; everything else may change or repeat."""

    instance: str
    origin_id: str
    sequence: int | None
    name: str
    type: str
    secrecy: str
    filed_at: datetime | None
    declared_size: int | None  #: bytes; the portal leaves it out for most documents of some courts
    declared_mime_type: str | None
    page_count: int | None
    copies: tuple[Copy, ...]  #: the first one is the preferred one

    @property
    def has_address(self) -> bool:
        """Whether the listing says where the document is."""
        return any(copy.has_address for copy in self.copies)

    def id_in(self, number: ProcessNumber) -> UUID:
        """The service's id: the same whenever and wherever the document is listed."""
        return uuid5(NAMESPACE_URL, f"autos:{number.digits}/{self.instance}/{self.origin_id}")


class Listing(msgspec.Struct, frozen=True):
    """A case and its documents, each once."""

    number: ProcessNumber
    court: str | None
    court_class: str | None
    subject: str | None
    filed_at: datetime | None
    secrecy_level: int
    documents: tuple[ListedDocument, ...]
    asked: int | None = None  #: its place among all listings by when the portal was asked; None: it was asked just now
