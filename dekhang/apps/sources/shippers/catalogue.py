"""Programs and devices by kind of source, in the order in which an officer should think of them."""

from dataclasses import dataclass
from enum import Enum

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dekhang.apps.sources.enums import CANARY_KINDS, SourceKind
from dekhang.apps.sources.shippers.windowspc import KEY as WINDOWS_PC


class Tried(models.TextChoices):
    """How far our own tests went with a configuration; shown beside it."""

    RUN = "run", _("Đã chạy thử với chương trình thật.")
    REPLAYED = "replayed", _("Đã gửi thử đúng các yêu cầu của chương trình này; chưa chạy trên máy thật.")
    DOCUMENTED = "documented", _("Viết theo tài liệu của hãng, chưa chạy trên thiết bị thật. Có gì lệch, hãy báo lại.")


class Over(Enum):
    HTTP = "http"
    SYSLOG = "syslog"  # over TCP
    UDP = "udp"
    CHOICE = "choice"  # ports to choose from, or nothing is sent


@dataclass(frozen=True, slots=True)
class Shipper:
    key: str
    label: Promise
    when: Promise  # when to choose it
    filename: str  # of the configuration; "" when there is none to write
    steps: tuple[Promise, ...]
    check: Promise  # how to see that it works, and where to look when not
    tried: Tried
    template: str = ""  # of templates/sources/configs/; "" when it has the name of the key
    reads: tuple[str, ...] = ()  # log files that it reads
    commands: tuple[tuple[Promise, str], ...] = ()  # (what for, text to paste)
    only_by_file: bool = False  # a script: is downloaded and run, not copied into something
    guide: str = ""  # of docs/guides
    over: Over = Over.HTTP  # what its configuration sends over; whether that is encrypted is the installation's matter


AUTH_FILES = ("/var/log/auth.log", "/var/log/secure", "/var/log/syslog", "/var/log/messages")
WEB_FILES = ("/var/log/nginx/*access*.log", "/var/log/apache2/*access*.log", "/var/log/httpd/*access_log")
EVE_FILES = ("/var/log/suricata/eve.json",)

_SUDO_FILEBEAT = _("Thấy “Connection … established” trong: sudo journalctl -u filebeat -n 20")
_EDIT_PATHS = _("Đường dẫn tệp log khác thì sửa trong cấu hình; bỏ dòng không dùng.")


def _filebeat(key: str, reads: tuple[str, ...]) -> Shipper:
    return Shipper(
        key,
        _("Filebeat"),
        _("Nên dùng: nhớ chỗ đang đọc, gửi lại được khi mất mạng, có xác nhận từng gói."),
        "filebeat.yml",
        (
            _("Cài Filebeat bản 7.17 hoặc 8 từ gói .deb hoặc .rpm."),
            _("Chép cấu hình dưới đây đè lên /etc/filebeat/filebeat.yml."),
            _EDIT_PATHS,
            _("Chạy: sudo systemctl enable --now filebeat"),
        ),
        _SUDO_FILEBEAT,
        Tried.REPLAYED,
        template="filebeat",
        reads=reads,
    )


def _fluent_bit(reads: tuple[str, ...]) -> Shipper:
    return Shipper(
        "fluent-bit",
        _("Fluent Bit"),
        _("Nhẹ, hợp với máy yếu và thiết bị cảm biến nhỏ."),
        "fluent-bit.conf",
        (
            _("Cài Fluent Bit bản 2 trở lên từ gói của hãng."),
            _("Chép cấu hình dưới đây đè lên /etc/fluent-bit/fluent-bit.conf."),
            _EDIT_PATHS,
            _("Chạy: sudo mkdir -p /var/lib/fluent-bit && sudo systemctl enable --now fluent-bit"),
        ),
        _("Có lỗi gửi thì thấy trong: sudo journalctl -u fluent-bit -n 20"),
        Tried.REPLAYED,
        reads=reads,
    )


def _vector(reads: tuple[str, ...]) -> Shipper:
    return Shipper(
        "vector",
        _("Vector"),
        _("Khi đơn vị đã dùng Vector, hoặc cần gom nhiều nguồn trên một máy."),
        "vector.yaml",
        (
            _("Cài Vector bản 0.30 trở lên."),
            _("Chép cấu hình dưới đây đè lên /etc/vector/vector.yaml."),
            _EDIT_PATHS,
            _("Kiểm tra rồi chạy: sudo vector validate /etc/vector/vector.yaml && sudo systemctl enable --now vector"),
        ),
        _("Số bản ghi đã gửi: vector top. Lỗi: sudo journalctl -u vector -n 20"),
        Tried.REPLAYED,
        reads=reads,
    )


def _otel(reads: tuple[str, ...]) -> Shipper:
    return Shipper(
        "otelcol",
        _("OpenTelemetry Collector"),
        _("Khi đơn vị đã dùng bộ thu OpenTelemetry (bản contrib)."),
        "dekhang-otelcol.yaml",
        (
            _("Cần otelcol-contrib bản 0.100 trở lên: bản này có bộ đọc tệp và bộ nhớ vị trí trên đĩa."),
            _("Chép cấu hình dưới đây đè lên /etc/otelcol-contrib/config.yaml."),
            _EDIT_PATHS,
            _("Chạy: sudo mkdir -p /var/lib/otelcol && sudo systemctl restart otelcol-contrib"),
        ),
        _("Có lỗi gửi thì thấy trong: sudo journalctl -u otelcol-contrib -n 20"),
        Tried.REPLAYED,
        reads=reads,
    )


_RSYSLOG = Shipper(
    "rsyslog",
    _("rsyslog"),
    _("Có sẵn trên Debian, Ubuntu, CentOS và hầu hết máy Linux."),
    "60-dekhang.conf",
    (
        _("Chép cấu hình dưới đây vào tệp /etc/rsyslog.d/60-dekhang.conf."),
        _("Kiểm tra cấu hình: sudo rsyslogd -N1"),
        _("Chạy: sudo systemctl restart rsyslog"),
    ),
    _("Gửi thử một dòng: logger -t thu-dekhang xin-chao. Lỗi: sudo journalctl -u rsyslog -n 20"),
    Tried.RUN,
    over=Over.SYSLOG,
)
_RSYSLOG_HTTP = Shipper(
    "rsyslog-http",
    _("rsyslog qua HTTP"),
    _("Khi cần máy nhận xác nhận từng gói: không mất dòng nào lúc mất mạng."),
    "60-dekhang.conf",
    (
        _("Cài thêm mô đun: sudo apt install rsyslog-elasticsearch (hoặc: sudo yum install rsyslog-elasticsearch)."),
        _("Chép cấu hình dưới đây vào tệp /etc/rsyslog.d/60-dekhang.conf."),
        _("Kiểm tra cấu hình: sudo rsyslogd -N1"),
        _("Chạy: sudo systemctl restart rsyslog"),
    ),
    _("Gửi thử một dòng: logger -t thu-dekhang xin-chao. Bản ghi bị từ chối nằm ở /var/spool/rsyslog/dekhang-loi.json"),
    Tried.RUN,
)
_SYSLOG_NG = Shipper(
    "syslog-ng",
    _("syslog-ng"),
    _("Khi máy dùng syslog-ng thay cho rsyslog."),
    "dekhang.conf",
    (
        _("Chép cấu hình dưới đây vào /etc/syslog-ng/conf.d/dekhang.conf."),
        _("Nếu nguồn trong máy không tên là s_src, sửa dòng source cho đúng."),
        _("Kiểm tra rồi chạy: sudo syslog-ng --syntax-only && sudo systemctl restart syslog-ng"),
    ),
    _("Gửi thử một dòng: logger -t thu-dekhang xin-chao. Số dòng đã gửi: sudo syslog-ng-ctl stats"),
    Tried.RUN,
    over=Over.SYSLOG,
)
_SPLUNK = Shipper(
    "splunk-hec",
    _("Phần mềm gửi theo Splunk HEC"),
    _("Docker, Vector, Cribl và mọi thứ có ô “HTTP Event Collector”."),
    "thong-so-splunk-hec.txt",
    (
        _("Ở chỗ khai Splunk HTTP Event Collector, nhập địa chỉ và mã dưới đây."),
        _("Với Docker: chép đoạn JSON vào /etc/docker/daemon.json rồi khởi động lại docker và các container."),
    ),
    _("Chạy lệnh curl ở cuối tệp: thấy “Success” là địa chỉ và mã đều đúng."),
    Tried.REPLAYED,
)

_PC = 'powershell -ExecutionPolicy Bypass -File "$env:USERPROFILE\\Downloads\\dekhang-may-tram.ps1"'
_PC_INSTALLED = 'powershell -ExecutionPolicy Bypass -File "$env:ProgramFiles\\DeKhang\\dekhang-may-tram.ps1"'

SHIPPERS: dict[str, tuple[Shipper, ...]] = {
    SourceKind.WINDOWS: (
        Shipper(
            WINDOWS_PC,
            _("Một máy tính Windows, không cài thêm gì"),
            _("Nên dùng cho máy trạm của xã, phường: một tệp, một lệnh, mười phút."),
            "dekhang-may-tram.ps1",
            (
                _("Tải tệp dekhang-may-tram.ps1 về máy cần theo dõi. Tệp có mã: không gửi cho ai, cài xong thì xóa."),
                _("Bấm nút Start, gõ powershell, bấm chuột phải vào Windows PowerShell, chọn Run as administrator."),
                _("Chép lệnh cài dưới đây, dán vào cửa sổ ấy rồi bấm Enter."),
                _(
                    "Đọc những gì sẽ làm, gõ C để đồng ý. Từ đó máy tự gửi mỗi phút một lần, kể cả sau khi khởi động lại."
                ),
            ),
            _("Lệnh kiểm tra tự xem đường truyền, mã, từng nhật ký và nói chỗ nào chưa được."),
            Tried.REPLAYED,
            commands=(
                (_("Cài"), _PC),
                (_("Kiểm tra, sau khi cài"), f"{_PC_INSTALLED} -Test"),
                (_("Gỡ"), f"{_PC_INSTALLED} -Uninstall"),
            ),
            only_by_file=True,
            guide="connect-one-pc",
        ),
        Shipper(
            "winlogbeat",
            _("Winlogbeat"),
            _("Nên dùng cho máy chủ: gửi lại được khi mất mạng, có xác nhận từng gói."),
            "winlogbeat.yml",
            (
                _("Tải Winlogbeat bản 7.17 hoặc 8 dạng .zip, giải nén vào C:\\Program Files\\Winlogbeat."),
                _("Chép cấu hình dưới đây đè lên tệp winlogbeat.yml trong thư mục đó."),
                _("Mở PowerShell bằng quyền quản trị, vào thư mục đó, chạy: .\\install-service-winlogbeat.ps1"),
                _("Chạy tiếp: Start-Service winlogbeat"),
            ),
            _(
                "Kiểm tra đường truyền và mã: .\\winlogbeat.exe test output. Lỗi nằm ở C:\\ProgramData\\winlogbeat\\logs"
            ),
            Tried.REPLAYED,
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
            _("Có lỗi thì thấy ở C:\\Program Files\\nxlog\\data\\nxlog.log"),
            Tried.REPLAYED,
            over=Over.SYSLOG,
        ),
        Shipper(
            "fluent-bit-windows",
            _("Fluent Bit"),
            _("Khi đơn vị dùng Fluent Bit cho cả máy Windows."),
            "fluent-bit.conf",
            (
                _("Cài Fluent Bit bản 3 trở lên cho Windows."),
                _("Chép cấu hình dưới đây đè lên C:\\Program Files\\fluent-bit\\conf\\fluent-bit.conf."),
                _("Mở PowerShell bằng quyền quản trị, chạy: Restart-Service fluent-bit"),
            ),
            _("Chạy tay để xem lỗi: fluent-bit.exe -c fluent-bit.conf -v"),
            Tried.DOCUMENTED,
        ),
        Shipper(
            "otelcol-windows",
            _("OpenTelemetry Collector"),
            _("Khi đơn vị đã dùng bộ thu OpenTelemetry (bản contrib)."),
            "dekhang-otelcol.yaml",
            (
                _("Cần otelcol-contrib bản 0.100 trở lên cho Windows."),
                _("Chép cấu hình dưới đây đè lên config.yaml trong thư mục cài đặt."),
                _("Mở PowerShell bằng quyền quản trị, chạy: Restart-Service otelcol-contrib"),
            ),
            _("Có lỗi thì thấy trong Event Viewer, nhật ký Application, nguồn otelcol-contrib."),
            Tried.REPLAYED,
        ),
        Shipper(
            "evtx",
            _("Tải tệp EVTX bằng tay"),
            _("Khi máy không nối mạng: xuất từ Event Viewer rồi tải lên. Không thay được việc gửi liên tục."),
            "",
            (
                _("Mở Event Viewer, chọn nhật ký Security (và Sysmon nếu có), bấm Save All Events As…, chọn .evtx."),
                _("Bấm nút dưới đây, kéo tệp vào rồi bấm Tải lên."),
            ),
            _("Bảng tệp đã tải nói đã lưu, trùng lặp, không đọc được bao nhiêu bản ghi."),
            Tried.RUN,
            over=Over.CHOICE,
        ),
    ),
    SourceKind.LINUX: (
        _RSYSLOG,
        _RSYSLOG_HTTP,
        _SYSLOG_NG,
        _filebeat("filebeat-linux", AUTH_FILES),
        _fluent_bit(AUTH_FILES),
        _vector(AUTH_FILES),
        _otel(AUTH_FILES),
        _SPLUNK,
    ),
    SourceKind.WEB: (
        _filebeat("filebeat-web", WEB_FILES),
        Shipper(
            "rsyslog-web",
            _("rsyslog (imfile)"),
            _("Khi không muốn cài thêm chương trình."),
            "61-dekhang-web.conf",
            (
                _("Chép cấu hình dưới đây vào /etc/rsyslog.d/61-dekhang-web.conf."),
                _EDIT_PATHS,
                _("Kiểm tra cấu hình: sudo rsyslogd -N1"),
                _("Chạy: sudo systemctl restart rsyslog"),
            ),
            _("Mở trang web của đơn vị một lần. Lỗi: sudo journalctl -u rsyslog -n 20"),
            Tried.RUN,
            template="rsyslog-files",
            reads=WEB_FILES,
            over=Over.SYSLOG,
        ),
        _fluent_bit(WEB_FILES),
        _vector(WEB_FILES),
        _otel(WEB_FILES),
    ),
    SourceKind.SURICATA: (
        _filebeat("filebeat-suricata", EVE_FILES),
        Shipper(
            "rsyslog-suricata",
            _("rsyslog (đọc tệp eve.json)"),
            _("Khi không muốn cài thêm chương trình."),
            "61-dekhang-suricata.conf",
            (
                _("Trong suricata.yaml, eve-log có enabled: yes và filetype: regular (mặc định)."),
                _("Chép cấu hình dưới đây vào /etc/rsyslog.d/61-dekhang-suricata.conf."),
                _EDIT_PATHS,
                _("Kiểm tra rồi chạy: sudo rsyslogd -N1 && sudo systemctl restart rsyslog"),
            ),
            _("eve.json có dòng mới là thấy sự kiện. Lỗi: sudo journalctl -u rsyslog -n 20"),
            Tried.RUN,
            template="rsyslog-files",
            reads=EVE_FILES,
            over=Over.SYSLOG,
        ),
        Shipper(
            "suricata-syslog",
            _("Suricata ghi thẳng vào syslog"),
            _("Khi cảm biến không có chỗ ghi tệp eve.json. Bản ghi dài hơn 8 KB có thể bị cắt."),
            "62-dekhang-suricata.conf",
            (
                _("Thêm đoạn trong phần ghi chú đầu tệp vào mục outputs của /etc/suricata/suricata.yaml."),
                _("Chép cả tệp dưới đây vào /etc/rsyslog.d/62-dekhang-suricata.conf."),
                _("Chạy: sudo rsyslogd -N1 && sudo systemctl restart rsyslog suricata"),
            ),
            _("Lỗi: sudo journalctl -u suricata -u rsyslog -n 20"),
            Tried.RUN,
            over=Over.SYSLOG,
        ),
        _fluent_bit(EVE_FILES),
        _vector(EVE_FILES),
        _otel(EVE_FILES),
    ),
    SourceKind.SYSLOG: (
        Shipper(
            "device",
            _("Thiết bị bất kỳ có ô Syslog"),
            _("Nhận ra theo địa chỉ IP đã khai ở nguồn này."),
            "thong-so-syslog.txt",
            (
                _("Mở phần Syslog (hoặc Remote logging) trên trang quản trị thiết bị và nhập các thông số dưới đây."),
                _("Kiểm tra địa chỉ IP gửi đi của thiết bị đã được khai ở nguồn này; chưa có thì bấm Sửa nguồn."),
            ),
            _("Đăng nhập sai rồi đúng vào trang quản trị thiết bị một lần: phải thấy sự kiện trong một phút."),
            Tried.REPLAYED,
            guide="connect-firewall",
            over=Over.CHOICE,
        ),
        Shipper(
            "fortigate",
            _("Tường lửa FortiGate"),
            _("FortiOS 6.2 trở lên, qua dòng lệnh (CLI)."),
            "fortigate-cli.txt",
            (
                _("Khai địa chỉ IP gửi đi của tường lửa ở nguồn này (nút Sửa nguồn)."),
                _("Mở CLI Console trên trang quản trị FortiGate, dán các lệnh dưới đây."),
                _("Nếu syslogd đã có máy nhận khác, thay mọi chữ syslogd bằng syslogd2."),
            ),
            _("Trên FortiGate chạy: diagnose log test. Nó gửi vài dòng mẫu; trang này phải thấy trong một phút."),
            Tried.DOCUMENTED,
            guide="connect-firewall",
            over=Over.SYSLOG,
        ),
        Shipper(
            "mikrotik",
            _("Bộ định tuyến MikroTik"),
            _("RouterOS 6 và 7, qua Terminal."),
            "mikrotik.rsc",
            (
                _("Khai địa chỉ IP gửi đi của bộ định tuyến ở nguồn này (nút Sửa nguồn)."),
                _("Mở WinBox hoặc WebFig, chọn New Terminal, dán các lệnh dưới đây."),
            ),
            _('Trong Terminal chạy: /log info "thu de khang". Trang này phải thấy trong một phút.'),
            Tried.DOCUMENTED,
            guide="connect-firewall",
            over=Over.UDP,
        ),
        Shipper(
            "cisco",
            _("Cisco IOS, IOS XE, ASA"),
            _("Bộ chuyển mạch, bộ định tuyến, tường lửa Cisco."),
            "cisco-cli.txt",
            (
                _("Khai địa chỉ IP gửi đi của thiết bị ở nguồn này (nút Sửa nguồn)."),
                _("Vào chế độ cấu hình (configure terminal), dán phần lệnh đúng loại thiết bị."),
                _("Lưu: copy running-config startup-config"),
            ),
            _("Chạy: show logging. Dòng “Logging to …” phải có số thông điệp đã gửi tăng lên."),
            Tried.DOCUMENTED,
            guide="connect-firewall",
            over=Over.UDP,
        ),
        _RSYSLOG,
        _SYSLOG_NG,
        _SPLUNK,
    ),
}


_CARDS: dict[str, tuple[str, Promise]] = {
    SourceKind.WINDOWS: ("monitor", _("Máy trạm và máy chủ Windows: một tệp PowerShell, Winlogbeat, NXLog, tệp EVTX.")),
    SourceKind.LINUX: ("terminal", _("Đăng nhập, sudo, dịch vụ trên máy Linux: rsyslog, syslog-ng, Filebeat, Vector.")),
    SourceKind.WEB: ("globe", _("Nhật ký truy cập Apache, nginx của trang thông tin, dịch vụ công.")),
    SourceKind.SURICATA: ("radar", _("Cảm biến mạng Suricata: tệp eve.json hoặc syslog.")),
    SourceKind.SYSLOG: ("router", _("FortiGate, MikroTik, Cisco, thiết bị khác và mọi thứ gửi được syslog.")),
}


def kind_cards() -> list[tuple[SourceKind, str, Promise, bool]]:
    """(kind, icon, what it covers, can be tested with a canary) for the first step of connecting."""
    return [(SourceKind(kind), icon, text, kind in CANARY_KINDS) for kind, (icon, text) in _CARDS.items()]


def shipper_of(kind: str, key: str) -> Shipper | None:
    return next((shipper for shipper in SHIPPERS[kind] if shipper.key == key), None)
