"""A store that refuses one document for good, or unknown headers."""

import pytest

from service.local.simulator import DocumentSpec
from service.local.stack import Stack
from tests.acceptance.faults.conftest import Numbers
from tests.support.buckets import Bucket
from tests.support.database.workload import Place
from tests.support.servers.s3_proxy import running_s3_proxy

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


async def test_a_document_that_the_store_refuses_fails_alone_and_says_why(
    place: Place, numbers: Numbers, servers: Stack, bucket: Bucket
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(name="Recusado.pdf"), DocumentSpec(count=10))
    async with running_s3_proxy(servers.endpoints.s3_endpoint_url) as proxy:
        proxy.refuse("Recusado", 403, "AccessDenied")
        worker = await place.service.add_worker(S3_ENDPOINT_URL=proxy.url)
        await place.request([number])
        status = await place.service.api.ended(number)
        await worker.stop()

    refused, *others = sorted(status["documents"], key=lambda each: each["name"] != "Recusado.pdf")
    assert (refused["status"], refused["error_code"]) == ("failed", "storage_refused")
    assert {each["status"] for each in others} == {"available"}
    assert "PutObject was answered 403 AccessDenied" in worker.said
    assert len([key for key in await bucket.visible() if "/documentos/" in key]) == 10


async def test_a_store_that_knows_no_checksums_gets_every_document(
    place: Place, numbers: Numbers, servers: Stack
) -> None:
    (number,) = numbers.take(1)
    await place.put_cases([number], DocumentSpec(count=10), DocumentSpec(size=9_000_000))
    async with running_s3_proxy(servers.endpoints.s3_endpoint_url) as proxy:
        proxy.knows_no_checksums = True
        worker = await place.service.add_worker(S3_ENDPOINT_URL=proxy.url)
        await place.request([number])
        await place.ended([number])
        await worker.stop()

    assert (await place.expect_all_done_once([number]))["documents"] == 11
