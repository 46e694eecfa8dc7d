"""A fresh home whose ledger gets the answers of two kinds of queries at moments of choice, for tests of drift."""

from datetime import UTC, datetime, timedelta

import numpy as np

from app.retrieval.retriever import Retriever
from app.schemas.search import SearchBody
from app.services.queries import query_for
from app.services.replay import Replayer
from app.services.request_rows import features_of, hits_of, query_of
from indexing.catalogue.home_secrets import home_secret
from indexing.ledger.hashes import LEDGER_SECRET, QUERY, keyed_hash
from indexing.ledger.query_sketches import sketch_of
from indexing.records import Document
from tests.support.fresh_home import OURS, RECIPE, Embedder, FreshHome, Opener
from tests.support.ledger_rows import made_id, made_row
from tests.support.replays import allow_replays

BEGIN = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
"""After everything that a test builds: what is asked is asked of a release that was launched before."""
OLD_WORDS = tuple(f"pump{i}" for i in range(24))
NEW_WORDS = tuple(f"loan{i}" for i in range(24))


class DriftingHome(FreshHome):
    """``ask`` answers queries by a release and writes their rows, a second apart."""

    def __init__(self, path, **settings):
        super().__init__(path, log_queries=True, **settings)
        allow_replays(self.home, OURS.tenant)
        self.embedder = Embedder()
        self.opener, self.retriever = Opener(self.home, self.embedder), Retriever()
        self.secret = home_secret(self.home.catalogue, LEDGER_SECRET)
        self.chance = np.random.default_rng(1)
        self.number = 0

    def write(self, words, count=30, salt=""):
        """Documents that speak of these words."""
        self.put(
            *(
                Document(f"{words[0]}-{i}", "", f"{salt} {' '.join(self.chance.choice(words, 10))} end.")
                for i in range(count)
            ),
            live=False,
        )

    def built(self, recipe=RECIPE):
        """The release of a build; the first is deployed."""
        return self.build(recipe).release

    def ask(self, release, words, count, at, *, keeps_text=True, k=5):
        """Let a release answer queries of some words; the moment after the last."""
        serving = self.opener.open(release)
        rows = []
        for _ in range(count):
            body = SearchBody(query=" ".join(self.chance.choice(words, 4)), collection=OURS.collection, k=k)
            result = self.retriever.begin(serving, OURS, query_for(body, serving.recipe)).result()
            hits, self.number = hits_of(result), self.number + 1
            rows.append(
                made_row(
                    self.number,
                    id=made_id(int(at.timestamp() * 1000)),
                    tenant=OURS.tenant,
                    collection=OURS.collection,
                    release=release.number,
                    query=query_of(body) if keeps_text else None,
                    query_hash=keyed_hash(self.secret, QUERY, body.query.encode()),
                    query_features=features_of(body, result, hits, {}),
                    hits=hits,
                    sketch=sketch_of(self.secret, result.query_vector.model, result.query_vector.vector),
                )
            )
            at += timedelta(seconds=1)
        self.home.ledger.append(rows)
        return at

    def replayer(self, home=None):
        return Replayer(self.home, opener=self.opener, bind=self.bind)
