"""Where the lake's files lie: in a folder of this machine, or in S3-compatible storage that several machines share.

A file of the lake never changes once it is kept, so a copy is as good as the file: readers always read local files, with
S3 from a bounded cache that fetches what is asked for and forgets what nobody asked for longest.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow.fs as pafs

from dekhang.pipeline.place import Place

logger = logging.getLogger(__name__)

CACHE_BYTES = 20 << 30  # per machine, in <data>/lake-cache; a province's month is about 5 GB
IN_USE_SECONDS = 60.0  # a path that was given out stays as long: its reader may not have opened it yet
DAY = "day="  # what else lies beside the days, such as the Iceberg catalog's metadata, is none of the lake's files
CONNECT_SECONDS = 5.0
REQUEST_SECONDS = 20.0  # without a byte; S3 then counts as unreachable and the caller tries again later


class LakeFileDamaged(OSError):
    """A file is not what the manifest says; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as the storage lists it; `modified` in seconds UTC."""

    path: str
    size_bytes: int
    modified: float


class LakeFiles(Protocol):
    """Keeps immutable files under relative POSIX paths such as `day=2019-12-10/….parquet`. Everything raises OSError."""

    def keep(self, path: str, content: bytes | memoryview) -> None:
        """Store a file; it survives a power cut when this returns, and nobody ever sees a part of it."""

    def local(
        self, path: str, *, size_bytes: int | None = None, sha256: str | None = None, cached: bool = True
    ) -> Path:
        """Return a file of this machine to read at once (within IN_USE_SECONDS).

        Args:
            size_bytes, sha256: of the manifest, if known: what comes over the network is held against them.
            cached: False: fetch it again, for what counts is what lies in the storage now.

        Raises:
            FileNotFoundError: there is no such file, or no longer.
            LakeFileDamaged: what is stored is something else.
        """

    def forget(self, path: str) -> None:
        """Delete a file; one that is not there is as good as deleted."""

    def listing(self) -> Iterator[Kept]:
        """All files of days (`day=…/`), drafts of interrupted writes too, in no order."""


def of(data: Path) -> LakeFiles:
    """The lake of the data folder `data`: in it, or in the S3 storage of its place."""
    objects = Place.of(data).objects
    return _s3(data, objects) if objects else FolderFiles(data / "lake")


@functools.lru_cache(8)
def _s3(data: Path, url: str) -> S3Files:
    return S3Files(url, data / "lake-cache")


class FolderFiles:
    """Files in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, path: str, content: bytes | memoryview) -> None:
        target = self.folder / path
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            _fsync_folder(self.folder)
        _write_whole(target, content)
        _fsync_folder(target.parent)

    def local(
        self, path: str, *, size_bytes: int | None = None, sha256: str | None = None, cached: bool = True
    ) -> Path:
        return self.folder / path

    def forget(self, path: str) -> None:
        (self.folder / path).unlink(missing_ok=True)

    def listing(self) -> Iterator[Kept]:
        for day in self.folder.glob(f"{DAY}*"):
            for one in _walk(day):
                yield replace(one, path=f"{day.name}/{one.path}")


class S3Files:
    """Files in an S3-compatible bucket, with a cache folder that the processes of this machine share.

    Args:
        url: see S3Address. Without key and secret the usual variables (AWS_ACCESS_KEY_ID …) and files are looked at;
            without endpoint it is Amazon's.
        cache_bytes: the cache may hold this much, and what was used in the last IN_USE_SECONDS.
    """

    def __init__(self, url: str, cache: Path, *, cache_bytes: int = CACHE_BYTES) -> None:
        address = S3Address.of(url)
        self._base, self._storage = address.base, address.open()
        self._cache = cache
        self._cache_bytes = cache_bytes
        self._since_sweep = cache_bytes  # look through the folder at the first chance, then after every twentieth of it

    def keep(self, path: str, content: bytes | memoryview) -> None:
        with self._storage.open_output_stream(self._key(path)) as stream:
            stream.write(content)
        with contextlib.suppress(OSError):  # a full disk here does not make the file less safe there
            self._remember(path, content)  # who has written it will soon merge it

    def local(
        self, path: str, *, size_bytes: int | None = None, sha256: str | None = None, cached: bool = True
    ) -> Path:
        target = self._cache / _checked(path)
        try:
            os.utime(target)
            if cached and (size_bytes is None or target.stat().st_size == size_bytes):
                return target
        except FileNotFoundError:
            pass
        with self._storage.open_input_file(self._key(path)) as file:
            content = file.read()
        if (size_bytes is not None and len(content) != size_bytes) or (
            sha256 is not None and hashlib.sha256(content).hexdigest() != sha256
        ):
            raise LakeFileDamaged(
                f"Tệp {path} trong kho S3 không đúng như danh mục ghi (dung lượng hoặc mã SHA-256 khác). "
                "Hãy chạy `dekhang lake verify` và phục hồi tệp từ bản sao lưu."
            )
        self._remember(path, content)
        return target

    def forget(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._storage.delete_file(self._key(path))
        (self._cache / _checked(path)).unlink(missing_ok=True)

    def listing(self) -> Iterator[Kept]:
        selector = pafs.FileSelector(self._base, recursive=True, allow_not_found=True)
        for info in self._storage.get_file_info(selector):
            path = info.path[len(self._base) + 1 :]
            if info.type == pafs.FileType.File and path.startswith(DAY):
                yield Kept(path, info.size, info.mtime.timestamp() if info.mtime else 0.0)

    def _key(self, path: str) -> str:
        return f"{self._base}/{_checked(path)}"

    def _remember(self, path: str, content: bytes | memoryview) -> None:
        self._since_sweep += len(content)
        if self._since_sweep > self._cache_bytes // 20:
            self._since_sweep = 0
            self._sweep(self._cache_bytes - len(content))
        target = self._cache / path
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(target, content)

    def _sweep(self, allowed_bytes: int) -> None:
        """Forget what was used longest ago until the cache fits, and drafts of processes that died."""
        now = time.time()
        cached = sorted(_walk(self._cache), key=lambda one: one.modified)
        total = sum(one.size_bytes for one in cached)
        for one in cached:
            if one.modified > now - IN_USE_SECONDS:
                break
            if total > allowed_bytes or one.path.endswith(".tmp"):
                (self._cache / one.path).unlink(missing_ok=True)
                total -= one.size_bytes


@dataclass(frozen=True, slots=True)
class S3Address:
    """`s3://[key:secret@]bucket[/prefix]?endpoint=https://host:port&region=…`; empty: not said."""

    bucket: str
    prefix: str
    key: str
    secret: str
    endpoint: str
    region: str

    @classmethod
    def of(cls, url: str) -> S3Address:
        """Raises ValueError with a sentence."""
        parts = urlsplit(url)
        wish = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unknown = wish.keys() - {"endpoint", "region"}
        if parts.scheme != "s3" or not parts.hostname or unknown:
            raise ValueError(
                "Địa chỉ kho tệp phải có dạng s3://khóa:mật-khẩu@tên-bucket/thư-mục?endpoint=https://máy:cổng&region=vùng"
                + (f"; không hiểu {', '.join(sorted(unknown))}." if unknown else ".")
            )
        return cls(
            bucket=parts.hostname,
            prefix=parts.path.strip("/"),
            key=unquote(parts.username or ""),
            secret=unquote(parts.password or ""),
            endpoint=wish.get("endpoint", ""),
            region=wish.get("region", "us-east-1"),
        )

    @property
    def base(self) -> str:
        """`bucket/prefix`."""
        return f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket

    def open(self) -> pafs.S3FileSystem:
        endpoint = urlsplit(self.endpoint)
        return pafs.S3FileSystem(
            access_key=self.key or None,
            secret_key=self.secret or None,
            endpoint_override=endpoint.netloc or None,
            scheme=endpoint.scheme or "https",
            region=self.region,
            connect_timeout=CONNECT_SECONDS,
            request_timeout=REQUEST_SECONDS,
            allow_delayed_open=True,  # one request for a small file
        )


def _checked(path: str) -> str:
    """A path comes from our own manifest; even so it never leads out of the cache folder."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"{path!r} không phải là đường dẫn trong kho.")
    return path


def _write_whole(target: Path, content: bytes | memoryview) -> None:
    """Write a file that appears at once and whole, also to other processes and after a power cut."""
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(target)
    except BaseException:
        draft.unlink(missing_ok=True)  # a full disk would only get fuller
        raise


def _walk(folder: Path) -> Iterator[Kept]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            try:
                facts = path.stat()
            except FileNotFoundError:  # another process was faster
                continue
            yield Kept(path.relative_to(folder).as_posix(), facts.st_size, facts.st_mtime)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
