"""Rules whose records nobody reads, records that no rule reads, and the real rules' log sources."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from dekhang.engine import Rule, compile_rules, default_mapping
from dekhang.engine.coverage import Readers, UnmappedSource, UnreadPlace, unmapped_sources
from dekhang.engine.expressions import Atom, ValueTest
from dekhang.engine.rules import Logsource
from dekhang.engine.text import fold

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def rule(rule_id: str, *logsource: str) -> Rule:
    return Rule(rule_id, "t", "low", "p", logsource=Logsource(*logsource), condition=Atom("X", ValueTest()))


def test_unmapped_log_sources_are_counted_worst_first() -> None:
    rules = [
        rule("a", "solaris"),
        rule("b", "macos", "file_event"),
        rule("c", "macos", "file_event"),
        rule("d", "linux"),
    ]
    first, second = unmapped_sources(compile_rules(rules, default_mapping()))
    assert first == UnmappedSource(Logsource("macos", "file_event"), 2, first.reason) and "macOS" in first.reason
    assert second.logsource == Logsource("solaris") and second.rules == 1 and "solaris" in second.reason


def test_records_that_no_rule_reads_are_told_by_their_place() -> None:
    readers = Readers(compile_rules([rule("a", "windows", "process_creation"), rule("b", "linux")], default_mapping()))
    seen = {
        ("windows", "", "", SYSMON, 1): 5,
        ("windows", "", "", SYSMON, 3): 7,
        ("windows", "", "", "Setup", None): 9,
        ("linux", "auth", "", "", None): 11,
        ("squid", "access", "proxy", "", None): 2,
        ("", "", "", "", None): 1,
    }
    assert readers.rules_at(("windows", "", "", SYSMON, 1)) == 1
    assert [(str(one), one.records) for one in readers.unread(seen)] == [
        ("kênh Setup", 9),
        (f"kênh {SYSMON}, EventID 3", 7),
        ("product: squid, service: access, category: proxy", 2),
        ("không bộ đọc nào nhận ra", 1),
    ]
    assert UnreadPlace(("squid", "access", "proxy", "", None), 2) in readers.unread(seen)


# -- the Sigma project's rules (DEKHANG_SHARED) --------------------------------------------------------------------


@pytest.mark.shared
def test_only_log_sources_that_are_out_of_reach_are_unmapped_each_with_its_own_reason(shared: Path) -> None:
    """Of 3,754 real rules 77 ask for logs that no device or machine here can send."""
    unmapped: Counter[str] = Counter()
    total = 0
    for path in (shared / "sigma").glob("rules*/**/*.yml"):
        for document in yaml.load_all(path.read_bytes(), yaml.CSafeLoader):
            said = {name: document["logsource"].get(name, "") for name in ("product", "category", "service")}
            total += 1
            reason = default_mapping().why_unread(Logsource(**said))
            if reason:
                assert not reason.startswith("Chưa có nguồn log nào"), f"{path}: nobody says why {said} is not read"
                unmapped[said["product"]] += 1
    assert total == 3_754
    assert unmapped == {"macos": 75, "fortios": 1, "paloalto": 1}


@pytest.mark.shared
def test_windows_is_mapped_as_the_sigma_project_maps_it(shared: Path) -> None:
    """thor.yml: a service is these channels, a category these event ids, fields and conditions."""
    thor = yaml.load((shared / "sigma/mapping/thor.yml").read_bytes(), yaml.CSafeLoader)["logsources"]
    mapping = default_mapping()
    channels: dict[str, set[str]] = {}
    for source in mapping.sources:
        if source.logsource.product == "windows" and not source.logsource.category:
            channels.setdefault(source.logsource.service, set()).update(source.channels)
    checked = 0
    for one in thor.values():
        if one.get("product") == "windows" and "sources" in one:
            asked = {fold(name.removeprefix("WinEventLog:")) for name in one["sources"]}
            assert asked <= channels[one["service"]], one
            checked += 1
        elif "rewrite" in one:
            service, conditions = one["rewrite"]["service"], dict(one["conditions"])
            numbers = conditions.pop("EventID")
            numbers = set(numbers if isinstance(numbers, list) else [numbers])
            (found,) = (
                source
                for source in mapping.sources
                if source.logsource.category == one["category"]
                and source.logsource.service == service
                and source.product == "windows"
                and numbers <= source.event_ids
            )
            aliases = dict(found.aliases)
            assert found.channels == channels[service]
            assert all(other in aliases[name] for name, other in one.get("fieldmappings", {}).items())
            assert (found.where is not None) == bool(conditions)
            checked += 1
    assert checked == 86


@pytest.mark.shared
def test_every_log_source_whose_fields_the_sigma_project_lists_is_mapped_or_says_why(shared: Path) -> None:
    legal = yaml.load((shared / "sigma/mapping/logsource.json").read_bytes(), yaml.CSafeLoader)["legit"]
    silent = []
    for product, said in legal.items():
        named = "" if product == "empty" else product
        for asked in [Logsource(named, name) for name in said["category"]] + [
            Logsource(named, "", name) for name in said["service"]
        ]:
            if default_mapping().why_unread(asked).startswith("Chưa có nguồn log nào"):
                silent.append(str(asked))
    assert silent == []
