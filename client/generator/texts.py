"""Docstrings of what is written."""

import re
import textwrap

WIDTH = 118
"""Columns of a docstring's line, as ours in the repository allow."""


def docstring(text: str, indent: int = 4) -> str:
    """A text as a docstring, wrapped; paragraphs and lists stay."""
    escaped = text.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = [wrapped for line in escaped.splitlines() for wrapped in wrap(line)]
    if len(lines) <= 1:
        end = " " if escaped.endswith('"') else ""
        return textwrap.indent(f'"""{escaped}{end}"""', " " * indent)
    whole = "\n".join(lines)
    return textwrap.indent(f'"""{whole}\n"""', " " * indent, lambda line: bool(line.strip()))


def wrap(line: str, hanging: str = "") -> list[str]:
    """A line in pieces that fit; an empty one stays."""
    indent = re.match(r" *", line)[0]  # type: ignore[index]
    return textwrap.wrap(
        line, WIDTH - 12, subsequent_indent=indent + hanging, break_long_words=False, break_on_hyphens=False
    ) or [""]
