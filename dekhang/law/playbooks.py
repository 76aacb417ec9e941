"""Reads procedures in CACAO 2.0 JSON into an ordered list of human steps.

CACAO lets a branch end in its own `end` step and then go on at the condition's `on_completion`. People need one road, so
the loader resolves that: `Step.next_id` and the ids in `Step.choices` are always the step that really comes next. Branches
of a `parallel` step are laid one after the other, because the reader is one person.
Everything CACAO cannot say about people (stage of the law, deadline, role, proof, why, warning) is in our extension
`EXTENSION` of each step; docs/explanation/law.md describes it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from dekhang.law.errors import Fault, LawError

EXTENSION = "extension-definition--3f6d2c1a-7c55-4b1e-9a64-8b8f0d9f2a10"
KINDS = ("malware", "intrusion", "phishing", "denial_of_service", "data_leak")
MAX_BYTES = 2_000_000  # the largest of ours has 60 kB; a file beyond this is not a procedure for people
MAX_STEPS = 200

ID = re.compile(r"^[a-z][a-z0-9-]*--[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
StepType = Literal["action", "choice", "end"]


class Human(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Our extension of a step. `stage` is a key of stages.yml; `deadline_minutes` runs from the start of the procedure."""

    stage: str
    deadline_minutes: int | None = None
    role: Literal["officer", "head", "coordinator"] = "officer"
    proof: Literal["note", "attachment", "none"] = "note"
    why: str = ""
    warning: str = ""
    skip_allowed: bool = False
    clock_event: str = ""  # key of an event in clocks.yml that completing this step records
    choice_labels: dict[str, str] = {}  # "true"/"false" or a switch's case → what the button says
    choice_events: dict[str, str] = {}  # the same keys → event in clocks.yml that choosing it records


class _Command(msgspec.Struct, frozen=True):
    type: str
    command: str = ""


class _Step(msgspec.Struct, frozen=True):
    """A CACAO workflow step; properties we do not use are other producers' business and are let through."""

    type: str
    name: str = ""
    description: str = ""
    on_completion: str | None = None
    on_success: str | None = None
    on_failure: str | None = None
    commands: tuple[_Command, ...] = ()
    agent: str | None = None
    targets: tuple[str, ...] = ()
    condition: str = ""
    on_true: str | None = None
    on_false: str | None = None
    switch: str = ""
    cases: dict[str, str] = {}
    next_steps: tuple[str, ...] = ()
    out_args: tuple[str, ...] = ()
    step_extensions: dict[str, Any] = {}


class _Document(msgspec.Struct, frozen=True):
    type: str
    spec_version: str
    id: str
    name: str
    created_by: str
    created: datetime
    modified: datetime
    workflow_start: str
    workflow: dict[str, _Step]
    description: str = ""
    revoked: bool = False
    labels: tuple[str, ...] = ()
    playbook_variables: dict[str, Any] = {}
    agent_definitions: dict[str, Any] = {}
    target_definitions: dict[str, Any] = {}
    extension_definitions: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question: the words on the button, where it leads, which clock event it records."""

    label: str
    next_id: str
    clock_event: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing for a person to do (`action`), to decide (`choice`), or the end of the road."""

    id: str
    type: StepType
    name: str
    text: str
    stage: str
    deadline_minutes: int | None
    role: str
    proof: str
    why: str
    warning: str
    skip_allowed: bool
    clock_event: str
    choices: tuple[Choice, ...]
    next_id: str | None  # of an action; None for a choice and for the end


@dataclass(frozen=True)
class Playbook:
    """A procedure. `version` is CACAO's `modified`: an incident remembers it beside the id."""

    id: str
    kind: str
    name: str
    version: datetime
    description: str
    steps: tuple[Step, ...]  # in reading order, the end last
    path: Path

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        return {step.id: step for step in self.steps}

    @property
    def first_step(self) -> Step:
        return self.steps[0]

    def step(self, step_id: str) -> Step:
        if step_id not in self.by_id:
            raise KeyError(f"Quy trình “{self.name}” không có bước {step_id}.")
        return self.by_id[step_id]

    def next(self, step_id: str, choice: str | None = None) -> Step | None:
        """The step after `step_id`; `choice` is the label chosen at a choice step. None after the end.

        Raises:
            KeyError: no such step. ValueError: a choice step without one of its labels.
        """
        step = self.step(step_id)
        if step.type == "choice":
            for option in step.choices:
                if option.label == choice:
                    return self.step(option.next_id)
            offered = ", ".join(f"“{option.label}”" for option in step.choices)
            raise ValueError(f"Bước “{step.name}” cần chọn một trong: {offered}.")
        return self.step(step.next_id) if step.next_id else None

    def paths(self) -> Iterator[tuple[Step, ...]]:
        """Every road from the first step to the end; for checks: the number of roads doubles with every question."""

        def walk(step: Step, behind: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
            behind = (*behind, step)
            if step.type == "end":
                yield behind
            elif step.type == "choice":
                for option in step.choices:
                    yield from walk(self.step(option.next_id), behind)
            elif step.next_id:
                yield from walk(self.step(step.next_id), behind)

        yield from walk(self.first_step, ())


def load_playbooks(folder: Path) -> dict[str, Playbook]:
    """Return kind → procedure for every `<kind>.json` of the folder, in the order of `KINDS`, others after them.

    Raises:
        LawError: every fault of every file, each with file and step.
    """
    faults: list[Fault] = []
    found: dict[str, Playbook] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.stem] = load_playbook(path)
        except LawError as error:
            faults += error.faults
    if not found and not faults:
        faults.append(Fault(folder, 0, "không có quy trình nào (*.json) trong thư mục này."))
    identities: dict[str, Path] = {}
    for playbook in found.values():
        other = identities.setdefault(playbook.id, playbook.path)
        if other != playbook.path:
            faults.append(Fault(playbook.path, 0, f"trùng mã (id) với {other.name}; mỗi quy trình cần mã riêng."))
    if faults:
        raise LawError(faults)
    order = {kind: number for number, kind in enumerate(KINDS)}
    return dict(sorted(found.items(), key=lambda pair: (order.get(pair[0], len(order)), pair[0])))


def load_playbook(path: Path) -> Playbook:
    """Return the procedure of one file; its kind is the file's name.

    Raises:
        LawError: every fault found, each with the step's name.
    """
    document = _read(path)
    faults = list(_document_faults(path, document))
    if faults:
        raise LawError(faults)
    return Playbook(
        id=document.id,
        kind=path.stem,
        name=document.name,
        version=document.modified.astimezone(UTC),
        description=document.description,
        steps=_Road(path, document).steps(),
        path=path,
    )


def _read(path: Path) -> _Document:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LawError([Fault(path, 0, f"tệp lớn hơn {MAX_BYTES} byte, không phải một quy trình cho người đọc.")])
        return msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        raise LawError([Fault(path, 0, f"không đọc được tệp ({error}).")]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LawError([Fault(path, 0, f"không đúng dạng CACAO 2.0: {error}.")]) from error


def _document_faults(path: Path, document: _Document) -> Iterator[Fault]:
    if document.type != "playbook":
        yield Fault(path, 0, f"type phải là “playbook”, đang là “{document.type}”.")
    if document.spec_version != "cacao-2.0":
        yield Fault(path, 0, f"spec_version phải là “cacao-2.0”, đang là “{document.spec_version}”.")
    if document.revoked:
        yield Fault(path, 0, "quy trình đã bị thu hồi (revoked); hãy bỏ tệp hoặc thay bằng bản mới.")
    if document.created.tzinfo is None or document.modified.tzinfo is None:
        yield Fault(path, 0, "created và modified phải có múi giờ (viết kết thúc bằng Z).")
    elif document.modified < document.created:
        yield Fault(path, 0, "modified không được trước created.")
    if len(document.workflow) > MAX_STEPS:
        yield Fault(path, 0, f"có hơn {MAX_STEPS} bước; hãy tách thành nhiều quy trình.")
    for prefix, identifier in (("playbook", document.id), ("identity", document.created_by)):
        if not ID.match(identifier) or not identifier.startswith(f"{prefix}--"):
            yield Fault(path, 0, f"“{identifier}” không phải mã dạng {prefix}--UUID.")
    for step_id, step in document.workflow.items():
        if not ID.match(step_id) or not step_id.startswith(f"{step.type}--"):
            yield Fault(path, 0, f"mã bước phải có dạng {step.type}--UUID.", step_id)
    start = document.workflow.get(document.workflow_start)
    if start is None or start.type != "start":
        yield Fault(path, 0, "workflow_start phải chỉ vào một bước kiểu start.")


class _Road:
    """Follows the workflow from its start and lays the steps in reading order."""

    def __init__(self, path: Path, document: _Document) -> None:
        self.path = path
        self.document = document
        self.faults: list[Fault] = []
        self.laid: dict[str, Step] = {}
        self.visited: set[str] = set()

    def steps(self) -> tuple[Step, ...]:
        start = self.document.workflow[self.document.workflow_start]
        self.visited.add(self.document.workflow_start)
        first = self._lay(start.on_completion, after=None, name="start")
        for step_id in self.document.workflow.keys() - self.visited:
            self._fault(self.document.workflow[step_id].name or step_id, "không có đường nào dẫn tới bước này.")
        if first is None and not self.faults:
            self._fault("start", "bước start thiếu on_completion.")
        if not self.faults and not any(step.type == "action" for step in self.laid.values()):
            self._fault("start", "quy trình chưa có bước nào để làm.")
        if self.faults:
            raise LawError(self.faults)
        # the end is laid when it is first met, maybe inside a branch; readers want it last
        return tuple(sorted(self.laid.values(), key=lambda step: step.type == "end"))

    def _lay(self, step_id: str | None, *, after: str | None, name: str) -> str | None:
        """Lay the step and all that follow it; return the id a person really goes to, None after a fault.

        `after` is where a branch goes on when it reaches its own end; None on the main road.
        """
        if step_id is None:
            if after is None:
                self._fault(name, "không nói bước nào tiếp theo (on_completion).")
            return after
        step = self.document.workflow.get(step_id)
        if step is None:
            self._fault(name, f"dẫn tới bước không tồn tại {step_id}.")
            return None
        if step.type == "end" and after is not None:
            if step_id in self.visited:
                self._fault(name, "hai nhánh dùng chung một bước end; CACAO đòi mỗi nhánh một bước end riêng.")
            self.visited.add(step_id)
            return after
        if step_id in self.visited:
            self._fault(
                step.name or step_id, "được dẫn tới hai lần; hãy dùng nhánh và on_completion thay vì nhảy hay lặp."
            )
            return None
        self.visited.add(step_id)
        if step.on_success is not None or step.on_failure is not None:
            self._fault(step.name, "bước cho người làm chỉ dùng on_completion, không dùng on_success, on_failure.")
            return None
        return self._lay_one(step_id, step, after)

    def _lay_one(self, step_id: str, step: _Step, after: str | None) -> str | None:
        if step.type == "end":
            self.laid[step_id] = self._step(step_id, step, "end", (), None)
            return step_id
        if step.type == "parallel":
            return self._lay_parallel(step, after)
        if step.type not in ("action", "if-condition", "switch-condition"):
            self._fault(step.name or step_id, f"kiểu bước “{step.type}” chưa dùng được cho quy trình có người làm.")
            return None
        # keep the place in reading order, fill it once the steps behind are known
        placeholder = self._step(step_id, step, "end", (), None)
        self.laid[step_id] = placeholder
        if step.type == "action":
            self._check_action(step)
            next_id = self._lay(step.on_completion, after=after, name=step.name)
            self.laid[step_id] = self._step(step_id, step, "action", (), next_id)
            return step_id
        branches = {"true": step.on_true, "false": step.on_false} if step.type == "if-condition" else dict(step.cases)
        self._check_branches(step, branches)
        branch_order = list(self.laid)
        rest = self._lay(step.on_completion, after=after, name=step.name)
        laid_rest = [key for key in self.laid if key not in branch_order]
        human = self._human(step)
        choices = tuple(
            Choice(
                label=human.choice_labels.get(case, ""),
                next_id=self._lay(target, after=rest, name=step.name) or "",
                clock_event=human.choice_events.get(case, ""),
            )
            for case, target in branches.items()
        )
        # what follows the branches was laid first, so that they knew where to go on; read it after them
        for key in laid_rest:
            self.laid[key] = self.laid.pop(key)
        self.laid[step_id] = self._step(step_id, step, "choice", choices, None)
        return step_id

    def _lay_parallel(self, step: _Step, after: str | None) -> str | None:
        if not step.next_steps:
            self._fault(step.name, "bước parallel không có nhánh nào (next_steps).")
            return None
        before = list(self.laid)
        rest = self._lay(step.on_completion, after=after, name=step.name)
        laid_rest = [key for key in self.laid if key not in before]
        entry = rest
        tails: list[list[str]] = []
        for target in reversed(step.next_steps):  # from the last branch back: each one goes on at the next
            known = set(self.laid)
            entry = self._lay(target, after=entry, name=step.name)
            tails.insert(0, [key for key in self.laid if key not in known])
        for key in [*(key for tail in tails for key in tail), *laid_rest]:
            self.laid[key] = self.laid.pop(key)
        return entry

    def _check_action(self, step: _Step) -> None:
        if not step.name:
            self._fault("?", "bước thiếu tên (name).")
        if not step.commands or any(command.type != "manual" or not command.command for command in step.commands):
            self._fault(step.name, "cần ít nhất một lệnh (commands), tất cả là lệnh manual có nội dung.")
        if step.agent is None or step.agent not in self.document.agent_definitions:
            self._fault(step.name, "agent không có trong agent_definitions.")
        for target in step.targets:
            if target not in self.document.target_definitions:
                self._fault(step.name, f"đích {target} không có trong target_definitions.")
        for variable in step.out_args:
            if variable not in self.document.playbook_variables:
                self._fault(step.name, f"biến {variable} không có trong playbook_variables.")

    def _check_branches(self, step: _Step, branches: Mapping[str, str | None]) -> None:
        human = self._human(step)
        asked = step.condition or step.switch
        if not any(variable in asked for variable in self.document.playbook_variables):
            self._fault(step.name, "điều kiện không nhắc tới biến nào trong playbook_variables.")
        if len(branches) < 2:
            self._fault(step.name, "cần ít nhất hai nhánh để lựa chọn.")
        for case in branches:
            if not human.choice_labels.get(case):
                self._fault(step.name, f"thiếu chữ trên nút (choice_labels) cho nhánh “{case}”.")
        if len(set(human.choice_labels.values())) != len(human.choice_labels):
            self._fault(step.name, "hai nhánh có cùng chữ trên nút.")

    def _step(
        self, step_id: str, step: _Step, kind: StepType, choices: tuple[Choice, ...], next_id: str | None
    ) -> Step:
        human = self._human(step)
        return Step(
            id=step_id,
            type=kind,
            name=step.name or "Kết thúc",
            text="\n\n".join(command.command for command in step.commands) or step.description,
            stage=human.stage,
            deadline_minutes=human.deadline_minutes,
            role=human.role,
            proof=human.proof,
            why=human.why,
            warning=human.warning,
            skip_allowed=human.skip_allowed,
            clock_event=human.clock_event,
            choices=choices,
            next_id=next_id,
        )

    def _human(self, step: _Step) -> Human:
        given = step.step_extensions.get(EXTENSION)
        if given is None:
            if step.type in ("action", "if-condition", "switch-condition"):
                self._fault(step.name, f"thiếu phần mở rộng cho người làm ({EXTENSION}).")
            return Human(stage="4", proof="none")
        if EXTENSION not in self.document.extension_definitions:
            self._fault(step.name, f"phần mở rộng {EXTENSION} chưa khai trong extension_definitions.")
        try:
            return msgspec.convert(given, Human)
        except msgspec.ValidationError as error:
            self._fault(step.name, f"phần mở rộng sai: {error}.")
            return Human(stage="4", proof="none")

    def _fault(self, name: str, reason: str) -> None:
        fault = Fault(self.path, 0, reason, f"bước “{name}”")
        if fault not in self.faults:
            self.faults.append(fault)
