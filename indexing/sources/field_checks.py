"""What a document's fields may hold: the checks and conversions behind every reject of a source."""

import base64
import json
import math
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, time

from indexing.records import Document, Json
from indexing.sources.refusals import Refused, shown

MAX_ID_CHARS = 512
"""The longest id of a document, in code points. Our choice."""
_MAX_VALUES = 10_000
"""Of metadata; YAML aliases can make a few lines into billions. Our choice."""
_MAX_DEPTH = 32
"""How deep metadata may be nested. Our choice."""


def json_record(line: str) -> dict[str, Json]:
    """The object that one line of JSON Lines holds."""
    try:
        record = json.loads(line, parse_constant=_finite, parse_float=_finite, object_pairs_hook=_named_once)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{shown(line.strip())} is not JSON ({error}): write one object on each line") from error
    if not isinstance(record, dict):
        raise Refused(f"{shown(record)} is not a JSON object: write one object on each line")
    if "\\u" in line:
        refuse_surrogates(record)
    return record


def _named_once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{shown(twice)} stands there twice")
    return fields


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number[:40]} is not a finite number")
    return value


def refuse_surrogates(value: Json) -> None:
    """Refuses a value that no UTF-8 can hold."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise Refused(f"it is nested more than {_MAX_DEPTH} deep: flatten it") from error
    except UnicodeEncodeError as error:
        code = f"U+{ord(error.object[error.start]):04X}"
        raise Refused(f"it holds the lone surrogate {code}, which no UTF-8 can hold: remove or repair it") from error


def decoded(data: bytes, *, is_first: bool = True) -> str:
    """``data`` as text; the first bytes of a file may be a byte order mark."""
    try:
        return data.decode("utf-8-sig" if is_first else "utf-8")
    except UnicodeDecodeError as error:
        raise Refused(
            f"byte {error.object[error.start]:#04x} at {error.start} is not UTF-8: save it as UTF-8"
        ) from error


def string_field(record: Mapping[str, Json], key: str) -> str:
    """A field that must be a string; the empty string where it is missing."""
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(f"{key} is {shown(value)}, not a string: put it in quotes or leave it out")
    return value


def title_field(record: Mapping[str, Json]) -> str:
    """A title as its author wrote it, of whatever kind its value is; the empty string where there is none."""
    value = record.get("title")
    return ("" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).strip()


def allow_field(record: Mapping[str, Json]) -> tuple[str, ...] | None:
    """The principals under ``allow``; ``None`` where the record has none: every caller of the tenant may see it."""
    value = record.get("allow")
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise Refused(f"allow is {shown(value)}, not a list of names: write it as [...] or leave it out")
    return tuple(sorted(set(value)))


def checked_id(value: Json, key: str) -> str:
    """A document's id: a name, or a whole number as a name."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{key} is {shown(value)}, not a name or whole number: give every document its own")
    if len(value) > MAX_ID_CHARS:
        raise Refused(f"{key} {shown(value)} has {len(value)} characters, more than {MAX_ID_CHARS}: shorten it")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise Refused(f"{key} {shown(value)} has control characters or bytes that are not UTF-8: remove them")
    return value


def once(document: Document, where: str, seen: dict[str, str]) -> Document:
    """``document``, whose id no other of the source has; ``seen`` says where each id was used and takes this one."""
    if document.id in seen:
        raise Refused(f"id {shown(document.id)} was used by {seen[document.id]}: give every document its own")
    seen[document.id] = where
    return document


def plain_json(value: object) -> Json:
    """``value`` as JSON can hold it: moments in ISO form, sets sorted, whatever else is strange as a string."""
    return _plain(value, iter(range(_MAX_VALUES)), 0)


def _plain(value: object, budget: Iterator[int], depth: int) -> Json:
    if next(budget, None) is None or depth > _MAX_DEPTH:
        raise Refused(
            f"metadata holds more than {_MAX_VALUES} values, or is nested more than {_MAX_DEPTH} deep: simplify it"
        )
    if isinstance(value, dict):
        return {str(_plain(key, budget, depth + 1)): _plain(item, budget, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, budget, depth + 1) for item in value]
    if isinstance(value, set):
        return sorted(str(_plain(item, budget, depth + 1)) for item in value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, int) and value.bit_length() > 1024:
        return hex(value)  # Python refuses to write very long numbers as decimals
    is_json = value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_json else str(value)
