"""The demo's conference of 10 December 2019, with some there and some not, and two inspection visits."""

from collections.abc import Mapping
from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile

from dekhang.apps.briefings import services as briefings
from dekhang.apps.cascade.enums import PlanState
from dekhang.apps.cascade.models import PlanVersion
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.inspections import services as inspections
from dekhang.apps.registry.models import UnitVersion

CONFERENCE = "Hội nghị triển khai Chỉ thị 14/CT-TTg và Kế hoạch của tỉnh"
CAME = ("Sở Y tế", "Sở Tài chính", "Thành phố Tây Ninh", "Huyện Trảng Bàng")
VISITED = "Huyện Gò Dầu"


def meet_and_inspect(by_name: Mapping[str, UnitVersion]) -> None:
    """Needs the accounts of the demo. The conference is going on; the sheets of four units are signed."""
    coordinator = User.objects.filter(role=Role.COORDINATOR).order_by("pk")[0]
    inspector = User.objects.filter(role=Role.INSPECTOR).order_by("pk")[0]
    plan = PlanVersion.objects.filter(state=PlanState.ISSUED).order_by("pk").first()
    starts_at = clock.now() - timedelta(minutes=30)
    conference = briefings.plan(
        unit_id=None,
        title=CONFERENCE,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=3),
        place="Hội trường UBND tỉnh",
        about="Quán triệt Chỉ thị 14/CT-TTg ngày 07/6/2019 và Quyết định 2273/QĐ-UBND; giao việc cho từng đơn vị.",
        plan_id=plan.plan_id if plan is not None else None,
        by=coordinator,
    )
    kinds = {"department", "district"}
    invited = [version.unit_id for version in by_name.values() if version.kind in kinds]
    briefings.invite(briefing=conference, unit_ids=invited, posts=["head"], by=coordinator)
    briefings.add_material(
        briefing=conference,
        title="Tóm tắt Chỉ thị 14/CT-TTg",
        file=SimpleUploadedFile("tom-tat-chi-thi-14.pdf", b"%PDF-1.4\n% ban mau cua tinh mau\n"),
        by=coordinator,
    )
    conference = briefings.move(briefing=conference, to="announced", by=coordinator)
    for name in CAME:
        invitation = conference.invitations.select_related("briefing").get(unit_id=by_name[name].unit_id)
        briefings.write_down(invitation=invitation, name=f"Đại diện {name}", title="Lãnh đạo đơn vị", by=coordinator)

    inspections.draw_sample(title="Đợt kiểm tra quý IV năm 2019", quotas={"commune": (1, 2), "district": (0, 1)}, by=inspector)  # fmt: skip
    today = clock.today()
    visit = inspections.plan_visit(unit_id=by_name[VISITED].unit_id, checklist_key="recording", day=today, lead=inspector, by=inspector)  # fmt: skip
    visit = inspections.move(visit=visit, to="under_way", by=inspector)
    items = {item.key: item for item in visit.items.select_related("visit")}
    for key, item in items.items():
        bad = key == "sources"
        inspections.answer_item(
            item=item,
            result="not_met" if bad else "met",
            note="Một máy chủ chưa gửi log đều." if bad else "",
            seen="Xem tại phòng máy.",
            by=inspector,
        )
    inspections.raise_finding(
        visit=visit,
        item=items["sources"],
        severity="medium",
        text="Máy chủ của huyện gửi log rồi ngừng, không ai biết.",
        required="Cử người theo dõi nguồn log hằng ngày; báo cáo lịch phân công.",
        due_on=today + timedelta(days=14),
        by=inspector,
    )
    inspections.move(visit=visit, to="concluded", note="Ghi nhận được nhưng chưa liên tục.", by=inspector)
    inspections.plan_visit(
        unit_id=by_name["Sở Tài chính"].unit_id,
        checklist_key="overall",
        day=today + timedelta(days=20),
        lead=inspector,
        purpose="Đối chiếu số liệu khai báo với thực tế.",
        by=inspector,
    )
