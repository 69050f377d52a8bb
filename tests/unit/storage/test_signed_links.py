"""Links equal those that botocore signs."""

import asyncio
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import aioboto3
import pytest
from aiobotocore.config import AioConfig
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.domain.file_names import content_disposition
from service.storage.s3_client import client_config
from service.storage.signed_links import LinkTarget, link_target, sign_link

MOMENT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
NAME = 'Petição "inicial";.pdf'
ENDPOINTS = [None, "http://127.0.0.1:9000", "https://objects.example.com", "https://objects.example.com:8443/base"]


AP = "123456789012:accesspoint/files"
BUCKETS = [
    "documents",
    f"arn:aws:s3:us-west-2:{AP}",
    f"arn:aws:s3-object-lambda:us-west-2:{AP}",
    "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/accesspoint/files",
]


@cache  # each reads botocore's models anew
def session_of(token: str | None) -> aioboto3.Session:
    return aioboto3.Session("AKIA" + "0" * 16, "s" * 40, token)


async def expect_botocores(bucket: str, key: str, *, client: dict[str, Any], token: str | None = None) -> None:
    """Our link equals botocore's."""
    session = session_of(token)
    parameters = {"ResponseContentDisposition": content_disposition(NAME), "ResponseContentType": "application/pdf"}
    async with session.client("s3", **client) as signer:
        with patch("botocore.auth.get_current_datetime", return_value=MOMENT.replace(tzinfo=None)):
            expected = await signer.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key, **parameters}, ExpiresIn=3600
            )
        target = await link_target(signer, bucket)
    credentials = SimpleNamespace(access_key="AKIA" + "0" * 16, secret_key="s" * 40, token=token)
    names = {
        "response-content-disposition": content_disposition(NAME),
        "response-content-type": "application/pdf",
    }

    link = sign_link(target, credentials, key, names, ttl=3600, moment=MOMENT)

    assert urlsplit(link)[:3] == urlsplit(expected)[:3]
    assert sorted(parse_qsl(urlsplit(link).query)) == sorted(parse_qsl(urlsplit(expected).query))


def client(endpoint: str | None, region: str | None = "sa-east-1", **options: Any) -> dict[str, Any]:
    config = client_config(endpoint is not None).merge(AioConfig(**options))
    return {"endpoint_url": endpoint, "region_name": region, "config": config}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("bucket", ["documents", "with.dots.example"])
@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize("key", ["processos/a/b.pdf", "with space/ç+&=%2F~().pdf"])
async def test_a_link_says_what_botocore_says(endpoint: str | None, bucket: str, token: str | None, key: str) -> None:
    await expect_botocores(bucket, key, client=client(endpoint), token=token)


@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize("region", ["sa-east-1", "us-east-1", "us-gov-west-1"])
async def test_a_link_to_an_access_point_is_signed_for_its_region(bucket: str, region: str) -> None:
    partition = "aws-us-gov" if "gov" in region else "aws"
    home = region if "gov" in region else "us-west-2"
    await expect_botocores(
        bucket.replace("arn:aws:", f"arn:{partition}:").replace("us-west-2", home),
        "a/b.pdf",
        client=client(None, region, s3={"use_arn_region": True, "addressing_style": "virtual"}),
    )


@pytest.mark.parametrize("region", [None, "aws-global", "us-east-1", "eu-central-1"])
@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("dualstack", [False, True])
async def test_a_link_is_of_the_region_that_botocore_finds(region: str | None, *, fips: bool, dualstack: bool) -> None:
    await expect_botocores(
        "documents",
        "a/b.pdf",
        client=client(None, region, use_fips_endpoint=fips, use_dualstack_endpoint=dualstack),
    )


HOSTS = st.sampled_from(
    ["s3.example.com", "S3.Example.com", "minio.local", "127.0.0.1", "[::1]", "[FE80::A]", "xn--a.br"]
)
PORTS = st.sampled_from(["", ":80", ":443", ":9000", ":0443"])
PATHS = st.sampled_from(["", "/", "/base", "/a/b/", "/with%20space"])


@settings(max_examples=40)
@given(st.sampled_from(["http", "https", "HTTPS"]), HOSTS, PORTS, PATHS, st.sampled_from([None, "sa-east-1"]))
@example("https", "s3.example.com", ":443", "", "sa-east-1")
@example("http", "minio.local", ":80", "", "sa-east-1")
@example("https", "S3.Example.com", "", "", "sa-east-1")
@example("https", "[::1]", ":443", "/base", None)
def test_a_link_is_signed_for_the_host_that_clients_will_name(
    scheme: str, host: str, port: str, path: str, region: str | None
) -> None:
    asyncio.run(expect_botocores("documents", "a/b.pdf", client=client(f"{scheme}://{host}{port}{path}", region)))


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_nothing_in_a_name_gets_out_of_its_place(name: str) -> None:
    credentials = SimpleNamespace(access_key="AKIA", secret_key="secret", token=None)
    target = LinkTarget("https://objects.example.com", "objects.example.com", "/bucket/", "sa-east-1/s3/aws4_request")

    link = sign_link(target, credentials, f"a/{name}", {"response-content-type": name}, ttl=60, moment=MOMENT)

    parts = urlsplit(link)
    assert (parts.netloc, parts.fragment) == ("objects.example.com", "")
    assert dict(parse_qsl(parts.query))["response-content-type"] == name
