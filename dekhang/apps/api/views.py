"""Pages of tokens: one's own (the administrator's: all), a new one shown once, and revoking."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.api import oscal, selectors, services
from dekhang.apps.api.enums import all_scopes
from dekhang.apps.api.forms import TokenForm
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.selectors import own_unit_id

PER_PAGE = 30


@require_GET
def tokens(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.tokens_of(request.user), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "now": clock.now(), "scopes": all_scopes(), "today": clock.today()}
    return render(request, "api/tokens.html", context)


def new_token(request: HttpRequest) -> HttpResponse:
    """The form; the secret is in the answer to the POST itself and nowhere else."""
    form = TokenForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            token, secret = services.make_token(
                name=facts["name"],
                scopes=facts["scopes"],
                expires_at=form.expires_at(),
                addresses=facts["addresses"],
                by=request.user,
            )
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            return render(request, "api/token_made.html", {"token": token, "secret": secret})
    return render(request, "api/new_token.html", {"form": form})


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(selectors.tokens_of(request.user), pk=pk)
    services.revoke_token(token=token, by=request.user)
    messages.success(request, _("Đã thu hồi mã “%(name)s”: từ bây giờ nó không mở được gì.") % {"name": token.name})
    return redirect("api:tokens")


@require_GET
def oscal_file(request: HttpRequest, what: str) -> HttpResponse:
    """The catalog of duties, or the states of a day (`?ngay=`): the unit's own with its evidence, or all units'."""
    day, _fault = asked_day(request.GET.get("ngay"))
    unit_id = own_unit_id(request.user)
    if what == "catalog":
        document: oscal.Json | None = oscal.catalog(day)
    elif what == "results" and unit_id is not None:
        document = oscal.results_of_unit(request.user, unit_id, day)
    elif what == "results":
        document = oscal.results(request.user, day)
    else:
        document = None
    if document is None:
        raise Http404
    name = f"oscal-{what}-{day:%Y-%m-%d}.json"
    return HttpResponse(
        oscal.written(document),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
