"""A case and its documents as the portal lists them, in the service's own types."""

from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from service.domain.case_data import CaseData, RawAnswer
from service.domain.process_number import ProcessNumber


class Copy(msgspec.Struct, frozen=True):
    """The addresses of a document under one uuid. The portal lists some documents twice, under two uuids."""

    uuid: str
    binary_href: str | None
    text_href: str | None

    @property
    def has_address(self) -> bool:
        """If not, `uuid` is the portal's `idOrigem`: this listing, or every one, lacks the document's address."""
        return bool(self.binary_href or self.text_href)

    @property
    def address(self) -> str:
        """The identity of the address: the uuid in it, or the whole address if it has no uuid."""
        href = self.binary_href or self.text_href or ""
        return self.uuid if self.uuid and self.uuid in href.split("/") else href


class ListedDocument(msgspec.Struct, frozen=True):
    """One document of a listing. `instance` and `origin_id` identify it; every other field may change or repeat."""

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
    copies: tuple[Copy, ...]  #: in order of preference

    @property
    def has_address(self) -> bool:
        """Whether the listing has an address of the document."""
        return any(copy.has_address for copy in self.copies)

    def id_in(self, number: ProcessNumber) -> UUID:
        """The service's id of the document in this case, the same in every listing."""
        return uuid5(NAMESPACE_URL, f"autos:{number.digits}/{self.instance}/{self.origin_id}")


class Listing(msgspec.Struct, frozen=True):
    """A case and its documents, without duplicates."""

    number: ProcessNumber
    court: str | None
    court_class: str | None
    subject: str | None
    filed_at: datetime | None
    secrecy_level: int
    documents: tuple[ListedDocument, ...]
    asked: int | None = None  #: orders listings by when the portal was asked (a sequence number); None: just now
    case: CaseData | None = None  #: None: the listing has nothing of it that can be read, and what is known stays
    raw: RawAnswer | None = None


class Registered(msgspec.Struct, frozen=True):
    """What a listing that was registered set going: the caller enqueues both after the commit."""

    waited: UUID | None = None  #: the job that waited for the listing, and can go on at once
    deliveries: tuple[UUID, ...] = ()  #: tell users who watch the case what is new
