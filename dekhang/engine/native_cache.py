"""Where compiled machine code is kept, so that it is compiled once and not at every start.

It lies beside the package, as Python's .pyc do, with the same trust: whoever can write there can change the program
itself; else in the user's own cache folder. numba looks only at a function's own file, so the folder is named after all
files whose text or constants can be in the code: a change of any, of numba or of Python compiles anew. Each file ends
in a checksum. What cannot be read is compiled again, what cannot be written is not kept: a full disk, a read-only
installation or a file that broke off when the machine lost power stop nothing.
"""

# mypy: allow-untyped-calls
# numba has no types

import fcntl
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.sigutils import normalize_signature

CHECKSUM_BYTES = 16
OTHERS_KEPT_DAYS = 7  # of other versions, since one of them was started last
_LOCK = "lock"


def keep_compiled(homes: tuple[Path, ...] | None = None) -> Path | None:
    """Tell numba where to keep machine code, and return it; None = nowhere: it is compiled at every start.

    Args:
        homes: folders to choose from, best first; None = the package's and the user's.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return Path(os.environ["NUMBA_CACHE_DIR"])  # somebody has decided
    name = f"native-{_version()}"
    for home in _homes() if homes is None else homes:
        folder = home / name
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            if not _is_ours_alone(folder):
                continue
            os.utime(folder)
        except OSError:
            continue
        config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
        _remove_old(home, folder)
        return folder
    return None


class CheckedCache(FunctionCache):
    """numba's cache of one function; nothing wrong with its files can stop the program or get into it."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file.__class__ = _CheckedFile

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            # not numba's load_overload: it loads all that compiling needs first, for which numba asks by itself
            found = self._load_overload(sig, target_context)
        except Exception:  # whatever a broken pickle raises
            return None
        if found is not None and tuple(found.signature.args) != tuple(normalize_signature(sig)[0]):
            return None
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        for _ in range(2):
            try:
                with _locked(Path(self.cache_path)):
                    super().save_overload(sig, data)
                return
            except OSError:
                return
            except Exception:  # an index that cannot be read: begin a new one
                try:
                    self.flush()
                except OSError:
                    return


class _CheckedFile(IndexDataCacheFile):
    """Pickles with a checksum behind them; reading a pickle takes no notice of what follows."""

    def _dump(self, content: Any) -> bytes:
        written: bytes = super()._dump(content)
        return written + blake2b(written, digest_size=CHECKSUM_BYTES).digest()

    def _load_data(self, name: str) -> Any:
        written = Path(self._data_path(name)).read_bytes()
        if blake2b(written[:-CHECKSUM_BYTES], digest_size=CHECKSUM_BYTES).digest() != written[-CHECKSUM_BYTES:]:
            raise OSError(f"{name}: damaged")  # as if there were none
        return super()._load_data(name)


def _version() -> str:
    engine = Path(__file__).parent
    checked = config.BOUNDSCHECK  # type: ignore[attr-defined]
    versions = (numba.__version__, llvmlite.__version__, sys.version_info[:3], checked, config.OPT)  # type: ignore[attr-defined]
    digest = blake2b(repr(versions).encode(), digest_size=8)
    sources = [
        engine / "native.py",
        engine / "text.py",
        *sorted(engine.glob("sieve/*.py")),
        *sorted(engine.glob("indicators/*.py")),
    ]
    for source in sources:
        digest.update(blake2b(source.read_bytes()).digest())
    return digest.hexdigest()


def _homes() -> tuple[Path, ...]:
    beside = Path(__file__).parent / "__pycache__"
    try:
        return beside, Path.home() / ".cache" / "dekhang"
    except RuntimeError:  # a user without a home
        return (beside,)


def _is_ours_alone(folder: Path) -> bool:
    """Return whether a folder is ours and only we may write into it. Code from any other would be run as ours."""
    facts = folder.lstat()
    return (
        stat.S_ISDIR(facts.st_mode)
        and facts.st_uid == os.geteuid()
        and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and os.access(folder, os.W_OK | os.X_OK)
    )


def _remove_old(home: Path, current: Path) -> None:
    oldest = time.time() - OTHERS_KEPT_DAYS * 86_400
    for other in home.glob("native-*"):
        try:
            if other != current and other.lstat().st_mtime < oldest:
                shutil.rmtree(other, ignore_errors=True)
        except OSError:  # another process was quicker
            continue


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time write into the folder: numba reads its index, changes it and writes it back."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
