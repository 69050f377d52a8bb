"""`docs/operating.md`: its SQL works as the page says, and its numbers are those of the code."""

import os
import re
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from redis.exceptions import AuthenticationError

from service.database import migrations
from service.database.connection import ACQUIRE_TIMEOUT, COMMAND_TIMEOUT
from service.database.jobs.jobs import JOB_LEASE
from service.domain.deliveries import HOST_CONCURRENCY, HOST_TOTAL
from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from service.portal_access.sharing import PROBE_EVERY
from service.queue.task_queue import redis_pool
from service.settings import Settings
from service.storage.store_upload import PART_SIZE
from tests.support.commands import autos
from tests.support.http.api import Api
from tests.support.pages import Page
from tests.support.portal import Portal
from worker import queues
from worker.loops import health
from worker.postponement import IDLE_JOB_LIFETIME
from worker.tasks.download_process import JOB_BACKOFF, JOB_BACKOFF_MAX, JOB_PAUSE

PAGE = Page("docs/operating.md")
DEFAULTS: dict[str, Any] = {each.name: each.default for each in msgspec.structs.fields(Settings)}
OWNER_OF_THE_PAGE = "autos"


@dataclass(frozen=True)
class Roles:
    """The roles of the page under names that no other test uses, and a database that the first of them owns."""

    owner: str
    blue: str
    green: str
    admin_url: str

    def named(self, sql: str) -> str:
        """A block of the page with these role names. The passwords are those of the page."""
        names = {"blue": self.blue, "green": self.green, OWNER_OF_THE_PAGE: self.owner}
        return re.sub(r"\b(blue|green|autos)\b", lambda match: names[match[1]], sql)

    def url(self, role: str, password: str) -> str:
        """The URL of the database for a role."""
        host = self.admin_url.rpartition("@")[2].partition("/")[0]
        return f"postgresql://{role}:{password.replace(' ', '%20')}@{host}/{self.owner}"


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def fetch(url: str, query: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query, *values))
    finally:
        await connection.close()


@pytest.fixture
async def roles(stack: Stack) -> Roles:
    """A server after the first block about database passwords."""
    suffix = secrets.token_hex(4)
    made = Roles(f"owner_{suffix}", f"blue_{suffix}", f"green_{suffix}", stack.endpoints.database_url)
    await execute(made.admin_url, f"CREATE ROLE {made.owner}", f"CREATE DATABASE {made.owner} OWNER {made.owner}")
    await execute(made.admin_url, made.named(PAGE.one("sql", having="CREATE ROLE")))
    return made


async def test_a_database_password_is_rotated_without_a_pause(roles: Roles) -> None:
    assert "0001.core" in migrations.apply(roles.url(roles.blue, "<password>"))
    rotate, lock_out = PAGE.one("sql", having="PASSWORD NULL").splitlines()
    await execute(roles.admin_url, roles.named(rotate))
    green = roles.url(roles.green, "<new password>")

    await execute(green, "INSERT INTO users (id, name, role) VALUES (gen_random_uuid(), 'somebody', 'user')")
    [acting] = await fetch(green, "SELECT current_user AS role")
    owners = await fetch(green, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    await execute(roles.url(roles.blue, "<password>"), "SELECT 1 FROM users")
    await execute(roles.admin_url, roles.named(lock_out))

    assert (acting["role"], [row["tableowner"] for row in owners]) == (roles.owner, [roles.owner])
    assert migrations.apply(green) == []
    with pytest.raises(asyncpg.InvalidPasswordError):
        await execute(roles.url(roles.blue, "<password>"), "SELECT 1")


async def test_a_redis_password_is_rotated_without_a_pause(stack: Stack) -> None:
    url = stack.endpoints.redis_url
    user = f"default-{secrets.token_hex(4)}"
    add, remove = [line.replace("default", user) for line in PAGE.one("text", having="ACL SETUSER").splitlines()]

    await redis_command(url, f"ACL SETUSER {user} on +ping >old")
    await redis_command(url, add.replace("<new password>", "new"))
    both = [await takes(url, user, password) for password in ("old", "new")]
    await redis_command(url, remove.replace("<old password>", "old"))
    one = [await takes(url, user, password) for password in ("old", "new")]
    await redis_command(url, f"ACL DELUSER {user}")

    assert (both, one) == ([True, True], [False, True])


async def redis_command(url: str, command: str) -> None:
    client = redis_pool(url)
    try:
        await client.execute_command(*command.split())  # type: ignore[no-untyped-call]  # in redis
    finally:
        await client.aclose(close_connection_pool=True)


async def takes(url: str, user: str, password: str) -> bool:
    """True if Redis accepts a password."""
    try:
        await redis_command(f"redis://{user}:{password}@{url.rpartition('@')[2]}", "PING")
    except AuthenticationError:
        return False
    return True


@pytest.fixture
async def portal_case(portal: Portal, number: str) -> None:
    """A small case with the test's number."""
    await portal.put_documents(number, DocumentSpec(count=3))


async def test_lost_objects_are_downloaded_again_by_the_next_request(
    api: Api, database_url: str, number: str, portal_case: None
) -> None:
    await api.process(number)
    first = await api.ended(number)
    lost = PAGE.one("sql", having="UPDATE documents").replace("2026-01-31T12:00:00Z", "2020-01-31T12:00:00Z")
    digits = re.sub(r"\D", "", number)
    await execute(database_url, f"{lost.strip().removesuffix(';')} AND process_number = '{digits}'")

    asked = (await api.process(number)).json
    again = await api.ended(number)

    assert first["status"] == again["status"] == "completed"
    assert asked["job_id"] not in {None, first["job_id"]}
    assert again["completed_documents"] == first["completed_documents"] > 0


@pytest.mark.parametrize("having", ["pg_total_relation_size", "pg_stat_activity"])
async def test_the_questions_to_the_database_have_answers(api: Api, database_url: str, having: str) -> None:
    for query in PAGE.one("sql", having=having).split(";\n"):
        rows = await fetch(database_url, query) if query.strip() else []

        assert rows or "state = 'active'" in query or not query.strip()


@pytest.mark.parametrize("words", [("jobs", "list"), ("deliveries", "list", "--status", "failed"), ("rescue",)])
def test_the_commands_without_an_argument_work(
    api: Api, environment: Mapping[str, str], words: tuple[str, ...]
) -> None:
    assert any(" ".join(("autos", *words)) in code for code in PAGE.code)

    done = subprocess.run(
        autos(*words), env=os.environ | dict(environment), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr


#: Sentences of the page with numbers of the code, made from these numbers.
NUMBERS = (
    f"by a lease of {JOB_LEASE.seconds} seconds",
    f"from {health.HEALTH_KEY_LIFETIME.seconds} seconds after it died",
    f"after {JOB_BACKOFF.seconds} seconds, then later and later, up to every {JOB_BACKOFF_MAX.seconds // 60} minutes",
    f"tried again after {JOB_PAUSE.seconds} seconds",
    f"tried again every {PROBE_EVERY:.0f} seconds",
    f"up to {queues.FIRST_ATTEMPTS_AT_ONCE} first attempts and {queues.RETRIES_AT_ONCE} later ones",
    f"one host gets at most {HOST_CONCURRENCY} of one user and {HOST_TOTAL} of all",
    f"two parts of {PART_SIZE // 1024**2} MiB",
    f"{2 * DEFAULTS['pdpj_max_concurrency'] * PART_SIZE // 1024**2} MiB for its transfers",
    f"waits {ACQUIRE_TIMEOUT:.0f} seconds for a connection of its pool",
    f"ends after {COMMAND_TIMEOUT:.0f}",
    f"so {DEFAULTS['database_pool_size']} go a long way",
)


@pytest.mark.parametrize("sentence", NUMBERS)
def test_the_numbers_are_those_of_the_code(sentence: str) -> None:
    assert sentence in " ".join(PAGE.text.split())


def test_the_terms_in_words_are_those_of_the_code() -> None:
    assert timedelta(days=3) == IDLE_JOB_LIFETIME  # "for three days"
    assert len(DEFAULTS["webhook_retry_delays"]) + 1 == 10  # "Ten attempts over more than a day"
    assert sum(DEFAULTS["webhook_retry_delays"]) > 86400
    assert DEFAULTS["delivery_days"] == 90  # "90 by default"
    assert DEFAULTS["webhook_secret_grace"] == 86400  # "a day by default"
