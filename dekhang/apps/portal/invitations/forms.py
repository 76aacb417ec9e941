from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.forms import TextField
from dekhang.apps.core.models import User
from dekhang.apps.portal.forms import PASSWORD, AccountForm
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import UnitVersion


class InviteForm(forms.Form):
    """Units and posts are given by the view: what this person may invite into."""

    email = forms.EmailField(
        label=_("Thư điện tử"), help_text=_("Thư công vụ của chính người ấy, không phải hộp thư chung.")
    )
    full_name = TextField(label=_("Họ tên hoặc chức danh"), max_length=200)
    unit = forms.TypedChoiceField(label=_("Đơn vị"), coerce=int)
    kind = forms.ChoiceField(label=_("Vị trí"))

    def __init__(self, *args, units: list[UnitVersion], kinds: list[PostKind], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = [(unit.unit_id, unit.name) for unit in units]
        if len(units) > 1:
            self.fields["unit"].choices = [("", _("Chọn đơn vị")), *self.fields["unit"].choices]
        self.fields["kind"].choices = [(kind.value, kind.label) for kind in kinds]


class AcceptForm(forms.Form):
    username = AccountForm.base_fields["username"]
    password = forms.CharField(label=_("Mật khẩu"), widget=PASSWORD, help_text=_("Từ 12 ký tự."))
    again = forms.CharField(label=_("Gõ lại mật khẩu"), widget=PASSWORD)

    def __init__(self, *args, full_name: str, email: str, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.person = {"full_name": full_name, "email": email}

    def clean_username(self) -> str:
        username = self.cleaned_data["username"]
        if User.objects.filter(username=username).exists():
            raise ValidationError(_("Tên đăng nhập này đã có. Thêm tên đơn vị phía sau, ví dụ can-bo.so-y-te."))
        return username

    def clean(self) -> dict:
        data = super().clean() or {}
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", _("Hai lần gõ chưa giống nhau."))
        elif data.get("password"):
            try:
                validate_password(data["password"], User(username=data.get("username", ""), **self.person))
            except ValidationError as error:
                self.add_error("password", error)
        return data
