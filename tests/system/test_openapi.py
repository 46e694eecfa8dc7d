"""The running API keeps what its OpenAPI document says: schemathesis asks it hundreds of things of its own.

In CI, and by ``python -m benchmarks.faults.schemathesis_walk``, it asks all that it can think of: some ten thousand
requests, in a minute.
"""

import os

import httpx
import pytest

from benchmarks.faults.schemathesis_walk import PHASES, walk
from indexing.catalogue.api_keys import OPERATOR, SCOPES, create_key
from indexing.catalogue.tenants import ensure_tenant
from tests.app.conftest import fill, release
from tests.support.processes import free_port, start

pytestmark = pytest.mark.slow
FEW = {"examples": 5, "phases": "examples,fuzzing,stateful"}, 500
"""What is asked of the developer's time, and how many cases that is at least."""
ALL = {"examples": 8, "phases": PHASES}, 2_000


@pytest.fixture
def served(tiny_home, tmp_path):
    """The URL of an API over a home with the tiny model, and an operator's key."""
    fill(tiny_home)
    release(tiny_home)
    ensure_tenant(tiny_home.catalogue, "acme")
    _, key = create_key(tiny_home.catalogue, "default", scopes=(*SCOPES, OPERATOR))
    url = f"http://127.0.0.1:{free_port()}"
    with (tmp_path / "api.log").open("wb") as log:
        process = start(tiny_home.path, "serve", "--port", url.rpartition(":")[2], sessions=1, stderr=log)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:  # they wait for the port to open
            while client.get(f"{url}/readyz", timeout=60).status_code != 200:
                assert process.poll() is None, (tmp_path / "api.log").read_text()
        yield url, key
    finally:
        process.terminate()
        process.wait(60)


def test_nothing_that_the_api_answers_is_missing_from_its_document(served, tmp_path):
    url, key = served
    asked, fewest_cases = ALL if os.environ.get("CI") else FEW
    found = walk(url, key, tmp_path, seed=1, **asked)
    assert found.is_clean, found.output[-20_000:]
    assert found.is_complete
    assert found.operations_tested == found.operations > 80
    assert found.cases >= fewest_cases
