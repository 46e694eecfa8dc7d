"""What a request leaves in its row, and what it does not."""

import json
from dataclasses import asdict, replace

import pytest

from app.access.authentication import Caller
from app.ledger.query_ids import QueryIds
from app.retrieval.hits import QueryVector, RankedPassage, Result
from app.retrieval.query import unit_vector
from app.schemas.search import SearchBody
from app.services.request_records import RequestRecords
from app.services.request_rows import RowPolicy
from app.serving.assignment import Assignment
from app.web.problems import status_of
from indexing.errors import DeadlineExceeded, NotFound
from indexing.features.conversation import Turns
from indexing.features.views import ConversationView
from indexing.ledger.hashes import QUERY, UNIT, USER, keyed_hash
from indexing.ledger.query_sketches import sketch_of
from indexing.ledger.row_columns import row_from, values_of
from indexing.records import Partition
from indexing.releases.release import Release
from indexing.snapshots.shard import StoredPassage
from indexing.telemetry import request_id

SECRET = b"s" * 32
OURS = Partition("a", "help")
CALLER = Caller("a", frozenset({"search"}), "k_1", log_queries=True)
BODY = SearchBody(query="why was my card declined", collection="help", k=3, user="ann@example.com", principals=["ann"])
RELEASE = Release(12, 3, "snapshot", 7, "", "")
FILTER = {"type": "eq", "key": "product", "value": "marker-of-a-filter"}


class Recorder:
    """Makes the row at once, as it reads from the ledger, so that the test sees it."""

    def __init__(self):
        self.rows = []

    def record(self, pending):
        assert pending.size_bytes > 0
        row = pending.row("p", len(self.rows) + 1)
        self.rows.append(replace(row_from(values_of(row)), sketch=row.sketch))  # it is stored beside the row


def passage(name, lexical, rerank=None):
    stored = StoredPassage(OURS, name, "Title", "", {}, 0, 10, 20, (), "marker-of-a-hit")
    return RankedPassage(1, 0.75, 0.5, lexical, stored, rerank)


def found(*hits):
    return Result(
        list(hits), {"dense": 1.23456, "total": 2.0}, ["not searched: x"], {"unknown_share": 0.5, "leg_overlap": 0.25}
    )


def records(policy):
    return RequestRecords(Recorder(), QueryIds(SECRET), policy, status_of)


def row_of(body=BODY, *, result=None, whole=True, text=False, tenant_allows=True, assignment=None):
    made = records(RowPolicy(SECRET, is_whole=whole, may_keep_text=text))
    token = request_id.set("r-1")
    try:
        with made.begin("search", replace(CALLER, log_queries=tenant_allows), body) as record:
            record.release, record.assignment, record.seq = RELEASE, assignment or Assignment(12, "live", "live"), 7
            record.result = found(passage("d", 2.0), passage("e", 0.0)) if result is None else result
    finally:
        request_id.reset(token)
    assert made.query_ids.read("a", record.query_id) == record.id
    return made.recorder.rows[0]


def said(row):
    return json.dumps(asdict(row), default=str, ensure_ascii=False)


def test_a_row_says_who_asked_what_served_it_and_what_was_answered():
    row = row_of()
    assert (row.process, row.number, row.kind, row.request_id) == ("p", 1, "search", "r-1")
    assert (row.tenant, row.collection, row.release, row.arm, row.reason) == ("a", "help", "12.3", "live", "live")
    assert (row.mode, row.k, row.grouped, row.seq, row.status, row.error) == ("hybrid", 3, True, 7, 200, None)
    assert [(hit.document_id, hit.start, hit.end, hit.score, hit.dense, hit.lexical) for hit in row.hits] == [
        ("d", 10, 20, 0.75, 0.5, 2.0),
        ("e", 10, 20, 0.75, 0.5, 0.0),
    ]
    assert row.timings_ms == {"dense": 1.235, "total": 2.0}
    assert row.warnings == ("not searched: x",)
    assert not row.is_reranked
    assert row.is_whole
    assert row.query_features == {
        "characters": 24.0,
        "words": 5.0,
        "turns": 1.0,
        "language": "en",
        "unknown_share": 0.5,
        "leg_overlap": 0.25,
        "top_score": 0.75,
        "term_share": 0.5,
    }


def test_a_hit_with_a_reranker_s_score_tells_that_there_was_a_second_pass():
    assert row_of(result=found(passage("d", 2.0, rerank=-1.5))).is_reranked


@pytest.mark.parametrize(("installation", "tenant"), [(False, True), (True, False), (False, False)])
def test_without_both_permissions_a_row_tells_nothing_of_the_text(installation, tenant):
    body = BODY.model_copy(update={"filters": SearchBody.model_validate({"query": "x", "filters": FILTER}).filters})
    row = row_of(body, text=installation, tenant_allows=tenant)
    assert (row.query, row.filters, row.principals) == (None, None, None)
    assert row.query_hash == keyed_hash(SECRET, QUERY, b"why was my card declined")
    for word in ("declined", "marker-of-a-filter", "marker-of-a-hit", "ann"):
        assert word not in said(row)


def test_where_both_allow_it_a_row_holds_all_that_was_asked():
    row = row_of(SearchBody(query="why", filters=FILTER, principals=["ann"], collection="help"), text=True)
    assert (row.query, row.filters, row.principals) == ({"query": "why"}, FILTER, ("ann",))
    turns = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    assert row_of(SearchBody(messages=[*turns, turns[0]]), text=True).query == {"messages": [*turns, turns[0]]}
    assert row_of(SearchBody(vector=[1.0, 2.0], mode="dense"), text=True).query == {"vector": [1.0, 2.0]}


def test_a_row_of_a_chat_holds_what_can_count_and_gives_the_same_query_again():
    chat = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "the balance of ann"},
        {"role": "assistant", "content": "two", "name": "helper"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "three"}, {"type": "image_url", "image_url": {"url": "x"}}],
        },
    ]
    said_alone = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    said_alone.append({"role": "user", "content": "three"})
    row, plain = (row_of(SearchBody(messages=turns), text=True) for turns in (chat, said_alone))
    assert row.query == plain.query == {"messages": said_alone}
    assert (row.query_hash, row.query_features) == (plain.query_hash, plain.query_features)
    view = ConversationView("both", 1, ("user", "assistant"), 8, 0.25, 0.5)
    again = SearchBody.model_validate(row.query)
    assert again.turns(view) == SearchBody(messages=chat).turns(view) == Turns("three", ("one", "two"))


def test_a_user_and_a_unit_are_always_hashed():
    row = row_of(text=True, assignment=Assignment(13, "candidate", "share 0.05 by user", 4, "a/ann@example.com"))
    assert row.user == keyed_hash(SECRET, USER, b"ann@example.com")
    assert row.unit == keyed_hash(SECRET, UNIT, b"a/ann@example.com")
    assert (row.arm, row.reason, row.rollout) == ("candidate", "share 0.05 by user", 4)
    assert "ann@" not in said(row)
    assert row_of(BODY.model_copy(update={"user": None})).user is None


def test_conversations_and_vectors_have_a_hash_and_features_of_their_own():
    one = SearchBody(messages=[{"role": "user", "content": "hello"}, {"role": "user", "content": "wie ist das?"}])
    row = row_of(one)
    assert row.query_features["turns"] == 2.0
    assert (row.query_features["characters"], row.query_features["language"]) == (12.0, "de")
    vectors = [row_of(SearchBody(vector=[1.0, float(n)], mode="dense")) for n in (2, 2, 3)]
    assert vectors[0].query_hash == vectors[1].query_hash != vectors[2].query_hash != row.query_hash
    assert "characters" not in vectors[0].query_features


def test_off_leaves_the_assignment_alone():
    row = row_of(whole=False, text=True)
    assert (row.is_whole, row.tenant, row.release, row.arm, row.reason, row.status) == (
        *(False, "a", "12.3", "live"),
        *("live", 200),
    )
    assert row.user == keyed_hash(SECRET, USER, b"ann@example.com")
    kept = (row.query_hash, row.query, row.filters, row.principals)
    assert kept == (None, None, None, None)
    assert (list(row.hits), row.query_features, row.timings_ms, row.warnings) == ([], {}, {}, ())


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (NotFound("no such collection"), 404, "NotFound"),
        (DeadlineExceeded("too late"), 504, "DeadlineExceeded"),
        (RuntimeError("not foreseen"), 500, "InternalError"),
        (KeyboardInterrupt(), 499, "ClientGone"),
    ],
)
def test_a_request_that_fails_has_its_status_and_no_hits(error, status, name):
    made = records(RowPolicy(SECRET, is_whole=True, may_keep_text=False))
    with pytest.raises(type(error)), made.begin("context", CALLER, BODY) as record:
        record.result = found(passage("d", 2.0))
        raise error
    row = made.recorder.rows[0]
    assert (row.kind, row.status, row.error, list(row.hits)) == ("context", status, name, [])
    assert (row.release, row.arm) == ("0.0", "live")
    assert row.timings_ms["total"] >= 0.0
    assert row.query_features["language"] == "en"


def test_a_row_has_a_sketch_of_the_vector_that_the_search_computed_and_of_no_other():
    vector = unit_vector(range(1, 17))
    computed = replace(found(), query_vector=QueryVector("m@1", vector))
    sketch = row_of(result=computed).sketch
    assert sketch == sketch_of(SECRET, "m@1", vector)
    assert row_of(result=found()).sketch is None
    assert row_of(result=computed, whole=False).sketch is None
    made = records(RowPolicy(SECRET, is_whole=True, may_keep_text=False))
    with made.begin("shadow", CALLER, BODY) as record:
        record.result = computed
    assert made.recorder.rows[0].sketch is None
    assert row_of(result=computed).query is None  # the sketch is kept where the text is not
