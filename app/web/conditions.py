"""Conditions of a write in its headers: ``If-Match`` and ``If-None-Match``."""

import re
from typing import Annotated

from fastapi import Depends, Header
from pydantic.json_schema import SkipJsonSchema

from app.services.document_changes import ANY, Condition
from indexing.errors import InvalidInput

MAX_TAGS_CHARACTERS = 2_000
"""The longest of these headers. Our choice: some fifty tags."""
_TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
_TAGS = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")
"""Source: RFC 9110, sections 8.8.3 and 13.1.1."""

IfMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        max_length=MAX_TAGS_CHARACTERS,
        description="Write only if the document has this `ETag`, or one of several, or `*`: if it is there; else 412.",
    ),
]
"""Which state of a document a write is meant for."""
IfNoneMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(max_length=MAX_TAGS_CHARACTERS, description="`*`: write only if there is no such document yet; else 412."),
]
"""Whether a write is meant for a document that is not there yet."""


def tags_in(header: str, given: str | None) -> tuple[str, ...]:
    """The entity tags that a header names, or ``ANY`` alone.

    Raises:
        InvalidInput: it is malformed.
    """
    if given is None:
        return ()
    given = given.strip(" \t")
    if given == ANY:
        return (ANY,)
    if not _TAGS.fullmatch(given):
        raise InvalidInput(
            f'{header} is {given[:100]!r}: expected * or the ETag of an answer, such as "6d1f...", with its quotes.'
        )
    return tuple(re.findall(_TAG, given))


def _existing(if_match: IfMatch = None) -> Condition:
    return Condition(tags_in("If-Match", if_match))


def _any_state(if_match: IfMatch = None, if_none_match: IfNoneMatch = None) -> Condition:
    if if_none_match is not None and tags_in("If-None-Match", if_none_match) != (ANY,):
        raise InvalidInput("If-None-Match names tags: for a write expected *, which says that nothing is there yet.")
    return Condition(tags_in("If-Match", if_match), if_none_match is not None)


OfExisting = Annotated[Condition, Depends(_existing)]
"""What must hold of a document that is there."""
OfAny = Annotated[Condition, Depends(_any_state)]
"""What must hold of a document that may be there or not."""
