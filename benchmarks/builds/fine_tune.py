"""A second real model: the default one fine-tuned on helpdesk articles, registered, prepared and measured.

Pairs are made from the articles alone (title, heading or a key sentence -> the section's text), never from the queries
that measure it. The release with the new model is prepared beside the one that serves, as an operator would do it.

Usage: python -m benchmarks.builds.fine_tune [--steps 40] [--home FOLDER]
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import corpus_folder
from eval.datasets.query_sets import load_queryset
from eval.experiments.experiment import run_experiment
from eval.experiments.statistics import bootstrap_interval
from eval.experiments.targets import LocalSearcher

SEED = 7
BATCH = 16
"""Pairs of a step: each passage is a negative of the fifteen other texts. Source: our choice."""
MAX_TOKENS = 64
"""Of a text in training; attention costs its square."""
LEARNING_RATE = 2e-5
"""Source: the usual rate of sentence-transformers."""
NAME, COLLECTION = "helpdesk-minilm", "helpdesk"
_FEWEST_WORDS = 6
_START = "from indexing.commands.start import main; main()"


def make_pairs(folder: Path, seed: int = SEED) -> list[tuple[str, str]]:
    """Pairs of a short text and the passage that answers it, in a seeded order; no two alike."""
    pairs: dict[tuple[str, str], None] = {}
    for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines():
        text = json.loads(line)["text"].lstrip()
        title = text.partition("\n")[0].lstrip("# ").strip()
        for heading, body in _sections(text):
            pairs[f"{title}: {heading}" if heading != title else title, body] = None
            sentence, rest = _key_sentence(body)
            if sentence and len(rest.split()) >= _FEWEST_WORDS:
                pairs[sentence, f"{title}. {rest}"] = None
    ordered = list(pairs)
    random.Random(seed).shuffle(ordered)
    return ordered


def _sections(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"(?m)^(?=#{1,4} )", text):
        heading, _, body = part.partition("\n")
        plain = " ".join(re.sub(r"[*`|>#-]+", " ", body).split())
        if len(plain.split()) >= _FEWEST_WORDS:
            yield heading.lstrip("# ").strip(), plain


def _key_sentence(body: str) -> tuple[str, str]:
    """The longest of a section's first three sentences, and the section without it."""
    sentences = re.split(r"(?<=[.!?]) ", body)
    longest = max(sentences[:3], key=len)
    return longest, " ".join(one for one in sentences if one != longest)


def fine_tune(pairs: list[tuple[str, str]], target: Path, *, steps: int) -> dict[str, float]:
    """Train the default model on pairs with in-batch negatives and save it; gives how the loss went."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    from indexing.models.compiler import DEFAULT_MODEL, locate_model

    torch.manual_seed(SEED)
    model = SentenceTransformer(locate_model(DEFAULT_MODEL)[0], device="cpu")
    longest, model.max_seq_length = model.max_seq_length, MAX_TOKENS
    loss = MultipleNegativesRankingLoss(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    losses = []
    model.train()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 10) * (1 - step / steps)
        begin = step * BATCH % max(1, len(pairs) - BATCH)
        batch = pairs[begin : begin + BATCH]
        value = loss([model.preprocess(list(texts)) for texts in zip(*batch, strict=True)], None)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(float(value.detach()))
        print(f"step {step + 1} of {steps}: loss {losses[-1]:.3f}", flush=True)
    model.eval()
    model.max_seq_length = longest
    model.save(str(target))
    tenth = max(1, steps // 10)
    return {"loss_first": sum(losses[:tenth]) / tenth, "loss_last": sum(losses[-tenth:]) / tenth}


def groundwork(home: Path, *arguments: str) -> str:
    """Run a command as an operator does, show it and what it says."""
    print(f"$ groundwork {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-c", _START, "--home", str(home), *arguments]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    print(said, flush=True)
    return said


def measure(home_path: Path, number: str, corpus: Path) -> dict[str, object]:
    """What a release scores on the queries of the test split."""
    from app.serving.release_opening import ReleaseOpener
    from indexing.catalogue.tenants import DEFAULT_TENANT
    from indexing.home import open_home
    from indexing.records import Partition
    from indexing.releases.release import find_release
    from indexing.settings import Settings

    home = open_home(Settings(home=home_path))
    try:
        serving = ReleaseOpener(home).open(find_release(home.catalogue, number))
        searcher = LocalSearcher(serving, Partition(DEFAULT_TENANT, COLLECTION))
        found = run_experiment(load_queryset(corpus), searcher, modes=("dense", "hybrid"), inputs=searcher.inputs())
    finally:
        home.close()
    return {
        mode: {
            "nDCG@10": round(one.means["nDCG@10"], 4),
            "interval": [round(end, 4) for end in bootstrap_interval(list(one.per_query["nDCG@10"].values()), seed=0)],
        }
        for mode, one in found.modes.items()
    }


def run(home: Path, corpus: Path, work: Path, steps: int) -> dict[str, object]:
    """The whole story in one home; gives what was measured."""
    pairs = make_pairs(corpus)
    data, lineage = work / "helpdesk-pairs.jsonl", work / "lineage.json"
    data.write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8")
    groundwork(home, "ingest", str(corpus), "--collection", COLLECTION)
    groundwork(home, "build")
    parent = json.loads(groundwork(home, "models", "list", "--json"))[0]["id"]
    began = time.perf_counter()
    losses = fine_tune(pairs, work / NAME, steps=steps)
    seconds = time.perf_counter() - began
    parameters = {"pairs": len(pairs), "steps": steps, "batch": BATCH, "seed": SEED, "learning_rate": LEARNING_RATE}
    told = {"parent": parent, "parameters": {**parameters, "loss": "in-batch negatives"}, "metrics": losses}
    lineage.write_text(json.dumps(told))
    chosen = ("--name", NAME, "--lineage", str(lineage), "--training-data", str(data))
    groundwork(home, "models", "register", str(work / NAME), *chosen)
    groundwork(home, "releases", "prepare", "--model", NAME, "--dry-run")
    done = json.loads(groundwork(home, "releases", "prepare", "--model", NAME, "--yes", "--json"))
    after = done["build"]["release"]["number"]
    groundwork(home, "releases", "diff", "1.1", after)
    groundwork(home, "releases", "show", after)
    return {
        "pairs": len(pairs),
        "steps": steps,
        "training_seconds": round(seconds, 1),
        "losses": {name: round(value, 4) for name, value in losses.items()},
        "prepare": {"cost": done["cost"], "seconds": round(done["build"]["seconds"], 1)},
        "before": measure(home, "1.1", corpus),
        "after": measure(home, after, corpus),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--home", type=Path, help="A new home that is kept; by default one that is removed.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        home = options.home or work / "home"
        result = run(home, corpus_folder(options.data, COLLECTION), work, options.steps)
    print(json.dumps(result, indent=1))
    write_result("fine_tune", result)


if __name__ == "__main__":
    main()
