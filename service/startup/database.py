"""Opens the database at the start of a process, with one clear line for each failure."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from service.database import schema
from service.database.connection import Database, create_database
from service.database.url import DatabaseUrlError
from service.domain.environment.startup import StartupError

START_TIMEOUT = 15.0  # seconds


@asynccontextmanager
async def open_database(url: str, *, application_name: str, max_size: int) -> AsyncIterator[Database]:
    """Connect the pool and make sure that the schema is the one this version needs. Raises `StartupError`."""
    async with connected_database(url, application_name=application_name, max_size=max_size) as database:
        async with database.connection() as connection:
            lacking = await schema.missing(connection)
        if lacking:
            raise StartupError(f"migration {lacking[0]} was not applied: run `autos migrate`")
        yield database


@asynccontextmanager
async def connected_database(url: str, *, application_name: str, max_size: int) -> AsyncIterator[Database]:
    """Connect the pool without a check of the schema. Raises `StartupError`."""
    try:
        database = create_database(url, application_name=application_name, max_size=max_size)
    except (DatabaseUrlError, ssl.SSLError) as error:
        # The settings were valid: a file that they name has changed since, or is not a certificate.
        raise StartupError(f"DATABASE_URL: {error}") from None
    await _connect(database)
    try:
        yield database
    finally:
        await database.close()


async def _connect(database: Database) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT):
            await database.connect()
    except asyncpg.InvalidPasswordError:
        raise StartupError("DATABASE_URL: the user or the password is wrong") from None
    except asyncpg.InvalidCatalogNameError:
        raise StartupError("DATABASE_URL: there is no such database") from None
    except asyncpg.ClientConfigurationError as error:
        # About files, for example sslrootcert. Its first line names the file and contains no password.
        raise StartupError(f"DATABASE_URL: {str(error).splitlines()[0]}") from None
    except asyncpg.TargetServerAttributeNotMatched:
        raise StartupError("DATABASE_URL: no server is of the kind that target_session_attrs wants") from None
    except ssl.SSLCertVerificationError as error:
        # A private CA must be in the file of sslrootcert.
        reason = f"the server's certificate is not trusted: {error.verify_message}; see sslrootcert"
        raise StartupError(f"DATABASE_URL: {reason}") from None
    # ValueError: a malformed host name.
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise StartupError(f"DATABASE_URL: PostgreSQL cannot be reached ({type(error).__name__})") from None
