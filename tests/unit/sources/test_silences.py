"""A source that says nothing: why, what is blind meanwhile, who is told, and whose fault it is not."""

from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent, OutboundMessage
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.selectors import assess
from dekhang.apps.sources import jobs, listening, services
from dekhang.apps.sources.cadence import SLOTS
from dekhang.apps.sources.causes import Neighbour, Signs, cause_of, is_shutdown
from dekhang.apps.sources.enums import AuditAction, SilenceCause, SourceState
from dekhang.apps.sources.models import Silence
from dekhang.apps.sources.selectors import ledger_of
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.stores.reasons import Reason
from tests.factories.registry import UnitFactory, head_of, officer_of
from tests.factories.sources import MORNING, LogSourceFactory, failed_login

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
ALWAYS_ON = [240] * SLOTS
OFFICE = [600 if 8 <= slot < 17 else 60 * 3_600 for slot in range(SLOTS)]


def tick_at(moment):
    with clock.at(moment):
        return jobs.tick()


def learnt(source, limits):
    """As if it had been listened to for four weeks."""
    type(source).objects.filter(pk=source.pk).update(
        cadence_limits=limits, cadence_days=28, cadence_learnt_at=MORNING + timedelta(days=30)
    )
    source.refresh_from_db()
    return source


def delivering(pipeline, *, unit=None, limits=ALWAYS_ON, peer="192.0.2.1", at=MORNING, **more):
    source = learnt(LogSourceFactory(**({"unit": unit} if unit else {}), **more), limits)
    pipeline.receive(source, failed_login(at), at=at, peer=peer)
    return source


def test_a_server_that_stops_is_silent_within_five_minutes_with_its_rules_and_its_people(pipeline):
    unit = UnitFactory()
    officer = officer_of(unit)
    source = delivering(pipeline, unit=unit)
    tick_at(MORNING)

    tick_at(MORNING + 5 * MINUTE)

    silence = Silence.objects.get(source=source)
    assert (silence.since, silence.cause) == (MORNING, SilenceCause.UNKNOWN)
    assert silence.blind_rules > 5 and any("linux" in group["label"] for group in silence.blind)
    (letter,) = OutboundMessage.objects.filter(unit_id=unit.pk)
    assert letter.recipient == officer.email and source.name in letter.body and str(silence.blind_rules) in letter.body


def test_it_clears_by_itself_and_a_short_silence_asks_for_no_new_canary(pipeline):
    source = delivering(pipeline)
    tick_at(MORNING)
    tick_at(MORNING + 5 * MINUTE)
    back = MORNING + 20 * MINUTE
    pipeline.receive(source, failed_login(back), at=back)

    tick_at(back + MINUTE)

    source.refresh_from_db()
    silence = Silence.objects.get(source=source)
    assert (source.state, silence.ended_at) == (SourceState.DELIVERING, back)
    rows = Evidence.objects.filter(kind=EvidenceKind.SOURCE_DELIVERING, subject=f"source:{source.pk}").order_by("pk")
    assert [row.outcome for row in rows] == [Outcome.OK, Outcome.BROKEN, Outcome.OK]
    assert rows[2].payload["brief"] is True


def test_a_file_uploaded_by_hand_does_not_make_a_silent_machine_deliver(pipeline):
    source = delivering(pipeline)
    tick_at(MORNING)
    tick_at(MORNING + 5 * MINUTE)
    pipeline.receive(source, failed_login(), at=MORNING + 6 * MINUTE, transport="upload")

    tick_at(MORNING + 7 * MINUTE)

    source.refresh_from_db()
    assert source.state == SourceState.SILENT


def test_records_that_wait_for_the_worker_are_not_silence(pipeline):
    source = delivering(pipeline)
    tick_at(MORNING)
    pipeline.receive(source, failed_login(), at=MORNING + MINUTE, work=False)

    tick_at(MORNING + 60 * MINUTE)

    source.refresh_from_db()
    assert source.state == SourceState.DELIVERING


def test_the_cadence_is_learnt_from_the_ledger_and_used(pipeline):
    source = LogSourceFactory()
    for hour in range(9 * 24):
        at = MORNING - timedelta(days=9) + timedelta(hours=hour)
        pipeline.receive(source, failed_login(at), at=at, work=False)
    pipeline.receive(source, failed_login(), at=MORNING)
    tick_at(MORNING)
    tick_at(MORNING + MINUTE)

    source.refresh_from_db()
    assert source.cadence_days == 9 and set(source.cadence_limits) == {2 * 3_600}
    tick_at(MORNING + 100 * MINUTE)  # the default of its kind would have been 15 minutes
    source.refresh_from_db()
    assert source.state == SourceState.DELIVERING
    tick_at(MORNING + 121 * MINUTE)
    source.refresh_from_db()
    assert source.state == SourceState.SILENT


def test_what_people_fixed_counts_instead_of_what_was_learnt(pipeline):
    unit = UnitFactory()
    officer = officer_of(unit)
    source = delivering(pipeline, unit=unit)
    with clock.at(MORNING):
        services.change(source=source, name="x", system=None, addresses=[], cadence_seconds=3_600, by=officer)
    tick_at(MORNING)
    tick_at(MORNING + 50 * MINUTE)
    source.refresh_from_db()
    assert source.state == SourceState.DELIVERING and source.cadence_fixed

    services.change(source=source, name="x", system=None, addresses=[], cadence_seconds=0, by=officer)
    tick_at(MORNING + 50 * MINUTE)
    source.refresh_from_db()
    assert source.state == SourceState.SILENT and not source.cadence_fixed


def test_office_machines_that_stay_off_everywhere_are_a_day_off_and_a_server_is_still_missed(pipeline):
    machines = [delivering(pipeline, unit=UnitFactory(), limits=OFFICE, peer=f"192.0.2.{n}") for n in range(6)]
    server = delivering(pipeline, peer="192.0.2.99")
    tick_at(MORNING)

    tick_at(MORNING + 30 * MINUTE)

    assert [source.state for source in type(server).objects.filter(pk__in=[m.pk for m in machines])] == [
        SourceState.DELIVERING
    ] * 6
    server.refresh_from_db()
    assert server.state == SourceState.SILENT


def test_when_all_servers_stop_at_once_no_unit_is_blamed_and_the_coordinator_hears_of_it_once_an_hour(pipeline):
    from tests.factories.core import UserFactory

    coordinator = UserFactory(coordinator=True, email="dieu-phoi@example.gov.vn")
    before = delivering(pipeline, at=MORNING - timedelta(hours=2), peer="192.0.2.90")  # silent for its own reasons
    spoke = MORNING - timedelta(hours=2)
    type(before).objects.filter(pk=before.pk).update(
        state=SourceState.SILENT, state_since=MORNING, first_event_at=spoke, last_event_at=spoke
    )
    servers = [delivering(pipeline, unit=UnitFactory(), peer=f"192.0.2.{n}") for n in range(6)]
    tick_at(MORNING)

    for minutes in (5, 6, 7):
        tick_at(MORNING + minutes * MINUTE)

    assert not Silence.objects.exists()
    assert not Evidence.objects.filter(subject=f"source:{servers[0].pk}", outcome=Outcome.BROKEN).exists()
    (letter,) = OutboundMessage.objects.all()
    assert letter.recipient == coordinator.email and "6 nguồn" in letter.body


def test_our_full_disk_is_told_but_breaks_no_evidence_of_the_unit(pipeline, data):
    source = delivering(pipeline, at=clock.now() - 10 * MINUTE)
    tick_at(clock.now() - 10 * MINUTE)
    refusals = Refusals(data)
    refusals.add(source.pk, Reason.DISK_FULL, records=3)
    refusals.close()

    tick_at(clock.now())

    assert Silence.objects.get(source=source).cause == SilenceCause.DISK
    assert not Evidence.objects.filter(subject=f"source:{source.pk}", outcome=Outcome.BROKEN).exists()


def test_a_machine_that_still_knocks_with_a_wrong_token_is_told_so(pipeline, data):
    source = delivering(pipeline, peer="192.0.2.7:4711", at=clock.now() - 10 * MINUTE)
    tick_at(clock.now() - 10 * MINUTE)
    refusals = Refusals(data)
    refusals.add(0, Reason.WRONG_TOKEN, records=1, peer="192.0.2.7:9")
    refusals.close()

    tick_at(clock.now())

    assert Silence.objects.get(source=source).cause == SilenceCause.TOKEN


def test_sources_of_a_unit_that_stop_together_have_lost_their_link_and_make_one_letter(pipeline):
    unit = UnitFactory()
    officer_of(unit)
    for n in range(3):
        delivering(pipeline, unit=unit, peer=f"192.0.2.{n}")
    tick_at(MORNING)

    tick_at(MORNING + 5 * MINUTE)

    assert {silence.cause for silence in Silence.objects.all()} == {SilenceCause.LINK}
    assert OutboundMessage.objects.filter(unit_id=unit.pk).count() == 1


def test_a_source_that_comes_and_goes_makes_a_bounded_number_of_letters(pipeline):
    from dekhang.apps.sources.messages import LETTERS_A_DAY

    unit = UnitFactory()
    officer_of(unit)
    source = delivering(pipeline, unit=unit)
    for n in range(LETTERS_A_DAY + 4):
        at = MORNING + n * 10 * MINUTE
        pipeline.receive(source, failed_login(at), at=at)
        tick_at(at)
        tick_at(at + 5 * MINUTE)

    assert Silence.objects.count() == LETTERS_A_DAY + 4
    assert OutboundMessage.objects.filter(unit_id=unit.pk).count() == LETTERS_A_DAY


def test_the_head_is_told_once_after_a_day(pipeline):
    unit = UnitFactory()
    officer_of(unit)
    head = head_of(unit)
    source = delivering(pipeline, unit=unit)
    tick_at(MORNING)
    tick_at(MORNING + 5 * MINUTE)

    for hours in (23, 25, 26):
        tick_at(MORNING + timedelta(hours=hours))

    letters = OutboundMessage.objects.filter(recipient=head.email)
    assert letters.count() == 1 and source.name in letters[0].body
    assert AuditEvent.objects.filter(action=AuditAction.SILENCE_ESCALATED).count() == 1


def test_the_page_says_why_what_to_do_what_is_blind_and_who_was_told_and_only_to_its_unit(pipeline, client):
    unit = UnitFactory()
    officer = officer_of(unit)
    source = delivering(pipeline, unit=unit)
    tick_at(MORNING)
    tick_at(MORNING + 5 * MINUTE)
    silence = Silence.objects.get(source=source)

    client.force_login(officer)
    with clock.at(MORNING + 6 * MINUTE):
        page = client.get(reverse("sources:silence", args=[silence.pk])).content.decode()
        of_source = client.get(reverse("sources:detail", args=[source.pk])).content.decode()
    client.force_login(officer_of(UnitFactory()))
    assert client.get(reverse("sources:silence", args=[silence.pk])).status_code == 404

    assert officer.email in page and "Việc cần làm" in page and "linux" in page
    assert reverse("sources:silence", args=[silence.pk]) in of_source


def test_a_retired_source_is_no_longer_silent(pipeline):
    unit = UnitFactory()
    officer = officer_of(unit)
    source = delivering(pipeline, unit=unit)
    tick_at(MORNING)
    tick_at(MORNING + 5 * MINUTE)
    source.refresh_from_db()

    with clock.at(MORNING + 6 * MINUTE):
        services.retire(source=source, by=officer)

    assert Silence.objects.get(source=source).ended_at is not None


def test_missing_numbers_are_told_on_the_source_and_count_as_loss(pipeline, data):
    from dekhang.pipeline import wallclock

    def event(number):
        return (
            f'{{"EventID":4624,"Channel":"Security","Computer":"PC1","EventRecordID":{number},'
            f'"SystemTime":"2019-12-10T01:00:{number % 60:02}Z"}}'
        )

    source = LogSourceFactory(kind="windows")
    now = clock.now()
    pipeline.receive(source, *[event(n) for n in range(1, 150)], at=now)
    pipeline.receive(source, event(300), at=now)

    with clock.at(now + 20 * MINUTE):
        listened = listening.of_source(source, ledger_of(source))
    assert listened.gaps == ["Thiếu 150 sự kiện của kênh security, máy pc1, từ 08:00 đến 08:00 10/12/2019."]
    assert wallclock.SHIFT_MS == 0
    tick_at(now + 20 * MINUTE)
    row = Evidence.objects.get(kind=EvidenceKind.SOURCE_LOSS, subject=f"source:{source.pk}")
    assert (row.outcome, row.payload["refused"]) == (Outcome.BROKEN, 150)


def test_a_long_silence_and_a_brief_one_after_it_still_ask_for_a_canary():
    from dekhang.apps.duties.states.rows import Facts, Observation

    def row(minute, ok, **payload):
        at = MORNING + minute * MINUTE
        return Observation("source_delivering", "source:1", "ok" if ok else "broken", at, payload=payload)

    facts = Facts()
    for one in (row(0, True), row(10, False), row(200, True, brief=False), row(300, False), row(310, True, brief=True)):
        facts.add(one)
    assert facts.last_broken("source_delivering", "source:1") == MORNING + 10 * MINUTE
    assert assess("record_attacks", [], MORNING) == {}


def signs(**more):
    facts = {
        "last": MORNING, "peer": "192.0.2.1", "wrong_token_peers": (), "disk_refused": False, "last_records": (), "neighbours": (),
    }  # fmt: skip
    return Signs(**{**facts, **more})


def neighbour(*, minutes=0, peer="192.0.2.2", overdue=True):
    return Neighbour(9, MORNING + minutes * MINUTE, peer, overdue)


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (signs(), SilenceCause.UNKNOWN),
        (signs(disk_refused=True, wrong_token_peers={"192.0.2.1"}), SilenceCause.DISK),
        (signs(wrong_token_peers={"192.0.2.1"}), SilenceCause.TOKEN),
        (signs(peer="", wrong_token_peers={""}), SilenceCause.UNKNOWN),
        (signs(last_records=[("1074", "User32", "")]), SilenceCause.SHUTDOWN),
        (signs(neighbours=[neighbour(peer="192.0.2.1", overdue=False)]), SilenceCause.SHIPPER),
        (signs(neighbours=[neighbour(minutes=-3), neighbour(minutes=2)]), SilenceCause.LINK),
        (signs(neighbours=[neighbour(minutes=-3), neighbour(overdue=False)]), SilenceCause.UNKNOWN),
        (signs(neighbours=[neighbour(minutes=-300)]), SilenceCause.UNKNOWN),  # silent since long ago: another story
        (signs(neighbours=[Neighbour(9, None, "", False), neighbour(minutes=1)]), SilenceCause.LINK),
    ],
)
def test_the_cause_is_the_surest_sign(found, cause):
    assert cause_of(found) == cause


@pytest.mark.parametrize(
    ("code", "speaker", "text", "down"),
    [
        ("6006", "EventLog", "", True),
        ("13", "Microsoft-Windows-Kernel-General", "", True),
        ("13", "Microsoft-Windows-Sysmon", "", False),  # a registry value was set
        ("", "", "systemd[1]: Reached target Power-Off.", True),
        ("", "", 'rsyslogd: [origin software="rsyslogd"] exiting on signal 15.', True),
        ("", "", "sshd[1]: Failed password for shutdown from 192.0.2.1", False),
    ],
)
def test_records_that_say_that_a_machine_goes_down(code, speaker, text, down):
    assert is_shutdown(code, speaker, text) is down
