"""Detections become alerts: one attack is one alert, however many events it took."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Count

from dekhang.apps.alerts import canary, messages, ruletexts
from dekhang.apps.alerts.enums import LEVEL_ORDER, NEEDS_AN_ANSWER, OPEN, AlertLevel, AuditAction
from dekhang.apps.alerts.models import Alert, AlertDetection, StrayDetection
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.registry.models import Unit
from dekhang.apps.registry.search import fold
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.services import canary_detected
from dekhang.pipeline.stores.detections import Detection

# Rows kept with one alert; further detections are counted only. A flood of one rule must not fill the database.
DETECTIONS_KEPT = 500
LONGEST_SEARCH_TEXT = 2000
# Open alerts of one family in one unit; what more comes is one alert about all the rest. Attackers choose what we see
# as entities (a hundred thousand addresses, host names): nobody reads so many, and they would delay everyone's alerts.
ALERTS_OF_A_FAMILY = 200
THE_REST = "nhiều nơi khác"


Key = tuple[int, str, str]  # unit, family, entity


@dataclass(slots=True)
class _Draft:
    """An alert being filled: what it was before this batch, and what this batch adds."""

    alert: Alert
    is_new: bool
    level_before: str | None
    last_event_before: datetime | None
    kept: int
    rows: list[AlertDetection] = field(default_factory=list)


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def _worse(one: str, other: str) -> bool:
    return LEVEL_ORDER.index(one) > LEVEL_ORDER.index(other)


def _level(text: str) -> str:
    """Rules of others may carry a level we do not know; it is read as medium, never dropped."""
    return text if text in LEVEL_ORDER else AlertLevel.MEDIUM


@transaction.atomic
def take_detections(detections: Sequence[Detection]) -> list[Alert]:
    """Put every detection that is not yet known into its alert; returns the alerts that are new or grew.

    Known means: kept with an alert or as a stray. The caller moves its position in the same transaction, so what was
    counted without being kept is not read again.
    """
    now = clock.now()
    ids = [d.id for d in detections]
    known = set(AlertDetection.objects.filter(detection_id__in=ids).values_list("detection_id", flat=True))
    known |= set(StrayDetection.objects.filter(detection_id__in=ids).values_list("detection_id", flat=True))
    fresh = [d for d in detections if d.id not in known]
    units = set(Unit.objects.filter(pk__in={d.unit_id for d in fresh}).values_list("pk", flat=True))
    sources = dict(LogSource.objects.filter(pk__in={d.source_id for d in fresh}).values_list("pk", "name"))
    strays = [_stray(d, now) for d in fresh if d.unit_id not in units]
    StrayDetection.objects.bulk_create(strays)
    keyed = [(_key(d, sources.get(d.source_id)), d) for d in fresh if d.unit_id in units]
    desk = _Desk([key for key, _ in keyed])
    for key, detection in keyed:
        source_known = detection.source_id in sources
        _add(desk.draft_for(key, detection, source_known=source_known, now=now), detection, source_known=source_known)
    drafts = list(desk.drafts.values())
    for draft in drafts:
        _save(draft, now=now)
        _announce(draft, now=now)
    AlertDetection.objects.bulk_create([row for draft in drafts for row in draft.rows])
    return [draft.alert for draft in drafts]


def _stray(detection: Detection, now: datetime) -> StrayDetection:
    return StrayDetection(
        detection_id=detection.id,
        unit_id=detection.unit_id,
        source_id=detection.source_id,
        rule_id=detection.rule_id[:64],
        title=detection.title[:300],
        event_at=_moment(detection.event_ms),
        seen_at=now,
    )


def _key(detection: Detection, source_name: str | None) -> Key:
    """A record that names no machine is about its source, so that two machines of a unit stay two alerts."""
    entity = detection.entity or source_name or ""
    if detection.family == canary.FAMILY and (nonce := canary.nonce_in(detection.fields)):
        entity = f"dekhang-canary-{nonce}"  # each test is an alert of its own
    return detection.unit_id, detection.family[:60], entity[:300]


class _Desk:
    """The alerts that a batch opens or adds to. Open ones are read in one go: a burst is when time is short."""

    def __init__(self, keys: Sequence[Key]) -> None:
        units, families = {key[0] for key in keys}, {key[1] for key in keys}
        open_alerts = Alert.objects.filter(unit_id__in=units, family__in=families, status__in=OPEN)
        # locked: whoever answers one of them meanwhile waits, else saving the draft would undo the answer
        wanted = open_alerts.filter(entity__in={key[2] for key in keys} | {THE_REST}).select_for_update()
        self._open: dict[Key, Alert] = {(alert.unit_id, alert.family, alert.entity): alert for alert in wanted}
        self._kept: dict[int, int] = dict(
            AlertDetection.objects.filter(alert__in=[alert.pk for alert in self._open.values()])
            .order_by()
            .values_list("alert_id")
            .annotate(Count("pk"))
        )
        self._of_family: Counter[tuple[int, str]] = Counter(
            {
                (unit, family): n
                for unit, family, n in open_alerts.values_list("unit_id", "family").annotate(Count("pk"))
            }
        )
        self.drafts: dict[Key, _Draft] = {}

    def draft_for(self, key: Key, detection: Detection, *, source_known: bool, now: datetime) -> _Draft:
        draft = self.drafts.get(key) or self._of_open(key)
        if draft is None and self._of_family[key[:2]] >= ALERTS_OF_A_FAMILY:
            key = (key[0], key[1], THE_REST)
            draft = self.drafts.get(key) or self._of_open(key)
        if draft is None:
            self._of_family[key[:2]] += 1
            draft = _Draft(_new_alert(key, detection, source_known=source_known, now=now), True, None, None, 0)
        self.drafts[key] = draft
        return draft

    def _of_open(self, key: Key) -> _Draft | None:
        alert = self._open.get(key)
        if alert is None:
            return None
        return _Draft(alert, False, alert.level, alert.last_event_at, self._kept.get(alert.pk, 0))


def _new_alert(key: Key, detection: Detection, *, source_known: bool, now: datetime) -> Alert:
    return Alert(
        unit_id=key[0],
        source_id=detection.source_id if source_known else None,
        rule_id=detection.rule_id[:64],
        family=key[1],
        entity=key[2],
        host=detection.host[:200] if key[2] != THE_REST else "",
        title=_title(detection),
        level=_level(detection.rule_level),
        is_canary=detection.family == canary.FAMILY,
        created_at=now,
        waiting_since=now,
        first_event_at=_moment(detection.first_ms),
        last_event_at=_moment(detection.event_ms),
    )


def _title(detection: Detection) -> str:
    text = ruletexts.text_of(detection.rule_id)
    return (text.title_vi if text is not None else detection.title)[:300]


def _add(draft: _Draft, detection: Detection, *, source_known: bool) -> None:
    alert, level = draft.alert, _level(detection.rule_level)
    if _worse(level, alert.level):
        alert.level, alert.rule_id, alert.title = level, detection.rule_id[:64], _title(detection)
    alert.first_event_at = min(alert.first_event_at, _moment(detection.first_ms))
    alert.last_event_at = max(alert.last_event_at, _moment(detection.event_ms))
    alert.detection_count += 1
    alert.event_count += max(1, detection.count)
    if draft.kept + len(draft.rows) >= DETECTIONS_KEPT:
        return
    draft.rows.append(
        AlertDetection(
            detection_id=detection.id,
            event_id=detection.event_id,
            event_ids=list(detection.event_ids),
            source_id=detection.source_id if source_known else None,
            rule_id=detection.rule_id[:64],
            rule_title=_title(detection),
            level=level,
            event_at=_moment(detection.event_ms),
            host=detection.host[:200],
            fields=dict(detection.fields),
            count=max(1, detection.count),
        )
    )


def _save(draft: _Draft, *, now: datetime) -> None:
    alert = draft.alert
    words = [alert.title, alert.entity, alert.host, alert.rule_id, alert.search_text]
    words += sorted({f"{row.rule_title} {row.host}" for row in draft.rows})
    seen = dict.fromkeys(word for text in words for word in fold(text).split())
    if draft.level_before not in NEEDS_AN_ANSWER and alert.level in NEEDS_AN_ANSWER:
        alert.waiting_since = now  # harmless until now: the officer's time begins here
    alert.search_text = " ".join(seen)[:LONGEST_SEARCH_TEXT]
    alert.save()
    for row in draft.rows:
        row.alert = alert


def _announce(draft: _Draft, *, now: datetime) -> None:
    """Into the audit log, to the canary's test, to people."""
    alert = draft.alert
    if draft.is_new:
        record_event(
            action=AuditAction.ALERT_RAISED,
            by=None,
            target=alert,
            detail={"rule_id": alert.rule_id, "level": alert.level},
        )
    if alert.is_canary:
        _tell_canary(draft, now=now)
        return
    if alert.level not in NEEDS_AN_ANSWER:
        return
    if draft.is_new or draft.level_before not in NEEDS_AN_ANSWER:
        messages.tell_raised(alert)
    elif draft.level_before is not None and _worse(alert.level, draft.level_before):
        messages.tell_worse(alert)
    elif draft.last_event_before is not None:
        messages.tell_again(alert, last_event_before=draft.last_event_before)


def _tell_canary(draft: _Draft, *, now: datetime) -> None:
    for row in draft.rows:
        if nonce := canary.nonce_in(row.fields):
            canary_detected(nonce=nonce, unit_id=draft.alert.unit_id, source_id=row.source_id, at=now)
