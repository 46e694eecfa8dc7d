"""How soon is a canary that answers badly taken back under load, by itself, and how many users did it touch?

Two API processes serve the helpdesk articles over a real Redis. Beside them run ``groundwork worker``, ``groundwork
beat``, which runs the schedule, and ``groundwork builder``, whose watcher asks the canary's judge each minute. Users in
closed loop ask the judged questions over HTTP and say *nothing answered it*, by ``POST /v1/feedback``, with a chance
that depends on whether an article that answers was among the first hits. A recipe that reads only the beginning of each
document gets 20 % of the users by the operator's command. Nothing else is done: the watcher takes it back.

Reported: seconds from the first answer of the candidate, and from its first bad one, to the decision and to the last
answer of the candidate; users that had it; requests that failed; and the reason that is stored.

Usage: nice python -m benchmarks.faults.quality_rollback [--models HOME] [--seconds 170]
"""

import argparse
import contextlib
import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx

from benchmarks.harness.cluster import RedisServer, Setup, Worker
from benchmarks.harness.damages import DAMAGED
from benchmarks.harness.http_load import Connection, running
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import take_models
from benchmarks.harness.server import run_command, served_home
from benchmarks.harness.services import Service
from benchmarks.harness.simulated_canary import GRUMPY, SHARE, SHOWN, UNHAPPY
from benchmarks.harness.waiting import wait_for
from eval.datasets.query_sets import load_queryset
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.process_lease import seen
from indexing.catalogue.watcher_lease import watcher_seen
from indexing.home import Home, default_key, open_home
from indexing.records import Json, Partition
from indexing.releases.gate import list_verdicts
from indexing.releases.recipe_choices import recipe_in_service
from indexing.releases.rollouts import find_rollout, list_rollouts
from indexing.releases.transitions import list_transitions
from indexing.settings import Settings
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source

CORPUS = Path(__file__).parents[2] / "corpora" / "helpdesk"
PARTITION = Partition("default", "helpdesk")
CANDIDATE = "truncated context"
WORKERS = 2
USERS = 800
READY_SECONDS = 60.0
AFTER_SECONDS = 5.0
"""Of load after the rollback, in which the candidate must answer no more."""
ALONE_SECONDS = 10.0
"""Of load before the canary."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: when it came (Unix time), to whom, from which recipe, and whether an answering article was shown."""

    at: float
    user: str
    recipe: int
    is_good: bool


class JudgingUser:
    """Asks judged questions in the name of users, one after another, and says where nothing answered."""

    def __init__(
        self, number: int, url: str, key: str, queries: Mapping[str, str], qrels: Mapping[str, Mapping[str, int]]
    ) -> None:
        """Ask ``url`` with ``key``; ``qrels`` say which articles answer a question."""
        self.told: list[Told] = []
        self.failed: list[str] = []
        self.feedback = 0
        self.connection = Connection(url)
        self._key, self._queries, self._qrels = key, list(queries.items()), qrels
        self._chance = random.Random(700 + number)

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop."""
        while not stop.is_set():
            try:
                self._ask()
            except httpx.TransportError as error:
                self.failed.append(f"connection: {error!r}")
                stop.wait(0.05)
        self.connection.close()

    def _ask(self) -> None:
        user, (query, text) = f"user-{self._chance.randrange(USERS)}", self._chance.choice(self._queries)
        body = {"query": text, "collection": PARTITION.collection, "k": 10, "user": user}
        answer = self.connection.send("search", "POST", "/v1/search", self._key, body)
        if answer.status_code != httpx.codes.OK:
            self.failed.append(f"search: {answer.status_code} {answer.text[:200]}")
            return
        found = answer.json()
        is_good = any(self._qrels[query].get(hit["document_id"], 0) > 0 for hit in found["hits"][:SHOWN])
        self.told.append(Told(time.time(), user, int(found["release"].partition(".")[0]), is_good))
        if self._chance.random() < (GRUMPY if is_good else UNHAPPY):
            self._say(found["query_id"], user)

    def _say(self, query_id: str, user: str) -> None:
        event = {
            "action_name": "not_answered",
            "query_id": query_id,
            "timestamp": datetime.now(UTC).isoformat(),
            "user_id": user,
        }
        answer = self.connection.send("feedback", "POST", "/v1/feedback", self._key, event)
        if answer.is_success:
            self.feedback += 1
        else:
            self.failed.append(f"feedback: {answer.status_code} {answer.text[:200]}")


def prepare(path: Path, models: Path | None) -> tuple[str, int]:
    """A home that serves, and a damaged recipe built beside it; gives a key and that recipe's number."""
    with contextlib.closing(open_home(Settings(home=path))) as home:
        take_models(home, models)
        ingest(home.catalogue, open_source(CORPUS / "corpus.jsonl", "jsonl"), PARTITION)
        build(prepare_build(home, recipe_in_service(home)))
        damage = next(one for one in DAMAGED if one.name == CANDIDATE)
        damaged = build(prepare_build(home, damage.recipe(home, recipe_in_service(home))))
        return default_key(home), damaged.release.recipe


@contextlib.contextmanager
def work_beside(path: Path, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A worker, beat and a builder of a home until the block ends.

    The block begins once beat runs the schedule, and a rollout would be watched.

    Raises:
        SystemExit: one of them is not there within ``READY_SECONDS``.
    """
    with contextlib.ExitStack() as stack:
        worker = Worker(path, environment, folder / "worker.log")
        stack.callback(worker.kill)
        worker.wait_until_ready(READY_SECONDS)
        home = stack.enter_context(contextlib.closing(open_home(Settings(home=path))))
        for name, is_seen in (
            ("beat", partial(seen, home.catalogue, "schedule_lease")),
            ("builder", partial(watcher_seen, home.catalogue)),
        ):
            service = Service(path, environment, folder / f"{name}.log", name)
            stack.callback(service.kill)
            try:
                wait_for(lambda is_seen=is_seen: is_seen() is not None, READY_SECONDS, name)
            except TimeoutError as error:
                raise SystemExit(f"{error}: {service.said()[-2000:]}") from error
        yield


def canary(path: Path, candidate: int, seconds: float) -> None:
    """Give the candidate its share, and wait until the watcher took it back, or the time is over."""
    run_command(path, "rollouts", "propose", str(candidate), "--reason", "measured")
    run_command(path, "rollouts", "canary", "--share", str(SHARE), "--unit", "user", "--reason", "measured")
    with contextlib.closing(open_home(Settings(home=path))) as home:
        (rollout,) = list_rollouts(home.catalogue)
        until = time.monotonic() + seconds
        while find_rollout(home.catalogue, rollout.id).state == "canary" and time.monotonic() < until:
            time.sleep(0.1)


def outcome(home: Home, candidate: int, told: Sequence[Told]) -> dict[str, Json]:
    """What became of the canary, and what users saw of it."""
    (rollout,) = list_rollouts(home.catalogue)
    last = list_transitions(home.catalogue, rollout.id)[-1]
    decided = datetime.fromisoformat(last.at).timestamp()
    theirs = [one for one in told if one.recipe == candidate]
    bad = [one for one in theirs if not one.is_good]
    ends = {"decision": decided, "last_answer_of_the_candidate": max((one.at for one in theirs), default=decided)}
    begins = {"first_answer": theirs, "first_bad_answer": bad}
    shares = {
        name: round(sum(not one.is_good for one in mine) / max(len(mine), 1), 3)
        for name, mine in (("candidate", theirs), ("in_service", [one for one in told if one.recipe != candidate]))
    }
    return {
        "state": rollout.state,
        "by": last.actor,
        "reason": last.reason,
        "seconds": {
            f"{begin}_to_{end}": round(at - mine[0].at, 1)
            for begin, mine in begins.items()
            if mine
            for end, at in ends.items()
        },
        "answers_of_the_candidate": len(theirs),
        "bad_answers_of_the_candidate": len(bad),
        "users_touched": len({one.user for one in theirs}),
        "users_with_a_bad_answer": len({one.user for one in bad}),
        "users": USERS,
        "share_of_bad_answers": shares,
        "verdicts": [
            {"kind": one.kind, "verdict": one.verdict, "reasons": list(one.reasons), "at": one.at}
            for one in list_verdicts(home.catalogue, candidate)
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=170.0, help="That the canary lasts at most.")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--models", type=Path, metavar="HOME", help="Take its models; by default the default model.")
    parser.add_argument("--data", help=argparse.SUPPRESS)  # run_all.py gives it to all; nothing of it is needed here
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    judged = load_queryset(CORPUS)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "home"
        key, candidate = prepare(path, options.models)
        redis = RedisServer(Path(place))
        environment = Setup().environment(redis.url)
        with (
            contextlib.closing(redis),
            served_home(path, WORKERS, environment=environment) as server,
            work_beside(path, Path(place), environment),
        ):
            users = [
                JudgingUser(number, server.url, key, judged.queries, judged.qrels) for number in range(options.clients)
            ]
            with running(*users):
                time.sleep(ALONE_SECONDS)
                canary(path, candidate, options.seconds)
                time.sleep(AFTER_SECONDS)
        told = sorted((one for user in users for one in user.told), key=lambda one: one.at)
        failed = [one for user in users for one in user.failed]
        with contextlib.closing(open_home(Settings(home=path))) as home:
            found = outcome(home, candidate, told)
    result = {
        "candidate": CANDIDATE,
        "share": SHARE,
        "requests": len(told),
        "feedback": sum(user.feedback for user in users),
        "failed": len(failed),
        "first_failed": failed[:5],
        **found,
    }
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("quality_rollback", result)
    if failed or found["state"] != "rolled_back":
        raise SystemExit("What must hold does not: see above.")


if __name__ == "__main__":
    main()
