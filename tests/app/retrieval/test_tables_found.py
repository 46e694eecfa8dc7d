"""A table that is cut over several passages is found by its rows and read with its columns, from file to context."""

from pathlib import Path

import pytest

from app.retrieval.prompt_context import assemble
from app.retrieval.retriever import Retriever
from app.serving.release_opening import ReleaseOpener
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.records import Partition
from indexing.releases.recipe_choices import recipe_in_service
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source

HERE = Partition("default", "stock")
CASE = Path(__file__).parents[4] / "shared" / "cases" / "table-header"
ROWS = [(f"HL-{number}", f"{7 * number} EUR", f"shelf {number % 9}") for number in range(4000, 4060)]
HEAD = "| Article | Price | Place |"
MARKDOWN = f"# Stock\n\n{HEAD}\n|:--|--:|---|\n" + "".join(f"| {' | '.join(row)} |\n" for row in ROWS)
CELLS = "".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in ROWS)
HEADS = "<tr><th>Article</th><th>Price</th><th>Place</th></tr>"
PAGE = f"<html><body><main><h1>Stock</h1><table>{HEADS}{CELLS}</table></main></body></html>"
LIST = "# Stock\n\n- Ours:\n\n" + "".join(f"  {line}\n" for line in MARKDOWN.splitlines()[2:])


def best(home, folder, query):
    """The best passage of a folder for a query by its words, and the context that it makes."""
    ingest(home.catalogue, open_source(folder, "auto"), HERE)
    report = build(prepare_build(home, recipe_in_service(home)))
    serving = ReleaseOpener(home).open(report.release)
    found = Retriever().search(serving, HERE, query, k=3, mode="lexical", group_by_document=False)
    return found.hits[0], assemble(found.hits[:1], lambda text: len(text.split()), 500).text


def written(folder, name, text):
    folder.mkdir()
    (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(("name", "text"), [("a.md", MARKDOWN), ("a.html", PAGE), ("a.md", LIST)])
def test_the_passage_with_the_row_is_first_and_says_what_its_columns_are(tiny_home, tmp_path, name, text):
    hit, context = best(tiny_home, written(tmp_path / "files", name, text), "price of HL-4041")
    assert "| HL-4041 | 28287 EUR | shelf 0 |" in hit.passage.text
    assert hit.passage.table_heading == HEAD
    lines = context.split("\n")
    assert lines.index(HEAD) == 1
    assert lines[2].strip().startswith("| HL-40")


def test_the_table_of_the_case_is_found_and_read(tiny_home, tmp_path):
    if not CASE.is_dir():
        pytest.skip(f"{CASE} is absent")
    folder = written(tmp_path / "files", "stock.md", (CASE / "stock.md").read_text())  # without its README
    hit, context = best(tiny_home, folder, "price of SKU-1100")
    assert "| SKU-1100 | 300 kg | 700 EUR | shelf 1 |" in hit.passage.text
    assert "| Article | Weight | Price | Place |\n| SKU-" in context
