"""What a source holds and does not give."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from indexing.sources.refusals import shown


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many files and folders one rule left out; what is inside a folder is not looked at."""

    files: int = 0
    folders: int = 0


@dataclass(frozen=True, slots=True)
class Skipped:
    """What a source holds and does not give: files by ending that is not read, and files and folders by rule."""

    endings: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, LeftOut] = field(default_factory=dict)


_SHOWN_ENDINGS = 12
"""Endings that are said one by one, the most frequent first. Source: our choice."""


def in_words(skipped: Skipped) -> list[str]:
    """What was skipped, a line each: ``231 .adoc not read``, ``node_modules: 2 folders``."""
    return [*_endings(skipped.endings), *(f"{rule}: {_counted(left)}" for rule, left in skipped.rules.items())]


def _endings(endings: Mapping[str, int]) -> list[str]:
    counted = sorted(endings.items(), key=lambda item: (-item[1], item[0]))
    first, rest = counted[:_SHOWN_ENDINGS], counted[_SHOWN_ENDINGS:]
    said = [f"{count} {shown(ending) if ending else 'without an ending'} not read" for ending, count in first]
    if rest:
        said.append(f"{sum(count for _, count in rest)} of {len(rest)} other endings not read")
    return [", ".join(said)] if said else []


def _counted(left: LeftOut) -> str:
    parts = [(left.folders, "folder"), (left.files, "file")]
    return " and ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in parts if count)
