"""``groundwork search``: a search of the release in service with all that was written since, in this process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from app.commands.filter_option import filter_option
from indexing.catalogue.collections import collection_sizes
from indexing.commands.numbers import FiniteRange
from indexing.commands.root import cli as root
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import collection_option, opened, print_json, tenant_option
from indexing.home import Home
from indexing.process_start import ENCODING, require_memory
from indexing.records import MODES, Partition
from indexing.settings import Settings

if TYPE_CHECKING:
    from app.live.layer import LiveLayer
    from app.retrieval.hits import Result
    from app.retrieval.query import Matching
    from app.serving.release import ServingRelease

MOST = 1000
"""Hits of one search, and the last rank before them; as the API has it."""


@root.command()
@click.argument("query")
@collection_option
@tenant_option
@click.option("-k", default=5, show_default=True, type=click.IntRange(1, MOST), help="How many hits.")
@click.option("--offset", default=0, type=click.IntRange(0, MOST), help="How many hits to pass over.")
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True)
@click.option("--passages", is_flag=True, help="List every passage that matches, not only the best of each document.")
@filter_option
@click.option(
    "--principal",
    "principals",
    multiple=True,
    help="Only what this user, group or role may see; several together. By default all is searched.",
)
@click.option("--min-score", type=FiniteRange(0.0, 1.0), help="Leave out hits of a lower score.")
@click.option("--collapse", is_flag=True, help="Show near-duplicates once.")
@json_option
@click.pass_obj
def search(
    settings: Settings,
    query: str,
    collection: str,
    tenant: str,
    k: int,
    offset: int,
    mode: str,
    passages: bool,
    filters: tuple[str, ...],
    principals: tuple[str, ...],
    min_score: float | None,
    collapse: bool,
    as_json: bool,
) -> None:
    """Search a collection of the release in service, and what was written since, in this process.

    Writes that no build holds yet are read from the catalogue, as a server that starts does. Their vectors are there
    where a server has computed them; others are computed here, for 10 seconds at most. What waits for a build is not
    found, and standard error says how many documents that are.
    """
    require_memory(ENCODING, "groundwork search")
    from app.retrieval.query import Query
    from app.retrieval.retriever import Retriever
    from app.serving.release_opening import open_in_service
    from indexing.errors import InvalidInput

    if not query.strip():
        raise InvalidInput("The query is empty: say what to look for.")
    picked = _matching(filters, principals)
    with opened(settings) as home:
        built, partition = open_in_service(home), Partition(tenant, collection)
        _require_collection(home, partition)
        live, serving = _with_fresh_writes(home, built)
        asked = Query(
            query,
            k,
            mode,
            not passages,
            None,
            picked,
            offset=offset,
            min_score=min_score,
            collapse=collapse,
        )
        result = Retriever().begin(serving, partition, asked).result()
        seq, waiting = live.reached(serving, partition), live.count_waiting(tenant)
    if as_json:
        _print_answer(result, serving, seq)
    else:
        _print_hits(result, serving)
    if waiting:
        click.echo(
            f"{waiting} documents of this tenant wait for a build: run 'groundwork build' to find them.", err=True
        )


def _matching(filters: Sequence[str], principals: Sequence[str]) -> "Matching | None":
    """Which documents may be found; all, where nothing is said.

    Raises:
        InvalidInput: a filter is not as it must be.
    """
    from app.retrieval.filters import matching
    from app.schemas.filter_texts import filter_from

    if not filters and not principals:
        return None
    return matching(filter_from(filters) if filters else None, principals or None)


def _require_collection(home: Home, partition: Partition) -> None:
    from indexing.catalogue.tenants import read_tenant
    from indexing.errors import NotFound

    read_tenant(home.catalogue, partition.tenant)
    sizes = collection_sizes(home.catalogue, partition.tenant)
    if partition.collection not in sizes:
        known = ", ".join(sizes) or "none"
        raise NotFound(f"Collection {partition.collection!r} does not exist; this tenant has: {known}.")


def _with_fresh_writes(home: Home, built: "ServingRelease") -> "tuple[LiveLayer, ServingRelease]":
    """The release with what was written since, as a server has it that takes it over now."""
    from app.live.layer import LiveLayer

    live = LiveLayer(home)
    with live.taking_over(built) as serving:
        pass
    return live, serving


def _print_answer(result: "Result", serving: "ServingRelease", seq: int) -> None:
    from app.schemas.search import answer_of

    answer = answer_of(result, serving.release.number, serving.snapshot.id, "", query_id="", seq=seq)
    del answer["request_id"], answer["query_id"]  # no request, and nothing of it in the ledger
    print_json(answer)


def _print_hits(result: "Result", serving: "ServingRelease") -> None:
    for hit in result.hits:
        path = " > ".join([hit.passage.title, *hit.passage.headings[-1:]])
        same = f"  (and {len(hit.near_duplicates)} like it)" if hit.near_duplicates else ""
        click.echo(f"{hit.rank}. {hit.score:.3f}  {path}  [{hit.passage.document_id}]{same}")
        click.echo(f"   {' '.join([*hit.passage.table_heading.split(), *hit.passage.text.split()])[:160]}")
    for warning in result.warnings:
        click.echo(warning, err=True)
    click.echo(f"release {serving.release.number}, {result.timings_ms['total']:.1f} ms", err=True)
