"""A seeded slice of the 10,000 documents: each sentence comes out of every reader once, in order."""

import pytest

from benchmarks.builds.readers import FORMATS, SEED, measured


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pdf"])
def test_each_sentence_comes_out_once_and_in_order(name: str) -> None:
    found = measured(name, 25, SEED)
    assert found["sentences"] == 507
    assert found["documents with a flaw"] == 0, found


def test_each_sentence_of_a_pdf_comes_out_once() -> None:
    found = measured("pdf", 10, SEED)
    assert [found[flaw] for flaw in ("missing", "torn", "twice", "unexplained letters")] == [0, 0, 0, 0], found
