"""What it means for people that an indicator was seen: a rule with title, level and first actions."""

from functools import lru_cache
from uuid import UUID, uuid5

from dekhang.engine.expressions import Atom, Expression, TextTest
from dekhang.engine.indicators.shapes import Indicator, Kind, Note
from dekhang.engine.rules import Guidance, IncidentKind, Level, Rule
from dekhang.engine.text import fold

NAMESPACE = UUID("5e0a7b0c-0b1d-5c86-9f0e-3a4d5b6c7d8e")  # ours; ids of rules are derived from it and must not change
FAMILY = "indicator"

# who met the indicator, before what wrote the record
ENTITY = ("Computer", "host", "src_ip", "c-ip", "id.orig_h", "SourceIp")

WORDS: dict[Kind, tuple[str, Level, IncidentKind]] = {
    Kind.IP: ("địa chỉ IP", "medium", "intrusion"),
    Kind.NETWORK: ("dải địa chỉ IP", "low", "intrusion"),
    Kind.DOMAIN: ("tên miền", "medium", "malware"),
    Kind.URL: ("đường dẫn (URL)", "high", "phishing"),
    Kind.HASH: ("mã băm của tệp", "high", "malware"),
    Kind.EMAIL: ("địa chỉ thư điện tử", "medium", "phishing"),
    Kind.FILENAME: ("tên tệp", "low", "malware"),
    Kind.PATTERN: ("mẫu dấu hiệu", "medium", "intrusion"),
}

MEANINGS: dict[Kind, str] = {
    Kind.IP: "Máy này đã trao đổi với một địa chỉ mà nguồn tin cho là của kẻ tấn công.",
    Kind.NETWORK: "Máy này đã trao đổi với một địa chỉ nằm trong dải mà nguồn tin cho là của kẻ tấn công.",
    Kind.DOMAIN: "Máy này đã hỏi hoặc truy cập một tên miền mà nguồn tin cho là của kẻ tấn công hay trang lừa đảo.",
    Kind.URL: "Máy này đã truy cập một đường dẫn mà nguồn tin cho là trang lừa đảo hay nơi phát tán mã độc.",
    Kind.HASH: "Trên máy này có một tệp giống hệt mã độc mà nguồn tin đã gặp.",
    Kind.EMAIL: "Một địa chỉ thư mà nguồn tin cho là của kẻ lừa đảo hay kẻ tấn công xuất hiện trong log.",
    Kind.FILENAME: "Trên máy này có tệp trùng tên với tệp mà nguồn tin đã gặp trong vụ tấn công; trùng tên chưa chắc là một.",
    Kind.PATTERN: "Sự kiện này có đủ các dấu hiệu mà nguồn tin mô tả của một vụ tấn công.",
}

ACTIONS: dict[Kind, tuple[str, ...]] = {
    Kind.IP: (
        "Xem máy nào đã nối tới địa chỉ này, từ lúc nào, chương trình nào.",
        "Chặn địa chỉ ở tường lửa nếu đơn vị không có việc với nó.",
        "Cách ly máy nếu kết nối do chính máy mở ra và lặp lại.",
    ),
    Kind.DOMAIN: (
        "Hỏi người dùng máy: họ có tự mở trang này, có nhập mật khẩu hay tải tệp gì không.",
        "Chặn tên miền ở DNS hoặc tường lửa.",
        "Nếu không ai mở: cách ly máy và quét mã độc.",
    ),
    Kind.URL: (
        "Hỏi người dùng: họ có nhập mật khẩu, mã OTP hay tải tệp từ trang này không.",
        "Đổi mật khẩu đã nhập, từ một máy khác; báo ngân hàng nếu đã nhập thông tin thẻ.",
        "Chặn đường dẫn và báo cho các đơn vị khác.",
    ),
    Kind.HASH: (
        "Rút dây mạng hoặc cách ly máy; đừng tắt máy để còn giữ dấu vết trong bộ nhớ.",
        "Không xóa tệp; ghi lại đường dẫn và mã băm của tệp.",
        "Báo đơn vị ứng cứu sự cố của tỉnh và tìm cùng mã băm trên các máy khác.",
    ),
    Kind.EMAIL: (
        "Tìm các thư có địa chỉ này trong hộp thư của đơn vị, xem ai đã mở hay trả lời.",
        "Chặn người gửi ở máy chủ thư; dặn mọi người không mở tệp đính kèm.",
    ),
    Kind.FILENAME: (
        "So mã băm của tệp với nguồn tin trước khi kết luận.",
        "Nếu đúng là mã độc: cách ly máy và giữ nguyên tệp làm chứng.",
    ),
    Kind.PATTERN: (
        "Đọc mô tả của nguồn tin bên dưới và xem lại sự kiện.",
        "Tìm dấu hiệu này trên các máy khác; cách ly máy nếu đúng như mô tả.",
    ),
}
ACTIONS[Kind.NETWORK] = ACTIONS[Kind.IP]


def rule_of(indicator: Indicator) -> Rule:
    """Return what to tell when an indicator is seen.

    The id is that of the source's own group and the kind: the ten domains of one report are one rule, so that a machine
    that meets several of them is one alert. The condition repeats the value, so the rule also means what it says.
    """
    return _rule(indicator)


@lru_cache(maxsize=4_096)
def _rule(indicator: Indicator) -> Rule:
    return told(indicator, rule_id(indicator), Atom(None, TextTest("contains", fold(indicator.value))))


def rule_id(indicator: Indicator) -> str:
    """Return the same id for the same source and kind, on every machine and wherever the file lies."""
    source = indicator.note.group or indicator.source.name
    return str(uuid5(NAMESPACE, f"{indicator.kind.name}\0{source}\0{indicator.source.author}"))


def told(indicator: Indicator, identity: str, condition: Expression) -> Rule:
    """Return a rule of this id and condition that speaks of an indicator."""
    note, source = indicator.note, indicator.source
    word, level, incident = WORDS[indicator.kind]
    title_vi = f"Gặp {word} có trong danh sách chỉ dấu “{source.name}”"
    return Rule(
        id=identity,
        title=note.title or title_vi,
        level=_level(note, level),
        path=source.path,
        line=max(indicator.line, 1),
        condition=condition,
        guidance=Guidance(
            title_vi=title_vi,
            meaning_vi=_meaning(indicator),
            first_actions_vi=ACTIONS[indicator.kind],
            family=FAMILY,
            entity=ENTITY,
            incident_kind=incident,
        ),
        description=note.description,
        author=source.author,
        license=source.license,
        references=(*note.references, *source.references),
        tags=(*note.tags, f"tlp.{source.tlp}") if source.tlp else note.tags,
    )


def _level(note: Note, usual: Level) -> Level:
    return "informational" if note.lowered_by else note.level or usual


def _meaning(indicator: Indicator) -> str:
    source = indicator.source
    parts = [MEANINGS[indicator.kind], f"Nguồn: {source.name}{f', {source.author}' if source.author else ''}."]
    if indicator.note.title and indicator.note.title != source.name:
        parts.append(f"Nguồn tin viết: “{indicator.note.title}”.")
    if indicator.note.lowered_by:
        parts.append(f"Mức bị hạ vì giá trị này có trong danh sách quen thuộc “{indicator.note.lowered_by}”.")
    if source.tlp in ("amber", "amber+strict", "red"):
        parts.append(f"Nguồn tin hạn chế chia sẻ (TLP:{source.tlp.upper()}): hỏi trước khi chuyển cho nơi khác.")
    return " ".join(parts)
