from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.registry.enums import NameKind
from dekhang.apps.registry.forms import PHONE
from dekhang.apps.registry.inventory.addresses import AddressFault, read_range
from dekhang.apps.registry.models import Provider, System


class NetworkForm(forms.Form):
    cidr = TextField(
        label=_("Dải địa chỉ"), max_length=60, help_text=_("Ví dụ 192.0.2.0/24, 2001:db8::/48 hoặc một địa chỉ.")
    )
    label = TextField(label=_("Ghi chú"), max_length=200, required=False)
    provider = forms.ModelChoiceField(
        label=_("Đường truyền của"), queryset=Provider.objects.none(), required=False, empty_label=_("chưa ghi")
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["provider"].queryset = Provider.objects.in_force(clock.today())

    def clean_cidr(self) -> str:
        try:
            return read_range(self.cleaned_data["cidr"])
        except AddressFault as fault:
            raise forms.ValidationError(str(fault)) from fault


class NameForm(forms.Form):
    """A machine or domain of one of the unit's systems."""

    system = forms.ModelChoiceField(label=_("Hệ thống"), queryset=System.objects.none())
    kind = forms.ChoiceField(label=_("Loại"), choices=NameKind.choices)
    name = TextField(label=_("Tên"), max_length=255, help_text=_("Như máy tự xưng trong log, hoặc tên miền phục vụ."))

    def __init__(self, *args, unit_id: int, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["system"].queryset = System.objects.in_force(clock.today()).filter(unit_id=unit_id)


class ProviderForm(forms.Form):
    name = TextField(label=_("Tên doanh nghiệp"), max_length=200)
    duty_email = forms.EmailField(label=_("Thư trực an toàn thông tin"), required=False)
    duty_phone = TextField(label=_("Điện thoại trực"), max_length=100, required=False, validators=[PHONE])
