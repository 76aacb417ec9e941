"""The list of sources, one source, its live state, and who knocks unknown."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from dekhang import law
from dekhang.apps.core.errors import refusal
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources import intakehealth, listening, policies, selectors, services
from dekhang.apps.sources.enums import CANARY_KINDS, SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.shippers import SHIPPERS, canary_commands

ROWS_A_PAGE = 50
UNKNOWN_SHOWN = 5


def source_or_404(request: HttpRequest, pk: int) -> LogSource:
    return get_object_or_404(selectors.sources_of(request.user).select_related("system"), pk=pk)


@require_GET
def source_list(request: HttpRequest) -> HttpResponse:
    user = request.user
    sources = selectors.listed(selectors.sources_of(user))
    state = request.GET.get("tinh-trang", "")
    if state in SourceState.values:
        sources = sources.filter(state=state)
    else:
        sources = sources.exclude(state=SourceState.RETIRED)
    unit = request.GET.get("don-vi", "")
    if unit.isdigit() and len(unit) < 18:
        sources = sources.filter(unit_id=int(unit))
    page = Paginator(sources, ROWS_A_PAGE).get_page(request.GET.get("page"))
    rows = list(page)
    accounts = selectors.ledgers_of([source.pk for source in rows])
    names = registry.unit_names({source.unit_id for source in rows}) if user.is_provincial else {}
    own_unit = registry.own_unit_id(user)
    context = {
        "page": page,
        "rows": [(source, accounts[source.pk], names.get(source.unit_id, "")) for source in rows],
        "state": state,
        "states": SourceState.choices,
        "unit": unit,
        "no_connect": refusal(policies.check_can_connect, user, own_unit),
        "may_see_intake": refusal(policies.check_can_see_intake, user) is None,
    }
    return render(request, "sources/list.html", context)


@require_GET
def of_unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    """The sources of one unit: a part for other pages, or the list by itself."""
    if not request.htmx:
        return redirect(f"{reverse('sources:list')}?don-vi={unit_id}")
    sources = selectors.listed(selectors.sources_of(request.user).filter(unit_id=unit_id, retired_at=None))
    return render(request, "sources/_of_unit.html", {"sources": sources[:20], "unit_id": unit_id})


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    source, user = source_or_404(request, pk), request.user
    account = selectors.ledger_of(source)
    running = selectors.running_canary(source)
    context = {
        "source": source,
        "unit_name": registry.unit_name(source.unit_id),
        "account": account,
        "bars": selectors.hourly_bars(source),
        "hours": intakehealth.hours_of(source),
        "pace": intakehealth.pace_of(source),
        "foreign": intakehealth.foreign_of(source),
        "feed_problem": intakehealth.pull_problem(source) if source.bucket else "",
        "former_token": services.has_former_token(source),
        "may_set_quota": refusal(policies.check_can_set_quota, user) is None,
        "refusals": selectors.refusals(account),
        "samples": [(selectors.moment(sample.received_ms), sample) for sample in account.samples],
        "events": selectors.newest_events(source),
        "uploaded": source.uploads.count(),
        "listened": listening.of_source(source, account),
        "canaries": source.canaries.select_related("acknowledged_by")[:10],
        "canary": running,
        "commands": canary_commands(source.kind, running.marker) if running else [],
        "no_cancel": refusal(policies.check_can_cancel_canary, user, running) if running else None,
        "due_at": selectors.canary_due_at(running) if running else None,
        "canary_days": law.load().proof("canary_valid_days").whole,
        "has_canary": source.kind in CANARY_KINDS,
        "no_change": refusal(policies.check_can_change, user, source),
        "no_restore": refusal(policies.check_can_restore, user, source),
        "no_canary": refusal(policies.check_can_start_canary, user, source),
        **live_context(source, account),
    }
    return render(request, "sources/detail.html", context)


def live_context(source: LogSource, account) -> dict[str, object]:
    """What the live block shows: the ledger itself, so it is right before the jobs process has looked."""
    return {
        "source": source,
        "account": account,
        "has_arrived": bool(account.stored or account.waiting or account.duplicate),
        "shippers": SHIPPERS[source.kind],
    }


@require_GET
def live(request: HttpRequest, pk: int) -> HttpResponse:
    """The live block, asked for every two seconds; without JavaScript its link leads to a whole page again:
    the setup page for those who set the source up, the source's page for those who only look.
    """
    source = source_or_404(request, pk)
    if not request.htmx:
        only_looks = refusal(policies.check_can_change, request.user, source)
        return redirect("sources:detail" if only_looks else "sources:setup", pk=source.pk)
    return render(request, "sources/_live.html", live_context(source, selectors.ledger_of(source)))


@require_GET
def unknown_senders(request: HttpRequest) -> HttpResponse:
    policies.check_can_see_unknown_senders(request.user)
    return render(request, "sources/unknown_senders.html", {"senders": selectors.unknown_senders()})


@require_GET
def intake(request: HttpRequest) -> HttpResponse:
    """Intake of all units for those who coordinate: who is loud, refused or loses records, and is there room."""
    policies.check_can_see_intake(request.user)
    sources = list(selectors.sources_of(request.user).exclude(state=SourceState.RETIRED))
    lines = intakehealth.intake_of_all(sources)
    wanted = request.GET.get("xem", "")
    shown = [line for line in lines if wanted == "tat-ca" or line.problems]
    page = Paginator(shown, ROWS_A_PAGE).get_page(request.GET.get("page"))
    names = registry.unit_names({line.source.unit_id for line in page})
    senders = selectors.unknown_senders()
    context = {
        "page": page,
        "rows": [(line, names.get(line.source.unit_id, "")) for line in page],
        "shows_all": wanted == "tat-ca",
        "total": intakehealth.totals(lines),
        "sources": len(lines),
        "with_problem": sum(1 for line in lines if line.problems),
        "room": intakehealth.room(),
        "senders": senders[:UNKNOWN_SHOWN],
        "senders_total": len(senders),
        "dropped": selectors.kernel_drops(),
    }
    return render(request, "sources/intake.html", context)
