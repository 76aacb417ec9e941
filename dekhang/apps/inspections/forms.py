"""Forms of inspections."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.core.models import User
from dekhang.apps.duties import documents
from dekhang.apps.inspections.enums import Result, Severity
from dekhang.apps.inspections.policies import INSPECTING
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import COUNTED_KINDS
from dekhang.law import load

AT_MOST = 200  # units of a block in one sample


def _day(**options: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


def _text(label: Any, *, rows: int = 3, required: bool = True, **options: Any) -> TextField:
    return TextField(label=label, max_length=4000, required=required, widget=forms.Textarea(attrs={"rows": rows}), **options)  # fmt: skip


class SampleForm(forms.Form):
    title = TextField(label=_("Đợt kiểm tra"), max_length=200, help_text=_("Ví dụ: Đợt kiểm tra quý I năm 2020."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in COUNTED_KINDS:
            for way, label in (("risk", _("theo rủi ro")), ("random", _("ngẫu nhiên"))):
                self.fields[f"{kind.value}_{way}"] = forms.IntegerField(
                    label=f"{UnitKind(kind).label}: {label}", min_value=0, max_value=AT_MOST, initial=0, required=False
                )

    def quotas(self) -> dict[str, tuple[int, int]]:
        """block → (by risk, at random)."""
        facts = self.cleaned_data
        return {
            str(kind.value): (facts.get(f"{kind.value}_risk") or 0, facts.get(f"{kind.value}_random") or 0)
            for kind in COUNTED_KINDS
        }


class VisitForm(forms.Form):
    unit = forms.TypedChoiceField(label=_("Đơn vị"), coerce=int)
    checklist = forms.ChoiceField(label=_("Danh mục kiểm tra"))
    day = _day(label=_("Ngày kiểm tra"))
    lead = forms.ModelChoiceField(label=_("Trưởng đoàn"), queryset=User.objects.none())
    members = forms.ModelMultipleChoiceField(
        label=_("Thành viên"), queryset=User.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    purpose = _text(_("Mục đích, phạm vi"), rows=2, required=False)
    announced = forms.BooleanField(label=_("Báo trước cho đơn vị"), required=False, initial=True)

    def __init__(self, *args: Any, units: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = [("", "–"), *units]
        self.fields["checklist"].choices = [(one.key, one.title) for one in load().checklists(clock.today())]
        people = User.objects.filter(role__in=INSPECTING, is_active=True).order_by("full_name", "pk")
        self.fields["lead"].queryset = people
        self.fields["members"].queryset = people


class ItemForm(forms.Form):
    result = forms.ChoiceField(label=_("Kết quả"), choices=Result.choices, widget=forms.RadioSelect)
    note = _text(_("Ghi chú"), rows=2, required=False)
    seen = _text(_("Minh chứng đã xem"), rows=2, required=False, help_text=_("Số văn bản, nơi xem, người đã hỏi. Không ghi nội dung mật."))  # fmt: skip


class FindingForm(forms.Form):
    item = forms.TypedChoiceField(label=_("Thuộc mục"), coerce=int, required=False, empty_value=None)
    severity = forms.ChoiceField(label=_("Mức độ"), choices=Severity.choices)
    text = _text(_("Phát hiện"))
    required = _text(_("Đơn vị phải làm gì"))
    due_on = _day(label=_("Hạn khắc phục"))
    contradicts = forms.BooleanField(
        label=_("Trái với điều đơn vị đã khai báo (được ghi làm bằng chứng)"), required=False
    )

    def __init__(self, *args: Any, items: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["item"].choices = [("", _("Không thuộc mục nào")), *items]


class NoteForm(forms.Form):
    """Whatever is said with one button: a conclusion, a reason, the unit's view, a verdict."""

    note = _text(_("Ghi"), required=False)


class FollowUpForm(forms.Form):
    text = _text(_("Đơn vị đã làm gì"))
    file = forms.FileField(
        label=_("Minh chứng"), required=False, help_text=_("PDF, DOCX, ODT hoặc ảnh. Không gửi văn bản có dấu mật.")
    )

    def clean_file(self) -> UploadedFile | None:
        file: UploadedFile | None = self.cleaned_data.get("file")
        if file is not None:
            try:
                documents.check_document(file)
            except documents.DocumentRefused as error:
                raise forms.ValidationError(str(error)) from None
        return file
