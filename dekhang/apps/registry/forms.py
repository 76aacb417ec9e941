import re

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, validate_email
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.registry.enums import ContactKind
from dekhang.apps.registry.models import Provider

PHONE = RegexValidator(r"^\+?[0-9 .()-]{6,30}$", _("Số điện thoại chỉ gồm chữ số, dấu cách, dấu chấm và dấu +."))

# Services with a fixed home. Apprise also knows addresses by which this server would call any machine (json://, syslog://,
# ssh://…): whoever may add a contact must not choose those.
CHAT_SERVICES = frozenset(
    {"zalo", "tgram", "viber", "whatsapp", "line", "slack", "discord", "gchat", "workflows", "zulip", "webex"}
)
# Two of them can name a machine of one's own where others have only a token: there it must be the service's.
HOMES = {
    "workflows": re.compile(r"([a-z0-9-]+\.)+(logic\.azure|api\.powerplatform)\.com(:443)?", re.IGNORECASE),
    "zulip": re.compile(r"([a-z0-9_-]+@)?[a-z0-9_-]+(\.zulipchat\.com)?", re.IGNORECASE),
}
SEVERAL = re.compile(r"[\s,]|://.*://")  # Apprise would read further addresses behind a comma


def _is_chat_address(value: str) -> bool:
    service, _mark, rest = value.partition("://")
    if service.lower() not in CHAT_SERVICES or not rest or SEVERAL.search(value):
        return False
    home = HOMES.get(service.lower())
    return home is None or home.fullmatch(re.split(r"[/?#]", rest)[0]) is not None


class ContactForm(forms.Form):
    kind = forms.ChoiceField(label=_("Loại"), choices=ContactKind.choices)
    value = TextField(label=_("Địa chỉ hoặc số"), max_length=300)
    label = TextField(
        label=_("Ghi chú"), max_length=200, required=False, help_text=_("Ví dụ: trực ngoài giờ, hộp thư chung.")
    )

    def clean(self) -> dict:
        data = super().clean() or {}
        kind, value = data.get("kind"), data.get("value", "")
        try:
            if kind == ContactKind.EMAIL:
                validate_email(value)
            elif kind == ContactKind.PHONE:
                PHONE(value)
            elif kind == ContactKind.CHAT and not _is_chat_address(value):
                raise ValidationError(
                    _("Mỗi đầu mối ghi một địa chỉ Apprise dạng tên-kênh://…, với một trong các kênh: %(services)s.")
                    % {"services": ", ".join(sorted(CHAT_SERVICES))}
                )
        except ValidationError as error:
            self.add_error("value", error)
        return data


class SystemForm(forms.Form):
    name = TextField(label=_("Tên hệ thống"), max_length=200)
    level = forms.TypedChoiceField(
        label=_("Cấp độ đã được phê duyệt"),
        choices=[("", _("Chưa được quyết định")), *((n, str(n)) for n in range(1, 6))],
        coerce=int,
        empty_value=None,
        required=False,
    )
    provider = forms.ModelChoiceField(
        label=_("Đường truyền hoặc nơi đặt máy chủ của"),
        queryset=Provider.objects.none(),
        required=False,
        empty_label=_("chưa ghi"),
    )
    public_facing = forms.BooleanField(label=_("Phục vụ người dân, doanh nghiệp qua Internet"), required=False)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["provider"].queryset = Provider.objects.in_force(clock.today())
