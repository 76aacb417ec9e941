"""Searching names without accents: what people type on a phone finds what is written in full."""

import unicodedata


def fold(text: str) -> str:
    """Lower case, no Vietnamese accents, whatever the place of the tone mark: “Hòa Thành” = “Hoà Thành” = “hoa thanh”."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def found_in(text: str, *places: str) -> bool:
    """Whether every word of `text` starts some word of the places; an empty text is found everywhere."""
    words = fold(" ".join(places)).split()
    return all(any(word.startswith(asked) for word in words) for asked in fold(text).split())
