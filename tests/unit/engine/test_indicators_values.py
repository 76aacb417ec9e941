"""Values as people write them: one normal form each, and a sentence for what is none."""

import pytest

from dekhang.engine.indicators import Kind
from dekhang.engine.indicators.values import ValueProblem, recognise


@pytest.mark.parametrize(
    ("written", "kind", "normal"),
    [
        # addresses, also as browsers read them
        ("192.0.2.7", Kind.IP, "192.0.2.7"),
        ("192[.]0[.]2[.]7", Kind.IP, "192.0.2.7"),
        ("192.0.2.7:8080", Kind.IP, "192.0.2.7"),
        ("0xc0000207", Kind.IP, "192.0.2.7"),
        ("0300.0000.0002.0007", Kind.IP, "192.0.2.7"),
        ("3221225991", Kind.IP, "192.0.2.7"),
        ("2001:DB8:0:0::7", Kind.IP, "2001:db8::7"),
        ("::ffff:192.0.2.7", Kind.IP, "192.0.2.7"),
        ("198.51.100.77/24", Kind.NETWORK, "198.51.100.0/24"),
        ("198.51.100.77/32", Kind.IP, "198.51.100.77"),
        ("2001:db8::/32", Kind.NETWORK, "2001:db8::/32"),
        # names
        ("WWW.Evil[.]example.vn.", Kind.DOMAIN, "www.evil.example.vn"),
        ("*.evil.example", Kind.DOMAIN, "evil.example"),
        ("evil.example:443", Kind.DOMAIN, "evil.example"),
        ("điện-lực.example.vn", Kind.DOMAIN, "xn--in-lc-4ya7534cyja.example.vn"),
        ("evil(dot)example", Kind.DOMAIN, "evil.example"),
        # links; one that names only a host is the host
        ("hxxps://Evil[.]example:443/Gate.php?x=1#top", Kind.URL, "evil.example/gate.php?x=1"),
        ("http://evil.example:8080/a/", Kind.URL, "evil.example:8080/a"),
        ("evil.example/a", Kind.URL, "evil.example/a"),
        ("http://user:pw@evil.example/a", Kind.URL, "evil.example/a"),
        ("http://[2001:db8::7]:8080/a", Kind.URL, "[2001:db8::7]:8080/a"),
        ("http://0xc0000207/a", Kind.URL, "192.0.2.7/a"),
        ("http://evil.example?x=1", Kind.URL, "evil.example/?x=1"),
        ("https://evil.example/", Kind.DOMAIN, "evil.example"),
        ("http://192.0.2.7:80", Kind.IP, "192.0.2.7"),
        # hashes
        ("D41D8CD98F00B204E9800998ECF8427E", Kind.HASH, "d41d8cd98f00b204e9800998ecf8427e"),
        ("ab" * 32, Kind.HASH, "ab" * 32),
        # e-mail and files
        ("Ke.Xau[@]mail[.]example", Kind.EMAIL, "ke.xau@mail.example"),
        ("cap-nhat.exe", Kind.FILENAME, "cap-nhat.exe"),
        ("update.zip", Kind.DOMAIN, "update.zip"),  # zip is a top-level domain too
    ],
)
def test_a_value_has_one_normal_form(written: str, kind: Kind, normal: str) -> None:
    assert recognise(written) == (kind, normal)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "localhost",
        "hai từ",
        "1.2.3",
        "300.1.2.3",
        "12345",
        "-a.example",
        "_x.example.vn",
        "a..example",
        "x" * 5_000,
        "@",
        "http://",
    ],
)
def test_what_is_no_indicator_is_refused_with_a_sentence(written: str) -> None:
    with pytest.raises(ValueProblem, match=r"\.$"):
        recognise(written)


def test_the_normal_form_of_a_normal_form_is_itself() -> None:
    for written in (
        "http://evil.example:8080/a/?b=c",
        "198.51.100.0/24",
        "[2001:db8::7]:8080/a",
        "ke.xau@mail.example",
    ):
        kind, normal = recognise(written)
        assert recognise(normal) == (kind, normal)
