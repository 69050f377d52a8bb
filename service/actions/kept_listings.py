"""Keeps the portal's answer about a case in the bucket, so that what is not decoded is not lost."""

import asyncio
import gzip
from hashlib import sha256

import structlog

from service.database.access import DatabaseAccess
from service.database.cases import kept_listings, processes
from service.database.cases.kept_listings import WrittenListing
from service.database.connection import UNREACHABLE, Connection, Database
from service.domain.case_data import RawAnswer
from service.domain.listings import Listing
from service.domain.storage_keys import listing_key
from service.storage.object_store import ObjectStore
from service.storage.store_errors import StorageError

KEEP_TIMEOUT = 3.0  # seconds that a failing bucket may delay a listing
KEPT_PER_SECOND = 4_000_000  # bytes of an answer, for which the timeout is longer
REMOVAL_BATCH = 100  # objects
GZIP = "application/gzip"
_FAILURES: tuple[type[Exception], ...] = (StorageError, TimeoutError, *UNREACHABLE)


async def keep(database: DatabaseAccess, store: ObjectStore, listing: Listing) -> None:
    """Keep the answer of a registered listing, in place of an older one. Equal bytes are not written again.

    Raises nothing: if the bucket or the database fails, the older answer stays, and a later listing is kept.
    """
    if listing.raw is None or listing.asked is None:
        return
    try:
        async with asyncio.timeout(KEEP_TIMEOUT + len(listing.raw.body) / KEPT_PER_SECOND):
            await _keep(database, store, listing, listing.raw, asked=listing.asked)
    except _FAILURES as error:
        structlog.get_logger().warning(
            "listing_not_kept", process_number=listing.number.masked, error=type(error).__name__
        )


async def _keep(database: DatabaseAccess, store: ObjectStore, listing: Listing, raw: RawAnswer, *, asked: int) -> None:
    digest = await asyncio.to_thread(lambda: sha256(raw.body).hexdigest())
    key = listing_key(listing.number)
    written = WrittenListing(listing.number, asked, key, digest, len(raw.body), raw.charset, raw.is_redacted)

    async def begin(connection: Connection) -> bool:
        if await kept_listings.is_kept(connection, written):
            return False
        await kept_listings.note(connection, key)
        return True

    async def name(connection: Connection) -> bool:
        await processes.lock(connection, listing.number)
        return await kept_listings.name(connection, written)

    if not await database.run(begin):
        return
    # In a thread: an answer may have 64 MB.
    compressed = await asyncio.to_thread(gzip.compress, raw.body, 6, mtime=0)
    await store.put(key, [compressed], GZIP)
    await database.run(name)


async def remove_left_over(database: Database, store: ObjectStore) -> int:
    """Delete objects that no case names any more. Return how many. If the store fails, a later call tries again."""
    removed, is_last = 0, False
    while not is_last:
        async with database.connection() as connection:
            keys = await kept_listings.take_left_over(connection, limit=REMOVAL_BATCH)
        is_last = len(keys) < REMOVAL_BATCH
        try:
            for key in keys:
                await _remove(database, store, key)
                removed += 1
        except StorageError as error:
            structlog.get_logger().warning("bucket_not_tidied", error=str(error))
            is_last = True
    return removed


async def _remove(database: Database, store: ObjectStore, key: str) -> None:
    await store.remove(key)
    async with database.connection() as connection:
        await kept_listings.forget(connection, key)
