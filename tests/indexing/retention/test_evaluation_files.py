"""Scratch homes go whole, and evaluation reports are marked beside what they say."""

import json

import pytest

from indexing.errors import AlreadyRunning
from indexing.retention.evaluation_files import (
    evaluations_of,
    mark_evaluations,
    remove_scratch,
    scratch_homes,
    scratch_idle,
)
from indexing.storage.factory import open_storage
from indexing.storage.store import BUILD_LOCK


def test_scratch_homes_are_removed_with_what_an_earlier_try_left(tmp_path):
    (tmp_path / "scratch" / "b-1").mkdir(parents=True)
    (tmp_path / "scratch" / "a-1").mkdir()
    (tmp_path / ".scratch.0.tmp" / "half").mkdir(parents=True)
    assert [path.name for path in scratch_homes(tmp_path)] == ["a-1", "b-1"]
    remove_scratch(tmp_path)
    assert list(tmp_path.iterdir()) == []
    remove_scratch(tmp_path)
    assert scratch_homes(tmp_path) == []


def test_a_scratch_home_that_is_being_built_is_named(tmp_path):
    (tmp_path / "scratch" / "a-1").mkdir(parents=True)
    with scratch_idle(tmp_path):
        pass
    with (
        open_storage(tmp_path / "scratch" / "a-1").lock(BUILD_LOCK),
        pytest.raises(AlreadyRunning, match="build in scratch/a-1"),
        scratch_idle(tmp_path),
    ):
        pytest.fail("the lock is held")


def test_only_reports_on_a_rewritten_snapshot_are_marked_and_each_erasure_once(tmp_path):
    folder = tmp_path / "evaluations"
    folder.mkdir()
    reports = {"mine": {"record": {"inputs": {"snapshot": "old"}}}, "other": {"record": {"inputs": {"snapshot": "x"}}}}
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps(report))
    (folder / "odd.json").write_text("[]")
    (folder / "broken.json").write_text("{")
    assert evaluations_of(tmp_path, {"old"}) == [folder / "mine.json"]
    for erasure in (1, 1, 2):
        mark_evaluations(tmp_path, {"old": f"new{erasure}"}, erasure)
    marked = json.loads((folder / "mine.json").read_bytes())
    assert marked["record"] == reports["mine"]["record"]
    assert marked["erasures"] == [
        {"erasure": 1, "old_snapshot": "old", "new_snapshot": "new1"},
        {"erasure": 2, "old_snapshot": "old", "new_snapshot": "new2"},
    ]
    assert json.loads((folder / "other.json").read_text()) == reports["other"]
    assert len(list(folder.iterdir())) == 4
