from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.forms import TextField


class SavingForm(forms.Form):
    name = TextField(label=_("Tên"), max_length=120)
    shared = forms.BooleanField(label=_("Chia sẻ với đồng nghiệp cùng đơn vị"), required=False)
