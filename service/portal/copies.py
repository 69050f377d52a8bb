"""Decides which entries of several lists are the same document.

Two systems of one instance may list the same document under different uuids. Each system chooses its own ids: the same
`idOrigem` may name two documents, in two systems or in one list. Entries with the same id, name and time are one
document. Other entries stay apart: to list a document twice is better than to lose one.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time, timedelta
from itertools import islice

import msgspec

from service.domain.listings import Copy, ListedDocument

CANDIDATES_MAX = 100  # an entry is compared with at most so many documents of its id
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_Key = tuple[str, str]  # instance, and `origin_id` as the portal gives it
_Rule = Callable[[ListedDocument, ListedDocument], bool]


class Merger:
    """Merges one list after the other. The first document with an id keeps it; later ones get a suffix."""

    def __init__(self) -> None:
        self.documents: list[ListedDocument] = []
        self._places: dict[_Key, list[int]] = {}
        self._addresses: dict[tuple[_Key, str], int] = {}
        self._known: set[str] = set()  # addresses, in any instance
        self._ids: set[str] = set()
        self._names: set[_Key] = set()
        self._counts: dict[_Key, int] = {}

    def knows(self, entry: ListedDocument) -> bool:
        """True if the entry's address is listed in any instance; for an entry without address, if its id is."""
        return entry.copies[0].address in self._known if entry.has_address else entry.origin_id in self._ids

    def add(self, entries: Sequence[ListedDocument]) -> None:
        """Add the entries of one list. Two entries of a list are two documents, unless they have the same address."""
        left = {_key(entry): [*self._places.get(_key(entry), ())] for entry in entries}
        found = [self._addressed(entry) for entry in entries]
        for entry, place in zip(entries, found, strict=True):
            if place is not None and place in left[_key(entry)]:
                left[_key(entry)].remove(place)
        for rule in (_is_same_entry, _is_compatible):
            for number, entry in enumerate(entries):
                if found[number] is None:
                    found[number] = self._take(left[_key(entry)], entry, rule)
        for entry, place in zip(entries, found, strict=True):
            self._keep(entry, self._addressed(entry) if place is None else place)

    def _addressed(self, entry: ListedDocument) -> int | None:
        """Return the index of the document with the entry's address."""
        return self._addresses.get((_key(entry), entry.copies[0].address)) if entry.has_address else None

    def _take(self, left: list[int], entry: ListedDocument, rule: _Rule) -> int | None:
        fitting = (place for place in islice(left, CANDIDATES_MAX) if rule(self.documents[place], entry))
        place = next(fitting, None)
        if place is not None:
            left.remove(place)
        return place

    def _keep(self, entry: ListedDocument, place: int | None) -> None:
        key = _key(entry)
        if place is None:
            place = len(self.documents)
            self._places.setdefault(key, []).append(place)
            name = self._free(key)
            self.documents.append(entry if name == entry.origin_id else msgspec.structs.replace(entry, origin_id=name))
        else:
            self.documents[place] = _merge(self.documents[place], entry)
        self._ids.add(entry.origin_id)
        if entry.has_address:
            self._addresses[key, entry.copies[0].address] = place
            self._known.add(entry.copies[0].address)

    def _free(self, key: _Key) -> str:
        """Return the id, with a number as suffix if another document has it already."""
        instance, origin = key
        name = origin
        while (instance, name) in self._names:
            self._counts[key] = self._counts.get(key, 1) + 1
            name = f"{origin}#{self._counts[key]}"
        self._names.add((instance, name))
        return name


def _key(entry: ListedDocument) -> _Key:
    return entry.instance, entry.origin_id


def _is_same_entry(known: ListedDocument, entry: ListedDocument) -> bool:
    return known.sequence == entry.sequence and _is_compatible(known, entry)


def _is_compatible(known: ListedDocument, entry: ListedDocument) -> bool:
    """True if nothing differs that both have. Systems may omit the extension, fractions of seconds or the time."""
    sizes = {size for size in (known.declared_size, entry.declared_size) if size is not None}
    return (
        _stem(known.name) == _stem(entry.name)
        and len(sizes) < 2
        and (known.filed_at is None or entry.filed_at is None or _is_same_time(known.filed_at, entry.filed_at))
    )


def _stem(name: str) -> str:
    return " ".join(_ENDING.sub("", name).casefold().split())


def _is_same_time(one: datetime, other: datetime) -> bool:
    if time() in {one.time(), other.time()}:
        return one.date() == other.date()
    return abs(one - other) < timedelta(seconds=1)


def _merge(first: ListedDocument, second: ListedDocument) -> ListedDocument:
    return msgspec.structs.replace(
        first,
        copies=_merge_copies(first.copies + second.copies),
        declared_size=first.declared_size or second.declared_size,
        declared_mime_type=first.declared_mime_type or second.declared_mime_type,
        page_count=first.page_count or second.page_count,
    )


def _merge_copies(copies: Iterable[Copy]) -> tuple[Copy, ...]:
    """Return one copy per address, with all hrefs found for it. Copies without any are dropped if others have one."""
    merged: dict[str, Copy] = {}
    for copy in copies:
        known = merged.get(copy.address, copy)
        binary, plain = known.binary_href or copy.binary_href, known.text_href or copy.text_href
        merged[copy.address] = Copy(copy.uuid, binary, plain)
    return tuple(copy for copy in merged.values() if copy.has_address) or tuple(merged.values())[:1]
