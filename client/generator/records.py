"""Writes the records: pydantic models of what is answered, typed dictionaries of what is sent."""

from collections.abc import Iterator

from client.generator.annotations import Annotations
from client.generator.document import Operation, Schema, class_name, reachable
from client.generator.texts import docstring

ANSWERS = '''"""What the API answers, written by ``make client`` from its OpenAPI document: do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from groundwork_client.answer import Answer
'''
BODIES = '''"""Parts of what is sent, written by ``make client`` from the OpenAPI document of the API: do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, Required, TypeAlias, TypedDict
'''


def answers(document: Schema, operations: list[Operation]) -> str:
    """The module of models."""
    schemas = document["components"]["schemas"]
    names = reachable(document, *(one.answer for one in operations))
    write = Annotations(is_answer=True)
    written = [_model(class_name(name), schemas[name], write) for name in names if "properties" in schemas[name]]
    written += [_alias(class_name(name), schemas[name], write) for name in names if "properties" not in schemas[name]]
    adapters = [adapter(name) for name in names if "properties" not in schemas[name]]
    return "\n\n".join([ANSWERS, *written, *adapters]) + "\n"


def reader(name: str) -> str:
    """The name of what reads an answer that is no object."""
    return f"{class_name(name)}Reader"


def adapter(name: str) -> str:
    """What reads an answer that is no object."""
    return f"{reader(name)}: TypeAdapter[{class_name(name)}] = TypeAdapter({class_name(name)})"


def bodies(document: Schema, operations: list[Operation]) -> str:
    """The module of typed dictionaries."""
    schemas = document["components"]["schemas"]
    sent = [argument.schema for one in operations for argument in one.arguments]
    names = reachable(document, *sent, *(one.whole_body for one in operations))
    write = Annotations(is_answer=False)
    dictionaries = [_dictionary(class_name(one), schemas[one], write) for one in names if "properties" in schemas[one]]
    aliases = [_alias(class_name(name), schemas[name], write) for name in names if "properties" not in schemas[name]]
    return "\n\n".join([BODIES, *dictionaries, *aliases]) + "\n"


def _model(name: str, schema: Schema, write: Annotations) -> str:
    return "\n".join([f"class {name}(Answer):", docstring(schema.get("description", name)), *_fields(schema, write)])


def _fields(schema: Schema, write: Annotations) -> Iterator[str]:
    for field, said in schema["properties"].items():
        kind = write.of(said)
        if field in schema.get("required", ()):
            yield f"    {field}: {kind}"
        elif isinstance(said.get("default"), (dict, list)) and "$ref" not in said:
            yield f"    {field}: {kind} = Field(default_factory={type(said['default']).__name__})"
        elif isinstance(said.get("default"), (str, int, float)):
            yield f"    {field}: {kind} = {said['default']!r}"
        else:
            yield f"    {field}: {kind if kind.endswith(('None', 'Any')) else f'{kind} | None'} = None"
        if said.get("description"):
            yield docstring(said["description"])


def _dictionary(name: str, schema: Schema, write: Annotations) -> str:
    lines = [f"class {name}(TypedDict):", docstring(schema.get("description", name))]
    for field, said in schema["properties"].items():
        claim = "Required" if field in schema.get("required", ()) else "NotRequired"
        lines.append(f"    {field}: {claim}[{write.of(said)}]")
        if said.get("description"):
            lines.append(docstring(said["description"]))
    return "\n".join(lines)


def _alias(name: str, schema: Schema, write: Annotations) -> str:
    return f"{name}: TypeAlias = {write.of(schema)}"
