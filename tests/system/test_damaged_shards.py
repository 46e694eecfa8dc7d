"""Bytes that change in files while they are served: never a 500, the damaged shard is named, all others answer."""

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import numpy as np
import pytest

from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.recipes import Approximation
from indexing.snapshots.manifest import read_snapshot
from indexing.snapshots.shard import KIND
from tests.support.forked_programs import ForkedPopen
from tests.support.processes import ROOT, environment, free_port

KEY = "a key for the tests of damage"
HEADERS = {"Authorization": f"Bearer {KEY}"}
FILES = (
    "vectors.faiss",
    "codes.faiss",
    "lists.faiss",
    "lexical.safetensors",
    "passages.safetensors",
    "attributes.safetensors",
)
FLIPS = 8
"""Of each file: enough that most arrays of it are met, few enough for some seconds."""
# What was refused is looked at again at each poll, so that one process serves all flips.
SERVE = (
    "from app.serving import release_pool; release_pool.REPAIRS = release_pool.Backoff(0.0);"
    "from app.server.worker import serve; from indexing.settings import Settings; serve(Settings())"
)
WORDS = ("red", "green", "blue", "round", "square", "small", "large", "café")


def documents(count, chance):
    for number in range(count):
        text = " ".join(chance.choice(WORDS, 12))
        allow = ("ann", "bob") if number % 3 == 0 else None
        yield Document(f"d{number:04}", f"Title {number}", text, f"https://x/{number}", {"n": number % 7}, allow=allow)


@pytest.fixture
def damaged_home(tiny_home, monkeypatch):
    """Collections in shards of their own: ``exact`` with codes, ``approximate`` with lists, and ``whole``."""
    monkeypatch.setattr("indexing.snapshots.shard_writer.SQ8_ROWS", 20)
    chance = np.random.default_rng(0)
    for name, count in (("exact", 40), ("approximate", 300), ("whole", 40)):
        put_documents(tiny_home.catalogue, Partition(DEFAULT_TENANT, name), documents(count, chance))
    recipe = replace(
        default_recipe(tiny_home),
        shard_rows=40,
        approximation=Approximation(above_rows=250, shard_rows=10_000, min_recall=0.1),
    )
    report = build(prepare_build(tiny_home, recipe))
    shards = read_snapshot(tiny_home.storage, report.release.snapshot).shards
    names = {part.collection: shard.name for shard in shards for part in shard.facts.partitions}
    assert len(set(names.values())) == len(names) == 3
    return tiny_home, {name: tiny_home.path / KIND / shard for name, shard in names.items()}


class Served:
    """One process that serves a home, and what tests ask of it."""

    def __init__(self, home, log):
        self.log, port = log, free_port()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=30)
        values = environment(home=home.path, port=port, api_key=KEY, sessions=1, poll_seconds=0.02)
        with log.open("wb") as stream:
            self.process = ForkedPopen(
                [sys.executable, "-c", SERVE], stdout=stream, stderr=stream, cwd=ROOT, env=values
            )
        self.until(lambda: self.client.get("/readyz").status_code == 200)

    def until(self, is_true):
        for _ in range(1500):
            try:
                if is_true():
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.02)
        raise AssertionError(self.log.read_text()[-3000:])

    def broken(self):
        return self.client.get("/readyz").json()["broken_shards"]

    def ask(self, collection, path="/v1/search", **body):
        return self.client.post(path, json={"collection": collection, "query": "red round café", **body})

    def ask_all(self, collection):
        """Searches that together read every file of a collection's shard."""
        yield self.ask(collection, k=50, principals=["ann"])
        yield self.ask(collection, k=300, group_by_document=False, mode="lexical", principals=["bob"])
        yield self.ask(collection, k=50, mode="dense")
        yield self.ask(collection, k=50, filters={"type": "gte", "key": "n", "value": 1})
        yield self.ask(collection, "/v1/context", k=50)


@contextmanager
def serving(home, tmp_path):
    served = Served(home, tmp_path / "serve.log")
    try:
        yield served
    finally:
        served.client.close()
        served.process.terminate()
        served.process.wait(timeout=30)


@contextmanager
def flipped(path, offset, bit=0):
    """One bit is another while the block runs; as with a failing disk, the file system knows of no change."""
    stat = path.stat()
    with path.open("r+b", buffering=0) as file:
        (byte,) = os.pread(file.fileno(), 1, offset)
        os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), offset)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        try:
            yield
        finally:
            os.pwrite(file.fileno(), bytes([byte]), offset)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_flipped_bit_in_any_file_gives_no_500_and_disturbs_no_other_collection(damaged_home, tmp_path):
    home, folders = damaged_home
    refused, answered = set(), 0
    with serving(home, tmp_path) as served:
        for file in FILES:
            chance = np.random.default_rng(FILES.index(file))
            collection = "approximate" if file == "lists.faiss" else "exact"
            path = folders[collection] / file
            shard = path.parent.name
            for _ in range(FLIPS):
                offset, bit = int(chance.integers(path.stat().st_size)), int(chance.integers(8))
                with flipped(path, offset, bit):
                    for answer in served.ask_all(collection):
                        where = f"{file} at {offset}, bit {bit}: {answer.text[:300]}"
                        assert answer.status_code in (200, 503), where
                        if answer.status_code == 503:
                            assert answer.json()["error"] == "ArtefactCorrupt", where
                            assert shard in answer.json()["message"], where
                            assert served.broken().keys() == {shard}, where
                            refused.add(file)
                        answered += answer.status_code == 200
                    other = served.ask("whole", k=50)
                    assert other.status_code == 200, f"{file} at {offset}, bit {bit}: {other.text[:300]}"
                served.until(lambda: served.broken() == {})
            assert all(answer.status_code == 200 for answer in served.ask_all(collection)), file
        assert served.process.poll() is None
    assert {"passages.safetensors", "vectors.faiss"} <= refused
    assert answered > FLIPS


def test_a_damaged_shard_is_not_served_again_before_it_is_whole(damaged_home, tmp_path):
    home, folders = damaged_home
    path = folders["exact"] / "passages.safetensors"
    with serving(home, tmp_path) as served:
        assert served.ask("exact", k=50).status_code == 200
        record = path.read_bytes().index(b'"Title 1"')  # its quote, without which the record is no JSON
        with flipped(path, record):
            first = served.ask("exact", k=50, group_by_document=False)
            assert (first.status_code, first.json()["error"]) == (503, "ArtefactCorrupt")
            assert path.parent.name in first.json()["message"]
            assert "groundwork snapshots verify" in first.json()["message"]
            served.until(lambda: "sha256" in served.broken().get(path.parent.name, ""))  # opened anew, and verified
            for _ in range(20):
                answer = served.ask("exact", k=1)
                assert answer.status_code == 503
                assert path.parent.name in answer.json()["message"]
            assert served.ask("approximate", k=5).status_code == 200
            assert served.ask("nowhere").status_code == 404
        served.until(lambda: served.broken() == {})
        assert served.ask("exact", k=50).status_code == 200
