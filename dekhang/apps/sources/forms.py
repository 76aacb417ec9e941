from datetime import timedelta

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.registry.models import System
from dekhang.apps.sources import addresses
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.wording import duration

CADENCES = (5, 15, 60, 4 * 60, 24 * 60)  # minutes a person may choose between


class SourceForm(forms.Form):
    """Name, system and addresses of a source of one unit."""

    name = TextField(
        label=_("Tên nguồn"), max_length=120, help_text=_("Ví dụ: Máy chủ web cổng thông tin, Máy trạm một cửa 03.")
    )
    system = forms.ModelChoiceField(
        label=_("Thuộc hệ thống thông tin"),
        queryset=System.objects.none(),
        required=False,
        empty_label=_("chưa ghi"),
    )
    addresses = TextField(
        label=_("Địa chỉ IP của máy gửi"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Chỉ cần khi thiết bị gửi syslog mà không kèm được mã. Mỗi dòng một địa chỉ hoặc dải mạng."),
    )

    def __init__(self, *args, unit_id: int, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.unit_id = unit_id
        self.fields["system"].queryset = System.objects.in_force(clock.today()).filter(unit_id=unit_id)

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean_addresses(self) -> list[str]:
        try:
            found = addresses.read(self.cleaned_data["addresses"])
        except addresses.AddressFault as fault:
            raise forms.ValidationError(str(fault)) from fault
        if taken := addresses.taken_by_others(self.unit_id, found):
            raise forms.ValidationError(
                _("Địa chỉ %(address)s đã được đơn vị khác khai. Hãy dùng mã nguồn log, hoặc hỏi cơ quan điều phối."),
                params={"address": taken},
            )
        return found


class ChangeForm(SourceForm):
    """The same and the longest normal silence, for a source that exists."""

    cadence_seconds = forms.TypedChoiceField(
        label=_("Im lặng lâu nhất còn bình thường"),
        coerce=int,
        help_text=_("Quá mức này mà không có log, nguồn bị coi là im lặng và đơn vị không còn được tính."),
    )

    def __init__(self, *args, source: LogSource, **kwargs) -> None:
        kwargs.setdefault(
            "initial",
            {
                "name": source.name,
                "system": source.system_id,
                "addresses": "\n".join(source.addresses),
                "cadence_seconds": source.cadence_seconds,
            },
        )
        super().__init__(*args, unit_id=source.unit_id, **kwargs)
        choices = sorted({minutes * 60 for minutes in CADENCES} | {source.cadence_seconds})
        self.fields["cadence_seconds"].choices = [(s, duration(timedelta(seconds=s))) for s in choices]


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("Tệp log"),
        help_text=_("EVTX, JSON, JSON Lines, CSV hoặc văn bản; nén gz, xz, zst, zip đều được."),
        allow_empty_file=False,
        error_messages={"empty": _("Tệp rỗng. Hãy chọn lại tệp log."), "required": _("Hãy chọn một tệp log.")},
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > settings.MAX_UPLOAD_BYTES:
            raise forms.ValidationError(_("Tệp quá lớn. Hãy chia nhỏ hoặc nén lại rồi tải lên."))
        return file
