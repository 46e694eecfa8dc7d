"""One call as the generated methods hand it on: what is sent where, and whether it may be sent again."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import IO, Any, Final, TypeAlias
from urllib.parse import quote

import httpx
from pydantic import BaseModel


class NotGiven(Enum):
    """The type of what is left out of a body, where ``None`` means something else."""

    TOKEN = 0

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN: Final = NotGiven.TOKEN
"""The default of fields of a body: the field is not sent, and the API's own default holds."""

FileInput: TypeAlias = Path | tuple[str, bytes] | tuple[str, IO[bytes]]
"""A file to send: its path, or its name with bytes or an open file, which is read from its beginning."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    is_repeatable: bool = False
    """Whether a second arrival changes nothing more, so that it may be sent again when its answer is lost."""
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = NOT_GIVEN
    form: Mapping[str, Any] | None = None
    timeout_ms: float | None = None


def filled_path(path: str, /, **values: str | int) -> str:
    """A path with its parts, each percent-encoded whole, so that a ``/`` in an id stays part of it.

    Raises:
        ValueError: A part is empty, ``.`` or ``..``, which would name another route.
    """
    for name, value in values.items():
        if str(value) in ("", ".", ".."):
            raise ValueError(f"{name} is {value!r}: give the name or id of one.")
    return path.format(**{name: quote(str(value), safe="") for name, value in values.items()})


def query_of(call: Call) -> httpx.QueryParams:
    """What goes behind the question mark: lists repeat their name, ``None`` is left out."""
    found: list[tuple[str, str]] = []
    for name, value in call.query.items():
        if value is None:
            continue
        many = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        found += [(name, _text(one)) for one in many]
    return httpx.QueryParams(tuple(found))


def headers_of(call: Call) -> dict[str, str]:
    """The call's own headers."""
    return {name: _text(value) for name, value in call.headers.items() if value is not None}


def content_of(call: Call) -> bytes | None:
    """The body as JSON, or None if there is none."""
    body = call.body
    if isinstance(body, Mapping):
        body = {name: value for name, value in body.items() if value is not NOT_GIVEN}
    if body is NOT_GIVEN or body is None:
        return None
    return json.dumps(body, default=_plain, ensure_ascii=False, allow_nan=False).encode()


def form_of(call: Call, opened: ExitStack) -> tuple[dict[str, str], list[tuple[str, tuple[str, IO[bytes] | bytes]]]]:
    """A form's fields and files. Files are open until ``opened`` closes."""
    fields: dict[str, str] = {}
    files: list[tuple[str, tuple[str, IO[bytes] | bytes]]] = []
    for name, value in (call.form or {}).items():
        many = value if isinstance(value, list) else [value]
        if value is None:
            continue
        if all(isinstance(one, (Path, tuple)) for one in many):
            files += [(name, _file(one, opened)) for one in many]
        elif isinstance(value, str):
            fields[name] = value
        else:
            fields[name] = _text(value)
    return fields, files


def is_again_readable(call: Call) -> bool:
    """Whether all that is sent can be read a second time: an open file may be a pipe."""
    for value in (call.form or {}).values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, tuple) and not isinstance(one[1], bytes) and not one[1].seekable():
                return False
    return True


def _file(given: FileInput, opened: ExitStack) -> tuple[str, IO[bytes] | bytes]:
    if isinstance(given, Path):
        return given.name, opened.enter_context(given.open("rb"))
    name, content = given
    return name, content


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _plain(value: object) -> object:
    """What JSON has no form for, as something that it has."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{value!r} is no JSON: give texts, numbers, claims, lists, mappings or moments.")
