"""The demo: one pass through Groundwork on the helpdesk corpus, as a user would see it."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

import httpx
from rich.console import Console

from eval.datasets.query_sets import corpus_fingerprint, load_queryset
from eval.demo_gate import play_gate
from eval.demo_rollout import Act
from eval.experiments.experiment import run_experiment
from eval.experiments.targets import LocalSearcher, served_collection
from eval.reports.tables import print_results
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.commands.terminal import progress_bar
from indexing.errors import NotReady, SourceInvalid
from indexing.home import Home, default_key
from indexing.records import Partition
from indexing.releases.recipe_choices import recipe_in_service
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source
from indexing.storage.permissions import SHARED_FILE

QUESTIONS = (
    "my customer's card keeps getting refused, what can they do?",
    "HL-4290 too many requests",
    "can I get my money back for the yearly plan",
)
_START_SECONDS = 60.0
"""How long the server may take until it is ready. Our choice."""


def run_demo(home: Home, corpus: Path, collection: str) -> None:
    """Ingest, build, serve, ask, measure, refuse a damaged candidate and report; raises if any step fails.

    Raises:
        SourceInvalid: ``corpus`` is not the demo corpus's folder.
        NotReady: the API did not come up.
    """
    out = Console()
    if not (corpus / "articles").is_dir():
        raise SourceInvalid(
            f"{corpus} holds no folder 'articles': run the demo in the project's folder, or give --corpus."
        )
    out.rule("documents in")
    partition = Partition(DEFAULT_TENANT, collection)
    report = ingest(home.catalogue, open_source(corpus / "articles", "tree"), partition, prune=True)
    out.print(
        f"{report.documents} articles in collection {collection} ({report.added} new, {report.unchanged} unchanged)"
    )
    out.rule("snapshot out")
    with progress_bar() as progress:
        built = build(prepare_build(home, recipe_in_service(home), on_progress=progress))
    out.print(
        f"release {built.release.number}, snapshot {built.release.snapshot}: {built.passages} passages,"
        f"\n{built.embeddings_computed} embeddings computed in {built.seconds:.1f} s"
    )
    out.rule("answers over HTTP")
    with _served(home) as url:
        for question in QUESTIONS:
            query_id = _ask(out, url, default_key(home), collection, question)
        out.print(f"\nthe ledger knows this last answer by its query_id\n  {query_id}", highlight=False)
        out.rule("a second recipe")
        body = {"query": QUESTIONS[0], "collection": collection, "k": 10}
        Act(out, home, url, default_key(home), body).play()
    out.rule("measured")
    queryset = load_queryset(corpus)
    with served_collection(home, collection) as (serving, _):
        searcher = LocalSearcher(serving, partition)
        inputs = {**searcher.inputs(), "corpus": corpus_fingerprint(corpus)}
        print_results(run_experiment(queryset, searcher, modes=("hybrid", "dense", "lexical"), inputs=inputs))
    out.rule("a damaged candidate")
    play_gate(out, home, corpus, partition)


def _ask(out: Console, url: str, key: str, collection: str, question: str) -> str:
    """Ask a question and print its hits; gives the answer's query id."""
    response = httpx.post(
        f"{url}/v1/search",
        json={"query": question, "collection": collection, "k": 3},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30.0,
    )
    response.raise_for_status()
    answer = response.json()
    out.print(f"\n[bold]{question}[/bold]\n  (release {answer['release']}, {answer['timings_ms']['total']:.1f} ms)")
    for hit in answer["hits"]:
        text = shorten(hit["text"], 72, placeholder=" ...")
        out.print(f"  {hit['rank']}. {hit['score']:.2f}  {hit['title']}\n     {text}", markup=False, highlight=False)
    query_id: str = answer["query_id"]
    return query_id


@contextmanager
def _served(home: Home) -> Iterator[str]:
    """The API as a process of its own on a free port, ready; ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("groundwork", path=str(Path(sys.executable).parent)) or "groundwork"
    command = [program, "--home", str(home.path), "serve", "--host", "127.0.0.1", "--port", str(port)]
    log = home.path / "demo-api.log"
    log.touch(mode=SHARED_FILE)
    with log.open("w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=2.0).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise NotReady(f"The API did not become ready at {url}; its log is {log}.")
