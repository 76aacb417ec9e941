"""The script for one Windows PC (templates/sources/configs/windows-pc.txt): its numbers, what it reads, what it turns on."""

from typing import Any

KEY = "windows-pc"
INDEX = "windows-pc"
BATCH_RECORDS = 500
BATCH_BYTES = 1_000_000  # of one request before compression; the script holds one batch and one record more
FIRST_HOURS = 72  # how far back the first run looks
RUN_SECONDS = 50  # of one run; the next starts a minute after the last
TRIES = 5
CHANNELS = (
    "Security",
    "System",
    "Application",
    "Windows PowerShell",
    "Microsoft-Windows-PowerShell/Operational",
    "Microsoft-Windows-Windows Defender/Operational",
    "Microsoft-Windows-TaskScheduler/Operational",
    "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
    "Microsoft-Windows-Sysmon/Operational",
)
# subcategories by GUID: their names differ with the language of Windows
AUDIT = (
    ("0CCE922B-69AE-11D9-BED3-505054503030", "tạo tiến trình (kèm dòng lệnh)"),
    ("0CCE9215-69AE-11D9-BED3-505054503030", "đăng nhập"),
    ("0CCE9216-69AE-11D9-BED3-505054503030", "đăng xuất"),
    ("0CCE9217-69AE-11D9-BED3-505054503030", "khóa tài khoản"),
    ("0CCE921B-69AE-11D9-BED3-505054503030", "đăng nhập có đặc quyền"),
    ("0CCE923F-69AE-11D9-BED3-505054503030", "kiểm tra mật khẩu"),
    ("0CCE9235-69AE-11D9-BED3-505054503030", "thay đổi tài khoản"),
    ("0CCE9237-69AE-11D9-BED3-505054503030", "thay đổi nhóm"),
    ("0CCE922F-69AE-11D9-BED3-505054503030", "thay đổi chính sách ghi nhật ký"),
    ("0CCE9211-69AE-11D9-BED3-505054503030", "cài dịch vụ mới"),
    ("0CCE9227-69AE-11D9-BED3-505054503030", "tạo tác vụ hẹn giờ"),
)


def facts() -> dict[str, Any]:
    """What the template is filled with."""
    return {
        "index": INDEX,
        "batch_records": BATCH_RECORDS,
        "batch_bytes": BATCH_BYTES,
        "first_ms": FIRST_HOURS * 3_600_000,
        "first_hours": FIRST_HOURS,
        "run_seconds": RUN_SECONDS,
        "tries": TRIES,
        "channels": CHANNELS,
        "audit": AUDIT,
    }
