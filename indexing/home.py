"""A home: catalogue, artefact store, model registry and ledger of one ``GROUNDWORK_HOME``, opened together."""

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from indexing.catalogue.api_keys import adopt_key, new_secret, revoke_other_defaults
from indexing.catalogue.database import Database
from indexing.catalogue.tenants import DEFAULT_TENANT, ensure_tenant, has_tenant
from indexing.errors import InvalidInput, NotFound
from indexing.ledger.store import LEDGER_FOLDER, LedgerStore
from indexing.models.registry import ModelRegistry
from indexing.plan_signal import PlanSignal
from indexing.settings import Settings
from indexing.storage.atomic_files import write_atomically
from indexing.storage.factory import open_storage
from indexing.storage.permissions import PRIVATE_FILE, Permissions, permissions_for
from indexing.storage.reserve import RESERVE_FILE, Reserve
from indexing.storage.store import Storage

logger = logging.getLogger(__name__)
KEY_FILE, CATALOGUE_FILE = "api-key", "catalogue.db"
SHARED_NAMES = (
    *("models", "features", "work", "shards", "snapshots", "seen"),
    *("evaluations", "scratch", "identity", "demo-api.log"),
)
"""What stands in a home and is not the owner's alone."""


@dataclass(frozen=True, slots=True)
class Home:
    """The open catalogue, artefact store, model registry and ledger of one home."""

    path: Path
    settings: Settings
    catalogue: Database
    storage: Storage
    models: ModelRegistry
    reserve: Reserve
    ledger: LedgerStore
    """Opens and makes nothing before its first row."""

    def close(self) -> None:
        """Close the catalogue and the ledger; the home must not be used afterwards."""
        self.ledger.close()
        self.catalogue.close()


def open_home(settings: Settings, path: Path | None = None, *, create: bool = True) -> Home:
    """Open the home at ``path``, by default ``settings.home``, with its default tenant.

    Its owner's files get the permissions that new ones have; on a full disk it is opened in the room of the reserve.

    Args:
        settings: How it is opened.
        path: Where it is.
        create: Make a home where there is none.

    Raises:
        NotFound: there is no home, and ``create`` is false; nothing was written.
        InvalidInput: it cannot be opened, or ``GROUNDWORK_GROUP`` is not a group of this user.
        StorageFull: there is no room to open it, not even that of the reserve.
    """
    path = path or settings.home
    if not create:
        require_home(path)
    permissions = permissions_for(settings.group)
    # A scratch home, below the one of the settings, is a cache: it leaves the reserve of the other its room.
    root = settings.home if path.is_relative_to(settings.home) else path
    reserve = Reserve(root / RESERVE_FILE, is_kept=path == settings.home)
    _make_private(path, root, permissions)
    storage = open_storage(settings.model_copy(update={"home": path}), reserve=reserve)
    catalogue = reserve.run(lambda: _open_catalogue(path / CATALOGUE_FILE, settings, reserve, storage))
    if changed := permissions.tighten(path, SHARED_NAMES):
        logger.info("home.tightened", extra={"fields": {"home": str(path), "entries": changed}})
    reserve.make()
    ledger = LedgerStore(
        path / LEDGER_FOLDER,
        busy_timeout_seconds=settings.busy_timeout_seconds,
        days=settings.ledger_days,
        max_mb=settings.ledger_max_mb,
        require_room=reserve.require,
    )
    return Home(path, settings, catalogue, storage, ModelRegistry(catalogue, storage), reserve, ledger)


def _make_private(path: Path, root: Path, permissions: Permissions) -> None:
    """Make the folder of a new home and its catalogue's file, so that at no moment another user can read them."""
    with suppress(OSError):  # the catalogue cannot be opened then, and says why
        permissions.make_folder(path, root)
        os.close(os.open(path / CATALOGUE_FILE, os.O_RDONLY | os.O_CREAT, PRIVATE_FILE))


def _open_catalogue(path: Path, settings: Settings, reserve: Reserve, storage: Storage) -> Database:
    timeout_seconds = settings.busy_timeout_seconds
    tell = PlanSignal(settings.redis_url, storage).send if settings.redis_url else lambda: None
    catalogue = Database(
        path,
        busy_timeout_seconds=timeout_seconds,
        require_room=reserve.require,
        keeps_versions=settings.log_queries and settings.ledger == "on",  # else no request can be replayed
        on_plan_change=tell,
    )
    if not has_tenant(catalogue, DEFAULT_TENANT):
        ensure_tenant(catalogue, DEFAULT_TENANT)
    return catalogue


def require_home(path: Path) -> None:
    """Go on only where a home is.

    Raises:
        InvalidInput: ``path`` is a file.
        NotFound: ``path`` holds no catalogue.
    """
    if path.exists() and not path.is_dir():
        raise InvalidInput(f"{path} is not a folder: give another --home or GROUNDWORK_HOME.")
    if not (path / CATALOGUE_FILE).is_file():
        raise NotFound(
            f"{path} is not a Groundwork home: it holds no {CATALOGUE_FILE}. Check --home and GROUNDWORK_HOME;"
            " 'groundwork ingest', 'build', 'demo', 'serve', 'models register' and 'restore' make a new home."
        )


def default_key(home: Home) -> str:
    """The default tenant's default key: ``GROUNDWORK_API_KEY``, else the one in ``HOME/api-key``.

    A given key revokes the default keys before it, and none that was made with ``groundwork keys create``. On a full
    disk it works in the room of the reserve, since a server that only deletes needs its key as well.
    """
    return home.reserve.run(lambda: _default_key(home))


def _default_key(home: Home) -> str:
    given = home.settings.api_key
    if given is not None:
        adopt_key(home.catalogue, DEFAULT_TENANT, given)
        revoke_other_defaults(home.catalogue, DEFAULT_TENANT, given)
        return given
    file = home.path / KEY_FILE
    kept = file.read_text().strip() if file.is_file() else ""
    if kept:
        try:
            adopt_key(home.catalogue, DEFAULT_TENANT, kept)
            return kept
        except InvalidInput:
            pass  # it was revoked
    key = new_secret()
    adopt_key(home.catalogue, DEFAULT_TENANT, key)
    write_atomically(file, f"{key}\n".encode(), mode=PRIVATE_FILE)
    return key
