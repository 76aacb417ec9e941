"""The form of a document: what every text has, and what its kind has to say."""

from datetime import date
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.duties import documents
from dekhang.apps.duties.enums import DocumentKind
from dekhang.apps.duties.filing.kinds import KINDS, Fact
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import System
from dekhang.apps.registry.selectors import holders
from dekhang.law import load

EARLIEST = date(2000, 1, 1)


def _day(**options: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


class FilingForm(forms.Form):
    """For one kind of document of one unit."""

    title = TextField(label=_("Tên văn bản"), max_length=200)
    issue_number = TextField(label=_("Số, ký hiệu"), max_length=100, required=False)
    issued_on = _day(label=_("Ngày ghi trên văn bản"))
    file = forms.FileField(
        label=_("Tệp"), help_text=_("PDF, DOCX, ODT hoặc ảnh chụp rõ. Tuyệt đối không gửi văn bản có dấu mật.")
    )

    def __init__(self, kind: str, unit_id: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = KINDS[kind]
        if kind == DocumentKind.OTHER:
            choices = [(duty.key, duty.title) for duty in load().duties_on(clock.today())]
            self.fields["duty_keys"] = forms.MultipleChoiceField(
                label=_("Phục vụ nghĩa vụ nào?"), choices=choices, widget=forms.CheckboxSelectMultiple
            )
        for fact in self.kind.facts:
            self.fields[fact.key] = _field(fact, unit_id)
        self.order_fields(
            ["title", "issue_number", "issued_on", *(fact.key for fact in self.kind.facts), "duty_keys", "file"]
        )

    def clean_issued_on(self) -> date:
        day: date = self.cleaned_data["issued_on"]
        if day > clock.today():
            raise forms.ValidationError(_("Ngày trên văn bản chưa tới. Xem lại ngày ghi ở đầu văn bản."))
        if day < EARLIEST:
            raise forms.ValidationError(_("Văn bản cũ hơn năm 2000 không dùng làm minh chứng được. Xem lại ngày."))
        return day

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        try:
            documents.check_document(file)
        except documents.DocumentRefused as error:
            raise forms.ValidationError(str(error)) from None
        return file

    def facts(self) -> dict[str, Any]:
        """What the kind has to say, as JSON values; what was left empty is left out."""
        found = {}
        for fact in self.kind.facts:
            value = self.cleaned_data.get(fact.key)
            if value not in (None, ""):
                found[fact.key] = value.isoformat() if isinstance(value, date) else value
        return found


def _field(fact: Fact, unit_id: int) -> forms.Field:
    if fact.type == "date":
        return _day(label=fact.label, required=fact.required)
    if fact.type == "money":
        return forms.FloatField(label=fact.label, min_value=0, max_value=1e9, required=fact.required)
    if fact.type == "user":
        people = [(person.pk, str(person)) for person in holders(unit_id, PostKind.OFFICER)]
        return forms.TypedChoiceField(label=fact.label, choices=people, coerce=int, required=fact.required)
    if fact.type == "system":
        systems = System.objects.in_force(clock.today()).filter(unit_id=unit_id).order_by("name")
        return forms.TypedChoiceField(
            label=fact.label, choices=[(one.pk, one.name) for one in systems], coerce=int, required=fact.required
        )
    if fact.key == "year":
        this = clock.today().year
        years = [(str(year), str(year)) for year in range(this + 1, this - 4, -1)]
        return forms.ChoiceField(label=fact.label, choices=years, initial=str(this))
    if fact.key == "level":
        return forms.ChoiceField(label=fact.label, choices=[(str(n), str(n)) for n in range(1, 6)])
    return TextField(label=fact.label, max_length=200, required=fact.required)


class ReviewForm(forms.Form):
    note = TextField(
        label=_("Nhận xét, lý do"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
