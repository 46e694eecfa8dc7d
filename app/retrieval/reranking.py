"""The second pass: a reranker's scores for the best passages, in time or not at all."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from indexing.models.reranker import RerankerModel
from indexing.records import Scores
from indexing.snapshots.shard import StoredPassage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SecondPass:
    """Logits of all passages that were asked about, or ``None`` and why there are none."""

    logits: Scores | None
    reason: str = ""


class Reranker:
    """Scores pairs in a few threads. Safe to share between threads.

    One that is late gives up before its next pair; until then it keeps its thread, and with all of them taken nothing
    is begun. So late ones neither pile up nor hold up an answer.
    """

    def __init__(self, threads: int | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Use so many threads, by default one a core; ``clock`` tells seconds."""
        count = threads or os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="rerank")
        self._idle = threading.BoundedSemaphore(count)
        self._clock = clock

    def score(self, reranker: RerankerModel, question: str, passages: Sequence[str], budget_ms: float) -> SecondPass:
        """Score all passages, one after another, within ``budget_ms`` milliseconds from now."""
        if not question:
            return SecondPass(None, "there is no text to compare passages with")
        deadline = self._clock() + budget_ms / 1000.0
        if not self._idle.acquire(blocking=False):
            return SecondPass(None, "all threads for it are busy")
        job = self._begin(reranker, question, passages, deadline)
        late = f"{budget_ms:g} ms were not enough for {len(passages)} passages"
        try:
            logits = job.result(timeout=max(0.0, deadline - self._clock()))
        except TimeoutError:
            return SecondPass(None, late)
        except Exception as error:  # the first pass has its answer already: a broken second one must not cost it
            logger.exception("rerank.failed")
            return SecondPass(None, f"it failed ({type(error).__name__}); the log says why")
        return SecondPass(None, late) if logits is None else SecondPass(logits)

    def _begin(
        self, reranker: RerankerModel, question: str, passages: Sequence[str], deadline: float
    ) -> Future[Scores | None]:
        def work() -> Scores | None:
            try:
                logits = np.empty(len(passages), np.float32)
                for place, passage in enumerate(passages):
                    if self._clock() >= deadline:
                        return None
                    logits[place] = reranker.score(question, passage)
                return logits if self._clock() < deadline else None
            finally:
                self._idle.release()

        try:
            return self._threads.submit(work)
        except BaseException:
            self._idle.release()
            raise


def pair_text(passage: StoredPassage) -> str:
    """What a reranker reads of a passage: title and headings in one line, its table's heading row, then its text."""
    context = " > ".join(part for part in (passage.title, *passage.headings) if part)
    return "\n".join(part for part in (context, passage.table_heading, passage.text) if part)
