"""Whether a body that ends with its connection is complete, and which bytes settle a doubt."""

import hashlib

import pytest

from service.domain.documents import ContentFlag
from service.domain.errors import ErrorCode
from tests.support.contents import (
    DOCX,
    HTML,
    JPEG,
    MP4,
    NOTHING,
    PAGE,
    PDF,
    PNG,
    RTF,
    SEVEN_ZIP,
    SIGNED,
    inspected,
)
from worker.downloads.inspection import Doubted, Expected, Received

WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(8)
WHOLE = {
    "pdf": PDF,
    "rtf": RTF,
    "jpeg": JPEG,
    "png": PNG,
    "zip": DOCX,
    "html": HTML,
    "page": PAGE,
    "utf-16": "<p>Vistos</p>".encode("utf-16"),
    "xml": b"<?xml version='1.0'?><nfe:nota xmlns:nfe='x'><a>1</a></nfe:nota>\n",
    "svg": b"<svg xmlns='x'><path/></svg>",
    "cms": SIGNED,
    "gif": b"GIF89a" + bytes(20) + b";",
    "webp": WEBP,
    "bmp": b"BM\x1e\x00\x00\x00\x00\x00\x00\x00" + bytes(20),
    "7z": SEVEN_ZIP,
}
UNTOLD = {
    "text": b"Vistos, etc.",
    "mp4": MP4,
    "several elements": b"<p>a</p><div>b</div>",
    "open": b"<p>x",
}


async def check(body: bytes, *, is_framed: bool = False, before: tuple[Received, ...] = ()) -> tuple[ContentFlag, ...]:
    return (await inspected(body, before=before)).check_complete(None, is_framed=is_framed)


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE.keys())
async def test_a_document_that_shows_its_end_is_whole_without_a_length(body: bytes) -> None:
    assert await check(body) == ()


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE.keys())
@pytest.mark.parametrize("share", [0.5, 0.9])
async def test_a_part_of_a_document_is_not_whole(body: bytes, share: float) -> None:
    part = body[: int(len(body) * share)]

    with pytest.raises(Doubted) as error:
        await check(part)

    assert error.value.code is ErrorCode.TRUNCATED


@pytest.mark.parametrize("body", UNTOLD.values(), ids=UNTOLD.keys())
async def test_what_cannot_be_told_has_to_come_twice(body: bytes) -> None:
    with pytest.raises(Doubted) as error:
        await check(body)

    assert await check(body, before=(error.value.received,)) == ()
    with pytest.raises(Doubted):
        await check(body + b"y", before=(error.value.received,))


async def test_half_a_fragment_that_ends_with_a_tag_is_not_whole() -> None:
    with pytest.raises(Doubted):
        await check(b'<div style="x"><p>Vistos.</p>')


@pytest.mark.parametrize("body", [b"Vistos, etc.", MP4, b"<p>x"])
async def test_the_end_of_the_chunks_is_the_end(body: bytes) -> None:
    assert await check(body, is_framed=True) == ()


@pytest.mark.parametrize("body", [PDF[:-8], JPEG[:-2], DOCX[:-5]])
async def test_chunks_that_end_before_the_document_does_are_doubted(body: bytes) -> None:
    with pytest.raises(Doubted):
        await check(body, is_framed=True)


async def test_each_of_two_addresses_may_repeat_itself() -> None:
    promise = Expected(999, "application/pdf")
    seen: list[Received] = []
    first, second = PDF, PDF + b" "
    for address, body in (("first", first), ("second", second)):
        with pytest.raises(Doubted) as error:
            (await inspected(body, promise, before=seen, address=address)).check_complete(None, is_framed=True)
        seen.append(error.value.received)

    for address, body in (("first", first), ("second", second)):
        again = await inspected(body, promise, before=seen, address=address)
        assert again.check_complete(None, is_framed=True) == (ContentFlag.SIZE_MISMATCH,)


def made_anew(digits: int) -> bytes:
    return PDF.replace(b"xxxxxxx", b"%07d" % digits, 1)


@pytest.mark.parametrize("length", [None, len(PDF)])
@pytest.mark.parametrize("listed", [("application/pdf", 12345), ("text/html", 12345), ("text/html", len(PDF))])
async def test_a_pdf_that_is_made_anew_each_time_is_accepted_when_each_was_whole(
    listed: tuple[str, int], length: int | None
) -> None:
    promise, before, flags = Expected(listed[1], listed[0]), list[Received](), set[ContentFlag]()
    for body in (made_anew(1234567), made_anew(7654321)):
        inspection = await inspected(body, promise, before=before)
        inspection.detect_kind("application/pdf", length)
        try:
            flags = {*inspection.check_complete(length, is_framed=True)}
        except Doubted as error:
            before.append(error.received)

    assert flags == {
        ContentFlag.CHANGES_EACH_TIME,
        *([ContentFlag.SIZE_MISMATCH] if listed[1] == 12345 else []),
        *([ContentFlag.TYPE_MISMATCH] if listed[0] == "text/html" else []),
    }


@pytest.mark.parametrize(
    ("body", "address", "is_framed"),
    [(made_anew(1), "", False), (made_anew(1)[:-8], "", True), (made_anew(1), "another", True)],
)
async def test_other_bytes_that_nothing_shows_to_be_whole_are_refused_again(
    body: bytes, address: str, *, is_framed: bool
) -> None:
    before = [Received(len(PDF), hashlib.sha256(PDF).hexdigest(), address, is_whole=True)]

    with pytest.raises(Doubted):
        (await inspected(body, Expected(12345, None), before=before)).check_complete(None, is_framed=is_framed)


async def test_a_page_that_differs_each_time_is_never_taken_for_a_document_made_anew() -> None:
    promise, before = Expected(12345, "text/html"), list[Received]()

    for number in range(3):
        page = b"<div>Protocolo %d</div>" % number
        with pytest.raises(Doubted) as error:
            (await inspected(page, promise, before=before)).check_complete(len(page), is_framed=True)
        before.append(error.value.received)


async def test_a_part_that_came_before_proves_nothing() -> None:
    before = [Received(7, hashlib.sha256(PDF[:7]).hexdigest())]

    with pytest.raises(Doubted):
        (await inspected(PDF, Expected(12345, None), before=before)).check_complete(len(PDF), is_framed=True)


async def test_nothing_is_doubted_that_has_the_length_of_its_answer() -> None:
    assert (await inspected(b"Vistos", NOTHING)).check_complete(6, is_framed=True) == ()
