"""Calls of language models as rows of the ledger: for whom, which model, what it cost; never what was said.

A prompt holds texts of documents, which an erasure by document could not find again in a row: no policy keeps it.
"""

import logging
import secrets
from types import TracebackType
from typing import Self

from app.ledger.query_ids import LedgerIds
from eval.datasets.chat_client import Completion
from indexing.catalogue.home_secrets import home_secret
from indexing.errors import GroundworkError
from indexing.home import Home
from indexing.ledger.hashes import LEDGER_SECRET, QUERY, keyed_hash
from indexing.ledger.query_features import text_features
from indexing.ledger.records import RequestRow
from indexing.records import Partition, canonical_json

logger = logging.getLogger(__name__)
KIND = "model_call"
NO_RELEASE = "0.0"
"""No release took part."""
_PROCESS_BYTES = 8
"""Of the id of a run, as of the start of an API process. Source: our choice."""


class ModelCalls:
    """Records the calls of one run in the ledger of a home. Belongs to one thread.

    What cannot be written is counted and said in the log once; no call fails for it.
    """

    def __init__(self, home: Home, purpose: str, model: str) -> None:
        """``purpose`` says in a word or two what ``model`` is asked for, such as ``judge``."""
        self._ledger, self._is_whole = home.ledger, home.settings.ledger == "on"
        self._secret = home_secret(home.catalogue, LEDGER_SECRET)
        self._purpose, self._model = purpose, model
        self._process, self._ids = secrets.token_hex(_PROCESS_BYTES), LedgerIds()
        self._number = self.dropped = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def record(self, completion: Completion, partition: Partition, user_hash: str | None = None) -> None:
        """Record a call about the documents of a partition, and about the question of that user where one is known."""
        self._number += 1
        try:
            self._ledger.append([self._row(completion, partition, user_hash)])
        except GroundworkError as error:
            if not self.dropped:
                logger.warning("ledger.not_written", extra={"fields": {"reason": f"{type(error).__name__}: {error}"}})
            self.dropped += 1

    def close(self) -> None:
        """Let the ledger say how many calls there were, and how many of them it lacks."""
        if not self._number:
            return
        written = self._number - self.dropped
        try:
            self._ledger.put_counts(
                self._process, accepted=self._number, dropped=self.dropped, written=written, missing=self.dropped
            )
        except GroundworkError as error:
            logger.warning("ledger.counts_not_written", extra={"fields": {"reason": str(error)}})

    def _row(self, completion: Completion, partition: Partition, user_hash: str | None) -> RequestRow:
        turns = [[message.role, message.content] for message in completion.messages]
        told = text_features("\n".join(content for _, content in turns), turns=len(turns))
        costs = {
            "requests": float(completion.usage.requests),
            "prompt_tokens": float(completion.usage.prompt_tokens),
            "completion_tokens": float(completion.usage.completion_tokens),
        }
        is_whole = self._is_whole
        return RequestRow(
            id=self._ids.new(),
            process=self._process,
            number=self._number,
            kind=KIND,
            request_id="",
            tenant=partition.tenant,
            collection=partition.collection,
            user=user_hash,
            release=NO_RELEASE,
            rollout=None,
            arm="live",
            reason=f"{self._purpose} by {self._model}",
            unit=None,
            mode="",
            k=0,
            grouped=False,
            query_hash=keyed_hash(self._secret, QUERY, canonical_json(turns)) if is_whole else None,
            query=None,
            filters=None,
            principals=None,
            query_features={**told, **costs} if is_whole else {},
            is_reranked=False,
            seq=0,
            view=0,
            hits=(),
            timings_ms={"total": completion.milliseconds} if is_whole else {},
            status=200 if completion.error is None else 502,
            error=completion.error,
            warnings=(),
            is_whole=is_whole,
        )
