"""Turns HTML that holds nothing but an article into Markdown. It alone imports html-to-markdown."""

from html_to_markdown import ConversionOptions, PreprocessingOptions, convert

from indexing.sources.extracted_text import tidied

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


def markdown_of(html: str) -> str:
    """``html`` as CommonMark with tables; code stays as it is, and links are their text.

    Args:
        html: An element whose elements lie at most ``MAX_DEPTH`` deep.

    Raises:
        Unreadable: The text is longer than ``MAX_TEXT_CHARS``.
    """
    return tidied(convert(html, _OPTIONS).content or "")
