"""What the portal says about a case beside its documents, in the service's own types."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from msgspec import Meta

from service.domain.described.enums import DescribedEnum
from service.domain.process_number import ProcessNumber

_SPACES = re.compile(r"\s+")


class Pole(DescribedEnum):
    """The side of a party."""

    ACTIVE = "active", "The side that asks, such as the plaintiff."
    PASSIVE = "passive", "The side that is asked, such as the defendant."
    OTHER = "other", "Everybody else, such as a witness, an expert or the public prosecutor."


class PartyKind(DescribedEnum):
    """What a party is."""

    PERSON = "person", "A natural person."
    COMPANY = "company", "A company or another private body."
    AUTHORITY = "authority", "A public body."


class Representative(msgspec.Struct, frozen=True):
    """Who acts for a party. All members are None if the party is sealed and they would tell who it is."""

    name: Annotated[str | None, Meta(description="As the portal lists it.")] = None
    role: Annotated[str | None, Meta(description="The court's word.")] = None
    registration: Annotated[str | None, Meta(description="Of the bar (OAB), as the portal writes it.")] = None


class Party(msgspec.Struct, frozen=True):
    """A party of a case. A sealed one has no name, and no representative with one."""

    pole: Annotated[Pole, Meta(description="The side of the party.")]
    role: Annotated[str | None, Meta(description="The court's word.")] = None
    name: Annotated[str | None, Meta(description="As the portal lists it; null if it is sealed.")] = None
    kind: Annotated[PartyKind | None, Meta(description="What it is; null if the portal does not say.")] = None
    is_sealed: Annotated[bool, Meta(description="Whether the court hides who it is.")] = False
    representatives: Annotated[tuple[Representative, ...], Meta(description="Who acts for it.")] = ()


class Complement(msgspec.Struct, frozen=True):
    """A detail of a movement: "destination: archive"."""

    name: Annotated[str, Meta(description="What it is about, as the court writes it.")]
    value: Annotated[str, Meta(description="As the court writes it.")]


class Movement(msgspec.Struct, frozen=True):
    """One event of a case.

    The portal gives it no id: `instance`, `occurred_at`, `description` and `ordinal` identify it.
    """

    occurred_at: datetime | None
    description: str
    instance: str
    type_code: int | None = None  #: of the national table of movements
    judging_body: str | None = None
    complements: tuple[Complement, ...] = ()
    ordinal: int = 1  #: counts the movements of one instance, second and description, from 1
    place: int = 0  #: orders the movements of one instance and second

    @property
    def identity(self) -> str:
        """What two movements of one case have in common that are the same, without the number of the case."""
        moment = "" if self.occurred_at is None else self.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self.instance}/{moment}/{fold(self.description)}/{self.ordinal}"

    def id_in(self, number: ProcessNumber) -> UUID:
        """The service's id of the movement in this case, the same in every listing."""
        return uuid5(NAMESPACE_URL, f"autos:{number.digits}/movements/{self.identity}")


class Instance(msgspec.Struct, frozen=True):
    """A stage of a case: the first or a higher court."""

    instance: Annotated[str, Meta(description="As the portal lists it.")]
    judging_body: Annotated[str | None, Meta(description="The court body that has the case there.")] = None
    court_class: Annotated[str | None, Meta(description="What kind of case it is there.")] = None
    filed_at: Annotated[datetime | None, Meta(description="When the case came there.")] = None
    is_current: Annotated[bool, Meta(description="Whether the case is there now.")] = False


class RelatedProcess(msgspec.Struct, frozen=True):
    """Another case that the portal names beside this one."""

    process_number: Annotated[str, Meta(description="Its number, masked.")]
    relation: Annotated[str | None, Meta(description="How it is related, in the court's word.")] = None
    court_class: Annotated[str | None, Meta(description="What kind of case it is.")] = None


class CaseData(msgspec.Struct, frozen=True):
    """The case as data, of all instances, without duplicates. Movements are in the order of time, the newest first."""

    value: float | None = None  #: in reais
    judging_body: str | None = None  #: that has the case now
    instances: tuple[Instance, ...] = ()
    parties: tuple[Party, ...] = ()
    movements: tuple[Movement, ...] = ()
    related_processes: tuple[RelatedProcess, ...] = ()
    unread: tuple[str, ...] = ()  #: names of members above whose list has a form that is not known: it may lack some


class RawAnswer(msgspec.Struct, frozen=True):
    """The portal's answer as it came, after its content coding was undone."""

    body: bytes
    charset: str | None = None  #: as the header says, if it is known and not UTF-8
    is_redacted: bool = False  #: names of sealed parties were removed, so that the bytes are not those of the portal


def fold(text: str) -> str:
    """Return a text in lower case, without accents, with single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    kept = "".join(each for each in plain if not unicodedata.combining(each))
    return _SPACES.sub(" ", kept).strip().casefold()
