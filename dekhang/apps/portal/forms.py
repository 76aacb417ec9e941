from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.enums import PROVINCE_ROLES, Role
from dekhang.apps.core.forms import TextField
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import UnitVersion

PASSWORD = forms.PasswordInput(attrs={"autocomplete": "new-password"})


class AccountForm(forms.Form):
    full_name = TextField(label=_("Họ tên hoặc chức danh"), max_length=200)
    username = forms.RegexField(
        label=_("Tên đăng nhập"),
        regex=r"^[a-z0-9][a-z0-9._-]{2,99}$",
        help_text=_("Chữ thường không dấu, số, dấu chấm, gạch ngang; từ 3 ký tự."),
        error_messages={"invalid": _("Chỉ dùng chữ thường không dấu, số, dấu chấm, gạch ngang; từ 3 ký tự.")},
    )
    role = forms.ChoiceField(label=_("Vai trò"), choices=Role.choices)
    email = forms.EmailField(label=_("Thư điện tử"), required=False)
    password = forms.CharField(
        label=_("Mật khẩu ban đầu"), widget=PASSWORD, help_text=_("Từ 12 ký tự. Nhắc người dùng đổi ngay lần đầu.")
    )

    def clean_username(self) -> str:
        username = self.cleaned_data["username"]
        if User.objects.filter(username=username).exists():
            raise ValidationError(_("Tên đăng nhập này đã có. Thêm tên đơn vị phía sau, ví dụ can-bo.so-y-te."))
        return username

    def clean(self) -> dict:
        data = super().clean() or {}
        if data.get("password"):
            try:
                validate_password(data["password"], User(username=data.get("username", "")))
            except ValidationError as error:
                self.add_error("password", error)
        return data


class PostForm(forms.Form):
    """Units are given by the view: those in force today."""

    unit = forms.TypedChoiceField(label=_("Đơn vị"), coerce=int)
    kind = forms.ChoiceField(label=_("Vị trí"), choices=PostKind.choices)
    decision = TextField(label=_("Số, ngày quyết định"), max_length=200, required=False)

    def __init__(self, *args, units: list[UnitVersion], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = [("", _("Chọn đơn vị")), *((unit.unit_id, unit.name) for unit in units)]


class NewPasswordForm(forms.Form):
    """The administrator sets somebody's password."""

    new = forms.CharField(label=_("Mật khẩu mới"), widget=PASSWORD, help_text=_("Từ 12 ký tự."))

    def __init__(self, *args, user: User, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_new(self) -> str:
        validate_password(self.cleaned_data["new"], self.user)
        return self.cleaned_data["new"]


class PasswordForm(NewPasswordForm):
    """A person changes their own: the present one first."""

    field_order = ("old", "new", "again")
    old = forms.CharField(
        label=_("Mật khẩu đang dùng"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    again = forms.CharField(label=_("Gõ lại mật khẩu mới"), widget=PASSWORD)

    def clean_old(self) -> str:
        if not self.user.check_password(self.cleaned_data["old"]):
            raise ValidationError(_("Mật khẩu đang dùng chưa đúng."))
        return self.cleaned_data["old"]

    def clean(self) -> dict:
        data = super().clean() or {}
        if data.get("new") and data.get("again") and data["new"] != data["again"]:
            self.add_error("again", _("Hai lần gõ chưa giống nhau."))
        return data


def takes_posts(user: User) -> bool:
    return user.role not in PROVINCE_ROLES
