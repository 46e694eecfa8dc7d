"""The measure of the HTML reader finds what is kept of the content of pages, and refuses a folder without pages."""

from pathlib import Path

import pytest

from benchmarks.builds.webpages import measure, measured

PAGE = b"""<title>T</title><nav><a href=x>Home</a></nav><main><h1>Pumps<a class=headerlink href='#p'>P</a></h1>
<pre>a = 1\n  b = 2</pre><table><tr><th>Model</th><th>Litres</th></tr><tr><td>P1</td><td>10</td></tr></table></main>"""


def test_a_page_that_is_kept_whole_has_all_its_blocks_and_rows() -> None:
    page = measured(PAGE)
    assert (page.recall, page.precision) == (1.0, 1.0)
    assert (page.code_blocks, page.code_blocks_kept, page.rows, page.rows_kept) == (1, 1, 2, 2)
    assert page.unexplained == 0


def test_a_page_without_words_keeps_nothing_and_one_without_a_box_is_not_compared() -> None:
    assert measured(b"<main><pre hidden>secret</pre></main>").recall == 0
    assert measured(b"<div>words</div>").recall is None


def test_figures_are_given_for_each_kind_of_page_and_for_all(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no folders with"):
        measure(tmp_path)
    for kind in ("first", "second"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "page.html").write_bytes(PAGE)
    figures = measure(tmp_path)
    assert set(figures) == {"first", "second", "all"}
    assert figures["all"]["pages"] == 2
    assert figures["all"]["table rows kept"] == 4
