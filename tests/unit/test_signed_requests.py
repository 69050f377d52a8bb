"""Requests are signed as botocore signs them, to the last character."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import botocore
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioCredentials
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.hooks import HierarchicalEmitter

from service.signed_requests import RequestSigner, sign_headers

MOMENT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
HEADERS = {
    "Content-Type": "application/pdf",
    "Content-Length": "3",
    "User-Agent": "autos",
    "x-amz-checksum-crc32": "AAAA+/==",
    "x-amz-sdk-checksum-algorithm": "CRC32",
    # Of an attempt before.
    "X-Amz-Date": "20200101T000000Z",
    "Authorization": "stale",
}


class OfTheStoreOnly(S3SigV4Auth):
    """botocore signs the headers of the transport too."""

    def headers_to_sign(self, request: AWSRequest) -> Any:
        headers = super().headers_to_sign(request)
        for name in ("content-type", "content-length"):
            del headers[name]
        return headers


def request_for(url: str) -> AWSRequest:
    request = AWSRequest("PUT", url, headers=HEADERS)
    request.context["client_config"] = AioConfig(s3={"payload_signing_enabled": False})
    return request


@pytest.mark.parametrize("origin", ["https://a.example.com", "https://a.example.com:443", "http://127.0.0.1:9000"])
@pytest.mark.parametrize("path", ["/bucket/a%20b/%C3%A7~.pdf", "/k?partNumber=10&uploadId=a%2Fb%3D%3D&x-id", "/"])
@pytest.mark.parametrize("token", [None, "a/session+token=="])
def test_a_request_is_signed_as_botocore_signs_it(origin: str, path: str, token: str | None) -> None:
    credentials = Credentials("AKIA" + "0" * 16, "s" * 40, token)
    expected, ours = request_for(origin + path), request_for(origin + path)
    with patch("botocore.auth.get_current_datetime", return_value=MOMENT.replace(tzinfo=None)):
        OfTheStoreOnly(credentials, "s3", "sa-east-1").add_auth(expected)

    sign_headers("PUT", origin + path, ours.headers, credentials=credentials, region="sa-east-1", moment=MOMENT)

    assert ours.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA0000")
    assert sorted(ours.headers.items()) == sorted(expected.headers.items())


@pytest.mark.parametrize(
    ("context", "is_ours"),
    [
        ({"auth_type": "s3v4", "signing": {"signing_name": "s3", "region": "us-west-2"}}, True),
        ({"auth_type": "s3v4", "signing": {"signing_name": "s3-outposts"}}, False),
        ({"auth_type": "v4a", "signing": {"signing_name": "s3"}}, False),
        ({"auth_type": None, "signing": {"cache_key": "name--use1-az4--x-s3"}}, False),
        ({}, False),
    ],
)
async def test_buckets_of_other_kinds_are_left_to_botocore(*, context: dict[str, Any], is_ours: bool) -> None:
    events = HierarchicalEmitter()
    RequestSigner(AioCredentials("AKIA" + "0" * 16, "s" * 40), "sa-east-1").register(events)
    request = request_for("https://a.example.com/bucket/key")
    request.context = context

    [(_, chosen)] = events.emit("choose-signer.s3.PutObject", context=context)
    [(_, signing)] = events.emit("request-created.s3.PutObject", request=request)
    await signing

    assert (chosen is botocore.UNSIGNED) == is_ours
    assert (request.headers["Authorization"] != "stale") == is_ours
    assert not is_ours or "/us-west-2/s3/" in request.headers["Authorization"]
