"""What other packages enter is found, and what is installed is looked at once for each group."""

from importlib.metadata import entry_points

import pytest

from indexing import entries
from indexing.entries import entered


def test_what_the_other_halves_enter_is_found():
    assert {entry.name for entry in entered("groundwork.commands")} == {"app", "eval"}
    assert entered("groundwork.nothing_of_the_kind") == ()


def test_what_is_installed_is_looked_at_once_for_each_group(monkeypatch: pytest.MonkeyPatch):
    looks = []

    def looking(group):
        looks.append(group)
        return entry_points(group=group)

    monkeypatch.setattr(entries, "entry_points", looking)
    for group in ("groundwork.one", "groundwork.other", "groundwork.one"):
        entered(group)
    assert looks == ["groundwork.one", "groundwork.other"]
