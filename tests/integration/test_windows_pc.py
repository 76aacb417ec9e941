"""The script for one PC against a real receiver: no Windows here, so its requests are made as its text says, part by part.

What is read from the script's text (paths, headers, names) is used to send; what cannot be read is compared word by word.
"""

import gzip
import http.client
import re
from dataclasses import dataclass
from datetime import datetime

import evtx
import pytest

from dekhang.apps.sources import shippers
from dekhang.apps.sources.enums import SourceKind
from dekhang.apps.sources.shippers import windowspc
from dekhang.pipeline.parse import parse
from dekhang.pipeline.stores import ledger
from dekhang.pipeline.worker.loop import Worker
from tests.receivers import PROJECT, TOKEN, Receiver, source

NOW_MS = 1_795_000_000_000  # after every real event
MARKER = "dekhang-canary-00112233aabbccdd"
# what `eventcreate /ID 777 /L APPLICATION /T INFORMATION /SO DeKhang /D …` leaves in the Application log
CANARY_XML = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='DeKhang'/>"
    "<EventID Qualifiers='0'>777</EventID><Version>0</Version><Level>4</Level><Task>0</Task><Opcode>0</Opcode>"
    "<Keywords>0x80000000000000</Keywords><TimeCreated SystemTime='2021-02-03T09:47:58.1234567Z'/>"
    "<EventRecordID>1001</EventRecordID><Correlation/><Execution ProcessID='0' ThreadID='0'/><Channel>Application</Channel>"
    f"<Computer>pc-mot-cua</Computer><Security/></System><EventData><Data>{MARKER}</Data></EventData></Event>"
)


@dataclass(frozen=True)
class Event:
    """What .NET's EventLogRecord gives: ToXml() and four properties."""

    xml: str
    computer: str
    channel: str
    number: int
    time: str


def event(xml: str) -> Event:
    def one(pattern: str) -> str:
        return re.search(pattern, xml)[1]

    time = one(r"SystemTime=['\"]([^'\"]+)")
    return Event(
        xml, one("<Computer>([^<]+)"), one("<Channel>([^<]+)"), int(one(r"<EventRecordID>(\d+)")), digits_of(time)
    )


def digits_of(time: str) -> str:
    """ToString('yyyyMMddHHmmssfffffff') of the event's time in UTC: seven digits of the second."""
    whole, _, fraction = time.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole).strftime("%Y%m%d%H%M%S") + fraction[:7].ljust(7, "0")


class Script:
    """The downloaded file, played."""

    def __init__(self, settings, receiver: Receiver, token: str = TOKEN) -> None:
        settings.INTAKE_HOST, settings.HTTP_INTAKE_PORT = "127.0.0.1", receiver.http_port
        shipper = shippers.shipper_of(SourceKind.WINDOWS, windowspc.KEY)
        content = shippers.download(shipper, shippers.configuration(shipper, source_id=7, token=token))
        self.text = content.decode("utf-8-sig").replace("\r\n", "\n")
        self.port = receiver.http_port
        assert self._one(r"^\$Url = '([^']*)'") == receiver.url

    def _one(self, pattern: str) -> str:
        (found,) = re.findall(pattern, self.text, re.M)
        return found

    def lines_of(self, one: Event) -> str:
        """ConvertTo-Lines; the script's own expressions are compared, so that a change there is a change here."""
        assert "$Record.MachineName + '|' + $Channel + '|' + [string]$Record.RecordId + '|' + $time" in self.text
        assert ".Replace(\"`r\", '&#13;').Replace(\"`n\", '&#10;')" in self.text
        form = self._one(r"return ('\{\"create\".*) \+ \"`n\" \+ \$xml \+ \"`n\"$")
        index = self._one(r"^\$Index = '([^']*)'")
        name = f"{one.computer}|{one.channel}|{one.number}|{one.time}"
        action = "".join({"$Index": index, "$name": name}.get(part, part.strip("'")) for part in form.split(" + "))
        xml = one.xml.replace("\r", "&#13;").replace("\n", "&#10;")
        return f"{action}\n{xml}\n"

    def send(self, events: list[Event]) -> tuple[int, str]:
        path = self._one(r"-Method 'POST' -Path '([^']+)'")
        content_type = self._one(r"\$request\.ContentType = '([^']+)'")
        encoding = self._one(r"Headers\.Add\('Content-Encoding', '([^']+)'\)")
        assert encoding == "gzip" and "GZipStream" in self.text
        body = gzip.compress("".join(self.lines_of(one) for one in events).encode())
        return self.request("POST", path, body, {"Content-Type": content_type, "Content-Encoding": encoding})

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, str]:
        token = self._one(r"^\$Token = '([^']*)'")
        scheme = self._one(r"Headers\.Add\('Authorization', '(\w+ )' \+ \$Token\)")
        agent = self._one(r"\$request\.UserAgent = '([^']+)'")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": scheme + token, "User-Agent": agent, **headers}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def reason(self, answer: str) -> str:
        """Get-Reason with the script's own regular expression."""
        return re.search(self._one(r"\[regex\]::Match\(\$Answer\.Text, '([^']+)'\)"), answer)[1]


@pytest.fixture
def real_events(shared) -> list[Event]:
    """Real events of several channels, their XML on one line as Windows gives it."""
    events = []
    for path in sorted((shared / "windows/evtx").glob("*.evtx"))[:12]:
        for record in evtx.PyEvtxParser(str(path)).records():
            xml = record["data"].removeprefix('<?xml version="1.0" encoding="utf-8"?>\n')
            xml = re.sub(r">\n\s*<", "><", xml).strip()
            if "<Channel>" in xml and "<Channel><" not in xml:  # a file of somebody's making: Windows reads by channel
                events.append(event(xml))
    assert len({one.channel for one in events}) > 1
    return events[:400]


def test_real_events_arrive_whole_and_a_repeated_batch_is_counted_as_duplicates(tmp_path, settings, real_events):
    with Receiver(tmp_path, "http", sources=[source(kind="windows")]) as receiver:
        script = Script(settings, receiver)
        for _ in range(2):  # the answer to the first was lost on the way
            status, answer = script.send(real_events)
            assert (status, '"errors":false' in answer) == (200, True)
        records = receiver.records()

    parsed = [parse(record, source_kind="windows", received_ms=NOW_MS) for record in records[: len(real_events)]]
    for one, found in zip(real_events, parsed, strict=True):
        assert (found.kind, found.problem, found.host) == ("windows", None, one.computer)
        assert found.record.fields["Channel"] == one.channel
    worker = Worker(tmp_path, [PROJECT / "rules" / "canary"])
    worker.start()
    worker.drain()
    worker.close()
    account = ledger.of_source(tmp_path, 7)
    assert (account.stored, account.duplicate, account.refused) == (len(real_events), len(real_events), 0)


def test_the_canary_written_by_eventcreate_is_detected(tmp_path, settings):
    from dekhang.pipeline.stores import detections

    with Receiver(tmp_path, "http", sources=[source(kind="windows")]) as receiver:
        status, _answer = Script(settings, receiver).send([event(CANARY_XML)])
        assert status == 200
    worker = Worker(tmp_path, [PROJECT / "rules" / "canary"])
    worker.start()
    worker.drain()
    worker.close()
    (found,) = detections.after(tmp_path, 0)
    assert MARKER in str(found.fields)


def test_line_ends_inside_an_event_survive(tmp_path, settings):
    text = "dong mot\r\ndong hai\ndong ba"
    with Receiver(tmp_path, "http", sources=[source(kind="windows")]) as receiver:
        Script(settings, receiver).send([event(CANARY_XML.replace(MARKER, text))])
        (record,) = receiver.wait_for_records(1)
    assert text in parse(record, source_kind="windows", received_ms=NOW_MS).record.fields.values()


def test_the_check_before_installing_tells_a_right_token_from_a_wrong_one(tmp_path, settings):
    with Receiver(tmp_path, "http", sources=[source(kind="windows")]) as receiver:
        path = re.findall(r"-Method 'GET' -Path '([^']+)'", Script(settings, receiver).text)
        assert path == ["/"]
        assert Script(settings, receiver).request("GET", path[0], None, {})[0] == 200
        wrong = Script(settings, receiver, token="ma-sai")
        for status, answer in (wrong.request("GET", path[0], None, {}), wrong.send([event(CANARY_XML)])):
            assert status == 401
            assert "mã" in wrong.reason(answer).lower()
    assert receiver.records() == []


def test_a_cleared_log_that_counts_from_one_again_is_not_taken_for_a_repeat(tmp_path, settings):
    again = CANARY_XML.replace("2021-02-03T09", "2021-02-04T09")
    with Receiver(tmp_path, "http", sources=[source(kind="windows")]) as receiver:
        script = Script(settings, receiver)
        first, second = script.lines_of(event(CANARY_XML)), script.lines_of(event(again))
    assert first.splitlines()[0] != second.splitlines()[0]


def test_batches_stay_far_below_the_receiver_s_bounds():
    from dekhang.pipeline.receive.body import WIRE_BYTES
    from dekhang.pipeline.receive.bulk import LINES

    longest_event = 2 * 64 * 1024  # Windows' own bound of an event, as UTF-8
    assert windowspc.BATCH_BYTES + longest_event < WIRE_BYTES / 4
    assert 2 * windowspc.BATCH_RECORDS < LINES
    assert windowspc.RUN_SECONDS < 60
