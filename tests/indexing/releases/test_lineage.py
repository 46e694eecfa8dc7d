"""Lineage says what everything is made of, what was made with it, and which answers it gave; both ways agree."""

import shutil
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.builds.preparation import prepare
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.releases import retire_releases
from indexing.catalogue.verdicts import insert_verdict
from indexing.errors import InvalidInput, NotFound
from indexing.features.views import FIRST_256
from indexing.home import open_home
from indexing.records import Document, Partition, TextAccount
from indexing.releases.lineage import model_lineage, release_lineage
from indexing.releases.lineage_answers import Asked
from indexing.releases.lineage_questions import SUBJECTS, lineage_of
from indexing.releases.recipe_choices import change_recipe, recipe_in_service
from indexing.releases.recipe_diff import recipe_differences
from indexing.releases.release_diff import diff_releases
from tests.conftest import settings_at
from tests.support.ledger_rows import NOON, made_hit, made_row
from tests.support.tiny_model import add_tiny

OURS = Partition("acme", "default")
TEXTS = [Document(f"doc-{n}", f"Title {n}", f"The words of document {n}.") for n in range(3)]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory, tiny_files):
    """Release 1.1 of three documents serves; 2.1 of another model, one document less and one changed, is proposed."""
    with closing(open_home(settings_at(tmp_path_factory.mktemp("made")))) as home:
        add_tiny(home, tiny_files)
        put_documents(home.catalogue, OURS, TEXTS)
        build(prepare_build(home, recipe_in_service(home)))
        add_tiny(home, tiny_files, "finer")
        remove_documents(home.catalogue, OURS, ["doc-0"])
        put_documents(home.catalogue, OURS, [replace(TEXTS[1], title="Another title"), Document("new", "", "New.")])
        recipe = change_recipe(home, recipe_in_service(home), model="finer")
        recipe = replace(recipe, retrieval=replace(recipe.retrieval, candidates=50))
        prepare(prepare_build(home, recipe), reason="a finer model")
        insert_verdict(home.catalogue, 2, "golden", "pass", ["ndcg 0.8"], "2026-11-28")
        hits = (made_hit("doc-1"), made_hit("doc-2", start=0, end=len(TEXTS[2].text)))
        rows = [
            made_row(1, release="1.1", hits=hits),
            made_row(2, release="1.1", hits=hits[1:]),
            made_row(3, release="2.1", hits=hits[:1], arm="candidate"),
            made_row(4, release="2.1", tenant="zeta", hits=hits),
        ]
        rows.append(made_row(5, release="2.1", kind="shadow", shadow_of=rows[0].id, hits=()))
        home.ledger.append(rows)
    return home.path


@pytest.fixture
def home(made_once, tmp_path):
    """A copy of it."""
    shutil.copytree(made_once, tmp_path / "home")
    with closing(open_home(settings_at(tmp_path))) as opened:
        yield opened


def ask(home, of, thing, **period):
    return lineage_of(home, of, Asked(thing, **period))


def test_a_release_names_everything_that_went_in(home):
    found = release_lineage(home, "2.1")
    assert (found.release, found.is_in_service, found.analyser) == ("2.1", False, "english")
    assert (found.job.recipe, found.job.state) == (2, "done")
    assert (found.model.id, found.model.lineage["licence"]) == ("finer@1", "Apache-2.0")
    assert {view.kind: view.id for view in found.views} == {
        "passage": "default@2",
        "embedding": "int8@1",
        "lexical": "english@2",
        "conversation": "default@2",
    }
    used = {view.kind: view.fingerprint for view in found.views}
    assert found.snapshot.views == {kind: used[kind] for kind in ("passage", "embedding", "lexical")}
    assert (found.snapshot.documents, len(found.snapshot.shards)) == (3, 1)
    assert found.recipe["retrieval"]["candidates"] == 50
    ((history,), (verdict,)) = found.rollouts, found.verdicts
    assert [(one.to_state, one.reason) for one in history.transitions] == [("proposed", "a finer model")]
    assert (verdict["kind"], verdict["reasons"]) == ("golden", ["ndcg 0.8"])
    assert found.deployments == []
    served = release_lineage(home, "1")
    assert (served.release, served.is_in_service, served.deployments[0]["reason"]) == ("1.1", True, "first release")


def test_a_retired_release_is_still_told_without_its_snapshot(home):
    retire_releases(home.catalogue, [(2, 1)])
    found = release_lineage(home, "2.1")
    assert (found.snapshot, found.model.id) == (None, "finer@1")
    with pytest.raises(NotFound):
        release_lineage(home, "3.1")


def test_parents_are_followed_and_a_circle_ends(home, register_tiny):
    manifest = home.models.get("finer@1").manifest
    assert model_lineage(home, "finer@1").ancestors == ()
    # A parent is told by a person, who may be wrong.
    for name, parent in (("child", "finer@1"), ("grandchild", "child@1"), ("stray", "lost@9"), ("loop", "loop@1")):
        with home.storage.publish("models", f"{name}@1") as draft:
            source = home.storage.open("models", "finer@1")
            for file in manifest.files:
                (draft.path / file).write_bytes((source.path / file).read_bytes())
            draft.info.update(source.info, lineage={"parent": parent})
        home.models.add(name, 1, home.storage.open("models", f"{name}@1"))
    assert model_lineage(home, "grandchild").ancestors == ("child@1", "finer@1")
    assert model_lineage(home, "stray").ancestors == ("lost@9",)
    assert model_lineage(home, "loop").ancestors == ()
    assert ask(home, "model", "finer").made["models"] == ["child@1"]


@pytest.mark.parametrize(
    ("of", "thing", "releases", "requests"),
    [
        ("model", "tiny@1", ["1.1"], 2),
        ("model", "finer", ["2.1"], 3),
        ("view", "int8@1", ["1.1", "2.1"], 5),
        ("view", "conversation:default@2", ["1.1", "2.1"], 5),
        ("view", "first-256@1", [], 0),
        ("document", "acme/default/doc-0", ["1.1"], 0),
        ("document", "acme/default/doc-1", ["1.1", "2.1"], 2),
        ("document", "acme/default/new", ["2.1"], 0),
        ("passage", "acme/default/doc-2#0", ["1.1", "2.1"], 2),
    ],
)
def test_what_was_made_with_a_thing_and_which_answers_it_gave(home, of, thing, releases, requests):
    found = ask(home, of, thing)
    assert [one["release"] for one in found.made["releases"]] == releases
    assert found.answers.requests == requests
    assert len(found.answers.newest) == requests
    assert "query" not in str(found.answers)
    assert ask(home, of, thing, until=NOON).answers.requests == 0
    assert len(ask(home, of, thing, limit=1).answers.newest) == min(1, requests)


def test_a_document_that_only_answers_named_is_told(home):
    found = ask(home, "document", "zeta/default/doc-1")
    assert (found.made["releases"], found.made_of["in_catalogue"], found.answers.requests) == ([], None, 1)


def test_a_passage_says_how_it_came_to_be(home):
    account = TextAccount("html 2", 30, 24, {"navigation": 6})
    put_documents(home.catalogue, OURS, [replace(TEXTS[2], account=account)])
    release = release_lineage(home, "1.1")
    made_of = ask(home, "passage", "acme/default/doc-2#0").made_of
    assert made_of["passage"] == {
        "id": "doc-2#0",
        "ordinal": 0,
        "start": 0,
        "end": len(TEXTS[2].text),
        "headings": [],
        "table_heading": "",
    }
    assert made_of["in_catalogue"]["account"]["reader"] == "html 2"
    assert made_of["in_catalogue"]["content_sha256"] == TEXTS[2].content_sha256
    built = made_of["built"]
    assert (built["release"], built["model"], built["passages"]) == ("1.1", "tiny@1", 1)
    assert (built["snapshot"], built["shard"]) == (release.snapshot.id, release.snapshot.shards[0].name)
    assert built["job"]["id"] == release.job.id
    assert [(view["kind"], view["id"]) for view in built["views"]] == [
        ("passage", "default@2"),
        ("embedding", "int8@1"),
        ("lexical", "english@2"),
    ]
    assert built["seq"] >= made_of["in_catalogue"]["seq"]


def test_a_passage_is_told_as_the_release_that_is_named_holds_it(home):
    found = ask(home, "passage", "acme/default/doc-1#0", release="2")
    assert (found.made_of["built"]["release"], found.made_of["built"]["model"]) == ("2.1", "finer@1")
    assert ask(home, "document", "acme/default/doc-0").made_of["built"]["release"] == "1.1"
    assert [one["release"] for one in found.made["releases"]] == ["2.1"], "its title was another in release 1.1"
    with pytest.raises(NotFound, match=r"Release 1\.1 does not hold the document; those that do: 2\.1"):
        ask(home, "document", "acme/default/new", release="1.1")


def test_a_passage_that_is_not_there_is_named_with_what_is(home):
    with pytest.raises(NotFound, match=r"release 1\.1 cuts the document into 1, counted from 0"):
        ask(home, "passage", "acme/default/doc-1#1")
    put_documents(home.catalogue, OURS, [Document("fresh", "", "Fresh words.")])
    assert ask(home, "document", "acme/default/fresh").made_of["built"] is None
    with pytest.raises(NotFound, match="it may wait for a build"):
        ask(home, "passage", "acme/default/fresh#0")
    for thing in ("acme/default/doc-1", "acme/default/#1", "acme/default/doc-1#one", "doc-1#0"):
        with pytest.raises(InvalidInput, match="is not a passage: expected TENANT/COLLECTION/ID#ORDINAL"):
            ask(home, "passage", thing)


def test_a_snapshot_and_a_release_name_each_other(home):
    release = ask(home, "release", "2.1")
    snapshot = release.made_of["snapshot"]["id"]
    found = ask(home, "snapshot", snapshot)
    assert [one["release"] for one in found.made["releases"]] == ["2.1"]
    assert found.made_of["model"] == "finer@1"
    assert found.answers == release.answers
    assert found.answers.by_release == (
        {"release": "2.1", "kind": "search", "requests": 2},
        {"release": "2.1", "kind": "shadow", "requests": 1},
    )
    assert [one["rollout"]["state"] for one in release.made["rollouts"]] == ["proposed"]


def test_a_request_names_its_release_its_documents_and_its_shadows(home):
    found = ask(home, "request", "request-000001")
    assert found.made_of["release"]["release"] == "1.1"
    assert found.made_of["model"] == "tiny@1"
    assert found.made_of["documents"] == ["acme/default/doc-1", "acme/default/doc-2"]
    assert [one["kind"] for one in found.made["shadows"]] == ["shadow"]
    assert ask(home, "request", found.id) == found
    again = made_row(9, NOON + timedelta(seconds=1), request_id="request-000001", release="2.1")
    home.ledger.append([again])
    newest = ask(home, "request", "request-000001")
    assert newest.id == str(again.id)
    assert [one["id"] for one in newest.made["others_of_this_id"]] == [found.id]


@pytest.mark.parametrize(
    ("of", "thing"),
    [
        ("model", "nope@1"),
        ("view", "nope@1"),
        ("snapshot", "nope"),
        ("release", "9"),
        ("document", "acme/default/nope"),
        ("request", "nope"),
    ],
)
def test_what_is_not_there_is_named(home, of, thing):
    with pytest.raises(NotFound, match=thing.rpartition("/")[2]):
        ask(home, of, thing)


def test_questions_of_another_form_are_refused(home):
    with pytest.raises(InvalidInput, match="expected TENANT/COLLECTION/ID"):
        ask(home, "document", "doc-1")
    with pytest.raises(InvalidInput, match=f"expected one of {', '.join(SUBJECTS)}"):
        ask(home, "tenant", "acme")


def test_a_diff_says_in_sentences_what_differs(home):
    found = diff_releases(home, "1.1", "2.1")
    assert found.sentences == [
        "the model changed from tiny@1 to finer@1",
        "retrieval: candidates 100 -> 50",
        "1 document was added: acme/default/new",
        "1 document was removed: acme/default/doc-0",
        "1 document was changed: acme/default/doc-1",
        "shards: 1 new, 1 gone, 0 shared",
    ]
    same = diff_releases(home, "1.1", "1.1")
    assert same.sentences == [
        "both have the same recipe",
        f"both serve snapshot {same.after.snapshot}: no document differs",
    ]


def test_a_diff_over_other_passages_says_what_cannot_be_told(home):
    recipe = replace(recipe_in_service(home), passage=FIRST_256, conversation=None, number=0)
    build(prepare_build(home, recipe))
    found = diff_releases(home, "1", "3")
    assert "passages: strategy headings -> head" in found.sentences
    assert "the conversation view changed from default@2 to none" in found.sentences
    assert any("documents are stored otherwise: other views cut them into passages" in one for one in found.sentences)


def test_a_boost_and_its_view_are_told(home):
    before = recipe_in_service(home)
    after = change_recipe(home, before, boost=["document_stats:length=0.1,1000"])
    view = after.document_views[0]
    assert [one.sentence for one in recipe_differences(before, after)] == [
        "retrieval: boosts none -> [feature document_stats:length, weight 0.1, saturation 1000.0]",
        f"the document views changed from none to [{view.name}@{view.version}]",
    ]
    build(prepare_build(home, after))
    used = {one.kind: one for one in release_lineage(home, "3").views}
    assert used["document"].id == f"{view.name}@{view.version}"
    assert ask(home, "view", f"document:{view.name}@{view.version}").made["recipes"] == [3]
