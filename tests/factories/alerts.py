import itertools
from datetime import timedelta

import factory

from dekhang.apps.alerts.enums import AlertLevel, AlertStatus
from dekhang.apps.alerts.models import Alert, AlertDetection
from dekhang.apps.registry.search import fold
from dekhang.pipeline.stores.detections import Detection
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory
from tests.factories.sources import MORNING

_ids = itertools.count(1)


class AlertFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Alert

    unit = factory.SubFactory(UnitFactory)
    rule_id = "luat-thu"
    family = "brute_force"
    entity = factory.Sequence(lambda n: f"192.0.2.{n % 250 + 1}-{n}")
    host = "may-chu"
    title = "Dò mật khẩu SSH"
    level = AlertLevel.HIGH
    created_at = MORNING
    waiting_since = factory.SelfAttribute("created_at")
    first_event_at = MORNING
    last_event_at = MORNING
    detection_count = 1
    event_count = 12
    search_text = factory.LazyAttribute(lambda alert: fold(f"{alert.title} {alert.entity} {alert.host}"))

    class Params:
        acknowledged = factory.Trait(
            status=AlertStatus.ACKNOWLEDGED,
            acknowledged_at=MORNING + timedelta(minutes=5),
            acknowledged_by=factory.SubFactory(UserFactory),
        )
        resolved = factory.Trait(
            status=AlertStatus.RESOLVED,
            acknowledged_at=MORNING + timedelta(minutes=5),
            acknowledged_by=factory.SubFactory(UserFactory),
            closed_at=MORNING + timedelta(minutes=20),
            closed_by=factory.SelfAttribute("acknowledged_by"),
            closing_note="Đã chặn địa chỉ.",
        )


class AlertDetectionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AlertDetection

    alert = factory.SubFactory(AlertFactory)
    detection_id = factory.Sequence(lambda n: 10_000 + n)
    event_id = factory.Sequence(lambda n: 20_000 + n)
    event_ids = factory.LazyAttribute(lambda row: [row.event_id])
    rule_id = "luat-thu"
    rule_title = "Dò mật khẩu SSH"
    level = AlertLevel.HIGH
    event_at = MORNING
    host = "may-chu"
    fields = factory.LazyFunction(lambda: {"src_ip": "192.0.2.7", "user": "root"})


def detection(*, unit_id: int, source_id: int, at=MORNING, **changes) -> Detection:
    """One detection as the pipeline gives it; ids grow from call to call."""
    number, at_ms = next(_ids), int(at.timestamp() * 1000)
    values = {
        "id": number,
        "rule_id": "luat-thu",
        "rule_level": "high",
        "family": "brute_force",
        "title": "Dò mật khẩu SSH",
        "unit_id": unit_id,
        "source_id": source_id,
        "event_id": 1_000 + number,
        "event_ms": at_ms,
        "received_ms": at_ms,
        "entity": "192.0.2.7",
        "host": "may-chu",
        "fields": {"src_ip": "192.0.2.7", "user": "root"},
        "event_ids": (1_000 + number,),
        "count": 1,
        "first_ms": at_ms,
        "created_at": at_ms,
    }
    return Detection(**{**values, **changes})


def canary_detection(*, unit_id: int, source_id: int, nonce: str, at=MORNING, **changes) -> Detection:
    return detection(
        unit_id=unit_id,
        source_id=source_id,
        at=at,
        rule_level="informational",
        family="canary",
        title="Dấu vết thử từ máy Linux",
        entity="may-chu",
        fields={"message": f"dekhang: dekhang-canary-{nonce}"},
        **changes,
    )
