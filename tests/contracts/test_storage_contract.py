"""What every ``Storage`` promises, whatever stands behind it: add yours to ``STORES`` to hold it to this."""

import hashlib
import itertools
import mmap
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from indexing.errors import AlreadyRunning, ArtefactCorrupt, ArtefactMissing, InvalidInput
from indexing.storage.factory import open_storage
from indexing.storage.store import ArtefactKind, Storage
from tests.support.forked_programs import ForkedPopen

STORES: dict[str, Callable[[Path], Storage]] = {"local": open_storage}
"""Name -> a new, empty store that may use the given folder."""


@pytest.fixture(params=STORES.values(), ids=STORES.keys())
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return request.param(tmp_path / "store")


@pytest.fixture(scope="module", params=STORES.values(), ids=STORES.keys())
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Storage]:
    """Makes a new, empty store at every call, for properties."""
    root, numbers = tmp_path_factory.mktemp("stores"), itertools.count()
    return lambda: request.param(root / str(next(numbers)))


def publish(storage: Storage, name: str, files: dict[str, bytes], *, kind: str = "things", **info: object) -> None:
    with storage.publish(kind, name) as draft:
        for file_name, content in files.items():
            (draft.path / file_name).write_bytes(content)
        draft.info.update(info)


def contents(storage: Storage, name: str, *, kind: str = "things") -> dict[str, bytes]:
    artefact = storage.open(kind, name)
    return {file_name: (artefact.path / file_name).read_bytes() for file_name in artefact.files}


def test_an_artefact_comes_back_with_its_files_facts_sizes_and_sha256(storage: Storage) -> None:
    publish(storage, "one", {"a.bin": b"alpha", "b.bin": b""}, rows=3, nested={"x": [1, None, "é"]})
    artefact = storage.open("things", "one")
    assert (artefact.kind, artefact.name) == ("things", "one")
    assert artefact.info == {"rows": 3, "nested": {"x": [1, None, "é"]}}
    assert artefact.files == {
        "a.bin": {"size_bytes": 5, "sha256": hashlib.sha256(b"alpha").hexdigest()},
        "b.bin": {"size_bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()},
    }
    assert artefact.size_bytes == 5
    assert contents(storage, "one") == {"a.bin": b"alpha", "b.bin": b""}
    assert storage.verify("things", "one") == artefact


def test_nothing_is_seen_of_an_artefact_before_its_block_ends(storage: Storage) -> None:
    with storage.publish("things", "one") as draft:
        (draft.path / "a").write_bytes(b"half")
        assert storage.list("things") == []
        assert not storage.exists("things", "one")
        with pytest.raises(ArtefactMissing, match="things/one"):
            storage.open("things", "one")
    assert storage.list("things") == ["one"]
    assert storage.exists("things", "one")


@pytest.mark.parametrize("failure", [ValueError("bad input"), KeyboardInterrupt(), OSError(5, "I/O error")])
def test_an_exception_in_the_block_publishes_nothing_and_comes_through(
    storage: Storage, failure: BaseException
) -> None:
    with pytest.raises(type(failure)), storage.publish("things", "one") as draft:
        (draft.path / "a").write_bytes(b"half")
        raise failure
    assert storage.list("things") == []
    assert not draft.path.exists()
    publish(storage, "one", {"a": b"whole"})
    assert contents(storage, "one") == {"a": b"whole"}


def test_publishing_a_name_again_keeps_the_first(storage: Storage) -> None:
    publish(storage, "one", {"a": b"first"}, by="first")
    publish(storage, "one", {"a": b"again", "b": b"more"}, by="second")
    assert contents(storage, "one") == {"a": b"first"}
    assert storage.verify("things", "one").info == {"by": "first"}
    assert storage.list("things") == ["one"]


def test_of_many_publishers_of_one_name_exactly_one_wins_whole(storage: Storage) -> None:
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            with storage.publish("things", "one") as draft:
                for name in ("a", "b", "c"):
                    (draft.path / name).write_bytes(bytes([number]) * 1000)
                barrier.wait(timeout=30)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    storage.verify("things", "one")
    found = contents(storage, "one")
    assert sorted(found) == ["a", "b", "c"]
    assert len(set(found.values())) == 1
    assert storage.list("things") == ["one"]


def test_a_kind_may_have_kinds_below_it_and_neither_lists_the_other(storage: Storage) -> None:
    publish(storage, "one", {"a": b"1"}, kind="features/0123")
    publish(storage, "two", {"a": b"2"}, kind="features/4567")
    assert storage.list("features/0123") == ["one"]
    assert storage.list("features/4567") == ["two"]
    assert storage.list("features") == []


def test_a_mapped_file_stays_readable_after_delete(storage: Storage) -> None:
    content = bytes(range(256)) * 64
    publish(storage, "one", {"a": content})
    with (storage.open("things", "one").path / "a").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    storage.delete("things", "one")
    assert not storage.exists("things", "one")
    assert storage.list("things") == []
    assert mapped[:] == content


def test_deleting_what_does_not_exist_is_no_error(storage: Storage) -> None:
    storage.delete("things", "never")
    publish(storage, "one", {"a": b"1"})
    storage.delete("things", "one")
    storage.delete("things", "one")
    assert storage.list("things") == []


def test_a_deleted_name_can_be_published_with_other_content(storage: Storage) -> None:
    publish(storage, "one", {"a": b"old"})
    storage.open("things", "one")
    storage.delete("things", "one")
    publish(storage, "one", {"a": b"new"})
    assert contents(storage, "one") == {"a": b"new"}


@pytest.mark.parametrize("action", ["open", "verify"])
def test_a_missing_artefact_is_named(storage: Storage, action: str) -> None:
    with pytest.raises(ArtefactMissing, match="things/never"):
        getattr(storage, action)("things", "never")


@pytest.mark.parametrize("damage", ["changed", "truncated", "grown", "gone"])
def test_verify_names_a_damaged_file_and_the_next_step(storage: Storage, damage: str) -> None:
    publish(storage, "one", {"good": b"1234", "hurt": b"5678"})
    file = storage.open("things", "one").path / "hurt"
    {
        "changed": lambda: file.write_bytes(b"567x"),
        "truncated": lambda: file.write_bytes(b"567"),
        "grown": lambda: file.write_bytes(b"56789"),
        "gone": file.unlink,
    }[damage]()
    with pytest.raises(ArtefactCorrupt, match=r"hurt.*[Bb]uild again"):
        storage.verify("things", "one")


def test_a_description_has_sizes_and_facts_and_looks_into_no_file(storage: Storage) -> None:
    publish(storage, "one", {"a": b"alpha", "b": b""}, rows=3)
    described = storage.describe("things", "one")
    assert (described.size_bytes, described.info) == (5, {"rows": 3})
    assert described == storage.open("things", "one")
    (described.path / "a").write_bytes(b"alphx")  # of the same size: only who looks inside sees it
    assert storage.describe("things", "one") == described
    with pytest.raises(ArtefactCorrupt):
        storage.verify("things", "one")
    (described.path / "a").write_bytes(b"alp")
    with pytest.raises(ArtefactCorrupt):
        storage.describe("things", "one")
    with pytest.raises(ArtefactMissing, match="things/never"):
        storage.describe("things", "never")


@pytest.mark.parametrize("below", ["", "0123"])
def test_a_sweep_removes_what_killed_publishers_left_and_nothing_else(storage: Storage, below: str) -> None:
    swept = ArtefactKind("things", has_kinds=bool(below))
    kind = swept.below(below) if below else swept
    publish(storage, "whole", {"a": b"1"}, kind=kind)
    assert storage.sweep([swept]) == 0
    with suppress(KeyboardInterrupt), storage.publish(kind, "torn") as draft:
        (draft.path / "a").write_bytes(b"half of a text")
        assert storage.sweep([ArtefactKind("others")]) == 0
        assert storage.sweep([swept]) == 1  # as if the publisher had died here
        assert not draft.path.exists()
        raise KeyboardInterrupt
    assert storage.sweep([swept]) == 0
    assert storage.list(kind) == ["whole"]
    assert contents(storage, "whole", kind=kind) == {"a": b"1"}


def test_a_store_is_the_same_for_everybody_and_no_other_is(fresh: Callable[[], Storage], storage: Storage) -> None:
    identity = storage.identity()
    assert re.fullmatch(r"[0-9a-f]{32}", identity)
    publish(storage, "one", {"a": b"1"})
    storage.delete("things", "one")
    storage.sweep([ArtefactKind("things")])
    assert storage.identity() == identity
    assert len({fresh().identity(), fresh().identity(), identity}) == 3


def test_whoever_asks_first_decides_what_a_store_is_called(
    request: pytest.FixtureRequest, storage: Storage, tmp_path: Path
) -> None:
    barrier = threading.Barrier(8)
    found: list[str] = []

    make = request.node.callspec.params["storage"]

    def ask() -> None:
        opened = make(tmp_path / "store")
        barrier.wait(timeout=30)
        found.append(opened.identity())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [storage.identity()] * 8


def test_an_error_ends_with_the_remedy_of_its_kind_and_of_the_kinds_below(storage: Storage) -> None:
    kind = ArtefactKind("things", remedy="Ask the owner for a new one.", has_kinds=True)
    publish(storage, "one", {"a": b"1"}, kind=kind.below("mine"))
    (below,) = storage.kinds(kind)
    for asked in (kind, below):
        with pytest.raises(ArtefactMissing, match=r"never.*Ask the owner for a new one\.$"):
            storage.open(asked, "never")
    (storage.open(below, "one").path / "a").write_bytes(b"2")
    with pytest.raises(ArtefactCorrupt, match=r"things/mine/one.*Ask the owner for a new one\.$"):
        storage.verify(below, "one")


# Locks


def same_store(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """The store of the fixture ``storage`` as another process opens it."""
    return request.node.callspec.params["storage"](tmp_path / "store")


def test_a_lock_has_one_holder_at_a_time_and_names_its_process(
    request: pytest.FixtureRequest, storage: Storage, tmp_path: Path
) -> None:
    with storage.lock("build"):
        for other in (storage, same_store(request, tmp_path)):
            refused = pytest.raises(AlreadyRunning, match=rf"Another build of this home .*\(process {os.getpid()}\)")
            with refused, other.lock("build"):
                pytest.fail("two holders at once")
    with same_store(request, tmp_path).lock("build"):
        pass


def test_a_refusal_says_what_was_to_be_done(storage: Storage) -> None:
    with (
        storage.lock("models", "registration"),
        pytest.raises(AlreadyRunning, match="Another registration of this home"),
        storage.lock("models", "registration"),
    ):
        pytest.fail("two holders at once")


def test_a_lock_is_free_after_an_error_in_its_block(storage: Storage) -> None:
    with pytest.raises(ValueError, match="stop"), storage.lock("build"):
        raise ValueError("stop")
    with storage.lock("build"):
        pass


def test_locks_of_other_names_and_other_stores_do_not_know_each_other(
    storage: Storage, fresh: Callable[[], Storage]
) -> None:
    with storage.lock("build"), storage.lock("models"), fresh().lock("build"):
        pass


def test_of_many_threads_one_holds_the_lock(storage: Storage) -> None:
    barrier, is_over = threading.Barrier(8), threading.Barrier(8)
    refused: list[AlreadyRunning] = []

    def run() -> None:
        barrier.wait(timeout=30)
        try:
            with storage.lock("build"):
                is_over.wait(timeout=30)
        except AlreadyRunning as error:
            refused.append(error)
            is_over.wait(timeout=30)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7


def test_a_killed_holder_frees_the_lock(request: pytest.FixtureRequest, storage: Storage, tmp_path: Path) -> None:
    maker = request.node.callspec.params["storage"]
    script = (
        f"import sys; from pathlib import Path; from {maker.__module__} import {maker.__qualname__} as make\n"
        "with make(Path(sys.argv[1])).lock('build'): print('held', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "store")]
    with ForkedPopen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning, match=f"process {holder.pid}"), storage.lock("build"):
            pytest.fail("two holders at once")
        holder.kill()
    with storage.lock("build"):
        pass


@pytest.mark.parametrize("name", ["", "../build", "Build", "a b", "a/b", "."])
def test_what_cannot_be_the_name_of_a_lock_is_refused(storage: Storage, name: str) -> None:
    with pytest.raises(InvalidInput, match="is not the name of a lock"), storage.lock(name):
        pytest.fail("held")


def test_locks_are_no_artefacts(storage: Storage) -> None:
    with storage.lock("things"):
        assert storage.list("things") == []
        publish(storage, "one", {"a": b"1"})
    assert storage.list("things") == ["one"]


NAMES = st.sampled_from(["a", "b", "c@1", "12.3"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), NAMES, st.binary(max_size=8)),
        st.tuples(st.just("fail"), NAMES, st.binary(max_size=8)),
        st.tuples(st.just("delete"), NAMES, st.just(b"")),
    ),
    max_size=12,
)


@examples(max_examples=40)
@given(steps=STEPS)
def test_any_sequence_of_steps_equals_a_dict_that_keeps_the_first(
    fresh: Callable[[], Storage], steps: list[tuple[str, str, bytes]]
) -> None:
    storage, model = fresh(), {}
    for step, name, content in steps:
        if step == "publish":
            publish(storage, name, {"file": content})
            model.setdefault(name, content)
        elif step == "fail":
            with pytest.raises(RuntimeError), storage.publish("things", name) as draft:
                (draft.path / "file").write_bytes(content)
                raise RuntimeError
        else:
            storage.delete("things", name)
            model.pop(name, None)
        assert storage.list("things") == sorted(model)
    assert {name: contents(storage, name)["file"] for name in storage.list("things")} == model
