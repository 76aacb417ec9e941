"""Connecting a source: its token, its place in the intake map, its end and its return."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.registry.models import System
from dekhang.apps.sources.addresses import taken_by_others
from dekhang.apps.sources.bindings import taken_certificate, taken_host
from dekhang.apps.sources.enums import DEFAULT_CADENCE_SECONDS, AuditAction, SourceKind, SourceState
from dekhang.apps.sources.models import CanaryCall, LogSource, Silence
from dekhang.apps.sources.policies import (
    check_can_change,
    check_can_connect,
    check_can_restore,
    check_can_set_quota,
)
from dekhang.pipeline.stores import intake

HINT_LENGTH = 4
LONGEST_OVERLAP = timedelta(days=7)  # of an old token beside a new one


def subject_of(source: LogSource) -> str:
    """How evidence names a source."""
    return f"source:{source.pk}"


def intake_entries() -> list[intake.IntakeSource]:
    """Every source as the receivers must know it, retired ones included: they are refused by name."""
    return [
        intake.IntakeSource(
            source_id=source.pk,
            unit_id=source.unit_id,
            kind=source.kind,
            token_sha256=source.token_sha256,
            addresses=tuple(source.addresses),
            tail_paths=tuple(source.tail_paths),
            retired=source.state == SourceState.RETIRED,
            quota_eps=source.quota_eps,
            certificates=tuple(source.certificates),
            hosts=tuple(source.hosts),
            folders=tuple(source.folders),
            bucket=intake.Bucket(**source.bucket) if source.bucket else None,
            former_token_sha256=source.former_token_sha256 if has_former_token(source) else "",
        )
        for source in LogSource.objects.order_by("pk")
    ]


def has_former_token(source: LogSource) -> bool:
    """Whether the token before the present one is still accepted; `jobs.tick` publishes its end."""
    return source.former_token_until is not None and clock.now() < source.former_token_until


def publish() -> None:
    """Rewrite the receivers' map once the present transaction is committed; `jobs.tick` mends a lost write."""
    transaction.on_commit(lambda: intake.publish(settings.DATA, intake_entries()))


def _check_addresses(unit_id: int, given: Sequence[str]) -> None:
    if taken := taken_by_others(unit_id, given):
        raise ActionDenied(
            _(
                "Địa chỉ %(address)s đã được đơn vị khác khai. Hãy dùng mã nguồn log thay cho địa chỉ, hoặc hỏi cơ quan điều phối."
            )
            % {"address": taken}
        )


def _check_bindings(source: LogSource, certificates: Sequence[str], hosts: Sequence[str]) -> None:
    if taken := taken_certificate(source.pk, certificates):
        raise ActionDenied(
            _("Chứng chỉ %(digest)s… đã được khai cho một nguồn khác; mỗi chứng chỉ chỉ nói thay một nguồn.")
            % {"digest": taken[:16]}
        )
    if taken := taken_host(source.unit_id, hosts):
        raise ActionDenied(_("Tên máy %(host)s đã được đơn vị khác khai. Hãy hỏi cơ quan điều phối.") % {"host": taken})


def expect(source: LogSource, outcome: Outcome, reason: str = "") -> None:
    """Evidence that the source's unit is to have it (ok), or not any more (broken, with the reason)."""
    record_evidence(
        unit_id=source.unit_id,
        kind=EvidenceKind.SOURCE_EXPECTED,
        subject=subject_of(source),
        outcome=outcome,
        observed_at=clock.now(),
        reason=reason,
        payload={"kind": source.kind, "name": source.name},
    )


@transaction.atomic
def create_source(
    *,
    unit_id: int,
    name: str,
    kind: SourceKind | str,
    system: System | None = None,
    addresses: Sequence[str] = (),
    tail_paths: Sequence[str] = (),
    by: User | None,
) -> tuple[LogSource, str]:
    """Register a source and return it with its token, which is nowhere kept in clear.

    Args:
        addresses: IP addresses or networks it may send plain syslog from.
        tail_paths: files on this server to follow; only set by code (demo, command line), never from a page.
        by: None when the system itself (demo, command line) connects it.
    Raises:
        ActionDenied: `by` does not work for the unit.
    """
    if by is not None:
        check_can_connect(by, unit_id)
    _check_addresses(unit_id, addresses)
    now = clock.now()
    token = intake.new_token()
    source = LogSource.objects.create(
        unit_id=unit_id,
        system=system,
        name=name,
        kind=SourceKind(kind),
        token_sha256=intake.hash_token(token),
        token_hint=token[-HINT_LENGTH:],
        addresses=list(addresses),
        tail_paths=list(tail_paths),
        cadence_seconds=DEFAULT_CADENCE_SECONDS[SourceKind(kind)],
        state_since=now,
        created_at=now,
        created_by=by,
    )
    expect(source, Outcome.OK)
    record_event(action=AuditAction.SOURCE_CREATED, by=by, target=source, detail={"kind": source.kind})
    publish()
    return source, token


def is_token_of(source: LogSource, token: str) -> bool:
    """Whether `token` is the source's present one."""
    return intake.hash_token(token) == source.token_sha256


@transaction.atomic
def renew_token(*, source: LogSource, by: User | None, keep_former: timedelta = timedelta(0)) -> str:
    """Give the source a new token.

    Args:
        keep_former: how long the old token is still accepted, at most LONGEST_OVERLAP, so that nothing is refused while
            people carry the new one to the machine; zero, for a token that leaked: it is refused within a second.
    Raises:
        ActionDenied: `by` may not, or wants a longer overlap.
    """
    if by is not None:
        check_can_change(by, source)
    if keep_former > LONGEST_OVERLAP:
        raise ActionDenied(_("Mã cũ được giữ nhiều nhất %(n)d ngày.") % {"n": LONGEST_OVERLAP.days})
    token = intake.new_token()
    former = {"former_token_sha256": "", "former_token_until": None}
    if keep_former:
        former = {"former_token_sha256": source.token_sha256, "former_token_until": clock.now() + keep_former}
    LogSource.objects.filter(pk=source.pk).update(
        token_sha256=intake.hash_token(token), token_hint=token[-HINT_LENGTH:], **former
    )
    record_event(
        action=AuditAction.SOURCE_TOKEN_RENEWED,
        by=by,
        target=source,
        detail={"former_kept_hours": keep_former / timedelta(hours=1)},
    )
    publish()
    source.refresh_from_db()
    return token


@transaction.atomic
def end_former_token(*, source: LogSource, by: User | None) -> LogSource:
    """Refuse the token before the present one from now on."""
    if by is not None:
        check_can_change(by, source)
    ended = (
        LogSource.objects.filter(pk=source.pk)
        .exclude(former_token_sha256="")
        .update(former_token_sha256="", former_token_until=None)
    )
    if ended:
        record_event(action=AuditAction.SOURCE_FORMER_TOKEN_ENDED, by=by, target=source)
        publish()
        source.refresh_from_db()
    return source


@transaction.atomic
def set_quota(*, source: LogSource, quota_eps: int, by: User | None) -> LogSource:
    """How many records a second the source may send before it waits in a line of its own; 0: as everybody.

    Raises:
        ActionDenied: `by` is neither coordinator nor administrator.
    """
    if by is not None:
        check_can_set_quota(by)
    if source.quota_eps != quota_eps:
        record_event(
            action=AuditAction.SOURCE_QUOTA_SET,
            by=by,
            target=source,
            detail={"before": source.quota_eps, "after": quota_eps},
        )
        LogSource.objects.filter(pk=source.pk).update(quota_eps=quota_eps)
        publish()
        source.refresh_from_db()
    return source


def set_fields(source: LogSource, wanted: dict[str, Any], *, action: AuditAction, by: User | None) -> LogSource:
    """Write what differs, with what it was before in the audit log, and tell the receivers; in the caller's transaction."""
    before = {field: getattr(source, field) for field in wanted if getattr(source, field) != wanted[field]}
    if not before:
        return source
    LogSource.objects.filter(pk=source.pk).update(**wanted)
    after = {field: wanted[field] for field in before}
    record_event(action=action, by=by, target=source, detail={"before": before, "after": after})
    publish()
    source.refresh_from_db()
    return source


@transaction.atomic
def change(
    *,
    source: LogSource,
    name: str,
    system: System | None,
    addresses: Sequence[str],
    cadence_seconds: int,
    certificates: Sequence[str] = (),
    hosts: Sequence[str] = (),
    by: User | None,
) -> LogSource:
    """Change what a person may change of a source; what it was before is in the audit log.

    Args:
        cadence_seconds: the silence that people call normal; 0: the source's own cadence, as it is learnt.
    """
    if by is not None:
        check_can_change(by, source)
    _check_addresses(source.unit_id, addresses)
    _check_bindings(source, certificates, hosts)
    wanted = {
        "name": name,
        "system_id": system.pk if system else None,
        "addresses": list(addresses),
        "cadence_seconds": cadence_seconds or source.cadence_seconds,
        "cadence_fixed": cadence_seconds > 0,
        "certificates": list(certificates),
        "hosts": list(hosts),
    }
    return set_fields(source, wanted, action=AuditAction.SOURCE_CHANGED, by=by)


@transaction.atomic
def retire(*, source: LogSource, by: User | None) -> LogSource:
    """Stop expecting and accepting events of the source. What it sent stays; `restore` takes it back."""
    if by is not None:
        check_can_change(by, source)
    now = clock.now()
    moved = (
        LogSource.objects.filter(pk=source.pk)
        .exclude(state=SourceState.RETIRED)
        .update(state=SourceState.RETIRED, state_since=now, state_reason="", retired_at=now)
    )
    if moved != 1:
        raise ActionDenied(_("Nguồn này vừa được người khác cho ngừng."))
    Silence.objects.filter(source=source, ended_at=None).update(ended_at=now)
    CanaryCall.objects.filter(source=source, canary=None, missed_at=None).update(missed_at=now)
    reason = _("Đơn vị cho ngừng nguồn log này.")
    expect(source, Outcome.BROKEN, reason)
    # also not delivering: when it is restored, old deliveries and old canaries must not prove anything
    record_evidence(
        unit_id=source.unit_id,
        kind=EvidenceKind.SOURCE_DELIVERING,
        subject=subject_of(source),
        outcome=Outcome.BROKEN,
        observed_at=now,
        reason=reason,
    )
    record_event(action=AuditAction.SOURCE_RETIRED, by=by, target=source)
    publish()
    source.refresh_from_db()
    return source


@transaction.atomic
def restore(*, source: LogSource, by: User | None) -> LogSource:
    """Take a retired source back with its old token; it waits for an event before it counts again."""
    if by is not None:
        check_can_restore(by, source)
    _check_addresses(source.unit_id, source.addresses)
    _check_bindings(source, source.certificates, source.hosts)
    moved = LogSource.objects.filter(pk=source.pk, state=SourceState.RETIRED).update(
        state=SourceState.WAITING,
        state_since=clock.now(),
        state_reason=_("Vừa được dùng lại, chờ sự kiện mới."),
        retired_at=None,
    )
    if moved != 1:
        raise ActionDenied(_("Nguồn này vừa được người khác dùng lại."))
    source.refresh_from_db()
    expect(source, Outcome.OK)
    record_event(action=AuditAction.SOURCE_RESTORED, by=by, target=source)
    publish()
    return source
