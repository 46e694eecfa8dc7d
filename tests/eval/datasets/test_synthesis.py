"""Synthetic sets: each query is one document's alone, the same documents and seed give the same set."""

from collections import Counter
from dataclasses import replace

import pytest

from eval.datasets.chat_client import Endpoint
from eval.datasets.document_queries import Made, MadeQuery, make_queries
from eval.datasets.question_writer import QuestionWriter
from eval.datasets.set_changes import create_set
from eval.datasets.stored_sets import list_query_sets, read_query_set
from eval.datasets.synthesis import synthesise
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.errors import AlreadyExists, InvalidInput, NotFound, ServiceFailed
from indexing.records import MARKDOWN, Document, Partition
from tests.eval.datasets.conftest import MANUAL
from tests.support.judge_server import Answer, judge_server

PARTS = ("inlet", "outlet", "gasket", "rotor", "bearing", "casing", "coupling", "shaft", "flange", "nozzle")


def page(part, **changes):
    text = (
        f"# About\n\nThis page is part of the manual for technicians.\n\n## Clean the {part}\n\n"
        f"Rinse the **{part}** with lukewarm water before the next shift begins.\n\n```\nrun {part} --now\n```\n"
    )
    return replace(Document(f"page/{part}", f"The {part} explained", text, content_type=MARKDOWN), **changes)


@pytest.fixture
def pages(home):
    """A home with ten pages that share a heading and a sentence."""
    put_documents(home.catalogue, MANUAL, [page(part) for part in PARTS])
    return home


def test_titles_headings_and_sentences_take_turns_and_each_names_its_document(pages):
    change = synthesise(pages, "made", MANUAL, count=30, actor="ana")
    found = read_query_set(pages, "made", split=None)
    assert (change.queries_added, found.is_synthetic, list_query_sets(pages)[0].is_synthetic) == (30, True, True)
    assert Counter(one["made_of"] for one in found.slices.values()) == {"title": 10, "heading": 10, "sentence": 10}
    for query, text in found.queries.items():
        (document,) = found.qrels[query]
        part = document.removeprefix("page/")
        assert text in (
            f"The {part} explained",
            f"The {part} explained Clean the {part}",
            f"Rinse the {part} with lukewarm water before the next shift begins.",
        )


def test_the_same_seed_gives_the_same_set_and_another_seed_other_documents(pages):
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        synthesise(pages, name, MANUAL, count=5, seed=seed, actor="ana")
    one, same, other = (read_query_set(pages, name, split=None) for name in ("one", "same", "other"))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_keywords_are_words_that_others_have_too_and_together_only_their_document():
    texts = [
        "The red pump drives cold water through the upper valve.",
        "The red pump stands beside the door of the boiler room.",
        "A green hose brings cold water into the boiler at night.",
        "Turn the upper valve before a red lamp goes on at night.",
        "The cold lamp hangs in the upper room beside the boiler.",
        "At night the pump and the valve and the water are quiet.",
    ]
    held = [set(text.lower().strip(".").split()) for text in texts]
    documents = [Document(str(number), "", text) for number, text in enumerate(texts)]
    made = [one for one in make_queries(documents, [""] * 6, 100) if one.maker == "keywords"]
    assert made
    for one in made:
        words = set(one.text.split())
        assert [number for number, others in enumerate(held) if words <= others] == [int(one.document_id)]
        assert all(sum(word in others for others in held) >= 3 for word in words)


def test_what_two_documents_say_is_no_query():
    twins = [page("rotor"), page("rotor", id="copy")]
    assert make_queries(twins, [one.title for one in twins], 10) == []
    untitled = [page("rotor", title=""), page("shaft", title="")]
    assert {one.text for one in make_queries(untitled, ["", ""], 10)} == {
        *("Clean the rotor", "Clean the shaft"),
        *(f"Rinse the {part} with lukewarm water before the next shift begins." for part in ("rotor", "shaft")),
    }


def test_made_again_it_is_the_next_version(pages):
    synthesise(pages, "made", MANUAL, count=30, actor="ana")
    with pytest.raises(AlreadyExists):
        synthesise(pages, "made", MANUAL, actor="ana")
    remove_documents(pages.catalogue, MANUAL, ["page/rotor"])
    change = synthesise(pages, "made", MANUAL, count=30, actor="ana", again=True)
    assert (change.version, change.queries_retired) == (2, 3)
    create_set(pages, "curated", MANUAL, "curated", provenance={}, actor="ana")
    with pytest.raises(InvalidInput, match="'curated' is curated and about default/manual; expected a synthetic one"):
        synthesise(pages, "curated", MANUAL, actor="ana", again=True)


def test_a_collection_that_gives_no_query_is_refused(home):
    with pytest.raises(NotFound, match="default/manual holds no document"):
        synthesise(home, "made", MANUAL, actor="ana")
    put_documents(home.catalogue, MANUAL, [Document("a", "One", "1 | 2")])
    with pytest.raises(InvalidInput, match="No query could be made of 1 documents"):
        synthesise(home, "made", MANUAL, actor="ana")
    with pytest.raises(InvalidInput, match="count is 0"):
        synthesise(home, "made", Partition("default", "other"), count=0, actor="ana")
    assert list_query_sets(home) == []


# Written by a model


def asks(answer):
    """What the endpoint says to a prompt, by the part that the document is about."""

    def respond(body, before):
        prompt = body["messages"][-1]["content"]
        return answer(next(part for part in PARTS if f"Title: The {part} explained" in prompt), before)

    return respond


def written(home, url, **options):
    return synthesise(home, "asked", MANUAL, actor="ana", writer=QuestionWriter(Endpoint(url, "m")), **options)


def test_a_model_writes_a_question_a_document_fenced_or_not_and_is_named(pages):
    def answer(part, before):
        text = f'{{"question": "how do I get dirt out of a {part}?"}}'
        return Answer(f"Sure:\n```json\n{text}\n```" if before % 2 else text)

    with judge_server(asks(answer)) as server:
        written(pages, server.url, count=6)
    found = read_query_set(pages, "asked", split=None)
    assert len(found.queries) == 6
    for query, grades in found.qrels.items():
        (document,) = grades
        assert found.queries[query] == f"how do I get dirt out of a {document.removeprefix('page/')}?"
    (stored,) = list_query_sets(pages)
    assert (stored.provenance["model"], stored.provenance["failed"], stored.is_synthetic) == ("m", 0, True)


def test_documents_of_which_no_question_comes_are_passed_over_and_counted(pages):
    def answer(part, before):
        if part in PARTS[:4]:
            return Answer("I would rather not.")
        return (
            Answer("Busy", status=429, headers={"retry-after": "0"})
            if before == 0
            else Answer(f'{{"question": "where is the {part} of it"}}')
        )

    with judge_server(asks(answer)) as server:
        written(pages, server.url, count=6)
    (stored,) = list_query_sets(pages)
    assert stored.queries == 6
    assert stored.provenance["failed"] == stored.provenance["asked"] - 6


def test_an_endpoint_that_gives_no_question_or_is_down_leaves_no_set(pages):
    told = {"No question came of 10 documents: none of its answers held": 200, "refused the key": 401}
    for said, status in told.items():
        answer = Answer("no", status=status)
        with (
            judge_server(lambda body, before, answer=answer: answer) as server,
            pytest.raises(ServiceFailed, match=said),
        ):
            written(pages, server.url, count=6)
    assert list_query_sets(pages) == []


def test_no_query_is_kept_of_a_document_that_was_erased_or_changed_while_queries_were_written(pages):
    def write(documents, count):
        remove_documents(pages.catalogue, MANUAL, {"page/rotor"})
        put_documents(pages.catalogue, MANUAL, [page("shaft", text="Another text."), page("inlet", url="https://new")])
        return Made([MadeQuery(f"what about {one.id}", one.id, "model") for one in documents], {})

    synthesise(pages, "made", MANUAL, actor="ana", writer=write)
    named = {document for grades in read_query_set(pages, "made", split=None).qrels.values() for document in grades}
    assert named == {f"page/{part}" for part in PARTS} - {"page/rotor", "page/shaft"}
