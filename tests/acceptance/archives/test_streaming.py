"""Archives that are read as streams, by programs that do not use the directory at their end."""

import asyncio
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tests.acceptance.archives.conftest import Shelf
from tests.support.http.archives import Given, length, put_case, read_as_stream, save
from tests.support.service import Service

READERS = {"jar": ["jar", "x"], "bsdtar": ["bsdtar", "-x"], "funzip": ["funzip"]}


async def piped(command: Sequence[str], source: Path, directory: Path) -> bytes:
    """Run a command with the file on a pipe, and return its output."""

    def run() -> bytes:
        with subprocess.Popen(["cat", source], stdout=subprocess.PIPE) as cat:
            ended = subprocess.run(command, stdin=cat.stdout, capture_output=True, check=True, cwd=directory)
        return ended.stdout

    return await asyncio.to_thread(run)


async def kept(service: Service, number: str) -> list[int | None]:
    """The checksums of the documents of a case."""
    digits = "".join(filter(str.isdigit, number))
    rows = await service.fetch("SELECT crc32 FROM documents WHERE process_number = $1 ORDER BY position", digits)
    return [row["crc32"] for row in rows]


@pytest.mark.parametrize("name", [each for each, command in READERS.items() if shutil.which(command[0])])
async def test_programs_that_read_a_pipe_take_an_archive(
    service: Service, shelf: Shelf, number: str, tmp_path: Path, name: str
) -> None:
    await put_case(service, number, [Given("Peticao.pdf", each) for each in shelf.small[:20]])
    target, unpacked = tmp_path / "archive.zip", tmp_path / "unpacked"
    await save(service.api, number, target)
    unpacked.mkdir()

    output = await piped(READERS[name], target, unpacked)

    # funzip only writes the first file.
    manifest = output if name == "funzip" else (unpacked / "manifest.json").read_bytes()
    assert msgspec.json.decode(manifest)["archived_documents"] == 20
    sizes = [each.stat().st_size for each in sorted(unpacked.glob("0*.pdf"))]
    assert sizes == ([] if name == "funzip" else [each.size for each in shelf.small[:20]])


async def test_files_of_an_earlier_version_get_their_checksum_with_the_first_archive(
    service: Service, shelf: Shelf, number: str, tmp_path: Path
) -> None:
    files, target = shelf.small[:4], tmp_path / "archive.zip"
    old = [msgspec.structs.replace(each, crc32=None) for each in files[1:]]
    await put_case(service, number, [Given("Petição.pdf", each) for each in (files[0], *old)])

    for _ in range(2):
        headers = await save(service.api, number, target)

        assert headers["Content-Length"] == str(length(target))
        with target.open("rb") as file:
            read = read_as_stream(file)
        assert read[1:-1] == [(f"{place:04} - Petição.pdf", each.size) for place, each in enumerate(files, 1)]
        assert await kept(service, number) == [each.crc32 for each in files]
