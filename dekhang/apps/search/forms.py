import re
from datetime import timedelta

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core import clock
from dekhang.apps.core.forms import TextField
from dekhang.pipeline.stores.search import QueryError, parse
from dekhang.pipeline.stores.search.nodes import QUESTION_CHARS

LIST_CHARS = 200_000  # of pasted indicators
FILE_BYTES = 64 << 20


class SavingForm(forms.Form):
    name = TextField(label=_("Tên"), max_length=120)
    shared = forms.BooleanField(label=_("Chia sẻ với đồng nghiệp cùng đơn vị"), required=False)


class HuntForm(forms.Form):
    """What to look for: exactly one of a query, a rule, indicators."""

    query = forms.CharField(label=_("Câu tìm"), max_length=QUESTION_CHARS, required=False, widget=forms.TextInput)
    rule_id = forms.CharField(
        label=_("Mã luật đang dùng"), max_length=64, required=False, help_text=_("Mã có ở cuối trang mỗi cảnh báo.")
    )
    rule_file = forms.FileField(label=_("Tệp luật Sigma (.yml)"), required=False)
    indicators = forms.CharField(
        label=_("Chỉ dấu, mỗi dòng một giá trị"),
        max_length=LIST_CHARS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Địa chỉ, tên miền, đường dẫn web, mã băm của tệp."),
    )
    indicator_file = forms.FileField(label=_("Tệp chỉ dấu (STIX, MISP, CSV, danh sách)"), required=False)
    unit = forms.IntegerField(label=_("Đơn vị"), required=False, widget=forms.Select)
    since = forms.DateTimeField(label=_("Từ"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    until = forms.DateTimeField(
        label=_("Đến"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def __init__(self, *args, units, **more):
        super().__init__(*args, **more)
        self.fields["unit"].widget.choices = [("", _("mọi đơn vị")), *sorted(units.items(), key=lambda pair: pair[1])]
        self._units = units

    def clean_query(self):
        query = self.cleaned_data["query"].strip()
        try:
            parse(query)
        except QueryError as fault:
            sentence = _now("%(reason)s (ký tự %(n)d)")
            raise forms.ValidationError(sentence % {"reason": fault.reason, "n": fault.position + 1}) from None
        return query

    def clean_rule_id(self):
        rule_id = self.cleaned_data["rule_id"].strip()
        if rule_id and not re.fullmatch(r"[\w.-]+", rule_id):
            raise forms.ValidationError(_now("Mã luật chỉ có chữ, số, dấu gạch."))
        return rule_id

    def clean_unit(self):
        unit = self.cleaned_data["unit"]
        if unit is not None and unit not in self._units:
            raise forms.ValidationError(_now("Không có đơn vị này."))
        return unit

    def clean(self):
        cleaned = super().clean()
        names = ("query", "rule_id", "rule_file", "indicators", "indicator_file")
        given = [name for name in names if cleaned.get(name)]
        if not self.errors and len(given) != 1:
            raise forms.ValidationError(_now("Hãy điền đúng một ô: câu tìm, một luật, hoặc chỉ dấu."))
        for name in ("rule_file", "indicator_file"):
            if cleaned.get(name) and cleaned[name].size > FILE_BYTES:
                self.add_error(name, _now("Tệp lớn hơn %(n)d MB.") % {"n": FILE_BYTES >> 20})
        since, until = cleaned.get("since"), cleaned.get("until") or clock.now() + timedelta(days=2)
        if since and since >= until:
            self.add_error("since", _now("Lúc bắt đầu phải trước lúc kết thúc."))
        return {**cleaned, "until": until}
