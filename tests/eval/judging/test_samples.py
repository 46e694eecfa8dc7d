"""A file of samples is read whole or refused by line; what a sample lacks is told by metric."""

import json

import pytest

from eval.judging.metrics import METRICS, metrics_named
from eval.judging.samples import Sample, read_samples, samples_fingerprint
from indexing.errors import InvalidInput, SourceInvalid
from indexing.records import Partition

FULL = {
    "id": "q1",
    "question": "What is blue?",
    "answer": "The sky",
    "reference": "The sky is",
    "contexts": ["The sky is blue."],
    "context_ids": ["d1"],
    "reference_contexts": [],
    "reference_context_ids": ["d1", "d2"],
    "tenant": "acme",
    "collection": "manual",
    "user": "u1",
}


def written(tmp_path, *lines):
    path = tmp_path / "samples.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_every_field_is_read_and_what_is_not_there_is_not_known(tmp_path):
    full, bare = read_samples(written(tmp_path, FULL, "", {"question": "Why?"}))
    assert full == Sample(
        "q1",
        "What is blue?",
        Partition("acme", "manual"),
        "The sky",
        "The sky is",
        ("The sky is blue.",),
        ("d1",),
        (),
        ("d1", "d2"),
        "u1",
    )
    assert full.documents == {"d1", "d2"}
    assert bare == Sample("3", "Why?", Partition("default", "default"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 2: Expecting property name"),
        ("[]", "line 2: .*where an object was expected"),
        ({"answer": "no question"}, "'question' is missing"),
        ({"question": " "}, "the question is empty"),
        ({"question": "\ud800"}, "surrogates not allowed"),
        ({"question": "q", "contexts": "one"}, "'contexts' is 'one', expected list"),
        ({"question": "q", "contexts": [1]}, "'contexts' holds something else than texts"),
        ({"question": "q", "ground_truth": "g"}, "'ground_truth' is unknown"),
        (FULL, "line 2: the id 'q1' stands in line 1 as well"),
    ],
)
def test_a_line_that_is_no_sample_is_refused_by_its_number(tmp_path, line, reason):
    with pytest.raises(SourceInvalid, match=reason):
        read_samples(written(tmp_path, FULL, line))


def test_a_file_without_a_sample_or_in_another_encoding_is_refused(tmp_path):
    with pytest.raises(SourceInvalid, match="holds no sample"):
        read_samples(written(tmp_path, ""))
    (tmp_path / "latin").write_bytes("grün".encode("latin-1"))
    with pytest.raises(SourceInvalid, match="JSON lines in UTF-8"):
        read_samples(tmp_path / "latin")


def test_the_fingerprint_is_of_all_texts_and_not_of_the_order():
    one, other = Sample("a", "q"), Sample("b", "q")
    assert samples_fingerprint([one, other]) == samples_fingerprint([other, one])
    assert samples_fingerprint([one]) != samples_fingerprint([Sample("a", "q", answer="x")])


def test_metrics_are_chosen_by_name():
    assert metrics_named(()) == tuple(METRICS.values())
    assert [metric.name for metric in metrics_named(("faithfulness", "id_context_recall"))] == [
        "id_context_recall",
        "faithfulness",
    ]
    with pytest.raises(InvalidInput, match=r"'fidelity' is unknown; expected one of: id_context_precision"):
        metrics_named(("fidelity",))


@pytest.mark.parametrize(
    ("score", "within"), [(1 + 1e-9, 1.0), (-1e-9, 0.0), (0.5, 0.5), (1.01, None), (float("nan"), None)]
)
def test_a_score_is_cut_by_rounding_alone(score, within):
    assert METRICS["faithfulness"].within(score) == within
