from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.registry.models import System


class RegisterForm(forms.Form):
    system = forms.ModelChoiceField(
        label=_("Thuộc hệ thống"), queryset=System.objects.none(), required=False, empty_label=_("một hệ thống mới:")
    )
    new_system = TextField(label=_("Tên hệ thống mới"), max_length=200, required=False)

    def __init__(self, *args, unit_id: int, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.in_force(clock.today()).filter(unit_id=unit_id)


class DismissForm(forms.Form):
    reason = TextField(label=_("Vì sao không phải của chúng tôi"), max_length=500)
