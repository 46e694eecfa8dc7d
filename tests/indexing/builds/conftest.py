"""A home with 40 documents in service, for tests of what is prepared beside them."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.home import Home, open_home
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import recipe_in_service
from tests.conftest import settings_at
from tests.support.home_copies import link_home
from tests.support.once_a_run import once_a_run
from tests.support.tiny_model import add_tiny

OURS = Partition("default", "default")
TEXTS = [Document(f"doc-{n:02}", f"Title {n}", f"The words of document {n} are few. " * 3) for n in range(40)]


@pytest.fixture(scope="session")
def served_once(tmp_path_factory: pytest.TempPathFactory, tiny_files: Mapping[str, bytes]) -> Path:
    """The folder of the home that ``served`` is a copy of."""

    def fill(folder: Path) -> None:
        with closing(open_home(settings_at(folder))) as home:
            add_tiny(home, tiny_files)
            put_documents(home.catalogue, OURS, TEXTS)
            build(prepare_build(home, recipe_in_service(home)))

    return once_a_run(tmp_path_factory, "served-documents", fill) / "home"


@pytest.fixture
def served(tmp_path: Path, served_once: Path) -> Iterator[Home]:
    """A home whose first recipe is in service, with the documents ``TEXTS`` in the collection ``OURS``."""
    link_home(served_once, tmp_path / "home")
    with closing(open_home(settings_at(tmp_path))) as home:
        yield home
