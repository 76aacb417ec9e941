"""One form for each kind of reorganisation; each gives a `Plan`."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.forms import TextField
from dekhang.apps.registry.enums import ReorganisationKind, UnitKind
from dekhang.apps.registry.models import System, UnitVersion
from dekhang.apps.registry.reorganise.plans import Outcome, Plan
from dekhang.apps.registry.selectors import tree

PARTS = 6  # units that one can be divided into on the page


def unit_choices() -> list[tuple[int, str]]:
    """Units in force today, as a tree."""
    return [(row.version.unit_id, "\u2003" * row.depth + row.version.name) for row in tree()]


class UnitField(forms.TypedChoiceField):
    """One unit in force today."""

    def __init__(self, **options: Any) -> None:
        required = options.get("required", True)
        super().__init__(coerce=int, empty_value=None, choices=lambda: [("", "" if required else "–"), *unit_choices()], **options)  # fmt: skip


class UnitsField(forms.TypedMultipleChoiceField):
    widget = forms.SelectMultiple(attrs={"size": 12})

    def __init__(self, **options: Any) -> None:
        super().__init__(coerce=int, choices=unit_choices, **options)


class PlanForm(forms.Form):
    """What every reorganisation has. `plan` may be asked once the form is valid."""

    kind: ReorganisationKind
    date = forms.DateField(
        label=_("Có hiệu lực từ ngày"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    basis = TextField(
        label=_("Căn cứ"),
        max_length=300,
        help_text=_("Số và ngày của nghị quyết hoặc quyết định, ví dụ: NQ 865/NQ-UBTVQH14."),
    )
    note = TextField(label=_("Ghi chú"), max_length=500, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        last = ("date", "basis", "note")  # first what changes, then when and why
        self.order_fields([name for name in self.fields if name not in last] + list(last))

    def plan(self) -> Plan:
        facts = self.cleaned_data
        outcomes, ends = self.change(facts)
        return Plan(
            date=facts["date"],
            kind=self.kind,
            basis=facts["basis"],
            note=facts["note"],
            outcomes=tuple(outcomes),
            ends=tuple(ends),
            systems_to=self.systems_to(),
        )

    def change(self, facts: dict[str, Any]) -> tuple[list[Outcome], list[int]]:
        raise NotImplementedError

    def systems_to(self) -> dict[int, int]:
        """Systems given away by hand: none, unless the kind of change divides something."""
        return {}

    def version(self, unit_id: int) -> UnitVersion:
        return UnitVersion.objects.in_force(self.cleaned_data["date"]).filter(unit_id=unit_id).first() or (
            UnitVersion.objects.filter(unit_id=unit_id).order_by("-valid_from").first() or UnitVersion(unit_id=unit_id)
        )

    def going_on(self, unit_id: int, **changes: Any) -> Outcome:
        """The unit as it is, but for `changes`."""
        old = self.version(unit_id)
        facts = {
            "name": old.name,
            "kind": UnitKind(old.kind),
            "subtype": old.subtype,
            "code": old.code,
            "parent_id": old.parent_id,
        }
        return Outcome(
            unit_id, **{**facts, **{name: value for name, value in changes.items() if value not in ("", None)}}
        )


NAME = _("Tên sau sắp xếp")
SUBTYPE = _("Loại (Xã, Phường, Sở…)")
CODE = _("Mã")


class MergeForm(PlanForm):
    kind = ReorganisationKind.MERGE
    units = UnitsField(label=_("Các đơn vị nhập lại"), help_text=_("Giữ Ctrl để chọn nhiều đơn vị."))
    stays = UnitField(
        label=_("Đơn vị tiếp tục tồn tại"), required=False, help_text=_("Để trống nếu lập đơn vị mới từ tất cả.")
    )
    name = TextField(label=NAME, max_length=200)
    subtype = TextField(label=SUBTYPE, max_length=40, required=False)
    code = TextField(label=CODE, max_length=20, required=False)

    def change(self, facts: dict[str, Any]) -> tuple[list[Outcome], list[int]]:
        units, stays = list(facts["units"]), facts["stays"]
        model = self.version(stays or units[0])
        outcome = Outcome(
            stays,
            facts["name"],
            UnitKind(model.kind),
            facts["subtype"] or model.subtype,
            facts["code"],
            model.parent_id,
            takes=tuple(unit for unit in units if unit != stays),
        )
        return [outcome], [unit for unit in units if unit != stays]


class SplitForm(PlanForm):
    kind = ReorganisationKind.SPLIT
    unit = UnitField(label=_("Đơn vị được chia"))
    goes_on = forms.BooleanField(label=_("Đơn vị cũ vẫn còn (tách một phần ra)"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in range(1, PARTS + 1):
            required = number == 1
            label = _("Đơn vị thứ nhất (nhận phần còn lại)") if required else _("Đơn vị thứ %(n)s") % {"n": number}
            self.fields[f"name_{number}"] = TextField(label=label, max_length=200, required=required)
            self.fields[f"code_{number}"] = TextField(label=CODE, max_length=20, required=False)

    @property
    def parts(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"name_{number}"], self[f"code_{number}"]) for number in range(1, PARTS + 1)]

    def change(self, facts: dict[str, Any]) -> tuple[list[Outcome], list[int]]:
        unit = facts["unit"]
        old = self.version(unit)
        names = [(facts[f"name_{n}"], facts[f"code_{n}"]) for n in range(1, PARTS + 1) if facts[f"name_{n}"]]
        outcomes = [
            Outcome(
                None,
                name,
                UnitKind(old.kind),
                old.subtype,
                code,
                old.parent_id,
                takes=(unit,) if place == 0 and not facts["goes_on"] else (),
                takes_part=(unit,) if place > 0 or facts["goes_on"] else (),
            )
            for place, (name, code) in enumerate(names)
        ]
        if facts["goes_on"]:
            return [self.going_on(unit), *outcomes], []
        return outcomes, [unit]

    def systems_to(self) -> dict[int, int]:
        given = {}
        for system in self.systems():
            place = self.data.get(f"system_{system.pk}", "")
            if place.isascii() and place.isdigit():
                given[system.pk] = int(place)
        return given

    def systems(self) -> list[System]:
        """What somebody has to give away by hand."""
        facts = self.cleaned_data
        return list(System.objects.in_force(facts["date"]).filter(unit_id=facts["unit"]).order_by("name"))


class RenameForm(PlanForm):
    kind = ReorganisationKind.RENAME
    unit = UnitField(label=_("Đơn vị"))
    name = TextField(label=NAME, max_length=200)
    subtype = TextField(label=SUBTYPE, max_length=40, required=False)
    code = TextField(label=CODE, max_length=20, required=False, help_text=_("Để trống nếu mã không đổi."))

    def change(self, facts: dict[str, Any]) -> tuple[list[Outcome], list[int]]:
        return [self.going_on(facts["unit"], name=facts["name"], subtype=facts["subtype"], code=facts["code"])], []


class MoveForm(PlanForm):
    kind = ReorganisationKind.MOVE
    units = UnitsField(label=_("Các đơn vị chuyển đi"))
    parent = UnitField(label=_("Cấp trên mới"))

    def change(self, facts: dict[str, Any]) -> tuple[list[Outcome], list[int]]:
        return [self.going_on(unit, parent_id=facts["parent"]) for unit in facts["units"]], []


class AbolishForm(PlanForm):
    kind = ReorganisationKind.ABOLISH
    units = UnitsField(
        label=_("Các đơn vị kết thúc"), help_text=_("Đơn vị cấp dưới chuyển lên cấp trên của đơn vị kết thúc.")
    )

    def change(self, facts: dict[str, Any]) -> tuple[list[Outcome], list[int]]:
        return [], list(facts["units"])


class CreateForm(PlanForm):
    kind = ReorganisationKind.CREATE
    name = TextField(label=_("Tên đơn vị mới"), max_length=200)
    unit_kind = forms.ChoiceField(label=_("Cấp"), choices=UnitKind.choices)
    subtype = TextField(label=SUBTYPE, max_length=40, required=False)
    code = TextField(label=CODE, max_length=20, required=False)
    parent = UnitField(label=_("Thuộc"))

    def change(self, facts: dict[str, Any]) -> tuple[list[Outcome], list[int]]:
        kind = UnitKind(facts["unit_kind"])
        return [Outcome(None, facts["name"], kind, facts["subtype"], facts["code"], facts["parent"])], []


FORMS: dict[str, type[PlanForm]] = {
    form.kind.value: form for form in (MergeForm, SplitForm, RenameForm, MoveForm, AbolishForm, CreateForm)
}
