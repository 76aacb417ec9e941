"""The code on the screen of the room: signed, changing every half minute, worth nothing a minute later.

Whoever sends a photo of it to somebody absent has to be quick, and the name then stands on the organiser's list with its
moment and its way. A scan gives the phone a ticket of some minutes to sign in or to write a name; the address of the code
itself is of no further use.
"""

from datetime import datetime, timedelta

from django.utils.crypto import constant_time_compare, salted_hmac

STEP_SECONDS = 30  # how long one code stands on the screen
STEPS_BEFORE = 1  # a code that was on the screen when the phone was raised still counts
TICKET = timedelta(minutes=5)  # from the scan to the confirmation: time to sign in
_SALT = "dekhang.apps.briefings.codes"
_SIGNATURE_CHARACTERS = 24  # 96 bits


def code_at(briefing_id: int, at: datetime) -> str:
    """The code of a briefing at a moment."""
    return _code(briefing_id, int(at.timestamp()) // STEP_SECONDS)


def briefing_of(code: str, at: datetime) -> int | None:
    """The briefing whose code this is at `at`; None: forged, or no longer on the screen."""
    number, _, rest = code.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and rest):
        return None
    step = int(at.timestamp()) // STEP_SECONDS
    for age in range(STEPS_BEFORE + 1):
        if constant_time_compare(code, _code(int(number), step - age)):
            return int(number)
    return None


def seconds_left(at: datetime) -> int:
    """How long the code of `at` stays on the screen."""
    return STEP_SECONDS - int(at.timestamp()) % STEP_SECONDS


def _code(briefing_id: int, step: int) -> str:
    signature = salted_hmac(_SALT, f"{briefing_id}.{step}", algorithm="sha256").hexdigest()[:_SIGNATURE_CHARACTERS]
    return f"{briefing_id}-{signature}"
