"""Signs that a number is being dressed up, each with the rows behind it. For those who inspect; no state depends on them.

Here those about texts that were filed; `doings` has those about what the system saw.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, DateTimeField, ExpressionWrapper, F, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import RevisionState
from dekhang.apps.duties.models import Revision

SAME_FILE_UNITS = 2
BULK_MINUTES = 10
BULK_REVISIONS = 20
OLDER_DAYS = 1


@dataclass(frozen=True, slots=True)
class Flag:
    """One sign.

    Args:
        code: same_file · older_than_file · bulk_approval, of texts; after_freeze · robot_answer · constant_stream ·
            roster_swing, of doings.
        unit_ids: whose rows they are.
        rows: pks of revisions, for a sign about texts; of evidence for `after_freeze` and `robot_answer`; of sources for
            `constant_stream`; of people for `roster_swing`.
        duty_keys: the duties that it is about, where the rows do not say so themselves.
    """

    code: str
    text: str
    unit_ids: tuple[int, ...]
    rows: tuple[int, ...]
    duty_keys: tuple[str, ...] = ()

    @property
    def is_of_texts(self) -> bool:
        return self.code in OF_TEXTS

    @property
    def is_of_evidence(self) -> bool:
        return self.code in OF_EVIDENCE


OF_EVIDENCE = frozenset({"after_freeze", "robot_answer"})
OF_TEXTS = frozenset({"same_file", "older_than_file", "bulk_approval"})


def of_texts() -> list[Flag]:
    """All signs about texts in force, the gravest kind first."""
    return [*same_file(), *older_than_file(), *bulk_approvals()]


def flags_of(revision: Revision) -> list[Flag]:
    """The signs about one text."""
    minutes = timedelta(minutes=BULK_MINUTES)
    near = _accepted().none()
    if revision.reviewed_at is not None:
        near = _accepted().filter(
            reviewed_by=revision.reviewed_by_id,
            reviewed_at__gt=revision.reviewed_at - 2 * minutes,
            reviewed_at__lt=revision.reviewed_at + 2 * minutes,
        )
    found = (
        *same_file(_live().filter(sha256=revision.sha256)),
        *older_than_file(Revision.objects.filter(pk=revision.pk)),
        *bulk_approvals(near),
    )
    return [flag for flag in found if revision.pk in flag.rows]


def _live() -> QuerySet[Revision]:
    return Revision.objects.exclude(state__in=[RevisionState.WITHDRAWN, RevisionState.RETURNED])


def _accepted() -> QuerySet[Revision]:
    return Revision.objects.filter(state=RevisionState.ACCEPTED)


def same_file(among: QuerySet[Revision] | None = None) -> Iterator[Flag]:
    """The same file, by its SHA-256, filed by several units."""
    live = _live() if among is None else among
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


def older_than_file(among: QuerySet[Revision] | None = None) -> Iterator[Flag]:
    """A text dated before its file was made by more than a day: written afterwards for an earlier date, or scanned late."""
    rows = (Revision.objects.all() if among is None else among).filter(made_at__isnull=False)
    rows = rows.exclude(state=RevisionState.WITHDRAWN)
    if among is None:  # most texts are as old as their files: let the database leave them out
        made_on = TruncDate(ExpressionWrapper(F("made_at") - timedelta(days=OLDER_DAYS), output_field=DateTimeField()))
        rows = rows.filter(issued_on__lt=made_on)
    for pk, unit_id, issued_on, made in rows.order_by("pk").values_list(
        "pk", "document__unit_id", "issued_on", "made_at"
    ):
        if made > _end_of(issued_on) + timedelta(days=OLDER_DAYS):
            yield Flag(
                "older_than_file",
                _("Văn bản đề ngày %(dated)s nhưng tệp được tạo ngày %(made)s.")
                % {"dated": f"{issued_on:%d/%m/%Y}", "made": f"{timezone.localtime(made):%d/%m/%Y}"},
                (unit_id,),
                (pk,),
            )


def _end_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.max))


def bulk_approvals(among: QuerySet[Revision] | None = None) -> Iterator[Flag]:
    """One reviewer accepted more texts within minutes than anybody can read."""
    rows = (_accepted() if among is None else among).order_by("reviewed_by", "reviewed_at")
    found = list(_runs(rows.values_list("pk", "document__unit_id", "reviewed_by", "reviewed_at")))
    names = dict(User.objects.filter(pk__in={run[0][2] for run in found}).values_list("pk", "full_name"))
    for run in found:
        yield Flag(
            "bulk_approval",
            _("%(who)s chấp nhận %(count)d văn bản trong %(minutes)d phút.")
            % {"who": names.get(run[0][2], ""), "count": len(run), "minutes": BULK_MINUTES},
            tuple(dict.fromkeys(unit_id for _pk, unit_id, *_rest in run)),
            tuple(pk for pk, *_rest in run),
        )


Accepted = tuple[int, int, int, datetime]  # revision, unit, reviewer, when


def _runs(rows: Iterable[Accepted]) -> Iterator[list[Accepted]]:
    """Stretches of BULK_MINUTES from their first row with BULK_REVISIONS or more of one reviewer."""
    run: list[Accepted] = []
    for row in rows:
        if run and not (row[2] == run[0][2] and row[3] - run[0][3] <= timedelta(minutes=BULK_MINUTES)):
            if len(run) >= BULK_REVISIONS:
                yield run
            run = []
        run.append(row)
    if len(run) >= BULK_REVISIONS:
        yield run
