"""Telling other programs what happened: pulled from rows that are only ever added, signed, sent until they have it."""
