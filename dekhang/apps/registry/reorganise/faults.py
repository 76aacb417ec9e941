"""Why a planned reorganisation cannot be: every reason at once, as sentences that say what to change."""

import unicodedata
from collections.abc import Iterator

from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.registry.enums import ReorganisationKind, UnitKind
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.reorganise.plans import Outcome, Plan
from dekhang.apps.registry.selectors import unit_names

LEAST_TAKEN = {ReorganisationKind.MERGE: 2, ReorganisationKind.SPLIT: 1}


def faults(plan: Plan) -> list[str]:
    """Empty when the plan can be carried out."""
    return list(dict.fromkeys(_Check(plan).all()))


class _Check:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.before = {one.unit_id: one for one in UnitVersion.objects.in_force(plan.date).select_related("unit")}
        self.names = unit_names(set(plan.touched) | set(self.before))

    def name(self, unit_id: int) -> str:
        return self.names.get(unit_id, f"#{unit_id}")

    def all(self) -> Iterator[str]:
        plan = self.plan
        if not plan.basis.strip():
            yield _("Thiếu căn cứ: ghi số và ngày của nghị quyết hoặc quyết định sắp xếp.")
        if plan.date <= clock.today():
            yield _(
                "Ngày hiệu lực %(day)s đã qua hoặc là hôm nay: số liệu của ngày đã qua không được sửa. Chọn từ ngày mai."
            ) % {"day": f"{plan.date:%d/%m/%Y}"}
        if not plan.outcomes and not plan.ends:
            yield _("Chưa chọn đơn vị nào.")
        yield from self._of_kind()
        yield from self._of_touched()
        for outcome in plan.outcomes:
            yield from self._of_outcome(outcome)
        yield from self._of_tree()
        for system_id, place in plan.systems_to.items():
            if not 0 <= place < len(plan.outcomes):
                yield _("Hệ thống số %(id)s được giao cho một đơn vị không có trong kế hoạch.") % {"id": system_id}

    def _of_kind(self) -> Iterator[str]:
        taken = {unit_id for one in self.plan.outcomes for unit_id in (*one.takes, *one.takes_part)}
        taken |= {one.unit_id for one in self.plan.outcomes if one.unit_id is not None and one.takes}
        if len(taken) < LEAST_TAKEN.get(self.plan.kind, 0):
            yield (
                _("Nhập đơn vị cần ít nhất hai đơn vị.")
                if self.plan.kind == ReorganisationKind.MERGE
                else _("Chia, tách cần chọn đơn vị được chia.")
            )
        if self.plan.kind == ReorganisationKind.SPLIT and len(self.plan.outcomes) < 2:
            yield _("Chia, tách cần ít nhất hai đơn vị sau khi chia (kể cả đơn vị cũ nếu còn).")

    def _of_touched(self) -> Iterator[str]:
        """Dates that contradict: a unit that is not there, or that something else changes on that day or later."""
        for unit_id in sorted(self.plan.touched):
            if unit_id not in self.before:
                yield _("“%(unit)s” không có hiệu lực ngày %(day)s.") % {
                    "unit": self.name(unit_id),
                    "day": f"{self.plan.date:%d/%m/%Y}",
                }
        later = UnitVersion.objects.filter(unit_id__in=self.plan.touched, valid_from__gte=self.plan.date)
        for version in later.select_related("unit"):
            yield _(
                "“%(unit)s” đã có thay đổi khác ngày %(day)s. Hủy lịch sắp xếp đó trước, hoặc chọn ngày sau ngày ấy."
            ) % {"unit": self.name(version.unit_id), "day": f"{version.valid_from:%d/%m/%Y}"}
        for version in UnitVersion.objects.filter(unit_id__in=self.plan.touched, valid_to__gte=self.plan.date):
            yield _("“%(unit)s” đã được lên lịch kết thúc ngày %(day)s. Hủy lịch đó trước.") % {
                "unit": self.name(version.unit_id),
                "day": f"{version.valid_to:%d/%m/%Y}",
            }
        for unit_id in self.plan.ends:
            if any(one.unit_id == unit_id for one in self.plan.outcomes):
                yield _("“%(unit)s” không thể vừa kết thúc vừa tiếp tục.") % {"unit": self.name(unit_id)}

    def _of_outcome(self, outcome: Outcome) -> Iterator[str]:
        shown = outcome.name.strip() or _("đơn vị mới")
        if not outcome.name.strip():
            yield _("Có một đơn vị chưa có tên.")
        if outcome.kind != UnitKind.PROVINCE and outcome.parent_id is None:
            yield _("“%(unit)s” chưa có cấp trên: chọn đơn vị mà nó thuộc về.") % {"unit": shown}
        others = [
            one
            for unit_id, one in self.before.items()
            if unit_id not in self.plan.ends and unit_id not in {o.unit_id for o in self.plan.outcomes}
        ]
        if outcome.code:
            twice = [o.name for o in self.plan.outcomes if o is not outcome and o.code == outcome.code]
            twice += [one.name for one in others if one.code == outcome.code]
            if twice:
                yield _("Mã %(code)s của “%(unit)s” đang là mã của “%(other)s” vào ngày đó. Kiểm tra lại mã.") % {
                    "code": outcome.code,
                    "unit": shown,
                    "other": twice[0],
                }
        same = [
            one for one in others if one.parent_id == outcome.parent_id and _spelled(one.name) == _spelled(outcome.name)
        ]
        same += [
            o for o in self.plan.outcomes if o is not outcome and (o.parent_id, _spelled(o.name)) == (outcome.parent_id, _spelled(outcome.name))
        ]  # fmt: skip
        if outcome.name.strip() and same:
            yield _("Cùng cấp trên đã có đơn vị tên “%(unit)s” vào ngày đó.") % {"unit": shown}

    def _of_tree(self) -> Iterator[str]:
        """Nobody may hang under a unit that is not there, or under itself."""
        parents = parents_after(self.plan, self.before)
        for unit_id, parent_id in sorted(parents.items()):
            if parent_id is not None and parent_id not in parents:
                yield _(
                    "“%(unit)s” sẽ thuộc “%(parent)s”, là đơn vị không còn vào ngày đó. Chọn cấp trên mới cho nó."
                ) % {
                    "unit": self._after(unit_id),
                    "parent": self.name(parent_id),
                }
            seen = {unit_id}
            above = parent_id
            while above is not None and above in parents:
                if above in seen:
                    yield _("“%(unit)s” sẽ nằm dưới chính nó. Chọn cấp trên khác.") % {"unit": self._after(unit_id)}
                    break
                seen.add(above)
                above = parents[above]
        for outcome in self.plan.outcomes:
            if outcome.unit_id is None and outcome.parent_id is not None and outcome.parent_id not in parents:
                yield _(
                    "“%(unit)s” sẽ thuộc “%(parent)s”, là đơn vị không còn vào ngày đó. Chọn cấp trên mới cho nó."
                ) % {
                    "unit": outcome.name,
                    "parent": self.name(outcome.parent_id),
                }

    def _after(self, unit_id: int) -> str:
        return next((one.name for one in self.plan.outcomes if one.unit_id == unit_id), self.name(unit_id))


def _spelled(name: str) -> str:
    """A name as two units may not share it. With its accents: Tân Thành and Tân Thạnh are two communes of 2025."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def parents_after(plan: Plan, before: dict[int, UnitVersion]) -> dict[int, int | None]:
    """Existing unit → its parent from the date on. A child whose parent goes into a new unit keeps it until that is made."""
    parents: dict[int, int | None] = {}
    for unit_id, version in before.items():
        if unit_id in plan.ends:
            continue
        outcome = next((one for one in plan.outcomes if one.unit_id == unit_id), None)
        parents[unit_id] = outcome.parent_id if outcome is not None else version.parent_id
    for unit_id, parent_id in list(parents.items()):
        if parent_id in plan.ends:
            parents[unit_id] = heir_of(plan, unit_id, before[parent_id])
    return {unit_id: parent if parent != NEW else None for unit_id, parent in parents.items()}


NEW = 0  # stands for a unit that the plan makes: no id yet


def heir_of(plan: Plan, child_id: int, parent: UnitVersion) -> int | None:
    """The parent of a unit whose parent ends: chosen by hand, else the main successor, else the parent's parent."""
    if child_id in plan.children_to:
        return plan.children_to[child_id]
    outcome = plan.main_outcome(parent.unit_id)
    if outcome is None:
        return parent.parent_id
    return outcome.unit_id if outcome.unit_id is not None else NEW
