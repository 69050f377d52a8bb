"""ministack: an S3 server for tests. It checks more than the stack's own server.

It verifies Content-MD5, checksums in headers and trailers, and the signature of every chunk. It runs from an
environment of its own, made from `tests/ministack.lock`, because its botocore is not the one that this project needs.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session

from service.local.probes import answers_200
from service.local.supervision.processes import POLL_SECONDS, free_ports

REGION = "us-east-1"

_REPOSITORY = Path(__file__).resolve().parents[3]
_READY_SECONDS = 30.0
_STOP_SECONDS = 10.0
_ALLOW_S3 = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


@dataclass(frozen=True)
class MinistackEndpoint:
    """Its URL, and a key pair whose signatures it checks."""

    url: str
    access_key_id: str
    secret_access_key: str


def ministack_python() -> Path:
    """The Python that has ministack: AUTOS_MINISTACK_PYTHON, or that of `.venv-ministack`."""
    return Path(os.environ.get("AUTOS_MINISTACK_PYTHON", _REPOSITORY / ".venv-ministack" / "bin" / "python"))


@contextlib.contextmanager
def running_ministack(python: Path, directory: Path) -> Iterator[MinistackEndpoint]:
    """A server on a free port of 127.0.0.1 for the length of a `with` statement, with its data in the directory."""
    [port] = free_ports(1)
    log = directory / "ministack.log"
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [str(python), "-m", "ministack"], env=_environment(directory, port), stdout=output, stderr=output
        ) as process,
    ):
        try:
            _wait_until_ready(process, port, log)
            yield _with_checked_key(f"http://127.0.0.1:{port}")
        finally:
            _stop(process)


def _environment(directory: Path, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(directory),
        # By default it listens on every interface, accepts every key, and forgets everything.
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "SERVICES": "s3,iam,sts",
        "MINISTACK_REGION": REGION,
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(directory / "objects"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directory / "state"),
        # It looks for containers of its own to remove: nothing of this machine's Docker is its business.
        "DOCKER_HOST": f"unix://{directory}/no-docker.sock",
    }


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not answers_200(port, "/_ministack/health", {}):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"ministack does not start:\n{log.read_text()}")
        time.sleep(POLL_SECONDS)


def _with_checked_key(url: str) -> MinistackEndpoint:
    """Makes a user with a key: signatures of the root key are never checked."""
    iam: Any = botocore.session.get_session().create_client(
        "iam", endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    with contextlib.closing(iam):
        iam.create_user(UserName="autos")
        iam.put_user_policy(UserName="autos", PolicyName="s3", PolicyDocument=_ALLOW_S3)
        key = iam.create_access_key(UserName="autos")["AccessKey"]
    return MinistackEndpoint(url, key["AccessKeyId"], key["SecretAccessKey"])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
