"""Reads uploaded files into documents in the background, and says when searches find them.

The catalogue's rows are the queue: a process that is killed leaves its readings to whichever process looks next.
"""

import logging
import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from app.services.documents import is_searchable, write
from app.services.files import remove_file_everywhere
from app.services.state import Services
from app.services.vector_stores import empty_expired_stores
from indexing.catalogue.documents import find_document
from indexing.catalogue.file_readings import ErrorCode, Reading
from indexing.catalogue.file_uploads import expire_uploads
from indexing.catalogue.files import expired_files, forget_unfinished_files
from indexing.catalogue.process_lease import renewing
from indexing.catalogue.reading_turns import (
    MOST_ATTEMPTS,
    ReadingLost,
    claim_reading,
    complete_reading,
    fail_reading,
    give_back,
    has_waiting,
    is_any_in_progress,
    list_indexing,
    record_documents,
    renew_reading,
)
from indexing.errors import (
    CatalogueBusy,
    CatalogueUnavailable,
    GroundworkError,
    NotFound,
    StorageFailed,
    StorageFull,
)
from indexing.records import moment_text
from indexing.sources.parser_sandbox import Extractor, ReadingAborted
from indexing.uploads.reading import ReadingFailed, read_documents
from indexing.uploads.stored_files import BROKEN_OFF_SECONDS, sweep_files

logger = logging.getLogger(__name__)
LIVE_PASSAGES = 2_000
"""Passages of a file that is found without a build, a tenth of the live layer's room: its vectors are computed before
it is stored, so that it holds up no other write. Source: our choice."""
LINGER_SECONDS, LOOK_SECONDS = 10.0, 0.05
"""How long a parser process is kept for the next file, and how often one is looked for meanwhile: starting one takes a
second, and it takes some 100 MB. Source: our choice."""
OTHERS_SECONDS = 1.0
"""How long after this process finds a file's documents the others find them, too: each looks every 0.2 s, and waits for
vectors that are there already. Source: our choice, five times that."""
PAGE, REST = 200, 20
"""Readings that are looked at in one go, and how many times as long as that took is waited until the next. Our choice:
five percent of a core at most."""
CLEANING_SECONDS = 600.0
"""How often a process takes away what has expired, and bytes that belong to no file. Source: our choice."""
_PASSING = (CatalogueBusy, CatalogueUnavailable, StorageFull, StorageFailed)
"""What may be over the next time that the reading is tried, after its lease."""


class FileReader:
    """Reads the files of one home in one API process: ``tick`` is called again and again, ``close`` once.

    While files wait it has a thread for each that may be read at once, each with a parser process of its own.
    """

    def __init__(self, services: Services, *, make_extractor: Callable[[], Extractor] = Extractor) -> None:
        """Read for the home of ``services``; ``make_extractor`` gives a thread its parser process."""
        self._services = services
        self._catalogue = services.home.catalogue
        self._settings = services.home.settings
        self._make_extractor = make_extractor
        self._is_over = threading.Event()
        self._extractors: dict[str, Extractor] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._cleaner: threading.Thread | None = None
        self._cleaned_at = -math.inf
        self._found_at: dict[int, float] = {}
        self._looked_at, self._look_again_at = 0, -math.inf
        name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._holders = [f"{name}:{number}" for number in range(self._settings.file_readers)]

    def tick(self) -> None:
        """Complete what is found by now, and have read what waits; a failure is logged and ends nothing."""
        try:
            if is_any_in_progress(self._catalogue):
                self._complete_now_and_then()
                if has_waiting(self._catalogue, lease_seconds=self._settings.lease_seconds):
                    self._begin()
            if time.monotonic() > self._cleaned_at + CLEANING_SECONDS:
                self._cleaned_at = time.monotonic()
                self._begin_to_clean()
        except Exception:  # whatever it was, later files must not wait for a restart
            logger.exception("files.failed")

    def close(self) -> None:
        """End, and let other processes read at once what is not read."""
        self._is_over.set()
        for extractor in list(self._extractors.values()):
            extractor.abort()
        for thread in (*self._threads.values(), *filter(None, [self._cleaner])):
            thread.join(timeout=10)
        for holder in self._threads:
            try:
                give_back(self._catalogue, holder)
            except GroundworkError as error:  # its lease ends by itself
                logger.warning("files.not_given_back", extra={"fields": {"reason": str(error)}})

    # Reading

    def _begin(self) -> None:
        for holder in self._holders:
            thread = self._threads.get(holder)
            if (thread is None or not thread.is_alive()) and not self._is_over.is_set():
                thread = threading.Thread(target=self._read_all, args=(holder,), name="read-files", daemon=True)
                self._threads[holder] = thread
                thread.start()
                return  # one more each time, as long as some wait

    def _read_all(self, holder: str) -> None:
        try:
            self.read_waiting(holder)
        except Exception:  # the next tick begins anew
            logger.exception("files.failed")

    def read_waiting(self, holder: str) -> None:
        """Read files as long as some wait or soon come; then the parser process ends."""
        reading = self._claim(holder)
        if reading is None:
            return
        with self._make_extractor() as extractor:
            self._extractors[holder] = extractor
            while reading is not None:
                if not self.read_one(reading, holder, extractor):
                    return  # its parser process was ended
                reading = self._claim(holder) or self._next(holder)

    def _next(self, holder: str) -> Reading | None:
        """The next file that comes within some seconds."""
        until = time.monotonic() + LINGER_SECONDS
        while time.monotonic() < until and not self._is_over.wait(LOOK_SECONDS):
            if has_waiting(self._catalogue, lease_seconds=self._settings.lease_seconds):
                return self._claim(holder)
        return None

    def _claim(self, holder: str) -> Reading | None:
        if self._is_over.is_set():
            return None
        most, lease = self._settings.file_readers, self._settings.lease_seconds
        return claim_reading(self._catalogue, holder, most=most, lease_seconds=lease)

    def read_one(self, reading: Reading, holder: str, extractor: Extractor) -> bool:
        """Read one file; gives whether the parser process may go on with the next."""
        lost = threading.Event()

        def renew() -> None:
            try:
                if renew_reading(self._catalogue, reading, holder):
                    return
            except GroundworkError as error:  # the lease is longer than one renewal
                logger.warning("files.not_renewed", extra={"fields": {"reason": str(error)}})
                return
            lost.set()
            extractor.abort()

        if reading.attempts > MOST_ATTEMPTS:
            self._fail(reading, "server_error", f"{MOST_ATTEMPTS} processes ended while they read it: split the file.")
            return True
        every = self._settings.lease_seconds / 4
        with renewing(renew, "renew-reading", every_seconds=every, is_over=lost.is_set):
            try:
                self._store(reading, holder, extractor, is_wanted=lambda: not (lost.is_set() or self._is_over.is_set()))
            except ReadingFailed as failed:
                self._fail(reading, failed.code, str(failed), failed.rejects)
            except (ReadingAborted, ReadingLost):
                return False
            except _PASSING as error:
                logger.warning("files.reading_put_off", extra={"fields": {"reason": str(error)}})
            except GroundworkError as error:  # a quota, a name: it says itself what to do
                self._fail(reading, "server_error", str(error))
            except Exception as error:
                logger.exception("files.reading_failed")
                self._fail(reading, "server_error", f"It cannot be read here ({type(error).__name__}): see the log.")
        return True

    def _store(self, reading: Reading, holder: str, extractor: Extractor, *, is_wanted: Callable[[], bool]) -> None:
        found = read_documents(self._services.home, reading, extractor)
        layer = self._services.live
        is_live = layer.takes(reading.partition, found.documents, most_passages=LIVE_PASSAGES)
        if is_live:
            layer.encode_ahead(reading.partition, found.documents, is_wanted=is_wanted)
        if not is_wanted():
            raise ReadingLost(f"reading {reading.number}")
        note = partial(record_documents, self._catalogue, reading, holder, found.documents, found.rejects)
        write(self._services, reading.partition, found.documents, live=is_live, with_them=note)
        fields = {"collection": reading.collection, "documents": len(found.documents), "rejects": len(found.rejects)}
        logger.info("files.read", extra={"fields": fields})

    def _fail(self, reading: Reading, code: ErrorCode, message: str, rejects: Sequence[str] = ()) -> None:
        if fail_reading(self._catalogue, reading, code, message, rejects):
            self._services.metrics.file_readings.labels("failed").inc()
            logger.info("files.failed", extra={"fields": {"collection": reading.collection, "code": code}})

    # Completing

    def _complete_now_and_then(self) -> None:
        """Complete what is found, in a small part of the time: many may wait for a build for long."""
        began = time.monotonic()
        if began >= self._look_again_at:
            self.complete_found()
            self._look_again_at = time.monotonic() + REST * (time.monotonic() - began)

    def complete_found(self) -> None:
        """Say of readings whose documents searches find that they are completed; of many, a page at a time.

        Where several processes share the port, those others are left a moment to find them, too.
        """
        page = list_indexing(self._catalogue, after=self._looked_at, limit=PAGE)
        self._looked_at = page[-1].number if len(page) == PAGE else 0
        found = [one for one in page if all(self._is_found(one, name) for name in one.documents)]
        now, others = time.monotonic(), OTHERS_SECONDS if self._settings.workers > 1 else 0.0
        for reading in found:
            since = self._found_at.setdefault(reading.number, now)
            if now >= since + others:
                del self._found_at[reading.number]
                if complete_reading(self._catalogue, reading):
                    self._services.metrics.file_readings.labels("completed").inc()

    def _is_found(self, reading: Reading, document_id: str) -> bool:
        stored = find_document(self._catalogue, reading.partition, document_id)
        return stored is None or is_searchable(self._services, reading.partition, stored)

    def _begin_to_clean(self) -> None:
        """In a thread: what calls ``tick`` has more to do, and what has expired may be much."""
        if self._cleaner is None or not self._cleaner.is_alive():
            cleaner = threading.Thread(target=self._clean, name="clean-files", daemon=True)
            cleaner.start()
            self._cleaner = cleaner  # not before it can be waited for

    def _clean(self) -> None:
        try:
            self.clean()
        except Exception:  # it is tried again
            logger.exception("files.not_cleaned")

    def clean(self) -> None:
        """Take away what has expired, and bytes that belong to no file."""
        now = datetime.now(UTC)
        expire_uploads(self._catalogue, moment_text(now))
        for tenant, file_id in expired_files(self._catalogue, moment_text(now)):
            if self._is_over.is_set():
                return
            with suppress(NotFound):  # another process was faster
                remove_file_everywhere(self._services, tenant, file_id)
        empty_expired_stores(self._services, is_wanted=lambda: not self._is_over.is_set())
        forget_unfinished_files(self._catalogue, moment_text(now - timedelta(seconds=BROKEN_OFF_SECONDS)))
        sweep_files(self._services.home)
