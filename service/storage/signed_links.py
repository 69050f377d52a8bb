"""Links that download an object until they expire, signed locally (AWS Signature Version 4, in the query).

The status of a case with 1,000 documents signs 1,000 links, and botocore is too slow for that, even its bare signer
(`S3SigV4QueryAuth`). botocore still provides the address, the region and the credentials.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

import msgspec

ALGORITHM = "AWS4-HMAC-SHA256"
_PROBE = "probe"
_USUAL_PORTS = {"http": 80, "https": 443}


class LinkTarget(msgspec.Struct, frozen=True):
    """The address of the objects of one bucket, as botocore builds it."""

    origin: str  #: scheme, host and port
    host: str  #: the Host header of a download
    path: str  #: before the key, with a slash at the end
    scope: str  #: of signatures, without the day: region, service and "aws4_request"


async def link_target(signer: Any, bucket: str) -> LinkTarget:
    """Get the address of an object in this bucket from botocore, which applies its endpoint rules."""
    probe = await signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": _PROBE}, ExpiresIn=60)
    parts = urlsplit(probe)
    return LinkTarget(
        origin=f"{parts.scheme}://{parts.netloc}",
        host=_host_header(parts),
        path=parts.path.removesuffix(_PROBE),
        # Not the client's region: links of an access point, and of `aws-global`, are signed for another one.
        scope=dict(parse_qsl(parts.query))["X-Amz-Credential"].split("/", 2)[2],
    )


def _host_header(parts: SplitResult) -> str:
    """In lower case and without the default port, as clients send it and as botocore signs it."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else f"{parts.hostname}"
    return host if parts.port in {None, _USUAL_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def sign_link(
    target: LinkTarget, credentials: Any, key: str, parameters: dict[str, str], *, ttl: int, moment: datetime
) -> str:
    """A link to an object, valid for `ttl` seconds from `moment`.

    `credentials` are botocore's frozen ones. `parameters` are query parameters of GetObject.
    """
    stamp = moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{target.scope}"
    values = parameters | {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(ttl),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token:
        values["X-Amz-Security-Token"] = credentials.token
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(values.items()))
    path = target.path + quote(key, safe="/-_.~")
    request = f"GET\n{path}\n{query}\nhost:{target.host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(signing_key(credentials.secret_key, scope), text.encode(), hashlib.sha256).hexdigest()
    return f"{target.origin}{path}?{query}&X-Amz-Signature={signature}"


@lru_cache(maxsize=4)  # one per day and region
def signing_key(secret_key: str, scope: str) -> bytes:
    """The signing key for a `scope` of day, region, service and "aws4_request"."""
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
