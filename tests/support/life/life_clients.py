"""The requests of clients for a case, as the API's handlers process them, and what each client was promised."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from service.database.cases import case_requests, job_retries, processes
from service.database.cases.case_requests import Accepted, CaseRequest
from service.database.connection import Connection
from tests.support.life.life import LIMIT, Life, Promise, fetch

_LACKING = (
    "SELECT id, job_id, status FROM documents WHERE process_number = :number"
    " AND (status <> 'available' OR error_code IS NOT NULL)"
    " AND (:hopeless_too OR error_code IS DISTINCT FROM 'nothing_to_download')"
)
_TOLD = "SELECT user_id, withdrawn_at IS NULL AS waits FROM job_users WHERE job_id = :job_id ORDER BY user_id"
_CHOSEN = "SELECT id, job_id, status FROM documents WHERE process_number = :number AND id = ANY(:ids)"


@dataclass(frozen=True)
class Asking:
    """A user and a webhook. `dies`: the API process is killed before it commits."""

    user_id: UUID
    webhook: str | None = None
    dies: bool = False


class _Killed(Exception):
    """The API process was killed before it committed."""


async def request(life: Life, asking: Asking, *, refresh: bool, listed: Sequence[str]) -> None:
    """Request the case, as the main entry does when the portal responds."""
    wanted, listing = _request(life, asking, refresh=refresh), await life.listing(listed)

    async def accept(connection: Connection) -> Promise | None:
        if refresh or not await processes.is_listed(connection, life.number):
            await case_requests.register(connection, listing)
        else:
            await processes.lock(connection, life.number)
        lacking = await fetch(connection, _LACKING, number=life.number.digits, hopeless_too=refresh)
        accepted = await case_requests.accept(connection, wanted, event_limit=LIMIT)
        assert accepted.job_id is not None or not lacking, "nothing was started for what is lacking"
        return await _promise(connection, wanted, accepted, lacking)

    await _commit(life, asking, accept)


async def keep(life: Life, asking: Asking, *, refresh: bool) -> None:
    """Request the case, as the main entry does when the portal does not respond."""
    wanted, asked = _request(life, asking, refresh=refresh), await life.world.transact(processes.next_listing)

    async def accept(connection: Connection) -> Promise | None:
        accepted = await case_requests.accept_unlisted(connection, wanted, asked=asked)
        lacking = await fetch(connection, _LACKING, number=life.number.digits, hopeless_too=False)
        return await _promise(connection, wanted, accepted, lacking)

    await _commit(life, asking, accept)


async def register(life: Life, *, listed: Sequence[str]) -> None:
    """Register a listing, as download-documents does. It requests nothing."""
    listing = await life.listing(listed)
    await life.world.transact(lambda connection: case_requests.register(connection, listing))


async def download(life: Life, asking: Asking, origins: Sequence[str] | None) -> None:
    """Request documents, as download-document does. None: all of them, as download-all with `force`."""
    wanted = _request(life, asking)

    async def accept(connection: Connection) -> Promise | None:
        if not await processes.lock(connection, life.number):
            return None
        found = {each["origin_id"]: each["id"] for each in await _origins(life, connection)}
        ids = list(found.values()) if origins is None else [found[each] for each in origins if each in found]
        if not ids:
            return None
        chosen = await fetch(connection, _CHOSEN, number=life.number.digits, ids=ids)
        accepted = await case_requests.download(connection, wanted, ids, event_limit=LIMIT)
        return await _promise(connection, wanted, accepted, chosen, again=True)

    await _commit(life, asking, accept)


async def download_lacking(life: Life, asking: Asking) -> None:
    """Request the missing documents, as download-all does without `force`."""
    wanted = _request(life, asking)

    async def accept(connection: Connection) -> Promise | None:
        if not await processes.lock(connection, life.number):
            return None
        lacking = await fetch(connection, _LACKING, number=life.number.digits, hopeless_too=False)
        accepted = await case_requests.accept(connection, wanted, event_limit=LIMIT)
        assert accepted.job_id is not None or not lacking, "nothing was started for what is lacking"
        return await _promise(connection, wanted, accepted, lacking)

    await _commit(life, asking, accept)


async def retry(life: Life) -> None:
    """Retry the newest job, as an operator."""
    job_id = await life.newest_job()
    if job_id is None:
        return

    async def again(connection: Connection) -> Promise | None:
        number = life.number.digits
        await processes.lock(connection, life.number)
        lacking = await fetch(connection, _LACKING, number=number, hopeless_too=False)
        accepted = await job_retries.retry(connection, job_id, request_id=str(uuid4()), event_limit=LIMIT)
        (job,) = await fetch(connection, "SELECT user_id FROM jobs WHERE id = :id", id=job_id)
        wanted = _request(life, Asking(job["user_id"]))
        return await _promise(connection, wanted, accepted, lacking)

    try:
        await _commit(life, Asking(life.world.users[0]), again)
    except job_retries.NotRetried:
        return


async def cancel(life: Life) -> None:
    """Cancel the newest job for all users, as an administrator, even if it has ended."""
    job_id = await life.newest_job()
    if job_id is not None:
        await life.world.transact(lambda connection: case_requests.cancel(connection, job_id, event_limit=LIMIT))


async def withdraw(life: Life, chosen: int) -> None:
    """Withdraw one user from the newest job. It goes on for the others."""
    job_id = await life.newest_job()
    if job_id is None:
        return
    users = await life.world.ask(_TOLD, job_id=job_id)
    user_id = users[chosen % len(users)]["user_id"]

    async def stop(connection: Connection) -> None:
        settlement = await case_requests.withdraw(connection, job_id, user_id, event_limit=LIMIT)
        waiting = [each["user_id"] for each in await fetch(connection, _TOLD, job_id=job_id) if each["waits"]]
        assert settlement is None or not waiting, f"{waiting} still waited for what {user_id} cancelled"

    await life.world.transact(stop)
    life.promises = [each for each in life.promises if (each.job_id, each.user_id) != (job_id, user_id)]


async def _commit(life: Life, asking: Asking, step: Callable[[Connection], Awaitable[Promise | None]]) -> None:
    """Run a step and keep its promises if it is committed."""

    async def to_the_end(connection: Connection) -> Promise | None:
        promise = await step(connection)
        if asking.dies:
            raise _Killed
        return promise

    try:
        promise = await life.world.transact(to_the_end)
    except _Killed:
        return
    life.promises += [] if promise is None else [promise]


async def _promise(
    connection: Connection,
    wanted: CaseRequest,
    accepted: Accepted,
    chosen: list[dict[str, Any]],
    *,
    again: bool = False,
) -> Promise | None:
    if accepted.job_id is None:
        return None
    (moment,) = await fetch(connection, "SELECT now() AS now")
    anew = {each["id"] for each in chosen if _is_anew(each, accepted.job_id, again=again)}
    return Promise(
        accepted.job_id,
        wanted.user_id,
        wanted.webhook_url,
        frozenset(each["id"] for each in chosen),
        frozenset(anew),
        moment["now"],
    )


def _is_anew(document: dict[str, Any], job_id: UUID, *, again: bool) -> bool:
    """True if the document needs a download after the request. `again`: it is wanted even if it is available."""
    if document["job_id"] != job_id:
        return True
    return again and document["status"] != "processing"


async def _origins(life: Life, connection: Connection) -> list[dict[str, Any]]:
    query = "SELECT id, origin_id FROM documents WHERE process_number = :number"
    return await fetch(connection, query, number=life.number.digits)


def _request(life: Life, asking: Asking, *, refresh: bool = False) -> CaseRequest:
    url = None if asking.webhook is None else f"https://{life.number.digits}.example/{asking.webhook}"
    return CaseRequest(life.number, asking.user_id, str(uuid4()), url, force_refresh=refresh)
