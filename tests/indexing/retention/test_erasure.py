"""After an erasure no file of the home holds the text, nor what was made of it: every file is searched byte by byte."""

import gzip
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

from app.retrieval.retriever import Retriever
from app.serving.release_pool import ReleasePool
from eval.datasets.candidates import Proposal, list_candidates, propose_candidates
from eval.datasets.curation import add_judgments, edit_judgments, query_id_of
from eval.datasets.query_sets import QuerySet
from eval.datasets.set_changes import create_set
from eval.datasets.stored_sets import read_query_set, set_versions
from eval.datasets.synthesis import synthesise
from eval.experiments.artefact_release import ArtefactOpener
from eval.experiments.evaluation_task import EvaluationTask, run_evaluation_task, save_evaluation_task
from eval.experiments.evaluations import evaluate as measure
from eval.experiments.experiment import load, run_experiment, save
from eval.reports.files import keep_report
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.builds.tasks import EmbedTask, save_task
from indexing.catalogue.collections import collection_sizes, remove_collection
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.documents import load_document
from indexing.catalogue.erasures import list_erasures, list_rewrites, unfinished_erasures
from indexing.catalogue.jobs import record_task, start_job
from indexing.errors import CatalogueBusy, NotFound
from indexing.features.embedding_store import FeatureStore, block_keys
from indexing.features.engagement import materialise_engagement
from indexing.home import open_home
from indexing.indexes.analyser import Analyser
from indexing.ledger.readers import requests_of
from indexing.ledger.view_changes import LiveViewChange
from indexing.records import Document, Partition
from indexing.releases.deployments import deploy, stable_release
from indexing.releases.recipe_choices import change_recipe, default_recipe
from indexing.releases.recipes import read_recipe
from indexing.releases.release import list_releases
from indexing.retention.document_locations import find_documents
from indexing.retention.erasure import FLUSH_SECONDS, foresee, resume
from indexing.retention.reachability import needed_vectors
from indexing.retention.tenant_erasure import partitions_of
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.manifest import read_snapshot, verify_snapshot
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import open_shard
from indexing.snapshots.snapshot import Snapshot
from tests.conftest import settings_at
from tests.support.dying_erasures import ID, OURS, dying, erase_now, no_wait
from tests.support.forked_programs import ForkedPopen
from tests.support.home_copies import link_home
from tests.support.ledger_rows import NOON, made_feedback, made_hit, made_row
from tests.support.made_report import report_about
from tests.support.replays import allow_replays
from tests.support.tiny_model import add_tiny

THEIRS = Partition("other", "manual")
OLD = Document(
    ID,
    "Oldtitlezwick über alles",
    "# Oldheadingzwick\n\nThe first wording oldbodyzwick was wrong.",
    "https://example.org/oldurlzwick",
    {"note": "oldmetazwick é"},
    "text/markdown",
)
NEW = Document(
    ID,
    "Newtitlezwack über alles",
    "# Newheadingzwack\n\nThe second wording newbodyzwack is right.\n\nAnd a newtailzwäck beside it.",
    "https://example.org/newurlzwack",
    {"note": "newmetazwack é"},
    "text/markdown",
)
MARKERS = [
    *("Quibblethörpe", "Oldtitlezwick", "Oldheadingzwick", "oldbodyzwick", "oldurlzwick", "oldmetazwick"),
    *("Newtitlezwack", "Newheadingzwack", "newbodyzwack", "newtailzwäck", "newurlzwack", "newmetazwack"),
]
OTHERS = [
    Document("apples", "Red apples", "Red apples grow in the garden.", "https://example.org/a", {"kind": "fruit"}),
    Document("pears", "Green pears", "Green pears grow beside the garden. They are eaten in autumn."),
    Document("wording", "Wording", "The second wording is another one."),
]


def make(home, **choices):
    shard_rows = choices.pop("shard_rows", 4096)
    return build(
        prepare_build(home, replace(change_recipe(home, default_recipe(home), **choices), shard_rows=shard_rows))
    )


def resume_all(home):
    return [
        resume(home, one, partial(needed_vectors, home), wait=no_wait) for one in unfinished_erasures(home.catalogue)
    ]


def files_with(home, needle):
    """The files below a home, relative to it, that hold some bytes."""
    files = [path for path in home.path.rglob("*") if path.is_file()]
    return {str(path.relative_to(home.path)) for path in files if needle in content(path)}


def content(path):
    """The bytes of a file; of a compressed one those that it holds."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@cache
def forms(marker):
    """How a marker may stand in a file: as it is, escaped in JSON, and as a term."""
    terms = [term for language in ("english", "german") for term in Analyser(language).terms(marker)]
    return {form.encode() for form in (marker, json.dumps(marker)[1:-1], marker.lower(), *terms)}


CODES_FOR_FEW = "indexing.snapshots.shard_writer.SQ8_ROWS", 1
"""Lets the small shards here have codes as well."""


@pytest.fixture(autouse=True)
def codes_for_few(monkeypatch):
    monkeypatch.setattr(*CODES_FOR_FEW)


def written_codes(artefact, vectors):
    """The codes of some vectors of a shard as they stand in its file."""
    step = np.float32(artefact.info["codes"]["step"])
    return (np.rint(vectors / step) + 128.0).astype(np.uint8)  # faiss writes a signed byte as one that is 128 larger


def codes_of(home):
    """The codes of all vectors; they change with the others of their shard."""
    found = set()
    for name in home.storage.list(SHARDS):
        artefact = home.storage.open(SHARDS, name)
        shard = open_shard(artefact)
        found |= {code.tobytes() for code in written_codes(artefact, shard.vectors(np.arange(shard.rows)))}
    return found


def derived(home, ids=(ID,), partition=OURS):
    """Bytes that were made of documents: their vectors, and the keys under which the feature store has those."""
    found = set()
    for name in home.storage.list(SHARDS):
        artefact = home.storage.open(SHARDS, name)
        shard = open_shard(artefact)
        rows = [row for row in range(shard.rows) if shard.passage(row).document_id in ids]
        rows = [row for row in rows if shard.partition_of(row) == partition]
        vectors = shard.vectors(np.array(rows, np.int64))
        found |= {vector.tobytes() for vector in vectors}
        if "codes" in artefact.info:
            found |= {code.tobytes() for code in written_codes(artefact, vectors)}
    for kind in home.storage.kinds("features"):
        for name in home.storage.list(kind):
            keys = block_keys(home.storage, kind, name)
            store = FeatureStore(home.storage, kind.partition("/")[2], blocks=[name])
            found |= {key for key in keys if store.vectors([key]).tobytes() in found}
    return found


def leave_traces(home, document):
    """What a killed build on workers, a failed one and an evaluation leave behind."""
    job = start_job(home.catalogue, 1, "workers")
    save_task(home.storage, f"work/{job.id}", EmbedTask("tiny@1", "int8", "f" * 64, (document.text,)))
    record_task(home.catalogue, job.id, "embed-x", "embed", "failed", 3, f"ValueError: cannot read {document.text!r}")
    hits = (made_hit(document.id), made_hit("apples"))
    row = made_row(tenant=OURS.tenant, collection=OURS.collection, hits=hits)
    home.ledger.append([row])
    said = f"{document.title} says {document.text[-40:]}"
    home.ledger.append_feedback([made_feedback(row, "rate", value=0.2, document_id=document.id, comment=said)])
    assert materialise_engagement(home.catalogue, home.ledger, now=lambda: NOON + timedelta(hours=1)).rows == 2
    judge(home, document)
    keep_report(home, report_about(OURS.tenant, document.text))
    scratch = open_home(home.settings, home.path / "scratch" / "corpus-1")
    put_documents(scratch.catalogue, Partition("default", "corpus"), [document])
    scratch.close()


def judge(home, document):
    """A set that judges a document in two versions and quotes it, one that is made of all, and a candidate."""
    create_set(home, "judged", OURS, "curated", provenance={}, actor="ana")
    told = {"actor": "ana", "reason": f"it says {document.text[-40:]}"}
    add_judgments(home, "judged", "what is wrong", {document.id: 2, "apples": 1}, **told)
    edit_judgments(home, "judged", query_id_of("what is wrong"), {document.id: 1}, **told)
    synthesise(home, "made", OURS, actor="ana")
    proposal = Proposal(OURS, "what is right", "feedback", document.id, {"clicks": 3})
    propose_candidates(home, [proposal, replace(proposal, document_id="pears")])


def evaluate(home):
    """An evaluation of what serves, saved."""
    serving = ReleasePool(home).refresh()
    queryset = QuerySet("manual", {"q1": "garden"}, {"q1": {"apples": 1}}, "f")
    experiment = run_experiment(
        queryset, lambda query, k, mode: ["apples"], modes=["dense"], inputs={"snapshot": serving.snapshot.id}
    )
    return save(experiment, home.path / "evaluations"), experiment


def evaluate_release(home):
    """An evaluation of the newest release whose rankings name every document, and such a task in a worker's hands."""
    queries = QuerySet("manual", {"q1": "garden"}, {"q1": {"apples": 1}}, "f", partition=OURS)
    found = measure(home, 1, queries, mode="dense")
    manifest = read_recipe(home.catalogue, 1).manifest
    task = EvaluationTask(found.release, found.snapshot, manifest, OURS, "dense", 10, {"q1": NEW.text})
    run_evaluation_task(
        home.storage, ArtefactOpener(home.storage, sessions=1), save_evaluation_task(home.storage, task)
    )


def fill(home):
    """Two versions of the document in four releases of two recipes, beside other documents and another tenant."""
    put_documents(home.catalogue, OURS, [*OTHERS, OLD], source="folder")
    put_documents(
        home.catalogue, THEIRS, [replace(OTHERS[0], title="Theirs"), replace(NEW, id="theirs", title="T")][:1]
    )
    make(home)
    evaluate(home)
    make(home, precision="fp32", view="first-256", language="german", shard_rows=1)
    put_documents(home.catalogue, OURS, [NEW], source="folder")
    make(home)
    make(home, precision="fp32", view="first-256", language="german", shard_rows=1)
    leave_traces(home, NEW)
    evaluate_release(home)


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory, tiny_files):
    """A home that is filled once; it stays open, so that copies have the log of its catalogue's writes as well."""
    with (
        pytest.MonkeyPatch.context() as patch,
        closing(open_home(settings_at(tmp_path_factory.mktemp("filled")))) as home,
    ):
        patch.setattr(*CODES_FOR_FEW)
        add_tiny(home, tiny_files)
        fill(home)
        home.ledger.close()
        yield home


@pytest.fixture
def filled(filled_once, tmp_path):
    link_home(filled_once.path, tmp_path / "home")
    with closing(open_home(settings_at(tmp_path))) as home:
        yield home


def assert_nothing_is_left(home, bytes_of_it):
    needles = {form for marker in MARKERS for form in forms(marker)} | set(bytes_of_it)
    files = [path for path in home.path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        held = content(path)
        assert not [needle for needle in needles if needle in held], path
    assert unfinished_erasures(home.catalogue) == []
    for release in list_releases(home.catalogue):
        assert verify_snapshot(home.storage, read_snapshot(home.storage, release.snapshot)) == {}


# The proof


def test_before_an_erasure_the_search_of_all_files_finds_every_trace(filled):
    found = {marker: files_with(filled, marker.encode()) for marker in MARKERS}
    kept = {marker: {path.partition("/")[0] for path in paths} for marker, paths in found.items()}
    for marker in MARKERS:
        places = {"shards"} if marker.isascii() else set()  # JSON in shards escapes the others
        if marker.lower().startswith("new") or marker == "Quibblethörpe":
            places |= {"catalogue.db-wal"}
        assert places <= kept[marker], marker
    assert "scratch" in kept["newbodyzwack"]
    assert "work" in kept["newbodyzwack"]
    reports = {Path(path).suffix for path in found["newbodyzwack"] if path.startswith("reports/")}
    assert reports == {".html", ".md", ".json"}
    escaped = files_with(filled, json.dumps("Quibblethörpe")[1:-1].encode())
    assert any(path.startswith("evaluations/") for path in escaped)
    assert any(path.startswith("work/evaluation/output-") for path in files_with(filled, "Quibblethörpe".encode()))
    assert any(path.endswith("passages.safetensors") for path in files_with(filled, b"newtailzw\\u00e4ck"))
    for term in ("oldbodyzwick", "newbodyzwack", "oldtitlezwick", "newheadingzwack"):
        (stem,) = Analyser("english").terms(term)
        assert any(path.endswith("lexical.safetensors") for path in files_with(filled, stem.encode())), term
    made = derived(filled)
    assert len({len(needle) for needle in made}) == 3  # keys of 32 bytes, vectors, and their codes
    assert made & codes_of(filled)
    places = {Path(path).name for needle in made for path in files_with(filled, needle)}
    assert places == {"vectors.faiss", "codes.faiss", "block.safetensors"}
    spans = json.dumps("Newheadingzwack").encode()
    assert any(path.startswith("catalogue.db") for path in files_with(filled, spans))


@pytest.mark.parametrize("is_deleted_before", [False, True])
def test_after_an_erasure_no_file_holds_the_text_or_what_was_made_of_it(filled, is_deleted_before):
    made = derived(filled)
    if is_deleted_before:
        remove_documents(filled.catalogue, OURS, [ID])
        make(filled)
    assert len(made) > 8
    report = erase_now(filled)
    assert_nothing_is_left(filled, made)
    assert set(report.releases) >= {"1.1", "1.2", "2.1", "2.2"}
    assert report.in_catalogue == (0 if is_deleted_before else 1)
    assert (report.documents, report.scratch_homes, report.evaluations, report.reports) == (1, 1, 2, 1)
    assert report.inputs == (0 if is_deleted_before else 3)  # the build has withdrawn them


def test_query_sets_keep_what_they_have_of_other_documents_and_say_that_something_was_erased(filled):
    made = read_query_set(filled, "made", split=None)
    assert any(ID in grades for grades in made.qrels.values())
    report = erase_now(filled)
    assert report.quality_rows >= 5  # two judgments and a candidate, and of the made set queries with their judgments
    judged = read_query_set(filled, "judged", split=None)
    assert judged.qrels == {query_id_of("what is wrong"): {"apples": 1}}
    assert [(one.action, one.reason) for one in set_versions(filled, "judged")] == [
        ("add", "(erased)"), ("edit", "(erased)"), ("erase", "documents were erased"),
    ]  # fmt: skip
    left = read_query_set(filled, "made", split=None)
    assert left.queries == {query: text for query, text in made.queries.items() if ID not in made.qrels[query]}
    assert [one.document_id for one in list_candidates(filled)] == ["pears"]


def test_a_document_that_only_a_query_set_names_any_more_is_found_and_erased(tiny_home):
    put_documents(tiny_home.catalogue, OURS, [NEW, *OTHERS])
    judge(tiny_home, NEW)
    remove_documents(tiny_home.catalogue, OURS, [ID])
    forget = "DELETE FROM deletions"
    with tiny_home.catalogue.write() as db:
        db.conn.execute(forget)
    assert find_documents(tiny_home, OURS, frozenset({ID})).in_catalogue == frozenset()
    erase_now(tiny_home)
    assert_nothing_is_left(tiny_home, set())


def test_a_live_version_that_waits_for_a_larger_one_is_erased_too(tiny_home):
    put_documents(tiny_home.catalogue, OURS, OTHERS)
    make(tiny_home)
    put_documents(tiny_home.catalogue, OURS, [OLD], live=True)
    put_documents(tiny_home.catalogue, OURS, [NEW])
    assert files_with(tiny_home, b"oldbodyzwick")
    erase_now(tiny_home)
    assert_nothing_is_left(tiny_home, set())


@pytest.mark.parametrize("is_whole", [False, True])
@pytest.mark.parametrize("is_deleted_before", [False, True])
def test_versions_that_are_kept_for_replays_are_erased_too(tiny_home, is_deleted_before, is_whole):
    allow_replays(tiny_home, "default", "b")
    put_documents(tiny_home.catalogue, OURS, OTHERS)
    make(tiny_home)
    put_documents(tiny_home.catalogue, OURS, [OLD], live=True)
    put_documents(tiny_home.catalogue, OURS, [NEW], live=True)
    if is_deleted_before:
        remove_documents(tiny_home.catalogue, OURS, [ID])
    assert files_with(tiny_home, b"oldbodyzwick")
    erase_now(tiny_home, ids=None if is_whole else frozenset({ID}))
    assert_nothing_is_left(tiny_home, set())


def test_the_shards_are_those_of_a_build_that_never_saw_the_document(filled, tmp_path, register_tiny):
    erase_now(filled)
    fresh = open_home(replace_home(filled.settings, tmp_path / "fresh"))
    register_tiny(fresh)
    put_documents(fresh.catalogue, OURS, OTHERS)
    put_documents(fresh.catalogue, THEIRS, [replace(OTHERS[0], title="Theirs")])
    expected = [make(fresh), make(fresh, precision="fp32", view="first-256", language="german", shard_rows=1)]
    for wanted, number in zip(expected, ("1.2", "2.2"), strict=True):
        (release,) = [one for one in list_releases(filled.catalogue) if one.number == number]
        files = [
            sorted(
                json.dumps([one["files"], one["partitions"]])
                for one in read_snapshot(home.storage, snapshot).to_json()["shards"]
            )
            for home, snapshot in ((filled, release.snapshot), (fresh, wanted.release.snapshot))
        ]
        assert files[0] == files[1]
    fresh.close()


def replace_home(settings, path):
    return settings.model_copy(update={"home": path})


def test_other_documents_are_found_as_in_a_home_that_never_had_the_document(filled, tmp_path, register_tiny):
    dense = Retriever().search(ReleasePool(filled).refresh(), OURS, "pears in the garden", k=9, mode="dense").hits
    erase_now(filled)
    fresh = open_home(replace_home(filled.settings, tmp_path / "fresh"))
    register_tiny(fresh)
    put_documents(fresh.catalogue, OURS, OTHERS)
    make(fresh)
    after, never = ReleasePool(filled).refresh(), ReleasePool(fresh).refresh()
    for mode in ("dense", "lexical", "hybrid"):
        for query in ("pears in the garden", "the second wording"):
            assert (
                Retriever().search(after, OURS, query, k=9, mode=mode).hits
                == Retriever().search(never, OURS, query, k=9, mode=mode).hits
            )
    stay = [(hit.passage.id, pytest.approx(hit.dense, abs=1e-6)) for hit in dense if hit.passage.document_id != ID]
    now = Retriever().search(after, OURS, "pears in the garden", k=9, mode="dense").hits
    assert [(hit.passage.id, hit.dense) for hit in now] == stay
    fresh.close()


def test_no_other_tenant_is_touched(filled):
    def theirs():
        found = []
        for release in list_releases(filled.catalogue):
            view = Snapshot(filled.storage, release.snapshot).view(THEIRS)
            for number, shard in enumerate(view.shards):
                part = shard.partitions[THEIRS]
                rows = np.arange(part.start, part.stop)
                terms = [shard.segment(THEIRS).postings(term) for term in ("red", "appl", "garden")]
                found.append(
                    (
                        release.number,
                        shard.vectors(rows).tobytes(),
                        [view.passage(number, int(row)) for row in rows],
                        [None if one is None else (one[0].tolist(), one[1].tolist()) for one in terms],
                    )
                )
        return found

    alone = {
        name
        for name in filled.storage.list(SHARDS)
        if len(open_shard(filled.storage.open(SHARDS, name)).partitions) == 1
    }
    own = [name for name in alone if THEIRS in open_shard(filled.storage.open(SHARDS, name)).partitions]
    before, inodes = theirs(), [os.stat(filled.path / SHARDS / name / "vectors.faiss") for name in own]
    assert own
    erase_now(filled)
    assert theirs() == before
    assert [os.stat(filled.path / SHARDS / name / "vectors.faiss") for name in own] == inodes


def test_a_document_of_the_same_id_in_another_collection_stays(tiny_home):
    elsewhere = Partition("default", "elsewhere")
    put_documents(tiny_home.catalogue, OURS, [OLD])
    put_documents(tiny_home.catalogue, elsewhere, [NEW])
    make(tiny_home)
    erase_now(tiny_home)
    assert load_document(tiny_home.catalogue, elsewhere, ID) == NEW
    serving = ReleasePool(tiny_home).refresh()
    assert Retriever().search(serving, elsewhere, "newbodyzwack", k=1).hits[0].passage.document_id == ID
    assert serving.snapshot.view(OURS) is None
    assert files_with(tiny_home, b"oldbodyzwick") == set()


def test_a_vector_stays_while_another_document_has_the_same_text(tiny_home):
    twin = Document("twin", OTHERS[0].title, OTHERS[0].text)
    put_documents(tiny_home.catalogue, OURS, [OTHERS[0], twin, NEW])
    make(tiny_home)
    shared = {needle for needle in derived(tiny_home, ids=("twin",)) if needle not in codes_of(tiny_home)}
    erase_now(tiny_home, {"apples", ID})
    assert all(files_with(tiny_home, needle) for needle in shared)
    spans = tiny_home.catalogue.row("SELECT count(*) AS n FROM passages")
    assert spans == {"n": 1}
    assert make(tiny_home).embeddings_computed == 0


def test_the_feature_store_keeps_no_vector_that_no_document_needs(filled):
    remove_documents(filled.catalogue, OURS, ["pears"])  # only deleted, and still in every snapshot
    erase_now(filled)
    needed = needed_vectors(filled, lambda key: False)
    for kind in filled.storage.kinds("features"):
        keys = [key for name in filled.storage.list(kind) for key in block_keys(filled.storage, kind, name)]
        assert set(keys) == needed[kind]
    assert make(filled).embeddings_computed == 0


def test_a_build_after_an_erasure_computes_nothing_and_brings_nothing_back(filled):
    made = derived(filled)
    erase_now(filled)
    for choices in ({}, {"precision": "fp32", "view": "first-256", "language": "german", "shard_rows": 1}):
        report = make(filled, **choices)
        assert report.embeddings_computed == 0
        assert report.documents == 4
        assert make(filled, **choices).is_new is False
    assert_nothing_is_left(filled, made)


def test_releases_keep_their_numbers_and_rolling_back_serves_rewritten_content(filled):
    before = {release.number: release.snapshot for release in list_releases(filled.catalogue)}
    erase_now(filled)
    after = {release.number: release.snapshot for release in list_releases(filled.catalogue)}
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert set(filled.storage.list(SNAPSHOTS)) == set(after.values())
    rewrites = list(list_rewrites(filled.catalogue))
    assert {one.release: (one.old_snapshot, one.new_snapshot) for one in rewrites} == {
        number: (before[number], after[number]) for number in before
    }
    deploy(filled.catalogue, 2, reason="x", actor="x")
    serving = ReleasePool(filled).refresh()
    assert serving.release.number == "2.2"
    hits = Retriever().search(serving, OURS, "newbodyzwack second wording", k=9).hits
    assert {hit.passage.document_id for hit in hits} == {"apples", "pears", "wording"}


def test_what_was_erased_is_recorded_without_saying_what_it_was(filled):
    erase_now(filled)
    (erasure,) = list_erasures(filled.catalogue)
    assert (erasure.state, erasure.partition, erasure.documents) == ("done", OURS, 1)
    assert erasure.finished_at
    row = filled.catalogue.row("SELECT * FROM erased_documents")
    assert row["id"] is None
    with pytest.raises(NotFound, match=f"erasure {erasure.id} of .* removed it"):
        find_documents(filled, OURS, frozenset({ID}))


def test_a_whole_collection_leaves_nothing_but_its_name(filled):
    made = derived(filled, ids=(ID, "apples", "pears", "wording"))
    made -= derived(filled, ids=("apples",), partition=THEIRS)
    report = erase_now(filled, None)
    assert report.documents == 4
    assert_nothing_is_left(filled, made)
    assert files_with(filled, b"beside the garden") == set()
    assert collection_sizes(filled.catalogue, "default") == {"manual": 0}
    serving = ReleasePool(filled).refresh()
    assert serving.snapshot.partitions == [THEIRS]
    with pytest.raises(NotFound, match="No document of collection"):
        find_documents(filled, OURS, None)


def test_the_ledger_s_rows_lose_the_hits_that_name_the_document_and_stay(filled):
    found = find_documents(filled, OURS, frozenset({ID}))
    assert foresee(filled, found, partial(needed_vectors, filled)).ledger_rows == 2, "a row, and feedback about the hit"
    assert erase_now(filled).ledger_rows == 2
    (row,) = requests_of(filled.ledger)
    assert ([hit.document_id for hit in row.hits], row.is_erased) == (["apples"], True)


def test_a_document_that_only_the_ledger_still_names_is_erased_from_it(filled):
    filled.ledger.append([made_row(2, tenant="default", collection="manual", hits=(made_hit("Longgoneblörp"),))])
    assert erase_now(filled, frozenset({"Longgoneblörp"})).ledger_rows == 1
    assert sum(1 for form in forms("Longgoneblörp") for _ in files_with(filled, form)) == 0


def view_change(number):
    """A live view of a process hid the document."""
    return LiveViewChange(number, 1, "1.1", OURS, removed=(ID,)).row("process-1", "2026-11-24T12:00:00.000+00:00")


def assert_the_ledger_names_it_no_more(home):
    found = {name for form in forms("Quibblethörpe") for name in files_with(home, form) if name.startswith("ledger")}
    assert found == set()


def test_what_processes_write_of_a_document_until_they_have_hidden_it_is_erased_too(filled):
    waited, remembered = [], []

    def processes(seconds):
        number = 10 + len(waited)
        filled.ledger.append([made_row(number, tenant="default", collection="manual", hits=(made_hit(ID),))])
        filled.ledger.append_view_changes(NOON.date(), [view_change(number)])
        remembered.append([row["id"] for row in filled.catalogue.rows("SELECT id FROM deletions")])
        waited.append(seconds)

    erase_now(filled, wait=processes)
    until_hidden = filled.settings.live_poll_seconds + filled.settings.deadline_ms / 1000
    assert waited == [pytest.approx(until_hidden + FLUSH_SECONDS), FLUSH_SECONDS]
    assert remembered == [[ID], []], "a release that takes over must not learn of it while the ledger is erased"
    assert_the_ledger_names_it_no_more(filled)


def test_a_home_that_was_never_served_is_erased_without_waiting(tiny_home):
    waited = []
    put_documents(tiny_home.catalogue, OURS, [NEW])
    erase_now(tiny_home, wait=waited.append)
    assert waited == []


def test_a_document_that_only_a_live_view_of_the_ledger_still_names_is_erased_from_it(filled):
    erase_now(filled)
    filled.ledger.append_view_changes(NOON.date(), [view_change(7)])
    assert files_with(filled, b"4711")
    erase_now(filled)
    assert_the_ledger_names_it_no_more(filled)
    with pytest.raises(NotFound):
        erase_now(filled)


@pytest.mark.parametrize("versions", [[OLD], [OLD, NEW]])
def test_a_collection_that_was_removed_before_any_build_is_found_with_its_tenant(tiny_home, versions):
    allow_replays(tiny_home, OURS.tenant)
    for document in versions:
        put_documents(tiny_home.catalogue, OURS, [document], live=True)
    remove_collection(tiny_home.catalogue, OURS)
    assert files_with(tiny_home, b"oldbodyzwick")
    assert partitions_of(tiny_home, OURS.tenant) == [OURS]
    erase_now(tiny_home, ids=None)
    assert_nothing_is_left(tiny_home, set())
    assert partitions_of(tiny_home, OURS.tenant) == []


def test_a_collection_that_only_deletions_still_name_is_found_with_its_tenant(tiny_home):
    put_documents(tiny_home.catalogue, OURS, [NEW])
    remove_collection(tiny_home.catalogue, OURS)
    assert partitions_of(tiny_home, OURS.tenant) == [OURS]


def test_the_collections_of_a_tenant_are_found_in_the_catalogue_and_in_shards(filled):
    assert partitions_of(filled, "default") == [OURS]
    assert partitions_of(filled, "other") == [THEIRS]
    remove_documents(filled.catalogue, THEIRS, ["apples"])
    assert partitions_of(filled, "other") == [THEIRS]
    assert partitions_of(filled, "none") == []


def test_a_home_that_holds_nothing_else_serves_an_empty_snapshot(tiny_home):
    put_documents(tiny_home.catalogue, OURS, [NEW])
    make(tiny_home)
    erase_now(tiny_home)
    serving = ReleasePool(tiny_home).refresh()
    assert (serving.release.number, serving.snapshot.manifest.rows) == ("1.1", 0)
    assert make(tiny_home).release.number == "1.1"


def test_a_document_that_was_never_built_is_erased_too(tiny_home):
    put_documents(tiny_home.catalogue, OURS, [OLD])
    put_documents(tiny_home.catalogue, OURS, [NEW])
    assert erase_now(tiny_home).releases == ()
    assert_nothing_is_left(tiny_home, set())


def test_of_a_document_that_was_deleted_and_never_built_not_even_the_id_stays(tiny_home):
    put_documents(tiny_home.catalogue, OURS, [NEW, Document("other", "", "stays")])
    make(tiny_home)
    put_documents(tiny_home.catalogue, OURS, [replace(NEW, id="Fleetingblörp")])
    remove_documents(tiny_home.catalogue, OURS, ["Fleetingblörp", "other"])
    erase_now(tiny_home, frozenset({"Fleetingblörp"}))
    assert not files_with(tiny_home, "Fleetingblörp".encode())
    assert [row["id"] for row in tiny_home.catalogue.rows("SELECT id FROM deletions")] == ["other"]


def test_looking_changes_nothing(filled):
    files = [path for path in filled.path.rglob("*") if path.is_file() and "catalogue" not in path.name]
    # Readers of a database leave their marks in the shared memory beside it.
    before = {path: path.read_bytes() for path in files if path.suffix != ".db-shm"}
    found = find_documents(filled, OURS, frozenset({ID}))
    seen = foresee(filled, found, partial(needed_vectors, filled))
    assert {path: path.read_bytes() for path in before} == before
    assert load_document(filled.catalogue, OURS, ID) == NEW
    done = erase_now(filled)
    assert replace(done, erasure=0) == seen


def test_evaluations_of_a_rewritten_snapshot_are_marked_and_still_read(filled):
    path, experiment = evaluate(filled)
    old = stable_release(filled.catalogue).snapshot
    erase_now(filled)
    new = stable_release(filled.catalogue).snapshot
    assert json.loads(path.read_bytes())["erasures"] == [{"erasure": 1, "old_snapshot": old, "new_snapshot": new}]
    assert load(path) == experiment


def test_markers_of_what_is_gone_are_swept_on_every_host(filled):
    (name, *_) = filled.storage.list(SHARDS)
    stranger = filled.path / "seen" / "another-host" / SHARDS / name
    stranger.parent.mkdir(parents=True)
    stranger.write_text("x")
    erase_now(filled, None)
    kinds = [SHARDS, SNAPSHOTS, *filled.storage.kinds("features")]
    for host in (filled.path / "seen").iterdir():
        for kind in kinds:
            seen = {path.name for path in (host / kind).iterdir()} if (host / kind).is_dir() else set()
            assert seen <= set(filled.storage.list(kind)), host


def test_two_erasures_one_after_the_other_leave_what_one_of_both_leaves(filled, tmp_path):
    twice = copy_of(filled, tmp_path / "twice")
    erase_now(filled, {ID, "pears"})
    erase_now(twice)
    erase_now(twice, {"pears"})
    files = [
        sorted(json.dumps(one["files"]) for one in read_snapshot(home.storage, release.snapshot).to_json()["shards"])
        for home in (filled, twice)
        for release in list_releases(home.catalogue)
    ]
    assert files[:4] == files[4:]
    twice.close()


# The service


def test_the_service_answers_all_the_while_and_then_follows(filled):
    pool = ReleasePool(filled)
    before = pool.refresh()
    old = Retriever().search(before, OURS, "newbodyzwack", k=9).hits
    erase_now(filled)
    assert Retriever().search(pool.current(), OURS, "newbodyzwack", k=9).hits == old  # mapped still
    after = pool.refresh()
    assert after.release.number == before.release.number
    assert after.snapshot.id == stable_release(filled.catalogue).snapshot != before.snapshot.id
    assert after.snapshot.broken == {}
    assert ID not in {hit.passage.document_id for hit in Retriever().search(after, OURS, "newbodyzwack", k=9).hits}
    assert pool.refresh() is after


# Interruptions


class Killed(BaseException):
    """What ends an erasure between two steps."""


def copy_of(home, path):
    home.catalogue.compact()
    return opened_copy(home, path)


def opened_copy(home, path):
    link_home(home.path, path)
    return open_home(replace_home(home.settings, path))


@pytest.mark.slow
def test_an_erasure_killed_at_any_step_is_finished_by_the_next(filled, tmp_path):
    made = derived(filled)

    def die():
        raise Killed

    number, is_over, unfinished = 0, False, 0
    filled.catalogue.compact()
    while not is_over:
        home = opened_copy(filled, tmp_path / f"copy-{number}")
        with dying(number, die):
            try:
                erase_now(home)
                is_over = True
            except Killed:
                pass
        for release in list_releases(home.catalogue):  # whatever happened, what serves is whole
            assert verify_snapshot(home.storage, read_snapshot(home.storage, release.snapshot)) == {}
        if not is_over:
            unfinished += len(unfinished_erasures(home.catalogue))
            resume_all(home)
            if not list_erasures(home.catalogue):  # it had not begun
                erase_now(home)
        assert_nothing_is_left(home, made)
        assert make(home).embeddings_computed == 0
        home.close()
        shutil.rmtree(home.path)
        number += 5 if number > 12 else 1
    assert unfinished > 15


KILLS = """
from indexing.process_start import prepare; prepare()
import os, signal, sys
from pathlib import Path
from indexing.home import open_home
from indexing.settings import Settings
from tests.support.dying_erasures import dying, erase_now

for path, number in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    if (child := os.fork()) == 0:
        home = open_home(Settings(home=Path(path), sessions=1))
        with dying(int(number), lambda: os.kill(os.getpid(), signal.SIGKILL)):
            erase_now(home)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (number, status)
"""
"""Erases in a process of its own for each home, which is killed at the given step; all are forked of one."""


def test_an_erasure_that_was_really_killed_is_finished_by_the_next(filled, tmp_path):
    made = derived(filled)
    paths = {number: tmp_path / f"killed-{number}" for number in (1, 9, 31, 64, 95)}
    filled.catalogue.compact()
    for path in paths.values():
        link_home(filled.path, path)
    given = [str(value) for number, path in paths.items() for value in (path, number)]
    with ForkedPopen([sys.executable, "-c", KILLS, *given]) as killing:
        assert killing.wait(300) == 0
    for path in paths.values():
        with closing(open_home(replace_home(filled.settings, path))) as home:
            resume_all(home)
            if not list_erasures(home.catalogue):  # it had not begun
                erase_now(home)
            assert_nothing_is_left(home, made)


def test_a_reader_that_holds_up_the_compaction_is_named_and_the_erasure_stays_unfinished(filled):
    made = derived(filled)
    patient = Database(filled.path / "catalogue.db", busy_timeout_seconds=0.1)
    home = replace(filled, catalogue=patient)
    reader = sqlite3.connect(filled.path / "catalogue.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM documents").fetchone()
    with pytest.raises(CatalogueBusy, match=r"catalogue\.db-wal could not be emptied within 0\.1 s"):
        erase_now(home)
    (erasure,) = unfinished_erasures(patient)
    assert erasure.state == "compacting"
    left = files_with(filled, b"newbodyzwack")
    assert left
    assert left <= {"catalogue.db", "catalogue.db-wal"}
    reader.execute("COMMIT")
    reader.close()
    (report,) = resume_all(home)
    assert (report.erasure, report.documents) == (erasure.id, 0)
    assert_nothing_is_left(filled, made)
    patient.close()


def test_a_document_written_again_while_an_erasure_is_unfinished_is_left_to_the_next_build(filled):
    def die():
        raise Killed

    with dying(12, die), pytest.raises(Killed):
        erase_now(filled)
    put_documents(filled.catalogue, OURS, [NEW])
    make(filled)
    resume_all(filled)
    serving = ReleasePool(filled).refresh()
    assert ID not in {hit.passage.document_id for hit in Retriever().search(serving, OURS, "newbodyzwack", k=9).hits}
    make(filled)
    serving = ReleasePool(filled).refresh()
    assert Retriever().search(serving, OURS, "newbodyzwack", k=9).hits[0].passage.document_id == ID
