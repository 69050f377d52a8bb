"""`autos demo`: the main job once, with everything that it needs on this machine, as a client sees it."""

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path

import click

from service.database import migrations
from service.local.demo.job import DEMO_CASE, Result, show_main_job
from service.local.directory import DataDirectory
from service.local.endpoints import Endpoints
from service.local.fresh import fresh_bucket, fresh_database, fresh_queue
from service.local.services import running_services
from service.local.stack import running_stack
from service.local.supervision.processes import free_ports

_NAME = "demo"  # of the database; the bucket's begins with it


def run_demo(data: Path, api_key: str) -> None:
    """Show the main job, from nothing to a verified webhook and an update, and end with six lines on what happened.

    The servers keep their data below `data`; database, queue and bucket are new in each run. Raises
    `LocalStackError`, `MigrationError` or `DemoFailed`.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        endpoints = stack.enter_context(running_stack(data)).endpoints
        directory = DataDirectory(data.absolute())
        _report("Servers", "PostgreSQL, Valkey, S3 and a simulated portal on free ports of 127.0.0.1", started)
        environment = _environment(endpoints, directory, api_key)
        services = stack.enter_context(running_services(environment, directory, port=free_ports(1)[0]))
        _report("Service", f"the API on {services.url}, and a worker", started)
        result = asyncio.run(show_main_job(services, endpoints, api_key))
    for line in closing_lines(result, time.monotonic() - started):
        click.echo(line)


def closing_lines(result: Result, seconds: float) -> list[str]:
    """What happened, how long it took, what to try next: six lines. `seconds`: the whole run, with start and stop."""
    return [
        f"Done      All {result.documents} documents of case {DEMO_CASE} are in S3, {result.size:,} bytes.",
        f"Callback  One {result.webhook_type} webhook, its signature verified.",
        f"Link      One followed, {result.linked.size:,} bytes, SHA-256 as announced.",
        f"Update    One {result.update.webhook_type} webhook with the document and the movement filed since, verified.",
        f"Time      {seconds:.1f} s, of which {result.seconds:.1f} s from the request to the webhook.",
        "Next      `make up` leaves it running, with an address, a key and curl lines to paste.",
    ]


def _report(what: str, text: str, started: float) -> None:
    click.echo(f"{what:9} {text} ({time.monotonic() - started:.1f} s)")


def _environment(endpoints: Endpoints, directory: DataDirectory, api_key: str) -> dict[str, str]:
    """The settings of the service. The environment of the user is not among them."""
    fresh_queue(endpoints.redis_url, directory.logs)
    database_url = fresh_database(endpoints.database_url, _NAME, directory.logs)
    migrations.apply(database_url)
    return endpoints.environment(bucket=fresh_bucket(directory.objects, _NAME)) | {
        "ENVIRONMENT": "development",
        "DATABASE_URL": database_url,
        "ADMIN_API_KEY": api_key,
        "WEBHOOK_ALLOW_PRIVATE_HOSTS": "true",  # the subscriber is on this machine
    }
