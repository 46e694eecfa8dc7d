"""The life of collections that expire as vector stores: which may be used, and when each was used last."""

import logging
from datetime import datetime, timedelta

from app.services.state import Services
from indexing.catalogue.vector_stores import VectorStore, read_vector_store, use_vector_store
from indexing.errors import GroundworkError, InvalidInput
from indexing.records import Partition

logger = logging.getLogger(__name__)
NOTED_EVERY = timedelta(hours=1)
"""How exactly the last use of a store is known: it expires after days."""


def require_usable(services: Services, partition: Partition) -> VectorStore:
    """The store that documents are put into, or that is searched; refused where it is not there, or not any more.

    Raises:
        NotFound: the tenant has no such store.
        InvalidInput: it has expired.
    """
    store = read_vector_store(services.home.catalogue, partition)
    if store.is_expired(services.now()):
        raise InvalidInput(
            f"Vector store {partition.collection!r} has expired: give it another 'expires_after', or create another."
        )
    return store


def note_use(services: Services, partition: Partition) -> None:
    """Note that a store that may expire is searched; once an hour at most, since each note is a write.

    What cannot be written now is noted by a later search.

    Raises:
        NotFound, InvalidInput: as ``require_usable``.
    """
    used_at = datetime.fromisoformat(require_usable(services, partition).last_active_at)
    if datetime.fromisoformat(services.now()) - used_at < NOTED_EVERY:
        return
    try:
        use_vector_store(services.home.catalogue, partition)
    except GroundworkError as error:  # a search needs no room to write
        logger.warning("vector_stores.use_not_noted", extra={"fields": {"reason": str(error)}})
