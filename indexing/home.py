"""A home: the catalogue, the artefact store and the model registry of one ``GROUNDWORK_HOME``, opened together."""

import os
from dataclasses import dataclass
from pathlib import Path

from indexing.catalogue.api_keys import adopt_key, new_secret, revoke_other_defaults
from indexing.catalogue.database import Database
from indexing.catalogue.tenants import DEFAULT_TENANT, ensure_tenant, has_tenant
from indexing.errors import InvalidInput, NotFound
from indexing.models.registry import ModelRegistry
from indexing.settings import Settings
from indexing.storage.local import LocalStorage
from indexing.storage.store import Storage

KEY_FILE = "api-key"
CATALOGUE_FILE = "catalogue.db"


@dataclass(frozen=True, slots=True)
class Home:
    """The open catalogue, artefact store and model registry of one home."""

    path: Path
    settings: Settings
    catalogue: Database
    storage: Storage
    models: ModelRegistry

    def close(self) -> None:
        """Close the catalogue; the home must not be used afterwards."""
        self.catalogue.close()


def open_home(settings: Settings, path: Path | None = None, *, create: bool = True) -> Home:
    """Open the home at ``path``, by default ``settings.home``, with its default tenant.

    Args:
        settings: How it is opened.
        path: Where it is.
        create: Make a home where there is none.

    Raises:
        NotFound: there is no home, and ``create`` is false; nothing was written.
        InvalidInput: the path is a file, or cannot be written.
    """
    path = path or settings.home
    if not create:
        require_home(path)
    catalogue = Database(path / CATALOGUE_FILE, busy_timeout_seconds=settings.busy_timeout_seconds)
    if not has_tenant(catalogue, DEFAULT_TENANT):
        ensure_tenant(catalogue, DEFAULT_TENANT)
    storage = LocalStorage(path)
    return Home(path, settings, catalogue, storage, ModelRegistry(catalogue, storage))


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
            f"{path} is no Groundwork home: it holds no {CATALOGUE_FILE}. Check --home and GROUNDWORK_HOME;"
            " 'groundwork ingest', 'build', 'demo', 'serve', 'models register' and 'restore' make a new home."
        )


def default_key(home: Home) -> str:
    """The default tenant's default key: ``GROUNDWORK_API_KEY``, else the one in ``HOME/api-key``.

    A given key revokes the default keys before it, and none that was made with ``groundwork keys create``.
    """
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
    draft = file.with_name(f".{KEY_FILE}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(key + "\n")
    draft.replace(file)
    return key
