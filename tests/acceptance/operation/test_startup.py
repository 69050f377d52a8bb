"""A start that cannot work ends with one line that names the reason, without a traceback."""

import asyncio
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.local.credentials import load_or_create_credentials
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.processes import BIN, REPOSITORY, free_port
from tests.support.servers.private_ca import make_authority, tls_in_front
from tests.support.servers.production import PRODUCTION

API = [str(BIN / "uvicorn"), "--factory", "service.app:create_app", "--no-access-log"]
WORKER = [str(BIN / "arq"), "worker.main.WorkerSettings"]
MIGRATE = [str(BIN / "autos"), "migrate"]


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int
    output: str

    def assert_one_clear_line(self, sentence: str) -> None:
        """It failed with one line that says why, without a traceback."""
        assert self.code != 0, self.output
        assert "Traceback" not in self.output
        lines = [line for line in self.output.splitlines() if sentence in line]
        assert len(lines) == 1, self.output


async def run(command: list[str], environment: Mapping[str, str], cwd: Path = REPOSITORY) -> Ended:
    """Start a process that is expected to end by itself."""
    if command is API:
        command = [*API, "--port", str(free_port())]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode())


@pytest.fixture
def local_database_url(tmp_path: Path) -> str:
    """A URL as `make up` writes it."""
    password = load_or_create_credentials(tmp_path / "credentials.json").postgres_password
    return f"postgresql://autos:{password}@127.0.0.1:5432/autos"


@pytest.mark.parametrize("command", [API, WORKER], ids=["api", "worker"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"PORT": "http"}, "PORT is malformed"),
        ({"DATABASE_URL": "postgresql://u@h/n?sslmode=requird"}, "DATABASE_URL is malformed: sslmode must be one of"),
        ({"ALERT_URLS": "foo"}, "ALERT_URLS is malformed: URL number 1 is of no known target"),
    ],
    ids=["missing", "malformed", "parameter", "no target"],
)
async def test_a_wrong_setting_is_named(
    environment: dict[str, str], command: list[str], change: dict[str, str], sentence: str
) -> None:
    ended = await run(command, environment | change)

    ended.assert_one_clear_line(sentence)


async def test_the_schema_is_changed_with_the_address_of_the_database_alone(stack: Stack) -> None:
    empty = await create_database(stack, migrated=False)

    (await run(MIGRATE, {})).assert_one_clear_line("DATABASE_URL is not set")
    assert (await run(MIGRATE, {"DATABASE_URL": empty})).code == 0


async def test_the_address_of_a_service_is_ignored_with_a_warning(environment: dict[str, str]) -> None:
    # It gets as far as the database, which does not exist.
    nowhere = f"postgresql://autos:x@127.0.0.1:{free_port()}/autos"

    ended = await run(API, environment | {"METRICS_PORT": "tcp://10.96.0.1:9090", "DATABASE_URL": nowhere})

    ended.assert_one_clear_line("PostgreSQL cannot be reached")
    assert '"event":"setting_ignored"' in ended.output.replace(": ", ":")
    assert '"setting":"METRICS_PORT"' in ended.output.replace(": ", ":")


@pytest.mark.parametrize("command", [API, WORKER, MIGRATE], ids=["api", "worker", "migrate"])
async def test_a_wrong_password_is_named_and_not_shown(environment: dict[str, str], command: list[str]) -> None:
    user, _, rest = environment["DATABASE_URL"].rpartition("@")
    wrong = f"{user.rpartition(':')[0]}:not-the-password@{rest}"

    ended = await run(command, environment | {"DATABASE_URL": wrong})

    ended.assert_one_clear_line("DATABASE_URL")
    assert "not-the-password" not in ended.output


@pytest.mark.parametrize("command", [API, WORKER, MIGRATE], ids=["api", "worker", "migrate"])
async def test_a_database_that_is_not_there_is_named(environment: dict[str, str], command: list[str]) -> None:
    nowhere = f"postgresql://autos:x@127.0.0.1:{free_port()}/autos"

    ended = await run(command, environment | {"DATABASE_URL": nowhere})

    ended.assert_one_clear_line("DATABASE_URL")


@pytest.mark.parametrize("command", [API, WORKER], ids=["api", "worker"])
async def test_a_missing_migration_is_named(environment: dict[str, str], stack: Stack, command: list[str]) -> None:
    empty = await create_database(stack, migrated=False)

    ended = await run(command, environment | {"DATABASE_URL": empty})

    ended.assert_one_clear_line("migration 0001.core was not applied: run `autos migrate`")


@pytest.mark.parametrize("command", [API, WORKER], ids=["api", "worker"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"S3_ENDPOINT_URL": "http://127.0.0.1:9"}, "S3_BUCKET: the object store cannot be reached"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "S3_BUCKET: the object store refuses the credentials"),
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
            "S3_BUCKET: there are no credentials: AWS_ACCESS_KEY_ID is not set",
        ),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY is not set"),
        ({**PRODUCTION, "S3_BUCKET": "nobody-made-this-one"}, "S3_BUCKET: the bucket does not exist"),
    ],
    ids=["unreachable", "wrong key", "no key", "half a key", "missing in production"],
)
async def test_a_bucket_that_cannot_be_used_is_named(
    environment: dict[str, str], command: list[str], change: dict[str, str], sentence: str
) -> None:
    ended = await run(command, environment | change)

    ended.assert_one_clear_line(sentence)


@pytest.mark.parametrize("command", [API, WORKER, MIGRATE], ids=["api", "worker", "migrate"])
async def test_production_does_not_start_on_a_stack_of_development(
    environment: dict[str, str], local_database_url: str, command: list[str]
) -> None:
    ended = await run(command, environment | PRODUCTION | {"DATABASE_URL": local_database_url})

    ended.assert_one_clear_line("DATABASE_URL has a password of development")
    assert (urlsplit(local_database_url).password or "") not in ended.output


async def test_production_does_not_start_where_links_would_be_unencrypted(environment: dict[str, str]) -> None:
    ended = await run(API, environment | PRODUCTION | {"S3_PUBLIC_ENDPOINT_URL": ""})

    ended.assert_one_clear_line("S3_ENDPOINT_URL must start with https:// in production")


async def test_migrations_may_be_applied_by_several_at_once(environment: dict[str, str], stack: Stack) -> None:
    empty = environment | {"DATABASE_URL": await create_database(stack, migrated=False)}

    ended = await asyncio.gather(*(run(MIGRATE, empty) for _ in range(3)))

    assert [each.code for each in ended] == [0, 0, 0], ended
    assert sum("applied 0001.core" in each.output for each in ended) == 1
    assert sum("the schema is up to date" in each.output for each in ended) == 2


async def test_a_certificate_of_a_private_authority_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    there = urlsplit(environment["S3_ENDPOINT_URL"])
    authority = make_authority(tmp_path)
    async with tls_in_front(authority, there.hostname or "", there.port or 0) as port:
        private = environment | {"S3_ENDPOINT_URL": f"https://127.0.0.1:{port}"}

        ended = await run(API, private)

        ended.assert_one_clear_line("S3_ENDPOINT_URL: the certificate of the object store is not trusted")
