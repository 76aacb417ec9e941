"""Signs that a number is being dressed up, each with the rows behind it. For those who inspect; no state depends on them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import Count, F
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.duties.enums import RevisionState
from dekhang.apps.duties.models import Evidence, Revision

SAME_FILE_UNITS = 2
BULK_MINUTES = 10
BULK_REVISIONS = 20
LATE_EVIDENCE_DAYS = 2  # recorded so long after what it tells about: an edit of the past, not of the network


@dataclass(frozen=True, slots=True)
class Flag:
    """One sign.

    Args:
        code: same_file · older_than_file · after_freeze · bulk_approval.
        unit_ids: whose rows they are.
        rows: pks of revisions, or of evidence for `after_freeze`.
    """

    code: str
    text: str
    unit_ids: tuple[int, ...]
    rows: tuple[int, ...]


def flags() -> list[Flag]:
    """All signs in force, the gravest kind first."""
    return [*same_file(), *older_than_file(), *bulk_approvals(), *after_freeze()]


def flags_of(revision: Revision) -> list[Flag]:
    """The signs about one text."""
    return [flag for flag in (*same_file(), *older_than_file(), *bulk_approvals()) if revision.pk in flag.rows]


def same_file() -> Iterator[Flag]:
    """The same file, by its SHA-256, filed by several units."""
    live = Revision.objects.exclude(state__in=[RevisionState.WITHDRAWN, RevisionState.RETURNED])
    shared = (
        live.values("sha256").annotate(units=Count("document__unit", distinct=True)).filter(units__gte=SAME_FILE_UNITS)
    )
    by_file: dict[str, list[tuple[int, int]]] = defaultdict(list)
    rows = live.filter(sha256__in=shared.values("sha256")).values_list("sha256", "pk", "document__unit_id")
    for sha256, pk, unit_id in rows.order_by("sha256", "pk"):
        by_file[sha256].append((pk, unit_id))
    for pairs in sorted(by_file.values(), key=len, reverse=True):
        units = tuple(dict.fromkeys(unit_id for _pk, unit_id in pairs))
        yield Flag(
            "same_file",
            _("Cùng một tệp được %(count)d đơn vị nộp.") % {"count": len(units)},
            units,
            tuple(pk for pk, _unit in pairs),
        )


def older_than_file() -> Iterator[Flag]:
    """A text dated before its file was made by more than a day: written afterwards for an earlier date, or scanned late."""
    rows = (
        Revision.objects.filter(made_at__isnull=False).exclude(state=RevisionState.WITHDRAWN).select_related("document")
    )
    for revision in rows.order_by("pk"):
        dated = timezone.make_aware(datetime.combine(revision.issued_on, time.max))
        assert revision.made_at is not None
        if revision.made_at > dated + timedelta(days=1):
            yield Flag(
                "older_than_file",
                _("Văn bản đề ngày %(dated)s nhưng tệp được tạo ngày %(made)s.")
                % {
                    "dated": f"{revision.issued_on:%d/%m/%Y}",
                    "made": f"{timezone.localtime(revision.made_at):%d/%m/%Y}",
                },
                (revision.document.unit_id,),
                (revision.pk,),
            )


def bulk_approvals() -> Iterator[Flag]:
    """One reviewer accepted more texts within minutes than anybody can read."""
    rows = (
        Revision.objects.filter(state=RevisionState.ACCEPTED)
        .select_related("document")
        .order_by("reviewed_by", "reviewed_at")
    )
    run: list[Revision] = []
    for revision in [*rows, None]:
        if revision is not None and run:
            first = run[0]
            assert first.reviewed_at is not None and revision.reviewed_at is not None
            same = revision.reviewed_by_id == first.reviewed_by_id
            if same and revision.reviewed_at - first.reviewed_at <= timedelta(minutes=BULK_MINUTES):
                run.append(revision)
                continue
        if len(run) >= BULK_REVISIONS:
            yield Flag(
                "bulk_approval",
                _("%(who)s chấp nhận %(count)d văn bản trong %(minutes)d phút.")
                % {"who": run[0].reviewed_by, "count": len(run), "minutes": BULK_MINUTES},
                tuple(dict.fromkeys(one.document.unit_id for one in run)),
                tuple(one.pk for one in run),
            )
        run = [revision] if revision is not None else []


def after_freeze() -> Iterator[Flag]:
    """Evidence written long after the day it tells about: it could not change a frozen number, but somebody tried."""
    late = Evidence.objects.filter(observed_at__lt=F("recorded_at") - timedelta(days=LATE_EVIDENCE_DAYS))
    by_unit: dict[int, list[int]] = defaultdict(list)
    for pk, unit_id in late.order_by("pk").values_list("pk", "unit_id"):
        by_unit[unit_id].append(pk)
    for unit_id, pks in by_unit.items():
        yield Flag(
            "after_freeze",
            _("%(count)d bằng chứng được ghi muộn hơn %(days)d ngày so với ngày chúng nói tới.")
            % {"count": len(pks), "days": LATE_EVIDENCE_DAYS},
            (unit_id,),
            tuple(pks),
        )
