"""The JSON in a model's reply, which often stands in a fence, after its thoughts, or between two sentences."""

import json
import re
from typing import Any, TypeVar

_Kind = TypeVar("_Kind", dict[str, Any], list[Any])

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*[\w-]*[ \t]*\r?\n(.*?)```", re.DOTALL)
_STARTS = 50
"""Brackets at which the text is read, so that a reply of brackets costs little. Source: our choice."""


def json_of(reply: str, kind: type[_Kind]) -> _Kind:
    """The first object, or the first list, in a reply: of a fenced block where there is one, else of the text.

    Args:
        reply: What a model said.
        kind: ``dict`` for an object, ``list`` for a list.

    Returns:
        The value, as ``json`` reads it. What stands before and after it does not count.

    Raises:
        ValueError: there is none that can be read; the message quotes nothing of the reply.
    """
    text: str = _THOUGHTS.sub("", reply)
    parts: list[str] = [*_FENCE.findall(text), text]
    decoder, bracket = json.JSONDecoder(strict=False), "{" if kind is dict else "["
    for part in parts:
        start = part.find(bracket)
        for _ in range(_STARTS):
            if start < 0:
                break
            try:
                value, _end = decoder.raw_decode(part, start)
            except (ValueError, RecursionError):
                start = part.find(bracket, start + 1)
                continue
            if isinstance(value, kind):
                return value
            start = part.find(bracket, start + 1)
    raise ValueError(
        f"a reply of {len(reply)} characters holds no JSON {'object' if kind is dict else 'list'} that can be read"
    )
