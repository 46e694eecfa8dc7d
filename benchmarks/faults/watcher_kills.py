"""Does a canary advance step by step while its watcher is killed? Rounds of a canary whose watchers die by SIGKILL.

A watcher is a process of its own that follows a canary of several steps on a catalogue and a ledger on disk. Around the
moment at which each step is due it is killed, at a seeded moment, and another starts, which waits for the lease
of the dead one. After the last step answers of the candidate fail, and a watcher takes it back, killed likewise. Time
runs faster for watchers than on the clock, so that a lease of 20 s and steps of seconds pass in parts of a second.

What must hold: one transition for each step, in order, none skipped or doubled; one return; the recipe in service is
the one that it was, and there is no other deployment.

Usage: python -m benchmarks.faults.watcher_kills [--rounds 20] [--steps 4] [--kills 2] [--seed 20261129] [--dry]
"""

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.harness.fast_watcher import FastClock, watch
from benchmarks.harness.recording import write_result
from benchmarks.harness.waiting import wait_for
from indexing.catalogue.releases import deployment_rows, stable_recipe
from indexing.catalogue.watcher_lease import LEASE_SECONDS, watcher_seen
from indexing.home import Home, open_home
from indexing.ledger.records import RequestRow
from indexing.releases.observation import SETTLE_SECONDS
from indexing.releases.rollouts import Rollout, Step, find_rollout, list_rollouts
from indexing.releases.transitions import list_transitions
from indexing.releases.watcher import ACTOR
from indexing.settings import Settings
from tests.support.ledger_rows import made_row
from tests.support.rollout_home import BEGIN, RolloutHome

STEP_SECONDS = 20.0
"""How long a step lasts at least, for the watcher."""
STEP_REQUESTS = 700
"""That the candidate must have answered in it: 640 are the fewest whose p99 is compared."""
ROWS = 1500
"""Requests of both arms that are answered within a step, once all processes follow it."""
FIRST_GUESS_SECONDS = 0.3
"""How long a decision takes on the clock once it is due; after the first one as long as the last took. Source: one look
at some thousand rows."""
_THIS = "benchmarks.faults.watcher_kills"
"""This module, which has another name where it runs as a program."""
SPREAD = 1.5
"""Watchers are killed up to so many times that after the moment at which a decision is due: before it, in it, after."""


@dataclass(slots=True)
class Round:
    """What was done in a round and what was found."""

    number: int
    kills: int = 0
    before: int = 0
    """Kills that came before the decision that was due."""
    transitions: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def made_rows(since: datetime, seconds: float, rollout: int, first: int, **of_candidate: int) -> list[RequestRow]:
    """Requests of both arms in turn, each of another user, spread over some seconds of the watcher's."""
    return [
        made_row(
            number,
            since + timedelta(seconds=seconds * (number - first) / ROWS),
            rollout=rollout,
            arm="candidate" if number % 2 else "live",
            unit=f"{number:032x}",
            **of_candidate if number % 2 else {},
        )
        for number in range(first, first + ROWS)
    ]


class Campaign:
    """One round: a home, its canary, and the watchers that come and go."""

    def __init__(self, path: Path, steps: int, kills: int, chance: random.Random, one: Round) -> None:
        """Start the canary, whose clock stands until ``play``; ``kills`` watchers are killed around each decision."""
        self._path, self._steps, self._kills, self._chance, self._one = path, steps, kills, chance, one
        self._rows = 1
        self._usual = FIRST_GUESS_SECONDS
        self._processes = multiprocessing.get_context("forkserver")
        shares = [0.5 + 0.001 * number for number in range(steps)]  # all near what the rows say
        with closing(open_home(Settings(home=path))) as home:
            made = RolloutHome(home.catalogue)
            made.canary(steps=tuple(Step(share, STEP_REQUESTS, STEP_SECONDS) for share in shares), unit="user")
            self._rollout = list_rollouts(home.catalogue)[0].id

    def play(self) -> None:
        """Kill watchers around each decision until all are made; then see what was decided."""
        warm = self._processes.Process(target=time.monotonic)  # later ones start in milliseconds
        warm.start()
        warm.join()
        clock = FastClock(BEGIN, time.monotonic())
        with closing(open_home(Settings(home=self._path))) as home:
            for step in range(self._steps):
                self._answer(home)
                self._through(home, clock, partial(_has_passed, step))
            self._answer(home, status=503)
            self._through(home, clock, lambda one: not one.is_open)
            self._check(home)

    def _answer(self, home: Home, **of_candidate: int) -> None:
        """Answer as many requests as a step needs, after all processes follow it and before it has lasted."""
        begun = datetime.fromisoformat(find_rollout(home.catalogue, self._rollout).since_at)
        since = begun + timedelta(seconds=SETTLE_SECONDS)
        home.ledger.append(made_rows(since, STEP_SECONDS - SETTLE_SECONDS, self._rollout, self._rows, **of_candidate))
        self._rows += ROWS

    def _through(self, home: Home, clock: FastClock, is_done: Callable[[Rollout], bool]) -> None:
        """See one decision through: watchers are killed around it, and the last one may make it."""
        for _ in range(self._kills):
            due = self._due(home)
            process = self._start(clock)
            time.sleep(max(0.0, clock.seconds_until(due) + self._chance.uniform(0.0, SPREAD * self._usual)))
            self._one.before += not is_done(find_rollout(home.catalogue, self._rollout))
            self._kill(process)
            self._one.kills += 1
        due, is_made = self._due(home), is_done(find_rollout(home.catalogue, self._rollout))
        process = self._start(clock)
        try:
            wait_for(lambda: is_done(find_rollout(home.catalogue, self._rollout)), 30.0, "a decision of the watcher")
            if not is_made:
                self._usual = max(0.0, -clock.seconds_until(due))
        finally:
            self._kill(process)

    def _due(self, home: Home) -> datetime:
        """When a decision is due: the lease of the dead watcher is over and the step has lasted."""
        one, seen = find_rollout(home.catalogue, self._rollout), watcher_seen(home.catalogue)
        due = datetime.fromisoformat(one.since_at) + timedelta(seconds=STEP_SECONDS)
        if seen is not None:
            due = max(due, datetime.fromisoformat(seen.renewed_at) + timedelta(seconds=LEASE_SECONDS))
        return due

    def _start(self, clock: FastClock) -> BaseProcess:
        process = self._processes.Process(target=watch, args=(self._path, clock), daemon=True)
        process.start()
        return process

    def _kill(self, process: BaseProcess) -> None:
        if not process.is_alive():
            self._one.problems.append(f"a watcher ended by itself with {process.exitcode}")
        process.kill()
        process.join()

    def _check(self, home: Home) -> None:
        found = [one for one in list_transitions(home.catalogue, self._rollout) if one.actor == ACTOR]
        self._one.transitions = [f"{one.to_state}: {one.reason[:60]}" for one in found]
        said = [one.reason.partition(";")[0] if one.to_state == "canary" else one.to_state for one in found]
        expected = [*(f"step {number} passed" for number in range(1, self._steps + 1)), "rolled_back"]
        if said != expected:
            self._one.problems.append(f"the watcher decided {said}, expected {expected}")
        live, deployments = stable_recipe(home.catalogue), len(deployment_rows(home.catalogue))
        if (live, deployments) != (1, 1):
            self._one.problems.append(f"recipe {live} is in service after {deployments} deployments, expected 1 and 1")


def _has_passed(step: int, rollout: Rollout) -> bool:
    return rollout.step > step


def play(number: int, steps: int, kills: int, chance: random.Random) -> Round:
    """One round in a home of its own."""
    one = Round(number)
    with tempfile.TemporaryDirectory() as folder:
        Campaign(Path(folder) / "home", steps, kills, chance, one).play()
    return one


def summary(rounds: Sequence[Round]) -> dict[str, object]:
    """The rounds in all."""
    return {
        "rounds": len(rounds),
        "kills": sum(one.kills for one in rounds),
        "before the decision that was due": sum(one.before for one in rounds),
        "transitions": sum(len(one.transitions) for one in rounds),
        "problems": sum(len(one.problems) for one in rounds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--kills", type=int, default=2, help="Around each decision.")
    parser.add_argument("--seed", type=int, default=20261129)
    parser.add_argument("--data", help=argparse.SUPPRESS)  # run_all.py gives it to all; nothing of it is needed here
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    # Each child runs this file again, whatever it is to do: loaded once, what it imports costs none of them a second.
    multiprocessing.get_context("forkserver").set_forkserver_preload([watch.__module__, _THIS])
    rounds = [
        play(number + 1, options.steps, options.kills, random.Random(f"{options.seed} round {number}"))
        for number in range(options.rounds)
    ]
    result = {"seed": options.seed, "steps": options.steps, **summary(rounds), "each": [asdict(one) for one in rounds]}
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("watcher_kills", result)
    if result["problems"]:
        raise SystemExit(f"What must hold does not, {result['problems']} times: see above.")


if __name__ == "__main__":
    main()
