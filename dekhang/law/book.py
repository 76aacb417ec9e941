"""The law as one object: reads the folder, checks that its parts fit together, answers questions about a date."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypeVar

from dekhang.law import shapes
from dekhang.law.errors import Fault, LawError, UnknownKey
from dekhang.law.reading import lines_of, read_yaml

DATA = Path(__file__).parent / "data"
E = TypeVar("E", bound=shapes.Entry)

# the lists of files that are not named for the one list they hold
_LISTS = {
    "report_fields.yml": ("reports",),
    "log_retention.yml": ("retentions",),
    "report_calendar.yml": ("calendar",),
    "bands.yml": ("bands", "points"),
    "gci.yml": ("editions", "indicators"),
}
_CITATION = re.compile(r"^(?:(?P<regime>R\d{4}) )?(?P<key>[A-ZĐ]+\d+-\d{4}(?:/[\wđ.]+)?)$")
_APPENDIX = {"PL1": "Phụ lục I", "PL2": "Phụ lục II", "PL3": "Phụ lục III"}
_DAY = re.compile(r"^(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8]|30|31)$")
_CLAUSE = re.compile(r"^(?P<article>\d+)(?:\.(?P<clause>\d+))?(?P<point>[a-zđ])?$")


class _Sources(shapes.Shape, frozen=True):
    sources: tuple[shapes.Source, ...]


class _Instruments(shapes.Shape, frozen=True):
    instruments: tuple[shapes.Instrument, ...]


class _Regimes(shapes.Shape, frozen=True):
    regimes: tuple[shapes.Regime, ...]


class _Duties(shapes.Shape, frozen=True):
    duties: tuple[shapes.Duty, ...]


class _Clocks(shapes.Shape, frozen=True):
    events: tuple[shapes.Event, ...]
    parties: tuple[shapes.Party, ...]
    clocks: tuple[shapes.Clock, ...]


class _Roles(shapes.Shape, frozen=True):
    roles: tuple[shapes.Role, ...]


class _Proofs(shapes.Shape, frozen=True):
    proofs: tuple[shapes.Proof, ...]


class _LogRetentions(shapes.Shape, frozen=True):
    retentions: tuple[shapes.LogRetention, ...]


class _Stages(shapes.Shape, frozen=True):
    stages: tuple[shapes.Stage, ...]


class _Reports(shapes.Shape, frozen=True):
    reports: tuple[shapes.Report, ...]


class _Bands(shapes.Shape, frozen=True):
    refuted_at_best: shapes.BandKey
    risk_weight: float
    bands: tuple[shapes.Band, ...]
    points: tuple[shapes.Points, ...]


class _Efforts(shapes.Shape, frozen=True):
    waiting_hours_a_day: float
    efforts: tuple[shapes.Effort, ...]


class _Gci(shapes.Shape, frozen=True):
    pillars: tuple[shapes.Pillar, ...]
    editions: tuple[shapes.GciEdition, ...]
    indicators: tuple[shapes.GciIndicator, ...]


class _Calendar(shapes.Shape, frozen=True):
    calendar: tuple[shapes.ReportDate, ...]


class _Checklists(shapes.Shape, frozen=True):
    checklists: tuple[shapes.Checklist, ...]


class Law:
    """All law data, immutable. Ask by key, by regime or by date; an unknown key raises `UnknownKey`."""

    def __init__(self, folder: Path = DATA) -> None:
        self.folder = folder
        self.sources: Mapping[str, shapes.Source] = {
            s.key: s for s in read_yaml(folder / "sources.yml", _Sources).sources
        }
        self.instruments: Sequence[shapes.Instrument] = read_yaml(folder / "instruments.yml", _Instruments).instruments
        self.regimes: Sequence[shapes.Regime] = read_yaml(folder / "regimes.yml", _Regimes).regimes
        self.duties: Sequence[shapes.Duty] = read_yaml(folder / "duties.yml", _Duties).duties
        clocks = read_yaml(folder / "clocks.yml", _Clocks)
        self.events: Mapping[str, shapes.Event] = {e.key: e for e in clocks.events}
        self.parties: Mapping[str, shapes.Party] = {p.key: p for p in clocks.parties}
        self.all_clocks: Sequence[shapes.Clock] = clocks.clocks
        self.roles: Sequence[shapes.Role] = read_yaml(folder / "roles.yml", _Roles).roles
        self.proofs: Sequence[shapes.Proof] = read_yaml(folder / "proofs.yml", _Proofs).proofs
        self.all_log_retentions: Sequence[shapes.LogRetention] = read_yaml(
            folder / "log_retention.yml", _LogRetentions
        ).retentions
        self.all_stages: Sequence[shapes.Stage] = read_yaml(folder / "stages.yml", _Stages).stages
        self.all_reports: Sequence[shapes.Report] = read_yaml(folder / "report_fields.yml", _Reports).reports
        bands = read_yaml(folder / "bands.yml", _Bands)
        self.all_bands: Sequence[shapes.Band] = bands.bands
        self.all_points: Sequence[shapes.Points] = bands.points
        self.refuted_at_best = bands.refuted_at_best
        self.risk_weight = bands.risk_weight
        efforts = read_yaml(folder / "efforts.yml", _Efforts)
        self.all_efforts: Sequence[shapes.Effort] = efforts.efforts
        self.waiting_hours_a_day = efforts.waiting_hours_a_day
        gci = read_yaml(folder / "gci.yml", _Gci)
        self.gci_pillars: Sequence[shapes.Pillar] = gci.pillars
        self.gci_editions: Sequence[shapes.GciEdition] = gci.editions
        self.gci_indicators: Sequence[shapes.GciIndicator] = tuple(sorted(gci.indicators, key=lambda i: i.order))
        self.report_dates: Sequence[shapes.ReportDate] = read_yaml(folder / "report_calendar.yml", _Calendar).calendar
        self.all_checklists: Sequence[shapes.Checklist] = read_yaml(folder / "checklists.yml", _Checklists).checklists
        self._instruments = {i.key: i for i in self.instruments}
        self._keys = frozenset(_citations(self.instruments))
        if faults := list(self._faults()):
            raise LawError(faults)

    # --- texts ---

    def keys(self) -> frozenset[str]:
        """Every citation key: instruments (`ND85-2016`) and the clauses that the project cites (`ND85-2016/9`)."""
        return self._keys

    def instrument(self, key: str) -> shapes.Instrument:
        return _get(self.instruments, key.partition("/")[0], "văn bản")

    def cite(self, key: str) -> str:
        """A citation for people: `ND85-2016/9` → "Điều 9 Nghị định 85/2016/NĐ-CP"."""
        if key not in self._keys:
            raise UnknownKey(f"Không có căn cứ “{key}” trong dekhang/law/data/instruments.yml.")
        name, _, clause = key.partition("/")
        instrument = self._instruments[name].name
        if not clause:
            return instrument
        found = _CLAUSE.match(clause)
        if found is None:
            return f"{_APPENDIX.get(clause, clause)} {instrument}"
        parts = [
            f"điểm {found['point']}" if found["point"] else "",
            f"khoản {found['clause']}" if found["clause"] else "",
        ]
        return " ".join([*filter(None, parts), f"Điều {found['article']}", instrument])

    def cite_in_force(self, keys: Iterable[str], on: date) -> list[str]:
        """Citations of those of `keys` whose instruments are in force on `on`, in their order."""
        return [self.cite(key) for key in keys if self.instrument(key).in_force(on)]

    def citation_fault(self, citation: str) -> str | None:
        """Why `R2016 ND85-2016/9` (regime optional) is not a known citation, or None if it is."""
        found = _CITATION.match(citation)
        if found is None:
            return f"“{citation}” không có dạng “R2016 ND85-2016/9”."
        if found["key"] not in self._keys:
            return f"“{found['key']}” chưa có trong dekhang/law/data/instruments.yml."
        if found["regime"] and found["regime"] not in self.instrument(found["key"]).regimes:
            return f"“{found['key']}” không thuộc chế độ {found['regime']}."
        return None

    # --- regimes, duties ---

    def regime(self, key: str) -> shapes.Regime:
        return _get(self.regimes, key, "chế độ pháp luật")

    def regime_on(self, on: date) -> shapes.Regime:
        """The regime under which a record made on this day falls."""
        for regime in self.regimes:
            if regime.in_force(on):
                return regime
        raise UnknownKey(f"Chưa có chế độ pháp luật nào cho ngày {on:%d/%m/%Y} trong dekhang/law/data/regimes.yml.")

    def duty(self, key: str) -> shapes.Duty:
        return _get(self.duties, key, "nghĩa vụ")

    def duties_on(self, on: date) -> tuple[shapes.Duty, ...]:
        """The duties in force on a date, in their order."""
        return tuple(sorted((d for d in self.duties if d.in_force(on)), key=lambda d: d.order))

    # --- incidents ---

    def clock(self, key: str, *, regime: str) -> shapes.Clock:
        return _get_in(self.all_clocks, key, regime, "thời hạn")

    def clocks(self, regime: str, *, anchor: str | None = None) -> tuple[shapes.Clock, ...]:
        """The clocks of a regime, all or those that start at one event."""
        return tuple(c for c in self.all_clocks if c.regime == regime and anchor in (None, c.anchor))

    def party(self, key: str, *, regime: str) -> str:
        """The name of a sender or recipient under a regime."""
        if key not in self.parties:
            raise UnknownKey(f"Không có bên “{key}” trong dekhang/law/data/clocks.yml.")
        names: Mapping[str, str] = {str(k): v for k, v in self.parties[key].names.items()}
        return names.get(regime, self.parties[key].title)

    def stage(self, key: str, *, regime: str) -> shapes.Stage:
        return _get_in(self.all_stages, key, regime, "giai đoạn ứng cứu")

    def stages(self, regime: str) -> tuple[shapes.Stage, ...]:
        return tuple(s for s in self.all_stages if s.regime == regime)

    def report(self, key: str, *, regime: str) -> shapes.Report:
        return _get_in(self.all_reports, key, regime, "mẫu báo cáo")

    def reports(self, regime: str) -> tuple[shapes.Report, ...]:
        return tuple(r for r in self.all_reports if r.regime == regime)

    def report_date(self, key: str) -> shapes.ReportDate:
        return _get(self.report_dates, key, "kỳ báo cáo")

    # --- people, thresholds ---

    def role(self, key: str) -> shapes.Role:
        return _get(self.roles, key, "vai trò")

    def proof(self, key: str) -> shapes.Proof:
        return _get(self.proofs, key, "ngưỡng chứng minh")

    def log_retention(self, level: int, *, regime: str) -> shapes.LogRetention | None:
        """How long the logs of a system of this level are kept; None: no figure is known."""
        return next((r for r in self.all_log_retentions if r.regime == regime and r.level == level), None)

    # --- comparing, deciding what comes first ---

    def bands(self, on: date) -> tuple[shapes.Band, ...]:
        """The bands in force on a date, the best first; none before there were any."""
        return tuple(sorted((b for b in self.all_bands if b.in_force(on)), key=lambda b: -b.minimum))

    def points(self, on: date) -> Mapping[str, shapes.Points]:
        """What each duty weighs on a date, by the duty's key."""
        return {p.key: p for p in self.all_points if p.in_force(on)}

    def efforts(self, on: date) -> Mapping[str, shapes.Effort]:
        """What it costs to clear each kind of obstacle on a date, by the reason's code."""
        return {e.key: e for e in self.all_efforts if e.in_force(on)}

    # --- inspections ---

    def checklists(self, on: date) -> tuple[shapes.Checklist, ...]:
        """The checklists in force on a date."""
        return tuple(c for c in self.all_checklists if c.in_force(on))

    def checklist(self, key: str, on: date) -> shapes.Checklist:
        return _get(self.checklists(on), key, "danh mục kiểm tra")

    # --- the Global Cybersecurity Index ---

    def gci_edition(self, key: str) -> shapes.GciEdition:
        return _get(self.gci_editions, key, "lần công bố GCI")

    def gci_edition_on(self, on: date) -> shapes.GciEdition | None:
        """The newest edition that was published by a date."""
        return next((e for e in self.gci_editions if e.in_force(on)), None)

    def gci_indicator(self, key: str) -> shapes.GciIndicator:
        return _get(self.gci_indicators, key, "chỉ tiêu GCI")

    # --- do the parts fit? ---

    def entries(self) -> Iterator[tuple[str, shapes.Entry]]:
        """Every entry with the file it is in, for checks and for the reference pages."""
        files: tuple[tuple[str, Sequence[shapes.Entry]], ...] = (
            ("instruments.yml", self.instruments),
            ("regimes.yml", self.regimes),
            ("duties.yml", self.duties),
            ("clocks.yml", self.all_clocks),
            ("roles.yml", self.roles),
            ("proofs.yml", self.proofs),
            ("log_retention.yml", self.all_log_retentions),
            ("stages.yml", self.all_stages),
            ("report_fields.yml", self.all_reports),
            ("bands.yml", self.all_bands),
            ("bands.yml", self.all_points),
            ("efforts.yml", self.all_efforts),
            ("checklists.yml", self.all_checklists),
            ("gci.yml", self.gci_editions),
            ("gci.yml", self.gci_indicators),
            ("report_calendar.yml", self.report_dates),
        )
        for name, entries in files:
            for entry in entries:
                yield name, entry

    def _faults(self) -> Iterator[Fault]:
        seen: set[tuple[str, str, str]] = set()
        for file, entry in self.entries():
            identity = (file, entry.key, getattr(entry, "regime", ""))
            if isinstance(entry, shapes.Versioned):
                identity = (file, entry.key, entry.valid_from.isoformat())
            if identity in seen:
                yield self._fault(file, entry.key, "khóa này viết hai lần trong cùng tệp.")
            seen.add(identity)
            for reason in self._reasons(entry):
                yield self._fault(file, entry.key, reason)
        for file, versions in (
            ("bands.yml", self.all_bands),
            ("bands.yml", self.all_points),
            ("efforts.yml", self.all_efforts),
            ("checklists.yml", self.all_checklists),
        ):
            for key in _overlapping(versions):
                yield self._fault(
                    file, key, "hai bản của khóa này cùng có hiệu lực một ngày; hãy đặt valid_to cho bản trước."
                )

    def _fault(self, file: str, key: str, reason: str) -> Fault:
        path = self.folder / file
        lists = _LISTS.get(file, (file.removesuffix(".yml"),))
        line = next((found for top in lists if (found := lines_of(path, top).get(key))), 0)
        return Fault(path, line, reason, key)

    def _reasons(self, entry: shapes.Entry) -> Iterator[str]:
        if not entry.basis and not entry.worded_by_us and not isinstance(entry, shapes.Instrument):
            yield "thiếu căn cứ (basis); nếu là lựa chọn của chúng ta, hãy ghi worded_by_us: true."
        if not entry.source:
            yield "thiếu nguồn (source)."
        yield from self._unknown("căn cứ", entry.basis, self._keys)
        yield from self._unknown("nguồn", entry.source, self.sources)
        yield from self._unknown("trường nhớ lại (from_memory)", entry.from_memory, entry.__struct_fields__)
        if isinstance(entry, shapes.Dated) and entry.valid_to is not None and entry.valid_to <= entry.valid_from:
            yield "valid_to phải sau valid_from."
        if isinstance(entry, shapes.Instrument):
            yield from self._unknown("văn bản thay thế", entry.replaced_by, self._instruments)
        elif isinstance(entry, shapes.Duty):
            yield from self._unknown("ngưỡng chứng minh", entry.proofs, {p.key for p in self.proofs})
            for target in entry.targets:
                yield from self._unknown("căn cứ", target.basis, self._keys)
            for figure in entry.references:
                yield from self._unknown("nguồn", figure.source, self.sources)
        elif isinstance(entry, shapes.Clock):
            yield from self._unknown("sự kiện", (entry.anchor, entry.stops_on, *entry.also_stopped_by), self.events)
            yield from self._unknown("bên gửi, nhận", (entry.sender, *entry.recipients), self.parties)
            if entry.report:
                yield from self._unknown("mẫu báo cáo", (entry.report,), {r.key for r in self.reports(entry.regime)})
            if entry.limit.unit in ("hours", "days") and entry.limit.amount <= 0:
                yield "thời hạn tính bằng giờ hay ngày phải lớn hơn 0."
            if (entry.limit.unit == "yearly_before") != bool(entry.limit.dates):
                yield "chỉ thời hạn hằng năm mới có danh sách ngày (dates), và phải có."
        elif isinstance(entry, shapes.Points):
            yield from self._unknown("nghĩa vụ", (entry.key,), {d.key for d in self.duties})
            if entry.points <= 0:
                yield "điểm của một nghĩa vụ phải lớn hơn 0."
        elif isinstance(entry, shapes.Effort):
            if entry.hours <= 0 or entry.waiting_days < 0:
                yield "công sức phải lớn hơn 0 giờ, thời gian chờ không âm."
        elif isinstance(entry, shapes.GciIndicator):
            yield from self._reasons_of_indicator(entry)
        elif isinstance(entry, shapes.Checklist):
            for item in entry.items:
                yield from self._unknown("căn cứ", item.basis, self._keys)
                yield from self._unknown("nghĩa vụ", filter(None, (item.duty,)), {d.key for d in self.duties})
            if len({item.key for item in entry.items}) != len(entry.items):
                yield "hai mục của danh mục này cùng một khóa."
        elif isinstance(entry, shapes.Report):
            yield from self._unknown("bên gửi, nhận", (entry.sender, *entry.recipients), self.parties)
        elif isinstance(entry, shapes.ReportDate):
            yield from self._unknown("bên gửi, nhận", entry.recipients, self.parties)
            if entry.every == "year" and not all(map(_DAY.match, (entry.period_from, entry.period_to, entry.due))):
                yield "kỳ báo cáo năm phải có period_from, period_to, due dạng tháng-ngày, ví dụ 12-14."
        elif isinstance(entry, shapes.Regime):
            for transition in entry.transitions:
                yield from self._unknown("căn cứ", transition.basis, self._keys)
                yield from self._unknown("nguồn", transition.source, self.sources)

    def _reasons_of_indicator(self, entry: shapes.GciIndicator) -> Iterator[str]:
        yield from self._unknown("trụ cột", (entry.pillar,), {p.key for p in self.gci_pillars})
        yield from self._unknown("lần công bố", entry.editions, {e.key for e in self.gci_editions})
        if bool(entry.contributions) == bool(entry.why_none):
            yield "chỉ tiêu phải có đóng góp (contributions), hoặc nói vì sao không (why_none)."
        for one in entry.contributions:
            yield from self._unknown("nghĩa vụ", filter(None, (one.duty,)), {d.key for d in self.duties})
            yield from self._unknown("văn bản", filter(None, (one.instrument,)), {i.key for i in self.instruments})
            if sum(map(bool, (one.duty, one.evidence, one.document, one.instrument))) != 1:
                yield f"đóng góp “{one.what}” phải nêu đúng một: duty, evidence, document hoặc instrument."

    @staticmethod
    def _unknown(what: str, asked: Iterable[str], known: Iterable[str]) -> Iterator[str]:
        known = set(known)
        for key in asked:
            if key not in known:
                yield f"{what} “{key}” không có trong dữ liệu."


@cache
def load(folder: Path = DATA) -> Law:
    """The law of the folder, read once per process.

    Raises:
        LawError: with every fault that cross checks found, each with file and line.
    """
    return Law(folder)


def _citations(instruments: Iterable[shapes.Instrument]) -> Iterator[str]:
    for instrument in instruments:
        yield instrument.key
        for clause in instrument.clauses:
            yield f"{instrument.key}/{clause}"


def _overlapping(versions: Sequence[shapes.Versioned]) -> Iterator[str]:
    """Keys of which two versions are in force on the same day."""
    last: dict[str, shapes.Versioned] = {}
    for entry in sorted(versions, key=lambda e: e.valid_from):
        before = last.get(entry.key)
        if before is not None and (before.valid_to is None or entry.valid_from < before.valid_to):
            yield entry.key
        last[entry.key] = entry


def _get(entries: Iterable[E], key: str, what: str) -> E:
    for entry in entries:
        if entry.key == key:
            return entry
    raise UnknownKey(f"Không có {what} “{key}” trong dữ liệu pháp luật.")


def _get_in(entries: Iterable[E], key: str, regime: str, what: str) -> E:
    return _get([e for e in entries if getattr(e, "regime", "") == regime], key, f"{what} của chế độ {regime}")
