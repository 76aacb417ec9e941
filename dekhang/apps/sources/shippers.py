"""Programs that send logs, by kind of source, each with a ready configuration.

The configuration templates stand in templates/sources/configs/ and are filled without HTML escaping: only host, ports,
token and the source's number go in, none of them typed by a person on the page.
"""

from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dekhang.apps.sources.enums import CANARY_KINDS, SourceKind

PLACEHOLDER = "DAN-MA-NGUON-LOG-VAO-DAY"


@dataclass(frozen=True, slots=True)
class Shipper:
    key: str
    label: Promise
    when: Promise  # when to choose it
    filename: str  # of the configuration; "" when there is none to write
    steps: tuple[Promise, ...]


_BEATS_WINDOWS = (
    _("Tải Winlogbeat bản 7.17 hoặc 8 dạng .zip, giải nén vào C:\\Program Files\\Winlogbeat."),
    _("Chép cấu hình dưới đây đè lên tệp winlogbeat.yml trong thư mục đó."),
    _("Mở PowerShell bằng quyền quản trị, vào thư mục đó, chạy: .\\install-service-winlogbeat.ps1"),
    _("Chạy tiếp: Start-Service winlogbeat"),
)
_FILEBEAT = (
    _("Cài Filebeat bản 7.17 hoặc 8 từ gói .deb hoặc .rpm."),
    _("Chép cấu hình dưới đây đè lên /etc/filebeat/filebeat.yml và sửa đường dẫn tệp log nếu khác."),
    _("Chạy: sudo systemctl enable --now filebeat"),
)

SHIPPERS: dict[str, tuple[Shipper, ...]] = {
    SourceKind.WINDOWS: (
        Shipper(
            "winlogbeat",
            _("Winlogbeat"),
            _("Nên dùng: gửi lại được khi mất mạng, có xác nhận từng gói."),
            "winlogbeat.yml",
            _BEATS_WINDOWS,
        ),
        Shipper(
            "nxlog",
            _("NXLog Community"),
            _("Khi đơn vị đã cài sẵn NXLog."),
            "nxlog.conf",
            (
                _("Cài NXLog Community Edition bản 2.10 trở lên."),
                _("Chép cấu hình dưới đây đè lên C:\\Program Files\\nxlog\\conf\\nxlog.conf."),
                _("Mở Services, khởi động lại dịch vụ nxlog."),
            ),
        ),
        Shipper(
            "evtx",
            _("Tải tệp EVTX bằng tay"),
            _("Khi máy không nối mạng: xuất từ Event Viewer rồi tải lên. Không thay được việc gửi liên tục."),
            "",
            (
                _("Mở Event Viewer, chọn nhật ký Security (và Sysmon nếu có), bấm Save All Events As…, chọn .evtx."),
                _("Tải tệp lên ở trang của nguồn này, mục “Tải tệp log”."),
            ),
        ),
    ),
    SourceKind.LINUX: (
        Shipper(
            "rsyslog",
            _("rsyslog"),
            _("Có sẵn trên Debian, Ubuntu, CentOS và hầu hết máy Linux."),
            "60-dekhang.conf",
            (
                _("Chép cấu hình dưới đây vào tệp /etc/rsyslog.d/60-dekhang.conf."),
                _("Kiểm tra cấu hình: sudo rsyslogd -N1"),
                _("Chạy: sudo systemctl restart rsyslog"),
            ),
        ),
        Shipper(
            "syslog-ng",
            _("syslog-ng"),
            _("Khi máy dùng syslog-ng thay cho rsyslog."),
            "dekhang.conf",
            (
                _("Chép cấu hình dưới đây vào /etc/syslog-ng/conf.d/dekhang.conf."),
                _("Nếu nguồn trong máy không tên là s_src, sửa dòng source cho đúng."),
                _("Chạy: sudo systemctl restart syslog-ng"),
            ),
        ),
    ),
    SourceKind.WEB: (
        Shipper(
            "filebeat-web",
            _("Filebeat"),
            _("Nên dùng: nhớ chỗ đang đọc, gửi lại được khi mất mạng."),
            "filebeat.yml",
            _FILEBEAT,
        ),
        Shipper(
            "rsyslog-web",
            _("rsyslog (imfile)"),
            _("Khi không muốn cài thêm chương trình."),
            "61-dekhang-web.conf",
            (
                _("Chép cấu hình dưới đây vào /etc/rsyslog.d/61-dekhang-web.conf và sửa đường dẫn tệp log nếu khác."),
                _("Kiểm tra cấu hình: sudo rsyslogd -N1"),
                _("Chạy: sudo systemctl restart rsyslog"),
            ),
        ),
    ),
    SourceKind.SURICATA: (
        Shipper(
            "filebeat-suricata",
            _("Filebeat"),
            _("Nên dùng: nhớ chỗ đang đọc, gửi lại được khi mất mạng."),
            "filebeat.yml",
            _FILEBEAT,
        ),
        Shipper(
            "fluent-bit",
            _("Fluent Bit"),
            _("Nhẹ hơn, hợp với thiết bị cảm biến nhỏ."),
            "fluent-bit.conf",
            (
                _("Chép cấu hình dưới đây đè lên /etc/fluent-bit/fluent-bit.conf."),
                _("Tạo thư mục nhớ chỗ đọc: sudo mkdir -p /var/lib/fluent-bit"),
                _("Chạy: sudo systemctl enable --now fluent-bit"),
            ),
        ),
    ),
    SourceKind.SYSLOG: (
        Shipper(
            "device",
            _("Thiết bị mạng, tường lửa"),
            _("Khi thiết bị chỉ có ô nhập máy chủ syslog: nhận ra theo địa chỉ IP đã khai."),
            "thong-so-syslog.txt",
            (
                _("Mở phần Syslog (hoặc Remote logging) trên trang quản trị thiết bị và nhập các thông số dưới đây."),
                _("Kiểm tra địa chỉ IP gửi đi của thiết bị đã được khai ở nguồn này; chưa có thì bấm Sửa nguồn."),
            ),
        ),
        Shipper(
            "rsyslog",
            _("rsyslog"),
            _("Khi gom log về một máy Linux rồi gửi tiếp."),
            "60-dekhang.conf",
            (
                _("Chép cấu hình dưới đây vào tệp /etc/rsyslog.d/60-dekhang.conf."),
                _("Kiểm tra cấu hình: sudo rsyslogd -N1"),
                _("Chạy: sudo systemctl restart rsyslog"),
            ),
        ),
        Shipper(
            "syslog-ng",
            _("syslog-ng"),
            _("Khi máy gom log dùng syslog-ng."),
            "dekhang.conf",
            (
                _("Chép cấu hình dưới đây vào /etc/syslog-ng/conf.d/dekhang.conf."),
                _("Nếu nguồn trong máy không tên là s_src, sửa dòng source cho đúng."),
                _("Chạy: sudo systemctl restart syslog-ng"),
            ),
        ),
    ),
}


_CARDS: dict[str, tuple[str, Promise]] = {
    SourceKind.WINDOWS: ("monitor", _("Máy chủ và máy trạm Windows: Winlogbeat, NXLog hoặc tải tệp EVTX.")),
    SourceKind.LINUX: ("terminal", _("Đăng nhập, sudo, dịch vụ trên máy Linux: rsyslog hoặc syslog-ng.")),
    SourceKind.WEB: ("globe", _("Nhật ký truy cập Apache, nginx của trang thông tin, dịch vụ công.")),
    SourceKind.SURICATA: ("radar", _("Cảm biến mạng Suricata: tệp eve.json qua Filebeat hoặc Fluent Bit.")),
    SourceKind.SYSLOG: ("router", _("Tường lửa, thiết bị mạng và mọi thứ gửi được syslog.")),
}


def kind_cards() -> list[tuple[SourceKind, str, Promise, bool]]:
    """(kind, icon, what it covers, can be tested with a canary) for the first step of connecting."""
    return [(SourceKind(kind), icon, text, kind in CANARY_KINDS) for kind, (icon, text) in _CARDS.items()]


def shipper_of(kind: str, key: str) -> Shipper | None:
    return next((shipper for shipper in SHIPPERS[kind] if shipper.key == key), None)


def configuration(shipper: Shipper, *, source_id: int, token: str | None) -> str:
    """The configuration file with everything filled in; without a token, a placeholder that says what to paste."""
    host = settings.INTAKE_HOST
    return render_to_string(
        f"sources/configs/{shipper.key}.txt",
        {
            "source_id": source_id,
            "token": token or PLACEHOLDER,
            "host": host,
            "url_host": f"[{host}]" if ":" in host else host,
            "http_port": settings.HTTP_INTAKE_PORT,
            "udp_port": settings.SYSLOG_UDP_PORT,
            "tcp_port": settings.SYSLOG_TCP_PORT,
        },
    )


def canary_commands(kind: str, marker: str) -> list[tuple[str, str, str]]:
    """(where, command, note) to emit the trace on a machine of this kind."""
    if kind == SourceKind.WINDOWS:
        return [
            (
                str(_("Command Prompt (cmd) mở bằng quyền quản trị")),
                f'eventcreate /ID 777 /L APPLICATION /T INFORMATION /SO DeKhang /D "{marker}"',
                str(_("Ghi một sự kiện vô hại vào nhật ký Application.")),
            )
        ]
    if kind == SourceKind.LINUX:
        return [
            (
                str(_("Cửa sổ lệnh trên máy Linux")),
                f"logger -t dekhang {marker}",
                str(_("Ghi một dòng vô hại vào syslog.")),
            )
        ]
    if kind == SourceKind.WEB:
        return [
            (
                str(_("Cửa sổ lệnh trên chính máy chủ web")),
                f"curl -s -o /dev/null http://localhost/{marker}",
                str(_("Gọi một trang không có thật; máy chủ trả lời 404 và ghi vào nhật ký truy cập.")),
            ),
            (
                str(_("Hoặc từ một máy khác, bằng trình duyệt hay lệnh (thay tên trang của đơn vị)")),
                f"curl -s -o /dev/null https://www.example.gov.vn/{marker}",
                str(_("Dùng khi trang không mở ở localhost.")),
            ),
        ]
    return []
