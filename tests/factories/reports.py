"""A small province with boards that differ from day to day, and reports about it."""

from datetime import UTC, date, datetime, timedelta

from dekhang.apps.core import clock
from dekhang.apps.reports import services
from dekhang.apps.reports.gathering import Asked
from dekhang.apps.reports.kinds import KINDS
from dekhang.apps.scoreboard.services import freeze_day
from dekhang.law import load
from tests.factories.core import UserFactory
from tests.factories.duties import CONFERENCE, claim, proves_procedure, proves_recording
from tests.factories.registry import UnitFactory

# the end of the year period of units, a Sunday that ends a week, and the day before the conference
DAYS = (date(2019, 11, 30), date(2019, 12, 8), date(2019, 12, 9))
LATER = datetime(2019, 12, 10, 3, 0, tzinfo=UTC)


def province():
    """Four units of three kinds under a province; what they declare and prove grows from day to day of DAYS."""
    UnitFactory(key="tinh", version__name="Tỉnh Tây Ninh", version__kind="province")
    office = UnitFactory(key="so-tttt", version__name="Sở Thông tin và Truyền thông", version__kind="department")
    office.versions.update(is_coordinator=True)
    district = UnitFactory(key="huyen", version__name="Huyện Gò Dầu", version__kind="district")
    first = UnitFactory(key="xa-mot", version__name="Xã Phước Đông")
    second = UnitFactory(key="xa-hai", version__name="Xã Phước Trạch")
    claim(first, at=CONFERENCE - timedelta(days=20))
    proves_recording(first, at=CONFERENCE - timedelta(days=15))
    proves_recording(office, at=CONFERENCE - timedelta(days=3), source=2)
    proves_procedure(office, at=CONFERENCE - timedelta(days=3))
    claim(district, "sop", at=CONFERENCE - timedelta(days=2))
    claim(second, at=CONFERENCE - timedelta(days=1), by=UserFactory(full_name="Cán bộ xã Phước Trạch"))
    return first, office, district, second


def frozen_province():
    """The same with every day of DAYS frozen."""
    units = province()
    for day in DAYS:
        freeze_day(day)
    return units


def asked(kind, unit=None, day=DAYS[-1], **more):
    entry = next(
        (e for e in load().report_dates if e.kind == kind and e.subject == ("unit" if unit else "province")), None
    )
    texts = tuple((key, "") for key in KINDS[kind].texts)
    said = {"start": day - timedelta(days=7), "entry": entry, "texts": texts, **more}
    return Asked(kind=kind, unit_id=unit.pk if unit else None, day=day, **said)


def made(kind, unit=None, *, by=None, **more):
    with clock.at(LATER):
        return services.make(asked=asked(kind, unit, **more), by=by or UserFactory(coordinator=True))
