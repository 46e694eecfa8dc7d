"""How two checkouts are compared."""

import pytest

from benchmarks.search.before_after import checkout_of, compare, vector_requests


def one_round(rate, milliseconds):
    return {"cached text": {"queries_per_second": rate, "p50_ms": milliseconds, "p95_ms": 2.0, "p99_ms": 4.0}}


def test_medians_are_compared_and_the_range_within_a_round_is_told():
    before = [one_round(100.0, 10.0), one_round(50.0, 20.0), one_round(120.0, 8.0)]
    after = [one_round(110.0, 9.0), one_round(60.0, 16.0), one_round(90.0, 10.0)]
    found = compare(before, after)["cached text"]
    assert found["before"]["queries_per_second"] == 100.0
    assert found["after"]["queries_per_second"] == 90.0
    assert found["after_to_before"] == {"queries_per_second": 0.9, "p50_ms": 1.0, "p95_ms": 1.0, "p99_ms": 1.0}
    assert found["queries_per_second_in_one_round"] == [0.75, 1.2]


def test_rounds_must_be_in_pairs():
    with pytest.raises(ValueError, match="zip"):
        compare([one_round(1.0, 1.0)], [one_round(1.0, 1.0)] * 2)


def test_a_folder_without_a_command_of_its_own_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="make setup"):
        checkout_of(tmp_path, None, tmp_path / "home")


def test_a_checkout_is_started_with_its_own_code_and_no_setting_of_this_process(tmp_path, monkeypatch):
    monkeypatch.setenv("GROUNDWORK_QUERY_CACHE_MB", "7")
    command = tmp_path / ".venv" / "bin" / "groundwork"
    command.parent.mkdir(parents=True)
    command.touch()
    found = checkout_of(tmp_path, None, tmp_path / "home")
    assert found.program == str(command)
    assert found.environment["PYTHONPATH"] == str(tmp_path)
    assert not [name for name in found.environment if name.startswith("GROUNDWORK_")]


def test_given_vectors_are_searched_dense():
    [(method, path, _, body)] = vector_requests([[0.6, 0.8]])
    assert (method, path, body["mode"], body["vector"]) == ("POST", "/v1/search", "dense", [0.6, 0.8])
