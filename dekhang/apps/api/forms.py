from datetime import date, datetime, time, timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dekhang.apps.api.policies import scopes_for
from dekhang.apps.api.services import LONGEST_DAYS, networks
from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.core.models import User

USUAL_DAYS = 90


class TokenForm(forms.Form):
    """Of one account: only what it can use itself is offered."""

    name = TextField(label=_("Tên"), max_length=100, help_text=_("Chương trình nào, máy nào dùng mã này."))
    scopes = forms.MultipleChoiceField(
        label=_("Quyền"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Chọn ít nhất có thể. Quyền ghi gồm cả quyền đọc; mã không bao giờ làm được điều mà bạn không làm được."
        ),
    )
    until = forms.DateField(
        label=_("Dùng được đến hết ngày"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    addresses = TextField(
        label=_("Chỉ nhận từ địa chỉ"),
        max_length=500,
        required=False,
        help_text=_("Địa chỉ IP hoặc dải mạng, cách nhau bằng dấu cách. Để trống: từ bất cứ đâu."),
    )

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["scopes"].choices = [(scope, f"{scope} · {about}") for scope, about in scopes_for(user).items()]
        self.fields["until"].initial = clock.today() + timedelta(days=USUAL_DAYS)

    def clean_until(self) -> date:
        day: date = self.cleaned_data["until"]
        today = clock.today()
        if day < today:
            raise ValidationError(_("Ngày này đã qua. Chọn hôm nay hoặc ngày sau."))
        if day > today + timedelta(days=LONGEST_DAYS - 1):
            raise ValidationError(_("Mã sống nhiều nhất một năm. Hết hạn thì cấp mã mới trong một phút."))
        return day

    def clean_addresses(self) -> list[str]:
        try:
            return networks(self.cleaned_data["addresses"])
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def expires_at(self) -> datetime:
        """The end of the last day here."""
        return timezone.make_aware(datetime.combine(self.cleaned_data["until"] + timedelta(days=1), time()))
