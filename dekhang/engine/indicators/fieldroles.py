"""Which fields of a log hold what, as far as indicators need to know. Names are compared in lower case without blanks."""

from collections.abc import Mapping

from dekhang.engine.text import Value, plain_name

# the value is a path or a file's name
FILE_FIELDS = (
    "Image", "ParentImage", "TargetFilename", "ImageLoaded", "OriginalFileName", "NewProcessName", "ParentProcessName",
    "ProcessName", "SourceImage", "TargetImage", "SourceFilename", "ServiceFileName", "ImagePath", "FileName", "FilePath",
    "Path", "exe", "name", "fileinfo.filename", "filename", "Application", "file_name", "file_path", "smb.filename",
)  # fmt: skip
# a version such as 4.7.3.2 reads as an address
VERSION_ENDINGS = ("version", "build", "oid", "cs-user-agent", "useragent", "user_agent")

# a link told in two fields: the host in one, path and query in another
LINK_FIELDS = (
    ("http.hostname", "http.url"),  # Suricata
    ("cs-host", "cs-uri"),  # W3C, nginx, Apache
    ("cs-host", "cs-uri-stem"),  # IIS, without the query
    ("host", "uri"),  # Zeek
    ("hostname", "url"),  # FortiGate
    ("r-dns", "c-uri"),  # proxies, as Sigma names them
)

FILE_ROLE = frozenset(name.lower() for name in FILE_FIELDS)


def is_file(name: str) -> bool:
    """Return whether a field holds a path or a file's name."""
    return plain_name(name).lower() in FILE_ROLE


def holds_versions(name: str) -> bool:
    """Return whether numbers with dots in this field are versions rather than addresses."""
    return plain_name(name).lower().endswith(VERSION_ENDINGS)


def links(fields: Mapping[str, Value]) -> list[tuple[str, str, str, str]]:
    """Return (host's field, host, path's field, path) for each link that the record tells in two fields."""
    found = []
    for host_field, path_field in LINK_FIELDS:
        host, path = fields.get(host_field), fields.get(path_field)
        if isinstance(host, str) and isinstance(path, str) and path.startswith(("/", "?")):
            found.append((host_field, host, path_field, path))
    return found
