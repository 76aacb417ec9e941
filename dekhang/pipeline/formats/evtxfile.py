"""Windows event files, also damaged ones: what can be read is read, the rest is told."""

import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import evtx

from dekhang.pipeline.formats.limits import CHUNK_BYTES, EVTX_UNPACKED_BYTES, RECORD_BYTES
from dekhang.pipeline.formats.problems import WHOLE_FILE, Problems
from dekhang.pipeline.formats.unpack import Readable, UnpackError

FILE_MAGIC = b"ElfFile\x00"
CHUNK_MAGIC = b"ElfChnk\x00"
_HEADER_BYTES = 4096
_CHUNK_BYTES = 65_536
_FAULTS_IN_A_ROW = 10_000  # a file of nothing but faults ends here


def read_evtx(path: Path, problems: Problems, *, first_index: int) -> Iterator[bytes]:
    """Yield each event as the JSON document {"Event": …} that the evtx package prints."""
    try:
        parser = evtx.PyEvtxParser(str(path), 1)
    except (RuntimeError, OSError, ValueError) as fault:
        problems.note(WHOLE_FILE, f"Đầu tệp EVTX bị hỏng ({str(fault)[:160]}); các khối còn lành được đọc trực tiếp.")
        yield from _read_rescued(path, problems, first_index=first_index)
        return
    yield from _records(parser, problems, first_index)


def read_packed_evtx(stream: Readable, problems: Problems, *, first_index: int) -> Iterator[bytes]:
    """The same from a stream, through a temporary file: the format needs seeking."""
    with tempfile.NamedTemporaryFile(prefix="dekhang-", suffix=".evtx") as copy:
        total = 0
        try:
            while data := stream.read(CHUNK_BYTES):
                total += len(data)
                if total > EVTX_UNPACKED_BYTES:
                    raise UnpackError(f"Tệp EVTX bung ra hơn {EVTX_UNPACKED_BYTES >> 30} GB; chỉ phần đầu được đọc.")
                copy.write(data)
        except UnpackError as fault:
            problems.note(WHOLE_FILE, str(fault))
        copy.flush()
        yield from read_evtx(Path(copy.name), problems, first_index=first_index)


def _records(parser: "evtx.PyEvtxParser", problems: Problems, first_index: int) -> Iterator[bytes]:
    records = iter(parser.records_json())
    index = first_index
    faults = 0
    while faults < _FAULTS_IN_A_ROW:
        try:
            record = next(records)
        except StopIteration:
            return
        except Exception as fault:  # the package raises RuntimeError per damaged record or chunk and can go on
            faults += 1
            problems.note(index, f"Một phần của tệp EVTX không đọc được: {str(fault)[:200]}")
            continue
        except BaseException as fault:
            if type(fault).__name__ != "PanicException":
                raise
            problems.note(
                index, "Thư viện đọc EVTX dừng đột ngột ở phần này của tệp; các bản ghi trước đó đã được đọc."
            )
            return
        faults = 0
        if record is None:  # so the package's types say
            continue
        raw = record["data"].encode("utf-8", "replace")
        if len(raw) > RECORD_BYTES:
            problems.note(index, f"Bản ghi dài {len(raw)} byte, quá giới hạn {RECORD_BYTES} byte, nên bị bỏ qua.")
            continue
        yield raw
        index += 1
    problems.note(index, f"Tệp EVTX có hơn {_FAULTS_IN_A_ROW} lỗi liền nhau nên việc đọc dừng ở đây.")


def _read_rescued(path: Path, problems: Problems, *, first_index: int) -> Iterator[bytes]:
    """Put a sound file header before the chunks that still have their magic."""
    with tempfile.NamedTemporaryFile(prefix="dekhang-", suffix=".evtx") as copy:
        copy.write(b"\x00" * _HEADER_BYTES)
        count = _copy_chunks(path, copy.file)
        if not count:
            problems.note(WHOLE_FILE, "Không còn khối sự kiện nào đọc được trong tệp EVTX này.")
            return
        copy.seek(0)
        copy.write(_header(count))
        copy.flush()
        try:
            parser = evtx.PyEvtxParser(copy.name, 1)
        except (RuntimeError, OSError, ValueError) as fault:
            problems.note(WHOLE_FILE, f"Tệp EVTX hỏng quá nặng, không cứu được ({str(fault)[:160]}).")
            return
        yield from _records(parser, problems, first_index)


def _copy_chunks(path: Path, target: IO[bytes]) -> int:
    count = 0
    with path.open("rb") as file:
        offset = 0 if file.read(8) == CHUNK_MAGIC else _HEADER_BYTES
        while True:
            file.seek(offset)
            chunk = file.read(_CHUNK_BYTES)
            if len(chunk) < 512:
                return count
            if chunk.startswith(CHUNK_MAGIC):
                target.write(chunk.ljust(_CHUNK_BYTES, b"\x00"))
                count += 1
            offset += _CHUNK_BYTES


def _header(chunks: int) -> bytes:
    """File header of the EVTX format: magic, chunk numbers, sizes, version 3.1, CRC-32 of the first 120 bytes."""
    fields = struct.pack("<8sQQQIHHHH", FILE_MAGIC, 0, chunks - 1, 0, 128, 1, 3, _HEADER_BYTES, min(chunks, 65_535))
    fields = fields.ljust(120, b"\x00")
    return (fields + struct.pack("<II", 0, zlib.crc32(fields))).ljust(_HEADER_BYTES, b"\x00")


__all__ = ["CHUNK_MAGIC", "FILE_MAGIC", "read_evtx", "read_packed_evtx"]
