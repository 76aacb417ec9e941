"""What to type on a machine so that it emits a canary's trace."""

from django.utils.translation import gettext as _

from dekhang.apps.sources.enums import SourceKind

# On the first Monday of a month the machine emits the trace of the day (schedule.automatic_nonce); cron wants % escaped.
CRON_LINE = (
    "0 9 * * 1 root [ $(date +\\%d) -le 07 ] && logger -t dekhang dekhang-canary-$(printf \\%s \"$(printf \\%s 'MÃ' | sha256sum | cut -d' ' -f1):"
    '$(date -u +\\%F)" | sha256sum | cut -c1-16)'
)


def canary_commands(kind: str, marker: str) -> list[tuple[str, str, str]]:
    """(where, command, note) to emit the trace on a machine of this kind."""
    if kind == SourceKind.WINDOWS:
        return [
            (
                _("Command Prompt (cmd) mở bằng quyền quản trị"),
                f'eventcreate /ID 777 /L APPLICATION /T INFORMATION /SO DeKhang /D "{marker}"',
                _("Ghi một sự kiện vô hại vào nhật ký Application."),
            )
        ]
    if kind == SourceKind.LINUX:
        return [
            (
                _("Cửa sổ lệnh trên máy Linux"),
                f"logger -t dekhang {marker}",
                _("Ghi một dòng vô hại vào syslog."),
            )
        ]
    if kind == SourceKind.WEB:
        return [
            (
                _("Cửa sổ lệnh trên chính máy chủ web"),
                f"curl -s -o /dev/null http://localhost/{marker}",
                _("Gọi một trang không có thật; máy chủ trả lời 404 và ghi vào nhật ký truy cập."),
            ),
            (
                _("Hoặc từ một máy khác, bằng trình duyệt hay lệnh (thay tên trang của đơn vị)"),
                f"curl -s -o /dev/null https://www.example.gov.vn/{marker}",
                _("Dùng khi trang không mở ở localhost."),
            ),
        ]
    return []
