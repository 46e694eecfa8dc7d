"""What should the assistant's last message count, by how much a question refers to it? Chosen by cross-validation.

MTRAG's cloud questions that were left unanswered or underspecified: the others' files hold no answers. Each is
searched under the first ``default`` view, which counts the user's turns alone, and under candidates that also count the
answer before the question by ``reference_share``. Folds are whole conversations; in each the candidate is chosen on the
others, by the mean of dense and hybrid nDCG@10. Differences are paired and drawn by conversation.

Usage: python -m benchmarks.search.conversation_answers --data ../shared/data
Writes benchmarks/results/conversation_answers.json. Its choice is DEFAULT_CONVERSATION of indexing.features.views; see
docs/decisions/0051-answers-count-where-a-question-refers.md.
"""

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.retrieval.retriever import Retriever
from benchmarks.harness.chats import Bench, alone, best_of, cluster_interval, folds, whole_chats
from benchmarks.harness.recording import write_result
from eval.datasets.query_sets import load_queryset
from eval.experiments.targets import Choices, scratch_collection
from indexing.features.conversation import read_conversation, reference_share
from indexing.features.views import DEFAULT_CONVERSATION, FIRST_CONVERSATION, ConversationView, definition
from indexing.home import open_home
from indexing.records import MODES
from indexing.settings import Settings

CANDIDATES = tuple(
    replace(DEFAULT_CONVERSATION, answer_dense_weight=dense, answer_lexical_weight=lexical)
    for dense, lexical in itertools.product((0.0, 0.2, 0.4), (0.0, 0.1, 0.2, 0.3))
)


def against(scores: np.ndarray, base: np.ndarray, ids: list[str], refers: np.ndarray) -> dict:
    """The mean, the paired difference with its interval by conversation, and the difference where nothing refers."""
    return {
        "nDCG@10": round(float(scores.mean()), 4),
        "difference": round(float((scores - base).mean()), 4),
        "interval by conversation": cluster_interval(scores - base, ids),
        "difference where the question refers": round(float((scores - base)[refers].mean()), 4),
        "difference where it does not": round(float((scores - base)[~refers].mean()), 4),
    }


def measure(bench: Bench, data: Path) -> dict:
    """Every candidate, the cross-validated choice and what is shipped, against the first view and the last turn."""
    queryset = load_queryset(data, "un", "queries_un_lastturn.jsonl")
    ids, qrels, chats = list(queryset.qrels), queryset.qrels, whole_chats(data)
    refers = np.array([reference_share(queryset.queries[query_id]) > 0 for query_id in ids])

    def scores(view: ConversationView | None) -> dict[str, np.ndarray]:
        turns = {query_id: read_conversation(view, chats[query_id]) for query_id in ids}
        asked = alone(queryset.queries) if view is None else turns
        return {mode: bench.ndcg(qrels, asked, view, mode) for mode in MODES}

    last, first = scores(None), scores(FIRST_CONVERSATION)
    table = {view: scores(view) for view in CANDIDATES}
    fold_of, chosen = folds(ids), []
    held_out = {mode: np.zeros(len(ids)) for mode in MODES}
    for fold in sorted(set(fold_of.tolist())):
        view = best_of(table, fold_of != fold)
        chosen.append([view.answer_dense_weight, view.answer_lexical_weight])
        for mode in MODES:
            held_out[mode][fold_of == fold] = table[view][mode][fold_of == fold]
    shipped = table[DEFAULT_CONVERSATION]
    return {
        "queries": len(ids),
        "that refer": int(refers.sum()),
        "last turn": {mode: round(float(values.mean()), 4) for mode, values in last.items()},
        "default@1": {mode: against(first[mode], last[mode], ids, refers) for mode in MODES},
        "cross-validated, against default@1": {m: against(held_out[m], first[m], ids, refers) for m in MODES},
        "cross-validated, against the last turn": {m: against(held_out[m], last[m], ids, refers) for m in MODES},
        "chosen in each fold": chosen,
        "default@2, against default@1": {m: against(shipped[m], first[m], ids, refers) for m in MODES},
        "default@2, against the last turn": {m: against(shipped[m], last[m], ids, refers) for m in MODES},
        "candidates": {
            f"dense {view.answer_dense_weight}, lexical {view.answer_lexical_weight}": {
                mode: round(float(values.mean()), 4) for mode, values in found.items()
            }
            for view, found in table.items()
        },
        "shipped": definition(DEFAULT_CONVERSATION),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data / "mtrag_cloud"
    home = open_home(Settings())
    with scratch_collection(home, data, Choices(), on_progress=lambda *_: None) as (serving, partition):
        result = measure(Bench(serving, partition, Retriever()), data)
    for name, value in result.items():
        print(name, value)
    write_result("conversation_answers", result)


if __name__ == "__main__":
    main()
