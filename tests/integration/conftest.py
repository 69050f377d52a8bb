"""The S3 servers of the tests of the object store, and a database without workers."""

import secrets
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from service.database.connection import Database
from service.domain.process_number import ProcessNumber
from service.local.stack import Stack
from service.storage.store_settings import StoreSettings
from tests.conftest import create_database
from tests.support.buckets import Bucket, open_bucket
from tests.support.database.case_steps import CaseSteps
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.servers.ministack import MinistackEndpoint, ministack_python, running_ministack
from tests.support.servers.s3_proxy import S3Proxy, running_s3_proxy


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinistackEndpoint]:
    """An S3 server that verifies requests strictly."""
    with running_ministack(ministack_python(), tmp_path_factory.mktemp("ministack")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module", params=["rclone", "ministack"])
def s3(request: pytest.FixtureRequest) -> StoreSettings:
    """A bucket that does not exist yet, on each of the servers."""
    if request.param == "rclone":
        return _on_rclone(request.getfixturevalue("stack"))
    there: MinistackEndpoint = request.getfixturevalue("ministack")
    return _settings(there.url, there.access_key_id, there.secret_access_key)


def _on_rclone(stack: Stack) -> StoreSettings:
    there = stack.endpoints
    return _settings(there.s3_endpoint_url, there.s3_access_key_id, there.s3_secret_access_key)


def _settings(url: str, access_key_id: str, secret_access_key: str) -> StoreSettings:
    return StoreSettings(
        bucket=f"test-{secrets.token_hex(6)}",
        endpoint_url=url,
        public_endpoint_url=None,
        region="us-east-1",
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        link_ttl=60,
    )


@pytest.fixture(scope="module")
async def bucket(s3: StoreSettings) -> AsyncIterator[Bucket]:
    """A bucket on each of the servers. Each test uses its own keys."""
    async with open_bucket(s3) as opened:
        yield opened


@pytest.fixture(scope="module")
async def local_bucket(stack: Stack) -> AsyncIterator[Bucket]:
    """A bucket of the stack's server, for tests that do not depend on the server."""
    async with open_bucket(_on_rclone(stack)) as opened:
        yield opened


@pytest.fixture
async def s3_proxy(local_bucket: Bucket) -> AsyncIterator[S3Proxy]:
    """A proxy in front of the stack's server that a test can let fail."""
    async with running_s3_proxy(local_bucket.settings.endpoint_url or "") as running:
        yield running


@pytest.fixture
def proxied(local_bucket: Bucket, s3_proxy: S3Proxy) -> StoreSettings:
    """The stack's bucket, through the proxy."""
    return msgspec.structs.replace(local_bucket.settings, endpoint_url=s3_proxy.url)


@pytest.fixture
def key() -> str:
    """A key prefix that no other test uses."""
    return f"processos/0000001-39.2024.8.26.0100/documentos/{secrets.token_hex(8)}/Sentenca.pdf"


@pytest.fixture(scope="session")
async def quiet_database(stack: Stack) -> AsyncIterator[Database]:
    """A database without workers, so that due rows are left to the tests. Each test has its own cases and users."""
    async with open_pool(await create_database(stack), size=6) as pool:
        yield pool


@pytest.fixture
async def steps(quiet_database: Database, number: str) -> CaseSteps:
    """A case that was not requested yet, and a user."""
    user_id, _key = await add_user(quiet_database)
    return CaseSteps(quiet_database, ProcessNumber.parse(number), user_id)
