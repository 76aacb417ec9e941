from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.forms import TextField
from dekhang.apps.duties import documents


class ClaimForm(forms.Form):
    statement = TextField(
        label=_("Đơn vị khai báo điều gì?"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Một hai câu: có gì, từ khi nào, số văn bản nếu có. Không ghi nội dung bí mật nhà nước."),
    )
    document = forms.FileField(
        label=_("Văn bản kèm theo"), required=False, help_text=_("PDF, DOCX, ODT hoặc ảnh. Không bắt buộc.")
    )

    def clean_document(self) -> UploadedFile | None:
        file = self.cleaned_data.get("document")
        if file is not None:
            try:
                documents.check_document(file)
            except documents.DocumentRefused as error:
                raise forms.ValidationError(str(error)) from None
        return file
