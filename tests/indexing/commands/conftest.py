"""What all tests of commands share."""

import pytest


@pytest.fixture(autouse=True)
def no_waiting(waited):
    """No erasure waits for API processes, since none runs here."""
