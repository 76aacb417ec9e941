"""The order in which a simulated province comes into an empty installation."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.db import transaction

from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import AuditAction
from dekhang.apps.duties import timelines
from dekhang.apps.duties.models import Claim, Evidence
from dekhang.apps.registry.models import Employment, Person
from dekhang.simulate import conduct, equipment, filings, intake, observations, orders, people, tree, truth, warnings
from dekhang.simulate.conduct import Conduct
from dekhang.simulate.size import Size
from dekhang.simulate.tree import SimUnit
from dekhang.simulate.writing import insert, without_indexes

Say = Callable[[str, int, int], None]  # what is done, rows so far, rows in all


def _quiet(what: str, done: int, of: int) -> None:
    pass


@dataclass
class Built:
    """What was written, and the seconds of processor that each part took."""

    claims: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.seconds[what] = round(time.process_time() - began, 2)


def build(size: Size, data: Path, *, password: str | None = None, say: Say = _quiet) -> Built:
    """Write the province of `size` into an installation without units, and its truth to `data`/simulate/truth.jsonl.

    Args:
        password: of all accounts; None: nobody can sign in.
    """
    built = Built()
    with clock.at(size.end), transaction.atomic():
        with built.timed("units"):
            say("đơn vị", 0, size.units)
            planted = tree.plant(size, make_password(password))
            conducts = conduct.decide(planted.units, size)
            equipment.connect(planted.units, conducts, size)
        with built.timed("people"):
            say("cán bộ", 0, size.people)
            with without_indexes(Person, Employment):
                people.employ(planted.units, conducts, size)
        with built.timed("documents"):
            say("văn bản", 0, 0)
            filed = filings.file_all(planted, conducts, size)
            built.claims = _declare(planted.units, conducts)
        with built.timed("plan"):
            say("kế hoạch", 0, 0)
            orders.send_down(planted, conducts, size)
        with built.timed("evidence"), without_indexes(Evidence):
            observations.observe(
                planted.units, conducts, filed, size, lambda done: say("bằng chứng", done, size.evidence)
            )
        with built.timed("alerts"), without_indexes(Alert):
            warnings.warn(planted.units, conducts, size, lambda done: say("cảnh báo", done, size.alerts))
        record_event(
            action=AuditAction.PROVINCE_SIMULATED, by=None, actor_label="lệnh simulate", detail={"seed": size.seed}
        )
        timelines.mark_all()
    with built.timed("intake"):
        say("sổ tiếp nhận", 0, 0)
        intake.keep_accounts(data, planted.units, conducts, size)
    truth.write(data / truth.FILE, planted.units, conducts, size)
    with built.timed("timelines"), clock.at(size.end):
        done = 0
        while more := timelines.refresh():
            done += more
            say("dòng trạng thái", done, 0)
    return built


def _declare(units: list[SimUnit], conducts: dict[int, dict[str, Conduct]]) -> int:
    return insert(
        Claim,
        ("unit_id", "duty_key", "statement", "declared_at", "declared_by_id"),
        [
            (unit.id, one.duty, "Đơn vị đã thực hiện.", one.claimed_at, unit.officer_id)
            for unit in units
            for one in conducts[unit.id].values()
            if one.claimed_at is not None
        ],
    )
