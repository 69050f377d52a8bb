"""What a process of the version before finds, which still runs while the new one starts, is told to watchers too."""

from service.database.connection import as_json
from tests.support.database.case_steps import listed
from tests.support.database.watchers import WatchedCase

# As the version before registers a listing: the place of the process first, and no `news`.
LISTING = "UPDATE processes SET listing_asked = nextval('listings_asked') WHERE number = :number RETURNING 1"
FOUND = (
    "INSERT INTO documents (id, process_number, instance, origin_id, uuid, position, sequence, name, type, secrecy,"
    " filed_at, page_count, declared_size, declared_mime_type, copies, status)"
    " SELECT CAST(:id AS uuid), process_number, instance, :origin, :uuid, position, sequence, name, type, secrecy,"
    " filed_at, page_count, declared_size, declared_mime_type, CAST(:copies AS jsonb), 'pending'"
    " FROM documents WHERE process_number = :number LIMIT 1 RETURNING 1"
)
CHANGED = (
    "UPDATE documents SET revision = revision + 1, is_current = false, status = 'pending', job_id = NULL"
    " WHERE process_number = :number RETURNING 1"
)


async def test_a_document_that_it_found_is_told_once(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.fetch(LISTING)
    found = listed("b")
    where = {"uuid": found.copies[0].uuid, "copies": as_json(found.copies)}
    await watched.fetch(FOUND, id=found.id_in(watched.number), origin=found.origin_id, **where)

    await watched.check(listed("a"), listed("b"))
    await watched.settle()
    await watched.check(listed("a"), listed("b"))

    assert await watched.names(user_id) == [["b"]]


async def test_a_document_that_it_found_replaced_is_told_once(watched: WatchedCase) -> None:
    user_id = await watched.watch()
    await watched.check(listed("a"))
    await watched.fetch(LISTING)
    await watched.fetch(CHANGED)

    await watched.check(listed("a"))
    await watched.settle()
    await watched.check(listed("a"))

    assert await watched.names(user_id) == [["a"]]
    [body] = await watched.told(user_id)
    assert [each["replaced"] for each in body["update"]["documents_added"]] == [True]
