"""Formats that are text: Windows XML, W3C, Zeek, the journal's export, CSV of Windows tools, plain lines."""

import struct
from pathlib import Path
from typing import Any

import orjson
import pytest

from dekhang.pipeline.formats import FORMATS, RecordFile, open_records
from dekhang.pipeline.formats import xmlevents as xmlevents_module


def opened(folder: Path, content: str | bytes, *, name: str = "log", format: str | None = None) -> RecordFile:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_records(path, format=format)


def documents(file: RecordFile) -> list[Any]:
    return [orjson.loads(raw) for _, raw in file]


# ------------------------------------------------------------------------------------------------- Windows XML

NAMESPACE = 'xmlns="http://schemas.microsoft.com/win/2004/08/events/event"'
ELEMENTS = [
    f"<Event {NAMESPACE}><System><EventID>{n}</EventID></System><EventData><Data Name='a'>Tây Ninh &lt;/Event&gt;"
    f"</Data></EventData></Event>"
    for n in range(40)
]
PROLOG = '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n'


@pytest.mark.parametrize(
    "text",
    [
        PROLOG + "<Events>" + "".join(ELEMENTS) + "</Events>",
        "\n".join(ELEMENTS),
        "".join(ELEMENTS),
        "<Events>\r\n" + "\r\n  ".join(ELEMENTS) + "\r\n</Events>\r\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_xml_exports_are_cut_into_events(tmp_path: Path, text: str, encoding: str) -> None:
    file = opened(tmp_path, text.encode(encoding))

    assert [raw.decode() for _, raw in file] == ELEMENTS
    assert file.formats == {"xml"}
    assert file.problems == []


@pytest.mark.parametrize("block", [1, 5, 200])
def test_xml_events_do_not_depend_on_where_blocks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(xmlevents_module, "CHUNK_BYTES", block)
    file = opened(tmp_path, "<Events>" + "".join(ELEMENTS[:5]) + "</Events>")

    assert [raw.decode() for _, raw in file] == ELEMENTS[:5]


def test_xml_in_the_code_page_it_declares_is_read(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="windows-1252"?><Events><Event><Data>café</Data></Event></Events>'
    file = opened(tmp_path, text.encode("windows-1252"))

    assert [raw.decode() for _, raw in file] == ["<Event><Data>café</Data></Event>"]


def test_an_xml_event_without_its_end_is_told_and_the_next_is_read(tmp_path: Path) -> None:
    torn = ELEMENTS[0][:60]
    file = opened(tmp_path, torn + ELEMENTS[1] + torn)

    assert [raw.decode() for _, raw in file] == [ELEMENTS[1]]
    assert [position for position, _ in file.problems] == [0, 1]


# ------------------------------------------------------------------------------------------------- W3C

IIS = """#Software: Microsoft Internet Information Services 10.0
#Version: 1.0
#Date: 2019-12-10 02:00:00
#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status cs(User-Agent)
2019-12-10 02:00:01 192.0.2.7 GET /a.aspx id=1 200 Mozilla/5.0+(X11)
2019-12-10 02:00:02 192.0.2.7 POST /b.aspx - 500 -
#Fields: date time cs-method sc-status
2019-12-10 02:00:03 HEAD 404
"""


def test_w3c_rows_are_named_by_the_header_that_stands_before_them(tmp_path: Path) -> None:
    file = opened(tmp_path, IIS.replace("\n", "\r\n"))
    software = "Microsoft Internet Information Services 10.0"

    first, second, third = documents(file)

    assert first == {
        "date": "2019-12-10",
        "time": "02:00:01",
        "c-ip": "192.0.2.7",
        "cs-method": "GET",
        "cs-uri-stem": "/a.aspx",
        "cs-uri-query": "id=1",
        "sc-status": "200",
        "cs(User-Agent)": "Mozilla/5.0+(X11)",
        "_w3c": software,
    }
    assert second["cs-uri-query"] == "-"
    assert third == {
        "date": "2019-12-10",
        "time": "02:00:03",
        "cs-method": "HEAD",
        "sc-status": "404",
        "_w3c": software,
    }
    assert (file.formats, file.problems) == ({"w3c"}, [])


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("time c-ip cs-uri", "02:00:00\t192.0.2.7\t/a b"),  # CloudFront
        ("time\tc-ip\tcs-uri", "02:00:00\t192.0.2.7\t/a b"),  # TMG
        ("time,c-ip,cs-uri", '02:00:00,192.0.2.7,"/a b"'),  # Exchange
        ("time c-ip cs-uri", '02:00:00 192.0.2.7 "/a b"'),  # proxies
    ],
)
def test_w3c_rows_are_split_as_their_program_does(tmp_path: Path, header: str, row: str) -> None:
    file = opened(tmp_path, f"#Version: 1.0\n#Date: 2019-12-10 00:00:00\n#Fields: {header}\n{row}\n")

    [found] = documents(file)

    assert (found["c-ip"], found["cs-uri"].strip('"')) == ("192.0.2.7", "/a b")
    assert (found["_date"], found["_w3c"]) == ("2019-12-10 00:00:00", "")
    assert file.problems == []


def test_a_w3c_row_that_does_not_fit_is_told_and_kept(tmp_path: Path) -> None:
    file = opened(tmp_path, "#Fields: a b c\n1 2\n1 2 3 4\n1 2 3\n")

    assert documents(file)[1] == {"a": "1", "b": "2", "c": "3", "column_4": "4", "_w3c": ""}
    assert [position for position, _ in file.problems] == [0, 1]


# ------------------------------------------------------------------------------------------------- Zeek

ZEEK = """#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tdns
#open\t2019-12-10-02-00-00
#fields\tts\tuid\tid.orig_h\tid.orig_p\tquery\tAA\tTTLs\tanswers\trejected\tnote
#types\ttime\tstring\taddr\tport\tstring\tbool\tvector[interval]\tvector[string]\tset[string]\tstring
1575943200.125000\tC1\t192.0.2.7\t53123\ta\\x09b.example.gov.vn\tT\t60.0,-,1.5\t198.51.100.1,x\\x2cy\t(empty)\t-
#close\t2019-12-10-03-00-00
"""


def test_zeek_rows_get_the_types_of_their_columns(tmp_path: Path) -> None:
    file = opened(tmp_path, ZEEK)

    assert documents(file) == [
        {
            "ts": 1575943200.125,
            "uid": "C1",
            "id.orig_h": "192.0.2.7",
            "id.orig_p": 53123,
            "query": "a\tb.example.gov.vn",
            "AA": True,
            "TTLs": [60.0, None, 1.5],
            "answers": ["198.51.100.1", "x,y"],
            "rejected": [],
            "_zeek": "dns",
        }
    ]
    assert (file.formats, file.problems) == ({"zeek"}, [])


def test_zeek_values_that_break_their_type_stay_text(tmp_path: Path) -> None:
    rows = "#separator \\x09\n#path\tconn\n#fields\tts\tport\tok\n#types\ttime\tport\tbool\nnan\t12x\tmaybe\n"

    assert documents(opened(tmp_path, rows)) == [{"ts": "nan", "port": "12x", "ok": "maybe", "_zeek": "conn"}]


# ------------------------------------------------------------------------------------------------- journal


def test_the_journals_export_becomes_what_its_json_output_says(tmp_path: Path) -> None:
    text = b"sudo:\nsecond line"
    entry = (
        b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1575943200000000\n_HOSTNAME=may-chu\nMESSAGE\n"
        + struct.pack("<Q", len(text))
        + text
        + b"\n_TAG=a\n_TAG=b\n\n"
    )
    file = opened(tmp_path, entry * 3)

    found = documents(file)

    assert len(found) == 3
    assert (found[0]["MESSAGE"], found[0]["_TAG"]) == ("sudo:\nsecond line", ["a", "b"])
    assert (file.formats, file.problems) == ({"journal"}, [])


def test_a_journal_with_an_impossible_length_ends_with_a_sentence(tmp_path: Path) -> None:
    good = b"__CURSOR=s=1\nMESSAGE=one\n\n"
    file = opened(tmp_path, good + b"__CURSOR=s=2\nMESSAGE\n" + b"\xff" * 8 + b"rest\n\n" + good)

    assert [one["MESSAGE"] for one in documents(file)] == ["one"]
    assert len(file.problems) == 1


# ------------------------------------------------------------------------------------------------- CSV


def test_event_viewers_csv_gets_a_name_for_its_last_column(tmp_path: Path) -> None:
    text = (
        "\ufeffLevel,Date and Time,Source,Event ID,Task Category\r\n"
        'Information,12/10/2019 9:00:00 AM,Microsoft-Windows-Security-Auditing,4625,Logon,"An account failed\r\n\r\n'
        'Account Name:\tadmin"\r\n'
        "Information,12/10/2019 9:00:01 AM,Microsoft-Windows-Security-Auditing,4624,Logon,fine\r\n"
    )
    file = opened(tmp_path, text, name="Security")

    first, second = documents(file)

    assert first["Message"].startswith("An account failed")
    assert (second["Event ID"], second["Message"]) == ("4624", "fine")
    assert (file.formats, file.problems) == ({"csv"}, [])


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nThời gian;Máy;Sự kiện\r\nhôm nay;may-01;4625\r\n",
        "Thời gian\tMáy\tSự kiện\r\nhôm nay\tmay-01\t4625\r\n",
        '"Thời gian";"Máy";"Sự kiện"\r\n"hôm nay";"may-01";"4625"\r\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_excel_saves_is_read(tmp_path: Path, text: str, encoding: str) -> None:
    file = opened(tmp_path, text.encode(encoding), name="bang.csv")

    assert documents(file) == [{"Thời gian": "hôm nay", "Máy": "may-01", "Sự kiện": "4625"}]
    assert file.problems == []


def test_a_sentinel_export_is_a_table_in_spite_of_its_brackets(tmp_path: Path) -> None:
    text = '"TimeGenerated [UTC]",Computer,EventID\n"12/10/2019, 2:00:00.000 AM",may-01,4625\n'

    assert documents(opened(tmp_path, text))[0]["Computer"] == "may-01"


def test_the_audit_data_of_a_purview_export_are_the_record(tmp_path: Path) -> None:
    text = (
        'CreationDate,UserIds,AuditData\n2019-12-10,u,"{""Operation"":""UserLoggedIn"",""ClientIP"":""192.0.2.7""}"\n'
    )

    assert documents(opened(tmp_path, text)) == [{"Operation": "UserLoggedIn", "ClientIP": "192.0.2.7"}]


@pytest.mark.parametrize(
    "line",
    [
        "CEF:0|Vendor|Product|1.0|100|name, with, commas|5|src=192.0.2.7 dst=198.51.100.1",
        "LEEF:1.0|Vendor|Product|1.0|100|src=192.0.2.7\tdst=198.51.100.1\tsev=5",
        "<34>1 2019-12-10T02:00:00Z may-chu app 1 - - a, b, c",
        "Dec 10 09:00:00 may-chu app: a, b, c",
        'date=2019-12-10 time=09:00:00 devname="fw", type="traffic", srcip=192.0.2.7',
        "type=SYSCALL msg=audit(1575943200.123:42): arch=c000003e syscall=59",
        '192.0.2.7 - - [10/Dec/2019:09:00:00 +0700] "GET /a,b,c HTTP/1.1" 200 1',
        "[Tue Dec 10 09:00:00 2019] [error] [client 192.0.2.7] a, b, c",
        "1,2019/12/10 09:00:00,0011,TRAFFIC,end,1,192.0.2.7,198.51.100.1",
        "<134>Dec 10 09:00:00 fw filterlog[1]: 5,,,1000,em0,match,block,in,4",
    ],
)
def test_log_lines_stay_lines(tmp_path: Path, line: str) -> None:
    file = opened(tmp_path, f"{line}\n" * 5)

    assert [raw.decode() for _, raw in file] == [line] * 5
    assert file.formats == {"lines"}


# ------------------------------------------------------------------------------------------------- overriding


def test_a_person_may_overrule_the_recognition(tmp_path: Path) -> None:
    text = "a,b\n1,2\n"

    assert [raw for _, raw in opened(tmp_path, text, format="lines")] == [b"a,b", b"1,2"]
    assert documents(opened(tmp_path, text, format="csv")) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_can_be_forced_into_a_crash(tmp_path: Path, name: str) -> None:
    for content in (b"", b"\x00" * 100_000, b"text\n{]\n\xff\xfe", b'{"a":1}\n[2]\n'):
        for _, raw in opened(tmp_path, content, format=name):
            assert isinstance(raw, bytes)


def test_an_unknown_format_is_a_sentence_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="evtx"):
        opened(tmp_path, "", format="docx")
