"""What `detect` says, in English: Vietnamese text → English text (words.py)."""

ENGLISH: dict[str, str] = {}
