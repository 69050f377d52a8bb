"""The configuration of botocore: for stores other than AWS, and with less CPU for each call."""

from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from botocore import handlers
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

CONNECTIONS = 64
_ANY: Any = None  # the shape of a response, which the parser does not use for errors


def client_config(path_style: bool) -> AioConfig:
    """`path_style` is for stores other than AWS."""
    return AioConfig(
        # The default would sign links with version 2, which covers no query parameter.
        signature_version="s3v4",
        s3={"addressing_style": "path" if path_style else "virtual", "payload_signing_enabled": False},
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=CONNECTIONS,
        # The default wraps bodies in a trailer that many S3-compatible stores refuse.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connector_args={"keepalive_timeout": 12},
        # Saves CPU: by default, botocore builds the user agent and validates the parameters for each call.
        user_agent="autos",
        parameter_validation=False,
    )


def _resolve_endpoint_once(client: "S3Client") -> None:
    """Leave the object key out of the lookup of the endpoint, which does not depend on it.

    botocore caches endpoints by all parameters of a call, so it would evaluate its rules again for each new key.
    """
    provider: Any = client._ruleset_resolver._provider  # type: ignore[attr-defined]  # noqa: SLF001  (no public way)
    resolve = provider.resolve_endpoint
    provider.resolve_endpoint = lambda **parameters: resolve(
        **{name: value for name, value in parameters.items() if name not in {"Key", "Prefix"}}
    )


def tune(client: "S3Client") -> None:
    """Change what `AioConfig` cannot. Call it once for each client that makes calls."""
    # It adds `Expect: 100-continue` to uploads, and aiohttp waits for that response without a timeout.
    client.meta.events.unregister("before-call.s3", handlers.add_expect_header)
    _resolve_endpoint_once(client)


async def fetch(client: "S3Client", link: str) -> bytes:
    """Download a signed link over the connections of a client. Raises botocore's errors, as its calls do."""
    session: Any = client._endpoint.http_session  # type: ignore[attr-defined]  # noqa: SLF001  (no public way)
    answer = await session.send(AWSRequest("GET", link).prepare())
    body: bytes = await answer.content
    if answer.status_code != 200:
        given: Any = {"status_code": max(answer.status_code, 301), "headers": answer.headers, "body": body}
        raise ClientError(create_parser("rest-xml").parse(given, _ANY), "GetObject")
    return body
