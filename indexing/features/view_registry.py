"""Which feature views there are: built in, and added by people."""

import json
from typing import TypeVar

from indexing.catalogue.database import Database
from indexing.catalogue.feature_views import newest_definition, record_definition, view_names
from indexing.errors import FeatureViewChanged, InvalidInput, NotFound
from indexing.features.views import (
    ALGORITHM,
    BUILT_IN,
    CONVERSATION_VIEWS,
    MAX_EARLIER_TURNS,
    MAX_VERSION,
    PASSAGE_VIEWS,
    ROLES,
    ConversationView,
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
    built_in = BUILT_IN.get(view.kind, {}).get(view.name)
    if built_in is not None and built_in.version == view.version and built_in != view:
        raise FeatureViewChanged(
            f"The {view.kind} view {view.name}@{view.version} is built in with another definition:"
            f" give yours another name or version {view.version + 1}."
        )
    held = record_definition(catalogue, view.kind, view.name, view.version, text)
    if held != text:
        raise FeatureViewChanged(
            f"The {view.kind} view {view.name}@{view.version} was used as {held} and is now {text}."
            f" What was computed with the old definition would be mixed with the new:"
            f" give the new one version {view.version + 1}."
        )


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


_View = TypeVar("_View", PassageView, ConversationView)


def _newest_view(catalogue: Database, kind: str, name: str, built_in: _View | None, stored: _View | None) -> _View:
    candidates = [view for view in (built_in, stored) if view is not None]
    if not candidates:
        known = sorted(view_names(catalogue, kind) | set(BUILT_IN[kind]))
        raise NotFound(f"No {kind} view {name!r}; there are {', '.join(known)}. Add one with 'groundwork views add'.")
    return max(candidates, key=lambda view: view.version)


def view_from(value: Json) -> PassageView | ConversationView:
    """A view of a kind that people add, from JSON; without a ``kind`` it is a passage view.

    Raises:
        InvalidInput: a field is missing, unknown or out of range.
    """
    is_conversation = isinstance(value, dict) and value.get("kind") == ConversationView.kind
    return conversation_view_from(value) if is_conversation else passage_view_from(value)


def conversation_view_from(value: Json) -> ConversationView:
    """A conversation view from JSON.

    Raises:
        InvalidInput: a field is missing, unknown or out of range.
    """
    fields = {"kind", "name", "version", "roles", "earlier_turns", "dense_weight", "lexical_weight"}
    if not isinstance(value, dict) or not fields <= set(value) <= fields | {"algorithm"}:
        raise InvalidInput(f"{value!r} is not a conversation view: expected the fields {', '.join(sorted(fields))}.")
    roles, turns = value["roles"], value["earlier_turns"]
    if value["kind"] != ConversationView.kind or not isinstance(value["name"], str) or not value["name"]:
        raise InvalidInput(f"{value!r} is not a conversation view: expected kind 'conversation' and a name.")
    if type(value["version"]) is not int or not 1 <= value["version"] <= MAX_VERSION or value.get("algorithm", 1) != 1:
        raise InvalidInput(f"{value!r}: expected algorithm 1 and a version from 1 to {MAX_VERSION}.")
    if not isinstance(roles, list) or not roles or not all(role in ROLES for role in roles):
        raise InvalidInput(f"roles {roles!r}: expected a list of at least one of {', '.join(ROLES)}.")
    if type(turns) is not int or not 0 <= turns <= MAX_EARLIER_TURNS:
        raise InvalidInput(f"earlier_turns {turns!r}: expected a whole number from 0 to {MAX_EARLIER_TURNS}.")
    for name in ("dense_weight", "lexical_weight"):
        if type(value[name]) not in (int, float) or not 0 <= value[name] < 1:
            raise InvalidInput(f"{name} {value[name]!r}: expected a number of at least 0 and below 1.")
    return ConversationView(
        value["name"],
        value["version"],
        tuple(roles),
        earlier_turns=turns,
        dense_weight=float(value["dense_weight"]),
        lexical_weight=float(value["lexical_weight"]),
    )


def passage_view_from(value: Json) -> PassageView:
    """A passage view from JSON.

    Raises:
        InvalidInput: a field is missing, unknown or out of range.
    """
    fields = {"name", "version", "strategy", "max_tokens", "overlap_tokens", "context_tokens"}
    if not isinstance(value, dict) or not fields <= set(value) <= fields | {"kind", "algorithm"}:
        raise InvalidInput(f"{value!r} is not a passage view: expected an object with {', '.join(sorted(fields))}.")
    view = PassageView(**{name: value[name] for name in value if name != "kind"})
    numbers = (view.version, view.overlap_tokens, view.context_tokens, view.algorithm)
    if value.get("kind", "passage") != "passage" or not isinstance(view.name, str) or not view.name:
        raise InvalidInput(f"{value!r} is not a passage view: expected kind 'passage' and a name.")
    if not all(type(number) is int and number >= 0 for number in numbers) or view.version < 1:
        raise InvalidInput(f"{value!r}: version must be at least 1 and token numbers whole and not negative.")
    if view.algorithm != ALGORITHM or view.version > MAX_VERSION:
        raise InvalidInput(f"{value!r}: expected algorithm {ALGORITHM} and a version of at most {MAX_VERSION}.")
    if view.strategy not in ("headings", "head"):
        raise InvalidInput(f"strategy {view.strategy!r} is unknown: expected 'headings' or 'head'.")
    if view.max_tokens is not None and (type(view.max_tokens) is not int or view.max_tokens < 16):
        raise InvalidInput(f"max_tokens {view.max_tokens!r}: expected null or at least 16.")
    limit = view.max_tokens or 16
    if view.strategy == "headings" and view.max_tokens and view.overlap_tokens + view.context_tokens > limit // 2:
        raise InvalidInput(f"overlap_tokens plus context_tokens must be at most half of max_tokens {limit}.")
    return view
