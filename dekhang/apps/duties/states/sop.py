"""Duty `sop`: when is it proven that a unit has a standard incident procedure?

Proven at t when for at least one kind of incident all of this holds for rows observed until t:
- the procedure is there (adopted or uploaded) and the head approved it since its newest text;
- the posts of head and officer are filled, and somebody of the unit answered as duty contact and that has not expired;
- every head and officer in force has read the newest text;
- it was exercised (or used in earnest), with the time to its first step measured, and that has not expired.

Law: CT14-2019; TT20-2017/12; validities are our choice and stand in dekhang/law/data/proofs.yml.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.duties.enums import ClaimState, EvidenceKind
from dekhang.apps.duties.states.rows import ClaimSpan, Facts, Measure, Observation, Problem, Reason

EVIDENCE_KINDS = (
    EvidenceKind.SOP_DOCUMENT,
    EvidenceKind.SOP_APPROVED,
    EvidenceKind.SOP_READ,
    EvidenceKind.SOP_EXERCISED,
    EvidenceKind.CONTACT_ALIVE,
    EvidenceKind.POST_FILLED,
)
# Incident kinds in words; a test holds this equal to incidents.enums (a higher app, so not imported here).
KIND_NAMES = {
    "malware": "mã độc",
    "intrusion": "xâm nhập cổng thông tin",
    "phishing": "lừa đảo, chiếm tài khoản",
    "denial_of_service": "từ chối dịch vụ",
    "data_leak": "lộ lọt dữ liệu",
}
POSTS = ("head", "officer")


class Sop:
    def problems(self, facts: Facts, at: datetime) -> list[Problem]:
        """Problems of the procedure that is nearest to proof, then those of the whole unit."""
        subjects = sorted(
            {
                row.subject
                for kind in (EvidenceKind.SOP_DOCUMENT, EvidenceKind.SOP_APPROVED)
                for row in facts.of(kind)
                if row.ok
            }
        )
        own = min((self._of_procedure(facts, subject, at) for subject in subjects), key=len, default=None)
        found = [*([Problem("no_sop")] if own is None else own), *self._of_unit(facts, at)]
        return sorted(found, key=lambda problem: problem.code != "exercise_failed")  # what contradicts comes first

    @staticmethod
    def _of_procedure(facts: Facts, subject: str, at: datetime) -> list[Problem]:
        document = facts.get(EvidenceKind.SOP_DOCUMENT, subject)
        approved = facts.get(EvidenceKind.SOP_APPROVED, subject)
        if document is not None and not document.ok:
            return [Problem("no_sop"), Problem("not_approved", subject), Problem("not_exercised", subject)]
        problems: list[Problem] = []
        if approved is None or not approved.ok:
            problems.append(Problem("not_approved", subject))
        elif not approved.holds(at):
            problems.append(Problem("approval_expired", subject, approved))
        elif document is not None and approved.observed_at < document.observed_at:
            problems.append(Problem("approve_again", subject, document))
        text_since = document.observed_at if document else (approved.observed_at if approved else at)
        readers = {
            row.payload.get("user_id")
            for row in facts.of(EvidenceKind.SOP_READ)
            if row.subject == subject and row.ok and row.observed_at >= text_since
        }
        unread = [user for user in _in_post(facts) if user not in readers]
        if unread:
            problems.append(Problem("not_read", subject, count=len(unread)))
        exercised = facts.get(EvidenceKind.SOP_EXERCISED, subject)
        if exercised is None:
            problems.append(Problem("not_exercised", subject))
        elif not exercised.ok:
            problems.append(Problem("exercise_failed", subject, exercised))
        elif not exercised.holds(at):
            problems.append(Problem("exercise_expired", subject, exercised))
        elif exercised.payload.get("first_step_seconds") is None:
            problems.append(Problem("not_measured", subject, exercised))
        return problems

    @staticmethod
    def _of_unit(facts: Facts, at: datetime) -> Iterable[Problem]:
        for post in POSTS:
            filled = facts.get(EvidenceKind.POST_FILLED, f"post:{post}")
            if filled is None or not filled.ok:
                yield Problem(f"{post}_missing")
        answers = list(facts.of(EvidenceKind.CONTACT_ALIVE))
        if not any(row.holds(at) for row in answers):
            newest = max(answers, key=lambda row: row.observed_at, default=None)
            yield Problem("contact_expired" if newest else "contact_missing", about=newest)

    def unproven_state(
        self, facts: Facts, problems: Sequence[Problem], *, declared_since: datetime | None, decayed: bool, at: datetime
    ) -> ClaimState:
        if declared_since is not None and any(problem.code == "exercise_failed" for problem in problems):
            return ClaimState.REFUTED  # the unit says it has one, and when it was tried it did not work
        if decayed:
            return ClaimState.DECAYED
        if any(row.holds(at) for row in facts.of(EvidenceKind.SOP_APPROVED)):
            return ClaimState.EVIDENCED
        if declared_since is not None or any(row.ok for row in facts.of(EvidenceKind.SOP_DOCUMENT)):
            return ClaimState.DECLARED
        return ClaimState.UNKNOWN

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        return ()

    def proven_until(self, facts: Facts, at: datetime) -> datetime | None:
        """The end of the procedure that lasts longest, but never after the last live contact."""
        contact = max((row.valid_until or datetime.max.replace(tzinfo=at.tzinfo)) for row in self._live(facts, at))
        ends = [
            min(exercised.valid_until or contact, approved.valid_until or contact, contact)
            for exercised in facts.of(EvidenceKind.SOP_EXERCISED)
            if (approved := facts.get(EvidenceKind.SOP_APPROVED, exercised.subject))
            and not self._of_procedure(facts, exercised.subject, at)
        ]
        return max(ends, default=None)

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        return None  # a unit has its procedure or not

    @staticmethod
    def _live(facts: Facts, at: datetime) -> list[Observation]:
        return [row for row in facts.of(EvidenceKind.CONTACT_ALIVE) if row.holds(at)]

    def reason(self, problem: Problem, facts: Facts, at: datetime) -> Reason:
        kind = problem.subject.removeprefix("sop:")
        words = {
            "kind": KIND_NAMES.get(kind, kind),
            "count": problem.count,
            "why": problem.about.reason if problem.about else "",
            "when": _day(problem.about, expiry=problem.code.endswith("_expired")),
        }
        text, step, url_name = {
            "no_sop": (
                _("Chưa có quy trình ứng cứu sự cố nào."),
                _("Mở mục Quy trình và áp dụng quy trình mẫu đầu tiên."),
                "incidents:sops",
            ),
            "not_approved": (
                _("Quy trình %(kind)s chưa được thủ trưởng phê duyệt."),
                _("Thủ trưởng mở quy trình %(kind)s, xem và phê duyệt."),
                "incidents:sops",
            ),
            "approve_again": (
                _("Văn bản quy trình %(kind)s đã thay ngày %(when)s, chưa được phê duyệt lại."),
                _("Thủ trưởng xem bản mới của quy trình %(kind)s và phê duyệt."),
                "incidents:sops",
            ),
            "approval_expired": (
                _("Phê duyệt quy trình %(kind)s đã hết hạn ngày %(when)s."),
                _("Thủ trưởng rà soát quy trình %(kind)s và phê duyệt lại."),
                "incidents:sops",
            ),
            "not_read": (
                _("Còn %(count)s người có vai trò chưa xác nhận đã đọc quy trình %(kind)s."),
                _("Thủ trưởng và cán bộ chuyên trách đọc quy trình %(kind)s và bấm xác nhận."),
                "incidents:sops",
            ),
            "not_exercised": (
                _("Quy trình %(kind)s chưa được diễn tập hay dùng thật."),
                _("Chạy một buổi diễn tập quy trình %(kind)s; hệ thống đo thời gian tới bước đầu tiên."),
                "incidents:sops",
            ),
            "exercise_failed": (
                _("Lần dùng quy trình %(kind)s gần nhất không đạt (%(when)s). %(why)s"),
                _("Diễn tập lại quy trình %(kind)s từ đầu tới cuối."),
                "incidents:sops",
            ),
            "exercise_expired": (
                _("Lần diễn tập quy trình %(kind)s đã hết hạn ngày %(when)s."),
                _("Diễn tập lại quy trình %(kind)s."),
                "incidents:sops",
            ),
            "not_measured": (
                _("Lần dùng quy trình %(kind)s không đo được thời gian tới bước đầu tiên."),
                _("Diễn tập lại quy trình %(kind)s và làm bước đầu tiên trong hệ thống."),
                "incidents:sops",
            ),
            "head_missing": (
                _("Hệ thống chưa có thủ trưởng của đơn vị."),
                _("Nhờ cơ quan điều phối giao vị trí thủ trưởng cho một tài khoản."),
                None,
            ),
            "officer_missing": (
                _("Hệ thống chưa có cán bộ chuyên trách của đơn vị."),
                _("Nhờ cơ quan điều phối giao vị trí cán bộ chuyên trách cho một tài khoản."),
                None,
            ),
            "contact_missing": (
                _("Chưa có đầu mối trực nào trả lời."),
                _("Cán bộ chuyên trách bấm “Tôi đang trực” ở trang Việc hôm nay."),
                "portal:home",
            ),
            "contact_expired": (
                _("Đầu mối trực trả lời lần cuối đã quá hạn (%(when)s)."),
                _("Cán bộ chuyên trách bấm “Tôi đang trực” ở trang Việc hôm nay."),
                "portal:home",
            ),
        }[problem.code]
        return Reason(problem.code, (text % words).strip(), step % words, url_name, problem.subject)


def _in_post(facts: Facts) -> set[object]:
    """Ids of the people who must have read it: heads and officers in force."""
    people: set[object] = set()
    for post in POSTS:
        filled = facts.get(EvidenceKind.POST_FILLED, f"post:{post}")
        if filled is not None and filled.ok:
            ids = filled.payload.get("user_ids")
            people.update(ids if isinstance(ids, list) else ())
    return people


def _day(row: Observation | None, *, expiry: bool = False) -> str:
    moment = (row.valid_until if expiry else row.observed_at) if row else None
    return f"{timezone.localtime(moment):%d/%m/%Y}" if moment else ""
