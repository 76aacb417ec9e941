"""Asking the lake in the words of docs/reference/search.md.

    question = parse('powershell -user:SYSTEM EventID:(4688 OR 1)')      language.py → nodes.py
    answer = look_up(data, resolve(question, names), Range(…), unit_ids=…)  lookup.py, SQL of sql.py

`reference.py` says in the obvious way what a question means; a property test holds the SQL equal to it.
"""

from dekhang.pipeline.stores.search.language import QueryError, narrowed, parse, quoted
from dekhang.pipeline.stores.search.lookup import Answer, Axis, Bars, Position, Range, TooBusy, look_up
from dekhang.pipeline.stores.search.marking import Marker
from dekhang.pipeline.stores.search.nodes import Everything, Node
from dekhang.pipeline.stores.search.resolving import Names, resolve

__all__ = [
    "Answer",
    "Axis",
    "Bars",
    "Everything",
    "Marker",
    "Names",
    "Node",
    "Position",
    "QueryError",
    "Range",
    "TooBusy",
    "look_up",
    "narrowed",
    "parse",
    "quoted",
    "resolve",
]
