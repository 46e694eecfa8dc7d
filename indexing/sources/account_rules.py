"""What an account of a file's text means: which files are refused, and which are read with a warning.

Source of every bound that the issue does not give: decision 46, which has what they told of real files.
"""

from collections.abc import Iterator

from indexing.records import TextAccount
from indexing.sources.refusals import Refused

WARNED_SHARE = 0.01
"""Of a file's letters and digits: more that are lost without a reason are a warning. Our choice."""
WARNED_LETTERS = 200
"""As ``WARNED_SHARE``, for long files. Source: decision 46."""
REFUSED_SHARE = 0.20
"""Of a file's letters and digits: more that are lost without a reason, or cannot be read, are a refusal. Our choice."""
UNREADABLE = "unreadable glyphs"
"""The reason of what a reader sees and cannot tell."""
_NO_TEXT = frozenset(
    {"copies for older programs", "directives without text", "field codes", "fields without a value", "footnote marks"}
    | {"formulas written twice", "front matter", "heading anchors", "import and export statements", "line numbers"}
    | {"line that names the delimiter", "names of empty columns", "names of files that would be included"}
    | {"names of objects in results", "names repeated in charts", "options of directives", "other formats of results"}
    | {"raw code of other formats", "results in HTML or scripts", "scripts and styles", "tags and attributes"}
)
"""Reasons of what is no text of the document: left out of every share."""
_BOILERPLATE = frozenset(
    {"comments", "form controls", "headers and footers", "navigation", "parts around the article", "running lines"}
    | {"table of contents", "tables of contents"}
)
"""Reasons of what is the same on every page, and much on short ones."""
_WARNED_BOILERPLATE = 0.90
"""More boilerplate than that may be content that was taken for it. Our choice."""
_WARNED_OTHER = 0.20
"""Of any other reason: more than that may be content. Our choice."""
_WARNED_OTHER_LETTERS = 50
"""As ``_WARNED_OTHER``: what is less, some ten words, is told in the table alone. Source: decision 46."""


def refuse_losses(account: TextAccount) -> None:
    """Refuse a file of which too much is lost.

    Raises:
        Refused: with how much, and what to do.
    """
    if account.unexplained > REFUSED_SHARE * account.raw:
        raise Refused(
            f"{_share(account.unexplained, account)} of its text is lost by its reader ({account.reader}) without a"
            " reason: save it in another format, and report it"
        )
    unreadable = account.left_out.get(UNREADABLE, 0)
    if unreadable > REFUSED_SHARE * account.raw:
        raise Refused(
            f"{_share(unreadable, account)} of its characters cannot be read: save it with its fonts embedded, or as"
            " another format"
        )


def warnings_of(account: TextAccount) -> list[str]:
    """What a person should look at, each a sentence; empty for a file that came whole."""
    return [*account.notes, *_warned_losses(account)]


def is_loss_of_text(account: TextAccount) -> bool:
    """Whether something is missing that may be text of the document."""
    return account.unexplained > 0 or not _NO_TEXT.issuperset(account.left_out)


def _warned_losses(account: TextAccount) -> Iterator[str]:
    lost = account.unexplained
    if lost > WARNED_LETTERS or lost > WARNED_SHARE * account.raw:
        yield f"{_share(lost, account)} of its text ({lost} letters and digits) is lost without a reason."
    no_text = sum(letters for reason, letters in account.left_out.items() if reason in _NO_TEXT)
    text = max(1, account.raw - no_text)
    boilerplate = sum(letters for reason, letters in account.left_out.items() if reason in _BOILERPLATE)
    if boilerplate > _WARNED_BOILERPLATE * text:
        yield f"{boilerplate / text:.0%} of its text is left out as boilerplate."
    for reason, letters in account.left_out.items():
        share, least = (WARNED_SHARE, 0) if reason == UNREADABLE else (_WARNED_OTHER, _WARNED_OTHER_LETTERS)
        if reason not in _NO_TEXT | _BOILERPLATE and letters > max(share * text, least):
            yield f"{letters / text:.0%} of its text is left out as {reason}."


def _share(letters: int, account: TextAccount) -> str:
    return f"{letters / account.raw:.1%}"
