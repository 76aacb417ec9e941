"""Which name in a Windows event's JSON is which field: for the engine's sieve, which reads such lines itself.

Says the same as windows.py for flat events and for EVTX as JSON; where windows.py has to look at more than the name, the
name is ODD and the line goes to windows.py. A property test holds the two equal.
"""

from dekhang.engine.sieve import Place
from dekhang.engine.sieve.reading import (
    CHANNEL,
    COMPLETE,
    COMPUTER,
    EVENT_ID,
    FILLED,
    HEARD,
    NESTED,
    NUMBER,
    ODD,
    ONCE,
    PROVIDER,
    SINGLE,
    SUBSTITUTE,
    TEXT,
)
from dekhang.engine.text import is_metadata
from dekhang.pipeline.parse.event import NAME_CHARS

_ROLES = {"Channel": CHANNEL, "Provider_Name": PROVIDER, "EventID": EVENT_ID, "Computer": COMPUTER}
_SUBSTITUTES = frozenset({"SourceName", "ProviderName", "Hostname", "RecordNumber"})  # NXLog's and Fluent Bit's names
_OTHER_SHAPES = frozenset({"winlog", "winlog.event_id", "winlog.channel", "event_id", "log_name"})

_NOTHING = Place()
_LOOK = Place(None, ODD)
_BELOW = Place(None, NESTED)
_FACT = HEARD | FILLED | SINGLE  # absent, or one value that is not empty

# below Event: System, whose facts event data never replace
_SYSTEM: dict[tuple[str, ...], Place] = {
    ("EventID",): Place("EventID", NESTED | EVENT_ID | HEARD),
    ("EventID", "#text"): Place("EventID", EVENT_ID | HEARD),
    ("Channel",): Place("Channel", CHANNEL | _FACT | TEXT),
    ("Computer",): Place("Computer", COMPUTER | _FACT | TEXT),
    ("Provider",): _BELOW,
    ("Provider", "#attributes"): _BELOW,
    ("Provider", "#attributes", "Name"): Place("Provider_Name", PROVIDER | _FACT | TEXT),
    ("Provider", "#attributes", "EventSourceName"): Place(None, SUBSTITUTE),
    ("TimeCreated",): _BELOW,
    ("TimeCreated", "#attributes"): _BELOW,
    ("TimeCreated", "#attributes", "SystemTime"): Place("SystemTime", _FACT | TEXT),
    ("EventRecordID",): Place("EventRecordID", HEARD | NUMBER | SINGLE),
    ("Security",): _BELOW,
    ("Security", "#attributes"): _BELOW,
    ("Security", "#attributes", "UserID"): Place("Security_UserID", _FACT | TEXT),
    ("Execution",): _BELOW,
    ("Execution", "#attributes"): _BELOW,
    ("Execution", "#attributes", "ProcessID"): Place("Execution_ProcessID", _FACT),
    ("Execution", "#attributes", "ThreadID"): Place("Execution_ThreadID", _FACT),
    ("Correlation",): _BELOW,
    **{(name,): Place(name, _FACT) for name in ("Level", "Task", "Opcode", "Keywords", "Version")},
}
_SYSTEM_FIELDS = frozenset(place.field for place in _SYSTEM.values() if place.field is not None) | {
    "Provider_Name",
    "EventData_Name",
    "Message",
}


def windows_shape(names: tuple[str, ...]) -> Place:
    """Return what the last of some nested names is (engine.sieve.Shape)."""
    top = names[0]
    if len(names) == 1:
        if top == "Event":
            return Place(None, NESTED | FILLED)
        if top in _SUBSTITUTES:
            return Place(top, HEARD | SUBSTITUTE)
        if top in _OTHER_SHAPES:
            return _LOOK
        return Place(top, _ROLES.get(top, 0) | (0 if is_metadata(top) else HEARD))
    if top != "Event":
        return _LOOK
    section = names[1]
    if section == "#attributes":
        return _BELOW if len(names) == 2 else _NOTHING
    if section == "System":
        return Place(None, NESTED | COMPLETE) if len(names) == 2 else _system(names[2:])
    if section == "EventData":
        return Place(None, NESTED | ONCE) if len(names) == 2 else _event_data(names[2:])
    if section == "UserData":
        return _BELOW if len(names) == 2 else _user_data(names[2:])
    return _LOOK


def _system(names: tuple[str, ...]) -> Place:
    found = _SYSTEM.get(names)
    if found is not None:
        return found
    if names[-1] == "#attributes":
        return _BELOW
    return _NOTHING if len(names) == 1 or "#attributes" in names else _LOOK


def _event_data(names: tuple[str, ...]) -> Place:
    name = names[0]
    if name in _SYSTEM_FIELDS or len(names) > 2:
        return _LOOK
    if name == "#attributes":
        return _LOOK
    if len(names) == 1:
        return Place(name, HEARD | NESTED | (FILLED if name == "Data" else 0))
    if names[1] == "#text":
        return Place(name, HEARD | (FILLED if name == "Data" else 0))
    return _LOOK


def _user_data(names: tuple[str, ...]) -> Place:
    if names[0].startswith(("#", "@")):
        return _LOOK
    if len(names) == 1:
        return Place(None, NESTED | FILLED | ONCE)
    name = names[1]
    if name == "#attributes":
        return _BELOW if len(names) == 2 else _NOTHING
    if len(names) > 2 or name in _SYSTEM_FIELDS or name.startswith(("#", "@")) or name == "xml_name":
        return _LOOK
    if name.endswith("#text") or len(name) > NAME_CHARS:
        return _LOOK
    return Place(name, HEARD | FILLED | SINGLE)
