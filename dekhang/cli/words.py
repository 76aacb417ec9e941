"""argparse in Vietnamese: it speaks English to people who mistype a command, and takes no catalogue of ours."""

import argparse

PHRASES = {
    "usage: ": "cách dùng: ",
    "positional arguments": "phải có",
    "options": "tùy chọn",
    "show this help message and exit": "hiện hướng dẫn này",
    "%(prog)s: error: %(message)s\n": "%(prog)s: %(message)s. Xem hướng dẫn: %(prog)s --help\n",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s: %(message)s",
    "the following arguments are required: %s": "còn thiếu %s",
    "one of the arguments %s is required": "cần một trong các mục %s",
    "not allowed with argument %s": "không dùng cùng với %s",
    "unrecognized arguments: %s": "không hiểu “%s”",
    "ambiguous option: %(option)s could match %(matches)s": "%(option)s có thể là %(matches)s; hãy gõ đủ tên",
    "expected one argument": "cần một giá trị đi sau",
    "expected at least one argument": "cần ít nhất một giá trị đi sau",
    "expected at most one argument": "chỉ nhận nhiều nhất một giá trị",
    "ignored explicit argument %r": "không nhận giá trị %r",
    "invalid %(type)s value: %(value)r": "%(value)r chưa đúng dạng",
    "invalid choice: %(value)r (choose from %(choices)s)": "không có %(value)r; chọn một trong: %(choices)s",
}


def speak_vietnamese() -> None:
    """Put our words in place of argparse's; a phrase that a newer Python words differently stays English."""
    argparse._ = lambda text: PHRASES.get(text, text)  # type: ignore[attr-defined]
