"""Counts the round trips of a client to PostgreSQL, by the messages that it sends.

PostgreSQL's protocol 3.0, "Message Formats": a client waits after Query, after Sync and after Flush.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

_UNTYPED = (80877103, 80877104)  # SSLRequest and GSSENCRequest, which come before the start-up message
_WAITS = frozenset({b"Q", b"S", b"H"})


class _Reader:
    """Cuts the chunks of one connection into messages."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_typed = False

    def messages(self, chunk: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Type and body of every complete message, without those of the start-up."""
        self._rest += chunk
        while True:
            start = 1 if self._is_typed else 0
            size = start + int.from_bytes(self._rest[start : start + 4], "big")
            if len(self._rest) < start + 4 or len(self._rest) < size:
                return
            message, self._rest = self._rest[:size], self._rest[size:]
            if self._is_typed:
                yield message[:1], message[5:]
            elif int.from_bytes(message[4:8], "big") not in _UNTYPED:
                self._is_typed = True


@dataclass
class RoundTrips:
    """What a client executed: each round trip as its statements. One that only prepares is left out: it is made once
    for each connection and statement.
    """

    #: Each a transaction, or a statement outside of any.
    units: list[list[str]] = field(default_factory=list)

    def observer(self) -> "_Connection":
        """An observer of one connection."""
        return _Connection(self.units)

    def forget(self) -> None:
        """Start at 0 again."""
        self.units.clear()

    def count(self, *, without: tuple[str, ...] = ()) -> int:
        """Round trips, but for those of transactions in which one of these words occurs."""
        return sum(len(unit) for unit in self.units if not any(word in each for each in unit for word in without))


class _Connection:
    def __init__(self, units: list[list[str]]) -> None:
        self._reader = _Reader()
        self._units = units
        self._prepared: dict[bytes, str] = {}
        self._bound = ""
        self._executed: list[str] = []
        self._transaction: list[str] | None = None

    def __call__(self, chunk: bytes) -> None:
        for kind, body in self._reader.messages(chunk):
            self._note(kind, body)
            if kind in _WAITS and self._executed:
                self._end_trip("; ".join(self._executed))
                self._executed.clear()

    def _note(self, kind: bytes, body: bytes) -> None:
        if kind == b"P":
            name, statement, *_ = body.split(b"\0")
            self._prepared[name] = statement.decode()
        elif kind == b"B":
            _portal, name, *_ = body.split(b"\0")
            self._bound = self._prepared[name]
        elif kind == b"E":
            self._executed.append(self._bound)
        elif kind == b"Q":
            self._executed.append(body.rstrip(b"\0").decode())

    def _end_trip(self, statements: str) -> None:
        if statements.startswith("BEGIN"):
            self._transaction = []
            self._units.append(self._transaction)
        if self._transaction is None:
            self._units.append([statements])
            return
        self._transaction.append(statements)
        if statements.startswith(("COMMIT", "ROLLBACK;")):
            self._transaction = None
