from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.registry.models import System
from dekhang.apps.sources import addresses, bindings
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.wording import duration, number
from dekhang.pipeline.stores.quotas import QUOTA_EPS

FILES_AT_ONCE = 20
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

    hosts = TextField(
        label=_("Tên máy gửi qua nguồn này"),
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Mỗi dòng một tên, như máy tự xưng trong log. Đơn vị khác gửi log xưng tên này sẽ bị đánh dấu."),
    )
    certificates = TextField(
        label=_("Chứng chỉ của máy gửi (TLS hai chiều)"),
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_(
            "Mỗi dòng một dấu vân tay SHA-256, lấy bằng: openssl x509 -in may.pem -noout -fingerprint -sha256. Máy trình "
            "chứng chỉ này thì không cần mã."
        ),
    )
    cadence_seconds = forms.TypedChoiceField(
        label=_("Im lặng lâu nhất còn bình thường"),
        coerce=int,
        help_text=_(
            "Nên để hệ thống tự học: nó biết ngày, đêm và cuối tuần của chính nguồn này. Quá mức này mà không có log, nguồn bị "
            "coi là im lặng và đơn vị không còn được tính."
        ),
    )

    def __init__(self, *args, source: LogSource, **kwargs) -> None:
        kwargs.setdefault(
            "initial",
            {
                "name": source.name,
                "system": source.system_id,
                "addresses": "\n".join(source.addresses),
                "hosts": "\n".join(source.hosts),
                "certificates": "\n".join(source.certificates),
                "cadence_seconds": source.cadence_seconds if source.cadence_fixed else 0,
            },
        )
        super().__init__(*args, unit_id=source.unit_id, **kwargs)
        self.source = source
        choices = sorted({minutes * 60 for minutes in CADENCES} | {source.cadence_seconds})
        self.fields["cadence_seconds"].choices = [
            (0, _("tự học từ chính nguồn này")),
            *((s, duration(timedelta(seconds=s))) for s in choices),
        ]

    def clean_hosts(self) -> list[str]:
        found = _read(bindings.read_hosts, self.cleaned_data["hosts"])
        if taken := bindings.taken_host(self.unit_id, found):
            raise forms.ValidationError(_("Tên máy %(host)s đã được đơn vị khác khai."), params={"host": taken})
        return found

    def clean_certificates(self) -> list[str]:
        found = _read(bindings.read_certificates, self.cleaned_data["certificates"])
        if taken := bindings.taken_certificate(self.source.pk, found):
            raise forms.ValidationError(
                _("Chứng chỉ %(digest)s… đã được khai cho một nguồn khác."), params={"digest": taken[:16]}
            )
        return found


def _read(read: Callable[[str], list[str]], typed: str) -> list[str]:
    try:
        return read(typed)
    except bindings.BindingFault as fault:
        raise forms.ValidationError(str(fault)) from fault


class RenewForm(forms.Form):
    """How long the old token is still accepted beside the new one."""

    keep_hours = forms.TypedChoiceField(
        label=_("Mã cũ"),
        coerce=int,
        initial=24,
        choices=[
            (24, _("còn dùng được 24 giờ, để kịp thay trên máy gửi (nên chọn)")),
            (7 * 24, _("còn dùng được 7 ngày, khi nhiều máy dùng chung mã")),
            (0, _("hết hiệu lực ngay, vì mã đã bị lộ")),
        ],
        widget=forms.RadioSelect,
    )


class QuotaForm(forms.Form):
    quota_eps = forms.IntegerField(
        label=_("Hạn mức, bản ghi mỗi giây"),
        min_value=0,
        max_value=1_000_000,
        help_text=_("0 là như mọi nguồn (%(n)s). Gửi nhanh hơn thì không mất log, chỉ được xử lý sau các nguồn khác.")
        % {"n": number(QUOTA_EPS)},
    )


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, each as Django checks one."""

    widget = _Files

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        given = list(data) if isinstance(data, list | tuple) else [data]
        if not given:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return [super(FilesField, self).clean(one, initial) for one in given]


class UploadForm(forms.Form):
    """The files as chosen; each is judged for itself when it is stored, so that one bad file does not stop the others."""

    file = FilesField(
        label=_("Kéo tệp log vào đây, hoặc bấm để chọn"),
        help_text=_(
            "EVTX, JSON, JSON Lines, CSV hoặc văn bản; nén gz, xz, zst, zip đều được. Nhiều tệp một lần đều được."
        ),
        allow_empty_file=True,
        error_messages={"required": _("Hãy chọn một tệp log.")},
    )

    def clean_file(self) -> list[UploadedFile]:
        files: list[UploadedFile] = self.cleaned_data["file"]
        if len(files) > FILES_AT_ONCE:
            raise forms.ValidationError(
                _("Mỗi lần tải lên nhiều nhất %(n)d tệp. Hãy chia làm nhiều lần, hoặc nén thành một tệp zip."),
                params={"n": FILES_AT_ONCE},
            )
        return files


class CanaryPlanForm(forms.Form):
    """When a unit wants to be asked for canaries of a kind."""

    every_days = forms.IntegerField(
        label=_("Nhắc lại sau (ngày)"),
        min_value=7,
        max_value=90,
        help_text=_("Phép thử có giá trị 90 ngày; nên để ngắn hơn để còn thì giờ làm lại."),
    )
    from_hour = forms.IntegerField(label=_("Chỉ nhắc từ (giờ)"), min_value=0, max_value=23)
    to_hour = forms.IntegerField(label=_("đến (giờ)"), min_value=1, max_value=24)
    pause_days = forms.IntegerField(
        label=_("Tạm hoãn (ngày)"),
        min_value=0,
        max_value=60,
        initial=0,
        help_text=_("Khi máy đang sửa hoặc đơn vị bận việc lớn. Phép thử cũ vẫn hết hạn đúng ngày của nó."),
    )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("from_hour", 0) >= cleaned.get("to_hour", 24):
            self.add_error("to_hour", _("Giờ kết thúc phải sau giờ bắt đầu."))
        return cleaned
