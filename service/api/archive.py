"""`/processes/{number}/archive`: a case as one ZIP file."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from uuid import UUID

import structlog
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from service.actions.cases import NotRequested
from service.api.framework.operations import Call, Reply, Tag, operation
from service.api.framework.queries import NoQuery
from service.api.framework.state import State
from service.database.cases import case_data, documents, processes
from service.database.cases.case_facts import facts_of
from service.database.cases.checksums import keep_crc32
from service.database.connection import UNREACHABLE
from service.domain.process_number import ProcessNumber
from service.exports.movements_file import movements_file
from service.exports.stored_files import UnreadableFile
from service.exports.zip_contents import archive_of
from service.http.problems import Problem

ARCHIVE_MEDIA_TYPE = "application/zip"
REMEMBER_TIMEOUT = 5.0  # seconds; the client waits
STALL_TIMEOUT = 60.0  # seconds in which a client takes the next few hundred kilobytes


class ArchiveResponse(StreamingResponse):
    """Streams an archive, or another large file.

    One that cannot be finished is cut: clients notice it by the `Content-Length`.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        *,
        media_type: str = ARCHIVE_MEDIA_TYPE,
        what: str = "archive",
        stall_timeout: float = STALL_TIMEOUT,
    ) -> None:
        """`what`: for the log."""
        super().__init__(chunks, headers=headers, media_type=media_type)
        self._chunks = chunks
        self._what = what
        self._stall_timeout = stall_timeout

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until all is sent or the client has left.

        The base class can cancel the sender only while the sender waits. While data from the store is buffered it never
        does, so the whole archive would be read for a client that has left.
        """
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self.stream_response(send))
            leaving = group.create_task(self.listen_for_disconnect(receive))
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
            leaving.cancel()

    async def stream_response(self, send: Send) -> None:
        """Send all of it. After a failure, return before the end: the server then closes the connection."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._stall_timeout):
                await send(message)

        try:
            # Closed here: otherwise only the garbage collector closes the generator of a cancelled task.
            async with aclosing(self._chunks):
                await super().stream_response(send_in_time)
        except UnreadableFile as error:
            structlog.get_logger().error(f"{self._what}_cut", reason=str(error))
        except TimeoutError:
            structlog.get_logger().warning(f"{self._what}_cut", reason="the client takes nothing")


@operation(
    "archive_show",
    Tag.DOCUMENTS,
    Reply(
        200,
        "The ZIP file: `manifest.json`, the documents in the order of the case, then `movements.json`. Its length is "
        "exact, and a transfer that ends earlier is incomplete: ask again.",
        media_type=ARCHIVE_MEDIA_TYPE,
        headers=("Content-Disposition", "Content-Length"),
    ),
    problems=("process_not_found", "nothing_available"),
)
async def show(call: Call[NoQuery, None]) -> Response:
    """All documents of a case that are available, as one ZIP file.

    Its `manifest.json` has the case, and says which document each file is and why a document is missing. Its
    `movements.json` has all movements. It can be read as a stream: the size and the CRC-32 of each file come before its
    bytes.
    """
    return await archive_response(call.state, call.number, call.user.id, is_head=call.request.method == "HEAD")


async def archive_response(state: State, number: ProcessNumber, user_id: UUID, *, is_head: bool) -> Response:
    """The archive, if the user may see the case. Raises `NotRequested` and the problem `nothing_available`."""
    async with state["database"].connection() as connection:
        overview = await processes.overview(connection, number, user_id)
        found = await documents.of_process(connection, number)
        data = await case_data.find(connection, number)
    if overview is None:
        raise NotRequested
    if all(document.storage_key is None for document in found):
        raise Problem("nothing_available", "No document of the case is available yet. Its status says why.")
    movements = await movements_file(state["database"], number)
    archive = archive_of(facts_of(number, overview.process, data), movements, found)
    headers = {
        "Content-Disposition": f'attachment; filename="{number.masked}.zip"',
        "Content-Length": str(archive.size),
        "Cache-Control": "no-store",
    }
    if is_head:
        return Response(headers=headers, media_type=ARCHIVE_MEDIA_TYPE)

    async def remember(key: str, crc32: int) -> None:
        """Store the CRC-32 of a file that had none. If that fails, the next archive reads the file twice again."""
        with contextlib.suppress(*UNREACHABLE):
            async with asyncio.timeout(REMEMBER_TIMEOUT):
                await state["database"].ask(lambda connection: keep_crc32(connection, number, key, crc32))

    return ArchiveResponse(archive.stream(state["store"], remember), headers)
