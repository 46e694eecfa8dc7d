"""A shard of format 3 opens and answers for ever; what it must answer was written down when it was made."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from indexing.records import Json, Partition
from indexing.snapshots.shard import KIND, Shard, open_shard
from indexing.storage.factory import open_storage

GOLDEN = Path(__file__).parent / "format-3"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
ACME = Partition("acme", "help")


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    storage = open_storage(shutil.copytree(GOLDEN / "home", tmp_path / "home"))
    storage.verify(KIND, "golden")
    return open_shard(storage.open(KIND, "golden"))


def test_it_says_how_well_it_searches(shard: Shard) -> None:
    assert shard.lists is not None
    assert shard.lists.to_json() == EXPECTED["lists"]
    assert shard.rows == 300


@pytest.mark.parametrize("query", EXPECTED["queries"], ids=lambda query: query["text"])
def test_it_answers_as_it_did_when_it_was_made(shard: Shard, query: Json) -> None:
    vector = np.array(query["vector"], np.float32)
    exact, scores = shard.search(ACME, vector, 5, exact=True)
    assert exact.tolist() == query["exact"]
    np.testing.assert_allclose(scores, shard.vectors(exact) @ vector, rtol=1e-5)
    approximate, _ = shard.search(ACME, vector, 5)
    # Which rows of equal scores come first may differ between machines; how good they are may not.
    np.testing.assert_allclose(
        shard.vectors(approximate) @ vector, shard.vectors(np.array(query["approximate"])) @ vector, atol=1e-3
    )


def test_its_passages_come_back(shard: Shard) -> None:
    passage = shard.passage(0)
    assert (passage.text, passage.partition, passage.metadata["group"]) == (EXPECTED["first"], ACME, 0)


def test_its_attributes_pick_as_they_did(shard: Shard) -> None:
    segment = shard.attributes(ACME)
    found = {
        "group is 3": segment.equal("group", 3),
        "group above 4": segment.ordered("group", "gt", 4),
        "name from n2": segment.ordered("name", "gte", "n2"),
        "tagged 2": segment.equal("tags", 2),
        "draft": segment.equal("draft", True),
        "seen by nobody in particular": segment.visible([]),
        "seen by ann": segment.visible(["ann"]),
    }
    assert {name: int(mask.sum()) for name, mask in found.items()} == EXPECTED["attributes"]
    assert shard.document(0).allow == ("ann", "staff")
