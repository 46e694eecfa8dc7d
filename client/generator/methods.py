"""Writes the methods: one for each operation, and one for each list that has pages; sync and async."""

import re
from dataclasses import dataclass

from client.generator.annotations import Annotations
from client.generator.document import Argument, Operation, Schema, class_name, resolved
from client.generator.records import reader
from client.generator.texts import docstring, wrap

HEAD = '''"""The {kind} methods, one for each operation, written by ``make client``: do not edit."""

from collections.abc import {iterator}, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from groundwork_client.calls import NOT_GIVEN, Call, FileInput, NotGiven, filled_path
from groundwork_client.generated import answers, bodies

T = TypeVar("T")


class {name}:
    """What the API can do. ``{owner}`` sends it."""

    {async_}def _call(self, call: Call, read: Callable[[Any], T]) -> T:
        raise NotImplementedError

    {async_}def _json(self, call: Call) -> Any:
        raise NotImplementedError

    {async_}def _bytes(self, call: Call) -> bytes:
        raise NotImplementedError
'''
RESERVED = {"answers", "bodies", "filled_path", "page", "self"}
"""Our choice: names that the written methods use themselves."""


@dataclass(frozen=True, slots=True)
class Style:
    """One of the two kinds of methods."""

    is_async: bool

    @property
    def async_(self) -> str:
        """What stands before ``def``."""
        return "async " if self.is_async else ""

    @property
    def await_(self) -> str:
        """What stands before a call."""
        return "await " if self.is_async else ""

    @property
    def iterator(self) -> str:
        """The type of what pages give."""
        return "AsyncIterator" if self.is_async else "Iterator"


SYNC, ASYNC = Style(is_async=False), Style(is_async=True)


def methods(document: Schema, operations: list[Operation], style: Style) -> str:
    """The module of methods."""
    names = ("AsyncOperations", "AsyncGroundwork") if style.is_async else ("Operations", "Groundwork")
    kind = "async" if style.is_async else "sync"
    head = HEAD.format(kind=kind, name=names[0], owner=names[1], async_=style.async_, iterator=style.iterator)
    written = [head]
    for operation in operations:
        written.append(_method(operation, style))
        written += _pages(document, operation, style)
    return "\n".join(written)


def _method(operation: Operation, style: Style) -> str:
    kind, read = _answer(operation)
    sent = f"{style.await_}self.{read.replace('CALL', _call(operation))}"
    return "\n".join(
        [
            f"    {style.async_}def {operation.name}({_signature(operation)}) -> {kind}:",
            docstring(_about(operation), 8),
            *_returned(kind, sent),
            "",
        ]
    )


def _returned(kind: str, sent: str) -> list[str]:
    if kind in ("bytes", "str") or kind.startswith("answers."):
        return [f"        return {sent}"]
    return [f"        found: {kind} = {sent}", "        return found"]


def _answer(operation: Operation) -> tuple[str, str]:
    """The type of an answer, and the call that reads it."""
    if operation.answer is None:
        if operation.media_type.startswith("text/"):
            return "str", "_call(CALL, str)"
        return "bytes", "_bytes(CALL)"
    kind = Annotations(is_answer=True, prefix="answers.").of(operation.answer)
    if "$ref" not in operation.answer:
        return (f"{kind} | None" if operation.may_be_empty else kind), "_json(CALL)"
    name = operation.answer["$ref"].rpartition("/")[2]
    if operation.name.startswith("rerank"):
        return kind, f"_call(CALL, answers.{reader(name)}.validate_python)"
    return kind, f"_call(CALL, answers.{class_name(name)}.model_validate)"


def _signature(operation: Operation, without: tuple[str, ...] = ()) -> str:
    path = [one for one in operation.arguments if one.place == "path"]
    others = [one for one in operation.arguments if one.place != "path" and one.name not in without]
    others.sort(key=lambda one: (not one.is_required, one.place == "header"))
    written = [f"{one.name}: {_kind(one)}" for one in path]
    if operation.whole_body is not None:
        kind = Annotations(is_answer=False, prefix="bodies.").of(operation.whole_body)
        written.append(f"body: {kind}")
    if others:
        written += ["*", *(_with_default(one) for one in others)]
    return ", ".join(["self", *written])


def _kind(argument: Argument) -> str:
    return Annotations(is_answer=False, prefix="bodies.").of(argument.schema)


def _with_default(argument: Argument) -> str:
    if argument.name in RESERVED:
        raise ValueError(f"An argument is called {argument.name!r}, as what is written: rename that in methods.py.")
    kind = _kind(argument)
    if argument.is_required:
        return f"{argument.name}: {kind}"
    if argument.place == "body":
        takes_null = kind.endswith(" | None")
        return (
            f"{argument.name}: {kind.removesuffix(' | None')} | NotGiven{' | None' if takes_null else ''} = NOT_GIVEN"
        )
    return f"{argument.name}: {kind if kind.endswith('None') else f'{kind} | None'} = None"


def _about(operation: Operation) -> str:
    told = re.sub(r"(?<!\n)\n(?![\n\s*|-])", " ", operation.description)  # one line each paragraph
    paragraphs = [one for one in (operation.summary.rstrip(".") + ".", told) if one.strip(".")]
    if operation.description.startswith(operation.summary):
        paragraphs = paragraphs[1:] or paragraphs
    said = [one for one in operation.arguments if one.description]
    if said:
        lines = ["Args:"]
        for argument in said:
            flat = " ".join(argument.description.split())
            lines += wrap(f"    {argument.name}: {flat}", "    ")
        paragraphs.append("\n".join(lines))
    return "\n\n".join([*paragraphs, f"``{operation.method} {operation.path}``"])


def _call(operation: Operation) -> str:
    places: dict[str, list[Argument]] = {}
    for argument in operation.arguments:
        places.setdefault(argument.place, []).append(argument)
    path = repr(operation.path)
    if "path" in places:
        path = f"filled_path({path}, {', '.join(f'{one.name}={one.name}' for one in places['path'])})"
    given = [repr(operation.method), path]
    if operation.is_repeatable:
        given.append("is_repeatable=True")
    headers = places.get("header", [])
    if any(one.wire_name == "x-timeout-ms" for one in headers):
        given.append("timeout_ms=timeout_ms")
    places["header"] = [one for one in headers if one.wire_name != "x-timeout-ms"]
    for place, keyword in (("query", "query"), ("header", "headers"), ("body", "body"), ("form", "form")):
        if places.get(place):
            fields = ", ".join(f"{one.wire_name!r}: {one.name}" for one in places[place])
            given.append(f"{keyword}={{{fields}}}")
    if operation.whole_body is not None:
        given.append("body=body")
    return f"Call({', '.join(given)})"


def _pages(document: Schema, operation: Operation, style: Style) -> list[str]:
    """The method that goes through all pages of a list, if the operation is one."""
    answer = resolved(document, operation.answer or {}).get("properties", {})
    cursor = "next" if "next" in answer else "last_id" if {"has_more", "last_id"} <= set(answer) else ""
    items = [name for name, said in answer.items() if said.get("type") == "array" and "$ref" in said.get("items", {})]
    if not cursor or not any(one.name == "after" for one in operation.arguments) or len(items) != 1:
        return []
    left_out = ("after", "before")
    names = [one for one in operation.arguments if one.name not in left_out]
    passed = ", ".join(one.name if one.place == "path" else f"{one.name}={one.name}" for one in names)
    item = Annotations(is_answer=True, prefix="answers.").of(answer[items[0]]["items"])
    name = operation.name.replace("list_", "iterate_")
    asked = f"{style.await_}self.{operation.name}({passed}"
    is_over = "page.next is None" if cursor == "next" else "not page.has_more or page.last_id is None"
    each = [f"            for one in page.{items[0]}:", "                yield one"]
    about = f"Everything that :meth:`{operation.name}` lists, page after page, each of ``limit``."
    return [
        f"    {style.async_}def {name}({_signature(operation, left_out)}) -> {style.iterator}[{item}]:",
        docstring(about, 8),
        f"        page = {asked})",
        "        while True:",
        *(each if style.is_async else [f"            yield from page.{items[0]}"]),
        f"            if {is_over}:",
        "                return",
        f"            page = {asked}, after=page.{cursor})",
        "",
    ]
