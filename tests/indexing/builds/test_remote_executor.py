from itertools import count

import pytest
import redis

from indexing.builds import remote_executor
from indexing.builds.remote_executor import LOST_SECONDS, WINDOWS, WorkerExecutor
from indexing.builds.tasks import EmbedTask, ShardTask, TaskRunner
from indexing.catalogue.database import Database
from indexing.errors import BuildCancelled, BuildFailed
from indexing.records import Document, Partition, Passage
from indexing.settings import Settings
from indexing.snapshots.shard_layout import ShardInput
from indexing.storage.factory import open_storage
from tests.support.migrated_catalogue import place_catalogue


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Hands:
    """Stands for Redis: which blocks wait, which are held, and how often each was taken."""

    def __init__(self):
        self.queued, self.held, self.taken = 0, False, {}
        self.before_look = lambda: None

    def take_failures(self, job):
        self.before_look()  # each look at what was handed out begins with this question
        return {}

    def waiting(self, queue):
        return self.queued

    def takes(self, job):
        return self.taken

    def is_held(self, name):
        return self.held


class Sent(list):
    def send_task(self, task, args, queue):
        self.append(args[1])


class Site:
    """An executor with a clock, the hands that blocks may be in, what was sent, said and recorded."""

    def __init__(self, path, catalogue):
        self.clock, self.hands, self.sent, self.said, self.done = Clock(), Hands(), Sent(), [], set()
        self.recorded = []
        self.storage = open_storage(path)
        settings = Settings(home=path, redis_url="redis://127.0.0.1:1/0")
        runner = TaskRunner(self.storage, sessions=1)
        runner.is_done = lambda block: block.name in self.done
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(remote_executor, "Leases", lambda *given: self.hands)
            patch.setattr(remote_executor, "make_celery", lambda *given: self.sent)
            self.executor = WorkerExecutor(settings, self.storage, catalogue, runner, 1, on_wait=self.said.append)


@pytest.fixture
def site(tmp_path, monkeypatch):
    catalogue = Database(place_catalogue(tmp_path / "catalogue.db"))
    made = Site(tmp_path, catalogue)
    monkeypatch.setattr(remote_executor, "time", made.clock)
    monkeypatch.setattr(remote_executor, "record_task", lambda *values: made.recorded.append(values))
    monkeypatch.setattr(remote_executor, "require_not_cancelled", lambda *values: None)
    yield made
    catalogue.close()


def embed(text):
    return EmbedTask("m@1", "int8", "view", (text,))


def shard(name):
    passage = Passage("d", 0, 0, 4, "text", (), "text")
    item = ShardInput(Partition("t", "c"), Document("d", "", "text", "", {}), [passage])
    return ShardTask(name, "view", "english", (item,), (), ())


BLOCK = embed("text")
NAME = f"{BLOCK.kind}-{BLOCK.name}"
"""What it is called where it is handed out."""


@pytest.fixture
def looks(site):
    """Hands a block out, and looks after it until it is done: how often it was sent, after each look.

    Before each look so many seconds go by, and what is said of the hands that it may be in is so.
    """

    def look(*steps):
        counts, script = [], iter(steps)

        def next_look():
            if BLOCK.name not in site.done:
                counts.append(len(site.sent))
            seconds, hands = next(script, (0, None))
            if hands is None:
                site.done.add(BLOCK.name)
                return
            site.clock.now += seconds
            for name, value in hands.items():
                setattr(site.hands, name, value)

        site.hands.before_look = next_look
        assert list(site.executor.run([BLOCK])) == [BLOCK]
        return counts[1:]

    return look


def test_a_block_that_is_waiting_or_held_is_sent_once(looks):
    waiting, held = {"queued": 1}, {"queued": 0, "held": True}
    assert looks((5, waiting), (5, waiting), (5, waiting), (5, held), (5, held)) == [1] * 5


def test_a_redis_that_forgets_again_and_again_says_nothing_about_a_block(looks, site):
    assert looks(*[(5, {})] * 51)[-1] > 20
    assert [(name, state, attempts) for _, _, name, _, state, attempts, _ in site.recorded] == [(NAME, "done", 1)]


def test_a_block_is_sent_again_only_when_it_stays_missing(looks):
    # Its holder has just renewed the lease that Redis had forgotten.
    renewed = [(0, {}), (5, {}), (0.5, {"held": True})]
    assert looks(*renewed, (0, {"held": False}), (0.5, {}), (0.6, {})) == [1, 1, 1, 1, 1, 2]


def test_a_block_whose_worker_died_is_sent_again_while_others_wait(looks, site):
    died = {"taken": {NAME: 1}}
    assert looks((0, {"queued": 9}), (5, died), (2, {}), (5, {}), (5, {})) == [1, 1, 2, 2, 2]
    assert [values[5] for values in site.recorded] == [2]


def test_a_block_that_loses_ten_workers_fails_the_build_by_name(looks):
    with pytest.raises(BuildFailed, match=f"Task {NAME} failed 10 times.*10 workers died while doing it"):
        looks(*((2, {"taken": {NAME: turn // 3}}) for turn in range(100)))


class Enough(Exception):
    pass


@pytest.mark.parametrize(("make", "window"), [(embed, 64), (shard, 4)])
def test_few_shards_and_many_blocks_of_vectors_are_handed_out_at_once(site, make, window):
    def stop():
        raise Enough

    site.hands.before_look = stop
    with pytest.raises(Enough):
        list(site.executor.run(make(str(number)) for number in count()))
    assert len(site.storage.list("work/1")) == window == WINDOWS[make("x").kind]


def test_a_shard_that_was_handed_out_is_kept_without_its_documents(site):
    blocks = site.executor.run([shard("one")])
    site.hands.before_look = lambda: site.done.add("one")
    (block,) = blocks
    assert (block.output, block.inputs) == (shard("one").output, ())


def go_on(site, blocks, seconds):
    """Let a run go on for some seconds of its clock."""
    until = site.clock.now + seconds

    def stop_in_time():
        if site.clock.now > until:
            raise Enough

    site.hands.before_look = stop_in_time
    with pytest.raises(Enough):
        list(blocks)
    site.hands.before_look = lambda: None


def test_a_build_names_the_queue_that_nobody_serves_also_in_its_second_half(site):
    site.hands.queued = 1
    site.done.add(embed("a").name)
    assert list(site.executor.run([embed("a")])) == [embed("a")]
    site.clock.now += 100  # the build looks for what comes next
    go_on(site, site.executor.run([shard("one")]), 9)
    assert site.said == []
    go_on(site, site.executor.run([shard("one")]), 30)
    assert len(site.said) == 1
    assert "queue 'indexing' for 10 s" in site.said[0]
    assert "groundwork worker --queues indexing" in site.said[0]


def test_a_build_says_so_when_workers_vanish_in_the_middle(site):
    site.hands.queued = 1
    blocks = site.executor.run([embed("a"), embed("b")])
    site.done.add(embed("a").name)
    assert next(blocks) == embed("a")
    go_on(site, blocks, 30)
    assert ["'embedding'" in message for message in site.said] == [True]


def test_a_build_is_silent_while_a_worker_has_a_long_block_in_hand(site):
    site.hands.held = True
    go_on(site, site.executor.run([embed("a")]), 30)
    assert site.said == []


def test_a_cancelled_build_stops_and_takes_its_blocks_back(site, monkeypatch):
    def cancelled(*values):
        raise BuildCancelled("Job 1 was cancelled")

    monkeypatch.setattr(remote_executor, "require_not_cancelled", cancelled)
    with pytest.raises(BuildCancelled):
        list(site.executor.run([embed("a")]))
    assert site.storage.list("work/1") == []


def test_a_redis_that_stays_lost_fails_the_build_in_a_bounded_time_and_is_told_once(site, caplog):
    def lost(job):
        raise redis.ConnectionError("Error 111 connecting to 127.0.0.1:1. Connection refused.")

    site.hands.take_failures = lost
    began = site.clock.now
    with pytest.raises(BuildFailed, match="Redis at 127.0.0.1:1/0 has not answered for 60 s.*jobs retry 1"):
        list(site.executor.run([embed("text")]))
    assert LOST_SECONDS <= site.clock.now - began < LOST_SECONDS + 5
    assert [record.getMessage() for record in caplog.records] == ["build.redis_lost"]


def test_a_redis_that_comes_back_in_time_is_not_held_against_it(site):
    lost_until = [site.clock.now + LOST_SECONDS - 5, site.clock.now + 2 * LOST_SECONDS - 10]

    def sometimes(job):
        if site.clock.now < lost_until[0]:
            raise redis.ConnectionError("lost")
        if len(lost_until) == 2:
            lost_until.pop(0)
        elif site.clock.now >= lost_until[0]:
            site.done.add(block.name)
        return {}

    block = embed("text")
    site.hands.take_failures = sometimes
    assert list(site.executor.run([block])) == [block]
