"""Homes for real processes: with the tiny model, or with the real one where that is what is tested."""

from contextlib import closing

import pytest

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.home import open_home
from indexing.records import Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source
from tests.support.tiny_model import add_tiny

MAX_TOKENS = 256
"""As many as the real model takes, so that articles make as many passages."""


def make(path, register, articles=None, collection="documents", is_built=False):
    """A closed home at ``path``; its articles and its release, if any, are the work of this process, which is cheap."""
    with closing(open_home(Settings(home=path, sessions=1))) as home:
        register(home)
        if articles is not None:
            ingest(home.catalogue, open_source(articles, "auto"), Partition("default", collection))
        if is_built:
            build(prepare_build(home, default_recipe(home)))
    return path


@pytest.fixture(scope="session")
def make_home(tmp_path_factory, tiny_files):
    """Makes homes that hold the tiny model: ``make_home(name, articles=None, collection=..., is_built=False)``."""

    def register(home):
        add_tiny(home, tiny_files, max_tokens=MAX_TOKENS)

    return lambda name, *given, **more: make(tmp_path_factory.mktemp(name) / "home", register, *given, **more)


@pytest.fixture(scope="session")
def make_real_home(tmp_path_factory, model_home):
    """The same with the real model."""

    def register(home):
        home.models.copy_from(model_home.models)

    return lambda name, *given, **more: make(tmp_path_factory.mktemp(name) / "home", register, *given, **more)
