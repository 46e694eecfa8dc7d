"""A gate's policy: what a file may say, and what is said where it says something else."""

import pytest

from eval.gates.policy import LEAST_QUERIES, POLICY_FILE, Policy, parse_policy, policy_of, read_policy
from indexing.errors import InvalidInput, NotFound

WHOLE = """
level: 0.01
query_sets:
  - {name: support, split: all, mode: dense, measure: nDCG@10, margin: 0.03, superiority: true, looks: [100, 300]}
  - {name: docs, min_queries: 50, guard_slices: [{slice: language, margin: 0.1, min_queries: 20}]}
latency: {p95_ms: 40, p95_ratio: 1.5}
cost: {bytes_ratio: 2, passages_ratio: 3}
canary: {level: 0.02, n_star: 500, low_score: {margin: 0.1, action: pause}, negative_feedback: null, drift: ignore}
"""


def test_without_a_file_the_defaults_hold():
    assert read_policy(None) == Policy()
    assert Policy().query_sets == ()


def test_a_file_says_everything(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(WHOLE)
    found = read_policy(path)
    first, second = found.query_sets
    assert (first.name, first.margin, first.superiority, first.looks) == ("support", 0.03, True, (100, 300))
    assert (second.min_queries, second.guard_slices[0].slice, first.min_queries) == (50, "language", LEAST_QUERIES)
    assert (found.latency.p95_ms, found.cost.bytes_ratio, found.canary.low_score.action) == (40, 2, "pause")
    assert found.canary.negative_feedback is None


def test_a_policy_is_named_by_what_it_says():
    assert Policy().id == parse_policy("{}", "x").id == parse_policy("level: 0.05", "x").id
    assert parse_policy("level: 0.04", "x").id != Policy().id


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("level: [", "p.yaml is not YAML"),
        ("- a", "p.yaml holds no policy"),
        ("level: 0.6", "level 0.6: input should be less than 0.5"),
        ("lvl: 0.1", "lvl 0.1: extra inputs are not permitted"),
        ("query_sets: [{margin: 0.1}]", "query_sets, number 1, name: field required"),
        ("query_sets: [{name: a, margin: 0}]", "query_sets, number 1, margin 0: input should be greater than 0"),
        ("query_sets: [{name: a, looks: [300, 100]}]", r"query_sets, number 1: looks \[300, 100\]: expected numbers"),
        ("query_sets: [{name: a, looks: [50, 100]}]", r"from min_queries \(100\) on"),
        (
            "query_sets: [{name: a, measure: nDCG@1O}]",
            "query_sets, number 1, measure: 'nDCG@1O': expected one of nDCG@10",
        ),
        ("query_sets: [{name: a, measure: judged@10}]", "measure: 'judged@10': expected one of"),
        ("query_sets: [{name: a}, {name: a}]", "one set stands there twice"),
        ("canary: {low_score: {margin: 0.1, action: shout}}", "canary, low_score, action 'shout'"),
        ("canary: {low_score: {margin: .inf, action: pause}}", "canary, low_score, margin inf: input should be a fin"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text, said):
    with pytest.raises(InvalidInput, match=said):
        parse_policy(text, "p.yaml")


def test_a_homes_own_policy_is_its_file(home):
    assert policy_of(home) == Policy()
    (home.path / POLICY_FILE).write_text("level: 0.01")
    assert policy_of(home).level == 0.01


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path):
    with pytest.raises(NotFound, match="cannot be read"):
        read_policy(tmp_path / "none.yaml")
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        read_policy(tmp_path / "odd.yaml")
