"""Version 1 of every paper: frozen inputs in, a `Paper` out. Never edited once papers were made with it: see `documents`."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from dekhang.apps.core.official import BLANK
from dekhang.apps.reports.documents.paper import Block, Cell, Code, Heading, Paper, Table, Text, share

Inputs = dict[str, Any]
VERSION = 1

TEXT_TITLES = {
    "done": "Việc đã làm trong kỳ",
    "difficulties": "Khó khăn, vướng mắc",
    "plan": "Việc sẽ làm trong kỳ tới",
    "proposals": "Kiến nghị, đề xuất",
}
SHORT_STATES = {
    "unknown": "–",
    "declared": "KB",
    "evidenced": "BC",
    "proven": "CM",
    "decayed": "SG",
    "refuted": "BB",
}
LEGEND = (
    "CM: đã chứng minh; SG: suy giảm (từng chứng minh, nay hết hạn hoặc ngừng); BC: có bằng chứng; KB: đã khai báo; "
    "BB: bị bác bỏ; –: không rõ; ô trống: nghĩa vụ không thuộc đơn vị."
)
TWO_SHARES = (
    "“Đã khai báo” là điều đơn vị nói về mình. “Đã chứng minh” là điều hệ thống tự thấy hoặc người có thẩm quyền đã "
    "kiểm tra, và còn hiệu lực vào ngày số liệu. Chỉ số đã chứng minh mới được tính là kết quả."
)
LAYOUT_OURS = (
    "Bố cục do hệ thống soạn theo thể thức của Nghị định 30/2020/NĐ-CP, vì chưa có mẫu chính thức của loại báo cáo này."
)


def security(inputs: Inputs) -> str:
    """How the law of the day calls the matter. Law: ND331-2026: "an toàn thông tin mạng" is read "an ninh mạng"."""
    return "an ninh mạng" if inputs["regime"] == "R2026" else "an toàn thông tin mạng"


def half_year(inputs: Inputs) -> Paper:
    half = "đầu" if inputs["half"] == 1 else "cuối"
    return _of_unit(inputs, "Báo cáo", f"Kết quả bảo đảm {security(inputs)} 6 tháng {half} năm {inputs['year']}")


def year(inputs: Inputs) -> Paper:
    return _of_unit(inputs, "Báo cáo", f"Kết quả bảo đảm {security(inputs)} năm {inputs['year']}")


def thematic(inputs: Inputs) -> Paper:
    subject = f"Chuyên đề {security(inputs)} năm {inputs['year']}"
    if "unit" in inputs:
        return _of_unit(inputs, "Báo cáo", subject)
    blocks: list[Block] = [*_basis(inputs), *_intro(inputs)]
    blocks += [Heading("I. Hai tỷ lệ của từng nghĩa vụ"), Text(TWO_SHARES), _shares(inputs)]
    blocks += [*_measures(inputs), Heading("II. Trạng thái của các đơn vị"), _states(inputs)]
    return _paper(inputs, "Báo cáo", subject, [*blocks, *_texts(inputs, 3)])


def to_ubnd(inputs: Inputs) -> Paper:
    return _of_province(inputs, f"Kết quả thực hiện Chỉ thị 14/CT-TTg trên địa bàn {inputs['province']}")


def to_ministry(inputs: Inputs) -> Paper:
    return _of_province(inputs, f"Công tác bảo đảm {security(inputs)} của {inputs['province']}")


def bulletin(inputs: Inputs) -> Paper:
    blocks: list[Block] = [Text(TWO_SHARES), Heading("I. Hai tỷ lệ của từng nghĩa vụ"), _shares_with_change(inputs)]
    blocks += [Heading("II. Thay đổi trong tuần"), *_changes(inputs)]
    return _paper(inputs, "Bản tin tuần", f"Từ ngày {inputs['start']} đến ngày {inputs['day']}", blocks)


def level(inputs: Inputs) -> Paper:
    """The items of Form 08 that the system knows. Law: R2026 ND331-2026/35; R2016 TT12-2022"""
    systems = inputs["systems"]
    approved, checked = sum(s["approved"] for s in systems), sum(s["checked"] for s in systems)
    by_level = [[s["level"] for s in systems].count(str(n)) for n in range(1, 6)]
    totals: tuple[tuple[Cell, ...], ...] = (
        ("Hệ thống thông tin", len(systems)),
        *((f"Cấp độ {n}", count) for n, count in enumerate(by_level, start=1)),
        ("Chưa rõ cấp độ", len(systems) - sum(by_level)),
        ("Đã được phê duyệt cấp độ", approved),
        ("Đã kiểm tra, đánh giá trong kỳ còn hiệu lực", checked),
    )
    rows = tuple(
        (
            place,
            s["name"] if "unit" in inputs else f"{s['name']} ({s['unit']})",
            s["level"] or BLANK[:3],
            "Đã được phê duyệt" if s["approved"] else BLANK[:3],
            s["decision"] or BLANK[:3],
            f"Định kỳ, {s['checked_on']}" if s["checked"] else BLANK[:3],
        )
        for place, s in enumerate(systems, start=1)
    )
    heads = ("TT", "Hệ thống", "Cấp độ", "Trạng thái", "Quyết định phê duyệt", "Kiểm tra, đánh giá")
    blocks: list[Block] = [
        *_basis(inputs),
        *_intro(inputs),
        Heading("I. Tổng hợp"),
        Table("Tổng hợp", ("Nội dung", "Số lượng"), (120, 45), totals),
        Heading("II. Từng hệ thống"),
        *(
            [Table("Hệ thống", heads, (10, 50, 15, 28, 35, 27), rows)]
            if rows
            else [Text("Chưa có hệ thống nào được kê khai.")]
        ),
        Text(
            "Chủ quản, tình hình triển khai phương án, ngày dự kiến phê duyệt và hoàn thành chưa có trong hệ thống; "
            "đơn vị bổ sung vào bản DOCX nếu cần.",
            slanted=True,
        ),
        Heading("III. Trạng thái nghĩa vụ về cấp độ"),
        *([_unit_rows(inputs, only="level")] if "unit" in inputs else [_shares(inputs, only="level")]),
    ]
    subject = f"Bảo đảm {security(inputs)} theo cấp độ năm {inputs['year']}"
    return _paper(inputs, "Báo cáo", subject, [*blocks, *_texts(inputs, 4)])


def certificate(inputs: Inputs) -> Paper:
    unit = inputs["unit"]
    rows = [row for row in unit["rows"] if row["proven"]]
    lines: tuple[tuple[Cell, ...], ...] = tuple(
        (place, row["title"], row["since"], row["until"] or "không định hạn") for place, row in enumerate(rows, start=1)
    )
    blocks: list[Block] = [
        Text(
            f"Hệ thống Đề Kháng của {inputs['province']} xác nhận: tính đến {inputs['at']}, {unit['name']} đã chứng minh "
            f"{len(rows)} trong {len(unit['rows'])} nghĩa vụ về {security(inputs)} thuộc trách nhiệm của mình, gồm:"
        ),
        Table("Đã chứng minh", ("TT", "Nghĩa vụ", "Chứng minh từ", "Còn hạn tới"), (12, 93, 30, 30), lines),
        Text(
            "Giấy này nói về ngày nêu trên. Bằng chứng có thể hết hạn hoặc bị bác bỏ sau đó; trang kiểm tra cho biết giấy "
            "có đúng do hệ thống cấp và từng mục còn đúng tới hôm nay hay không."
        ),
        Code(inputs["address"], f"Mã kiểm tra: {inputs['code']}\n{inputs['address']}"),
    ]
    return _paper(inputs, "Giấy xác nhận", "Kết quả đã được chứng minh về " + security(inputs), blocks)


def sign_off(inputs: Inputs) -> Paper:
    unit = inputs["unit"]
    claims = {key: (statement, day, by) for key, statement, day, by in inputs["claims"]}
    rows = []
    for place, row in enumerate(unit["rows"], start=1):
        statement, day, by = claims.get(row["key"], ("", "", ""))
        said = f"{statement or 'Đã khai báo'} ({day}{', ' + by if by else ''})" if day else "Chưa khai báo"
        rows.append((place, row["title"], said, row["label"], _why(row), ""))
    heads = ("TT", "Nghĩa vụ", "Đơn vị khai", "Trạng thái", "Vì sao", "Ý kiến")
    blocks: list[Block] = [
        Text(
            f"Số liệu của {unit['name']} tính đến {inputs['at']}. Người đứng đầu xem từng dòng, ghi ý kiến nếu không đồng ý, "
            "rồi ký. Trạng thái do hệ thống tính từ bằng chứng, không sửa được ở phiếu này; không đồng ý thì gửi giải trình."
        ),
        Table("Xác nhận", heads, (10, 40, 35, 20, 45, 15), tuple(rows)),
        _unit_totals(unit),
    ]
    return _paper(inputs, "Phiếu ký xác nhận số liệu", f"{unit['name']}, ngày {inputs['day']}", blocks)


BUILDERS: dict[str, Callable[[Inputs], Paper]] = {
    "half_year": half_year,
    "year": year,
    "thematic": thematic,
    "level": level,
    "to_ubnd": to_ubnd,
    "to_ministry": to_ministry,
    "bulletin": bulletin,
    "certificate": certificate,
    "sign_off": sign_off,
}


def _of_unit(inputs: Inputs, title: str, subject: str) -> Paper:
    unit = inputs["unit"]
    blocks: list[Block] = [
        *_basis(inputs),
        *_intro(inputs),
        Heading("I. Kết quả từng nghĩa vụ"),
        Text(TWO_SHARES),
        _unit_rows(inputs),
        _unit_totals(unit),
        Heading("II. Chỗ còn yếu và việc tiếp theo"),
        *_weak(unit),
    ]
    return _paper(inputs, title, subject, [*blocks, *_texts(inputs, 3)])


def _of_province(inputs: Inputs, subject: str) -> Paper:
    blocks: list[Block] = [
        *_basis(inputs),
        *_intro(inputs),
        Heading("I. Hai tỷ lệ của từng nghĩa vụ"),
        Text(TWO_SHARES),
        _shares_with_change(inputs),
        *_measures(inputs),
        *[Text(duty["reference"] + ".", slanted=True) for duty in inputs["duties"] if duty["reference"]],
        Heading("II. Trạng thái của các đơn vị"),
        _states(inputs),
        Heading("III. Thay đổi trong kỳ"),
        *_changes(inputs),
        *_texts(inputs, 4),
    ]
    appendix = (Heading("Phụ lục. Trạng thái của từng đơn vị"), Text(LEGEND, slanted=True), _units(inputs))
    return _paper(inputs, "Báo cáo", subject, blocks, appendix)


def _paper(inputs: Inputs, title: str, subject: str, blocks: list[Block], appendix: tuple[Block, ...] = ()) -> Paper:
    letter = inputs["letter"]
    notes = [
        f"Mã: {inputs['code']}. Số liệu của bảng điểm Đề Kháng tính đến {inputs['at']}"
        + ("" if inputs["provisional"] else ", đã chốt")
        + f". {LAYOUT_OURS}"
    ]
    if inputs["calendar_note"]:
        notes.append(f"Kỳ báo cáo và hạn gửi do tỉnh chọn: {inputs['calendar_note']}")
    return Paper(
        superior=letter["superior"],
        issuer=letter["issuer"],
        number=f"Số: {letter['number'] or BLANK[:3] + '/' + letter['sign'] + '-' + BLANK[:3]}",
        place_and_date=letter["place_and_date"],
        title=title,
        subject=subject,
        recipients=tuple(letter["recipients"]),
        blocks=tuple(blocks),
        signer_title=letter["signer_title"],
        signer_name=letter["signer_name"],
        copies=("Như trên",) if letter["recipients"] else (),
        made_at=datetime.fromisoformat(inputs["made_at"]),
        code=inputs["code"],
        warning=f"BẢN TẠM TÍNH: số liệu đến {inputs['at']}, ngày chưa hết nên còn thay đổi."
        if inputs["provisional"]
        else "",
        notes=tuple(notes),
        appendix=appendix,
    )


def _basis(inputs: Inputs) -> Iterator[Block]:
    for basis in inputs["basis"]:
        yield Text(f"Căn cứ {basis};", slanted=True)


def _intro(inputs: Inputs) -> Iterator[Block]:
    who = inputs["unit"]["name"] if "unit" in inputs else inputs["letter"]["issuer"]
    yield Text(
        f"{who} báo cáo kết quả từ ngày {inputs['start']} đến ngày {inputs['day']}; số liệu tính đến {inputs['at']}."
    )


def _unit_rows(inputs: Inputs, only: str = "") -> Table:
    rows = [row for row in inputs["unit"]["rows"] if only in ("", row["key"])]
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (
            place,
            row["title"],
            "có" if row["declared"] else "không",
            "có" if row["proven"] else "không",
            row["label"],
            row["since"] or "–",
        )
        for place, row in enumerate(rows, start=1)
    )
    heads = ("TT", "Nghĩa vụ", "Đã khai báo", "Đã chứng minh", "Trạng thái", "Từ ngày")
    return Table("Nghĩa vụ", heads, (10, 70, 19, 21, 24, 21), cells)


def _unit_totals(unit: Inputs) -> Table:
    rows = unit["rows"]
    declared, proven = sum(row["declared"] for row in rows), sum(row["proven"] for row in rows)
    cells: tuple[tuple[Cell, ...], ...] = (
        ("Nghĩa vụ thuộc đơn vị", len(rows), ""),
        ("Đã khai báo", declared, share(declared, len(rows))),
        ("Đã chứng minh", proven, share(proven, len(rows))),
    )
    return Table("Tổng số", ("Nội dung", "Số lượng", "Tỷ lệ"), (105, 30, 30), cells)


def _why(row: Inputs) -> str:
    more = f" (và {row['more']} lý do khác)" if row["more"] else ""
    return f"{row['reason']}{more}" if row["reason"] else ("" if row["proven"] else "Chưa có bằng chứng.")


def _weak(unit: Inputs) -> Iterator[Block]:
    weak = [row for row in unit["rows"] if not row["proven"]]
    if not weak:
        yield Text("Mọi nghĩa vụ thuộc đơn vị đều đã được chứng minh.")
        return
    cells = tuple((row["short"], _why(row), row["next_step"] or "–") for row in weak)
    yield Table("Chỗ còn yếu", ("Nghĩa vụ", "Vì sao chưa chứng minh", "Việc tiếp theo"), (35, 65, 65), cells)


def _shares(inputs: Inputs, only: str = "") -> Table:
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (
            duty["title"],
            duty["units"],
            duty["declared"],
            share(duty["declared"], duty["units"]),
            duty["proven"],
            share(duty["proven"], duty["units"]),
        )
        for duty in inputs["duties"]
        if only in ("", duty["key"])
    )
    heads = ("Nghĩa vụ", "Phải thực hiện", "Đã khai báo", "Tỷ lệ", "Đã chứng minh", "Tỷ lệ")
    return Table("Hai tỷ lệ", heads, (69, 20, 19, 18, 21, 18), cells)


def _shares_with_change(inputs: Inputs) -> Table:
    before = {duty["key"]: duty for duty in inputs["before"]["duties"]}
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (
            duty["title"],
            duty["units"],
            duty["declared"],
            share(duty["declared"], duty["units"]),
            duty["proven"],
            share(duty["proven"], duty["units"]),
            _then(before.get(duty["key"])),
        )
        for duty in inputs["duties"]
    )
    heads = (
        *("Nghĩa vụ", "Phải thực hiện", "Đã khai báo", "Tỷ lệ", "Đã chứng minh", "Tỷ lệ"),
        f"Chứng minh ngày {inputs['before']['day']}",
    )
    return Table("Hai tỷ lệ", heads, (52, 18, 17, 17, 18, 17, 26), cells)


def _measures(inputs: Inputs) -> Iterator[Block]:
    """What is counted inside a duty: people, systems, sources."""
    cells = tuple((duty["short"], duty["measure"]) for duty in inputs["duties"] if duty["measure"])
    if cells:
        yield Text("Số đếm bên trong từng nghĩa vụ:")
        yield Table("Số đếm", ("Nghĩa vụ", "Đã đạt / phải đạt"), (45, 120), cells)


def _then(duty: Inputs | None) -> str:
    return f"{duty['proven']}/{duty['units']} ({share(duty['proven'], duty['units'])})" if duty else "–"


def _states(inputs: Inputs) -> Table:
    labels = [label for _key, label, _n in inputs["duties"][0]["states"]] if inputs["duties"] else []
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (duty["short"], *(number for _key, _label, number in duty["states"])) for duty in inputs["duties"]
    )
    return Table("Trạng thái", ("Nghĩa vụ", *labels), (45, *(20 for _label in labels)), cells)


def _changes(inputs: Inputs) -> Iterator[Block]:
    if not inputs["changes"]:
        yield Text("Không đơn vị nào vừa chứng minh được hoặc vừa mất chứng minh.")
        return
    cells = tuple(
        (short, name, "vừa chứng minh được" if how == "gained" else "không còn chứng minh", reason or "–")
        for short, name, how, reason in inputs["changes"]
    )
    yield Table("Thay đổi", ("Nghĩa vụ", "Đơn vị", "Thay đổi", "Lý do"), (32, 45, 35, 53), cells)


def _units(inputs: Inputs) -> Table:
    keys = [duty["key"] for duty in inputs["duties"]]
    rows = []
    for place, (name, _subtype, _kind, states) in enumerate(inputs["units"], start=1):
        of_unit = dict(states)
        proven = sum(state == "proven" for state in of_unit.values())
        rows.append((place, name, *(SHORT_STATES.get(of_unit.get(key, ""), "") for key in keys), proven))
    wide = min(12, 100 // max(1, len(keys)))
    heads = ("TT", "Đơn vị", *(duty["short"] for duty in inputs["duties"]), "CM")
    widths = (11, 165 - 11 - 12 - wide * len(keys), *(wide for _key in keys), 12)
    return Table("Từng đơn vị", heads, widths, tuple(rows), small=True)


def _texts(inputs: Inputs, first: int) -> Iterator[Block]:
    numerals = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
    for place, (key, text) in enumerate(inputs["texts"]):
        yield Heading(f"{numerals[first - 1 + place]}. {TEXT_TITLES[key]}")
        yield Text(text or BLANK)
