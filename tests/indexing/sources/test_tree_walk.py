"""A folder's files are read or skipped by rules that are said."""

import os
from pathlib import Path

import pytest

from indexing.errors import SourceInvalid
from indexing.records import Document
from indexing.sources.ignore_files import globs
from indexing.sources.readers import open_source
from indexing.sources.skipped import LeftOut, Skipped, in_words
from indexing.sources.tree_walk import FileChoice, walk


def made(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return root


def paths(root: Path, choice: FileChoice | None = None) -> list[str]:
    return [entry.path for entry in walk(root, choice).entries]


def test_files_that_are_not_read_are_counted_by_ending(tmp_path: Path) -> None:
    made(tmp_path, "a.md", "b.zz", "d/c.ZZ", "d/LICENSE", "x.png", ".hidden.zz")
    assert walk(tmp_path).skipped == Skipped({".zz": 2, "": 1, ".png": 1}, {})
    assert in_words(walk(tmp_path).skipped) == ["2 .zz not read, 1 without an ending not read, 1 .png not read"]


def test_what_is_left_out_by_default_is_said_and_read_when_asked(tmp_path: Path) -> None:
    made(tmp_path, "a.md", "node_modules/x/b.md", "s/_sources/c.txt", ".git/d.md", ".e.md", ".f/g.md", "h/node_modules")
    found = walk(tmp_path)
    assert [entry.path for entry in found.entries] == ["a.md"]
    assert found.skipped.rules == {
        ".git": LeftOut(0, 1), "_sources": LeftOut(0, 1), "hidden": LeftOut(1, 1), "node_modules": LeftOut(0, 1)
    }  # fmt: skip
    assert in_words(found.skipped)[1:] == [
        ".git: 1 folder", "_sources: 1 folder", "hidden: 1 folder and 1 file", "node_modules: 1 folder"
    ]  # fmt: skip
    everything = walk(tmp_path, FileChoice(all_files=True))
    assert len(everything.entries) == 6
    assert everything.skipped.rules == {}


def test_gitignore_files_name_what_is_left_out_and_the_nearest_decides(tmp_path: Path) -> None:
    made(
        tmp_path, "a.md", "b.txt", "build/c.md", "d/build/e.md", "d/f.md", "d/g.txt", "d/h/i.txt", "d/h/j.md", "k/l.md"
    )
    (tmp_path / ".gitignore").write_text("\ufeff# generated\n/build/\n*.txt\n\nk\n!\n\\\n")
    (tmp_path / "d" / ".gitignore").write_text("!g.txt\nh/j.md\n")
    assert paths(tmp_path) == ["a.md", "d/build/e.md", "d/f.md", "d/g.txt"]
    assert walk(tmp_path).skipped.rules == {"in .gitignore": LeftOut(3, 2)}
    assert len(paths(tmp_path, FileChoice(all_files=True))) == 9


def test_gitignore_files_above_the_folder_count_up_to_its_repository(tmp_path: Path) -> None:
    made(tmp_path, ".git/x", "docs/a.md", "docs/_build/b.md", "generated/c.md", "outside.md")
    (tmp_path / ".gitignore").write_text("_build/\n/generated/\n")
    assert paths(tmp_path / "docs") == ["a.md"]
    assert paths(tmp_path / "generated") == ["c.md"]  # it was asked for by name
    above = made(tmp_path / "no-repository", "in/a.md")
    (above / ".gitignore").write_text("*.md\n")
    (tmp_path / ".git").joinpath("x").unlink()
    (tmp_path / ".git").rmdir()
    assert paths(above / "in") == ["a.md"]


@pytest.mark.parametrize(
    ("root", "file", "name"),
    [
        ("r", "r/.gitignore", ".gitignore"),
        ("r", "r/b/.gitignore", "b/.gitignore"),
        ("r/b", "r/.gitignore", "../.gitignore"),
    ],
)
def test_a_gitignore_that_may_not_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, file: str, name: str
) -> None:
    made(tmp_path, "r/a.md", "r/b/c.md", file)
    (tmp_path / "r" / ".git").mkdir()
    opened = Path.open

    def refused(path: Path, *args: str) -> object:
        if path == tmp_path / file:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args)

    monkeypatch.setattr(Path, "open", refused)
    found = {entry.path: entry.reason for entry in walk(tmp_path / root).entries}
    assert found[name] == "Permission denied: make it readable, since what it names is read meanwhile"
    assert "c.md" in found or "b/c.md" in found
    assert name not in paths(tmp_path / root, FileChoice(all_files=True))


def test_a_gitignore_that_cannot_be_read_names_nothing(tmp_path: Path) -> None:
    made(tmp_path, "a.md", "b/c.md")
    (tmp_path / ".gitignore").mkdir()
    (tmp_path / "b" / ".gitignore").write_bytes(b"\xff\xfe\n\x00\n")
    assert paths(tmp_path) == ["a.md", "b/c.md"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.md"], [], ["a.md", "d/b.md", "d/e/c.md"]),
        (["/d"], [], ["d/b.md", "d/e/c.md", "d/f.txt"]),
        (["d/*.md", "g.txt"], [], ["d/b.md", "g.txt"]),
        (["d/**/*.md", "!d/e/**"], [], ["d/b.md"]),
        ([], ["d/"], ["a.md", "g.txt"]),
        ([], ["*.md", "!a.md"], ["a.md", "d/f.txt", "g.txt"]),
        (["*.md"], ["e"], ["a.md", "d/b.md"]),
    ],
)
def test_include_and_exclude_choose_files(
    tmp_path: Path, include: list[str], exclude: list[str], expected: list[str]
) -> None:
    made(tmp_path, "a.md", "d/b.md", "d/e/c.md", "d/f.txt", "g.txt")
    assert paths(tmp_path, FileChoice(include, exclude)) == expected


def test_what_a_choice_leaves_out_is_said(tmp_path: Path) -> None:
    made(tmp_path, "a.md", "b.txt", "d/c.md", "d/x.png")
    rules = walk(tmp_path, FileChoice(["*.md"], ["d"])).skipped.rules
    assert rules == {"--exclude": LeftOut(0, 1), "not in --include": LeftOut(1, 0)}


@pytest.mark.parametrize("pattern", ["", "  ", "#x", "!", "\\", "/"])
def test_a_pattern_that_names_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(SourceInvalid, match="names no file: expected a pattern"):
        globs("--exclude", ["*.md", pattern])


def test_a_folder_of_which_nothing_is_read_says_what_it_holds(tmp_path: Path) -> None:
    made(tmp_path, "node_modules/a.md", "b.zz")
    with pytest.raises(SourceInvalid, match=r"1 \.zz not read; node_modules: 1 folder"):
        open_source(tmp_path)
    with pytest.raises(SourceInvalid, match="since --include and --exclude choose some"):
        open_source(tmp_path / "node_modules" / "a.md", choice=FileChoice(["*.md"]))


def test_links_to_folders_are_entered_by_no_rule(tmp_path: Path) -> None:
    made(tmp_path, "root/a.md", "outside/b.md")
    os.symlink(tmp_path / "outside", tmp_path / "root" / "link")
    os.symlink(tmp_path / "outside", tmp_path / "root" / "node_modules")
    assert paths(tmp_path / "root") == ["a.md", "link"]


def test_many_endings_are_said_in_sum() -> None:
    words = in_words(Skipped({f".e{n:02}": 1 for n in range(20)} | {".\n": 3}))
    assert words[0].startswith(r"3 '.\n' not read, 1 .e00 not read")
    assert words[0].endswith("9 of 9 other endings not read")


def test_a_source_tells_what_it_skipped_and_where_files_still_are(tmp_path: Path) -> None:
    made(tmp_path, "a.md", "node_modules/b.md")
    source = open_source(tmp_path)
    assert [one.id for one in source.read() if isinstance(one, Document)] == ["a.md"]
    assert source.skipped().rules == {"node_modules": LeftOut(0, 1)}
    assert source.left_out(["a.md", "node_modules/b.md", "gone.md", "node_modules"]) == {"node_modules/b.md"}
