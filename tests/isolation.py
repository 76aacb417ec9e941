"""Every address of the site, what its objects are, who the people are that walk over them, and what they type.

Every named address must stand in ADDRESSES: a new one fails `test_every_address_has_a_decision` until somebody has
decided what its objects are and who may change what through it. Walked by test_isolation.py and test_isolation_of_sending.py.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from tests.factories.core import UserFactory
from tests.factories.sources import MORNING, Pipeline
from tests.factories.world import STEM, OneOfEverything, furnish

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Address:
    """What stands at an address.

    takes: names of the URL's arguments → the object of a unit (its id), or a fixed text.
    posts: False when nothing is sent to it.
    others: how other units' people are answered, besides 404 and 403, and why that gives nothing away.
    """

    takes: dict[str, str] | None = None
    posts: bool = True
    others: dict[int, str] | None = None

    def kwargs(self, *owners: OneOfEverything) -> dict[str, Any]:
        """Arguments of `reverse`; with two owners the first argument is of the first, the others of the second."""
        given = {}
        for place, (name, what) in enumerate((self.takes or {}).items()):
            owner = owners[min(place, len(owners) - 1)]
            given[name] = owner[what].pk if what in owner.objects else what
        return given

    @property
    def of_unit(self) -> bool:
        return any(what in OBJECTS for what in (self.takes or {}).values())

    @property
    def nested(self) -> bool:
        return sum(what in OBJECTS for what in (self.takes or {}).values()) > 1


OBJECTS = {
    *(
        "unit",
        "officer",
        "holding",
        "contact",
        "telephone",
        "network",
        "account_invitation",
        "system_name",
        "dismissal",
        "system",
        "source",
        "silence",
        "canary",
        "upload",
        "alert",
        "detection",
        "event",
        "saved_search",
        "hold",
    ),
    *(
        "incident",
        "step",
        "attachment",
        "report",
        "sop",
        "claim",
        "withdrawn_claim",
        "contest",
        "support",
        "revision",
        "roster_import",
        "paper",
        "confirmed_paper",
        "sent_paper",
    ),
    *("briefing", "invitation", "material", "briefing_question", "attendance", "struck_attendance", "sheet"),
    *("assignment", "sub_duty", "task_report", "extension", "question", "task_contest"),
    *("new_assignment", "monthly_assignment"),
    *("visit", "visit_item", "concluded_visit", "finding", "filed_finding", "follow_up", "minutes"),
}
FILTERED = {200: "a part of a page, filtered by unit: empty for others", 302: "to the list with this filter"}


def shared(posts: bool = False) -> Address:
    """A page without an object of a unit: everybody's, or refused by role; it shows each what is theirs."""
    return Address(posts=posts)


def pk(what: str, *, posts: bool = True, **more: str) -> Address:
    return Address({"pk": what, **more}, posts)


def reads(what: str, **more: str) -> Address:
    return pk(what, posts=False, **more)


def of_unit(*, posts: bool = False, **more: str) -> Address:
    return Address({"unit_id": "unit", **more}, posts)


ADDRESSES: dict[str, Address] = {
    "core:healthz": shared(),
    "core:audit": shared(),
    "core:guides": shared(),
    "core:guide": Address({"slug": "connect-one-pc"}, posts=False),
    "portal:home": shared(),
    "portal:work_of": of_unit(),
    "portal:choose_unit": shared(posts=True),
    "portal:leadership": shared(),
    "portal:login": shared(posts=True),
    "portal:logout": shared(posts=True),
    "portal:password": shared(posts=True),
    "api:tokens": shared(),
    "api:new_token": shared(posts=True),
    "api:revoke_token": Address({"pk": "0"}),
    "api:oscal": Address({"what": "results"}, posts=False),
    "api:webhooks": shared(),
    "api:new_webhook": shared(posts=True),
    "api:webhook": Address({"pk": "0"}, posts=False),
    "api:webhook_key": Address({"pk": "0"}),
    "api:stop_webhook": Address({"pk": "0"}),
    "api:resume_webhook": Address({"pk": "0"}),
    "api:send_again": Address({"pk": "0", "delivery_pk": "0"}),
    "portal:on_duty": pk("contact"),
    "portal:accounts": shared(),
    "portal:invitations": shared(posts=True),
    "portal:resend_invitation": pk("account_invitation"),
    "portal:revoke_invitation": pk("account_invitation"),
    "portal:invited": Address({"token": "1:cut"}),
    "portal:new_account": shared(posts=True),
    "portal:account": reads("officer"),
    "portal:close_account": pk("officer"),
    "portal:reopen_account": pk("officer"),
    "portal:set_password": pk("officer"),
    "portal:fill_post": pk("officer"),
    "portal:vacate_post": pk("holding"),
    "registry:units": shared(),
    "registry:roster": shared(),
    "registry:export_roster": shared(),
    "registry:roster_sample": shared(),
    "registry:bring_roster": shared(posts=True),
    "registry:roster_import": reads("roster_import"),
    "registry:confirm_roster": pk("roster_import"),
    "registry:drop_roster": pk("roster_import"),
    "registry:undo_roster": pk("roster_import"),
    "registry:directory": shared(posts=True),
    "registry:directory_try": shared(posts=True),
    "registry:directory_run": shared(posts=True),
    "registry:systems": shared(),
    "registry:posts": shared(),
    "registry:networks": shared(),
    "registry:add_network": pk("unit"),
    "registry:remove_network": pk("network"),
    "registry:add_name": pk("unit"),
    "registry:remove_name": pk("system_name"),
    "registry:providers": shared(),
    "registry:new_provider": shared(posts=True),
    "registry:provider": Address({"pk": "0"}),
    "registry:end_provider": Address({"pk": "0"}),
    "registry:reorganisations": shared(),
    "registry:plan": Address({"kind": "merge"}),
    "registry:plan_of_record": Address({"day": "2020-02-01"}),
    "registry:take_back": Address({"pk": "0"}),
    "registry:unit": reads("unit"),
    "registry:add_contact": pk("unit"),
    "registry:remove_contact": pk("contact"),
    "registry:register_system": pk("unit"),
    "registry:retire_system": pk("system"),
    "duties:mine": shared(),
    "duties:of_unit": of_unit(),
    "duties:duty": of_unit(duty_key="record_attacks"),
    "duties:declare": of_unit(posts=True, duty_key="sop"),
    "duties:contest": of_unit(posts=True, duty_key="sop"),
    "duties:withdraw": pk("claim"),
    "duties:declare_again": pk("withdrawn_claim"),
    "duties:document": reads("claim"),
    "duties:documents": shared(),
    "duties:review_queue": shared(),
    "duties:signs": shared(),
    "duties:documents_of": of_unit(),
    "duties:new_document": of_unit(posts=True, kind="regulation"),
    "duties:revision": reads("revision"),
    "duties:revision_file": reads("revision"),
    "duties:accept_revision": pk("revision"),
    "duties:return_revision": pk("revision"),
    "duties:withdraw_revision": pk("revision"),
    "duties:resubmit_revision": pk("revision"),
    "duties:contests": shared(),
    "duties:checks": shared(posts=True),
    "duties:checks_sample": shared(),
    "duties:undo_checks": Address({"pk": "0"}),
    "duties:providers": shared(posts=True),
    "duties:support": reads("support"),
    "duties:answer_support": pk("support"),
    "duties:verify_support": pk("support"),
    "duties:contest_page": reads("contest"),
    "duties:correct_contest": pk("contest"),
    "duties:refuse_contest": pk("contest"),
    "duties:withdraw_contest": pk("contest"),
    "contacts:list": shared(),
    "contacts:of_unit": of_unit(),
    "contacts:call": Address({"pk": "contact", "unit_id": "unit", "kinds": "contacts"}),
    "contacts:spoken": Address({"pk": "telephone", "unit_id": "unit", "kinds": "contacts"}),
    "contacts:answer": Address({"token": "1:cut"}),
    "observed:overview": shared(),
    "observed:of_unit": of_unit(),
    "observed:register": of_unit(posts=True),
    "observed:dismiss": of_unit(posts=True),
    "observed:undo": pk("dismissal"),
    "cascade:home": shared(),
    "cascade:overview": shared(),
    "cascade:rows": shared(),
    "cascade:export": Address({"form": "xlsx"}, posts=False),
    "cascade:inbox": shared(),
    "cascade:plans": shared(),
    "cascade:new_plan": shared(posts=True),
    "cascade:from_template": shared(posts=True),
    **{f"cascade:{name}": Address({"pk": "0"}) for name in ("version", "edit_plan", "discard", "issue", "revise")},
    **{f"cascade:{name}": Address({"pk": "0"}) for name in ("new_task", "send", "edit_task", "delete_task")},
    "cascade:move_task": Address({"pk": "0", "direction": "len"}),
    "cascade:work": shared(),
    "cascade:of_unit": of_unit(),
    "cascade:assignment": reads("assignment"),
    "cascade:accept": pk("assignment"),
    "cascade:withdraw": pk("assignment"),
    "cascade:send_down": pk("assignment"),
    "cascade:set_sub_duty": pk("assignment"),
    "cascade:report": pk("assignment"),
    "cascade:ask_extension": pk("assignment"),
    "cascade:talk": Address({"pk": "assignment", "what": "hoi"}),
    "cascade:toggle_sub_duty": pk("sub_duty"),
    "cascade:report_file": reads("task_report"),
    "cascade:withdraw_report": pk("task_report"),
    "cascade:judge": pk("task_report"),
    "cascade:decide_extension": pk("extension"),
    "cascade:withdraw_extension": pk("extension"),
    "cascade:answer_question": pk("question"),
    "cascade:answer_contest": pk("task_contest"),
    "sources:list": shared(),
    "sources:choose": shared(),
    "sources:connect": Address({"kind": "windows"}),
    "sources:unknown_senders": shared(),
    "sources:silence": reads("silence"),
    "sources:intake": shared(),
    "sources:canaries": shared(),
    "sources:canary_plan": Address({"kind": "windows"}),
    "sources:detectability": shared(),
    "sources:detectability_of": of_unit(),
    "sources:detectability_csv": of_unit(),
    "sources:technique": of_unit(technique="T1110"),
    "sources:authority": shared(),
    "sources:of_unit": Address({"unit_id": "unit"}, posts=False, others=FILTERED),
    "sources:canary": reads("canary"),
    "sources:cancel_canary": pk("canary"),
    "sources:detail": reads("source"),
    "sources:setup": reads("source"),
    "sources:configuration": reads("source", shipper="rsyslog"),
    "sources:live": reads("source"),
    "sources:change": pk("source"),
    "sources:renew_token": pk("source"),
    "sources:end_former_token": pk("source"),
    "sources:quota": pk("source"),
    "sources:retire": pk("source"),
    "sources:restore": pk("source"),
    "sources:upload": pk("source"),
    "sources:uploads": reads("source"),
    "sources:start_canary": pk("source"),
    "search:page": shared(),
    "search:event": Address({"event_id": "event"}, posts=False),
    "search:around": Address({"event_id": "event"}, posts=False),
    "search:export": Address({"form": "jsonl"}),
    "search:saved": shared(),
    "search:save": shared(posts=True),
    "search:rename": pk("saved_search"),
    "search:remove": pk("saved_search"),
    "search:restore": pk("saved_search"),
    "retention:page": shared(),
    "retention:place": shared(posts=True),
    "retention:lift": pk("hold"),
    "search:hunts": shared(),
    "search:start_hunt": shared(posts=True),
    "search:hunt": Address({"key": "20191210-020000-abcd"}, posts=False),
    "search:cancel_hunt": Address({"key": "20191210-020000-abcd"}),
    "search:resume_hunt": Address({"key": "20191210-020000-abcd"}),
    "search:hunt_to_alerts": Address({"key": "20191210-020000-abcd"}),
    "alerts:list": shared(),
    "alerts:strays": shared(),
    "alerts:of_unit": Address({"unit_id": "unit"}, posts=False, others=FILTERED),
    "alerts:detail": reads("alert"),
    "alerts:acknowledge": pk("alert"),
    "alerts:close": pk("alert"),
    "alerts:reopen": pk("alert"),
    "alerts:raw_events": reads("alert", detection_pk="detection"),
    "incidents:list": shared(),
    "incidents:open": shared(posts=True),
    "incidents:of_alert": reads("alert"),
    "incidents:sops": shared(),
    "incidents:sop": Address({"kind": "intrusion"}, posts=False),
    "incidents:sop_adopt": Address({"kind": "malware"}),
    "incidents:sop_approve": pk("sop"),
    "incidents:sop_read": pk("sop"),
    "incidents:sop_document": pk("sop"),
    "incidents:detail": reads("incident"),
    "incidents:clocks": reads("incident"),
    "incidents:finish": pk("incident", step_pk="step"),
    "incidents:skip": pk("incident", step_pk="step"),
    "incidents:undo": pk("incident"),
    "incidents:note": pk("incident"),
    "incidents:attach": pk("incident"),
    "incidents:attachment": reads("incident", attachment_pk="attachment"),
    "incidents:capacity": pk("incident"),
    "incidents:handled": pk("incident"),
    "incidents:close": pk("incident"),
    "incidents:cancel": pk("incident"),
    "incidents:reopen": pk("incident"),
    "incidents:event": pk("incident", event_key="impersonation"),
    "incidents:withdraw_event": pk("incident", event_key="impersonation"),
    "incidents:report": pk("incident", kind="notice"),
    "incidents:report_file": reads("incident", report_pk="report"),
    "incidents:report_sent": pk("incident", report_pk="report"),
    "briefings:list": shared(),
    "briefings:new": shared(posts=True),
    "briefings:scan": Address({"code": "0-x"}, posts=False),
    "briefings:here": shared(posts=True),
    "briefings:detail": reads("briefing"),
    "briefings:change": pk("briefing"),
    "briefings:move": pk("briefing"),
    "briefings:invite": pk("briefing"),
    "briefings:uninvite": pk("invitation"),
    "briefings:add_material": pk("briefing"),
    "briefings:withdraw_material": pk("material"),
    "briefings:material": reads("material"),
    "briefings:read": pk("material"),
    "briefings:ask": pk("briefing"),
    "briefings:answer": pk("briefing_question"),
    "briefings:screen": reads("briefing"),
    "briefings:attendance": reads("briefing"),
    "briefings:write_down": pk("briefing"),
    "briefings:printed": reads("briefing"),
    "briefings:export": reads("briefing", form="xlsx"),
    "briefings:bring_sheet": pk("briefing"),
    "briefings:sheet": pk("sheet"),
    "briefings:strike": pk("attendance"),
    "briefings:restore": pk("struck_attendance"),
    "inspections:list": shared(),
    "inspections:samples": shared(),
    "inspections:draw": shared(posts=True),
    "inspections:sample": Address({"pk": "0"}, posts=False),
    "inspections:plan": shared(posts=True),
    "inspections:visit": reads("visit"),
    "inspections:move": pk("visit"),
    "inspections:comment": pk("visit"),
    "inspections:answer": pk("visit", item_pk="visit_item"),
    "inspections:raise": pk("visit"),
    "inspections:make_minutes": pk("concluded_visit"),
    "inspections:minutes": reads("minutes"),
    "inspections:findings": shared(),
    "inspections:finding": reads("filed_finding"),
    "inspections:file": pk("finding"),
    "inspections:judge": pk("filed_finding"),
    "inspections:withdraw": pk("finding"),
    "inspections:follow_up_file": reads("follow_up"),
    "scoreboard:board": shared(),
    "scoreboard:print": shared(),
    "scoreboard:periods": shared(posts=True),
    "scoreboard:period": Address({"pk": "0"}, posts=False),
    "scoreboard:difference": Address({"duty_key": "sop"}, posts=False),
    "scoreboard:export": Address({"form": "xlsx"}, posts=False),
    "scoreboard:layers": shared(),
    "scoreboard:layers_export": Address({"form": "xlsx"}, posts=False),
    "scoreboard:layers_of": of_unit(),
    "scoreboard:decision": Address({"key": "chua-ai-biet"}, posts=False),
    "scoreboard:changes": shared(),
    "scoreboard:bands": shared(),
    "scoreboard:bands_export": Address({"form": "xlsx"}, posts=False),
    "scoreboard:formula": shared(),
    "scoreboard:what_if": shared(),
    "scoreboard:gci": shared(),
    "scoreboard:gci_export": Address({"form": "xlsx"}, posts=False),
    "scoreboard:gci_clear": shared(posts=True),
    "scoreboard:gci_withdraw": shared(posts=True),
    "scoreboard:gci_indicator": Address({"key": "cybersecurity_regulation"}, posts=False),
    "scoreboard:spending": shared(),
    "scoreboard:spending_export": Address({"form": "xlsx"}, posts=False),
    "reports:list": shared(),
    "reports:follow": shared(),
    "reports:make": Address({"kind": "year"}),
    "reports:ask_code": shared(),
    "reports:check": Address({"code": "0"}, posts=False),
    "reports:detail": reads("paper"),
    "reports:file": reads("paper", form="docx"),
    "reports:compare": pk("paper"),
    "reports:confirm": pk("paper"),
    "reports:submit": pk("confirmed_paper"),
    "reports:receive": pk("sent_paper"),
    "reports:return": pk("sent_paper"),
}
OPEN_TO_ALL = {
    *("core:healthz", "portal:login"),
    *("contacts:answer", "portal:invited"),  # by signed links, which show no more than themselves
    *("briefings:scan", "briefings:here"),  # who stands before the code of the room
    *("reports:ask_code", "reports:check"),  # whoever holds a certificate
}

# What a person types, for whatever form stands at an address; ids are of the unit that is attacked.
TYPED: dict[str, str] = {
    "note": "ghi",
    "reason": "vì",
    "text": "chữ",
    "answer": "trả lời",
    "statement": "khai",
    "title": "tên",
    "name": "tên mới",
    "description": "mô tả",
    "value": "0276 000 000",
    "level": "2",
    "decision": "1/QĐ",
    "full_name": "Người mới",
    "username": "nguoi-moi",
    "role": Role.OFFICER,
    "password": "mot-mat-khau-dai-lam",
    "new": "mot-mat-khau-khac",
    "again": "mot-mat-khau-khac",
    "old": "mot-mat-khau-de-thu",
    "buoc-note": "đã làm",
    "bo-qua-reason": "không cần",
    "ghi-chu-text": "ghi thêm",
    "kha-nang-note": "vì",
    "huy-reason": "mở nhầm",
    "gui-to": "VNCERT/CC, công văn",
    "lap": "1",
    "addresses": "",
    "cadence_seconds": "900",
    "every_days": "30",
    "from_hour": "8",
    "to_hour": "16",
    "pause_days": "0",
    "keep_hours": "24",
    "quota_eps": "77",
    "hosts": "",
    "certificates": "",
    "to": "closed",
    "starts_at": "2019-12-12T08:00",
    "ends_at": "2019-12-12T10:00",
    "place": "Hội trường",
    "cidr": "198.51.100.0/24",
    "thay": "host:may-chu",
    "new_system": "Hệ thống mới",
    "result": "met",
    "severity": "low",
    "required": "làm",
    "due_on": "2020-02-01",
    "verdict": "verified",
}
KINDS = {
    "registry:add_contact": "phone",
    "registry:add_name": "host",
    "incidents:open": "malware",
    "portal:fill_post": "head",
}


def typed(name: str, victim: OneOfEverything) -> dict[str, Any]:
    data: dict[str, Any] = {**TYPED, "kind": KINDS.get(name, "")}
    data |= {"unit": str(victim.unit.pk), "don-vi": str(victim.unit.pk), "alerts": str(victim["alert"].pk)}
    data |= {"alert": str(victim["alert"].pk), "canh-bao": str(victim["alert"].pk)}
    if name == "registry:add_name":
        data["name"] = "may-moi"
    if name not in {"sources:connect", "sources:change"}:
        data["system"] = str(victim["system"].pk)
    if name == "reports:make":
        data |= {"start": MORNING.date().isoformat(), "day": MORNING.date().isoformat()}
    data["kha-nang-beyond"] = "yes"
    pdf = b"%PDF-1.4 x"
    data |= {"document": SimpleUploadedFile("qd.pdf", pdf), "file": SimpleUploadedFile("nhat-ky.log", b"mot dong\n")}
    data |= {"units": str(victim.unit.pk), "invitation": str(victim["briefing"].invitations.get().pk)}
    if name == "inspections:move":
        data["to"] = "cancelled"
    if name in {"briefings:add_material", "inspections:file"}:
        data["file"] = SimpleUploadedFile("bai.pdf", pdf)
    data["tep-file"] = SimpleUploadedFile("anh.txt", b"noi dung")
    return data


@pytest.fixture
def units(data, settings) -> Iterator[tuple[OneOfEverything, OneOfEverything]]:
    settings.RULE_FOLDERS = [PROJECT / "rules"]
    pipeline = Pipeline(data, [PROJECT / "rules" / "linux"])
    with clock.at(MORNING):
        yield furnish("a", pipeline), furnish("b", pipeline)
    pipeline.close()


PEOPLE: dict[str, Callable[[OneOfEverything, OneOfEverything], User]] = {
    "officer of A": lambda a, b: a.officer,
    "head of A": lambda a, b: a.head,
    "officer of B": lambda a, b: b.officer,
    "head of B": lambda a, b: b.head,
    "coordinator": lambda a, b: UserFactory(coordinator=True),
    "leader": lambda a, b: UserFactory(leader=True),
    "inspector": lambda a, b: UserFactory(inspector=True),
    "administrator": lambda a, b: UserFactory(administrator=True),
}
OUTSIDERS = ["officer of B", "head of B"]


def everything_said(answer: Any) -> str:
    """Headers and body of an answer; what is packed (XLSX, DOCX) unpacked."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if answer.streaming:
        answer.close()
    if body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            body = b"\n".join(packed.read(member) for member in packed.namelist())
    return "\n".join([*(f"{name}: {value}" for name, value in answer.headers.items()), body.decode(errors="replace")])


def looks(client: Client, name: str, *owners: OneOfEverything) -> Iterator[tuple[str, Any, str]]:
    """Every way of looking at an address: whole, as a part, with the victim's unit and a search in the query."""
    victim = owners[-1]
    path = reverse(name, kwargs=ADDRESSES[name].kwargs(*owners))
    query = {"don-vi": victim.unit.pk, "q": STEM, "xem": "all", "canh-bao": victim["alert"].pk}
    for about, options in {
        "whole": {},
        "part": {"headers": {"HX-Request": "true"}},
        "asked": {"query_params": query},
        "part asked": {"query_params": query, "headers": {"HX-Request": "true"}},
    }.items():
        answer = client.get(path, **options)
        said = everything_said(answer)
        if answer.status_code == 302 and answer.url != path:
            said += everything_said(client.get(answer.url))
        yield about, answer, said
