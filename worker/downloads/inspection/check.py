"""What a check of a download is, what it finds, and how the checks of a package are collected."""

import pkgutil
from abc import ABC, abstractmethod
from enum import Enum, auto
from importlib import import_module
from types import ModuleType
from typing import ClassVar, NamedTuple

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from worker.downloads.inspection.sample import Expected, Sample


class Objection(NamedTuple):
    """Why a download is not accepted. One that is not final, a doubt, is dropped when the same bytes come again."""

    code: ErrorCode
    sentence: str
    is_final: bool = True
    flag: ContentFlag | None = None  #: for bytes that are accepted in spite of the doubt


#: What a check says of the bytes. A flag alone accepts them.
Finding = Objection | ContentFlag | None


class Extent(Enum):
    """The bytes that a check needs."""

    BEGINNING = auto()  #: at least the first 32 KiB, or all; nothing was written to the bucket yet
    ALL = auto()  #: nothing was made visible in the bucket yet


class Check(ABC):
    """One reason not to accept a download. There is one instance for each download.

    `feed` gets each chunk, then `finish` is called once. For `Extent.BEGINNING` that is before the last chunk.
    """

    order: ClassVar[int]  #: of two objections, that of the check with the lower number becomes the error
    extent: ClassVar[Extent] = Extent.BEGINNING

    def __init__(self, expected: Expected, *, max_bytes: int) -> None:
        self.expected = expected
        self.max_bytes = max_bytes

    # Empty, and not abstract: most checks need no more than the sample.
    def feed(self, chunk: bytes) -> None:  # noqa: B027
        """Note the next bytes. Do not keep them: documents are larger than the memory.

        Raises `Refused` if no further request can help.
        """

    @abstractmethod
    def finish(self, sample: Sample) -> Finding:
        """Return why the bytes are not accepted, a flag for bytes that are, or None. Raises `Refused` like `feed`."""


def checks_in(package: ModuleType) -> tuple[type[Check], ...]:
    """Return the subclasses of `Check` that the modules of a package define, by their order."""
    names = [f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__)]
    found = [check for name in names for check in vars(import_module(name)).values() if _is_check(check, name)]
    return tuple(sorted(found, key=lambda check: check.order))


def _is_check(value: object, module: str) -> bool:
    return isinstance(value, type) and issubclass(value, Check) and value.__module__ == module
