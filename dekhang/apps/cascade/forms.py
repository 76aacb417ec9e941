"""Forms of cascade. What they refuse is said beside the field; what only the database knows the services refuse."""

from datetime import date
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from dekhang.apps.cascade.enums import DeadlineKind, PartyRole, Period
from dekhang.apps.cascade.models import Assignment, Occurrence, PlanVersion, TaskVersion
from dekhang.apps.cascade.periods import words_of
from dekhang.apps.cascade.services.plans import Party
from dekhang.apps.cascade.services.sending import Recipients, below
from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.duties import documents
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.reorganise.forms import UnitsField, unit_choices
from dekhang.apps.registry.selectors import COUNTED_KINDS, counted_units
from dekhang.law import load

NO_SECRETS = _("Không ghi nội dung bí mật nhà nước.")
KIND_CHOICES = [(kind.value, UnitKind(kind).label) for kind in COUNTED_KINDS]


class DayField(forms.DateField):
    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


class BasisField(forms.MultipleChoiceField):
    """Instruments and their clauses that the law's data hold."""

    widget = forms.SelectMultiple(attrs={"size": 8})

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=citations, help_text=_("Giữ Ctrl để chọn nhiều căn cứ."), **options)


def citations() -> list[tuple[str, str]]:
    law = load()
    found = []
    for instrument in law.instruments:
        found.append((instrument.key, f"{instrument.name}: {instrument.title}"))
        for clause, about in instrument.clauses.items():
            found.append((f"{instrument.key}/{clause}", f"\u2003{law.cite(f'{instrument.key}/{clause}')}: {about}"))
    return found


class PlanForm(forms.Form):
    title = TextField(label=_("Tên kế hoạch"), max_length=300)
    decision = TextField(
        label=_("Quyết định phê duyệt"), max_length=200, required=False, help_text=_("Số, ngày của quyết định.")
    )
    day = DayField(label=_("Ngày của kế hoạch"), help_text=_("Không việc nào có hạn trước ngày này."))
    basis = BasisField(label=_("Căn cứ"), required=False)
    note = TextField(label=_("Ghi chú"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    changes = TextField(
        label=_("Bản này đổi điều gì so với bản trước"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, first: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if first:
            del self.fields["changes"]


class TaskForm(forms.Form):
    """One task. What does not belong to its kind of deadline is emptied, so that nothing contradicts."""

    title = TextField(label=_("Việc phải làm"), max_length=300)
    text = TextField(
        label=_("Cụ thể"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=NO_SECRETS,
    )
    lead_kinds = forms.MultipleChoiceField(
        label=_("Khối chủ trì"), choices=KIND_CHOICES, required=False, widget=forms.CheckboxSelectMultiple
    )
    lead_units = UnitsField(label=_("Đơn vị chủ trì"), required=False, help_text=_("Giữ Ctrl để chọn nhiều đơn vị."))
    coordinate_kinds = forms.MultipleChoiceField(
        label=_("Khối phối hợp"), choices=KIND_CHOICES, required=False, widget=forms.CheckboxSelectMultiple
    )
    coordinate_units = UnitsField(label=_("Đơn vị phối hợp"), required=False)
    deadline = forms.ChoiceField(
        label=_("Thời hạn"), choices=DeadlineKind.choices, widget=forms.RadioSelect, initial=DeadlineKind.ONCE
    )
    due_on = DayField(label=_("Hạn (việc làm một lần)"), required=False)
    period = forms.ChoiceField(label=_("Kỳ (việc định kỳ)"), choices=[("", "–"), *Period.choices], required=False)
    starts_on = DayField(
        label=_("Kỳ đầu tiên có ngày"),
        required=False,
        help_text=_("Kỳ theo lịch: tháng, quý, nửa năm, năm dương lịch."),
    )
    ends_on = DayField(label=_("Không mở kỳ mới sau ngày"), required=False)
    due_days = forms.IntegerField(
        label=_("Hạn mỗi kỳ: số ngày sau khi kỳ kết thúc"),
        required=False,
        min_value=-60,
        max_value=180,
        initial=0,
        help_text=_("Số âm là trước khi kỳ kết thúc, ví dụ −10."),
    )
    output = TextField(label=_("Sản phẩm"), max_length=300, required=False)
    duty_key = forms.ChoiceField(
        label=_("Chứng minh bằng nghĩa vụ trên Bảng điểm"),
        required=False,
        help_text=_("Hệ thống tự thấy; đơn vị không phải nộp gì thêm."),
    )
    own_proof = forms.BooleanField(
        label=_("Chứng minh bằng báo cáo được nơi giao kiểm tra"), required=False, help_text=_("Việc định kỳ luôn cần.")
    )
    basis = BasisField(label=_("Căn cứ"), required=False)
    basis_note = TextField(label=_("Căn cứ khác"), max_length=300, required=False)

    def __init__(self, version: PlanVersion, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.version = version
        self.fields["duty_key"].choices = [  # type: ignore[attr-defined]
            ("", _("Không dùng")),
            *((duty.key, duty.title) for duty in load().duties_on(clock.today())),
        ]

    @staticmethod
    def initial_of(task: TaskVersion) -> dict[str, Any]:
        facts: dict[str, Any] = {name: getattr(task, name) for name in TaskForm.base_fields if hasattr(task, name)}
        for role in PartyRole:
            parties = [party for party in task.parties.all() if party.role == role]
            facts[f"{role}_units"] = [party.unit_id for party in parties if party.unit_id]
            facts[f"{role}_kinds"] = [party.kind for party in parties if party.kind]
        return facts

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or {}
        kind = facts.get("deadline")
        if kind == DeadlineKind.ONCE:
            self._day_of_plan("due_on", _("Chọn ngày hạn, hoặc đổi thời hạn thành định kỳ hay thường xuyên."))
        if kind == DeadlineKind.RECURRING:
            self._day_of_plan("starts_on", _("Chọn ngày mà kỳ đầu tiên phải có."))
            if not facts.get("period"):
                self.add_error("period", _("Chọn kỳ: tháng, quý, sáu tháng hay năm."))
            starts, ends = facts.get("starts_on"), facts.get("ends_on")
            if starts and ends and ends < starts:
                self.add_error("ends_on", _("Ngày này đứng trước ngày của kỳ đầu tiên."))
        if not facts.get("lead_kinds") and not facts.get("lead_units"):
            self.add_error("lead_kinds", _("Chọn ít nhất một khối hoặc một đơn vị chủ trì."))
        if both := set(facts.get("lead_units") or ()) & set(facts.get("coordinate_units") or ()):
            names = ", ".join(name.strip() for unit, name in unit_choices() if unit in both)
            self.add_error("coordinate_units", _("%(units)s đã chủ trì, không phối hợp nữa.") % {"units": names})
        if kind != DeadlineKind.RECURRING and not facts.get("duty_key") and not facts.get("own_proof"):
            self.add_error(
                "duty_key", _("Chọn điều gì chứng minh việc này: nghĩa vụ, báo cáo được kiểm tra, hoặc cả hai.")
            )
        if not facts.get("basis") and not facts.get("basis_note"):
            self.add_error("basis", _("Chọn căn cứ, hoặc ghi ở ô “Căn cứ khác”."))
        return facts

    def _day_of_plan(self, name: str, missing: Any) -> None:
        if name in self.errors:
            return
        day: date | None = self.cleaned_data.get(name)
        if day is None:
            self.add_error(name, missing)
        elif day < self.version.day:
            self.add_error(
                name,
                _("Ngày này sớm hơn ngày của kế hoạch (%(day)s). Chọn ngày muộn hơn.")
                % {"day": f"{self.version.day:%d/%m/%Y}"},
            )

    def facts(self) -> dict[str, Any]:
        """What `services.save_task` takes, without the parties."""
        given = dict(self.cleaned_data)
        for role in PartyRole:
            del given[f"{role}_units"], given[f"{role}_kinds"]
        if given["deadline"] != DeadlineKind.ONCE:
            given["due_on"] = None
        if given["deadline"] != DeadlineKind.RECURRING:
            given |= {"period": "", "starts_on": None, "ends_on": None}
        given["due_days"] = given["due_days"] or 0
        return given

    def parties(self) -> list[Party]:
        found: list[Party] = []
        for role in PartyRole:
            found += [(role, None, kind) for kind in self.cleaned_data[f"{role}_kinds"]]
            found += [(role, unit_id, "") for unit_id in self.cleaned_data[f"{role}_units"]]
        return found


class SendForm(forms.Form):
    """Which tasks of a plan go to whom."""

    AS_PLANNED, CHOSEN = "ke-hoach", "chon"
    tasks = forms.MultipleChoiceField(label=_("Các việc"), widget=forms.CheckboxSelectMultiple)
    who = forms.ChoiceField(
        label=_("Giao cho ai"),
        widget=forms.RadioSelect,
        choices=[
            (AS_PLANNED, _("Đúng cơ quan chủ trì, phối hợp ghi trong từng việc")),
            (CHOSEN, _("Chọn khối, đơn vị ở dưới")),
        ],
        initial=AS_PLANNED,
    )
    kinds = forms.MultipleChoiceField(
        label=_("Khối"), choices=KIND_CHOICES, required=False, widget=forms.CheckboxSelectMultiple
    )
    units = UnitsField(label=_("Đơn vị"), required=False, help_text=_("Giữ Ctrl để chọn nhiều đơn vị."))
    under = forms.TypedChoiceField(label=_("Chỉ trong cây của"), required=False, coerce=int, empty_value=None)
    role = forms.ChoiceField(
        label=_("Vai của đơn vị được chọn"), choices=PartyRole.choices, initial=PartyRole.LEAD, required=False
    )
    note = TextField(label=_("Lời dặn"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, version: PlanVersion, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tasks = list(version.tasks.all())
        self.fields["tasks"].choices = [(str(task.pk), f"{task.order}. {task.title}") for task in tasks]  # type: ignore[attr-defined]
        self.fields["tasks"].initial = [str(task.pk) for task in tasks]
        districts = counted_units().filter(kind=UnitKind.DISTRICT).order_by("name")
        self.fields["under"].choices = [("", _("cả tỉnh")), *((one.unit_id, one.name) for one in districts)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or {}
        if facts.get("who") == self.CHOSEN and not (facts.get("kinds") or facts.get("units") or facts.get("under")):
            self.add_error("kinds", _("Chọn ít nhất một khối, một đơn vị, hoặc một cây."))
        return facts

    def recipients(self) -> Recipients:
        facts = self.cleaned_data
        if facts["who"] == self.AS_PLANNED:
            return Recipients()
        return Recipients(frozenset(facts["kinds"]), frozenset(facts["units"]), facts["under"])


class SendDownForm(forms.Form):
    """To units below, all or picked."""

    units = forms.TypedMultipleChoiceField(
        label=_("Đơn vị cấp dưới"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("Không chọn đơn vị nào là giao cho tất cả."),
    )  # fmt: skip
    due_on = DayField(label=_("Hạn riêng"), required=False, help_text=_("Để trống nếu cùng hạn với đơn vị mình."))
    note = TextField(label=_("Lời dặn"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, assignment: Assignment, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        under = counted_units().filter(unit_id__in=below(assignment.unit_id)).order_by("kind", "name")
        self.all = [(one.unit_id, one.name) for one in under]
        self.fields["units"].choices = self.all  # type: ignore[attr-defined]

    def recipients(self) -> Recipients:
        chosen = self.cleaned_data["units"] or [unit_id for unit_id, _name in self.all]
        return Recipients(unit_ids=frozenset(chosen))


class PeriodForm(forms.Form):
    """About one of these periods of a recurring task; of a task without periods it asks for none."""

    occurrence = forms.TypedChoiceField(label=_("Kỳ"), coerce=int)

    def __init__(self, occurrences: list[Occurrence], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.occurrences = occurrences
        if occurrences:
            self.fields["occurrence"].choices = [  # type: ignore[attr-defined]
                (one.pk, f"{words_of(one.starts_on, one.ends_on)} (hạn {one.due_on:%d/%m/%Y})") for one in occurrences
            ]
        else:
            del self.fields["occurrence"]

    @property
    def period(self) -> Occurrence | None:
        """The period that was chosen."""
        chosen = self.cleaned_data.get("occurrence")
        return next((one for one in self.occurrences if one.pk == chosen), None)


class ReportForm(PeriodForm):
    occurrence = forms.TypedChoiceField(label=_("Kỳ báo cáo"), coerce=int)
    text = TextField(
        label=_("Đã làm gì, kết quả ra sao?"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=NO_SECRETS,
    )
    file = forms.FileField(label=_("Tệp kèm theo"), required=False, help_text=_("PDF, DOCX, ODT hoặc ảnh."))

    def clean_file(self) -> UploadedFile | None:
        file = self.cleaned_data.get("file")
        if file is not None:
            try:
                documents.check_document(file)
            except documents.DocumentRefused as error:
                raise forms.ValidationError(str(error)) from None
        return file


class SubDutyForm(forms.Form):
    text = TextField(label=_("Phần việc"), max_length=300)
    person = TextField(label=_("Người làm"), max_length=200)
    due_on = DayField(label=_("Xong trước ngày"), required=False)


class ExtensionForm(PeriodForm):
    until = DayField(label=_("Xin tới ngày"))
    reason = TextField(
        label=_("Lý do"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2}), help_text=NO_SECRETS
    )


class TextForm(forms.Form):
    """A question, an explanation, an answer."""

    text = TextField(
        label=_("Nội dung"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text=NO_SECRETS
    )


class NoteForm(forms.Form):
    note = TextField(
        label=_("Ghi chú, lý do"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
