"""Feedback that is still to come is in neither sample, so that unchanged traffic makes no alarm."""

from datetime import timedelta
from types import SimpleNamespace

import numpy as np

from eval.drift.error_control import alarms, gathered
from eval.drift.feedback_signals import feedback_signals
from eval.drift.windows import Sample
from eval.feedback.rates import PROMPT
from indexing.ledger.day_sources import Period
from indexing.ledger.ids import made_id, moment_of
from indexing.ledger.query_sketches import unpacked
from tests.support.ledger_rows import NOON

AN_HOUR = 2000
"""Answers of an hour."""
HOUR = timedelta(hours=1)


class Users:
    """Answers of many hours, of which users find 30 % helpful, and say so some minutes later."""

    def __init__(self, seed, hours):
        chance = np.random.default_rng(seed)
        seconds = np.sort(chance.uniform(0, hours * 3600, hours * AN_HOUR))
        self.rows = [
            SimpleNamespace(id=made_id(int((NOON.timestamp() + at) * 1000), 0, place))
            for place, at in enumerate(seconds)
        ]
        delays = chance.uniform(0, PROMPT.total_seconds(), len(seconds))
        helped = chance.random(len(seconds)) < 0.3
        self.said_at = {
            row.id: moment_of(row.id) + timedelta(seconds=delay)
            for row, delay, is_helped in zip(self.rows, delays, helped, strict=True)
            if is_helped
        }
        self.until = NOON

    def feedback(self, home, rows):
        return {"helped": [row.id in self.said_at and self.said_at[row.id] < self.until for row in rows]}

    def sample(self, since, until, most, chance):
        rows = self.rows[since * AN_HOUR : until * AN_HOUR]
        kept = sorted(chance.choice(len(rows), min(most, len(rows)), replace=False))
        return Sample(Period(), len(rows), [rows[place] for place in kept], [], unpacked([]))

    def look(self, hour, chance):
        self.until = NOON + hour * HOUR
        before, after = self.sample(0, hour - 1, 2000, chance), self.sample(hour - 1, hour, 2000, chance)
        (signal,) = feedback_signals(None, before, after, self.until, self.feedback)
        return signal


def test_a_day_and_a_half_of_hourly_looks_at_unchanged_users_makes_no_alarm():
    users, chance, evidence = Users(0, 36), np.random.default_rng(0), {}
    for hour in range(2, 37):
        signal = users.look(hour, chance)
        evidence = gathered(evidence, {signal.key: signal.p})
        assert alarms(evidence) == []


def test_users_who_find_less_are_found_in_the_answers_that_are_old_enough():
    users, chance = Users(1, 10), np.random.default_rng(1)
    assert users.look(9, chance).p > 0.01
    last = {row.id for row in users.rows[9 * AN_HOUR :]}
    users.said_at = {name: at for name, at in users.said_at.items() if name not in last or name.int % 2}
    signal = users.look(10, chance)
    assert signal.p < 0.001
    assert signal.value < signal.before
    assert AN_HOUR * 0.7 < signal.n_window < AN_HOUR * 0.9
