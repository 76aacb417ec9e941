"""Starting Django for a command: the data folder first, then the settings."""

import argparse
import os
import sys
from pathlib import Path

from dekhang.cli import place
from dekhang.pipeline.place import path_of


def add_data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("DK_DATA", "var")),
        metavar="DIR",
        help="thư mục dữ liệu của hệ thống (mặc định: var, hoặc biến DK_DATA)",
    )


def setup(data: Path) -> bool:
    """Point the settings at `data` and start Django; False, with a sentence on stderr, when that cannot be."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dekhang.config.settings")
    import django

    from dekhang.config.env import SettingError

    try:
        place.adopt(data)
        django.setup()
    except SettingError as error:
        print(f"Cấu hình chưa đúng: {error}", file=sys.stderr)
        return False
    except OSError as error:
        print(f"Không dùng được thư mục dữ liệu {data}: {error.strerror or error}.", file=sys.stderr)
        return False
    return True


def setup_existing(data: Path) -> bool:
    """The same for a command that looks at an installation and must not make an empty one by mistyping its place."""
    if not (data / "db.sqlite3").exists() and not path_of(data).exists():
        print(
            f"Chưa có dữ liệu trong {data}: không thấy db.sqlite3. Kiểm tra lại --data, hoặc chạy ./dk up trước.",
            file=sys.stderr,
        )
        return False
    return setup(data)
