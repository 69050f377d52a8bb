"""Requests that put an object or a part of one, sent in botocore's place as long as nothing goes wrong.

botocore makes two objects of a request, asks a dozen handlers about it, and reads the answer by its model of the
service: beside this, 14 % of the CPU that small documents cost a worker, and 9 % of their time.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import BotoCoreError

from service.signed_links import ALGORITHM, signing_key

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

_PAYLOAD = "UNSIGNED-PAYLOAD"  # so that it can be streamed; a checksum goes with it
_OPERATIONS = ("PutObject", "UploadPart")
_USUAL_PORTS = {"http": ":80", "https": ":443"}


class FirstAttempt:
    """Sends a request once, signed as AWS Signature Version 4 has it, without its payload.

    Whatever is not answered with 200 is left to botocore, which begins anew: with its retries, and with all it knows
    of errors, redirects and regions.
    """

    def __init__(self, client: "S3Client", credentials: Any) -> None:
        """`credentials` are botocore's: those of a machine's role are renewed by them from time to time."""
        self._http = client._endpoint.http_session  # type: ignore[attr-defined]  # noqa: SLF001  (no public way)
        self._region = client.meta.region_name
        self._credentials = credentials
        events: Any = client.meta.events
        for operation in _OPERATIONS:
            events.register(f"before-call.s3.{operation}", self._send)

    async def _send(
        self, params: Mapping[str, Any], context: Mapping[str, Any], **_kwargs: Any
    ) -> tuple[Any, dict[str, str]] | None:
        """The answer, and what its operation gives back; None has botocore send the request."""
        if not _is_plain(context):
            return None
        credentials = await self._credentials.get_frozen_credentials()
        method, url = params["method"], params["url"]
        region = context["signing"].get("region") or self._region
        moment = datetime.now(UTC)
        headers: Any = sign(method, url, params["headers"], credentials=credentials, region=region, moment=moment)
        try:
            answer = await self._http.send(AWSPreparedRequest(method, url, headers, params["body"], False))
        except BotoCoreError:
            return None
        return (answer, _given_back(answer.headers)) if answer.status_code == 200 else None


def _is_plain(context: Mapping[str, Any]) -> bool:
    """Whether the bucket is none of those that want another kind of signature: express, Outposts, several regions."""
    return context.get("auth_type") == "s3v4" and context.get("signing", {}).get("signing_name") == "s3"


def _given_back(headers: Mapping[str, str]) -> dict[str, str]:
    return {"ETag": headers["etag"]} if "etag" in headers else {}


def sign(
    method: str, url: str, headers: Mapping[str, str], *, credentials: Any, region: str, moment: datetime
) -> dict[str, str]:
    """The headers, with those that say who sends the request. `credentials` are botocore's frozen ones."""
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    complete = {**headers, "X-Amz-Date": stamp, "X-Amz-Content-SHA256": _PAYLOAD}
    if credentials.token:
        complete["X-Amz-Security-Token"] = credentials.token
    signed = _signed(url, complete)
    names = ";".join(signed)
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{_digest(method, url, signed, names)}"
    signature = hmac.new(signing_key(credentials.secret_key, scope), text.encode(), hashlib.sha256).hexdigest()
    complete["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return complete


def _signed(url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
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
