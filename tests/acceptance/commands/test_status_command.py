"""`autos status`: everything that the service needs, on one screen, with an exit code for programs."""

import base64
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from service.database.portal import portal_state, portal_tokens
from service.local.stack import Stack
from tests.conftest import create_database
from tests.support.commands import run_autos
from tests.support.deliveries.deliveries import open_pool
from tests.support.http.api import Api
from tests.support.processes import free_port

CHECKS = {"database", "schema", "redis", "bucket", "portal", "portal_token", "workers"}


async def look(environment: dict[str, str], *, code: int) -> Any:
    """The JSON output."""
    said = await run_autos(environment, "status", "--json")
    assert (said.returncode, said.stderr) == (code, "")
    return msgspec.json.decode(said.stdout)


def missing(found: Any) -> set[str]:
    return {name for name, check in found["checks"].items() if not check["ok"]}


def token(*, lives: float) -> str:
    """An unsigned JWT that expires so many seconds from now."""
    payload = msgspec.json.encode({"exp": int(time.time() + lives)})
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.c2lnbmF0dXJl"


async def test_all_is_well(environment: dict[str, str], api: Api) -> None:
    found = await look(environment, code=0)
    screen = await run_autos(environment, "status")

    assert (found["ok"], set(found["checks"])) == (True, CHECKS)
    assert found["checks"]["workers"]["detail"].startswith("1 alive, on ")
    assert set(found["work"]) == {"jobs", "ended_jobs", "deliveries", "checks"}
    assert screen.returncode == 0
    assert "NOT OK" not in screen.stdout
    assert environment["PDPJ_TOKEN"] not in screen.stdout
    for line in ("database", "schema", "redis", "bucket", "portal token", "workers", "jobs", "most overdue delivery"):
        assert f" {line} " in screen.stdout


@pytest.mark.parametrize(
    ("variable", "value", "names"),
    [
        ("DATABASE_URL", "postgresql://autos:hidden@127.0.0.1:{port}/autos", {"database"}),
        ("REDIS_URL", "redis://127.0.0.1:{port}/0", {"redis"}),
        ("S3_BUCKET", "nobody-made-this-one", {"bucket"}),
        ("S3_ENDPOINT_URL", "http://127.0.0.1:{port}", {"bucket"}),
    ],
)
async def test_what_is_away_is_named(
    environment: dict[str, str], api: Api, variable: str, value: str, names: set[str]
) -> None:
    changed = environment | {variable: value.format(port=free_port())}

    found = await look(changed, code=1)
    screen = await run_autos(changed, "status")

    assert (found["ok"], missing(found)) == (False, names)
    (line,) = [line for line in screen.stdout.splitlines() if "NOT OK" in line]
    assert variable.partition("_")[0] in line
    assert "hidden" not in screen.stdout + screen.stderr


async def test_a_schema_that_is_too_old_is_named(environment: dict[str, str], api: Api, stack: Stack) -> None:
    empty = environment | {"DATABASE_URL": await create_database(stack, migrated=False)}

    found = await look(empty, code=1)

    assert missing(found) == {"schema"}
    assert "autos migrate" in found["checks"]["schema"]["detail"]


async def test_a_service_without_a_worker_is_not_well(environment: dict[str, str], api: Api, stack: Stack) -> None:
    found = await look(environment | {"DATABASE_URL": await create_database(stack)}, code=1)

    assert missing(found) == {"workers"}
    assert found["checks"]["workers"]["detail"].startswith("0 alive")


@pytest.mark.parametrize(
    ("lives", "is_well", "detail"),
    [(3600 * 8 - 30, True, "lives for 7 h 59 min"), (-60, False, "set a new PDPJ_TOKEN")],
)
async def test_the_life_of_the_portal_token_is_told(
    environment: dict[str, str], api: Api, lives: float, is_well: bool, detail: str
) -> None:
    found = await look(environment | {"PDPJ_TOKEN": token(lives=lives)}, code=0 if is_well else 1)

    assert missing(found) == (set() if is_well else {"portal_token"})
    assert detail in found["checks"]["portal_token"]["detail"]


async def test_a_refused_token_is_told_with_the_moment(
    environment: dict[str, str], api: Api, database_url: str
) -> None:
    refused = token(lives=3600)
    async with open_pool(database_url) as pool, pool.connection() as connection:
        await portal_state.note_refusal(connection, refused)

    found = await look(environment | {"PDPJ_TOKEN": refused}, code=1)

    assert missing(found) == {"portal_token"}
    assert "refused by the portal since 20" in found["checks"]["portal_token"]["detail"]


async def test_the_life_of_a_renewed_token_is_told(environment: dict[str, str], api: Api, database_url: str) -> None:
    renewing = {name: value for name, value in environment.items() if name != "PDPJ_TOKEN"}
    renewing["PDPJ_REFRESH_TOKEN"] = refresh_token = "refresh-of-status"
    unused = await look(renewing, code=0)
    origin, life = portal_state.fingerprint(refresh_token), timedelta(minutes=5, seconds=-30)
    async with open_pool(database_url) as pool, pool.connection() as connection:
        await portal_tokens.start_renewal(connection, origin, refresh_token, holder=uuid4(), term=life)
        await portal_tokens.end_renewal(
            connection,
            origin,
            replaces=refresh_token,
            access_token="access",
            refresh_token=refresh_token,
            age=timedelta(0),
            life=life,
        )

    used = await look(renewing, code=0)

    assert unused["checks"]["portal_token"]["detail"] == "renews itself when it is needed next"
    assert used["checks"]["portal_token"]["detail"] == "renews itself; the current one lives for 0 h 4 min"
