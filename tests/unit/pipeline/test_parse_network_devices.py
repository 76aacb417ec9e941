"""Firewalls, routers and VPN servers: each device's own line becomes the common facts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from dekhang.pipeline.parse import ParsedEvent, parse

RECEIVED = round(datetime(2019, 12, 10, 2, 30, tzinfo=UTC).timestamp() * 1000)


def read(raw: str, kind: str = "syslog") -> ParsedEvent:
    return parse(raw.encode(), source_kind=kind, received_ms=RECEIVED)


def told(event: ParsedEvent, expected: dict[str, Any]) -> dict[str, Any]:
    """The fields that the test asks for, and nothing else: one comparison shows all that differs."""
    return {name: event.record.fields.get(name) for name in expected}


def source(event: ParsedEvent) -> tuple[str, str, str, str]:
    return event.kind, event.record.product, event.record.service, event.record.category


# ------------------------------------------------------------------------------------------------- FortiGate

FORTI_VPN = (
    'date=2019-12-10 time=09:00:00 devname="FGT-UBND" devid="FGT60E0000000001" logid="0101039426" type="event" subtype="vpn" '
    'level="alert" vd="root" eventtime=1575943200123456789 tz="+0700" action="ssl-login-fail" remip=203.0.113.88 '
    'user="quan tri" reason="sslvpn_login_permission_denied" msg="SSL user \\"x\\" failed to logged in"'
)
FORTI_TRAFFIC = (
    "date=2019-12-10 time=09:00:00 devname=FGT-UBND devid=FGT60E0000000001 logid=0000000013 type=traffic subtype=forward "
    "level=notice srcip=192.0.2.10 srcport=51000 srcintf=internal dstip=198.51.100.9 dstport=8080 proto=6 action=accept"
)


@pytest.mark.parametrize(
    "head",
    [
        "<185>",
        "",
        "<185>Dec 10 02:00:00 fgt-ubnd ",
        "Dec 10 02:00:00 ",
        "<185>1 2019-12-10T02:00:00Z fgt-ubnd - - - - ",
    ],
)
def test_a_fortigate_line_is_read_behind_every_header(head: str) -> None:
    event = read(head + FORTI_VPN)

    assert source(event) == ("firewall", "fortigate", "event", "firewall")
    assert told(event, expected := {
        "src_ip": "203.0.113.88", "user": "quan tri", "action": "ssl-login-fail", "subtype": "vpn", "logid": "0101039426",
        "msg": 'SSL user "x" failed to logged in', "message": FORTI_VPN, "host": "FGT-UBND",
    }) == expected  # fmt: skip
    assert (event.time_ms, event.problem) == (1_575_943_200_123, None)


def test_fortigate_traffic_says_who_spoke_to_whom_and_that_it_passed() -> None:
    event = read(f"<189>{FORTI_TRAFFIC}")

    assert source(event) == ("firewall", "fortigate", "traffic", "firewall")
    assert told(event, expected := {
        "src_ip": "192.0.2.10", "src_port": 51000, "dst_ip": "198.51.100.9", "dst_port": 8080, "protocol": "tcp",
        "action": "accept", "blocked": False,
    }) == expected  # fmt: skip


def test_a_line_exported_from_the_devices_disk_has_no_name_of_the_device() -> None:
    event = read(FORTI_TRAFFIC.replace("devname=FGT-UBND devid=FGT60E0000000001 ", ""))

    assert (source(event)[1:], event.host) == (("fortigate", "traffic", "firewall"), "")


def test_the_time_of_a_fortigate_without_event_time_is_in_its_own_zone() -> None:
    assert read(f'{FORTI_TRAFFIC} tz="+0700"').time_ms == RECEIVED - 30 * 60_000


def test_the_address_of_a_fortigate_administrator_stands_in_the_ui() -> None:
    event = read(
        '<185>date=2019-12-10 devname="F" logid="0100032002" type="event" subtype="system" user="admin" '
        'ui="https(203.0.113.90)" action="login" status="failed"'
    )

    assert event.record.fields["src_ip"] == "203.0.113.90"
    assert "blocked" not in event.record.fields


def test_a_name_that_comes_twice_keeps_its_first_value() -> None:
    """What an attacker can write into a line (a URL, a user name) stands behind what the device says."""
    event = read(f"<189>{FORTI_TRAFFIC} action=deny srcip=192.0.2.99 url=/x")

    assert told(event, expected := {"action": "accept", "src_ip": "192.0.2.10", "blocked": False}) == expected


# ------------------------------------------------------------------------------------------------- other devices

ROWS: list[tuple[str, str, tuple[str, str, str, str], dict[str, Any]]] = [
    # Sophos
    (
        "Sophos XG",
        '<30>device="SFW" date=2019-12-10 time=02:00:00 timezone="UTC" device_name="XG135" device_id=C0 log_id=010102600002 '
        'log_type="Firewall" log_component="Firewall Rule" log_subtype="Denied" status="Deny" priority=Information '
        'src_ip=203.0.113.5 src_port=40000 dst_ip=192.0.2.10 dst_port=22 protocol="TCP"',
        ("firewall", "sophos", "firewall", "firewall"),
        {"src_ip": "203.0.113.5", "src_port": 40000, "dst_port": 22, "protocol": "tcp", "action": "Denied", "blocked": True,
         "host": "XG135"},
    ),
    (
        "Sophos SFOS 18",
        '<30>device_name="SFW" timestamp="2019-12-10T09:00:00+0700" device_model="XG135" log_type="Firewall" '
        'log_component="Firewall Rule" log_subtype="Allowed" src_ip="192.0.2.10" dst_ip="198.51.100.9" dst_port=443 protocol="TCP"',
        ("firewall", "sophos", "firewall", "firewall"),
        {"src_ip": "192.0.2.10", "dst_port": 443, "blocked": False},
    ),
    (
        "Sophos UTM packet filter",
        '<30>2019-12-10T02:00:00 utm ulogd[1234]: id="2001" severity="info" sys="SecureNet" sub="packetfilter" '
        'name="Packet dropped" action="drop" srcip="203.0.113.5" dstip="192.0.2.10" proto="6" srcport="40000" dstport="22"',
        ("firewall", "sophos", "packetfilter", "firewall"),
        {"src_ip": "203.0.113.5", "src_port": 40000, "dst_port": 22, "protocol": "tcp", "blocked": True},
    ),
    (
        "Sophos UTM in its own file",
        '2019:12:10-02:00:00 utm ulogd[1234]: id="2001" severity="info" sys="SecureNet" sub="packetfilter" action="drop" '
        'srcip="203.0.113.5" dstip="192.0.2.10" proto="17"',
        ("firewall", "sophos", "packetfilter", "firewall"),
        {"src_ip": "203.0.113.5", "protocol": "udp", "host": "utm"},
    ),
    (
        "Sophos UTM web proxy",
        '<30>2019-12-10T02:00:00 utm httpproxy[99]: id="0001" severity="info" sys="SecureWeb" sub="http" name="http access" '
        'action="pass" method="GET" srcip="192.0.2.5" dstip="198.51.100.7" user="" statuscode="200" size="812" '
        'url="http://www.example.com/a/setup.exe?x=1"',
        ("proxy", "sophos", "http", "proxy"),
        {"c-ip": "192.0.2.5", "cs-method": "GET", "c-uri": "http://www.example.com/a/setup.exe?x=1", "cs-host": "www.example.com",
         "c-uri-extension": "exe", "sc-status": 200},
    ),
    # pfSense
    (
        "pfSense TCP",
        "<134>Dec 10 02:00:00 pfsense filterlog[1234]: 4,,,1000000103,igb0,match,block,in,4,0x0,,64,12345,0,DF,6,tcp,60,"
        "203.0.113.5,192.0.2.10,40000,22,0,S,123456789,,64240,,mss;nop",
        ("firewall", "pfsense", "filterlog", "firewall"),
        {"src_ip": "203.0.113.5", "src_port": 40000, "dst_ip": "192.0.2.10", "dst_port": 22, "protocol": "tcp", "tcp_flags": "S",
         "action": "block", "blocked": True, "interface": "igb0", "direction": "in", "host": "pfsense"},
    ),
    (
        "pfSense UDP over IPv6, RFC 5424",
        "<134>1 2019-12-10T02:00:00.123+00:00 pfsense.example.gov.vn filterlog 12 - - 5,,,1000000105,igb1,match,pass,out,6,0x00,"
        "0x12345,64,UDP,17,60,2001:db8::5,2001:db8::10,5353,53,40",
        ("firewall", "pfsense", "filterlog", "firewall"),
        {"src_ip": "2001:db8::5", "dst_ip": "2001:db8::10", "src_port": 5353, "dst_port": 53, "protocol": "udp", "blocked": False},
    ),
    (
        "pfSense ICMP",
        "<134>Dec 10 02:00:00 pfsense filterlog: 4,,,1,igb0,match,block,in,4,0x0,,64,1,0,none,1,icmp,84,203.0.113.5,192.0.2.10,"
        "request,1234,1",
        ("firewall", "pfsense", "filterlog", "firewall"),
        {"src_ip": "203.0.113.5", "protocol": "icmp", "icmp_type": "request", "src_port": None},
    ),
    # Cisco firewalls
    (
        "ASA built inbound",
        "<166>Dec 10 2019 02:00:00 fw01 : %ASA-6-302013: Built inbound TCP connection 123 for outside:203.0.113.5/40000 "
        "(203.0.113.5/40000) to inside:192.0.2.10/443 (198.51.100.1/443)",
        ("firewall", "cisco", "asa", "firewall"),
        {"message_id": "302013", "src_ip": "203.0.113.5", "src_port": 40000, "dst_ip": "192.0.2.10", "dst_port": 443,
         "src_interface": "outside", "protocol": "tcp", "action": "built", "blocked": False, "severity": 6, "host": "fw01"},
    ),
    (
        "ASA built outbound: the inner side began",
        "<166>%ASA-6-302015: Built outbound UDP connection 9 for outside:198.51.100.9/53 (198.51.100.9/53) to "
        "inside:192.0.2.10/5353 (203.0.113.1/5353)",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "192.0.2.10", "src_port": 5353, "dst_ip": "198.51.100.9", "dst_port": 53, "src_interface": "inside"},
    ),
    (
        "ASA teardown",
        "<166>Dec 10 2019 02:00:00: %ASA-6-302014: Teardown TCP connection 123 for outside:203.0.113.5/40000 to inside:192.0.2.10/443 "
        "duration 0:00:30 bytes 1234 TCP FINs",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.5", "dst_port": 443, "duration": "0:00:30", "bytes": "1234", "reason": "TCP FINs"},
    ),
    (
        "ASA denied by access group",
        '<164>Dec 10 2019 02:00:00 fw01 : %ASA-4-106023: Deny tcp src outside:203.0.113.5/40000 dst inside:192.0.2.10/22 by '
        'access-group "outside_in" [0x0, 0x0]',
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.5", "dst_port": 22, "action": "deny", "blocked": True, "acl": "outside_in"},
    ),
    (
        "ASA denied ICMP",
        '<164>%ASA-4-106023: Deny icmp src outside:203.0.113.5 dst inside:192.0.2.10 (type 8, code 0) by access-group "o" [0x0, 0x0]',
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.5", "dst_ip": "192.0.2.10", "protocol": "icmp", "icmp_type": "8"},
    ),
    (
        "ASA access list",
        "<166>%ASA-6-106100: access-list outside_in permitted tcp outside/203.0.113.5(40000) -> inside/192.0.2.10(443) hit-cnt 1 "
        "first hit [0x1, 0x0]",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.5", "dst_port": 443, "action": "permitted", "blocked": False},
    ),
    (
        "ASA over IPv6",
        "<166>%ASA-6-302013: Built inbound TCP connection 1 for outside:2001:db8::5/40000 (2001:db8::5/40000) to "
        "inside:2001:db8::10/443 (2001:db8::10/443)",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "2001:db8::5", "src_port": 40000, "dst_ip": "2001:db8::10", "dst_port": 443},
    ),
    (
        "ASA packet without connection",
        "<166>%ASA-6-106015: Deny TCP (no connection) from 203.0.113.5/40000 to 192.0.2.10/443 flags RST  on interface outside",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.5", "dst_port": 443, "blocked": True},
    ),
    (
        "ASA VPN login refused",
        "<166>%ASA-6-113015: AAA user authentication Rejected : reason = Invalid password : local database : user = van thu : "
        "user IP = 203.0.113.91",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.91", "user": "van thu", "action": "login_failed", "reason": "Invalid password"},
    ),
    (
        "ASA AAA server",
        "<166>%ASA-6-113005: AAA user authentication Rejected : reason = AAA failure : server = 192.0.2.9 : user = vanthu : user IP = "
        "203.0.113.91",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.91", "user": "vanthu", "server": "192.0.2.9", "action": "login_failed"},
    ),
    (
        "ASA administrator refused",
        '<166>%ASA-6-605004: Login denied from 203.0.113.90/40000 to outside:192.0.2.1/ssh for user "admin"',
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.90", "dst_ip": "192.0.2.1", "dst_port": "ssh", "user": "admin", "action": "login_failed"},
    ),
    (
        "ASA command",
        "<165>%ASA-5-111010: User 'admin', running 'CLI' from IP 192.0.2.5, executed 'clear logging buffer'",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "192.0.2.5", "user": "admin", "command": "clear logging buffer", "action": "command"},
    ),
    (
        "ASA command in its shorter form",
        "<165>%ASA-5-111008: User 'admin' executed the 'write memory' command.",
        ("firewall", "cisco", "asa", "firewall"),
        {"user": "admin", "command": "write memory"},
    ),
    (
        "ASA web VPN",
        "<166>%ASA-6-716039: Group <DfltGrpPolicy> User <vanthu> IP <203.0.113.91> Authentication: rejected, Session Type: WebVPN.",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.91", "user": "vanthu", "group": "DfltGrpPolicy", "action": "login_failed"},
    ),
    (
        "ASA with a colon behind the host, web VPN without brackets",
        "Dec 10 02:00:00 fw01: %ASA-6-716002: Group policy User vanthu IP 203.0.113.91 WebVPN session terminated: User Requested.",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.91", "user": "vanthu", "action": "session_closed", "host": "fw01"},
    ),
    (
        "ASA denied ICMP in its older form",
        "<163>%ASA-3-106014: Deny inbound icmp src outside:203.0.113.5 dst inside:192.0.2.10(type 8, code 0)",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.5", "dst_ip": "192.0.2.10", "protocol": "icmp", "icmp_type": "8", "blocked": True},
    ),
    (
        "ASA access to the device itself",
        "<163>%ASA-3-710003: TCP access denied by ACL from 203.0.113.5/6370 to outside:192.0.2.1/23",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.5", "dst_ip": "192.0.2.1", "dst_port": 23, "protocol": "tcp", "action": "denied", "blocked": True},
    ),
    (
        "ASA URL",
        "<165>%ASA-5-304001: vanthu@192.0.2.5 Accessed URL 198.51.100.9:http://www.example.com/a?b=1",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "192.0.2.5", "user": "vanthu", "dst_ip": "198.51.100.9", "url": "http://www.example.com/a?b=1"},
    ),
    (
        "ASA teardown of a bypassed connection",
        "<166>%ASA-6-302304: Teardown TCP state-bypass connection 27 from outside:203.0.113.5/54242 to inside:192.0.2.10/9101 duration "
        "1:00:02 bytes 245 Connection timeout",
        ("firewall", "cisco", "asa", "firewall"),
        {"src_ip": "203.0.113.5", "dst_port": 9101, "bytes": "245"},
    ),
    # Cisco routers and switches
    (
        "IOS access list for IPv6, with the relay's host",
        "Dec 10 02:00:00 192.0.2.1 585920: Dec 10 01:59:59.619: %IPV6-6-ACCESSLOGP: list V6-E0/0-IN/10 permitted tcp 2001:db8::3(1027) -> "
        "2001:db8::1(22), 9 packets",
        ("firewall", "cisco", "ios", "firewall"),
        {"src_ip": "2001:db8::3", "src_port": 1027, "dst_ip": "2001:db8::1", "dst_port": 22, "blocked": False, "host": "192.0.2.1"},
    ),
    (
        "IOS login failed",
        "<188>48: router1: *Dec 10 02:00:00.123 UTC: %SEC_LOGIN-4-LOGIN_FAILED: Login failed [user: admin] [Source: 203.0.113.90] "
        "[localport: 22] [Reason: Login Authentication Failed] at 02:00:00 UTC Tue Dec 10 2019",
        ("firewall", "cisco", "ios", "firewall"),
        {"src_ip": "203.0.113.90", "user": "admin", "dst_port": 22, "action": "login_failed", "mnemonic": "LOGIN_FAILED",
         "facility": "SEC_LOGIN", "host": "router1"},
    ),
    (
        "IOS access list",
        "<190>Dec 10 02:00:00 router1 49: %SEC-6-IPACCESSLOGP: list 101 denied tcp 203.0.113.5(40000) -> 192.0.2.10(22), 1 packet",
        ("firewall", "cisco", "ios", "firewall"),
        {"src_ip": "203.0.113.5", "src_port": 40000, "dst_port": 22, "blocked": True, "acl": "101"},
    ),
    (
        "IOS command",
        "<189>50: Dec 10 02:00:00: %PARSER-5-CFGLOG_LOGGEDCMD: User:admin  logged command:no logging host 192.0.2.9",
        ("firewall", "cisco", "ios", "firewall"),
        {"user": "admin", "command": "no logging host 192.0.2.9", "action": "command"},
    ),
    (
        "IOS configured",
        "<189>51: Dec 10 02:00:00: %SYS-5-CONFIG_I: Configured from console by admin on vty0 (192.0.2.5)",
        ("firewall", "cisco", "ios", "firewall"),
        {"user": "admin", "src_ip": "192.0.2.5", "action": "config_changed"},
    ),
    # MikroTik
    (
        "MikroTik packet",
        "<30>Dec 10 02:00:00 router firewall,info drop-in input: in:ether1 out:(none), connection-state:new src-mac "
        "00:00:5e:00:53:01, proto TCP (SYN), 203.0.113.5:40000->192.0.2.10:22, len 60",
        ("firewall", "mikrotik", "firewall", "firewall"),
        {"src_ip": "203.0.113.5", "src_port": 40000, "dst_ip": "192.0.2.10", "dst_port": 22, "protocol": "tcp", "tcp_flags": "SYN",
         "in_interface": "ether1", "out_interface": None, "chain": "input", "prefix": "drop-in", "connection_state": "new",
         "src_mac": "00:00:5e:00:53:01", "length": 60},
    ),
    (
        "MikroTik packet without any header",
        "firewall,info forward: in:bridge out:ether1, connection-state:established proto UDP, 192.0.2.10:5000->198.51.100.9:53, len 70",
        ("firewall", "mikrotik", "firewall", "firewall"),
        {"src_ip": "192.0.2.10", "dst_port": 53, "out_interface": "ether1", "chain": "forward"},
    ),
    (
        "MikroTik packet in BSD style",
        "<30>Dec 10 02:00:00 router forward: in:bridge out:ether1, proto ICMP (type 8, code 0), 192.0.2.10->198.51.100.9, len 84",
        ("firewall", "mikrotik", "firewall", "firewall"),
        {"src_ip": "192.0.2.10", "dst_ip": "198.51.100.9", "protocol": "icmp", "src_port": None, "chain": "forward"},
    ),
    (
        "MikroTik IPv6",
        "firewall,info input: in:ether1 out:(none), proto TCP (SYN), [2001:db8::5]:40000->[2001:db8::1]:22, len 60",
        ("firewall", "mikrotik", "firewall", "firewall"),
        {"src_ip": "2001:db8::5", "src_port": 40000, "dst_ip": "2001:db8::1", "dst_port": 22},
    ),
    (
        "MikroTik login failure",
        "<36>Dec 10 02:00:00 router-xa system,error,critical login failure for user quan tri from 203.0.113.90 via winbox",
        ("firewall", "mikrotik", "system", "firewall"),
        {"user": "quan tri", "src_ip": "203.0.113.90", "via": "winbox", "action": "login_failed", "host": "router-xa"},
    ),
    (
        "MikroTik change",
        "system,info filter rule added by winbox:admin@192.0.2.5",
        ("firewall", "mikrotik", "system", "firewall"),
        {"user": "admin", "src_ip": "192.0.2.5", "action": "config_changed", "object": "filter rule"},
    ),
    # Linux
    (
        "UFW",
        "<4>Dec 10 02:00:00 may-chu kernel: [12345.678901] [UFW BLOCK] IN=eth0 OUT= MAC=00:00:5e:00:53:01 SRC=203.0.113.5 "
        "DST=192.0.2.10 LEN=60 TTL=64 ID=1 DF PROTO=TCP SPT=40000 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0",
        ("firewall", "linux", "netfilter", "firewall"),
        {"src_ip": "203.0.113.5", "src_port": 40000, "dst_port": 22, "protocol": "tcp", "prefix": "UFW BLOCK", "blocked": True},
    ),
    (
        "OpenVPN stays a syslog line",
        "<29>Dec 10 02:00:00 vpn01 openvpn[811]: vanthu/203.0.113.89:51820 TLS Auth Error: Auth Username/Password verification failed",
        ("syslog", "", "", "syslog"),
        {"src_ip": "203.0.113.89", "src_port": 51820, "user": "vanthu", "action": "login_failed", "program": "openvpn"},
    ),
    (
        "OpenVPN on pfSense",
        "<36>1 2019-12-10T02:00:00Z pfsense openvpn 68813 - - user 'vanthu' could not authenticate.",
        ("syslog", "", "", "syslog"),
        {"user": "vanthu", "action": "login_failed"},
    ),
    (
        "OpenVPN opens a session",
        "<29>Dec 10 02:00:00 vpn01 openvpn[811]: vanthu/203.0.113.89:51820 SENT CONTROL [vanthu]: 'PUSH_REPLY,route 192.0.2.0 255.255.255.0'",
        ("syslog", "", "", "syslog"),
        {"src_ip": "203.0.113.89", "user": "vanthu", "action": "login_ok"},
    ),
    (
        "strongSwan stays a syslog line",
        "<29>Dec 10 02:00:00 vpn02 charon[90]: 13[IKE] EAP method EAP_MSCHAPV2 failed for peer 203.0.113.92",
        ("syslog", "", "", "syslog"),
        {"src_ip": "203.0.113.92", "action": "login_failed"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "wanted", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_devices_line_has_the_common_facts(
    raw: str, wanted: tuple[str, str, str, str], expected: dict[str, Any]
) -> None:
    event = read(raw)

    assert source(event) == wanted
    assert told(event, expected) == expected
    assert event.problem is None


@pytest.mark.parametrize(
    "raw",
    [
        "<13>Dec 10 02:00:00 may-chu app: date=2019-12-10 đã lưu",
        "<13>Dec 10 02:00:00 may-chu CPU at 50% now",
        "<13>Dec 10 02:00:00 may-chu kernel: IN=1 is not a packet",
        "<13>Dec 10 02:00:00 may-chu sao lưu, kiểm tra, in ấn xong",
        "<13>Dec 10 02:00:00 may-chu a,b is not a topic of RouterOS",
        "<13>Dec 10 02:00:00 may-chu php-fpm[1]: [pool www] child 12 exited",
        "<13>Dec 10 02:00:00 may-chu named[1]: zone example.gov.vn/IN: loaded serial 5",
    ],
)
def test_ordinary_lines_stay_ordinary(raw: str) -> None:
    assert source(read(raw)) == ("syslog", "", "", "syslog")


def test_a_login_on_a_linux_machine_is_not_taken_for_a_device() -> None:
    event = read(
        "<38>Dec 10 02:00:00 m sshd[1]: Failed password for %ASA-6-302013: from 192.0.2.7 port 4 ssh2", "linux"
    )

    assert (event.kind, event.record.fields["src_ip"]) == ("linux_auth", "192.0.2.7")


def test_a_user_name_cannot_put_another_address_into_an_asa_line() -> None:
    event = read(
        "<166>%ASA-6-113015: AAA user authentication Rejected : reason = Invalid password : local database : "
        "user = x : user IP = 192.0.2.1 : user IP = 203.0.113.91"
    )

    assert event.record.fields["src_ip"] == "203.0.113.91"


def test_the_time_of_a_cisco_device_is_the_one_it_wrote() -> None:
    event = read("<189>50: Dec 10 09:00:00 ICT: %SYS-5-CONFIG_I: Configured from console by admin on vty0 (192.0.2.5)")

    assert event.time_ms == RECEIVED - 30 * 60_000


def test_a_relays_json_around_a_devices_line_changes_nothing() -> None:
    event = read('{"@timestamp":"2019-12-10T02:00:00Z","message":"%s"}' % FORTI_TRAFFIC)  # noqa: UP031  # braces

    assert (source(event)[1:], event.record.fields["dst_port"]) == (("fortigate", "traffic", "firewall"), 8080)
