"""`autos status`: whether everything works that the service needs, and how much work is open, on one screen."""

import asyncio
import os
import sys
import time

import click
import msgspec
from redis.exceptions import RedisError

from service.commands.console import cell, json_option, print_json, print_table, read_settings
from service.database import dependencies, schema, workload
from service.database.connection import UNREACHABLE, Connection
from service.database.portal import portal_slots, portal_state, portal_tokens
from service.database.workload import EndedJobs, OpenChecks, OpenDeliveries, OpenJobs
from service.domain.dependencies import Dependency, Health
from service.domain.environment.startup import StartupError
from service.health.shared_check import CHECK_TIMEOUT, wait_patiently
from service.portal.token import expiry
from service.queue.redis_faults import describe
from service.queue.task_queue import TaskQueue, redis_pool
from service.settings import Settings
from service.startup.bucket import open_store
from service.startup.database import connected_database
from service.startup.process_logs import configure_process_logs
from service.startup.wiring import portal_credential, store_settings


class Check(msgspec.Struct, frozen=True):
    """One thing that the service needs."""

    ok: bool
    detail: str


class Work(msgspec.Struct, frozen=True):
    """How much work is open, and how much ended lately."""

    jobs: OpenJobs
    ended_jobs: EndedJobs
    deliveries: OpenDeliveries
    checks: OpenChecks


class Status(msgspec.Struct, frozen=True):
    """What `--json` prints. Without the database little is known."""

    ok: bool
    checks: dict[str, Check]
    work: Work | None


class _Told(msgspec.Struct, frozen=True):
    """What the database says."""

    checks: dict[str, Check]
    work: Work | None = None
    written: Health | None = None  #: whether the workers can write to the bucket


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Check everything that the service needs, and show how much work is open.

    Ends with code 1 if a check fails: work stands still then.
    """
    settings = read_settings()
    configure_process_logs(settings)
    asyncio.run(_look_and_tell(settings, as_json=as_json))


async def _look_and_tell(settings: Settings, *, as_json: bool) -> None:
    redis, bucket, database = asking = (
        asyncio.create_task(_redis(settings)),
        asyncio.create_task(_bucket(settings)),
        asyncio.create_task(_database(settings)),
    )
    await wait_patiently(asking, CHECK_TIMEOUT)
    hosts, answers = redis.result() if redis.done() else ([], _hangs("REDIS_URL: Redis"))
    told = database.result() if database.done() else _Told({"database": _hangs("DATABASE_URL: PostgreSQL")})
    store = bucket.result() if bucket.done() else _hangs("S3_BUCKET: the object store")
    checks = {**_with_hosts(told.checks, hosts), "redis": answers, "bucket": _with_workers(store, told.written)}
    found = Status(all(check.ok for check in checks.values()), checks, told.work)
    if as_json:
        print_json(found)
    else:
        _print(found)
    _end(0 if found.ok else 1, is_waited_for=all(each.done() for each in asking))


def _end(code: int, *, is_waited_for: bool) -> None:
    """End the process. At once if a check hangs: a DNS lookup would delay an orderly exit for minutes."""
    if is_waited_for:
        raise SystemExit(code)
    sys.stdout.flush()
    os._exit(code)


def _hangs(what: str) -> Check:
    return Check(ok=False, detail=f"{what} gives no answer within {CHECK_TIMEOUT:g} seconds")


def _with_hosts(checks: dict[str, Check], hosts: list[str]) -> dict[str, Check]:
    """Add the hosts of the workers, which Redis knows."""
    if not hosts or "workers" not in checks:
        return checks
    workers = checks["workers"]
    return {**checks, "workers": Check(ok=workers.ok, detail=f"{workers.detail}, on {', '.join(hosts)}")}


def _with_workers(bucket: Check, written: Health | None) -> Check:
    """Add the failures of the workers at the bucket, if this machine has none."""
    if not bucket.ok or written is None or not written.trouble:
        return bucket
    return Check(ok=not written.is_failing, detail=f"{bucket.detail}; what workers write {written.trouble}")


def _portal(health: Health) -> Check:
    success = f"last success {cell(health.succeeded_at)}" if health.succeeded_at else "no success yet"
    failure = f", last failure {cell(health.failed_at)}: {health.reason}" if health.failed_at else ""
    return Check(ok=not health.is_failing, detail=success + failure)


async def _redis(settings: Settings) -> tuple[list[str], Check]:
    pool = redis_pool(settings.redis_url)
    try:
        queue = TaskQueue(pool)
        await queue.ping()
        return await queue.hosts_of_workers(), Check(ok=True, detail="answers")
    except (RedisError, OSError) as error:
        return [], Check(ok=False, detail=f"REDIS_URL: {describe(error)}")
    finally:
        await pool.aclose(close_connection_pool=True)


async def _bucket(settings: Settings) -> Check:
    try:
        async with open_store(store_settings(settings), create_bucket=False, is_strict=True) as store:
            return Check(ok=True, detail=f"{settings.s3_bucket}, in {store.region}: written, read, removed")
    except StartupError as error:
        return Check(ok=False, detail=str(error))


async def _database(settings: Settings) -> _Told:
    try:
        async with (
            connected_database(settings.database_url, application_name="autos cli", max_size=2) as database,
            database.connection() as connection,
        ):
            await database.ping()
            lacking = await schema.missing(connection)
            current = Check(ok=not lacking, detail=_schema(lacking))
            answers = {"database": Check(ok=True, detail="answers"), "schema": current}
            if lacking:
                return _Told(answers)
            health = await dependencies.look(connection)
            answers["portal"] = _portal(health[Dependency.PORTAL])
            answers["portal_token"] = await _token(connection, settings)
            written = health[Dependency.BUCKET]
            answers["workers"] = await _workers(connection)
            return _Told(answers, await _work(connection), written)
    except StartupError as error:
        return _Told({"database": Check(ok=False, detail=str(error))})
    except UNREACHABLE as error:
        return _Told({"database": Check(ok=False, detail=f"PostgreSQL failed ({type(error).__name__})")})


async def _work(connection: Connection) -> Work:
    return Work(
        await workload.open_jobs(connection),
        await workload.ended_jobs(connection),
        await workload.open_deliveries(connection),
        await workload.open_checks(connection),
    )


def _schema(lacking: list[str]) -> str:
    return f"migration {lacking[0]} was not applied: run `autos migrate`" if lacking else schema.known()[-1]


async def _workers(connection: Connection) -> Check:
    count = await portal_slots.count_workers(connection)
    return Check(ok=count > 0, detail=f"{count} alive")


async def _token(connection: Connection, settings: Settings) -> Check:
    credential = portal_credential(settings)
    since = await portal_state.refused_since(connection, credential)
    if since is not None:
        return Check(ok=False, detail=f"refused by the portal since {cell(since)}: downloads wait for a new one")
    if settings.pdpj_token is None:
        return Check(ok=True, detail=await _renewed(connection, credential))
    seconds = expiry(credential)
    if seconds is None:
        return Check(ok=True, detail="not refused; it does not say how long it lives")
    left = seconds - time.time()
    if left <= 0:
        return Check(ok=False, detail="it has ended: set a new PDPJ_TOKEN")
    return Check(ok=True, detail=f"not refused; lives for {_length(left)}")


async def _renewed(connection: Connection, refresh_token: str) -> str:
    stored = await portal_tokens.stored_tokens(connection, portal_state.fingerprint(refresh_token))
    if stored is None or stored.expires_in <= 0:
        return "renews itself when it is needed next"
    return f"renews itself; the current one lives for {_length(stored.expires_in)}"


def _length(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60} min"


def _print(found: Status) -> None:
    rows = [
        (name.replace("_", " "), "ok" if check.ok else "NOT OK", check.detail) for name, check in found.checks.items()
    ]
    print_table(("what", "state", "detail"), rows)
    if found.work is None:
        return
    jobs, ended, deliveries = found.work.jobs, found.work.ended_jobs, found.work.deliveries
    checks = found.work.checks
    work = [
        ("jobs", f"{jobs.pending} pending, {jobs.processing} processing"),
        (
            "jobs of a day that have ended",
            f"{ended.completed} completed, {ended.failed} failed, {ended.cancelled} cancelled",
        ),
        ("oldest job that waits", _length(jobs.oldest_waiting)),
        (
            "deliveries that have not succeeded",
            f"{deliveries.waiting} waiting, {deliveries.scheduled} scheduled, {deliveries.failed} failed",
        ),
        ("most overdue delivery", _length(deliveries.oldest_due)),
        ("checks of watched cases", f"{checks.due} due, {checks.failing} failing, {checks.per_hour:.0f} an hour"),
        ("most overdue check", _length(checks.oldest_due)),
    ]
    print_table(("work", ""), work)
