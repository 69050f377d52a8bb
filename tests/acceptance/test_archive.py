"""A case as one ZIP file, over HTTP: what it holds, what it says, and that every reader accepts it."""

import hashlib
import shutil
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from service.local.directory import DataDirectory
from service.local.portal.samples import FEDERAL
from service.local.stack import Stack
from tests.support.api import Api
from tests.support.archives import Given, ask, lay_down, put_case, save
from tests.support.service import Service, running_service

ALIKE = 5000
KEPT = "processos/archive"


@pytest.fixture(scope="module")
async def service(
    session: aiohttp.ClientSession,
    stack: Stack,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """An API on a bucket of its own."""
    async with running_service(session, environment, tmp_path_factory.mktemp("archive")) as running:
        yield running


@pytest.fixture(scope="module")
def bucket(stack: Stack, service: Service) -> Path:
    """The directory of that bucket."""
    return DataDirectory(stack.data_dir).objects / service.environment["S3_BUCKET"]


@pytest.fixture(scope="module")
def alike(bucket: Path) -> list[Given]:
    """Thousands of documents, each with a content of its own, all with one name."""
    return [
        Given("Decisão.pdf", lay_down(bucket, f"{KEPT}/{place}.pdf", b"%PDF-1.7 " + b"%d" % place * 300))
        for place in range(1, ALIKE + 1)
    ]


def manifest_of(archive: zipfile.ZipFile) -> Any:
    return msgspec.json.decode(archive.read("manifest.json"))


def is_intact(path: Path) -> bool:
    """Whether Python's command and, where there is one, Info-ZIP's accept it."""
    commands = [[sys.executable, "-m", "zipfile", "-t", str(path)]]
    if unzip := shutil.which("unzip"):
        commands.append([unzip, "-tqq", str(path)])
    return all(subprocess.run(each, capture_output=True, check=False).returncode == 0 for each in commands)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """Where a client saves an archive."""
    yield tmp_path / "archive.zip"
    (tmp_path / "archive.zip").unlink(missing_ok=True)


async def test_an_archive_holds_every_document_of_a_case_as_it_was_stored(api: Api, target: Path) -> None:
    await api.process(FEDERAL)
    status = await api.ended(FEDERAL)

    headers = await save(api, FEDERAL, target)

    assert headers["Content-Type"] == "application/zip"
    assert headers["Content-Disposition"] == f'attachment; filename="{FEDERAL}.zip"'
    assert headers["Content-Length"] == str(target.stat().st_size)
    assert "RateLimit-Remaining" in headers
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        manifest = manifest_of(archive)
        stored = [hashlib.sha256(archive.read(name)).hexdigest() for name in names[1:]]
    assert names[:2] == ["manifest.json", "0001 - Petição inicial.pdf"]
    assert names[1:] == [each["file"] for each in manifest["documents"]]
    assert stored == [each["sha256"] for each in manifest["documents"]] == [e["sha256"] for e in status["documents"]]
    assert [each["id"] for each in manifest["documents"]] == [each["id"] for each in status["documents"]]
    assert is_intact(target)


@pytest.mark.skipif(shutil.which("unzip") is None, reason="Info-ZIP's unzip is not installed")
async def test_unzip_extracts_names_with_accents(service: Service, bucket: Path, number: str, target: Path) -> None:
    file = lay_down(bucket, f"{KEPT}/1.pdf", b"%PDF-1.7 1") if not bucket.exists() else None
    await put_case(service, number, [Given("Petição — 判決.pdf", file or kept(bucket, "1.pdf"))])
    await save(service.api, number, target)

    unpacked = target.parent / "unpacked"
    subprocess.run(["unzip", "-q", str(target), "-d", str(unpacked)], check=True, env={"LC_ALL": "C.UTF-8"})

    assert sorted(each.name for each in unpacked.iterdir()) == ["0001 - Petição — 判決.pdf", "manifest.json"]
