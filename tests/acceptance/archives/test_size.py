"""Archives that are larger than the memory that they may use."""

import zipfile
from pathlib import Path

import msgspec
import pytest

from service.domain.documents import StoredFile
from tests.acceptance.archives.conftest import Shelf
from tests.benchmarks.tools.resources import forget_peak, resident
from tests.support.http.archives import Given, is_intact, lay_down_zeros, length, put_case, save
from tests.support.service import Service

GROWTH = 32  # MiB, whatever the size
GIB = 1024**3


def laid_down(shelf: Shelf, directory: str, gibibytes: float) -> StoredFile:
    """A file of zeros in a directory that the server has not read yet."""
    file = lay_down_zeros(shelf.huge, f"{directory}/zeros.mp4", int(gibibytes * 1024))
    return msgspec.structs.replace(file, key=f"huge/{file.key}")


async def download(service: Service, number: str, files: list[StoredFile], target: Path) -> float:
    """Save the archive of these files, and return by how many MiB the API grew."""
    process = service.apis[0]
    await put_case(service, number, [Given(f"Mídia {place}.mp4", each) for place, each in enumerate(files)])
    forget_peak(process.pid)
    before = resident(process.pid, "VmRSS")
    headers = await save(service.api, number, target)
    assert int(headers["Content-Length"]) == length(target)
    return resident(process.pid, "VmHWM") - before


@pytest.mark.long
async def test_a_gigabyte_passes_in_little_memory(service: Service, shelf: Shelf, number: str, tmp_path: Path) -> None:
    target = tmp_path / "archive.zip"

    growth = await download(service, number, [laid_down(shelf, "a", 1)], target)

    assert growth < GROWTH
    assert [each.file_size for each in zipfile.ZipFile(target).infolist()][1:-1] == [GIB]


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_twenty_gibibytes_pass_in_little_memory(
    service: Service, shelf: Shelf, number: str, tmp_path: Path
) -> None:
    target = tmp_path / "archive.zip"
    entry = laid_down(shelf, "b", 4.5)

    growth = await download(service, number, [entry] * 5 + shelf.small[:1], target)

    assert growth < GROWTH
    assert length(target) > 20 * GIB
    with zipfile.ZipFile(target) as archive:
        assert [each.file_size for each in archive.infolist()][1:6] == [9 * GIB // 2] * 5
        assert archive.infolist()[-1].header_offset > 20 * GIB
    assert await is_intact(target)
