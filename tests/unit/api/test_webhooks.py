"""Webhooks: what happened reaches its receiver signed, at least once, in order; nothing of others; nowhere it must not go."""

import ipaddress
import socket
import ssl
import threading
import time
from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.api.enums import DeliveryState, EventType
from dekhang.apps.api.models import Delivery, Happening, Subscription
from dekhang.apps.api.webhooks import addresses, collecting, delivering, posting, services
from dekhang.apps.api.webhooks.addresses import AddressRefused
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties import services as duties
from dekhang.apps.duties import timelines
from dekhang.apps.registry.models import PostHolding
from tests.certificates import Authority, needs_openssl
from tests.factories.core import UserFactory
from tests.factories.duties import proves_recording
from tests.factories.registry import UnitFactory, officer_of
from tests.hooks import receiving

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]
ALL = [value for value, _label in EventType.choices]


@pytest.fixture(autouse=True)
def here(settings):
    settings.WEBHOOK_NETWORKS, settings.WEBHOOK_HTTP = ["127.0.0.0/8"], True


@pytest.fixture
def now(frozen_now):
    """A moment that tests move on."""
    moment = [frozen_now]
    with clock.at(lambda: moment[0]):
        collecting.collect()  # from here on
        yield moment


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


def subscribe(owner, receiver, *types):
    one, receiver.key = services.make_webhook(name="Kho", url=receiver.url + "/vao", types=types or ALL, by=owner)
    return one


def run(*subscriptions):
    collecting.collect()
    delivering.fan_out()
    return [delivering.drain(one.pk) for one in subscriptions]


def declared(unit, officer, duty_key="sop"):
    return duties.declare(unit_id=unit.pk, duty_key=duty_key, statement="có", by=officer)


def test_what_happens_at_the_owner_s_unit_arrives_signed_and_in_order(now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = subscribe(officer, receiver, "claim.declared", "claim.withdrawn")
    claim = declared(unit, officer)
    duties.withdraw(claim=claim, by=officer)
    assert run(one) == [2]
    assert [body["type"] for _id, body in receiver.taken] == ["claim.declared", "claim.withdrawn"]
    (first_id, first), (_second_id, second) = receiver.taken
    assert first["data"] == {
        "unit": unit.pk,
        "sequence": int(first_id.removeprefix("dk_")),
        "object": "duties.claim",
        "id": str(claim.pk),
        "duty": "sop",
    }
    assert first["timestamp"].endswith("Z")
    assert second["data"]["sequence"] > first["data"]["sequence"]
    assert (receiver.forged, receiver.paths) == (0, ["/vao", "/vao"])


def test_nothing_is_told_of_a_unit_that_the_owner_does_not_see_nor_what_was_not_asked_for(now, receiver):
    mine, theirs = UnitFactory(), UnitFactory()
    officer = officer_of(mine)
    one = subscribe(officer, receiver, "claim.declared")
    declared(theirs, officer_of(theirs))
    record_event(action="contest_refused", by=officer, unit_id=mine.pk)
    assert run(one) == [0]
    assert not Delivery.objects.exists()


def test_what_was_waiting_is_not_sent_after_the_owner_lost_the_post_or_the_account(now, receiver):
    unit = UnitFactory()
    officer, leader = officer_of(unit), UserFactory(leader=True)
    one, two = subscribe(officer, receiver), subscribe(leader, receiver)
    declared(unit, officer)
    collecting.collect()
    delivering.fan_out()
    assert Delivery.objects.count() == 2
    PostHolding.objects.filter(user=officer).update(valid_to=clock.today())
    User.objects.filter(pk=leader.pk).update(is_active=False)
    delivering.drain(one.pk)
    delivering.drain(two.pk)
    assert receiver.headers == []
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.DEAD}


def test_a_failure_is_tried_again_with_growing_pauses_and_then_waits_for_a_person(now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = subscribe(officer, receiver, "claim.declared")
    declared(unit, officer)
    receiver.answers = [500] * 9
    run(one)
    for pause in delivering.PAUSES:
        assert run(one) == [0]  # not before its time
        now[0] += pause
        delivering.drain(one.pk)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.status_code) == (DeliveryState.DEAD, 9, 500)
    assert len(receiver.headers) == 9
    services.send_again(delivery=delivery, by=officer)
    assert delivering.drain(one.pk) == 1
    assert len(receiver.taken) == 1


def test_the_same_message_keeps_its_id_when_it_is_sent_again(now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = subscribe(officer, receiver, "claim.declared")
    declared(unit, officer)
    receiver.answers = [503]
    run(one)
    now[0] += delivering.PAUSES[0]
    delivering.drain(one.pk)
    ids = [headers["webhook-id"] for headers in receiver.headers]
    assert len(ids) == 2 and len(set(ids)) == 1


def test_a_later_message_does_not_overtake_one_that_fails_now(now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = subscribe(officer, receiver, "claim.declared")
    declared(unit, officer, "sop")
    declared(unit, officer, "regulation")
    receiver.answers = [500]
    assert run(one) == [0]
    assert receiver.taken == []


def test_one_receiver_s_failures_are_no_other_s(now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    with receiving() as broken:
        broken.answers = [500] * 5
        bad, good = subscribe(officer, broken, "claim.declared"), subscribe(officer, receiver, "claim.declared")
        declared(unit, officer)
        assert run(bad, good) == [0, 1]


def test_nobody_there_twenty_times_in_a_row_stops_the_webhook_with_the_reason(now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = subscribe(officer, receiver)
    for n in range(delivering.DEAD_IN_A_ROW):
        record_event(action="claim_declared", by=officer, unit_id=unit.pk, detail={"step": n})
    run()
    Delivery.objects.update(attempts=len(delivering.PAUSES))
    receiver.answers = [500] * delivering.DEAD_IN_A_ROW
    for _n in range(delivering.DEAD_IN_A_ROW):
        delivering.drain(one.pk)
    one.refresh_from_db()
    assert one.stopped_at is not None and "20" in one.stop_reason
    services.resume_webhook(subscription=one, by=officer)
    record_event(action="claim_declared", by=officer, unit_id=unit.pk)
    assert run(one) == [1]


def test_a_redirect_is_a_failure_and_is_not_followed(now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = subscribe(officer, receiver, "claim.declared")
    declared(unit, officer)
    receiver.answers = [302]
    assert run(one) == [0]
    assert receiver.paths == ["/vao"]
    assert "302" in Delivery.objects.get().problem


def test_another_key_signs_from_the_next_message_on(now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = subscribe(officer, receiver, "claim.declared")
    services.change_key(subscription=one, by=officer)
    declared(unit, officer)
    run(one)
    assert (receiver.forged, receiver.taken) == (1, [])


def test_a_state_that_becomes_another_is_told_once_and_the_first_look_tells_nothing(now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = subscribe(officer, receiver, "claim.state_changed")
    claimed = declared(unit, officer, "record_attacks")
    timelines.refresh()
    collecting.watch_states()
    assert run(one) == [0]
    proves_recording(unit, at=now[0])
    timelines.refresh()
    collecting.watch_states()
    collecting.watch_states()
    run(one)
    changes = [body["data"] for _id, body in receiver.taken if body["data"]["duty"] == claimed.duty_key]
    assert [(data["before"], data["after"]) for data in changes] == [("declared", "proven")]
    now[0] += timedelta(days=91)  # the proof runs out by itself
    collecting.watch_states()
    run(one)
    assert receiver.taken[-1][1]["data"]["after"] == "decayed"


def test_happenings_are_copied_once_whatever_is_read_twice(now):
    unit = UnitFactory()
    declared(unit, officer_of(unit))
    collecting.collect()
    collecting.JobCursor.objects.filter(pk=collecting.CURSOR).update(position=0)
    collecting.collect()
    assert Happening.objects.filter(type="claim.declared").count() == 1


@needs_openssl
def test_over_tls_the_name_is_checked_and_the_pinned_address_is_used(now, settings, tmp_path):
    authority = Authority(tmp_path)
    made = authority.server("may-nhan.example.gov.vn")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    settings.WEBHOOK_CA = str(tmp_path / "ca.crt")
    with receiving(context) as receiver:
        port = int(receiver.url.rpartition(":")[2])
        receiver.key = "whsec_"
        right = addresses.Place(True, "may-nhan.example.gov.vn", port, "/", "127.0.0.1")
        headers = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
        assert posting.post(right, b"{}", headers) == 204
        wrong = addresses.Place(True, "ke-khac.example.gov.vn", port, "/", "127.0.0.1")
        with pytest.raises(ssl.SSLCertVerificationError):
            posting.post(wrong, b"{}", headers)


def test_an_answer_that_drips_for_ever_is_given_up_at_the_deadline(monkeypatch):
    monkeypatch.setattr(posting, "WHOLE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def drip() -> None:
            peer, _address = server.accept()
            with peer:
                while not done.wait(0.05):
                    try:
                        peer.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        place = addresses.Place(False, "127.0.0.1", server.getsockname()[1], "/", "127.0.0.1")
        start = time.monotonic()
        with pytest.raises((OSError, posting.http.client.HTTPException)):
            posting.post(place, b"{}", {})
        assert time.monotonic() - start < 30
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "address",
    [
        # loopback, private, link-local with cloud metadata, shared, multicast, unspecified
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "0.0.0.0",
        ),
        *("::1", "fe80::1", "fc00::1", "ff02::1", "::", "2001:db8::1", "240.0.0.1", "255.255.255.255"),
        # the same in IPv6's clothes: mapped, NAT64, 6to4, Teredo
        *(
            "::ffff:127.0.0.1",
            "::ffff:a00:1",
            "64:ff9b::7f00:1",
            "2002:7f00:0001::",
            "2001:0:4136:e378:8000:63bf:80ff:fffe",
        ),
    ],
)
def test_no_address_of_a_private_network_is_reached(settings, address):
    settings.WEBHOOK_NETWORKS = []
    with pytest.raises(AddressRefused):
        addresses.check(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_reached(settings, address):
    settings.WEBHOOK_NETWORKS = []
    addresses.check(ipaddress.ip_address(address))


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch, settings):
    settings.WEBHOOK_NETWORKS = []
    found = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_args, **_options: found)
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        addresses.pinned(addresses.read("https://example.gov.vn/"))


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.gov.vn/", "https://", "https://user:pass@example.gov.vn/", "https://example.gov.vn/#x"),
        *("https://exa mple.gov.vn/", "https://example.gov.vn:99999/", "//example.gov.vn/", "javascript:alert(1)"),
        *("https://example.gov.vn/\r\nX-Y: z", "https://[::1", "https://-a.example/", "", "https://exämple.gov.vn/ä"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused_with_a_sentence(url):
    with pytest.raises(AddressRefused, match=r"\w+ \w+"):
        addresses.read(url)


def test_unencrypted_is_refused_unless_allowed(settings):
    settings.WEBHOOK_HTTP = False
    with pytest.raises(AddressRefused, match="https"):
        addresses.read("http://example.gov.vn/")


def test_pages_make_stop_resume_and_send_again(client, now, receiver):
    unit = UnitFactory()
    officer = officer_of(unit)
    client.force_login(officer)
    body = {"name": "Kho dữ liệu", "url": receiver.url, "types": ["claim.declared"]}
    made = client.post(reverse("api:new_webhook"), body).content.decode()
    one = Subscription.objects.get()
    receiver.key = next(w for w in made.replace("<", " ").replace(">", " ").split() if w.startswith("whsec_"))
    declared(unit, officer)
    assert run(one) == [1]
    assert receiver.forged == 0
    page = client.get(reverse("api:webhook", args=[one.pk])).content.decode()
    assert "Đơn vị khai báo" in page and "Đã nhận" in page and receiver.key not in page
    client.post(reverse("api:send_again", args=[one.pk, Delivery.objects.get().pk]))
    assert delivering.drain(one.pk) == 1
    client.post(reverse("api:stop_webhook", args=[one.pk]))
    declared(unit, officer, "regulation")
    assert run(one) == [0]
    client.post(reverse("api:resume_webhook", args=[one.pk]))
    assert run(one) == [1]
    assert "Kho dữ liệu" in client.get(reverse("api:webhooks")).content.decode()


def test_a_page_refuses_a_private_address_where_it_was_typed(client, settings):
    settings.WEBHOOK_NETWORKS = []
    client.force_login(UserFactory(leader=True))
    body = {"name": "Kho", "url": "https://127.0.0.1/", "types": ["board.frozen"]}
    assert "mạng riêng" in client.post(reverse("api:new_webhook"), body).content.decode()
    assert not Subscription.objects.exists()


def test_somebody_else_s_webhook_is_not_there(client, now, receiver):
    one = subscribe(UserFactory(coordinator=True), receiver)
    client.force_login(UserFactory(leader=True))
    for name in ("webhook_key", "stop_webhook", "resume_webhook"):
        assert client.post(reverse(f"api:{name}", args=[one.pk])).status_code == 404
    assert client.get(reverse("api:webhook", args=[one.pk])).status_code == 404
    administrator = UserFactory(administrator=True)
    with pytest.raises(ActionDenied):
        services.change_key(subscription=one, by=administrator)
    services.stop_webhook(subscription=one, by=administrator)
