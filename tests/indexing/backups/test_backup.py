"""A backup is the home of one moment; restored, it is that home to the byte, or it is refused."""

import os
import shutil
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from indexing.backups import backup as module
from indexing.backups.backup import MARKER_FILE, back_up, files_kept
from indexing.backups.copying import copy_artefact
from indexing.backups.manifest import MANIFEST_FILE, read_manifest
from indexing.backups.restore import restore
from indexing.catalogue.home_secrets import SEQUENCE_TOKENS, home_secret
from indexing.errors import AlreadyRunning, ArtefactCorrupt, GroundworkError, InvalidInput, NotFound, StorageFull
from indexing.home import default_key, open_home
from indexing.releases.gate import POLICY_FILE
from indexing.releases.release import list_releases
from indexing.settings import Settings
from indexing.snapshots.manifest import read_snapshot, verify_snapshot
from tests.support.fresh_home import OTHER_LANGUAGE, FreshHome, article
from tests.support.tiny_model import add_tiny

PARTS = ("models", "shards", "snapshots", "features", "evaluations")


@pytest.fixture(scope="module")
def built_once(tmp_path_factory, tiny_files):
    """The folder of a home with a model, two releases that share shards, an evaluation and a key."""
    with closing(FreshHome(tmp_path_factory.mktemp("built") / "home")) as made:
        add_tiny(made.home, tiny_files, "m")
        default_key(made.home)
        made.put(*(article(f"a{i}") for i in range(6)))
        made.build()
        made.put(article("new"))
        made.build()
        (made.path / "evaluations" / "judgements").mkdir(parents=True)
        (made.path / "evaluations" / "one.json").write_text('{"record": {}}')
        (made.path / "evaluations" / "judgements" / "two.json").write_text('{"samples": []}')
    return made.path


@pytest.fixture
def fresh(built_once, tmp_path):
    """A copy of that home, whose files a test may damage."""
    shutil.copytree(built_once, tmp_path / "home")
    with closing(FreshHome(tmp_path / "home")) as made:
        yield made


def files_of(root, *parts):
    """Every file below some folders with its content, but what is only remembered of a host."""
    paths = [path for part in parts or [""] for path in sorted((root / part).rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths if "seen" not in path.parts}


def one_of_each(folder):
    """A file of each name in each folder of a backup, and every file that is no artefact and no marker."""
    names = [name for name in files_of(folder) if not name.endswith((".lock", MARKER_FILE))]
    return {(name.partition("/")[0], name.rpartition("/")[2]): name for name in names}.values()


def restored(folder, path):
    restore(folder, Settings(home=path))
    return path


def rows_of(path):
    home = open_home(Settings(home=path), create=False)
    try:
        tables = [row["name"] for row in home.catalogue.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: list(home.catalogue.rows(f"SELECT * FROM {name}")) for name in tables}
    finally:
        home.close()


def test_a_restored_home_is_the_one_that_was_backed_up_to_the_byte(fresh, tmp_path):
    report = back_up(fresh.home, tmp_path / "backup")
    again = restored(tmp_path / "backup", tmp_path / "again")
    assert files_of(again, *PARTS) == files_of(fresh.path, *PARTS)
    assert (again / "api-key").read_bytes() == (fresh.path / "api-key").read_bytes()
    assert rows_of(again) == rows_of(fresh.path)
    assert (report.documents, report.releases, report.damaged) == (7, 2, {})
    assert report.copied == report.artefacts
    home = open_home(Settings(home=again), create=False)
    for release in list_releases(home.catalogue):
        assert verify_snapshot(home.storage, read_snapshot(home.storage, release.snapshot)) == {}
    assert home.storage.identity() != fresh.home.storage.identity()
    home.close()


def test_a_restored_home_has_the_policy_of_its_gates(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "before")
    assert not (restored(tmp_path / "before", tmp_path / "without") / POLICY_FILE).exists()
    (fresh.path / POLICY_FILE).write_text("level: 0.01")
    back_up(fresh.home, tmp_path / "backup")
    assert (restored(tmp_path / "backup", tmp_path / "again") / POLICY_FILE).read_text() == "level: 0.01"


def test_only_its_owner_may_read_a_backups_folder_and_its_catalogue_and_keys(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup")
    again = restored(tmp_path / "backup", tmp_path / "again")
    secrets = [*(tmp_path / "backup" / "files").iterdir(), tmp_path / "backup" / MANIFEST_FILE]
    secrets += [again / "catalogue.db", again / "api-key"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700


def test_the_same_folder_again_gets_only_what_is_new_and_loses_what_is_gone(fresh, tmp_path):
    folder = tmp_path / "backup"
    first = back_up(fresh.home, folder)
    assert back_up(fresh.home, folder).copied == 0
    fresh.put(article("newer"))
    fresh.build()
    second = back_up(fresh.home, folder)
    assert 0 < second.copied < first.copied
    gone = fresh.home.storage.list("features/" + os.listdir(fresh.path / "features")[0])[0]
    fresh.home.storage.delete(fresh.home.storage.kinds("features")[0], gone)
    third = back_up(fresh.home, folder)
    assert (third.copied, third.removed) == (0, 1)
    assert len(list((folder / "files").iterdir())) == len(read_manifest(folder).files)
    assert files_of(restored(folder, tmp_path / "again"), *PARTS) == files_of(fresh.path, *PARTS)


def test_vectors_can_be_left_out(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup", with_features=False)
    again = restored(tmp_path / "backup", tmp_path / "again")
    assert not (again / "features").exists()
    assert files_of(again, "shards") == files_of(fresh.path, "shards")


def test_what_is_written_and_built_meanwhile_is_not_in_it(fresh, tmp_path):
    before = rows_of(fresh.path)
    steps = []

    def meanwhile(stage, done, total):
        steps.append(done)
        if done == 1:  # the catalogue is copied, and the first of the artefacts
            fresh.put(article("later"), article("a0", salt="changed"))
            fresh.remove("a1")
            fresh.build()
            fresh.build(OTHER_LANGUAGE)

    back_up(fresh.home, tmp_path / "backup", on_progress=meanwhile)
    again = restored(tmp_path / "backup", tmp_path / "again")
    assert steps == list(range(1, len(steps) + 1))
    assert rows_of(again) == before
    assert rows_of(fresh.path) != before


def test_a_block_of_vectors_that_a_build_merges_away_meanwhile_is_not_missed(fresh, tmp_path):
    (kind,) = fresh.home.storage.kinds("features")
    last = fresh.home.storage.list(kind)[-1]

    def meanwhile(stage, done, total):
        fresh.home.storage.delete(kind, last)

    report = back_up(fresh.home, tmp_path / "backup", on_progress=meanwhile)
    assert report.damaged == {}
    assert f"{kind}/{last}" not in files_of(tmp_path / "backup")
    restored(tmp_path / "backup", tmp_path / "again")


def test_a_block_of_vectors_that_is_merged_away_while_it_is_read_is_not_missed(fresh, tmp_path, monkeypatch):
    (kind,) = fresh.home.storage.kinds("features")
    last = fresh.home.storage.list(kind)[-1]
    back_up(fresh.home, tmp_path / "backup")
    read_bytes = Path.read_bytes

    def merged_after_its_manifest(path):
        content = read_bytes(path)
        if path == fresh.path / kind / last / "manifest.json":
            fresh.home.storage.delete(kind, last)
        return content

    monkeypatch.setattr(Path, "read_bytes", merged_after_its_manifest)
    report = back_up(fresh.home, tmp_path / "backup")
    assert (report.damaged, report.kept, report.removed) == ({}, {}, 1)
    assert not (tmp_path / "backup" / kind / last).exists()


def lose(path, how):
    """Take an artefact of a home away, or make it one that is not whole."""
    if how == "removed":
        shutil.rmtree(path)
        return
    file = next(file for file in sorted(path.iterdir()) if file.name != "manifest.json")
    content = (path / "manifest.json").read_bytes()
    if how == "truncated":
        os.truncate(file, file.stat().st_size - 1)
    elif how == "no manifest":
        (path / "manifest.json").unlink()
    elif how == "other bytes":
        file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    elif how == "other manifest":  # it promises what its file does not hold
        (path / "manifest.json").write_bytes(content.replace(b'"sha256": "', b'"sha256": "0', 1))


@pytest.mark.parametrize("how", ["removed", "truncated", "no manifest", "other bytes", "other manifest"])
@pytest.mark.parametrize("part", ["models", "shards", "snapshots"])
def test_a_backup_keeps_what_the_home_lost_since(fresh, tmp_path, part, how):
    folder, whole = tmp_path / "backup", tmp_path / "whole"
    back_up(fresh.home, folder)
    shutil.copytree(fresh.path, whole)
    name = fresh.home.storage.list(part)[0]
    lose(fresh.path / part / name, how)
    for is_thorough in (False, True, False):
        report = back_up(fresh.home, folder, is_thorough=is_thorough)
        assert (report.damaged, report.copied, report.removed) == ({}, 0, 0)
        # Other bytes of the same size are found where a file is read, and that is not needed to have it kept.
        assert list(report.kept) == [f"{part}/{name}"] or how == "other bytes"
    assert read_manifest(folder).damaged == {}
    assert restore(folder, Settings(home=tmp_path / "again")).damaged == {}
    assert files_of(tmp_path / "again", *PARTS) == files_of(whole, *PARTS)


def test_a_damaged_block_of_vectors_is_kept_and_one_that_was_removed_is_not(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup")
    (kind,) = fresh.home.storage.kinds("features")
    first, *_, last = fresh.home.storage.list(kind)
    lose(fresh.path / kind / first, "truncated")
    fresh.home.storage.delete(kind, last)
    report = back_up(fresh.home, tmp_path / "backup")
    assert (list(report.kept), report.damaged, report.removed) == ([f"{kind}/{first}"], {}, 1)


def test_what_neither_the_home_nor_the_backup_holds_whole_is_named_and_stays_as_it_is(fresh, tmp_path):
    folder = tmp_path / "backup"
    back_up(fresh.home, folder)
    name = fresh.home.storage.list("shards")[0]
    lose(folder / "shards" / name, "other bytes")
    before = files_of(folder, f"shards/{name}")
    for how in ("other manifest", "removed"):
        lose(fresh.path / "shards" / name, how)
        report = back_up(fresh.home, folder, is_thorough=True)
        assert (list(report.damaged), report.kept, report.removed) == ([f"shards/{name}"], {}, 0)
        assert files_of(folder, f"shards/{name}") == before
    assert list(restore(folder, Settings(home=tmp_path / "again")).damaged) == [f"shards/{name}"]


def test_a_snapshot_that_says_what_none_can_does_not_replace_the_one_that_was_backed_up(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup")
    before = files_of(tmp_path / "backup", "snapshots", "shards")
    first, second = fresh.home.storage.list("snapshots")
    wrong = (fresh.path / "snapshots" / second / "snapshot.json").read_bytes()
    fresh.home.storage.delete("snapshots", first)
    with fresh.home.storage.publish("snapshots", first) as draft:
        (draft.path / "snapshot.json").write_bytes(wrong)
    report = back_up(fresh.home, tmp_path / "backup")
    assert (list(report.kept), report.damaged) == ([f"snapshots/{first}"], {})
    assert files_of(tmp_path / "backup", "snapshots", "shards") == before


class Stopped(BaseException):
    """Stands for a kill."""


def stop_after(count):
    def progress(stage, done, total):
        if done == count:
            raise Stopped

    return progress


def test_an_interrupted_first_backup_is_refused_and_the_next_goes_on_from_it(fresh, tmp_path):
    with pytest.raises(Stopped):
        back_up(fresh.home, tmp_path / "backup", on_progress=stop_after(3))
    with pytest.raises(NotFound, match="holds no finished backup"):
        restore(tmp_path / "backup", Settings(home=tmp_path / "again"))
    assert not (tmp_path / "again").exists()
    report = back_up(fresh.home, tmp_path / "backup")
    assert report.copied == report.artefacts - 3
    assert rows_of(restored(tmp_path / "backup", tmp_path / "again")) == rows_of(fresh.path)


def test_an_interrupted_later_backup_leaves_the_one_before_whole(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup")
    before = rows_of(fresh.path)
    fresh.put(article("newer"))
    fresh.build()
    with pytest.raises(Stopped):
        back_up(fresh.home, tmp_path / "backup", on_progress=stop_after(5))
    assert rows_of(restored(tmp_path / "backup", tmp_path / "again")) == before


def test_a_byte_that_changed_in_any_file_of_a_backup_is_found_and_nothing_stays(fresh, tmp_path):
    folder, target = tmp_path / "backup", tmp_path / "again"
    back_up(fresh.home, folder)
    names = one_of_each(folder)
    assert len(names) > 12
    for name in names:
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
        with pytest.raises(GroundworkError):
            restore(folder, Settings(home=target))
        assert not target.exists(), name
        (folder / name).write_bytes(whole)
    restored(folder, target)


def test_a_file_that_a_backup_lacks_is_found_and_nothing_stays(fresh, tmp_path):
    folder, target = tmp_path / "backup", tmp_path / "again"
    back_up(fresh.home, folder)
    target.mkdir()
    for name in one_of_each(folder):
        (folder / name).rename(tmp_path / "aside")
        with pytest.raises(GroundworkError):
            restore(folder, Settings(home=target))
        assert list(target.iterdir()) == [], name
        (tmp_path / "aside").rename(folder / name)
    restored(folder, target)


def test_a_thorough_backup_mends_what_changed_in_the_folder(fresh, tmp_path):
    folder = tmp_path / "backup"
    back_up(fresh.home, folder)
    path = next((folder / "shards").glob("*/*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    assert back_up(fresh.home, folder).copied == 0
    assert back_up(fresh.home, folder, is_thorough=True).copied == 1
    restored(folder, tmp_path / "again")


def test_what_the_home_does_not_hold_whole_is_named_and_the_rest_is_backed_up(fresh, tmp_path):
    name = next(iter(fresh.home.storage.list("shards")))
    path = next((fresh.path / "shards" / name).glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    report = back_up(fresh.home, tmp_path / "backup")
    assert list(report.damaged) == [f"shards/{name}"]
    assert "differs from what its manifest promises" in report.damaged[f"shards/{name}"]
    found = restore(tmp_path / "backup", Settings(home=tmp_path / "again"))
    assert found.damaged == report.damaged
    assert not (tmp_path / "again" / "shards" / name).exists()


def test_a_damaged_catalogue_is_no_backup(fresh, tmp_path):
    with fresh.home.catalogue.write() as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET rootpage = 3 WHERE name = 'releases'")
    with pytest.raises(GroundworkError):
        back_up(fresh.home, tmp_path / "backup")
    assert not (tmp_path / "backup" / MANIFEST_FILE).exists()


def test_a_home_that_is_not_empty_is_not_restored_into(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup")
    before = files_of(fresh.path)
    with pytest.raises(InvalidInput, match="is not empty: give another --home"):
        restore(tmp_path / "backup", Settings(home=fresh.path))
    assert files_of(fresh.path) == before
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="is not empty"):
        restore(tmp_path / "backup", Settings(home=tmp_path / "file"))


def test_a_folder_with_something_else_or_anothers_backup_is_refused(fresh, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(InvalidInput, match="is not empty and holds no backup"):
        back_up(fresh.home, tmp_path / "other")
    back_up(fresh.home, tmp_path / "backup")
    again = open_home(Settings(home=restored(tmp_path / "backup", tmp_path / "again")))
    with pytest.raises(InvalidInput, match="is the backup of another home"):
        back_up(again, tmp_path / "backup")
    again.close()


@pytest.mark.parametrize("place", ["home/backup", "home", "."])
def test_a_folder_within_the_home_or_around_it_is_refused(fresh, tmp_path, place):
    with pytest.raises(InvalidInput, match="lie within each other"):
        back_up(fresh.home, tmp_path / place)


def test_what_removes_files_waits_for_a_backup_and_the_other_way_round(fresh, tmp_path):
    def meanwhile(stage, done, total):
        with pytest.raises(AlreadyRunning, match="Another backup"), files_kept(fresh.home):
            pass

    back_up(fresh.home, tmp_path / "backup", on_progress=meanwhile)
    with files_kept(fresh.home), pytest.raises(AlreadyRunning, match="garbage collection or erasure"):
        back_up(fresh.home, tmp_path / "backup")


def test_a_full_disk_is_one_sentence_and_the_next_backup_goes_on(fresh, tmp_path, monkeypatch):
    count = 0

    def filling(*arguments):
        nonlocal count
        count += 1
        if count > 4:
            raise OSError(28, "No space left on device")
        return copy_artefact(*arguments)

    monkeypatch.setattr(module, "copy_artefact", filling)
    with pytest.raises(StorageFull, match="run the command again"):
        back_up(fresh.home, tmp_path / "backup")
    monkeypatch.setattr(module, "copy_artefact", copy_artefact)
    report = back_up(fresh.home, tmp_path / "backup")
    assert report.copied == report.artefacts - 4


def test_a_newer_format_is_refused(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup")
    path = tmp_path / "backup" / MANIFEST_FILE
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(GroundworkError, match="this version reads format 1"):
        restore(tmp_path / "backup", Settings(home=tmp_path / "again"))


@pytest.mark.parametrize("path", ["../outside", "/etc/outside", "a/../../b", "", "a//b"])
def test_a_backup_that_was_made_to_write_elsewhere_is_refused(fresh, tmp_path, path):
    back_up(fresh.home, tmp_path / "backup")
    manifest = read_manifest(tmp_path / "backup")
    files = (*manifest.files, replace(manifest.files[0], path=path))
    (tmp_path / "backup" / MANIFEST_FILE).write_bytes(module.manifest_bytes(replace(manifest, files=files)))
    with pytest.raises(ArtefactCorrupt, match="not a path within a home"):
        restore(tmp_path / "backup", Settings(home=tmp_path / "again"))


def fresh_file_system(path):
    """A folder as a new ext4 file system shows it to the superuser."""
    (path / "lost+found").mkdir(parents=True, mode=0o700)
    return path


def test_a_fresh_file_system_takes_a_backup_and_a_restored_home(fresh, tmp_path):
    folder, target = fresh_file_system(tmp_path / "disk"), fresh_file_system(tmp_path / "other disk")
    back_up(fresh.home, folder)
    assert back_up(fresh.home, folder).copied == 0
    assert rows_of(restored(folder, target)) == rows_of(fresh.path)
    assert (folder / "lost+found").is_dir()


def test_a_restore_that_fails_leaves_a_fresh_file_system_as_it_was(fresh, tmp_path):
    folder, target = tmp_path / "backup", fresh_file_system(tmp_path / "disk")
    back_up(fresh.home, folder)
    next((folder / "shards").glob("*/*.safetensors")).write_bytes(b"")
    with pytest.raises(ArtefactCorrupt):
        restore(folder, Settings(home=target))
    assert [path.name for path in target.iterdir()] == ["lost+found"]
    assert (target / "lost+found").is_dir()


def test_a_lost_and_found_that_only_the_superuser_reads_is_the_file_systems(fresh, tmp_path, monkeypatch):
    target, iterdir = fresh_file_system(tmp_path / "disk"), Path.iterdir

    def refusing(path):
        if path.name == "lost+found":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refusing)
    back_up(fresh.home, target)


def test_what_was_found_on_a_file_system_is_not_overlooked(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup")
    target = fresh_file_system(tmp_path / "disk")
    (target / "lost+found" / "#12").write_text("mine")
    with pytest.raises(InvalidInput, match="is not empty"):
        back_up(fresh.home, target)
    with pytest.raises(InvalidInput, match="is not empty"):
        restore(tmp_path / "backup", Settings(home=target))


def test_a_restored_home_reads_no_sequence_token_of_the_one_that_was_backed_up(fresh, tmp_path):
    secret = home_secret(fresh.home.catalogue, SEQUENCE_TOKENS)
    other = home_secret(fresh.home.catalogue, "another")
    back_up(fresh.home, tmp_path / "backup")
    secrets = set()
    for name in ("again", "once more"):
        home = open_home(Settings(home=restored(tmp_path / "backup", tmp_path / name)), create=False)
        secrets.add(home_secret(home.catalogue, SEQUENCE_TOKENS))
        assert home_secret(home.catalogue, "another") == other
        home.close()
    assert len(secrets | {secret}) == 3
    assert home_secret(fresh.home.catalogue, SEQUENCE_TOKENS) == secret


def test_a_restored_home_keeps_what_the_umask_takes(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup")
    before = os.umask(0o077)
    try:
        again = restored(tmp_path / "backup", tmp_path / "again")
    finally:
        os.umask(before)
    found = {stat.S_IMODE(path.stat().st_mode) for path in (again, *again.rglob("*"))}
    assert found == {0o700, 0o600}


def test_a_backup_moved_elsewhere_is_restored_there(fresh, tmp_path):
    back_up(fresh.home, tmp_path / "backup")
    shutil.move(tmp_path / "backup", tmp_path / "moved")
    assert rows_of(restored(tmp_path / "moved", tmp_path / "again")) == rows_of(fresh.path)
