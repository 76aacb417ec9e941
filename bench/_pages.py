"""Every list and board page of the site, with the role that opens it: what `./dk bench board` measures and a test pins.

A page of the site without an object in its address must be here or in NOT_MEASURED (tests/integration/test_page_queries.py).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.http import urlencode

from dekhang.apps.alerts.enums import AlertStatus
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.duties.models import Revision
from dekhang.apps.incidents.models import Incident
from dekhang.apps.registry.enums import PostKind, UnitKind
from dekhang.apps.registry.models import PostHolding, UnitVersion
from dekhang.apps.sources.models import LogSource
from dekhang.law import load

LEADER, COORDINATOR, INSPECTOR, ADMINISTRATOR, OFFICER, HEAD = (
    Role.PROVINCE_LEADER,
    Role.COORDINATOR,
    Role.INSPECTOR,
    Role.ADMINISTRATOR,
    Role.OFFICER,
    Role.HEAD,
)


@dataclass(frozen=True, slots=True)
class Samples:
    """Objects that pages are opened with. `busy`: a unit with as many kinds of sources as there are."""

    until: date
    busy: int
    district: int
    source: int
    alert: int
    incident: int
    revision: int
    account: int
    days: tuple[date, ...]  # of the past, to ask boards of

    @classmethod
    def find(cls, until: date, months: int, *, seed: int = 1) -> "Samples":
        dice = random.Random(seed)
        of_each_kind = LogSource.objects.values("unit_id").annotate(kinds=Count("kind", distinct=True), first=Min("pk"))
        source = LogSource.objects.get(pk=of_each_kind.order_by("-kinds", "first")[0]["first"])
        sending = Alert.objects.filter(unit_id=source.unit_id)
        alert = sending.filter(status=AlertStatus.NEW).first() or sending.order_by("-pk")[0]
        return cls(
            until=until,
            busy=source.unit_id,
            district=UnitVersion.objects.filter(kind=UnitKind.DISTRICT).order_by("pk")[0].unit_id,
            source=source.pk,
            alert=alert.pk,
            incident=Incident.objects.order_by("-pk")[0].pk,
            revision=Revision.objects.filter(document__unit_id=source.unit_id).order_by("pk")[0].pk,
            account=PostHolding.objects.filter(unit_id=source.unit_id)[0].user_id,
            days=tuple(until - timedelta(days=dice.randint(2, 30 * months)) for _n in range(40)),
        )

    def person(self, role: Role) -> User:
        """Who opens the page: of a unit's roles those of the busy unit."""
        if role in (OFFICER, HEAD):
            post = PostKind.OFFICER if role == OFFICER else PostKind.HEAD
            return PostHolding.objects.filter(unit_id=self.busy, kind=post)[0].user
        return User.objects.filter(role=role).order_by("pk")[0]


Number = int  # of the round: pages that are asked differently each time use it
Fill = Callable[[Samples, Number], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page as one role opens it.

    Args:
        name: as the row of the measurement is called.
        address: of Django's URLs; `takes` fills its arguments, `asks` its query.
    """

    name: str
    address: str
    role: Role
    takes: Fill = field(default=lambda samples, number: {})
    asks: Fill = field(default=lambda samples, number: {})

    def path(self, samples: Samples, number: int) -> str:
        asked = self.asks(samples, number)
        return reverse(self.address, kwargs=self.takes(samples, number)) + (f"?{urlencode(asked)}" if asked else "")


def _plain(address: str, role: Role, name: str = "", **asks: Any) -> Page:
    return Page(name or address, address, role, asks=lambda samples, number: asks)


def _of(address: str, role: Role, **takes: str) -> Page:
    """A page about an object: `takes` names the attribute of Samples for each argument."""
    return Page(
        address, address, role, takes=lambda s, number: {name: getattr(s, what) for name, what in takes.items()}
    )


def _day(samples: Samples, number: int) -> str:
    return samples.days[number % len(samples.days)].isoformat()


DUTIES = tuple(duty.key for duty in load().duties)

PAGES: tuple[Page, ...] = (
    *(
        _plain("portal:home", role, f"home · {role}")
        for role in (LEADER, COORDINATOR, INSPECTOR, ADMINISTRATOR, OFFICER, HEAD)
    ),
    _plain("portal:accounts", ADMINISTRATOR),
    _of("portal:account", ADMINISTRATOR, pk="account"),
    _plain("core:audit", INSPECTOR),
    _plain("core:guides", OFFICER),
    # units and people
    _plain("registry:units", COORDINATOR),
    _plain("registry:units", COORDINATOR, "registry:units · search", q="xa an"),
    _of("registry:unit", COORDINATOR, pk="busy"),
    _plain("registry:roster", COORDINATOR),
    _plain("registry:roster", COORDINATOR, "registry:roster · search", q="nguyen van an"),
    _plain("registry:roster", COORDINATOR, "registry:roster · last page", page=10**6),
    _plain("registry:roster", OFFICER, "registry:roster · of a unit"),
    _plain("registry:bring_roster", COORDINATOR),
    _plain("contacts:list", COORDINATOR),
    _of("contacts:of_unit", OFFICER, unit_id="busy"),
    *(_plain(f"registry:{kind}", COORDINATOR) for kind in ("systems", "posts", "networks", "providers")),
    _plain("observed:overview", COORDINATOR),
    _of("observed:of_unit", OFFICER, unit_id="busy"),
    _plain("api:tokens", ADMINISTRATOR),
    _plain("api:webhooks", ADMINISTRATOR),
    _plain("portal:invitations", ADMINISTRATOR),
    # plans and conferences
    *(_plain(f"cascade:{page}", COORDINATOR) for page in ("overview", "inbox", "plans")),
    _of("cascade:of_unit", OFFICER, unit_id="busy"),
    _plain("briefings:list", COORDINATOR),
    _plain("briefings:list", OFFICER, "briefings:list · of a unit"),
    _plain("inspections:list", INSPECTOR),
    _plain("inspections:list", OFFICER, "inspections:list · of a unit"),
    _plain("inspections:findings", INSPECTOR),
    _plain("inspections:samples", INSPECTOR),
    _plain("registry:reorganisations", COORDINATOR),
    _plain("registry:directory", ADMINISTRATOR),
    # duties and documents
    _of("duties:of_unit", OFFICER, unit_id="busy"),
    *(
        Page(
            f"duties:duty · {key}",
            "duties:duty",
            OFFICER,
            takes=lambda s, n, key=key: {"unit_id": s.busy, "duty_key": key},
        )
        for key in DUTIES
        if key not in ("isp", "four_layers")
    ),
    _of("duties:documents_of", OFFICER, unit_id="busy"),
    _plain("duties:review_queue", COORDINATOR),
    _of("duties:revision", INSPECTOR, pk="revision"),
    _plain("duties:signs", INSPECTOR),
    _plain("duties:contests", COORDINATOR),
    _plain("duties:checks", COORDINATOR),
    _plain("duties:providers", COORDINATOR),
    # the board
    _plain("scoreboard:board", LEADER),
    _plain("scoreboard:board", OFFICER, "scoreboard:board · of a unit"),
    *(_plain("scoreboard:board", COORDINATOR, f"scoreboard:board · {key}", **{"nghia-vu": key}) for key in DUTIES),
    Page("scoreboard:board · any day", "scoreboard:board", LEADER, asks=lambda s, n: {"ngay": _day(s, n)}),
    Page(
        "scoreboard:board · any day and duty",
        "scoreboard:board",
        LEADER,
        asks=lambda s, n: {"ngay": _day(s, n), "nghia-vu": DUTIES[n % len(DUTIES)]},
    ),
    _plain("scoreboard:print", LEADER),
    _plain("portal:leadership", LEADER),
    _plain("scoreboard:changes", LEADER),
    _plain("scoreboard:periods", LEADER),
    _plain("scoreboard:bands", LEADER),
    _plain("scoreboard:what_if", COORDINATOR),
    _plain("scoreboard:gci", LEADER),
    _of("scoreboard:layers_of", COORDINATOR, unit_id="busy"),
    _plain("scoreboard:layers", COORDINATOR),
    _plain("scoreboard:spending", COORDINATOR),
    # reports
    _plain("reports:list", COORDINATOR),
    _plain("reports:list", OFFICER, "reports:list · of a unit"),
    _plain("reports:follow", COORDINATOR),
    # logs
    _plain("sources:list", COORDINATOR),
    _plain("sources:list", OFFICER, "sources:list · of a unit"),
    _plain("sources:intake", ADMINISTRATOR),
    _plain("sources:unknown_senders", COORDINATOR),
    _plain("sources:detectability", COORDINATOR),
    _plain("sources:canaries", COORDINATOR),
    _plain("sources:canaries", OFFICER, "sources:canaries · of a unit"),
    _of("sources:detail", OFFICER, pk="source"),
    _plain("search:page", OFFICER),
    _plain("search:saved", OFFICER),
    _plain("search:hunts", COORDINATOR),
    _plain("retention:page", ADMINISTRATOR),
    # alerts and incidents
    *(
        _plain("alerts:list", COORDINATOR, f"alerts:list · {view}", xem=view)
        for view in ("open", "escalated", "closed", "canary", "all")
    ),
    _plain("alerts:list", COORDINATOR, "alerts:list · search", xem="all", q="do mat khau may-9"),
    _plain("alerts:list", COORDINATOR, "alerts:list · last page", xem="all", page=10**6),
    _plain("alerts:list", COORDINATOR, "alerts:list · grave", xem="all", muc="critical"),
    Page("alerts:list · one unit", "alerts:list", COORDINATOR, asks=lambda s, n: {"xem": "all", "don-vi": s.busy}),
    _plain("alerts:list", OFFICER, "alerts:list · of a unit"),
    _plain("alerts:strays", COORDINATOR),
    _of("alerts:detail", OFFICER, pk="alert"),
    _plain("incidents:list", COORDINATOR),
    _plain("incidents:list", OFFICER, "incidents:list · of a unit"),
    _plain("incidents:sops", OFFICER),
    _of("incidents:detail", COORDINATOR, pk="incident"),
)

# pages without an object in their address that are no lists or boards, and why
NOT_MEASURED = {
    "portal:login": "before anybody is known",
    "portal:logout": "no page",
    "portal:password": "a form",
    "portal:new_account": "a form",
    "core:healthz": "no page",
    "portal:choose_unit": "sent, not seen",
    "registry:new_provider": "a form",
    "registry:directory_run": "sent, not seen",
    "registry:directory_try": "sent, not seen",
    "reports:ask_code": "a form",
    "cascade:home": "leads on",
    "cascade:work": "leads on",
    "cascade:rows": "a part of cascade:overview",
    "cascade:new_plan": "a form",
    "cascade:from_template": "sent, not seen",
    "briefings:new": "a form",
    "briefings:here": "a form",
    "inspections:draw": "a form",
    "inspections:plan": "a form",
    "scoreboard:formula": "a text",
    "scoreboard:gci_clear": "sent, not seen",
    "scoreboard:gci_withdraw": "sent, not seen",
    "registry:export_roster": "a file, written as long as it is",
    "registry:roster_sample": "a file",
    "duties:mine": "leads on",
    "duties:checks_sample": "a file",
    "duties:documents": "leads on",
    "sources:choose": "a choice of five",
    "sources:authority": "a file",
    "api:new_token": "a form",
    "api:new_webhook": "a form",
    "search:save": "a form",
    "search:start_hunt": "a form",
    "incidents:open": "a form",
    "retention:place": "a form",
}
