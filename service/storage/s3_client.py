"""The configuration of botocore: for stores other than AWS, and with less CPU for each call."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from aiobotocore.config import AioConfig
from botocore.awsrequest import AWSPreparedRequest

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

STORE_CONNECTIONS = 64
_GET = "before-send.s3.GetObject"
_SIGNED = frozenset({"authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"})


def client_config(path_style: bool) -> AioConfig:
    """`path_style` is for stores other than AWS."""
    return AioConfig(
        # The default would sign links with version 2, which covers no query parameter.
        signature_version="s3v4",
        s3={"addressing_style": "path" if path_style else "virtual", "payload_signing_enabled": False},
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=STORE_CONNECTIONS,
        # The default wraps bodies in a trailer that many S3-compatible stores refuse.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connector_args={"keepalive_timeout": 12},
        # Saves CPU: by default, botocore builds the user agent and validates the parameters for each call.
        user_agent="autos",
        parameter_validation=False,
    )


def tune(client: "S3Client") -> None:
    """Change what `AioConfig` cannot. Call it once for each client that makes calls."""
    client.meta.events.register_last("before-call.s3", _expect_nothing)


def _expect_nothing(params: Mapping[str, Any], **_others: object) -> None:
    """botocore adds `Expect: 100-continue` to uploads, and aiohttp waits for that response without a timeout."""
    params["headers"].pop("Expect", None)


async def fetch(client: "S3Client", link: str, *, bucket: str, key: str) -> bytes:
    """Download a signed link of this object over the connections of a client. Raises the errors of `get_object`.

    Nothing else may get this object meanwhile: it would follow the link too.
    """

    def follow(request: AWSPreparedRequest, **_others: object) -> None:
        # By the key alone: after a redirect botocore asks another address, where the link must not be left out.
        if unquote(urlsplit(request.url).path).endswith(f"/{key}"):
            request.url = link
            # Of the signature that botocore put into the headers.
            for name in [name for name in request.headers if name.lower() in _SIGNED]:
                del request.headers[name]

    client.meta.events.register(_GET, follow)
    try:
        answer = await client.get_object(Bucket=bucket, Key=key)
        return await answer["Body"].read()
    finally:
        client.meta.events.unregister(_GET, follow)
