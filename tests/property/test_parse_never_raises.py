"""Whatever bytes arrive, parsing answers, within bounds, with text that can be stored."""

import math
import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.engine.text import scalars
from dekhang.pipeline import parse as parse_room
from dekhang.pipeline.parse import expected, parse
from dekhang.pipeline.parse.audit_join import joined
from dekhang.pipeline.parse.event import FIELDS_PER_RECORD, VALUE_CHARS

RECEIVED = 1_575_943_200_000
KINDS = st.sampled_from(["windows", "linux", "web", "suricata", "syslog", ""])

NAMES = st.sampled_from(
    [
        "EventID",
        "Channel",
        "SourceName",
        "Hostname",
        "EventTime",
        "Event",
        "System",
        "EventData",
        "UserData",
        "Data",
        "winlog",
        "event_data",
        "event_id",
        "message",
        "host",
        "@timestamp",
        "log",
        "event_type",
        "src_ip",
        "dns",
        "remote_addr",
        "request",
        "status",
        "time",
        "PROGRAM",
        "MESSAGE",
        "process",
        "#text",
        "#attributes",
        "@Name",
        "Name",
        "winlog.channel",
        "winlog.event_data.x",
        "alert",
        "_w3c",
        "c-ip",
        "cs-uri",
        "cs-uri-stem",
        "cs(User-Agent)",
        "s-action",
        "src-ip",
        "dst-ip",
        "statusCode",
        "logicalUserName",
        "eventSource",
        "eventName",
        "awsRegion",
        "requestParameters",
        "detail",
        "detail-type",
        "Records",
        "category",
        "operationName",
        "properties",
        "targetResources",
        "TargetResources",
        "modifiedProperties",
        "additionalDetails",
        "key",
        "value",
        "deviceDetail",
        "riskEventType",
        "userPrincipalName",
        "conditionalAccessStatus",
        "activityDisplayName",
        "loggedByService",
        "Operation",
        "Workload",
        "Parameters",
        "ExtendedProperties",
        "AuditData",
        "protoPayload",
        "methodName",
        "metadata",
        "parameter",
        "name",
        "logName",
        "action",
        "actor",
        "org",
        "eventType",
        "outcome",
        "auditType",
        "event_type_id",
        "account_id",
        "apiVersion",
        "logtype",
        "node_id",
        "logdata",
        "ts",
        "uid",
        "_path",
        "_zeek",
        "id.orig_h",
        "query",
        "qtype_name",
        "threat_name",
        "threat",
        "object_uri",
        "filename",
        "Provider_Name",
        "Computer",
    ]
) | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.sampled_from(
        ["2019-12-10T02:00:00Z", "4625", "iam.amazonaws.com", "AuditLogs", "SignInLogs", "audit.k8s.io/v1", "org.add", "dns", "Linux-Sysmon",
         '[{"displayName":"a.b","newValue":1}]', '{"Operation":"x","Workload":"y"}', "A/B"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)  # fmt: skip
PIECES = st.sampled_from(
    [
        "<38>", "<999>", "1 ", "Dec 10 02:00:00 ", "2019-12-10T02:00:00Z ", "may-chu ", "sshd[1]: ", "sudo: ", "audit[1]: ",
        "Failed password for ", "invalid user ", " from 192.0.2.7", " port 4", "type=EXECVE msg=audit(1575943200.1:2): ",
        "a0=", '"', "'", "msg='", "=", "\\", "[", "]", "(", ")", "{", "}", '"GET / HTTP/1.1" 200 5', "- - [10/Dec/2019:02:00:00 +0000] ",
        "message repeated 5 times: [ ", " : TTY=", " ; COMMAND=", "\x1d", "\x00", "\ufeff", "@cee:", "6162", "%2527", "%",
    ]
)  # fmt: skip
DEVICES = st.sampled_from(
    [
        "date=2019-12-10 ", "time=02:00:00 ", 'devname="F" ', "logid=1 ", 'type="event" ', "action=", "srcip=192.0.2.7 ",
        "eventtime=99999999999999999999 ", 'device_name="S" log_type="Firewall" log_subtype=', 'id="1" sys="SecureWeb" sub="http" url="',
        "filterlog[1]: ", "4,,,1,igb0,match,block,in,4,0x0,,64,1,0,DF,6,tcp,60,", "192.0.2.7,192.0.2.8,1,2,", ",", "6,",
        "%ASA-6-302013: ", "%ASA-4-106023: Deny tcp src ", "outside:192.0.2.7/1 ", "%ASA-6-113015: AAA user authentication Rejected : ",
        "user = x : ", "%SEC_LOGIN-4-LOGIN_FAILED: [user: ", "48: *", "firewall,info input: in:a out:b, ", "proto TCP, ", "192.0.2.7:1->[::1]:2",
        "login failure for user ", " via ssh", "kernel: ", "IN=a OUT= SRC=192.0.2.7 DST=192.0.2.8 PROTO=", "SPT=", "openvpn: ",
        "1575943200.000 5 192.0.2.7 TCP_MISS/200 1 GET http://a.example.com:1/b.c?d ", "- HIER_DIRECT/- text/html", " TCP_MISS:HIER_DIRECT",
        "named[1]: client 192.0.2.7#1 (a): ", "query: a IN A +", "rpz QNAME NXDOMAIN rewrite a/A/IN via b", "10-Dec-2019 02:00:00.000 queries: info: ",
        "dnsmasq[1]: ", "query[A] a from ", "reply a is ", "unbound[1]: info: ", "2019/12/10 02:00:00 [error] 1#2: *3 ", ", client: ",
        ', request: "', "[Tue Dec 10 02:00:00 2019] [error] [client ", "ModSecurity: ", '[id "1"] ', '[tag "',
        "CEF:0|Fortinet|Fortigate|1|2|3|4|", "CEF:", "|", "\\|", "\\=", "src=192.0.2.7 ", "cs1Label=", "cs1=", "rt=", "FTNTFGTtype=", "LEEF:2.0|a|b|c|d|x09|", "\t",
    ]
)  # fmt: skip
MARKUP = st.sampled_from(
    [
        "<?xml version='1.0'?>", "<Event>", "<Event xmlns='x'>", "<System>", "</System>", "<EventID>1</EventID>", "<Channel>x</Channel>",
        "<Provider Name='Linux-Sysmon'/>", "<EventData>", "<Data Name='a'>", "</Data>", "</EventData>", "</Event>", "<", "&", "&#0;", "&lt;",
        "<!DOCTYPE a [", "<!ENTITY a 'b'>", "<![CDATA[", "]]>", "<!--", "-->", "\x0b", "\r\n", "sysmon: ", "clamd[1]: ", "/x: ", "Eicar-Test", " FOUND",
        "Virus found,", "Risk name: ", "File path: ", ",", "threat=", "file=", "virus: ",
        "type=SYSCALL msg=audit(1575943200.1:2): ", "arch=c000003e ", "syscall=59 ", "key=6101620163", "a1[0]=61 ", "a1[9999]=62 ", "saddr=01002F78",
        "type=EOE msg=audit(1575943200.1:2): ", "type=PROCTITLE msg=audit(1575943200.1:2): proctitle=6162",
    ]
)  # fmt: skip
LINES = st.lists(PIECES | DEVICES | MARKUP | st.text(max_size=5), max_size=25).map("".join)


def check(raw: bytes, kind: str) -> None:
    facts = parse_room._read(raw, kind, RECEIVED)  # not parse(): that would hide a fault of ours
    assert facts.kind in expected._CAME
    event = parse(raw, source_kind=kind, received_ms=RECEIVED, scope=3, key=4)
    assert len(event.record.fields) <= FIELDS_PER_RECORD + 1
    assert all(len(value) <= VALUE_CHARS for value in event.record.fields.values() if isinstance(value, str))
    assert 946_684_800_000 <= event.time_ms <= RECEIVED + 86_400_000
    assert (event.record.scope, event.record.key) == (3, 4)
    orjson.dumps(dict(event.record.fields))  # can be stored: no surrogates, no integers beyond 64 bits
    event.host.encode()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), KINDS)
def test_any_bytes(raw: bytes, kind: str) -> None:
    check(raw, kind)


@settings(max_examples=200, deadline=None)
@given(st.lists(MARKUP | st.text(max_size=5), max_size=20).map("".join), KINDS)
def test_any_markup(text: str, kind: str) -> None:
    check(("<Event>" + text).encode("utf-8", "replace"), kind)
    check(("<Event>" + text).encode("utf-16", "replace"), kind)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), LINES), max_size=12))
def test_any_audit_records_are_joined_without_losing_one(lines: list[tuple[int, str]]) -> None:
    """Every serial comes out, no value of a record is missing from its event, and all stays within bounds."""
    events = [
        parse(
            f"type={'EXECVE' if serial else 'PATH'} msg=audit(1575943200.1:{serial}): {text}".encode(
                "utf-8", "replace"
            ),
            source_kind="linux",
            received_ms=RECEIVED,
            key=number,
        )
        for number, (serial, text) in enumerate(lines)
    ]
    whole = {event.record.fields.get("serial"): event for event in joined(events)}

    assert whole.keys() == {event.record.fields.get("serial") for event in events}
    for event in events:
        fields = whole[event.record.fields.get("serial")].record.fields
        assert len(fields) <= FIELDS_PER_RECORD
        orjson.dumps(dict(fields))
        if "_truncated" not in fields and event.record.fields["type"] != "EXECVE":  # a joined argument is another one
            for name, value in event.record.fields.items():
                if name not in ("message", "command"):
                    assert set(scalars(value)) <= set(scalars(fields[name])), name


@settings(max_examples=200, deadline=None)
@given(LINES, KINDS)
def test_any_line_made_of_pieces_of_logs(text: str, kind: str) -> None:
    check(text.encode("utf-8", "replace"), kind)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=10), KINDS)
def test_any_document_with_the_names_of_shippers(document: dict[str, object], kind: str) -> None:
    check(orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS) if _fits(document) else b"{}", kind)


def _fits(document: object) -> bool:
    try:
        orjson.dumps(document)
    except TypeError:
        return False
    return True


HOSTILE = [
    b"<Event>" + b"<a>" * 300_000,
    b"<Event>" + b"<a/>" * 240_000,
    b"<Event><System>" + b"&#0;" * 240_000,
    b"<Event><System/><EventData>" + b"<Data Name='a'>b</Data>" * 43_000,
    b"<Event " + b"a='1' " * 160_000 + b"/>",
    b"<?xml " + b" " * 900_000,
    b"Dec 10 02:00:00 h clamd[1]: " + b": " * 450_000 + b" FOUND",
    b"Dec 10 02:00:00 h app: threat file " + b"a = " * 240_000,
    b"Dec 10 02:00:00 h app: virus path " + b"a " * 480_000,
    b"Dec 10 02:00:00 h SymantecServer: Virus found," + b"a: b," * 190_000,
    b"type=SYSCALL msg=audit(1575943200.1:2): key=" + b"6101" * 240_000,
    b"type=EXECVE msg=audit(1575943200.1:2): " + b"".join(b"a1[%d]=61 " % n for n in range(9_999)) * 8,
    b'{"eventSource":"iam.amazonaws.com","eventName":"x","requestParameters":'
    + b'{"a":' * 100_000
    + b'"""'
    + b"}" * 100_000
    + b"}",
    b'{"eventSource":"iam.amazonaws.com","eventName":"x","requestParameters":['
    + b",".join([b'""a"'] * 150_000)
    + b"]}",
    b'{"activityDisplayName":"x","targetResources":['
    + b",".join([b'{"modifiedProperties":[{"displayName":"a.b"}]}'] * 20_000)
    + b"]}",
    b'{"ts":1575943200,"_path":"dns","answers":[' + b",".join([b'{"a":[1]}'] * 80_000) + b"]}",
    b'{"Operation":"x","Workload":"y","AuditData":"' + b"{" * 900_000 + b'"}',
    b"<1>" * 300_000,
    b"Dec 10 02:00:00 h sshd[1]: Failed password for " + b"from 192.0.2.7 " * 60_000,
    b"Dec 10 02:00:00 h sudo: a : " + b"; TTY=" * 150_000,
    b"Dec 10 02:00:00 h sudo: " + b" " * 900_000,
    b"Dec 10 02:00:00 h CRON[1]: (a) CMD (" + b")(" * 450_000,
    b"Dec 10 02:00:00 h sshd[1]: message repeated 5 times: [ " + b"]" * 900_000,
    b"Dec 10 02:00:00 h su: " + b"Successful su for " * 50_000,
    b"192.0.2.7 - " + b" [" * 450_000,
    b'192.0.2.7 - - [10/Dec/2019:02:00:00 +0000] "' + b'\\"' * 450_000,
    b'192.0.2.7 - - [10/Dec/2019:02:00:00 +0000] "GET ' + b"%25" * 300_000 + b' HTTP/1.1" 200 5',
    b"type=EXECVE msg=audit(1575943200.1:2): " + b"a0=" * 300_000,
    b"type=EXECVE msg=audit(1575943200.1:2): " + b"A" * 900_000,
    b"type=USER_CMD msg=audit(1575943200.1:2): " + b"msg='" * 180_000,
    b"<38>1 2019-12-10T02:00:00Z h p 1 - [" + b'"\\' * 450_000,
    b"{" * 900_000,
    b'{"a":' * 180_000,
    b'{"EventID":' + b"9" * 900_000 + b',"Channel":"x"}',
    b'{"message":"' + b'{\\"message\\":' * 60_000 + b'"}',
    b'<189>date=2019-12-10 devname="F" logid="1" type="x" ' + b'a="' * 300_000,
    b'<189>date=2019-12-10 devname="F" logid="1" type="x" ' + b'a="\\"' * 200_000,
    b'<189>date=2019-12-10 devname="F" logid="1" type="x" ' + b" ".join(b"k%d=v" % n for n in range(100_000)),
    b'<189>date=2019-12-10 devname="F" logid="1" type="x" ui="' + b"(" * 900_000,
    b"<30>date=2019-12-10 " + b"\x00" * 900_000,
    b'<30>2019-12-10T02:00:00 utm httpproxy[1]: id="1" sys="S" sub="http" url="http://' + b"a/." * 300_000 + b'"',
    b"<134>Dec 10 02:00:00 h filterlog[1]: 4,,,1,igb0,match,block,in,4," + b"," * 900_000,
    b"<166>%ASA-6-302013: Built inbound TCP connection 1 for " + b"outside:192.0.2.7/1 (" * 45_000,
    b"<166>%ASA-6-113015: AAA user authentication Rejected : " + b"user = x : " * 80_000,
    b"<188>" + b"%" * 900_000,
    b"<188>%SEC_LOGIN-4-LOGIN_FAILED: " + b"[user: " * 120_000,
    b"firewall,info input: in:a out:b, " + b"proto TCP " * 90_000,
    b"firewall,info " + b"in:a out:b " * 80_000 + b"->",
    b"system,error,critical login failure for user " + b" from a via " * 80_000,
    b"<4>Dec 10 02:00:00 h kernel: " + b"IN=a OUT= " * 90_000 + b" SRC=a PROTO=b",
    b"<29>Dec 10 02:00:00 h openvpn[1]: " + b"EAP method " * 80_000,
    b"1575943200.000 5 192.0.2.7 TCP_MISS/200 1 GET " + b"a - HIER_DIRECT/- t " * 50_000,
    b"1575943200.000 5 192.0.2.7 TCP_MISS/200 1 GET http://a/ - HIER_DIRECT/- t [" + b"User-Agent: " * 80_000,
    b"<30>Dec 10 02:00:00 h named[1]: client 192.0.2.7#1 (a): query: " + b"a IN " * 190_000,
    b"<30>Dec 10 02:00:00 h dnsmasq[1]: reply " + b"a is " * 190_000,
    b"2019/12/10 02:00:00 [error] 1#2: *3 " + b', client: "' * 90_000,
    b"[Tue Dec 10 02:00:00 2019] [error] ModSecurity: " + b'[id "1"] ' * 100_000,
    b"CEF:0|" + b"\\|" * 450_000,
    b"CEF:0|a|b|c|d|e|f|" + b" ".join(b"k%d=v" % n for n in range(100_000)),
    b"CEF:0|a|b|c|d|e|f|src=" + b" " * 900_000,
    b"CEF:0|a|b|c|d|e|f|" + b"".join(b"cs%dLabel=x%d cs%d=y " % (n, n, n) for n in range(30_000)),
    b"LEEF:2.0|a|b|c|d|x09|" + b"\t=" * 450_000,
    b'{"_w3c":"","cs-uri-stem":"' + b"%25" * 300_000 + b'"}',
    b'{"_w3c":"","c-ip":"x",' + b",".join(b'"f%d":"-"' % n for n in range(60_000)) + b"}",
    b'{"EventID":1,"Channel":"x",' + b",".join(b'"f%d":{"a":{"b":[1]}}' % n for n in range(40_000)) + b"}",
]


@pytest.mark.parametrize("raw", HOSTILE, ids=[str(raw[:40]) for raw in HOSTILE])
def test_lines_made_to_be_slow_do_not_stop_the_parser(raw: bytes) -> None:
    """What is quadratic in a megabyte costs minutes; ten times what the slowest costs today is room enough."""
    assert cost(raw[:1_000_000]) < 5


def cost(raw: bytes) -> float:
    """Seconds of this process's own processor time, the best of three: other work on the machine does not count."""
    best = math.inf
    for _ in range(3):
        started = time.process_time()
        check(raw, "linux")
        best = min(best, time.process_time() - started)
    return best
