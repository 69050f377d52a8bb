"""The strict S3 server refuses wrong requests, as the tests of the object store assume."""

import contextlib
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.servers.ministack import REGION, MinistackEndpoint, ministack_python, running_ministack

BUCKET = "autos-test"


@pytest.fixture(scope="module")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinistackEndpoint]:
    with running_ministack(ministack_python(), tmp_path_factory.mktemp("ministack")) as endpoint:
        with s3_client(endpoint, endpoint.secret_access_key) as client:
            client.create_bucket(Bucket=BUCKET)
        yield endpoint


@contextlib.contextmanager
def s3_client(endpoint: MinistackEndpoint, secret: str) -> Iterator[Any]:
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoint.url,
        region_name=REGION,
        aws_access_key_id=endpoint.access_key_id,
        aws_secret_access_key=secret,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},  # a refusal is final
        ),
    )
    with contextlib.closing(client):
        yield client


def test_an_object_signed_with_the_right_secret_is_stored(ministack: MinistackEndpoint) -> None:
    with s3_client(ministack, ministack.secret_access_key) as client:
        client.put_object(Bucket=BUCKET, Key="a/b.txt", Body=b"content")
        with client.get_object(Bucket=BUCKET, Key="a/b.txt")["Body"] as body:
            assert body.read() == b"content"


def test_an_object_signed_with_another_secret_is_refused(ministack: MinistackEndpoint) -> None:
    with s3_client(ministack, "another secret") as client, pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client.put_object(Bucket=BUCKET, Key="refused.txt", Body=b"content")


def test_content_that_does_not_have_its_md5_is_refused(ministack: MinistackEndpoint) -> None:
    with s3_client(ministack, ministack.secret_access_key) as client, pytest.raises(ClientError, match="BadDigest"):
        client.put_object(Bucket=BUCKET, Key="refused.txt", Body=b"content", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
