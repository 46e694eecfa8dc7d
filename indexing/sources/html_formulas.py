"""Writes the formulas of a web page: in LaTeX where the page has that, else as text that keeps their meaning."""

from selectolax.lexbor import LexborNode

from indexing.sources.extracted_text import letters_and_digits
from indexing.sources.html_tree import Cuts, children, outermost
from indexing.sources.superscripts import superscript

_WRITTEN = "msup, mfrac, msqrt, mroot, msub, msubsup, munder, mover, munderover"
_LIMITS = ("munder", "mover", "munderover")


def write_formulas(root: LexborNode, cuts: Cuts) -> None:
    """Writes formulas as their author did, in LaTeX, where the page has that; else powers, roots, indices as text."""
    for formula in outermost(root.css("math")):
        source = formula.css_first("annotation[encoding*=tex], annotation[encoding*=TeX]")
        if source is not None:
            text = source.text().strip()
            whole = formula.text()
            cuts.left_out["formulas written twice"] += letters_and_digits(whole) - letters_and_digits(text)
            formula.replace_with(f"${text}$")
            continue
        for node in outermost(formula.css("annotation, annotation-xml")):
            cuts.cut(node, "formulas written twice")
        for node in reversed(formula.css(_WRITTEN)):  # the inner of two before the outer
            if written := _written(node):
                node.replace_with(written)


def _written(node: LexborNode) -> str:
    """One element as text, or the empty string where its parts are not those that it should have."""
    if node.tag == "msqrt":
        return f"\N{SQUARE ROOT}{_bracketed(_text(node))}"
    parts = [_text(child) for child in children(node) if child.is_element_node or (child.text() or "").strip()]
    match node.tag, parts:
        case "mfrac", [upper, lower]:
            return f"{_bracketed(upper)}/{_bracketed(lower)}"
        case "mroot", [term, index]:
            return f"{_bracketed(term)}^(1/{index})"
        case (("msup" | "mover"), [term, above]):
            return f"{term}{superscript(above)}"
        case (("msub" | "munder"), [term, below]):
            return f"{term}_{_bracketed(below)}"
        case (("msubsup" | "munderover"), [term, below, above]):
            return f"{term}_{_bracketed(below)}{superscript(above)}"
    return ""


def _text(node: LexborNode) -> str:
    return "".join((node.text() or "").split())


def _bracketed(term: str) -> str:
    return term if term.isalnum() else f"({term})"
