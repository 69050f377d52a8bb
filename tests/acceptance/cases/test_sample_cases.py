"""The three cases of the simulated portal, each shaped like a recorded one."""

import hashlib
import json
from typing import Any

import pytest

from service.local.simulator.cases.sample_facts import SEALED_NAMES
from service.local.simulator.cases.samples import FEDERAL, LABOUR, STATE
from tests.support.http.api import Api
from tests.support.portal import Portal


@pytest.mark.parametrize(("sample", "total"), [(FEDERAL, 30), (STATE, 173), (LABOUR, 24)])
async def test_every_document_of_a_sample_case_is_stored_as_it_was_sent(
    api: Api, portal: Portal, sample: str, total: int
) -> None:
    await api.process(sample)

    status = await api.ended(sample)

    assert (status["status"], status["total_documents"], status["completed_documents"]) == ("completed", total, total)
    expected = {uuid: document for document in await portal.documents(sample) for uuid in document["uuids"]}
    for document in status["documents"]:
        body, _headers = await api.download(document["download_url"])
        assert hashlib.sha256(body).hexdigest() == document["sha256"] == sent(expected[document["uuid"]])["sha256"]
        assert len(body) == document["size"] == sent(expected[document["uuid"]])["size"]


async def test_a_document_without_binary_is_stored_as_its_text(api: Api, portal: Portal) -> None:
    await api.process(LABOUR)
    status = await api.ended(LABOUR)
    (without_binary,) = [each for each in await portal.documents(LABOUR) if not each["has_binary"]]

    (stored,) = [each for each in status["documents"] if each["uuid"] in without_binary["uuids"]]

    assert (stored["status"], stored["mime_type"]) == ("available", "text/plain")
    assert stored["sha256"] == without_binary["text"]["sha256"]


async def test_documents_come_in_the_order_of_the_file(api: Api) -> None:
    await api.process(LABOUR)
    status = await api.ended(LABOUR)

    places = [(each["instance"], each["sequence"]) for each in status["documents"]]

    assert places == sorted(places)
    assert places[0] == ("PRIMEIRO_GRAU", 1)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (FEDERAL, (61_592.0, "4ª Vara-Gabinete (exemplo)", 3, 27)),
        (STATE, (11_092_500.0, "3ª Vara (exemplo)", 4, 40)),
        (LABOUR, (48_500.75, "2ª Turma (exemplo)", 3, 300)),
    ],
)
async def test_the_data_of_a_sample_case_are_read_and_no_sealed_name(
    api: Api, sample: str, expected: tuple[float, str, int, int]
) -> None:
    case = (await api.process(sample, auto_download="false")).json
    answers = [await api.get(f"/api/v1/processes/{sample}/{part}") for part in ("parties", "movements")]

    assert tuple(case[name] for name in ("value", "judging_body", "parties_total", "movements_total")) == expected
    assert [answer.status for answer in answers] == [200, 200]
    told = json.dumps([case, *(answer.json for answer in answers)], ensure_ascii=False)
    assert case["parties"][0]["name"] in told
    assert [name for name in SEALED_NAMES if name in told] == []


def sent(document: dict[str, Any]) -> dict[str, Any]:
    """The portal's content of a document: its bytes, or else its text."""
    return document if document["has_binary"] else document["text"]
