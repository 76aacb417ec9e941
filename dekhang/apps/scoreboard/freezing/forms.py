from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.registry.asked import EARLIEST


class FreezeForm(forms.Form):
    day = forms.DateField(
        label=_("Ngày"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Từ hôm qua trở về trước."),
    )
    reason = TextField(label=_("Lý do"), max_length=300)

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day >= clock.today():
            raise forms.ValidationError(_("Ngày này chưa hết nên chưa đóng băng được. Chọn từ hôm qua trở về trước."))
        if day < EARLIEST:
            raise forms.ValidationError(_("Không có số liệu nào của ngày ấy. Chọn một ngày gần đây hơn."))
        return day
