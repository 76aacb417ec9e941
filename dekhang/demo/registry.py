"""The demo's registry: a roster, providers with their lines, a contact that does not answer, somebody invited."""

from datetime import timedelta

from django.core.files.base import ContentFile

from dekhang.apps.contacts import services as contacts
from dekhang.apps.contacts.targets import targets
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.portal.invitations.services import invite
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.enums import ContactKind, PostKind
from dekhang.apps.registry.inventory.services import add_network
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.people import jobs as rosters
from dekhang.apps.registry.people import services as people
from dekhang.apps.registry.services import add_contact, register_provider

PROVIDERS = ("Doanh nghiệp viễn thông A", "Doanh nghiệp viễn thông B")  # none of the real ones: they are not sourced
PEOPLE_OF_A_UNIT = 12
TITLES = ("Trưởng phòng", "Phó Trưởng phòng", "Chuyên viên", "Văn thư", "Kế toán")
SILENT_UNIT = "Huyện Gò Dầu"


def fill_registry(versions: list[UnitVersion], connected: list[UnitVersion]) -> None:
    """Args: versions: every unit that carries duties; connected: those whose logs flow."""
    coordinator = User.objects.get(username="dieu-phoi")
    _roster(connected, coordinator)
    providers = [register_provider(name=name, duty_email=f"truc-{n}@isp.example.net", by=coordinator) for n, name in enumerate(PROVIDERS, 1)]  # fmt: skip
    for number, version in enumerate(connected):
        # documentation addresses (RFC 5737), a few for each unit
        cidr = f"203.0.113.{number * 16}/28"
        add_network(unit_id=version.unit_id, cidr=cidr, provider=providers[number % len(providers)], by=coordinator)
    silent = next(version for version in versions if version.name == SILENT_UNIT)
    _silent_contact(silent)
    head = registry.heads(connected[0].unit_id).get()
    invite(email="can-bo-moi@tayninh.example.gov.vn", full_name="Cán bộ mới", unit_id=connected[0].unit_id, kind=PostKind.OFFICER, by=head)  # fmt: skip


def _roster(connected: list[UnitVersion], coordinator: User) -> None:
    lines = ["Mã cán bộ;Họ và tên;Đơn vị;Chức vụ;Từ ngày"]
    for place, version in enumerate(connected):
        for number in range(PEOPLE_OF_A_UNIT):
            code = f"TN{place * PEOPLE_OF_A_UNIT + number + 1:04d}"
            title = TITLES[min(number, 2) if number < 8 else 3 + number % 2]
            lines.append(f"{code};Cán bộ {code};{version.unit.key};{title};01/01/2019")
    one = people.begin_import(
        unit_id=None,
        file=ContentFile("\n".join(lines).encode(), name="danh-sach-can-bo.csv"),
        is_complete=False,
        day=clock.today(),
        by=coordinator,
    )
    rosters.read_now(one)
    people.confirm(one=one, by=coordinator)
    rosters.apply_now(one)


def _silent_contact(version: UnitVersion) -> None:
    """A duty mailbox that was asked ten days ago and let the week pass."""
    now = clock.now()
    officer = registry.officers(version.unit_id).get()
    with clock.at(now - timedelta(days=10)):
        contact = add_contact(
            unit_id=version.unit_id,
            kind=ContactKind.EMAIL,
            value="truc.godau@tayninh.example.gov.vn",
            label="Hộp thư trực chung",
            by=None,
        )
        target = next(one for one in targets([version.unit_id]) if one.key == ("contact", contact.pk, version.unit_id))
        call = contacts.call(target=target, by=None)
    with clock.at(now - timedelta(days=3)):
        contacts.close_as(call, "missed_at")
    add_contact(
        unit_id=version.unit_id, kind=ContactKind.PHONE, value="0276 000 0113", label="Điện thoại trực", by=officer
    )
