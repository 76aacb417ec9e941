from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from dekhang.apps.api.enums import EventType
from dekhang.apps.api.webhooks.addresses import AddressRefused, pinned, read
from dekhang.apps.core.forms import TextField


class WebhookForm(forms.Form):
    name = TextField(label=_("Tên"), max_length=100, help_text=_("Chương trình nào nhận."))
    url = forms.CharField(
        label=_("Địa chỉ nhận"),
        max_length=500,
        help_text=_("https://… của máy nhận. Hệ thống gửi POST tới đó mỗi khi có tin."),
    )
    types = forms.MultipleChoiceField(
        label=_("Báo khi"),
        choices=[(value, f"{label} ({value})") for value, label in EventType.choices],
        widget=forms.CheckboxSelectMultiple,
    )

    def clean_url(self) -> str:
        """Also looked up now, so that a wrong name is told where it was typed."""
        url = self.cleaned_data["url"].strip()
        try:
            pinned(read(url))
        except AddressRefused as refused:
            raise ValidationError(str(refused)) from None
        return url
