"""The portal's own answer about a case, over HTTP."""

import gzip
import hashlib
import os
from collections.abc import AsyncIterator

import aiohttp
import pytest

from service.storage.object_store import ObjectStore, open_object_store
from service.storage.store_settings import StoreSettings
from tests.acceptance.archives.conftest import Wired
from tests.support.http.archives import put_case
from tests.support.service import Service

ANSWER = '[{"numeroProcesso":"é"}]\n'.encode()


@pytest.fixture
async def store(service: Service) -> AsyncIterator[ObjectStore]:
    """The bucket of the service."""
    found = service.environment
    settings = StoreSettings(
        bucket=found["S3_BUCKET"],
        endpoint_url=found["S3_ENDPOINT_URL"],
        public_endpoint_url=None,
        region=found["S3_REGION"],
        access_key_id=found["AWS_ACCESS_KEY_ID"],
        secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
        link_ttl=60,
    )
    async with open_object_store(settings) as opened:
        yield opened


def path(number: str) -> str:
    return f"/api/v1/processes/{number}/listing"


async def keep(
    service: Service, store: ObjectStore, number: str, answer: bytes, *, stored: bytes | None = None, charset: str = ""
) -> None:
    """Keep an answer, as a listing does. `stored`: other bytes that the bucket has."""
    await put_case(service, number, [])
    key = f"processos/{number}/listagens/{hashlib.sha256(answer).hexdigest()[:32]}.json.gz"
    await store.put(key, [gzip.compress(answer if stored is None else stored)], "application/gzip")
    await service.fetch(
        "INSERT INTO case_data (process_number, listing_key, listing_place, listing_sha256, listing_size,"
        " listing_charset, listing_is_redacted, listing_taken_at)"
        " VALUES ($1, $2, 1, $3, $4, nullif($5, ''), $6, '2026-01-31T12:00:00Z')",
        "".join(filter(str.isdigit, number)),
        key,
        hashlib.sha256(answer).hexdigest(),
        len(answer),
        charset,
        bool(charset),
    )


async def test_the_answer_comes_byte_for_byte(service: Service, store: ObjectStore, number: str) -> None:
    await keep(service, store, number, ANSWER)

    async with service.api.session.get(
        service.api.base_url + path(number), headers={"Authorization": f"Bearer {service.api.api_key}"}
    ) as answer:
        body = await answer.read()

    assert body == ANSWER
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(ANSWER).hexdigest()}"'
    assert answer.headers["Content-Length"] == str(len(ANSWER))
    assert answer.headers["X-Listing-Taken-At"] == "2026-01-31T12:00:00Z"
    assert answer.headers["X-Listing-Redacted"] == "false"


async def test_its_charset_and_that_names_were_replaced_are_told(
    service: Service, store: ObjectStore, number: str
) -> None:
    await keep(service, store, number, b"[{}]", charset="iso-8859-1")

    answer = await service.api.get(path(number))

    assert answer.headers["Content-Type"] == "application/json; charset=iso-8859-1"
    assert answer.headers["X-Listing-Redacted"] == "true"


async def test_who_has_the_answer_gets_no_body(service: Service, store: ObjectStore, number: str) -> None:
    await keep(service, store, number, ANSWER)
    tag = (await service.api.get(path(number))).headers["ETag"]

    same = await service.api.get(path(number), headers={"If-None-Match": tag})
    other = await service.api.get(path(number), headers={"If-None-Match": '"0"'})

    assert (same.status, same.headers["ETag"]) == (304, tag)
    assert other.status == 200


async def test_what_is_not_kept_has_a_code_of_its_own(service: Service, number: str) -> None:
    assert (await service.api.get(path(number))).json["code"] == "process_not_found"

    await put_case(service, number, [])
    answer = await service.api.get(path(number))

    assert (answer.status, answer.json["code"]) == (404, "listing_not_kept")


@pytest.mark.parametrize(("place", "status"), [(1, 404), (2, 200)])
async def test_an_older_answer_is_not_shown_once_a_party_is_sealed(
    service: Service, store: ObjectStore, number: str, place: int, status: int
) -> None:
    await keep(service, store, number, ANSWER)
    digits = "".join(filter(str.isdigit, number))
    await service.fetch(
        "UPDATE case_data SET listing_asked = 2, listing_place = $2 WHERE process_number = $1", digits, place
    )
    assert (await service.api.get(path(number))).status == 200

    await service.fetch(
        "INSERT INTO parties (process_number, position, pole, is_sealed, representatives)"
        " VALUES ($1, 0, 'active', true, '[]')",
        digits,
    )

    assert (await service.api.get(path(number))).status == status


async def test_a_bucket_that_is_away_is_a_problem(
    wired: Wired, service: Service, store: ObjectStore, number: str
) -> None:
    await keep(service, store, number, ANSWER)
    wired.wire.take_away()

    answer = await wired.api.get(path(number))

    assert (answer.status, answer.json["code"]) == (503, "service_unavailable")
    assert "Retry-After" in answer.headers


async def test_other_bytes_in_the_bucket_break_the_transfer(
    wired: Wired, service: Service, store: ObjectStore, number: str
) -> None:
    # Nothing of it compresses, and it is more than the server and the client hold back.
    answer = os.urandom(4 * 1024 * 1024)
    await keep(service, store, number, answer, stored=answer[:-1] + b"x")

    with pytest.raises(aiohttp.ClientPayloadError):
        async with wired.api.session.get(
            wired.api.base_url + path(number), headers={"Authorization": f"Bearer {wired.api.api_key}"}
        ) as response:
            await response.read()

    assert "listing_cut" in await wired.said("listing_cut")
