"""Real processes for the system tests: homes with the model, the command, a Redis server, workers."""

import pytest

from indexing.home import open_home
from indexing.settings import Settings


@pytest.fixture(scope="session")
def make_home(tmp_path_factory, model_home):
    """Makes homes that hold the model and nothing else."""

    def make(name):
        path = tmp_path_factory.mktemp(name) / "home"
        home = open_home(Settings(home=path))
        home.models.copy_from(model_home.models)
        home.close()
        return path

    return make
