"""What each kind of report is about: its subject, whose signature it carries, which words people may add, who may see it."""

from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from dekhang.apps.reports.enums import ReportKind

Subject = Literal["unit", "province"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of report.

    Args:
        subjects: of a unit, of the province, or either.
        sign: the kind of paper in its number (BC báo cáo, GXN giấy xác nhận …); Law: ND30-2020/PL1
        confirmed: somebody must confirm it before it goes out: the unit's head, or the coordinator for the province.
        texts: keys of TEXTS that people may write.
        about: one sentence for the page where it is made.
    """

    key: ReportKind
    subjects: tuple[Subject, ...]
    sign: str
    confirmed: bool
    texts: tuple[str, ...]
    about: Any


TEXTS: dict[str, Any] = {
    "done": _("Việc đã làm trong kỳ"),
    "difficulties": _("Khó khăn, vướng mắc"),
    "plan": _("Việc sẽ làm trong kỳ tới"),
    "proposals": _("Kiến nghị, đề xuất"),
}
ALL_TEXTS = tuple(TEXTS)

KINDS: dict[str, Kind] = {
    kind.key.value: kind
    for kind in (
        Kind(
            ReportKind.HALF_YEAR,
            ("unit",),
            "BC",
            True,
            ALL_TEXTS,
            _("Kết quả 6 tháng của đơn vị, gửi cơ quan điều phối."),
        ),
        Kind(ReportKind.YEAR, ("unit",), "BC", True, ALL_TEXTS, _("Kết quả cả năm của đơn vị, gửi cơ quan điều phối.")),
        Kind(
            ReportKind.THEMATIC,
            ("unit", "province"),
            "BC",
            True,
            ALL_TEXTS,
            _("Riêng về an toàn, an ninh mạng: từng nghĩa vụ, chỗ còn yếu và nguyên nhân."),
        ),
        Kind(
            ReportKind.LEVEL,
            ("unit", "province"),
            "BC",
            True,
            ("difficulties", "proposals"),
            _("Từng hệ thống thông tin: cấp độ, phê duyệt, kiểm tra đánh giá (các mục của Mẫu 08)."),
        ),
        Kind(ReportKind.TO_UBND, ("province",), "BC", True, ALL_TEXTS, _("Toàn tỉnh, gửi UBND tỉnh.")),
        Kind(ReportKind.TO_MINISTRY, ("province",), "BC", True, ALL_TEXTS, _("Toàn tỉnh, gửi Bộ quản lý.")),
        Kind(
            ReportKind.BULLETIN,
            ("province",),
            "BT",
            False,
            (),
            _("Tuần qua: hai tỷ lệ của từng nghĩa vụ, đơn vị nào vừa chứng minh được, đơn vị nào vừa mất."),
        ),
        Kind(
            ReportKind.CERTIFICATE,
            ("unit",),
            "GXN",
            False,
            (),
            _("Một trang: những gì đơn vị đã chứng minh vào ngày đó, kèm mã để ai cũng kiểm tra được."),
        ),
        Kind(
            ReportKind.SIGN_OFF,
            ("unit",),
            "PXN",
            True,
            (),
            _("Số liệu đơn vị đã khai và trạng thái của từng nghĩa vụ, để thủ trưởng xem và ký."),
        ),
    )
}


def kinds_for(subject: Subject) -> list[Kind]:
    return [kind for kind in KINDS.values() if subject in kind.subjects]
