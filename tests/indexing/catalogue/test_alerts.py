"""An alert is said once until it is acknowledged, keeps the worst that was said, and goes with its tenant."""

import pytest

from indexing.catalogue.alerts import (
    acknowledge_alert,
    amend_alert,
    count_open_alerts,
    forget_alerts,
    last_acknowledged,
    list_alerts,
    open_alerts,
    raise_alert,
)
from indexing.catalogue.drift_watches import DriftWatch, put_watch, read_watch
from indexing.errors import NotFound


def say(home, key="drift:a/b", severity="warning", at="2026-11-29T00:00:00.000+00:00", **more):
    return raise_alert(home.catalogue, key, severity, "drift", f"said at {at}", {"p": 0.01}, at, **more)


def test_the_same_is_said_once_until_it_is_acknowledged_and_a_worse_one_is_news(home):
    first, is_news = say(home, tenant="a")
    assert is_news
    assert (first.times, first.is_open, first.evidence) == (1, True, {"p": 0.01})
    again, is_news = say(home, at="2026-11-29T01:00:00.000+00:00")
    assert (again.id, again.times, is_news) == (first.id, 2, False)
    assert (again.first_at, again.last_at) == (first.first_at, "2026-11-29T01:00:00.000+00:00")
    worse, is_news = say(home, severity="critical")
    assert (worse.id, worse.severity, is_news) == (first.id, "critical", True)
    better, is_news = say(home)
    assert (better.severity, is_news) == ("critical", False)
    assert count_open_alerts(home.catalogue) == {"warning": 0, "critical": 1}
    assert last_acknowledged(home.catalogue, "drift:a/b") is None
    done = acknowledge_alert(home.catalogue, first.id, "ana", "a campaign", "2026-11-30T00:00:00.000+00:00")
    assert (done.acknowledged_by, done.note, done.is_open) == ("ana", "a campaign", False)
    later = acknowledge_alert(home.catalogue, first.id, "bob", "", "2026-12-01T00:00:00.000+00:00")
    assert later == done
    assert last_acknowledged(home.catalogue, "drift:a/b") == done.acknowledged_at
    anew, is_news = say(home)
    assert is_news
    assert anew.id != first.id
    assert [one.id for one in open_alerts(home.catalogue)] == [anew.id]
    assert [one.id for one in list_alerts(home.catalogue, is_open_only=False)] == [anew.id, first.id]


def test_an_alert_that_is_not_there_is_told(home):
    with pytest.raises(NotFound, match="There is no alert 7: see 'groundwork eval alerts list --all'"):
        acknowledge_alert(home.catalogue, 7, "ana", "", "2026-11-30T00:00:00.000+00:00")


def test_alerts_and_watches_of_a_tenant_go_with_it(home):
    say(home, tenant="a")
    say(home, key="drift:c/d", tenant="c")
    for tenant in "ac":
        put_watch(home.catalogue, DriftWatch(f"{tenant}/b", tenant, "2026", "2026", 1, {"dense_top": 2.0}))
    assert forget_alerts(home.catalogue, "a") == 1
    assert [one.tenant for one in list_alerts(home.catalogue)] == ["c"]
    assert read_watch(home.catalogue, "a/b") is None
    assert read_watch(home.catalogue, "c/b").evidence == {"dense_top": 2.0}


def test_what_is_found_later_is_added_to_an_alert_without_counting_it_again(home):
    first, _ = say(home, severity="critical")
    more = amend_alert(home.catalogue, first.id, "warning", "its cause is traffic", {"causes": ["traffic"]})
    assert (more.id, more.times, more.severity) == (first.id, 1, "critical")
    assert (more.message, more.evidence) == ("its cause is traffic", {"causes": ["traffic"]})
    with pytest.raises(NotFound, match="There is no alert 99"):
        amend_alert(home.catalogue, 99, "warning", "", {})
