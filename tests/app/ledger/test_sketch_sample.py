"""A bounded share of requests leaves a sketch of its vector."""

from app.ledger.sketch_sample import SKETCHES_AN_HOUR, SketchSample


def test_a_quiet_collection_keeps_every_sketch_and_a_busy_one_at_most_a_bucket_and_what_time_brings():
    sample = SketchSample()
    assert all(sample.takes("a", "quiet", 60.0 * minute) for minute in range(600))
    taken = sum(sample.takes("a", "busy", second / 10) for second in range(36_000))
    assert 2 * SKETCHES_AN_HOUR - 2 <= taken <= 2 * SKETCHES_AN_HOUR


def test_a_clock_that_goes_back_gives_no_more():
    sample = SketchSample()
    assert sum(sample.takes("a", "b", 1000.0) for _ in range(600)) == SKETCHES_AN_HOUR
    assert not any(sample.takes("a", "b", 0.0) for _ in range(10))
    assert not sample.takes("a", "b", 1000.0)
