"""Cases that go on at the portal between two requests."""

from typing import Any

from service.local.simulator import CaseSpec, DocumentSpec, Facts, Instance, MovementSpec
from tests.support.http.api import Api
from tests.support.portal import Portal


async def movements(api: Api, number: str) -> list[dict[str, Any]]:
    """All movements of a case, page by page."""
    path = f"/api/v1/processes/{number}/movements"
    page = (await api.get(path, limit=200)).json
    found: list[dict[str, Any]] = page["items"]
    while page["next_cursor"] is not None:
        page = (await api.get(path, limit=200, cursor=page["next_cursor"])).json
        found += page["items"]
    return found


async def test_movements_listed_twice_are_one_and_keep_their_ids(api: Api, portal: Portal, number: str) -> None:
    many = [
        MovementSpec(description="Juntada", occurred_at="2022-02-01T09:10:11", count=300, instance=instance)
        for instance in Instance
    ]
    documents = (DocumentSpec(), DocumentSpec(instance=Instance.SECOND))
    spec = CaseSpec(documents=documents, all_listed_twice=True, facts=Facts(movements=tuple(many)))
    await portal.put_case(number, spec)
    first = (await api.process(number, auto_download="false")).json
    before = {movement["id"] for movement in await movements(api, number)}
    await portal.file_movement(number, description="Conclusos", instance="PRIMEIRO_GRAU")
    second = (await api.process(number, auto_download="false", force_refresh="true")).json
    after = await movements(api, number)

    assert (first["movements_total"], len(before)) == (600, 600)
    assert (second["movements_total"], len(after)) == (601, 601)
    assert [each["description"] for each in after if each["id"] not in before] == ["Conclusos"]
    assert second["last_movement"]["description"] == "Conclusos"
    assert second["total_documents"] == 2


async def test_what_happens_to_documents_at_the_portal_is_seen_by_a_refresh(
    api: Api, portal: Portal, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(size=2_000, count=2))
    await api.process(number)
    await api.ended(number)
    filed = await portal.file_document(number, name="Sentença.html", kind="html", size=3_000)
    changed = await portal.change_document(number, "410200613", size=4_000, is_revised=True)
    await portal.change_document(number, "410201226", is_reissued=True)
    await api.process(number, force_refresh="true")
    status = await api.ended(number)

    assert status["status"] == "completed"
    found = {document["sha256"] for document in status["documents"]}
    assert {filed["sha256"], changed["sha256"]} < found
    assert found == {document["sha256"] for document in await portal.documents(number)}
