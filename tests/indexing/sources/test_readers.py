"""Sources give what is whole and name what is broken."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.errors import SourceInvalid
from indexing.records import MARKDOWN, PLAIN, Document, Reject
from indexing.sources import json_lines, readers, tree_walk
from indexing.sources.readers import open_source


def documents(path: Path, kind: readers.SourceKind = "auto") -> list[Document]:
    found = list(open_source(path, kind).read())
    assert all(isinstance(one, Document) for one in found), found
    return [one for one in found if isinstance(one, Document)]


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_beir_folder_gives_its_corpus(tmp_path: Path) -> None:
    row = {"_id": "7", "title": "T", "text": "body", "metadata": {"url": "http://x"}}
    written(tmp_path, "corpus.jsonl", "\ufeff" + json.dumps(row) + "\n\n" + json.dumps({"_id": 8, "text": ""}))
    source = open_source(tmp_path)
    assert source.name == f"beir:{tmp_path.resolve()}"
    assert list(source.read()) == [
        Document("7", "T", "body", "http://x", {"url": "http://x"}),
        Document("8", "", ""),
    ]


def test_a_jsonl_file_gives_every_field(tmp_path: Path) -> None:
    row = {"id": "a", "title": "T", "text": "# x", "url": "u", "metadata": {"n": [1]}, "content_type": MARKDOWN}
    assert documents(written(tmp_path, "x.jsonl", json.dumps(row))) == [
        Document("a", "T", "# x", "u", {"n": [1]}, MARKDOWN)
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"text": "x"}', "missing"),
        (b'{"id": " ", "text": "x"}', "not a name"),
        (b'{"id": true, "text": "x"}', "not a name"),
        (b'{"id": "' + b"x" * 513 + b'", "text": "x"}', "more than 512"),
        (b'{"id": "a\\u0000", "text": "x"}', "control characters"),
        (b'{"id": "a", "text": 5}', "text is 5, not a string"),
        (b'{"id": "a"}', "text is missing"),
        (b'{"id": "a", "text": "\xff"}', "not UTF-8"),
        (b'{"id": "a", "text": "\\ud800"}', "lone surrogate U+D800"),
        (b'{"id": "a", "text": "x", "title": 1}', "title is 1"),
        (b'{"id": "a", "text": "x", "metadata": [1]}', "not an object"),
        (b'{"id": "a", "text": "x", "metadata": {"n": NaN}}', "not a finite number"),
        (b'{"id": "a", "text": "x", "metadata": {"n": 1e999}}', "not a finite number"),
        (b'{"id": "a", "text": "x", "metadata": {"n": ' + b"[" * 50 + b"]" * 50 + b"}}", "nested"),
        (b'{"id": "a", "text": "x", "content_type": "text/html"}', "text/html"),
        (b'{"id": "first", "text": "x"}', "was used by x.jsonl:1"),
    ],
)
def test_a_broken_line_is_rejected_by_name_and_the_rest_is_read(tmp_path: Path, line: bytes, reason: str) -> None:
    path = written(tmp_path, "x.jsonl", b'{"id": "first", "text": ""}\n' + line + b'\n{"id": "last", "text": ""}\n')
    first, reject, last = open_source(path).read()
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert last.id == "last"
    assert isinstance(reject, Reject)
    assert reject.name == "x.jsonl:2"
    assert reason in reject.reason
    reject.reason.encode()


def test_a_line_that_is_too_long_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "MAX_LINE_BYTES", 40)
    path = written(tmp_path, "x.jsonl", '{"id": "a", "text": "' + "x" * 500 + '"}\n{"id": "b", "text": ""}\n')
    reject, document = open_source(path).read()
    assert isinstance(reject, Reject)
    assert "over 40 bytes" in reject.reason
    assert isinstance(document, Document)
    assert document.id == "b"


@given(st.binary(max_size=200))
def test_any_bytes_give_documents_or_rejects(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for path in (written(folder, "x.jsonl", b" " + data), written(folder, "x.md", b"---\n" + data)):
        assert all(isinstance(one, Document | Reject) for one in open_source(path).read())


def test_a_tree_gives_its_texts_sorted_and_skips_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.txt", "a.markdown", ".hidden.md", ".git/x.md", "image.png"):
        written(tmp_path, name, "text")
    assert [(one.id, one.content_type) for one in documents(tmp_path)] == [
        ("a.markdown", MARKDOWN),
        ("a/z.txt", PLAIN),
        ("b.md", MARKDOWN),
    ]


def test_front_matter_gives_id_title_url_and_metadata_and_the_body_stays_as_it_is(tmp_path: Path) -> None:
    front = "---\nid: 12\ntitle: Named\nurl: http://x\nday: 2024-02-03\n"
    front += "at: 2024-02-03T04:05:06Z\ntags: [a, {b: .nan, c: 3}]\n---\n"
    written(tmp_path, "d/x.md", "\ufeff" + front + "\r\n body \r\n---\n")
    (one,) = documents(tmp_path)
    assert (one.id, one.title, one.url, one.text) == ("12", "Named", "http://x", "\r\n body \r\n---\n")
    assert one.metadata == {
        "day": "2024-02-03",
        "at": "2024-02-03T04:05:06Z",
        "tags": ["a", {"b": ".nan", "c": 3}],
        "path": "d/x.md",
    }


def test_the_title_falls_back_to_the_first_heading_and_then_to_the_file(tmp_path: Path) -> None:
    written(tmp_path, "a.md", "## no\n\n```\n# no\n```\n\nThe *real* `one`\n===\n\n# later")
    written(tmp_path, "b.md", "no heading")
    written(tmp_path, "c.txt", "# not a heading")
    written(tmp_path, "d.md", "")
    assert [one.title for one in documents(tmp_path)] == ["The real one", "b", "c", "d"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"---\na: [\n---\n", "not YAML"),
        (b"---\na: &a [*a]\n---\n", "nested"),
        (b"---\na: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
         b"c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n---\n", "values"),
        (b"---\nid: [1]\n---\n", "id is a list"),
        (b"---\nurl: 5\n---\n", "url is 5"),
        (b"t\xe9", "not UTF-8"),
    ],
)  # fmt: skip
def test_a_broken_file_is_rejected_by_name_and_the_rest_is_read(tmp_path: Path, content: bytes, reason: str) -> None:
    written(tmp_path, "a.md", content)
    written(tmp_path, "b.md", "fine")
    reject, document = open_source(tmp_path).read()
    assert isinstance(reject, Reject)
    assert reject.name == "a.md"
    assert reason in reject.reason
    assert isinstance(document, Document)


def test_two_files_with_one_id_give_one_document(tmp_path: Path) -> None:
    written(tmp_path, "a.md", "---\nid: same\n---\n")
    written(tmp_path, "b.md", "---\nid: same\n---\n")
    _, reject = open_source(tmp_path).read()
    assert isinstance(reject, Reject)
    assert "used by a.md" in reject.reason


def test_a_file_that_is_too_large_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_walk, "MAX_FILE_BYTES", 3)
    (reject,) = open_source(written(tmp_path, "a.md", "four")).read()
    assert isinstance(reject, Reject)
    assert "4 bytes" in reject.reason


def test_links_that_leave_the_folder_are_rejected_and_others_are_read(tmp_path: Path) -> None:
    outside = written(tmp_path, "outside/secret.md", "secret")
    root = written(tmp_path, "root/a.md", "text").parent
    (root / "b.md").symlink_to(outside)
    (root / "c").symlink_to(outside.parent)
    (root / "d.md").symlink_to("a.md")
    (root / "e.md").symlink_to("nowhere")
    (root / "f").symlink_to(".")
    (root / "g.md").symlink_to("g.md")
    found = list(open_source(root).read())
    assert [one.id for one in found if isinstance(one, Document)] == ["a.md", "d.md"]
    assert [one.name for one in found if isinstance(one, Reject)] == ["b.md", "c", "e.md", "g.md"]


def test_strange_files_and_names_are_rejected_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")
    (tmp_path / "b.md").mkdir()
    (tmp_path / "c\n.md").write_text("x")
    (tmp_path / os.fsdecode(b"d\xff.md")).write_text("x")
    found = list(open_source(tmp_path).read())
    assert [one.name for one in found if isinstance(one, Reject)] == ["a.md", "c\n.md", "d\\udcff.md"]
    assert len(found) == 3


def test_one_file_is_a_tree_of_one(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "text")
    source = open_source(path)
    assert source.name == f"tree:{path.resolve()}"
    assert list(source.read()) == [Document("a.txt", "a", "text", "", {"path": "a.txt"})]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("missing", "auto", "check the path"),
        ("nul\0", "auto", "check the path"),
        ("empty", "auto", "add some"),
        ("empty", "beir", "corpus.jsonl"),
        ("empty", "jsonl", "JSON Lines"),
        ("empty.jsonl", "auto", "it is empty"),
        ("image.png", "auto", "Markdown (.md, .markdown), text (.txt), web pages (.html"),
    ],
)
def test_a_source_that_is_not_one_says_what_was_expected(
    tmp_path: Path, name: str, kind: readers.SourceKind, expected: str
) -> None:
    (tmp_path / "empty").mkdir()
    written(tmp_path, "empty.jsonl", "")
    written(tmp_path, "image.png", "x")
    with pytest.raises(SourceInvalid, match=re.escape(expected)) as raised:
        open_source(tmp_path / name, kind)
    assert ascii(name)[1:5] in ascii(str(raised.value))
