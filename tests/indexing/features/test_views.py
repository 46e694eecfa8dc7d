"""A fingerprint covers everything that can change a value; a definition, once used, is held to for ever."""

import dataclasses
import json
from typing import Any

import pytest

from indexing.catalogue.feature_views import record_definition
from indexing.errors import FeatureViewChanged, InvalidInput, NotFound
from indexing.features.view_registry import (
    conversation_view,
    conversation_view_from,
    passage_view,
    passage_view_from,
    record_view,
    view_from,
)
from indexing.features.views import (
    DEFAULT_CONVERSATION,
    DEFAULT_PASSAGES,
    EMBEDDING_VIEWS,
    FIRST_256,
    FIRST_CONVERSATION,
    FIRST_PASSAGES,
    PASSAGE_VIEWS,
    ConversationView,
    EmbeddingView,
    FeatureViews,
    ModelFiles,
    PassageView,
    definition,
    lexical_view,
)
from indexing.home import Home

MODEL = ModelFiles("t" * 64, {"fp32": "f" * 64, "int8": "8" * 64}, 256, "")
VIEWS = FeatureViews(DEFAULT_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("english"), MODEL)


def changed(where: str, **fields: Any) -> FeatureViews:
    """``VIEWS`` with some fields of one of its four parts replaced."""
    return dataclasses.replace(VIEWS, **{where: dataclasses.replace(getattr(VIEWS, where), **fields)})


def what_differs(views: FeatureViews) -> set[str]:
    kinds = ("passage", "embedding", "lexical")
    return {kind for kind in kinds if getattr(views, f"{kind}_fingerprint") != getattr(VIEWS, f"{kind}_fingerprint")}


@pytest.mark.parametrize(
    ("views", "differs"),
    [
        (changed("passage", name="other"), {"passage"}),
        (changed("passage", version=1), {"passage"}),
        (changed("passage", strategy="head"), {"passage"}),
        (changed("passage", max_tokens=128), {"passage"}),
        (changed("passage", overlap_tokens=0), {"passage"}),
        (changed("passage", context_tokens=0), {"passage"}),
        (changed("passage", algorithm=1), {"passage"}),
        (changed("embedding", name="other"), {"embedding"}),
        (changed("embedding", version=2), {"embedding"}),
        (changed("embedding", precision="fp32"), {"embedding"}),
        (changed("embedding", algorithm=2), {"embedding"}),
        (changed("lexical", name="other"), {"lexical"}),
        (changed("lexical", version=3), {"lexical"}),
        (changed("lexical", language="german"), {"lexical"}),
        (changed("lexical", algorithm=1), {"lexical"}),
        (changed("model", tokenizer_sha256="x" * 64), {"passage", "embedding"}),
        (changed("model", onnx_sha256={"fp32": "f" * 64, "int8": "x" * 64}), {"embedding"}),
        (changed("model", document_prompt="passage: "), {"passage", "embedding"}),
        (changed("model", max_tokens=512), {"passage", "embedding"}),
    ],
)
def test_a_change_of_any_field_or_file_changes_exactly_the_fingerprints_it_matters_to(
    views: FeatureViews, differs: set[str]
) -> None:
    assert what_differs(views) == differs
    assert views.fingerprint != VIEWS.fingerprint


def test_the_form_that_is_not_used_changes_nothing() -> None:
    views = changed("model", onnx_sha256={"fp32": "x" * 64, "int8": "8" * 64})
    assert what_differs(views) == set()
    assert views.fingerprint == VIEWS.fingerprint


def test_fingerprints_stay_what_they_were() -> None:
    # A change here means that every vector and shard is computed again: raise `algorithm` instead if that is meant.
    first = {
        "kind": "passage",
        "name": "default",
        "version": 1,
        "strategy": "headings",
        "max_tokens": None,
        "overlap_tokens": 32,
        "context_tokens": 48,
        "algorithm": 1,
    }
    assert definition(FIRST_PASSAGES) == first
    assert definition(DEFAULT_PASSAGES) == {**first, "version": 2, "algorithm": 2}
    assert definition(FIRST_CONVERSATION) == {
        "kind": "conversation",
        "name": "default",
        "version": 1,
        "roles": ["user"],
        "earlier_turns": 8,
        "dense_weight": 0.3,
        "lexical_weight": 0.1,
        "algorithm": 1,
    }
    assert definition(EMBEDDING_VIEWS["int8"]) == {
        "kind": "embedding",
        "name": "int8",
        "version": 1,
        "precision": "int8",
        "algorithm": 1,
    }
    for algorithm in (1, 2):
        assert definition(lexical_view("german", algorithm)) == {
            "kind": "lexical",
            "name": "german",
            "version": algorithm,
            "language": "german",
            "algorithm": algorithm,
        }


@pytest.mark.parametrize("view", [DEFAULT_PASSAGES, EMBEDDING_VIEWS["fp32"], lexical_view("english")])
def test_a_view_may_be_recorded_again_unchanged(home: Home, view: PassageView) -> None:
    record_view(home.catalogue, view)
    record_view(home.catalogue, view)
    assert home.catalogue.row("SELECT count(*) AS n FROM feature_views") == {"n": 1}


def test_a_view_that_changed_under_its_name_is_refused_with_the_version_to_give_it(home: Home) -> None:
    mine = PassageView("mine", 1, "headings", 256, 16, 16)
    record_view(home.catalogue, mine)
    with pytest.raises(FeatureViewChanged, match=r"passage view mine@1 was used as .*256.*128.*version 2"):
        record_view(home.catalogue, dataclasses.replace(mine, max_tokens=128))
    record_view(home.catalogue, dataclasses.replace(mine, max_tokens=128, version=2))
    record_view(home.catalogue, mine)


def test_a_built_in_view_cannot_be_redefined_even_before_its_first_use(home: Home) -> None:
    other = dataclasses.replace(FIRST_256, max_tokens=128)
    with pytest.raises(FeatureViewChanged, match=r"first-256@1 is built in .*version 2"):
        record_view(home.catalogue, other)
    record_view(home.catalogue, dataclasses.replace(other, version=2))
    assert passage_view(home.catalogue, "first-256").max_tokens == 128


def test_what_a_built_in_view_was_before_cannot_be_redefined_either_and_stays_usable(home: Home) -> None:
    with pytest.raises(FeatureViewChanged, match=r"default@1 is built in .*version 3"):
        record_view(home.catalogue, dataclasses.replace(FIRST_PASSAGES, max_tokens=128))
    record_view(home.catalogue, FIRST_PASSAGES)
    assert passage_view(home.catalogue, "default") == DEFAULT_PASSAGES


def test_a_view_that_was_added_before_one_of_its_name_and_version_was_built_in_stays_as_it_was(home: Home) -> None:
    mine = dataclasses.replace(DEFAULT_PASSAGES, max_tokens=192, algorithm=1)
    record_definition(home.catalogue, "passage", "default", 2, json.dumps(definition(mine), sort_keys=True))
    record_view(home.catalogue, mine)
    assert passage_view(home.catalogue, "default") == mine


def test_views_of_different_kinds_may_share_a_name(home: Home) -> None:
    record_view(home.catalogue, EmbeddingView("english", 1, "int8"))
    record_view(home.catalogue, lexical_view("english"))
    assert home.catalogue.row("SELECT count(*) AS n FROM feature_views") == {"n": 2}


@pytest.mark.parametrize("name", PASSAGE_VIEWS)
def test_built_in_views_are_found_in_a_fresh_home_and_pass_their_own_check(home: Home, name: str) -> None:
    assert passage_view(home.catalogue, name) == PASSAGE_VIEWS[name]
    assert passage_view_from(definition(PASSAGE_VIEWS[name])) == PASSAGE_VIEWS[name]


def test_the_newest_version_of_a_view_is_found(home: Home) -> None:
    mine = PassageView("mine", 1, "headings", 128, 16, 16)
    newest = dataclasses.replace(mine, version=11, overlap_tokens=0)
    for view in (newest, mine, dataclasses.replace(mine, version=2), dataclasses.replace(FIRST_256, version=2)):
        record_view(home.catalogue, view)
    assert passage_view(home.catalogue, "mine") == newest
    assert passage_view(home.catalogue, "first-256").version == 2


def test_an_unknown_view_is_refused_with_those_there_are(home: Home) -> None:
    record_view(home.catalogue, PassageView("mine", 1, "headings", 128, 16, 16))
    with pytest.raises(NotFound, match=r"'theirs'; there are default, first-256, mine\."):
        passage_view(home.catalogue, "theirs")


GOOD = {
    "name": "mine",
    "version": 1,
    "strategy": "headings",
    "max_tokens": 64,
    "overlap_tokens": 8,
    "context_tokens": 8,
}


@pytest.mark.parametrize(
    "value",
    [GOOD, {**GOOD, "kind": "passage", "algorithm": 1}, {**GOOD, "max_tokens": None}, {**GOOD, "max_tokens": 32}],
)
def test_a_view_is_read_from_json(value: dict[str, Any]) -> None:
    view = passage_view_from(value)
    assert {**definition(view), **value} == definition(view)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (None, "None"),
        ([GOOD], "is not a passage view: expected an object with kind 'passage'"),
        ({}, "the field 'name' is missing: expected a name; the field 'version' is missing"),
        (
            {k: v for k, v in GOOD.items() if k != "strategy"},
            "the field 'strategy' is missing: expected 'headings' or 'head'",
        ),
        ({**GOOD, "extra": 1}, "the field 'extra' is unknown: expected name, version, strategy, max_tokens, overlap"),
        ({**GOOD, "kind": "lexical"}, "kind 'passage'"),
        ({**GOOD, "name": ""}, "name '': expected a name"),
        ({**GOOD, "name": 5}, "name 5: expected a name"),
        ({**GOOD, "version": 0}, "version 0: expected a whole number from 1 to 1000000"),
        ({**GOOD, "version": "1"}, "version '1': expected a whole"),
        ({**GOOD, "version": True}, "version True: expected a whole"),
        ({**GOOD, "overlap_tokens": -1}, "overlap_tokens -1: expected a whole number of tokens, at least 0"),
        ({**GOOD, "overlap_tokens": 1.5}, "whole"),
        ({**GOOD, "context_tokens": None}, "whole"),
        ({**GOOD, "algorithm": -1}, "algorithm -1: expected 1 or 2"),
        ({**GOOD, "algorithm": 3}, "algorithm 3: expected 1 or 2"),
        ({**GOOD, "version": 10**30}, "expected a whole number from 1 to 1000000"),
        ({**GOOD, "strategy": "sentences"}, "strategy 'sentences': expected 'headings' or 'head'"),
        ({**GOOD, "strategy": ["head"]}, r"strategy \['head'\]: expected"),
        ({**GOOD, "max_tokens": 15}, "max_tokens 15"),
        ({**GOOD, "max_tokens": "64"}, "max_tokens '64'"),
        ({**GOOD, "max_tokens": 64.0}, r"max_tokens 64\.0"),
        ({**GOOD, "overlap_tokens": 30}, "is 38: expected at most half of max_tokens 64"),
    ],
)
def test_a_bad_view_is_refused_naming_what_is_wrong(value: object, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        passage_view_from(value)


# Conversation views

CHAT = {
    "kind": "conversation",
    "name": "mine",
    "version": 1,
    "roles": ["user", "assistant"],
    "earlier_turns": 4,
    "dense_weight": 0,
    "lexical_weight": 0.25,
}


def test_a_conversation_view_comes_back_from_its_definition() -> None:
    view = conversation_view_from(CHAT)
    assert view == ConversationView("mine", 1, ("user", "assistant"), 4, 0.0, 0.25)
    assert view_from(CHAT) == view
    assert conversation_view_from(definition(view)) == view
    assert json.loads(json.dumps(definition(view))) == definition(view)
    assert conversation_view_from(definition(DEFAULT_CONVERSATION)) == DEFAULT_CONVERSATION


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "passage"}, "the field 'roles' is unknown"),
        ({"name": ""}, "a name"),
        (
            {"surprise": 1},
            "conversation view .*: the field 'surprise' is unknown: expected name, version, roles",
        ),
        ({"version": 0}, "version 0: expected a whole number from 1"),
        ({"version": True}, "version True: expected a whole number from 1"),
        ({"algorithm": 3}, "algorithm 3: expected 1 or 2"),
        ({"answer_dense_weight": 0.2}, "the weights of answers need algorithm 2"),
        ({"algorithm": 2, "answer_lexical_weight": 1.0}, "a number of at least 0 and below 1"),
        ({"roles": []}, "at least one of user, assistant, system"),
        ({"roles": ["user", "tool"]}, "at least one of user, assistant, system"),
        ({"roles": "user"}, "at least one of user, assistant, system"),
        ({"earlier_turns": -1}, "earlier_turns -1: expected a whole number from 0 to 32"),
        ({"earlier_turns": 33}, "from 0 to 32"),
        ({"dense_weight": 1}, "dense_weight 1"),
        ({"lexical_weight": -0.1}, r"lexical_weight -0\.1"),
        ({"lexical_weight": float("nan")}, "lexical_weight nan"),
        ({"dense_weight": "0.1"}, "dense_weight '0.1'"),
    ],
)
def test_a_conversation_view_with_a_fault_is_refused_by_its_field(fault: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        view_from(CHAT | fault)


def test_a_conversation_view_is_held_to_its_definition_and_found_in_its_newest_version(home: Home) -> None:
    mine = conversation_view_from(CHAT)
    record_view(home.catalogue, mine)
    with pytest.raises(FeatureViewChanged, match=r"conversation view mine@1 was used as .*version 2"):
        record_view(home.catalogue, dataclasses.replace(mine, earlier_turns=5))
    newest = dataclasses.replace(mine, version=2, earlier_turns=5)
    record_view(home.catalogue, newest)
    assert conversation_view(home.catalogue, "mine") == newest
    assert conversation_view(home.catalogue, "default") == DEFAULT_CONVERSATION
    with pytest.raises(NotFound, match=r"No conversation view 'theirs'; there are default, mine\."):
        conversation_view(home.catalogue, "theirs")


def test_a_built_in_conversation_view_cannot_be_redefined(home: Home) -> None:
    with pytest.raises(FeatureViewChanged, match=r"conversation view default@2 is built in .*version 3"):
        record_view(home.catalogue, dataclasses.replace(DEFAULT_CONVERSATION, dense_weight=0.5))
    record_view(home.catalogue, FIRST_CONVERSATION)


@pytest.mark.parametrize("value", [None, 1, True, "16", [16], 16.0, -1, 10**9])
@pytest.mark.parametrize("field", ["version", "max_tokens", "overlap_tokens", "context_tokens", "algorithm"])
def test_numbers_of_a_view_are_whole_numbers_and_nothing_that_looks_like_one(field: str, value: object) -> None:
    allowed = {
        "version": [1],
        "max_tokens": [None, 10**9],
        "overlap_tokens": [1],
        "context_tokens": [1],
        "algorithm": [1],
    }
    is_allowed = any(value is one or (type(value) is int and value == one) for one in allowed[field])
    if is_allowed:
        assert getattr(passage_view_from(GOOD | {field: value}), field) == value
    else:
        with pytest.raises(InvalidInput, match=field):
            passage_view_from(GOOD | {field: value})
