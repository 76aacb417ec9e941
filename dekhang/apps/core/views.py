"""Error pages with the sentence, health for the supervisor, the audit log, and the guides."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dekhang.apps.core import selectors
from dekhang.apps.core.guides import all_guides
from dekhang.apps.core.guides import guide as guide_of
from dekhang.apps.core.policies import check_can_read_audit


def denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "core/denied.html", {"reason": str(exception or "")}, status=403)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid CSRF token: mostly a page left open over a new sign-in."""
    sentence = _("Trang này mở đã lâu hoặc bạn vừa đăng nhập lại, nên việc chưa được làm. Tải lại trang rồi làm lại.")
    return render(request, "core/denied.html", {"reason": sentence}, status=403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Plain text: what came may be too broken for a page (a foreign Host header, a form of ten thousand fields)."""
    sentence = _("Yêu cầu không đọc được, hoặc địa chỉ này chưa được phép. Quản trị hệ thống đặt tên máy ở DK_HOSTS.")
    return HttpResponse(sentence, status=400, content_type="text/plain; charset=utf-8")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "core/not_found.html", status=404)


def only_by_button(request: HttpRequest, page: str, *, allowed: str) -> HttpResponse:
    response = render(request, "core/only_by_button.html", {"page": page}, status=405)
    response.headers["Allow"] = allowed
    return response


def broken(request: HttpRequest) -> HttpResponse:
    return render(request, "core/broken.html", status=500)


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"ok": True})


def audit_log(request: HttpRequest) -> HttpResponse:
    check_can_read_audit(request.user)
    page = Paginator(selectors.audit_events(user=request.user, text=request.GET.get("q", "")), 50)
    return render(
        request, "core/audit.html", {"page": page.get_page(request.GET.get("page")), "q": request.GET.get("q", "")}
    )


@require_GET
def guides(request: HttpRequest) -> HttpResponse:
    return render(request, "core/guides.html", {"guides": all_guides()})


@require_GET
def guide(request: HttpRequest, slug: str) -> HttpResponse:
    found = guide_of(slug)
    if found is None:
        raise Http404
    return render(request, "core/guide.html", {"guide": found})
