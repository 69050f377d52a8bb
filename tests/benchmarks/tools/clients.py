"""Other programs that do the work of a worker: their time, CPU and memory."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

import msgspec

from service.local.endpoints import Endpoints
from tests.support.processes import REPOSITORY

BENCH = REPOSITORY / ".venv-bench" / "bin"
_TIMED = REPOSITORY / "tests" / "benchmarks" / "timed.py"


class Taken(msgspec.Struct, frozen=True):
    """Time, CPU and memory of a piece of work."""

    seconds: float
    cpu: float  #: seconds
    peak: float  #: MiB


class LoopTask(msgspec.Struct, frozen=True):
    """The task of `tests.benchmarks.tools.loops`: copy URLs into a bucket."""

    urls: list[str]
    bucket: str
    endpoint_url: str
    access_key_id: str
    secret_access_key: str
    token: str = ""  #: of the portal


async def run_loop(kind: str, urls: Sequence[str], endpoints: Endpoints, bucket: str, *, token: str = "") -> Taken:
    """Run one of the loops of `tests.benchmarks.tools.loops`. Its start is not counted."""
    task = LoopTask(
        urls=list(urls),
        bucket=bucket,
        endpoint_url=endpoints.s3_endpoint_url,
        access_key_id=endpoints.s3_access_key_id,
        secret_access_key=endpoints.s3_secret_access_key,
        token=token,
    )
    return await _run(
        (sys.executable, "-m", "tests.benchmarks.tools.loops", kind), os.environ, msgspec.json.encode(task)
    )


async def run_command(command: Sequence[str], environment: Mapping[str, str], *, stdin: str = "") -> Taken:
    """Run a program to its end. Its start and its children are counted."""
    timed = (sys.executable, "-IS", str(_TIMED))
    return await _run((*timed, *command), {"PATH": os.environ["PATH"], **environment}, stdin.encode())


async def _run(command: Sequence[str], environment: Mapping[str, str], stdin: bytes) -> Taken:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=REPOSITORY,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(stdin)
    assert process.returncode == 0, command
    return msgspec.json.decode(output, type=Taken)


def rclone_environment(endpoints: Endpoints, upstream: str) -> dict[str, str]:
    """Two remotes for rclone: `source:` over HTTP and `sink:` over S3."""
    return {
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_SOURCE_TYPE": "http",
        "RCLONE_CONFIG_SOURCE_URL": upstream,
        "RCLONE_CONFIG_SINK_TYPE": "s3",
        "RCLONE_CONFIG_SINK_PROVIDER": "Rclone",
        "RCLONE_CONFIG_SINK_ENDPOINT": endpoints.s3_endpoint_url,
        "RCLONE_CONFIG_SINK_ACCESS_KEY_ID": endpoints.s3_access_key_id,
        "RCLONE_CONFIG_SINK_SECRET_ACCESS_KEY": endpoints.s3_secret_access_key,
    }


def aws_environment(endpoints: Endpoints) -> dict[str, str]:
    """The same sink for the AWS command line."""
    return {
        "AWS_ACCESS_KEY_ID": endpoints.s3_access_key_id,
        "AWS_SECRET_ACCESS_KEY": endpoints.s3_secret_access_key,
        "AWS_DEFAULT_REGION": endpoints.s3_region,
        "AWS_ENDPOINT_URL": endpoints.s3_endpoint_url,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
