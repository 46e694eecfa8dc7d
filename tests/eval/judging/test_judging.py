"""Judging over a real server that speaks the protocol: each sample ends in one of three states, none skews a mean."""

import json
import math
import re
import threading
from dataclasses import replace

import pytest

from eval.datasets.chat_client import Endpoint
from eval.judging.judgement import list_judgements, save_judgement
from eval.judging.judging import Asking, judge_samples
from eval.judging.metrics import METRICS, metrics_named
from eval.judging.samples import Sample
from indexing.catalogue.judge_replies import count_replies_of_tenant
from indexing.errors import InvalidInput
from indexing.ledger.readers import requests_of
from indexing.models.embedder import HashingEmbedder
from tests.support.judge_server import Answer, judge_server, judging, verdict_of

SKY = Sample(
    "sky",
    "What about sky?",
    answer="The sky is blue. The sky is green",
    reference="the sky is blue",
    contexts=("By day the sky is blue.", "Grass grows."),
    context_ids=("d1", "d2"),
    reference_context_ids=("d1", "d3"),
)
GRASS = replace(
    SKY, id="grass", answer="Grass grows", reference="grass grows", context_ids=("d2",), reference_context_ids=("d2",)
)
MUTE = Sample("mute", "Anything?", contexts=("By day the sky is blue.",))
JUDGED = metrics_named(("faithfulness", "answer_relevancy", "context_precision"))
FAITHFULNESS = metrics_named(("faithfulness",))


def judged(home, samples, answer=judging, metrics=FAITHFULNESS, **asking):
    """What comes of samples under a judge, by metric and sample; the judgement; and what the server was sent."""
    with judge_server(answer) as server:
        chosen = Asking(Endpoint(server.url, "judge-1", "sk-secret"), **asking)
        found = judge_samples(home, samples, metrics, asking=chosen, embedder=HashingEmbedder(16))
    outcomes = {(name, one.id): outcome for one in found.samples for name, outcome in one.outcomes.items()}
    return outcomes, found, server


def summary(judgement, name="faithfulness"):
    return next(one for one in judgement.summaries if one.metric == name)


def test_a_good_judge_gives_what_ragas_defines(home):
    outcomes, found, server = judged(home, [SKY, GRASS], metrics=JUDGED)
    scores = {key: outcome.score for key, outcome in outcomes.items()}
    assert scores["faithfulness", "sky"] == 0.5  # one of two statements stands in the contexts
    assert scores["faithfulness", "grass"] == 1.0
    assert scores["context_precision", "sky"] == pytest.approx(1.0)  # the first context
    assert scores["context_precision", "grass"] == pytest.approx(0.5)  # the second alone
    vectors = HashingEmbedder(16)
    asked, made = vectors.encode_query(SKY.question), vectors.encode_query("What about The?")
    assert scores["answer_relevancy", "sky"] == pytest.approx(float(asked @ made), abs=1e-6)
    assert summary(found).mean == 0.75
    assert found.costs["requests"] == len(server.bodies) == 14  # 2 + 3 + 2 a sample
    assert found.costs["prompt_tokens"] == 140
    rows = list(requests_of(home.ledger))
    assert [(row.kind, row.tenant, row.reason) for row in rows] == [("model_call", "default", "judged by judge-1")] * 14


def test_the_record_names_model_prompts_and_version_and_reads_back(home, tmp_path):
    _, found, _ = judged(home, [SKY], metrics=JUDGED)
    assert found.inputs["model"] == "judge-1"
    assert found.inputs["ragas"].startswith("0.4.")
    assert sorted(found.inputs["prompts"]) == ["answer_relevancy", "context_precision", "faithfulness"]
    path = save_judgement(found, tmp_path)
    assert list_judgements(tmp_path) == [found]
    kept = path.read_text()
    for text in ("sk-secret", SKY.question, SKY.answer, *SKY.contexts):
        assert text not in kept


def test_what_was_judged_is_asked_nothing_again_and_a_run_goes_on_where_its_budget_ended(home):
    samples = [SKY, GRASS, replace(SKY, id="third", answer="The sky is high")]
    outcomes, first, _ = judged(home, samples, budget=3, concurrency=1)
    states = [outcomes["faithfulness", sample.id] for sample in samples]
    assert [one.state for one in states] == ["measured", "unmeasured", "unmeasured"]
    assert {one.reason for one in states[1:]} == {"the budget was spent"}
    assert first.costs["requests"] == 3
    outcomes, second, server = judged(home, samples, budget=3, concurrency=1)
    assert [outcomes["faithfulness", sample.id].state for sample in samples] == ["measured"] * 3
    assert (len(server.bodies), second.costs["kept"]) == (3, 3)
    assert second.id == first.id  # its file takes the place of the first
    _, third, server = judged(home, samples, budget=0)
    assert (server.bodies, third.summaries) == ([], second.summaries)


def test_another_model_is_asked_anew(home):
    judged(home, [SKY])
    with judge_server(judging) as server:
        judge_samples(home, [SKY], FAITHFULNESS, asking=Asking(Endpoint(server.url, "judge-2")))
    assert len(server.bodies) == 2


def test_another_tenant_gets_no_reply_of_the_first(home):
    judged(home, [SKY])
    other = replace(SKY, partition=replace(SKY.partition, tenant="other"))
    _, _, server = judged(home, [other])
    assert len(server.bodies) == 2


def test_a_prompt_that_is_repeated_for_another_reply_gets_one(home):
    def answer(body, before):
        return Answer(json.dumps({"question": f"What {body['seed']}?", "noncommittal": 0}))

    _, _, server = judged(home, [SKY], answer, metrics_named(("answer_relevancy",)))
    assert [(body["seed"], body["temperature"]) for body in server.bodies] == [(0, 0.0), (1, 0.3), (2, 0.3)]
    assert count_replies_of_tenant(home.catalogue, "default") == 3


def fenced(body, before):
    reply = json.dumps(verdict_of(body["messages"][0]["content"]), indent=2)
    return Answer(f"<think>Hm, {{perhaps}}.</think>Of course!\n```json\n{reply}\n```\nAsk me more.")


def test_fenced_replies_are_understood(home):
    outcomes, found, _ = judged(home, [SKY, GRASS], fenced)
    assert [outcomes["faithfulness", name].score for name in ("sky", "grass")] == [0.5, 1.0]
    assert found.costs["malformed"] == 0


def test_a_malformed_reply_is_asked_for_again_with_what_is_wrong_with_it(home):
    def answer(body, before):
        return Answer('{"statements": "none"}') if before == 0 else judging(body, before)

    outcomes, found, server = judged(home, [SKY], answer)
    assert outcomes["faithfulness", "sky"].score == 0.5
    assert (len(server.bodies), found.costs["malformed"]) == (3, 1)
    roles = [message["role"] for message in server.bodies[1]["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert "the field 'statements' is wrong (list_type)" in server.bodies[1]["messages"][2]["content"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I would rather not say.", "holds no JSON object"),
        ('{"statements": [{"statement": "s", "reason": "r", "verdict": 7}]}', "neither 0 nor 1"),
        ('{"statements": [{"statement": "s", "reason": "r"', "holds no JSON object|is wrong"),
        ('{"statements": [{"statement": "s", "reason": "r", "verdict": 1}]}', "1 verdicts about 2 statements"),
    ],
)
def test_a_judge_that_never_gives_a_usable_verdict_fails_that_sample_alone(home, reply, reason):
    def answer(body, before):
        prompt = body["messages"][0]["content"]
        return Answer(reply) if "sky is green" in prompt and "verdict" in prompt else judging(body, before)

    outcomes, found, _ = judged(home, [SKY, GRASS], answer)
    assert outcomes["faithfulness", "sky"].state == "failed"
    assert outcomes["faithfulness", "grass"].score == 1.0
    one = summary(found)
    assert (one.measured, one.failed, one.unmeasured, one.mean) == (1, 1, 0, 1.0)
    assert (one.lowest, one.highest) == (0.5, 1.0)
    assert re.search(reason, next(iter(one.reasons)))
    assert "I would" not in str(one.reasons)


def test_an_answer_without_a_statement_is_unmeasured_and_no_mean_is_nan(home):
    def answer(body, before):
        return Answer('{"statements": []}')

    outcomes, found, _ = judged(home, [SKY], answer)
    assert outcomes["faithfulness", "sky"].reason == "nothing to judge was found in it"
    one = summary(found)
    assert (one.mean, one.unmeasured, one.lowest, one.highest) == (None, 1, 0.0, 1.0)
    assert "NaN" not in json.dumps(found.to_json(), allow_nan=False)


def test_what_a_sample_lacks_leaves_it_out_of_the_mean_and_is_told(home):
    outcomes, found, _ = judged(home, [SKY, MUTE], metrics=tuple(METRICS.values()))
    assert outcomes["faithfulness", "mute"].reason == "no answer"
    assert outcomes["context_precision", "mute"].reason == "no reference"
    assert outcomes["id_context_recall", "mute"].reason == "no context_ids"
    assert [(one.metric, one.measured) for one in found.summaries if one.measured != 1] == [
        ("text_context_precision", 0),
        ("text_context_recall", 0),
    ]
    assert summary(found).mean == 0.5


def test_a_slow_judge_fails_what_it_was_asked_and_the_rest_goes_on(home):
    judged(home, [GRASS])
    slow = {"answer": lambda body, before: Answer(waits=True), "timeout_seconds": 0.05, "attempts": 1}
    outcomes, _, _ = judged(home, [SKY, GRASS], concurrency=1, **slow)
    assert outcomes["faithfulness", "grass"].score == 1.0
    assert outcomes["faithfulness", "sky"].state == "failed"
    assert "no answer within 0.05 s" in outcomes["faithfulness", "sky"].reason


def test_a_judge_that_is_busy_is_waited_for_and_loses_no_sample(home):
    def answer(body, before):
        return Answer(status=429, headers={"Retry-After": "0"}) if before % 2 == 0 else judging(body, before)

    outcomes, found, server = judged(home, [SKY, GRASS], answer, concurrency=1, budget=4)
    assert [outcomes["faithfulness", name].score for name in ("sky", "grass")] == [0.5, 1.0]
    assert (len(server.bodies), found.costs["requests"]) == (8, 4)


def test_a_judge_that_dies_leaves_the_rest_unmeasured_and_what_it_said_is_kept(home):
    def answer(body, before):
        return judging(body, before) if before < 2 else Answer(hangs_up=True)

    samples = [SKY, GRASS, replace(GRASS, id="third", answer="Grass grows. It is green")]
    outcomes, _, server = judged(home, samples, answer, concurrency=1, attempts=1)
    states = [outcomes["faithfulness", sample.id].state for sample in samples]
    assert states == ["measured", "unmeasured", "unmeasured"]
    assert len(server.bodies) == 3  # the second sample was tried, the third was not
    assert "cannot be reached" in outcomes["faithfulness", "third"].reason
    outcomes, _, server = judged(home, samples)
    assert [outcomes["faithfulness", sample.id].state for sample in samples] == ["measured"] * 3
    assert len(server.bodies) == 4


def test_so_many_samples_are_judged_at_once(home):
    both = threading.Barrier(2)

    def answer(body, before):
        both.wait(30)
        return judging(body, before)

    _, _, server = judged(home, [SKY, GRASS], answer, concurrency=2)
    assert server.most_at_once == 2


def test_without_a_judge_ids_and_texts_are_measured_and_the_rest_is_told(home):
    given = replace(SKY, reference_contexts=("By day, the sky is blue.", "Snow is white and lies on mountains."))
    found = judge_samples(home, [given], tuple(METRICS.values()))
    scores = {name: outcome.score for name, outcome in found.samples[0].outcomes.items()}
    assert scores["id_context_precision"] == scores["id_context_recall"] == 0.5
    assert scores["text_context_precision"] == pytest.approx(1.0)
    assert scores["text_context_recall"] == 0.5
    assert found.samples[0].outcomes["faithfulness"].reason == "no judge is configured"
    assert (found.costs, found.inputs["model"]) == ({}, None)


def test_only_enough_samples_give_an_interval(home):
    samples = [replace(SKY, id=str(n), context_ids=("d1", "d2")[: 1 + n % 2]) for n in range(20)]
    many = judge_samples(home, samples, metrics_named(("id_context_precision",))).summaries[0]
    few = judge_samples(home, samples[:19], metrics_named(("id_context_precision",))).summaries[0]
    assert few.interval is None
    low, high = many.interval
    assert low < many.mean == 0.75 < high
    assert not math.isnan(low + high)


def test_nothing_is_judged_of_nothing(home):
    with pytest.raises(InvalidInput, match="at least one"):
        judge_samples(home, [], FAITHFULNESS)
