"""What the OpenAPI document says, as records that the writers read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

METHODS = ("get", "put", "post", "patch", "delete")
"""Our choice: the methods of routes; the document's path items have other keys, too."""

READING_POSTS = frozenset(
    {
        "assemble_context",
        "count_documents",
        "create_embeddings",
        "dify_retrieval",
        "get_features",
        "list_documents_by_filter",
        "measure_recall",
        "replay_request",
        "rerank",
        "rerank_v1",
        "rerank_v2",
        "search",
        "search_batch",
        "search_store",
    }
)
"""Our choice, which the document cannot say: a POST that only reads may be sent again."""

IDEMPOTENT_POSTS = frozenset({"delete_documents_by_filter", "post_feedback", "put_documents"})
"""Our choice: a POST whose second arrival changes nothing more. Feedback counts once however often it is sent."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a method."""

    name: str
    wire_name: str
    place: str
    """``path``, ``query``, ``header``, ``body`` or ``form``."""
    schema: Schema
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One route, as one method."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    arguments: tuple[Argument, ...]
    whole_body: Schema | None
    """A body that is no plain object, given as one argument."""
    answer: Schema | None
    """The schema of the answer, or None where it is not JSON."""
    media_type: str
    may_be_empty: bool

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again where nothing tells if it arrived."""
        return self.method in ("GET", "PUT", "DELETE") or self.name in READING_POSTS | IDEMPOTENT_POSTS


def resolved(document: Schema, schema: Schema) -> Schema:
    """A schema, or the one that it refers to."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def class_name(name: str) -> str:
    """A component's name without the module that FastAPI puts before a name that occurs twice."""
    parts = name.split("__")
    if len(parts) == 1:
        return name.lstrip("_")
    return "".join(word.capitalize() for word in parts[-2].split("_")) + parts[-1]


def argument_name(wire_name: str) -> str:
    """A Python name for a name on the wire: ``from`` is ``from_``, ``x-timeout-ms`` is ``timeout_ms``."""
    name = re.sub(r"\W+", "_", wire_name.removeprefix("x-")).strip("_")
    return f"{name}_" if name in ("from", "in", "self", "class", "def", "global", "import", "is", "not") else name


def operations(document: Schema) -> Iterator[Operation]:
    """Each operation of the document, in its order.

    Raises:
        ValueError: Two arguments of one operation have the same name.
    """
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield _operation(document, path, method.upper(), item[method])


def _operation(document: Schema, path: str, method: str, said: Schema) -> Operation:
    arguments = [_parameter(one) for one in said.get("parameters", ())]
    whole_body = None
    for media_type, content in said.get("requestBody", {}).get("content", {}).items():
        fields = resolved(document, _without_null(content["schema"]))
        if "properties" not in fields:
            whole_body = content["schema"]
            continue
        place = "form" if media_type == "multipart/form-data" else "body"
        required = fields.get("required", ())
        for name, schema in fields["properties"].items():
            about = schema.get("description", "")
            arguments.append(Argument(argument_name(name), name, place, schema, name in required, about))
    names = [argument.name for argument in arguments]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{said['operationId']} has two arguments with the names {twice}; give one another name.")
    answers = [answer for code, answer in said["responses"].items() if code.startswith("2")]
    contents = [answer["content"] for answer in answers if answer.get("content")]
    media_type = next(iter(contents[0])) if contents else ""
    return Operation(
        name=said["operationId"],
        method=method,
        path=path,
        summary=said.get("summary", ""),
        description=said.get("description", ""),
        arguments=tuple(arguments),
        whole_body=whole_body,
        answer=contents[0][media_type]["schema"] if media_type == "application/json" else None,
        media_type=media_type,
        may_be_empty=len(contents) < len(answers),
    )


def _parameter(said: Schema) -> Argument:
    schema = said["schema"]
    about = said.get("description", schema.get("description", ""))
    return Argument(argument_name(said["name"]), said["name"], said["in"], schema, said.get("required", False), about)


def _without_null(schema: Schema) -> Schema:
    """The one choice that an optional body is, if there is one."""
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return choices[0] if len(choices) == 1 else schema


def reachable(document: Schema, *roots: Schema | None) -> list[str]:
    """The components that schemas lead to, in the document's order."""
    found: set[str] = set()
    waiting: list[Any] = [root for root in roots if root is not None]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, Mapping):
            name = str(one.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"][name])
            waiting += [value for key, value in one.items() if key not in ("discriminator", "default", "examples")]
    return [name for name in document["components"]["schemas"] if name in found]
