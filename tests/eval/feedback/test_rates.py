"""Rates of feedback by release, arm and slice, over what the ledger holds."""

from datetime import timedelta

import pytest

from eval.feedback.rates import GROUPS, MEASURES, feedback_of_requests, feedback_rates
from indexing.errors import InvalidInput
from indexing.home import open_home
from indexing.ledger.feedback_readers import Asked
from indexing.ledger.hashes import USER, keyed_hash
from indexing.settings import Settings
from tests.support.ledger_rows import NOON, SECRET, made_feedback, made_row
from tests.support.migrated_catalogue import place_home


@pytest.fixture
def home(tmp_path):
    home = open_home(Settings(home=place_home(tmp_path / "home"), ledger_days=36_500))
    yield home
    home.close()


def user(number):
    return keyed_hash(SECRET, USER, str(number).encode())


def row(number, **changes):
    return made_row(number, NOON + timedelta(seconds=number), **{"user": user(number % 20), **changes})


def found(result, measure, **group):
    (rate,) = [rate for rate in result.rates if rate.measure == measure and rate.group == group]
    return rate


def test_rates_are_of_all_answers_and_each_answer_counts_once(home):
    rows = [row(n) for n in range(40)]
    home.ledger.append(rows)
    events = [made_feedback(rows[n], event=f"{m}", document_id="a.md") for n in range(10) for m in range(2)]
    events += [made_feedback(rows[n], "rate", "r", value=n / 20) for n in range(20)]
    events += [made_feedback(rows[0], "dwell", "d", value=31_000), made_feedback(rows[1], "dwell", "d", value=29_000)]
    events += [made_feedback(rows[2], "comment", "c"), made_feedback(rows[3], "not_answered", "n")]
    events.append(made_feedback(row(99)))
    home.ledger.append_feedback(events)
    result = feedback_rates(home)
    assert (result.answers, result.with_feedback, result.unjoined) == (40, 20, 1)
    values = {rate.measure: rate.estimate.value for rate in result.rates}
    assert values == pytest.approx(
        dict.fromkeys(MEASURES, 0.0)
        | {"clicked": 0.25, "helped": 0.25, "read": 0.025, "commented": 0.025, "not answered": 0.025, "negative": 0.25}
        | {"rating": sum(range(20)) / 400}
    )
    clicked = found(result, "clicked", release="12.3")
    assert (clicked.answers, clicked.users) == (40, 20)
    assert clicked.estimate.low < 0.25 < clicked.estimate.high
    assert found(result, "rating", release="12.3").answers == 20


def test_groups_are_every_combination_that_occurs(home):
    arms = ("live", "candidate", "live")
    rows = [row(n, release=f"{n % 2}.1", arm=arms[n % 3], rollout=n % 2 or None) for n in range(12)]
    home.ledger.append([*rows, row(50, tenant="zeta", collection="other", mode="dense", kind="context")])
    home.ledger.append_feedback([made_feedback(rows[1])])
    result = feedback_rates(home, by=("release", "arm"), asked=Asked("acme"))
    assert {
        (rate.group["release"], rate.group["arm"]): rate.answers for rate in result.rates if rate.measure == "clicked"
    } == {
        ("0.1", "live"): 4,
        ("0.1", "candidate"): 2,
        ("1.1", "live"): 4,
        ("1.1", "candidate"): 2,
    }
    assert found(result, "clicked", release="1.1", arm="candidate").estimate.value == 0.5
    groups = {name: {rate.group[name] for rate in feedback_rates(home, by=(name,)).rates} for name in GROUPS}
    assert groups == {
        "release": {"0.1", "1.1", "12.3"},
        "recipe": {"0", "1", "12"},
        "arm": {"live", "candidate"},
        "rollout": {"none", "1"},
        "tenant": {"acme", "zeta"},
        "collection": {"acme/default", "zeta/other"},
        "mode": {"hybrid", "dense"},
        "kind": {"search", "context"},
        "language": {"en"},
        "day": {"2026-11-24"},
    }
    assert {
        rate.answers for rate in feedback_rates(home, asked=Asked(rollout=1)).rates if rate.measure != "rating"
    } == {6}
    with pytest.raises(InvalidInput, match="by 'colour' are unknown: expected some of release, recipe"):
        feedback_rates(home, by=("colour",))


def test_a_user_without_a_name_in_the_search_may_have_one_in_the_feedback(home):
    rows = [row(n, user=None) for n in range(4)]
    home.ledger.append(rows)
    home.ledger.append_feedback([made_feedback(rows[n], user=user(1)) for n in range(2)])
    result = feedback_rates(home)
    assert result.without_user == 2
    assert found(result, "clicked", release="12.3").users == 3


def test_a_period_without_answers_has_no_rates(home):
    home.ledger.append([row(1)])
    result = feedback_rates(home, NOON + timedelta(days=1))
    assert (result.rates, result.answers) == ([], 0)


def test_drift_is_told_of_each_request_what_users_said_soon_after_it(home):
    rows = [row(n) for n in range(4)]
    home.ledger.append_feedback([made_feedback(rows[1]), made_feedback(rows[2], "rate", value=0.2)])
    late = NOON + timedelta(minutes=11)
    home.ledger.append_feedback([made_feedback(row(9), "abandon"), made_feedback(rows[3], received_at=late)])
    assert feedback_of_requests(home, rows) == {
        "helped": [False, True, False, False],
        "negative": [False, False, True, False],
    }
    assert feedback_of_requests(home, rows[:1]) == feedback_of_requests(home, []) == {}
