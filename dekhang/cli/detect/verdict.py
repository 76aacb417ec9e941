"""What the findings mean, in one sentence for somebody who is no specialist, and what to do now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dekhang.cli.detect.outcome import Outcome
from dekhang.cli.detect.summary import RuleTally, Tally
from dekhang.cli.detect.tactics import AT_THE_DOOR, tactics_of
from dekhang.cli.detect.words import Words
from dekhang.engine.rules import LEVELS

Kind: TypeAlias = Literal["danger", "attempt", "suspicious", "faint", "nothing"]

MEDIUM, HIGH = LEVELS.index("medium"), LEVELS.index("high")
NAMES_SAID = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Args:
        kind: danger: treat as an incident · attempt: somebody tries to come in · suspicious: look at it today ·
            faint: seldom an attack by itself · nothing: no rule matched.
        sentence: what was found, where, when, and what that means.
        steps: what to do now, in order; imperative sentences.
        cautions: why this answer may say too little.
    """

    kind: Kind
    title: str
    sentence: str
    steps: tuple[str, ...]
    cautions: tuple[str, ...]


def judge(outcome: Outcome, words: Words) -> Verdict:
    """Return the verdict on everything that was found. A sign is no proof, and the sentences do not claim one."""
    summary = outcome.summary
    cautions = _cautions(outcome, words)
    worst = summary.total.worst
    if worst < 0:
        title = words("Chưa thấy dấu hiệu tấn công")
        sentence = words(
            "Không luật nào khớp trong {records} bản ghi đã xét. Điều đó chưa chứng minh máy an toàn: "
            "việc không được ghi vào log thì không thấy được.",
            records=words.number(outcome.total.evaluated),
        )
        return Verdict("nothing", title, sentence, _steps_nothing(words), cautions)
    if worst >= HIGH:
        grave = list(summary.rules_at(HIGH))
        if all(set(tactics_of(one.rule)) <= AT_THE_DOOR for one in grave):
            title = words("Có người đang tìm cách xâm nhập")
            meaning = words("Chưa rõ họ đã vào được hay chưa; cần kiểm tra ngay.")
            return Verdict(
                "attempt", title, f"{_said(grave, outcome, words)} {meaning}", _steps_attempt(words), cautions
            )
        title = words("Có dấu hiệu tấn công nghiêm trọng")
        meaning = words("Hãy xử lý như một sự cố cho tới khi có người xác minh.")
        return Verdict(
            "danger", title, f"{_said(grave, outcome, words)} {meaning}", _steps_danger(outcome, words), cautions
        )
    if worst >= MEDIUM:
        title = words("Có dấu hiệu đáng ngờ, cần kiểm tra trong ngày")
        meaning = words("Có thể là việc quản trị bình thường; hỏi người dùng máy trước khi kết luận.")
        told = _said(list(summary.rules_at(MEDIUM)), outcome, words)
        return Verdict("suspicious", title, f"{told} {meaning}", _steps_suspicious(words), cautions)
    title = words("Chỉ có dấu vết mức thấp")
    meaning = words("Riêng chúng ít khi là tấn công; xem lại nếu máy có biểu hiện lạ.")
    return Verdict(
        "faint",
        title,
        f"{_said(list(summary.rules_at(0)), outcome, words)} {meaning}",
        _steps_suspicious(words)[:2],
        cautions,
    )


def _said(rules: Sequence[RuleTally], outcome: Outcome, words: Words) -> str:
    """Say how many signs, where, and from when to when."""
    together = Tally()
    machines: dict[str, Tally] = {}
    for one in rules:
        together.include(one.tally)
        for name, tally in one.machines.tallies.items():
            machines.setdefault(name, Tally()).include(tally)
    kinds = words.number(len(rules))
    times = words.number(together.total)
    level = words.level(LEVELS[together.worst])
    if together.worst >= HIGH:
        found = words("Có {kinds} loại dấu hiệu mức cao hoặc nghiêm trọng ({times} lần)", kinds=kinds, times=times)
    else:
        found = words(
            "Có {kinds} loại dấu hiệu, nặng nhất ở mức {level} ({times} lần)", kinds=kinds, times=times, level=level
        )
    return f"{found} {_where(machines, words)}{_when(together, words)}."


def _where(machines: dict[str, Tally], words: Words) -> str:
    names = [name for name, _ in sorted(machines.items(), key=lambda one: one[1].rank, reverse=True) if name]
    if not names:
        return words("trong log không ghi tên máy")
    said = ", ".join(names[:NAMES_SAID])
    left = len(names) - NAMES_SAID
    if left > 0:
        return words("trên máy {machines} và {n} máy khác", machines=said, n=words.number(left))
    return words("trên máy {machines}", machines=said)


def _when(tally: Tally, words: Words) -> str:
    if tally.first_ms is None or tally.last_ms is None:
        return ""
    first, last = words.local(tally.first_ms, seconds=False), words.local(tally.last_ms, seconds=False)
    if first == last:
        return words(", lúc {moment} giờ Việt Nam", moment=first)
    (day, begin), (last_day, end) = first.split(), last.split()
    if day == last_day:
        return words(", từ {first} đến {last} ngày {day} giờ Việt Nam", first=begin, last=end, day=day)
    return words(", từ {first} đến {last} giờ Việt Nam", first=first, last=last)


# -- what to do ----------------------------------------------------------------------------------------------------


def _steps_danger(outcome: Outcome, words: Words) -> tuple[str, ...]:
    machines = [name for name, tally in outcome.summary.machines.worst_first() if name and tally.worst >= HIGH]
    accounts = [
        name for name, tally in outcome.summary.accounts.worst_first() if tally.worst >= HIGH and has_password(name)
    ]
    addresses = [name for name, tally in outcome.summary.addresses.worst_first() if tally.worst >= HIGH]
    if machines:
        isolate = words(
            "Cô lập máy {machines}: rút dây mạng, tắt Wi-Fi. Không tắt máy, không cài lại, không xóa gì.",
            machines=", ".join(machines[:3]),
        )
    else:
        isolate = words(
            "Log không ghi tên máy: tìm máy của đơn vị theo địa chỉ trong dấu vết{addresses}, rồi cô lập máy đó. "
            "Không tắt máy, không cài lại, không xóa gì.",
            addresses=f" ({', '.join(addresses[:3])})" if addresses else "",
        )
    steps = [
        isolate,
        words("Báo lãnh đạo đơn vị và gọi đội ứng cứu sự cố của tỉnh; gửi kèm báo cáo này."),
        words("Chép các tệp log gốc sang nơi khác và giữ nguyên; đó là bằng chứng."),
    ]
    if accounts:
        who = ", ".join(accounts[:3])
        steps.append(
            words(
                "Từ một máy khác còn sạch, đổi mật khẩu các tài khoản liên quan (trước hết: {accounts}).", accounts=who
            )
        )
    steps.append(words("Soi log các máy khác cùng mạng bằng cùng lệnh này; kẻ tấn công ít khi chỉ vào một máy."))
    return tuple(steps)


def _steps_attempt(words: Words) -> tuple[str, ...]:
    return (
        words("Xem dấu hiệu bên dưới: yêu cầu nào được máy chủ trả lời thành công (mã 200), đăng nhập nào thành công."),
        words("Nếu có một lần thành công: cô lập máy khỏi mạng và gọi đội ứng cứu sự cố của tỉnh."),
        words("Chặn địa chỉ nguồn ở tường lửa; cập nhật bản vá cho dịch vụ bị nhắm tới."),
        words("Chép các tệp log gốc sang nơi khác và giữ nguyên; đó là bằng chứng."),
    )


def _steps_suspicious(words: Words) -> tuple[str, ...]:
    return (
        words("Xem từng dấu hiệu bên dưới và hỏi người dùng máy: việc này có ai chủ ý làm không, vào giờ đó?"),
        words("Nếu không ai nhận: coi là sự cố, cô lập máy khỏi mạng và gọi đội ứng cứu sự cố của tỉnh."),
        words("Chép các tệp log gốc sang nơi khác và giữ nguyên; đó là bằng chứng."),
    )


def _steps_nothing(words: Words) -> tuple[str, ...]:
    return (
        words("Kiểm tra log có phủ khoảng thời gian đáng ngờ không, và máy có bật ghi log đầy đủ không."),
        words("Nếu máy vẫn có biểu hiện lạ: xuất thêm log (Security, System, PowerShell, Sysmon) rồi soi lại."),
    )


def _cautions(outcome: Outcome, words: Words) -> tuple[str, ...]:
    """Say what makes the answer weaker than it looks."""
    said = []
    total = outcome.total
    if outcome.unreadable:
        said.append(words("{n} tệp không đọc được nên chưa được xét.", n=words.number(len(outcome.unreadable))))
    if total.unparsable:
        said.append(
            words(
                "{n} trong {read} bản ghi không hiểu được; chỉ tìm từ khóa trong đó.",
                n=words.number(total.unparsable),
                read=words.number(total.read),
            )
        )
    if total.problems:
        said.append(words("{n} chỗ trong các tệp bị hỏng, phần còn lại vẫn được đọc.", n=words.number(total.problems)))
    unread = sum(one.records for one in outcome.unread)
    if unread:
        said.append(words("{n} bản ghi thuộc nguồn log mà chưa luật nào xét tới.", n=words.number(unread)))
    if outcome.book.errors:
        said.append(words("{n} luật hỏng không được dùng.", n=words.number(len(outcome.book.errors))))
    if outcome.outside:
        said.append(
            words("{n} lần khớp nằm ngoài khoảng thời gian đã chọn, không kể ở đây.", n=words.number(outcome.outside))
        )
    return tuple(said)


def has_password(account: str) -> bool:
    """Return whether a person can change its password: the system's own accounts and machines have none to change."""
    plain = account.rpartition("\\")[2].upper()
    return not plain.endswith("$") and plain not in {"SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE", "ANONYMOUS LOGON"}
