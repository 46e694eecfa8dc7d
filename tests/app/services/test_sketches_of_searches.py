"""What the service answers leaves sketches in the ledger: of vectors that it computed, and of no other."""

from app.main import create_app, refresh
from indexing.ledger.day_sources import Period
from indexing.ledger.query_sketches import read_sketches, unpacked
from indexing.ledger.readers import requests_of
from tests.app.routes.test_admin import bearer
from tests.support.api_client import TestClient


def test_a_search_by_text_leaves_a_sketch_and_a_search_by_vector_or_by_terms_leaves_none(served_home):
    headers = bearer(served_home.settings.api_key)
    with TestClient(create_app(served_home.settings)) as client:
        refresh(client.app.state.services)
        asked = {"collection": "helpdesk"}
        bodies = [
            ("search", {"query": "reset my password"}),
            ("context", {"query": "reset my password"}),
            ("search", {"query": "export my data"}),
            ("search", {"query": "export my data", "mode": "lexical"}),
            ("search", {"vector": [1.0] * 16, "mode": "dense"}),
        ]
        for door, body in bodies:
            answer = client.post(f"/v1/{door}", json=asked | body, headers=headers)
            assert answer.status_code == 200, answer.text
    context = next(row for row in requests_of(served_home.ledger) if row.kind == "context").query_features
    assert context["context_max_tokens"] == 2000.0
    assert context["context_citations"] >= 1.0
    found = [packed for _, packed in read_sketches(served_home.ledger, Period(), "tiny@1")]
    assert len(found) == 3
    first, again, other = unpacked(found)
    assert (first == again).all()
    assert abs(first - other).max() > 0.05
