"""A shard of format 4 opens and answers for ever; what it must answer was written down when it was made."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from indexing.indexes import sq8_index
from indexing.indexes.exact_index import ExactIndex
from indexing.records import Json, Partition
from indexing.snapshots.shard import KIND, Shard, open_shard
from indexing.storage.factory import open_storage

GOLDEN = Path(__file__).parent / "format-4"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
ACME = Partition("acme", "help")


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    storage = open_storage(shutil.copytree(GOLDEN / "home", tmp_path / "home"))
    assert storage.verify(KIND, "golden").info["codes"] == EXPECTED["codes"]
    return open_shard(storage.open(KIND, "golden"))


@pytest.mark.parametrize("query", EXPECTED["queries"], ids=lambda query: query["text"])
def test_its_codes_find_what_exact_search_found_when_it_was_made(
    shard: Shard, query: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = np.array(query["vector"], np.float32)
    exact, scores = shard.search(ACME, vector, 5, exact=True)
    assert exact.tolist() == query["exact"]
    np.testing.assert_allclose(scores, shard.vectors(exact) @ vector, rtol=1e-5)
    monkeypatch.setattr(sq8_index, "SQ8_ROWS", 0)
    monkeypatch.setattr(sq8_index, "SQ8_PART", 1)
    monkeypatch.setattr(ExactIndex, "search", None)
    assert shard.search(ACME, vector, 5)[0].tolist() == query["exact"]


def test_its_passages_come_back(shard: Shard) -> None:
    passage = shard.passage(0)
    assert (passage.text, passage.partition, passage.metadata["group"]) == (EXPECTED["first"], ACME, 0)
