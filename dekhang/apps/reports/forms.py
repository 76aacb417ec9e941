from datetime import date

from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.apps.reports.gathering import Letter
from dekhang.apps.reports.kinds import TEXTS, Kind

MAX_TEXT = 4_000


class MakeForm(forms.Form):
    """Days, what stands around the contents, and the words that people add. Fields of texts are the kind's own."""

    start = forms.DateField(label=_("Kỳ từ ngày"), widget=forms.DateInput(attrs={"type": "date"}))
    day = forms.DateField(
        label=_("Đến hết ngày"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Mọi số liệu là của bảng điểm vào ngày này. Chọn hôm nay thì được bản tạm tính."),
    )
    number = TextField(
        label=_("Số, ký hiệu"), max_length=60, required=False, help_text=_("Bỏ trống nếu văn thư ghi tay.")
    )
    recipients = TextField(
        label=_("Kính gửi"),
        max_length=600,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Mỗi dòng một nơi; bỏ trống thì theo lịch báo cáo."),
    )
    signer_title = TextField(label=_("Chức vụ người ký"), max_length=120, required=False)
    signer_name = TextField(label=_("Họ tên người ký"), max_length=120, required=False)

    def __init__(self, *args, kind: Kind, worded: bool = True, **kwargs) -> None:
        """`worded`: the person may word the number and the signature."""
        super().__init__(*args, **kwargs)
        self.kind = kind
        if not worded:
            del self.fields["number"], self.fields["signer_title"], self.fields["signer_name"]
        if kind.key in ("certificate", "sign_off"):
            del self.fields["start"]
            del self.fields["recipients"]
            self.fields["day"].label = _("Ngày số liệu")
        for key in kind.texts:
            self.fields[f"text_{key}"] = TextField(
                label=TEXTS[key], max_length=MAX_TEXT, required=False, widget=forms.Textarea(attrs={"rows": 4})
            )

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day > clock.today():  # before anybody counts periods with it
            raise forms.ValidationError(_("Ngày số liệu chưa tới. Chọn hôm nay hoặc một ngày đã qua."))
        return day

    def letter(self) -> Letter:
        return Letter(
            **{key: self.cleaned_data.get(key, "") for key in ("number", "signer_title", "signer_name", "recipients")}
        )

    def texts(self) -> tuple[tuple[str, str], ...]:
        return tuple((key, self.cleaned_data[f"text_{key}"]) for key in self.kind.texts)


class ReturnForm(forms.Form):
    reason = TextField(label=_("Vì sao trả lại"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class CodeForm(forms.Form):
    ma = TextField(label=_("Mã kiểm tra"), max_length=20, help_text=_("Ở cuối giấy xác nhận, ví dụ 7F3K-9Q2M-XXXX."))
