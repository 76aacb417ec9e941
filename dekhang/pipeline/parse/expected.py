"""Which kinds of record a source should send, by what a person chose for it, and how to say that something else came."""

# what a person chose for the source → kinds of record that it may send, and how to say so
_KINDS: dict[str, tuple[frozenset[str], str]] = {
    "windows": (frozenset({"windows"}), "sự kiện Windows (Winlogbeat, NXLog hoặc EVTX)"),
    "linux": (
        frozenset(
            {"linux_auth", "linux_auditd", "linux_sysmon", "syslog", "firewall", "proxy", "dns", "antivirus"},
        ),
        "nhật ký Linux (syslog, auth, auditd)",
    ),
    "web": (frozenset({"web_access", "web_error"}), "nhật ký truy cập web (Apache, nginx, IIS hoặc Tomcat)"),
    "suricata": (frozenset({"suricata"}), "bản ghi EVE JSON của Suricata"),
    "syslog": (
        frozenset(
            {
                "syslog",
                "linux_auth",
                "linux_auditd",
                "linux_sysmon",
                "zeek",
                "cloud",
                "web_access",
                "web_error",
                "suricata",
                "windows",
                "firewall",
                "proxy",
                "dns",
                "antivirus",
                "cef",
                "leef",
            }
        ),
        "dòng syslog có thời gian hoặc mức ưu tiên ở đầu",
    ),
}
_CAME = {
    "windows": "một sự kiện Windows",
    "linux_auth": "một dòng nhật ký đăng nhập Linux",
    "linux_auditd": "một bản ghi auditd",
    "linux_sysmon": "một sự kiện Sysmon của máy Linux",
    "zeek": "một bản ghi Zeek",
    "cloud": "một bản ghi của dịch vụ đám mây",
    "web_access": "một dòng truy cập web",
    "suricata": "một bản ghi Suricata",
    "web_error": "một dòng nhật ký lỗi của máy chủ web",
    "firewall": "một dòng của tường lửa hoặc thiết bị mạng",
    "proxy": "một dòng của máy chủ proxy",
    "dns": "một dòng của máy chủ tên miền",
    "antivirus": "một cảnh báo của phần mềm diệt virus",
    "cef": "một bản ghi CEF",
    "leef": "một bản ghi LEEF",
    "syslog": "một dòng syslog thường",
    "raw": "nội dung không thuộc định dạng nào được biết",
}


def is_expected(kind: str, source_kind: str) -> bool:
    """Whether a source of this kind may send records of that kind; of an unknown source everything is expected."""
    expected = _KINDS.get(source_kind)
    return expected is None or kind in expected[0]


def surprise(kind: str, source_kind: str) -> str:
    """The sentence for a record that is not expected."""
    return f"Nguồn này cần gửi {_KINDS[source_kind][1]}, nhưng đã nhận {_CAME[kind]}."
