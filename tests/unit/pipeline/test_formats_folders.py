"""Folders: logs in order of their names, other files counted with a reason."""

import os
from pathlib import Path

from dekhang.pipeline.formats import Skipped, log_files


def filled(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_files_come_sorted_and_what_is_no_log_is_counted_with_its_reason(tmp_path: Path) -> None:
    filled(
        tmp_path,
        {
            "b/2.log": b"line\n",
            "b/1.log": b"line\n",
            "a.json": b"{}",
            "tool.exe": b"MZ\x90\x00" + bytes(100),
            "tool2.dll": b"MZ\x90\x00" + bytes(100),
            "shot.png": b"\x89PNG\r\n\x1a\n",
            "empty.log": b"",
        },
    )
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "around").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    skipped = Skipped()

    found = [str(path.relative_to(tmp_path)) for path in log_files(tmp_path, skipped)]

    assert found == ["a.json", "b/1.log", "b/2.log"]
    assert sum(skipped.counts.values()) == 7
    assert skipped.counts["chương trình Windows"] == 2
    assert skipped.sentences()[0] == "Bỏ qua 2 tệp: chương trình Windows (ví dụ tool.exe)."


def test_a_file_that_is_named_is_opened_whatever_it_is(tmp_path: Path) -> None:
    filled(tmp_path, {"tool.exe": b"MZ"})
    skipped = Skipped()

    assert list(log_files(tmp_path / "tool.exe", skipped)) == [tmp_path / "tool.exe"]
    assert not skipped.counts
