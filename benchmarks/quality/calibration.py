"""Is a score the chance that it says? The general curves, fitted, and what judgments and the leg check add.

Five judged collections, of the largest a part: the judged documents and one in twenty others. Of the queries of
each, those of the splits train and dev are fitted on, those of test are measured on. Curves of a collection that was
not fitted on say what a new home may expect. Questions of the other collections are asked of each, too, and answered by
nothing: they teach the curve what that looks like.

Usage: python -m benchmarks.quality.calibration --data ../shared/data [--home HOME] [--sets helpdesk cranfield] [--dry]
The curves are the defaults of indexing.releases.recipes.RetrievalConfig.
"""

import argparse
import contextlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from app.retrieval.retriever import Retriever
from app.serving.release import ServingRelease
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import corpus_folder
from eval.datasets.query_sets import load_queryset
from eval.datasets.splits import split_of
from eval.experiments.calibration_fit import fit_move
from eval.experiments.reliability import JudgedHit, reliability
from eval.experiments.targets import Choices, scratch_collection, scratch_path
from indexing.catalogue.leg_samples import read_leg_samples
from indexing.home import open_home
from indexing.indexes.fusion import calibrate
from indexing.records import MODES, Partition
from indexing.releases.calibration_rule import CalibrationRule
from indexing.settings import Settings
from indexing.snapshots.collection_calibration import UNMOVED

SETS = ("helpdesk", "scifact", "cranfield", "ray_docs", "mtrag_cloud")
QUERIES = 300
"""Of each collection at most; our choice."""
FOREIGN = 40
"""Questions of each other collection that are asked of one; our choice."""
FOREIGN_SHARE = 0.25
"""What they weigh beside a collection's own questions: one question in five has no answer. Our choice."""
PARTLY = "mtrag_cloud"
HITS = 10
CUTS = (0.1, 0.2, 0.3, 0.5)
"""Values of ``min_score``; our choice."""
BEFORE = {"dense": [-7.193, 7.301], "lexical": [-5.946, 9.762], "hybrid": [-7.291, 11.223]}
"""The curves before decision 58."""
EVIDENCE = [0.0, 1.0]
"""A curve whose log-odds are the evidence itself."""
NOT_ANSWERED = (
    "How do I bake sourdough bread?",
    "What is the capital of Mongolia?",
    "Who won the world cup in 2014?",
    "How do I change the oil in my car?",
    "What are the side effects of ibuprofen?",
    "How tall is Mount Everest?",
    "Write a poem about autumn",
    "What is the boiling point of nitrogen?",
    "How do I train a puppy to sit?",
    "Explain the theory of relativity",
    "Which stocks should I buy this week?",
    "How do I file my personal income taxes?",
    "What time does the train to Paris leave?",
    "How do I remove a red wine stain from a carpet?",
    "When was the French Revolution?",
    "How do I grow tomatoes on a balcony?",
    "What is the best pizza topping?",
    "How do I install Kubernetes on bare metal?",
    "Where can I rent a bicycle in Lisbon?",
    "How many calories are in a banana?",
)
DEMO = (
    "my customer's card keeps getting refused, what can they do?",
    "HL-4290 too many requests",
    "can I get my money back for the yearly plan",
)


@dataclass(frozen=True)
class Asked:
    """A question's hits in one mode: evidence, best first, what is known of its words, and which are relevant."""

    name: str
    text: str
    evidence: list[float]
    terms: float
    unknown: float
    relevant: list[bool]

    def scored(self, curve: Sequence[float]) -> list[JudgedHit]:
        """The hits with the scores that a curve gives them."""
        ordering = np.array(self.evidence, np.float32)
        scores = calibrate(curve, ordering, terms=self.terms, unknown_share=self.unknown).tolist()
        pairs = zip(scores, self.relevant, strict=True)
        return [JudgedHit(self.name, rank, score, right) for rank, (score, right) in enumerate(pairs, 1)]


@dataclass(frozen=True)
class Collection:
    """What was asked of a collection, by mode: its own questions, in two halves, and those of the others."""

    learned: Mapping[str, list[Asked]]
    held_out: Mapping[str, list[Asked]]
    foreign: Mapping[str, list[Asked]]
    others: float
    """What the leg check found: the mean log-odds of documents that were not asked for."""


def ask(serving: ServingRelease, partition: Partition, queries: Mapping[str, str], qrels, retriever: Retriever):
    found = {mode: [] for mode in MODES}
    for name, text in queries.items():
        for mode in MODES:
            result = retriever.search(serving, partition, text, k=HITS, mode=mode)
            known = serving.snapshot.moves(partition).get(mode, UNMOVED)
            evidence = [known.undone(math.log(hit.score / (1.0 - hit.score))) for hit in result.hits]
            relevant = [qrels.get(name, {}).get(hit.passage.document_id, 0) > 0 for hit in result.hits]
            features = result.features
            terms, unknown = features.get("terms", 0.0), features.get("unknown_share", 0.0)
            if evidence:
                found[mode].append(Asked(name, text, evidence, terms, unknown, relevant))
    return found


def evidence_alone(serving: ServingRelease) -> ServingRelease:
    """The release with scores of which the evidence can be read off."""
    retrieval = replace(serving.recipe.retrieval, calibration=dict.fromkeys(MODES, EVIDENCE))
    return replace(serving, recipe=replace(serving.recipe, retrieval=retrieval))


def folder_of(home, data: Path, name: str) -> Path:
    """Where a collection is; of the largest a part is written below the home."""
    folder = corpus_folder(data, name)
    if name != PARTLY:
        return folder
    part = home.path / "corpora" / "mtrag_small"
    (part / "qrels").mkdir(parents=True, exist_ok=True)
    for file in ("queries.jsonl", "qrels/test.tsv"):
        (part / file).write_bytes((folder / file).read_bytes())
    judged = {line.split("\t")[1] for line in (folder / "qrels/test.tsv").read_text().splitlines()[1:]}
    draw = random.Random(0)
    with (folder / "corpus.jsonl").open() as lines:
        kept = [line for line in lines if json.loads(line)["_id"] in judged or draw.random() < 0.05]
    (part / "corpus.jsonl").write_text("".join(kept))
    return part


def others_of(home, folder: Path, serving: ServingRelease) -> float:
    with contextlib.closing(open_home(home.settings, scratch_path(home, folder))) as scratch:
        rows = read_leg_samples(scratch.catalogue, serving.release.recipe).values()
    return float(np.mean([one for *_, one in rows if one is not None]))


def gather(home, data: Path, names: Sequence[str]) -> tuple[dict[str, Collection], dict[str, list[Asked]]]:
    """Everything that is asked of each collection, and of the helpdesk what the demo asks and what nothing answers."""
    sets = {name: load_queryset(corpus_folder(data, name)) for name in names}
    draw = random.Random(1)
    sample = {name: draw.sample(sorted(one.queries), min(QUERIES, len(one.queries))) for name, one in sets.items()}
    found, extra = {}, {}
    for name, one in sets.items():
        folder, retriever = folder_of(home, data, name), Retriever()
        with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None) as (opened, partition):
            serving = evidence_alone(opened)
            halves = {True: {}, False: {}}
            for query in sample[name]:
                halves[split_of(one.queries[query]) != "test"][query] = one.queries[query]
            others = {
                f"{other}/{query}": sets[other].queries[query]
                for other in names
                if other != name
                for query in sample[other][:FOREIGN]
            }
            learned, held_out = (ask(serving, partition, halves[half], one.qrels, retriever) for half in (True, False))
            foreign = ask(serving, partition, others, {}, retriever)
            found[name] = Collection(learned, held_out, foreign, others_of(home, folder, serving))
            if name == "helpdesk":
                told = {text: text for text in (*DEMO, *NOT_ANSWERED)}
                extra = ask(serving, partition, told, {}, retriever)
        print(name, "asked", flush=True)
    return found, extra


def rows_of(asked: Sequence[Asked]):
    """Features and truth of each hit."""
    features, truth = [], []
    for one in asked:
        for place, (evidence, right) in enumerate(zip(one.evidence, one.relevant, strict=True), 1):
            features.append([1.0, evidence, math.log(max(one.terms, 1.0)), one.unknown, math.log(place)])
            truth.append(float(right))
    return np.array(features).reshape(-1, 5), np.array(truth)


def fit_curve(collections: Sequence[Collection], mode: str) -> list[float]:
    """The curve of a mode; every collection counts alike."""
    parts = []
    for one in collections:
        for asked, share in ((one.learned[mode], 1.0), (one.foreign[mode], FOREIGN_SHARE)):
            features, truth = rows_of(asked)
            if len(truth):
                parts.append((features, truth, np.full(len(truth), 1000.0 * share / len(truth))))
    features, truth, weights = (np.concatenate(one) for one in zip(*parts, strict=True))

    def loss(values):
        log_odds = features @ values
        error = weights * (1.0 / (1.0 + np.exp(-log_odds)) - truth)
        return float((weights * np.logaddexp(0.0, np.where(truth > 0, -log_odds, log_odds))).sum()), error @ features

    knows_words = (0.0, 0.0) if mode == "dense" else None
    bounds = [(None, None), (0.1, None), knows_words or (0.0, None), knows_words or (None, 0.0), (None, 0.0)]
    found = minimize(loss, np.zeros(5), jac=True, bounds=bounds, options={"maxiter": 1000}).x
    return [round(float(one), 3) + 0.0 for one in found]


def measured(asked: Sequence[Asked], curve: Sequence[float]) -> dict[str, object]:
    found = reliability([hit for one in asked for hit in one.scored(curve)])
    return {
        "Brier": round(found.brier, 4),
        "calibration error": round(found.calibration_error, 4),
        "first hits score": round(found.first_score, 3),
        "first hits relevant": round(found.first_right, 3),
        "bins": [[one.hits, round(one.mean_score, 3), round(one.relevant_share, 3)] for one in found.bins],
    }


def first_scores(asked: Sequence[Asked], curve: Sequence[float]) -> dict[str, float]:
    scores = np.array([one.scored(curve)[0].score for one in asked])
    return {"mean": round(float(scores.mean()), 3), "p90": round(float(np.quantile(scores, 0.9)), 3)}


def kept(asked: Sequence[Asked], curve: Sequence[float], cut: float) -> float:
    """The share of questions of which a ``min_score`` leaves a hit."""
    return round(float(np.mean([one.scored(curve)[0].score >= cut for one in asked])), 3)


def measure(home, data: Path, names: Sequence[str]) -> dict[str, object]:
    collections, extra = gather(home, data, names)
    curves = {mode: fit_curve(list(collections.values()), mode) for mode in MODES}
    found = {name: round(one.others, 3) for name, one in collections.items()}
    result: dict[str, object] = {"curves": curves, "others in the leg check": found, "collections": {}}
    for name, one in collections.items():
        modes = {}
        for mode in MODES:
            others = [other for key, other in collections.items() if key != name]
            left_out = fit_curve(others, mode) if others else curves[mode]
            learned = [hit for asked in one.learned[mode] for hit in asked.scored(left_out)]
            log_odds = np.array([math.log(hit.score / (1.0 - hit.score)) for hit in learned])
            move = fit_move(log_odds, np.array([float(hit.is_relevant) for hit in learned]))
            usual = float(np.mean([other.others for other in others])) if others else one.others
            checked = replace(CalibrationRule(), usual=usual).calibration([one.others] * 30)
            told = {
                "before": BEFORE[mode],
                "general, fitted on the others": left_out,
                "leg check, over the others' curve": checked.modes[mode].applied(left_out) if checked else left_out,
                "judgments, over the others' curve": move.applied(left_out),
                "general": curves[mode],
            }
            modes[mode] = {
                "queries": [len(one.learned[mode]), len(one.held_out[mode])],
                "move": [move.shift, move.stretch],
                "leg check's shift": checked.modes[mode].shift if checked else 0.0,
                **{
                    way: {
                        **measured(one.held_out[mode], curve),
                        "unanswered first hits": first_scores(one.foreign[mode], curve),
                        "questions kept, unanswered ones kept": {
                            str(cut): [kept(one.held_out[mode], curve, cut), kept(one.foreign[mode], curve, cut)]
                            for cut in CUTS
                        },
                    }
                    for way, curve in told.items()
                },
            }
        result["collections"][name] = modes
    if extra:
        result["helpdesk"] = {
            way: {
                "demo": {asked.text: round(asked.scored(curve)[0].score, 3) for asked in extra["hybrid"][: len(DEMO)]},
                "nothing answers": first_scores(extra["hybrid"][len(DEMO) :], curve),
            }
            for way, curve in (("before", BEFORE["hybrid"]), ("general", curves["hybrid"]))
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--home", type=Path, help="A home below which collections are kept; by default the usual one.")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--dry", action="store_true", help="Write no result.")
    options = parser.parse_args()
    settings = Settings() if options.home is None else Settings(home=options.home)
    with contextlib.closing(open_home(settings)) as home:
        result = measure(home, options.data, options.sets)
    if options.dry:
        print(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        write_result("calibration", result)


if __name__ == "__main__":
    main()
