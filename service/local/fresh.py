"""An empty database, queue and bucket on a stack that may have been used before."""

import secrets
import shutil
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

from service.local.errors import LocalStackError


def fresh_database(server_url: str, name: str, logs: Path) -> str:
    """Drop the database if it exists, create it, and return its URL. Raises LocalStackError."""
    target = psycopg.sql.Identifier(name)
    try:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(target))
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(target))
    except psycopg.Error as error:
        raise _failed("postgres", error, logs) from None
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def fresh_queue(redis_url: str, logs: Path) -> None:
    """Delete the messages of earlier runs. Raises LocalStackError."""
    try:
        with redis.Redis.from_url(redis_url) as connection:
            connection.flushdb()
    except redis.RedisError as error:
        raise _failed("valkey", error, logs) from None


def _failed(server: str, error: Exception, logs: Path) -> LocalStackError:
    return LocalStackError(f"{server} failed ({type(error).__name__}); its log is {logs / f'{server}.log'}")


def fresh_bucket(objects: Path, prefix: str) -> str:
    """Remove the buckets of earlier runs and return a name that was never used.

    A new name each time: the S3 server remembers the directories that it has seen.
    """
    for bucket in objects.glob(f"{prefix}-*"):
        shutil.rmtree(bucket)
    return f"{prefix}-{secrets.token_hex(4)}"
