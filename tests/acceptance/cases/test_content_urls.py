"""Every view of a document has its lasting URL."""

from urllib.parse import urlsplit

from service.local.simulator import DocumentSpec, Fault, FaultKind
from tests.support.http.api import Api
from tests.support.http.event_streams import following
from tests.support.portal import Portal
from tests.support.servers.subscriber import Subscriber


async def test_every_answer_and_the_webhook_have_the_same_url_of_a_document(
    api: Api, portal: Portal, subscriber: Subscriber, number: str
) -> None:
    await portal.put_documents(number, DocumentSpec(origin_id="good"), DocumentSpec(origin_id="bad"))
    await portal.fail_document(number, "bad", Fault(kind=FaultKind.NOT_FOUND_404, times=-1))
    await api.process(number, webhook_url=subscriber.url(f"/{number}"))
    (received,) = await subscriber.wait_for(f"/{number}")

    status = await api.status(number)
    case = (await api.get(f"/api/v1/processes/{number}", auto_download="false")).json
    files = (await api.get(f"/api/v1/processes/{number}/files")).json
    async with following(api, number) as stream:
        (snapshot,) = await stream.until("snapshot")

    told = (status["documents"], case["documents"], files["items"], snapshot.data["documents"])
    seen = [
        {each["id"]: each["content_url"] for each in documents} for documents in (*told, received.json["documents"])
    ]
    assert seen == [seen[0]] * 5
    (url,) = [url for url in seen[0].values() if url is not None]
    answer = await api.get(urlsplit(url).path)
    assert answer.status == 302
    assert len((await api.download(answer.headers["Location"]))[0]) == status["documents"][0]["size"]
