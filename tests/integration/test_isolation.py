"""A walk over every address of the site, in every role, over the objects of two units: what is shown to whom."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from dekhang.apps.core.models import User
from tests.factories.sources import MORNING
from tests.isolation import ADDRESSES, OBJECTS, OPEN_TO_ALL, OUTSIDERS, PEOPLE, everything_said, looks, typed

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Look:
    """One look at an address over the objects of A: how it was answered, and where what it shows was planted."""

    name: str
    about: str
    status: int
    shows: frozenset[str]


@dataclass(frozen=True)
class Walk:
    """Looks at all addresses; `planted`: where there are strings that only A's people may see."""

    looks: list[Look]
    planted: frozenset[str]


@pytest.fixture(scope="module")
def walks() -> dict[str, Walk]:
    """By role: several tests judge the same walk."""
    return {}


@pytest.fixture
def walk(request: pytest.FixtureRequest, walks: dict[str, Walk]) -> Callable[[str], Walk]:
    """A role's walk over all addresses, made when it is asked for the first time."""

    def walked(role: str) -> Walk:
        if role not in walks:
            a, b = request.getfixturevalue("units")
            client: Client = request.getfixturevalue("client")
            client.force_login(PEOPLE[role](a, b))
            seen = [
                Look(
                    name,
                    about,
                    answer.status_code,
                    frozenset(where for where, string in a.secrets.items() if a.mark in said and string in said),
                )
                for name in ADDRESSES
                for about, answer, said in looks(client, name, a)
            ]
            walks[role] = Walk(seen, frozenset(a.secrets))
        return walks[role]

    return walked


def names(patterns: list[URLPattern | URLResolver], namespace: str = "") -> Iterator[str]:
    for pattern in patterns:
        if getattr(pattern, "namespace", "") == "rest":
            continue  # for tokens, not sessions: tests/integration/test_api_isolation.py
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else namespace)
        else:
            yield f"{namespace}{pattern.name or pattern.pattern}"


def test_every_address_has_a_decision():
    existing = set(names(get_resolver().url_patterns))
    assert existing - set(ADDRESSES) == set(), "decide for the new addresses, in ADDRESSES"
    assert set(ADDRESSES) - existing == set(), "these addresses are no more"


def test_every_way_of_the_table_leads_somewhere(units):
    for name, address in ADDRESSES.items():
        assert set((address.takes or {}).values()) <= OBJECTS | {
            *("record_attacks", "sop", "windows", "rsyslog", "intrusion", "malware", "impersonation", "notice", "xlsx"),
            *("jsonl", "connect-one-pc", "20191210-020000-abcd"),
            "0-x",
            "T1110",
            "results",
            *("cybersecurity_regulation", "chua-ai-biet"),
            *("contacts", "1:cut", "2020-02-01"),
            "merge",
            *("hoi", "len"),
            "regulation",
            "0",
            "year",
            "docx",
        }
        reverse(name, kwargs=address.kwargs(units[0]))


@pytest.mark.parametrize("role", PEOPLE)
def test_no_page_breaks_in_any_role(walk, role):
    found = {
        (look.name, look.about, look.status)
        for look in walk(role).looks
        if look.status not in {200, 302, 403, 404, 405}
    }
    assert found == set()


@pytest.mark.parametrize("role", ["officer of A", "head of A"])
def test_its_own_people_reach_every_object_and_see_what_was_planted(walk, role):
    """Without this the tests below could pass because nothing is shown to anybody."""
    own = walk(role)
    assert {look.name for look in own.looks if ADDRESSES[look.name].of_unit and look.status in {403, 404}} <= {
        "portal:account",
        "sources:setup",
        "sources:configuration",
        "sources:quota",
        "scoreboard:difference",
    }
    hidden = own.planted - {where for look in own.looks for where in look.shows}
    # the words of a withdrawn declaration and of files are shown nowhere but in the file itself; who is invited to an
    # account is the head's
    assert hidden <= {
        "paper",
        "content",
        "withdrawn",
        "slides",
        *(["invited", "guest"] if "officer" in role else []),
    }, "planted, but shown to nobody: the walk would prove nothing"


@pytest.mark.parametrize("role", OUTSIDERS)
def test_another_unit_s_people_are_refused_at_every_object(walk, role):
    wrong = {
        (look.name, look.about, look.status)
        for look in walk(role).looks
        # 405: only a POST is understood there; test_isolation_of_sending.py
        if ADDRESSES[look.name].of_unit and look.status not in {403, 404, 405, *(ADDRESSES[look.name].others or {})}
    }
    assert wrong == set()


@pytest.mark.parametrize("role", OUTSIDERS)
def test_no_page_shows_another_unit_s_people_what_is_not_theirs(walk, role):
    assert {(look.name, look.about, where) for look in walk(role).looks for where in look.shows} == set()


def test_a_stranger_is_sent_to_the_login_page_everywhere(units, client):
    a, _b = units
    open_to_all = set()
    for name, address in ADDRESSES.items():
        path = reverse(name, kwargs=address.kwargs(a))
        for answer in (client.get(path), client.post(path, typed(name, a))):
            if answer.status_code == 302 and answer.url.startswith(reverse("portal:login")):
                continue
            open_to_all.add(name)
            assert a.mark not in everything_said(answer)
    assert open_to_all == OPEN_TO_ALL


def test_a_person_whose_post_ended_sees_the_unit_no_more(units, client):
    a, _b = units
    type(a["holding"]).objects.filter(pk=a["holding"].pk).update(valid_to=MORNING.date())
    client.force_login(a.officer)
    said = "".join(said for name in ADDRESSES for _about, _answer, said in looks(client, name, a))
    assert a.mark not in said


def test_a_closed_account_is_signed_out_everywhere(units, client):
    a, _b = units
    client.force_login(a.officer)
    User.objects.filter(pk=a.officer.pk).update(is_active=False)
    answer = client.get(reverse("alerts:detail", kwargs={"pk": a["alert"].pk}))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("portal:login"))
