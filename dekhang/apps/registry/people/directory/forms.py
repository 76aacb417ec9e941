from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from ldap3.core.exceptions import LDAPException
from ldap3.operation.search import parse_filter
from ldap3.utils.dn import parse_dn

from dekhang.apps.core.forms import TextField

ATTRIBUTE = r"^[A-Za-z][A-Za-z0-9;-]{0,60}$"
WRONG = {"invalid": _("Tên thuộc tính chỉ gồm chữ, số, gạch, ví dụ employeeNumber.")}


def _attribute(label: object, *, required: bool = True, help_text: object = "") -> forms.RegexField:
    return forms.RegexField(ATTRIBUTE, label=label, required=required, help_text=help_text, error_messages=WRONG)


class DirectoryForm(forms.Form):
    base = TextField(label=_("Gốc tìm"), max_length=300, help_text=_("Ví dụ ou=people,dc=tinh,dc=example,dc=vn"))
    filter = TextField(
        label=_("Bộ lọc"),
        max_length=500,
        help_text=_("Chỉ chọn người, ví dụ (&(objectClass=person)(employeeNumber=*))"),
    )
    code_attribute = _attribute(_("Thuộc tính: mã cán bộ"))
    name_attribute = _attribute(_("Thuộc tính: họ và tên"))
    unit_attribute = _attribute(
        _("Thuộc tính: đơn vị"),
        required=False,
        help_text=_("Để trống: theo OU gần nhất trùng tên, mã hoặc khóa của một đơn vị."),
    )
    title_attribute = _attribute(_("Thuộc tính: chức vụ"), required=False)
    email_attribute = _attribute(_("Thuộc tính: thư điện tử"), required=False)
    phone_attribute = _attribute(_("Thuộc tính: điện thoại"), required=False)
    every_hours = forms.IntegerField(label=_("Hỏi lại sau (giờ)"), min_value=1, max_value=24 * 31)
    brake_percent = forms.IntegerField(label=_("Dừng lại khi quá bao nhiêu % người rời"), min_value=0, max_value=100)
    is_complete = forms.BooleanField(label=_("Ai không còn trong danh bạ là đã rời đơn vị"), required=False)
    applies_itself = forms.BooleanField(
        label=_("Tự nạp khi không có lỗi (nếu không: chờ người xác nhận)"), required=False
    )
    is_on = forms.BooleanField(label=_("Chạy theo lịch"), required=False)

    def clean_base(self) -> str:
        try:
            parse_dn(self.cleaned_data["base"])
        except LDAPException as error:
            raise ValidationError(_("Gốc tìm không phải một DN, ví dụ dc=tinh,dc=example,dc=vn.")) from error
        return self.cleaned_data["base"]

    def clean_filter(self) -> str:
        try:
            parse_filter(self.cleaned_data["filter"], None, None, None, None, False)
        except (LDAPException, IndexError, ValueError) as error:
            raise ValidationError(_("Bộ lọc không đúng cú pháp LDAP; kiểm tra các dấu ngoặc.")) from error
        return self.cleaned_data["filter"]
