"""``groundwork eval run``: every query of a corpus, searched and measured by mode."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from eval.commands.group import evaluation
from indexing.commands.models import ensure_model
from indexing.commands.terminal import opened, print_json, progress_bar, screen
from indexing.process_start import ENCODING, require_memory
from indexing.records import MODES
from indexing.settings import Settings


@evaluation.command("run")
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder in BEIR layout.",
)
@click.option("--split", default="test", show_default=True, help="Judgments to use: qrels/SPLIT.tsv.")
@click.option("--queries", default="queries.jsonl", show_default=True, help="File of the corpus with the queries.")
@click.option(
    "--mode", "modes", type=click.Choice(MODES), multiple=True, help="Measure this mode only (may be repeated)."
)
@click.option("--view", help="Passage view.")
@click.option("--model", help="Model version.")
@click.option("--precision", type=click.Choice(["int8", "fp32"]), help="Compiled form of the model.")
@click.option("--language", help="Language of the lexical leg.")
@click.option("--collection", help="Search this collection of the release in service instead of building CORPUS.")
@click.option("--url", help="Search through the API at this address (with --collection; by default the corpus' name).")
@click.option("--key", envvar="GROUNDWORK_API_KEY", help="API key for --url; by default the home's own.")
@click.option("--k", default=100, show_default=True, type=click.IntRange(1, 1000), help="Documents to ask for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def run(settings: Settings, /, corpus: Path, modes: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Search every query of a corpus and print nDCG@10, R@10, R@100 and MRR@10 by mode.

    CORPUS is built in a scratch home (kept, so a second run is quick) unless --collection or --url is given.
    Per-query scores are saved in HOME/evaluations with the fingerprints of all that went in.
    """
    from contextlib import ExitStack

    require_memory(ENCODING, "groundwork eval run")
    from eval.datasets.query_sets import corpus_fingerprint, load_queryset
    from eval.experiments.experiment import run_experiment, save
    from eval.experiments.targets import Choices, HttpSearcher, LocalSearcher, scratch_collection, served_collection
    from eval.reports.tables import print_results
    from indexing.home import default_key

    queryset = load_queryset(corpus, options["split"], options["queries"])
    modes = modes or MODES
    with ExitStack() as stack:
        home = stack.enter_context(opened(settings))
        progress = stack.enter_context(progress_bar(quiet=as_json))
        searcher: Any
        if options["url"]:
            collection = options["collection"] or corpus.resolve().name
            searcher = HttpSearcher(options["url"], options["key"] or default_key(home), collection)
            stack.callback(searcher.close)
        else:
            if options["collection"]:
                opened_collection = served_collection(home, options["collection"])
            else:
                ensure_model(home)
                choices = Choices(**{name: options[name] for name in ("model", "view", "precision", "language")})
                opened_collection = scratch_collection(home, corpus, choices, on_progress=progress)
            searcher = LocalSearcher(*stack.enter_context(opened_collection))
        total = len(queryset.queries) * len(modes)
        experiment = run_experiment(
            queryset,
            searcher,
            modes=modes,
            k=options["k"],
            inputs={**searcher.inputs(), "corpus": corpus_fingerprint(corpus)},
            on_progress=lambda done: progress("queries", done, total),
        )
        path = save(experiment, home.path / "evaluations")
    if as_json:
        print_json({**asdict(experiment), "fingerprint": experiment.fingerprint, "saved": str(path)})
        return
    print_results(experiment)
    screen.print(f"per-query scores: {path}", highlight=False)
