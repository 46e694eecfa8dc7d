"""What all tests of commands share."""

import pytest


@pytest.fixture(autouse=True)
def waited(monkeypatch):
    """The seconds that an erasure would have waited for API processes; here none runs."""
    waited = []
    monkeypatch.setattr("indexing.commands.erasure.sleep", waited.append)
    return waited
