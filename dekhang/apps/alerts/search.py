"""Searching without accents: what people type on a phone finds what is written in full."""

import unicodedata


def fold(text: str) -> str:
    """Lower case without Vietnamese accents: “Dò mật khẩu” → “do mat khau”."""
    plain = text.casefold().replace("đ", "d")
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
