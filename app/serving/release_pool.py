"""The release pool: the newest release of every open recipe, each swapped by itself, and what answers a request."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from app.serving.assignment import Assignment, assign
from app.serving.query_cache import QueryCache
from app.serving.release import FreshWrites, ServingRelease
from app.serving.release_opening import ReleaseOpener
from indexing.backoff import Backoff
from indexing.catalogue.database import Database, utc_now
from indexing.errors import NotReady
from indexing.features.online_store import OnlineStore
from indexing.home import Home
from indexing.process_start import own_memory_bytes
from indexing.releases.release import Release, newest_release
from indexing.releases.rollouts import ServingPlan, read_serving_plan

logger = logging.getLogger(__name__)
REPAIRS = Backoff(10.0, 2560.0)
"""When a snapshot with refused shards is opened again, in case they were restored: after 10 seconds, then after twice
that, and so on up to 43 minutes."""
RETRIES = Backoff(5.0, 320.0)
"""When a recipe that is not in service and could not be opened is tried again: opening takes time from searches."""

VECTOR_OF_LIVE = "a vector of the live model"
"""Why a request is outside of a canary whose candidate has another model."""


@dataclass(frozen=True, slots=True)
class OpenReleases:
    """What a process serves, as of one moment.

    ``releases`` are by recipe; ``live`` is the recipe in service here, one of them: that of the plan, or the one before
    it until that is open.
    """

    plan: ServingPlan
    live: int
    releases: Mapping[int, ServingRelease]

    def serving(self, assignment: Assignment, *, by_vector: bool) -> tuple[Assignment, ServingRelease]:
        """What answers: the recipe assigned, or the live one where that is not open here, and then that is said.

        While a canary's candidate is not open, no request is part of its test: else its share would be short of units.
        Nor is one that is asked ``by_vector`` if the candidate has another model: clients make it by the live one's.
        """
        rollout, needed = self.plan.rollout, [assignment.recipe]
        if rollout is not None and rollout.state == "canary" and assignment.rollout == rollout.id:
            needed.append(rollout.candidate)
        for recipe in needed:
            if recipe not in self.releases:
                return Assignment(self.live, "live", f"recipe {recipe} is not open here"), self.releases[self.live]
        if by_vector and len({self.releases[recipe].recipe.model for recipe in (self.live, *needed[1:])}) > 1:
            return Assignment(self.live, "live", VECTOR_OF_LIVE), self.releases[self.live]
        return assignment, self.releases[assignment.recipe]

    def role(self, recipe: int) -> str:
        """What an open recipe is for: ``live``, ``candidate`` or ``standby``."""
        if recipe == self.live:
            return "live"
        rollout = self.plan.rollout
        return "candidate" if rollout is not None and rollout.candidate == recipe else "standby"


@dataclass(slots=True)
class _Attempts:
    """How opening a recipe went: ``opened_at`` and ``repairs`` of its release, or ``failures`` of ``release``."""

    opened_at: float = 0.0
    repairs: int = 0
    failures: int = 0
    failed_at: float = 0.0
    release: Release | None = None


class ReleasePool:
    """Gives out open releases, and swaps them when others are deployed or built. Safe to share between threads.

    A snapshot's files stay mapped until the last search that uses them has ended, since searches hold the object
    itself. ``failure`` says why the release that is to serve does not; ``failures`` why other recipes are not open;
    ``memory_bytes`` what this process's own memory grew by while a recipe was opened first, where that can be told.
    """

    def __init__(
        self,
        home: Home,
        fresh: FreshWrites | None = None,
        queries: QueryCache | None = None,
        *,
        opener: ReleaseOpener | None = None,
        read_plan: Callable[[Database, str], ServingPlan] = read_serving_plan,
    ) -> None:
        """Serve the releases of ``home``, with ``fresh`` writes over them or as they were built.

        Queries that were asked before are not encoded again where there is a cache of ``queries``. ``read_plan`` says
        what is to be open at a moment.
        """
        self._home = home
        self._fresh = fresh
        self._opener = opener or ReleaseOpener(home, queries)
        self._read_plan = read_plan
        self._opening = threading.Lock()
        self._swapping = threading.Lock()
        self._open: OpenReleases | None = None
        self._seen: int | None = None
        self._attempts: dict[int, _Attempts] = {}
        self.failure: str | None = None
        self.failures: dict[int, str] = {}
        self.memory_bytes: dict[int, int] = {}

    # What is open

    @property
    def features(self) -> OnlineStore:
        """The newest values of documents, as the boosts of open releases see them."""
        return self._opener.features

    def now(self) -> OpenReleases:
        """Everything that is open, as of one moment.

        Raises:
            NotReady: nothing was opened yet; the message says why.
        """
        found = self._open
        if found is None:
            raise NotReady(self.failure or "The release is still being opened: try again in a moment.")
        return found

    def current(self) -> ServingRelease:
        """The release in service.

        Raises:
            NotReady: as ``now``.
        """
        found = self.now()
        return found.releases[found.live]

    def assigned(
        self, *, tenant: str, user: str | None, request_id: str, by_vector: bool = False
    ) -> tuple[Assignment, ServingRelease]:
        """What answers a request, and why. The same until another plan is read, or another recipe is open.

        Raises:
            NotReady: as ``now``.
        """
        found = self.now()
        assignment = assign(found.plan, tenant=tenant, user=user, request_id=request_id)
        return found.serving(assignment, by_vector=by_vector)

    # What is to be open

    def follow_plan(self) -> bool:
        """Serve by the plan as it is now, as far as its recipes are open; gives whether another is to be opened.

        One that could not be opened is not worth a look at once. Asks the catalogue for one number, unless it changed.
        Never waits for a release that is being opened.

        Raises:
            GroundworkError: the catalogue cannot be read.
        """
        version = self._home.catalogue.version()
        if version is not None and version == self._seen:
            return False
        plan = self._follow()
        self._seen = version
        opened, attempts = self._recipes(), self._attempts
        return bool(opened) and any(
            recipe not in opened and (recipe not in attempts or not attempts[recipe].failures)
            for recipe in plan.open_recipes
        )

    def _follow(self) -> ServingPlan:
        """Read the plan and swap to it at once; what left it is closed after its last reader."""
        with self._swapping:  # the plan is read inside: an older one never takes the place of a newer one
            plan, before = self._read_plan(self._home.catalogue, utc_now()), self._open
            if before is not None:
                live = plan.live if plan.live in before.releases else before.live
                kept = [recipe for recipe in dict.fromkeys((live, *plan.open_recipes)) if recipe in before.releases]
                after = OpenReleases(plan, live, {recipe: before.releases[recipe] for recipe in kept})
                self._open = after
        if self._fresh is not None:
            self._fresh.keep(self._recipes)
        if before is not None and live != before.live:
            fields = {"release": after.releases[live].release.number, "before": before.live}
            logger.info("pool.recipe_in_service", extra={"fields": fields})
        return plan

    def _recipes(self) -> Sequence[int]:
        """The recipes that are open, the one in service first."""
        found = self._open
        return () if found is None else tuple(dict.fromkeys((found.live, *found.releases)))

    def refresh(self) -> ServingRelease:
        """Follow the plan, and open the newest release of each of its recipes, the live one first.

        Whatever fails goes on serving as it was; what another than the live recipe fails by is in ``failures``.

        Raises:
            GroundworkError: the release that is to serve cannot be opened.
        """
        with self._opening:
            plan = self._follow()
            failure: Exception | None = None
            for recipe in plan.open_recipes:
                try:
                    self._bring_up(recipe, plan)
                except Exception as error:  # whatever one recipe has, the others serve
                    self._note_failure(recipe, error, is_live=recipe == plan.live)
                    if recipe == plan.live:
                        failure = error
                if self._open is None:
                    break  # nothing serves before the live recipe does
            self._forget_others(self._follow())  # what served until now may not be wanted any more
            if failure is not None:
                raise failure
            self.failure = None
            return self.current()

    def _forget_others(self, plan: ServingPlan) -> None:
        """Let go of models and of what is known of recipes that are not to be open."""
        if self._open is not None:
            self._opener.keep([serving.recipe for serving in self._open.releases.values()])
        wanted = {*plan.open_recipes, *self._recipes()}
        self.failures = {recipe: reason for recipe, reason in self.failures.items() if recipe in wanted}
        self.memory_bytes = {recipe: size for recipe, size in self.memory_bytes.items() if recipe in wanted}
        self._attempts = {recipe: one for recipe, one in self._attempts.items() if recipe in wanted}

    def _bring_up(self, recipe: int, plan: ServingPlan) -> None:
        """Open a recipe's newest release, if it is not open."""
        attempts = self._attempts.setdefault(recipe, _Attempts())
        release = newest_release(self._home.catalogue, recipe)
        if release is None:
            raise NotReady(f"Recipe {recipe} has no release: run 'groundwork build' for it first.")
        serving = None if self._open is None else self._open.releases.get(recipe)
        # An erasure gives a release another snapshot under the same number.
        is_new = serving is None or _identity(serving.release) != _identity(release)
        if is_new and recipe != plan.live and _is_too_early(attempts, release):
            return
        if serving is None or is_new or _may_be_repaired(serving, attempts):
            attempts.repairs = 0 if is_new else attempts.repairs + 1
            attempts.opened_at, attempts.release = time.monotonic(), release
            # What reads showed to be damaged may be as it was when it was last checked, as far as the file system says.
            distrusted = () if serving is None else tuple(serving.snapshot.damaged)
            before = own_memory_bytes()
            opened = self._take_over(self._opener.open(release, distrusted))
            after = own_memory_bytes()
            if serving is None and before is not None and after is not None:
                self.memory_bytes[recipe] = max(0, after - before)
            fields = {"release": release.number, "snapshot": release.snapshot, "rows": opened.snapshot.manifest.rows}
            logger.info(
                "pool.release_in_service" if recipe == plan.live else "pool.release_open", extra={"fields": fields}
            )
        elif serving.release != release or (self._fresh is not None and self._fresh.is_outdated(recipe)):
            # A build that gave the same snapshot moves the sequence number from which on writes are fresh.
            self._take_over(replace(serving, release=release))
        attempts.failures = 0
        self.failures.pop(recipe, None)

    def _take_over(self, opened: ServingRelease) -> ServingRelease:
        with nullcontext(opened) if self._fresh is None else self._fresh.taking_over(opened) as serving:
            self._put(serving)
        return serving

    def _put(self, serving: ServingRelease) -> None:
        """Let requests have a release; its recipe is in service from now on if the plan says so."""
        with self._swapping:
            recipe, before = serving.release.recipe, self._open
            if before is None:
                plan = self._read_plan(self._home.catalogue, utc_now())
                self._open = OpenReleases(plan, recipe, {recipe: serving})
            else:
                live = recipe if recipe == before.plan.live else before.live
                self._open = OpenReleases(before.plan, live, {**before.releases, recipe: serving})

    def _note_failure(self, recipe: int, error: Exception, *, is_live: bool) -> None:
        attempts = self._attempts[recipe]
        attempts.failures += 1
        attempts.failed_at = time.monotonic()
        if is_live:
            return  # the caller is told
        reason = f"{type(error).__name__}: {error}"
        if self.failures.get(recipe) != reason:
            logger.error("pool.recipe_not_opened", extra={"fields": {"recipe": recipe, "reason": reason}})
        self.failures[recipe] = reason


def _identity(release: Release) -> tuple[str, str]:
    return release.number, release.snapshot


def _is_too_early(attempts: _Attempts, release: Release) -> bool:
    """Whether the same release failed to open a short while ago."""
    is_same = attempts.release is not None and _identity(attempts.release) == _identity(release)
    pause_seconds = RETRIES.pause_seconds(attempts.failures)
    return attempts.failures > 0 and is_same and time.monotonic() - attempts.failed_at < pause_seconds


def _may_be_repaired(serving: ServingRelease, attempts: _Attempts) -> bool:
    """Whether to open a snapshot with refused shards again: a build may have restored them."""
    pause_seconds = REPAIRS.pause_seconds(attempts.repairs + 1)
    return bool(serving.snapshot.broken) and time.monotonic() - attempts.opened_at >= pause_seconds
