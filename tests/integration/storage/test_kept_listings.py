"""The portal's answer is kept in the bucket, replaced only by a newer one, and no object of it is ever lost."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import cast
from unittest.mock import AsyncMock

import msgspec
import pytest

from service.actions import kept_listings
from service.actions.shared_listings import SharedListings
from service.database.cases import case_data, case_requests
from service.database.cases.case_data import KeptListing
from service.domain.case_data import CaseData, RawAnswer
from service.domain.listings import Listing
from service.portal.client import PortalClient
from service.portal.gate import Gate
from service.storage.object_store import ObjectStore
from tests.support.buckets import Bucket
from tests.support.database.case_steps import CaseSteps, listed
from tests.support.http.flights import ApiProcess, HeldPortal
from tests.support.servers.s3_proxy import S3Proxy, WireFault

OLD, NEW = b'[{"old":true}]', b'[{"new":"' + b"x" * 3_000_000 + b'"}]'


@dataclass
class Rig:
    """A case whose listings are kept."""

    steps: CaseSteps
    bucket: Bucket
    asked: int = 0

    def listing(self, body: bytes = OLD, *, is_redacted: bool = False) -> Listing:
        """The next listing."""
        self.asked += 1
        raw = RawAnswer(body, "iso-8859-1", is_redacted)
        return msgspec.structs.replace(self.steps.listing(listed("a"), asked=self.asked), case=CaseData(), raw=raw)

    async def register(self, listing: Listing) -> Listing:
        await self.steps.run(lambda connection: case_requests.register(connection, listing))
        return listing

    async def keep(self, listing: Listing, store: ObjectStore | None = None) -> KeptListing | None:
        """Keep a listing, and return what is kept then."""
        await kept_listings.keep(self.steps.database, store or self.bucket.store, listing)
        return await self.kept()

    async def kept(self) -> KeptListing | None:
        found = await self.steps.run(lambda connection: case_data.find(connection, self.steps.number))
        assert found is not None
        return found.listing

    async def objects(self) -> list[str]:
        return await self.bucket.visible(f"processos/{self.steps.number.masked}/")

    async def tidy(self) -> list[str]:
        """Remove what is left over, however new it is, and return the objects that are left."""
        await self.steps.fetch(
            "UPDATE listing_leftovers SET remove_at = now() WHERE key LIKE '%' || :masked || '%' OR :number = ''",
            masked=self.steps.number.masked,
        )
        await kept_listings.remove_left_over(self.steps.database, self.bucket.store)
        return await self.objects()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine must not look like a bucket that fails."""
    monkeypatch.setattr(kept_listings, "KEEP_TIMEOUT", 600)


@pytest.fixture
async def rig(steps: CaseSteps, local_bucket: Bucket) -> Rig:
    """A case that was listed, and none of whose listings is kept."""
    rig = Rig(steps, local_bucket)
    await rig.register(rig.listing())
    return rig


@pytest.fixture
async def failing(local_bucket: Bucket, s3_proxy: S3Proxy) -> AsyncIterator[ObjectStore]:
    """The bucket, through the proxy."""
    async with local_bucket.reopened(endpoint_url=s3_proxy.url) as store:
        yield store


async def test_the_answer_is_kept_byte_for_byte(rig: Rig) -> None:
    kept = await rig.keep(rig.listing(NEW))

    assert kept is not None
    assert gzip.decompress(await rig.bucket.read(kept.key) or b"") == NEW
    assert (kept.sha256, kept.size) == (sha256(NEW).hexdigest(), len(NEW))
    assert (kept.charset, kept.is_redacted) == ("iso-8859-1", False)
    assert await rig.objects() == [kept.key]
    assert len(await rig.bucket.read(kept.key) or b"") < len(NEW) / 10
    assert await rig.tidy() == [kept.key]


async def test_a_newer_answer_replaces_it_and_the_older_object_goes_later(rig: Rig) -> None:
    old = await rig.keep(rig.listing(OLD))
    new = await rig.keep(rig.listing(NEW, is_redacted=True))

    assert old is not None
    assert new is not None
    assert gzip.decompress(await rig.bucket.read(new.key) or b"") == NEW
    assert new.is_redacted
    assert sorted(await rig.objects()) == sorted([old.key, new.key])
    await kept_listings.remove_left_over(rig.steps.database, rig.bucket.store)
    assert old.key in await rig.objects()  # somebody may be reading it
    assert await rig.tidy() == [new.key]


async def test_equal_bytes_are_not_written_again(rig: Rig) -> None:
    first = await rig.keep(rig.listing())
    second = await rig.keep(rig.listing())

    assert first is not None
    assert second is not None
    assert second.key == first.key
    assert second.taken_at > first.taken_at
    assert await rig.objects() == [first.key]


async def test_an_older_answer_never_replaces_a_newer_one(rig: Rig) -> None:
    older = rig.listing(OLD)
    newer = await rig.keep(rig.listing(NEW))

    assert await rig.keep(older) == newer
    assert newer is not None
    assert await rig.tidy() == [newer.key]


@pytest.mark.parametrize("fault", [WireFault.ERROR_500, WireFault.ACCESS_DENIED, WireFault.NOT_PASSED_ON])
async def test_a_bucket_that_fails_keeps_the_older_answer_and_raises_nothing(
    rig: Rig, failing: ObjectStore, s3_proxy: S3Proxy, fault: WireFault, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await rig.keep(rig.listing(OLD))
    s3_proxy.plan("put", *[fault] * 10)

    with monkeypatch.context() as patch:
        patch.setattr(kept_listings, "KEEP_TIMEOUT", 0.3)
        assert await rig.keep(rig.listing(b"[2]"), failing) == old

    assert old is not None
    assert await rig.tidy() == [old.key]
    new = await rig.keep(rig.listing(b"[3]"))
    assert new is not None
    assert new.taken_at > old.taken_at


async def test_a_process_that_is_killed_before_it_names_its_object_leaves_none(
    rig: Rig, failing: ObjectStore, s3_proxy: S3Proxy
) -> None:
    old = await rig.keep(rig.listing(OLD))
    s3_proxy.plan("put", WireFault.HELD_BACK)
    keeping = asyncio.ensure_future(kept_listings.keep(rig.steps.database, failing, rig.listing(b"[2]")))
    await s3_proxy.until("put", s3_proxy.served)
    keeping.cancel()
    await asyncio.wait([keeping])

    assert await rig.kept() == old
    assert len(await rig.objects()) == 2
    assert old is not None
    assert await rig.tidy() == [old.key]


async def test_an_object_that_is_being_removed_is_not_named(rig: Rig, failing: ObjectStore, s3_proxy: S3Proxy) -> None:
    """A process stood still for a day between the bucket and the database."""
    s3_proxy.plan("put", WireFault.HELD_BACK)
    keeping = asyncio.ensure_future(kept_listings.keep(rig.steps.database, failing, rig.listing(b"[2]")))
    await s3_proxy.until("put", s3_proxy.served)
    assert await rig.tidy() == []
    s3_proxy.release()
    await keeping

    assert await rig.kept() is None


async def test_a_removal_that_was_cut_off_is_made_again(rig: Rig, failing: ObjectStore, s3_proxy: S3Proxy) -> None:
    await rig.keep(rig.listing(OLD))
    new = await rig.keep(rig.listing(b"[2]"))
    s3_proxy.refuse("/", 403, "AccessDenied", method="DELETE")
    await rig.steps.fetch("UPDATE listing_leftovers SET remove_at = now() WHERE :number <> ''")

    await kept_listings.remove_left_over(rig.steps.database, failing)

    assert new is not None
    assert len(await rig.objects()) == 2
    assert await rig.tidy() == [new.key]


async def test_a_listing_that_is_slow_to_be_kept_is_shown_in_time(
    rig: Rig, failing: ObjectStore, s3_proxy: S3Proxy
) -> None:
    portal, queue = HeldPortal(), AsyncMock()
    database = rig.steps.database
    listings = SharedListings(database, cast("PortalClient", portal), Gate(2), queue, limited=database, store=failing)
    process = ApiProcess(listings, queue)
    s3_proxy.plan("put", WireFault.HELD_BACK)
    first = process.ask(rig.steps.number, forced=True, timeout=600)
    await portal.came()
    portal.answer(rig.listing(b"[2]"))
    await s3_proxy.until("put", s3_proxy.served)

    await process.ask(rig.steps.number, timeout=0.01)

    assert not first.done()
    s3_proxy.release()
    await first
    await listings.close()
