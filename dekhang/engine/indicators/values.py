"""Reads the value of an indicator as people write it, and gives it its one normal form.

    "hxxps://Evil[.]example:443/Gate.php?x=1#top"  →  (Kind.URL, "evil.example/gate.php?x=1")

Everything is lower case: attackers change case freely and no list is exact about it.
"""

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from dekhang.engine.indicators import tokens
from dekhang.engine.indicators.shapes import Kind

VALUE_CHARS_MAX = 4_096

DOMAIN = re.compile(
    r"(?=.{4,253}\Z)(?![_])(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?=[^.]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z"
)
EMAIL = re.compile(r"([a-z0-9._+-]{1,64})@(.+)\Z")
HASH = re.compile(r"[0-9a-f]{32}(?:[0-9a-f]{8}|[0-9a-f]{32}|[0-9a-f]{96})?\Z")
URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#@\s]*@)?(?P<host>\[[0-9a-f:.]+\]|[^/?#:\s]+)(?P<port>:[0-9]{1,5})?(?P<tail>[/?#].*)?\Z"
)
USUAL_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}\Z")
NUMERIC_HOST = re.compile(r"(?:0x[0-9a-f]{1,8}|[0-9]{1,11})(?:\.(?:0x[0-9a-f]{1,8}|[0-9]{1,11})){0,3}\Z")
FILENAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?\Z")

DEFANGED = (
    (re.compile(r"[\[({]\s*(?:\.|dot)\s*[\])}]"), "."),
    (re.compile(r"[\[({]\s*(?:@|at)\s*[\])}]"), "@"),
    (re.compile(r"[\[({]\s*:\s*[\])}]"), ":"),
    (re.compile(r"\[://\]"), "://"),
    (re.compile(r"^h(?:xx|\*\*|__)p(s?)\b"), r"http\1"),
    (re.compile(r"^fxp\b"), "ftp"),
)
# a bare name that ends so is a file, not a domain; endings that are top-level domains as well (zip, sh, com …) are not here
FILE_ENDINGS = frozenset(
    [
        "7z",
        "apk",
        "bat",
        "bin",
        "chm",
        "cmd",
        "cpl",
        "dat",
        "dll",
        "doc",
        "docm",
        "docx",
        "dotm",
        "exe",
        "gz",
        "hta",
        "iso",
        "jar",
        "jpg",
        "js",
        "jse",
        "lnk",
        "msc",
        "msi",
        "ocx",
        "odt",
        "pdf",
        "png",
        "ppt",
        "pptm",
        "pptx",
        "ps1",
        "psm1",
        "rar",
        "reg",
        "rtf",
        "scr",
        "sct",
        "sys",
        "tmp",
        "txt",
        "vbe",
        "vbs",
        "vhd",
        "vhdx",
        "wsf",
        "xll",
        "xls",
        "xlsb",
        "xlsm",
        "xlsx",
        "xml",
    ]
)


class ValueProblem(ValueError):
    """The text is no such indicator; the message is a Vietnamese sentence."""


def refang(text: str) -> str:
    """Return an address made harmless for reading ("hxxp://evil[.]example") as it really is, in lower case."""
    text = text.strip().lower()
    if "[" in text or "(" in text or "{" in text or text.startswith(("hxxp", "h**p", "h__p", "fxp")):
        for pattern, real in DEFANGED:
            text = pattern.sub(real, text)
    return text


def recognise(text: str) -> tuple[Kind, str]:
    """Return what kind of indicator a text is, and its normal form.

    Raises:
        ValueProblem: it is none.
    """
    if len(text) > VALUE_CHARS_MAX:
        raise ValueProblem(f"Giá trị dài hơn {VALUE_CHARS_MAX} ký tự nên không được dùng.")
    text = refang(text)
    if HASH.match(text):
        return Kind.HASH, text
    if "//" in text:
        return url(text)
    if "@" in text and "/" not in text:
        return Kind.EMAIL, email(text)
    if "/" in text:
        try:
            return network(text)
        except ValueProblem:
            return url("//" + text)
    if text.count(":") >= 2:
        return address(text)
    if text.count(":") == 1:  # a host with its port; the host alone is what others will see
        text = text.partition(":")[0]
    if NUMERIC_HOST.match(text):
        return address(text)
    if text.rpartition(".")[2] in FILE_ENDINGS and FILENAME.match(text):
        return Kind.FILENAME, text
    return Kind.DOMAIN, domain(text)


def domain(text: str) -> str:
    """Return a domain's normal form: lower case, IDNA, no dot or `*.` around it."""
    name = refang(text).removeprefix("*.").strip(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode().lower()
        except UnicodeError:
            name = ""
    if not DOMAIN.match(name):
        raise ValueProblem(
            f"“{_short(text)}” không phải là địa chỉ, tên miền, URL, mã băm hay thư điện tử nào đọc được."
        )
    return name


def address(text: str) -> tuple[Kind, str]:
    """Return an IPv4 or IPv6 address in its usual form; also written in octal, hexadecimal or as one number."""
    text = refang(text).strip("[]")
    if USUAL_IPV4.match(text):
        return Kind.IP, text
    try:
        found = ip_address(text)
    except ValueError:
        number = _numeric_host(text)
        if number is None:
            raise ValueProblem(f"“{_short(text)}” không phải là địa chỉ IP.") from None
        found = ip_address(number)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return Kind.IP, str(found.ipv4_mapped)
    return Kind.IP, str(found).partition("%")[0]


def network(text: str) -> tuple[Kind, str]:
    """Return a network in CIDR form; one that is a single address is an address."""
    try:
        found: IPv4Network | IPv6Network = ip_network(refang(text), strict=False)
    except ValueError:
        raise ValueProblem(f"“{_short(text)}” không phải là dải địa chỉ (CIDR).") from None
    if found.prefixlen == found.max_prefixlen:
        return address(str(found.network_address))
    return Kind.NETWORK, str(found)


def email(text: str) -> str:
    found = EMAIL.match(refang(text).removeprefix("mailto:").strip("<>"))
    if found is None:
        raise ValueProblem(
            f"“{_short(text)}” không phải là địa chỉ thư điện tử, hoặc có ký tự không tìm được trong log."
        )
    return f"{found.group(1)}@{domain(found.group(2))}"


def file_hash(text: str) -> str:
    """Return a hash in lower case."""
    text = text.strip().lower()
    if not HASH.match(text):
        raise ValueProblem(f"“{_short(text)}” không phải là mã băm MD5, SHA-1, SHA-256 hay SHA-512.")
    return text


def filename(text: str) -> str:
    """Return a file name without its folders, in lower case, if it can be found among the words of a log.

    Raises:
        ValueProblem: it has blanks, letters outside ASCII or no ending; such a name must become a pattern.
    """
    name = re.split(r"[\\/]", text.strip().lower())[-1]
    if "." not in name or not FILENAME.match(name):
        raise ValueProblem(f"“{_short(text)}” không phải là tên tệp có phần mở rộng và chỉ gồm chữ không dấu.")
    return name


def url(text: str) -> tuple[Kind, str]:
    """Return a link as host and path; one that names only a host is that host: an address or a domain."""
    found = URL.match(refang(text))
    if found is None:
        raise ValueProblem(f"“{_short(text)}” không phải là URL đọc được.")
    host = found.group("host")
    if host.startswith("["):
        kind, host = address(host)
    else:
        try:
            kind, host = address(host) if NUMERIC_HOST.match(host) else (Kind.DOMAIN, domain(host))
        except ValueProblem:
            raise ValueProblem(f"“{_short(text)}” không có tên máy đọc được.") from None
    # a value of a log cannot tell more of a link than the scanner reads of it
    tail = found.group("tail") or ""
    read = tokens.URL_TAIL.match(tail.encode("utf-8", "replace"))
    shown = f"[{host}]" if ":" in host else host
    form = tokens.url_form(shown, found.group("port") or "", read.group("tail").decode() if read is not None else "")
    if form in (shown, shown + (found.group("port") or "")):
        return kind, host
    return Kind.URL, form


def _numeric_host(text: str) -> int | None:
    """Return the IPv4 address that browsers read in "0x5bf076a8", "1542485672" or "0056.0151.0121.0114"."""
    if not NUMERIC_HOST.match(text):
        return None
    try:
        parts = [
            int(part, 16 if part.startswith("0x") else 8 if len(part) > 1 and part[0] == "0" else 10)
            for part in text.split(".")
        ]
    except ValueError:
        return None
    *heads, last = parts
    if any(head > 255 for head in heads) or last >= 256 ** (4 - len(heads)):
        return None
    number = last
    for place, head in enumerate(heads):
        number += head << (24 - 8 * place)
    # a small bare number is a count or an id that strayed into the list
    return number if len(parts) == 4 or "0x" in text or (len(parts) == 1 and number > 0xFFFFFF) else None


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
