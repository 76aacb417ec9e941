"""`dekhang …`: one module per command, each with `add_parser(subparsers)` and `run(args) -> exit code`.

Exit codes: 0 fine · 1 findings or a failed check, where documented · 2 wrong usage or unreadable input.
"""

import argparse
import importlib
import sys

from dekhang.cli.words import speak_vietnamese

# only the command that is asked for is imported: `dekhang detect` needs no Django, `dekhang up` no engine
COMMANDS = {
    "up": "chạy mọi phần của hệ thống trên máy này",
    "detect": "tìm dấu hiệu tấn công trong tệp log",
    "rules": "kiểm tra, thử, thống kê các luật phát hiện",
    "hunt": "tìm luật, chỉ dấu hoặc câu tìm trong dữ liệu đã lưu",
    "canary": "gửi dấu vết tấn công vô hại để thử khả năng ghi nhận",
    "intake": "cổng nhận log: chứng chỉ TLS, nơi lấy log",
    "doctor": "khám hệ thống, nói rõ chỗ nào chưa ổn",
    "audit": "kiểm tra chuỗi nhật ký kiểm toán",
    "reports": "báo cáo đã lưu trữ: lập lại và đối chiếu từng byte",
    "lake": "kho sự kiện: dung lượng, kiểm tra, thời hạn lưu, danh mục Iceberg",
    "people": "danh sách cán bộ: nạp từ bảng tính, xuất ra bảng tính",
    "simulate": "dựng một tỉnh mô phỏng mà sự thật đã biết, để đo",
    "manage": "lệnh quản trị của Django",
    "part": argparse.SUPPRESS,  # what `up` starts; not typed by people
}


def main(argv: list[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    speak_vietnamese()
    parser = argparse.ArgumentParser(
        prog="dekhang", description="Đề Kháng: hệ thống bảo đảm an toàn thông tin của một tỉnh.", add_help=True
    )
    subparsers = parser.add_subparsers(dest="command", metavar="LỆNH", required=True)
    asked = next((word for word in argv if not word.startswith("-")), None)
    for name, about in COMMANDS.items():
        if name == asked:
            importlib.import_module(f"dekhang.cli.{name}").add_parser(subparsers)
        elif about != argparse.SUPPRESS:
            subparsers.add_parser(name, help=about)
    if asked == "manage":  # Django parses its own arguments
        return int(importlib.import_module("dekhang.cli.manage").run_django(argv[argv.index("manage") + 1 :]))
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `dekhang detect … | head`
        sys.stderr.close()
        return 0
