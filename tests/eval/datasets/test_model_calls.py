"""Calls of language models stand in the ledger: for whom, which model, at what cost, and not a word of them."""

from dataclasses import replace

from eval.datasets.chat_client import Completion, Endpoint, Message, Usage, complete_all
from eval.datasets.model_calls import ModelCalls
from indexing.errors import ServiceFailed, StorageFull
from indexing.ledger.day_totals import day_totals
from indexing.ledger.erasure import OfUser, erase_rows
from indexing.ledger.readers import requests_of, shares
from indexing.records import MAX_INTEGER, Partition
from tests.support.judge_server import Answer, judge_server

HELP = Partition("acme", "help")
HASH = "0123456789abcdef" * 2


def completion(text="Is the pump leaking?", error=None):
    return Completion([Message("user", text)], 12.5, Usage(1, 10, 3), error)


def under(home, **settings):
    """The home under other settings."""
    return replace(home, settings=home.settings.model_copy(update=settings))


def recorded(home, *completions, user_hash=None):
    with ModelCalls(home, "judged", "judge-1") as calls:
        for one in completions:
            calls.record(one, HELP, user_hash)
    return list(requests_of(home.ledger))


def test_a_call_is_a_row_that_says_for_whom_which_model_and_at_what_cost(home):
    (row,) = recorded(home, completion())
    assert (row.kind, row.tenant, row.collection, row.reason) == ("model_call", "acme", "help", "judged by judge-1")
    assert (row.release, row.rollout, row.status, row.error, row.hits) == ("0.0", None, 200, None, ())
    assert row.timings_ms == {"total": 12.5}
    told = {"characters": 20.0, "words": 4.0, "turns": 1.0, "language": "en"}
    assert row.query_features == {**told, "requests": 1.0, "prompt_tokens": 10.0, "completion_tokens": 3.0}
    assert shares(home.ledger, "acme") == []  # it is no answer


def test_no_word_of_a_prompt_is_kept_whatever_the_policy_and_the_same_prompt_is_known_again(home):
    home = under(home, log_queries=True)
    first, again, other = recorded(home, completion(), completion(), completion("Is the valve stuck?"))
    assert first.query is None
    assert first.query_hash == again.query_hash != other.query_hash
    home.ledger.close()
    assert all(b"leaking" not in path.read_bytes() for path in home.ledger.folder.iterdir())


def test_without_a_ledger_a_row_says_no_more_than_that_there_was_a_call(home):
    (row,) = recorded(under(home, ledger="off"), completion())
    assert (row.kind, row.is_whole, row.query_hash, row.query_features, row.timings_ms) == (
        *("model_call", False, None),
        *({}, {}),
    )


def test_a_user_that_is_erased_takes_calls_about_its_questions_along(home):
    recorded(home, completion(), user_hash=HASH)
    recorded(home, completion("another's"))
    assert erase_rows(home.ledger, OfUser("acme", HASH)) == 1
    assert [row.user for row in requests_of(home.ledger)] == [None]


def test_every_call_is_told_with_its_own_cost_also_one_that_failed(home):
    answers = [Answer("4"), Answer(status=400, body=b"{}"), Answer("5")]
    with judge_server(lambda body, before: answers[before]) as server, ModelCalls(home, "judged", "judge-1") as calls:
        replies, _ = complete_all(
            Endpoint(server.url, "judge-1"),
            ["one", "two", "half a pair \ud800"],
            concurrency=1,
            told=lambda one: calls.record(one, HELP),
        )
    assert isinstance(replies[1], ServiceFailed)
    rows = list(requests_of(home.ledger))
    assert [(row.status, row.error) for row in rows] == [(200, None), (502, "ServiceFailed"), (200, None)]
    assert [row.query_features["prompt_tokens"] for row in rows] == [10.0, 0.0, 10.0]
    assert [row.number for row in rows] == [1, 2, 3]
    (day,) = day_totals(home.ledger)
    assert (day.rows, day.dropped, day.unwritten) == (3, 0, 0)


def test_a_call_that_was_cancelled_or_counted_the_most_tokens_is_a_row_as_well(home):
    most = Completion([Message("user", "one")], 1.0, Usage(5, 5 * MAX_INTEGER, 0), None)
    cancelled, counted = recorded(home, completion(error="CancelledError"), most)
    assert (cancelled.status, cancelled.error) == (502, "CancelledError")
    assert counted.query_features["prompt_tokens"] == 5.0 * MAX_INTEGER


def test_a_ledger_that_takes_nothing_fails_no_call_and_is_said_once(home, caplog, monkeypatch):
    def full(rows):
        raise StorageFull("no room")

    with ModelCalls(home, "judged", "judge-1") as calls:
        with monkeypatch.context() as patch:
            patch.setattr(home.ledger, "append", full)
            calls.record(completion(), HELP)
            calls.record(completion(), HELP)
        calls.record(completion(), HELP)
    assert calls.dropped == 2
    assert [record.message for record in caplog.records] == ["ledger.not_written"]
    (day,) = day_totals(home.ledger)
    assert day.dropped == 2
