"""Removes leftovers from the bucket: unfinished uploads, probes, and objects that no row names."""

from datetime import UTC, datetime, timedelta

import structlog

from service.database.cases import untidy_cases
from service.database.cases.untidy_cases import UntidyCase, WrittenObject
from service.database.connection import Database
from service.domain.storage_keys import PROBES, case_of, case_prefix, is_probe, writer_of
from service.storage.object_store import ObjectStore, StoredObject
from service.storage.store_errors import StorageError

STALE_AFTER = timedelta(days=1)  # for uploads of cases without an active job, and for probes
LOOK_AGAIN = timedelta(days=30)  # if a case has an object that must not be removed yet
TIDYING_BATCH = 20  # cases


async def abort_stale_uploads(database: Database, store: ObjectStore, *, older_than: timedelta = STALE_AFTER) -> int:
    """Abort uploads that a crash left open. Return how many. If the store fails, the next call tries again.

    Uploads of cases with an active job stay, even if they are old: the portal may be slow.
    """
    try:
        stale = await store.open_uploads(older_than=older_than)
        cases = {upload.key: number for upload in stale if (number := case_of(upload.key))}
        async with database.connection() as connection:
            in_work = await untidy_cases.in_work(connection, list(set(cases.values())))
        left = [upload for upload in stale if cases.get(upload.key) not in {None, *in_work}]
        for upload in left:
            await store.abort_upload(upload)
    except StorageError as error:
        structlog.get_logger().warning("stale_uploads_not_aborted", error=str(error))
        return 0
    if left:
        structlog.get_logger().warning("stale_uploads_aborted", uploads=len(left))
    return len(left)


async def remove_left_probes(store: ObjectStore, *, older_than: timedelta = STALE_AFTER) -> int:
    """Delete test objects that killed processes left in the bucket. Return how many."""
    written_before, removed = datetime.now(UTC) - older_than, 0
    try:
        async for page in store.objects(PROBES):
            left = [each.key for each in page if is_probe(each.key) and each.modified_at < written_before]
            for key in left:
                await store.remove(key)
            removed += len(left)
    except StorageError as error:
        structlog.get_logger().warning("bucket_not_tidied", error=str(error))
    return removed


async def remove_unnamed_objects(
    database: Database, store: ObjectStore, *, kept: timedelta = untidy_cases.UNNAMED_OBJECT_AGE
) -> int:
    """Check the cases that are due, and delete objects that no row names. Return how many.

    It may be killed at any time: a case is checked again until nothing is left to remove. Any number of workers may
    run it at once.
    """
    removed, is_last = 0, False
    while not is_last:
        async with database.connection() as connection:
            cases = await untidy_cases.take(connection, limit=TIDYING_BATCH)
        is_last = len(cases) < TIDYING_BATCH
        try:
            for case in cases:
                removed += await _tidy(database, store, case, kept)
        except StorageError as error:
            structlog.get_logger().warning("bucket_not_tidied", error=str(error))
            is_last = True
    if removed:
        structlog.get_logger().info("objects_removed", objects=removed)
    return removed


async def _tidy(database: Database, store: ObjectStore, case: UntidyCase, kept: timedelta) -> int:
    removed = left = 0
    async for page in store.objects(case_prefix(case.number)):
        # Queried after the page was listed, so an object that a row names by now stays.
        async with database.connection() as connection:
            found = await untidy_cases.unnamed(connection, case.number, _written(page), kept=kept)
        for each in found:
            if each.is_removable:
                await store.remove(each.key)
        removed += sum(each.is_removable for each in found)
        left += sum(not each.is_removable for each in found)
    async with database.connection() as connection:
        if left:
            await untidy_cases.put_off(connection, case, LOOK_AGAIN)
        else:
            await untidy_cases.tidied(connection, case)
    return removed


def _written(page: list[StoredObject]) -> list[WrittenObject]:
    return [
        WrittenObject(each.key, *writer, each.modified_at)
        for each in page
        if (writer := writer_of(each.key)) is not None
    ]
