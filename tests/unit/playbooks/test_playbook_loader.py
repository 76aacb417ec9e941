"""The loader: real CACAO constructs become one road, faults become sentences with file and step."""

import copy
import json
import os
from pathlib import Path

import pytest

from dekhang.law import LawError, load_playbook, load_playbooks
from dekhang.law.playbooks import EXTENSION

FOLDER = Path(__file__).parents[3] / "playbooks"
MALWARE = json.loads((FOLDER / "malware.json").read_text(encoding="utf-8"))


def identifier(kind: str, number: int) -> str:
    return f"{kind}--00000000-0000-4000-8000-{number:012d}"


AGENT = identifier("group", 1)


def action(number, then, **human):
    return {
        "type": "action",
        "name": f"Việc {number}",
        "commands": [{"type": "manual", "command": f"Làm việc {number}."}],
        "agent": AGENT,
        "on_completion": then,
        "step_extensions": {EXTENSION: {"stage": "1a", **human}},
    }


def document(workflow, first):
    start = identifier("start", 99)
    return {
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": identifier("playbook", 1),
        "name": "Thử",
        "created_by": identifier("identity", 1),
        "created": "2026-01-01T00:00:00.000Z",
        "modified": "2026-01-02T00:00:00.000Z",
        "workflow_start": start,
        "workflow": {start: {"type": "start", "on_completion": first}, **workflow},
        "playbook_variables": {"__answer__": {"type": "string"}},
        "agent_definitions": {AGENT: {"type": "group", "name": "Cán bộ"}},
        "extension_definitions": {EXTENSION: {"type": "extension-definition", "name": "x"}},
    }


def written(tmp_path, content, name="malware.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def names(playbook):
    return [step.name for step in playbook.steps]


def test_parallel_branches_are_laid_one_after_the_other(tmp_path):
    fork, a, b, c = identifier("parallel", 1), identifier("action", 1), identifier("action", 2), identifier("action", 3)
    ends = [identifier("end", number) for number in (1, 2, 3)]
    workflow = {
        fork: {"type": "parallel", "name": "Cùng lúc", "next_steps": [a, b], "on_completion": c},
        a: action(1, ends[0]),
        b: action(2, ends[1]),
        c: action(3, ends[2]),
        **{end: {"type": "end"} for end in ends},
    }
    playbook = load_playbook(written(tmp_path, document(workflow, fork)))
    assert names(playbook) == ["Việc 1", "Việc 2", "Việc 3", "Kết thúc"]
    (road,) = playbook.paths()
    assert [step.name for step in road] == names(playbook)


def test_a_switch_offers_each_case_and_joins_after_it(tmp_path):
    switch, after = identifier("switch-condition", 1), identifier("action", 9)
    actions = [identifier("action", number) for number in (1, 2, 3)]
    ends = [identifier("end", number) for number in (1, 2, 3, 4)]
    labels = {"one": "Một", "two": "Hai", "default": "Khác"}
    workflow = {
        switch: {
            "type": "switch-condition",
            "name": "Loại nào?",
            "switch": "__answer__:value",
            "cases": dict(zip(labels, actions, strict=True)),
            "on_completion": after,
            "step_extensions": {EXTENSION: {"stage": "1c", "choice_labels": labels}},
        },
        **{step: action(n, ends[n - 1]) for n, step in enumerate(actions, 1)},
        after: action(9, ends[3]),
        **{end: {"type": "end"} for end in ends},
    }
    playbook = load_playbook(written(tmp_path, document(workflow, switch)))
    assert names(playbook) == ["Loại nào?", "Việc 1", "Việc 2", "Việc 3", "Việc 9", "Kết thúc"]
    assert [[step.name for step in road][1:3] for road in playbook.paths()] == [
        ["Việc 1", "Việc 9"],
        ["Việc 2", "Việc 9"],
        ["Việc 3", "Việc 9"],
    ]
    assert playbook.next(switch, "Hai").name == "Việc 2"


def test_a_choice_without_a_known_answer_names_the_answers():
    playbook = load_playbook(FOLDER / "malware.json")
    choice = next(step for step in playbook.steps if step.type == "choice")
    with pytest.raises(ValueError, match=r"“Vượt khả năng”, “Trong khả năng”"):
        playbook.next(choice.id, "Có lẽ")
    with pytest.raises(KeyError, match="action--khong-co"):
        playbook.step("action--khong-co")


def test_the_version_is_the_time_of_the_last_change(tmp_path):
    playbook = load_playbook(written(tmp_path, document({identifier("action", 1): action(1, identifier("end", 1)),
        identifier("end", 1): {"type": "end"}}, identifier("action", 1))))  # fmt: skip
    assert playbook.version.isoformat() == "2026-01-02T00:00:00+00:00"
    assert playbook.kind == "malware"


def break_document(change):
    broken = copy.deepcopy(MALWARE)
    change(broken)
    return broken


def first(broken, kind, number=0):
    return [step for step in broken["workflow"].values() if step["type"] == kind][number]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(spec_version="cacao-1.1"), "spec_version"),
        (lambda d: d.update(type="list"), "type phải là"),
        (lambda d: d.pop("created_by"), "created_by"),
        (lambda d: d.update(revoked=True), "thu hồi"),
        (lambda d: d.update(modified="2020-01-01T00:00:00.000Z"), "modified"),
        (lambda d: d.update(workflow_start=identifier("start", 5)), "workflow_start"),
        (lambda d: d.update(id="playbook--1"), "playbook--UUID"),
        # roads
        (lambda d: first(d, "action").update(on_completion=identifier("action", 5)), "không tồn tại"),
        (lambda d: first(d, "action").pop("on_completion"), "không nói bước nào tiếp theo"),
        (lambda d: first(d, "action", 3).update(on_completion=next(k for k in d["workflow"] if k.startswith("action--"))), "dẫn tới hai lần"),
        (lambda d: d["workflow"].update({identifier("action", 7): action(7, identifier("end", 7))}), "không có đường nào"),
        (lambda d: first(d, "action").update(on_failure=identifier("end", 1)), "on_failure"),
        (lambda d: first(d, "if-condition").update(type="while-condition"), "while-condition"),
        # what a person needs
        (lambda d: first(d, "action").pop("step_extensions"), "thiếu phần mở rộng"),
        (lambda d: first(d, "action")["step_extensions"][EXTENSION].update(hurry=True), "hurry"),
        (lambda d: first(d, "action")["step_extensions"][EXTENSION].update(role="king"), "king"),
        (lambda d: first(d, "action").update(commands=[{"type": "bash", "command": "rm"}]), "lệnh manual"),
        (lambda d: first(d, "action").update(agent=identifier("group", 5)), "agent"),
        (lambda d: first(d, "if-condition").update(condition="__moon__:value == 'full'"), "không nhắc tới biến"),
        (lambda d: first(d, "if-condition")["step_extensions"][EXTENSION]["choice_labels"].pop("true"), "thiếu chữ trên nút"),
        (lambda d: d.update(extension_definitions={}), "chưa khai trong extension_definitions"),
    ],
)  # fmt: skip
def test_a_faulty_procedure_is_refused_with_file_and_reason(tmp_path, change, reason):
    with pytest.raises(LawError) as caught:
        load_playbook(written(tmp_path, break_document(change)))
    assert reason in str(caught.value)
    assert all(fault.path.name == "malware.json" for fault in caught.value.faults)


def test_a_fault_names_the_step(tmp_path):
    broken = break_document(lambda d: first(d, "action").update(agent="group--x"))
    with pytest.raises(LawError, match="Rút mạng máy bị nhiễm"):
        load_playbook(written(tmp_path, broken))


@pytest.mark.parametrize("content", ["", "[]", "{", '{"type": "playbook"}', "\x00\xff"])
def test_what_is_not_a_playbook_is_a_sentence(tmp_path, content):
    with pytest.raises(LawError, match="CACAO"):
        load_playbook(written(tmp_path, content))


def test_a_huge_file_is_refused_without_reading_it(tmp_path):
    path = written(tmp_path, "x")
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(LawError, match="lớn hơn"):
        load_playbook(path)


def test_a_deep_chain_of_steps_is_bounded(tmp_path):
    steps = {identifier("action", n): action(n, identifier("action", n + 1)) for n in range(5000)}
    with pytest.raises(LawError, match="hơn 200 bước"):
        load_playbook(written(tmp_path, document(steps, identifier("action", 0))))


def test_all_faults_of_a_folder_come_at_once(tmp_path):
    written(tmp_path, "{", "phishing.json")
    written(tmp_path, "[", "malware.json")
    with pytest.raises(LawError) as caught:
        load_playbooks(tmp_path)
    assert {fault.path.name for fault in caught.value.faults} == {"phishing.json", "malware.json"}


def test_two_files_with_one_id_are_refused(tmp_path):
    written(tmp_path, MALWARE, "malware.json")
    written(tmp_path, MALWARE, "copy.json")
    with pytest.raises(LawError, match="trùng mã"):
        load_playbooks(tmp_path)


def test_an_empty_folder_is_a_sentence(tmp_path):
    with pytest.raises(LawError, match="không có quy trình nào"):
        load_playbooks(tmp_path)


@pytest.mark.shared
def test_a_procedure_made_by_others_is_refused_for_what_it_lacks_not_with_a_crash():
    shared = Path(os.environ.get("DEKHANG_SHARED", FOLDER.parent.parent / "shared")) / "data" / "playbooks" / "cacao"
    if not shared.is_dir():
        pytest.skip(f"CACAO examples not found in {shared}; set DEKHANG_SHARED")
    for path in sorted(shared.glob("*.json")):
        with pytest.raises(LawError):
            load_playbook(path)
