"""Documents that units filed and a reviewer judged, with small files behind them."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from dekhang.apps.duties.enums import DocumentKind, EvidenceKind, EvidenceSource, RevisionState
from dekhang.apps.duties.filing.kinds import KINDS
from dekhang.apps.duties.models import Document, Revision
from dekhang.simulate.conduct import Conduct
from dekhang.simulate.rows import Row, row
from dekhang.simulate.size import ZONE, Size
from dekhang.simulate.tree import SimUnit, Tree
from dekhang.simulate.writing import first_free, insert

RENEWED_DAYS = 330  # before a year is over the honest file again
SHARED_BY = 5  # units that pass one file around
BULK = 25  # documents accepted in one go
WAITING_SHARE = 0.15  # of the units have something in the reviewer's queue


@dataclass(frozen=True, slots=True)
class Paper:
    """One filed revision.

    Args:
        text: what the file says; the same text is the same file.
        reviewed_at: None: waits in the queue.
        returned_at: when an accepted one was found wrong later.
    """

    unit: SimUnit
    kind: DocumentKind
    facts: dict[str, Any]
    text: str
    submitted_at: datetime
    reviewed_at: datetime | None
    dated_days_before: int = 0
    returned_at: datetime | None = None
    in_bulk: bool = False


def file_all(tree: Tree, conducts: dict[int, dict[str, Conduct]], size: Size) -> dict[int, list[Row]]:
    """Write documents, revisions and files; returns by unit the evidence that the reviews made of them."""
    dice = random.Random(f"{size.seed}/papers")  # noqa: S311 - made-up data
    papers = [
        paper
        for unit in tree.units
        for conduct in conducts[unit.id].values()
        for paper in _papers(unit, conduct, size, dice)
    ]
    return _write(_in_bulk(_passed_around(papers, conducts), conducts, size), tree, size)


def _papers(unit: SimUnit, conduct: Conduct, size: Size, dice: random.Random) -> Iterator[Paper]:
    if conduct.duty == "budget" and dice.random() < WAITING_SHARE:
        sent = size.end - timedelta(days=dice.uniform(1, 20))
        yield Paper(unit, DocumentKind.OTHER, {}, f"{unit.key} kế hoạch", sent, None)
    if not conduct.looks_done:
        return
    for kind, facts in _wanted(unit, conduct, size):
        number, at = 0, conduct.since + timedelta(minutes=dice.uniform(0, 600))
        while at < size.end - timedelta(days=5):
            year = at.astimezone(ZONE).year
            facts = {**facts, "year": f"{year}"} if kind == DocumentKind.BUDGET else facts
            one = Paper(
                unit, kind, facts, f"{unit.key} {kind} {facts} {number}", at, at + timedelta(hours=dice.uniform(1, 60))
            )
            if conduct.duty == "regulation":
                one = _dressed(one, conduct, unit, dice)
            after = at + timedelta(days=RENEWED_DAYS)
            if conduct.truth == "lapsed" and conduct.duty != "regulation" and after >= size.end - timedelta(days=5):
                one = replace(one, returned_at=size.end - timedelta(days=3))
            yield one
            if kind == DocumentKind.REGULATION:  # reviewed every three years
                return
            number, at = number + 1, after


def _dressed(paper: Paper, conduct: Conduct, unit: SimUnit, dice: random.Random) -> Paper:
    """A regulation as its unit's strategy, or oddity, makes it."""
    if conduct.oddity == "template":
        return replace(paper, text=f"mẫu quy chế {unit.parent_id}")
    if conduct.strategy == "backdated_file" or conduct.oddity == "late_scan":
        return replace(paper, dated_days_before=dice.randint(30, 200))
    return paper


def _wanted(unit: SimUnit, conduct: Conduct, size: Size) -> Iterator[tuple[DocumentKind, dict[str, Any]]]:
    """The kinds of text that a duty is proven by, with what they say."""
    match conduct.duty:
        case "regulation":
            yield DocumentKind.REGULATION, {}
        case "officer":
            holder = unit.officer_id + 2 if conduct.strategy == "borrowed_certificate" else unit.officer_id
            yield DocumentKind.CERTIFICATE, {"user_id": holder, "course": "An toàn thông tin nâng cao"}
        case "level":
            for system in unit.systems:
                yield (
                    DocumentKind.LEVEL_DECISION,
                    {"system_id": system.id, "level": f"{system.level}", "authority": "UBND tỉnh"},
                )
                yield DocumentKind.CONTROLS_ASSESSMENT, {"system_id": system.id, "firm": "Trung tâm Kiểm định Mô phỏng"}
        case "four_layers":
            watches = "Công ty Giám sát Mô phỏng"
            checks = {"same_firm": watches, "disguised_firm": "Chi nhánh Kiểm tra GSMP"}.get(
                conduct.strategy, "Công ty Kiểm định Độc lập Mô phỏng"
            )
            yield DocumentKind.OWN_FORCE, {}
            yield DocumentKind.MONITORING, {"firm": watches}
            yield DocumentKind.INDEPENDENT_CHECK, {"firm": checks}
            yield DocumentKind.NATIONAL_LINK, {"last_data": f"{size.end.date():%Y-%m-%d}"}
        case "budget":
            total = 100 + unit.id % 400
            yield DocumentKind.BUDGET, {"it_spending": total, "security_spending": round(total * 0.17, 1)}
        case "secrets":
            yield DocumentKind.SECRETS_OFFICER, {}
            yield DocumentKind.SECRETS_REPORT, {}


def _passed_around(papers: list[Paper], conducts: dict[int, dict[str, Conduct]]) -> list[Paper]:
    """One file for every few of the units that pass theirs around."""
    done, number = [], 0
    for paper in papers:
        if paper.kind == DocumentKind.REGULATION and conducts[paper.unit.id]["regulation"].strategy == "shared_file":
            paper = replace(paper, text=f"quy chế chuyền tay {number // SHARED_BY}")
            number += 1
        done.append(paper)
    return done


def _in_bulk(papers: list[Paper], conducts: dict[int, dict[str, Conduct]], size: Size) -> list[Paper]:
    """Papers of units that got them through in bulk: accepted by the dozen within minutes, on a few late evenings."""
    done, number = [], 0
    for paper in papers:
        secret = paper.kind in (DocumentKind.SECRETS_OFFICER, DocumentKind.SECRETS_REPORT)
        if secret and conducts[paper.unit.id]["secrets"].strategy == "bulk_approval" and paper.reviewed_at is not None:
            evening, place = divmod(number, BULK)
            at = size.end - timedelta(days=20 + 6 * evening, hours=2) + timedelta(seconds=17 * place)
            if at > size.start:
                paper = replace(paper, submitted_at=at - timedelta(days=2), reviewed_at=at, in_bulk=True)
            number += 1
        done.append(paper)
    return done


def _write(papers: list[Paper], tree: Tree, size: Size) -> dict[int, list[Row]]:
    evidence: dict[int, list[Row]] = defaultdict(list)
    folder = Path(settings.MEDIA_ROOT) / "documents" / f"{size.until.year}"
    folder.mkdir(parents=True, exist_ok=True)
    next_document, revision_id = first_free(Document), first_free(Revision)
    documents: dict[tuple[int, str, str], int] = {}
    numbers: dict[int, int] = defaultdict(int)
    rows, revisions = [], []
    for paper in sorted(papers, key=lambda one: (one.submitted_at, one.unit.id, one.kind, one.text)):
        kind = KINDS[paper.kind]
        subject = kind.subject(paper.facts) if paper.kind != DocumentKind.OTHER else "other:ke-hoach"
        title = f"{paper.kind.label}"[:200]
        known = (paper.unit.id, str(paper.kind), subject)
        if known not in documents:
            documents[known] = next_document + len(documents)
            rows.append(
                (
                    *(documents[known], paper.unit.id, paper.kind, title, subject),
                    *(list(kind.duties), paper.submitted_at, paper.unit.officer_id),
                )
            )
        document = documents[known]
        numbers[document] += 1
        content = f"%PDF-1.4\n% Văn bản mô phỏng: {paper.text}\n".encode()
        digest = hashlib.sha256(content).hexdigest()
        name = f"{digest[:24]}.pdf"
        if not (folder / name).exists():
            (folder / name).write_bytes(content)
        submitted = paper.submitted_at
        issued_on = (submitted - timedelta(days=1 + paper.dated_days_before)).astimezone(ZONE).date()
        accepted, returned = paper.reviewed_at, paper.returned_at
        state = (
            RevisionState.SUBMITTED
            if accepted is None
            else RevisionState.RETURNED
            if returned
            else RevisionState.ACCEPTED
        )
        revisions.append(
            (
                *(
                    revision_id,
                    document,
                    numbers[document],
                    f"documents/{size.until.year}/{name}",
                    f"van-ban-{document}.pdf",
                ),
                *(
                    len(content),
                    digest,
                    submitted - timedelta(hours=20),
                    f"{document}/MP",
                    issued_on,
                    paper.facts,
                    state,
                ),
                *(submitted, paper.unit.officer_id, returned or accepted, tree.reviewer_id if accepted else None),
                *("Văn bản không còn đúng." if returned else "", paper.in_bulk),
            )
        )
        about = {"facts": paper.facts, "sha256": digest, "title": title}
        if accepted is not None:
            for at, ok in ((accepted, True), (returned, False)):
                if at is not None:
                    evidence[paper.unit.id].append(
                        row(
                            paper.unit.id,
                            EvidenceKind.DOCUMENT_CHECKED,
                            subject,
                            at,
                            ok=ok,
                            until=kind.ends(paper.facts, issued_on, accepted) if ok else None,
                            reason="" if ok else "Văn bản không còn đúng.",
                            payload=about,
                            source=EvidenceSource.PERSON,
                            revision=revision_id,
                        )
                    )
        revision_id += 1
    insert(Document, ("id", "unit_id", "kind", "title", "subject", "duty_keys", "created_at", "created_by_id"), rows)
    insert(
        Revision,
        (
            *("id", "document_id", "number", "file", "file_name", "size_bytes", "sha256", "made_at", "issue_number"),
            *("issued_on", "facts", "state", "submitted_at", "submitted_by_id", "reviewed_at", "reviewed_by_id"),
            *("review_note", "in_bulk"),
        ),
        revisions,
    )
    return evidence
