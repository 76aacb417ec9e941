"""Which files below a folder are worth opening: logs in order of their names, the rest counted with a reason."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

_HEAD = 16
_EXAMPLES = 5  # names kept for each reason
_DEPTH = 64
# kinds of file that are never a log; office documents are zips and are told by their members
_FOREIGN = (
    (b"MZ", "chương trình Windows"),
    (b"\x7fELF", "chương trình Linux"),
    (b"\xcf\xfa\xed\xfe", "chương trình macOS"),
    (b"\xca\xfe\xba\xbe", "mã Java"),
    (b"\x89PNG\r\n\x1a\n", "ảnh"),
    (b"\xff\xd8\xff", "ảnh"),
    (b"GIF8", "ảnh"),
    (b"%PDF-", "tài liệu PDF"),
    (b"\xd0\xcf\x11\xe0", "tài liệu Office"),
    (b"SQLite format 3\x00", "cơ sở dữ liệu SQLite"),
    (b"\xd4\xc3\xb2\xa1", "gói tin mạng (pcap)"),
    (b"\xa1\xb2\xc3\xd4", "gói tin mạng (pcap)"),
    (b"\x0a\x0d\x0d\x0a", "gói tin mạng (pcapng)"),
    (b"regf", "registry Windows"),
    (b"LPKSHHRH", "nhật ký systemd dạng nhị phân; hãy xuất bằng journalctl -o json"),
    (b"PAR1", "tệp Parquet"),
)


class Skipped:
    """Files passed over: how many for each reason, and the first few names."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[Path]] = {}

    def add(self, path: Path, reason: str) -> None:
        self.counts[reason] += 1
        names = self.examples.setdefault(reason, [])
        if len(names) < _EXAMPLES:
            names.append(path)

    def sentences(self) -> list[str]:
        """One Vietnamese sentence per reason, the most frequent first."""
        return [
            f"Bỏ qua {count} tệp: {reason} (ví dụ {self.examples[reason][0].name[-80:]})."
            for reason, count in self.counts.most_common()
        ]


def log_files(path: Path, skipped: Skipped) -> Iterator[Path]:
    """Yield `path` itself when it is no folder, else the files below it, sorted; links to folders are not followed.

    What a person names is opened whatever it is; within a folder programs, images and the like are passed over.
    """
    if not path.is_dir():
        yield path
        return
    yield from _below(path, skipped, 0)


def _below(folder: Path, skipped: Skipped, depth: int) -> Iterator[Path]:
    if depth > _DEPTH:
        skipped.add(folder, f"thư mục lồng nhau quá {_DEPTH} tầng")
        return
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        skipped.add(folder, f"không mở được thư mục ({error.strerror or error})")
        return
    for entry in found:
        path = Path(entry.path)
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(path, skipped, depth + 1)
                continue
            reason = _reason_to_skip(path)
        except OSError as error:
            reason = f"không đọc được ({error.strerror or error})"
        if reason:
            skipped.add(path, reason)
        else:
            yield path


def _reason_to_skip(path: Path) -> str:
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        return "liên kết tới thư mục"
    if not stat.S_ISREG(about.st_mode):
        return "không phải tệp thường (thiết bị, ống, ổ cắm)"
    if not about.st_size:
        return "tệp rỗng"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return next((reason for magic, reason in _FOREIGN if head.startswith(magic)), "")
