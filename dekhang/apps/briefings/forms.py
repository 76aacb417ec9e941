"""Forms of briefings."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.forms import TextField
from dekhang.apps.duties import documents
from dekhang.apps.registry.enums import PostKind, UnitKind

MOMENT = "%Y-%m-%dT%H:%M"


class MomentField(forms.DateTimeField):
    """A moment in local time, with the browser's own picker; the value is aware."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT)
        super().__init__(widget=widget, input_formats=[MOMENT, "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M"], **kwargs)


class BriefingForm(forms.Form):
    host = forms.TypedChoiceField(label=_("Bên tổ chức"), coerce=lambda value: int(value) or None)
    title = TextField(label=_("Tên hội nghị"), max_length=300)
    starts_at = MomentField(label=_("Bắt đầu"))
    ends_at = MomentField(label=_("Kết thúc"))
    place = TextField(label=_("Địa điểm"), max_length=300, required=False)
    link = forms.URLField(
        label=_("Đường dẫn họp trực tuyến"), max_length=500, required=False, assume_scheme="https",
        help_text=_("Ghi địa điểm, đường dẫn, hoặc cả hai."),
    )  # fmt: skip
    plan_id = forms.TypedChoiceField(label=_("Triển khai kế hoạch"), coerce=int, empty_value=None, required=False)
    about = TextField(
        label=_("Nội dung, chương trình, cần chuẩn bị gì"), max_length=10_000, required=False,
        widget=forms.Textarea(attrs={"rows": 6}), help_text=_("Không ghi nội dung bí mật nhà nước."),
    )  # fmt: skip

    def __init__(
        self, *args: Any, hosts: Sequence[tuple[int, str]], plans: Sequence[tuple[int, str]], **kwargs: Any
    ) -> None:
        """`hosts`: (unit id, name), 0 is the province; `plans`: (plan, title of its version in force)."""
        super().__init__(*args, **kwargs)
        self.fields["plan_id"].choices = [("", _("Không gắn với kế hoạch nào")), *plans]
        if not plans:
            self.fields["plan_id"].widget = forms.HiddenInput()
        self.fields["host"].choices = hosts
        if len(hosts) == 1:
            self.fields["host"].widget = forms.HiddenInput()
            self.fields["host"].initial = hosts[0][0]

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or self.cleaned_data
        starts, ends = facts.get("starts_at"), facts.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", _("Giờ kết thúc phải sau giờ bắt đầu."))
        if not facts.get("place") and not facts.get("link") and "link" not in self.errors:
            self.add_error("place", _("Hãy ghi địa điểm, hoặc đường dẫn nếu họp trực tuyến."))
        return facts


class InviteForm(forms.Form):
    blocks = forms.MultipleChoiceField(required=False, label=_("Cả khối"))
    units = forms.TypedMultipleChoiceField(coerce=int, required=False, label=_("Đơn vị"))
    posts = forms.MultipleChoiceField(
        choices=PostKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Mời ai của đơn vị"),
        initial=[PostKind.HEAD, PostKind.OFFICER],
    )
    people = forms.TypedMultipleChoiceField(coerce=int, required=False, label=_("Mời đích danh"))

    def __init__(
        self, *args: Any, units: Sequence[tuple[int, str]], people: Sequence[tuple[int, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["blocks"].choices = UnitKind.choices
        self.fields["units"].choices = units
        self.fields["people"].choices = people

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or self.cleaned_data
        if not any(facts.get(name) for name in ("blocks", "units", "people")):
            raise forms.ValidationError(_("Chưa chọn đơn vị hay người nào."))
        return facts


class MaterialForm(forms.Form):
    title = TextField(label=_("Tên tài liệu"), max_length=200)
    file = forms.FileField(
        label=_("Tệp"), help_text=_("PDF, DOCX, ODT hoặc ảnh. Tuyệt đối không gửi văn bản có dấu mật.")
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        try:
            documents.check_document(file)
        except documents.DocumentRefused as error:
            raise forms.ValidationError(str(error)) from None
        return file


class QuestionForm(forms.Form):
    text = TextField(label=_("Câu hỏi"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))


class AnswerForm(forms.Form):
    answer = TextField(label=_("Trả lời"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    shared = forms.BooleanField(label=_("Cho mọi đơn vị được mời cùng xem (không nêu ai hỏi)"), required=False)


class PresentForm(forms.Form):
    """Somebody who came: by the organiser, or at the door by themselves."""

    invitation = forms.TypedChoiceField(label=_("Đơn vị"), coerce=int)
    name = TextField(label=_("Họ và tên"), max_length=200)
    title = TextField(label=_("Chức vụ"), max_length=200, required=False)

    def __init__(self, *args: Any, invited: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        """`invited`: (invitation id, name of the unit)."""
        super().__init__(*args, **kwargs)
        self.fields["invitation"].choices = [("", _("Chọn đơn vị")), *invited]


class SheetForm(forms.Form):
    file = forms.FileField(label=_("Tệp danh sách"), help_text=_("Tệp .xlsx tải từ trang này, đã đánh dấu x ở cột “Có mặt”."))  # fmt: skip
