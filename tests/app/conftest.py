"""A small home that serves one release, built once a run: with the tiny model, or with the real one."""

import os
import shutil
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from app.main import create_app, refresh
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings
from tests.support.api_client import TestClient
from tests.support.tiny_model import add_tiny

ARTICLES = {
    "password": (
        "Reset a forgotten password",
        "Open the sign-in page and choose Forgot password. A link arrives by e-mail.",
    ),
    "invoice": ("Read your invoice", "An invoice lists seats, proration and tax. Invoices are issued on the first."),
    "webhook": ("Verify webhook signatures", "Compute the HMAC over the raw body. Error HL-8001 means a mismatch."),
    "export": ("Export your data", "Owners download a CSV archive of contacts, jobs and invoices."),
    "calendar": ("Google calendar sync", "Events travel both ways every five minutes. HL-7001 means a conflict."),
}


def fill(home, collection="helpdesk", articles=ARTICLES, tenant=DEFAULT_TENANT):
    documents = [
        Document(name, title, text, f"https://help.example/{name}", {"category": name[0]})
        for name, (title, text) in articles.items()
    ]
    put_documents(home.catalogue, Partition(tenant, collection), documents)


def release(home, **changes):
    return build(prepare_build(home, replace(default_recipe(home), **changes)))


_SETTINGS = Settings(api_key="test-key-0123456789", sessions=1, poll_seconds=0.05)
"""Read once: that takes 1 ms of CPU."""


def settings_of(path):
    """Settings of a home that tests serve."""
    return _SETTINGS.model_copy(update={"home": path})


def build_once(path, register, **changes):
    """A home with one release over ``ARTICLES``, closed, so that tests can take copies of its folder."""
    home = open_home(settings_of(path))
    register(home)
    fill(home)
    release(home, **changes)
    home.close()
    return path


def copied(built, tmp_path):
    """An open copy of a built home, for one test; it shares the model's files, which no test changes."""
    models = str(built / "models")

    def copy(source, target):
        return os.link(source, target) if source.startswith(models) else shutil.copy2(source, target)

    shutil.copytree(built, tmp_path / "home", copy_function=copy)
    return open_home(settings_of(tmp_path / "home"))


@contextmanager
def serving(built, folder, prepare=lambda home: None):
    """A client of an API that serves a copy, in ``folder``, of a built home, after ``prepare`` has changed it."""
    with closing(copied(built, folder)) as home:
        prepare(home)
        with TestClient(create_app(home.settings), raise_server_exceptions=False) as client:
            refresh(client.app.state.services)
            yield client


@pytest.fixture(scope="session")
def built_home(tmp_path_factory, tiny_files):
    """The folder of a home with the tiny model, in one shard. Take copies; leave it be."""
    return build_once(tmp_path_factory.mktemp("built") / "home", lambda home: add_tiny(home, tiny_files))


@pytest.fixture(scope="session")
def built_sharded_home(tmp_path_factory, tiny_files):
    """The same over several shards."""
    path = tmp_path_factory.mktemp("built-sharded") / "home"
    return build_once(path, lambda home: add_tiny(home, tiny_files), shard_rows=2)


@pytest.fixture(scope="session")
def built_real_home(tmp_path_factory, model_home):
    """The same with the real model, in one shard."""
    path = tmp_path_factory.mktemp("built-real") / "home"
    return build_once(path, lambda home: home.models.copy_from(model_home.models))


@pytest.fixture
def served_home(tmp_path, built_home):
    """A fresh home with one release over ``ARTICLES`` in collection ``helpdesk``."""
    home = copied(built_home, tmp_path)
    yield home
    home.close()


@pytest.fixture
def sharded_home(tmp_path, built_sharded_home):
    """The same over several shards."""
    home = copied(built_sharded_home, tmp_path)
    yield home
    home.close()


@pytest.fixture
def real_home(tmp_path, built_real_home):
    """The same with the real model, for tests of what answers mean."""
    home = copied(built_real_home, tmp_path)
    yield home
    home.close()
