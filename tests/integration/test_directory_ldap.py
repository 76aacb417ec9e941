"""The roster out of a real OpenLDAP server over TLS: the same preview, faults, whole-or-nothing and undo as a workbook."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.registry.enums import ImportState
from dekhang.apps.registry.models import Directory, Employment, Person, RosterImport
from dekhang.apps.registry.people import services
from dekhang.apps.registry.people.directory import services as directories
from dekhang.apps.registry.people.directory.asking import DirectoryFault, people
from dekhang.apps.registry.people.directory.forms import DirectoryForm
from dekhang.apps.registry.people.directory.views import START
from tests.certificates import Authority, needs_openssl
from tests.conftest import PROJECT
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory
from tests.installation import free_port

pytestmark = [pytest.mark.django_db, needs_openssl]
FETCH = PROJECT / "tests" / "tools" / "fetch_slapd.sh"
BASE = "dc=tinh,dc=example,dc=vn"
ROOT, SECRET = f"cn=admin,{BASE}", "mat-khau-cua-danh-ba"


@dataclass
class Slapd:
    """A running server with one province's people in it."""

    root: Path
    folder: Path
    plain: int
    tls: int
    environment: dict[str, str]

    def tool(self, *words: str, text: str) -> None:
        done = subprocess.run(words, input=text, env=self.environment, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr


def entry(code: str, name: str, ou: str, **more: str) -> str:
    lines = [f"dn: employeeNumber={code},ou={ou},{BASE}", "objectClass: inetOrgPerson", f"employeeNumber: {code}"]
    lines += [f"cn: {name}", f"sn: {name}", *(f"{key}: {value}" for key, value in more.items())]
    return "\n".join(lines) + "\n\n"


LDIF = (
    f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Tinh\ndc: tinh\n\n"
    + "".join(f"dn: ou={ou},{BASE}\nobjectClass: organizationalUnit\nou: {ou}\n\n" for ou in ("so-y-te", "so-tu-phap"))
    + entry("CB1", "Nguyễn Văn A", "so-y-te", title="Chuyên viên", mail="a@example.gov.vn")
    + entry("CB2", "Trần Thị B", "so-tu-phap")
    + f"dn: cn=may-in,ou=so-y-te,{BASE}\nobjectClass: device\ncn: may-in\n\n"
)


def _root() -> Path:
    if shutil.which("slapd"):
        return Path("/")
    if given := os.environ.get("DK_SLAPD"):
        return Path(given)
    fetched = subprocess.run([str(FETCH)], capture_output=True, text=True, timeout=120)
    if fetched.returncode != 0:
        pytest.skip(f"no real slapd here: {fetched.stderr.strip()[-300:]} (set DK_SLAPD)")
    return Path(fetched.stdout.strip())


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    root, folder = _root(), tmp_path_factory.mktemp("slapd")
    authority = Authority(folder / "tls")
    made = authority.server()
    (folder / "db").mkdir()
    schemas = root / "etc/ldap/schema"
    (folder / "slapd.conf").write_text(
        "".join(f"include {schemas}/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
        + f"modulepath {root}/usr/lib/ldap\nmoduleload back_mdb\npidfile {folder}/pid\n"
        f"TLSCACertificateFile {made.ca}\nTLSCertificateFile {made.certificate}\nTLSCertificateKeyFile {made.key}\n"
        f'database mdb\nsuffix "{BASE}"\nrootdn "{ROOT}"\nrootpw {SECRET}\ndirectory {folder}/db\n'
        "require authc\n"
    )
    environment = dict(os.environ)
    if root != Path("/"):
        environment["LD_LIBRARY_PATH"] = str(root / "usr/lib/x86_64-linux-gnu")
    one = Slapd(root, folder, free_port(), free_port(), environment)
    binary = str(root / "usr/sbin/slapd")
    # slapadd is slapd under another name
    (folder / "slapadd").symlink_to(binary)
    one.tool(str(folder / "slapadd"), "-f", str(folder / "slapd.conf"), text=LDIF)
    addresses = f"ldap://127.0.0.1:{one.plain}/ ldaps://127.0.0.1:{one.tls}/"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [binary, "-f", str(folder / "slapd.conf"), "-h", addresses, "-d", "0"],
            env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    end = time.monotonic() + 30
    while f":{one.tls:04X}" not in Path("/proc/net/tcp").read_text():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < end, (folder / "log").read_text()
        time.sleep(0.05)
    yield one
    process.terminate()
    process.wait(10)


@pytest.fixture
def admin(slapd, settings, frozen_now):
    settings.LDAP_SERVER = f"ldaps://127.0.0.1:{slapd.tls}"
    settings.LDAP_CA = str(slapd.folder / "tls" / "ca.crt")
    settings.LDAP_BIND, settings.LDAP_PASSWORD, settings.LDAP_STARTTLS = ROOT, SECRET, False
    UnitFactory(key="so-y-te", version__name="Sở Y tế")
    UnitFactory(key="so-tu-phap", version__name="Sở Tư pháp")
    return UserFactory(administrator=True)


def directory(admin, **changes) -> Directory:
    form = DirectoryForm({"base": BASE, **START, **changes})
    assert form.is_valid(), form.errors
    return directories.save_directory(by=admin, **form.cleaned_data)


def roster():
    rows = Employment.objects.filter(valid_to=None).select_related("person", "unit")
    return {row.person.code: (row.unit.key, row.title, row.person.email) for row in rows}


def test_people_come_with_their_unit_by_ou_and_are_applied_and_undone_like_a_workbook(admin):
    one = directories.synchronise(directory(admin, applies_itself="on"), by=admin)
    assert (one.state, one.joins) == (ImportState.APPLIED, 2), one.faults
    assert roster() == {"CB1": ("so-y-te", "Chuyên viên", "a@example.gov.vn"), "CB2": ("so-tu-phap", "", "")}
    assert directories.synchronise(Directory.objects.get(), by=admin).state == ImportState.DROPPED  # nothing new
    services.undo(one=one, by=admin)
    assert not Person.objects.exists()


def test_by_itself_it_waits_for_somebody_to_confirm(admin):
    assert directories.synchronise(directory(admin), by=admin).state == ImportState.READY
    assert not Person.objects.exists()


def test_starttls_is_spoken_too_and_a_clear_password_to_another_machine_refused(admin, slapd, settings):
    settings.LDAP_SERVER, settings.LDAP_STARTTLS = f"ldap://127.0.0.1:{slapd.plain}", True
    assert len(list(people(directory(admin)))) == 2
    settings.LDAP_SERVER, settings.LDAP_STARTTLS = "ldap://danhba.example.gov.vn", False
    with pytest.raises(DirectoryFault, match="không mã hóa"):
        list(people(directory(admin)))


def test_a_server_of_another_authority_gets_no_password(admin, settings, tmp_path):
    settings.LDAP_CA = str(Authority(tmp_path / "other").server().ca)
    with pytest.raises(DirectoryFault) as told:
        list(people(directory(admin)))
    assert SECRET not in str(told.value)


def test_a_wrong_password_is_said_without_it_and_kept_nowhere(admin, settings, client):
    settings.LDAP_PASSWORD = "mat-khau-sai-hoan-toan"
    known = directory(admin)
    assert directories.synchronise(known, by=admin) is None
    known.refresh_from_db()
    assert "Không vào được danh bạ" in known.last_problem
    assert not RosterImport.objects.exists()
    client.force_login(admin)
    everything = client.get(reverse("registry:directory")).content.decode() + str(list(AuditEvent.objects.values()))
    assert "mat-khau-sai" not in known.last_problem + everything


def test_a_code_that_is_filter_syntax_finds_nobody_instead_of_everybody(admin, client):
    known = directory(admin)
    assert [one.values["code"] for one in people(known, code="CB1")] == ["CB1"]
    for hostile in ("*", "CB1)(cn=*", "*)(objectClass=*"):
        assert list(people(known, code=hostile)) == []
    client.force_login(admin)
    page = client.post(reverse("registry:directory_try"), {"code": "CB1"}).content.decode()
    assert "Nguyễn Văn A" in page


@pytest.mark.parametrize("wrong", ["(cn=*", "cn=*)(x", "((", "(&)(|"])
def test_a_filter_that_is_none_is_refused_on_the_page(wrong):
    form = DirectoryForm({"base": BASE, **START, "filter": wrong})
    assert "filter" in form.errors


def test_an_entry_that_cannot_be_used_is_named_and_nothing_is_applied(admin):
    known = directory(admin, filter="(objectClass=*)", applies_itself="on")
    one = directories.synchronise(known, by=admin)
    assert one.state == ImportState.FAULTY
    assert "cn=may-in" in "\n".join(one.faults)
    assert not Person.objects.exists()


def test_the_brake_stops_a_directory_that_lost_its_people(admin, frozen_now):
    known = directory(admin, is_complete="on", applies_itself="on", brake_percent="20")
    directories.synchronise(known, by=admin)
    gone = [Person.objects.create(code=f"X{n}", name="Người khác") for n in range(2)]
    unit_id = Person.objects.get(code="CB1").employments.get().unit_id
    for person in gone:
        Employment.objects.create(person=person, unit_id=unit_id, valid_from=date(2019, 1, 1))
    one = directories.synchronise(known, by=admin)
    assert (one.state, "quá mức an toàn 20 %" in one.problem) == (ImportState.FAULTY, True)
    assert Employment.objects.filter(valid_to=None).count() == 4
    Directory.objects.update(brake_percent=60)
    with clock.at(frozen_now + timedelta(days=1)):
        one = directories.synchronise(Directory.objects.get(), by=admin)
    assert (one.state, one.leaves) == (ImportState.APPLIED, 2)


def test_it_runs_on_its_schedule_and_not_before(admin, frozen_now):
    directory(admin, is_on="on")
    assert directories.tick() == 1
    assert directories.tick() == 0
    with clock.at(frozen_now + timedelta(hours=24)):
        assert directories.tick() == 1


def test_only_the_administrator_sets_it(admin, client):
    client.force_login(UserFactory(coordinator=True))
    for name in ("directory", "directory_try", "directory_run"):
        address = reverse(f"registry:{name}")
        assert client.post(address).status_code == 403
