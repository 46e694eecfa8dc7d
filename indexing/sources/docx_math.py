"""Writes the equations of a Word file (OMML) on one line as plain text: ``A=πr^2``, ``(a+b)/2``, ``√(x)``."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from indexing.sources.docx_styles import switch, value
from indexing.sources.superscripts import superscript

_ONE = re.compile(r"[\w.,\u0300-\u036f\u221e\u2032]*|[-+\u2212]?[\w.,]+|\([^()]*\)|\[[^\[\]]*\]")
"""What needs no brackets around it: a word or number, or what has brackets."""
_STYLED = re.compile("[\U0001d400-\U0001d7ff]+")
_DELETED = frozenset({"w-del", "w-moveFrom"})


def linear(element: Element) -> str:
    """An ``m:oMath``, or any part of one, on one line.

    Raised and lowered parts follow ``^`` and ``_``; fractions stand as ``a/b``, rows of a matrix after semicolons.
    Nothing is added but signs: each letter and digit is one of the equation's own.
    """
    return " ".join(_STYLED.sub(_plain, _text(element)).split())


def _plain(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", found.group())


def _text(element: Element | None) -> str:
    if element is None or element.tag in _DELETED or element.tag.endswith("Pr"):
        return ""
    write = _WRITERS.get(element.tag)
    return write(element) if write else "".join(map(_text, element))


def _part(element: Element, name: str) -> str:
    return _text(element.find(name)).strip()


def _grouped(text: str) -> str:
    return text if _ONE.fullmatch(text) else f"({text})"


def _sign(element: Element, path: str, usual: str) -> str:
    found = value(element.find(path.rpartition("/")[0]), path.rpartition("/")[2])
    return usual if found is None else found


def _run(element: Element) -> str:
    return "".join(child.text or "" for child in element if child.tag in ("m-t", "w-t"))


def _lowered(element: Element, name: str = "m-sub") -> str:
    below = _part(element, name)
    return f"_{_grouped(below)}" if below else ""


def _raised(element: Element, name: str = "m-sup") -> str:
    above = _part(element, name)
    return superscript(above) if above else ""


def _script(element: Element) -> str:
    return _grouped(_part(element, "m-e")) + _lowered(element) + _raised(element)


def _before(element: Element) -> str:
    return _lowered(element) + _raised(element) + _part(element, "m-e")


def _fraction(element: Element) -> str:
    above, below = _part(element, "m-num"), _part(element, "m-den")
    if _sign(element, "m-fPr/m-type", "bar") == "noBar":
        return f"({above} \u00a6 {below})"  # a binomial, or one above the other
    return f"{_grouped(above)}/{_grouped(below)}"


def _root(element: Element) -> str:
    degree = "" if switch(element.find("m-radPr/m-degHide")) else _part(element, "m-deg")
    return f"\u221a{degree and f'[{degree}]'}({_part(element, 'm-e')})"


def _operator(element: Element) -> str:
    sign = _sign(element, "m-naryPr/m-chr", "\u222b")
    return f"{sign}{_lowered(element)}{_raised(element)} {_part(element, 'm-e')}"


def _bracketed(element: Element) -> str:
    opening, closing = _sign(element, "m-dPr/m-begChr", "("), _sign(element, "m-dPr/m-endChr", ")")
    between = _sign(element, "m-dPr/m-sepChr", "|")
    return opening + between.join(_text(one).strip() for one in element.findall("m-e")) + closing


def _function(element: Element) -> str:
    return f"{_part(element, 'm-fName')} {_part(element, 'm-e')}"


def _below(element: Element) -> str:
    return _grouped(_part(element, "m-e")) + _lowered(element, "m-lim")


def _above(element: Element) -> str:
    return _grouped(_part(element, "m-e")) + _raised(element, "m-lim")


def _matrix(element: Element) -> str:
    rows = [", ".join(_text(cell).strip() for cell in row.findall("m-e")) for row in element.findall("m-mr")]
    return f"[{'; '.join(rows)}]"


def _lines(element: Element) -> str:
    return "; ".join(_text(line).replace("&", "").strip() for line in element.findall("m-e"))


def _accented(element: Element) -> str:
    inner, sign = _part(element, "m-e"), _sign(element, "m-accPr/m-chr", "\u0302")
    return unicodedata.normalize("NFC", inner + sign) if len(inner) == 1 else inner + sign


def _bar(element: Element) -> str:
    inner = _part(element, "m-e")
    return f"{inner}\u0305" if len(inner) == 1 else _grouped(inner)


def _paragraph(element: Element) -> str:
    return "; ".join(text for child in element.findall("m-oMath") if (text := _text(child).strip()))


_WRITERS: Mapping[str, Callable[[Element], str]] = {
    "m-r": _run,
    "w-t": lambda element: element.text or "",
    "m-sSup": _script,
    "m-sSub": _script,
    "m-sSubSup": _script,
    "m-sPre": _before,
    "m-f": _fraction,
    "m-rad": _root,
    "m-nary": _operator,
    "m-d": _bracketed,
    "m-func": _function,
    "m-limLow": _below,
    "m-limUpp": _above,
    "m-m": _matrix,
    "m-eqArr": _lines,
    "m-acc": _accented,
    "m-bar": _bar,
    "m-oMathPara": _paragraph,
}
