"""Asking a model over HTTP: what is asked again, what is waited for, what it may cost, and what is never told."""

import asyncio
import json
import threading
from dataclasses import dataclass

import pytest

from eval.datasets.chat_client import ChatClient, Endpoint, Message, complete_all, endpoint_of
from indexing.errors import BudgetSpent, InvalidInput, ServiceFailed
from indexing.settings import Settings
from tests.support.judge_server import Answer, judge_server

KEY = "sk-never-to-be-shown-0123456789"


@dataclass
class Time:
    """A clock that moves only when something sleeps."""

    now: float = 100.0

    def __post_init__(self):
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(round(seconds, 3))
        self.now += seconds

    def clock(self):
        return self.now


def ask(url, *, time=None, times=1, **options):
    """Ask once, or several times one after the other; gives the last answer and the client."""
    time = time or Time()

    async def run():
        async with ChatClient(Endpoint(url, "judge-1", KEY), sleep=time.sleep, clock=time.clock, **options) as client:
            for _ in range(times):
                text = await client.complete([Message("user", "2 + 2?")])
            return text, client

    return asyncio.run(run())


def failure(url, **options):
    with pytest.raises(ServiceFailed) as raised:
        ask(url, **options)
    assert KEY not in str(raised.value)
    return raised.value


def in_turn(*answers):
    return lambda body, before: answers[min(before, len(answers) - 1)]


def problem(status, *, headers=None, **error):
    return Answer(status=status, headers=headers or {}, body=json.dumps({"error": error}).encode())


def test_a_good_answer_is_given_with_its_cost_and_the_protocol_is_spoken():
    with judge_server(in_turn(Answer("4"))) as server:
        text, client = ask(server.url)
    assert text == "4"
    assert server.bodies == [
        {"model": "judge-1", "messages": [{"role": "user", "content": "2 + 2?"}], "temperature": 0.0, "seed": 0}
    ]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert (client.usage.requests, client.usage.prompt_tokens, client.usage.completion_tokens) == (1, 10, 3)


@pytest.mark.parametrize("tokens", ["1" + "0" * 400, "-1", "9007199254740992", "1.5", "true", '"10"', "null"])
def test_a_count_of_tokens_that_is_none_is_left_out(tokens):
    body = b'{"choices": [{"message": {"content": "4"}}], "usage": {"prompt_tokens": %s, "completion_tokens": 3}}'
    told = []
    with judge_server(in_turn(Answer(body=body % tokens.encode()))) as server:
        (reply,), usage = complete_all(Endpoint(server.url, "judge-1"), ["one"], told=told.append)
    assert reply == "4"
    assert [(one.usage.prompt_tokens, one.usage.completion_tokens) for one in told] == [(0, 3)]
    assert (usage.prompt_tokens, usage.completion_tokens) == (0, 3)


def test_a_call_that_is_cancelled_is_told_as_one_that_failed():
    told = []

    async def run(url):
        async with ChatClient(Endpoint(url, "judge-1")) as client:
            await client.complete([Message("user", "2 + 2?")], told=told.append)

    async def cancelled(url):
        call = asyncio.create_task(run(url))
        while not server.bodies:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    with judge_server(in_turn(Answer(waits=True))) as server:
        asyncio.run(cancelled(server.url))
    assert [(one.error, one.usage.requests) for one in told] == [("CancelledError", 1)]


def test_half_a_surrogate_pair_is_sent_as_a_question_mark():
    with judge_server(in_turn(Answer("4"))) as server:
        complete_all(Endpoint(server.url, "judge-1"), ["a\ud800b"])
    assert server.bodies[0]["messages"][0]["content"] == "a?b"


def test_a_429_is_asked_again_after_what_it_says_and_costs_no_budget():
    time = Time()
    with judge_server(in_turn(problem(429, headers={"Retry-After": "7"}), Answer("4"))) as server:
        text, client = ask(server.url, time=time, budget=1)
    assert (text, time.slept, client.usage.requests) == ("4", [7.0], 1)


def test_a_date_in_retry_after_is_waited_for_too_and_one_that_is_past_is_not():
    time = Time()
    past = problem(503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    with judge_server(in_turn(past, Answer("4"))) as server:
        assert ask(server.url, time=time)[0] == "4"
    assert time.slept == []


def test_a_wait_that_is_too_long_ends_the_run_and_says_how_long_it_is():
    with judge_server(in_turn(problem(429, headers={"Retry-After": "86400"}))) as server:
        error = failure(server.url)
    assert error.is_down
    assert "answered 429; it asks to come back in 86400 s" in str(error)
    assert len(server.bodies) == 1


def test_passing_troubles_are_asked_again_after_pauses_that_grow():
    time = Time()
    with judge_server(in_turn(problem(500), Answer(hangs_up=True), problem(503), Answer("4"))) as server:
        assert ask(server.url, time=time)[0] == "4"
    assert time.slept == [1.0, 2.0, 4.0]


def test_trouble_that_stays_fails_after_the_last_attempt():
    with judge_server(in_turn(problem(500, code="overloaded", message="of no interest"))) as server:
        error = failure(server.url, attempts=3)
    assert "answered 500 (overloaded)" in str(error)
    assert "no interest" not in str(error)
    assert (len(server.bodies), error.is_down) == (3, False)


def test_an_answer_that_takes_too_long_is_given_up():
    with judge_server(in_turn(Answer(waits=True))) as server:
        error = failure(server.url, attempts=2, timeout_seconds=0.05)
    assert "gave no answer within 0.05 s" in str(error)


def test_a_dead_endpoint_fails_by_name_and_is_left_alone_from_then_on():
    with judge_server(in_turn(Answer("4"))) as server:
        pass  # it is gone

    async def run():
        time = Time()
        async with ChatClient(Endpoint(server.url, "judge-1"), sleep=time.sleep, clock=time.clock) as client:
            for _ in range(3):
                with pytest.raises(ServiceFailed, match=r"cannot be reached .*GROUNDWORK_JUDGE_URL") as raised:
                    await client.complete([Message("user", "there?")])
                assert raised.value.is_down
            return client.usage.requests

    assert asyncio.run(run()) == 5  # the attempts of the first; the others were not sent


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(body=b"<html>Welcome</html>"), "20 bytes that are not a chat completion"),
        (Answer(body=b'{"choices": []}'), "not a chat completion"),
        (Answer(body=b'["choices"]'), "not a chat completion"),
        (Answer("  "), "without text"),
        (Answer('{"a": [1, 2', finish_reason="length"), "cut its answer off"),
        (
            problem(401, message=f"Incorrect API key: {KEY}", code="invalid_api_key"),
            r"401 \(invalid_api_key\).*JUDGE_KEY",
        ),
        (problem(404, code="model_not_found"), r"404 \(model_not_found\).*JUDGE_MODEL, 'judge-1'"),
        (problem(400, code="Whatever the user wrote"), r"answered 400\.$"),
    ],
)
def test_an_answer_that_cannot_be_used_fails_at_once_and_says_why(answer, message):
    with judge_server(in_turn(answer)) as server, pytest.raises(ServiceFailed, match=message) as raised:
        ask(server.url)
    assert len(server.bodies) == 1
    assert KEY not in str(raised.value)


def test_a_field_that_the_model_refuses_is_left_out_from_then_on():
    def answer(body, before):
        return problem(400, param="temperature") if "temperature" in body else Answer("4")

    with judge_server(answer) as server:
        assert ask(server.url, times=2)[0] == "4"
    assert [sorted(body) for body in server.bodies] == [
        ["messages", "model", "seed", "temperature"],
        ["messages", "model", "seed"],
        ["messages", "model", "seed"],
    ]


def test_no_request_goes_beyond_the_budget():
    with judge_server(in_turn(Answer("4"))) as server, pytest.raises(BudgetSpent, match="budget of 2 requests"):
        ask(server.url, times=3, budget=2)
    assert len(server.bodies) == 2


def test_so_many_requests_are_in_progress_and_no_more_and_answers_keep_their_order():
    both = threading.Barrier(2)

    def answer(body, before):
        both.wait(30)
        return Answer(body["messages"][0]["content"].upper())

    with judge_server(answer) as server:
        answers, usage = complete_all(Endpoint(server.url, "judge-1"), list("abcd"), concurrency=2)
    assert (answers, usage.requests, server.most_at_once) == (list("ABCD"), 4, 2)


def test_all_are_answered_or_told_why_not():
    with judge_server(in_turn(Answer("yes"), Answer(" "))) as server:
        answers, _ = complete_all(Endpoint(server.url, "judge-1"), list("abc"), concurrency=1, budget=2)
    assert answers[0] == "yes"
    assert [type(answer) for answer in answers[1:]] == [ServiceFailed, BudgetSpent]


def test_the_settings_name_the_endpoint_and_nothing_shows_the_key():
    settings = Settings(judge_url="http://127.0.0.1:9/v1/chat/completions/", judge_model="m", judge_key=KEY)
    endpoint = endpoint_of(settings)
    assert (endpoint.url, endpoint.model, endpoint.key) == ("http://127.0.0.1:9/v1", "m", KEY)
    assert KEY not in repr(settings) + repr(endpoint)


@pytest.mark.parametrize("missing", ["judge_url", "judge_model"])
def test_without_an_endpoint_it_says_what_to_set(missing):
    given = {"judge_url": "http://127.0.0.1:9/v1", "judge_model": "m"} | {missing: None}
    with pytest.raises(InvalidInput, match="GROUNDWORK_JUDGE_URL"):
        endpoint_of(Settings(**given))
