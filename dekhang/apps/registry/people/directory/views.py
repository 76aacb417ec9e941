"""The administrator's page of the directory: what is asked, a try with one person's code, and a round at once."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dekhang.apps.registry.models import Directory
from dekhang.apps.registry.people.columns import COLUMNS
from dekhang.apps.registry.people.directory import services
from dekhang.apps.registry.people.directory.asking import DirectoryFault, people
from dekhang.apps.registry.people.directory.forms import DirectoryForm

START = {
    "filter": "(&(objectClass=person)(employeeNumber=*))",
    "code_attribute": "employeeNumber",
    "name_attribute": "cn",
    "title_attribute": "title",
    "email_attribute": "mail",
    "phone_attribute": "telephoneNumber",
    "every_hours": 24,
    "brake_percent": 5,
}


def _page(request: HttpRequest, form: DirectoryForm, **more: object) -> HttpResponse:
    context = {
        "form": form,
        "directory": Directory.objects.filter(pk=1).select_related("changed_by").first(),
        "server": settings.LDAP_SERVER,
        **more,
    }
    return render(request, "registry/directory.html", context)


@require_http_methods(["GET", "POST"])
def directory(request: HttpRequest) -> HttpResponse:
    services.check_can_set_directory(request.user)
    known = Directory.objects.filter(pk=1).first()
    initial = {name: getattr(known, name) for name in DirectoryForm.base_fields} if known is not None else START
    form = DirectoryForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.save_directory(by=request.user, **form.cleaned_data)
        messages.success(request, _("Đã lưu. Thử với mã của một người trước khi bật lịch."))
        return redirect("registry:directory")
    return _page(request, form)


@require_POST
def try_one(request: HttpRequest) -> HttpResponse:
    """What the directory says of one person, without changing anything."""
    services.check_can_set_directory(request.user)
    known = Directory.objects.filter(pk=1).first()
    code = request.POST.get("code", "").strip()[:60]
    if known is None or not code:
        messages.error(request, _("Lưu cách hỏi trước, rồi ghi mã của một người."))
        return redirect("registry:directory")
    initial = {name: getattr(known, name) for name in DirectoryForm.base_fields}
    try:
        found = list(people(known, code=code))[:5]
    except DirectoryFault as fault:
        return _page(request, DirectoryForm(initial=initial), fault=str(fault), code=code)
    names = {column.key: column.names[0] for column in COLUMNS}
    shown = [(one.dn, [(names[key], value) for key, value in one.values.items()], one.ous) for one in found]
    return _page(request, DirectoryForm(initial=initial), tried=shown, asked=True, code=code)


@require_POST
def run_now(request: HttpRequest) -> HttpResponse:
    services.check_can_set_directory(request.user)
    known = Directory.objects.filter(pk=1).first()
    if known is None:
        messages.error(request, _("Lưu cách hỏi trước."))
        return redirect("registry:directory")
    one = services.synchronise(known, by=request.user)
    if one is None:
        known.refresh_from_db()
        messages.error(request, known.last_problem)
        return redirect("registry:directory")
    return redirect("registry:roster_import", one.pk)
