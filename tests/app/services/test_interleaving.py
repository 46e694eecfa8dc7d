"""The candidate of an interleaving searches only while users leave capacity for it."""

import pytest

from app.access.concurrency import ConcurrencyLimit
from app.services.interleaving import InterleavedSearches
from app.services.shadow import LOOP_SHARE, LoopLoad


@pytest.fixture
def made():
    opened = []

    def make(searches, load):
        told = InterleavedSearches(
            None, None, None, None, searches, lambda outcome: None, threads=1, busy_above=1, load=load
        )
        opened.append(told)
        return told

    yield make
    for one in opened:
        one.close()


class Load(LoopLoad):
    def __init__(self, share):
        super().__init__()
        self.told = share

    def share(self):
        return self.told


@pytest.mark.parametrize(
    ("taken", "share", "is_busy"),
    [(0, 0.0, False), (1, LOOP_SHARE, False), (2, 0.0, True), (0, LOOP_SHARE + 0.01, True)],
)
def test_it_is_shed_as_shadows_are(made, taken, share, is_busy):
    searches = ConcurrencyLimit(8, "full")
    searches.taken = taken
    assert made(searches, Load(share)).is_busy() is is_busy
