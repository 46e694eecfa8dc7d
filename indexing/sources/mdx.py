"""Reads MDX as Markdown: the text inside components is kept, what is a program is left out; nothing is run."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from indexing.sources.extracted_text import Extract, TextAccount, letters_and_digits, tidied
from indexing.sources.mdx_programs import elements, end_of_bracket, end_of_line, end_of_tag
from indexing.sources.refusals import Refused
from indexing.sources.superscripts import superscript


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


READER = "mdx 1"
_TOKEN = re.compile(
    r"(?P<fence>^[ \t]*(?P<ticks>`{3,}|~{3,})[^\n]*$)"
    r"|(?P<code>(?<!`)`{1,2}(?!`))"
    r"|(?P<math>\$\$[^$]+\$\$|\$[^\s$](?:[^$\n]*[^\s$])?\$)"
    r"|(?P<escape>\\[<{}>`\\])"
    r"|(?P<comment><!--)"
    r"|(?P<program>^(?:import\s*(?:[\"'{*]|[\w$]+\s*(?:,|from\b))|export\s+(?:default|const|let|var|function|class"
    r"|async|type|interface|\{|\*)))"
    r"|(?P<tag></?(?P<name>[A-Za-z][\w.:-]*)(?=[\s/>])|</?(?=>))"
    r"|(?P<expression>\{)",
    re.MULTILINE,
)
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_SHOWN = frozenset({"title", "label", "summary", "caption", "heading", "header", "description", "alt", "subtitle"})
"""The attributes whose text components show. Source: our choice, by Docusaurus, Nextra, Mintlify and Starlight."""
_PROGRAM_TAGS = frozenset({"script", "style"})
_BLOCK_TAGS = _names(
    "p div li ul ol dl dt dd tr td th table thead tbody tfoot h1 h2 h3 h4 h5 h6 section article details "
    "summary figure figcaption blockquote pre br hr header footer main aside nav"
)
"""The elements of HTML whose text stands apart from what is beside them."""
_RAISED = re.compile(r"([^<{\n]{1,200})</sup", re.IGNORECASE)
_LITERAL = re.compile(r"\s*(?:\"([^\"]*)\"|'([^']*)'|`((?:[^`$\\]|\$(?!\{))*)`)\s*")
_REMARK = re.compile(r"\s*/\*.*\*/\s*", re.DOTALL)
_UNFINISHED = re.compile(r"(?:[=,(\[{+&|?:]|=>|\bfrom)\s*$")
_LIST_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])\s")
_MAX_DEPTH = 8
"""Expressions in elements in expressions that are looked into. Source: our choice."""
_MAX_BROKEN = 100
"""So many beginnings that have no end make a file no MDX: bounds the time of searching for ends. Source: our choice."""


@dataclass(slots=True)
class _Reading:
    """A file or the elements in an expression of it, ``depth`` such deep: what was written of it and left out."""

    text: str
    written: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    depth: int = 0

    def leave(self, reason: str, text: str) -> None:
        count = letters_and_digits(text)
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count


def read_mdx(text: str) -> Extract:
    """The Markdown of an MDX file without its front matter.

    Tags go and their text stays, with the titles, labels and the like of components; import and export statements,
    comments, expressions and other attributes are left out, and the account says how much. Code stays as it is.

    Raises:
        Refused: It is full of braces or tags that never end.
        Unreadable: It is too long.
    """
    reading = _Reading(text)
    _read(reading)
    result = tidied(_dedented("".join(reading.written)))
    return Extract(
        result, account=TextAccount(READER, letters_and_digits(text), letters_and_digits(result), reading.left_out)
    )


def _read(reading: _Reading) -> None:
    text, at, broken = reading.text, 0, 0
    while (token := _TOKEN.search(text, at)) is not None:
        reading.written.append(text[at : token.start()])
        kind = next(name for name in _READERS if token.group(name) is not None)
        end = _READERS[kind](reading, token)
        if end is None:  # it has no end, so it is text
            broken += 1
            reading.written.append(token.group())
            end = token.end()
        if broken > _MAX_BROKEN:
            raise Refused(f"it has over {_MAX_BROKEN} braces or tags without an end: mend it, or name it .md")
        at = end
    reading.written.append(text[at:])


def _fence(reading: _Reading, token: re.Match[str]) -> int:
    ticks = token.group("ticks")
    closing = re.compile(rf"^[ \t]*{ticks[0]}{{{len(ticks)},}}[ \t]*$", re.MULTILINE).search(reading.text, token.end())
    end = closing.end() if closing else len(reading.text)
    reading.written.append(reading.text[token.start() : end])
    return end


def _code(reading: _Reading, token: re.Match[str]) -> int | None:
    run = token.group("code")
    paragraph = reading.text.find("\n\n", token.end())
    limit = paragraph if paragraph >= 0 else len(reading.text)
    closing = re.compile(rf"(?<!`){run}(?!`)").search(reading.text, token.end(), limit)
    if closing is None:
        return None
    reading.written.append(reading.text[token.start() : closing.end()])
    return closing.end()


def _as_it_is(reading: _Reading, token: re.Match[str]) -> int:
    reading.written.append(token.group())
    return token.end()


def _comment(reading: _Reading, token: re.Match[str]) -> int | None:
    end = reading.text.find("-->", token.end())
    if end < 0:
        return None
    reading.leave("comments", reading.text[token.start() : end])
    return end + 3


def _program(reading: _Reading, token: re.Match[str]) -> int:
    """A statement ends at the first line end outside brackets, or, where no such is, at a blank line."""
    text, at = reading.text, token.start()
    while True:
        end = end_of_line(text, at)
        if end is None:
            blank = text.find("\n\n", token.start())
            end = blank if blank >= 0 else len(text)
            break
        if end >= len(text) or not _UNFINISHED.search(text, token.start(), end):
            break
        at = end + 1
    reading.leave("import and export statements", text[token.start() : end])
    return end


def _tag(reading: _Reading, token: re.Match[str]) -> int | None:
    text, name = reading.text, (token.group("name") or "").lower()
    end = end_of_tag(text, token.end())
    if end is None:
        return None
    whole = text[token.start() : end]
    is_opening = not whole.startswith("</")
    if is_opening and name in _PROGRAM_TAGS and not whole.endswith("/>"):
        closed = re.compile(rf"</{name}", re.IGNORECASE).search(text, end)
        if closed is not None:
            reading.leave("scripts and styles", text[token.start() : closed.start()])
        return closed.start() if closed is not None else None
    shown = [double or single for key, double, single in _ATTRIBUTE.findall(whole) if key.lower() in _SHOWN]
    rest = letters_and_digits(whole) - sum(map(letters_and_digits, shown))
    reading.left_out["tags and attributes"] = reading.left_out.get("tags and attributes", 0) + rest
    raised = _RAISED.match(text, end) if is_opening and name == "sup" else None
    if raised:
        reading.written.append(superscript(raised.group(1)))
        return raised.end(1)
    if shown and is_opening:
        begins_line = not text[text.rfind("\n", 0, token.start()) + 1 : token.start()].strip()
        reading.written.append(("\n\n" if begins_line else " ").join([*shown, ""]))
    elif name in _BLOCK_TAGS:
        reading.written.append("\n")
    return end


def _expression(reading: _Reading, token: re.Match[str]) -> int | None:
    end = end_of_bracket(reading.text, token.start())
    if end is None:
        return None
    inner = reading.text[token.end() : end - 1]
    literal = _LITERAL.fullmatch(inner)
    if literal:
        reading.written.append(next(part for part in literal.groups() if part is not None))
    elif _REMARK.fullmatch(inner):
        reading.leave("comments", inner)
    elif inner.startswith("#"):
        reading.leave("heading anchors", inner)
    else:
        _readelements(reading, inner)
    return end


def _readelements(reading: _Reading, program: str) -> None:
    """Keeps the text of the elements in an expression: ``{isNew && <p>Since May.</p>}`` shows some of it."""
    at = 0
    for start, end in elements(program) if reading.depth < _MAX_DEPTH else ():
        reading.leave("expressions", program[at:start])
        inner = _Reading(program[start:end], left_out=reading.left_out, depth=reading.depth + 1)
        _read(inner)
        reading.written += [" "] * (at > 0) + inner.written
        at = end
    reading.leave("expressions", program[at:])


_READERS: Mapping[str, Callable[[_Reading, re.Match[str]], int | None]] = {
    "fence": _fence,
    "code": _code,
    "math": _as_it_is,
    "escape": _as_it_is,
    "comment": _comment,
    "program": _program,
    "tag": _tag,
    "expression": _expression,
}


def _dedented(text: str) -> str:
    """``text`` without the indentation that components give it, which Markdown would take for code; MDX has none such.

    Inside lists, indentation says what belongs to an item, so only that of the list itself goes.
    """
    lines: list[str] = []
    base, in_list, fence, was_blank = 0, False, "", True
    for line in text.split("\n"):
        bare = line.lstrip(" \t")
        indent = len(line) - len(bare)
        if not bare:
            if fence or not was_blank:
                lines.append(line if fence else "")
            was_blank = True
            continue
        if not fence:
            is_item = _LIST_ITEM.match(bare) is not None
            if not in_list or (indent <= base and was_blank and not is_item):
                base, in_list = indent, is_item
        lines.append(line[min(indent, base) :])
        ticks = bare[: len(bare) - len(bare.lstrip("`~"))]
        if fence:
            fence = "" if ticks.startswith(fence) and not bare.strip("`~ \t") else fence
        elif len(ticks) >= 3:
            fence = ticks
        was_blank = False
    return "\n".join(lines)
