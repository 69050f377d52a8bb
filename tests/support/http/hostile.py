"""Random hostile requests. The same seed makes the same requests."""

import base64
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote_from_bytes

from tests.support.http.hostile_values import (
    ATOMS,
    CHUNKED,
    FORGED,
    HEADERS,
    MEDIA_TYPES,
    MEMBERS,
    METHODS,
    NUMBER,
    PARAMETERS,
    PIECES,
    VALUES,
)
from tests.support.numbers import process_numbers

_JSON = "application/json"


@dataclass(frozen=True)
class Hostile:
    """One request."""

    kind: str
    data: bytes
    is_whole: bool = True  #: else the server has to wait for more, and the client hangs up
    is_head: bool = False
    may_be_cut: bool = False  #: the server may close before it has read everything, and its answer be lost


class Generator:
    """Generates requests for the operations of the service."""

    def __init__(self, seed: int, operations: Sequence[tuple[str, str]], api_key: str) -> None:
        """`operations` are methods and paths, with parameters in braces."""
        self._random = random.Random(seed)  # noqa: S311  (the same ones again, not secrets)
        self._operations = [(method, path) for method, path in operations if "rotate" not in path]
        self._writing = [path for method, path in self._operations if method == "POST"]
        self._api_key = api_key.encode()
        self._numbers = process_numbers("520")

    def requests(self, count: int) -> Iterator[Hostile]:
        """Generate `count` requests, of each kind in turn."""
        kinds: tuple[Callable[[], Hostile], ...] = (
            *(self._query, self._path, self._members, self._atoms, self._duplicates, self._deep, self._media_type),
            *(self._method, self._target, self._header, self._request_id, self._chunks, self._length, self._smuggled),
            *(self._garbage, self._broken_off, self._version, self._authorization, self._upgrade),
        )
        for turn in range(count):
            yield self._oversized(turn) if turn % 200 == 199 else kinds[turn % len(kinds)]()

    def _pick(self, values: Sequence[bytes]) -> bytes:
        return self._random.choice(values)

    def _operation(self) -> tuple[bytes, bytes]:
        method, path = self._random.choice(self._operations)
        return method.encode(), self._filled(path)

    def _filled(self, path: str) -> bytes:
        number = self._random.choice((NUMBER, next(self._numbers)))
        identity = f"{self._random.getrandbits(32):08x}-0000-4000-8000-000000000000"
        parts = [
            part if not part.startswith("{") else number if part == "{number}" else identity for part in path.split("/")
        ]
        return "/".join(parts).encode()

    def _head(self, method: bytes, target: bytes, *lines: bytes, keyed: bool = True) -> bytes:
        own = [b"Host: api", b"Authorization: Bearer " + self._api_key] if keyed else [b"Host: api"]
        return b"\r\n".join([method + b" " + target + b" HTTP/1.1", *own, *lines, b"", b""])

    def _posted(self, kind: str, body: bytes, *lines: bytes, media_type: str = _JSON) -> Hostile:
        path = self._filled(self._random.choice(self._writing))
        sent = (b"Content-Type: " + media_type.encode(), b"Content-Length: %d" % len(body), *lines)
        return Hostile(kind, self._head(b"POST", path, *sent) + body)

    def _query(self) -> Hostile:
        method, path = self._operation()
        pairs = [
            self._pick(PARAMETERS) + b"=" + self._pick((*VALUES, self._cursor()))
            for _ in range(self._random.randint(1, 5))
        ]
        pairs += pairs[:1] if self._random.random() < 0.3 else []
        # Every request must be refused, so that nothing is started.
        target = path + b"?auto_download=false&" + b"&".join(pairs)
        return Hostile("query", self._head(method, target, b"Content-Length: 0"), is_head=method == b"HEAD")

    def _cursor(self) -> bytes:
        moment, key = self._pick(ATOMS), self._pick(ATOMS)
        return base64.urlsafe_b64encode(b'{"moment":' + moment + b',"key":' + key + b"}")[:500]

    def _path(self) -> Hostile:
        method, path = self._operation()
        parts = path.split(b"/")
        filled = [index for index, part in enumerate(parts) if b"-" in part and index > 2]
        place = self._random.choice(filled or range(1, len(parts)))
        parts[place] = self._random.choice((self._pick(PIECES), parts[place] + self._pick(PIECES)))
        return Hostile("path", self._head(method, b"/".join(parts), b"Content-Length: 0"))

    def _members(self) -> Hostile:
        names = [self._pick(MEMBERS) for _ in range(self._random.randint(0, 6))]
        body = b"{" + b",".join(b'"' + name + b'":' + self._pick(ATOMS) for name in names) + b"}"
        return self._posted("members", body)

    def _atoms(self) -> Hostile:
        return self._posted("atoms", self._pick((b"", b"\xef\xbb\xbf", b" \t\r\n")) + self._pick(ATOMS))

    def _duplicates(self) -> Hostile:
        name = self._pick(MEMBERS)
        return self._posted(
            "duplicates", b"{" + b",".join(b'"' + name + b'":' + self._pick(ATOMS) for _ in range(3)) + b"}"
        )

    def _deep(self) -> Hostile:
        depth = self._random.choice((900, 940, 960, 970, 980, 985, 990, 100_000))
        begin, end = self._random.choice(((b"[", b"]"), (b'{"a":', b"}")))
        body = b'{"webhook_url":"https://10.0.0.1/","test_payload":{"x":' + begin * depth + b"1" + end * depth + b"}}"
        return self._posted("deep", body)

    def _media_type(self) -> Hostile:
        body = b'{"webhook_url":"http://127.0.0.1/"}'.decode().encode(
            self._random.choice(("utf-8", "utf-16", "utf-32"))
        )
        return self._posted("media type", body, media_type=self._random.choice(MEDIA_TYPES))

    def _method(self) -> Hostile:
        method = self._pick(METHODS)
        _, path = self._operation()
        head = self._head(method, path, b"Content-Length: 0")
        return Hostile("method", head, is_head=method == b"HEAD")

    def _target(self) -> Hostile:
        _, path = self._operation()
        targets = (
            *(b"*", b"http://evil.example" + path, b"https://api@evil.example:99999" + path, b"//evil.example/" + path),
            *(
                b"api:443",
                b"",
                b"?",
                b"#",
                b"/#" + path,
                b"http://",
                b"http://[::1",
                b"/\x00",
                b"/a b",
                b"/\x7f",
                b"\\",
            ),
            *(path + b"/", path + b"//", path + b"?" + b"&" * 3000, b"file:///etc/passwd", b"/" + b"../" * 100, b"/%"),
        )
        method = self._pick((b"GET", b"OPTIONS", b"CONNECT", b"POST"))
        return Hostile("target", self._head(method, self._pick(targets), b"Content-Length: 0"))

    def _header(self) -> Hostile:
        method, path = self._operation()
        return Hostile("header", self._head(method, path, self._pick(HEADERS), b"Content-Length: 0"))

    def _request_id(self) -> Hostile:
        values = (
            *(
                FORGED.encode(),
                b'\\n{"event":"forged"}',
                b"a" * 65,
                b"a b",
                b"%0d%0a",
                b"\xc3\xa9",
                b"a\x0bb",
                b"a\x85b",
            ),
            *(b"a\r\nX-Evil: 1", b'a\n{"event": "forged"}', b"a\tb", b"", b"ok-1"),
        )
        method, path = self._operation()
        return Hostile(
            "request id", self._head(method, path, b"X-Request-ID: " + self._pick(values), b"Content-Length: 0")
        )

    def _chunks(self) -> Hostile:
        path = self._filled(self._random.choice(self._writing))
        head = self._head(b"POST", path, b"Content-Type: application/json", b"Transfer-Encoding: chunked")
        if self._random.random() < 0.2:
            well_formed = (
                b"2;a=" + b"b" * 3000 + b"\r\n{}\r\n0\r\nAuthorization: Bearer x\r\nX-Request-ID: trailer\r\n\r\n"
            )
            return Hostile("chunks", head + well_formed)
        # The bytes after them are an error in any case, so that a parser that waits for more gets one.
        return Hostile("chunks", head + self._pick(CHUNKED) + b"\r\n\r\n\x00", may_be_cut=True)

    def _length(self) -> Hostile:
        value = self._pick(
            (b"-1", b"+2", b"0x2", b"2, 3", b"1e1", b"", b" ", b"9" * 30, b"2\r\nContent-Length: 3", b"\xb2")
        )
        path = self._filled(self._random.choice(self._writing))
        head = self._head(b"POST", path, b"Content-Type: application/json", b"Content-Length: " + value)
        if self._random.random() < 0.3:
            longer = self._head(b"POST", path, b"Content-Type: application/json", b"Content-Length: 1000")
            return Hostile("length", longer + b"{}", is_whole=False)
        return Hostile("length", head + b"{}\r\n\r\n\x00", may_be_cut=True)

    def _smuggled(self) -> Hostile:
        encoding = self._pick(
            (
                b"chunked",
                b"chunked, identity",
                b"identity",
                b"xchunked",
                b" chunked",
                b"chunked\x0b",
                b"gzip, chunked",
                b"Chunked",
            )
        )
        inner = self._head(b"GET", b"/api/v1/smuggled")
        path = self._filled(self._random.choice(self._writing))
        lines = [b"Content-Type: application/json", b"Content-Length: 6", b"Transfer-Encoding: " + encoding]
        self._random.shuffle(lines)
        return Hostile("smuggled", self._head(b"POST", path, *lines) + b"0\r\n\r\n" + inner, may_be_cut=True)

    def _garbage(self) -> Hostile:
        begins = (
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x80",
            b"\x00",
            b"{}",
            b"SSH-2.0-x\r\n",
        )
        return Hostile(
            "garbage", self._pick(begins) + self._random.randbytes(self._random.randint(1, 400)), may_be_cut=True
        )

    def _broken_off(self) -> Hostile:
        whole = self._posted("broken off", b'{"webhook_url":"http://127.0.0.1/"}').data
        return Hostile("broken off", whole[: self._random.randrange(1, len(whole) - 1)], is_whole=False)

    def _version(self) -> Hostile:
        method, path = self._operation()
        version = self._pick(
            (b"HTTP/0.9", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/3.7", b"HTTP/11.1", b"http/1.1", b"ICE/1.0", b"HTTP/1.", b"")
        )
        line = method + b" " + path + b" " + version + b"\r\n"
        return Hostile("version", line + b"Host: api\r\nContent-Length: 0\r\n\r\n", may_be_cut=not version)

    def _authorization(self) -> Hostile:
        values = (
            *(
                b"",
                b"Bearer",
                b"Bearer ",
                b"Basic YTpi",
                b"Bearer \xff\xfe",
                b"Bearer a b",
                b"Bearer " + b"x" * 5000,
                b"bearer x",
            ),
            *(
                b"Bearer " + self._api_key + b"\x0b",
                b"Bearer  " + self._api_key,
                b"Digest a=b",
                b"Bearer %00",
                b"Bearer \tx",
            ),
        )
        method, path = self._operation()
        line = b"Authorization: " + self._pick(values)
        return Hostile("authorization", self._head(method, path, line, b"Content-Length: 0", keyed=False))

    def _upgrade(self) -> Hostile:
        _, path = self._operation()
        kind = self._pick((b"websocket", b"h2c", b"TLS/1.0", b"forged"))
        lines = (b"Connection: Upgrade", b"Upgrade: " + kind, b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Version: 13")
        return Hostile("upgrade", self._head(b"GET", path, *lines))

    def _oversized(self, turn: int) -> Hostile:
        long = quote_from_bytes(self._random.randbytes(60_000)).encode()
        shapes = (
            self._head(b"GET", b"/api/v1/processes/" + long[:20_000]),
            self._head(b"GET", b"/api/v1/webhooks/secret", *(b"X-%d: 1" % index for index in range(101))),
            self._head(b"GET", b"/api/v1/processes/" + long),
            self._head(b"GET", b"/api/v1/webhooks/deliveries?cursor=" + long),
            self._head(b"GET", b"/api/v1/webhooks/secret", *(b"X-%d: 1" % index for index in range(10_000))),
            self._head(b"GET", b"/api/v1/webhooks/secret", b"X: " + b"a" * 1_000_000),
            self._posted("oversized", b'"' + b"a" * 2_000_000 + b'"').data,
            b"GET /" + b"a" * 1_000_000,
        )
        return Hostile("oversized", shapes[turn // 200 % len(shapes)], may_be_cut=True)
