"""Does a rollout survive kill -9? Rounds in each of which one process dies at a random moment of a rollout's life.

A home with two recipes is served by two API processes, a builder that builds all the time, a watcher, and a worker with
Redis. Askers ask in closed loop in the name of users and keep which release answered; a writer writes. In each round
the recipe that is not in service is proposed, becomes a canary with steps, and is promoted, taken back, or both, by the
commands that an operator uses. At a seeded moment something is ended by SIGKILL: an API process, the API's supervisor,
the whole API, the builder, the watcher, the worker, Redis, or each of the operator's own commands in its middle.

What must hold after each round: one live recipe and no open rollout, as the operator (or the watcher) decided; every
API process answers by it; every answer that a client has is in the ledger with its release, or was lost with a killed
process, and then the ledger says so: what it counts as unwritten is at least what the clients miss, and at most that
and the requests that were not answered; a process's rows have no gap, so what is lost is its tail; what was written by
the writer is there and found; nothing ended by itself.

Usage: python -m benchmarks.faults.rollout_kills [--rounds 50] [--seconds 3600] [--seed 20261128] [--askers 4]
    [--about 6] [--kinds KIND ...] [--models HOME] [--dry]
"""

import argparse
import contextlib
import json
import random
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from app.ledger.counters import COUNTS_SUFFIX, read_counts
from benchmarks.harness.acknowledged_writer import TENANT, AcknowledgedWriter
from benchmarks.harness.checked_client import COLLECTION, TENANTS
from benchmarks.harness.http_load import running
from benchmarks.harness.killable_site import API_KINDS, API_PROCESSES, BUILD_KINDS, KINDS, KillableSite, Operator
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import build_other_recipe, take_models
from benchmarks.harness.user_askers import HELPDESK, Told, UserAsker, ledger_word
from benchmarks.harness.waiting import wait_for
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.collections import create_collection
from indexing.catalogue.database import utc_now
from indexing.catalogue.tenants import create_tenant
from indexing.commands.terminal import progress_bar
from indexing.home import Home, open_home
from indexing.ledger.day_totals import day_totals
from indexing.ledger.ids import find_ledger_id, moment_of
from indexing.ledger.readers import requests_of
from indexing.ledger.store import LedgerStore
from indexing.records import Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.rollouts import list_rollouts, read_serving_plan
from indexing.releases.transitions import list_transitions
from indexing.releases.watcher import ACTOR as WATCHER
from indexing.settings import Settings
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source

COMMAND = "command"
"""The kind of a round in which the operator's own commands are killed."""
ARTICLES = Path(__file__).parents[2] / "corpora" / "helpdesk" / "articles" / "api"
QUESTIONS = Path(__file__).parents[2] / "corpora" / "helpdesk" / "queries.jsonl"
STEPS = "steps:\n" + "".join(
    f"  - share: {share}\n    at_least_requests: 50\n    at_least: 1s\n" for share in (0.3, 0.6)
)
PROMOTE = ("rollouts", "promote", "--anyway", "--override", "measured")
BACK = ("releases", "rollback", "--anyway")
"""Also where the builder has not caught up, which is killed while a writer writes."""
DECISIONS = {"promoted": (PROMOTE,), "taken back": (BACK,), "promoted and taken back": (PROMOTE, BACK)}
PAUSES = 0.05, 0.5
"""Between two decisions of the operator: parts of what a round takes."""
SETTLE_SECONDS = 60.0
"""How long until all agree again: a killed API starts anew, on a machine that does other work."""
LOOKS = 4 * API_PROCESSES
"""Answers in a row that must agree, each over a connection of its own: connections are dealt out in turn."""


@dataclass(slots=True)
class Round:
    """What was done in a round and what was found."""

    number: int
    kind: str
    decision: str
    killed_after_seconds: float = 0.0
    kills: int = 0
    ended_as: str = ""
    refused: list[str] = field(default_factory=list)
    answers: int = 0
    unanswered: int = 0
    refused_requests: int = 0
    not_in_the_ledger: int = 0
    counted_as_lost: int = 0
    dropped: int = 0
    oldest_lost_seconds: float = 0.0
    """Before the kill."""
    seconds_until_all_agreed: float = 0.0
    problems: list[str] = field(default_factory=list)


def prepare(path: Path, models: Path | None) -> tuple[dict[str, str], str]:
    """A home in which one recipe serves and another is built; gives the tenants' keys and the model's name."""
    with contextlib.closing(open_home(Settings(home=path, sessions=1))) as home:
        take_models(home, models)
        for tenant in (*TENANTS, TENANT):
            create_tenant(home.catalogue, tenant)
            create_collection(home.catalogue, Partition(tenant, COLLECTION))
        for tenant in TENANTS:
            ingest(home.catalogue, open_source(ARTICLES, "auto"), Partition(tenant, HELPDESK))
        build(prepare_build(home, default_recipe(home)))
        keys = {one: create_key(home.catalogue, one, scopes=("search", "write"))[1] for one in (*TENANTS, TENANT)}
        model = default_recipe(home).model
    build_other_recipe(path)
    return keys, model


class Campaign:
    """Rounds over one site: who asks, who writes, who decides, and what the ledger said before the round."""

    def __init__(self, site: KillableSite, keys: dict[str, str], askers: int, about_seconds: float) -> None:
        """Nothing is asked yet. In the first ``about_seconds`` of a round the moment of the kill is drawn."""
        questions = [json.loads(line)["text"] for line in QUESTIONS.read_text().splitlines()]
        self.site, self.operator = site, Operator(site)
        self.askers = [UserAsker(n, site.url, keys, questions, lambda: "") for n in range(askers)]
        self.writer = AcknowledgedWriter(site.url, keys[TENANT])
        self.told: list[Told] = []
        self._keys, self._questions, self._about_seconds = keys, questions, about_seconds
        self._steps = site.folder / "steps.yaml"
        self._steps.write_text(STEPS)
        self._unwritten = self._dropped = 0

    def play(self, number: int, kind: str, chance: random.Random) -> Round:
        """One round: a life, a kill in it, and what is there afterwards."""
        one = Round(number, kind, chance.choice(list(DECISIONS)))
        since = datetime.now(UTC)
        with running(*self.askers, self.writer), self._killing(one, chance):
            self._live(one, chance)
        one.problems += self.site.ended()
        with contextlib.closing(open_home(Settings(home=self.site.home))) as home:
            self._check_catalogue(home, one)
            self._check_agreement(home, one)
            one.problems += self.writer.problems(API_PROCESSES)
            self._check_ledger(home, one, since)
        return one

    @contextlib.contextmanager
    def _killing(self, one: Round, chance: random.Random) -> Iterator[None]:
        """Kill what the round is about while the block lasts, or right after it; raises what the killing raised."""
        if one.kind == COMMAND:
            yield
            one.kills = self.operator.kills
            return
        moment, mine = chance.uniform(0.0, self._about_seconds), random.Random(chance.random())
        failed: list[BaseException] = []
        began = time.monotonic()

        def kill() -> None:
            time.sleep(moment)
            one.killed_after_seconds, one.kills = round(time.monotonic() - began, 3), 1
            try:
                self.site.kill(one.kind, mine)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        if failed:
            raise failed[0]

    def _live(self, one: Round, chance: random.Random) -> None:
        """A rollout from its proposal to its end, by the commands of an operator."""
        self.operator.refused, self.operator.kills = [], 0
        killing = chance if one.kind == COMMAND else None
        with contextlib.closing(open_home(Settings(home=self.site.home))) as home:
            live = read_serving_plan(home.catalogue, utc_now()).live
        begin = ("rollouts", "propose", str(3 - live)), ("rollouts", "canary", "--anyway", "--steps", str(self._steps))
        self.operator.give(*begin[0], chance=killing)
        self.operator.give(*begin[1], "--unit", "user", chance=killing)
        for command in DECISIONS[one.decision]:
            time.sleep(self._about_seconds * chance.uniform(*PAUSES))
            self.operator.give(*command, chance=killing)
        one.refused = list(self.operator.refused)

    def _check_catalogue(self, home: Home, one: Round) -> None:
        """One recipe is live, no rollout is open, and the last one ended as was decided."""
        plan, found = read_serving_plan(home.catalogue, utc_now()), list_rollouts(home.catalogue)
        last = found[0]
        one.ended_as = last.state
        open_ones = [
            f"{rollout.id} {rollout.state}" for rollout in found if rollout.is_open or rollout.state == "proposed"
        ]
        if open_ones:
            one.problems.append(f"rollouts are not over: {open_ones}")
        live = [rollout for rollout in found if rollout.state == "live"]
        if len(live) > 1 or any(rollout.candidate != plan.live for rollout in live):
            one.problems.append(
                f"recipe {plan.live} is in service, and these say live: {[rollout.id for rollout in live]}"
            )
        wanted = "live" if one.decision == "promoted" else "rolled_back"
        by = list_transitions(home.catalogue, last.id)[-1].actor
        if last.state != wanted and not (by == WATCHER and last.state == "rolled_back"):
            one.problems.append(f"rollout {last.id} is {last.state} by {by}, expected {wanted}")

    def _check_agreement(self, home: Home, one: Round) -> None:
        """Every API process answers by the plan, and says so."""
        live, began = read_serving_plan(home.catalogue, utc_now()).live, time.monotonic()
        said: list[str] = []
        while len(said) < LOOKS:
            word = self._says(live)
            said = [*said, word] if not word else []
            if time.monotonic() - began > SETTLE_SECONDS:
                one.problems.append(f"recipe {live} is in service, and after {SETTLE_SECONDS:.0f} s: {word}")
                return
            if word:
                time.sleep(0.05)
        one.seconds_until_all_agreed = round(time.monotonic() - began, 2)

    def _says(self, live: int) -> str:
        """What one process says otherwise than that this recipe is live and answers; nothing if all is so."""
        probe = UserAsker(len(self.told), self.site.url, self._keys, self._questions, lambda: "")
        try:
            ready = httpx.get(self.site.url + "/readyz", verify=False)
            probe.ask()
        except httpx.TransportError as error:
            return repr(error)
        finally:
            probe.connection.close()
            self.told += probe.told
        roles = {recipe["role"]: recipe["recipe"] for recipe in ready.json().get("recipes", ())}
        if ready.status_code != httpx.codes.OK or roles.get("live") != live or "candidate" in roles:
            return f"/readyz is {ready.status_code} and has {roles}"
        answered = [told.release.partition(".")[0] for told in probe.told]
        return "" if answered == [str(live)] else f"answered by {answered} {probe.refused} {probe.unanswered}"

    def _check_ledger(self, home: Home, one: Round, since: datetime) -> None:
        """The ledger has what clients have, or says how much of it was lost."""
        folder = home.ledger.folder
        try:
            wait_for(lambda: has_all_counted(folder), SETTLE_SECONDS, f"{API_PROCESSES} processes that wrote all rows")
        except TimeoutError as error:
            one.problems.append(f"{error}: {[read_counts(path) for path in folder.glob('*' + COUNTS_SUFFIX)]}")
        told = self._take_told(one)
        word, totals = ledger_word(home.ledger, told, since), day_totals(home.ledger)
        unwritten, dropped = sum(day.unwritten for day in totals), sum(day.dropped for day in totals)
        one.counted_as_lost, one.dropped = unwritten - self._unwritten, dropped - self._dropped
        self._unwritten, self._dropped = unwritten, dropped
        one.answers, one.not_in_the_ledger = len(told), len(word.missing)
        one.problems += list(lost_problems(one))
        if word.otherwise:
            one.problems.append(f"{word.otherwise} answers have another release or tenant in the ledger")
        if word.more > one.unanswered:
            one.problems.append(f"{word.more} answers of the ledger have no client; {one.unanswered} were cut off")
        one.problems += [f"rows are missing inside a process's: {gap}" for gap in gaps(home.ledger, since)]
        self._age_of_lost(one, word.missing, since)

    def _take_told(self, one: Round) -> list[Told]:
        """What all askers were told since the last time."""
        told, self.told = self.told, []
        for asker in self.askers:
            told += asker.told
            one.unanswered += len(asker.unanswered)
            one.refused_requests += len(asker.refused)
            one.problems += [refused for refused in asker.refused if not refused.startswith("ask: 503")][:3]
            asker.told, asker.unanswered, asker.refused = [], [], []
        return told

    def _age_of_lost(self, one: Round, missing: Sequence[Told], since: datetime) -> None:
        ids = [found for told in missing if (found := find_ledger_id(told.query_id)) is not None]
        ages = [one.killed_after_seconds - (moment_of(found) - since).total_seconds() for found in ids]
        one.oldest_lost_seconds = round(max(ages, default=0.0), 3)


def lost_problems(one: Round) -> Iterator[str]:
    """What the clients miss and what the ledger counts as lost must be the same, but for requests cut off."""
    missing, lost = one.not_in_the_ledger, one.counted_as_lost
    if missing > lost + one.dropped:
        yield f"{missing} answers are not in the ledger, which counts {lost} lost and {one.dropped} dropped"
    if lost > missing + one.unanswered + one.refused_requests:
        yield f"the ledger counts {lost} lost; clients miss {missing}, and {one.unanswered} were cut off"
    if lost and one.kind not in API_KINDS:
        yield f"{lost} rows were lost, and no API process was killed"


def has_all_counted(folder: Path) -> bool:
    """Whether as many processes count as serve, and all have written what they were handed."""
    try:
        counts = [read_counts(path) for path in folder.glob(f"*{COUNTS_SUFFIX}")]
    except FileNotFoundError:  # one was settled meanwhile
        return False
    return len(counts) == API_PROCESSES and not any(one.lost for one in counts)


def gaps(ledger: LedgerStore, since: datetime) -> list[str]:
    """Processes of which rows are missing between others."""
    numbers = defaultdict(set)
    for row in requests_of(ledger, since=since):
        numbers[row.process].add(row.number)
    spans = {process: max(found) - min(found) + 1 for process, found in numbers.items()}
    return [
        f"{process}: {spans[process] - len(found)}"
        for process, found in numbers.items()
        if spans[process] != len(found)
    ]


def summary(rounds: Sequence[Round]) -> dict[str, object]:
    """The rounds by kind and in all."""
    by_kind = {}
    for kind in dict.fromkeys(one.kind for one in rounds):
        mine = [one for one in rounds if one.kind == kind]
        by_kind[kind] = {
            "rounds": len(mine),
            "kills": sum(one.kills for one in mine),
            "answers": sum(one.answers for one in mine),
            "requests cut off": sum(one.unanswered for one in mine),
            "answers not in the ledger": sum(one.not_in_the_ledger for one in mine),
            "counted as lost": sum(one.counted_as_lost for one in mine),
            "most lost in a round": max(one.counted_as_lost for one in mine),
            "oldest lost, seconds before the kill": max(one.oldest_lost_seconds for one in mine),
            "most seconds until all agreed": max(one.seconds_until_all_agreed for one in mine),
        }
    return {
        "rounds": len(rounds),
        "kills": sum(one.kills for one in rounds),
        "answers": sum(one.answers for one in rounds),
        "answers not in the ledger": sum(one.not_in_the_ledger for one in rounds),
        "counted as lost": sum(one.counted_as_lost for one in rounds),
        "ended as": dict(Counter(f"{one.decision}: {one.ended_as}" for one in rounds)),
        "problems": sum(len(one.problems) for one in rounds),
        "by kind": by_kind,
    }


def play_all(campaign: Campaign, options: argparse.Namespace) -> list[Round]:
    """The rounds, until they are done or the time is over; every kind as often as the others."""
    rounds: list[Round] = []
    end = time.monotonic() + options.seconds
    with progress_bar() as progress:
        while len(rounds) < options.rounds and time.monotonic() < end:
            number = len(rounds)
            turn, place = divmod(number, len(options.kinds))
            kinds = random.Random(f"{options.seed} turn {turn}").sample(options.kinds, len(options.kinds))
            rounds.append(campaign.play(number + 1, kinds[place], random.Random(f"{options.seed} round {number}")))
            progress("rounds", number + 1, options.rounds)
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=3600.0, help="Begin no round after this time.")
    parser.add_argument("--seed", type=int, default=20261128)
    parser.add_argument("--askers", type=int, default=4)
    parser.add_argument("--about", type=float, default=6.0, help="Seconds that a round takes; kills come within them.")
    parser.add_argument("--kinds", nargs="+", choices=(*KINDS, COMMAND), default=[*KINDS, COMMAND], metavar="KIND")
    parser.add_argument("--models", type=Path, metavar="HOME", help="Take its models; by default the default model.")
    parser.add_argument("--data", help=argparse.SUPPRESS)  # run_all.py gives it to all; nothing of it is needed here
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        keys, model = prepare(folder / "home", options.models)
        has_workers = not set(BUILD_KINDS).isdisjoint(options.kinds)
        with KillableSite(folder / "home", folder, has_workers=has_workers) as site:
            campaign = Campaign(site, keys, options.askers, options.about)
            rounds = play_all(campaign, options)
    result = {
        "seed": options.seed,
        "model": model,
        "asked for": options.rounds,
        **summary(rounds),
        "writes acknowledged": campaign.writer.acknowledged,
        "each round": [asdict(one) for one in rounds],
    }
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("rollout_kills", result)
    if result["problems"]:
        raise SystemExit(f"What must hold does not, {result['problems']} times: see above.")


if __name__ == "__main__":
    main()
