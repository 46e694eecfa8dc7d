"""What registering the default model takes without torch and by way of it, and whether both give the same vectors.

Each way registers it in a process and a home of its own. Then paragraphs of the helpdesk corpus are encoded with both
files, one text a run, in turns, so that a change of the machine's speed meets both.

Usage: python -m benchmarks.builds.compile_default [--texts 200] [--dry]
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.harness.recording import write_result
from indexing.home import open_home
from indexing.models import compiler
from indexing.models.embedder import Embedder, load_embedder
from indexing.settings import Settings

SEED = 54
WAYS = ("without torch", "by way of torch")
FORMS = ("fp32", "int8")


def register(home: Path, way: str) -> dict[str, float]:
    """Register the default model one way in this process; gives what it took."""
    if way == "by way of torch":
        vars(compiler)["stored_reference"] = lambda folder: None  # as for a model of which nothing is stored
    opened = open_home(Settings(home=home))
    began, cpu = time.perf_counter(), time.process_time()
    compiler.register_model(opened.models, opened.storage, compiler.DEFAULT_MODEL)
    taken = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    opened.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**{name: round(value, 1) for name, value in taken.items()}, "peak_mb": round(peak / 1000)}


def sampled(count: int) -> list[str]:
    """Paragraphs of the helpdesk corpus, some of each length."""
    files = sorted(Path("corpora/helpdesk/articles").rglob("*.md"))
    found = [text for file in files for text in file.read_text().split("\n\n") if len(text) > 20]
    return random.Random(SEED).sample(found, min(count, len(found)))


def compared(embedders: Mapping[tuple[str, str], Embedder], texts: list[str]) -> dict[str, object]:
    """How the two ways' files differ and how fast each is, by form; int8 also against fp32."""
    vectors = {key: np.empty((len(texts), embedder.dimension), np.float32) for key, embedder in embedders.items()}
    seconds = dict.fromkeys(embedders, 0.0)
    for row, text in enumerate(texts):
        for key, embedder in embedders.items():
            began = time.process_time()
            vectors[key][row] = embedder.encode_passages([text])[0]
            seconds[key] += time.process_time() - began
    one, other = WAYS
    result: dict[str, object] = {}
    for form in FORMS:
        found, known = vectors[one, form], vectors[other, form]
        result[form] = {
            "largest difference of a coordinate": float(np.max(np.abs(found - known))),
            "vectors equal to the bit": int(np.sum(np.all(found == known, axis=1))),
            "cpu_ms_a_text": {way: round(1000 * seconds[way, form] / len(texts), 3) for way in WAYS},
        }
    cosines = {way: np.sum(vectors[way, "int8"] * vectors[other, "fp32"], axis=1) for way in WAYS}
    result["cosine of int8 to fp32 by way of torch"] = {
        way: {"least": round(float(found.min()), 4), "mean": round(float(found.mean()), 4)}
        for way, found in cosines.items()
    }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--dry", action="store_true", help="print the result and write none")
    parser.add_argument("--register", nargs=2, metavar=("HOME", "WAY"), help=argparse.SUPPRESS)
    options, _ = parser.parse_known_args()
    if options.register:
        print(json.dumps(register(Path(options.register[0]), options.register[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        result: dict[str, object] = {"texts": options.texts, "registering": {}}
        embedders: dict[tuple[str, str], Embedder] = {}
        for way in WAYS:
            path = Path(folder) / way.replace(" ", "-")
            command = [sys.executable, "-m", "benchmarks.builds.compile_default", "--register", str(path), way]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            result["registering"][way] = json.loads(done.stdout.splitlines()[-1])
            home = open_home(Settings(home=path))
            model = home.models.get(compiler.DEFAULT_MODEL)
            for form in FORMS:
                embedders[way, form] = load_embedder(home.storage, model, form, sessions=1)
            home.close()
        result |= compared(embedders, sampled(options.texts))
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("compile_default", result)


if __name__ == "__main__":
    main()
