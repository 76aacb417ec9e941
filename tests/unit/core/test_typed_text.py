import pytest
from django import forms

from dekhang.apps.core.forms import TextField

ONE_LINE = TextField(max_length=50)
SEVERAL_LINES = TextField(widget=forms.Textarea)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Máy chủ   một cửa ", "Máy chủ một cửa"),
        ("Ma\u0301y", "Máy"),  # decomposed, as some phones and macOS type it
        ("báo \u202efdp.exe\u2066", "báo fdp.exe"),  # would read "exe.pdf" and turn the rest of the page around
        ("a\x00b\x1b[31m", "ab[31m"),
        ("a\r\nBcc: ai@example.gov.vn", "a Bcc: ai@example.gov.vn"),  # a subject of a letter stays one line
        ("z" + "\u0301" * 300, "ź" + "\u0301" * 4),  # would be drawn over the lines above
        ("👩‍👧 trực", "👩‍👧 trực"),  # the joiner is part of the picture
    ],
)
def test_one_line_of_typed_text_keeps_what_people_see_and_nothing_that_misleads(typed, kept):
    assert ONE_LINE.clean(typed) == kept


def test_several_lines_keep_their_line_ends():
    assert SEVERAL_LINES.clean("một\r\nhai\u2028ba\x00") == "một\nhai\nba"


def test_text_of_nothing_visible_is_missing_and_said_so_in_vietnamese():
    with pytest.raises(forms.ValidationError) as refused:
        ONE_LINE.clean("\u200b\u202e \x00")
    assert refused.value.messages == ["Trường này là bắt buộc."]
