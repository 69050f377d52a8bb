"""`/processes/{number}/documents`: the files of a case."""

from starlette.responses import RedirectResponse, Response

from service.api.operations import Call, Reply, operation
from service.api.presenters import document_link
from service.api.problems import Problem
from service.api.queries import NoQuery
from service.database import documents


@operation(
    Reply(302, "To a link that was signed for this answer.", media_type=None, headers=("Location",)),
    problems=("document_not_found", "document_not_available"),
)
async def content(call: Call[NoQuery, None]) -> Response:
    """The URL of a document that never goes stale: redirects to a link signed now."""
    document_id = call.identifier("document_id")
    async with call.state["database"].connection() as connection:
        document = document_id and await documents.find(connection, call.number, document_id)
    if not document:
        raise Problem("document_not_found", "This case has no such document.")
    link = await document_link(document, call.state["store"])
    if link is None:
        detail = "The document is not available yet. Its status says why."
        raise Problem("document_not_available", detail)
    return RedirectResponse(link, 302, {"Cache-Control": "no-store"})
