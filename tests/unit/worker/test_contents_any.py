"""Any bytes get a result, whatever was listed, and never a kind that the bytes do not show."""

from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.file_names import EXTENSIONS
from tests.support.contents import DOCX, HTML, JPEG, MP3, MP4, OLE, PAGE, PDF, PNG, RTF, SIGNED
from worker.downloads.inspection import Expected
from worker.downloads.inspection.check import Extent
from worker.downloads.inspection.detected_kind import kind_of
from worker.downloads.inspection.endings import TAIL_LENGTH, shows_end
from worker.downloads.inspection.inspection import CHECKS
from worker.downloads.inspection.kinds import container_for
from worker.downloads.inspection.sample import Sample

PIECES = [DOCX, HTML, JPEG, MP3, MP4, OLE, PAGE, PDF, PNG, RTF, SIGNED]
MARKS = [b"<", b"<?xml?>", b"<!--", b"-->", b'{"', b'":', b"[", b"]", b"\xff\xfe", b"\xfe\xff", b"\0", b" ", b"RIFF"]
BYTES = st.lists(st.sampled_from(PIECES + MARKS) | st.binary(max_size=20), max_size=6).map(b"".join)
KINDS = st.none() | st.sampled_from([*EXTENSIONS, "APPLICATION_PDF", "application/octet-stream"]) | st.text(max_size=30)
NAMES = st.sampled_from(["", *EXTENSIONS.values()]) | st.text(max_size=10)


@given(BYTES, KINDS, NAMES, KINDS, st.booleans())
@example(b"0", None, "", None, False)
@example(b"\x30\x80", "application/pkcs7-signature", "", None, True)
@example(b"RIFF", "image/webp", "", None, True)
@example("<".encode("utf-16"), None, "", None, False)
def test_any_bytes_are_judged(body: bytes, promised: str | None, name: str, header: str | None, fits: bool) -> None:
    expected = Expected(len(body) if fits else None, promised, name)
    sample = Sample(
        expected, head=body, tail=body[-TAIL_LENGTH:], size=len(body), header=header or "", length=len(body)
    )

    checks = [check(expected, max_bytes=len(body)) for check in CHECKS]
    objections = [check.finish(sample) for check in checks if check.extent is Extent.BEGINNING]

    assert shows_end(sample) in {True, False, None}
    if not any(objections):
        needed = container_for(kind_of(sample))
        is_claimed_recording = kind_of(sample).startswith(("audio/", "video/")) and not expected.promised
        assert needed is None or needed == sample.container or is_claimed_recording
