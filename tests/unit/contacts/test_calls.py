"""A contact is called on a schedule and answers with one tap; who does not is known before the incident."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from dekhang.apps.contacts import jobs, services
from dekhang.apps.contacts.enums import Liveness
from dekhang.apps.contacts.hours import in_hours
from dekhang.apps.contacts.links import link_of
from dekhang.apps.contacts.models import Call
from dekhang.apps.contacts.selectors import dead_units, lines
from dekhang.apps.contacts.targets import targets
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.jobs import MAX_ATTEMPTS, deliver_messages
from dekhang.apps.core.models import AuditEvent, OutboundMessage
from dekhang.apps.duties.enums import EvidenceKind, EvidenceSource, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.registry.enums import ContactKind
from dekhang.apps.registry.forms import ContactForm
from dekhang.apps.registry.inventory.services import save_provider
from dekhang.apps.registry.models import Contact, PostHolding
from dekhang.apps.registry.services import register_provider
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db
MORNING = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)  # a Tuesday, 09:00 in Tây Ninh
TAY_NINH = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
def commune(frozen_now):
    return UnitFactory()


def contact_of(unit, kind=ContactKind.EMAIL, value="truc@example.gov.vn", **fields):
    return Contact.objects.create(unit=unit, kind=kind, value=value, valid_from=date(2019, 1, 1), **fields)


def target_of(unit, pk=None):
    return next(one for one in targets([unit.pk]) if pk in (None, one.pk))


def path_in(letter) -> str:
    """The address of the link in a mail, without the host."""
    body = letter.get_payload(decode=True).decode()
    return re.search(r"https?://[^/\s]+(/dau-moi/tra-loi/\S+)", body)[1]


def states(unit):
    return [line.state for line in lines([unit.pk])]


def without_tokens(page):
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page)


# --- the schedule


def test_a_contact_gets_a_real_mail_and_one_tap_makes_it_evidence(commune, mailbox, client):
    contact = contact_of(commune)
    assert jobs.tick() == 1
    assert deliver_messages() == 1
    path = path_in(mailbox.letters[0])

    looked = client.get(path)  # what a mail scanner does
    assert looked.status_code == 200
    assert "Có, tôi đang trực" in looked.content.decode()
    assert not Evidence.objects.exists()
    assert states(commune) == [Liveness.ASKED]

    pressed = client.post(path)
    assert "Cảm ơn" in pressed.content.decode()
    row = Evidence.objects.get()
    assert (row.kind, row.subject, row.outcome) == (EvidenceKind.CONTACT_ALIVE, f"contact:{contact.pk}", Outcome.OK)
    assert row.valid_until == MORNING + timedelta(days=90)
    assert states(commune) == [Liveness.ALIVE]
    client.post(path)  # a second tap
    assert Evidence.objects.count() == 1


def test_a_post_holder_is_called_at_the_account_and_answers_for_the_unit(commune, mailbox, client):
    officer = officer_of(commune, email="can-bo@example.gov.vn")
    jobs.tick()
    deliver_messages()
    client.post(path_in(mailbox.letters[0]))
    row = Evidence.objects.get(kind=EvidenceKind.CONTACT_ALIVE)
    assert (row.unit_id, row.subject) == (commune.pk, f"user:{officer.pk}")


def test_one_mailbox_that_is_holder_and_contact_is_asked_once(commune, mailbox):
    officer_of(commune, email="can-bo@example.gov.vn")
    contact_of(commune, value="Can-Bo@example.gov.vn")
    assert len(targets([commune.pk])) == 1


def test_a_provider_is_called_and_its_answer_is_kept_there(frozen_now, mailbox, client):
    provider = register_provider(name="Nhà mạng", duty_email="noc@example.net", by=None)
    jobs.tick()
    deliver_messages()
    client.post(path_in(mailbox.letters[0]))
    provider.refresh_from_db()
    assert provider.last_answered_at == MORNING
    row = Evidence.objects.get()
    assert (row.unit_id, row.subject, row.outcome) == (provider.unit_id, f"provider:{provider.pk}", Outcome.OK)
    assert jobs.tick() == 0


def test_nobody_is_asked_at_night_or_on_a_sunday_nor_without_a_mail_server(commune, settings, mailbox):
    contact_of(commune)
    for moment in (MORNING + timedelta(hours=12), MORNING + timedelta(days=5)):
        with clock.at(moment):
            assert jobs.tick() == 0
    settings.EMAIL_HOST = ""
    assert jobs.tick() == 0


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (datetime(2019, 12, 10, 9, 30), datetime(2019, 12, 10, 9, 30)),  # in the hours: at once
        (datetime(2019, 12, 10, 6, 0), datetime(2019, 12, 10, 8, 0)),  # before: when they begin
        (datetime(2019, 12, 10, 17, 0), datetime(2019, 12, 11, 8, 0)),  # they end at 17:00 exactly
        (datetime(2019, 12, 13, 18, 0), datetime(2019, 12, 16, 8, 0)),  # Friday evening: on Monday
        (datetime(2019, 12, 14, 9, 0), datetime(2019, 12, 16, 8, 0)),
    ],
)
def test_a_moment_is_put_into_working_hours(wanted, expected):
    at = wanted.replace(tzinfo=TAY_NINH)
    assert in_hours(at, from_hour=8, to_hour=17, zone=TAY_NINH) == expected.replace(tzinfo=TAY_NINH)


def test_who_answered_is_left_alone_for_thirty_days_and_then_called_again(commune, mailbox):
    contact_of(commune, last_answered_at=MORNING)
    with clock.at(MORNING + timedelta(days=29)):
        assert jobs.tick() == 0
    with clock.at(MORNING + timedelta(days=30)):
        assert jobs.tick() == 1
        assert states(commune) == [Liveness.ASKED]


# --- no answer


def test_a_call_is_repeated_once_then_missed_and_the_head_is_told(commune, mailbox):
    contact_of(commune)
    head_of(commune, email="thu-truong@example.gov.vn")
    jobs.tick()
    deliver_messages()
    asked = {letter["To"] for letter in mailbox.letters}
    assert asked == {"truc@example.gov.vn", "thu-truong@example.gov.vn"}
    with clock.at(MORNING + timedelta(days=6)):  # a Monday; the fourth day is a Saturday
        jobs.tick()
        jobs.tick()
        deliver_messages()
    assert [letter["To"] for letter in mailbox.letters].count("truc@example.gov.vn") == 2  # one reminder
    with clock.at(MORNING + timedelta(days=7)):
        jobs.tick()
        deliver_messages()
        assert states(commune) == [Liveness.DEAD, Liveness.DEAD]
        assert dead_units([commune.pk]) == [commune.pk]
    told = [letter for letter in mailbox.letters if letter["To"] == "thu-truong@example.gov.vn"]
    assert "truc@example.gov.vn" in told[-1].get_payload(decode=True).decode()


def test_a_mail_that_comes_back_makes_the_contact_dead_before_its_time(commune, mailbox):
    contact_of(commune)
    jobs.tick()
    OutboundMessage.objects.update(attempts=MAX_ATTEMPTS - 1)
    mailbox.refuses.add("truc@example.gov.vn")
    deliver_messages()
    jobs.tick()
    (line,) = lines([commune.pk])
    assert (line.state, line.why) == (Liveness.DEAD, "Thư không gửi tới được.")
    assert Call.objects.get().undeliverable_at == MORNING


def test_our_own_mail_server_being_away_is_nobody_s_fault(commune, mailbox):
    contact_of(commune)
    jobs.tick()  # queued, never delivered
    with clock.at(MORNING + timedelta(days=9)):
        jobs.tick()
        assert Call.objects.get().missed_at is None
        assert Call.objects.get().expires_at == MORNING + timedelta(days=16)


def test_an_answer_after_ninety_days_counts_no_more(commune):
    contact_of(commune, last_answered_at=MORNING)
    with clock.at(MORNING + timedelta(days=90)):
        assert states(commune) == [Liveness.DEAD]


def test_who_says_it_is_not_them_is_dead_at_once_and_never_asked_there_again(commune, mailbox, client):
    contact_of(commune)
    jobs.tick()
    deliver_messages()
    client.post(path_in(mailbox.letters[0]), {"khong-phai": "1"})
    assert states(commune) == [Liveness.DEAD]
    with clock.at(MORNING + timedelta(days=40)):
        assert jobs.tick() == 0


def test_an_answer_speaks_only_while_its_contact_is_there(commune, mailbox, client):
    officer = officer_of(commune, email="can-bo@example.gov.vn")
    jobs.tick()
    client.post(link_of(Call.objects.get()).partition("8014")[2])
    PostHolding.objects.filter(user=officer).update(valid_to=date(2019, 12, 10))
    jobs.tick()
    newest = Evidence.objects.filter(kind=EvidenceKind.CONTACT_ALIVE).order_by("-pk").first()
    assert (newest.subject, newest.outcome) == (f"user:{officer.pk}", Outcome.BROKEN)
    assert jobs.tick() == 0  # said once


# --- links


def test_a_link_of_strangers_opens_nothing(commune, client):
    contact_of(commune)
    one = services.call(target=target_of(commune), by=None)
    good = link_of(one).partition("8014")[2]
    for bad in (good.replace(f"{one.pk}:", f"{one.pk + 1}:"), good[:-3] + "/", "/dau-moi/tra-loi/1/"):
        assert client.post(bad).status_code == 404
    assert Call.objects.get().answered_at is None


def test_a_link_that_is_over_says_so_and_answers_nothing(commune, client):
    contact_of(commune)
    one = services.call(target=target_of(commune), by=None)
    with clock.at(MORNING + timedelta(days=8)):
        answer = client.post(link_of(one).partition("8014")[2])
        assert answer.status_code == 403
        assert "hết hạn" in answer.content.decode()
    assert Call.objects.get().answered_at is None


def test_the_database_does_not_hold_the_link_s_secret(commune):
    contact_of(commune)
    one = services.call(target=target_of(commune), by=None)
    secret = link_of(one).rstrip("/").rpartition(":")[2]
    kept = [*Call.objects.values_list(), *OutboundMessage.objects.values_list(), *AuditEvent.objects.values_list()]
    assert secret not in str(kept)


# --- by hand


def test_the_unit_s_officer_calls_by_hand_once_a_day(commune, client):
    officer = officer_of(commune, email="")
    contact = contact_of(commune)
    client.force_login(officer)
    address = reverse("contacts:call", args=["contacts", contact.pk, commune.pk])
    assert client.post(address).status_code == 302
    refused = client.post(address)
    assert refused.status_code == 403
    assert "Hôm nay đã gọi thử" in refused.content.decode()


def test_only_the_coordinator_says_that_a_telephone_was_answered(commune):
    phone = contact_of(commune, ContactKind.PHONE, "0276 000 000")
    with pytest.raises(ActionDenied, match="Chỉ cơ quan điều phối"):
        services.say_spoken(target=target_of(commune, phone.pk), by=officer_of(commune, email=""))
    services.say_spoken(target=target_of(commune, phone.pk), by=UserFactory(coordinator=True))
    row = Evidence.objects.get()
    assert (row.subject, row.source) == (f"contact:{phone.pk}", EvidenceSource.PERSON)
    assert states(commune) == [Liveness.ALIVE]


# --- pages


def test_the_coordinator_s_list_shows_who_cannot_be_reached_in_few_queries(
    commune, client, django_assert_max_num_queries
):
    for number in range(15):
        contact_of(UnitFactory(version__name=f"Xã Số {number}"), value=f"truc{number}@example.gov.vn")
    contact_of(commune, last_answered_at=MORNING)
    client.force_login(UserFactory(coordinator=True))
    with django_assert_max_num_queries(14):
        body = client.get(reverse("contacts:list")).content.decode()
    assert "truc14@example.gov.vn" in body
    assert "truc@example.gov.vn" not in body  # it is well
    assert "truc@example.gov.vn" in client.get(reverse("contacts:list"), {"xem": "all"}).content.decode()
    part = client.get(reverse("contacts:list"), headers={"HX-Request": "true"}).content.decode()
    assert without_tokens(part).strip() in without_tokens(body)


def test_a_unit_whose_contacts_all_fail_is_warned_on_its_page(commune, client):
    contact_of(commune)
    client.force_login(officer_of(commune))
    body = client.get(reverse("contacts:of_unit", args=[commune.pk])).content.decode()
    assert "có thể không gọi được ai" in body


@pytest.mark.parametrize("address", ["json://127.0.0.1:8014/", "syslog://localhost", "ssh://a@b", "truc"])
def test_a_chat_contact_cannot_make_this_server_call_any_machine(address):
    form = ContactForm({"kind": "chat", "value": address})
    assert not form.is_valid()
    assert "một trong các kênh" in str(form.errors)


def test_a_chat_contact_of_a_known_service_is_taken():
    assert ContactForm({"kind": "chat", "value": "tgram://123456789:abcdefg/12315544/"}).is_valid()


@pytest.mark.parametrize(
    "address",
    [
        "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/12345,json://127.0.0.1:8014/",
        "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/12345 json://127.0.0.1:8014/",
        "workflows://127.0.0.1:8014/aaaaaaaaaaaa/bbbbbbbbbbbb/",
        "workflows://a.logic.azure.com@127.0.0.1/aaaaaaaaaaaa/bbbbbbbbbbbb/",
        "workflows://127.0.0.1?x=.logic.azure.com/",
        "zulip://bot@may.noi-bo.example/abcdefabcdefabcdefabcdefabcdefab/",
        "zulip://bot@may%2Enoi-bo.example/abcdefabcdefabcdefabcdefabcdefab/",
    ],
)
def test_a_chat_service_cannot_be_pointed_at_a_machine_of_ones_own_nor_bring_a_second_address(address):
    assert not ContactForm({"kind": "chat", "value": address}).is_valid()


@pytest.mark.parametrize(
    "address",
    [
        "workflows://prod-01.southeastasia.logic.azure.com:443/aaaaaaaaaaaa/bbbbbbbbbbbb/",
        "zulip://bot@tinh/abcdefabcdefabcdefabcdefabcdefab/",
    ],
)
def test_a_chat_service_at_its_own_home_is_taken(address):
    assert ContactForm({"kind": "chat", "value": address}).is_valid()


def test_the_answer_of_a_former_duty_desk_does_not_speak_for_the_new_one(frozen_now, mailbox, client):
    provider = register_provider(name="Nhà mạng", duty_email="cu@example.net", by=None)
    jobs.tick()
    deliver_messages()
    client.post(path_in(mailbox.letters[0]))
    facts = {"name": "Nhà mạng", "duty_email": "moi@example.net", "duty_phone": ""}
    provider.refresh_from_db()
    save_provider(provider=provider, by=UserFactory(coordinator=True), **facts)
    assert [line.state for line in lines([], with_providers=True)] == [Liveness.UNKNOWN]
    jobs.tick()
    newest = Evidence.objects.order_by("pk").last()
    assert (newest.subject, newest.outcome) == (f"provider:{provider.pk}", Outcome.BROKEN)
    deliver_messages()
    assert [letter["To"] for letter in mailbox.letters] == ["cu@example.net", "moi@example.net"]


def test_a_desk_that_was_replaced_while_it_was_asked_answers_for_nobody(frozen_now, mailbox, client):
    provider = register_provider(name="Nhà mạng", duty_email="cu@example.net", by=None)
    jobs.tick()
    deliver_messages()
    facts = {"name": "Nhà mạng", "duty_email": "moi@example.net", "duty_phone": ""}
    save_provider(provider=provider, by=UserFactory(coordinator=True), **facts)
    client.post(path_in(mailbox.letters[0]))
    provider.refresh_from_db()
    assert (provider.last_answered_at, Evidence.objects.count()) == (None, 0)
    jobs.tick()
    deliver_messages()
    assert mailbox.letters[-1]["To"] == "moi@example.net"
