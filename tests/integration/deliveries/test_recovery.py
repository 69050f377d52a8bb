"""Recovering many deliveries: in batches, by the sweep, and to the end."""

from uuid import UUID

import pytest

from service.database.connection import Database
from service.database.deliveries import deliveries
from service.domain.deliveries import ClaimedDelivery
from tests.support.deliveries.attempts import GIVEN_UP, claim, make, record, recover, resend
from tests.support.deliveries.deliveries import add_user, row, schedule


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "RECOVERED_AT_ONCE", 3)


async def fail(database: Database, user_id: UUID, url: str, times: int) -> list[UUID]:
    ids = await schedule(database, user_id, *[url] * times)
    for delivery_id in ids:
        await make(database, delivery_id, GIVEN_UP)
    return ids


async def status_of(database: Database, ids: list[UUID]) -> list[str]:
    return [(await row(database, each))["status"] for each in ids]


async def go_on(database: Database) -> int:
    async with database.transaction() as connection:
        return await deliveries.go_on_recovering(connection)


async def test_the_first_batch_is_done_at_once_and_the_sweep_does_the_others(
    database: Database, user_id: UUID, url: str
) -> None:
    other_id, _key = await add_user(database)
    others = await fail(database, other_id, url.replace("host", "other"), 4)
    ids = await fail(database, user_id, url, 8)

    assert await recover(database, user_id) == 8

    assert await status_of(database, ids) == ["scheduled"] * 3 + ["failed"] * 5
    assert [await go_on(database) for _ in range(3)] == [3, 2, 0]
    assert await status_of(database, ids) == ["scheduled"] * 8
    assert await status_of(database, others) == ["failed"] * 4


async def test_what_fails_again_meanwhile_has_failed_and_what_was_sent_meanwhile_stays_so(
    database: Database, user_id: UUID, url: str
) -> None:
    ids = await fail(database, user_id, url, 7)
    assert await recover(database, user_id) == 7
    again = await claim(database, ids[0])
    assert isinstance(again, ClaimedDelivery)
    await record(database, again, GIVEN_UP)
    await resend(database, ids[-1])

    while await go_on(database):
        pass

    assert [each for each in ids if (await row(database, each))["status"] == "failed"] == [again.id]


async def test_a_recovery_of_one_batch_leaves_nothing_to_do(database: Database, user_id: UUID, url: str) -> None:
    await fail(database, user_id, url, 3)

    assert await recover(database, user_id) == 3

    assert await go_on(database) == 0
