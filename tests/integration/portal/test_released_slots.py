"""The slot of a document that has arrived and is still being uploaded."""

from typing import Any

import pytest

from service.local.simulator import DocumentSpec, create_portal, make_case, running_portal
from tests.support.buckets import Bucket
from tests.support.portal_client import open_portal_client
from worker.downloads.inspection import Expected, Inspection
from worker.downloads.transfer import HELD_WITHOUT_SLOT, transfer

NUMBER = "7654321-71.2021.8.19.0001"
TOKEN = "invented-token"


@pytest.mark.parametrize(("size", "slots"), [(50_000, 0), (HELD_WITHOUT_SLOT, 0), (HELD_WITHOUT_SLOT + 1, 1)])
async def test_a_small_document_is_stored_without_a_slot(
    local_bucket: Bucket, key: str, monkeypatch: pytest.MonkeyPatch, size: int, slots: int
) -> None:
    app, case = create_portal(TOKEN, ()), make_case(NUMBER, [DocumentSpec(size=size)])
    app.state.portal.put_case(case)
    href = f"/processos/{NUMBER}/documentos/{case.documents[0].uuid_of(0)}/binario"
    put: Any = local_bucket.store.put
    seen: list[int] = []
    async with running_portal(app) as origin, open_portal_client(f"{origin}/api/v2", TOKEN) as portal:

        async def watched(*given: Any) -> None:
            seen.append(portal.gate.in_flight)
            await put(*given)

        monkeypatch.setattr(local_bucket.store, "put", watched)
        inspection = Inspection(Expected(size, "application/pdf"), max_bytes=2 * size)

        async with portal.client.open_document(href) as download:
            await transfer(download, inspection, local_bucket.store, prefix=key, name="x.pdf")

        assert (seen, portal.gate.in_flight) == ([slots], 0)
