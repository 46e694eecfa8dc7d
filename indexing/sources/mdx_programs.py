"""Finds where the programs in MDX end: statements, brackets, tags, and the elements inside an expression."""

import re
from collections.abc import Iterator

_ELEMENT = re.compile(r"</?(?:[A-Za-z][\w.:-]*(?=[\s/>])|(?=>))")
_ELEMENT_OR_STRING = re.compile(rf"(?P<string>\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`)|{_ELEMENT.pattern}")
_PAIRS = {"{": "}", "(": ")", "[": "]"}
_NEXT_SIGN = re.compile(r"[{}()\[\]\"'`\n]|/\*")
_NEXT_IN_TAG = re.compile(r"[\"'{<>]")
_MAX_PROGRAM_CHARS = 20_000
"""The longest tag, expression or statement; what does not end before is text. Source: our choice."""


def end_of_line(text: str, at: int) -> int | None:
    """The first line end from ``at`` on that is not inside brackets; ``None`` where brackets do not close."""
    limit = min(len(text), at + _MAX_PROGRAM_CHARS)
    while at < limit:
        sign = _NEXT_SIGN.search(text, at, limit)
        if sign is None:
            return len(text) if limit == len(text) else None
        if sign.group() == "\n":
            return sign.start()
        end = _end_of_sign(text, sign)
        if end is None:
            return None
        at = end
    return len(text) if limit == len(text) else None


def _end_of_sign(text: str, sign: re.Match[str]) -> int | None:
    """Behind the bracket, text or remark that begins with a sign; behind the sign where it begins nothing."""
    opened = sign.group()
    if opened in _PAIRS:
        return end_of_bracket(text, sign.start())
    if opened == "/*":
        end = text.find("*/", sign.end())
        return end + 2 if end >= 0 else sign.end()
    if opened in "\"'`":
        end = text.find(opened, sign.end())
        line = text.find("\n", sign.end())
        is_text = end >= 0 and (opened == "`" or line < 0 or end < line)
        return end + 1 if is_text else sign.end()  # else an apostrophe
    return sign.end()


def end_of_bracket(text: str, start: int) -> int | None:
    """Behind the bracket that closes the one at ``start``; ``None`` where none does."""
    limit = min(len(text), start + _MAX_PROGRAM_CHARS)
    open_ones, at = [_PAIRS[text[start]]], start + 1
    while open_ones:
        sign = _NEXT_SIGN.search(text, at, limit)
        if sign is None:
            return None
        found = sign.group()
        if found in _PAIRS:
            open_ones.append(_PAIRS[found])
            at = sign.end()
        elif found == open_ones[-1]:
            open_ones.pop()
            at = sign.end()
        else:
            at = _end_of_sign(text, sign) or sign.end()
    return at


def end_of_tag(text: str, at: int) -> int | None:
    """Behind the end of the tag that ``at`` lies in; ``None`` where it has none."""
    limit = min(len(text), at + _MAX_PROGRAM_CHARS)
    while (sign := _NEXT_IN_TAG.search(text, at, limit)) is not None:
        found = sign.group()
        if found == ">":
            return sign.end()
        if found == "<":
            return None
        quoted = text.find(found, sign.end(), limit) + 1 or None
        end = end_of_bracket(text, sign.start()) if found == "{" else quoted
        if end is None:
            return None
        at = end
    return None


def elements(program: str) -> Iterator[tuple[int, int]]:
    """From where to where the outermost elements in a program stand; what has no end, such as a type, is none."""
    depth = start = at = 0
    while (tag := (_ELEMENT if depth else _ELEMENT_OR_STRING).search(program, at)) is not None:
        is_string = not depth and tag.group("string") is not None
        end = None if is_string else end_of_tag(program, tag.end())
        is_closing = tag.group().startswith("</")
        at = tag.end() if end is None else end
        if end is None or (is_closing and not depth):
            continue
        start = start if depth else tag.start()
        if is_closing:
            depth -= 1
        elif not program.endswith("/>", tag.start(), end):
            depth += 1
        if not depth:
            yield start, end
