"""Turns HTML that holds nothing but an article into Markdown. It alone imports html-to-markdown."""

import re

from html_to_markdown import ConversionOptions, PreprocessingOptions, convert

from indexing.sources.extracted_text import letters_and_digits, tidied

MAX_DEPTH = 400
"""Elements inside one another; html-to-markdown leaves out, without a word, what lies a little deeper than this."""
_OPTIONS = ConversionOptions(
    extract_metadata=False,
    preprocessing=PreprocessingOptions(enabled=False),  # it would leave out whole pages that are one form
    strip_tags=["a"],  # a link is its text
    skip_images=True,
    compact_tables=True,  # columns padded with spaces would be cut into passages as if they were text
    expand_abbreviations=False,
    highlight_style="none",
)
_FENCE = re.compile(r"[\s>]*(?:[-*+] |\d+[.)] )*(`{3,}|~{3,})(.*)")
_ITEM = re.compile(r"(?:[\s>]|[-*+] |\d+[.)] |\[[x ]\] )*")


def markdown_of(html: str) -> str:
    """``html`` as CommonMark with tables; code stays as it is, and links are their text.

    Args:
        html: An element whose elements lie at most ``MAX_DEPTH`` deep.

    Raises:
        Unreadable: The text is longer than ``MAX_TEXT_CHARS``.
    """
    return tidied(convert(html, _OPTIONS).content or "")


def written_letters(markdown: str) -> int:
    """Letters and digits of what ``markdown_of`` gave, without those of its own.

    Those are the numbers of lists, the ticks of tasks and the names of languages.
    """
    added, fence = 0, ""
    for line in markdown.splitlines():
        found = _FENCE.fullmatch(line)
        if fence:
            if found and found.group(1).startswith(fence) and not found.group(2).strip():
                fence = ""
            continue
        if found:
            fence = found.group(1)
            added += letters_and_digits(line)
        elif item := _ITEM.match(line):
            added += letters_and_digits(item.group())
    return letters_and_digits(markdown) - added
