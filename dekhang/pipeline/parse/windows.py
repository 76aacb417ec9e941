"""Windows events in the shapes that shippers give them: flat, NXLog, Winlogbeat (ECS) and EVTX as JSON."""

from __future__ import annotations

from typing import Any

from dekhang.pipeline.parse.event import Facts, Fields, flatten, text_of
from dekhang.pipeline.parse.times import any_ms

Document = dict[str, Any]

_WITNESSES = (
    "Channel",
    "Provider_Name",
    "ProviderName",
    "SourceName",
    "Computer",
    "Hostname",
)  # EventID alone proves nothing
TIMES = ("SystemTime", "EventTime", "TimeCreated", "@timestamp", "EventReceivedTime")
# NXLog's, and Fluent Bit's winevtlog
_OTHER_NAMES = (
    ("SourceName", "Provider_Name"),
    ("ProviderName", "Provider_Name"),
    ("Hostname", "Computer"),
    ("RecordNumber", "EventRecordID"),
)
_SYSTEM_NAMES = ("Level", "Task", "Opcode", "Keywords", "Version")

# Winlogbeat 7's own modules rename event data on the sender's machine; rules ask for the names Windows gave it
_ECS_NAMES = (
    ("process.executable", "Image"),
    ("process.command_line", "CommandLine"),
    ("process.working_directory", "CurrentDirectory"),
    ("process.pe.original_file_name", "OriginalFileName"),
    ("process.pid", "ProcessId"),
    ("process.entity_id", "ProcessGuid"),
    ("process.parent.executable", "ParentImage"),
    ("process.parent.command_line", "ParentCommandLine"),
    ("process.parent.pid", "ParentProcessId"),
    ("file.path", "TargetFilename"),
    ("dns.question.name", "QueryName"),
    ("source.ip", "SourceIp"),
    ("source.port", "SourcePort"),
    ("destination.ip", "DestinationIp"),
    ("destination.port", "DestinationPort"),
    ("destination.domain", "DestinationHostname"),
    ("rule.name", "RuleName"),
)


def recognise(document: Document, received_ms: int) -> Facts | None:
    """Facts of a Windows event, or None when the document is something else."""
    if "EventID" in document and any(name in document for name in _WITNESSES):
        return _flat(document, received_ms)
    if "winlog" in document or "winlog.event_id" in document or "winlog.channel" in document:
        return _winlogbeat(document, received_ms)
    event = document.get("Event")
    if isinstance(event, dict) and isinstance(event.get("System"), dict):
        return _evtx(event, received_ms)
    if "event_id" in document and "log_name" in document:
        return _winlogbeat6(document, received_ms)
    return None


def _event_id(value: object) -> int | str | None:
    """4625, "4625", 4625.0 or {"#text": 4625, …} → 4625."""
    if isinstance(value, dict):
        value = value.get("#text", value.get("Value", value.get("$", value.get("_"))))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return int(value)
    return None


def _flat(document: Document, received_ms: int) -> Facts:
    """One level already: the document itself becomes the fields. NXLog's names are translated."""
    as_it_came = True
    for value in document.values():
        kind = value.__class__
        if kind is dict or (kind is list and any(item.__class__ in (dict, list) for item in value)):
            document = flatten(document)
            as_it_came = False
            break
    number = document.get("EventID")
    if number.__class__ is not int:
        document["EventID"] = _event_id(document.get("EventID.#text") if number is None else number)
        as_it_came = False
    if "Provider_Name" not in document or "Computer" not in document:
        for name, sigma_name in _OTHER_NAMES:
            if name in document and sigma_name not in document:
                document[sigma_name] = document.pop(name)
                as_it_came = False
    time_ms = None
    for name in TIMES:
        if name in document:
            time_ms = any_ms(document[name], received_ms)
            break
    if time_ms is None and "UtcTime" in document:
        time_ms = any_ms(document["UtcTime"], received_ms)
    return Facts(
        "windows",
        document,
        "windows",
        host=text_of(document.get("Computer")),
        time_ms=time_ms,
        fields_are_raw=as_it_came,
    )


def _evtx(event: Document, received_ms: int) -> Facts:
    system: Document = event["System"]
    provider = _attributes(system.get("Provider"))
    execution = _attributes(system.get("Execution"))
    fields: Fields = {
        "EventID": _event_id(system.get("EventID")),
        "Channel": _text(system.get("Channel")),
        "Provider_Name": text_of(provider.get("Name") or provider.get("EventSourceName")),
        "Computer": _text(system.get("Computer")),
    }
    created = _attributes(system.get("TimeCreated")).get("SystemTime") or system.get("TimeCreated")
    if isinstance(created, str):
        fields["SystemTime"] = created
    record_id = system.get("EventRecordID")
    if record_id is not None:
        fields["EventRecordID"] = _event_id(record_id)
    user = _attributes(system.get("Security")).get("UserID")
    if user is not None:
        fields["Security_UserID"] = text_of(user)
    for name in _SYSTEM_NAMES:
        value = system.get(name)
        if isinstance(value, (str, int)):
            fields[name] = value
    for name, sigma_name in (("ProcessID", "Execution_ProcessID"), ("ThreadID", "Execution_ThreadID")):
        value = execution.get(name)
        if isinstance(value, (str, int)):
            fields[sigma_name] = value
    _event_data(event.get("EventData"), fields)
    _user_data(event.get("UserData"), fields)
    rendered = event.get("RenderingInfo")
    if isinstance(rendered, dict) and isinstance(rendered.get("Message"), str):
        fields["Message"] = rendered["Message"]
    return Facts("windows", fields, "windows", host=text_of(fields["Computer"]), time_ms=any_ms(created, received_ms))


def _attributes(node: object) -> Document:
    """Attributes of an XML element as the printers write them: under `#attributes`, or as `@Name`, or plain."""
    if not isinstance(node, dict):
        return {}
    for name in ("#attributes", "@attributes", "$"):
        inner = node.get(name)
        if isinstance(inner, dict):
            return inner
    return {name.lstrip("@"): value for name, value in node.items()}


def _text(node: object) -> str:
    if isinstance(node, dict):
        node = node.get("#text", "")
    return text_of(node)


def _event_data(data: object, fields: Fields) -> None:
    if isinstance(data, list):  # some printers give <Data> elements directly
        data = {"Data": data}
    if not isinstance(data, dict):
        return
    attributes = data.get("#attributes")
    for name, value in data.items():
        if name == "#attributes":
            continue
        if name == "Data" and not isinstance(value, (str, int)):
            _data_elements(value, fields)
        elif isinstance(value, dict):
            if "#text" in value:
                _set(fields, name, _plain(value["#text"]))
            else:
                flatten(value, into=fields, prefix=f"{name}.")
        elif isinstance(value, list):
            _set(fields, name, _plain(value))
        else:
            _set(fields, name, value)
    if isinstance(attributes, dict) and isinstance(attributes.get("Name"), str):
        fields["EventData_Name"] = attributes["Name"]


def _data_elements(value: object, fields: Fields) -> None:
    """<Data Name="X">v</Data> as {"@Name": "X", "#text": "v"}; nameless ones gather under `Data`, as rules expect."""
    nameless: list[Any] = []
    for element in value if isinstance(value, list) else [value]:
        if not isinstance(element, dict):
            nameless.append(element)
            continue
        name = _attributes(element).get("Name")
        content = element.get("#text", element.get("Value", element.get("_")))
        if isinstance(name, str) and name:
            _set(fields, name, _plain(content))
        elif isinstance(content, list):
            nameless.extend(content)
        else:
            nameless.append(content)
    plain = [item for item in nameless if isinstance(item, (str, int, float)) and item != ""]
    if plain:
        _set(fields, "Data", plain[0] if len(plain) == 1 else plain)


def _plain(value: object) -> Any:
    if isinstance(value, list):
        return [item if isinstance(item, (str, int, float)) or item is None else str(item)[:1000] for item in value]
    return value if isinstance(value, (str, int, float)) or value is None else str(value)[:1000]


def _set(fields: Fields, name: str, value: Any) -> None:
    """Event data never replaces a fact of the system part: an attacker chooses the one, Windows the other."""
    if name not in fields:
        fields[name] = value


def _user_data(data: object, fields: Fields) -> None:
    """One element named after the event's own schema; its children are the fields."""
    if not isinstance(data, dict):
        return
    children = [value for name, value in data.items() if isinstance(value, dict) and not name.startswith(("#", "@"))]
    for child in children or [data]:
        for name, value in flatten(child).items():
            if name.startswith(("#attributes", "@")) or name == "xml_name":
                continue
            _set(fields, name.removesuffix(".#text"), value)


def _winlogbeat(document: Document, received_ms: int) -> Facts:
    if "winlog" not in document:
        return _winlogbeat_dotted(document, received_ms)
    winlog = document["winlog"]
    if not isinstance(winlog, dict):
        winlog = {}
    host = document.get("host")
    agent = document.get("agent")
    event = document.get("event")
    computer = (
        text_of(winlog.get("computer_name"))
        or (text_of(host.get("name") or host.get("hostname")) if isinstance(host, dict) else text_of(host))
        or (text_of(agent.get("hostname")) if isinstance(agent, dict) else "")
    )
    number = winlog.get("event_id")
    if number is None and isinstance(event, dict):
        number = event.get("code")
    fields: Fields = {
        "EventID": _event_id(number),
        "Channel": text_of(winlog.get("channel")),
        "Provider_Name": text_of(winlog.get("provider_name")),
        "Computer": computer,
    }
    for name, sigma_name in (
        ("record_id", "EventRecordID"),
        ("task", "Task"),
        ("opcode", "Opcode"),
        ("level", "Level"),
    ):
        value = winlog.get(name)
        if isinstance(value, (str, int)):
            fields[sigma_name] = value
    user = winlog.get("user")
    if isinstance(user, dict) and isinstance(user.get("identifier"), str):
        fields["Security_UserID"] = user["identifier"]
    process = winlog.get("process")
    if isinstance(process, dict) and isinstance(process.get("pid"), int):
        fields["Execution_ProcessID"] = process["pid"]
    _event_data(winlog.get("event_data"), fields)
    _user_data(winlog.get("user_data"), fields)
    message = document.get("message")
    if isinstance(message, str):
        fields["Message"] = message
    for name, sigma_name in _ECS_NAMES:
        if sigma_name not in fields:
            value = _at(document, name)
            if isinstance(value, (str, int)):
                fields[sigma_name] = value
    return Facts("windows", fields, "windows", host=computer, time_ms=any_ms(document.get("@timestamp"), received_ms))


def _winlogbeat_dotted(document: Document, received_ms: int) -> Facts:
    """The same with dotted keys: fold `winlog.…` back into objects, then read as usual."""
    nested: Document = {name: value for name, value in document.items() if not name.startswith("winlog.")}
    winlog: Document = {}
    for name, value in document.items():
        if not name.startswith("winlog."):
            continue
        rest = name[7:]
        group, dot, leaf = rest.partition(".")
        if dot and group in {"event_data", "user_data", "user", "process"}:
            inner = winlog.setdefault(group, {})
            if isinstance(inner, dict):
                inner[leaf] = value
        else:
            winlog[rest] = value
    nested["winlog"] = winlog
    if "host" not in nested:
        nested["host"] = document.get("host.name") or document.get("agent.hostname") or ""
    if "event" not in nested and "event.code" in document:
        nested["event"] = {"code": document["event.code"]}
    return _winlogbeat(nested, received_ms)


def _winlogbeat6(document: Document, received_ms: int) -> Facts:
    return _winlogbeat(
        {
            "@timestamp": document.get("@timestamp"),
            "message": document.get("message"),
            "host": document.get("host"),
            "winlog": {
                "channel": document.get("log_name"),
                "event_id": document.get("event_id"),
                "provider_name": document.get("source_name"),
                "computer_name": document.get("computer_name"),
                "record_id": document.get("record_number"),
                "event_data": document.get("event_data"),
                "user_data": document.get("user_data"),
            },
        },
        received_ms,
    )


def _at(document: Document, path: str) -> object:
    """`process.parent.pid` as nested objects or as one dotted key."""
    found: object = document.get(path)
    if found is not None:
        return found
    found = document
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found
