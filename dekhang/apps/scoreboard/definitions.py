"""What a figure means, in words: beside every number on screens, in exports and in reports."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.duties.selectors import kinds_of
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.scoreboard.figures import Figure
from dekhang.law import load
from dekhang.law.shapes import Duty

# what a duty's detail share counts: done ÷ whole, and what was never begun
COUNTED = {
    "awareness": (gettext_lazy("cán bộ đã đạt kiểm tra"), gettext_lazy("chưa làm bài lần nào")),
    "level": (gettext_lazy("hệ thống đủ quyết định cấp độ và đánh giá"), gettext_lazy("chưa có quyết định cấp độ")),
    "regulation": (gettext_lazy("việc định kỳ đúng hạn"), ""),
    "record_attacks": (gettext_lazy("nguồn log gửi đều"), gettext_lazy("chưa gửi lần nào")),
    "respond": (gettext_lazy("thời hạn được giữ trong 12 tháng"), ""),
    "four_layers": (gettext_lazy("lớp có bằng chứng riêng"), gettext_lazy("chưa nộp gì")),
    "budget": (gettext_lazy("triệu đồng kinh phí CNTT dành cho an toàn thông tin"), ""),
    "isp": (gettext_lazy("yêu cầu hỗ trợ được trả lời đúng hạn"), ""),
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One duty on one day: on whom it falls, what is declared, what proves, what contradicts, since when and by what law."""

    denominator: str
    declared: str
    proven: str
    refuted: str
    detail: str
    basis: tuple[str, ...]
    since: date
    target: str

    def in_one_line(self) -> str:
        parts = [
            _("Mẫu số: %s.") % self.denominator,
            _("Khai báo: %s") % (self.declared or _("không khai báo; hệ thống tự đếm.")),
            _("Chứng minh: %s") % self.proven,
        ]
        return " ".join(parts)


def definition_of(duty: Duty, day: date) -> Definition:
    names = [str(UnitKind(kind).label) for kind in UnitKind.values if kind in kinds_of(duty)]
    target = duty.target_on(day)
    counted = COUNTED.get(duty.key)
    return Definition(
        denominator=_("mọi %(kinds)s có hiệu lực trong ngày") % {"kinds": ", ".join(_lowered(name) for name in names)},
        declared=duty.declared,
        proven=duty.proven,
        refuted=duty.refuted,
        detail=str(counted[0]) if counted else "",
        basis=tuple(load().cite_in_force(duty.basis, day)),
        since=duty.valid_from,
        target=f"{target.minimum:g} % {target.of}" if target else "",
    )


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def measure_words(figure: Figure) -> str:
    """The detail share in words: “120 / 340 cán bộ đã đạt kiểm tra (35 chưa làm bài lần nào)”; "" where nothing is counted."""
    counted = COUNTED.get(figure.duty.key)
    if figure.measure is None or counted is None:
        return ""
    done, never = counted
    text = f"{_number(figure.measure.done)} / {_number(figure.measure.whole)} {done}"
    return f"{text} ({_number(figure.measure.never)} {never})" if figure.measure.never and never else text


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", ".")


def absence(figure: Figure) -> str:
    """Why there is nothing to count on the day; "" when there is."""
    if not figure.in_force:
        return _("Nghĩa vụ này có hiệu lực từ %(since)s; ngày %(day)s chưa có gì để đếm.") % {
            "since": f"{figure.duty.valid_from:%d/%m/%Y}",
            "day": f"{figure.day:%d/%m/%Y}",
        }
    if not figure.units:
        return _("Ngày %(day)s không có đơn vị nào thuộc diện này trong danh sách, nên không có tỷ lệ.") % {
            "day": f"{figure.day:%d/%m/%Y}"
        }
    return ""
