"""Splits a text file into the fields above it, YAML between ``---`` or TOML between ``+++``, and its text.

YAML's plain scalars stay as they are written, unless they are ``true``, ``false``, ``null``, ``~``, nothing, or a whole
number of at most 15 digits without a zero or a sign before it that JSON would not have: ``NO``, ``1.10``, ``0123``,
``12:30:45`` and ``2024-05-06`` are texts, since a version 1.10 is not 1.1, and no two documents should have a
number and a text under one key because of a digit. ``!!float 4.5`` makes a number. TOML has types of its own.
"""

import re
import tomllib
from typing import TYPE_CHECKING

import yaml

from indexing.records import Json
from indexing.sources.field_checks import plain_json
from indexing.sources.permission_slips import refuse_lost_line, refuse_slips
from indexing.sources.refusals import Refused, shown

if TYPE_CHECKING:
    from yaml import SafeLoader as _YamlLoader
else:
    _YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MAX_FRONT_MATTER_CHARS = 256 * 1024
"""The longest front matter, in code points: bounds what YAML is read. Our choice."""
_YAML = re.compile(r"---[ \t]*(?:\r?\n|\Z)")
_YAML_END = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_TOML = re.compile(r"\+\+\+[ \t]*(?:\r?\n|\Z)")
_TOML_END = re.compile(r"^\+\+\+[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_LOOKS_LIKE_FIELDS = re.compile(r"(?:\s*(?:#.*)?\n)*[\"']?[\w$@.-][^:\n]{0,80}:(?:\s|\Z)")
"""A first line that is a field: such front matter is broken, while other text between two rules is text."""
_CORE = "tag:yaml.org,2002:"
_HEADING = re.compile(r"#{1,6}[ \t]")


class _Loader(_YamlLoader):
    """YAML whose plain scalars are text, but for those in the table below; a key twice is an error."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own table)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """The mapping, whose keys are texts as they are written."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_CORE}merge":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(problem=f"{shown(key.value)} stands there twice")
            seen.add(key.value)
            key.tag = f"{_CORE}str"
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"0|-?[1-9][0-9]{0,14}", "-0123456789"),
    ("merge", "<<", "<"),
):
    _starts = ["" if start == "\0" else start for start in _first]
    _Loader.add_implicit_resolver(_CORE + _tag, re.compile(rf"(?:{_pattern})\Z"), _starts)


def front_matter(text: str) -> tuple[dict[str, Json], str]:
    """The fields above the text, and the text below them, which is the rest of the file unchanged.

    A rule at the head of a text is a rule unless what follows it, to the next, is a mapping; so it is where blank lines
    part it from a heading, which YAML would take for a comment, or from the next rule.

    Raises:
        Refused: the fields are broken, too many, or one of them looks like a permission and is none.
    """
    fields, body = _split(text)
    if fields is None:
        refuse_lost_line(text)
        return {}, text
    if "allow" in fields and fields["allow"] is None:
        raise Refused("allow is empty: write allow: [] so that it is found by no caller, or leave it out")
    refuse_slips(fields)
    return fields, body


def _split(text: str) -> tuple[dict[str, Json] | None, str]:
    for start, end, read in ((_YAML, _YAML_END, _read_yaml), (_TOML, _TOML_END, _read_toml)):
        opening = start.match(text)
        closing = end.search(text, opening.end()) if opening else None
        if opening is None or closing is None:
            continue
        source = text[opening.end() : closing.start()]
        if start is _YAML and _is_between_rules(source):
            continue
        if len(source) > _MAX_FRONT_MATTER_CHARS:
            raise Refused(f"front matter has {len(source)} characters, more than {_MAX_FRONT_MATTER_CHARS}: shorten it")
        return (read(source) if source.strip() else {}), text[closing.end() :]
    return None, text


def _is_between_rules(source: str) -> bool:
    """Whether a blank line begins what stands between two rules, and another ends it, or it holds a heading."""
    lines = [line.strip() for line in source.splitlines()]
    if not source.strip() or lines[0]:
        return False
    return not lines[-1] or any(_HEADING.match(line) for line in lines)


def _read_yaml(source: str) -> dict[str, Json] | None:
    try:
        fields = yaml.load(source, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        if not _LOOKS_LIKE_FIELDS.match(source):
            return None
        raise Refused(
            f"front matter is not YAML ({' '.join(str(error).split())[:200]}): correct it, or put an empty line before"
            " the first --- if it is text"
        ) from error
    if not isinstance(fields, dict):
        return None
    plain: dict[str, Json] = plain_json(fields)
    return plain


def _read_toml(source: str) -> dict[str, Json]:
    try:
        plain: dict[str, Json] = plain_json(tomllib.loads(source))
    except (ValueError, RecursionError) as error:
        raise Refused(f"front matter is not TOML ({' '.join(str(error).split())[:200]}): correct it") from error
    return plain
