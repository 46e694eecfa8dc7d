"""``groundwork eval run``: every query of a corpus, searched and measured by mode."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eval.commands.group import evaluation
from indexing.commands.models import ensure_model
from indexing.commands.terminal import opened, print_json, progress_bar, screen
from indexing.home import Home
from indexing.process_start import ENCODING, require_memory
from indexing.records import MODES, Json
from indexing.settings import Settings

if TYPE_CHECKING:
    from contextlib import ExitStack

    from eval.datasets.query_sets import QuerySet


@evaluation.command("run")
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder in BEIR layout.",
)
@click.option("--set", "set_name", help="A stored query set, instead of --corpus; its collection is searched.")
@click.option("--split", default="test", show_default=True, help="Judgments to use: qrels/SPLIT.tsv, or a set's split.")
@click.option(
    "--queries",
    default="queries.jsonl",
    show_default=True,
    help="File of the corpus with its queries: texts or chats.",
)
@click.option(
    "--mode", "modes", type=click.Choice(MODES), multiple=True, help="Measure this mode only (may be repeated)."
)
@click.option("--view", help="Passage view.")
@click.option("--model", help="Model version.")
@click.option("--precision", type=click.Choice(["int8", "fp32"]), help="Compiled form of the model.")
@click.option("--language", help="Language of the lexical leg.")
@click.option(
    "--conversation", metavar="VIEW", help="What earlier turns of a chat count: a conversation view, or none."
)
@click.option("--collection", help="Search this collection of the release in service instead of building CORPUS.")
@click.option("--url", help="Search through the API at this address (with --collection; by default the corpus' name).")
@click.option("--key", envvar="GROUNDWORK_API_KEY", help="API key for --url; by default the home's own.")
@click.option("--k", default=100, show_default=True, type=click.IntRange(1, 1000), help="Documents to ask for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def run(settings: Settings, /, corpus: Path | None, modes: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Search every query of a corpus or a stored set and print nDCG@10, R@10, R@100 and MRR@10 by mode.

    CORPUS is built in a scratch home (kept, so a second run is quick) unless --collection or --url is given; the
    collection of a set is searched in the release in service, or with --url. A query is a text, or a chat: a line with
    "messages" instead of "text", as /v1/search takes them. Per-query scores are saved in
    HOME/evaluations with the fingerprints of all that went in.
    """
    from contextlib import ExitStack

    require_memory(ENCODING, "groundwork eval run")
    from eval.commands.sets import stale_lines
    from eval.experiments.experiment import run_experiment, save
    from eval.reports.tables import print_results

    if (corpus is None) == (options["set_name"] is None):
        raise click.UsageError("Give either --corpus or --set.")
    modes = modes or MODES
    with ExitStack() as stack:
        home = stack.enter_context(opened(settings))
        queryset, inputs = _query_set(home, corpus, options)
        progress = stack.enter_context(progress_bar(quiet=as_json))
        searcher = _searcher(stack, home, corpus, queryset, options, progress)
        total = len(queryset.queries) * len(modes)
        experiment = run_experiment(
            queryset,
            searcher,
            modes=modes,
            k=options["k"],
            inputs={**searcher.inputs(), **inputs},
            on_progress=lambda done: progress("queries", done, total),
        )
        path = save(experiment, home.path / "evaluations")
    if as_json:
        stale = asdict(queryset.staleness)
        saved = {"fingerprint": experiment.fingerprint, "saved": str(path), "staleness": stale}
        print_json({**asdict(experiment), **saved})
        return
    print_results(experiment)
    for line in stale_lines(queryset):
        click.echo(line)
    screen.print(f"per-query scores: {path}", highlight=False)


def _query_set(home: Home, corpus: Path | None, options: dict[str, Any]) -> "tuple[QuerySet, dict[str, Json]]":
    """What is measured, and what of it goes among the inputs."""
    from eval.datasets.query_sets import corpus_fingerprint, load_queryset
    from eval.datasets.stored_sets import read_query_set

    if corpus is not None:
        queryset = load_queryset(corpus, options["split"], options["queries"])
        return queryset, {"corpus": corpus_fingerprint(corpus)}
    queryset = read_query_set(home, options["set_name"], split=options["split"])
    return queryset, {"query_set": queryset.name, "query_set_version": queryset.version}


def _searcher(
    stack: "ExitStack",
    home: Home,
    corpus: Path | None,
    queryset: "QuerySet",
    options: dict[str, Any],
    progress: Any,
) -> Any:
    """What is searched, closed with the stack."""
    from eval.experiments.targets import Choices, HttpSearcher, LocalSearcher, scratch_collection, served_collection
    from indexing.home import default_key

    of_set = queryset.partition
    collection = options["collection"] or (None if of_set is None else of_set.collection)
    if options["url"] and options["conversation"]:
        raise click.UsageError(
            "--conversation chooses a view in this process; an API at --url counts a chat's turns by its own recipe."
        )
    if options["url"]:
        name = collection or ("" if corpus is None else corpus.resolve().name)
        http = HttpSearcher(options["url"], options["key"] or default_key(home), name)
        stack.callback(http.close)
        return http
    if collection or corpus is None:
        place = (collection or "",) if of_set is None else (collection or "", of_set.tenant)
        opened_collection = served_collection(home, *place, conversation=options["conversation"])
    else:
        ensure_model(home)
        named = ("model", "view", "precision", "language", "conversation")
        choices = Choices(**{name: options[name] for name in named})
        opened_collection = scratch_collection(home, corpus, choices, on_progress=progress)
    return LocalSearcher(*stack.enter_context(opened_collection))
