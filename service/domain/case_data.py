"""What the portal says about a case beside its documents, in the service's own types."""

import re
import unicodedata
from datetime import UTC, datetime
from enum import Enum
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from service.domain.process_number import ProcessNumber

_SPACES = re.compile(r"\s+")


class Pole(Enum):
    """The side of a party."""

    ACTIVE = "active"
    PASSIVE = "passive"
    OTHER = "other"


class PartyKind(Enum):
    """What a party is."""

    PERSON = "person"
    COMPANY = "company"
    AUTHORITY = "authority"


class Representative(msgspec.Struct, frozen=True):
    """Who acts for a party. All members are None if the party is sealed and they would tell who it is."""

    name: str | None = None
    role: str | None = None
    registration: str | None = None  #: of the bar, as the portal writes it


class Party(msgspec.Struct, frozen=True):
    """A party of a case. A sealed one has no name, and no representative with one."""

    pole: Pole
    role: str | None = None  #: the court's word
    name: str | None = None
    kind: PartyKind | None = None
    is_sealed: bool = False
    representatives: tuple[Representative, ...] = ()


class Complement(msgspec.Struct, frozen=True):
    """A detail of a movement: "destination: archive"."""

    name: str
    value: str


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

    instance: str
    judging_body: str | None = None
    court_class: str | None = None
    filed_at: datetime | None = None
    is_current: bool = False


class RelatedProcess(msgspec.Struct, frozen=True):
    """Another case that the portal names beside this one."""

    process_number: str  #: masked
    relation: str | None = None
    court_class: str | None = None


class CaseData(msgspec.Struct, frozen=True):
    """The case as data, of all instances, without duplicates. Movements are in the order of time, the newest first."""

    value: float | None = None  #: in reais
    judging_body: str | None = None  #: that has the case now
    instances: tuple[Instance, ...] = ()
    parties: tuple[Party, ...] = ()
    movements: tuple[Movement, ...] = ()
    related_processes: tuple[RelatedProcess, ...] = ()


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
