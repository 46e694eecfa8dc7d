"""Directives and roles that docutils does not know, Sphinx's above all: their text is kept, and nothing is run or read.

``declare`` makes each that a source names known before the source is parsed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.languages import get_language
from docutils.parsers.rst.states import Inliner
from docutils.statemachine import StringList
from docutils.utils import new_document


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


LEFT_OUT = "left_out"
"""The attribute of a node that is left out; its value is the reason."""
ADDED = "added"
"""The attribute of a node whose text stands in no source."""
_DIRECTIVE = re.compile(r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([a-z0-9][\w:+.-]*?)[ \t]?::(?=[ \t]|$)", re.M | re.I)
_ROLE = re.compile(r":([a-z][\w:+.-]*):`|`:([a-z][\w:+.-]*):", re.IGNORECASE)
_TITLED = re.compile(r"(.*?)\s*<([^<>]*)>", re.DOTALL)
_MAX_NAMES = 1_000
"""More directives or roles than this in one file are none. Source: our choice."""
_CODE = _names(
    "code-block sourcecode prompt ipython doctest testcode testoutput testsetup testcleanup productionlist "
    "mermaid graphviz digraph graph plantuml uml console jsonexample highlight-block tikz http:example code"
)
_UNSEEN = _names(
    "index highlight currentmodule py:currentmodule module-index default-domain tabularcolumns program sectnum "
    "contents title meta"
)
_UNSEEN_ARGUMENTS = _names("only ifconfig rst-class cssclass grid tab-set tab-set-code grid-item")
_INCLUDES = _names("include literalinclude mdinclude")
_VERSIONS = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}
_WRITTEN_AS_CODE = _names(
    "func class meth mod attr exc data obj const file command program option envvar kbd samp type macro var "
    "member struct code makevar mailheader mimetype regexp token setting"
)
_OPTIONS = "options of directives"
_SHOWN_OPTIONS = ("caption", "title", "header", "alt", "summary")


class _AnyOptions(dict[str, Callable[[str], str]]):
    """The options that a directive knows, and every other as it is written; true even where it knows none."""

    def __bool__(self) -> bool:
        return True

    def __missing__(self, name: str) -> Callable[[str], str]:
        return directives.unchanged


class _Anything(Directive):
    """Keeps a directive's argument as a paragraph, what its options show, and its content."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]]] = _AnyOptions()

    def run(self) -> list[nodes.Node]:
        shown = [self.options[name] for name in _SHOWN_OPTIONS if self.options.get(name)]
        hidden = [str(text) for name, text in self.options.items() if name not in _SHOWN_OPTIONS and text]
        found = [*self._opening(), *map(self._line, shown), *self._body()]
        return [*found, _left(_OPTIONS, " ".join(hidden))] if hidden else found

    def _opening(self) -> list[nodes.Node]:
        argument = " ".join(self.arguments)
        if self.name in _UNSEEN_ARGUMENTS:
            return [_left(_OPTIONS, argument)] if argument else []
        if ":" in self.name and argument:  # a description of code: its lines are signatures
            lines = [line.strip() for line in self.arguments[0].splitlines()]
            return [nodes.paragraph("", "", nodes.literal(line, line)) for line in lines if line]
        return [self._line(argument)] if argument else []

    def _body(self) -> list[nodes.Node]:
        return self._parsed(self.content, self.content_offset)

    def _parsed(self, content: StringList, offset: int) -> list[nodes.Node]:
        around = nodes.container()
        self.state.nested_parse(content, offset, around, match_titles=True)
        return list(around.children)

    def _line(self, text: str) -> nodes.Node:
        parsed, messages = self.state.inline_text(" ".join(text.split()), self.lineno)
        return nodes.paragraph(text, "", *parsed, *messages)


class _Code(_Anything):
    def _opening(self) -> list[nodes.Node]:
        return []

    def _body(self) -> list[nodes.Node]:
        first, _, rest = (self.arguments[0] if self.arguments else "").partition("\n")
        language, _, more = first.strip().partition(" ")
        text = "\n".join(filter(None, [rest, "\n".join(self.content)]))
        if not text:
            text, language, more = first, "", ""
        return [nodes.literal_block(text, text, classes=["code", language]), _left(_OPTIONS, more)]


class _Contents(_Anything):
    """``toctree``: the titles that it gives, or the names of the documents."""

    def _body(self) -> list[nodes.Node]:
        entries = nodes.bullet_list()
        for line in (line.strip() for line in self.content):
            if line:
                titled = _TITLED.fullmatch(line)
                shown = titled.group(1) if titled and titled.group(1) else line
                entries += nodes.list_item("", nodes.paragraph(shown, shown))
        return [entries] if entries.children else []


class _Version(_Anything):
    def _opening(self) -> list[nodes.Node]:
        version, rest = [*" ".join(self.arguments).split(None, 1), "", ""][:2]
        line = nodes.paragraph()
        label = nodes.inline("", f"{_VERSIONS[self.name]} ")
        label[ADDED] = 1
        line += [label, nodes.inline("", f"{version}: " if rest or self.content else version)]
        if rest:
            line += self._line(rest).children
        return [line]


class _Unseen(_Anything):
    """What a reader of the page does not see, or sees elsewhere."""

    def run(self) -> list[nodes.Node]:
        return [_left("directives without text", " ".join([*self.arguments, *self.content]))]


class _Raw(_Anything):
    def run(self) -> list[nodes.Node]:
        return [_left("raw code of other formats", "\n".join(self.content))]


class _Included(_Anything):
    def run(self) -> list[nodes.Node]:
        return [_left("names of files that would be included", " ".join(self.arguments))]


def _left(reason: str, text: str) -> nodes.Node:
    node = nodes.comment(text, text)
    node[LEFT_OUT] = reason
    return node


def _role(
    name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Inliner,
    options: Mapping[str, Any] | None = None,
    content: Sequence[str] = (),
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """The title that a role's text gives, or the text itself."""
    titled = _TITLED.fullmatch(text)
    shown = titled.group(1) if titled and titled.group(1) else text.lstrip("~!")
    shown = shown.replace("\0", "")
    is_code = name.rpartition(":")[2].lower() in _WRITTEN_AS_CODE
    return [nodes.literal(rawtext, shown) if is_code else nodes.inline(rawtext, shown)], []


def _kind(name: str) -> type[Directive]:
    if name in _CODE:
        return _Code
    if name == "toctree":
        return _Contents
    if name in _UNSEEN:
        return _Unseen
    if name in _INCLUDES:
        return _Included
    if name == "raw":
        return _Raw
    return _Version if name in _VERSIONS else _Anything


def declare(source: str) -> None:
    """Makes every directive and role that ``source`` names known to docutils, without those that it knows.

    What could read a file or bring in foreign code is replaced.
    """
    document = new_document("")
    english = get_language("en", document.reporter)
    for name in sorted({name.lower() for name in _DIRECTIVE.findall(source)})[:_MAX_NAMES]:
        known, _ = directives.directive(name, english, document)  # type: ignore[arg-type]  # the stubs name another module
        if known is None or name in _INCLUDES | _UNSEEN | _CODE | {"raw"}:
            directives.register_directive(name, _kind(name))
        elif known.option_spec and not isinstance(known.option_spec, _AnyOptions):
            options = {"option_spec": _AnyOptions(known.option_spec)}  # Sphinx's are more
            directives.register_directive(name, type(known.__name__, (known,), options))
    named = {(before or behind).lower() for before, behind in _ROLE.findall(source)}
    for name in sorted(named)[:_MAX_NAMES]:
        known_role, _ = roles.role(name, english, 0, document.reporter)  # type: ignore[arg-type]  # as above
        if known_role is None:
            roles.register_local_role(name, _role)  # type: ignore[arg-type]  # the stubs want references
