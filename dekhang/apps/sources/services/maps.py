"""Keeping what could be seen at each unit: computed by `jobs`, taken away by people."""

import hashlib
from datetime import datetime, timedelta

import orjson
from django.conf import settings
from django.db import transaction

from dekhang.apps.core.audit import record_event
from dekhang.apps.core.models import User
from dekhang.apps.sources import rulebook
from dekhang.apps.sources.blindness import ROUTE_DAYS
from dekhang.apps.sources.detectability import BLIND, PARTLY, SEEN, map_of
from dekhang.apps.sources.enums import AuditAction
from dekhang.apps.sources.models import Detectability
from dekhang.engine.attack import main_techniques_of
from dekhang.pipeline.stores import detections, routes

REFRESH = timedelta(hours=6)  # proofs come and routes go without anything new arriving


def keep_map(*, unit_id: int, at: datetime) -> bool:
    """Compute the unit's map when what arrives or the rules have changed, or it is old. Returns whether it was made anew."""
    since_ms = int((at - timedelta(days=ROUTE_DAYS)).timestamp() * 1000)
    found = routes.of_units(settings.DATA, [unit_id], since_ms=since_ms)[unit_id]
    arriving = sorted({(route.place, route.fields) for route in found}, key=lambda one: (str(one[0]), sorted(one[1])))
    fingerprint = hashlib.sha256(
        orjson.dumps([rulebook.edition(), [[list(place), sorted(fields)] for place, fields in arriving]])
    ).hexdigest()
    known = Detectability.objects.filter(pk=unit_id).values_list("fingerprint", "computed_at").first()
    if known is not None and known[0] == fingerprint and at - known[1] < REFRESH:
        return False
    seen = map_of(rulebook.visibility(), arriving)
    states = [technique.state for technique in seen.techniques]
    Detectability.objects.update_or_create(
        pk=unit_id,
        defaults={
            "computed_at": at,
            "fingerprint": fingerprint,
            "seen": states.count(SEEN),
            "partly": states.count(PARTLY),
            "blind": states.count(BLIND),
            "visible_rules": seen.visible_rules,
            "rules": seen.rules,
            "body": {**seen.as_json(), "proofs": _proofs(unit_id, since_ms)},
        },
    )
    return True


def _proofs(unit_id: int, since_ms: int) -> dict[str, dict[str, object]]:
    """Technique → its newest detection at the unit: rule, when (UTC epoch ms), how often in all."""
    proofs: dict[str, dict[str, object]] = {}
    newest: dict[str, int] = {}
    for rule_id, last in detections.last_by_rule(settings.DATA, unit_id, since_ms=since_ms).items():
        rule = rulebook.installed().find(rule_id)
        for key in main_techniques_of(rule) if rule is not None else ():
            if rule is not None and last.last_ms > newest.get(key, -1):
                newest[key] = last.last_ms
                proofs[key] = {"rule": rule_id, "title": rule.title_vi, "last_ms": last.last_ms, "times": last.times}
    return proofs


@transaction.atomic
def record_map_export(*, unit_id: int, by: User) -> None:
    """A unit's map left the system: who took it, when."""
    record_event(action=AuditAction.MAP_EXPORTED, by=by, unit_id=unit_id)
