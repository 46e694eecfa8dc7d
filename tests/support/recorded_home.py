"""A fresh home whose processes record what they answer and what they see in its ledger, to be replayed."""

import numpy as np

from app.ledger.view_recorder import ViewRecorder
from app.retrieval.retriever import Retriever
from app.schemas.search import SearchBody
from app.services.queries import query_for
from app.services.replay import Replayer
from app.services.request_rows import filters_of, hits_of, query_of
from indexing.ledger.ids import moment_of
from indexing.records import Document
from tests.support.fresh_home import OURS, THEIRS, Embedder, FreshHome, Opener
from tests.support.ledger_rows import made_id, made_row
from tests.support.replays import allow_replays

WORDS = ("pump", "valve", "seal", "hose", "leaks", "pressure", "filter", "motor")


def sentence_of(chance, words=WORDS):
    """A sentence of few words, so that many are equal."""
    return " ".join(chance.choice(words, 4)).capitalize() + "."


def document_of(chance, name, **fields):
    """Up to three passages, with metadata; every fourth is for a group alone."""
    text = " ".join(sentence_of(chance) for _ in range(chance.integers(1, 10)))
    allow = ("group-1",) if chance.integers(4) == 0 else None
    return Document(name, "", text, metadata={"kind": str(chance.choice(["part", "manual"]))}, allow=allow, **fields)


class RecordedHome(FreshHome):
    """Its rows are kept here; ``replayer`` replays them from the home's files alone."""

    def __init__(self, path, **settings):
        super().__init__(path, log_queries=True, **settings)
        allow_replays(self.home, OURS.tenant, THEIRS.tenant)
        self.rows = []
        self.recorders = []

    def recording_process(self):
        """A process that records, with the name of its recorder."""
        recorder = ViewRecorder(self.home.ledger, f"process-{len(self.recorders)}")
        self.recorders.append(recorder)
        process = self.process(on_change=recorder.record)
        process.name = f"process-{len(self.recorders) - 1}"
        return process

    def ask(self, process, *, recipe=None, partition=OURS, reranker=None, **asked):
        """Search as a body asks, and keep the row."""
        body = SearchBody.model_validate({"collection": partition.collection, **asked})
        serving = process.serving(recipe)
        ledger_id = made_id()
        asked_for = query_for(body, serving.recipe, moment_of(ledger_id))
        search = Retriever(reranker).begin(serving, partition, asked_for)
        result = search.result()
        row = made_row(
            len(self.rows) + 1,
            id=ledger_id,
            process=process.name,
            tenant=partition.tenant,
            collection=partition.collection,
            release=serving.release.number,
            mode=body.mode,
            k=body.k,
            grouped=body.group_by_document,
            query=query_of(body),
            filters=filters_of(body),
            principals=list(body.principals),
            is_reranked=any(hit.rerank is not None for hit in result.hits),
            seq=process.live.reached(serving, partition),
            view=search.view_number,
            hits=hits_of(result),
            warnings=tuple(result.warnings),
        )
        self.rows.append(row)
        return row

    def replayer(self, embedder=None):
        """What replays, once all that was seen is in the ledger."""
        for recorder in self.recorders:
            assert recorder.flush(20.0)
        self.replay_embedder = embedder or Embedder()
        return Replayer(self.home, opener=Opener(self.home, self.replay_embedder), bind=self.bind)

    def close(self):
        for recorder in self.recorders:
            recorder.close()
        super().close()


def body_by(chance):
    """A search of any kind."""
    asked = {
        "mode": str(chance.choice(["hybrid", "dense", "lexical"])),
        "k": int(chance.choice([1, 3, 10, 50])),
        "group_by_document": bool(chance.integers(2)),
    }
    if chance.integers(3) == 0:
        asked["principals"] = ["group-1"]
    if chance.integers(4) == 0:
        asked["filters"] = {"type": "eq", "key": "kind", "value": "part"}
    kind = chance.integers(4)
    if kind == 0 and asked["mode"] == "dense":
        return asked | {"vector": np.round(chance.standard_normal(16), 3).tolist()}
    if kind == 1:
        turns = [{"role": "user", "content": sentence_of(chance)}, {"role": "user", "content": sentence_of(chance)}]
        looked = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function"}]}
        found = {"role": "tool", "tool_call_id": "c1", "content": "what a tool found"}
        return asked | {"messages": [turns[0], looked, found, turns[1]]}
    return asked | {"query": " ".join(chance.choice(WORDS, chance.integers(1, 4)))}
