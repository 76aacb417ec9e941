"""`dekhang manage …`: Django's own commands on this installation."""

import os
import sys
from pathlib import Path
from typing import Any

from dekhang.cli import place
from dekhang.config.env import SettingError


def add_parser(subparsers: Any) -> None:
    subparsers.add_parser("manage", help="lệnh quản trị của Django").set_defaults(run=lambda args: 2)


def run_django(argv: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dekhang.config.settings")
    if "--data" in argv:
        position = argv.index("--data")
        if position + 1 >= len(argv):
            print("--data cần tên thư mục dữ liệu.", file=sys.stderr)
            return 2
        place.adopt(Path(argv[position + 1]))
        del argv[position : position + 2]
    elif "DK_DATA" in os.environ:
        place.adopt(Path(os.environ["DK_DATA"]))
    from django.core.management import ManagementUtility

    utility = ManagementUtility(["dekhang manage", *argv])
    try:
        utility.execute()
    except SettingError as error:
        print(f"Cấu hình chưa đúng: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"Không dùng được thư mục dữ liệu: {error}.", file=sys.stderr)
        return 2
    except SystemExit as stop:
        return int(stop.code or 0) if not isinstance(stop.code, str) else 2
    return 0
