"""How raised text is written in plain text, so that 10 to the sixth never becomes 106 and no mark sticks to a word."""

import re

_JOINED = frozenset(
    {
        "st",
        "nd",
        "rd",
        "th",
        "er",
        "ers",
        "re",
        "ère",
        "ème",
        "me",
        "mme",
        "lle",
        "º",
        "ª",
        "™",
        "®",
        "©",
        "℠",
        "tm",
        "sm",
    }
)
"""What is raised by habit and belongs to its word: 1st, 2nd, 1er, Mme, trade marks. Source: our choice."""
_NEEDS_BRACKETS = re.compile(r"\s|\S[-+\u2212\u2013±*/·\u00d7÷=<>^|]\S")
"""Spaces, or an operator between two characters: what stands behind it would not be read as raised."""
_BRACKETED = re.compile(r"\([^()]*\)")
_MARK_BRACKETS = "[]()"


def superscript(text: str) -> str:
    """``text`` as it follows, raised, behind a word or number: ``^6``, ``^-3``, ``^(n+1)``.

    Ordinals and trade marks stay as they are, and so does space around the text: ``1st``, ``Mme``.
    """
    raised = text.strip()
    if not raised or raised.casefold() in _JOINED:
        return text
    if _NEEDS_BRACKETS.search(raised) and not _BRACKETED.fullmatch(raised):
        written = f"^({' '.join(raised.split())})"
    else:
        written = f"^{raised}"
    return text.replace(raised, written, 1)


def subscript(text: str) -> str:
    """``text`` as it follows, lowered, behind a word: ``_(n+1)`` where it is a term, else as it is, as in ``H2O``."""
    lowered = text.strip()
    if not lowered or not _NEEDS_BRACKETS.search(lowered):
        return text
    return text.replace(lowered, f"_({' '.join(lowered.split())})", 1)


def footnote_mark(text: str) -> str:
    """A footnote's mark as it follows the word that it stands at: ``" [1]"``; nothing where there is no mark."""
    mark = " ".join(text.split()).strip(_MARK_BRACKETS).strip()
    return f" [{mark}]" if mark else ""
