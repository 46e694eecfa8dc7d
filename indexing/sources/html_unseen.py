"""Takes out of a web page what its readers do not see: scripts, controls, pictures, hidden parts.

A collapsed answer and a tab behind the first are parts that a reader can unfold: they stay.
"""

import re

from selectolax.lexbor import LexborNode

from indexing.sources.extracted_text import Unreadable
from indexing.sources.html_furniture import is_named_furniture
from indexing.sources.html_to_markdown import MAX_DEPTH
from indexing.sources.html_tree import (
    HEADINGS,
    Cuts,
    children,
    class_words,
    is_inside,
    is_mostly_links,
    names,
    role_of,
    text_of,
)

_SCRIPTS, _CONTROLS, _MEDIA, _HIDDEN_TEXT = "scripts and styles", "form controls", "pictures and media", "hidden text"
_UNSEEN_TAGS = {
    **dict.fromkeys(names("script style noscript template"), _SCRIPTS),
    **dict.fromkeys(names("button input select textarea datalist label"), _CONTROLS),
    **dict.fromkeys(names("svg iframe frame object embed canvas audio video map img"), _MEDIA),
    **dict.fromkeys(names("dialog title"), _HIDDEN_TEXT),
}
_AROUND_IMAGES = ("main", "article", "figure", "p", "li")
_PANEL_ROLES = ("tabpanel", "region")
_POPUP_ROLES = names("listbox tooltip alert status")
_POPUP_TOGGLES = names("modal dropdown offcanvas popover tooltip")
_POPUPS = names("dialog drawer offcanvas lightbox dropdown popover tooltip toast overlay")
"""Words of class names."""
_INVISIBLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_MARKED_HIDDEN = "[hidden], [style], blockquote[cite]"


def drop_unseen(body: LexborNode, cuts: Cuts) -> int:
    """Takes away what is not seen, and the marks of hidden parts that stay, so that nothing later leaves them out.

    Returns:
        How many letters and digits of descriptions of pictures were put in their places.

    Raises:
        Unreadable: Its elements are nested too deep.
    """
    panels = _panels(body)
    found: list[tuple[LexborNode, str]] = []
    stack = [(body, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise Unreadable(f"its elements are nested more than {MAX_DEPTH} deep: simplify the page")
        for child in children(node):
            if child.is_comment_node:
                found.append((child, ""))
            elif child.is_element_node:
                reason = _why_unseen(child, panels)
                if reason:
                    found.append((child, reason))
                else:
                    stack.append((child, depth + 1))
    described = sum(_take_out(node, reason, cuts) for node, reason in found)
    _reveal(body)
    return described


def _take_out(node: LexborNode, reason: str, cuts: Cuts) -> int:
    if not reason:
        node.decompose()
        return 0
    alt = (node.attributes.get("alt") or "").strip() if node.tag == "img" else ""
    if alt and is_inside(node, _AROUND_IMAGES):
        node.replace_with(alt)
        return sum(map(str.isalnum, alt))
    formula = node.text() if (node.attributes.get("type") or "").startswith("math/tex") else ""
    if node.tag == "script" and formula:
        node.replace_with(f"${formula.strip()}$")
        return 0
    above = node.parent
    if reason == _CONTROLS and above is not None:
        cuts.held_controls.update(one.mem_id for one in (above, above.parent) if one is not None)
    cuts.cut(node, reason)
    return 0


def _why_unseen(node: LexborNode, panels: frozenset[str]) -> str:
    """Why a reader of the page sees no text of this element, or the empty string."""
    tag = node.tag or ""
    if tag in _UNSEEN_TAGS:
        is_seen = (
            (tag == "button" and _is_question(node, panels))
            or (tag == "label" and not is_inside(node, ("form",)))
            or (tag == "input" and _is_tick(node))
        )
        return "" if is_seen else _UNSEEN_TAGS[tag]
    return _HIDDEN_TEXT if _is_hidden(node) and not _unfolds(node, panels) else ""


def _is_tick(node: LexborNode) -> bool:
    """Whether a control is the box of a list of tasks."""
    above = node.parent
    if above is not None and above.tag == "label":
        above = above.parent
    is_box = (node.attributes.get("type") or "").lower() == "checkbox"
    return is_box and above is not None and above.tag == "li" and not is_inside(node, ("form",))


def _reveal(body: LexborNode) -> None:
    for label in body.css("li > label"):
        label.unwrap()  # html-to-markdown knows the box of a task only right below its item
    for node in (body, *body.css(_MARKED_HIDDEN)):
        if "hidden" in node.attributes:
            del node.attrs["hidden"]
        if _INVISIBLE.search(node.attributes.get("style") or ""):
            del node.attrs["style"]
        if "cite" in node.attributes:
            del node.attrs["cite"]  # else its address would be written as if it were text


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    is_silent = (attributes.get("aria-hidden") or "").lower() == "true"
    return is_silent or bool(_INVISIBLE.search(attributes.get("style") or ""))


def _is_question(button: LexborNode, panels: frozenset[str]) -> bool:
    """Whether a button is a whole heading, or says that it unfolds a part of the page."""
    above = button.parent
    if above is not None and above.tag in HEADINGS and text_of(above) == text_of(button):
        return True
    is_toggle = "aria-expanded" in button.attributes or "collapse" in _toggles(button)
    return is_toggle and not panels.isdisjoint(_targets(button))


def _unfolds(node: LexborNode, panels: frozenset[str]) -> bool:
    """Whether a hidden element is shown when a reader asks for it, as a part of the article."""
    if _is_popup(node):
        return False
    before = node.prev
    while before is not None and not before.is_element_node:
        before = before.prev
    is_answer = before is not None and any(
        heading.css_first("button, [role=button]") is not None for heading in before.css(", ".join(HEADINGS))
    )
    return is_answer or role_of(node) in _PANEL_ROLES or (node.attributes.get("id") or "") in panels


def _panels(body: LexborNode) -> frozenset[str]:
    """The ids of the elements that a button, tab or link of the page shows, without menus, dialogs and the like."""
    named: set[str] = set()
    for node in body.css("[aria-controls], [data-target], [data-bs-target], a[href^='#']"):
        attributes = node.attributes
        if _POPUP_TOGGLES.isdisjoint(_toggles(node)) and (attributes.get("aria-haspopup") or "false") == "false":
            named.update(_targets(node))
    shown = (node for node in body.css("[id]") if (node.attributes["id"] or "") in named)
    return frozenset(node.attributes["id"] or "" for node in shown if not (_is_popup(node) or is_mostly_links(node)))


def _toggles(node: LexborNode) -> set[str]:
    """What Bootstrap shows or hides by this element: ``collapse``, ``modal``, ``dropdown``, ..."""
    named = (node.attributes.get(name) or "" for name in ("data-bs-toggle", "data-toggle"))
    return {word for value in named for word in value.lower().split()}


def _targets(node: LexborNode) -> set[str]:
    attributes = node.attributes
    named = [attributes.get(name) or "" for name in ("aria-controls", "data-target", "data-bs-target")]
    if node.tag == "a":
        named.append(attributes.get("href") or "")
    return {word.removeprefix("#") for value in named for word in value.replace(",", " ").split()}


def _is_popup(node: LexborNode) -> bool:
    """Whether an element lies above the page when it is shown: a dialog, a menu, a hint."""
    attributes = node.attributes
    if node.tag in _UNSEEN_TAGS or (attributes.get("aria-modal") or "").lower() == "true":
        return True
    return role_of(node) in _POPUP_ROLES or is_named_furniture(node) or not _POPUPS.isdisjoint(class_words(node))
