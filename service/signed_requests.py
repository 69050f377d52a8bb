"""Requests that put an object or a part of one, signed as AWS Signature Version 4 has it, without their payload.

botocore's own way looks at each header several times: 0.1 of the 0.6 ms of CPU that a `put_object` takes.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import botocore

from service.signed_links import ALGORITHM, signing_key

_PAYLOAD = "UNSIGNED-PAYLOAD"  # so that it can be streamed; a checksum goes with it
_OPERATIONS = ("PutObject", "UploadPart")
_USUAL_PORTS = {"http": ":80", "https": ":443"}


class RequestSigner:
    """Takes botocore's place for the two operations that are called for each document."""

    def __init__(self, credentials: Any, region: str) -> None:
        """`credentials` are botocore's: those of a machine's role are renewed by them from time to time."""
        self._credentials = credentials
        self._region = region

    def register(self, events: Any) -> None:
        """Have the client of these events sign with it."""
        for operation in _OPERATIONS:
            events.register_first(f"choose-signer.s3.{operation}", _leave_unsigned)
            events.register(f"request-created.s3.{operation}", self._sign)

    async def _sign(self, request: Any, **_kwargs: Any) -> None:
        if not _is_plain(request.context):
            return
        credentials = await self._credentials.get_frozen_credentials()
        region = request.context["signing"].get("region") or self._region
        moment = datetime.now(UTC)
        sign_headers(
            request.method, request.url, request.headers, credentials=credentials, region=region, moment=moment
        )


def _is_plain(context: Mapping[str, Any]) -> bool:
    """Whether the bucket is none of those that want another kind of signature: express, Outposts, several regions."""
    return context.get("auth_type") == "s3v4" and context.get("signing", {}).get("signing_name") == "s3"


def _leave_unsigned(context: Mapping[str, Any], **_kwargs: Any) -> Any:
    return botocore.UNSIGNED if _is_plain(context) else None


def sign_headers(method: str, url: str, headers: Any, *, credentials: Any, region: str, moment: datetime) -> None:
    """Add the headers that say who sends the request. `headers` are botocore's, `credentials` its frozen ones."""
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    added = {"X-Amz-Date": stamp, "X-Amz-Content-SHA256": _PAYLOAD}
    if credentials.token:
        added["X-Amz-Security-Token"] = credentials.token
    for name, value in added.items():
        del headers[name]  # assigning adds a second one
        headers[name] = value
    signed = _signed(url, headers)
    names = ";".join(signed)
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{_digest(method, url, signed, names)}"
    signature = hmac.new(signing_key(credentials.secret_key, scope), text.encode(), hashlib.sha256).hexdigest()
    del headers["Authorization"]
    headers["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )


def _signed(url: str, headers: Any) -> Mapping[str, str]:
    """The host and what only S3 reads: a proxy may change the others."""
    parts = urlsplit(url)
    found = {"host": parts.netloc.removesuffix(_USUAL_PORTS[parts.scheme])}
    for name, value in headers.items():
        if (lowered := name.lower()).startswith("x-amz-"):
            found[lowered] = value
    return dict(sorted(found.items()))


def _digest(method: str, url: str, signed: Mapping[str, str], names: str) -> str:
    parts = urlsplit(url)
    query = "&".join(sorted(each if "=" in each else f"{each}=" for each in parts.query.split("&") if each))
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    return hashlib.sha256(f"{method}\n{parts.path}\n{query}\n{lines}\n{names}\n{_PAYLOAD}".encode()).hexdigest()
