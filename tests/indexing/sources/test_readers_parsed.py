"""A folder of web pages, PDF and Word files beside texts becomes documents and passages."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from indexing.commands.root import cli
from indexing.errors import SourceInvalid
from indexing.features.views import PassageView
from indexing.home import Home
from indexing.passages.chunker import Chunker
from indexing.records import MARKDOWN, PLAIN, Document, Passage, Reject
from indexing.sources import parser_sandbox
from indexing.sources.parser_sandbox import Limits
from indexing.sources.readers import open_source
from tests.support import made_files

HELP_CENTRE = Path(__file__).parent / "help_centre"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The help centre with a PDF, a Word file and two texts beside it."""
    path = tmp_path / "mixed"
    shutil.copytree(HELP_CENTRE, path)
    (path / "Guide.PDF").write_bytes(made_files.pdf_of([[(50, 700, 11, "A guide.")]]))
    body = made_files.paragraph("Contract", "Heading1") + made_files.paragraph("We agree.")
    (path / "contract.docx").write_bytes(made_files.docx_of(body))
    (path / "notes.md").write_text("# Notes\n\nSome.\n")
    (path / "plain.txt").write_text("Plain.\n")
    (path / "assets").mkdir()
    (path / "assets" / "site.css").write_text("p {}")
    return path


def read(path: Path, limits: Limits | None = None) -> tuple[dict[str, Document], dict[str, str]]:
    found = list(open_source(path, limits=limits).read())
    documents = {one.id: one for one in found if isinstance(one, Document)}
    return documents, {one.name: one.reason for one in found if isinstance(one, Reject)}


def passages_of(document: Document, model_tokenizer: object) -> list[Passage]:
    chunker = Chunker(PassageView("test", 1, "headings", 120, 10, 30), model_tokenizer, 512)
    return chunker.passages(document, chunker.spans(document))


@pytest.fixture
def tokenizer(tiny_files: dict[str, bytes]) -> object:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(tiny_files["tokenizer.json"].decode())


def test_a_mixed_folder_gives_a_document_a_file_by_its_path(folder: Path) -> None:
    documents, rejects = read(folder)
    assert rejects == {}
    assert {one.id: (one.title, one.content_type) for one in documents.values()} == {
        "Guide.PDF": ("Guide", PLAIN),
        "articles/refund-a-payment.html": ("Refund a payment", MARKDOWN),
        "contract.docx": ("Contract", MARKDOWN),
        "docs/team-roles.html": ("Team roles", MARKDOWN),
        "docs/webhooks.html": ("Receive webhooks", MARKDOWN),
        "index.html": ("How can we help?", MARKDOWN),
        "legacy/0117.htm": ("The card reader\N{RIGHT SINGLE QUOTATION MARK}s display stays dark", MARKDOWN),
        "notes.md": ("Notes", MARKDOWN),
        "plain.txt": ("plain", PLAIN),
    }
    assert documents["Guide.PDF"].metadata == {"pages": 1, "path": "Guide.PDF"}
    refund = documents["articles/refund-a-payment.html"]
    assert refund.metadata == {"lang": "en-GB", "path": "articles/refund-a-payment.html"}
    assert refund.url == "https://help.harbour.example/articles/refund-a-payment"


def test_passages_of_the_help_centre_stand_under_their_headings(folder: Path, tokenizer: object) -> None:
    documents, _ = read(folder)
    found: dict[str, set[tuple[str, ...]]] = {}
    for document in documents.values():
        for passage in passages_of(document, tokenizer):
            assert passage.text == document.text[passage.start : passage.end]
            found.setdefault(document.id, set()).add(passage.headings)
    assert ("Refund a payment", "How long it takes") in found["articles/refund-a-payment.html"]
    assert ("Receive webhooks", "Verify the signature") in found["docs/webhooks.html"]
    dark = documents["legacy/0117.htm"].title
    assert (dark, "If it still stays dark") in found["legacy/0117.htm"]
    assert {path[0] for path in found["contract.docx"]} == {"Contract"}


def test_the_same_folder_gives_the_same_documents(folder: Path) -> None:
    assert read(folder) == read(folder)


def test_one_file_of_each_kind_is_a_source(folder: Path) -> None:
    for name in ("Guide.PDF", "contract.docx", "index.html", "legacy/0117.htm"):
        documents, _ = read(folder / name)
        assert list(documents) == [Path(name).name]


def test_broken_files_are_named_and_the_rest_is_read(folder: Path) -> None:
    whole = made_files.docx_of(made_files.paragraph("text"))
    for name, data in {"a.pdf": b"%PDF-1.4", "b.docx": whole[:-30], "c.html": b"", "d.html": b"<nav>Home</nav>",
                       "e.pdf": made_files.pdf_of([b""]), "f.pdf": made_files.encrypted_pdf_of([], "x"),
                       "g.html": b"<div>" * 5000 + b"x"}.items():  # fmt: skip
        (folder / name).write_bytes(data)
    documents, rejects = read(folder)
    assert len(documents) == 9
    reasons = {"a.pdf": "not a readable PDF", "b.docx": "not a whole Word file", "c.html": "it is empty",
               "d.html": "no readable text", "e.pdf": "run OCR first", "f.pdf": "needs a password",
               "g.html": "nested more than 400 deep"}  # fmt: skip
    assert rejects.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert reason in rejects[name]


def test_a_file_that_takes_too_long_is_named_and_the_rest_is_read(folder: Path) -> None:
    (folder / "a.html").write_bytes(b"<p " + b" ".join(b"a%d=1" % i for i in range(200_000)) + b">x")
    documents, rejects = read(folder, Limits(seconds=2))
    assert len(documents) == 9
    assert list(rejects) == ["a.html"]
    assert "takes over 2 seconds" in rejects["a.html"]


def test_a_reader_that_stops_early_leaves_no_process(folder: Path) -> None:
    entries = open_source(folder).read()
    first = next(entries)
    assert isinstance(first, Document)
    entries.close()


def test_texts_alone_need_no_libraries_and_others_name_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_sandbox, "LIBRARIES", ("no_such_library",))
    assert len(read(folder / "notes.md")[0]) == 1
    with pytest.raises(SourceInvalid, match=r"'sources'; install groundwork\[sources\]") as raised:
        open_source(folder)
    assert "Guide.PDF, one of 7 web pages, PDF and Word files, and no_such_library is not installed" in str(
        raised.value
    )


def test_ingest_reads_a_mixed_folder_and_updates_what_is_exported_again(home: Home, folder: Path) -> None:
    def ingest() -> dict[str, object]:
        result = CliRunner().invoke(cli, ["--home", str(home.path), "ingest", str(folder), "--prune", "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    assert ingest()["added"] == 9
    again = ingest()
    assert (again["unchanged"], again["changed"], again["removed"]) == (9, 0, 0)
    page = folder / "docs" / "webhooks.html"
    page.write_text(page.read_text().replace("sandbox in Frankfurt", "sandbox in Kiel"))  # outside the article
    assert ingest()["unchanged"] == 9
    page.write_text(page.read_text().replace("within ten seconds", "within five seconds"))
    (folder / "index.html").unlink()
    last = ingest()
    assert (last["changed"], last["unchanged"], last["removed"], last["rejects"]) == (1, 7, 1, [])
