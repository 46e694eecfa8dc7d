"""Jobs that stand as running though their builds were killed, found out by the lock that a build holds."""

from indexing.catalogue.database import Database
from indexing.catalogue.jobs import fail_abandoned, running_jobs
from indexing.errors import AlreadyRunning
from indexing.storage.store import BUILD_LOCK, Storage


def notice_abandoned_jobs(catalogue: Database, storage: Storage) -> None:
    """Mark each running job as failed whose build is gone.

    A build holds its lock from before its job begins until after it has ended, however it ends; so where the lock is
    free, a job that is running has no build. The lock is asked for only where a job is running.
    """
    if not running_jobs(catalogue):
        return
    try:
        with storage.lock(BUILD_LOCK):
            fail_abandoned(catalogue, running_jobs(catalogue))
    except AlreadyRunning:
        return
