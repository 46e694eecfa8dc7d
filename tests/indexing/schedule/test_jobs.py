"""When jobs are due, and which jobs an installation has."""

from datetime import UTC, datetime

import pytest

from indexing.schedule.jobs import Every, daily, scheduled_jobs, weekly


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "now", "last", "following"),
    [
        (Every(3600), "2026-03-02T10:30", "2026-03-02T10:00", "2026-03-02T11:00"),
        (Every(3600), "2026-03-02T10:00", "2026-03-02T10:00", "2026-03-02T11:00"),
        (daily(3), "2026-03-02T02:59", "2026-03-01T03:00", "2026-03-02T03:00"),
        (daily(3, 30), "2026-03-02T03:30", "2026-03-02T03:30", "2026-03-03T03:30"),
        (weekly(6, 4), "2026-03-02T10:30", "2026-03-01T04:00", "2026-03-08T04:00"),
        (weekly(0, 4), "2026-03-02T03:00", "2026-02-23T04:00", "2026-03-02T04:00"),
    ],
)
def test_a_job_is_due_at_its_hour_of_its_day_in_utc(when, now, last, following):
    assert (when.last(at(now)), when.next(at(now))) == (at(last), at(following))


def test_the_jobs_of_the_judging_half_are_entered():
    jobs = {one.name: one for one in scheduled_jobs()}
    assert {"evaluate", "features", "judge", "retention", "skew"} <= jobs.keys()
    assert all(one.about for one in jobs.values())
