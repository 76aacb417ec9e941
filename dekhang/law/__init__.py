"""Legal texts, duties, clocks, roles and procedures as dated data. `load()` gives all of it; see docs/explanation/law.md.

Knows no Django and no clock: dates come in, answers go out.
"""

from dekhang.law.book import Law, load
from dekhang.law.deadlines import deadline
from dekhang.law.errors import Fault, LawError, UnknownKey

__all__ = ["Fault", "Law", "LawError", "UnknownKey", "deadline", "load"]
