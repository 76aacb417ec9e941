"""A Windows event as XML has the facts it has as EVTX; what is no event, or made to be expensive, does no harm."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from evtx import PyEvtxParser

from dekhang.engine.text import fold, scalars, text_of
from dekhang.pipeline.parse import ParsedEvent, parse

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[4] / "shared"))
needs_shared = pytest.mark.skipif(
    not (SHARED / "data").is_dir(), reason="needs the real material: set DEKHANG_SHARED to its folder"
)
RECEIVED = 1_575_943_300_000
LOGON = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Security-Auditing' Guid='{1}'/><EventID Qualifiers='0'>4625</EventID>"
    "<Version>0</Version><Level>0</Level><Keywords>0x8010000000000000</Keywords>"
    "<TimeCreated SystemTime='2019-12-10T02:00:00.1234567Z'/><EventRecordID>7</EventRecordID><Correlation/>"
    "<Execution ProcessID='588' ThreadID='9'/><Channel>Security</Channel><Computer>pc01.example.gov.vn</Computer>"
    "<Security/></System><EventData><Data Name='TargetUserName'>admin</Data><Data Name='IpAddress'>192.0.2.7</Data>"
    "<Data Name='LogonType'>3</Data><Data Name='Empty'></Data></EventData>"
    "<RenderingInfo Culture='vi-VN'><Message>An account failed &amp; more.</Message></RenderingInfo></Event>"
)
SYSMON = (
    '<Event><System><Provider Name="Linux-Sysmon" Guid="{ff032593-a8d3-4f13-b0d6-01fc615a0f97}"/><EventID>1</EventID>'
    '<TimeCreated SystemTime="2019-12-10T02:00:00.000000000Z"/><Channel>Linux-Sysmon/Operational</Channel>'
    '<Computer>may-chu</Computer><Security UserId="0"/></System><EventData><Data Name="Image">/usr/bin/curl</Data>'
    '<Data Name="CommandLine">curl http://192.0.2.7/x</Data><Data Name="ParentImage">/bin/sh</Data>'
    '<Data Name="User">www-data</Data></EventData></Event>'
)


def read(raw: str | bytes | dict[str, Any], kind: str = "") -> ParsedEvent:
    if isinstance(raw, dict):
        raw = json.dumps(raw)
    return parse(raw if isinstance(raw, bytes) else raw.encode(), source_kind=kind, received_ms=RECEIVED)


@pytest.mark.parametrize(
    "raw",
    [
        LOGON,
        "\ufeff<?xml version='1.0' encoding='utf-8' standalone='yes'?>\r\n" + LOGON,
        LOGON.encode("utf-16"),
        LOGON.encode("utf-16-le"),
        LOGON.encode("utf-16-be"),
        "<14>Dec 10 02:00:05 relay Microsoft-Windows: " + LOGON,
        json.dumps({"message": LOGON, "host": "relay", "@timestamp": "2019-12-10T02:00:05Z"}),
        LOGON.replace("<System>", "\n  <System>\r\n    ").replace("</Data>", "</Data>\r\n    "),
    ],
    ids=["plain", "declaration", "utf-16", "utf-16-le", "utf-16-be", "syslog", "json", "laid out"],
)
def test_an_event_as_xml_has_the_same_facts_however_it_comes(raw: str | bytes) -> None:
    event = read(raw, "windows")

    fields = event.record.fields
    assert (event.kind, event.record.product, event.problem) == ("windows", "windows", None)
    assert {name: fields[name] for name in ("EventID", "Channel", "Computer", "TargetUserName", "LogonType")} == {
        "EventID": 4625,
        "Channel": "Security",
        "Computer": "pc01.example.gov.vn",
        "TargetUserName": "admin",
        "LogonType": "3",
    }
    assert (fields["Provider_Name"], fields["Execution_ProcessID"], fields["Message"], fields["Empty"]) == (
        "Microsoft-Windows-Security-Auditing", "588", "An account failed & more.", "",
    )  # fmt: skip
    assert event.time_ms == 1_575_943_200_123
    assert not event.fields_are_raw


@needs_shared
def test_real_events_have_the_same_fields_as_xml_and_as_evtx() -> None:
    compared = 0
    for path in sorted((SHARED / "data/windows/evtx").rglob("*.evtx"))[:25]:
        as_json = [record["data"] for record in PyEvtxParser(str(path)).records_json()]
        as_xml = [record["data"] for record in PyEvtxParser(str(path)).records()]
        for one, other in zip(as_json, as_xml, strict=True):
            ours, theirs = read(other), read(one)
            assert plain(ours) == plain(theirs), path
            assert ours.time_ms == theirs.time_ms
            compared += 1
    assert compared > 50


def plain(event: ParsedEvent) -> dict[str, list[str]]:
    """Fields as rules compare them: as text; null, empty and the printer's white space are no value."""
    found = {}
    for name, value in event.record.fields.items():
        texts = [fold(text_of(one)) for one in scalars(value)]
        texts = [text for text in texts if text.strip()]
        if texts:
            found[name] = texts
    return found


def test_nxlogs_flat_xml_is_a_windows_event_too() -> None:
    event = read(
        "<Event><EventTime>2019-12-10 02:00:00</EventTime><Hostname>pc01</Hostname><EventID>4625</EventID>"
        "<SourceName>Microsoft-Windows-Security-Auditing</SourceName><Channel>Security</Channel>"
        "<TargetUserName>admin</TargetUserName></Event>"
    )

    assert (event.kind, event.record.fields["EventID"], event.record.fields["Computer"]) == ("windows", 4625, "pc01")


@pytest.mark.parametrize(
    "raw",
    [
        "Dec 10 02:00:00 may-chu sysmon: " + SYSMON,
        "<30>1 2019-12-10T02:00:00Z may-chu sysmon 7 - - " + SYSMON,
        SYSMON,
        json.dumps(
            {
                "EventID": 1, "Provider_Name": "Linux-Sysmon", "Channel": "Linux-Sysmon/Operational",
                "Computer": "may-chu", "SystemTime": "2019-12-10T02:00:00Z", "Image": "/usr/bin/curl",
                "CommandLine": "curl http://192.0.2.7/x", "ParentImage": "/bin/sh", "User": "www-data",
            }
        ),
    ],
    ids=["syslog", "rfc 5424", "bare", "json"],
)  # fmt: skip
def test_sysmon_for_linux_is_told_from_windows(raw: str) -> None:
    event = read(raw, "linux")

    record = event.record
    assert (event.kind, record.product, record.service, record.category) == ("linux_sysmon", "linux", "sysmon", "")
    assert (record.fields["EventID"], record.fields["Image"], record.fields["ParentImage"], event.host) == (
        1, "/usr/bin/curl", "/bin/sh", "may-chu",
    )  # fmt: skip
    assert event.time_ms == 1_575_943_200_000
    assert event.problem is None


def test_a_line_that_syslog_cut_off_keeps_what_came_and_says_so() -> None:
    event = read("Dec 10 02:00:00 may-chu sysmon: " + SYSMON[: SYSMON.index("ParentImage")])

    fields = event.record.fields
    assert (event.kind, fields["Image"], fields["_truncated"]) == ("linux_sysmon", "/usr/bin/curl", True)


def test_signs_that_xml_forbids_do_not_hide_an_event() -> None:
    event = read(LOGON.replace("admin", "ad\x00\x0bmin&#0;&#x1F;&#65;"))

    assert event.record.fields["TargetUserName"] == "ad\ufffd\ufffdmin\ufffd\ufffdA"


def test_line_ends_are_kept_as_evtx_keeps_them() -> None:
    assert read(LOGON.replace("admin", "a\r\nb")).record.fields["TargetUserName"] == "a\r\nb"


@pytest.mark.parametrize(
    "raw",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + LOGON.replace("admin", "&b;"),
        "<?xml version='1.0'?><!DOCTYPE x SYSTEM 'http://192.0.2.7/x'>" + LOGON,
        LOGON.replace("<System>", "<!DOCTYPE x [<!ENTITY a 'evil'>]><System>").replace("admin", "&a;"),
    ],
)
def test_document_types_are_not_read(raw: str) -> None:
    assert read(raw).kind == "raw"
