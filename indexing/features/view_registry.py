"""Which feature views there are: built in, and added by people."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, TypeVar

from pydantic import AfterValidator, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from indexing.catalogue.database import Database
from indexing.catalogue.feature_views import (
    all_definitions,
    held_definition,
    newest_definition,
    record_definition,
    view_names,
)
from indexing.errors import FeatureViewChanged, InvalidInput, NotFound
from indexing.features.views import (
    BUILT_IN,
    CONVERSATION_VIEWS,
    DOCUMENT_VIEWS,
    FIRST_WITH_ANSWERS,
    PASSAGE_VIEWS,
    SUPERSEDED,
    ConversationView,
    DocumentView,
    FeatureView,
    PassageView,
    definition,
)
from indexing.records import Json


def record_view(catalogue: Database, view: FeatureView) -> None:
    """Write a view's definition down at its first use, and hold it to that for ever.

    Raises:
        FeatureViewChanged: the same kind, name and version was written down with another definition.
    """
    text = json.dumps(definition(view), sort_keys=True)
    if held_definition(catalogue, view.kind, view.name, view.version) == text:
        return  # also one that people added before a view of that name and version was built in
    built_in = [one for one in (*BUILT_IN.get(view.kind, {}).values(), *SUPERSEDED) if _is_version_of(one, view)]
    if any(one.version == view.version and one != view for one in built_in):
        raise FeatureViewChanged(
            f"The {view.kind} view {view.name}@{view.version} is built in with another definition:"
            f" give yours another name or version {max(one.version for one in built_in) + 1}."
        )
    held = record_definition(catalogue, view.kind, view.name, view.version, text)
    if held != text:
        raise FeatureViewChanged(
            f"The {view.kind} view {view.name}@{view.version} was used as {held} and is now {text}."
            f" What was computed with the old definition would be mixed with the new:"
            f" give the new one version {view.version + 1}."
        )


def _is_version_of(one: FeatureView, other: FeatureView) -> bool:
    return (one.kind, one.name) == (other.kind, other.name)


def passage_view(catalogue: Database, name: str) -> PassageView:
    """The newest version of the named passage view, built in or added.

    Raises:
        NotFound: there is none of that name.
    """
    stored = newest_definition(catalogue, PassageView.kind, name)
    added = None if stored is None else passage_view_from(json.loads(stored))
    return _newest_view(catalogue, PassageView.kind, name, PASSAGE_VIEWS.get(name), added)


def conversation_view(catalogue: Database, name: str) -> ConversationView:
    """The newest version of the named conversation view, built in or added.

    Raises:
        NotFound: there is none of that name.
    """
    stored = newest_definition(catalogue, ConversationView.kind, name)
    added = None if stored is None else conversation_view_from(json.loads(stored))
    return _newest_view(catalogue, ConversationView.kind, name, CONVERSATION_VIEWS.get(name), added)


def document_view(catalogue: Database, name: str) -> DocumentView:
    """A document view by ``NAME`` (its newest version) or ``NAME@VERSION``, built in or added.

    Raises:
        NotFound: there is none of that name, or not in that version.
    """
    name, _, version = name.partition("@")
    if not version:
        stored = newest_definition(catalogue, DocumentView.kind, name)
        added = None if stored is None else document_view_from(json.loads(stored))
        return _newest_view(catalogue, DocumentView.kind, name, DOCUMENT_VIEWS.get(name), added)
    found = [view for view in document_views(catalogue) if (view.name, str(view.version)) == (name, version)]
    if not found:
        known = ", ".join(view.id for view in document_views(catalogue))
        raise NotFound(f"No document view {name}@{version}; there are {known}. See 'groundwork features list'.")
    return found[0]


def document_views(catalogue: Database) -> list[DocumentView]:
    """Every document view that is built in or was added, in all versions, by name and version."""
    stored = map(json.loads, all_definitions(catalogue))
    added = [document_view_from(value) for value in stored if value.get("kind") == DocumentView.kind]
    found = {(view.name, view.version): view for view in (*DOCUMENT_VIEWS.values(), *added)}
    return [found[key] for key in sorted(found)]


_View = TypeVar("_View", PassageView, ConversationView, DocumentView)


def _newest_view(catalogue: Database, kind: str, name: str, built_in: _View | None, stored: _View | None) -> _View:
    candidates = [view for view in (stored, built_in) if view is not None]  # of equal versions, what was used
    if not candidates:
        known = sorted(view_names(catalogue, kind) | set(BUILT_IN[kind]))
        raise NotFound(f"No {kind} view {name!r}; there are {', '.join(known)}. Add one with 'groundwork views add'.")
    return max(candidates, key=lambda view: view.version)


def view_from(value: Json) -> PassageView | ConversationView | DocumentView:
    """A view of a kind that people add, from JSON; without a ``kind`` it is a passage view.

    Raises:
        InvalidInput: a field is missing, unknown or out of range.
    """
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == DocumentView.kind:
        return document_view_from(value)
    return conversation_view_from(value) if kind == ConversationView.kind else passage_view_from(value)


def conversation_view_from(value: Json) -> ConversationView:
    """A conversation view from JSON.

    Raises:
        InvalidInput: a field is missing, unknown or out of range.
    """
    return _read(_CONVERSATION_VIEW, ConversationView.kind, value, default_kind=None)


def document_view_from(value: Json) -> DocumentView:
    """A document view from JSON.

    Raises:
        InvalidInput: a field is missing, unknown or out of range, two columns have one name, or an age is no float.
    """
    return _read(_DOCUMENT_VIEW, DocumentView.kind, value, default_kind=None)


def passage_view_from(value: Json) -> PassageView:
    """A passage view from JSON, with or without its ``kind``.

    Raises:
        InvalidInput: a field is missing, unknown or out of range.
    """
    return _read(_PASSAGE_VIEW, PassageView.kind, value, default_kind=PassageView.kind)


def _require_room_for_text(view: PassageView) -> PassageView:
    around = view.overlap_tokens + view.context_tokens
    if view.strategy == "headings" and view.max_tokens is not None and around > view.max_tokens // 2:
        raise PydanticCustomError(
            "room",
            "overlap_tokens plus context_tokens is {around}: expected at most half of max_tokens {max_tokens}",
            {"around": around, "max_tokens": view.max_tokens},
        )
    return view


def _require_answers(view: ConversationView) -> ConversationView:
    if view.algorithm < FIRST_WITH_ANSWERS and (view.answer_dense_weight or view.answer_lexical_weight):
        raise PydanticCustomError(
            "answers", "the weights of answers need algorithm {first}", {"first": FIRST_WITH_ANSWERS}
        )
    return view


def _require_sound_columns(view: DocumentView) -> DocumentView:
    names = [column.name for column in view.columns]
    faults = [f"two columns are named {name}" for name in sorted(set(names)) if names.count(name) > 1]
    faults += [
        f"the column {column.name} is an age of type {column.type}: expected float"
        for column in view.columns
        if column.source == "age_days" and column.type != "float"
    ]
    if (view.transformation is None) != (view.code_sha256 is None):
        faults.append("transformation and code_sha256 stand alone: expected both, or neither where values are pushed")
    if faults:
        raise PydanticCustomError("columns", "{faults}", {"faults": "; ".join(faults)})
    return view


_DOCUMENT_VIEW = TypeAdapter[DocumentView](Annotated[DocumentView, AfterValidator(_require_sound_columns)])
_PASSAGE_VIEW = TypeAdapter[PassageView](Annotated[PassageView, AfterValidator(_require_room_for_text)])
_CONVERSATION_VIEW = TypeAdapter[ConversationView](Annotated[ConversationView, AfterValidator(_require_answers)])


def _read(adapter: TypeAdapter[_View], kind: str, value: Json, *, default_kind: str | None) -> _View:
    if not isinstance(value, dict) or value.get("kind", default_kind) != kind:
        raise InvalidInput(f"{value!r} is not a {kind} view: expected an object with kind {kind!r}.")
    try:
        # Strictly JSON: no value is converted, and of Python's own only an instance would do.
        return adapter.validate_json(json.dumps({name: value[name] for name in value if name != "kind"}))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        fields = adapter.json_schema()["properties"]
        raise InvalidInput(f"The {kind} view is not valid: {'; '.join(_said(faults, fields, value))}.") from error


def _said(faults: Sequence[ErrorDetails], fields: Mapping[str, Json], value: Mapping[str, Json]) -> Iterator[str]:
    """What is wrong with a view, field by field: each with its value and what is expected of it."""
    for name in dict.fromkeys(str(fault["loc"][0]) for fault in faults if fault["loc"]):
        if name not in fields:
            yield f"the field {name!r} is unknown: expected {', '.join(fields)}"
        elif name not in value:
            yield f"the field {name!r} is missing: expected {fields[name]['description']}"
        else:
            yield f"{name} {value[name]!r}: expected {fields[name]['description']}"
    yield from (fault["msg"] for fault in faults if not fault["loc"])
