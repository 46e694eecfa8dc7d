"""Queries answered by the retriever of the API and written to a home's ledger, a second apart, at moments of choice."""

from datetime import timedelta

from app.retrieval.retriever import Retriever
from app.schemas.search import SearchBody
from app.services.queries import query_for
from app.services.request_rows import features_of, hits_of, query_of
from indexing.catalogue.home_secrets import home_secret
from indexing.ledger.hashes import LEDGER_SECRET, QUERY, keyed_hash
from indexing.ledger.query_sketches import sketch_of
from tests.support.ledger_rows import made_id, made_row


class AskedTraffic:
    """What a process would have recorded of these queries, but for its clock, and with the sketch of every one."""

    def __init__(self, home, opener, partition, secret=None):
        """Ask a partition of ``home``; ``opener`` opens its releases, ``secret`` stands for the home's own."""
        self.home, self.opener, self.partition = home, opener, partition
        self.retriever = Retriever()
        self.secret = secret or home_secret(home.catalogue, LEDGER_SECRET)
        self.number = 0
        self._opened = {}

    def ask(self, release, texts, at, *, keeps_text=True, k=10):
        """Let a release answer queries, the first at the moment ``at``; gives their rows, and the moment after them."""
        rows = [
            self._answered(release, text, at + timedelta(seconds=place), keeps_text, k)
            for place, text in enumerate(texts)
        ]
        self.home.ledger.append(rows)
        return rows, at + timedelta(seconds=len(rows))

    def _answered(self, release, text, at, keeps_text, k):
        key = release.number, release.snapshot
        if key not in self._opened:
            self._opened[key] = self.opener.open(release)
        serving, partition = self._opened[key], self.partition
        body = SearchBody(query=text, collection=partition.collection, k=k)
        result = self.retriever.begin(serving, partition, query_for(body, serving.recipe)).result()
        hits, self.number = hits_of(result), self.number + 1
        computed = result.query_vector
        return made_row(
            self.number,
            id=made_id(int(at.timestamp() * 1000)),
            tenant=partition.tenant,
            collection=partition.collection,
            release=release.number,
            query=query_of(body) if keeps_text else None,
            query_hash=keyed_hash(self.secret, QUERY, text.encode()),
            query_features=features_of(body, result, hits, {}),
            hits=hits,
            sketch=None if computed is None else sketch_of(self.secret, computed.model, computed.vector),
        )
