"""A private certificate authority, as companies and courts have them, and TLS in front of a plain server."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import msgspec


class Authority(msgspec.Struct, frozen=True):
    """The files of an authority, and of a certificate for 127.0.0.1 that it signed."""

    authorities: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """The TLS context of a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_authority(directory: Path) -> Authority:
    """Create both."""
    made = Authority(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    fast = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    own_key = str(directory / "ca.key")
    subject = ["-subj", "/CN=Private CA"]
    _openssl("req", "-x509", *fast, "-keyout", own_key, "-out", str(made.authorities), *subject)
    signed = ["-CA", str(made.authorities), "-CAkey", own_key, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    target = ["-keyout", str(made.key), "-out", str(made.certificate), "-subj", "/CN=localhost"]
    _openssl("req", "-x509", *fast, *signed, *target, "-addext", "basicConstraints=critical,CA:FALSE")
    return made


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@asynccontextmanager
async def tls_in_front(authority: Authority, host: str, port: int, *, postgres: bool = False) -> AsyncIterator[int]:
    """The port of a server that ends TLS and passes on to a plain one; PostgreSQL asks for TLS before it begins."""
    context = authority.server_context()

    serving: set[asyncio.Task[object]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.update(filter(None, [asyncio.current_task()]))
        async with AsyncExitStack() as ends:
            ends.push_async_callback(_close, writer)
            ends.enter_context(suppress(OSError, asyncio.IncompleteReadError))
            if postgres:
                await reader.readexactly(8)
                writer.write(b"S")
                await writer.start_tls(context)
            upstream_reader, upstream_writer = await asyncio.open_connection(host, port)
            ends.push_async_callback(_close, upstream_writer)
            await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if postgres else context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if serving:
            await asyncio.wait(serving)


async def _close(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.close()
        # A process that ends gives no farewell of TLS, for which asyncio would wait half a minute.
        async with asyncio.timeout(1):
            await writer.wait_closed()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(64 * 1024):
            target.write(chunk)
            await target.drain()
    finally:
        target.close()
