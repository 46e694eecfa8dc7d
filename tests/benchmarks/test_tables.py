"""Views of tables are measured beside each other, on cells that each have one row."""

from benchmarks.search.tables import compare, made_collection


def test_every_question_is_answered_by_one_row_of_one_document():
    documents, asked = made_collection(3, 40)
    assert len({document.id for document in documents}) == 3
    for query, row, column in asked:
        assert sum(document.text.count(row) for document in documents) == 1
        assert column.lower() in query


def test_a_small_collection_says_that_rows_carry_their_columns(tiny_home):
    found = compare(tiny_home, documents=1, queries=6)
    first, present = found["default@1"], found["default@2"]
    assert first["passages"] > 2
    assert present["lexical"]["first and understood"] > first["lexical"]["first and understood"]
    assert set(found) == {"documents", "queries", *_views()}


def _views():
    return "default@1", "default@2", "default@2, heading rows not among the terms"
