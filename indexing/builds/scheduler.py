"""The builder: runs the builds and preparations that were asked for, one after another, until told to stop."""

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from indexing.backoff import Backoff
from indexing.builds.asked_preparations import WORK_SECONDS
from indexing.builds.open_recipes import recipes_behind
from indexing.catalogue.build_requests import open_requests
from indexing.catalogue.builder_heartbeat import BEAT_SECONDS, forget_beat, record_beat
from indexing.catalogue.database import Database, utc_now
from indexing.errors import AlreadyRunning, GroundworkError, NotReady
from indexing.releases.deployments import stable_release

logger = logging.getLogger(__name__)
POLL_SECONDS = 1.0
"""How often the catalogue is asked whether a build is wanted. Our choice."""
PAUSES = Backoff(2.0, 60.0)
"""How long the builder waits after builds that failed: twice the usual, and a minute at most."""


@dataclass(slots=True)
class Builder:
    """Decides whether a build is wanted, and has it run.

    ``run_build`` builds every open or proposed recipe, the one in service first; ``run_preparation``, which is given
    ``must_yield``, goes on with the next preparation that was asked for, if any, and gives whether it did;
    ``every_seconds`` is how often at most anything that changed is built without being asked for, ``None`` for never.
    ``now`` tells the moment, ISO 8601 in UTC.
    """

    catalogue: Database
    run_build: Callable[[], object]
    run_preparation: Callable[[Callable[[float], bool]], bool] = lambda must_yield: False
    every_seconds: float | None = None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], str] = utc_now
    failures: int = 0
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    _built_at: float | None = field(default=None, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _put_off: int = field(default=0, init=False)
    _prepare_at: float = field(default=-math.inf, init=False)

    def reason(self) -> str | None:
        """Why a build is wanted now, or ``None``."""
        requests = open_requests(self.catalogue)
        if requests:
            return requests[0].reason
        if behind := recipes_behind(self.catalogue, self.now()):
            return f"recipe {behind[0]} lacks writes that the one in service has"
        is_time = self._built_at is None or self.clock() - self._built_at >= (self.every_seconds or 0.0)
        if self.every_seconds is None or not is_time:
            return None
        try:
            built = stable_release(self.catalogue).seq
        except NotReady:
            built = 0
        return "documents changed" if self.catalogue.sequence() > built else None

    def must_yield(self, worked_seconds: float) -> bool:
        """Whether a preparation that made progress for so long is to wait: for a build, or for the next builder."""
        return self._stop.is_set() or (worked_seconds >= WORK_SECONDS and self.reason() is not None)

    def step(self) -> bool:
        """Run a build if one is wanted, else a preparation; gives whether it did.

        A failure is logged, and what failed stays wanted; after a build that fails a preparation has its turn.
        """
        reason = self.reason()
        if reason is None:
            self.failures = 0
            return self._prepare()
        logger.info("builder.begins", extra={"fields": {"reason": reason}})
        self._built_at = self.clock()
        try:
            self.run_build()
        except AlreadyRunning:
            return False  # that build may hold all that is wanted
        except GroundworkError as error:
            self.failures += 1
            logger.error("builder.failed", extra={"fields": {"reason": f"{type(error).__name__}: {error}"}})
            return self._prepare()
        self.failures = 0
        return True

    def _prepare(self) -> bool:
        """Go on with a preparation, unless one was put off a moment ago: builds must not wait for that pause."""
        if self.clock() < self._prepare_at:
            return False
        try:
            is_done = self.run_preparation(self.must_yield)
            self._put_off = 0
            return is_done
        except GroundworkError as error:
            self._put_off += 1
            self._prepare_at = self.clock() + PAUSES.pause_seconds(self._put_off)
            reason = f"{type(error).__name__}: {error}"
            logger.error("builder.preparation_put_off", extra={"fields": {"reason": reason}})
            return False

    def run(self, stop: threading.Event) -> None:
        """Go on until told to stop; the pause grows while builds fail. All the while a thread says that it runs."""
        ended, self._stop = threading.Event(), stop
        heart = threading.Thread(target=self._beat_until, args=(ended,), name="builder-heartbeat", daemon=True)
        heart.start()
        try:
            while not stop.is_set():
                self.step()
                stop.wait(PAUSES.pause_seconds(self.failures) if self.failures else POLL_SECONDS)
        finally:
            ended.set()
            heart.join()

    def _beat_until(self, ended: threading.Event) -> None:
        """Beat every few seconds, also while a build runs; when this builder ends, so does its heartbeat."""
        is_over = False
        while not is_over:
            self._keep(lambda: record_beat(self.catalogue, self.name, self.now()))
            is_over = ended.wait(BEAT_SECONDS)
        self._keep(lambda: forget_beat(self.catalogue, self.name))

    def _keep(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception:  # a busy catalogue or a full disk is no reason to stop building, nor to stop beating later
            logger.exception("builder.heartbeat_failed")
