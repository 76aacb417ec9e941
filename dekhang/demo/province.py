"""The demo province: posts with accounts, some units with sources and procedures, the rest as in 2019: nothing yet.

Everything goes through the services that people use. Accounts are posts, not persons.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.db import transaction

from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import AuditAction, Role
from dekhang.apps.core.models import User
from dekhang.apps.duties import jobs as duty_jobs
from dekhang.apps.duties import services as duties
from dekhang.apps.incidents import services as incidents
from dekhang.apps.incidents.enums import IncidentKind
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.enums import ContactKind, PostKind, UnitKind
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.services import add_contact, confirm_contact, fill_post, register_system
from dekhang.apps.sources import services as sources
from dekhang.apps.sources.enums import SourceKind
from dekhang.demo.board import fill_board
from dekhang.demo.cascade import load_plan
from dekhang.demo.meetings import meet_and_inspect
from dekhang.demo.papers import file_papers
from dekhang.demo.registry import fill_registry
from dekhang.demo.reports import make_reports

PASSWORD = "de-khang-2019"  # noqa: S105 - the demo's own, printed on its login page; a real installation has no demo
PROVINCIAL = {
    "lanh-dao": ("Lãnh đạo UBND tỉnh", Role.PROVINCE_LEADER),
    "dieu-phoi": ("Điều phối viên, Sở TT&TT", Role.COORDINATOR),
    "thanh-tra": ("Thanh tra tỉnh", Role.INSPECTOR),
    "quan-tri": ("Quản trị hệ thống", Role.ADMINISTRATOR),
}


@dataclass(frozen=True, slots=True)
class DemoUnit:
    """A unit of the demo that has connected logs.

    `proves`: its officer answers canaries, so its share becomes proven; `falls_silent`: its log stops after a while;
    `drills`: it runs its procedure as an exercise.
    """

    name: str
    kinds: tuple[SourceKind, ...]
    has_procedure: bool = False
    proves: bool = True
    falls_silent: bool = False
    drills: bool = False


UNITS = (
    DemoUnit(
        "Sở Thông tin và Truyền thông",
        (SourceKind.WINDOWS, SourceKind.LINUX, SourceKind.WEB, SourceKind.SURICATA),
        has_procedure=True,
        drills=True,
    ),
    DemoUnit("Sở Y tế", (SourceKind.WINDOWS, SourceKind.WEB), has_procedure=True),
    DemoUnit("Sở Giáo dục và Đào tạo", (SourceKind.LINUX, SourceKind.WEB), has_procedure=True, drills=True),
    DemoUnit("Sở Tài chính", (SourceKind.WINDOWS,), proves=False),
    DemoUnit("Thành phố Tây Ninh", (SourceKind.WINDOWS, SourceKind.WEB), has_procedure=True),
    DemoUnit("Huyện Trảng Bàng", (SourceKind.LINUX, SourceKind.WEB)),
    DemoUnit("Huyện Gò Dầu", (SourceKind.WINDOWS,), falls_silent=True),
    DemoUnit("Thị trấn Dương Minh Châu", (SourceKind.WINDOWS,)),
    DemoUnit("Phường 1", (SourceKind.WINDOWS,), proves=False),
)
SILENT_CADENCE_SECONDS = 120  # the demo's silent source shows its fall within minutes, not after a quarter of an hour
NAMES = {
    SourceKind.WINDOWS: "Máy chủ Windows",
    SourceKind.LINUX: "Máy chủ Linux",
    SourceKind.WEB: "Cổng thông tin điện tử",
    SourceKind.SURICATA: "Cảm biến mạng",
    SourceKind.SYSLOG: "Tường lửa",
}


def load_province(data: Path) -> None:
    """Fill an empty installation with the province of 10 December 2019. One transaction: whole or not at all."""
    tokens: dict[str, str] = {}
    hashed = make_password(PASSWORD)  # once: hashing it for each of some 250 accounts would take a minute
    with transaction.atomic():
        for username, (full_name, role) in PROVINCIAL.items():
            _account(username, full_name, role, hashed)
        versions = list(registry.counted_units())
        _fill_posts(versions, hashed)
        by_name = {version.name: version for version in versions}
        for demo in UNITS:
            _connect(demo, by_name[demo.name], tokens)
        duty_jobs.tick()
        file_papers(by_name)
        _declare(versions, {by_name[demo.name].unit_id for demo in UNITS})
        fill_registry(versions, [by_name[demo.name] for demo in UNITS])
        fill_board(by_name)
        make_reports(by_name)
        load_plan(by_name)
        meet_and_inspect(by_name)
        # before the commit: a province whose tokens nobody knows could never send again
        path = data / "demo" / "tokens.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(tokens))


def _account(username: str, full_name: str, role: Role, hashed: str) -> User:
    user = User(
        username=username,
        full_name=full_name,
        role=role,
        password=hashed,
        email=f"{username}@tayninh.example.gov.vn",
    )
    user.save()
    record_event(action=AuditAction.ACCOUNT_CREATED, by=None, target=user, detail={"role": str(role)})
    return user


def _fill_posts(versions: list[UnitVersion], hashed: str) -> None:
    """An account for the head and the IT officer of each unit, as posts."""
    for version in versions:
        for kind, role, prefix, title in (
            (PostKind.OFFICER, Role.OFFICER, "can-bo", "Cán bộ CNTT"),
            (PostKind.HEAD, Role.HEAD, "thu-truong", "Thủ trưởng"),
        ):
            user = _account(f"{prefix}.{version.unit.key}", f"{title} {version.name}", role, hashed)
            fill_post(unit_id=version.unit_id, kind=kind, user=user, by=None)


def _connect(demo: DemoUnit, version: UnitVersion, tokens: dict[str, str]) -> None:
    unit_id = version.unit_id
    officer = registry.officers(unit_id).get()
    head = registry.heads(unit_id).get()
    system = register_system(
        unit_id=unit_id,
        name=f"Hệ thống thông tin nội bộ {version.name}",
        by=officer,
        level=2,
        public_facing=SourceKind.WEB in demo.kinds,
    )
    contact = add_contact(
        unit_id=unit_id, kind=ContactKind.EMAIL, value=officer.email, label="Đầu mối trực", user=officer, by=officer
    )
    confirm_contact(contact=contact, by=officer)
    for kind in demo.kinds:
        source, token = sources.create_source(unit_id=unit_id, name=NAMES[kind], kind=kind, system=system, by=officer)
        tokens[str(source.pk)] = token
        if demo.falls_silent:
            sources.change(
                source=source,
                name=source.name,
                system=system,
                addresses=(),
                cadence_seconds=SILENT_CADENCE_SECONDS,
                by=officer,
            )
    if demo.has_procedure:
        sop = incidents.adopt_sop(unit_id=unit_id, kind=IncidentKind.INTRUSION, by=officer)
        incidents.approve_sop(sop=sop, by=head)
        incidents.confirm_read(sop=sop, by=officer)
        incidents.confirm_read(sop=sop, by=head)


def _declare(versions: list[UnitVersion], connected: set[int]) -> None:
    """What the units say of themselves, as surveys got it: more than can be shown. Every fourth commune says nothing."""
    for number, version in enumerate(versions):
        officer = registry.officers(version.unit_id).get()
        quiet = version.kind == UnitKind.COMMUNE and number % 4 != 0
        if version.unit_id in connected or not quiet:
            duties.declare(
                unit_id=version.unit_id, duty_key="record_attacks", statement="Có lưu nhật ký máy chủ.", by=officer
            )
        if version.kind != UnitKind.COMMUNE or number % 3 == 0:
            duties.declare(unit_id=version.unit_id, duty_key="sop", statement="Có quy trình nội bộ.", by=officer)


def demo_unit_of(source_id: int) -> DemoUnit | None:
    """Which of the demo's units a source belongs to."""
    from dekhang.apps.sources.models import LogSource

    unit_id = LogSource.objects.values_list("unit_id", flat=True).get(pk=source_id)
    name = registry.unit_name(unit_id)
    return next((demo for demo in UNITS if demo.name == name), None)


def account_lines() -> list[str]:
    """What the terminal says about the demo's accounts."""
    key = (
        UnitVersion.objects.filter(name="Sở Y tế", kind=UnitKind.DEPARTMENT).values_list("unit__key", flat=True).first()
    )
    names = [*PROVINCIAL, f"can-bo.{key}", f"thu-truong.{key}"]
    users = {user.username: user for user in User.objects.filter(username__in=names)}
    lines = [f"Tài khoản mẫu (mật khẩu chung: {PASSWORD}):"]
    lines += [f"  {name:<28} {users[name].full_name}" for name in names if name in users]
    lines.append("  Mỗi đơn vị đều có can-bo.<đơn vị> và thu-truong.<đơn vị>; trang đăng nhập có danh sách.")
    return lines
