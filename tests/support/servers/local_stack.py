"""Clients of the servers of a stack, and marks that they leave and find again."""

import contextlib
import http.client
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import psycopg
import redis
from botocore.config import Config

from service.local.endpoints import Endpoints
from service.local.supervision.messages import ServerName

BUCKET = "autos-test"
OBJECT_KEY = "processos/1/mark.txt"


def prepare(endpoints: Endpoints) -> None:
    with s3_client(endpoints) as s3:
        s3.create_bucket(Bucket=BUCKET)
    execute(endpoints, "CREATE TABLE mark (value text)")


def with_other_password(url: str) -> str:
    return url.replace(str(urllib.parse.urlsplit(url).password), "another")


def execute(endpoints: Endpoints, statement: str, *values: str) -> list[Any]:
    with psycopg.connect(endpoints.database_url, connect_timeout=30, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values)
        return [] if cursor.description is None else cursor.fetchall()


@contextlib.contextmanager
def redis_client(url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(url, socket_timeout=30)
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def s3_client(endpoints: Endpoints, secret: str | None = None) -> Iterator[Any]:
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoints.s3_endpoint_url,
        region_name=endpoints.s3_region,
        aws_access_key_id=endpoints.s3_access_key_id,
        aws_secret_access_key=secret or endpoints.s3_secret_access_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    try:
        yield client
    finally:
        client.close()


def portal_status(endpoints: Endpoints, token: str | None) -> int:
    headers = {"User-Agent": "test", "Authorization": f"Bearer {token}"}
    with contextlib.closing(http.client.HTTPConnection(*address(endpoints, "portal"), timeout=30)) as connection:
        connection.request("GET", "/api/v2/processos?numeroProcesso=0", headers=headers)
        return connection.getresponse().status


def leave_marks(endpoints: Endpoints, value: str) -> None:
    """One row, one key, one object."""
    execute(endpoints, "INSERT INTO mark VALUES (%s)", value)
    with redis_client(endpoints.redis_url) as valkey:
        valkey.set("mark", value)
    with s3_client(endpoints) as s3:
        s3.put_object(Bucket=BUCKET, Key=OBJECT_KEY, Body=value.encode())


def marks(endpoints: Endpoints) -> tuple[str, str, str]:
    """The marks that the three servers have now."""
    [(row,)] = execute(endpoints, "SELECT value FROM mark ORDER BY ctid DESC LIMIT 1")
    with redis_client(endpoints.redis_url) as valkey:
        key: Any = valkey.get("mark")
    with s3_client(endpoints) as s3, s3.get_object(Bucket=BUCKET, Key=OBJECT_KEY)["Body"] as body:
        content = body.read()
    return row, key.decode(), content.decode()


def address(endpoints: Endpoints, name: ServerName) -> tuple[str, int]:
    urls = {
        "postgres": endpoints.database_url,
        "valkey": endpoints.redis_url,
        "s3": endpoints.s3_endpoint_url,
        "portal": str(endpoints.portal_url),
    }
    url = urllib.parse.urlsplit(urls[name])
    return str(url.hostname), url.port or 0


def command_lines(pids: list[int]) -> str:
    return "\n".join(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids)
