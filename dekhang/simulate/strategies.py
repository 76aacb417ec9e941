"""The published ways in which simulated units lie, and the honest oddities that look like lies.

`signals` names what the product could show of it: `flag:<code>` of duties/filing/flags.py, or `state:<state>` of the claim.
One without signals is not seen by anything we have; the judge prints its recall of 0 like any other.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way to claim a duty that is not carried out.

    Args:
        duties: the duties it is used for.
        weight: how often it is chosen among the strategies of a duty.
    """

    key: str
    duties: tuple[str, ...]
    title: str
    signals: tuple[str, ...]
    weight: float = 1.0


EVERYTHING = (
    "awareness",
    "officer",
    "level",
    "regulation",
    "record_attacks",
    "sop",
    "four_layers",
    "budget",
    "secrets",
)

STRATEGIES: dict[str, Strategy] = {
    one.key: one
    for one in (
        Strategy("empty_claim", EVERYTHING, "khai báo, không có gì phía sau", ("state:declared", "state:refuted"), 3.0),
        Strategy("shared_file", ("regulation",), "cùng một tệp quy chế nộp cho nhiều đơn vị", ("flag:same_file",), 2.0),
        Strategy(
            "backdated_file", ("regulation",), "văn bản đề ngày trước khi tệp được tạo", ("flag:older_than_file",)
        ),
        Strategy(
            "after_freeze",
            ("regulation",),
            "việc định kỳ ghi bù một lượt cho các tháng đã chốt",
            ("flag:after_freeze",),
        ),
        Strategy(
            "bulk_approval",
            ("secrets",),
            "văn bản được chấp nhận hàng loạt, không ai đọc",
            ("flag:bulk_approval",),
            2.0,
        ),
        Strategy(
            "replayed_lines", ("record_attacks",), "nguồn log phát lại dòng cũ đều như máy", ("flag:constant_stream",)
        ),
        Strategy(
            "scripted_canary",
            ("record_attacks",),
            "chương trình tự tiếp nhận phép thử trong một giây",
            ("flag:robot_answer",),
        ),
        Strategy(
            "canary_theatre",
            ("record_attacks",),
            "nguồn chỉ gửi quanh phép thử, im lặng trước và sau",
            ("state:decayed", "state:refuted"),
        ),
        Strategy("shelf_paper", ("sop",), "quy trình được ký rồi cất, không ai đọc hay diễn tập", ("state:evidenced",)),
        Strategy("paper_drill", ("sop",), "buổi diễn tập do một người bấm thay mọi vai", ()),
        Strategy(
            "borrowed_certificate", ("officer",), "chứng chỉ của người khác", ("state:evidenced", "state:decayed")
        ),
        Strategy("unregistered_hosts", ("level",), "máy chủ chạy ngoài danh sách hệ thống", ("state:refuted",)),
        Strategy(
            "roster_swing",
            ("awareness",),
            "người chưa học ra khỏi danh sách trước ngày tính, rồi quay lại",
            ("flag:roster_swing",),
        ),
        Strategy(
            "roster_padding",
            ("awareness",),
            "người không có thật trong danh sách, chỉ vài tuần",
            ("flag:roster_swing",),
        ),
        Strategy("same_firm", ("four_layers",), "bên giám sát tự kiểm tra mình", ("state:refuted",)),
        Strategy("disguised_firm", ("four_layers",), "bên giám sát kiểm tra mình dưới tên khác", ()),
        Strategy("inflated_budget", ("budget",), "số liệu kinh phí trong văn bản được nâng lên", ()),
        Strategy("hidden_incident", ("secrets",), "giấu một vụ lộ bí mật", ()),
    )
}

# what honest units do that looks the same: without it every flag would be right
HONEST_ODDITIES = {
    "template": "nhiều xã nộp đúng mẫu quy chế của huyện",
    "late_scan": "văn bản giấy ký từ trước, quét sau nhiều ngày",
    "late_entry": "việc đã làm thật, ghi vào hệ thống muộn",
}
ODDITY_SHARE = 0.06  # of honest units, each


def of_duty(duty_key: str) -> list[Strategy]:
    return [one for one in STRATEGIES.values() if duty_key in one.duties]
