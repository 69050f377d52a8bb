"""Several users with real workers: the order of downloads, counted at the portal."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from service.local.simulator import DocumentSpec
from tests.acceptance.faults.conftest import Numbers
from tests.support.database.workload import Place
from tests.support.deliveries.deliveries import add_user, open_pool
from tests.support.http.api import Api

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

LIMIT = 6
PER_JOB = 3
SETTINGS = {"PDPJ_MAX_CONCURRENCY": str(LIMIT), "DOWNLOAD_CONCURRENCY": str(PER_JOB)}
SINGLE = 10  # documents of a case
LARGE = 200
BEGUN = "SELECT 1 FROM documents WHERE process_number = replace(replace($1, '-', ''), '.', '') AND status = 'available'"
#: Documents of others between a request and its end: as many as its own if it has half of the slots, twice as many if
#: it has a third. Some more were open, or had their slots change hands.
BETWEEN_MAX = 2 * SINGLE + 8 * LIMIT


async def users_of(place: Place, count: int) -> list[Api]:
    async with open_pool(place.service.database_url) as database:
        return [place.service.api.with_key((await add_user(database))[1]) for _ in range(count)]


async def search(user: Api, cases: Sequence[str]) -> None:
    answer = await user.post("/api/v1/processes/search", {"process_numbers": list(cases)})
    assert answer.status == 200, answer


async def documents_asked(place: Place) -> list[str]:
    """The cases of the requested documents, in order."""
    paths = [each["path"] for each in (await place.portal.journal())["requests"]]
    return [path.split("/")[4] for path in paths if path.endswith("/binario")]


async def documents_between(place: Place, user: Api, number: str) -> int:
    """How many documents of other cases start between a user's request for one case and the end of that case."""
    before = len(await documents_asked(place))
    await user.process(number)
    await user.ended(number)
    asked = await documents_asked(place)
    assert asked.count(number) == SINGLE
    last = len(asked) - 1 - asked[::-1].index(number)
    return sum(each != number for each in asked[before:last])


async def fill_every_slot(place: Place, numbers: Numbers, firm: Api) -> list[str]:
    """A user requests a batch. Three large cases hold every slot, and the others wait."""
    large, batch = numbers.take(3), numbers.take(30)
    await place.put_cases(large, DocumentSpec(count=LARGE, size=2000))
    await place.put_cases(batch, DocumentSpec(count=SINGLE, size=2000))
    await place.portal.configure(latency_binary_ms=150)
    await search(firm, large)
    for number in large:
        await place.service.until(BEGUN, number)
    await search(firm, batch)
    return large


async def add_workers(place: Place, count: int) -> None:
    await asyncio.gather(*(place.service.add_worker(**SETTINGS) for _ in range(count)))


async def most_in_flight(place: Place) -> int:
    return int((await place.portal.journal())["max_documents_in_flight"])


@pytest.mark.parametrize("workers", [1, pytest.param(3, marks=pytest.mark.long)])
async def test_a_single_case_overtakes_a_batch_and_large_cases_of_another_user_and_of_its_own(
    place: Place, numbers: Numbers, workers: int, note: Callable[[str], None]
) -> None:
    firm, person = await users_of(place, 2)
    await add_workers(place, workers)
    large = await fill_every_slot(place, numbers, firm)
    singles = numbers.take(2)
    await place.put_cases(singles, DocumentSpec(count=SINGLE, size=2000))

    others = await documents_between(place, person, singles[0])
    own = await documents_between(place, firm, singles[1])

    assert (await firm.status(large[0]))["status"] == "processing"
    assert max(others, own) <= BETWEEN_MAX
    assert await most_in_flight(place) <= LIMIT
    note(f"{workers} workers: {others} documents of others before the end of a single case, {own} of one's own batch")


@pytest.mark.long
async def test_a_single_case_does_not_wait_for_the_slots_of_a_killed_worker(
    place: Place, numbers: Numbers, note: Callable[[str], None]
) -> None:
    firm, person = await users_of(place, 2)
    await add_workers(place, 3)
    await fill_every_slot(place, numbers, firm)
    (single,) = numbers.take(1)
    await place.put_cases([single], DocumentSpec(count=SINGLE, size=2000))

    place.service.workers[0].send(signal.SIGKILL)
    await place.service.workers[0].ended()
    between = await documents_between(place, person, single)

    assert between <= BETWEEN_MAX
    assert await most_in_flight(place) <= LIMIT
    note(f"after kill -9 of one of 3 workers: {between} documents of others before the end of a single case")


@pytest.mark.parametrize("workers", [1, pytest.param(4, marks=pytest.mark.long)])
async def test_equal_batches_of_three_users_get_equal_parts(
    place: Place, numbers: Numbers, workers: int, note: Callable[[str], None]
) -> None:
    users = await users_of(place, 3)
    batches = [numbers.take(8) for _ in users]
    for batch in batches:
        await place.put_cases(batch, DocumentSpec(count=SINGLE, size=2000))
    for user, batch in zip(users, batches, strict=True):
        await search(user, batch)
    await place.portal.configure(latency_binary_ms=100)
    await add_workers(place, workers)

    await place.service.until("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE completed_at IS NULL)")

    owner = {number: index for index, batch in enumerate(batches) for number in batch}
    asked = [owner[number] for number in await documents_asked(place) if number in owner]
    # As long as all of them have cases that wait.
    parts = Counter(asked[: len(asked) * 3 // 4])
    assert min(parts.values()) >= 0.8 * parts.total() / 3, parts
    assert await most_in_flight(place) <= LIMIT
    note(f"{workers} workers: {sorted(parts.values())} of the first {parts.total()} documents were those of each user")
