"""The writes that one recipe's queue could not make ready, noted in the catalogue so that they outlive the process."""

import logging
from collections.abc import Collection

from indexing.catalogue.database import Database
from indexing.catalogue.put_off_writes import forget_put_off, keep_put_off, read_put_off
from indexing.errors import GroundworkError

logger = logging.getLogger(__name__)


class LackingWrites:
    """Sequence numbers of writes that a recipe lacks though there is room for them; for one thread.

    Where the catalogue cannot be written, what failed is noted with the next, and the log says so.
    """

    def __init__(self, catalogue: Database, recipe: int, built: int) -> None:
        """What ``recipe`` lacks after its release, which holds all up to ``built``, as processes before this found."""
        self._catalogue, self._recipe, self._built = catalogue, recipe, built
        self._stored = read_put_off(catalogue, recipe, built)
        self._seqs = set(self._stored)

    def add(self, seqs: Collection[int]) -> None:
        """Note writes that could not be made ready."""
        self._seqs.update(seqs)
        self._keep()

    def discard(self, seqs: Collection[int]) -> None:
        """Note that searches find writes."""
        self._seqs.difference_update(seqs)
        self._keep()

    def _keep(self) -> None:
        new, gone = self._seqs - self._stored, self._stored - self._seqs
        try:
            if new:
                keep_put_off(self._catalogue, self._recipe, new, self._built)
                self._stored |= new
            if gone:
                forget_put_off(self._catalogue, self._recipe, gone)
                self._stored -= gone
        except GroundworkError as error:
            logger.warning("live.put_off_not_noted", extra={"fields": {"reason": str(error)}})
