"""What people type, and what it asks for; faults are sentences with their place."""

from ipaddress import IPv4Network

import pytest

from dekhang.pipeline.stores.search import Everything, Names, QueryError, narrowed, parse, resolve
from dekhang.pipeline.stores.search.nodes import And, Compare, Exists, Field, Ids, Named, Network, Not, Or, Text, Wild

A, B, C = Text(("a",)), Text(("b",)), Text(("c",))


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("", Everything()),
        ("   ", Everything()),
        ("*", Everything()),
        ("a", A),
        ("a b", And((A, B))),
        ('"a b"', Text(("a b",))),
        ("“a b”", Text(("a b",))),  # as telephones type quotes
        ("-a", Not(A)),
        ("NOT a b", And((Not(A), B))),
        ("a OR b c", Or((A, And((B, C))))),
        ("a HOẶC b", Or((A, B))),
        ("a AND b", And((A, B))),
        ("(a OR b) c", And((Or((A, B)), C))),
        ("-(a OR b)", Not(Or((A, B)))),
        ("a or b", And((A, Text(("or",)), B))),  # only in capitals
        # fields
        ("EventID:4625", Field("EventID", ("4625",))),
        ("user:admin*", Field("user", ("admin", Wild.MANY))),
        ('CommandLine:"* -enc *"', Field("CommandLine", (Wild.MANY, " -enc ", Wild.MANY))),
        (r"Image:C:\Windows\cmd.exe", Field("Image", (r"C:\Windows\cmd.exe",))),
        (r"Image:*\cmd.exe", Field("Image", (Wild.MANY, r"\cmd.exe"))),
        ('"Threat Name":x', Field("Threat Name", ("x",))),
        ("user:*", Exists("user")),
        ("-user:*", Not(Exists("user"))),
        ("EventID:(4624 OR 4625)", Or((Field("EventID", ("4624",)), Field("EventID", ("4625",))))),
        ("sc-status>=500", Compare("sc-status", ">=", 500.0)),
        ("sc-status:>=500", Compare("sc-status", ">=", 500.0)),
        ("sc-status < 500", And((Text(("sc-status",)), Text(("<",)), Text(("500",))))),
        ("sc-status:500..599", And((Compare("sc-status", ">=", 500.0), Compare("sc-status", "<=", 599.0)))),
        ("src_ip:192.0.2.7/24", Network("src_ip", IPv4Network("192.0.2.0/24"))),
        ("id:123", Ids("event", frozenset({123}))),
        ('đơn-vị:"y tế"', Named("unit", ("y tế",))),
        ("nguồn:web*", Named("source", ("web", Wild.MANY))),
        # wildcards and the characters themselves
        ("a?b", Text(("a", Wild.ONE, "b"))),
        ("*a*", A),
        ("a[*]b[?]", Text(("a*b?",))),
        ("a[*b", Text(("a[", Wild.MANY, "b"))),
        (r"Image:C:\Temp\*.exe", Field("Image", ("C:\\Temp\\", Wild.MANY, ".exe"))),
        (r"\\server\share", Text((r"\\server\share",))),
        (r'"say \"a\""', Text(('say "a"',))),
        # no fields
        ("http://example.gov.vn/a", Text(("http://example.gov.vn/a",))),
        (r"C:\Windows", Text((r"C:\Windows",))),
        ("fe80::1", Text(("fe80::1",))),
        ("00:1a:2b:3c:4d:5e", Text(("00:1a:2b:3c:4d:5e",))),
        ("12:30:01", Text(("12:30:01",))),
        ("uid=0", Text(("uid=0",))),
        ("a->b", Text(("a->b",))),
        ("exec(x)", Text(("exec(x)",))),
        ("(exec(x) OR b)", Or((Text(("exec(x)",)), B))),
    ],
)
def test_what_is_typed_is_what_is_asked(typed, asked):
    assert parse(typed) == asked


@pytest.mark.parametrize(
    ("typed", "position", "said"),
    [
        ('a "b', 2, "Thiếu dấu ngoặc kép đóng"),
        ("a (b OR c", 2, "Thiếu dấu ngoặc đóng"),
        ("a ) b", 2, "không có ngoặc mở"),
        ("()", 0, "chưa có gì để tìm"),
        ("OR a", 0, "Trước OR"),
        ("a OR", 3, "Sau OR"),
        ("a AND", 2, "Sau AND"),
        ("user:", 4, "Thiếu giá trị ngay sau “user:”"),
        ("user: admin", 4, "Thiếu giá trị ngay sau “user:”"),
        ("sc-status:>=nhiều", 9, "cần một số"),
        ("src_ip:192.0.2.0/99", 7, "không phải là dải địa chỉ IPv4"),
        ("src_ip:2001:db8::/32", 7, "IPv6"),
        ("id:abc", 3, "số nguyên"),
        ("-", 0, "cần có một điều kiện"),
        ("**", 0, "không có chữ nào"),
        ("(" * 13 + "a" + ")" * 13, 12, "quá 12 lớp"),
        ("a " * 65, 128, "hơn 64 điều kiện"),
        ("a" * 2001, 2000, "dài hơn 2000"),
    ],
)
def test_a_fault_is_a_sentence_with_its_place(typed, position, said):
    with pytest.raises(QueryError) as fault:
        parse(typed)
    assert (fault.value.position, said in fault.value.reason) == (position, True), fault.value.reason


def test_adding_a_value_keeps_what_was_asked():
    assert narrowed("a OR b", "host", "x", exclude=True) == '(a OR b) -host:"x"'
    assert parse(narrowed("a", "user", 'DOM\\a*"')) == And((A, Field("user", ('DOM\\a*"',))))


def test_names_of_units_become_numbers_of_those_one_may_see():
    names = Names({1: "Sở Y tế", 2: "Sở Nội vụ", 12: "Xã Mẫu", 13: "Phường 12"}, {5: "Máy chủ web"})
    assert resolve(parse("unit:so"), names) == Ids("unit", frozenset({1, 2}))
    assert resolve(parse("a -unit:#12"), names) == And((A, Not(Ids("unit", frozenset({12})))))
    assert resolve(parse("unit:12"), names) == Ids("unit", frozenset({13}))
    assert resolve(parse("unit:#99"), names) == Ids("unit", frozenset())
    assert resolve(parse("(nguồn:web OR unit:khác)"), names) == Or(
        (Ids("source", frozenset({5})), Ids("unit", frozenset()))
    )
