"""A case as one ZIP file, over HTTP: its files, its manifest, and that every reader accepts it."""

import hashlib
import shutil
import unicodedata
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.database.cases import case_requests
from service.domain.case_data import CaseData, Movement, Party, Pole
from service.domain.documents import StoredFile
from service.domain.process_number import ProcessNumber
from service.local.simulator.cases.samples import FEDERAL
from tests.acceptance.archives.conftest import Shelf, Wired
from tests.benchmarks.tools.resources import forget_peak, resident
from tests.support.database.case_steps import listing_of
from tests.support.deliveries.deliveries import open_pool
from tests.support.http.api import Api
from tests.support.http.archives import Given, is_intact, length, put_case, save, succeeds
from tests.support.service import Service

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
GROWTH = 48  # MiB that 5,000 documents may need: rows, names, a manifest of 3 MB and the directory


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """Where a client saves an archive."""
    yield tmp_path / "archive.zip"
    (tmp_path / "archive.zip").unlink(missing_ok=True)


def manifest_of(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        return msgspec.json.decode(archive.read("manifest.json"))


async def test_an_archive_holds_every_document_of_a_case_as_it_was_stored(api: Api, target: Path) -> None:
    await api.process(FEDERAL)
    documents = (await api.ended(FEDERAL))["documents"]

    headers = await save(api, FEDERAL, target)

    assert headers["Content-Type"] == "application/zip"
    assert headers["Content-Disposition"] == f'attachment; filename="{FEDERAL}.zip"'
    assert headers["Content-Length"] == str(length(target))
    assert "RateLimit-Remaining" in headers
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        digests = [hashlib.sha256(archive.read(name)).hexdigest() for name in names[1:-1]]
    listed = manifest_of(target)["documents"]
    assert names[:2] == ["manifest.json", "0001 - Petição inicial.pdf"]
    assert names[-1] == "movements.json"
    assert names[1:-1] == [each["file"] for each in listed]
    assert digests == [each["sha256"] for each in listed] == [each["sha256"] for each in documents]
    assert [each["id"] for each in listed] == [each["id"] for each in documents]
    assert await is_intact(target)


@pytest.mark.skipif(shutil.which("unzip") is None, reason="Info-ZIP's unzip is not installed")
async def test_unzip_extracts_names_with_accents(service: Service, shelf: Shelf, number: str, target: Path) -> None:
    await put_case(service, number, [Given("Petição — 判決.pdf", shelf.small[0])])
    await save(service.api, number, target)

    unpacked = target.parent / "unpacked"

    assert await succeeds("unzip", "-q", str(target), "-d", str(unpacked))
    assert sorted(each.name for each in unpacked.iterdir()) == [
        "0001 - Petição — 判決.pdf",
        "manifest.json",
        "movements.json",
    ]


async def test_the_manifest_tells_what_the_archive_lacks(
    service: Service, shelf: Shelf, number: str, target: Path
) -> None:
    given = [Given("../Petição.pdf", shelf.small[0]), Given("Ofício"), Given("Decisão.pdf", shelf.small[1])]
    await put_case(service, number, given)

    await save(service.api, number, target)

    manifest = manifest_of(target)
    assert zipfile.ZipFile(target).namelist() == [
        "manifest.json",
        "0001 - -Petição.pdf",
        "0003 - Decisão.pdf",
        "movements.json",
    ]
    assert (manifest["process_number"], manifest["court"]) == (number, "TRF3")
    assert manifest["created_at"].endswith("Z")
    assert (manifest["total_documents"], manifest["archived_documents"]) == (3, 2)
    first, missing, _ = manifest["documents"]
    assert (first["file"], first["name"]) == ("0001 - -Petição.pdf", "../Petição.pdf")
    assert (first["size"], first["sha256"]) == (shelf.small[0].size, shelf.small[0].sha256)
    assert (first["mime_type"], first["filed_at"]) == ("application/pdf", "2024-02-29T16:45:30Z")
    assert (missing["file"], missing["status"], missing["error_code"]) == (None, "failed", "portal_error")
    assert (missing["uuid"], missing["size"], missing["sha256"]) == ("uuid-2", None, None)


async def test_an_archive_tells_the_case_and_all_of_its_movements(
    service: Service, shelf: Shelf, number: str, target: Path
) -> None:
    await put_case(service, number, [Given("Petição.pdf", shelf.small[0])])
    moved = [Movement(NOW - timedelta(hours=hour), f"Ato {hour}: decisão", "PRIMEIRO_GRAU") for hour in range(405)]
    listing = msgspec.structs.replace(
        listing_of(ProcessNumber.parse(number)),
        case=CaseData(value=1500.5, parties=(Party(Pole.ACTIVE, name="Maria"),), movements=tuple(moved)),
    )
    async with open_pool(service.environment["DATABASE_URL"]) as pool, pool.transaction() as connection:
        await case_requests.register(connection, listing)

    headers = await save(service.api, number, target)

    manifest = manifest_of(target)
    with zipfile.ZipFile(target) as archive:
        movements = msgspec.json.decode(archive.read("movements.json"))
    assert headers["Content-Length"] == str(length(target))
    assert (manifest["value"], manifest["parties"][0]["name"], manifest["movements_total"]) == (1500.5, "Maria", 405)
    assert [each["description"] for each in movements] == [each.description for each in moved]
    assert movements[0]["id"] == manifest["last_movement"]["id"] == str(moved[0].id_in(listing.number))
    assert await is_intact(target)


async def test_documents_bear_the_time_of_their_filing_in_brasilia(
    service: Service, shelf: Shelf, number: str, target: Path
) -> None:
    await put_case(service, number, [Given("Petição.pdf", shelf.small[0])])

    await save(service.api, number, target)

    assert zipfile.ZipFile(target).infolist()[1].date_time == (2024, 2, 29, 13, 45, 30)


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_thousands_of_documents_of_one_name_are_told_apart(
    service: Service, shelf: Shelf, number: str, target: Path
) -> None:
    await put_case(service, number, [Given("Decisão.pdf", each) for each in shelf.small])
    process = service.apis[0]
    forget_peak(process.pid)
    before = resident(process.pid, "VmRSS")

    headers = await save(service.api, number, target)

    assert resident(process.pid, "VmHWM") - before < GROWTH
    assert int(headers["Content-Length"]) == length(target)
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()[1:-1]
        assert names == [f"{place:04} - Decisão.pdf" for place in range(1, len(shelf.small) + 1)]
        assert len({unicodedata.normalize("NFKD", name).casefold() for name in names}) == len(shelf.small)
        digests = [hashlib.sha256(archive.read(name)).hexdigest() for name in names]
    assert digests == [each.sha256 for each in shelf.small]
    assert await is_intact(target)


async def test_a_head_tells_the_length_and_reads_nothing(wired: Wired, service: Service, number: str) -> None:
    await put_case(service, number, [Given("Petição.pdf", StoredFile("not/there.pdf", 10**12, "0" * 64, "text/html"))])
    wired.wire.take_away()
    url = f"{wired.api.base_url}/api/v1/processes/{number}/archive"

    async with wired.api.session.head(url, headers={"Authorization": f"Bearer {wired.api.api_key}"}) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{number}.zip"'
        assert 10**12 < int(answer.headers["Content-Length"]) < 10**12 + 2000
    await wired.said('"method": "HEAD"')  # a request is logged at its end
    assert wired.wire.refused == 0


async def test_a_case_without_an_available_document_has_no_archive(service: Service, number: str) -> None:
    await put_case(service, number, [Given("Ofício")])

    answer = await service.api.get(f"/api/v1/processes/{number}/archive")

    assert (answer.status, answer.json["code"]) == (409, "nothing_available")


async def test_a_case_that_nobody_requested_has_no_archive(service: Service, number: str) -> None:
    answer = await service.api.get(f"/api/v1/processes/{number}/archive")

    assert (answer.status, answer.json["code"]) == (404, "process_not_found")


async def test_an_archive_needs_a_key(service: Service, number: str) -> None:
    answer = await Api(service.api.session, service.api.base_url, None).get(f"/api/v1/processes/{number}/archive")

    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
