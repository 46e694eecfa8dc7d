"""A context says nothing twice, cites exactly, keeps its budget, and names what it left out."""

import re
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.retrieval.hits import RankedPassage
from app.retrieval.prompt_context import assemble
from indexing.records import Partition
from indexing.snapshots.shard import StoredPassage

HERE = Partition("here", "c")


def count(text):
    return len(re.findall(r"\w+|[^\w\s]", text))


def passage(document_id, ordinal, start, text, *, title="", url="", headings=(), table=""):
    return StoredPassage(HERE, document_id, title, url, {}, ordinal, start, start + len(text), headings, text, table)


def ranked(*passages):
    return [
        RankedPassage(rank, round(1.0 - rank / 1000, 3), None, None, found) for rank, found in enumerate(passages, 1)
    ]


def cited(context):
    return [list(citation.passages) for citation in context.citations]


# Properties

SENTENCES = ["Open the door.", "Close it again!", "Why not?", "A card was declined.", "Largo word " * 8 + "ends."]


@st.composite
def collections(draw):
    """Documents, and hits on passages of them that may overlap, touch, follow each other or be far apart."""
    documents, passages = {}, []
    for number in range(draw(st.integers(1, 4))):
        sentences = draw(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=8))
        text, bounds = "", []
        for sentence in sentences:
            bounds.append((len(text), len(text) + len(sentence)))
            text += sentence + draw(st.sampled_from([" ", "\n\n"]))
        name = f"d{number}"
        documents[name] = text
        spans = draw(
            st.lists(
                st.tuples(st.integers(0, len(bounds) - 1), st.integers(0, 2)).map(
                    lambda pair, bounds=bounds: (bounds[pair[0]][0], bounds[min(sum(pair), len(bounds) - 1)][1])
                ),
                unique=True,
                max_size=5,
            )
        )
        for ordinal, (start, end) in enumerate(sorted(spans)):
            passages.append(
                passage(name, ordinal, start, text[start:end], title=f"Title {number}", url=f"https://x/{number}")
            )
    return documents, ranked(*draw(st.permutations(passages)))


def keeps_its_budget_and_accounts_for_every_hit(documents, hits, budget, context):
    assert context.tokens == count(context.text) <= budget
    inside = [one for citation in context.citations for one in citation.passages]
    outside = [one.passage_id for one in context.left_out]
    assert sorted(inside + outside) == sorted(hit.passage.id for hit in hits)
    assert all(one.of in {hit.passage.id for hit in hits} for one in context.left_out if one.reason == "duplicate")


def every_piece_is_exactly_its_documents_text_and_stands_in_the_block(documents, hits, budget, context):
    for citation in context.citations:
        assert citation.entry in context.text
        for piece in citation.pieces:
            assert piece.text == documents[citation.document_id][piece.start : piece.end]
            assert piece.text in citation.entry
        assert all(one.end < other.start for one, other in pairwise(citation.pieces))
    assert [citation.number for citation in context.citations] == list(range(1, len(context.citations) + 1))
    assert re.findall(r"^\[(\d+)\]", context.text, re.MULTILINE) == [str(one.number) for one in context.citations]


def no_text_stands_there_twice(documents, hits, budget, context):
    inside = {one for citation in context.citations for one in citation.passages}
    found = [hit.passage for hit in hits if hit.passage.id in inside]
    for one, other in combinations(found, 2):
        is_overlap = one.document_id == other.document_id and one.start < other.end and other.start < one.end
        texts = [" ".join(each.text.split()) for each in (one, other)]
        assert is_overlap or not (texts[0] in texts[1] or texts[1] in texts[0])
    for name in documents:  # what overlaps is joined
        spans = sorted((p.start, p.end) for c in context.citations if c.document_id == name for p in c.pieces)
        assert all(before[1] < after[0] for before, after in pairwise(spans))


def with_room_for_all_only_repetitions_are_left_out_and_a_document_is_read_in_order(documents, hits, budget, context):
    context = assemble(hits, count, 10_000)
    assert {one.reason for one in context.left_out} <= {"duplicate"}
    assert not any(citation.is_cut for citation in context.citations)
    places = {}
    for place, citation in enumerate(context.citations):
        places.setdefault(citation.document_id, []).append((place, citation.pieces[0].start))
    for own in places.values():
        assert [place for place, _ in own] == list(range(own[0][0], own[0][0] + len(own)))
        assert [start for _, start in own] == sorted(start for _, start in own)


def the_same_hits_give_the_same_context(documents, hits, budget, context):
    assert assemble(list(hits), count, budget) == context


@given(collections(), st.integers(1, 200))
def test_every_context_holds_what_is_promised(made, budget):
    documents, hits = made
    context = assemble(hits, count, budget)
    for holds in (  # of the same examples, since each takes 10 ms of CPU to make
        keeps_its_budget_and_accounts_for_every_hit,
        every_piece_is_exactly_its_documents_text_and_stands_in_the_block,
        no_text_stands_there_twice,
        with_room_for_all_only_repetitions_are_left_out_and_a_document_is_read_in_order,
        the_same_hits_give_the_same_context,
    ):
        holds(documents, hits, budget, context)


# Cases


def test_no_hits_give_an_empty_context():
    context = assemble([], count, 100)
    assert (context.text, context.citations, context.left_out, context.tokens) == ("", (), (), 0)


def test_the_block_reads_as_numbered_entries_with_title_headings_and_url():
    hits = ranked(
        passage("a", 3, 50, "Open it.", title="Doors", url="https://x/a", headings=("Front", "Lock\nand key")),
        passage("b", 0, 0, "No title."),
    )
    assert assemble(hits, count, 100).text == (
        "[1] Doors > Front > Lock and key (https://x/a)\nOpen it.\n\n[2]\nNo title."
    )


def test_overlapping_passages_become_one_text_and_neighbours_one_citation():
    text = "One two. Three four. Five six.\n\nSeven eight."
    hits = ranked(
        passage("a", 1, 9, text[9:30], headings=("H", "B")),
        passage("a", 0, 0, text[0:20], headings=("H", "A")),
        passage("a", 2, 32, text[32:44], headings=("H",)),
    )
    (citation,) = assemble(hits, count, 100).citations
    assert citation.passages == ("a#0", "a#1", "a#2")
    assert [(piece.start, piece.end) for piece in citation.pieces] == [(0, 30), (32, 44)]
    assert citation.pieces[0].text == text[:30]
    assert citation.headings == ("H",)
    assert citation.score == hits[0].score


def test_passages_that_are_far_apart_are_citations_of_their_own_in_reading_order():
    hits = ranked(passage("a", 9, 90, "late"), passage("b", 0, 0, "other"), passage("a", 1, 10, "early"))
    context = assemble(hits, count, 100)
    assert cited(context) == [["a#1"], ["a#9"], ["b#0"]]
    assert [citation.number for citation in context.citations] == [1, 2, 3]


def test_a_passage_inside_another_of_its_document_is_part_of_one_citation():
    hits = ranked(passage("a", 1, 4, "two"), passage("a", 0, 0, "one two three"))
    (citation,) = assemble(hits, count, 100).citations
    assert [piece.text for piece in citation.pieces] == ["one two three"]


def test_a_repeated_text_counts_once_and_the_other_says_of_what():
    hits = ranked(passage("a", 0, 0, "Same text."), passage("b", 0, 0, "Same\n text."), passage("c", 0, 0, "New."))
    context = assemble(hits, count, 100)
    assert cited(context) == [["a#0"], ["c#0"]]
    assert [(one.passage_id, one.reason, one.of) for one in context.left_out] == [("b#0", "duplicate", "a#0")]


def test_a_larger_text_takes_the_place_of_what_it_holds():
    hits = ranked(
        passage("a", 0, 0, "Press it."),
        passage("b", 0, 0, "Press it."),
        passage("c", 0, 0, "Other."),
        passage("d", 0, 0, "Sit down. Press it. Wait."),
    )
    context = assemble(hits, count, 100)
    assert cited(context) == [["d#0"], ["c#0"]]
    assert [(one.passage_id, one.of) for one in context.left_out] == [("a#0", "d#0"), ("b#0", "d#0")]


def test_a_passage_without_text_is_left_out_as_empty():
    context = assemble(ranked(passage("a", 0, 0, "", title="Only a title")), count, 100)
    assert context.citations == ()
    assert context.left_out[0].reason == "empty"


def test_what_does_not_fit_is_left_out_and_smaller_hits_after_it_get_in():
    hits = ranked(passage("a", 0, 0, "one."), passage("b", 0, 0, "word " * 30), passage("c", 0, 0, "three."))
    context = assemble(hits, count, 20)
    assert cited(context) == [["a#0"], ["c#0"]]
    assert [(one.passage_id, one.reason) for one in context.left_out] == [("b#0", "budget")]


def test_a_best_hit_that_is_too_long_is_cut_after_a_sentence_and_says_so():
    text = "First one here. Second one here. Third one here."
    hits = ranked(passage("a", 0, 7, text), passage("b", 0, 0, text + " And a fourth. " * 9))
    context = assemble(hits[:1], count, 12)
    (citation,) = context.citations
    assert citation.is_cut
    assert citation.pieces[0].text == "First one here. Second one here."
    assert (citation.pieces[0].start, citation.pieces[0].end) == (7, 39)
    assert context.left_out == ()


def test_a_budget_below_the_first_sentence_gives_an_empty_context_that_says_why():
    context = assemble(ranked(passage("a", 0, 0, "A rather long first sentence. Then more.")), count, 5)
    assert (context.text, context.tokens) == ("", 0)
    assert [(one.passage_id, one.reason) for one in context.left_out] == [("a#0", "budget")]


@pytest.mark.parametrize("extra", [0, 3])
def test_a_tokenizer_that_counts_a_whole_higher_than_its_parts_still_keeps_the_budget(extra):
    def dearer(text):
        return count(text) + extra * text.count("\n\n")

    hits = ranked(*(passage(f"d{i}", 0, 0, f"Text number {i}.") for i in range(9)))
    for budget in range(1, 90, 7):
        assert assemble(hits, dearer, budget).tokens <= budget


# Tables


def test_rows_of_a_table_stand_below_its_heading_row_once():
    rows = [passage("d", n, 20 * n, f"| r{n} | {n} |", title="Stock", table="| name | cost |") for n in (3, 4, 7)]
    context = assemble(ranked(*rows), count, 100)
    assert context.text == (
        "[1] Stock\n| name | cost |\n| r3 | 3 |\n| r4 | 4 |\n\n[2] Stock\n| name | cost |\n| r7 | 7 |"
    )
    assert [citation.table_heading for citation in context.citations] == ["| name | cost |"] * 2
    assert context.tokens == count(context.text)


def test_a_heading_row_that_stands_in_the_text_is_not_said_again():
    first = passage("d", 0, 0, "| name | cost |\n|---|---|\n| r0 | 0 |")
    second = passage("d", 1, 40, "| r1 | 1 |", table="| name | cost |")
    after = passage("d", 2, 60, "The end.")
    assert assemble(ranked(second, first), count, 100).text == f"[1]\n{first.text}\n{second.text}"
    assert assemble(ranked(after, second), count, 100).text == f"[1]\n| name | cost |\n{second.text}\nThe end."


def test_a_best_hit_that_is_cut_keeps_the_heading_row():
    long = passage("d", 5, 90, "\n".join(f"| r{n} | {n} |" for n in range(20)), table="| name | cost |")
    context = assemble(ranked(long), count, 14)
    assert context.text == "[1]\n| name | cost |\n| r0 | 0 |"
    assert context.citations[0].is_cut
