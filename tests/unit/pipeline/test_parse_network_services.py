"""Proxies, name servers, web servers, CEF and LEEF: what they log becomes what Sigma's rules ask for."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dekhang.pipeline.parse import ParsedEvent, parse

NOON = 1_575_943_200_000  # 2019-12-10T02:00:00Z
RECEIVED = round(datetime(2019, 12, 10, 2, 30, tzinfo=UTC).timestamp() * 1000)
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"


def read(raw: str | dict[str, Any], kind: str = "") -> ParsedEvent:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return parse(text.encode(), source_kind=kind, received_ms=RECEIVED)


def told(event: ParsedEvent, expected: dict[str, Any]) -> dict[str, Any]:
    return {name: event.record.fields.get(name) for name in expected}


def source(event: ParsedEvent) -> tuple[str, str, str, str]:
    return event.kind, event.record.product, event.record.service, event.record.category


SQUID = ("proxy", "squid", "access", "proxy")
BIND, DNSMASQ, UNBOUND = (("dns", product, "query", "dns") for product in ("bind", "dnsmasq", "unbound"))
ROWS: list[tuple[str, str | dict[str, Any], tuple[str, str, str, str], dict[str, Any]]] = [
    # proxies
    (
        "Squid native",
        "1575943200.000    345 192.0.2.5 TCP_MISS/200 1234 GET http://www.example.com:8080/a/Setup.EXE?x=1&y=2 - "
        "HIER_DIRECT/198.51.100.7 text/html",
        SQUID,
        {"c-ip": "192.0.2.5", "cs-method": "GET", "c-uri": "http://www.example.com:8080/a/Setup.EXE?x=1&y=2",
         "cs-uri": "/a/Setup.EXE?x=1&y=2", "c-uri-query": "x=1&y=2", "c-uri-extension": "exe", "cs-host": "www.example.com",
         "dst_port": 8080, "dst_ip": "198.51.100.7", "sc-status": 200, "sc-bytes": 1234, "time-taken": 345, "blocked": False,
         "cs-username": None, "c-useragent": None, "src_ip": "192.0.2.5"},
    ),
    (
        "Squid refuses a tunnel, in syslog",
        "<134>Dec 10 02:00:00 proxy (squid-1): 1575943200.000      1 192.0.2.5 TCP_DENIED/403 3900 CONNECT evil.example.com:443 "
        "vanthu HIER_NONE/- text/html",
        SQUID,
        {"cs-method": "CONNECT", "cs-host": "evil.example.com", "dst_port": 443, "cs-username": "vanthu", "blocked": True,
         "dst_ip": None, "host": "proxy"},
    ),
    (
        "Squid with the headers of the request",
        "1575943200.000 5 192.0.2.5 TCP_MISS/200 12 GET http://example.com/ - HIER_DIRECT/198.51.100.7 text/html "
        "[User-Agent: curl/7.68.0\\r\\nCookie: a=b\\r\\nHost: example.com\\r\\n] [HTTP/1.1 200 OK\\r\\n]",
        SQUID,
        {"c-useragent": "curl/7.68.0", "cs-cookie": "a=b"},
    ),
    (
        "Squid combined",
        f'192.0.2.5 - vanthu [10/Dec/2019:02:00:00 +0000] "GET http://example.com/b.zip HTTP/1.1" 200 512 "-" "{AGENT}" '
        "TCP_MISS:HIER_DIRECT",
        SQUID,
        {"c-ip": "192.0.2.5", "c-uri": "http://example.com/b.zip", "c-useragent": AGENT, "cs-username": "vanthu",
         "cs-host": "example.com", "c-uri-extension": "zip", "cs-version": "HTTP/1.1"},
    ),
    (
        "Squid combined, no agent sent: a rule may ask for the empty one",
        '192.0.2.5 - - [10/Dec/2019:02:00:00 +0000] "GET http://example.com/ HTTP/1.1" 200 512 "-" "-" TCP_MISS:HIER_DIRECT',
        SQUID,
        {"c-useragent": "", "cs-referrer": None},
    ),
    (
        "ProxySG, read from its W3C file",
        {"_w3c": "SGOS 6.7.5", "date": "2019-12-10", "time": "02:00:00", "c-ip": "192.0.2.5", "cs-method": "GET",
         "cs-uri-scheme": "http", "cs-host": "example.com", "cs-uri-path": "/a.exe", "cs-uri-query": "?x=1",
         "cs(User-Agent)": "curl/7", "sc-filter-result": "DENIED", "sc-status": "403", "s-action": "TCP_DENIED"},
        ("proxy", "bluecoat", "access", "proxy"),
        {"c-uri": "http://example.com/a.exe?x=1", "cs-host": "example.com", "c-useragent": "curl/7", "sc-status": 403,
         "c-uri-extension": "exe", "blocked": True},
    ),
    # name servers
    (
        "BIND query",
        "<30>Dec 10 02:00:00 ns1 named[99]: client @0x7f1234 192.0.2.5#5353 (www.example.com): query: www.example.com IN A +E(0)K "
        "(192.0.2.53)",
        BIND,
        {"query": "www.example.com", "record_type": "A", "src_ip": "192.0.2.5", "src_port": 5353, "class": "IN",
         "dst_ip": "192.0.2.53", "action": "query", "host": "ns1"},
    ),
    (
        "BIND query in its own file, with a view",
        "10-Dec-2019 02:00:00.000 queries: info: client 2001:db8::5#5353 (x.example.com): view internal: query: x.example.com IN TXT +",
        BIND,
        {"query": "x.example.com", "record_type": "TXT", "src_ip": "2001:db8::5", "view": "internal"},
    ),
    (
        "BIND policy zone",
        "10-Dec-2019 02:00:00.000 rpz: info: client @0x7f1 192.0.2.5#5353 (bad.example.com): rpz QNAME NXDOMAIN rewrite "
        "bad.example.com/A/IN via bad.example.com.rpz.local",
        BIND,
        {"query": "bad.example.com", "record_type": "A", "action": "rpz", "rpz_policy": "NXDOMAIN", "blocked": True},
    ),
    (
        "BIND refuses",
        "<30>Dec 10 02:00:00 ns1 named[99]: client @0x7f1 203.0.113.5#53 (example.com): query (cache) 'example.com/ANY/IN' denied",
        BIND,
        {"query": "example.com", "record_type": "ANY", "action": "denied", "blocked": True},
    ),
    (
        "dnsmasq query",
        "<30>Dec 10 02:00:00 gw dnsmasq[9]: query[AAAA] www.example.com from 192.0.2.5",
        DNSMASQ,
        {"query": "www.example.com", "record_type": "AAAA", "src_ip": "192.0.2.5", "action": "query"},
    ),
    (
        "dnsmasq reply with the client beside it",
        "<30>Dec 10 02:00:00 gw dnsmasq[9]: 17 192.0.2.5/40000 reply www.example.com is 198.51.100.7",
        DNSMASQ,
        {"query": "www.example.com", "answer": "198.51.100.7", "record_type": "A", "src_ip": "192.0.2.5", "action": "reply"},
    ),
    (
        "dnsmasq from the cache",
        "Dec 10 02:00:00 dnsmasq[9]: cached www.example.com is <CNAME>",
        DNSMASQ,
        {"query": "www.example.com", "answer": "<CNAME>", "record_type": "CNAME", "action": "cached"},
    ),
    (
        "dnsmasq blocks",
        "<30>Dec 10 02:00:00 gw dnsmasq[9]: config bad.example.com is NXDOMAIN",
        DNSMASQ,
        {"query": "bad.example.com", "answer": "NXDOMAIN", "blocked": True},
    ),
    (
        "Unbound",
        "<30>Dec 10 02:00:00 gw unbound[9]: [9:0] info: 192.0.2.5 www.example.com. A IN",
        UNBOUND,
        {"query": "www.example.com", "record_type": "A", "src_ip": "192.0.2.5"},
    ),
    # web servers
    (
        "IIS",
        {"_w3c": "Microsoft Internet Information Services 10.0", "date": "2019-12-10", "time": "02:00:00", "s-ip": "192.0.2.80",
         "cs-method": "GET", "cs-uri-stem": "/a%2e.aspx", "cs-uri-query": "id=1+or+1", "s-port": "443", "cs-username": "-",
         "c-ip": "203.0.113.5", "cs(User-Agent)": "Mozilla/5.0+(Windows+NT+10.0)", "cs(Referer)": "-", "sc-status": "200",
         "sc-substatus": "0", "sc-win32-status": "64", "time-taken": "15"},
        ("web_access", "iis", "access", "webserver"),
        {"c-ip": "203.0.113.5", "cs-user-agent": "Mozilla/5.0 (Windows NT 10.0)", "cs-uri-query": "id=1+or+1", "sc-status": 200,
         "sc-win32-status": 64, "s-port": 443, "cs-username": None, "cs-referer": None, "cs-uri": "/a%2e.aspx?id=1+or+1",
         "cs-uri-decoded": "/a..aspx?id=1 or 1", "host": "192.0.2.80"},
    ),
    (
        "Tomcat's extended log",
        {"_w3c": "Apache Tomcat/9.0.1", "date": "2019-12-10", "time": "02:00:00", "c-ip": "203.0.113.5", "cs-method": "GET",
         "cs-uri": "/manager/html", "sc-status": "401", "cs(User-Agent)": "a+b"},
        ("web_access", "tomcat", "access", "webserver"),
        {"cs-uri-stem": "/manager/html", "sc-status": 401, "cs-user-agent": "a+b"},
    ),
    (
        "Tomcat's access log, which its path tells",
        {"@timestamp": "2019-12-10T02:00:00Z", "log": {"file": {"path": "/opt/tomcat/logs/localhost_access_log.2019-12-10.txt"}},
         "message": '0:0:0:0:0:0:0:1 - - [10/Dec/2019:02:00:00 +0000] "GET /manager/html HTTP/1.1" 401 2473'},
        ("web_access", "tomcat", "access", "webserver"),
        {"c-ip": "0:0:0:0:0:0:0:1", "cs-uri-stem": "/manager/html", "sc-bytes": 2473},
    ),
    (
        "Tomcat's JSON",
        {"host": "203.0.113.5", "logicalUserName": "-", "user": "-", "time": "[10/Dec/2019:02:00:00 +0000]",
         "request": "GET /manager/html HTTP/1.1", "statusCode": "401", "size": "2473"},
        ("web_access", "tomcat", "access", "webserver"),
        {"c-ip": "203.0.113.5", "sc-status": 401, "sc-bytes": 2473, "cs-host": None},
    ),
    (
        "nginx error",
        '2019/12/10 02:00:00 [error] 12#34: *5 open() "/srv/x" failed (2: No such file or directory), client: 203.0.113.5, server: '
        'example.gov.vn, request: "GET /x?a=1, client: 192.0.2.1 HTTP/1.1", host: "example.gov.vn"',
        ("web_error", "nginx", "error", ""),
        {"c-ip": "203.0.113.5", "level": "error", "cs-method": "GET", "cs-uri-stem": "/x", "cs-host": "example.gov.vn",
         "error": 'open() "/srv/x" failed (2: No such file or directory)'},
    ),
    (
        "Apache error",
        "[Tue Dec 10 02:00:00.123456 2019] [core:error] [pid 12:tid 34] [client 2001:db8::5:40000] AH00126: Invalid URI in request",
        ("web_error", "apache", "error", ""),
        {"c-ip": "2001:db8::5", "src_port": 40000, "module": "core", "code": "AH00126", "error": "Invalid URI in request"},
    ),
    (
        "Apache 2.2 error",
        "[Tue Dec 10 02:00:00 2019] [error] [client 203.0.113.5] File does not exist: /var/www/x",
        ("web_error", "apache", "error", ""),
        {"c-ip": "203.0.113.5", "level": "error", "error": "File does not exist: /var/www/x"},
    ),
    (
        "ModSecurity",
        "[Tue Dec 10 02:00:00.1 2019] [:error] [pid 12] [client 203.0.113.5:40000] ModSecurity: Access denied with code 403 (phase 2). "
        '[file "/etc/crs/a.conf"] [line "45"] [id "942100"] [msg "SQL Injection \\"x\\""] [tag "attack-sqli"] [tag "paranoia-level/1"] '
        '[hostname "example.gov.vn"] [uri "/login"] [unique_id "abc"]',
        ("web_error", "apache", "error", ""),
        {"rule_id": "942100", "tag": ["attack-sqli", "paranoia-level/1"], "cs-uri-stem": "/login", "blocked": True,
         "c-ip": "203.0.113.5"},
    ),
    (
        "Windows Firewall, read from its file",
        {"_w3c": "Microsoft Windows Firewall", "date": "2019-12-10", "time": "09:00:00", "action": "DROP", "protocol": "TCP",
         "src-ip": "203.0.113.5", "dst-ip": "192.0.2.10", "src-port": "40000", "dst-port": "3389", "size": "52"},
        ("firewall", "windows", "pfirewall", "firewall"),
        {"src_ip": "203.0.113.5", "src_port": 40000, "dst_port": 3389, "protocol": "tcp", "blocked": True},
    ),
    # CEF and LEEF
    (
        "CEF of a firewall",
        "<134>Dec 10 02:00:00 fw CEF:0|Check Point|VPN-1 & FireWall-1|Check Point|Accept|a \\| b|Unknown|act=Accept cs1Label=Rule Name "
        "cs1=allow out dst=198.51.100.9 dpt=443 src=192.0.2.10 spt=51000 proto=6 rt=1575943200000 request=https://example.com/?a\\=b "
        "suser=van thu",
        ("firewall", "checkpoint", "", "firewall"),
        {"src_ip": "192.0.2.10", "src_port": 51000, "dst_ip": "198.51.100.9", "dst_port": 443, "protocol": "tcp", "action": "Accept",
         "Rule Name": "allow out", "cs1": "allow out", "user": "van thu", "request": "https://example.com/?a=b", "name": "a | b",
         "src": "192.0.2.10", "blocked": False, "host": "fw"},
    ),
    (
        "CEF of a FortiGate has the device's own names",
        "<185>Dec 10 02:00:00 CEF:0|Fortinet|Fortigate|v6.0.3|44547|event:system|7|deviceExternalId=F FTNTFGTlogid=0100044547 "
        "cat=event:system FTNTFGTsubtype=system suser=admin act=Add FTNTFGTcfgpath=system.admin FTNTFGTcfgobj=hacker",
        ("firewall", "fortigate", "event", "firewall"),
        {"action": "Add", "cfgpath": "system.admin", "cfgobj": "hacker", "user": "admin"},
    ),
    (
        "CEF of an antivirus",
        "CEF:0|KasperskyLab|SecurityCenter|13.2|GNRL_EV_VIRUS_FOUND|Object found|4|filePath=C:\\\\Users\\\\a\\\\x.exe cs1=EICAR-Test-File "
        "cs1Label=VirusName dhost=PC01",
        ("antivirus", "kaspersky", "", "antivirus"),
        {"Signature": "EICAR-Test-File", "Filename": "C:\\Users\\a\\x.exe"},
    ),
    (
        "CEF of a proxy",
        "CEF:0|Zscaler|NSSWeblog|5.7|Blocked|Blocked|3|act=Blocked request=www.example.com/a/b.exe requestMethod=GET src=192.0.2.5 "
        "requestClientApplication=curl/7.68.0 dhost=www.example.com outcome=403",
        ("proxy", "zscaler", "", "proxy"),
        {"c-uri": "www.example.com/a/b.exe", "cs-host": "www.example.com", "c-useragent": "curl/7.68.0", "sc-status": 403,
         "c-uri-extension": "exe", "blocked": True},
    ),
    (
        "CEF of a device that nobody here knows",
        "<134>1 2019-12-10T02:00:00Z h app - - - CEF:0|Công ty X|Sản phẩm Y 2|1|7|tên|5|src=192.0.2.5 msg=một câu có a \\= b",
        ("cef", "s_n_ph_m_y_2", "", ""),
        {"device_vendor": "Công ty X", "src_ip": "192.0.2.5", "msg": "một câu có a = b", "signature_id": "7"},
    ),
    (
        "LEEF 1.0",
        "<134>Dec 10 02:00:00 fw LEEF:1.0|Palo Alto Networks|PAN-OS Syslog Integration|8|deny|src=192.0.2.5\tdst=198.51.100.9\tsrcPort=5"
        "\tdstPort=443\tusrName=van thu\tproto=TCP\taction=deny\tdevTime=Dec 10 2019 02:00:00",
        ("firewall", "paloalto", "", "firewall"),
        {"src_ip": "192.0.2.5", "dst_ip": "198.51.100.9", "dst_port": 443, "user": "van thu", "protocol": "tcp", "blocked": True},
    ),
    (
        "LEEF 2.0 with a delimiter of its own",
        "LEEF:2.0|Vendor|Product|1.0|4711|^|src=192.0.2.5^url=http://example.com/?a=b^usrName=x",
        ("leef", "product", "", ""),
        {"src_ip": "192.0.2.5", "url": "http://example.com/?a=b", "user": "x"},
    ),
    (
        "LEEF 2.0 with a delimiter in hexadecimal",
        "LEEF:2.0|Vendor|Product|1.0|4711|x7C|src=192.0.2.5|dst=198.51.100.9",
        ("leef", "product", "", ""),
        {"src_ip": "192.0.2.5", "dst_ip": "198.51.100.9"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "wanted", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_services_record_has_the_names_that_rules_ask_for(
    raw: str | dict[str, Any], wanted: tuple[str, str, str, str], expected: dict[str, Any]
) -> None:
    event = read(raw)

    assert source(event) == wanted
    assert told(event, expected) == expected
    assert isinstance(event.record.fields["message"], str)


@pytest.mark.parametrize(
    "name", ["Squid native", "BIND query in its own file, with a view", "IIS", "nginx error", "Tomcat's JSON", "Windows Firewall, read from its file",
             "Apache 2.2 error", "CEF of a firewall", "LEEF 1.0"],
)  # fmt: skip
def test_the_time_is_the_records_own(name: str) -> None:
    event = read(next(row[1] for row in ROWS if row[0] == name))

    assert (event.time_from_event, event.time_ms) == (True, NOON)


def test_a_web_source_may_send_its_error_log_too() -> None:
    assert read(next(row[1] for row in ROWS if row[0] == "nginx error"), "web").problem is None


def test_a_linux_machine_may_run_a_name_server_and_a_proxy() -> None:
    for name in ("BIND query", "dnsmasq query", "Squid refuses a tunnel, in syslog"):
        assert read(next(row[1] for row in ROWS if row[0] == name), "linux").problem is None
    assert read(next(row[1] for row in ROWS if row[0] == "BIND query"), "windows").problem == (
        "Nguồn này cần gửi sự kiện Windows (Winlogbeat, NXLog hoặc EVTX), nhưng đã nhận một dòng của máy chủ tên miền."
    )


def test_a_url_sent_to_a_web_server_does_not_make_it_a_proxy() -> None:
    event = read(
        '203.0.113.5 - - [10/Dec/2019:02:00:00 +0000] "GET http://example.com/ HTTP/1.1" 400 0 "-" "TCP_MISS:HIER_DIRECT"'
    )

    assert source(event) == ("web_access", "apache", "access", "webserver")


def test_an_agent_cannot_write_the_end_of_a_squid_line() -> None:
    """What stands first is Squid's own; the headers behind it are the client's."""
    event = read(
        "1575943200.000 5 192.0.2.5 TCP_MISS/200 12 GET http://bad.example.com/ - HIER_DIRECT/198.51.100.7 text/html "
        "[User-Agent: x TCP_HIT/200 1 GET http://good.example.com/ - HIER_NONE/- text/html] []"
    )

    assert event.record.fields["cs-host"] == "bad.example.com"
