"""Requests are signed as botocore signs them, to the last character."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock, patch

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioCredentials
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, EndpointConnectionError
from botocore.hooks import HierarchicalEmitter

from service.first_attempts import FirstAttempt, sign

MOMENT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
HEADERS = {
    "Content-Type": "application/pdf",
    "Content-Length": "3",
    "User-Agent": "autos",
    "x-amz-checksum-crc32": "AAAA+/==",
    "x-amz-sdk-checksum-algorithm": "CRC32",
}
PLAIN = {"auth_type": "s3v4", "signing": {"signing_name": "s3", "region": "us-west-2"}}


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
    expected = request_for(origin + path)
    with patch("botocore.auth.get_current_datetime", return_value=MOMENT.replace(tzinfo=None)):
        OfTheStoreOnly(credentials, "s3", "sa-east-1").add_auth(expected)

    ours = sign("PUT", origin + path, HEADERS, credentials=credentials, region="sa-east-1", moment=MOMENT)

    assert ours["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA0000")
    assert sorted(ours.items()) == sorted(expected.headers.items())


class Store:
    """Answers what it is told to, as botocore's client for a bucket in `sa-east-1`."""

    def __init__(self, answer: int | BotoCoreError = 200) -> None:
        self.sent: list[AWSPreparedRequest] = []
        self._answer = answer
        self.meta = Mock(region_name="sa-east-1", events=HierarchicalEmitter())
        self._endpoint = Mock(http_session=self)

    async def send(self, request: AWSPreparedRequest) -> Mock:
        self.sent.append(request)
        if isinstance(self._answer, BotoCoreError):
            raise self._answer
        return Mock(status_code=self._answer, headers={"etag": '"a"'})

    async def called(self, operation: str, context: dict[str, Any]) -> Any:
        """What botocore is answered by its event."""
        client: Any = self
        FirstAttempt(client, AioCredentials("AKIA" + "0" * 16, "s" * 40))
        params = {"method": "PUT", "url": "https://a.example.com/b/k", "headers": HEADERS, "body": b"a"}
        answers = self.meta.events.emit(f"before-call.s3.{operation}", params=params, context=context)
        return [await answer for _, answer in answers]


@pytest.mark.parametrize("operation", ["PutObject", "UploadPart"])
async def test_an_object_and_a_part_are_sent_once_for_a_receipt(operation: str) -> None:
    store = Store()

    [(answer, given_back)] = await store.called(operation, PLAIN)

    assert (answer.status_code, given_back) == (200, {"ETag": '"a"'})
    [request] = store.sent
    assert (request.method, request.url, request.body) == ("PUT", "https://a.example.com/b/k", b"a")
    assert "/us-west-2/s3/" in request.headers["Authorization"]


async def test_a_bucket_whose_region_is_not_said_is_in_that_of_the_client() -> None:
    store = Store()

    await store.called("PutObject", {"auth_type": "s3v4", "signing": {"signing_name": "s3"}})

    assert "/sa-east-1/s3/" in store.sent[0].headers["Authorization"]


@pytest.mark.parametrize(
    "context",
    [
        {"auth_type": "s3v4", "signing": {"signing_name": "s3-outposts"}},
        {"auth_type": "v4a", "signing": {"signing_name": "s3"}},
        {"auth_type": None, "signing": {"cache_key": "name--use1-az4--x-s3"}},
        {},
    ],
)
async def test_buckets_of_other_kinds_are_left_to_botocore(context: dict[str, Any]) -> None:
    store = Store()

    assert await store.called("PutObject", context) == [None]
    assert store.sent == []


@pytest.mark.parametrize("answer", [301, 307, 400, 403, 404, 500, 503, EndpointConnectionError(endpoint_url="a")])
async def test_what_goes_wrong_is_left_to_botocore(answer: int | BotoCoreError) -> None:
    store = Store(answer)

    assert await store.called("PutObject", PLAIN) == [None]
    assert len(store.sent) == 1


async def test_other_operations_are_botocores() -> None:
    assert await Store().called("CompleteMultipartUpload", PLAIN) == []
