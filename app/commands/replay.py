"""``groundwork replay``: answer requests of the ledger again, as they were answered or by another recipe."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from indexing.commands.moments import since_option, until_option
from indexing.commands.numbers import POSITIVE
from indexing.commands.root import cli as root
from indexing.commands.terminal import as_json, opened, print_json, print_table, progress_bar
from indexing.process_start import ENCODING, require_memory
from indexing.settings import Settings

if TYPE_CHECKING:
    from app.services.replay import NotReplayable, Replayed
    from app.services.traffic_replay import Agreement, QueryAgreement
    from indexing.home import Home
    from indexing.ledger.records import RequestRow

_SHOWN = 50
"""Queries that are listed for a person; a program gets all (--json). Our choice."""
_EXIT_DIFFERENT = 1
"""How the command ends where a request was answered in another way than then."""


@root.command()
@click.argument("query_id", required=False)
@click.option("--request-id", help="Every request with this x-request-id of the caller, instead of a query_id.")
@since_option
@until_option
@click.option("--tenant", help="Requests of this tenant alone.")
@click.option(
    "--candidate", type=POSITIVE, metavar="RECIPE", help="Let the newest release of this recipe answer, and compare."
)
@click.option(
    "--limit", default=1000, show_default=True, type=click.IntRange(1, 1_000_000), help="Requests at most, newest."
)
@as_json
@click.pass_obj
def replay(
    settings: Settings,
    query_id: str | None,
    request_id: str | None,
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
    candidate: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Answer the request QUERY_ID of the ledger again, and say whether hits, order and scores are the same to the bit.

    QUERY_ID is the query_id of an answer, or a ledger id. Instead of it, --request-id or a period (--from, --to) choose
    requests. With --candidate, another recipe answers them: how far it agrees with what was served, query by query.
    Where a request cannot be answered as it was, it says why. Ends with 1 if an answer differs.
    """
    require_memory(ENCODING, "groundwork replay")
    has_period = since is not None or until is not None
    if (query_id is None) == (request_id is None and not has_period):
        raise click.UsageError("Give either QUERY_ID, or --request-id or a period (--from, --to).")
    with opened(settings) as home:
        rows = _chosen(home, query_id, request_id, since, until, tenant, limit)
        if candidate is None:
            _replay(home, rows, as_json)
        else:
            _compare(home, rows, candidate, as_json)


def _chosen(
    home: "Home",
    query_id: str | None,
    request_id: str | None,
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
    limit: int,
) -> "list[RequestRow]":
    """The rows that are meant, oldest first; of a period what callers were answered, neither shadows nor model calls.

    Raises:
        NotFound: there is none.
    """
    from indexing.errors import NotFound
    from indexing.ledger.ids import find_ledger_id
    from indexing.ledger.readers import requests_named, requests_of, served_request
    from indexing.ledger.records import ANSWER_KINDS

    if query_id is not None:
        ledger_id = find_ledger_id(query_id)
        row = None if ledger_id is None else served_request(home.ledger, ledger_id)
        rows = [] if row is None or tenant not in (None, row.tenant) else [row]
    elif request_id is not None:
        rows = requests_named(home.ledger, request_id, since, until, tenant=tenant)[-limit:]
    else:
        newest = requests_of(home.ledger, tenant, since, until, kinds=ANSWER_KINDS, limit=limit, newest_first=True)
        rows = list(newest)[::-1]
    if not rows:
        raise NotFound(
            "The ledger has no such request: its row was dropped or lost, or its day is no longer kept, or there never"
            " was one. See 'groundwork ledger days'."
        )
    return rows


def _replay(home: "Home", rows: "Sequence[RequestRow]", as_json: bool) -> None:
    from app.services.replay import Replayer

    replayer, found = Replayer(home), []
    with progress_bar(quiet=as_json or len(rows) == 1) as tell:
        for done, row in enumerate(rows, 1):
            found.append(replayer.replay(row))
            tell("replay", done, len(rows))
    if as_json:
        print_json([_as_json(one) for one in found])
    elif len(found) == 1:
        _show(found[0])
    else:
        _show_all(found)
    if any(_outcome(one) == _DIFFERENT for one in found):
        raise SystemExit(_EXIT_DIFFERENT)


_IDENTICAL, _DIFFERENT = "identical", "different"


def _outcome(found: "Replayed | NotReplayable") -> str:
    from app.services.replay import Replayed

    if isinstance(found, Replayed):
        return _IDENTICAL if found.is_identical else _DIFFERENT
    return found.reason


def _as_json(found: "Replayed | NotReplayable") -> dict[str, Any]:
    from dataclasses import asdict

    from app.services.replay import Replayed

    row = found.row
    value: dict[str, Any] = {
        "id": str(row.id),
        "request_id": row.request_id,
        "tenant": row.tenant,
        "release": row.release,
        "outcome": _outcome(found),
    }
    if isinstance(found, Replayed):
        hits = [asdict(hit) for hit in found.hits]
        return value | {"differences": found.differences, "notes": found.notes, "hits": hits}
    return value | {"message": found.message}


def _show(found: "Replayed | NotReplayable") -> None:
    from app.services.replay import Replayed

    row = found.row
    click.echo(f"request {row.id} of tenant {row.tenant}, collection {row.collection}, release {row.release}")
    if not isinstance(found, Replayed):
        click.echo(f"cannot be replayed ({found.reason}): {found.message}")
        return
    table: list[list[object]] = [
        [
            rank,
            hit.document_id,
            f"{hit.start}:{hit.end}",
            *map(_number, (hit.score, hit.dense, hit.lexical, hit.rerank)),
        ]
        for rank, hit in enumerate(found.hits, 1)
    ]
    print_table("hits", ["rank", "document", "passage", "score", "dense", "lexical", "rerank"], table)
    for line in (*found.notes, *found.differences):
        click.echo(line)
    if found.is_identical:
        click.echo(f"identical: {len(found.hits)} hits, the same order and the same scores to the bit")
    else:
        click.echo("different: this must not be; please report it with the output of --json")


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _show_all(found: "Sequence[Replayed | NotReplayable]") -> None:
    counts = Counter(_outcome(one) for one in found)
    print_table("replayed", ["outcome", "requests"], [[name, f"{count:,}"] for name, count in counts.most_common()])
    odd: list[list[object]] = [
        [one.row.id, one.row.release, _outcome(one), _why(one)] for one in found if _outcome(one) != _IDENTICAL
    ]
    if odd:
        print_table(f"the first {min(len(odd), _SHOWN)} others", ["request", "release", "outcome", "why"], odd[:_SHOWN])


def _why(found: "Replayed | NotReplayable") -> str:
    from app.services.replay import Replayed

    return found.differences[0] if isinstance(found, Replayed) else found.message


def _compare(home: "Home", rows: "Sequence[RequestRow]", candidate: int, as_json: bool) -> None:
    from app.services.replay import Replayer
    from app.services.traffic_replay import compare_traffic
    from indexing.releases.release import find_release

    release = find_release(home.catalogue, str(candidate))
    with progress_bar(quiet=as_json) as tell:
        found = compare_traffic(Replayer(home), rows, release, lambda done: tell("compare", done, len(rows)))
    if as_json:
        print_json(
            {
                "candidate": found.candidate,
                "queries": len(found.queries),
                "same": found.same,
                "overlap_at_10": found.overlap,
                "rbo": found.rbo,
                "skipped": found.skipped,
                "by_query": [_agreement_json(one) for one in found.queries],
            }
        )
    else:
        _show_agreement(found)


def _agreement_json(one: "QueryAgreement") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one) | {"gained": one.gained, "lost": one.lost, "is_same": one.is_same}


def _show_agreement(found: "Agreement") -> None:
    skipped = ", ".join(f"{reason} {count:,}" for reason, count in sorted(found.skipped.items())) or "none"
    print_table(
        f"release {found.candidate} beside what was served",
        ["queries", "the same ten", "overlap@10", "RBO", "left out"],
        [[f"{len(found.queries):,}", f"{found.same:,}", _mean(found.overlap), _mean(found.rbo), skipped]],
    )
    changed = sorted((one for one in found.queries if not one.is_same), key=lambda one: one.rbo)
    rows: list[list[object]] = [
        [_asked(one), f"{one.overlap:.2f}", f"{one.rbo:.2f}", "\n".join(one.gained), "\n".join(one.lost)]
        for one in changed[:_SHOWN]
    ]
    if rows:
        title = f"the {len(rows)} of {len(changed):,} changed queries that agree least"
        print_table(title, ["query", "overlap@10", "RBO", "gained", "lost"], rows)


def _asked(one: "QueryAgreement") -> str:
    from indexing.ledger.records import asked_text

    return asked_text(one.query) or "a vector"


def _mean(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
