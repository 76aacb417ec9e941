"""The guides as pages: readable by everybody signed in, links that lead somewhere, nothing but our own files."""

import re

import pytest
from django.urls import reverse

from dekhang.apps.core import guides
from dekhang.apps.sources import shippers
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client):
    client.force_login(UserFactory(leader=True))
    return client


@pytest.mark.parametrize("slug", [guide.slug for guide in guides.all_guides()])
def test_every_guide_is_a_page_whose_links_lead_somewhere(reader, slug):
    page = reader.get(reverse("core:guide", args=[slug]))
    assert page.status_code == 200
    body = page.content.decode()
    article = body[body.index("<article") : body.index("</article>")]
    assert not re.search(r'href="[^"]*\.md', article)
    for target in re.findall(r'href="([^"#]+)', article):
        assert target.startswith("https://") or reader.get(target).status_code == 200
    assert "| --- |" not in article and "|---" not in article, "a table that was not read as one"


def test_the_list_leads_to_all_and_guides_of_programs_exist(reader):
    listed = reader.get(reverse("core:guides")).content.decode()
    for guide in guides.all_guides():
        assert reverse("core:guide", args=[guide.slug]) in listed
    named = {shipper.guide for choices in shippers.SHIPPERS.values() for shipper in choices if shipper.guide}
    assert named <= {guide.slug for guide in guides.all_guides()} and named


@pytest.mark.parametrize("slug", ["khong-co", "readme", "..", "a" * 61])
def test_nothing_but_a_guide_is_read(reader, slug):
    assert guides.guide(slug) is None
    assert guides.guide(f"../reference/{slug}") is None
    assert guides.guide("../reference/intake") is None


def test_html_in_a_guide_is_shown_as_text(tmp_path, settings):
    (tmp_path / "docs" / "guides").mkdir(parents=True)
    (tmp_path / "docs" / "guides" / "thu.md").write_text(
        "# Thử\n\n<script>alert(1)</script> [ra ngoài](javascript:alert(1)) [tham chiếu](../reference/x.md) [kia](kia.md)\n"
    )
    settings.ROOT = tmp_path
    html = guides.guide("thu").html
    assert "<script>" not in html and "javascript:" not in re.sub(r"[^<]*\(javascript[^<]*", "", html)
    assert "tham chiếu" in html and "reference/x" not in html
    assert reverse("core:guide", args=["kia"]) in html
