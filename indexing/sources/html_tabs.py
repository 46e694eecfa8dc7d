"""Puts the labels of tabs at the head of what they show: in a row above it they would be one word, ``LinuxWindows``."""

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexing.sources.extracted_text import letters_and_digits
from indexing.sources.html_tree import children, is_inside, text_of

_NAME_CHARS = 80
"""Letters and digits of a longer text are no name of a tab. Source: our choice, as for controls."""


def name_panels(page: LexborHTMLParser, body: LexborNode) -> None:
    """Moves labels in a row to the parts below that they name, as Material for MkDocs writes tabs; else parts them."""
    for box in body.css("div:has(> label + label)"):
        labels = [child for child in children(box) if child.is_element_node]
        if is_inside(box, ("form",)) or not all(map(_is_name, labels)):
            continue
        below = next(_elements_behind(box), None)
        shown = children(below) if below is not None and below.tag == "div" else ()
        parts = [child for child in shown if child.is_element_node]
        if len(parts) == len(labels):
            for label, part in zip(labels, parts, strict=True):
                name = page.create_node("p")
                name.insert_child(text_of(label))
                part.insert_before(name)
            box.decompose()
        else:
            for label in labels[1:]:
                label.insert_before(" ")


def _elements_behind(node: LexborNode) -> Iterator[LexborNode]:
    beside = node.next
    while beside is not None:
        if beside.is_element_node:
            yield beside
        beside = beside.next


def _is_name(label: LexborNode) -> bool:
    return label.tag == "label" and letters_and_digits(label.text()) <= _NAME_CHARS
