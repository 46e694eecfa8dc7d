"""A small home that serves: two collections, the real model, one release."""

from dataclasses import replace

import pytest

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.documents import put_documents
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings

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


def _make(tmp_path, model_home, **changes):
    home = open_home(Settings(home=tmp_path / "home", api_key="test-key-0123456789", sessions=1, poll_seconds=0.05))
    home.models.copy_from(model_home.models)
    fill(home)
    release(home, **changes)
    return home


@pytest.fixture
def served_home(tmp_path, model_home):
    """A fresh home with one release over ``ARTICLES`` in collection ``helpdesk``."""
    home = _make(tmp_path, model_home)
    yield home
    home.close()


@pytest.fixture
def sharded_home(tmp_path, model_home):
    """The same over several shards."""
    home = _make(tmp_path, model_home, shard_rows=2)
    yield home
    home.close()
