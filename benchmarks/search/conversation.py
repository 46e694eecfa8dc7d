"""What should earlier turns of a conversation count? Chosen by cross-validation, by the API's own retriever.

MTRAG's cloud questions: every question is searched as its last turn alone, as people rewrote it, and as a conversation
under each candidate view. Folds are made of whole conversations. In each fold the view is chosen on the other folds, by
the mean of dense and hybrid nDCG@10, and measured on the fold; the differences to the last turn are paired by query.
Conversations that no judgment above came from (``un``: what was left unanswered or underspecified) confirm the choice;
they also hold the assistant's turns.

Usage: python -m benchmarks.search.conversation --data ../shared/data
Writes benchmarks/results/conversation.json. Its winner is FIRST_CONVERSATION of indexing.features.views; the
assistant's turns are of conversation_answers.py.
"""

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.retrieval.retriever import Retriever
from benchmarks.harness.chats import (
    FOLDS,
    SEED,
    Bench,
    alone,
    best_of,
    cluster_interval,
    conversation_of,
    folds,
    lines,
    whole_chats,
)
from benchmarks.harness.recording import write_result
from eval.datasets.query_sets import load_queryset
from eval.datasets.trec import Qrels
from eval.experiments.statistics import bootstrap_interval
from eval.experiments.targets import Choices, scratch_collection
from indexing.commands.terminal import screen
from indexing.features.conversation import Message, read_conversation
from indexing.features.views import FIRST_CONVERSATION, ConversationView, definition
from indexing.home import open_home
from indexing.records import MODES
from indexing.settings import Settings

DENSE_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4)
LEXICAL_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5)
EARLIER_TURNS = (1, 2, 8)
CANDIDATES = tuple(
    ConversationView("candidate", 1, ("user",), turns, dense, lexical)
    for turns, dense, lexical in itertools.product(EARLIER_TURNS, DENSE_WEIGHTS, LEXICAL_WEIGHTS)
)
ONE_TEXT = "all turns as one text"


def user_turns(data: Path, last: dict[str, str]) -> dict[str, list[Message]]:
    """The chats of the answerable questions; the file holds the user's turns alone, a line each."""
    chats = {}
    for query_id, entry in lines(data / "queries_history.jsonl").items():
        turns = [line.strip() for line in entry["text"].split("\n") if line.strip()]
        assert turns[-1] == last.get(query_id, turns[-1]).strip(), query_id  # noqa: S101
        chats[query_id] = [Message("user", turn) for turn in turns]
    return chats


def against(scores: np.ndarray, last: np.ndarray, query_ids: list[str]) -> dict:
    differences = scores - last
    return {
        "nDCG@10": round(float(scores.mean()), 4),
        "against the last turn": round(float(differences.mean()), 4),
        "interval": [round(end, 4) for end in bootstrap_interval(differences.tolist(), seed=SEED)],
        "interval by conversation": cluster_interval(differences, query_ids),
        "better": int((differences > 1e-9).sum()),
        "worse": int((differences < -1e-9).sum()),
    }


def title(view: ConversationView) -> str:
    return f"turns {view.earlier_turns}, dense {view.dense_weight}, lexical {view.lexical_weight}"


def cross_validated(table, query_ids: list[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Each query's scores by mode under the view that was chosen without its fold, and those views."""
    fold_of = folds(query_ids)
    scores = {mode: np.zeros(len(query_ids)) for mode in MODES}
    chosen = []
    for fold in range(FOLDS):
        view = best_of(table, fold_of != fold)
        chosen.append(title(view))
        for mode in MODES:
            scores[mode][fold_of == fold] = table[view][mode][fold_of == fold]
    return scores, chosen


def measure_candidates(bench: Bench, qrels: Qrels, chats) -> dict[ConversationView, dict[str, np.ndarray]]:
    """Every candidate's scores by query and mode; a weight that a mode does not use is measured once."""
    known: dict[tuple, np.ndarray] = {}
    table = {}
    for view in CANDIDATES:
        turns = {query_id: read_conversation(view, chats[query_id]) for query_id in qrels}
        table[view] = {}
        for mode in MODES:
            weights = {
                "dense": (view.dense_weight,),
                "lexical": (view.lexical_weight,),
                "hybrid": (view.dense_weight, view.lexical_weight),
            }[mode]
            key = (mode, *weights, view.earlier_turns if any(weights) else 0)
            if key not in known:
                known[key] = bench.ndcg(qrels, turns, view, mode)
            table[view][mode] = known[key]
        screen.print(title(view), {mode: round(float(scores.mean()), 4) for mode, scores in table[view].items()})
    return table


def answerable(bench: Bench, data: Path) -> tuple[dict, ConversationView]:
    queryset = load_queryset(data, queries_file="queries_lastturn.jsonl")
    rewrites = load_queryset(data)
    ids, qrels = list(queryset.qrels), queryset.qrels
    chats = user_turns(data, queryset.queries)
    last = {mode: bench.ndcg(qrels, alone(queryset.queries), None, mode) for mode in MODES}
    human = {mode: bench.ndcg(qrels, alone(rewrites.queries), None, mode) for mode in MODES}
    one_text = {query_id: "\n".join(message.content for message in chats[query_id]) for query_id in ids}
    together = {mode: bench.ndcg(qrels, alone(one_text), None, mode) for mode in MODES}
    table = measure_candidates(bench, qrels, chats)
    held_out, chosen = cross_validated(table, ids)
    winner = best_of(table, np.ones(len(ids), bool))
    result = {
        "queries": len(ids),
        "conversations": len({conversation_of(query_id) for query_id in ids}),
        "last turn": {mode: round(float(scores.mean()), 4) for mode, scores in last.items()},
        "human rewrite": {mode: against(human[mode], last[mode], ids) for mode in MODES},
        ONE_TEXT: {mode: against(together[mode], last[mode], ids) for mode in MODES},
        "cross-validated": {mode: against(held_out[mode], last[mode], ids) for mode in MODES},
        "cross-validated against the human rewrite": {
            mode: {
                "difference": round(float((held_out[mode] - human[mode]).mean()), 4),
                "interval": [
                    round(e, 4) for e in bootstrap_interval((held_out[mode] - human[mode]).tolist(), seed=SEED)
                ],
            }
            for mode in MODES
        },
        "chosen in each fold": chosen,
        "winner on all": {"view": title(winner), **{m: against(table[winner][m], last[m], ids) for m in MODES}},
        "candidates": {
            title(view): {mode: against(table[view][mode], last[mode], ids) for mode in MODES} for view in CANDIDATES
        },
    }
    return result, winner


def confirmed(bench: Bench, data: Path, winner: ConversationView) -> dict:
    """The winner on conversations that it was not chosen on, and what the assistant's turns would add."""
    queryset = load_queryset(data, "un", "queries_un_lastturn.jsonl")
    ids, qrels = list(queryset.qrels), queryset.qrels
    chats = whole_chats(data)
    last = {mode: bench.ndcg(qrels, alone(queryset.queries), None, mode) for mode in MODES}
    result = {"queries": len(ids), "last turn": {mode: round(float(s.mean()), 4) for mode, s in last.items()}}
    for name, roles in (("the user's turns", ("user",)), ("the assistant's turns too", ("user", "assistant"))):
        view = replace(winner, roles=roles)
        turns = {query_id: read_conversation(view, chats[query_id]) for query_id in ids}
        result[name] = {mode: against(bench.ndcg(qrels, turns, view, mode), last[mode], ids) for mode in MODES}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data / "mtrag_cloud"
    home = open_home(Settings())
    with scratch_collection(home, data, Choices(), on_progress=lambda *_: None) as (serving, partition):
        bench = Bench(serving, partition, Retriever())
        result, winner = answerable(bench, data)
        result["confirmed on other conversations"] = confirmed(bench, data, winner)
    shipped = (
        FIRST_CONVERSATION.earlier_turns,
        FIRST_CONVERSATION.dense_weight,
        FIRST_CONVERSATION.lexical_weight,
    )
    result["shipped"] = definition(FIRST_CONVERSATION)
    result["shipped is the winner"] = shipped == (winner.earlier_turns, winner.dense_weight, winner.lexical_weight)
    for name in ("last turn", "human rewrite", ONE_TEXT, "cross-validated", "winner on all", "chosen in each fold"):
        screen.print(name, result[name])
    screen.print(result["confirmed on other conversations"])
    write_result("conversation", result)


if __name__ == "__main__":
    main()
