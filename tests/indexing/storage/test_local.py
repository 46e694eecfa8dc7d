"""Artefacts on a local disk: checked at first sight, whole after a crash, never half-written on a full disk."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexing.errors import ArtefactCorrupt, ArtefactMissing, StorageFull
from indexing.models.registry import KIND as MODELS
from indexing.storage.arrays import write_arrays
from indexing.storage.local import LocalStorage
from indexing.storage.store import MANIFEST, ArtefactKind
from tests.support.forked_programs import ForkedPopen


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "store")


def publish(storage: LocalStorage, name: str = "one", content: bytes = b"content") -> Path:
    with storage.publish("things", name) as draft:
        (draft.path / "file").write_bytes(content)
    return storage.root / "things" / name


def forget(storage: LocalStorage) -> None:
    """Make ``storage`` what it is on a machine that never saw its files."""
    shutil.rmtree(storage.root / "seen")


def test_a_new_store_is_empty_and_writes_nothing_until_the_first_publication(storage: LocalStorage) -> None:
    assert storage.list("things") == []
    assert not storage.exists("things", "one")
    assert not storage.root.exists()


def test_an_exception_leaves_no_temporary_file(storage: LocalStorage) -> None:
    with pytest.raises(ValueError, match="stop"), storage.publish("things", "one") as draft:
        (draft.path / "file").write_bytes(b"half")
        raise ValueError("stop")
    assert list((storage.root / "things").iterdir()) == []


def test_publishing_leaves_only_the_artefact(storage: LocalStorage) -> None:
    publish(storage)
    publish(storage, content=b"another")
    assert [path.name for path in (storage.root / "things").iterdir()] == ["one"]
    assert sorted(path.name for path in (storage.root / "things" / "one").iterdir()) == ["file", MANIFEST]


def test_an_artefact_that_is_deleted_while_it_is_read_is_missing_and_not_corrupt(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes = Path.read_bytes

    def deleted_after_its_manifest(path: Path) -> bytes:
        content = read_bytes(path)
        if path.name == MANIFEST:
            LocalStorage(storage.root).delete("things", "one")
        return content

    for read in (storage.describe, storage.open, storage.verify):
        publish(storage)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "read_bytes", deleted_after_its_manifest)
            with pytest.raises(ArtefactMissing, match="things/one is not in .* any more"):
                read("things", "one")


def test_an_artefact_that_is_deleted_while_its_files_are_hashed_is_missing(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.file_digest

    def deleted_after_its_first_file(*arguments: Any) -> Any:
        found = digest(*arguments)
        LocalStorage(storage.root).delete("things", "one")
        return found

    for read in (storage.open, storage.verify):
        with storage.publish("things", "one") as draft:
            for name in ("first", "second"):
                (draft.path / name).write_bytes(b"content")
        forget(storage)
        with monkeypatch.context() as patched:
            patched.setattr(hashlib, "file_digest", deleted_after_its_first_file)
            with pytest.raises(ArtefactMissing, match="things/one is not in .* any more"):
                read("things", "one")


def test_a_publisher_killed_in_the_middle_leaves_nothing_that_is_listed(storage: LocalStorage) -> None:
    script = (
        "import sys; from pathlib import Path; from indexing.storage.local import LocalStorage\n"
        "with LocalStorage(Path(sys.argv[1])).publish('things', 'one') as draft:\n"
        "    (draft.path / 'file').write_bytes(b'half'); print('writing', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(storage.root)]
    with ForkedPopen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        writer.kill()
    assert storage.list("things") == []
    publish(storage, content=b"whole")
    assert storage.list("things") == ["one"]
    storage.verify("things", "one")


def test_bytes_changed_at_the_same_size_are_refused_at_first_sight(storage: LocalStorage) -> None:
    folder = publish(storage)
    forget(storage)
    (folder / "file").write_bytes(b"CONTENT")
    with pytest.raises(ArtefactCorrupt, match=r"things/one/file is corrupt: sha256 .*Build again"):
        storage.open("things", "one")


def test_an_intact_artefact_is_hashed_once_a_machine(storage: LocalStorage) -> None:
    file = publish(storage) / "file"
    forget(storage)
    storage.open("things", "one")
    # Damage that leaves size, inode and time as they were shows that the second look reads no content.
    before = file.stat()
    with file.open("r+b") as stream:
        stream.write(b"CONTENT")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    storage.open("things", "one")
    with pytest.raises(ArtefactCorrupt):
        storage.verify("things", "one")


def test_publishing_counts_as_the_first_sight(storage: LocalStorage) -> None:
    file = publish(storage) / "file"
    before = file.stat()
    with file.open("r+b") as stream:
        stream.write(b"CONTENT")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    storage.open("things", "one")


def rewrite_in_place(file: Path) -> None:
    before = file.stat()
    with file.open("r+b") as stream:
        stream.write(b"CONTENT")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def replace_keeping_its_time(file: Path) -> None:
    before = file.stat()
    other = file.with_name("other")
    other.write_bytes(b"CONTENT")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)


@pytest.mark.parametrize("damage", [rewrite_in_place, replace_keeping_its_time])
def test_a_rewritten_file_is_hashed_again(storage: LocalStorage, damage: Callable[[Path], None]) -> None:
    file = publish(storage) / "file"
    storage.open("things", "one")
    damage(file)
    with pytest.raises(ArtefactCorrupt, match="things/one/file"):
        storage.open("things", "one")


def test_a_touched_but_equal_file_is_accepted_after_one_more_hash(storage: LocalStorage) -> None:
    file = publish(storage) / "file"
    os.utime(file, ns=(1, 1))
    assert storage.open("things", "one").info == {}


def test_a_refused_artefact_stays_refused(storage: LocalStorage) -> None:
    file = publish(storage) / "file"
    rewrite_in_place(file)
    for _ in range(2):
        with pytest.raises(ArtefactCorrupt):
            storage.open("things", "one")


def test_publishing_again_does_not_vouch_for_the_damaged_first(storage: LocalStorage) -> None:
    rewrite_in_place(publish(storage) / "file")
    publish(storage)
    with pytest.raises(ArtefactCorrupt, match="things/one/file is corrupt"):
        storage.open("things", "one")


@pytest.mark.parametrize("content", [b"12", b"1234567", b""])
def test_a_file_of_another_size_is_named_with_both_sizes(storage: LocalStorage, content: bytes) -> None:
    publish(storage, content=b"123456")
    file = storage.root / "things" / "one" / "file"
    file.write_bytes(content)
    with pytest.raises(ArtefactCorrupt, match=rf"one/file has {len(content)} bytes, promised 6\."):
        storage.open("things", "one")


def test_a_missing_file_is_named(storage: LocalStorage) -> None:
    (publish(storage) / "file").unlink()
    with pytest.raises(ArtefactCorrupt, match=r"one/file is missing"):
        storage.open("things", "one")


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"info": {}}',
        b'{"info": {}, "files": ["file"]}',
        b'{"info": {}, "files": {"file": {}}}',
        b'{"info": {}, "files": {"file": {"size_bytes": null, "sha256": ""}}}',
    ],
)
def test_a_broken_manifest_is_named(storage: LocalStorage, manifest: bytes) -> None:
    folder = publish(storage)
    (folder / MANIFEST).write_bytes(manifest)
    with pytest.raises(ArtefactCorrupt, match=rf"{MANIFEST} is not a manifest.*Build again"):
        storage.open("things", "one")


def test_a_folder_without_manifest_is_no_artefact_and_gives_way_to_one(storage: LocalStorage) -> None:
    (publish(storage) / MANIFEST).unlink()
    assert storage.list("things") == []
    assert not storage.exists("things", "one")
    folder = publish(storage, content=b"again")
    assert (folder / "file").read_bytes() == b"again"
    assert list((storage.root / "things").iterdir()) == [folder]


@pytest.mark.parametrize("name", ["", ".", "..", "../things/one", ".hidden", "a/b"])
def test_what_cannot_be_a_name_is_missing_and_never_looked_for(storage: LocalStorage, name: str) -> None:
    publish(storage)
    with pytest.raises(ArtefactMissing, match="is not the name of an artefact"):
        storage.open("things", name)


def test_a_broken_model_is_not_told_to_be_built_again(storage: LocalStorage) -> None:
    with storage.publish(MODELS, "m@1") as draft:
        (draft.path / "file").write_bytes(b"content")
    (storage.root / "models" / "m@1" / "file").write_bytes(b"CONTENT")
    with pytest.raises(ArtefactCorrupt, match=r"from a backup, or register the model again"):
        storage.open(MODELS, "m@1")


def test_the_manifest_names_everything_and_is_plain_json(storage: LocalStorage) -> None:
    manifest = json.loads((publish(storage) / MANIFEST).read_text())
    assert sorted(manifest) == ["files", "info", "kind", "name"]
    assert (manifest["kind"], manifest["name"]) == ("things", "one")


def test_a_store_whose_markers_cannot_be_written_still_answers_and_says_so(
    storage: LocalStorage, caplog: pytest.LogCaptureFixture
) -> None:
    storage.root.mkdir()
    (storage.root / "seen").write_text("not a folder")
    publish(storage)
    assert storage.open("things", "one").files.keys() == {"file"}
    assert {record.message for record in caplog.records} == {"storage.mark_failed"}


def test_deleting_forgets_that_the_artefact_was_seen(storage: LocalStorage) -> None:
    publish(storage)
    storage.delete("things", "one")
    assert not any(path.is_file() for path in storage.root.rglob("*"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_write_that_finds_no_room_is_storage_full_and_leaves_nothing(storage: LocalStorage, number: int) -> None:
    full = pytest.raises(StorageFull, match=r"No room to write things/one.*free some space")
    with full, storage.publish("things", "one") as draft:
        (draft.path / "file").write_bytes(b"half")
        raise OSError(number, "no room", str(draft.path / "file"))
    assert list((storage.root / "things").iterdir()) == []


def test_other_errors_of_the_disk_come_through_unchanged(storage: LocalStorage) -> None:
    with pytest.raises(PermissionError), storage.publish("things", "one"):
        raise PermissionError(13, "denied")
    assert list((storage.root / "things").iterdir()) == []


def test_a_full_disk_leaves_what_was_there_and_takes_the_artefact_once_there_is_room(small_disk: Path) -> None:
    storage = LocalStorage(small_disk)
    publish(storage, "first", b"x" * 200_000)
    with pytest.raises(StorageFull):
        publish(storage, "second", b"y" * 400_000)
    assert storage.list("things") == ["first"]
    assert not any(path.name.startswith(".") for path in (small_disk / "things").iterdir())
    storage.verify("things", "first")
    storage.delete("things", "first")
    publish(storage, "second", b"y" * 400_000)
    storage.verify("things", "second")


def test_arrays_that_do_not_fit_on_the_disk_are_storage_full(small_disk: Path) -> None:
    storage = LocalStorage(small_disk)
    with pytest.raises(StorageFull), storage.publish("things", "one") as draft:
        write_arrays(draft.path / "file", {"a": np.ones(200_000, np.float32)})


def test_sweeping_removes_drafts_and_what_has_no_manifest_and_leaves_the_rest(storage: LocalStorage) -> None:
    for kind in ("shards", "features/view", "work/1", "models"):
        for name in ("whole", "torn", ".half.1.tmp"):
            (storage.root / kind / name).mkdir(parents=True)
            (storage.root / kind / name / "file").write_bytes(b"x")
        (storage.root / kind / "whole" / "manifest.json").write_bytes(b"{}")
    kinds = [
        ArtefactKind("shards"),
        *(ArtefactKind(name, has_kinds=True) for name in ("features", "work")),
        ArtefactKind("models", may_be_restored=True),
    ]
    assert storage.sweep(kinds) == 7
    left = {str(path.parent.relative_to(storage.root)) for path in storage.root.rglob("file")}
    assert left == {"shards/whole", "features/view/whole", "work/1/whole", "models/whole", "models/torn"}


def test_deleting_removes_the_markers_of_every_host(storage: LocalStorage) -> None:
    publish(storage, "one", b"x")
    publish(storage, "two", b"x")
    other = storage.root / "seen" / "another-host" / "things" / "one"
    other.parent.mkdir(parents=True)
    other.write_text("x")
    (storage.root / "seen" / "no-folder").write_text("x")
    storage.delete("things", "one")
    assert {path.name for path in (storage.root / "seen").rglob("things/*")} == {"two"}
