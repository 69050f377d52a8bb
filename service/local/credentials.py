"""The generated secrets of a stack."""

import os
import secrets
from pathlib import Path

import msgspec

from service.domain.environment.weak_secrets import mark_local
from service.local.errors import LocalStackError


class Credentials(msgspec.Struct, frozen=True):
    """Made at the first start of a stack and kept for as long as its data."""

    postgres_password: str
    valkey_password: str
    s3_access_key_id: str
    s3_secret_access_key: str
    portal_token: str


def load_or_create_credentials(path: Path) -> Credentials:
    """Reads the file, or writes it with new secrets, readable by its owner only.

    Raises LocalStackError if the file is there but holds something else.
    """
    if not path.exists():
        _write(path, _new_credentials())
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except msgspec.DecodeError as error:
        raise LocalStackError(f"{path} does not hold the credentials of a stack: {error}") from None


def _new_credentials() -> Credentials:
    return Credentials(
        postgres_password=mark_local(secrets.token_hex(16)),
        valkey_password=mark_local(secrets.token_hex(16)),
        s3_access_key_id=f"AUTOS{secrets.token_hex(8).upper()}",
        s3_secret_access_key=mark_local(secrets.token_hex(20)),
        portal_token=mark_local(secrets.token_hex(16)),
    )


def _write(path: Path, credentials: Credentials) -> None:
    # Renamed into place: a start that is interrupted leaves the whole file or none.
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(credentials)))
    partial.rename(path)
