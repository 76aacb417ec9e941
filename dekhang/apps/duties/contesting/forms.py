from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.forms import TextField

ROWS_MOST = 50


class ContestForm(forms.Form):
    text = TextField(
        label=_("Vì sao kết quả chưa đúng?"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Cơ quan điều phối đọc và trả lời. Con số không sửa bằng tay; nó đổi khi bằng chứng đổi."),
    )
    day = forms.DateField(required=False)
    rows = forms.TypedMultipleChoiceField(coerce=int, required=False)

    def __init__(self, *args: Any, known: list[int] | None = None, **kwargs: Any) -> None:
        """`known`: evidence rows of the unit that may be named."""
        super().__init__(*args, **kwargs)
        self.fields["rows"].choices = [(str(pk), str(pk)) for pk in (known or [])]  # type: ignore[attr-defined]

    def clean_rows(self) -> list[int]:
        rows: list[int] = self.cleaned_data["rows"]
        if len(rows) > ROWS_MOST:
            raise forms.ValidationError(_("Chọn tối đa %(count)d dòng.") % {"count": ROWS_MOST})
        return rows

    def clean_day(self) -> date | None:
        day: date | None = self.cleaned_data["day"]
        return day


class DecisionForm(forms.Form):
    answer = TextField(
        label=_("Lý do, ghi chú"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Hiện bên cạnh con số cho mọi người xem được dòng này, và trong tệp xuất."),
    )
