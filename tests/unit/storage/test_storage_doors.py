"""Doors into botocore."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from aiobotocore.session import get_session
from botocore.awsrequest import AWSPreparedRequest

from service.storage.s3_client import client_config, fetch, tune

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

LINK = "http://another.invalid/bucket/key?X-Amz-Signature=1"


class SentError(Exception):
    """Takes the place of the network."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        self.url = request.url
        self.headers = {name.lower() for name in request.headers}


@asynccontextmanager
async def opened() -> AsyncIterator["S3Client"]:
    """A client that raises `SentError` in place of sending."""

    def stop(request: AWSPreparedRequest, **_others: object) -> None:
        raise SentError(request)

    async with get_session().create_client(
        "s3",
        endpoint_url="http://127.0.0.1:1",
        region_name="us-east-1",
        aws_access_key_id="invented",
        aws_secret_access_key="invented",
        config=client_config(path_style=True),
    ) as client:
        client.meta.events.register_last("before-send.s3", stop)
        yield client


@pytest.mark.parametrize("is_tuned", [False, True])
async def test_an_event_of_botocore_takes_out_that_uploads_expect_a_100(is_tuned: bool) -> None:
    async with opened() as client:
        if is_tuned:
            tune(client)
        with pytest.raises(SentError) as sent:
            await client.put_object(Bucket="bucket", Key="key", Body=BytesIO(b"content"))

    assert ("expect" in sent.value.headers) is not is_tuned


async def test_an_event_of_botocore_lets_a_call_follow_a_signed_link() -> None:
    async with opened() as client:
        with pytest.raises(SentError) as sent:
            await fetch(client, LINK, bucket="bucket", key="key")
        with pytest.raises(SentError) as other:
            await client.get_object(Bucket="bucket", Key="other")

    assert sent.value.url == LINK
    assert not {"authorization", "x-amz-date", "x-amz-content-sha256"} & sent.value.headers
    assert "authorization" in other.value.headers
