import itertools
import threading

import pytest

from indexing.builds import scheduler
from indexing.builds.scheduler import Builder
from indexing.catalogue.build_requests import open_requests, request_build
from indexing.catalogue.builder_heartbeat import BuilderSeen, builder_seen
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.rollouts import keep_on_standby
from indexing.errors import AlreadyRunning, BuildFailed, StorageFull
from indexing.records import Document, Partition
from indexing.releases.deployments import deploy
from indexing.releases.recipes import record_recipe
from indexing.releases.release import record_release
from tests.support.fresh_home import RECIPE

OURS = Partition("default", "manual")


class Bench:
    def __init__(self, catalogue):
        self.catalogue, self.builds, self.error, self.now = catalogue, 0, None, 0.0
        with catalogue.write() as db:
            db.conn.execute("INSERT INTO recipes VALUES (1, 'f', '{}', 'now')")

    def put(self, name="one", **options):
        put_documents(self.catalogue, OURS, [Document(name, "", "text")], **options)

    def build(self):
        self.builds += 1
        if self.error is not None:
            raise self.error
        record_release(self.catalogue, 1, f"s{self.builds}", seq=self.catalogue.sequence(), actor="test")
        deploy(self.catalogue, 1, reason="test", actor="test")

    def builder(self, **options):
        return Builder(self.catalogue, self.build, clock=lambda: self.now, **options)


@pytest.fixture
def bench(home):
    return Bench(home.catalogue)


def test_a_build_that_is_asked_for_is_run_once(bench):
    builder = bench.builder()
    assert not builder.step()
    bench.put()
    request_build(bench.catalogue, "a test")
    assert builder.step()
    assert not builder.step()
    assert bench.builds == 1
    assert open_requests(bench.catalogue) == []


def test_a_write_after_the_build_is_a_request_of_its_own(bench):
    bench.put()
    first = request_build(bench.catalogue, "a test")
    assert request_build(bench.catalogue, "a test") == first
    bench.put("two")
    assert request_build(bench.catalogue, "a test").id > first.id
    assert bench.builder().step()
    assert open_requests(bench.catalogue) == []


def test_a_build_that_fails_stays_wanted(bench):
    builder = bench.builder()
    bench.put()
    request_build(bench.catalogue, "a test")
    bench.error = BuildFailed("no")
    assert not builder.step()
    assert builder.failures == 1
    bench.error = AlreadyRunning("another")
    assert not builder.step()
    bench.error = None
    assert builder.step()
    assert builder.failures == 0


def test_with_every_what_changed_is_built_unasked_but_not_too_often(bench):
    builder = bench.builder(every_seconds=60)
    bench.put()
    assert builder.step()
    bench.put("two")
    assert not builder.step()
    bench.now += 60
    assert builder.step()
    bench.now += 60
    assert not builder.step()
    assert not bench.builder().step()  # without it, only what is asked for


def test_it_ends_when_told(bench):
    stop = threading.Event()
    running = threading.Thread(target=bench.builder().run, args=(stop,))
    running.start()
    stop.set()
    running.join(20)
    assert not running.is_alive()


def run_in_thread(builder):
    stop = threading.Event()
    running = threading.Thread(target=builder.run, args=(stop,))
    running.start()
    return stop, running


def test_its_heart_beats_while_it_builds_and_is_forgotten_when_it_ends(bench, monkeypatch):
    monkeypatch.setattr(scheduler, "BEAT_SECONDS", 0.01)
    asked = itertools.count()
    has_beaten_twice = threading.Event()
    held = []

    def now():
        number = next(asked)
        if number == 2:  # the second beat is written
            has_beaten_twice.set()
        return "2026-11-28T12:00:01.000+00:00" if number else "2026-11-28T12:00:00.000+00:00"

    def build():
        assert has_beaten_twice.wait(20)
        held.append(builder_seen(bench.catalogue))
        bench.build()

    bench.put()
    request_build(bench.catalogue, "a test")
    stop, running = run_in_thread(Builder(bench.catalogue, build, now=now, name="host:1"))
    assert has_beaten_twice.wait(20)
    stop.set()
    running.join(20)
    assert held == [BuilderSeen("host:1", "2026-11-28T12:00:01.000+00:00")]
    assert builder_seen(bench.catalogue) is None


def test_a_heartbeat_that_cannot_be_written_stops_no_build(bench, monkeypatch, caplog):
    def full(*_):
        raise StorageFull("no room")

    def build():
        bench.build()
        built.set()

    monkeypatch.setattr(scheduler, "record_beat", full)
    built = threading.Event()
    bench.put()
    request_build(bench.catalogue, "a test")
    stop, running = run_in_thread(Builder(bench.catalogue, build))
    assert built.wait(20)
    stop.set()
    running.join(20)
    assert bench.builds == 1
    assert "builder.heartbeat_failed" in [record.message for record in caplog.records]


def test_a_builder_that_ends_in_an_error_leaves_no_heartbeat_behind(bench):
    bench.put()
    request_build(bench.catalogue, "a test")
    bench.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        bench.builder().run(threading.Event())
    assert builder_seen(bench.catalogue) is None


def test_an_open_recipe_that_lacks_writes_is_a_reason_to_build(bench):
    bench.put()
    bench.build()
    assert record_recipe(bench.catalogue, RECIPE).number == 2
    record_release(bench.catalogue, 2, "second", seq=0, actor="test")
    builder = bench.builder(now=lambda: "2026-01-05T03:00:00.000+00:00")
    assert builder.reason() is None
    keep_on_standby(bench.catalogue, 2, until_at="9999", since_at="2026")
    assert "recipe 2" in builder.reason()
    record_release(bench.catalogue, 2, "third", seq=bench.catalogue.sequence(), actor="test")
    assert builder.reason() is None
