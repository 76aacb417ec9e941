"""Forms of incidents and procedures. What a person typed stays in the form when something is wrong."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang import law
from dekhang.apps.core.forms import TextField
from dekhang.apps.incidents.enums import IncidentKind
from dekhang.apps.incidents.facts import Answer, Letter
from dekhang.apps.registry.models import System, UnitVersion

MOMENT = "%Y-%m-%dT%H:%M"


class MomentField(forms.DateTimeField):
    """A moment in local time, with the browser's own picker; the value is aware."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT)
        super().__init__(widget=widget, input_formats=[MOMENT, "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M"], **kwargs)


class OpenForm(forms.Form):
    unit = forms.TypedChoiceField(label=_("Đơn vị"), coerce=int)
    kind = forms.ChoiceField(label=_("Loại sự cố"), choices=IncidentKind.choices)
    title = TextField(
        label=_("Tên ngắn của sự cố"), max_length=300, help_text=_("Ví dụ: Trang chủ bị thay đổi nội dung.")
    )
    description = TextField(
        label=_("Đã thấy gì?"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Thấy gì, ở máy nào, từ lúc nào. Không ghi mật khẩu, không ghi nội dung bí mật nhà nước."),
    )
    system = forms.ModelChoiceField(
        label=_("Hệ thống gặp sự cố"), queryset=System.objects.none(), required=False, empty_label=_("Chưa rõ")
    )
    detected_at = MomentField(
        label=_("Phát hiện lúc"), help_text=_("Thời hạn báo cáo tính từ lúc này, kể cả khi mở sự cố muộn hơn.")
    )

    def __init__(self, *args: Any, units: Sequence[UnitVersion], systems: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = [(version.unit_id, version.name) for version in units]
        self.fields["system"].queryset = systems
        if len(units) == 1:  # most people work for one unit: nothing to choose
            self.fields["unit"].widget = forms.HiddenInput()
            self.fields["unit"].initial = units[0].unit_id

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        system, unit = cleaned.get("system"), cleaned.get("unit")
        if system is not None and unit is not None and system.unit_id != unit:
            self.add_error("system", _("Hệ thống này không thuộc đơn vị đã chọn."))
        return cleaned


class FinishForm(forms.Form):
    """The current step: an answer where it asks, a note, a file where files are taken."""

    choice = forms.ChoiceField(label=_("Trả lời"), widget=forms.RadioSelect, required=False)
    note = TextField(
        label=_("Ghi chú"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Đã làm gì, kết quả ra sao. Phần này đi vào báo cáo."),
    )
    file = forms.FileField(label=_("Tệp kèm theo"), required=False, help_text=_("Ảnh chụp màn hình, log, văn bản."))

    def __init__(self, *args: Any, step: law.Step, takes_files: bool, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", "buoc")
        super().__init__(*args, **kwargs)
        if step.choices:
            self.fields["choice"].choices = [(choice.label, choice.label) for choice in step.choices]
            self.fields["choice"].required = True
            self.fields["choice"].error_messages["required"] = _("Hãy chọn một câu trả lời.")
        else:
            del self.fields["choice"]
        if not takes_files:
            del self.fields["file"]


class SkipForm(forms.Form):
    reason = TextField(
        label=_("Vì sao bỏ qua?"), max_length=500, help_text=_("Bắt buộc. Lý do đi vào báo cáo kết thúc.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", "bo-qua")
        super().__init__(*args, **kwargs)


class NoteForm(forms.Form):
    text = TextField(
        label=_("Ghi thêm một việc"),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Việc không có trong quy trình, cuộc gọi, quyết định …"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", "ghi-chu")
        super().__init__(*args, **kwargs)


class AttachForm(forms.Form):
    file = forms.FileField(label=_("Tệp"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", "tep")
        super().__init__(*args, **kwargs)


class CapacityForm(forms.Form):
    beyond = forms.TypedChoiceField(
        label=_("Đơn vị tự xử lý được không?"),
        choices=[("no", _("Trong khả năng của đơn vị")), ("yes", _("Có thể vượt khả năng, cần hỗ trợ"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        error_messages={"required": _("Hãy chọn một nhận định.")},
    )
    note = TextField(label=_("Vì sao"), required=False, max_length=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", "kha-nang")
        super().__init__(*args, **kwargs)


class CancelForm(forms.Form):
    reason = TextField(label=_("Lý do hủy"), max_length=500, help_text=_("Ví dụ: mở trùng với sự cố khác."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", "huy")
        super().__init__(*args, **kwargs)


class SentForm(forms.Form):
    """When and to whom something went out; used for documents and for what is told without one."""

    to = TextField(
        label=_("Đã gửi cho ai, bằng cách nào"),
        max_length=300,
        help_text=_("Ví dụ: VNCERT/CC, công văn số 12/BC-UBND."),
    )
    at = MomentField(label=_("Gửi lúc"), required=False, help_text=_("Để trống nếu vừa gửi."))


class SopDocumentForm(forms.Form):
    document = forms.FileField(label=_("Văn bản của đơn vị"), help_text=_("PDF, DOCX, ODT hoặc ảnh, đã ban hành."))


class ReportForm(forms.Form):
    """The fields of a statutory report, as the law's data name them, and what stands around them in the letter."""

    number = TextField(label=_("Số, ký hiệu văn bản"), required=False, max_length=100)
    place = TextField(label=_("Địa danh"), required=False, max_length=100)
    signer_title = TextField(label=_("Chức vụ người ký"), required=False, max_length=100)
    signer_name = TextField(label=_("Họ tên người ký"), required=False, max_length=100)
    LETTER = ("number", "place", "signer_title", "signer_name")

    def __init__(self, *args: Any, answers: Sequence[Answer], letter: Letter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.LETTER:
            self.fields[name].initial = getattr(letter, name)
        for answer in answers:
            self.fields[f"f_{answer.field.key}"] = _form_field(answer)

    def letter_values(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in self.LETTER}

    def answer_values(self) -> dict[str, Any]:
        return {name[2:]: value for name, value in self.cleaned_data.items() if name.startswith("f_")}

    def answer_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("f_")]

    def letter_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.LETTER]


def _form_field(answer: Answer) -> forms.Field:
    """A field for one answer. Nothing is required here: a report due at once may go out incomplete, and says so."""
    field = answer.field
    common: dict[str, Any] = {
        "label": field.label + (" *" if field.required else ""),
        "required": False,
        "initial": answer.value,
        "help_text": field.help,
    }
    if field.kind == "moment":
        return MomentField(**common)
    if field.kind == "choice":
        return forms.ChoiceField(choices=[("", _("Chưa chọn")), *((c, c) for c in field.choices)], **common)
    if field.kind == "choices":
        return forms.MultipleChoiceField(
            choices=[(c, c) for c in field.choices], widget=forms.CheckboxSelectMultiple, **common
        )
    if field.kind == "text":
        return TextField(max_length=10_000, widget=forms.Textarea(attrs={"rows": 4}), **common)
    return TextField(max_length=500, **common)
