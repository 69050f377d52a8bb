"""The portal's answer is kept as it came, and the names of sealed parties are nowhere: in no row, object or log."""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from service.database.connection import Database
from service.local.simulator.cases.sample_facts import SEALED_NAMES
from service.local.simulator.cases.samples import LABOUR, STATE
from service.storage.store_settings import StoreSettings
from tests.support.buckets import open_bucket
from tests.support.http.api import Api
from tests.support.portal import Portal

TAKEN_AT = "X-Listing-Taken-At"
_ROWS = "SELECT count(*) FROM {} AS each WHERE CAST(each AS text) LIKE ANY(:names)"


async def refreshed(api: Api, number: str) -> tuple[Mapping[str, str], bytes]:
    """The answer that is kept after a refresh. Asks again if the bucket was too slow to keep it."""
    before, _ = await kept_answer(api, number)
    async with asyncio.timeout(60):
        while True:
            await api.process(number, force_refresh="true", auto_download="false")
            headers, body = await kept_answer(api, number)
            if headers.get(TAKEN_AT) != before.get(TAKEN_AT):
                return headers, body


async def kept_answer(api: Api, number: str) -> tuple[Mapping[str, str], bytes]:
    headers, url = {"Authorization": f"Bearer {api.api_key}"}, f"{api.base_url}/api/v1/processes/{number}/listing"
    async with api.session.get(url, headers=headers) as response:
        return response.headers, await response.read()


async def sent(portal: Portal, environment: dict[str, str], number: str) -> bytes:
    """The portal's answer, without the service."""
    headers = {"Authorization": f"Bearer {environment['PDPJ_TOKEN']}", "User-Agent": "Mozilla/5.0"}
    url = f"{environment['PDPJ_BASE_URL']}/processos/{number}"
    async with portal.client.get(url, headers=headers, timeout=aiohttp.ClientTimeout(30)) as response:
        assert response.status == 200
        return await response.read()


async def test_an_answer_without_sealed_parties_is_kept_byte_for_byte(
    api: Api, portal: Portal, environment: dict[str, str]
) -> None:
    expected = await sent(portal, environment, STATE)

    headers, body = await refreshed(api, STATE)

    assert hashlib.sha256(body).hexdigest() == hashlib.sha256(expected).hexdigest()
    assert headers["X-Listing-Redacted"] == "false"


async def test_no_row_object_or_log_has_the_name_of_a_sealed_party(
    api: Api, portal: Portal, environment: dict[str, str], database: Database, log_directory: Path
) -> None:
    answer = (await sent(portal, environment, LABOUR)).decode()
    names = [name for name in SEALED_NAMES if name in answer]
    assert names

    headers, body = await refreshed(api, LABOUR)

    assert headers["X-Listing-Redacted"] == "true"
    assert LABOUR in body.decode()
    told = [body.decode(), *(gzip.decompress(each).decode() for each in await kept(environment))]
    told += logs_in(log_directory)
    assert [name for name in names if any(name in text for text in told)] == []
    assert await tables_with(database, names) == []


def logs_in(directory: Path) -> list[str]:
    return [log.read_text() for log in directory.glob("*.log")]


async def kept(environment: dict[str, str]) -> list[bytes]:
    """The kept answers about the case, also those that were replaced."""
    async with open_bucket(settings_of(environment), create=False) as bucket:
        keys = await bucket.visible(f"processos/{LABOUR}/listagens/")
        assert keys
        return [await bucket.read(key) or b"" for key in keys]


def settings_of(environment: dict[str, str]) -> StoreSettings:
    return StoreSettings(
        bucket=environment["S3_BUCKET"],
        endpoint_url=environment["S3_ENDPOINT_URL"],
        public_endpoint_url=None,
        region=environment["S3_REGION"],
        access_key_id=environment["AWS_ACCESS_KEY_ID"],
        secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        link_ttl=60,
    )


async def tables_with(database: Database, names: list[str]) -> list[str]:
    """The tables that have one of these names in a row."""
    async with database.connection() as connection:
        tables = await connection.fetch_all("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        patterns = [f"%{name}%" for name in names]
        return [
            table["tablename"]
            for table in tables
            if await connection.fetch_val(_ROWS.format(table["tablename"]), {"names": patterns})
        ]
