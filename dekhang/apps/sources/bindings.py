"""Client certificates and machine names of a source: reading what a person typed, and who else has them."""

import re
from collections.abc import Iterable

from django.utils.translation import gettext as _

from dekhang.apps.sources.enums import SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.pipeline.stores.intake import fingerprint

MOST = 50
_HOST = re.compile(r"[^\s,;\"'<>|\\/]{1,255}")
_EVERYBODYS = frozenset({"localhost", "localhost.localdomain", "router", "firewall", "-"})


class BindingFault(ValueError):
    """What is wrong with what was typed, as a sentence."""


def read_certificates(text: str) -> list[str]:
    """One SHA-256 fingerprint a line, in one spelling, each once.

    Raises:
        BindingFault: not a fingerprint, or too many.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    _bounded(lines)
    found = []
    for line in lines:
        # as `openssl x509 -noout -fingerprint -sha256` prints it
        told = line.rpartition("=")[2]
        try:
            found.append(fingerprint(told))
        except ValueError as error:
            raise BindingFault(
                _("“%(text)s” không phải dấu vân tay SHA-256 của chứng chỉ (64 chữ số hệ 16).") % {"text": line[:60]}
            ) from error
    return list(dict.fromkeys(found))


def read_hosts(text: str) -> list[str]:
    """One machine name a line or comma, lower case, each once.

    Raises:
        BindingFault: not a name, a name that every machine may have, or too many.
    """
    words = text.replace(",", " ").replace(";", " ").split()
    _bounded(words)
    for word in words:
        if not _HOST.fullmatch(word):
            raise BindingFault(_("“%(text)s” không phải tên máy.") % {"text": word[:60]})
        if word.lower() in _EVERYBODYS:
            raise BindingFault(_("“%(text)s” là tên mà máy nào cũng có thể mang; hãy ghi tên riêng.") % {"text": word})
    return list(dict.fromkeys(word.lower() for word in words))


def _bounded(given: list[str]) -> None:
    if len(given) > MOST:
        raise BindingFault(_("Ghi nhiều nhất %(n)d dòng.") % {"n": MOST})


def taken_certificate(source_id: int | None, given: Iterable[str]) -> str | None:
    """The first of `given` that another source in use has, of whatever unit: a certificate speaks for one source."""
    return _first_taken("certificates", given, LogSource.objects.exclude(pk=source_id))


def taken_host(unit_id: int, given: Iterable[str]) -> str | None:
    """The first of `given` that a source in use of another unit has; within a unit a machine may send in many ways."""
    return _first_taken("hosts", given, LogSource.objects.exclude(unit_id=unit_id))


def _first_taken(field: str, given: Iterable[str], others) -> str | None:
    mine = list(given)
    if not mine:
        return None
    listed = others.exclude(state=SourceState.RETIRED).exclude(**{field: []}).values_list(field, flat=True)
    taken = {one for entry in listed for one in entry}
    return next((one for one in mine if one in taken), None)
