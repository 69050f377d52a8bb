"""Links are those that botocore signs, to the last character."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import aioboto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.file_names import content_disposition
from service.s3_client import client_config
from service.signed_links import LinkTarget, link_target, sign_link

MOMENT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
ENDPOINTS = [None, "http://127.0.0.1:9000", "https://objects.example.com", "https://objects.example.com:8443/base"]


async def signed_by_botocore(signer: Any, bucket: str, key: str, name: str) -> str:
    with patch("botocore.auth.get_current_datetime", return_value=MOMENT.replace(tzinfo=None)):
        return str(
            await signer.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": bucket,
                    "Key": key,
                    "ResponseContentDisposition": content_disposition(name),
                    "ResponseContentType": "application/pdf",
                },
                ExpiresIn=3600,
            )
        )


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("bucket", ["documents", "with.dots.example"])
@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize("key", ["processos/a/b.pdf", "with space/ç+&=%2F~().pdf"])
async def test_a_link_says_what_botocore_says(endpoint: str | None, bucket: str, token: str | None, key: str) -> None:
    session = aioboto3.Session("AKIA" + "0" * 16, "s" * 40, token, region_name="sa-east-1")
    async with session.client("s3", endpoint_url=endpoint, config=client_config(endpoint is not None)) as signer:
        expected = await signed_by_botocore(signer, bucket, key, 'Petição "inicial";.pdf')
        credentials = await (await session._session.get_credentials()).get_frozen_credentials()  # noqa: SLF001  (aioboto3 has no public way)
        target = await link_target(signer, bucket)
    parameters = {
        "response-content-disposition": content_disposition('Petição "inicial";.pdf'),
        "response-content-type": "application/pdf",
    }

    link = sign_link(target, credentials, key, parameters, ttl=3600, moment=MOMENT)

    assert urlsplit(link)[:3] == urlsplit(expected)[:3]
    assert sorted(parse_qsl(urlsplit(link).query)) == sorted(parse_qsl(urlsplit(expected).query))


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_nothing_in_a_name_gets_out_of_its_place(name: str) -> None:
    credentials = SimpleNamespace(access_key="AKIA", secret_key="secret", token=None)
    target = LinkTarget("https://objects.example.com", "objects.example.com", "/bucket/", "sa-east-1")

    link = sign_link(target, credentials, f"a/{name}", {"response-content-type": name}, ttl=60, moment=MOMENT)

    parts = urlsplit(link)
    assert (parts.netloc, parts.fragment) == ("objects.example.com", "")
    assert dict(parse_qsl(parts.query))["response-content-type"] == name
