"""What people of every role send to every address of the site: another unit's people change nothing, its own do."""

import pytest
from django.db import transaction
from django.urls import reverse

from tests.factories.world import rows_of
from tests.isolation import ADDRESSES, OUTSIDERS, PEOPLE, everything_said, typed

pytestmark = pytest.mark.django_db
# an undone step, a finished answer, a closed thing, a declaration that does not stand yet, a file that names the unit:
# their own tests do that first
NEED_SOMETHING_BEFORE = {
    *("alerts:close", "alerts:reopen", "briefings:bring_sheet", "portal:reopen_account", "registry:undo_roster"),
    *("cascade:accept", "cascade:ask_extension", "cascade:decide_extension", "cascade:judge", "cascade:report"),
    *("cascade:send_down", "cascade:set_sub_duty", "cascade:withdraw", "search:restore"),
    *("duties:contest", "duties:declare", "duties:new_document", "duties:resubmit_revision", "duties:verify_support"),
    *("incidents:close", "incidents:event", "incidents:handled", "incidents:reopen", "incidents:skip"),
    *("incidents:sop_read", "incidents:undo", "incidents:withdraw_event"),
    *("sources:end_former_token", "sources:restore", "sources:start_canary"),
}


@pytest.mark.parametrize("role", OUTSIDERS)
def test_nothing_that_another_unit_s_people_send_changes_anything(units, client, role):
    a, b = units
    person = PEOPLE[role](a, b)
    wrong: set[tuple[str, str]] = set()
    before = rows_of(a)
    for name, address in ADDRESSES.items():
        with transaction.atomic():
            client.force_login(person)
            path = reverse(name, kwargs=address.kwargs(a))
            for query in ({}, {"don-vi": a.unit.pk}):
                answer = client.post(path, typed(name, a), query_params=query)
                if address.of_unit and answer.status_code not in {403, 404, 405}:
                    wrong.add((name, f"answered {answer.status_code}"))
                if answer.status_code >= 500:
                    wrong.add((name, "broke"))
            after = rows_of(a)
            wrong |= {(name, f"changed {table}") for table in before if before[table] != after[table]}
            transaction.set_rollback(True)
    assert wrong == set()


@pytest.mark.parametrize("role", OUTSIDERS)
def test_another_unit_s_part_cannot_be_reached_through_one_s_own_whole(units, client, role):
    """/su-co/<mine>/buoc/<theirs>/: the part must belong to the whole."""
    a, b = units
    client.force_login(PEOPLE[role](a, b))
    before, wrong = rows_of(a), set()
    nested = [name for name, address in ADDRESSES.items() if address.nested]
    for name in nested:
        path = reverse(name, kwargs=ADDRESSES[name].kwargs(b, a))
        for answer in (client.get(path), client.post(path, typed(name, a))):
            if answer.status_code not in {404, 405} or a.mark in everything_said(answer):
                wrong.add((name, answer.status_code))
    assert len(nested) >= 6
    assert wrong == set()
    assert rows_of(a) == before


def test_the_same_sent_by_its_own_people_is_done(units, client):
    """The other half of the test above it: what is sent is good enough to change something."""
    a, b = units
    idle = set()
    for name, address in ADDRESSES.items():
        if not (address.of_unit and address.posts):
            continue
        for person in (
            a.officer,
            a.head,
            a["visit"].lead,
            *(PEOPLE[role](a, b) for role in ("coordinator", "administrator")),
        ):
            with transaction.atomic():
                client.force_login(person)
                before = rows_of(a)  # behind the login, which is written down too
                client.post(reverse(name, kwargs=address.kwargs(a)), typed(name, a))
                changed = rows_of(a) != before
                transaction.set_rollback(True)
            if changed:
                break
        else:
            idle.add(name)
    assert idle <= NEED_SOMETHING_BEFORE
