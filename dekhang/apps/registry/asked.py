"""The date that a page is asked about: `?ngay=YYYY-MM-DD`."""

from datetime import date

from django.utils.translation import gettext as _

from dekhang.apps.core import clock

PARAMETER = "ngay"
EARLIEST = date(2000, 1, 1)  # nothing here is older; and the calendar of computers ends at year 1


def asked_day(text: str | None) -> tuple[date, str]:
    """The day asked about and, when it could not be used, a sentence that says why today is shown instead."""
    today = clock.today()
    if not text:
        return today, ""
    try:
        day = date.fromisoformat(text.strip()[:10])
    except ValueError:
        return today, _("Ngày “%(text)s” chưa đúng dạng năm-tháng-ngày (ví dụ 2019-12-10). Đang xem hôm nay.") % {
            "text": text[:20]
        }
    if day > today:
        return today, _("Ngày %(day)s chưa tới. Đang xem hôm nay.") % {"day": f"{day:%d/%m/%Y}"}
    if day < EARLIEST:
        return today, _("Không có số liệu nào trước năm %(year)d. Đang xem hôm nay.") % {"year": EARLIEST.year}
    return day, ""
