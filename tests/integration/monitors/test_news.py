"""What users who watch a case are told: each change once, by a check or by whoever found it."""

import msgspec

from service.database.cases import case_requests
from service.database.connection import Connection
from service.domain.case_data import CaseData
from tests.support.database.case_steps import listed
from tests.support.database.watchers import WatchedCase, moved
from tests.support.deliveries.deliveries import add_user


async def test_the_first_check_tells_nothing(watched: WatchedCase) -> None:
    user_id = await watched.watch()

    await watched.check(listed("a"), listed("b"), movements=(moved(1),))
    await watched.settle()

    assert await watched.told(user_id) == []
    assert (await watched.monitor(user_id)).last_checked_at is not None
    assert (await watched.statuses())["b"] == "available"


async def test_no_change_is_no_event(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    for _ in range(3):
        await watched.check(listed("a"), movements=(moved(1),))

    assert await watched.told(user_id) == []
    assert await watched.events() == [each for each in await watched.events() if each["job_id"] is not None]
    assert (await watched.monitor(user_id)).last_changed_at is None


async def test_a_document_is_told_to_each_watcher_once_after_it_was_downloaded(watched: WatchedCase) -> None:
    readers = [await watched.watch() for _ in range(3)]
    await watched.check(listed("a"))

    found = await watched.check(listed("a"), listed("b"))
    assert found.deliveries == ()
    assert await watched.names(readers[0]) == []
    due = await watched.settle()

    assert len(due) == 3
    for user_id in readers:
        assert await watched.names(user_id) == [["b"]]
        assert (await watched.monitor(user_id)).last_changed_at is not None
    assert len({body["event_id"] for user_id in readers for body in await watched.told(user_id)}) == 1
    [body] = await watched.told(readers[0])
    [document] = body["update"]["documents_added"]
    assert (document["status"], document["replaced"]) == ("available", False)
    assert body["process"]["process_number"] == watched.number.masked
    assert body["update"]["checked_at"] is not None

    assert (await watched.check(listed("a"), listed("b"))).deliveries == ()
    assert await watched.names(readers[0]) == [["b"]]


async def test_a_movement_is_told_at_once(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"), movements=(moved(1),))

    found = await watched.check(listed("a"), movements=(moved(3), moved(2), moved(1)))

    assert len(found.deliveries) == 1
    assert await watched.names(user_id) == [["Ato 3", "Ato 2"]]


async def test_movements_wait_for_the_documents_that_were_found_with_them(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))

    await watched.check(listed("a"), listed("b"), movements=(moved(1),))
    await watched.check(listed("a"), listed("b"), movements=(moved(2), moved(1)))
    assert await watched.names(user_id) == []
    await watched.settle()

    assert await watched.names(user_id) == [["b", "Ato 2", "Ato 1"]]


async def test_what_an_ordinary_request_finds_is_told(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    other_id, _ = await add_user(watched.database)

    await watched.register(listed("a"), listed("b"))
    assert await watched.names(user_id) == []
    await watched.complete(user_id=other_id)
    assert await watched.names(user_id) == [["b"]]

    await watched.check(listed("a"), listed("b"))
    assert await watched.names(user_id) == [["b"]]


async def test_what_a_request_found_and_did_not_download_is_downloaded_by_the_next_check(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.register(listed("a"), listed("b"))

    await watched.check(listed("a"), listed("b"))
    await watched.settle()

    assert await watched.names(user_id) == [["b"]]


async def test_a_document_with_new_content_is_told_as_replaced(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))

    await watched.check(listed("a", "2"))
    await watched.settle()

    [body] = await watched.told(user_id)
    assert [(each["name"], each["replaced"]) for each in body["update"]["documents_added"]] == [("Petição a", True)]


async def test_a_change_that_was_undone_between_two_checks_is_not_told(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"), movements=(moved(1),))
    await watched.register(listed("a"), listed("b"))

    await watched.check(listed("a"), movements=(moved(1),))

    assert await watched.told(user_id) == []
    assert await watched.statuses() == {"a": "available"}


async def test_a_movement_that_comes_back_is_not_told_again(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"), movements=(moved(2), moved(1)))

    await watched.check(listed("a"), movements=(moved(1),))
    await watched.check(listed("a"), movements=(moved(2), moved(1)))

    assert await watched.told(user_id) == []


async def test_a_document_that_fails_is_told_with_its_reason_and_not_tried_again(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.check(listed("a"), listed("b"))
    job = await watched.claim()
    [task] = (await watched.tasks(job)).values()
    await watched.start(job, task)
    await watched.fail(job, task)
    assert await watched.finish(job) is not None

    await watched.check(listed("a"), listed("b"))

    [body] = await watched.told(user_id)
    [document] = body["update"]["documents_added"]
    assert (document["status"], document["error_code"]) == ("failed", "portal_error")
    assert await watched.active_jobs() == []


async def test_new_content_of_a_document_that_had_failed_is_downloaded_first(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.check(listed("a"), listed("b"))
    job = await watched.claim()
    [task] = (await watched.tasks(job)).values()
    await watched.start(job, task)
    await watched.fail(job, task)
    await watched.finish(job)

    found = await watched.check(listed("a"), listed("b", "2"))
    assert found.deliveries == ()
    await watched.settle()

    assert [body["update"]["documents_added"][0]["status"] for body in await watched.told(user_id)] == [
        "failed",
        "available",
    ]


async def test_documents_whose_job_was_cancelled_are_downloaded_by_the_next_check(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.check(listed("a"), listed("b"))
    [job_id] = await watched.active_jobs()

    await watched.cancel(job_id)
    assert await watched.told(user_id) == []
    await watched.check(listed("a"), listed("b"))
    await watched.settle()

    assert await watched.names(user_id) == [["b"]]


async def test_documents_that_nobody_asked_for_before_are_left_alone(watched: WatchedCase) -> None:
    await watched.register(listed("a"), listed("old"))
    user_id = await watched.watch()
    await watched.check(listed("a"), listed("old"))
    await watched.check(listed("a"), listed("old"), listed("b"))

    await watched.settle()

    assert await watched.statuses() == {"a": "available", "b": "available", "old": "pending"}
    assert await watched.names(user_id) == [["b"]]


async def test_a_case_that_becomes_sealed_is_told_once(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))

    for level in (1, 1, 0):
        await watched.check(listed("a"), secrecy_level=level)
    assert await watched.names(user_id) == [[]]
    await watched.check(listed("a"), secrecy_level=2)

    assert [body["process"]["secrecy_level"] for body in await watched.told(user_id)] == [1, 2]


async def test_long_lists_are_left_out(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    found = tuple(listed(f"b{serial}") for serial in range(3))
    listing = watched.listing(listed("a"), *found)
    case = CaseData(movements=tuple(moved(day) for day in (3, 2, 1)))

    async def register(connection: Connection) -> None:
        await case_requests.register(connection, msgspec.structs.replace(listing, case=case), event_limit=2)

    await watched.run(register)
    await watched.ask()
    job = await watched.claim()
    await watched.work(job)
    await watched.run(lambda connection: case_requests.finish(connection, job, event_limit=2))

    [body] = await watched.told(user_id)
    assert body["update"]["documents_added"] == body["update"]["movements_added"] == []
    assert body["update"]["documents_truncated"]
    assert body["update"]["movements_truncated"]
