"""Our own procedures: every road ends, the law's stages are covered, and the JSON is CACAO 2.0."""

import json
import re
import uuid
from itertools import pairwise
from pathlib import Path

import pytest

from dekhang.law import load, load_playbooks
from dekhang.law.playbooks import EXTENSION, KINDS

FOLDER = Path(__file__).parents[3] / "playbooks"
PLAYBOOKS = load_playbooks(FOLDER)
DOCUMENTS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
EACH = pytest.mark.parametrize("kind", KINDS)

IDENTIFIER = re.compile(r"^[a-z][a-z0-9-]+[a-z0-9]--([0-9a-f-]{36})$")
MILLISECONDS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
STAGES = {stage.key: stage for stage in load().stages("R2016")}


def test_there_is_a_procedure_for_every_kind_of_incident():
    assert tuple(PLAYBOOKS) == KINDS


# --- the road ---


@EACH
def test_every_road_reaches_the_end(kind):
    roads = list(PLAYBOOKS[kind].paths())
    assert len(roads) > 1, "a procedure without a decision is a list"
    for road in roads:
        assert road[-1].type == "end"
        assert len({step.id for step in road}) == len(road)


@EACH
def test_every_step_is_on_some_road(kind):
    playbook = PLAYBOOKS[kind]
    assert {step.id for road in playbook.paths() for step in road} == set(playbook.by_id)


@EACH
def test_walking_by_next_follows_a_road(kind):
    playbook = PLAYBOOKS[kind]
    for road in playbook.paths():
        for here, there in pairwise(road):
            labels = [option.label for option in here.choices if option.next_id == there.id] or [None]
            assert any(playbook.next(here.id, label) == there for label in labels)
        assert playbook.next(road[-1].id) is None


@EACH
def test_the_first_step_is_due_within_minutes(kind):
    first = PLAYBOOKS[kind].first_step
    assert first.type == "action"
    assert first.deadline_minutes is not None
    assert first.deadline_minutes <= 5
    assert first.role == "officer"


@EACH
def test_deadlines_never_run_backwards_on_any_road(kind):
    for road in PLAYBOOKS[kind].paths():
        minutes = [step.deadline_minutes for step in road if step.deadline_minutes is not None]
        assert minutes == sorted(minutes)


@EACH
def test_steps_are_read_in_the_order_in_which_they_come(kind):
    playbook = PLAYBOOKS[kind]
    place = {step.id: number for number, step in enumerate(playbook.steps)}
    for road in playbook.paths():
        assert [place[step.id] for step in road] == sorted(place[step.id] for step in road)


# --- the law ---


@EACH
def test_every_stage_of_the_circular_is_covered(kind):
    assert {step.stage for step in PLAYBOOKS[kind].steps} == set(STAGES)


@EACH
def test_every_road_but_the_secret_one_covers_the_stages_that_are_not_optional(kind):
    needed = {key for key, stage in STAGES.items() if not stage.optional}
    for road in PLAYBOOKS[kind].paths():
        if any(step.clock_event == "secret_leak_reported" for step in road):
            continue  # state secrets are handled off this system with the police
        assert needed <= {step.stage for step in road}


@EACH
def test_every_road_records_what_the_statutory_clocks_need(kind):
    for road in PLAYBOOKS[kind].paths():
        recorded = {step.clock_event for step in road}
        assert {"response_ended", "end_report_sent"} <= recorded
        assert recorded & {"notice_sent", "secret_leak_reported"}


@EACH
def test_going_beyond_capacity_starts_the_clock_and_reports_at_once(kind):
    playbook = PLAYBOOKS[kind]
    options = [option for step in playbook.steps for option in step.choices if option.clock_event == "beyond_capacity"]
    assert options
    for option in options:
        assert playbook.step(option.next_id).clock_event == "initial_report_sent"


@EACH
def test_clock_events_and_roles_are_known_to_the_law(kind):
    law = load()
    for step in PLAYBOOKS[kind].steps:
        for event in (step.clock_event, *(option.clock_event for option in step.choices)):
            assert event == "" or event in law.events
        assert law.role(step.role).key == step.role


@EACH
def test_a_step_that_records_a_report_cannot_be_skipped(kind):
    assert [step.name for step in PLAYBOOKS[kind].steps if step.clock_event and step.skip_allowed] == []


@EACH
def test_reports_are_signed_by_the_head_and_kept(kind):
    for step in PLAYBOOKS[kind].steps:
        if step.clock_event in {"notice_sent", "initial_report_sent", "end_report_sent"}:
            assert (step.role, step.proof) == ("head", "attachment")


def test_state_secrets_are_never_written_down_and_go_to_the_police():
    playbook = PLAYBOOKS["data_leak"]
    question = next(step for step in playbook.steps if step.type == "choice")
    secret = next(option for option in question.choices if option.clock_event == "secret_leak_suspected")
    branch, step = [], playbook.step(secret.next_id)
    while step.clock_event != "response_ended":
        branch.append(step)
        following = playbook.next(step.id)
        assert following is not None
        step = following
    assert all(step.proof in {"note", "none"} for step in branch), "no attachment on this road"
    assert all(step.deadline_minutes is not None for step in branch)
    assert branch[0].warning.startswith("TUYỆT ĐỐI không ghi nội dung")
    assert any("Công an" in step.text and step.role == "head" for step in branch[:2])
    assert not any("nhà cung cấp" in step.text for step in branch)


@pytest.mark.parametrize(
    ("kind", "forbidden"),
    [
        ("malware", ["Không tắt máy", "Không trả tiền"]),
        ("intrusion", ["Không tắt máy chủ", "không xóa tệp lạ"]),
        ("phishing", ["Không mở tệp đính kèm"]),
        ("denial_of_service", ["Không trả tiền"]),
        ("data_leak", ["Không dán nội dung", "Không xóa tệp gốc"]),
    ],
)
def test_what_must_not_be_done_is_said(kind, forbidden):
    warnings = " ".join(step.warning for step in PLAYBOOKS[kind].steps)
    assert [sentence for sentence in forbidden if sentence not in warnings] == []


@EACH
def test_texts_are_short_enough_to_read_under_stress(kind):
    for step in PLAYBOOKS[kind].steps:
        assert len(step.name) <= 70, step.name
        assert len(step.text) <= 600, step.name
        if step.type == "action":
            assert len(step.text) >= 60, step.name


# --- CACAO 2.0 ---


@EACH
def test_required_properties_of_a_cacao_playbook_are_there(kind):
    document = DOCUMENTS[kind]
    required = {
        "type", "spec_version", "id", "name", "created_by", "created", "modified", "workflow_start", "workflow"
    }  # fmt: skip
    assert required <= set(document)
    assert (document["type"], document["spec_version"]) == ("playbook", "cacao-2.0")
    assert MILLISECONDS.match(document["created"])
    assert MILLISECONDS.match(document["modified"])
    assert document["playbook_types"]
    assert document["playbook_activities"], "required when playbook_types is given"


@EACH
def test_identifiers_carry_their_type_and_step_ids_are_uuid4(kind):
    document = DOCUMENTS[kind]
    for step_id, step in document["workflow"].items():
        assert step_id.startswith(step["type"] + "--")
        assert uuid.UUID(IDENTIFIER.match(step_id)[1]).version == 4
    for group in ("agent_definitions", "target_definitions", "extension_definitions"):
        for identifier, definition in document[group].items():
            assert identifier.startswith(definition["type"] + "--")
            assert definition["name"]


def test_no_identifier_is_used_twice():
    step_ids = [step_id for document in DOCUMENTS.values() for step_id in document["workflow"]]
    playbook_ids = [document["id"] for document in DOCUMENTS.values()]
    assert len(set(step_ids)) == len(step_ids)
    assert len(set(playbook_ids)) == len(playbook_ids)


@EACH
def test_steps_have_the_properties_that_their_type_requires(kind):
    workflow = DOCUMENTS[kind]["workflow"]
    required = {
        "start": {"on_completion"},
        "action": {"name", "commands", "agent", "on_completion", "step_extensions"},
        "if-condition": {"name", "description", "condition", "on_true", "on_completion", "step_extensions"},
        "end": set(),
    }
    for step in workflow.values():
        assert required[step["type"]] <= set(step)
        assert not {"on_success", "on_failure"} & set(step)


@EACH
def test_every_branch_ends_in_an_end_step_of_its_own(kind):
    workflow = DOCUMENTS[kind]["workflow"]
    ends = []
    for step in workflow.values():
        for head in (step.get("on_true"), step.get("on_false")):
            while head is not None and workflow[head]["type"] != "end":
                head = workflow[head]["on_completion"]
            if head is not None:
                ends.append(head)
    assert len(set(ends)) == len(ends)


@EACH
def test_references_and_variables_resolve(kind):
    document = DOCUMENTS[kind]
    for step in document["workflow"].values():
        if step["type"] == "action":
            assert step["agent"] in document["agent_definitions"]
            assert set(step["targets"]) <= set(document["target_definitions"])
            assert set(step.get("out_args", ())) <= set(document["playbook_variables"])
        if step["type"] == "if-condition":
            assert re.match(r"^(__[a-z_]+__):value == 'true'$", step["condition"])[1] in document["playbook_variables"]
    assert set(document["extension_definitions"]) == {EXTENSION}
    definition = document["extension_definitions"][EXTENSION]
    assert {"type", "name", "created_by", "schema", "version"} <= set(definition)
