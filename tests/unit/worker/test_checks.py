"""A check is one file: it is found in its folder, is fed every byte, and decides at its end."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from service.portal.errors import Refused, Unavailable
from tests.support.contents import PDF, inspected
from worker.downloads.inspection import Doubted, Expected, checks
from worker.downloads.inspection.check import Check, Extent, Finding, Objection, checks_in
from worker.downloads.inspection.inspection import CHECKS
from worker.downloads.inspection.sample import Sample

LISTED = Expected(len(PDF), "application/pdf")
ENCRYPTED = b"/Encrypt 5 0 R"
#: All that one more check takes, beside its test.
FILE = '''
from service.domain.errors import ErrorCode
from worker.downloads.inspection.check import Check, Extent, Objection
from worker.downloads.inspection.sample import Sample


class Encrypted(Check):
    """Counts a word, also one that two chunks share."""

    order = 5
    extent = Extent.ALL
    _end = b""
    _count = 0

    def feed(self, chunk: bytes) -> None:
        seen = self._end + chunk
        self._count += seen.count(b"/Encrypt")
        self._end = seen[-7:]

    def finish(self, sample: Sample) -> Objection | None:
        if not self._count:
            return None
        return Objection(ErrorCode.CONTENT_MISMATCH, f"{self.expected.mime_type}, {self._count} encrypted", False)
'''


def saying(finding: Finding, *, extent: Extent = Extent.ALL) -> tuple[type[Check], list[bytes | Sample]]:
    """A check that finds this in any bytes, and what it is called with."""
    calls: list[bytes | Sample] = []

    class Saying(Check):
        """Notes its calls."""

        order = 1

        def feed(self, chunk: bytes) -> None:
            calls.append(chunk)

        def finish(self, sample: Sample) -> Finding:
            calls.append(sample)
            return finding

    Saying.extent = extent
    return Saying, calls


class Stopping(Check):
    """Refuses the first byte."""

    order = 1

    def feed(self, chunk: bytes) -> None:
        raise Refused(ErrorCode.TOO_LARGE, f"{len(chunk)} bytes are too many")

    def finish(self, sample: Sample) -> None:
        """Never called."""


async def flags(check: type[Check], *, before: Doubted | None = None, body: bytes = PDF) -> tuple[ContentFlag, ...]:
    """The flags of a body that came in chunks of 7 bytes, by one more check than usual."""
    received = [before.received] if before else []
    inspection = await inspected(body, LISTED, step=7, before=received, checks=(check, *CHECKS))
    inspection.detect_kind("", len(body))
    return inspection.check_complete(len(body), is_framed=True)


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[type[Check], ...]]:
    """The checks, after a file was added."""
    (tmp_path / "encrypted.py").write_text(FILE)
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path)])
    yield checks_in(checks)
    sys.modules.pop(f"{checks.__name__}.encrypted")


async def test_adding_a_check_is_adding_its_file(added: tuple[type[Check], ...]) -> None:
    (check,) = set(added) - set(CHECKS)
    body = PDF[:100] + ENCRYPTED + PDF[100 + len(ENCRYPTED) :]

    with pytest.raises(Doubted, match="application/pdf, 1 encrypted") as doubt:
        await flags(check, body=body)

    assert added.index(check) == 1
    assert await flags(check, body=body, before=doubt.value) == ()
    assert await flags(check) == ()


@pytest.mark.parametrize("extent", Extent)
async def test_a_check_is_fed_with_each_chunk_and_finished_once(extent: Extent) -> None:
    check, calls = saying(None, extent=extent)

    assert await flags(check) == ()

    *chunks, sample = calls
    assert chunks == [PDF[start : start + 7] for start in range(0, len(PDF), 7)]
    assert isinstance(sample, Sample)
    assert (sample.size, sample.length, sample.is_framed) == (len(PDF), len(PDF), extent is Extent.ALL)


@pytest.mark.parametrize("extent", Extent)
async def test_a_final_objection_refuses_the_same_bytes_each_time(extent: Extent) -> None:
    check, _ = saying(Objection(ErrorCode.EMPTY_DOCUMENT, "refused each time"), extent=extent)

    with pytest.raises(Unavailable, match="refused each time") as error:
        await flags(check)

    assert not isinstance(error.value, Doubted)


@pytest.mark.parametrize("extent", Extent)
async def test_a_doubt_ends_when_the_same_bytes_come_again_and_leaves_its_flag(extent: Extent) -> None:
    doubt = Objection(ErrorCode.EMPTY_DOCUMENT, "refused once", is_final=False, flag=ContentFlag.EMPTY)
    check, _ = saying(doubt, extent=extent)

    with pytest.raises(Doubted, match="refused once") as error:
        await flags(check)

    assert await flags(check, before=error.value) == (ContentFlag.EMPTY,)


async def test_a_check_may_flag_what_it_accepts() -> None:
    assert await flags(saying(ContentFlag.TYPE_MISMATCH)[0]) == (ContentFlag.TYPE_MISMATCH,)


async def test_a_check_may_stop_a_download_at_once() -> None:
    with pytest.raises(Refused, match="7 bytes are too many"):
        await flags(Stopping)


def test_each_file_has_one_check_and_their_order_is_clear() -> None:
    orders, files = [check.order for check in CHECKS], Path(checks.__file__).parent.glob("[!_]*.py")

    assert orders == sorted(set(orders))
    assert sorted(check.__module__.rpartition(".")[2] for check in CHECKS) == sorted(file.stem for file in files)
