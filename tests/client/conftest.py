"""A server that listens, shared by the tests of a module, and keys for it."""

from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from app.main import create_app
from indexing.catalogue.api_keys import OPERATOR, create_key
from indexing.catalogue.tenants import DEFAULT_TENANT
from tests.app.conftest import build_once, copied
from tests.support.listening import listening
from tests.support.tiny_model import add_tiny


@dataclass(frozen=True)
class Listening:
    url: str
    key: str
    operator_key: str


@pytest.fixture(scope="session")
def client_home(tmp_path_factory, tiny_files):
    """The folder of a home with one release. Take copies; leave it be."""
    return build_once(tmp_path_factory.mktemp("built") / "home", lambda home: add_tiny(home, tiny_files))


@contextmanager
def listening_over(built, folder):
    home = copied(built, folder)
    operator = create_key(home.catalogue, DEFAULT_TENANT, scopes=(OPERATOR,))[1]
    with listening(create_app(home.settings)) as url:
        yield Listening(url, home.settings.api_key, operator)
    home.close()


@pytest.fixture(scope="module")
def api(tmp_path_factory, client_home):
    """An API over a home with one release."""
    with listening_over(client_home, tmp_path_factory.mktemp("client")) as found:
        yield found


@pytest.fixture
def other_api(tmp_path, client_home):
    """The same, for one test alone."""
    with listening_over(client_home, tmp_path) as found:
        yield found
