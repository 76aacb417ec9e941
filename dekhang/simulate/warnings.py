"""Alerts of every age and state, some of them with detections, and incidents."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from dekhang.apps.alerts.enums import AlertLevel, AlertStatus, EscalationStep
from dekhang.apps.alerts.models import Alert, AlertDetection
from dekhang.apps.incidents import procedures
from dekhang.apps.incidents.enums import IncidentStatus
from dekhang.apps.incidents.models import Incident, Sop
from dekhang.apps.registry.search import fold
from dekhang.law import load
from dekhang.simulate.conduct import Conduct
from dekhang.simulate.size import Size
from dekhang.simulate.tree import SimUnit
from dekhang.simulate.writing import first_free, insert

FAMILIES = (
    ("brute_force", "Dò mật khẩu", AlertLevel.MEDIUM, 5),
    ("malware", "Dấu hiệu mã độc", AlertLevel.HIGH, 2),
    ("web_attack", "Dò quét cổng thông tin", AlertLevel.LOW, 8),
    ("persistence", "Chương trình tự chạy lạ", AlertLevel.HIGH, 1),
    ("policy", "Đăng nhập ngoài giờ", AlertLevel.INFORMATIONAL, 4),
    ("exfiltration", "Gửi dữ liệu ra ngoài bất thường", AlertLevel.CRITICAL, 0.2),
)
OPEN_SHARE = 0.004  # of a year's alerts wait or are being worked on
CANARY_SHARE = 0.01
INCIDENT_EVERY = 250  # alerts
DETECTIONS_OF_OPEN = 3


def warn(
    units: list[SimUnit], conducts: dict[int, dict[str, Conduct]], size: Size, progress: Callable[[int], None]
) -> int:
    """Write alerts in the order in which they were raised; returns how many."""
    sending = [unit for unit in units if unit.sources] or [unit for unit in units if unit.parent_id is not None]
    first = first_free(Alert)
    open_ones: list[tuple[int, int, int | None, str, str, str, Any]] = []
    insert(
        Alert,
        (
            *("id", "unit_id", "source_id", "rule_id", "family", "entity", "host", "title", "level", "is_canary"),
            *("status", "created_at", "first_event_at", "last_event_at", "detection_count", "event_count"),
            *("acknowledged_at", "acknowledged_by_id", "closed_at", "closed_by_id", "closing_note"),
            *("waiting_since", "escalation", "escalated_at", "search_text"),
        ),
        _alerts(sending, first, size, open_ones, progress),
    )
    _write_detections(open_ones)
    _write_procedures(units, conducts)
    _write_incidents(sending, size)
    return size.alerts


def _alerts(
    units: list[SimUnit], first: int, size: Size, open_ones: list[Any], progress: Callable[[int], None]
) -> Iterator[tuple[Any, ...]]:
    dice = random.Random(f"{size.seed}/alerts")  # noqa: S311 - made-up data
    weights = [weight for *_facts, weight in FAMILIES]
    step = (size.end - size.start) / max(1, size.alerts)
    for number in range(size.alerts):
        unit = units[int(len(units) * dice.random() ** 1.5)]  # some see much more than others
        source, _kind = dice.choice(unit.sources) if unit.sources else (None, "")
        ((family, title, level, _weight),) = dice.choices(FAMILIES, weights)
        at = size.start + step * number
        entity = f"198.51.100.{dice.randrange(256)}" if family != "policy" else f"tai-khoan-{dice.randrange(40)}"
        host = f"may-{unit.id}-{dice.randrange(9)}"
        is_open = dice.random() < OPEN_SHARE + 0.6 * (number >= size.alerts - size.alerts // 1000)
        if is_open:
            entity = f"{entity} #{number}"  # one open alert of a family and entity
        is_canary = not is_open and dice.random() < CANARY_SHARE
        answered = not is_open or dice.random() < 0.5
        status = (
            (AlertStatus.ACKNOWLEDGED if answered else AlertStatus.NEW)
            if is_open
            else (AlertStatus.RESOLVED if dice.random() < 0.7 else AlertStatus.FALSE_ALARM)
        )
        answered_at = min(at + timedelta(minutes=dice.expovariate(1 / 40)), size.end) if answered else None
        closed_at = None if is_open else min(at + timedelta(hours=dice.expovariate(1 / 9)), size.end)
        count = 1 + int(dice.expovariate(1 / 5))
        escalation = EscalationStep.OFFICER if answered else EscalationStep(min(2, (size.end - at).days))
        name = f"{title} từ {entity}" if family != "policy" else f"{title}: {entity}"
        yield (
            *(first + number, unit.id, source, f"mp-{family}", family, entity, host, name, level, is_canary),
            *(status, at, at, at + timedelta(minutes=count), count, count * 7),
            *(answered_at, unit.officer_id if answered else None, closed_at, unit.officer_id if closed_at else None),
            *("Đã kiểm tra." if closed_at else "", at, escalation, at + timedelta(hours=1) if escalation else None),
            fold(f"{name} {host} {family}"),
        )
        if is_open:
            open_ones.append((first + number, count, source, f"mp-{family}", title, level, at))
        if number % 20_000 == 0:
            progress(number)


def _write_detections(alerts: list[Any]) -> None:
    number = first_free(AlertDetection)

    def rows() -> Iterator[tuple[Any, ...]]:
        nonlocal number
        for alert_id, count, source, rule, title, level, at in alerts:
            for n in range(min(count, DETECTIONS_OF_OPEN)):
                yield (
                    number,
                    alert_id,
                    number,
                    number,
                    source,
                    rule,
                    title,
                    level,
                    at + timedelta(minutes=n),
                    {"program": "sshd"},
                )
                number += 1

    insert(
        AlertDetection,
        (
            "id",
            "alert_id",
            "detection_id",
            "event_id",
            "source_id",
            "rule_id",
            "rule_title",
            "level",
            "event_at",
            "fields",
        ),
        rows(),
    )


def _write_procedures(units: list[SimUnit], conducts: dict[int, dict[str, Conduct]]) -> None:
    """The adopted procedure behind the evidence of each unit that has one."""
    playbook = procedures.standard()["malware"]
    kept = procedures.keep(playbook)
    rows = []
    for unit in units:
        one = conducts[unit.id].get("sop")
        if one is not None and one.looks_done:
            at = one.since
            rows.append(
                (
                    *(unit.id, "malware", kept.playbook_id, kept.version, at, unit.officer_id),
                    *(at + timedelta(hours=1), unit.head_id),
                )
            )
    insert(
        Sop,
        (
            *("unit_id", "kind", "playbook_id", "playbook_version", "adopted_at", "adopted_by_id"),
            *("approved_at", "approved_by_id"),
        ),
        rows,
    )


def _write_incidents(units: list[SimUnit], size: Size) -> None:
    dice = random.Random(f"{size.seed}/incidents")  # noqa: S311 - made-up data
    playbook = procedures.standard()["malware"]
    kept = procedures.keep(playbook)
    rows = []
    count = size.alerts // INCIDENT_EVERY
    for number in range(count):
        unit = dice.choice(units)
        at = size.start + (size.end - size.start) * ((number + dice.random()) / count)
        running = number >= count - max(1, count // 50)
        closed = None if running else min(at + timedelta(days=dice.uniform(1, 20)), size.end)
        rows.append(
            (
                *(unit.id, "malware", f"Mã độc trên máy may-{unit.id}-{number % 9}", dice.random() < 0.2),
                *(load().regime_on(at.date()).key, kept.playbook_id, kept.version, at, at, unit.officer_id),
                *(
                    IncidentStatus.OPEN if running else IncidentStatus.CLOSED,
                    closed,
                    unit.officer_id if closed else None,
                ),
                *(closed, unit.officer_id if closed else None),
            )
        )
    insert(
        Incident,
        (
            *("unit_id", "kind", "title", "is_exercise", "regime", "playbook_id", "playbook_version"),
            *("detected_at", "opened_at", "opened_by_id", "status", "handled_at", "handled_by_id"),
            *("closed_at", "closed_by_id"),
        ),
        rows,
    )
