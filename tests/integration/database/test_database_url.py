"""`DATABASE_URL` means the same for `autos migrate` and for the processes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from service.database import migrations, schema
from service.database.migrations import MigrationError
from service.domain.environment.startup import StartupError
from service.local.stack import Stack
from service.startup.database import connected_database
from tests.conftest import create_database
from tests.support.processes import free_port
from tests.support.servers.private_ca import Authority, make_authority, tls_in_front


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def tls_url(stack: Stack, database_url: str, authority: Authority) -> AsyncIterator[str]:
    """A database behind TLS, with a certificate of a private authority."""
    parts = urlsplit(database_url)
    async with tls_in_front(authority, parts.hostname or "", parts.port or 0, postgres=True) as port:
        yield database_url.replace(f":{parts.port}/", f":{port}/")


async def answer(url: str, question: str = "SELECT 1") -> object:
    """The result of a query with the processes' driver."""
    async with (
        connected_database(url, application_name="tests", max_size=2) as database,
        database.connection() as connection,
    ):
        return await connection.fetch_val(question)


async def complaint_of_processes(url: str) -> str:
    with pytest.raises(StartupError) as caught:
        await answer(url)
    return str(caught.value)


async def complaint_of_migrate(url: str) -> str:
    with pytest.raises(MigrationError) as caught:
        await asyncio.to_thread(migrations.apply, url)
    return str(caught.value)


async def test_the_tables_are_where_the_options_say(stack: Stack) -> None:
    url = await create_database(stack, migrated=False)
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE SCHEMA cases")
    url += "?options=-csearch_path%3Dcases&application_name=blue"

    applied = await asyncio.to_thread(migrations.apply, url)

    assert applied == schema.known()
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()
    assert await answer(url, "SELECT count(*) FROM jobs") == 0
    assert await answer(url, "SELECT current_setting('application_name')") == "blue"


async def test_the_first_server_that_can_be_used_is_used(database_url: str) -> None:
    credentials, _, place = database_url.rpartition("@")
    there, _, name = place.partition("/")
    # Its connections are never accepted.
    silent = socket.create_server(("127.0.0.1", 0))
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{silent.getsockname()[1]},{there}"
    url = f"{credentials}@{hosts}/{name}?connect_timeout=1&target_session_attrs=read-write&sslmode=disable"

    assert await answer(url) == 1
    assert await asyncio.to_thread(migrations.apply, url) == []
    silent.close()


async def test_a_server_that_takes_no_writes_is_not_used_where_the_url_says_so(stack: Stack) -> None:
    url = await create_database(stack)
    connection = await asyncpg.connect(url)
    await connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_read_only = on")
    await connection.close()
    url += "?target_session_attrs=read-write"

    assert "target_session_attrs" in await complaint_of_processes(url)
    assert "read-only" in await complaint_of_migrate(url)


async def test_a_private_authority_is_named_by_sslrootcert(tls_url: str, authority: Authority) -> None:
    url = f"{tls_url}?sslmode=verify-full&sslrootcert={authority.authorities}"

    assert await answer(url) == 1
    assert await asyncio.to_thread(migrations.apply, url) == []


async def test_the_authorities_of_the_machine_may_be_meant(
    tls_url: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.authorities))
    url = f"{tls_url}?sslrootcert=system"

    assert await answer(url) == 1
    assert await asyncio.to_thread(migrations.apply, url) == []


async def test_a_certificate_that_is_not_trusted_is_told(tls_url: str, tmp_path: Path) -> None:
    other = make_authority(tmp_path)
    url = f"{tls_url}?sslmode=verify-full&sslrootcert={other.authorities}"

    assert "the server's certificate is not trusted" in await complaint_of_processes(url)
    assert "sslrootcert" in await complaint_of_processes(url)
    assert "certificate verify failed" in await complaint_of_migrate(url)


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "no.such.host.invalid"])
async def test_a_name_that_no_resolver_takes_is_told(database_url: str, host: str) -> None:
    credentials, _, place = database_url.rpartition("@")
    url = f"{credentials}@{host}/{place.partition('/')[2]}"

    assert (await complaint_of_processes(url)).startswith("DATABASE_URL: PostgreSQL cannot be reached (")
    assert "\n" not in await complaint_of_migrate(url)
