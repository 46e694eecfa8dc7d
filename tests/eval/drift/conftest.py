"""A home whose first release answered queries of the old words, made once and copied."""

from contextlib import closing

import numpy as np
import pytest

from tests.support.drifting_home import BEGIN, NEW_WORDS, OLD_WORDS, DriftingHome
from tests.support.home_copies import link_home

ASKED = 150
"""Queries of the old words that the first release answered, a second apart from ``BEGIN`` on."""


@pytest.fixture(scope="session")
def asked_once(tmp_path_factory):
    """The folder of that home, its release, and the moment after the last query. Take copies; leave it be."""
    with closing(DriftingHome(tmp_path_factory.mktemp("drifting") / "home")) as made:
        made.write(OLD_WORDS)
        made.write(NEW_WORDS)
        release = made.built()
        return made.path, release, made.ask(release, OLD_WORDS, ASKED, BEGIN)


@pytest.fixture
def fresh(asked_once, tmp_path):
    """A copy of it, with ``first``, the release, and ``end``, the moment after the last query."""
    path, release, end = asked_once
    link_home(path, tmp_path / "home")
    with closing(DriftingHome(tmp_path / "home")) as made:
        made.first, made.end = release, end
        made.traffic.number = ASKED
        made.chance = np.random.default_rng(2)  # other queries than those of the documents' words
        yield made
