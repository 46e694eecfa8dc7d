"""What a ledger row costs is measured of rows that are all written."""

from benchmarks.search.ledger_rows import lowest, measure


def test_a_small_burst_of_rows_gives_its_cost_and_its_size(tmp_path):
    found = measure(tmp_path, rows=60, burst=20)
    assert set(found) == {"on_request_us", "in_writer_us", "bytes_a_row"}
    assert found["bytes_a_row"] > 0
    # Of so few rows a thread's clock may see nothing, or a reading more without them than with them.
    assert all(isinstance(value, float) for value in found.values())


def test_of_several_rounds_the_lowest_figures_count():
    assert lowest([{"a": 2.04, "b": 1.0}, {"a": 1.06, "b": 3.0}]) == {"a": 1.1, "b": 1.0}
