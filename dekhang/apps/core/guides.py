"""The guides of docs/guides as pages, so that a person who is stuck does not have to look for them."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER = "docs/guides"
_SLUG = re.compile(r"[a-z0-9-]{1,60}")
_GUIDE = re.compile(r"(?:\./)?([a-z0-9-]{1,60})\.md(#.*)?")


@dataclass(frozen=True, slots=True)
class Guide:
    slug: str
    title: str
    html: SafeString  # without its title; made by us from our own files, with HTML in them switched off


def path_of(slug: str) -> Path | None:
    """The file of a guide; None when there is none of that name."""
    if not _SLUG.fullmatch(slug):
        return None
    path = Path(settings.ROOT) / FOLDER / f"{slug}.md"
    return path if path.is_file() else None


def all_guides() -> list[Guide]:
    """Every guide, by title."""
    found = (guide(path.stem) for path in sorted((Path(settings.ROOT) / FOLDER).glob("*.md")))
    return sorted((one for one in found if one is not None), key=lambda one: one.title)


def guide(slug: str) -> Guide | None:
    path = path_of(slug)
    return None if path is None else _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, _changed_ns: int) -> Guide:
    text = path.read_text(encoding="utf-8")
    first, _, rest = text.partition("\n")
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(rest)
    for token in tokens:
        if token.type == "table_open":
            token.attrSet("class", "table table--words")
        if token.children:
            token.children = _with_pages_for_links(token.children)
    html = parser.renderer.render(tokens, parser.options, {})
    html = html.replace("<pre>", '<pre tabindex="0">')  # wide ones scroll: also for those who have only a keyboard
    return Guide(path.stem, first.lstrip("# ").strip(), mark_safe(html))  # noqa: S308 - our own files


def _with_pages_for_links(tokens: list[Token]) -> list[Token]:
    """Links to other guides lead to their pages; links to files that are no pages lose the link and keep their words."""
    kept: list[Token] = []
    dropped = 0
    for token in tokens:
        if token.type == "link_open":
            target = str(token.attrGet("href") or "")
            if named := _GUIDE.fullmatch(target):
                token.attrSet("href", reverse("core:guide", args=[named[1]]))
            elif not target.startswith(("https://", "#")):
                dropped += 1
                continue
        elif token.type == "link_close" and dropped:
            dropped -= 1
            continue
        kept.append(token)
    return kept
