"""Indicators of compromise: lists of what should not be seen, matched in the same pass as the rules.

    book = pipeline.indicatorbook.load_indicators([Path("feeds")], cache=data / "rules-cache")
    slots, gates = book.set.native()                 # for scan.may_match, over each value of a record
    book.set.match(record.fields, record.time_ms)    # exactly which, where may_match says perhaps

`tokens` says what of a value is looked up, `scan` the same in machine code; `values` reads what people write; `stix`,
`misp` and `lists` read what they publish; `warninglists` knows the false friends; `telling` what to say to an officer.
"""

from dekhang.engine.indicators.indicatorset import IndicatorSet, indicator_set
from dekhang.engine.indicators.shapes import Indicator, IndicatorMatch, Kind, Note, Problem, Source, Suppressed
from dekhang.engine.indicators.telling import rule_of

__all__ = [
    "Indicator",
    "IndicatorMatch",
    "IndicatorSet",
    "Kind",
    "Note",
    "Problem",
    "Source",
    "Suppressed",
    "indicator_set",
    "rule_of",
]
