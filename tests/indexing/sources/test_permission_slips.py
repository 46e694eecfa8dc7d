"""A restricted document never becomes public by a slip of its author."""

from pathlib import Path
from typing import Any

import pytest

from app.schemas.documents import DocumentBody, document_from
from indexing.errors import InvalidInput
from indexing.records import Document, Reject
from indexing.sources.permission_slips import refuse_lost_line, refuse_slips
from indexing.sources.readers import open_source
from indexing.sources.refusals import Refused

_SPELLINGS = (
    *(
        "Allow",
        "ALLOW",
        "allow ",
        " allow",
        "allow:",
        "\u200ballow",
        "\uff41llow",
        "al\u00adlow",
        "alow",
        "allw",
        "aloow",
    ),
    *("allowed", "allows", "Allowed", "alowed", "allowd", "allowlist", "allow_list", "allow-list", "allowList"),
    *("allowed_users", "allow_groups", "allowedGroups", "allow-from", "allowed to", "\u0430llow", "alllow", "lalow"),
)
_WORDS = (
    *("acl", "ACL", "acls", "access", "permissions", "Permission", "groups", "principals", "readers", "visibility"),
    *(
        "visible_to",
        "visibleTo",
        "viewers",
        "roles",
        "restricted-to",
        "private",
        "permisions",
        "principlas",
        "visiblity",
    ),
)
_ORDINARY = (
    *("title", "tags", "alloy", "alloys", "allowance", "allow_comments", "allowIndexing", "group", "role", "audience"),
    *(
        "owner",
        "author",
        "authors",
        "categories",
        "below",
        "follow",
        "hallow",
        "shallow",
        "tallow",
        "access_date",
        "reads",
    ),
    *(
        "layout",
        "slug",
        "weight",
        "draft",
        "category",
        "permalink",
        "excerpt",
        "aliases",
        "all",
        "low",
        "arrow",
        "policy",
    ),
)


@pytest.mark.parametrize("value", [["ann"], "ann", True, None, 5])
@pytest.mark.parametrize("key", _SPELLINGS)
def test_another_spelling_of_allow_is_refused_by_name_whatever_it_holds(key: str, value: Any) -> None:
    with pytest.raises(Refused, match="looks like a permission"):
        refuse_slips({"title": "t", key: value, "allow": ["ann"]})


@pytest.mark.parametrize("value", [["ann"], "ann", "staff, sales", {"read": ["ann"]}, True])
@pytest.mark.parametrize("key", _WORDS)
def test_another_word_for_it_is_refused_where_its_value_may_restrict(key: str, value: Any) -> None:
    with pytest.raises(Refused, match="write allow: "):
        refuse_slips({key: value})


@pytest.mark.parametrize("key", _ORDINARY)
def test_ordinary_fields_pass(key: str) -> None:
    refuse_slips({key: ["a"], f"{key}_2": "b", "x": {key: "c"}})


@pytest.mark.parametrize("value", ["Repository owners can add them.", "public", "Everyone", False, None, ""])
def test_a_word_that_restricts_nothing_passes(value: Any) -> None:
    refuse_slips({"permissions": value, "access": value})


def test_other_words_pass_beside_a_permission_that_is_right() -> None:
    refuse_slips({"allow": ["ann"], "groups": ["a"], "access": "ann"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("public", False),
        ("public", "no"),
        ("isPublic", False),
        ("world_readable", "off"),
        ("deny", ["bob"]),
        ("denied_users", "bob"),
        ("hidden from", "interns"),
        ("classification", "Secret"),
        ("sensitivity", "strictly confidential"),
    ],
)
def test_what_says_that_a_document_is_not_for_all_is_refused(key: str, value: Any) -> None:
    with pytest.raises(Refused, match="write allow: "):
        refuse_slips({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("public", True),
        ("public", "yes"),
        ("classification", "internal"),
        ("classification", "taxonomy"),
        ("deny", False),
    ],
)
def test_what_says_that_it_is_for_all_or_speaks_of_something_else_passes(key: str, value: Any) -> None:
    refuse_slips({key: value})


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": {"allow": ["ann"]}},
        {"metadata": {"Allow": ["ann"]}},
        {"meta": {"security": {"allow": ["ann"]}}},
        {"rules": [{"who": {"Allow": ["ann"]}}]},
        {"a": {"b": {"c": {"allowed_users": ["ann"]}}}},
    ],
)
def test_a_permission_at_another_place_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"\.[aA]llow"):
        refuse_slips(fields)


@pytest.mark.parametrize(
    "text",
    [
        "---\nallow: [ann]\n\ntext that nothing closes",
        "---\nallow [ann]\n---\ntext",
        "---\n- allow: [ann]\n---\ntext",
        "\n---\nallow: [ann]\n---\ntext",
        "----\ntitle: x\nAllow: ann\n----\n",
        "++++\nallow = ['ann']\n++++\n",
        "allow: [ann]\n\ntext",
        "allow:\n  - ann\n\ntext",
        '{\n  "allow": ["ann"]\n}\ntext',
        '{"title": "x", "Allow": ["ann"]}\n\ntext',
        "<!-- allow: [ann] -->\n\ntext",
        "<!--\ntitle: x\nallowed: ann\n-->\ntext",
        "Title: x\nAllow: [ann]\nDate: 2024\n\ntext",
    ],
)
def test_a_line_that_was_meant_to_restrict_a_file_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="looks like a permission"):
        refuse_lost_line(text)


@pytest.mark.parametrize(
    "text",
    [
        "User-agent: *\nAllow: /\n",
        "Allow five minutes.\n\nAllow: no more.",
        "---\nWe allow this.\n---\n",
        "# A\n\n---\nallow: [ann]\n",
        '{\n  "permissions": {\n    "allow": ["x"]\n  }\n}\n',
        '{"permissions": {"allow": ["x"]}}\n',
        "HTTP/1.1 405 Method Not Allowed\nAllow: [GET]\n",
        "Title: x\nAllow: GET, HEAD\n\ntext",
        "<!-- we allow this -->\n\ntext",
        "---\n" + "x\n" * 60 + "allow: [ann]\n",
        "",
    ],
)
def test_prose_and_what_stands_further_down_pass(text: str) -> None:
    refuse_lost_line(text)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.md", "---\nAllow: [ann]\n---\n", "Allow: a list looks like"),
        ("b.md", "---\nallow: ann\n---\n", "allow is ann, not a list"),
        ("c.txt", '+++\nacl = ["ann"]\n+++\n', "acl: a list"),
        ("d.jsonl", '{"id": "1", "text": "", "Allow": ["ann"]}', "Allow: a list"),
        ("e.jsonl", '{"id": "1", "text": "", "metadata": {"allow": ["ann"]}}', "metadata.allow: a list"),
        ("f.jsonl", '{"id": "1", "text": "", "tags": []}', "field tags is unknown, and would be lost"),
        ("g.jsonl", '{"id": "1", "text": "", "allow": ["ann"], "allow": null}', "allow stands there twice"),
        ("i.html", "---\ntitle: x\nallow: [ann]\n---\n<p>text</p>", "allow at its head looks like a permission"),
        ("j.csv", "---\nallow: [ann]\n---\na,b\n1,2\n", "allow at its head looks like a permission"),
        ("k.html", '<head><meta name="Allow" content="ann"></head><p>text</p>', "field 'Allow' that looks like"),
        ("l.jsonl", '{"id": "1", "text": "", "metadata": {"a": {"allow": ["ann"]}}}', "metadata.a.allow: a list"),
        (
            "m.ipynb",
            '{"cells": [{"cell_type": "raw", "metadata": {}, "source": "---\\nAllow: [ann]\\n---"}], "metadata": {}}',
            "Allow at its head looks like a permission",
        ),
        ("n.md", '{"title": "x", "allow": ["ann"]}\n\ntext', "allow at its head looks like a permission"),
        ("h.jsonl", '{"id": "1", "text": "", "Title": "x"}', "put it into metadata"),
    ],
)
def test_every_source_refuses_slips(tmp_path: Path, name: str, content: str, reason: str) -> None:
    (tmp_path / name).write_text(content)
    (reject,) = open_source(tmp_path / name).read()
    assert isinstance(reject, Reject)
    assert reason in reject.reason


def test_a_permission_that_is_right_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\nallow: [ann, no, 1.10]\nacl: bob\n---\n")
    (document,) = open_source(tmp_path).read()
    assert isinstance(document, Document)
    assert document.allow == ("1.10", "ann", "no")


def test_a_document_over_http_may_not_hide_its_permission_in_metadata() -> None:
    with pytest.raises(InvalidInput, match=r"metadata\.Allow: a list looks like a permission"):
        document_from("a", DocumentBody(metadata={"Allow": ["ann"]}))
    assert document_from("a", DocumentBody(metadata={"groups": ["x"], "access": "y"})).allow is None
