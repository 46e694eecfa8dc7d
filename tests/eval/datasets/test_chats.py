"""Files of chats: which lines are one, what is refused by its place, and that a set of chats is another set."""

import json
from pathlib import Path

import pytest

from eval.datasets.chats import messages_of, read_questions
from eval.datasets.query_sets import load_queryset
from indexing.errors import SourceInvalid
from indexing.features.conversation import Message

CHAT = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": "a payment failed", "name": "ann"},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]},
    {"role": "tool", "tool_call_id": "c1", "content": "status 402"},
    {"role": "assistant", "content": [{"type": "text", "text": "Which one?"}, {"type": "image_url"}]},
    {"role": "user", "content": "the last"},
    {"role": "assistant", "content": "Let me look."},
]
SAID = (
    Message("user", "a payment failed"),
    Message("assistant", "Which one?"),
    Message("user", "the last"),
    Message("assistant", "Let me look."),
)


def written(folder: Path, *records: object, name: str = "queries.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder / name


def test_a_line_is_a_text_or_a_chat_and_messages_count_where_it_has_both(tmp_path: Path) -> None:
    path = written(tmp_path, {"_id": "1", "text": "one", "messages": None}, {"_id": "2", "text": "x", "messages": CHAT})
    assert read_questions(path) == ({"1": "one", "2": "the last"}, {"2": SAID})
    assert messages_of(SAID[:1]) == [{"role": "user", "content": "a payment failed"}]


def test_messages_with_a_text_for_a_content_are_read(tmp_path: Path) -> None:
    turns = [{"role": "user", "text": "one"}, {"role": "user", "content": "two", "text": "three"}]
    assert read_questions(written(tmp_path, {"_id": "1", "messages": turns}))[1] == {
        "1": (Message("user", "one"), Message("user", "two"))
    }


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"_id": "1"}, "'text' is None"),
        ({"_id": "", "messages": CHAT}, "'_id' is ''"),
        ({"_id": "1", "messages": "hello"}, "messages: .*expected messages as /v1/search takes them"),
        ({"_id": "1", "messages": ["hello"]}, "messages.0"),
        ({"_id": "1", "messages": [{"role": "usr", "content": "x"}]}, "messages.0.role"),
        ({"_id": "1", "messages": [*CHAT, {"role": "user"}]}, "messages.7.content"),
        ({"_id": "1", "messages": []}, "the last one of them is the question"),
        ({"_id": "1", "messages": CHAT[:1]}, "the last one of them is the question"),
        ({"_id": "0", "messages": CHAT}, "has another text above"),
        ([], "expected an object"),
    ],
)
def test_a_malformed_line_is_refused_by_its_place(tmp_path: Path, record: object, said: str) -> None:
    path = written(tmp_path, {"_id": "0", "text": "the last"}, record)
    with pytest.raises(SourceInvalid, match=f"queries.jsonl:2: .*{said}"):
        read_questions(path)


def test_a_file_without_a_query_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match="holds no query"):
        read_questions(written(tmp_path))


def test_a_set_of_chats_has_the_chats_of_its_queries_and_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n1\td\t1\n")
    written(tmp_path, {"_id": "1", "text": "the last"})
    written(tmp_path, {"_id": "1", "messages": CHAT}, {"_id": "2", "messages": CHAT}, name="chats.jsonl")
    written(tmp_path, {"_id": "1", "messages": CHAT[5:]}, name="short.jsonl")
    texts, chats, short = (
        load_queryset(tmp_path, queries_file=name) for name in ("queries.jsonl", "chats.jsonl", "short.jsonl")
    )
    assert texts.queries == chats.queries == {"1": "the last"}
    assert (texts.chats, chats.chats) == ({}, {"1": SAID})
    assert len({one.fingerprint for one in (texts, chats, short)}) == 3
