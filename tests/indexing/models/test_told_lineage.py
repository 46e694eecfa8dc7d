"""What is told of a model's origin is checked, and of training data the sha256 is kept."""

import hashlib
import json

import pytest

from indexing.errors import InvalidInput
from indexing.models.compiler import Lineage
from indexing.models.told_lineage import read_lineage, with_choices

TOLD = {
    "parent": "base@1",
    "training_data": {"pairs": "0" * 64},
    "parameters": {"epochs": 2, "loss": "ranking", "is_shuffled": True},
    "metrics": {"ndcg@10": 0.71},
    "licence": "MIT",
    "code_version": "tune 3",
}
NOTHING = {"parent": None, "licence": None, "code_version": None, "training_data": (), "parameters": {}, "metrics": {}}


@pytest.fixture
def told(tmp_path):
    def write(**changes):
        path = tmp_path / "lineage.json"
        path.write_text(json.dumps({**TOLD, **changes}))
        return path

    return write


def test_a_file_is_read_as_it_is(told):
    assert read_lineage(told()) == Lineage(**TOLD)


def test_options_count_more_than_the_file_and_only_hashes_of_data_are_kept(told, tmp_path):
    data = tmp_path / "pairs.jsonl"
    data.write_bytes(b"the data themselves")
    found = with_choices(
        read_lineage(told()),
        **{
            **NOTHING,
            "parent": "other@2",
            "training_data": [data],
            "parameters": {"epochs": "3", "note": "x=1"},
            "metrics": {"ndcg@10": "0.8", "mrr": "1"},
        },
    )
    assert found.parent == "other@2"
    assert found.training_data == {"pairs": "0" * 64, str(data): hashlib.sha256(b"the data themselves").hexdigest()}
    assert found.parameters == {"epochs": 3, "loss": "ranking", "is_shuffled": True, "note": "x=1"}
    assert found.metrics == {"ndcg@10": 0.8, "mrr": 1}
    assert "themselves" not in str(found)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "x"}, "the field 'model' is unknown: expected some of parent"),
        ({"parent": 1}, "parent 1 is invalid: expected a text"),
        ({"metrics": [0.7]}, r"metrics \[0.7\] is invalid: expected an object"),
        ({"training_data": {"pairs": "how do I pay?"}}, "'how do I pay.' *: expected their sha256"),
        ({"metrics": {"ndcg": "high"}}, "The metric 'ndcg' is 'high': expected a finite number"),
        ({"metrics": {"ndcg": float("nan")}}, "expected a finite number"),
        ({"metrics": {"ndcg": True}}, "expected a finite number"),
        ({"parameters": {"layers": [1, 2]}}, r"The parameter 'layers' is \[1, 2\]"),
    ],
)
def test_what_is_no_lineage_is_refused_by_name(told, changes, message):
    with pytest.raises(InvalidInput, match=message):
        read_lineage(told(**changes))


@pytest.mark.parametrize("text", ["[]", "3", "{"])
def test_another_json_is_refused(tmp_path, text):
    path = tmp_path / "lineage.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="lineage.json is no"):
        read_lineage(path)


def test_a_metric_on_the_command_line_is_a_number():
    with pytest.raises(InvalidInput, match="The metric 'ndcg' is 'good'"):
        with_choices(Lineage(), **{**NOTHING, "metrics": {"ndcg": "good"}})
