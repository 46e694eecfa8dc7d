"""What users did with documents becomes a feature: counted over windows, with a prior, and never from later."""

from datetime import timedelta

import pytest

from indexing.catalogue.home_secrets import home_secret
from indexing.errors import InvalidInput
from indexing.features.boosts import Boost, boosted
from indexing.features.engagement import NEUTRAL, PRIOR_IMPRESSIONS, PRIOR_OPINIONS, materialise_engagement
from indexing.features.feature_values import Absence, numbers_of, read_features
from indexing.features.materialise import Push, push
from indexing.features.online_store import OnlineStore, get_online
from indexing.features.point_in_time import get_historical
from indexing.features.views import DOCUMENT_ENGAGEMENT
from indexing.home import open_home
from indexing.ledger.erasure import erase_rows
from indexing.ledger.hashes import LEDGER_SECRET, USER, keyed_hash
from indexing.records import Partition
from indexing.retention.quality_rows import erase_quality_of_user
from indexing.retention.tenant_erasure import user_scope
from indexing.settings import Settings
from tests.support.document_features import put
from tests.support.ledger_rows import NOON, made_feedback, made_hit, made_row
from tests.support.migrated_catalogue import place_home

OURS, THEIRS = Partition("acme", "articles"), Partition("zeta", "articles")
DAY = timedelta(days=1)
NOW = NOON + 2 * DAY
NAMES = [f"document_engagement:{column.name}" for column in DOCUMENT_ENGAGEMENT.columns]


@pytest.fixture
def home(tmp_path):
    home = open_home(Settings(home=place_home(tmp_path / "home"), ledger_days=36_500))
    put(home, "a", "b", "c", partition=OURS)
    put(home, "a", partition=THEIRS)
    yield home
    home.close()


def row(number, at=NOW - DAY, documents="ab", partition=OURS, **changes):
    return made_row(
        number,
        at + timedelta(seconds=number),
        tenant=partition.tenant,
        collection=partition.collection,
        hits=tuple(map(made_hit, documents)),
        **changes,
    )


def count(home, at=NOW):
    return materialise_engagement(home.catalogue, home.ledger, now=lambda: at)


def value(home, name, column, at=NOW, partition=OURS):
    (feature,) = read_features(home.catalogue, [f"document_engagement:{column}"])
    return get_historical(home.catalogue, [feature], [(partition, name)], at)[0][feature.name]


def test_documents_are_counted_over_a_week_and_a_month(home):
    rows = [row(n) for n in range(4)] + [row(9, NOW - 20 * DAY)] + [row(10, NOW - 40 * DAY)]
    home.ledger.append([*rows, row(11, partition=THEIRS)])
    events = [made_feedback(rows[0], event=str(n), document_id="b") for n in range(3)]
    events += [made_feedback(rows[1], "answered", document_id="b"), made_feedback(rows[2], "dwell", document_id="b")]
    events += [made_feedback(rows[3], "rate", document_id="b", value=0.5), made_feedback(rows[1], "rate", "r", value=0)]
    events += [made_feedback(one, "cite", "cited", document_id="a") for one in rows[4:]]
    home.ledger.append_feedback(events)
    assert count(home).rows == 3
    found = {name: value(home, "b", name.rpartition(":")[2]) for name in NAMES}
    week, month = 2 / 8, 3 / 10
    assert list(found.values()) == [
        *(4, 2, pytest.approx((2 + PRIOR_IMPRESSIONS * week) / (4 + PRIOR_IMPRESSIONS), abs=1e-4)),
        *(2, pytest.approx((1.5 + PRIOR_OPINIONS * 0.75) / (2 + PRIOR_OPINIONS), abs=1e-4)),
        *(5, 2, pytest.approx((2 + PRIOR_IMPRESSIONS * month) / (5 + PRIOR_IMPRESSIONS), abs=1e-4)),
        *(2, pytest.approx(0.75)),
    ]
    assert (value(home, "a", "clicks_7d"), value(home, "a", "clicks_30d")) == (0, 1)
    assert value(home, "a", "approval_7d") == pytest.approx(0.75), "without an opinion of its own, that of the others"
    assert value(home, "a", "approval_7d", partition=THEIRS) == NEUTRAL
    assert value(home, "c", "clicks_7d") is Absence.MISSING


def test_one_click_of_one_showing_is_not_the_best_of_all(home):
    rows = [row(n, documents="a") for n in range(100)] + [row(200, documents="b")]
    home.ledger.append(rows)
    home.ledger.append_feedback([made_feedback(one, document_id="a") for one in rows[:60]])
    home.ledger.append_feedback([made_feedback(rows[-1], document_id="b")])
    count(home)
    assert value(home, "b", "clicks_7d") / value(home, "b", "impressions_7d") == 1
    assert value(home, "b", "click_rate_7d") == pytest.approx((1 + 20 * 61 / 101) / 21, abs=1e-4)


def test_nothing_leaks_in_from_later(home):
    early, late = row(1), row(2)
    home.ledger.append([early, late, row(3, NOW + DAY)])
    home.ledger.append_feedback(
        [
            made_feedback(early, document_id="a"),
            made_feedback(late, document_id="a", received_at=NOW + timedelta(seconds=1)),
        ]
    )
    count(home)
    count(home, NOW + 2 * DAY)
    assert (value(home, "a", "impressions_7d"), value(home, "a", "clicks_7d")) == (2, 1)
    later = NOW + 2 * DAY
    assert (value(home, "a", "impressions_7d", later), value(home, "a", "clicks_7d", later)) == (3, 2)
    assert value(home, "a", "clicks_7d", NOW - timedelta(seconds=1)) is Absence.MISSING


def test_what_is_counted_for_the_past_is_so_then_and_known_since_now(home):
    home.ledger.append([row(1)])
    appended = materialise_engagement(home.catalogue, home.ledger, as_of=NOW, now=lambda: NOW + 3 * DAY)
    assert appended.rows == 2
    assert value(home, "a", "impressions_7d", NOW + 2 * DAY) is Absence.MISSING, "then it was not known yet"
    assert value(home, "a", "impressions_7d", NOW + 3 * DAY) == 1


def test_only_changes_make_rows_and_a_document_that_is_shown_no_more_is_said_so_once(home):
    home.ledger.append([row(1), row(2, NOW + 25 * DAY, documents="b")])
    assert count(home).rows == 2
    assert count(home, NOW + timedelta(hours=1)).rows == 0
    assert count(home, NOW + 11 * DAY).rows == 2, "out of the week"
    assert count(home, NOW + 35 * DAY).rows == 2
    assert value(home, "a", "impressions_30d", NOW + 35 * DAY) == 0
    assert count(home, NOW + 46 * DAY).rows == 1, "b alone, whose value is refreshed before it expires"
    assert value(home, "a", "impressions_30d", NOW + 70 * DAY) is Absence.EXPIRED


def test_documents_that_are_gone_are_left_out_and_a_boost_uses_the_values(home):
    rows = [row(n, documents=("a", "gone")) for n in range(2)]
    home.ledger.append(rows)
    home.ledger.append_feedback([made_feedback(rows[0], document_id="a")])
    assert count(home).left_out == ("gone",)
    features = read_features(home.catalogue, NAMES)
    (found,) = get_online(OnlineStore(home.catalogue), features, OURS, ["a"], NOW)
    boost = Boost("document_engagement:clicks_7d", 0.5, 1.0)
    assert boosted((boost,), numbers_of(found)) == 0.25


def test_people_push_none_of_its_values(home):
    with pytest.raises(InvalidInput, match="run 'groundwork features materialise document_engagement' instead"):
        push(home.catalogue, DOCUMENT_ENGAGEMENT, OURS, [Push("a", "2026-11-24T00:00:00Z", {"clicks_7d": 9})])


def test_counts_go_with_the_user_whose_clicks_they_hold_and_are_counted_anew_from_what_is_left(home):
    secret = home_secret(home.catalogue, LEDGER_SECRET)
    rows = [row(n, user=keyed_hash(secret, USER, f"u-{n}".encode())) for n in range(2)]
    home.ledger.append([*rows, row(9, partition=THEIRS)])
    home.ledger.append_feedback([made_feedback(one, document_id="a") for one in rows])
    count(home)
    assert erase_rows(home.ledger, user_scope(home, "acme", "u-1")) == 2
    erase_quality_of_user(home, "acme", "u-1")
    assert value(home, "a", "clicks_7d") is Absence.MISSING
    assert value(home, "a", "impressions_7d", partition=THEIRS) == 1
    count(home)
    assert (value(home, "a", "impressions_7d"), value(home, "a", "clicks_7d")) == (1, 1)
