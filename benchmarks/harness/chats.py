"""Chats for benchmarks: MTRAG's, searched under one conversation view after another, and folds of conversations."""

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.retrieval.retriever import Retriever
from app.serving.release import ServingRelease
from eval.datasets.trec import Qrels
from eval.experiments.measures import run_from_ranking, score_run
from indexing.features.conversation import Message, Turns
from indexing.features.views import ConversationView
from indexing.records import Partition

MODES_CHOSEN_BY = ("dense", "hybrid")
FOLDS = 5
SEED = 0


class Remembering:
    """An embedder that encodes each text once."""

    def __init__(self, embedder) -> None:
        self._embedder, self._vectors = embedder, {}
        self.dimension = embedder.dimension

    def encode_query(self, text: str):
        """The vector of ``text``."""
        if text not in self._vectors:
            self._vectors[text] = self._embedder.encode_query(text)
        return self._vectors[text]


@dataclass
class Bench:
    """Searches one partition under one view after another; remembers what it measured."""

    serving: ServingRelease
    partition: Partition
    retriever: Retriever

    def __post_init__(self) -> None:
        self.serving = replace(self.serving, embedder=Remembering(self.serving.embedder))

    def ndcg(self, qrels: Qrels, chats: dict[str, Turns], view: ConversationView | None, mode: str) -> np.ndarray:
        """nDCG@10 of each query, in the order of ``qrels``."""
        serving = replace(self.serving, recipe=replace(self.serving.recipe, conversation=view))
        run = {}
        for query_id in qrels:
            turns = chats[query_id]
            result = self.retriever.search(
                serving,
                self.partition,
                turns.question,
                k=10,
                mode=mode,
                earlier=turns.earlier,
                answer=turns.answer,
            )
            run[query_id] = run_from_ranking([hit.passage.document_id for hit in result.hits])
        scores = score_run(qrels, run).per_query["nDCG@10"]
        return np.array([scores[query_id] for query_id in qrels])


def lines(path: Path) -> dict[str, dict]:
    return {entry["_id"]: entry for entry in map(json.loads, path.read_text().splitlines())}


def whole_chats(data: Path) -> dict[str, list[Message]]:
    return {
        query_id: [Message(message["role"], message["text"]) for message in entry["messages"]]
        for query_id, entry in lines(data / "queries_un_history.jsonl").items()
    }


def conversation_of(query_id: str) -> str:
    return query_id.split("<::>")[0]


def folds(query_ids: list[str]) -> np.ndarray:
    """The fold of each query; a conversation stands in one fold."""
    conversations = sorted({conversation_of(query_id) for query_id in query_ids})
    random.Random(SEED).shuffle(conversations)
    fold_of = {conversation: place % FOLDS for place, conversation in enumerate(conversations)}
    return np.array([fold_of[conversation_of(query_id)] for query_id in query_ids])


def cluster_interval(differences: np.ndarray, query_ids: list[str]) -> list[float]:
    """As ``bootstrap_interval``, but whole conversations are drawn: their questions are not independent."""
    conversations = np.array([conversation_of(query_id) for query_id in query_ids])
    groups = [differences[conversations == one] for one in sorted(set(conversations))]
    sums, sizes = np.array([group.sum() for group in groups]), np.array([len(group) for group in groups])
    generator = np.random.default_rng(SEED)
    draws = generator.integers(len(groups), size=(2000, len(groups)))
    return [round(float(end), 4) for end in np.quantile(sums[draws].sum(1) / sizes[draws].sum(1), [0.025, 0.975])]


def best_of(table: dict[ConversationView, dict[str, np.ndarray]], queries: np.ndarray) -> ConversationView:
    """The view with the best mean of dense and hybrid on some queries; of equal ones the first."""
    return max(table, key=lambda view: float(np.mean([table[view][mode][queries].mean() for mode in MODES_CHOSEN_BY])))


def alone(texts: dict[str, str]) -> dict[str, Turns]:
    return {query_id: Turns(text) for query_id, text in texts.items()}
