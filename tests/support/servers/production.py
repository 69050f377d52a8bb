"""Production mode with the servers of a test's stack."""

import secrets
from pathlib import Path

import msgspec

from service.local.credentials import Credentials
from service.local.directory import DataDirectory

#: Over the settings of a stack. Nobody is at these addresses: it starts, and serves what asks nobody outside.
PRODUCTION = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://autos.example.com",
    "PDPJ_BASE_URL": "https://portal.example.com/api/v2",
    "S3_PUBLIC_ENDPOINT_URL": "https://files.example.com",
    "WEBHOOK_ALLOW_PRIVATE_HOSTS": "false",
    "DRAIN_SECONDS": "0",
}


def write_real_credentials(data_dir: Path) -> None:
    """Write secrets for a new stack without the prefix by which production refuses local secrets."""
    names = msgspec.structs.fields(Credentials)
    made = Credentials(**{field.name: secrets.token_hex(16) for field in names})
    DataDirectory(data_dir).credentials.write_bytes(msgspec.json.encode(made))
