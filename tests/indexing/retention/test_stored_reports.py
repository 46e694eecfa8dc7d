"""A report that says something of a tenant goes with all its formats, and so does one that cannot be read."""

import json
from datetime import UTC, datetime, timedelta, timezone

from indexing.retention.stored_reports import forget_old_reports, remove_reports, reports_about, stem_of


def put(home, stem, content):
    (home / "reports").mkdir(exist_ok=True)
    for suffix in ("json", "md", "html"):
        (home / "reports" / f"{stem}.{suffix}").write_text(content if suffix == "json" else "x")


def test_only_reports_about_the_tenant_go_and_none_is_missed(tmp_path):
    put(tmp_path, "20260101T000000.000001Z", json.dumps({"tenants": ["a", "b"]}))
    put(tmp_path, "20260101T000000.000002Z", json.dumps({"tenants": ["b"]}))
    put(tmp_path, "20260101T000000.000003Z", json.dumps({"tenants": []}))
    put(tmp_path, "20260101T000000.000004Z", "{")
    put(tmp_path, "20260101T000000.000005Z", "[]")
    (tmp_path / "reports" / ".20260101T000000.000006Z.html.0.tmp").write_text("half")
    assert [path.stem[-2:-1] for path in reports_about(tmp_path, "a")] == ["1", "4", "5"]
    assert remove_reports(tmp_path, "a") == 3
    assert sorted({path.stem[-2:-1] for path in (tmp_path / "reports").iterdir()}) == ["2", "3"]
    assert len(list((tmp_path / "reports").iterdir())) == 6
    assert remove_reports(tmp_path, "a") == 0


def test_a_home_without_reports_has_none_to_remove(tmp_path):
    assert remove_reports(tmp_path, "a") == 0


def test_reports_go_in_all_formats_when_they_are_older_than_a_moment(tmp_path):
    moment = datetime(2026, 1, 31, tzinfo=UTC)
    for age in (timedelta(microseconds=1), timedelta(0), timedelta(days=-1)):
        put(tmp_path, stem_of(moment - age), "{}")
    (tmp_path / "reports" / f"{stem_of(moment - timedelta(days=9))}.html").write_text("its JSON went before a kill")
    for own in ("20260101.json", "ours.html", ".20260101T000000.000001Z.html.0.tmp"):
        (tmp_path / "reports" / own).write_text("")
    assert forget_old_reports(tmp_path, moment) == 2
    left = {path.name for path in (tmp_path / "reports").iterdir()}
    kept = {
        f"{stem_of(moment - age)}.{end}" for age in (timedelta(0), timedelta(days=-1)) for end in ("json", "md", "html")
    }
    assert left == kept | {"20260101.json", "ours.html", ".20260101T000000.000001Z.html.0.tmp"}
    assert forget_old_reports(tmp_path, moment) == 0


def test_a_report_is_called_by_its_moment_in_utc_wherever_it_was_made(tmp_path):
    assert stem_of(datetime(2026, 1, 2, 3, 0, tzinfo=timezone(timedelta(hours=2)))) == "20260102T010000.000000Z"
