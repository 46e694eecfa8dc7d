"""A report that says something of a tenant goes with all its formats, and so does one that cannot be read."""

import json

from indexing.retention.stored_reports import remove_reports, reports_about


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
