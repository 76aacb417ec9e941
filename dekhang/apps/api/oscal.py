"""Duties, claims and evidence as OSCAL: the duties as a catalog, units' states as assessment results.

States are the board's of that day, so a file and the board never differ. Identifiers are computed (UUID version 5) out of
what they name: the same day gives the same file, and two files of different days name the same things alike.
Spec: OSCAL 1.1.3, https://pages.nist.gov/OSCAL-Reference/models/v1.1.3/
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import orjson
from django.conf import settings
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.duties.contesting.selectors import newest_rows
from dekhang.apps.duties.enums import ClaimState, EvidenceSource, Outcome
from dekhang.apps.duties.models import Claim, Evidence
from dekhang.apps.duties.selectors import moment_of
from dekhang.apps.registry.models import Unit
from dekhang.apps.scoreboard import selectors as board
from dekhang.apps.scoreboard.figures import BoardRow
from dekhang.law import load
from dekhang.law.shapes import Duty

OSCAL_VERSION = "1.1.3"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:dekhang:oscal")
PROPERTIES = "urn:dekhang:oscal:properties"
METHODS = {EvidenceSource.SYSTEM: "TEST", EvidenceSource.PERSON: "EXAMINE", EvidenceSource.IMPORT: "EXAMINE"}

Json = dict[str, Any]


def written(document: Json) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def catalog(day: date) -> Json:
    """The duties in force on `day`, each with what must be done and what proves it."""
    duties = load().duties_on(day)
    return {
        "catalog": {
            "uuid": _id("catalog", day),
            "metadata": _metadata(_("Nghĩa vụ bảo đảm an toàn thông tin của tỉnh"), day),
            "groups": [
                {
                    "id": "duties",
                    "title": _("Nghĩa vụ theo Chỉ thị 14/CT-TTg"),
                    "controls": [_control(one) for one in duties],
                }
            ],
        }
    }


def _control(duty: Duty) -> Json:
    parts = [
        {"id": f"{duty.key}_smt", "name": "statement", "prose": duty.obligation},
        {"id": f"{duty.key}_obj", "name": "assessment-objective", "prose": duty.proven},
        {"id": f"{duty.key}_gdn", "name": "guidance", "prose": duty.next_step},
    ]
    basis = load().cite_in_force(duty.basis, duty.valid_from)
    return {
        "id": duty.key,
        "title": _line(duty.title),
        "props": [_property("basis", text) for text in basis],
        "parts": parts,
    }


def results_of_unit(user: User, unit_id: int, day: date) -> Json | None:
    """One unit's findings with the evidence rows behind them; None when it carried no duty that day or may not be seen."""
    found = _rows(user, day, {unit_id})
    if not found:
        return None
    at = moment_of(day)
    unit = Unit.objects.get(pk=unit_id)
    evidence: dict[int, Evidence] = {}
    behind: dict[str, list[Evidence]] = {}
    for duty_key, _row in found:
        behind[duty_key] = newest_rows(unit_id, duty_key, at)
        evidence |= {row.pk: row for row in behind[duty_key]}
    observations = [_observation(unit, row) for row in sorted(evidence.values(), key=lambda row: row.pk)]
    claims = _claims({unit_id}, at)
    findings = [_finding(unit, day, key, row, behind[key], claims.get((unit_id, key))) for key, row in found]
    result = _result(unit, found[0][1].name, day, [key for key, _row in found], findings, observations)
    return _document(_("Kết quả của %(unit)s") % {"unit": found[0][1].name}, day, [(unit, found[0][1].name)], [result])


def results(user: User, day: date) -> Json | None:
    """Findings of every unit that `user` may see, one result each; evidence rows are in the files of the units."""
    found = _rows(user, day, None)
    by_unit: dict[int, list[tuple[str, BoardRow]]] = {}
    for duty_key, row in found:
        by_unit.setdefault(row.unit_id, []).append((duty_key, row))
    if not by_unit:
        return None
    units = Unit.objects.in_bulk(by_unit)
    claims = _claims(by_unit, moment_of(day))
    parties, made = [], []
    for unit_id, pairs in by_unit.items():
        unit, name = units[unit_id], pairs[0][1].name
        findings = [_finding(unit, day, key, row, (), claims.get((unit_id, key))) for key, row in pairs]
        parties.append((unit, name))
        made.append(_result(unit, name, day, [key for key, _row in pairs], findings, []))
    return _document(_("Kết quả của các đơn vị trong tỉnh"), day, parties, made)


def _rows(user: User, day: date, unit_ids: set[int] | None) -> list[tuple[str, BoardRow]]:
    """(duty, row of the board) of the units, in the order of the duties."""
    return [
        (key, row)
        for key, one in board.boards(board.BOARD_DUTIES, day).items()
        for row in board.visible_rows(one, user)
        if unit_ids is None or row.unit_id in unit_ids
    ]


def _claims(unit_ids: Iterable[int], at: datetime) -> dict[tuple[int, str], datetime]:
    """When the declaration that stood at the moment was made."""
    rows = Claim.objects.filter(unit_id__in=list(unit_ids), declared_at__lte=at).exclude(withdrawn_at__lte=at)
    return {(unit_id, key): made for unit_id, key, made in rows.values_list("unit_id", "duty_key", "declared_at")}


def _document(title: str, day: date, parties: list[tuple[Unit, str]], made: list[Json]) -> Json:
    plan = _id("plan", day)
    metadata = _metadata(title, day)
    metadata["parties"] = [
        {"uuid": _id("unit", unit.key), "type": "organization", "name": name} for unit, name in parties
    ]
    return {
        "assessment-results": {
            "uuid": _id("results", day, *sorted(unit.key for unit, _name in parties)),
            "metadata": metadata,
            "import-ap": {"href": f"#{plan}"},
            "results": made,
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": _("Cách đánh giá"),
                        "description": _(
                            "Trạng thái được tính từ bằng chứng vào cuối ngày, không ai nhập tay; định nghĩa ở danh mục nghĩa vụ."
                        ),
                        "rlinks": [{"href": f"{settings.BASE_URL}/api/v1/oscal/catalog.json?day={day:%Y-%m-%d}"}],
                    }
                ]
            },
        }
    }


def _result(
    unit: Unit, name: str, day: date, duty_keys: list[str], findings: list[Json], observations: list[Json]
) -> Json:
    at = _time(moment_of(day))
    made: Json = {
        "uuid": _id("result", unit.key, day),
        "title": _line(name),
        "description": _("Nghĩa vụ của %(unit)s vào cuối ngày %(day)s.") % {"unit": name, "day": f"{day:%d/%m/%Y}"},
        "start": at,
        "end": at,
        "props": [_property("unit", unit.key)],
        "reviewed-controls": {"control-selections": [{"include-controls": [{"control-id": key} for key in duty_keys]}]},
        "findings": findings,
    }
    if observations:
        made["observations"] = observations
    return made


def _finding(
    unit: Unit, day: date, duty_key: str, row: BoardRow, behind: Iterable[Evidence], declared_at: datetime | None
) -> Json:
    proven = row.state == ClaimState.PROVEN
    props = [_property("claim-state", row.state.value)]
    if declared_at is not None:
        props.append(_property("declared-at", _time(declared_at)))
    if row.since is not None:
        props.append(_property("since", _time(row.since)))
    if row.code:
        props.append(_property("reason-code", row.code))
    finding: Json = {
        "uuid": _id("finding", unit.key, duty_key, day),
        "title": _line(load().duty(duty_key).title),
        "description": " ".join(part for part in (str(row.reason), str(row.next_step)) if part) or str(row.state.label),
        "props": props,
        "target": {
            "type": "objective-id",
            "target-id": f"{duty_key}_obj",
            "status": {"state": "satisfied" if proven else "not-satisfied", "reason": "pass" if proven else "fail"},
        },
    }
    related = [{"observation-uuid": _id("evidence", one.digest)} for one in behind]
    if related:
        finding["related-observations"] = related
    return finding


def _observation(unit: Unit, row: Evidence) -> Json:
    observation: Json = {
        "uuid": _id("evidence", row.digest),
        "title": _line(f"{row.get_kind_display()}: {row.subject}"),
        "description": row.reason or (_("Đạt.") if row.outcome == Outcome.OK else _("Không đạt.")),
        "props": [
            _property("kind", row.kind),
            _property("subject", row.subject),
            _property("outcome", row.outcome),
            _property("sha256", row.digest),
        ],
        "methods": [METHODS[EvidenceSource(row.source)]],
        "types": ["control-objective"],
        "subjects": [{"subject-uuid": _id("unit", unit.key), "type": "party"}],
        "collected": _time(row.observed_at),
    }
    if row.valid_until is not None:
        observation["expires"] = _time(row.valid_until)
    if row.revision is not None:
        observation["relevant-evidence"] = [
            {
                "href": f"{settings.BASE_URL}/api/v1/revisions/{row.revision_id}/file",
                "description": _line(row.revision.file_name) or "-",
                "props": [_property("sha256", row.revision.sha256)],
            }
        ]
    return observation


def _metadata(title: str, day: date) -> Json:
    return {
        "title": _line(title),
        "last-modified": _time(min(moment_of(day), clock.now())),
        "version": f"{day:%Y-%m-%d}",
        "oscal-version": OSCAL_VERSION,
    }


def _property(name: str, value: object) -> Json:
    return {"name": name, "ns": PROPERTIES, "value": _line(str(value)) or "-"}


def _line(text: object) -> str:
    """One line without white space at its ends, as OSCAL wants titles and values."""
    return " ".join(str(text).split())


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _id(*parts: object) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(str(part) for part in parts)))
