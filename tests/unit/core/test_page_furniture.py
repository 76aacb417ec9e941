from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from django.template import Context, Template, engines

from dekhang.apps.core import clock
from dekhang.apps.core.templatetags import dk

HOSTILE = """<script>alert(1)</script>" onload="alert(2)' x='&amp;"""
NOW = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)


class Tags(HTMLParser):
    """Every tag of a piece of HTML with its attributes, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def render(template: str, **context) -> str:
    return engines["django"].from_string(template).render(context)


@pytest.mark.parametrize(
    "template",
    [
        '{% badge "ok" text %}',
        "{% badge text 'chữ' %}",
        "{% icon 'bell' 20 text %}",
        "{% audit_sentence text %}",
        "{% include 'components/empty.html' with title=text text=text url='/' action=text %}",
        "{% include 'components/copy.html' with text=text label=text %}",
    ],
)
def test_hostile_text_stays_text(template):
    tags = Tags(render(template, text=HOSTILE))
    assert "script" not in [tag for tag, _attributes in tags.found]
    assert not [attributes for _tag, attributes in tags.found if "onload" in attributes]


def test_a_badge_says_its_state_by_word_shape_and_colour():
    tags = Tags(render('{% badge "bad" "Bị từ chối" %}'))
    names = [tag for tag, _attributes in tags.found]
    assert tags.text.strip() == "Bị từ chối"
    assert tags.found[0][1]["class"] == "badge badge--bad"
    assert "svg" in names


@pytest.mark.parametrize("tone", dk.TONES)
def test_every_tone_has_a_shape_of_its_own(tone):
    assert len(set(dk.TONES.values())) == len(dk.TONES)
    assert "<svg" in render("{% badge tone 'x' %}", tone=tone)


def test_an_icon_without_a_label_is_hidden_from_screen_readers_and_one_with_it_is_an_image():
    assert Tags(render("{% icon 'bell' %}")).found[0][1]["aria-hidden"] == "true"
    named = Tags(render("{% icon 'bell' 20 'Cảnh báo mới' %}")).found[0][1]
    assert (named["role"], named["aria-label"]) == ("img", "Cảnh báo mới")


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (timedelta(seconds=20), "vừa xong"),
        (timedelta(minutes=5), "5 phút trước"),
        (timedelta(hours=26), "1 ngày trước"),
        (timedelta(days=70), "2 tháng trước"),
        (timedelta(days=800), "2 năm trước"),
        (timedelta(seconds=-20), "còn chưa đầy một phút"),
        (timedelta(hours=-3), "còn 3 giờ"),
    ],
)
def test_when_says_how_long_ago_or_how_long_still(delta, words):
    with clock.at(NOW):
        assert Tags(render("{% when moment 'ago' %}", moment=NOW - delta)).text == words


def test_when_shows_the_province_s_time_and_keeps_the_exact_moment():
    with clock.at(NOW):
        html = render("{% when moment %}", moment=NOW - timedelta(minutes=90))
    tags = Tags(html)
    assert tags.text == "07:30 10/12/2019 (1 giờ trước)"
    assert tags.found[0][1]["datetime"] == "2019-12-10T00:30:00+00:00"


def test_when_of_nothing_is_a_dash():
    assert render("{% when moment %}", moment=None) == "—"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.357, "35,7 %"), (0, "0,0 %"), (1, "100,0 %"), (None, "–")],
)
def test_a_percentage_is_written_as_in_vietnamese_and_of_nothing_is_not_zero(value, shown):
    assert Template("{{ value|percent }}").render(Context({"value": value})) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1,5 KB"), (25 * 1024**2, "25,0 MB"), (5 * 1024**4, "5120,0 GB")],
)
def test_sizes_are_written_as_in_vietnamese(size, shown):
    assert dk.filesize_vi(size) == shown
