"""Whatever happens in whatever order, each process finds what a plain dictionary says, by every open recipe."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.live.write_queue import OTHERS_SECONDS
from tests.support.fresh_home import OTHER_LANGUAGE, OTHER_VECTORS, OURS, RECIPE, THEIRS, FreshHome, article

NAMES = st.sampled_from(["a", "b", "c/ü", "d", "e"])
PARTITIONS = st.sampled_from([OURS, THEIRS])
RECIPES = [RECIPE, OTHER_LANGUAGE, OTHER_VECTORS]
WHICH = st.integers(0, 1)


class Writes(RuleBasedStateMachine):
    """``documents`` is what there is now, ``written`` every version that ever was."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.fresh = FreshHome(Path(self.folder.name) / "home")
        self.documents = {OURS: {}, THEIRS: {}}
        self.written = {OURS: {}, THEIRS: {}}
        self.count = 0

    @initialize()
    def begin(self):
        for partition in self.documents:
            for name in ("a", "b", "old"):
                self.write_in(partition, name, 2, None)
        self.fresh.build()
        self.processes = [self.fresh.process(), self.fresh.process()]

    def write_in(self, partition, name, passages, process):
        self.count += 1
        document = article(name, passages, salt=f"v{self.count}")
        if process is None:
            self.fresh.put(document, partition=partition)
        else:
            process.put(document, partition=partition)
        self.written[partition].setdefault(name, set()).add(document.text)
        self.documents[partition][name] = document.text

    @rule(which=WHICH, partition=PARTITIONS, name=NAMES, passages=st.integers(1, 4))
    def write(self, which, partition, name, passages):
        self.write_in(partition, name, passages, self.processes[which])

    @rule(which=WHICH, partition=PARTITIONS, name=st.one_of(NAMES, st.just("old")))
    def delete(self, which, partition, name):
        process = self.processes[which]
        process.remove(name, partition=partition)
        self.documents[partition].pop(name, None)
        for recipe in process.pool.now().releases:
            assert name not in process.texts(partition, recipe)

    @rule(recipe=st.sampled_from(RECIPES))
    def build(self, recipe):
        self.fresh.build(recipe)

    @rule(number=st.integers(1, 3), which=WHICH)
    def deploy(self, number, which):
        known = self.fresh.home.catalogue.row("SELECT 1 FROM releases WHERE recipe = ?", (number,))
        if known is not None:
            self.fresh.deploy(number)
        self.processes[which].pool.refresh()

    @rule(numbers=st.sets(st.integers(1, 3)), which=WHICH)
    def keep_open(self, numbers, which):
        rows = self.fresh.home.catalogue.rows("SELECT DISTINCT recipe FROM releases")
        self.fresh.keep_open(*numbers & {row["recipe"] for row in rows})
        self.processes[which].pool.follow_plan()

    @rule(which=WHICH)
    def refresh(self, which):
        self.processes[which].pool.refresh()

    @rule(which=WHICH)
    def restart(self, which):
        self.processes[which] = self.fresh.process()

    @rule(which=WHICH)
    def catch_up(self, which):
        process = self.processes[which]
        process.settle()
        process.clock.now += 2 * OTHERS_SECONDS
        process.settle()
        for recipe, serving in process.pool.now().releases.items():
            for partition, documents in self.documents.items():
                assert process.texts(partition, recipe) == documents
                for name, text in documents.items():
                    found = process.search(text, partition=partition, mode="lexical", recipe=recipe)
                    assert found[0][0] == name
            assert process.live.reached(serving, OURS) == self.fresh.home.catalogue.sequence()

    @invariant()
    def every_text_found_is_one_that_was_written_whole(self):
        for process in getattr(self, "processes", ()):
            for partition, versions in self.written.items():
                for recipe in process.pool.now().releases:
                    for name, text in process.texts(partition, recipe).items():
                        assert text in versions[name]

    def teardown(self):
        for process in self.processes:
            process.settle()
        self.fresh.close()
        self.folder.cleanup()


TestWrites = Writes.TestCase
TestWrites.settings = settings(max_examples=8, stateful_step_count=25, deadline=None)
