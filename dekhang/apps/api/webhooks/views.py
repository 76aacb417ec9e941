"""Pages of webhooks: one's own, a new one with its key shown once, what was sent, and sending again."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.api import policies, selectors
from dekhang.apps.api.enums import DeliveryState, EventType
from dekhang.apps.api.models import Subscription
from dekhang.apps.api.webhooks import services
from dekhang.apps.api.webhooks.forms import WebhookForm
from dekhang.apps.core.errors import ActionDenied, refusal

PER_PAGE = 30
TONES = {DeliveryState.WAITING: "info", DeliveryState.DELIVERED: "ok", DeliveryState.DEAD: "bad"}


@require_GET
def webhooks(request: HttpRequest) -> HttpResponse:
    found = selectors.webhooks_of(request.user).annotate(
        waiting=Count("deliveries", filter=Q(deliveries__state=DeliveryState.WAITING)),
        dead=Count("deliveries", filter=Q(deliveries__state=DeliveryState.DEAD)),
    )
    page = Paginator(found.order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "api/webhooks.html", {"page": page})


def new_webhook(request: HttpRequest) -> HttpResponse:
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            one, key = services.make_webhook(by=request.user, **form.cleaned_data)
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            return render(request, "api/webhook_key.html", {"webhook": one, "key": key})
    return render(request, "api/new_webhook.html", {"form": form})


def _one(request: HttpRequest, pk: int) -> Subscription:
    return get_object_or_404(selectors.webhooks_of(request.user), pk=pk)


@require_GET
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    one = _one(request, pk)
    state = request.GET.get("tinh-trang", "")
    deliveries = one.deliveries.select_related("happening")
    if state in DeliveryState.values:
        deliveries = deliveries.filter(state=state)
    page = Paginator(deliveries, PER_PAGE).get_page(request.GET.get("page"))
    labels = dict(EventType.choices)
    context = {
        "webhook": one,
        "types": [labels.get(value, value) for value in one.types],
        "page": page,
        "rows": [(row, labels[row.happening.type], TONES[DeliveryState(row.state)]) for row in page],
        "state": state,
        "states": DeliveryState.choices,
        "refusal": refusal(policies.check_can_change_webhook, request.user, one),
        "stop_refusal": refusal(policies.check_can_stop_webhook, request.user, one),
        "resume_refusal": refusal(policies.check_can_resume_webhook, request.user, one),
    }
    return render(request, "api/webhook.html", context)


@require_POST
def change_key(request: HttpRequest, pk: int) -> HttpResponse:
    one = _one(request, pk)
    return render(
        request, "api/webhook_key.html", {"webhook": one, "key": services.change_key(subscription=one, by=request.user)}
    )


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    services.stop_webhook(subscription=_one(request, pk), by=request.user)
    messages.success(request, _("Đã ngừng. Ngừng nhầm thì bấm “Chạy lại”: tin trong lúc ngừng sẽ được gửi."))
    return redirect("api:webhook", pk)


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    services.resume_webhook(subscription=_one(request, pk), by=request.user)
    messages.success(request, _("Đã chạy lại."))
    return redirect("api:webhook", pk)


@require_POST
def send_again(request: HttpRequest, pk: int, delivery_pk: int) -> HttpResponse:
    delivery = get_object_or_404(_one(request, pk).deliveries.select_related("subscription__owner"), pk=delivery_pk)
    services.send_again(delivery=delivery, by=request.user)
    messages.success(request, _("Sẽ gửi lại trong vài giây."))
    return redirect("api:webhook", pk)
