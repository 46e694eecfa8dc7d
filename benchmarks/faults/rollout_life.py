"""A recipe's whole life under load: prepared, shadowed, given shares, promoted, taken back; and the ledger's word.

Two API processes serve the helpdesk articles and a collection that clients change all the time. Recipe B cuts other
passages and weighs the legs otherwise. It is built beside recipe A, shadows it, gets a share of users, goes live, and
is rolled back by the commands that an operator uses. Askers send real questions in the name of many users and keep
which release answered each; the other clients write, delete and check that nothing deleted comes back and nothing new
is lost.

What must hold: no request fails; each user keeps the recipe that the share gave it, and keeps B as the share grows; the
candidate's part is its share; every answer's release is the one that the ledger says; replayed requests give the same
hits with the same scores, to the bit.

Usage: python -m benchmarks.faults.rollout_life [--seconds 60] [--askers 4] [--clients 3] [--replays 200]
    [--models HOME] [--dry]
"""

import argparse
import contextlib
import itertools
import json
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.services.replay import NotReplayable, Replayer
from benchmarks.harness.checked_client import COLLECTION, TENANTS, Client
from benchmarks.harness.held_lease import held_lease
from benchmarks.harness.http_load import running
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import build_other_recipe, take_models
from benchmarks.harness.server import Server, run_command, served_home
from benchmarks.harness.timing import percentiles
from benchmarks.harness.user_askers import HELPDESK, Told, UserAsker, ledger_word
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.collections import create_collection
from indexing.catalogue.tenants import change_limits, create_tenant
from indexing.commands.terminal import progress_bar
from indexing.home import Home, open_home
from indexing.ledger.readers import requests_of
from indexing.ledger.records import RequestRow
from indexing.records import Partition
from indexing.releases.recipe_choices import recipe_in_service
from indexing.settings import Settings
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source

WORKERS = 2
ARTICLES = Path(__file__).parents[2] / "corpora" / "helpdesk" / "articles"
QUESTIONS = Path(__file__).parents[2] / "corpora" / "helpdesk" / "queries.jsonl"
SHARES = (0.05, 0.5)
SETTLE_SECONDS = 1.0
"""After a decision, until every process follows it."""


def prepare(path: Path, articles: Path, models: Path | None) -> dict[str, str]:
    """A home in which recipe A serves; gives the tenants' keys. The tenants let their queries be logged."""
    with contextlib.closing(open_home(Settings(home=path))) as home:
        take_models(home, models)
        for tenant in TENANTS:
            create_tenant(home.catalogue, tenant)
            change_limits(home.catalogue, tenant, {"log_queries": True})
            create_collection(home.catalogue, Partition(tenant, COLLECTION))
            ingest(home.catalogue, open_source(articles, "tree"), Partition(tenant, HELPDESK))
        keys = {tenant: create_key(home.catalogue, tenant, scopes=("search", "write"))[1] for tenant in TENANTS}
        build(prepare_build(home, recipe_in_service(home)))
    return keys


@contextlib.contextmanager
def phase_of(phase: list[str], name: str, seconds: float) -> Iterator[None]:
    """A phase: what the block decides, a moment until all follow, and so many seconds under its name."""
    phase[0] = ""
    yield
    time.sleep(SETTLE_SECONDS)
    phase[0] = name
    time.sleep(seconds)
    phase[0] = ""


def live(path: Path, phase: list[str], seconds: float, progress: Any) -> int:
    """The life of recipe B while the clients work; each phase takes a sixth of the time. Gives B's number."""
    each = seconds / 6
    steps = itertools.count(1)

    def step() -> None:
        progress("phases", next(steps), 6)

    with phase_of(phase, "A alone", each):
        other = build_other_recipe(path)
    step()
    with phase_of(phase, "shadow", each):
        run_command(path, "rollouts", "propose", str(other), "--reason", "the life of a recipe")
        run_command(path, "rollouts", "shadow", "--queries", "1000000", "--decides", "whether it may have a share")
    step()
    first, second = SHARES
    with phase_of(phase, f"share {first}", each):
        run_command(path, "rollouts", "canary", "--share", str(first), "--unit", "user")
    step()
    with phase_of(phase, f"share {second}", each):
        run_command(path, "rollouts", "share", str(second))
    step()
    with phase_of(phase, "B live", each):
        run_command(path, "rollouts", "promote", "--override", "measured")
    step()
    with phase_of(phase, "A again", each):
        run_command(path, "releases", "rollback")
    step()
    return other


def recipe_of(release: str) -> int:
    return int(release.partition(".")[0])


def kept(told: list[Told], other: int) -> dict[str, int]:
    """Users that were given both recipes in one phase, and users that lost B when its share grew."""
    seen: dict[tuple[str, str, str], set[bool]] = defaultdict(set)
    for one in told:
        seen[one.phase, one.tenant, one.user].add(recipe_of(one.release) == other)
    small, large = (f"share {share}" for share in SHARES)
    phases = {"A alone", "shadow", small, large, "B live", "A again"}
    lost = sum(
        1
        for (phase, tenant, user), had in seen.items()
        if phase == small and had == {True} and seen.get((large, tenant, user), {True}) != {True}
    )
    return {
        "users of whom more than one request was answered in a phase by both recipes": sum(
            len(had) > 1 for (phase, _, _), had in seen.items() if phase in phases
        ),
        "users that lost recipe B as its share grew": lost,
    }


def parts(told: list[Told], other: int) -> dict[str, dict[str, float]]:
    """For each phase: requests, units, and the part of both that recipe B answered."""
    found: dict[str, dict[str, float]] = {}
    for phase in dict.fromkeys(one.phase for one in told if one.phase):
        mine = [one for one in told if one.phase == phase]
        users = {(one.tenant, one.user): recipe_of(one.release) == other for one in mine}
        found[phase] = {
            "requests": len(mine),
            "users": len(users),
            "part of the requests": round(sum(recipe_of(one.release) == other for one in mine) / len(mine), 4),
            "part of the users": round(sum(users.values()) / len(users), 4),
        }
    return found


def compare(home: Home, told: list[Told]) -> tuple[dict[str, int], list[RequestRow]]:
    """What the ledger says of each answer that a client has; gives the rows of those it agrees with."""
    word = ledger_word(home.ledger, told)
    shadows = sum(row.kind == "shadow" for row in requests_of(home.ledger))
    counts = {"answers": len(told), "not in the ledger": len(word.missing), "said otherwise": word.otherwise}
    return counts | {"shadows": shadows}, word.same


def replay(home: Home, rows: list[RequestRow], count: int) -> dict[str, Any]:
    """Replay a sample of requests, of every phase alike."""
    chosen = random.Random(7).sample(rows, min(count, len(rows)))
    replayer = Replayer(home)
    outcomes: Counter[str] = Counter()
    first: list[str] = []
    for row in chosen:
        found = replayer.replay(row)
        if isinstance(found, NotReplayable):
            outcomes[f"not replayable: {found.reason}"] += 1
        else:
            outcomes["identical" if found.is_identical else "different"] += 1
            first += [] if found.is_identical else [f"{row.id} of {row.release}: {'; '.join(found.differences[:2])}"]
    return {"requests": len(chosen)} | dict(outcomes) | {"first differences": first[:5]}


def run(path: Path, server: Server, keys: dict[str, str], options: argparse.Namespace, progress: Any) -> dict[str, Any]:
    """The life under load, and what clients and ledger say of it, before the server ends."""
    questions = [json.loads(line)["text"] for line in QUESTIONS.read_text().splitlines()]
    phase = [""]
    pause = {"pause_seconds": options.pause}
    clients = [Client(number, server.url, keys, number, **pause) for number in range(options.clients)]
    askers = [
        UserAsker(number, server.url, keys, questions, lambda: phase[0], **pause) for number in range(options.askers)
    ]
    with (
        running(*clients, *askers),
        contextlib.closing(open_home(Settings(home=path))) as home,
        held_lease(home.catalogue),
    ):
        other = live(path, phase, options.seconds, progress)
    told = [one for asker in askers for one in asker.told]
    problems = [problem for asker in askers for problem in (*asker.refused, *asker.unanswered)]
    problems += [problem for client in clients for problem in client.model.problems]
    for client in clients:  # nothing deleted comes back, nothing new is lost
        for tenant in TENANTS:
            for name in client.model.documents[tenant]:
                client.expect(tenant, name)
    answers = [answer for asker in askers for answer in asker.connection.answers]
    for connection in [client.connection for client in clients] + [asker.connection for asker in askers]:
        connection.close()
    return {
        "told": told,
        "other": other,
        "problems": problems,
        "requests": dict(Counter(answer.kind for client in clients for answer in client.connection.answers)),
        "milliseconds": percentiles([answer.milliseconds for answer in answers], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="In six phases, beside what the commands take.")
    parser.add_argument("--askers", type=int, default=4)
    parser.add_argument("--clients", type=int, default=3, help="That write, delete and check.")
    parser.add_argument(
        "--pause", type=float, default=0.0, metavar="SECONDS", help="Of clients, and of askers between phases."
    )
    parser.add_argument("--replays", type=int, default=200)
    parser.add_argument("--articles", type=Path, default=ARTICLES)
    parser.add_argument("--models", type=Path, metavar="HOME", help="Take its models; by default the default model.")
    parser.add_argument("--data", help=argparse.SUPPRESS)  # run_all.py gives it to all; nothing of it is needed here
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, progress_bar() as progress:
        path = Path(place) / "home"
        keys = prepare(path, options.articles, options.models)
        with served_home(path, WORKERS, log_queries=True) as server:
            seen = run(path, server, keys, options, progress)
        with contextlib.closing(open_home(Settings(home=path))) as home:
            ledger, rows = compare(home, seen["told"])
            replays = replay(home, rows, options.replays)
    told, other, problems = seen["told"], seen["other"], seen["problems"]
    result = {
        "seconds": options.seconds,
        "askers": options.askers,
        "clients that write": options.clients,
        "phases": parts(told, other),
        "stickiness": kept(told, other),
        "ledger": ledger,
        "replays": replays,
        "requests of the clients that write": seen["requests"],
        "milliseconds of an ask": seen["milliseconds"],
        "problems": len(problems),
        "first problems": problems[:10],
    }
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("rollout_life", result)
    if problems or ledger["said otherwise"] or replays.get("different") or any(result["stickiness"].values()):
        raise SystemExit("What must hold does not: see above.")


if __name__ == "__main__":
    main()
