"""Changes of views as rows of the ledger, and the chain of those that made a view."""

from datetime import date

import pytest

from indexing.errors import ArtefactCorrupt
from indexing.ledger.erasure import OfDocuments, OfTenant, OfUser, erase_rows
from indexing.ledger.store import LedgerStore
from indexing.ledger.view_changes import LiveViewChange, ViewChangeMissing, changes_up_to, read_view_changes
from indexing.records import Partition

OURS, THEIRS = Partition("a", "articles"), Partition("b", "articles")
CHANGES = [
    LiveViewChange(1, 1, "1.1", snapshot="s1", arithmetic="x"),
    LiveViewChange(2, 1, "1.1", OURS, added=(("naïve", 7), ("b", 8))),
    LiveViewChange(3, 1, "1.1", THEIRS, added=(("b", 9),)),
    LiveViewChange(4, 2, "1.1", OURS, removed=("b",)),
    LiveViewChange(5, 5, "2.1", snapshot="s2", arithmetic="x"),
    LiveViewChange(6, 5, "2.1", OURS, removed=("b",)),
]


@pytest.fixture
def ledger(tmp_path):
    store = LedgerStore(tmp_path / "ledger")
    for day, some in ((date(2026, 11, 24), CHANGES[:3]), (date(2026, 11, 25), CHANGES[3:])):
        store.append_view_changes(day, [one.row("p", "2026-11-24T00:00:00.000+00:00") for one in some])
    store.append_view_changes(date(2026, 11, 25), [CHANGES[0].row("other", "2026-11-25T00:00:00.000+00:00")])
    yield store
    store.close()


def test_changes_are_read_as_they_were_written_over_all_days_and_of_their_process(ledger):
    assert list(read_view_changes(ledger, "p").values()) == CHANGES
    assert list(read_view_changes(ledger, "other").values()) == CHANGES[:1]
    assert [one.is_takeover for one in CHANGES] == [True, False, False, False, True, False]


def test_a_view_is_made_by_the_changes_of_its_partition_since_the_takeover(ledger):
    changes = read_view_changes(ledger, "p")
    made_by = {number: [one.number for one in changes_up_to(changes, number)] for number in changes}
    assert made_by == {1: [1], 2: [1, 2], 3: [1, 3], 4: [1, 2, 4], 5: [5], 6: [5, 6]}
    with pytest.raises(ViewChangeMissing) as missing:
        changes_up_to(changes, 7)
    assert missing.value.number == 7
    del changes[2]
    with pytest.raises(ViewChangeMissing, match="view change 2"):
        changes_up_to(changes, 4)


@pytest.mark.parametrize(
    ("scope", "gone"),
    [
        (OfDocuments("a", "articles", {"naïve"}), {2}),
        (OfDocuments("a", "articles", {"b"}), {2, 4, 6}),
        (OfDocuments("a", "articles", None), {2, 4, 6}),
        (OfTenant("b"), {3}),
        (OfUser("a", "0" * 32), set()),
    ],
)
def test_erasing_takes_the_changes_that_name_what_is_erased(ledger, scope, gone):
    erase_rows(ledger, scope)
    assert {one.number for one in CHANGES} - set(read_view_changes(ledger, "p")) == gone


@pytest.mark.parametrize("body", [[], {"before": 1}, {"before": 1, "release": "1.1", "tenant": "a"}])
def test_a_damaged_change_is_named(body):
    with pytest.raises(ArtefactCorrupt, match="View change 4"):
        LiveViewChange.from_body(4, body)
