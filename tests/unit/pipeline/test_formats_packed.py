"""Archives and packings beyond the simple ones; what cannot be opened is told by name."""

import bz2
import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from dekhang.pipeline.formats import RecordFile, open_records, open_stream
from dekhang.pipeline.formats import tarentries as tar_module
from dekhang.pipeline.formats import unpack as unpack_module

LINES = b'{"a":1}\n{"a":2}\n'


def opened(folder: Path, content: bytes, name: str = "upload") -> RecordFile:
    path = folder / name
    path.write_bytes(content)
    return open_records(path)


def raws(file: RecordFile) -> list[bytes]:
    return [raw for _, raw in file]


def tarred(files: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def zipped(data: bytes, name: str = "one.jsonl") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_a_tar_gives_its_files_one_after_another(tmp_path: Path, format: int, pack: object) -> None:
    long_name = "/".join(["thư mục"] * 30) + "/two.jsonl.gz" if format != tarfile.USTAR_FORMAT else "two.jsonl.gz"
    content = tarred({"one.jsonl": LINES, "empty": b"", long_name: gzip.compress(LINES), "zip": zipped(LINES)}, format)
    file = opened(tmp_path, pack(content))  # type: ignore[operator]

    assert raws(file) == LINES.split() * 3
    assert file.problems == []


def test_links_and_folders_in_a_tar_hold_no_log(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo("one")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    file = opened(tmp_path, out.getvalue())

    assert raws(file) == []
    assert file.problems == []


def test_a_tar_with_a_damaged_header_goes_on_behind_it(tmp_path: Path) -> None:
    content = bytearray(tarred({"one": LINES, "two": LINES, "three": LINES}))
    content[1024 : 1024 + 50] = b"\xff" * 50  # header of the second file
    file = opened(tmp_path, bytes(content))

    assert raws(file) == LINES.split() * 2
    assert "hỏng" in file.problems[0][1]


def test_a_tar_cut_short_is_told(tmp_path: Path) -> None:
    file = opened(tmp_path, tarred({"one": b"line\n" * 10_000})[:20_000])

    assert len(raws(file)) > 3000
    assert "bị cắt" in file.problems[0][1]


def test_a_tar_header_that_claims_a_huge_name_costs_no_memory(tmp_path: Path) -> None:
    header = bytearray(tarred({"x": b""})[:512])
    header[124:136] = b"77777777777\x00"  # 8 GB of name
    header[156:157] = b"x"
    header[148:156] = b"        "
    header[148:156] = b"%06o\x00 " % sum(header)
    file = opened(tmp_path, gzip.compress(bytes(header) + bytes(10_000_000)))

    assert raws(file) == []


def test_the_number_of_members_is_bounded_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack_module, "MEMBERS", 3)
    file = opened(tmp_path, tarred({str(n): b"line\n" for n in range(5)}))

    assert len(raws(file)) == 3
    assert "chỉ 3 phần đầu" in file.problems[0][1]

    monkeypatch.setattr(tar_module, "MEMBERS_SEEN", 2)
    file = opened(tmp_path, tarred({str(n): b"line\n" for n in range(5)}))
    assert len(raws(file)) == 2
    assert file.problems


def test_an_encrypted_zip_says_that_a_password_is_needed(tmp_path: Path) -> None:
    content = bytearray(zipped(LINES))
    content[6] |= 1  # flags of the member, and of its entry in the table of contents
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    file = opened(tmp_path, bytes(content))

    assert raws(file) == []
    assert "mật khẩu" in file.problems[0][1]


def test_a_zip_with_a_table_of_contents_beyond_all_bounds_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack_module, "ZIP_DIRECTORY_BYTES", 10)

    file = opened(tmp_path, zipped(LINES))

    assert raws(file) == []
    assert "mục lục" in file.problems[0][1]


@pytest.mark.parametrize(
    ("magic", "name"), [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07\x01\x00", "RAR"), (b"\x04\x22\x4d\x18", "LZ4")]
)
def test_a_packing_that_cannot_be_opened_is_named(tmp_path: Path, magic: bytes, name: str) -> None:
    file = opened(tmp_path, magic + bytes(range(256)) * 10)

    assert raws(file) == []
    assert name in file.problems[0][1]


def test_one_member_that_is_no_log_does_not_hide_the_others(tmp_path: Path) -> None:
    content = tarred({"picture.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "one.jsonl": LINES})
    file = opened(tmp_path, content)

    assert raws(file) == LINES.split()
    assert "picture.png" in file.problems[0][1]


@pytest.mark.parametrize(
    "content",
    [zipped(LINES), gzip.compress(zipped(LINES)), tarred({"a": zipped(LINES)})],
    ids=["zip", "zip in gz", "zip in tar"],
)
def test_a_zip_through_a_pipe_is_read(content: bytes) -> None:
    class Pipe(io.BytesIO):
        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    assert [raw for _, raw in open_stream(Pipe(content), "upload.zip")] == LINES.split()


def test_text_that_begins_like_bzip2_is_text(tmp_path: Path) -> None:
    assert raws(opened(tmp_path, b"BZh is how it starts\n")) == [b"BZh is how it starts"]
