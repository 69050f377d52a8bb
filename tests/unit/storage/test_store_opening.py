"""Settings that make a client of the store impossible are named before any request."""

import re

import msgspec
import pytest

from service.domain.environment.startup import StartupError
from service.startup.bucket import open_store
from service.storage.store_errors import StorageError
from service.storage.store_settings import StoreSettings
from service.storage.store_upload import Checksums

USABLE = StoreSettings(
    bucket="files",
    endpoint_url="http://127.0.0.1:9",
    public_endpoint_url=None,
    region="us-east-1",
    access_key_id="key",
    secret_access_key="secret",
    link_ttl=60,
)
SETTINGS = {
    "a region with a space": ({"region": "sa east 1"}, "S3_REGION .*no name of a region"),
    "a path for a bucket": ({"bucket": "files/autos"}, "S3_BUCKET: it is no name of a bucket"),
    "a URL for a bucket": ({"bucket": "s3://files"}, "S3_BUCKET: it is no name of a bucket"),
    "an endpoint with a query": ({"endpoint_url": "http://127.0.0.1:9/?x=1"}, "S3_ENDPOINT_URL: it is no address"),
    "an endpoint with a space": ({"endpoint_url": "http://s3 host:9"}, "S3_ENDPOINT_URL: it is no address"),
}
VARIABLES = {
    "a region with quotes": (
        {"AWS_DEFAULT_REGION": "'sa-east-1'", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"},
        "S3_REGION .*no name of a region",
    ),
    "a profile that is not there": ({"AWS_PROFILE": "nosuch"}, "AWS_PROFILE: there is no such profile"),
    "a file of another kind": ({"AWS_CONFIG_FILE": __file__}, "AWS_CONFIG_FILE: .*cannot be read"),
    "the token of a role that is not there": (
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent", "AWS_ROLE_ARN": "arn:aws:iam::1:role/x"},
        "AWS_ACCESS_KEY_ID: it is not set, and the AWS chain fails .FileNotFoundError",
    ),
}


async def refusal(settings: StoreSettings) -> str:
    with pytest.raises(StartupError) as caught:
        async with open_store(settings, create_bucket=False):
            pass
    return str(caught.value)


@pytest.mark.parametrize(("changes", "line"), SETTINGS.values(), ids=SETTINGS.keys())
async def test_a_setting_that_botocore_refuses_is_named(changes: dict[str, str], line: str) -> None:
    assert re.fullmatch(f"{line}[^\n]*", await refusal(msgspec.structs.replace(USABLE, **changes)))


@pytest.mark.parametrize(("variables", "line"), VARIABLES.values(), ids=VARIABLES.keys())
async def test_a_variable_of_the_aws_chain_that_fails_is_named(
    variables: dict[str, str], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = msgspec.structs.replace(USABLE, region=None, access_key_id=None, secret_access_key=None)

    assert re.fullmatch(f"{line}[^\n]*", await refusal(settings))


@pytest.mark.parametrize(("status", "code"), [(400, "InvalidArgument"), (501, "NotImplemented"), (403, "403")])
async def test_checksums_are_left_out_where_the_call_works_without(status: int, code: str) -> None:
    calls: list[bool] = []

    async def call(crc: bool) -> str:
        calls.append(crc)
        if crc:
            raise StorageError("refused", status=status, code=code)
        return "done"

    checksums = Checksums()

    assert [await checksums.protect(call), await checksums.protect(call)] == ["done", "done"]
    assert calls == [True, False, False]


async def test_a_proxy_that_leaves_headers_out_breaks_the_signature_only_of_what_has_them() -> None:
    async def call(crc: bool) -> bool:
        if crc:
            raise StorageError("refused", status=403, code="SignatureDoesNotMatch")
        return crc

    assert await Checksums().protect(call) is False
