"""Under ``auto`` a build decides the language of each collection, and passages, queries and later builds keep to it."""

from dataclasses import replace

import pytest

from app.retrieval.retriever import Retriever
from indexing.builds.collection_languages import decide_languages
from indexing.builds.tasks import ShardTask, load_task, save_task
from indexing.features.views import lexical_view
from indexing.indexes.analysers import AUTO
from indexing.records import Document, Partition
from indexing.snapshots.leg_counts import languages_of_collections
from indexing.snapshots.manifest import read_snapshot
from tests.support.fresh_home import RECIPE, FreshHome, Opener

ENGLISH, GERMAN, CHINESE = (Partition("a", name) for name in ("english", "german", "chinese"))
RECIPE_AUTO = replace(RECIPE, lexical=lexical_view(AUTO))
TEXTS = {
    ENGLISH: "The customers were asking for their invoices because payments had been delayed.",
    GERMAN: "Die Häuser der Gemeinde wurden von den Bürgern mit großer Sorgfalt renoviert.",
    CHINESE: "客户可以在三十天内申请退款。退款将在五个工作日内到账。",
}


@pytest.fixture
def made(tmp_path):
    made = FreshHome(tmp_path)
    for partition, text in TEXTS.items():
        made.put(*(Document(f"d{number}", "", text) for number in range(3)), partition=partition)
    yield made
    made.close()


def decided(made, report):
    return languages_of_collections(read_snapshot(made.home.storage, report.release.snapshot).legs)


def test_each_collection_is_analysed_in_its_own_language(made):
    report = made.build(RECIPE_AUTO)
    assert decided(made, report) == {ENGLISH: "english", GERMAN: "german", CHINESE: "chinese"}
    opened = Opener(made.home, made.build_embedder).open(report.release)
    for partition, query in ((ENGLISH, "customer"), (GERMAN, "Haus"), (CHINESE, "退款")):
        assert len(Retriever().search(opened, partition, query, k=3, mode="lexical").hits) == 3


def test_a_second_build_keeps_every_shard_and_another_recipe_decides_nothing(made):
    first, second = made.build(RECIPE_AUTO), made.build(RECIPE_AUTO)
    assert (second.release, second.shards_written) == (first.release, 0)
    assert decided(made, made.build(RECIPE)) == {}


def test_a_collection_keeps_its_language_unless_another_one_is_plain(made):
    catalogue = made.home.catalogue
    made.put(Document("d0", "", TEXTS[GERMAN]), Document("d1", "", TEXTS[GERMAN]), partition=ENGLISH)
    made.put(Document("d3", "", TEXTS[ENGLISH]), partition=ENGLISH)
    assert decide_languages(catalogue, {ENGLISH: "english"})[ENGLISH] == "english"
    made.put(*(Document(f"d{number}", "", TEXTS[GERMAN]) for number in range(3)), partition=ENGLISH)
    assert decide_languages(catalogue, {ENGLISH: "english"})[ENGLISH] == "german"


def test_a_task_for_a_worker_carries_algorithm_and_languages(made):
    task = ShardTask("s", "v", AUTO, (), (), (), None, 2, ((GERMAN, "german"),))
    read = load_task(made.home.storage, "work-1", save_task(made.home.storage, "work-1", task))
    assert (read.language, read.algorithm, read.languages) == (AUTO, 2, ((GERMAN, "german"),))
