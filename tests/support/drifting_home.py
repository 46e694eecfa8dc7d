"""A fresh home whose ledger gets the answers of two kinds of queries at moments of choice, for tests of drift."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from string import ascii_lowercase

import numpy as np

from app.services.replay import Replayer
from indexing.records import Document
from tests.support.asked_traffic import AskedTraffic
from tests.support.fresh_home import OURS, RECIPE, Embedder, FreshHome, Opener
from tests.support.replays import allow_replays

BEGIN = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
"""After everything that a test builds: what is asked is asked of a release that was launched before."""
WIDE = replace(RECIPE, shard_rows=200)
"""All its documents in one shard: a query of hundreds asks one, not twelve."""
OLD_WORDS = tuple(f"pump{letter}" for letter in ascii_lowercase[:24])
NEW_WORDS = tuple(f"loan{letter}" for letter in ascii_lowercase[:24])


class DriftingHome(FreshHome):
    """``ask`` answers queries by a release and writes their rows, a second apart."""

    def __init__(self, path, **settings):
        super().__init__(path, log_queries=True, **settings)
        allow_replays(self.home, OURS.tenant)
        self.opener = Opener(self.home, Embedder())
        self.traffic = AskedTraffic(self.home, self.opener, OURS)
        self.chance = np.random.default_rng(1)

    def write(self, words, count=30):
        """Documents that speak of these words."""
        texts = [f"{' '.join(self.chance.choice(words, 10))} end." for _ in range(count)]
        documents = [Document(f"{words[0]}-{i}", "", text) for i, text in enumerate(texts)]
        self.put(*documents, live=False)

    def built(self, recipe=WIDE):
        """The release of a build; the first is deployed."""
        return self.build(recipe).release

    def ask(self, release, words, count, at, *, keeps_text=True):
        """Let a release answer queries of some words; the moment after the last."""
        texts = [" ".join(self.chance.choice(words, 4)) for _ in range(count)]
        return self.traffic.ask(release, texts, at, keeps_text=keeps_text, k=5)[1]

    def replayer(self, home=None):
        return Replayer(self.home, opener=self.opener, bind=self.bind)
