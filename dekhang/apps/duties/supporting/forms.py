from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField


class AskForm(forms.Form):
    provider = forms.TypedChoiceField(label=_("Doanh nghiệp"), coerce=int)
    for_unit = forms.TypedChoiceField(
        label=_("Nhờ cho đơn vị"),
        coerce=int,
        required=False,
        empty_value=None,
        help_text=_("Để trống khi tỉnh nhờ cho chính mình."),
    )
    text = TextField(
        label=_("Nhờ việc gì?"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Việc cần làm, địa chỉ hoặc đường truyền liên quan. Không ghi nội dung bí mật nhà nước."),
    )
    is_exercise = forms.BooleanField(label=_("Đây là diễn tập"), required=False)

    def __init__(
        self, *args: Any, providers: list[tuple[int, str]], units: list[tuple[int, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["provider"].choices = providers  # type: ignore[attr-defined]
        self.fields["for_unit"].choices = [("", _("– toàn tỉnh –")), *units]  # type: ignore[attr-defined]


class SupportAnswerForm(forms.Form):
    answer = TextField(label=_("Doanh nghiệp trả lời"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    answered_at = forms.DateTimeField(
        label=_("Trả lời lúc"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        required=False,
        help_text=_("Để trống: bây giờ."),
    )

    def clean_answered_at(self) -> datetime:
        moment: datetime | None = self.cleaned_data["answered_at"]
        if moment is not None and timezone.is_naive(moment):
            moment = timezone.make_aware(moment)
        return moment or clock.now()


class VerdictForm(forms.Form):
    note = TextField(label=_("Ghi chú"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2}))
