"""What a web page says of itself: its title, its address and its language."""

import re

from selectolax.lexbor import LexborHTMLParser

from indexing.sources.extracted_text import Unreadable, web_address
from indexing.sources.html_tree import text_of
from indexing.sources.permission_slips import is_spelled_allow

_SAVED_FROM = re.compile(r"<!--\s*saved from url=\(\d+\)(\S+)\s*-->")
_SAVED_CHARS = 4_096
"""Code points at the start of a page in which a browser writes where it was saved from. Source: our choice."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def titles_of(page: LexborHTMLParser) -> tuple[str, str]:
    """The title that a page gives to those who share it, and the one of its window; each may be empty."""
    return meta_of(page, "og:title"), text_of(page.css_first("title"))


def language_of(page: LexborHTMLParser) -> dict[str, str | int]:
    """The language of a page under ``lang``, if it names one."""
    root = page.css_first("html")
    language = (root.attributes.get("lang") or "") if root is not None else ""
    return {"lang": language} if _LANGUAGE.fullmatch(language) else {}


def meta_of(page: LexborHTMLParser, name: str) -> str:
    """What a page says under the name of a property, or the empty string."""
    node = page.css_first(f'meta[property="{name}"]') or page.css_first(f'meta[name="{name}"]')
    return (node.attributes.get("content") or "") if node is not None else ""


def refuse_lost_permission(page: LexborHTMLParser) -> None:
    """Refuse a page that says in its head who may read it, since that is not read there.

    Raises:
        Unreadable: by the name of that field.
    """
    for node in page.css("meta[name]"):
        name = node.attributes.get("name") or ""
        if is_spelled_allow(name):
            raise Unreadable(
                f"its head has a field {name!r} that looks like a permission, which is not read there: give the page as"
                " Markdown or JSON Lines with allow: [...], or give the field another name"
            )


def address_of(page: LexborHTMLParser, source: str) -> str:
    """The absolute address that a page gives of itself: ``canonical``, ``og:url``, "saved from"; else nothing."""
    canonical = page.css_first('link[rel="canonical"]')
    saved = _SAVED_FROM.search(source, 0, _SAVED_CHARS)
    found = [
        (canonical.attributes.get("href") or "") if canonical is not None else "",
        meta_of(page, "og:url"),
        saved.group(1) if saved else "",
    ]
    return next((url for one in found if (url := web_address(one))), "")
