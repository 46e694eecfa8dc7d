"""Repeated looks gather evidence until they alarm once; acknowledging makes the new traffic the reference."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from eval.drift.alerting import say_alert
from eval.drift.watch import watch_drift
from indexing.catalogue.alerts import acknowledge_alert, open_alerts
from indexing.records import moment_text
from tests.support.drifting_home import BEGIN, NEW_WORDS, OLD_WORDS, DriftingHome
from tests.support.ledger_rows import made_row


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch):
    monkeypatch.setattr("eval.drift.embedding_tests.PERMUTATIONS", 4999)


def test_looks_gather_until_an_alarm_that_is_said_once_and_acknowledging_it_begins_anew(fresh):
    first, end = fresh.first, fresh.end

    def look(words, count):
        nonlocal end
        end = fresh.ask(first, words, count, end)
        (done,) = watch_drift(fresh.home, now=end, replayer=fresh.replayer)
        return done

    (begun,) = watch_drift(fresh.home, now=end, replayer=fresh.replayer)
    assert (begun.scope, begun.looks, begun.queries, begun.report) == ("a/articles", 0, 0, None)
    assert look(OLD_WORDS, 60).report is None  # the window grows
    quiet = look(OLD_WORDS, 60)
    assert (quiet.looks, quiet.queries, quiet.alerts) == (1, 120, ())
    assert quiet.report.n_reference == 150
    alerts = ()
    for looks in range(2, 8):
        done = look(NEW_WORDS, 100)
        assert done.looks == looks
        if done.alerts:
            alerts = done.alerts
            break
    assert looks <= 4
    (alert,) = alerts
    assert (alert.key, alert.tenant, alert.source, alert.times) == ("drift:a/articles", "a", "drift", 1)
    assert alert.evidence["causes"] == ["traffic"]
    assert {"mmd", "classifier"} & alert.evidence["signals"].keys()
    assert "a/articles drifted in" in alert.message
    assert "cause: traffic. See 'groundwork eval drift'" in alert.message
    assert "loan" not in json.dumps(alert.evidence)
    acknowledge_alert(fresh.home.catalogue, alert.id, "ana", "a campaign", moment_text(end))
    assert look(NEW_WORDS, 110).report is None  # of the new reference
    after = look(NEW_WORDS, 110)
    assert (after.looks, after.alerts) == (1, ())
    assert after.report.n_reference == 110
    assert open_alerts(fresh.home.catalogue) == []


def test_an_alarm_is_said_although_its_cause_cannot_be_looked_for_and_other_collections_are_looked_at(fresh):
    release, end = fresh.first, fresh.end
    other = [made_row(n, BEGIN, tenant="z", collection="last", release=release.number) for n in range(1, 4)]
    fresh.home.ledger.append(other)

    class Broken:
        def __init__(self, home):
            raise OSError("a path of a model")

    watch_drift(fresh.home, now=end, replayer=Broken)
    for _ in range(5):
        end = fresh.ask(release, NEW_WORDS, 100, end)
        ours, theirs = watch_drift(fresh.home, now=end, replayer=Broken)
        assert (theirs.scope, theirs.failure) == ("z/last", None)
        if ours.failure:
            break
    assert ours.failure == "OSError, see the log"
    unlooked, alarm = open_alerts(fresh.home.catalogue)
    assert ours.alerts == (unlooked,)
    assert (unlooked.key, unlooked.tenant, unlooked.evidence) == ("unlooked:a/articles", "a", {"error": "OSError"})
    assert (alarm.key, alarm.evidence["causes"], alarm.times) == ("drift:a/articles", [], 1)
    assert "its cause is looked for" in alarm.message
    (again, _) = watch_drift(fresh.home, now=end + timedelta(seconds=1), replayer=fresh.replayer)
    assert (again.failure, again.queries) == (None, 0)  # what was looked at is not looked at twice


def test_what_a_candidate_answers_is_no_drift_of_what_is_in_service(fresh):
    release, end = fresh.first, fresh.end
    watch_drift(fresh.home, now=end, replayer=fresh.replayer)
    for look in range(1, 4):
        damaged = [
            made_row(n, end, tenant="a", collection="articles", release="9.1", arm="candidate", hits=())
            for n in range(150)
        ]
        fresh.home.ledger.append(damaged)
        end = fresh.ask(release, OLD_WORDS, 110, end)
        (done,) = watch_drift(fresh.home, now=end, replayer=fresh.replayer)
        assert (done.looks, done.queries, done.alerts) == (look, 110, ())
    assert open_alerts(fresh.home.catalogue) == []


class Webhook(BaseHTTPRequestHandler):
    """Keeps what it is sent, and answers as it is told."""

    received, status = [], 204

    def do_POST(self):
        Webhook.received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(Webhook.status)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def webhook():
    server = HTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    Webhook.received, Webhook.status = [], 204
    yield f"http://127.0.0.1:{server.server_port}/alerts?token=hidden"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_gets_what_is_news_and_its_failure_is_logged_without_its_address(tmp_path, webhook, caplog):
    made = DriftingHome(tmp_path / "home", alert_webhook_url=webhook)

    def say(key="k", severity="warning", p=0.5):
        at = moment_text(BEGIN + timedelta(seconds=1))
        return say_alert(made.home, key, severity, "drift", "it drifted", {"p": p}, at)

    said = say()
    say()
    (received,) = Webhook.received
    assert (received["id"], received["key"], received["evidence"]) == (said.id, "k", {"p": 0.5})
    say(severity="critical")
    assert [one["severity"] for one in Webhook.received] == ["warning", "critical"]
    assert "alert.webhook_failed" not in caplog.text
    Webhook.status = 500
    say("other")
    assert caplog.records[-1].getMessage() == "alert.webhook_failed"
    assert caplog.records[-1].fields == {"alert": said.id + 1, "reason": "it answered 500"}
    assert "hidden" not in str([record.__dict__ for record in caplog.records])
    say("no number", p=float("inf"))
    assert caplog.records[-1].fields == {"alert": said.id + 2, "reason": "ValueError"}
    assert len(open_alerts(made.home.catalogue)) == 3
    made.close()


def test_a_webhook_that_is_gone_stops_nothing(tmp_path, caplog):
    made = DriftingHome(tmp_path / "home", alert_webhook_url="http://127.0.0.1:1/token-hidden")
    say_alert(made.home, "k", "warning", "drift", "it drifted", {}, moment_text(BEGIN))
    assert caplog.records[-1].fields["reason"] == "ConnectError"
    assert len(open_alerts(made.home.catalogue)) == 1
    made.close()
