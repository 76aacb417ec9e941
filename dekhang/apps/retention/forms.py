from datetime import date, datetime, time, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.forms import TextField
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.models import Unit
from dekhang.apps.sources.models import LogSource


class _Day(forms.DateInput):
    input_type = "date"


class _Named(forms.ModelChoiceField):
    """Choices by the names they have today."""

    names: dict[int, str] = {}

    def label_from_instance(self, obj: Unit | LogSource) -> str:
        return self.names.get(obj.pk, str(obj))


class HoldForm(forms.Form):
    """Days are the province's own; `until` is the last day that is held."""

    unit = _Named(Unit.objects.none(), label=_("Đơn vị"), required=False, empty_label=_("Mọi đơn vị"))
    source = _Named(LogSource.objects.none(), label=_("Nguồn log"), required=False, empty_label=_("Mọi nguồn"))
    since = forms.DateField(label=_("Sự kiện từ ngày"), required=False, widget=_Day(format="%Y-%m-%d"))
    until = forms.DateField(label=_("Đến hết ngày"), required=False, widget=_Day(format="%Y-%m-%d"))
    reason = TextField(label=_("Lý do"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    document = TextField(
        label=_("Văn bản yêu cầu"), max_length=120, required=False, help_text=_("Số, ngày và nơi ban hành, nếu có.")
    )
    ends_on = forms.DateField(
        label=_("Giữ đến hết ngày"),
        required=False,
        widget=_Day(format="%Y-%m-%d"),
        help_text=_("Để trống: giữ cho tới khi có người gỡ."),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        sources = LogSource.objects.order_by("unit_id", "name")
        names = registry.unit_names(frozenset(Unit.objects.values_list("pk", flat=True)))
        self.fields["unit"].queryset = Unit.objects.filter(pk__in=names)
        self.fields["unit"].names = names
        self.fields["source"].queryset = sources
        self.fields["source"].names = {one.pk: f"{names.get(one.unit_id, one.unit_id)}: {one.name}" for one in sources}

    def clean_since(self) -> datetime | None:
        return _midnight(self.cleaned_data["since"])

    def clean_until(self) -> datetime | None:
        day = self.cleaned_data["until"]
        return _midnight(day + timedelta(days=1)) if day is not None else None


class LiftForm(forms.Form):
    reason = TextField(label=_("Lý do gỡ"), max_length=500)


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time())) if day is not None else None
