"""Starting Django for a command: the data folder first, then the settings."""

import argparse
import os
import sys
from pathlib import Path


def add_data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("DK_DATA", "var")),
        metavar="DIR",
        help="thư mục dữ liệu của hệ thống (mặc định: var, hoặc biến DK_DATA)",
    )


def setup(data: Path) -> bool:
    """Point the settings at `data` and start Django; False, with a sentence on stderr, when a setting is wrong."""
    os.environ["DK_DATA"] = str(data.resolve())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dekhang.config.settings")
    import django

    from dekhang.config.env import SettingError

    try:
        django.setup()
    except SettingError as error:
        print(f"Cấu hình chưa đúng: {error}", file=sys.stderr)
        return False
    return True
