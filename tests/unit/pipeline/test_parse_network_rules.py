"""Rules written by others fire on lines as devices write them: the names that the parsers give are the rules' names."""

import os
from pathlib import Path

import orjson
import pytest

from dekhang.engine import Detector
from dekhang.pipeline.parse import parse
from dekhang.pipeline.rulebook import Rulebook, load_rules

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[4] / "shared"))
RULES = SHARED / "data/sigma/rules"
pytestmark = pytest.mark.skipif(not RULES.is_dir(), reason="needs the real material: set DEKHANG_SHARED to its folder")
RECEIVED = 1_575_943_200_000
FORTI = (
    'date=2019-12-10 time=02:00:00 devname="F" devid="F1" logid="0100044547" type="event" subtype="system" user="x" '
)
SQUID = "1575943200.000 5 192.0.2.5 TCP_MISS/200 12 "

FIRES = {
    "fortinet_fortigate_new_admin_account_created": f'<185>{FORTI}action="Add" cfgpath="system.admin"',
    "fortinet_fortigate_vpn_ssl_settings_modified": f'<185>{FORTI}action="Edit" cfgpath="vpn.ssl.settings"',
    "fortinet_fortigate_new_firewall_policy_added": "CEF:0|Fortinet|Fortigate|v6|44547|event:system|7|cat=event:system act=Add "
    "FTNTFGTcfgpath=firewall.policy",
    "net_firewall_cleartext_protocols": "<134>Dec 10 02:00:00 pf filterlog[1]: 4,,,1,igb0,match,pass,in,4,0x0,,64,1,0,DF,6,tcp,60,"
    "192.0.2.5,198.51.100.9,40000,23,0,S,1,,64240,,mss",
    "cisco_cli_clear_logs": "<189>50: Dec 10 02:00:00: %PARSER-5-CFGLOG_LOGGEDCMD: User:admin  logged command:clear logging",
    "net_dns_susp_telegram_api": "<30>Dec 10 02:00:00 ns1 named[9]: client 192.0.2.5#53 (api.telegram.org): query: api.telegram.org IN A +",
    "net_dns_external_service_interaction_domains": "<30>Dec 10 02:00:00 gw dnsmasq[9]: query[A] x1.oast.fun from 192.0.2.5",
    "proxy_raw_paste_service_access": f"{SQUID}GET http://www.pastebin.com/raw/abc - HIER_DIRECT/198.51.100.7 text/plain",
    # this rule means the path by c-uri, others the whole URL
    "proxy_hktl_cobalt_strike_malleable_c2_requests": '192.0.2.5 - - [10/Dec/2019:02:00:00 +0000] "POST '
    'http://www.amazon.com/N4215/adj/amzn.us.sr.aps HTTP/1.1" 200 1 "-" "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; '
    'rv:11.0) like Gecko" TCP_MISS:HIER_DIRECT',
    "proxy_ua_empty": '192.0.2.5 - - [10/Dec/2019:02:00:00 +0000] "GET http://example.com/ HTTP/1.1" 200 1 "-" "-" TCP_MISS:HIER_DIRECT',
    "proxy_ua_rclone": '192.0.2.5 - - [10/Dec/2019:02:00:00 +0000] "GET http://example.com/ HTTP/1.1" 200 1 "-" "rclone/v1.60" '
    "TCP_MISS:HIER_DIRECT",
    "web_iis_tilt_shortname_scan": orjson.dumps({
        "_w3c": "Microsoft Internet Information Services 10.0", "date": "2019-12-10", "time": "02:00:00", "c-ip": "203.0.113.5",
        "cs-method": "GET", "cs-uri-stem": "/a*~1*/x.aspx", "cs-uri-query": "/a*~1*/a.aspx", "sc-status": "200",
    }).decode(),
    "web_susp_useragents": orjson.dumps({
        "_w3c": "Microsoft Internet Information Services 10.0", "c-ip": "203.0.113.5", "cs-method": "GET", "cs-uri-stem": "/",
        "cs(User-Agent)": "Wfuzz/2.4+(x)", "sc-status": "200",
    }).decode(),
}  # fmt: skip
SILENT = {
    "net_firewall_cleartext_protocols": "<134>Dec 10 02:00:00 pf filterlog[1]: 4,,,1,igb0,match,block,in,4,0x0,,64,1,0,DF,6,tcp,60,"
    "192.0.2.5,198.51.100.9,40000,23,0,S,1,,64240,,mss",
    "proxy_ua_empty": f"{SQUID}GET http://example.com/ - HIER_DIRECT/198.51.100.7 text/html",
}


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rules([RULES / "network", RULES / "web"], cache=None)


def fired(book: Rulebook, line: str) -> set[str]:
    event = parse(line.encode(), source_kind="", received_ms=RECEIVED)
    return {Path(match.rule.path).stem for match in Detector(book.ruleset).process([event.record])}


@pytest.mark.parametrize("rule", FIRES)
def test_the_rule_sees_what_it_is_written_for(book: Rulebook, rule: str) -> None:
    assert rule in fired(book, FIRES[rule])


@pytest.mark.parametrize("rule", SILENT)
def test_the_rule_does_not_see_what_it_leaves_out(book: Rulebook, rule: str) -> None:
    assert rule not in fired(book, SILENT[rule])
