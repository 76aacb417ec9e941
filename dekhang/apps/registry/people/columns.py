"""The columns of a roster workbook, in and out."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from dekhang.apps.core.workbooks import Column
from dekhang.apps.core.workbooks.reading import day

PHONE = re.compile(r"\+?[0-9 .()-]{6,30}")
CODE = re.compile(r"[0-9A-Za-zÀ-ỹ._/-]{1,40}")


def _code(text: str) -> str:
    if not CODE.fullmatch(text):
        raise ValueError(
            _("“%(text)s” không dùng làm mã được; mã gồm chữ, số, dấu chấm, gạch, tối đa 40 ký tự, không có dấu cách.")
            % {"text": text[:40]}
        )
    if text.isdigit() and len(text) == 12:
        raise ValueError(_("đây có vẻ là số căn cước; hãy dùng mã cán bộ của cơ quan, hệ thống không giữ số căn cước."))
    return text


def _name(text: str) -> str:
    if len(text) > 200 or not any(character.isalpha() for character in text):
        raise ValueError(_("“%(text)s” không phải họ tên; ghi họ và tên đầy đủ.") % {"text": text[:40]})
    return text


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise ValueError(
            _("“%(text)s” không phải địa chỉ thư; ghi như ten@example.gov.vn hoặc để trống.") % {"text": text[:60]}
        ) from None
    return text.lower()


def _phone(text: str) -> str:
    if not PHONE.fullmatch(text):
        raise ValueError(
            _("“%(text)s” không phải số điện thoại; chỉ ghi chữ số và dấu cách, hoặc để trống.") % {"text": text[:40]}
        )
    return text


def _short(text: str) -> str:
    return text[:200]


COLUMNS = (
    Column("code", ("Mã cán bộ", "Mã", "Mã CBCCVC", "Mã nhân viên"), _code),
    Column("name", ("Họ và tên", "Họ tên", "Họ tên cán bộ"), _name),
    Column("unit", ("Đơn vị", "Mã đơn vị", "Cơ quan", "Tên đơn vị"), _short),
    Column("title", ("Chức vụ", "Chức danh", "Vị trí"), _short, required=False),
    Column("email", ("Thư điện tử", "Email", "Địa chỉ thư"), _email, required=False),
    Column("phone", ("Điện thoại", "Số điện thoại", "SĐT"), _phone, required=False),
    Column("from", ("Từ ngày", "Ngày vào", "Ngày nhận công tác"), day, required=False),
)
