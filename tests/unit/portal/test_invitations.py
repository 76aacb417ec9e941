"""Accounts by invitation: bounded by the inviter's own rights, one link, once; leavers' accounts are closed by the roster."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.jobs import deliver_messages
from dekhang.apps.core.models import AuditEvent, OutboundMessage, User
from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.models import Evidence
from dekhang.apps.portal.invitations import policies, services
from dekhang.apps.portal.jobs import close_leavers
from dekhang.apps.portal.models import Invitation
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Employment, Person, PostHolding
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db
GOOD = {"username": "nguoi-moi", "password": "mot-mat-khau-dai-lam", "again": "mot-mat-khau-dai-lam"}


@pytest.fixture
def unit(frozen_now):
    return UnitFactory(version__name="Sở Y tế")


def invite(by, unit, kind=PostKind.OFFICER, email="moi@example.gov.vn"):
    return services.invite(email=email, full_name="Người Mới", unit_id=unit.pk, kind=kind, by=by)


def mailed_path(mailbox):
    deliver_messages()
    body = mailbox.letters[-1].get_payload(decode=True).decode()
    return re.search(r"https?://[^/\s]+(/loi-moi/nhan/\S+)", body)[1]


def test_the_invited_sets_a_password_holds_the_post_and_is_linked_to_the_roster(unit, mailbox, client):
    person = Person.objects.create(code="CB1", name="Người Mới", email="Moi@example.gov.vn")
    Employment.objects.create(person=person, unit=unit, valid_from="2019-01-01")
    invite(head_of(unit), unit)
    path = mailed_path(mailbox)
    assert "Sở Y tế" in client.get(path).content.decode()
    assert client.post(path, GOOD).url == reverse("portal:login")
    account = User.objects.get(username="nguoi-moi")
    assert PostHolding.objects.get(user=account).kind == PostKind.OFFICER
    assert Evidence.objects.filter(unit=unit, kind=EvidenceKind.POST_FILLED, subject="post:officer").exists()
    person.refresh_from_db()
    assert person.user == account
    assert client.login(username="nguoi-moi", password=GOOD["password"])
    client.logout()
    assert client.post(path, {**GOOD, "username": "nguoi-khac"}).status_code == 403  # once
    assert User.objects.filter(username="nguoi-khac").count() == 0


@pytest.mark.parametrize(
    ("who", "kind", "allowed"),
    [
        ("head", PostKind.OFFICER, True),
        ("head", PostKind.DUTY_CONTACT, True),
        ("head", PostKind.HEAD, False),  # nobody makes their own equal
        ("head of another", PostKind.OFFICER, False),
        ("officer", PostKind.DUTY_CONTACT, False),
        ("coordinator", PostKind.HEAD, True),
        ("inspector", PostKind.OFFICER, False),
    ],
)
def test_who_may_invite_into_what(unit, who, kind, allowed):
    by = {
        "head": lambda: head_of(unit),
        "head of another": lambda: head_of(UnitFactory()),
        "officer": lambda: officer_of(unit),
        "coordinator": lambda: UserFactory(coordinator=True),
        "inspector": lambda: UserFactory(inspector=True),
    }[who]()
    if allowed:
        assert invite(by, unit, kind).pk
    else:
        with pytest.raises(ActionDenied):
            invite(by, unit, kind)


def test_a_head_cannot_choose_another_unit_in_the_form(unit, client):
    client.force_login(head_of(unit))
    other = UnitFactory()
    facts = {"email": "x@example.gov.vn", "full_name": "X", "kind": "officer"}
    client.post(reverse("portal:invitations"), {**facts, "unit": other.pk})
    client.post(reverse("portal:invitations"), {**facts, "unit": unit.pk, "kind": "head"})
    assert not Invitation.objects.exists()
    client.post(reverse("portal:invitations"), {**facts, "unit": unit.pk})
    assert Invitation.objects.get().unit == unit


def test_a_new_link_closes_the_old_one_and_a_revoked_invitation_opens_nothing(unit, mailbox, client, frozen_now):
    head = head_of(unit)
    one = invite(head, unit)
    old = mailed_path(mailbox)
    with pytest.raises(ActionDenied, match="10 phút"):
        services.resend(invitation=one, by=head)
    with clock.at(frozen_now + timedelta(hours=1)):
        services.resend(invitation=one, by=head)
        new = mailed_path(mailbox)
        assert client.get(old).status_code == 404
        assert client.get(new).status_code == 200
        services.revoke(invitation=one, by=head)
        answer = client.post(new, GOOD)
    assert (answer.status_code, "đã bị rút" in answer.content.decode()) == (403, True)
    assert not User.objects.filter(username="nguoi-moi").exists()


def test_an_invitation_ends_after_a_week_and_with_the_inviter_s_own_right(unit, mailbox, client, frozen_now):
    head = head_of(unit)
    invite(head, unit)
    path = mailed_path(mailbox)
    with clock.at(frozen_now + timedelta(days=7)):
        assert "hết hạn" in client.get(path).content.decode()
    PostHolding.objects.filter(user=head).update(valid_to=clock.today())
    assert client.post(path, GOOD).status_code == 403
    assert not User.objects.filter(username="nguoi-moi").exists()


def test_a_weak_password_or_a_taken_name_is_said_and_makes_nothing(unit, mailbox, client):
    invite(head_of(unit), unit)
    path = mailed_path(mailbox)
    UserFactory(username="da-co")
    for wrong in ({"password": "ngan", "again": "ngan"}, {"again": "khac-hoan-toan-day"}, {"username": "da-co"}):
        assert client.post(path, {**GOOD, **wrong}).status_code == 200
    assert Invitation.objects.get().accepted_at is None


def test_nobody_sends_more_than_thirty_a_day(unit):
    head = head_of(unit)
    for number in range(policies.A_DAY):
        invite(head, unit, email=f"n{number}@example.gov.vn")
    with pytest.raises(ActionDenied, match="trong một ngày"):
        invite(head, unit, email="them@example.gov.vn")


def test_no_table_holds_a_link_that_works(unit, mailbox):
    invite(head_of(unit), unit)
    token = mailed_path(mailbox).rstrip("/").rpartition("/")[2]
    kept = [
        *Invitation.objects.values_list(),
        *OutboundMessage.objects.values_list(),
        *AuditEvent.objects.values_list(),
    ]
    assert token not in str(kept)
    assert token.rpartition(":")[2] not in str(kept)


def test_the_account_of_a_leaver_is_closed_once_and_people_are_told(unit, frozen_now):
    head, account = head_of(unit), officer_of(unit)
    person = Person.objects.create(code="CB1", name="Người đi", user=account)
    Employment.objects.create(person=person, unit=unit, valid_from="2019-01-01")
    assert close_leavers() == 0
    Employment.objects.update(valid_to=clock.today())
    assert close_leavers() == 1
    account.refresh_from_db()
    assert not account.is_active
    assert OutboundMessage.objects.filter(recipient=head.email, body__contains=account.username).exists()
    assert AuditEvent.objects.filter(action="leaver_closed").count() == 1
    newest = Evidence.objects.filter(unit=unit, kind=EvidenceKind.POST_FILLED, subject="post:officer").last()
    assert newest is None or newest.payload["user_ids"] == []
    User.objects.filter(pk=account.pk).update(is_active=True)  # reopened by the administrator
    with clock.at(frozen_now + timedelta(days=3)):
        assert close_leavers() == 0


def test_somebody_who_moved_keeps_the_account(unit):
    account = officer_of(unit)
    person = Person.objects.create(code="CB1", name="Người chuyển", user=account)
    Employment.objects.create(person=person, unit=unit, valid_from="2019-01-01", valid_to=clock.today())
    Employment.objects.create(person=person, unit=UnitFactory(), valid_from=clock.today())
    assert close_leavers() == 0


def test_an_invitation_into_a_unit_that_is_no_more_makes_no_account(unit, mailbox, client):
    invite(UserFactory(coordinator=True), unit)
    path = mailed_path(mailbox)
    unit.versions.update(valid_to=clock.today())
    refused = client.post(path, GOOD)
    assert refused.status_code == 403
    assert "đã được sắp xếp lại" in refused.content.decode()
    assert not User.objects.filter(username="nguoi-moi").exists()
