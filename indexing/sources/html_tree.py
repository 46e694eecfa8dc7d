"""Walks and cuts the tree of a web page, and counts what is cut by its reason."""

import re
from collections import Counter
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from indexing.sources.extracted_text import letters_and_digits

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
NAVIGATION = "navigation"
AROUND = "parts around the article"
"""Reasons that several modules give: footers, banners, cookie notices and all that lies outside the main part."""
_WORD = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*")
_MAX_NAME_CHARS = 500
"""Of a class attribute so many code points are read. Source: our choice."""


def names(text: str) -> frozenset[str]:
    """The words of ``text``."""
    return frozenset(text.split())


class Cuts:
    """What was taken out of one page: letters and digits by reason, and elements that controls were taken from."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.held_controls: set[int] = set()

    def cut(self, node: LexborNode, reason: str) -> None:
        """Takes ``node`` out of its page, and counts its text under ``reason``."""
        self.count(node.text(), reason)
        node.decompose()

    def count(self, text: str, reason: str) -> None:
        """Counts ``text`` as left out for ``reason``."""
        self.left_out[reason] += letters_and_digits(text)

    def count_around(self, body: LexborNode, root: LexborNode, reason: str) -> None:
        """Counts what lies in ``body`` around ``root`` under ``reason``; it stays where it is."""
        self.left_out[reason] += letters_and_digits(body.text()) - letters_and_digits(root.text())

    def counts(self) -> dict[str, int]:
        """Letters and digits by reason."""
        return {reason: count for reason, count in self.left_out.items() if count}


def children(node: LexborNode) -> Iterator[LexborNode]:
    """The nodes right below ``node``: elements, texts and comments."""
    child = node.first_child
    while child is not None:
        yield child
        child = child.next


def outermost(nodes: list[LexborNode]) -> list[LexborNode]:
    """Those of ``nodes`` that lie in no other of them: what is taken out with one may not be touched again."""
    ids = {node.mem_id for node in nodes}

    def is_within(node: LexborNode) -> bool:
        above = node.parent
        while above is not None:
            if above.mem_id in ids:
                return True
            above = above.parent
        return False

    return [node for node in nodes if not is_within(node)]


def words(name: str) -> list[str]:
    """The words of a class or id in lower case: ``siteNav top-bar`` has four."""
    return [word.lower() for word in _WORD.findall(name[:_MAX_NAME_CHARS])]


def class_words(node: LexborNode) -> list[str]:
    """The words of all classes of an element."""
    return words(node.attributes.get("class") or "")


def role_of(node: LexborNode) -> str:
    """What an element says that it is, or the empty string."""
    return (node.attributes.get("role") or "").lower()


def text_of(node: LexborNode | None) -> str:
    """The text of a node on one line."""
    return " ".join(node.text().split()) if node is not None else ""


def is_inside(node: LexborNode, tags: tuple[str, ...]) -> bool:
    """Whether an element of one of these names lies around ``node``."""
    above = node.parent
    while above is not None:
        if above.tag in tags:
            return True
        above = above.parent
    return False


def is_in_article(node: LexborNode) -> bool:
    """Whether ``node`` lies inside what a page marks as its main part or as an article."""
    above = node.parent
    while above is not None:
        if above.tag in ("main", "article") or role_of(above) == "main":
            return True
        above = above.parent
    return False


def is_mostly_links(node: LexborNode, *, least: int = 3, share: float = 0.7) -> bool:
    """Whether ``node`` has ``least`` links, and they are that share of its letters."""
    links = [letters_and_digits(link.text()) for link in node.css("a[href]")]
    return len(links) >= least and sum(links) >= share * letters_and_digits(node.text())
