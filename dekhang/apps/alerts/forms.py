from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.forms import TextField


class ClosingForm(forms.Form):
    """What was done about an alert, or why it is none."""

    note = TextField(
        label=_("Đã làm gì, hoặc vì sao là báo nhầm"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Hãy ghi một câu, để người sau hiểu.")},
    )
