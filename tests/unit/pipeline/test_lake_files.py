"""Files of the lake in a folder: whole or not at all."""

import os
from pathlib import Path

import pytest

from dekhang.pipeline import place
from dekhang.pipeline.lakefiles import FolderFiles, S3Address, S3Files, of
from dekhang.pipeline.place import Place

PATH = "day=2019-12-10/a.parquet"


def test_a_kept_file_is_read_under_its_path_and_listed(tmp_path: Path) -> None:
    files = of(tmp_path)
    files.keep(PATH, b"noi dung")

    assert files.local(PATH).read_bytes() == b"noi dung"
    (listed,) = files.listing()
    assert (listed.path, listed.size_bytes) == (PATH, 8)
    files.forget(PATH)
    files.forget(PATH)
    assert list(files.listing()) == []


def test_a_write_that_the_disk_refuses_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = FolderFiles(tmp_path)

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        files.keep(PATH, b"noi dung")

    assert list(files.listing()) == []


def test_the_lake_of_an_installation_is_in_its_data_folder_unless_told_otherwise(tmp_path: Path) -> None:
    assert isinstance(of(tmp_path), FolderFiles)
    place.write(Place(tmp_path, "máy-1", objects="s3://kho-nhat-ky/lake?endpoint=http://127.0.0.1:1"))
    assert isinstance(of(tmp_path), S3Files)


@pytest.mark.parametrize("address", ["http://kho/lake", "s3:///lake", "s3://kho/lake?endpoit=http://127.0.0.1:1"])
def test_a_faulty_address_of_the_storage_is_refused_with_the_right_form(address: str) -> None:
    with pytest.raises(ValueError, match="Địa chỉ kho tệp phải có dạng s3://"):
        S3Address.of(address)


def test_a_path_never_leads_out_of_the_cache(tmp_path: Path) -> None:
    files = S3Files("s3://kho-nhat-ky?endpoint=http://127.0.0.1:1", tmp_path / "cache")
    for path in ("../db.sqlite3", "/etc/passwd"):
        with pytest.raises(ValueError, match="không phải là đường dẫn trong kho"):
            files.local(path)
