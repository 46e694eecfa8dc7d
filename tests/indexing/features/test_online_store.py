"""What a search gets of documents is what the catalogue holds at that moment, and no more than it may keep."""

import json

from indexing.catalogue.document_features import (
    NewFeatures,
    append_features,
    feature_state,
    forget_document_features,
    forget_view_features,
)
from indexing.features.feature_values import Absence
from indexing.features.online_store import MARGIN_SECONDS, OnlineStore, get_online
from indexing.features.point_in_time import get_historical
from indexing.home import open_home
from indexing.records import moment_text
from tests.support.document_features import CLICKS, OURS, THEIRS, after, features, put


def append(home, name, clicks, *, event=0.0, partition=OURS):
    new = NewFeatures(partition, name, moment_text(after(event)), json.dumps({"clicks": clicks}))
    append_features(home.catalogue, CLICKS.fingerprint, moment_text(after(event)), [new])


def clicks(store, *names, partition=OURS):
    found = get_online(store, features(CLICKS, "clicks"), partition, names, after(10))
    return [one["clicks:clicks"] for one in found]


def test_what_another_process_commits_is_seen_by_the_next_question(home):
    put(home, "one", "two")
    other = open_home(home.settings)
    store = OnlineStore(home.catalogue)
    assert clicks(store, "one", "two") == [Absence.MISSING, Absence.MISSING]
    append(other, "one", 1)
    assert clicks(store, "two", "one", "one") == [Absence.MISSING, 1, 1]
    append(other, "one", 2, event=1)
    append(other, "one", 9, event=0.5)  # late
    assert clicks(store, "one") == [2]
    other.close()


def test_partitions_are_kept_apart(home):
    put(home, "one")
    put(home, "one", partition=THEIRS)
    append(home, "one", 1)
    append(home, "one", 7, partition=THEIRS)
    store = OnlineStore(home.catalogue)
    assert clicks(store, "one") == [1]
    assert clicks(store, "one", partition=THEIRS) == [7]


def test_what_was_removed_is_not_in_memory_any_more(home):
    put(home, "one", "two")
    append(home, "one", 1)
    append(home, "two", 2)
    store = OnlineStore(home.catalogue)
    assert clicks(store, "one", "two") == [1, 2]
    with home.catalogue.write() as db:
        forget_document_features(db, OURS, ["one"])
    assert clicks(store, "one", "two") == [Absence.MISSING, 2]
    assert "one" not in store.recent(CLICKS, OURS)
    forget_view_features(home.catalogue, CLICKS.fingerprint)
    assert clicks(store, "one", "two") == [Absence.MISSING, Absence.MISSING]


def test_numbers_of_rows_are_never_given_again(home):
    put(home, "one")
    append(home, "one", 1)
    before = feature_state(home.catalogue)
    with home.catalogue.write() as db:
        forget_document_features(db, OURS, None)
    append(home, "one", 2)
    assert feature_state(home.catalogue).last > before.last
    assert feature_state(home.catalogue).removals == before.removals + 1


def test_partitions_not_used_for_longest_give_way_and_are_read_again(home):
    names = [f"d{number}" for number in range(5)]
    for partition in (OURS, THEIRS):
        put(home, *names, partition=partition)
        for name in names:
            append(home, name, 3, partition=partition)
    store = OnlineStore(home.catalogue, max_rows=6)
    for partition in (OURS, THEIRS, OURS):
        assert clicks(store, *names, partition=partition) == [3] * 5
        assert store.rows == 5


def test_a_question_after_no_commit_reads_nothing(home, monkeypatch):
    put(home, "one")
    append(home, "one", 1)
    store = OnlineStore(home.catalogue)
    clicks(store, "one")

    def refuse(sql, parameters=()):
        raise AssertionError(sql)

    monkeypatch.setattr(home.catalogue, "rows", refuse)
    assert clicks(store, "one") == [1]


def test_a_value_that_is_so_only_later_does_not_count_before_online_or_in_a_replay(home):
    put(home, "one")
    append(home, "one", 1)
    new = NewFeatures(OURS, "one", moment_text(after(15)), json.dumps({"clicks": 2}))
    append_features(home.catalogue, CLICKS.fingerprint, moment_text(after(10)), [new])
    store, asked = OnlineStore(home.catalogue), features(CLICKS, "clicks")
    for seconds, expected in ((10, 1), (14.999, 1), (15, 2), (20, 2)):
        online = get_online(store, asked, OURS, ["one"], after(seconds))
        assert online == get_historical(home.catalogue, asked, [(OURS, "one")], after(seconds))
        assert online == [{"clicks:clicks": expected}]


def test_only_rows_that_may_still_count_are_kept(home):
    put(home, "one")
    for seconds in range(10):
        append(home, "one", seconds, event=seconds * MARGIN_SECONDS)
    store = OnlineStore(home.catalogue)
    assert [row.values[0] for row in store.recent(CLICKS, OURS)["one"]] == [8, 9]
    assert store.rows == 2
