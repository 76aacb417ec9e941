from django import forms
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.workbooks.reading import FILE_BYTES


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("Tệp danh sách"), help_text=_("Bảng tính .xlsx hoặc .csv (UTF-8) có các cột như tệp mẫu.")
    )
    day = forms.DateField(
        label=_("Thay đổi có hiệu lực từ ngày"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    is_complete = forms.BooleanField(
        label=_("Đây là danh sách đầy đủ: ai không có trong tệp là đã rời đơn vị"), required=False
    )

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file.size > FILE_BYTES:
            raise forms.ValidationError(
                _("Tệp lớn hơn %(limit)d MB. Hãy chia thành nhiều tệp.") % {"limit": FILE_BYTES // 1024**2}
            )
        return file
