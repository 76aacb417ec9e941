"""Configurations that an officer downloads: read by the parser of their own language, filled, and deaf to hostile settings."""

import json
import re

import pytest
import tree_sitter_powershell
import yaml
from django.urls import reverse
from tree_sitter import Language, Node, Parser

from dekhang.apps.sources import shippers
from dekhang.apps.sources.enums import SourceKind
from dekhang.apps.sources.shippers import windowspc
from tests.factories.registry import UnitFactory, officer_of
from tests.factories.sources import LogSourceFactory

TOKEN = "ma-bi-mat_1-2"
EVERY = [(kind, shipper) for kind, choices in shippers.SHIPPERS.items() for shipper in choices if shipper.filename]
OVER_HTTP = {
    *("windows-pc", "winlogbeat", "fluent-bit-windows", "otelcol-windows", "rsyslog-http", "filebeat-linux"),
    *("filebeat-web", "filebeat-suricata", "fluent-bit", "vector", "otelcol", "splunk-hec"),
}
BY_ADDRESS = {"fortigate", "mikrotik", "cisco"}  # these cannot carry a token
OVER_UDP = {"mikrotik", "cisco"}


@pytest.fixture
def addresses(settings):
    settings.INTAKE_HOST, settings.HTTP_INTAKE_PORT = "dekhang.example.gov.vn", 8020
    settings.SYSLOG_TCP_PORT, settings.SYSLOG_UDP_PORT = 6514, 7514
    return settings


@pytest.fixture
def encrypted(addresses):
    addresses.HTTPS_INTAKE_PORT, addresses.SYSLOG_TLS_PORT = 8443, 6515
    addresses.INTAKE_CA = "/data/ca.pem"
    return addresses


def filled(kind: str, key: str, token: str | None = TOKEN) -> str:
    shipper = shippers.shipper_of(kind, key)
    assert shipper is not None
    return shippers.configuration(shipper, source_id=7, token=token)


def name(value: object) -> str:
    return str(getattr(value, "key", value))


@pytest.mark.parametrize(("kind", "shipper"), EVERY, ids=name)
def test_every_configuration_carries_host_port_and_what_tells_the_source(addresses, kind, shipper):
    text = filled(kind, shipper.key)

    assert "dekhang.example.gov.vn" in text
    assert (TOKEN in text) is (shipper.key not in BY_ADDRESS)
    port = "8020" if shipper.key in OVER_HTTP else "7514" if shipper.key in OVER_UDP else "6514"
    assert port in text
    assert not re.search(r"\{\{|\{%|%\}|&quot;|&#x27;|None|DAN-MA", text.replace("-eq 'DAN-MA-NGUON-LOG-VAO-DAY'", ""))


@pytest.mark.parametrize(("kind", "shipper"), EVERY, ids=name)
def test_without_the_token_the_place_to_paste_it_is_plain(addresses, kind, shipper):
    text = filled(kind, shipper.key, None)
    assert (shippers.PLACEHOLDER in text) is (shipper.key not in BY_ADDRESS)


@pytest.mark.parametrize(("kind", "shipper"), EVERY, ids=name)
def test_with_tls_on_every_configuration_that_can_uses_it(encrypted, kind, shipper):
    text = filled(kind, shipper.key)
    if shipper.key in OVER_UDP:
        return
    assert ("8443" if shipper.key in OVER_HTTP else "6515") in text
    assert "http://dekhang" not in text
    assert re.search(r'https://|tls|ssl|gtls|usehttps="on"', text, re.I)


@pytest.mark.parametrize(
    ("kind", "shipper"), [(k, s) for k, s in EVERY if s.filename.endswith((".yml", ".yaml"))], ids=name
)
def test_yaml_reads_as_yaml_and_says_where_to_send(encrypted, kind, shipper):
    document = yaml.safe_load(filled(kind, shipper.key))
    told = json.dumps(document)
    assert "https://dekhang.example.gov.vn:8443" in told
    assert TOKEN in told
    for path in shipper.reads:
        assert path in told


@pytest.mark.parametrize("key", ["otelcol", "otelcol-windows"])
def test_a_collector_pipeline_names_only_parts_that_are_defined(addresses, key):
    kind = SourceKind.WINDOWS if key == "otelcol-windows" else SourceKind.WEB
    document = yaml.safe_load(filled(kind, key))
    pipeline = document["service"]["pipelines"]["logs"]
    assert set(pipeline["receivers"]) == set(document["receivers"])
    assert set(pipeline["exporters"]) == set(document["exporters"])
    assert set(document["service"]["extensions"]) == set(document["extensions"])


def test_the_docker_part_of_splunk_is_json_with_text_values(addresses):
    text = filled(SourceKind.LINUX, "splunk-hec")
    document = json.loads(text[text.index("{") : text.index("\n}\n") + 2])
    assert document["log-driver"] == "splunk"
    assert all(isinstance(value, str) for value in document["log-opts"].values())
    assert document["log-opts"]["splunk-url"] == "http://dekhang.example.gov.vn:8020"


@pytest.mark.parametrize(("kind", "shipper"), [(k, s) for k, s in EVERY if s.key.startswith("fluent-bit")], ids=name)
def test_fluent_bit_sections_hold_one_pair_a_line(encrypted, kind, shipper):
    section, found = "", {}
    for line in filled(kind, shipper.key).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        _indent, key, value = re.fullmatch(r"( {4})(\S+)\s+(\S.*)", line).groups()
        found[section, key] = value
    assert found["OUTPUT", "Header"] == f"Authorization Bearer {TOKEN}"
    assert found["OUTPUT", "tls"] == "On"
    assert ("INPUT", "DB") in found, "without it a restart reads everything again or skips what came meanwhile"


HOSTILE = ["a'b", 'a"b', "a\nb", "a b", "a;b", "$(reboot)", "a`b", "a\\b", "a#b", "{{a}}", "%a%", "mã"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_mean_something_in_a_file_never_gets_into_one(addresses, text):
    with pytest.raises(ValueError, match="Mã nguồn log"):
        filled(SourceKind.WINDOWS, windowspc.KEY, text)
    addresses.INTAKE_HOST = text
    with pytest.raises(ValueError, match="DK_INTAKE_HOST"):
        filled(SourceKind.WINDOWS, windowspc.KEY)


@pytest.mark.parametrize("host", ["192.0.2.8", "2001:db8::20", "dekhang.example.gov.vn", "may-chu", "::1"])
def test_a_host_is_a_name_or_an_address(addresses, host):
    addresses.INTAKE_HOST = host
    told = f"[{host}]" if ":" in host else host
    assert f'"http://{told}:8020"' in filled(SourceKind.WINDOWS, "winlogbeat")


# the script for one PC


def faults(node: Node) -> list[str]:
    own = [f"line {node.start_point.row + 1}: {node.type}"] if node.type == "ERROR" or node.is_missing else []
    return own + [fault for child in node.children for fault in faults(child)]


@pytest.fixture
def script(addresses) -> str:
    return filled(SourceKind.WINDOWS, windowspc.KEY)


def test_the_script_is_sound_powershell(script):
    tree = Parser(Language(tree_sitter_powershell.language())).parse(script.encode())
    assert faults(tree.root_node) == []


def commands(node: Node) -> list[str]:
    own = [node.text.decode()] if node.type == "command_name" else []
    return own + [found for child in node.children for found in commands(child)]


def test_the_script_calls_only_built_in_commands_and_its_own_functions_by_their_full_names(script):
    tree = Parser(Language(tree_sitter_powershell.language())).parse(script.encode())
    own = set(re.findall(r"^function ([\w-]+)", script, re.M))
    built_in = {
        *("Add-Content", "Copy-Item", "Get-Date", "Get-Item", "Join-Path", "Move-Item", "New-Item", "New-ItemProperty"),
        *("New-Object", "Out-Null", "Read-Host", "Remove-Item", "Remove-ItemProperty", "Set-StrictMode", "Start-Sleep"),
        *("Test-Path", "Write-Host", "auditpol.exe", "cmd.exe", "icacls.exe", "schtasks.exe"),
    }
    called = set(commands(tree.root_node))
    assert called - own - built_in == set()
    assert own <= called, "a function that nobody calls"


def test_the_file_starts_with_the_mark_that_windows_powershell_needs_for_vietnamese(script):
    shipper = shippers.shipper_of(SourceKind.WINDOWS, windowspc.KEY)
    content = shippers.download(shipper, script)
    assert content.startswith(b"\xef\xbb\xbf<#\r\n")
    assert b"\r\n" in content and not re.search(rb"[^\r]\n", content)
    other = shippers.shipper_of(SourceKind.LINUX, "rsyslog")
    assert shippers.download(other, "a\n") == b"a\n"


def test_texts_of_the_script_stay_inside_their_quotes(addresses):
    """A quote inside a description would end the string; the names come from our own table, so they are checked here."""
    for texts in (windowspc.CHANNELS, [about for _guid, about in windowspc.AUDIT]):
        assert all("'" not in text and "’" not in text and "‘" not in text for text in texts)
    assert all(re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", guid) for guid, _about in windowspc.AUDIT)


def test_the_script_says_what_it_changes_before_it_changes_anything(script):
    install = script[script.index("function Install-Everything") : script.index("function Uninstall-Everything")]
    asked = install.index("Confirm-Action")
    for change in ("icacls.exe", "Copy-Item", "Enable-Audit", "Register-Round", "New-Item"):
        assert install.index(change) > asked, f"{change} before the question"
    assert install.index("Test-Link") < install.index("icacls.exe"), "a wrong token must be found before any change"
    for item in ("dòng lệnh", "nhật ký an ninh", "mỗi phút"):
        assert item in install[:asked]


# pages


@pytest.mark.django_db
def test_the_setup_page_shows_steps_check_and_how_far_it_was_tried_for_each(client, data):
    unit = UnitFactory()
    client.force_login(officer_of(unit))
    for kind, choices in shippers.SHIPPERS.items():
        source = LogSourceFactory(unit=unit, kind=kind)
        page = client.get(reverse("sources:setup", args=[source.pk])).content.decode()
        for shipper in choices:
            assert f'id="{shipper.key}"' in page
            assert str(shipper.tried.label) in page
        assert page.count("Biết là đã chạy:") == len(choices)


@pytest.mark.django_db
def test_the_authority_is_downloaded_when_there_is_one(client, data, settings):
    client.force_login(officer_of(UnitFactory()))
    url = reverse("sources:authority")
    assert client.get(url).status_code == 404
    settings.INTAKE_CA = str(data / "ca.pem")
    assert client.get(url).status_code == 404
    (data / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    assert client.get(url).content == b"-----BEGIN CERTIFICATE-----\n"


@pytest.mark.parametrize(("kind", "shipper"), EVERY, ids=name)
@pytest.mark.parametrize(("https_port", "tls_port"), [(8443, 0), (0, 6515), (0, 0)])
def test_what_is_called_encrypted_uses_the_encrypted_port(addresses, kind, shipper, https_port, tls_port):
    addresses.HTTPS_INTAKE_PORT, addresses.SYSLOG_TLS_PORT = https_port, tls_port
    text = filled(kind, shipper.key)
    told = shippers.is_encrypted(shipper)
    if told is None:
        assert shipper.key == "device"
        return
    assert told is (str(https_port or tls_port) in text if https_port or tls_port else False)
    assert told is (not re.search(r"\b(8020|6514|7514)\b", re.sub(r"^#.*$", "", text, flags=re.M)))


@pytest.mark.django_db
def test_the_setup_page_says_of_each_configuration_whether_it_is_encrypted(client, data, encrypted):
    unit = UnitFactory()
    client.force_login(officer_of(unit))
    source = LogSourceFactory(unit=unit, kind=SourceKind.SYSLOG)
    parts = client.get(reverse("sources:setup", args=[source.pk])).content.decode().split('<details class="card"')
    of = {part.split('id="', 1)[1].split('"', 1)[0]: part for part in parts[1:]}
    assert "Đường truyền được mã hóa (TLS)." in of["fortigate"]
    assert "chưa mã hóa" in of["mikrotik"] and "chưa mã hóa" in of["cisco"]


def test_splunk_senders_and_the_trial_line_know_the_province_s_own_authority(encrypted):
    text = filled(SourceKind.LINUX, "splunk-hec")
    document = json.loads(text[text.index("{") : text.index("\n}\n") + 2])
    assert document["log-opts"]["splunk-capath"] == "/etc/dekhang/ca.pem"
    assert "curl -s --cacert /etc/dekhang/ca.pem -H" in text


@pytest.mark.django_db
def test_an_address_that_cannot_stand_in_a_file_is_a_sentence_on_the_page(client, data, settings):
    settings.INTAKE_HOST = "may_chu"
    unit = UnitFactory()
    client.force_login(officer_of(unit))
    source = LogSourceFactory(unit=unit, kind=SourceKind.LINUX)
    for url in (
        reverse("sources:setup", args=[source.pk]),
        reverse("sources:configuration", args=[source.pk, "rsyslog"]),
    ):
        answer = client.get(url)
        assert answer.status_code == 403 and "DK_INTAKE_HOST" in answer.content.decode()
