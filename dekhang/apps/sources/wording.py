"""Sentences about sources that more than one place says."""

from datetime import datetime, timedelta

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.sources.enums import SilenceCause


def duration(span: timedelta | float) -> str:
    """A length of time in its largest fitting unit: “15 phút”, “3 giờ”, “2 ngày”."""
    seconds = int(span.total_seconds() if isinstance(span, timedelta) else span)
    for size, text in ((86400, _("%(n)d ngày")), (3600, _("%(n)d giờ")), (60, _("%(n)d phút"))):
        if seconds >= size:
            return text % {"n": seconds // size}
    return _("%(n)d giây") % {"n": max(0, seconds)}


_WHY: dict[str, Promise] = {
    SilenceCause.SHUTDOWN: gettext_lazy("Bản ghi cuối cho thấy máy đang tắt."),
    SilenceCause.TOKEN: gettext_lazy("Máy này vẫn gọi tới nhưng với mã kết nối sai."),
    SilenceCause.DISK: gettext_lazy("Hệ thống hết chỗ chứa nên chưa nhận; lỗi này không tính cho đơn vị."),
    SilenceCause.LINK: gettext_lazy("Mọi nguồn khác của đơn vị cũng ngừng cùng lúc: nhiều khả năng mất đường truyền."),
    SilenceCause.SHIPPER: gettext_lazy(
        "Nguồn khác của cùng máy vẫn gửi: nhiều khả năng chương trình gửi log đã ngừng."
    ),
    SilenceCause.UNKNOWN: gettext_lazy("Chưa rõ vì sao: máy tắt, mất mạng hoặc chương trình gửi log ngừng."),
}
_TO_DO: dict[str, tuple[Promise, ...]] = {
    SilenceCause.SHUTDOWN: (
        gettext_lazy(
            "Bật lại máy. Nếu máy tắt theo kế hoạch thì không cần làm gì thêm: hệ thống tự ghi nhận khi máy gửi lại."
        ),
        gettext_lazy("Nếu không ai tắt máy, coi đây là dấu hiệu bất thường và kiểm tra máy ngay."),
    ),
    SilenceCause.TOKEN: (
        gettext_lazy("Mở cấu hình chương trình gửi log trên máy và so bốn ký tự cuối của mã với mã ở trang nguồn."),
        gettext_lazy("Không khớp thì bấm “Cấp mã mới” ở trang nguồn và thay mã trong cấu hình."),
    ),
    SilenceCause.DISK: (
        gettext_lazy("Đơn vị không phải làm gì: máy gửi giữ log lại và gửi tiếp khi hệ thống có chỗ."),
        gettext_lazy("Quản trị hệ thống giải phóng ổ đĩa; chạy dekhang doctor để xem ổ nào đầy."),
    ),
    SilenceCause.LINK: (
        gettext_lazy("Kiểm tra đường mạng của đơn vị: mở một trang của tỉnh từ máy bất kỳ."),
        gettext_lazy("Gọi nhà mạng nếu mất kết nối. Máy gửi giữ log lại và gửi tiếp khi có mạng."),
    ),
    SilenceCause.SHIPPER: (
        gettext_lazy(
            "Trên máy, xem dịch vụ gửi log (Winlogbeat, NXLog, rsyslog, Filebeat…) còn chạy không và khởi động lại."
        ),
        gettext_lazy("Đặt dịch vụ tự chạy khi máy khởi động."),
    ),
    SilenceCause.UNKNOWN: (
        gettext_lazy("Xem máy có bật và có mạng không."),
        gettext_lazy("Xem dịch vụ gửi log có chạy không; khởi động lại nếu đã dừng."),
        gettext_lazy("Nếu máy không còn dùng, bấm “Ngừng dùng nguồn này” ở trang nguồn."),
    ),
}


def silence_reason(last: datetime, cause: str) -> str:
    return _("Không nhận được log từ %(time)s, lâu hơn mức bình thường của nguồn này. %(why)s") % {
        "time": format_date(timezone.localtime(last), "H:i d/m/Y"),
        "why": _WHY[cause],
    }


def silence_why(cause: str) -> Promise:
    return _WHY[cause]


def silence_steps(cause: str) -> tuple[Promise, ...]:
    """What to do about it, in order."""
    return _TO_DO[cause]


def loss_reason(refused: int, received: int, limit_percent: float) -> str:
    share = refused * 100 / received
    return _("Trong 24 giờ qua mất %(refused)s trên %(received)s bản ghi (%(share)s %%, giới hạn %(limit)s %%).") % {
        "refused": number(refused),
        "received": number(received),
        "share": f"{share:.1f}".replace(".", ","),
        "limit": f"{limit_percent:g}".replace(".", ","),
    }


def number(value: int) -> str:
    """12345 → 12.345, as numbers are written in Vietnamese."""
    return f"{value:,}".replace(",", ".")
