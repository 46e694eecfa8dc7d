"""Refuses what looks like a permission and is none, so that no slip makes a restricted document public.

Only ``allow``, written so and at its place, restricts a document. Three kinds of slip are told by name: another
spelling of it (``Allow``, ``allowed``, ``alow``), another word for it (``acl``, ``readers``, ``permissions``), and a
line for it where no field is read (front matter that is not closed).
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from itertools import pairwise

from indexing.records import Json
from indexing.sources.refusals import Refused, shown

_SPELLINGS = ("allow", "allows", "allowed", "allowing", "allowlist")
_NEAR_WORDS = frozenset(
    {"alloy", "alloyed", "alloying", "alloys", "allot", "allots", "callow", "fallow", "fallows", "gallows", "hallow"}
    | {"hallowed", "hallows", "mallow", "mallows", "sallow", "tallow", "wallow", "wallowed", "wallows"}
)
"""Words within one letter of a spelling that mean something else."""
_AFTER_ALLOW = frozenset(
    {
        "access",
        "by",
        "for",
        "from",
        "group",
        "groups",
        "list",
        "only",
        "people",
        "principals",
        "read",
        "reader",
        "readers",
    }
    | {"role", "roles", "team", "teams", "to", "user", "users", "viewers"}
)
"""What makes a permission of a name that begins with "allow": ``allowed_users``, but not ``allow_comments``."""
_WORDS = frozenset(
    {"access", "access control", "access control list", "access groups", "access list", "access roles", "accessible by"}
    | {"accessible to", "acl", "acls", "authorised groups", "authorised users", "authorized groups", "authorized users"}
    | {"can read", "can see", "confidential", "granted to", "groups", "permission", "permissions", "permitted"}
    | {
        "permitted groups",
        "permitted users",
        "principal",
        "principals",
        "private",
        "read access",
        "readable by",
        "reader",
    }
    | {"denied groups", "denied users", "deny", "deny access", "hidden from", "not visible to"}
    | {"readers", "restrict", "restrict to", "restricted", "restricted to", "roles", "share with", "shared with"}
    | {"user groups", "viewers", "visibility", "visible for", "visible to", "who can read", "who can see"}
)
"""Other words for a permission. Source: our choice; decision 46 has how few ordinary fields they are."""
_WORDS_JOINED = frozenset(word.replace(" ", "") for word in _WORDS)
_LONG_WORDS = tuple(word for word in sorted(_WORDS_JOINED) if len(word) >= 9)
"""Long enough that a word within one letter of one is a misspelling of it."""
_PUBLIC = frozenset({"all", "any", "anyone", "everyone", "false", "no", "none", "off", "open", "public"})
"""Values that restrict nothing."""
_PUBLICITY = frozenset({"ispublic", "public", "publiclyvisible", "worldreadable"})
"""Words that say that a document is open to all, and so that it is not. Source: our choice."""
_DENIALS = frozenset({"false", "no", "off", "never", "0"})
_CLASSES = frozenset({"classification", "clearance", "confidentiality", "protection", "sensitivity"})
"""Words for how far a document may go. Source: our choice."""
_CLASSIFIED = frozenset(
    {"classified", "confidential", "private", "restricted", "secret", "strictly confidential", "top secret"}
)
"""What they say of a document that is not for all; "internal" stands on every page of some companies."""
_SENTENCE_WORDS = 4
"""A text of so many words tells a reader about permissions: "Repository owners can add them". Source: our choice."""
_WORD_EDGE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+")
_OPENING = re.compile(r"\s*(?:-{3,}|\+{3,}|;{3,}|\{|<!--)")
_FIELD_ABOVE = re.compile(r"[\"']?([^\W\d_][\w -]{0,40}?)[\"']?\s*:(\s*\[.*\])?.*")
_LINE_OF_FIELD = re.compile(
    r"[ \t]{0,2}(?:<!--\s*)?(?:[->]\s*)?[\"']?([^\W\d_][\w -]{2,20}?)[\"']?\s*(?:[:=\uff1a]|(?=\[))"
)
_LIST_BELOW = re.compile(r"[\"']?(\w{3,12})[\"']?\s*:\s*(?:\[|\r?\n[ \t]*- )")
_ADVICE = ", or give the field another name"
_HEAD_LINES = 50
"""How far down a slip of front matter is looked for. Source: our choice."""


def refuse_slips(fields: Mapping[str, Json], *, advice: str = _ADVICE) -> None:
    """Refuse the fields of a document if one of them looks like its permission and is not read as that.

    Args:
        fields: All of them, ``allow`` too.
        advice: What else helps, behind "write allow: [...]".

    Raises:
        Refused: by the name of the first such field.
    """
    is_restricted = isinstance(fields.get("allow"), list)
    for key, value in fields.items():
        if key == "allow":
            continue
        if is_spelled_allow(key) or (not is_restricted and _restricts(key, value)):
            raise Refused(_message(key, value, advice))
        refuse_misplaced(value, key, advice=advice)


def refuse_misplaced(fields: Json, place: str, *, advice: str = _ADVICE) -> None:
    """Refuse the fields inside the field ``place``, at any depth, if one is ``allow``, which is not read there.

    Raises:
        Refused: by the name of the first such field.
    """
    waiting: list[tuple[str, Json]] = [(place, fields)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, list):
            waiting += [(place, one) for one in reversed(value)]
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                if is_spelled_allow(key):
                    raise Refused(_message(f"{place}.{key}", inner, advice))
            waiting += [(f"{place}.{key}", inner) for key, inner in reversed(list(value.items()))]


def refuse_lost_line(text: str) -> None:
    """Refuse a text that has no front matter if a line at its head was meant to restrict it.

    Raises:
        Refused: by that line.
    """
    head = text[:20_000].lstrip("\ufeff \t\r\n")
    found = _LIST_BELOW.match(head)
    lines = head.splitlines()[:_HEAD_LINES] if _OPENING.match(head) else []
    names = [found[1]] if found else []
    names += [match[1] for line in lines if (match := _LINE_OF_FIELD.match(line))]
    names += [*_names_of_json(head), *_names_above(head)]
    for name in names:
        if is_spelled_allow(name):
            raise Refused(
                f"{shown(name)} at its head looks like a permission, and is not inside front matter: begin the file"
                " with ---, close the fields with --- and write allow: [...] between, or reword the line"
            )


def _names_of_json(head: str) -> list[str]:
    """The fields of an object of JSON at the head of a text, as some programs write front matter."""
    if not head.startswith("{"):
        return []
    try:
        found, _ = json.JSONDecoder().raw_decode(head)
    except (ValueError, RecursionError):
        return []
    return list(found) if isinstance(found, dict) else []


def _names_above(head: str) -> list[str]:
    """The fields with lists in a block of fields at the head of a text that no line opens, as MultiMarkdown has it."""
    block = head.partition("\n\n")[0].splitlines()[:_HEAD_LINES]
    found = [_FIELD_ABOVE.fullmatch(line) for line in block]
    return [match[1] for match in found if match and match[2]] if all(found) else []


def _message(key: str, value: Json, advice: str) -> str:
    return (
        f"{shown(key)}: {shown(value)} looks like a permission, and only 'allow' is read as one: write allow:"
        f" [...]{advice}"
    )


def is_spelled_allow(key: str) -> bool:
    """Whether ``key`` is ``allow`` in some spelling, right or wrong, or begins with it and goes on about people."""
    words = _words(key)
    if not words or words[0] in _NEAR_WORDS:
        return False
    if len(words) > 1 and not _AFTER_ALLOW.intersection(words[1:]):
        return "".join(words) in _SPELLINGS
    return any(_is_near(word, spelling) for word in (words[0], "".join(words)) for spelling in _SPELLINGS)


def _words(key: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", key)
    plain = "".join(character for character in plain if unicodedata.category(character) != "Cf")
    return [word.casefold() for word in _WORD_EDGE.split(plain) if word]


def _restricts(key: str, value: Json) -> bool:
    """Whether a field was meant to restrict its document: by its name, or by what it says beside that."""
    if _means_permission(key):
        return _may_restrict(value)
    joined, said = "".join(_words(key)), str(value).strip().casefold()
    return (joined in _PUBLICITY and said in _DENIALS) or (joined in _CLASSES and said in _CLASSIFIED)


def _means_permission(key: str) -> bool:
    joined = "".join(_words(key))
    return joined in _WORDS_JOINED or any(_is_near(joined, word) for word in _LONG_WORDS)


def _may_restrict(value: Json) -> bool:
    if value is None or value is False:
        return False
    if not isinstance(value, str):
        return True
    words = value.split()
    return 0 < len(words) < _SENTENCE_WORDS and value.strip().casefold() not in _PUBLIC


def _is_near(word: str, other: str) -> bool:
    """Whether at most one letter is missing, added, replaced, or changed places with the one beside it."""
    if word == other:
        return True
    longer, shorter = (word, other) if len(word) >= len(other) else (other, word)
    if len(longer) - len(shorter) > 1:
        return False
    if len(longer) > len(shorter):
        return any(longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer)))
    unlike = [at for at, (one, two) in enumerate(zip(word, other, strict=True)) if one != two]
    swapped = any(word[a] == other[b] and word[b] == other[a] for a, b in pairwise(unlike) if b == a + 1)
    return len(unlike) == 1 or (len(unlike) == 2 and swapped)
