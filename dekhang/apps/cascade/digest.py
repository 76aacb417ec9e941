"""One mail a person a day at most: numbers and a link, in the working hours that the law's data give, never at night."""

from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.cascade.waiting import PROVINCE, Waiting, waiting_at
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import JobCursor, User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import PostHolding
from dekhang.apps.registry.selectors import coordinators, unit_names
from dekhang.law import load

CURSOR = "cascade.digest"
SATURDAY = 5
AT_ONCE = 25  # letters in one transaction: others want to write too


def is_quiet() -> bool:
    """Nights and week-ends: what is due then is told on the next working morning."""
    local = timezone.localtime(clock.now())
    proof = load().proof
    return local.weekday() >= SATURDAY or not (
        proof("digest_from_hours").whole <= local.hour < proof("digest_to_hours").whole
    )


def send_digests() -> int:
    """Once on each working day, as soon as it is no more quiet; returns how many mails were written.

    Each mail is written once whatever crashes: its key names the day and the person.
    """
    if is_quiet():
        return 0
    today = clock.today()
    JobCursor.objects.get_or_create(pk=CURSOR)
    if JobCursor.objects.get(pk=CURSOR).position >= today.toordinal():
        return 0
    letters = list(_letters(waiting_at(clock.now(), today)))
    names = unit_names({unit_id for _user, unit_id, _lines in letters if unit_id})
    written = 0
    for start in range(0, len(letters), AT_ONCE):
        with transaction.atomic():
            for user, unit_id, lines in letters[start : start + AT_ONCE]:
                written += _write(user, unit_id, names.get(unit_id, ""), lines)
    # after the letters: who crashes in between begins again, and finds those that are written
    JobCursor.objects.filter(pk=CURSOR).update(position=today.toordinal(), moved_at=clock.now())
    return written


def _letters(waiting: dict[int, Waiting]) -> Iterator[tuple[User, int, list[str]]]:
    """Who gets what. A person of several units gets one mail, about the first of them that has something."""
    nothing = Waiting()
    for user in coordinators():
        if user.email and (lines := lines_for_province(waiting.get(PROVINCE, nothing))):
            yield user, PROVINCE, lines
    held = PostHolding.objects.in_force(clock.today()).filter(
        kind__in=(PostKind.OFFICER, PostKind.HEAD), user__is_active=True, user__role__in=(Role.OFFICER, Role.HEAD)
    )
    posts = list(held.select_related("user").order_by("user_id", "pk"))
    has_officer = {post.unit_id for post in posts if post.kind == PostKind.OFFICER}
    told: set[int] = set()
    for post in posts:
        numbers = waiting.get(post.unit_id)
        if numbers is None or not post.user.email or post.user_id in told:
            continue
        works = post.kind == PostKind.OFFICER or post.unit_id not in has_officer
        lines = lines_for_officer(numbers) if works else []
        lines += lines_for_head(numbers) if post.kind == PostKind.HEAD else []
        if lines:
            told.add(post.user_id)
            yield post.user, post.unit_id, lines


def lines_for_officer(numbers: Waiting) -> list[str]:
    return [
        text % {"n": number}
        for number, text in (
            (numbers.unaccepted, _("%(n)d việc mới chờ tiếp nhận")),
            (numbers.overdue, _("%(n)d việc đã quá hạn báo cáo")),
            (numbers.soon, _("%(n)d việc sắp đến hạn")),
            (numbers.returned, _("%(n)d báo cáo bị trả lại, cần gửi lại")),
            (numbers.to_explain, _("%(n)d việc phải giải trình")),
            *_of_sender(numbers),
        )
        if number
    ]


def lines_for_head(numbers: Waiting) -> list[str]:
    text = _("%(n)d việc quá hạn hoặc chưa ai tiếp nhận, chuyển lên thủ trưởng")
    return [text % {"n": numbers.with_head}] if numbers.with_head else []


def lines_for_province(numbers: Waiting) -> list[str]:
    text = _("%(n)d việc quá hạn, thủ trưởng đơn vị chưa xử lý, chuyển lên tỉnh")
    return [text % {"n": number} for number, text in ((numbers.with_province, text), *_of_sender(numbers)) if number]


def _of_sender(numbers: Waiting) -> tuple[tuple[int, str], ...]:
    return (
        (numbers.to_check, _("%(n)d báo cáo chờ kiểm tra")),
        (numbers.questions, _("%(n)d câu hỏi chờ trả lời")),
        (numbers.extensions, _("%(n)d yêu cầu gia hạn chờ trả lời")),
        (numbers.contests, _("%(n)d giải trình của đơn vị chờ trả lời")),
    )


def _write(user: User, unit_id: int, unit: str, lines: list[str]) -> int:
    day = clock.today()
    page = reverse("cascade:home")
    body = render_to_string(
        "messages/cascade_digest.txt",
        {
            "unit": unit,
            "lines": lines,
            "day": day,
            "link": settings.BASE_URL.rstrip("/") + page,
        },
    )
    message = enqueue_message(
        recipient=user.email,
        subject=_("Việc được giao ngày %(day)s") % {"day": f"{day:%d/%m/%Y}"},
        body=body,
        dedupe_key=f"cascade-digest:{day:%Y%m%d}:{user.pk}",
        unit_id=unit_id or None,
    )
    return message is not None
